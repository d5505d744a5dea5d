//! Rules as the public Sigma collections write them load unmodified and match as written.
//!
//! The rules are invented, in that style: lists, wildcards, modifiers, `1 of`, `all of`, filters,
//! comments, members that only humans read.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are tests; clippy knows only functions marked so"
)]

use std::fs;

use keytrail::detect::RuleSet;
use keytrail::detect::case::Case;
use keytrail::detect::loaded::Loaded;
use keytrail::model::level::Level;
use keytrail::record::event::{Event, Marked};
use keytrail::record::kms::View;
use keytrail::record::scan::{self, Index};
use serde_json::json;

const BUCKET: &str = r#"
title: AWS Bucket Protection Removed By Unusual Principal
id: 0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01
related:
    - id: 5f3b1c52-0000-4000-8000-5a1e4f6e9a0f
      type: similar
status: experimental
description: Detects removal of the policy, encryption or public access block of an S3 bucket.
references:
    - https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html
author: Nobody In Particular
date: 2026-01-15
modified: 2026-02-01
tags:
    - attack.defense-evasion
    - attack.t1562.008
logsource:
    product: aws
    service: cloudtrail
detection:
    selection_source:
        eventSource: 's3.amazonaws.com'
    selection_calls:
        eventName:
            - 'DeleteBucketPolicy'
            - 'DeleteBucketEncryption'
            - 'Delete*PublicAccessBlock'
    filter_main_automation:
        userIdentity.arn|contains:
            - ':assumed-role/ci-'
            - ':user/terraform'
    filter_optional_service:
        sourceIPAddress|endswith: '.amazonaws.com'
    condition: all of selection_* and not 1 of filter_*
falsepositives:
    - Clean-up of test buckets
level: medium
"#;

const TOKEN: &str = r#"
title: AWS Federation Token Requested From Command Line
id: 0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a02
status: test
description: |
    Long-lived keys that ask for a token, seen by user agent.
logsource:
    product: aws
    service: cloudtrail
    definition: 'Requirements: management events'
detection:
    selection1:
        eventSource: sts.amazonaws.com
        eventName: GetFederationToken
        userAgent|contains: [aws-cli, 'Boto3/?.']
    selection2:
        - eventName|startswith: GetSession
          errorCode: null
        - additionalEventData.tokens|re: '^[0-9]{3,}$'
    filter:
        userIdentity.accountId:
            - 111122223333  # the lab
            - '444455556666'
    condition: (1 of selection*) and not filter
level: high
"#;

const KEYWORDS: &str = r#"
title: AWS Record Mentions The Canary Key
logsource: {product: aws, service: cloudtrail}
detection:
    keywords:
        - 'canary-key-7'
    condition: keywords
"#;

fn load() -> Loaded {
    let folder = tempfile::TempDir::new().unwrap();
    for (name, text) in [("bucket.yml", BUCKET), ("token.yml", TOKEN), ("canary.yaml", KEYWORDS)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    RuleSet::load(false, &[folder.path().to_owned()], &std::sync::Arc::default())
        .expect("the rules load")
}

/// The titles of the rules that find a record.
fn found(loaded: &Loaded, record: &serde_json::Value) -> Vec<String> {
    let text = record.to_string();
    let mut index = Index::default();
    scan::fastest()(text.as_bytes(), &mut index).unwrap();
    let header = Marked::new(text.as_bytes(), &index).header();
    let event = Event::new(&text, &index);
    let view = View::new(&event);
    let rules = &loaded.rules;
    let hits = rules
        .candidates_of(&header)
        .of(|| Case::of(&view))
        .iter()
        .filter_map(|&rule| rules.check(rule, &event, &view));
    hits.map(|hit| rules.metas()[hit.rule].title.clone()).collect()
}

#[test]
fn they_load_with_their_papers() {
    let loaded = load();
    assert!(loaded.skipped.is_empty(), "{:?}", loaded.skipped);
    let metas = loaded.rules.metas();
    let ids: Vec<&str> = metas.iter().map(|meta| meta.id.as_str()).collect();
    assert_eq!(
        ids,
        ["0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01", "0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a02", "canary"]
    );
    assert_eq!(metas[0].attack(), ["T1562.008"]);
    assert_eq!(metas[1].level, Level::High);
}

#[test]
fn lists_wildcards_and_filters() {
    let loaded = load();
    let record = |source: &str, name: &str, arn: &str| json!({"eventSource": source, "eventName": name, "userIdentity": {"arn": arn}, "sourceIPAddress": "192.0.2.1"});
    let ana = "arn:aws:iam::111122223333:user/ana";
    let bucket = ["AWS Bucket Protection Removed By Unusual Principal"];
    for name in ["DeleteBucketPolicy", "deletebucketencryption", "DeleteAccountPublicAccessBlock"] {
        assert_eq!(found(&loaded, &record("s3.amazonaws.com", name, ana)), bucket, "{name}");
    }
    let terraform = "arn:aws:iam::111122223333:user/terraform";
    for quiet in [
        record("s3.amazonaws.com", "DeleteBucketPolicy", terraform),
        record("s3.amazonaws.com", "DeleteBucketPolicies", ana),
        record("s3express.amazonaws.com", "DeleteBucketPolicy", ana),
        json!({"eventSource": "s3.amazonaws.com", "eventName": "DeleteBucketPolicy",
            "sourceIPAddress": "cloudformation.amazonaws.com"}),
    ] {
        assert!(found(&loaded, &quiet).is_empty(), "{quiet}");
    }
}

#[test]
fn one_of_several_selections() {
    let loaded = load();
    let token = ["AWS Federation Token Requested From Command Line"];
    for record in [
        json!({"eventSource": "sts.amazonaws.com", "eventName": "GetFederationToken", "userAgent": "aws-cli/2.31"}),
        json!({"eventSource": "sts.amazonaws.com", "eventName": "GetFederationToken", "userAgent": "x Boto3/1.40"}),
        json!({"eventSource": "any", "eventName": "GetSessionToken"}),
        json!({"additionalEventData": {"tokens": 12345}, "userIdentity": {"accountId": "777788889999"}}),
    ] {
        assert_eq!(found(&loaded, &record), token, "{record}");
    }
    for quiet in [
        json!({"eventSource": "sts.amazonaws.com", "eventName": "GetFederationToken", "userAgent": "curl"}),
        json!({"eventName": "GetSessionToken", "errorCode": "AccessDenied"}),
        json!({"eventName": "GetSessionToken", "userIdentity": {"accountId": "111122223333"}}),
        json!({"additionalEventData": {"tokens": "12"}}),
    ] {
        assert!(found(&loaded, &quiet).is_empty(), "{quiet}");
    }
}

#[test]
fn keywords_are_sought_everywhere() {
    let loaded = load();
    let record = json!({"eventName": "x", "a": [{"b": ["see CANARY-key-7."]}]});
    assert_eq!(found(&loaded, &record), ["AWS Record Mentions The Canary Key"]);
    assert!(found(&loaded, &json!({"canary-key-7": "a name is no value"})).is_empty());
}
