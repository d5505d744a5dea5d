//! An invented estate: three weeks of two accounts, a third one outside, and attacks among all that is usual.
//!
//! A seed makes the same estate on every run. It has what makes the sharing of work hard: calls between
//! accounts that both sides record, calls that an endpoint records too, credentials that come out of others,
//! changes that last, trails that deliver late, twice and out of order, and attacks whose steps lie days and
//! accounts apart. What must stay true: event ids differ, but for copies.

use serde_json::{Value, json};

/// The accounts that receive records.
pub const OWN: [&str; 2] = ["111122223333", "444455556666"];
/// One that receives none.
pub const OUTSIDE: &str = "777788889999";
const REGION: &str = "eu-central-1";
const DAYS: i64 = 21;
const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// 2026-10-05T00:00:00Z, in seconds since 1970.
const START: i64 = 1_791_158_400;

/// Numbers that look random: SplitMix64.
pub struct Rng(pub u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn secs(&mut self, end: i64) -> i64 {
        (self.next() % end.unsigned_abs()).cast_signed()
    }

    /// True in so many cases of a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Puts things into another order.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.below(at + 1));
        }
    }

    fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        let (c, d) = (a >> 16 & 0xffff, b & 0xffff_ffff_ffff);
        format!("{:08x}-{c:04x}-4{:03x}-a{:03x}-{d:012x}", a >> 32, a & 0xfff, b >> 52)
    }
}

/// The ARN of a key by its number.
pub fn key(account: &str, number: usize) -> String {
    format!("arn:aws:kms:{REGION}:{account}:key/{number:08x}-12ab-4cd3-a6ef-1234567890ab")
}

/// A role in a session, by the access key that the session's name makes.
fn role(account: &str, name: &str, session: &str) -> Value {
    let access = format!("ASIA{:016X}", session.bytes().fold(7, |a: u64, b| a * 31 + u64::from(b)));
    json!({"type": "AssumedRole", "principalId": format!("AROAEXAMPLE{name}:{session}"), "accountId": account,
        "arn": format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"), "accessKeyId": access,
        "sessionContext": {"attributes": {"mfaAuthenticated": "false", "creationDate": "2026-10-05T00:00:00Z"},
            "sessionIssuer": {"type": "Role", "accountId": account, "userName": name,
                "arn": format!("arn:aws:iam::{account}:role/{name}")}}})
}

fn user(account: &str, name: &str) -> Value {
    json!({"type": "IAMUser", "arn": format!("arn:aws:iam::{account}:user/{name}"), "accountId": account,
        "principalId": format!("AIDAEXAMPLE{name}"), "userName": name, "accessKeyId": format!("AKIA{:0>16}", name.to_uppercase())})
}

/// `who`, by whose credentials a service calls.
fn through(mut who: Value, service: &str) -> Value {
    who["invokedBy"] = json!(service);
    who
}

