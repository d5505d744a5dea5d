//! Random histories: uses of keys by all kinds of callers, and the calls that rules compare them
//! with.
//!
//! A seed makes the same history on every run. What must stay true: event ids differ, so that
//! records are copies only where a test doubles them.

use serde_json::{Value, json};

/// Numbers that look random: SplitMix64.
pub struct Rng(pub u64);

impl Rng {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// True in so many cases of a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// The same, to be changed.
    pub fn pick_mut<'a, T>(&mut self, all: &'a mut [T]) -> &'a mut T {
        let at = self.below(all.len());
        &mut all[at]
    }

    /// Puts things into another order.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.below(at + 1));
        }
    }
}

pub const OWN: &str = "111122223333";
const OTHER: &str = "444455556666";
const PLACE: &str = "eu-central-1:111122223333";

/// The services that each key policy gives the key to alone; the last one gives it to all.
pub const POLICIES: [&[&str]; 3] = [&["s3"], &["lambda", "secretsmanager"], &[]];

/// The text of a key policy.
pub fn policy(number: usize) -> String {
    let hosts = POLICIES[number].iter().map(|name| format!("{name}.eu-central-1.amazonaws.com"));
    let hosts: Vec<String> = hosts.collect();
    let mut statement = json!({"Effect": "Allow", "Resource": "*", "Action": "kms:Decrypt",
        "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"}});
    if !hosts.is_empty() {
        statement["Condition"] = json!({"StringEquals": {"kms:ViaService": hosts}});
    }
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

/// A history in the making.
pub struct Maker {
    pub rng: Rng,
    made: Vec<Value>,
    /// Begins of what happens close together; seconds after the start.
    begins: Vec<usize>,
}

/// All records of a history, in no order.
pub fn history(seed: u64) -> Vec<Value> {
    let mut rng = Rng(seed);
    let begins = (0..3).map(|_| rng.below(20) * 86_400 + rng.below(3) * 3_600).collect();
    let mut maker = Maker { rng, made: Vec::new(), begins };
    for _ in 0..15 + maker.rng.below(40) {
        maker.use_of_key();
    }
    for _ in 0..maker.rng.below(18) {
        maker.other();
    }
    while maker.rng.chance(45) {
        maker.burst();
    }
    maker.made
}

impl Maker {
    /// A time close to others, often the second of another record.
    fn time(&mut self) -> usize {
        *self.rng.pick(&self.begins) + self.rng.below(20)
    }

    fn key(&mut self) -> (String, &'static str) {
        let number = self.rng.below(4);
        let account = if number == 3 { OTHER } else { OWN };
        let region = if number == 2 { "us-east-1" } else { "eu-central-1" };
        let id = format!("0000000{number}-1111-4222-8333-444455556666");
        (format!("arn:aws:kms:{region}:{account}:key/{id}"), account)
    }

    /// Adds a record with a time and an id. Records without any id have a second of their own: of
    /// those of one second, the first place counts, which the twin does not know.
    fn add(&mut self, mut record: Value, second: usize, odd: bool) {
        let number = self.made.len();
        let odd = odd && self.rng.chance(12);
        let form = self.rng.below(3);
        let second = if odd && form == 0 { 40_000 + number } else { second };
        let (days, rest) = (second / 86_400, second % 86_400);
        let (hour, minute) = (rest / 3_600, rest / 60 % 60);
        record["eventTime"] =
            json!(format!("2026-10-{:02}T{hour:02}:{minute:02}:{:02}Z", days + 1, rest % 60));
        let (high, low) = (self.rng.next(), self.rng.next());
        let uuid = format!(
            "{:08x}-{number:04x}-4{:03x}-8{:03x}-{:012x}",
            high >> 32,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        );
        match (odd, form) {
            (false, _) => record["eventID"] = json!(uuid),
            (true, 0) => {}
            (true, 1) => record["eventID"] = json!(uuid.to_uppercase()),
            (true, _) => record["eventID"] = json!(format!("event {number}")),
        }
        self.made.push(record);
    }

