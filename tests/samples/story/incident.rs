//! What does not happen every day: planned work, the intruder, and the repair.

use serde_json::{Value, json};

use super::{
    ANALYTICS, BACKUP, INTRUDER, PAYMENTS, PRODUCTION, REPORTS, SHOP, STRANGER, Slot, Trail,
};
use crate::record::{Key, Record};
use crate::who::Who;

/// Adds everything out of the ordinary.
pub fn fill(trail: &mut Trail) {
    planned_rotation(trail, Slot(10, 9, 30));
    deployment(trail, Slot(10, 13, 45));
    cross_account_call(trail, Slot(10, 13, 45));
    reconnaissance(trail, Slot(10, 16, 40));
    trail_and_import(trail, Slot(11, 2, 25));
    payments_key(trail, Slot(11, 2, 30));
    rescue(trail, Slot(11, 8, 15));
    cleanup(trail, Slot(11, 8, 15));
}

/// The key administrator, who signs in with MFA just before.
fn maya(since: &str) -> Who {
    Who::role(PRODUCTION, "KeyAdministrator", "maya", true, since).in_console()
}

/// A long-term access key in strange hands.
fn intruder() -> Who {
    Who::user(PRODUCTION, "ci-backup").from("198.51.100.77", "Boto3/1.34.2 md/Botocore#1.34.2")
}

/// A key policy that lets these principals do everything.
fn policy(principals: &[&str]) -> String {
    let arns: Vec<String> = principals.iter().map(|a| format!("arn:aws:iam::{a}:root")).collect();
    let statement = json!({
        "Sid": "Administration", "Effect": "Allow", "Principal": {"AWS": arns},
        "Action": "kms:*", "Resource": "*",
    });
    crate::record::compact(&json!({"Version": "2012-10-17", "Statement": [statement]}))
}

/// PutKeyPolicy as the API takes it.
fn put_policy(trail: &mut Trail, who: &Who, at: &str, key: &Key, principals: &[&str]) -> Record {
    Record::kms(&mut trail.ids, who, at, "PutKeyPolicy", key)
        .param("policyName", "default")
        .param("policy", policy(principals))
        .param("bypassPolicyLockoutSafetyCheck", false)
}

/// CreateKey with its answer.
pub fn create_key(trail: &mut Trail, who: &Who, at: &str, key: &Key, origin: &str) -> Record {
    let state = if origin == "EXTERNAL" { "PendingImport" } else { "Enabled" };
    let metadata = json!({
        "aWSAccountId": key.account, "arn": key.arn(), "keyId": key.id, "keyState": state,
        "enabled": state == "Enabled", "origin": origin, "keySpec": "SYMMETRIC_DEFAULT",
        "keyUsage": "ENCRYPT_DECRYPT", "keyManager": "CUSTOMER", "multiRegion": false,
    });
    Record::kms(&mut trail.ids, who, at, "CreateKey", key)
        .set(
            "requestParameters",
            json!({"origin": origin, "keySpec": "SYMMETRIC_DEFAULT", "keyUsage": "ENCRYPT_DECRYPT",
                "description": "", "multiRegion": false, "bypassPolicyLockoutSafetyCheck": false}),
        )
        .set("responseElements", json!({"keyMetadata": metadata}))
}

/// ScheduleKeyDeletion with its answer.
fn schedule(
    trail: &mut Trail,
    who: &Who,
    at: &str,
    key: &Key,
    (days, date): (u32, &str),
) -> Record {
    Record::kms(&mut trail.ids, who, at, "ScheduleKeyDeletion", key)
        .param("pendingWindowInDays", days)
        .set(
            "responseElements",
            json!({"keyId": key.arn(), "keyState": "PendingDeletion", "deletionDate": date,
                "pendingWindowInDays": days}),
        )
}

/// UpdateTrail with all that can be weakened about a trail.
fn update_trail(trail: &mut Trail, who: &Who, at: &str, strong: bool) -> Record {
    let params = json!({
        "name": "main", "isMultiRegionTrail": strong, "includeGlobalServiceEvents": strong,
        "enableLogFileValidation": strong,
    });
    let mut answer = params.clone();
    answer["trailARN"] = json!(format!("arn:aws:cloudtrail:eu-west-1:{PRODUCTION}:trail/main"));
    answer["s3BucketName"] = json!("example-trail-logs");
    Record::new(&mut trail.ids, who, at, "eu-west-1", "cloudtrail", "UpdateTrail")
        .set("requestParameters", params)
        .set("responseElements", answer)
}

