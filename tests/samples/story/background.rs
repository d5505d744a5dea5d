//! What goes on every day: mostly services that use keys for somebody, and nothing to report.

use serde_json::{Value, json};

use super::{ANALYTICS, BACKUP, LAKE, LOGS, PAYMENTS, PRODUCTION, SHOP, Slot, Trail};
use crate::record::{Key, Record};
use crate::who::Who;

/// Fills the files of slot number `n`.
pub fn fill(trail: &mut Trail, slot: Slot, n: usize) {
    delivery(trail, slot, PRODUCTION, &LOGS, 3);
    delivery(trail, slot, ANALYTICS, &LAKE, 2);
    shop(trail, slot, n);
    payments(trail, slot);
    analytics(trail, slot, n);
    backups(trail, slot, n);
    if (6..18).contains(&slot.1) {
        office(trail, slot, n);
    }
}

/// CloudTrail writes its own files: three of four KMS records of a quiet account.
fn delivery(trail: &mut Trail, slot: Slot, account: &'static str, key: &Key, files: i64) {
    let who = Who::service(account, "cloudtrail.amazonaws.com");
    for file in 0..files {
        let region = ["eu-west-1", "us-east-1", "eu-central-1"][file as usize % 3];
        let path = format!("AWSLogs/{account}/CloudTrail/{region}/2026/03/{:02}", slot.0);
        let name = trail.ids.letters(16);
        let context = json!({
            "aws:cloudtrail:arn": format!("arn:aws:cloudtrail:eu-west-1:{account}:trail/main"),
            "aws:s3:arn": format!("arn:aws:s3:::example-trail-logs/{path}/{name}.json.gz"),
        });
        let shared = trail.ids.uuid();
        let at = slot.at(17 + 83 * file);
        let record = Record::kms(&mut trail.ids, &who, &at, "GenerateDataKey", key)
            .param("keySpec", "AES_256")
            .param("encryptionContext", context)
            .set("sharedEventID", shared);
        // Now and then one is delivered twice.
        if file == 1 && slot == Slot(11, 2, 25) {
            trail.put_twice(slot, &record);
        } else {
            trail.put(slot, &record);
        }
    }
}

/// A call to KMS that a service makes with a caller's rights; Decrypt names no key.
fn mediated(
    trail: &mut Trail,
    slot: Slot,
    secs: i64,
    who: &Who,
    (name, key, context): (&str, &Key, Value),
) {
    let mut params = json!({"encryptionContext": context});
    if name == "Decrypt" {
        params["encryptionAlgorithm"] = json!("SYMMETRIC_DEFAULT");
    } else {
        params["keyId"] = json!(key.arn());
        params["keySpec"] = json!("AES_256");
    }
    let record = Record::kms(&mut trail.ids, who, &slot.at(secs), name, key)
        .set("requestParameters", params);
    trail.put(slot, &record);
}

/// The web shop: objects, parameters, secrets and volumes, all through services.
fn shop(trail: &mut Trail, slot: Slot, n: usize) {
    let app = Who::role(PRODUCTION, "WebShop", "i-0abc1234def567890", false, &slot.at(-1500))
        .from("203.0.113.20", "aws-sdk-java/2.31.9");
    let s3 = app.clone().through("AWS Internal");
    for object in 0..2 + (n as i64 % 3) {
        let arn = format!("arn:aws:s3:::example-shop-data/orders/2026-03-{}/{object}.json", slot.0);
        let context = json!({"aws:s3:arn": arn});
        mediated(trail, slot, 20 + 40 * object, &s3, ("Decrypt", &SHOP, context.clone()));
        if object == 0 {
            mediated(trail, slot, 31, &s3, ("GenerateDataKey", &SHOP, context));
        }
    }
    let parameter = format!("arn:aws:ssm:eu-west-1:{PRODUCTION}:parameter/shop/db-password");
    let at = slot.at(62);
    let get = Record::new(&mut trail.ids, &app, &at, "eu-west-1", "ssm", "GetParameter")
        .set("requestParameters", json!({"name": "/shop/db-password", "withDecryption": true}));
    trail.put(slot, &get);
    mediated(trail, slot, 62, &s3, ("Decrypt", &SHOP, json!({"PARAMETER_ARN": parameter})));

    let secret = format!("arn:aws:secretsmanager:eu-west-1:{PRODUCTION}:secret:shop/mail-Ab1Cd2");
    let at = slot.at(71);
    let get =
        Record::new(&mut trail.ids, &app, &at, "eu-west-1", "secretsmanager", "GetSecretValue")
            .set("requestParameters", json!({"secretId": "shop/mail"}));
    trail.put(slot, &get);
    let manager = app.through("secretsmanager.amazonaws.com");
    let version = trail.ids.uuid();
    let context = json!({"SecretARN": secret, "SecretVersionId": version});
    mediated(trail, slot, 71, &manager, ("Decrypt", &SHOP, context));
    if n % 2 == 1 {
        let ec2 = Who::ec2_infrastructure(PRODUCTION, "i-0abc1234def567890", &slot.at(100));
        let context = json!({"aws:ebs:id": "vol-0123456789abcdef0"});
        mediated(trail, slot, 101, &ec2, ("Decrypt", &SHOP, context));
    }
}