    fn record(&mut self, source: &str, name: &str, (account, region): (&str, &str)) -> Value {
        let mut record = json!({"eventVersion": "1.11", "eventSource": source, "eventName": name,
            "awsRegion": region, "recipientAccountId": account, "eventType": "AwsApiCall",
            "userIdentity": self.caller(), "sourceIPAddress": "198.51.100.7", "userAgent": "sdk"});
        if self.rng.chance(12) {
            record["errorCode"] = json!("AccessDenied");
        }
        record
    }

    fn caller(&mut self) -> Value {
        let account = *self.rng.pick(&[OWN, OWN, OWN, OTHER]);
        let session = format!("s{}", self.rng.below(5));
        let role = *self.rng.pick(&["app", "writer", "deploy", "aws:ec2-infrastructure"]);
        let issuer = format!("arn:aws:iam::{account}:role/{role}");
        let services = ["rds.amazonaws.com", "cloudtrail.amazonaws.com"];
        let plain = |kind: &str, name: &str| {
            let arn = format!("arn:aws:iam::{account}:{name}");
            json!({"type": kind, "accountId": account, "arn": arn})
        };
        let mut caller = match self.rng.below(10) {
            0 => return json!({"type": "AWSService", "invokedBy": *self.rng.pick(&services)}),
            1 => plain("Root", "root"),
            2 | 3 => plain("IAMUser", "user/ana"),
            _ => json!({"type": "AssumedRole", "accountId": account,
                "arn": format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"),
                "sessionContext": {"sessionIssuer": {"type": "Role", "arn": issuer}}}),
        };
        if self.rng.chance(40) {
            let by = ["s3.amazonaws.com", "lambda.amazonaws.com", "secretsmanager.amazonaws.com"];
            caller["invokedBy"] = json!(self.rng.pick(&[by[0], by[1], by[2], "AWS Internal"]));
        }
        caller
    }

    fn context(&mut self) -> Value {
        let number = self.rng.below(3);
        let object = format!("arn:aws:s3:::bucket-{number}/object-{}", self.rng.below(4));
        let trail = format!("arn:aws:cloudtrail:{PLACE}:trail/main");
        let function = format!("arn:aws:lambda:{PLACE}:function:f{number}");
        match self.rng.below(10) {
            0 | 1 => json!({"aws:s3:arn": object}),
            2 => json!({"aws:cloudtrail:arn": trail, "aws:s3:arn": object}),
            3 => json!({"SecretARN": format!("arn:aws:secretsmanager:{PLACE}:secret:s{number}")}),
            4 | 5 => json!({"PARAMETER_ARN": format!("arn:aws:ssm:{PLACE}:parameter/p{number}")}),
            6 | 7 => {
                json!({"aws:lambda:FunctionArn": function})
            }
            8 => json!({"aws:ebs:id": format!("vol-{number}")}),
            _ => json!({"app": "x"}),
        }
    }

    fn use_of_key(&mut self) {
        let names = [
            "Encrypt",
            "GenerateDataKey",
            "GenerateDataKeyWithoutPlaintext",
            "ReEncrypt",
            "Sign",
            "GenerateMac",
        ];
        let decrypts = self.rng.chance(40);
        let name = if decrypts { "Decrypt" } else { *self.rng.pick(&names) };
        let (key, account) = self.key();
        let recipient = if self.rng.chance(10) { OTHER } else { account };
        let region = key.split(':').nth(3).unwrap_or_default().to_owned();
        let mut record = self.record("kms.amazonaws.com", name, (recipient, &region));
        let alias =
            *self.rng.pick(&["alias/app", "alias/app", "alias/aws/ssm", "alias/aws/lambda"]);
        let named = if self.rng.chance(15) { alias } else { &key };
        let mut request = json!({});
        if name == "ReEncrypt" {
            request["sourceKeyId"] = json!(named);
            request["destinationKeyId"] = json!("alias/other");
            for side in ["sourceEncryptionContext", "destinationEncryptionContext"] {
                if self.rng.chance(70) {
                    request[side] = self.context();
                }
            }
        } else {
            request["keyId"] = json!(named);
            if self.rng.chance(85) {
                request["encryptionContext"] = self.context();
            }
        }
        record["requestParameters"] = request;
        let entry = |arn: &str| json!({"ARN": arn, "type": "AWS::KMS::Key", "accountId": account});
        match self.rng.below(12) {
            0 => {}
            _ if name == "ReEncrypt" => {
                record["resources"] = json!([entry(&key), entry(&self.key().0)])
            }
            _ => record["resources"] = json!([entry(&key)]),
        }
        let second = self.time();
        self.add(record, second, true);
    }