fn planned_rotation(trail: &mut Trail, slot: Slot) {
    let who = maya(&slot.at(30));
    let rotate = Record::kms(&mut trail.ids, &who, &slot.at(90), "RotateKeyOnDemand", &SHOP)
        .set("responseElements", json!({"keyId": SHOP.arn()}));
    trail.put(slot, &rotate);
    let details = json!({"keyId": SHOP.id, "rotationType": "ON_DEMAND", "keyOrigin": "AWS_KMS"});
    let itself = Who::kms_itself(PRODUCTION);
    let rotated = Record::kms(&mut trail.ids, &itself, &slot.at(97), "RotateKey", &SHOP)
        .set("requestParameters", Value::Null)
        .set("eventType", "AwsServiceEvent")
        .set("serviceEventDetails", details)
        .without("requestID");
    trail.put(slot, &rotated);
}

fn deployment(trail: &mut Trail, slot: Slot) {
    let who = Who::role(PRODUCTION, "DeployPipeline", "run-412", false, &slot.at(-60))
        .from("203.0.113.90", "APN/1.0 HashiCorp/1.0 Terraform/1.12.2");
    let create = create_key(trail, &who, &slot.at(150), &REPORTS, "AWS_KMS");
    trail.put(slot, &create);
    let on = Record::kms(&mut trail.ids, &who, &slot.at(152), "EnableKeyRotation", &REPORTS)
        .param("rotationPeriodInDays", 365);
    trail.put(slot, &on);
    let policy = put_policy(trail, &who, &slot.at(153), &REPORTS, &[PRODUCTION]);
    trail.put(slot, &policy);
}

/// One call, a record in each of the two accounts.
fn cross_account_call(trail: &mut Trail, slot: Slot) {
    let caller = Who::role(ANALYTICS, "ReportReader", "quarterly", false, &slot.at(-30))
        .from("203.0.113.61", "Boto3/1.38.12");
    let shared = trail.ids.uuid();
    let params = json!({"encryptionContext": {"report": "q1"},
        "encryptionAlgorithm": "SYMMETRIC_DEFAULT"});
    let ours = Record::kms(&mut trail.ids, &caller, &slot.at(170), "Decrypt", &SHOP)
        .set("requestParameters", params)
        .set("sharedEventID", shared);
    trail.put(slot, &ours);
    let identity = json!({"type": "AWSAccount", "accountId": ANALYTICS,
        "principalId": caller.identity["principalId"]});
    let owner = trail.ids.uuid();
    let theirs = ours
        .set("userIdentity", identity)
        .set("eventID", owner)
        .set("recipientAccountId", PRODUCTION);
    trail.put(slot, &theirs);
}

fn reconnaissance(trail: &mut Trail, slot: Slot) {
    let who = intruder();
    for (secs, region, service, name) in [
        (11, "us-east-1", "sts", "GetCallerIdentity"),
        (19, "us-east-1", "iam", "ListUsers"),
        (24, "eu-west-1", "kms", "ListKeys"),
        (25, "eu-west-1", "kms", "ListAliases"),
        (27, "eu-central-1", "kms", "ListKeys"),
        (33, "eu-west-1", "cloudtrail", "DescribeTrails"),
    ] {
        let mut call = Record::new(&mut trail.ids, &who, &slot.at(secs), region, service, name);
        if name == "ListUsers" {
            let message = format!(
                "User: arn:aws:iam::{PRODUCTION}:user/ci-backup is not authorized to perform: \
                 iam:ListUsers because no identity-based policy allows the iam:ListUsers action"
            );
            call = call.failed("AccessDenied", &message);
        }
        trail.put(slot, &call);
    }
    for (secs, name) in [(41, "DescribeKey"), (44, "GetKeyPolicy"), (47, "GetKeyRotationStatus")] {
        let call = Record::kms(&mut trail.ids, &who, &slot.at(secs), name, &PAYMENTS);
        trail.put(slot, &call);
    }
}

