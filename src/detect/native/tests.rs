//! Property tests for all detectors: no record makes a detector panic.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Native;
use crate::detect::registry;
use crate::record::event::Event;
use crate::record::kms::View;
use crate::record::scan::{self, Index};

/// Whether each detector finds something, by id.
fn found(record: &Value) -> Vec<&'static str> {
    let text = record.to_string();
    let mut index = Index::default();
    scan::plain::scan(text.as_bytes(), &mut index).expect("an object");
    let event = Event::new(&text, &index);
    let view = View::new(&event);
    let found = |(id, code)| match code {
        // What the detection of a rule must match as well is not asked here.
        Native::Detector(detector) if detector.is_selective() => None,
        Native::Detector(detector) => detector.check(&event, &view).is_some().then_some(id),
        Native::History(_) | Native::WholeLog(_) => None,
    };
    registry::native(&Arc::default()).into_iter().filter_map(found).collect()
}

/// Members that detectors read.
const NAMES: &[&str] = &[
    "eventSelectors",
    "advancedEventSelectors",
    "fieldSelectors",
    "field",
    "equals",
    "notEquals",
    "readWriteType",
    "includeManagementEvents",
    "excludeManagementEventSources",
    "kmsKeyId",
    "KmsKeyId",
    "ModifyEbsDefaultKmsKeyIdRequest",
    "createVolumePermission",
    "add",
    "items",
    "userId",
    "group",
    "valuesToAdd",
    "ServerSideEncryptionConfiguration",
    "Rule",
    "ApplyServerSideEncryptionByDefault",
    "SSEAlgorithm",
    "KMSMasterKeyID",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-copy-source",
    "bucketName",
    "key",
    "x-amz-server-side-encryption",
    "ObjectEncryption",
    "SSE-KMS",
    "KMSKeyArn",
    "filters",
    "values",
    "type",
    "ARN",
    "accountId",
];

/// Generates values that are valid in some members and invalid in most.
fn value() -> impl Strategy<Value = Value> {
    let key = "arn:aws:kms:eu-central-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        prop::sample::select(vec![
            "",
            key,
            "arn:aws:kms:::",
            "444455556666",
            "all",
            "!x",
            "tag-key",
            "aws:kms",
            "AES256",
            "kms.amazonaws.com",
            "eventCategory",
            "Management",
            "false",
            "b/k",
            "%",
            "/%6",
            "?versionId=",
            "\u{e9}",
        ])
        .prop_map(Into::into),
    ];
    let name = prop::sample::select(NAMES);
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_shape_makes_a_detector_fail(
        call in prop::sample::select(vec![
            ("kms", "DisableKey"), ("cloudtrail", "PutEventSelectors"), ("cloudtrail", "CreateEventDataStore"),
            ("cloudtrail", "UpdateTrail"), ("ec2", "ModifyEbsDefaultKmsKeyId"), ("ec2", "ModifySnapshotAttribute"),
            ("rds", "ModifyDBSnapshotAttribute"), ("s3", "PutBucketEncryption"), ("s3", "PutObject"),
            ("s3", "CopyObject"), ("s3", "UpdateObjectEncryption"), ("secretsmanager", "BatchGetSecretValue"),
        ]),
        request in value(), response in value(), resources in value(), identity in value(),
    ) {
        let (source, name) = call;
        found(&json!({
            "eventSource": format!("{source}.amazonaws.com"), "eventName": name,
            "recipientAccountId": "111122223333", "userIdentity": identity,
            "requestParameters": request, "responseElements": response, "resources": resources,
        }));
    }
}

/// A detector must handle any record, not only those that its selection matches.
#[test]
fn the_same_members_of_another_service_are_no_finding() {
    let key = "arn:aws:kms:eu-central-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let record = |source: &str, name: &str| {
        json!({
            "eventSource": source, "eventName": name, "recipientAccountId": "111122223333",
            "requestParameters": {
                "kmsKeyId": key, "x-amz-server-side-encryption-aws-kms-key-id": key,
                "eventSelectors": [{"includeManagementEvents": false}], "valuesToAdd": ["all"],
                "filters": [{"key": "tag-key", "values": ["!x"]}],
            },
        })
    };
    assert_eq!(
        found(&record("cloudtrail.amazonaws.com", "UpdateTrail")),
        ["trail-encryption-changed"]
    );
    assert_eq!(found(&record("s3.amazonaws.com", "PutObject")), ["s3-foreign-key-write"]);
    assert_eq!(
        found(&record("secretsmanager.amazonaws.com", "BatchGetSecretValue")),
        ["secret-read-catch-all"]
    );
    for name in ["UpdateTrail", "PutObject", "BatchGetSecretValue", "PutEventSelectors"] {
        assert!(found(&record("example.amazonaws.com", name)).is_empty(), "{name}");
    }
}
