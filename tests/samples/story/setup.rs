//! What stands before the story begins: keys with tags, and tags of what they encrypt.
//!
//! Without it no use of a key could be compared. Its identifiers are a stream of their own and its
//! files are its own, so that it changes no other record and no other place.

use std::mem;

use serde_json::{Value, json};

use super::incident::create_key;
use super::{ANALYTICS, BACKUP, LAKE, PRODUCTION, SHOP, Slot, Trail};
use crate::ids::Ids;
use crate::record::{Key, Record, compact};
use crate::who::Who;

/// Half an hour before anything else.
const SLOT: Slot = Slot(10, 5, 40);

/// An application and its cost centre.
type Owner = (&'static str, &'static str);
const SHOPS: Owner = ("shop", "4712");
const LAKES: Owner = ("lake", "4720");

/// Makes keys and tags, in both accounts.
pub fn fill(trail: &mut Trail) {
    let others = mem::replace(&mut trail.ids, Ids::of("setup"));
    key(trail, 12, &SHOP, SHOPS);
    key(trail, 14, &BACKUP, SHOPS);
    key(trail, 16, &LAKE, LAKES);
    bucket(trail, 20, (PRODUCTION, "example-shop-data"), SHOPS);
    bucket(trail, 22, (ANALYTICS, "example-lake"), LAKES);
    let tags = tags(SHOPS, ["key", "value"]);
    let parameter = json!({"resourceType": "Parameter", "resourceId": "/shop/db-password",
        "tags": tags});
    call(trail, 24, ("eu-west-1", "ssm", "AddTagsToResource"), parameter);
    let secret = format!("arn:aws:secretsmanager:eu-west-1:{PRODUCTION}:secret:shop/mail-Ab1Cd2");
    let secret = json!({"secretId": secret, "tags": tags});
    call(trail, 26, ("eu-west-1", "secretsmanager", "TagResource"), secret);
    for (secs, region, volume) in [
        (28, "eu-west-1", "vol-0123456789abcdef0"),
        (30, "eu-central-1", "vol-0fedcba9876543200"),
        (32, "eu-central-1", "vol-0fedcba9876543201"),
    ] {
        let params = json!({"resourcesSet": {"items": [{"resourceId": volume}]},
            "tagSet": {"items": tags}});
        call(trail, secs, (region, "ec2", "CreateTags"), params);
    }
    trail.ids = others;
}

/// The deployment of an account.
fn pipeline(account: &'static str) -> Who {
    let (run, ip) = match account {
        PRODUCTION => ("run-398", "203.0.113.90"),
        _ => ("run-77", "203.0.113.92"),
    };
    Who::role(account, "DeployPipeline", run, false, &SLOT.at(-60))
        .from(ip, "APN/1.0 HashiCorp/1.0 Terraform/1.12.2")
}

/// The tags of all that belongs to an application, with the names that a service has for the members.
fn tags((application, cost_center): Owner, [name, value]: [&str; 2]) -> Value {
    let team = format!("{application}-team");
    let all = [
        ("Application", application),
        ("CostCenter", cost_center),
        ("DataClassification", "confidential"),
        ("Environment", "production"),
        ("Owner", team.as_str()),
    ];
    all.into_iter().map(|(tag, text)| json!({name: tag, value: text})).collect()
}

/// A policy that leaves nothing to report: changes take MFA, and use takes an encryption context.
fn policy(account: &str) -> String {
    let root = format!("arn:aws:iam::{account}:root");
    let allow = |sid: &str, who: &str, actions: &[&str]| {
        json!({"Sid": sid, "Effect": "Allow", "Principal": {"AWS": who}, "Action": actions,
            "Resource": "*"})
    };
    let look = allow(
        "Look",
        &root,
        &[
            "kms:DescribeKey",
            "kms:GetKeyPolicy",
            "kms:GetKeyRotationStatus",
            "kms:ListResourceTags",
        ],
    );
    let mut administer = allow(
        "Administer",
        &format!("arn:aws:iam::{account}:role/KeyAdministrator"),
        &[
            "kms:PutKeyPolicy",
            "kms:EnableKey",
            "kms:DisableKey",
            "kms:EnableKeyRotation",
            "kms:RotateKeyOnDemand",
            "kms:ScheduleKeyDeletion",
            "kms:CancelKeyDeletion",
            "kms:TagResource",
        ],
    );
    administer["Condition"] = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
    let mut employ = allow(
        "Use",
        &root,
        &["kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"],
    );
    employ["Condition"] = json!({"StringEquals": {"kms:CallerAccount": account},
        "Null": {"kms:EncryptionContextKeys": "false"}});
    compact(&json!({"Version": "2012-10-17", "Statement": [look, administer, employ]}))
}

/// A new key with tags, a policy and rotation.
fn key(trail: &mut Trail, secs: i64, key: &Key, owner: Owner) {
    let who = pipeline(key.account);
    let create = create_key(trail, &who, &SLOT.at(secs), key, "AWS_KMS")
        .param("tags", tags(owner, ["tagKey", "tagValue"]))
        .param("policy", policy(key.account));
    trail.put(SLOT, &create);
    let on = Record::kms(&mut trail.ids, &who, &SLOT.at(secs + 1), "EnableKeyRotation", key)
        .param("rotationPeriodInDays", 365);
    trail.put(SLOT, &on);
}

/// The tags of a bucket.
fn bucket(trail: &mut Trail, secs: i64, (account, name): (&'static str, &str), owner: Owner) {
    let who = pipeline(account);
    let tags = tags(owner, ["Key", "Value"]);
    let params = json!({"bucketName": name, "Host": format!("{name}.s3.eu-west-1.amazonaws.com"),
        "tagging": "", "Tagging": {"TagSet": {"Tag": tags}}});
    let resource = json!({"accountId": account, "type": "AWS::S3::Bucket",
        "ARN": format!("arn:aws:s3:::{name}")});
    let at = SLOT.at(secs);
    let put = Record::new(&mut trail.ids, &who, &at, "eu-west-1", "s3", "PutBucketTagging")
        .set("requestParameters", params)
        .set("resources", json!([resource]));
    trail.put(SLOT, &put);
}

/// A call of another service in production.
fn call(trail: &mut Trail, secs: i64, what: (&str, &str, &str), params: Value) {
    let (region, service, name) = what;
    let who = pipeline(PRODUCTION);
    let record = Record::new(&mut trail.ids, &who, &SLOT.at(secs), region, service, name)
        .set("requestParameters", params);
    trail.put(SLOT, &record);
}