/// A key policy that gives the key to its account and to others.
fn policy(account: &str, others: &[Value]) -> String {
    let own = json!({"Sid": "own", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": format!("arn:aws:iam::{account}:root")}});
    let statements: Vec<&Value> = std::iter::once(&own).chain(others).collect();
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn lets(who: &str) -> Value {
    json!({"Effect": "Allow", "Action": ["kms:Decrypt", "kms:CreateGrant"], "Resource": "*", "Principal": {"AWS": who}})
}

/// An estate in the making.
pub struct Estate {
    rng: Rng,
    /// Account, time in seconds since 1970, and the record.
    made: Vec<(String, i64, Value)>,
}

/// A call: of which service, in whose trail, when and by whom.
struct Call<'a>(&'a str, &'a str, &'a str, i64, &'a Value);

impl Estate {
    fn add(&mut self, call: Call<'_>, more: Value) {
        let Call(service, name, account, at, who) = call;
        let at = START + at;
        let time = chrono::DateTime::from_timestamp(at, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ");
        let by = who["invokedBy"].as_str();
        let reads =
            ["Get", "List", "Describe", "Decrypt"].iter().any(|verb| name.starts_with(verb));
        let mut record = json!({"eventVersion": "1.11", "userIdentity": who, "eventTime": time.to_string(),
            "eventSource": format!("{service}.amazonaws.com"), "eventName": name, "awsRegion": REGION,
            "sourceIPAddress": by.unwrap_or("198.51.100.20"), "userAgent": by.unwrap_or("Boto3/1.35.60"),
            "requestParameters": null, "responseElements": null, "requestID": self.rng.uuid(),
            "eventID": self.rng.uuid(), "eventType": "AwsApiCall", "managementEvent": true,
            "recipientAccountId": account, "eventCategory": "Management",
            "readOnly": reads});
        for (name, value) in more.as_object().unwrap() {
            record[name] = value.clone();
        }
        self.made.push((account.to_owned(), at, record));
    }

    /// A KMS call that names a key.
    fn kms(&mut self, name: &str, key: &str, (at, who): (i64, &Value), mut more: Value) {
        let owner = key.split(':').nth(4).unwrap();
        let entry = json!({"ARN": key, "accountId": owner, "type": "AWS::KMS::Key"});
        more["resources"] = json!([entry]);
        if more["requestParameters"].is_null() {
            more["requestParameters"] = json!({"keyId": key});
        }
        // Both sides of a call between accounts have a record, if they have a trail.
        let caller = who["accountId"].as_str().unwrap_or(owner).to_owned();
        if caller != owner && OWN.contains(&&*caller) {
            more["sharedEventID"] = json!(self.rng.uuid());
            self.add(Call("kms", name, &caller, at, who), more.clone());
        }
        self.add(Call("kms", name, owner, at, who), more);
    }

    /// A use of a key on something.
    fn uses(&mut self, name: &str, key: &str, when: (i64, &Value), context: Value) {
        self.kms(name, key, when, json!({"requestParameters": {"encryptionContext": context, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"}}));
    }

    fn fails(&mut self, name: &str, key: &str, when: (i64, &Value), error: &str) {
        let text = format!("not authorized to perform: kms:{name} on resource: {key}");
        self.kms(name, key, when, json!({"errorCode": error, "errorMessage": text}));
    }

    /// Keys, aliases, policies, tags and grants of an account.
    fn set_up(&mut self, account: &str) {
        let deploy = role(account, "deploy", "pipeline-1");
        for number in 0..5 {
            let (key, at) = (key(account, number), number as i64 * 7 * MINUTE);
            let tags = json!([{"tagKey": "Owner", "tagValue": "orders"}, {"tagKey": "DataClassification", "tagValue": "internal"}]);
            let made = json!({"description": "orders", "origin": "AWS_KMS", "keySpec": "SYMMETRIC_DEFAULT", "tags": tags});
            let meta = json!({"keyMetadata": {"arn": key, "keyId": key.rsplit('/').next(), "keyState": "Enabled", "origin": "AWS_KMS"}});
            self.kms(
                "CreateKey",
                &key,
                (at, &deploy),
                json!({"requestParameters": made, "responseElements": meta}),
            );
            let alias = format!("alias/prod-orders-app{number}");
            self.kms(
                "CreateAlias",
                &key,
                (at + 5, &deploy),
                json!({"requestParameters": {"aliasName": alias, "targetKeyId": key}}),
            );
            let text =
                policy(account, &[lets(&format!("arn:aws:iam::{account}:role/app{number}"))]);
            self.put_policy(&key, (at + 9, &deploy), &text);
            if number % 2 == 0 {
                self.kms("EnableKeyRotation", &key, (at + 11, &deploy), json!({}));
            }
            let grantee = format!("arn:aws:iam::{account}:role/app{number}");
            self.grant(&key, (at + 13, &deploy), &grantee);
        }
    }

    fn put_policy(&mut self, key: &str, when: (i64, &Value), text: &str) {
        let request = json!({"keyId": key, "policyName": "default", "policy": text, "bypassPolicyLockoutSafetyCheck": false});
        self.kms("PutKeyPolicy", key, when, json!({"requestParameters": request}));
    }

    fn grant(&mut self, key: &str, when: (i64, &Value), grantee: &str) {
        let request = json!({"keyId": key, "granteePrincipal": grantee, "operations": ["Decrypt", "GenerateDataKey"]});
        let id = json!({"grantId": self.rng.uuid(), "keyId": key});
        self.kms(
            "CreateGrant",
            key,
            when,
            json!({"requestParameters": request, "responseElements": id}),
        );
    }

    /// What happens on each day of an account.
    fn day(&mut self, account: &str, day: i64) {
        let trail = json!({"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"});
        let arn = format!("arn:aws:cloudtrail:{REGION}:{account}:trail/org-trail");
        self.uses("GenerateDataKey", &key(account, 4), (day * DAY + 60, &trail),
            json!({"aws:cloudtrail:arn": arn, "aws:s3:arn": format!("arn:aws:s3:::example-logs/AWSLogs/{account}/{day}")}));
        for _ in 0..4 + self.rng.below(4) {
            let number = self.rng.below(4);
            let at = day * DAY + 7 * HOUR + self.rng.secs(9 * HOUR);
            let app = role(
                account,
                &format!("app{number}"),
                &format!("i-0{number}{:02}", self.rng.below(2)),
            );
            self.usual(account, number, (at, &app));
        }
        let at = day * DAY + 4 * HOUR;
        let scanner = role(account, "scanner", "nightly");
        for number in 0..3 {
            self.kms(
                "DescribeKey",
                &key(account, number),
                (at + number as i64, &scanner),
                json!({}),
            );
        }
    }

    /// One of the usual uses of an application.
    fn usual(&mut self, account: &str, number: usize, (at, app): (i64, &Value)) {
        let key = key(account, number);
        let object =
            format!("arn:aws:s3:::example-orders-{number}/2026/{}.parquet", self.rng.below(40));
        match self.rng.below(6) {
            0 | 1 => {
                let s3 = through(app.clone(), "AWS Internal");
                let name = if self.rng.chance(50) { "Decrypt" } else { "GenerateDataKey" };
                self.uses(name, &key, (at, &s3), json!({"aws:s3:arn": object}));
            }
            2 => {
                let secret = format!(
                    "arn:aws:secretsmanager:{REGION}:{account}:secret:orders/db{number}-AbCdEf"
                );
                let request = json!({"requestParameters": {"secretId": secret}});
                self.add(Call("secretsmanager", "GetSecretValue", account, at, app), request);
                let by = through(app.clone(), "secretsmanager.amazonaws.com");
                self.uses("Decrypt", &key, (at, &by), json!({"SecretARN": secret}));
            }
            3 => self.uses("Decrypt", &key, (at, app), json!({"Department": "orders"})),
            4 => {
                let request = json!({"keyId": format!("alias/prod-orders-app{number}"), "keySpec": "AES_256"});
                self.kms("GenerateDataKey", &key, (at, app), json!({"requestParameters": request}));
                // The endpoint records the call as well.
                let of_call = self.made.last().unwrap().2.clone();
                let mut twin = of_call;
                twin["eventType"] = json!("AwsVpceEvent");
                twin["eventCategory"] = json!("NetworkActivity");
                twin["vpcEndpointId"] = json!("vpce-0example");
                twin["eventID"] = json!(self.rng.uuid());
                self.made.push((account.to_owned(), START + at, twin));
            }
            // The other account's key, by its policy.
            _ => {
                let other = if account == OWN[0] { OWN[1] } else { OWN[0] };
                let shared = format!("arn:aws:s3:::example-shared/{}", self.rng.below(9));
                let key = super::estate::key(other, 3);
                self.uses("Decrypt", &key, (at, app), json!({"aws:s3:arn": shared}));
            }
        }
    }

    /// A credential of the first account becomes one of the second, where the audit trail stops before a key
    /// is taken away.
    fn hop(&mut self, at: i64) {
        let (from, to) = (user(OWN[0], "ann"), role(OWN[1], "ops", "ann-hop"));
        let request = json!({"roleArn": format!("arn:aws:iam::{}:role/ops", OWN[1]), "roleSessionName": "ann-hop"});
        let response = json!({"credentials": {"accessKeyId": to["accessKeyId"], "expiration": "later"},
            "assumedRoleUser": {"arn": to["arn"], "assumedRoleId": to["principalId"]}});
        let shared = self.rng.uuid();
        for account in OWN {
            let more = json!({"requestParameters": request, "responseElements": response, "sharedEventID": shared});
            self.add(Call("sts", "AssumeRole", account, at, &from), more);
        }
        let trail = format!("arn:aws:cloudtrail:{REGION}:{}:trail/org-trail", OWN[1]);
        self.add(
            Call("cloudtrail", "StopLogging", OWN[1], at + 5 * MINUTE, &to),
            json!({"requestParameters": {"name": trail}}),
        );
        let taken = key(OWN[1], 0);
        self.kms(
            "ScheduleKeyDeletion",
            &taken,
            (at + 20 * MINUTE, &to),
            json!({"requestParameters": {"keyId": taken, "pendingWindowInDays": 7}}),
        );
        let app = through(role(OWN[1], "app0", "i-0001"), "AWS Internal");
        self.fails("Decrypt", &taken, (at + 2 * HOUR, &app), "KMSInvalidStateException");
        let back = role(OWN[1], "ops", "on-call");
        self.kms("CancelKeyDeletion", &taken, (at + 2 * DAY, &back), json!({}));
    }

    /// A key is opened to an account outside, a snapshot is shared with it, and it uses the key.
    fn leak(&mut self, account: &str, at: i64) {
        let (bob, key) = (user(account, "bob"), key(account, 1));
        self.grant(&key, (at, &bob), &format!("arn:aws:iam::{OUTSIDE}:role/reader"));
        let request = json!({"snapshotId": "snap-0123456789abcdef0", "attributeType": "CREATE_VOLUME_PERMISSION",
            "createVolumePermission": {"add": {"items": [{"userId": OUTSIDE}]}}});
        self.add(
            Call("ec2", "ModifySnapshotAttribute", account, at + 20 * MINUTE, &bob),
            json!({"requestParameters": request}),
        );
        let reader = role(OUTSIDE, "reader", "x");
        for second in 0..4 {
            self.uses(
                "Decrypt",
                &key,
                (at + HOUR + second, &reader),
                json!({"aws:ebs:id": "vol-0abc"}),
            );
        }
        self.kms(
            "ScheduleKeyDeletion",
            &key,
            (at + 3 * DAY, &bob),
            json!({"requestParameters": {"keyId": key, "pendingWindowInDays": 30}}),
        );
    }

    /// Somebody looks around, gives itself a key, and reads with it.
    fn look_and_take(&mut self, account: &str, at: i64) {
        let eve = user(account, "eve");
        for step in 0..24 {
            let name = ["DescribeKey", "GetKeyPolicy", "ListGrants", "ListResourceTags"][step % 4];
            let when = (at + step as i64 * 20, &eve);
            self.fails(name, &key(account, step % 5), when, "AccessDenied");
        }
        let key = key(account, 2);
        self.fails("Decrypt", &key, (at + 20 * MINUTE, &eve), "AccessDenied");
        let tags =
            json!({"keyId": key, "tags": [{"tagKey": "DataClassification", "tagValue": "public"}]});
        self.kms("TagResource", &key, (at + 25 * MINUTE, &eve), json!({"requestParameters": tags}));
        let text = policy(account, &[lets(&format!("arn:aws:iam::{account}:user/eve"))]);
        self.put_policy(&key, (at + 30 * MINUTE, &eve), &text);
        for step in 0..40 {
            let context = json!({"aws:s3:arn": format!("arn:aws:s3:::example-orders-2/{step}")});
            self.uses("Decrypt", &key, (at + 40 * MINUTE + step * 3, &eve), context);
        }
        self.kms("DisableKey", &key, (at + 8 * HOUR, &eve), json!({}));
    }

    /// An alias is moved to a key of the attacker's, and what writes by it follows.
    fn swap(&mut self, account: &str, at: i64) {
        let (bob, own) = (user(account, "bob"), key(account, 9));
        let meta =
            json!({"keyMetadata": {"arn": own, "origin": "EXTERNAL", "keyState": "PendingImport"}});
        let request = json!({"origin": "EXTERNAL", "keySpec": "SYMMETRIC_DEFAULT", "bypassPolicyLockoutSafetyCheck": true});
        self.kms(
            "CreateKey",
            &own,
            (at, &bob),
            json!({"requestParameters": request, "responseElements": meta}),
        );
        let alias = "alias/prod-orders-app3";
        self.kms(
            "UpdateAlias",
            &own,
            (at + 10 * MINUTE, &bob),
            json!({"requestParameters": {"aliasName": alias, "targetKeyId": own}}),
        );
        let app = role(account, "app3", "i-0300");
        for hour in 1..4 {
            let request = json!({"keyId": alias, "keySpec": "AES_256", "encryptionContext": {"order": "4711"}});
            self.kms(
                "GenerateDataKey",
                &own,
                (at + hour * HOUR, &app),
                json!({"requestParameters": request}),
            );
        }
        self.put_policy(
            &own,
            (at + 5 * HOUR, &bob),
            &policy(account, &[lets(&format!("arn:aws:iam::{OUTSIDE}:root"))]),
        );
        self.kms("DeleteImportedKeyMaterial", &own, (at + 30 * HOUR, &bob), json!({}));
    }

    /// Objects of a bucket whose versions nobody keeps any more are written under keys of a stranger.
    fn lock_out(&mut self, account: &str, at: i64) {
        let bob = user(account, "bob");
        let request = json!({"bucketName": "example-orders-1", "VersioningConfiguration": {"Status": "Suspended"}});
        self.add(
            Call("s3", "PutBucketVersioning", account, at, &bob),
            json!({"requestParameters": request}),
        );
        for step in 0..12 {
            let request = json!({"bucketName": "example-orders-1", "key": format!("{step}.parquet"),
                "x-amz-server-side-encryption-customer-algorithm": "AES256"});
            let more = json!({"requestParameters": request, "eventCategory": "Data", "managementEvent": false,
                "resources": [{"type": "AWS::S3::Object", "ARN": format!("arn:aws:s3:::example-orders-1/{step}.parquet")}]});
            self.add(Call("s3", "PutObject", account, at + HOUR + step * 10, &bob), more);
        }
        for number in 1..5 {
            let request = json!({"keyId": key(account, number), "pendingWindowInDays": 7});
            let when = (at + 2 * HOUR + number as i64 * 40, &bob);
            self.kms(
                "ScheduleKeyDeletion",
                &key(account, number),
                when,
                json!({"requestParameters": request}),
            );
        }
    }
}

/// A file as a trail delivers it.
pub struct File {
    /// With the folders of its account, Region and day.
    pub name: String,
    pub records: Vec<Value>,
}

/// All files of an estate, in no order.
pub fn estate(seed: u64) -> Vec<File> {
    let mut all = Estate { rng: Rng(seed), made: Vec::new() };
    for account in OWN {
        all.set_up(account);
        (0..DAYS).for_each(|day| all.day(account, day));
    }
    let evening = |rng: &mut Rng, day: i64| day * DAY + 20 * HOUR + rng.secs(2 * HOUR);
    let at = [9, 11, 13, 15, 17].map(|day| evening(&mut all.rng, day));
    all.hop(at[0]);
    all.leak(OWN[0], at[1]);
    all.look_and_take(OWN[0], at[2]);
    all.swap(OWN[1], at[3]);
    all.lock_out(OWN[1], at[4]);
    deliver(all)
}

/// Deals records to files by account and time of delivery: some come late, some twice.
fn deliver(mut all: Estate) -> Vec<File> {
    let mut files: std::collections::BTreeMap<(String, i64), Vec<Value>> = Default::default();
    for (account, at, record) in all.made {
        let hour = at / (6 * HOUR) + i64::from(all.rng.chance(6)) * all.rng.secs(9);
        if all.rng.chance(5) {
            let later = (account.clone(), hour + 1 + all.rng.secs(9));
            files.entry(later).or_default().push(record.clone());
        }
        files.entry((account, hour)).or_default().push(record);
    }
    let named = |((account, slot), mut records): ((String, i64), Vec<Value>)| {
        all.rng.shuffle(&mut records);
        let time = chrono::DateTime::from_timestamp(slot * 6 * HOUR + 300, 0).unwrap();
        let (day, minute) = (time.format("%Y/%m/%d"), time.format("%Y%m%dT%H%MZ"));
        let name = format!(
            "AWSLogs/{account}/CloudTrail/{REGION}/{day}/{account}_CloudTrail_{REGION}_{minute}_{:016x}.json",
            all.rng.next()
        );
        File { name, records }
    };
    files.into_iter().map(named).collect()
}