fn trail_and_import(trail: &mut Trail, slot: Slot) {
    let who = intruder();
    let arn = format!("arn:aws:cloudtrail:eu-west-1:{PRODUCTION}:trail/main");
    let refused = format!(
        "User: arn:aws:iam::{PRODUCTION}:user/ci-backup is not authorized to perform: \
         cloudtrail:StopLogging on resource: {arn} with an explicit deny in a service control policy"
    );
    for secs in [14, 29] {
        let at = slot.at(secs);
        let stop = Record::new(&mut trail.ids, &who, &at, "eu-west-1", "cloudtrail", "StopLogging")
            .set("requestParameters", json!({"name": arn}))
            .failed("AccessDenied", &refused);
        trail.put(slot, &stop);
    }
    let weaken = update_trail(trail, &who, &slot.at(66), false);
    trail.put(slot, &weaken);
    let create = create_key(trail, &who, &slot.at(120), &INTRUDER, "EXTERNAL");
    trail.put(slot, &create);
    let token =
        Record::kms(&mut trail.ids, &who, &slot.at(131), "GetParametersForImport", &INTRUDER)
            .param("wrappingAlgorithm", "RSAES_OAEP_SHA_256")
            .param("wrappingKeySpec", "RSA_4096");
    trail.put(slot, &token);
    let import = Record::kms(&mut trail.ids, &who, &slot.at(188), "ImportKeyMaterial", &INTRUDER)
        .param("expirationModel", "KEY_MATERIAL_DOES_NOT_EXPIRE")
        .set("responseElements", json!({"keyId": INTRUDER.arn()}));
    trail.put(slot, &import);
}

fn payments_key(trail: &mut Trail, slot: Slot) {
    let who = intruder();
    let policy = put_policy(trail, &who, &slot.at(70), &PAYMENTS, &[PRODUCTION, STRANGER]);
    trail.put(slot, &policy);
    let off = Record::kms(&mut trail.ids, &who, &slot.at(95), "DisableKeyRotation", &PAYMENTS);
    trail.put(slot, &off);
    let disable = Record::kms(&mut trail.ids, &who, &slot.at(221), "DisableKey", &PAYMENTS);
    trail.put_twice(slot, &disable);
    let window = (7, "Mar 18, 2026, 2:33:58 AM");
    let delete = schedule(trail, &who, &slot.at(238), &PAYMENTS, window);
    trail.put_twice(slot, &delete);
    let refused = format!(
        "User: arn:aws:iam::{PRODUCTION}:user/ci-backup is not authorized to perform: \
         kms:ScheduleKeyDeletion on resource: {} because no resource-based policy allows the \
         kms:ScheduleKeyDeletion action",
        BACKUP.arn()
    );
    let backup =
        schedule(trail, &who, &slot.at(252), &BACKUP, window).failed("AccessDenied", &refused);
    trail.put(slot, &backup);
}

fn rescue(trail: &mut Trail, slot: Slot) {
    let root = Who::root(PRODUCTION, &slot.at(5));
    let login =
        Record::new(&mut trail.ids, &root, &slot.at(5), "us-east-1", "signin", "ConsoleLogin")
            .set("responseElements", json!({"ConsoleLogin": "Success"}))
            .set("additionalEventData", json!({"MFAUsed": "Yes", "MobileVersion": "No"}))
            .set("eventType", "AwsConsoleSignIn");
    trail.put(slot, &login);
    let at = slot.at(40);
    let list = Record::new(&mut trail.ids, &root, &at, "eu-west-1", "kms", "ListAliases");
    trail.put(slot, &list);
    for (secs, name) in [(52, "DescribeKey"), (75, "CancelKeyDeletion"), (88, "EnableKey")] {
        let call = Record::kms(&mut trail.ids, &root, &slot.at(secs), name, &PAYMENTS);
        trail.put(slot, &call);
    }
}

fn cleanup(trail: &mut Trail, slot: Slot) {
    let who = maya(&slot.at(100));
    let policy = put_policy(trail, &who, &slot.at(170), &PAYMENTS, &[PRODUCTION]);
    trail.put(slot, &policy);
    let on = Record::kms(&mut trail.ids, &who, &slot.at(180), "EnableKeyRotation", &PAYMENTS)
        .param("rotationPeriodInDays", 365);
    trail.put(slot, &on);
    let repair = update_trail(trail, &who, &slot.at(200), true);
    trail.put(slot, &repair);
    let revoke =
        Record::new(&mut trail.ids, &who, &slot.at(215), "us-east-1", "iam", "UpdateAccessKey")
            .set("requestParameters", json!({"userName": "ci-backup", "status": "Inactive"}));
    trail.put(slot, &revoke);
    let delete = schedule(trail, &who, &slot.at(240), &INTRUDER, (30, "Apr 10, 2026, 8:19:00 AM"));
    trail.put(slot, &delete);
}