/// The payments service decrypts card tokens itself, unless its key is pending deletion.
fn payments(trail: &mut Trail, slot: Slot) {
    let night = Slot(11, 2, 30);
    let pending = night.at(238)..Slot(11, 8, 15).at(75);
    let app = Who::role(PRODUCTION, "PaymentsApi", "api-1", false, &slot.at(-1200))
        .from("203.0.113.31", "aws-sdk-go-v2/1.38.0");
    let calls: &[i64] = if slot == night { &[30, 205, 262] } else { &[9, 55, 90, 140, 199] };
    for secs in calls {
        let at = slot.at(*secs);
        let context = json!({"purpose": "card-vault", "shard": (secs % 4).to_string()});
        let params =
            json!({"encryptionContext": context, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"});
        let call = Record::kms(&mut trail.ids, &app, &at, "Decrypt", &PAYMENTS)
            .set("requestParameters", params);
        if !pending.contains(&at) {
            trail.put(slot, &call);
            continue;
        }
        let message = format!("{} is pending deletion.", PAYMENTS.arn());
        let call = call.failed("KMSInvalidStateException", &message);
        if slot == night {
            trail.put_twice(slot, &call);
        } else {
            trail.put(slot, &call);
        }
    }
}

/// Analytics reads its own lake, and lists what it has.
fn analytics(trail: &mut Trail, slot: Slot, n: usize) {
    let job = Who::role(ANALYTICS, "NightlyJob", "spark-7", false, &slot.at(-900))
        .from("203.0.113.60", "Boto3/1.38.12");
    let s3 = job.clone().through("AWS Internal");
    let context = json!({"aws:s3:arn": "arn:aws:s3:::example-lake"});
    mediated(trail, slot, 45, &s3, ("Decrypt", &LAKE, context.clone()));
    mediated(trail, slot, 46, &s3, ("GenerateDataKey", &LAKE, context));
    let at = slot.at(44);
    let mut list = Record::new(&mut trail.ids, &job, &at, "eu-west-1", "s3", "ListBuckets");
    list = list.set("requestParameters", json!({"Host": "s3.eu-west-1.amazonaws.com"}));
    trail.put(slot, &list);
    if n.is_multiple_of(3) {
        let at = slot.at(130);
        let list = Record::new(&mut trail.ids, &job, &at, "eu-west-1", "kms", "ListAliases");
        trail.put(slot, &list);
        let describe = Record::kms(&mut trail.ids, &job, &slot.at(131), "DescribeKey", &LAKE);
        trail.put(slot, &describe);
    }
}

/// Backups in another Region: volumes made from snapshots.
fn backups(trail: &mut Trail, slot: Slot, n: usize) {
    let runner = Who::role(PRODUCTION, "BackupRunner", "nightly", false, &slot.at(-600))
        .from("backup.amazonaws.com", "backup.amazonaws.com");
    let at = slot.at(12);
    let snapshots =
        Record::new(&mut trail.ids, &runner, &at, "eu-central-1", "ec2", "DescribeSnapshots")
            .set("requestParameters", json!({"maxResults": 100, "snapshotSet": {}}));
    trail.put(slot, &snapshots);
    let ec2 = runner.through("ec2.amazonaws.com");
    for volume in 0..1 + (n as i64 % 2) {
        let context = json!({"aws:ebs:id": format!("vol-0fedcba98765432{volume:02}")});
        let call = "GenerateDataKeyWithoutPlaintext";
        mediated(trail, slot, 60 + volume, &ec2, (call, &BACKUP, context));
    }
}

/// People at work: sign-ins, roles, instances, lists.
fn office(trail: &mut Trail, slot: Slot, n: usize) {
    let person = ["ana", "jonas", "priya"][n % 3];
    let user = Who::user(PRODUCTION, person).in_console();
    let login =
        Record::new(&mut trail.ids, &user, &slot.at(3), "us-east-1", "signin", "ConsoleLogin")
            .set("responseElements", json!({"ConsoleLogin": "Success"}))
            .set("additionalEventData", json!({"MFAUsed": "Yes", "MobileVersion": "No"}))
            .set("eventType", "AwsConsoleSignIn");
    trail.put(slot, &login);
    let role = format!("arn:aws:iam::{PRODUCTION}:role/Developer");
    let assume = Record::new(&mut trail.ids, &user, &slot.at(25), "us-east-1", "sts", "AssumeRole")
        .set("requestParameters", json!({"roleArn": role, "roleSessionName": person}));
    trail.put(slot, &assume);
    let session = Who::role(PRODUCTION, "Developer", person, true, &slot.at(25)).in_console();
    for (secs, region, service, name) in [
        (40, "us-east-1", "iam", "ListRoles"),
        (52, "us-east-1", "iam", "GetAccountSummary"),
        (80, "eu-west-1", "ec2", "DescribeInstances"),
        (95, "eu-west-1", "ec2", "DescribeVolumes"),
        (120, "eu-west-1", "cloudtrail", "LookupEvents"),
        (140, "eu-west-1", "kms", "ListAliases"),
    ] {
        let call = Record::new(&mut trail.ids, &session, &slot.at(secs), region, service, name);
        trail.put(slot, &call);
    }
    let describe = Record::kms(&mut trail.ids, &session, &slot.at(141), "DescribeKey", &SHOP);
    trail.put(slot, &describe);
}