    /// Many objects within ten minutes or little more.
    fn burst(&mut self) {
        let (key, account) = self.key();
        let (caller, context) = (self.caller(), self.context());
        let (begin, step) = (self.time(), 20 + self.rng.below(16));
        for number in 0..18 + self.rng.below(10) {
            let mut record = self.record("kms.amazonaws.com", "Decrypt", (account, "eu-central-1"));
            record["userIdentity"] = caller.clone();
            record["resources"] = json!([{"ARN": key}]);
            let mut context = context.clone();
            context["aws:s3:arn"] = json!(format!("arn:aws:s3:::bucket-0/burst-{number}"));
            record["requestParameters"] = json!({"encryptionContext": context});
            if self.rng.chance(90) {
                record.as_object_mut().unwrap().remove("errorCode");
            }
            self.add(record, begin + number * step, false);
        }
    }

    /// A call that manages a key, a parameter or a function.
    fn other(&mut self) {
        let (key, account) = self.key();
        let region = key.split(':').nth(3).unwrap_or_default().to_owned();
        let names = [
            "PutKeyPolicy",
            "PutKeyPolicy",
            "ScheduleKeyDeletion",
            "DisableKey",
            "CreateGrant",
            "CreateAlias",
        ];
        let number = self.rng.below(3);
        let record = match self.rng.below(10) {
            0 | 1 => self.parameter(number),
            2 | 3 => self.function(number),
            _ => {
                let name = *self.rng.pick(&names);
                let mut record = self.record("kms.amazonaws.com", name, (account, &region));
                record["resources"] = json!([{"ARN": key}]);
                record["requestParameters"] = match name {
                    "PutKeyPolicy" => json!({"keyId": key, "policy": policy(number)}),
                    "CreateAlias" => json!({"targetKeyId": key, "aliasName": "alias/app"}),
                    _ => json!({"keyId": key}),
                };
                record
            }
        };
        let second = self.time();
        self.add(record, second, false);
    }

    fn parameter(&mut self, number: usize) -> Value {
        let mut record = self.record("ssm.amazonaws.com", "PutParameter", (OWN, "eu-central-1"));
        let kind = *self.rng.pick(&["SecureString", "String", "String", "StringList"]);
        let name = match self.rng.chance(30) {
            true => format!("arn:aws:ssm:{PLACE}:parameter/p{number}"),
            false => format!("/p{number}"),
        };
        record["requestParameters"] =
            json!({"name": name, "type": kind, "overwrite": self.rng.chance(80)});
        record
    }

    fn function(&mut self, number: usize) -> Value {
        let name =
            *self.rng.pick(&["CreateFunction20150331", "UpdateFunctionConfiguration20150331v2"]);
        let mut record = self.record("lambda.amazonaws.com", name, (OWN, "eu-central-1"));
        let arn = format!("arn:aws:lambda:{PLACE}:function:f{number}");
        record["responseElements"] = json!({"functionArn": arn});
        if self.rng.chance(30) {
            record["responseElements"]["kMSKeyArn"] = json!(self.key().0);
        }
        record
    }
}
