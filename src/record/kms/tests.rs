//! Invented records, one for each pitfall of real records, and any JSON at any member.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::record::scan::{self, Index};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1beff38c-817a-444b-a2c8-d09d8a69ee5a";

/// Hands the view of a record to `check`.
fn view<T>(record: &Value, check: impl FnOnce(View<'_>) -> T) -> T {
    let text = record.to_string();
    let mut index = Index::default();
    scan::plain::scan(text.as_bytes(), &mut index).expect("an object");
    check(View::new(&Event::new(&text, &index)))
}

/// A record of KMS with `members` laid over it.
fn record(members: Value) -> Value {
    let mut record = json!({
        "eventSource": "kms.amazonaws.com", "eventName": "Decrypt", "awsRegion": "eu-west-1",
        "recipientAccountId": "111122223333", "requestParameters": null, "responseElements": null,
        "userIdentity": {"type": "IAMUser", "principalId": "AIDAEXAMPLE", "accountId": "111122223333",
            "arn": "arn:aws:iam::111122223333:user/ana", "accessKeyId": "AKIAEXAMPLE"},
    });
    for (name, value) in members.as_object().unwrap() {
        record[name] = value.clone();
    }
    record
}

fn arns(record: &Value) -> Vec<String> {
    view(record, |view| view.keys().iter().map(|key| key.arn.clone()).collect())
}

#[test]
fn key_arn_in_capitals_small_letters_and_without_type() {
    for entry in [
        json!({"ARN": KEY, "accountId": "111122223333", "type": "AWS::KMS::Key"}),
        json!({"arn": KEY}),
        json!({"ARN": KEY, "accountId": null}),
    ] {
        assert_eq!(arns(&record(json!({"resources": [entry]}))), [KEY]);
    }
    let account = view(&record(json!({"resources": [{"ARN": KEY}]})), |view| view.key_account());
    assert_eq!(account.as_deref(), Some("111122223333"));
}

#[test]
fn other_services_name_the_key_in_places_of_their_own() {
    let default = json!({"ApplyServerSideEncryptionByDefault": {"KMSMasterKeyID": KEY}});
    for request in [
        json!({"kmsKeyId": KEY}),
        json!({"x-amz-server-side-encryption-aws-kms-key-id": KEY}),
        json!({"ServerSideEncryptionConfiguration": {"Rule": default}}),
        json!({"ObjectEncryption": {"SSE-KMS": {"KMSKeyArn": KEY}}}),
        json!({"ModifyEbsDefaultKmsKeyIdRequest": {"KmsKeyId": KEY}}),
    ] {
        let other = json!({"eventSource": "x.amazonaws.com", "requestParameters": request});
        assert_eq!(arns(&record(other)), [KEY], "{request}");
    }
}

#[test]
fn an_alias_entry_is_no_key_though_its_type_is_the_same() {
    let alias = "arn:aws:kms:eu-west-1:111122223333:alias/ledger";
    let record = record(json!({
        "eventName": "DeleteAlias",
        "requestParameters": {"aliasName": "alias/ledger"},
        "resources": [{"ARN": alias, "type": "AWS::KMS::Key"}, {"ARN": KEY, "type": "AWS::KMS::Key"}],
    }));
    view(&record, |view| {
        assert_eq!(view.keys().len(), 1);
        let key = view.key().unwrap();
        assert_eq!((key.arn.as_str(), key.alias.as_deref()), (KEY, Some("alias/ledger")));
    });
}

#[test]
fn the_alias_of_the_request_reads_the_same_by_name_and_by_arn() {
    for spelt in ["alias/aws/ebs", "arn:aws:kms:eu-west-1:111122223333:alias/aws/ebs"] {
        let record =
            record(json!({"requestParameters": {"keyId": spelt}, "resources": [{"ARN": KEY}]}));
        let alias = view(&record, |view| view.key().unwrap().alias);
        assert_eq!(alias.as_deref(), Some("alias/aws/ebs"));
    }
    assert!(arns(&record(json!({"requestParameters": {"keyId": "alias/ledger"}}))).is_empty());
}

#[test]
fn reencrypt_names_source_then_destination() {
    let other = "arn:aws:kms:eu-west-1:444455556666:key/mrk-1234abcd";
    let record = record(json!({
        "eventName": "ReEncrypt",
        "requestParameters": {"sourceKeyId": "alias/old", "destinationKeyId": "alias/new",
            "sourceEncryptionContext": {"a": "1"}, "destinationEncryptionContext": {"a": "1", "b": "2"}},
        "resources": [{"ARN": KEY}, {"ARN": other}, {"ARN": KEY}],
    }));
    view(&record, |view| {
        let keys = view.keys();
        let named: Vec<_> = keys.iter().map(|k| (k.arn.as_str(), k.alias.as_deref())).collect();
        assert_eq!(named, [(KEY, Some("alias/old")), (other, Some("alias/new"))]);
        let pair = |name: &'static str, value: &'static str| (name.into(), value.into());
        assert_eq!(view.context(), [pair("a", "1"), pair("b", "2")]);
    });
}

#[test]
fn a_bare_id_is_completed_and_said_to_be_inferred() {
    for (place, id) in
        [("requestParameters", "mrk-1234abcd"), ("serviceEventDetails", "1beff38c-817a")]
    {
        let record = record(json!({place: {"keyId": id}}));
        view(&record, |view| {
            let key = view.key().unwrap();
            assert_eq!(key.arn, format!("arn:aws:kms:eu-west-1:111122223333:key/{id}"));
            assert!(view.key_is_inferred());
        });
    }
    let china = record(json!({"awsRegion": "cn-north-1", "requestParameters": {"keyId": "a-1"}}));
    assert_eq!(arns(&china), ["arn:aws-cn:kms:cn-north-1:111122223333:key/a-1"]);
    let elsewhere = record(json!({"eventSource": "payment-cryptography.amazonaws.com",
        "requestParameters": {"keyId": "a-1"}}));
    assert!(arns(&elsewhere).is_empty());
}

#[test]
fn responses_name_new_keys() {
    for response in [
        json!({"keyId": KEY}),
        json!({"keyMetadata": {"arn": KEY, "aWSAccountId": "111122223333"}}),
        json!({"replicaKeyMetadata": {"arn": KEY}}),
    ] {
        let record =
            record(json!({"responseElements": response, "requestParameters": {"keyId": "b"}}));
        assert_eq!(arns(&record), [KEY]);
        assert!(!view(&record, |view| view.key_is_inferred()));
    }
}

#[test]
fn actors_are_told_apart() {
    let user = json!({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ana"});
    let with = |name: &str, value: &str| {
        let mut identity = user.clone();
        identity[name] = value.into();
        json!({"userIdentity": identity})
    };
    let infrastructure = "arn:aws:sts::111122223333:assumed-role/aws:ec2-infrastructure/i-0abc";
    let cases = [
        (json!({}), Actor::Direct),
        (with("invokedBy", "AWS Internal"), Actor::Via),
        (with("invokedBy", ""), Actor::Direct),
        (
            json!({"userIdentity": {"type": "AWSService", "invokedBy": "s3.amazonaws.com"}}),
            Actor::Service,
        ),
        (json!({"userIdentity": {"accountId": "1", "invokedBy": "AWS Internal"}}), Actor::Service),
        (json!({"eventType": "AwsServiceEvent"}), Actor::Service),
        (
            json!({"userIdentity": {"type": "AssumedRole", "arn": infrastructure}}),
            Actor::Infrastructure,
        ),
        (json!({"userIdentity": null}), Actor::Direct),
        (json!({"userIdentity": "odd"}), Actor::Direct),
    ];
    for (members, actor) in cases {
        assert_eq!(view(&record(members.clone()), |view| view.actor()), actor, "{members}");
    }
}

#[test]
fn a_role_session_is_its_role() {
    let sts = "arn:aws:sts::111122223333:assumed-role/Admin/ana@example.com";
    let issuer = "arn:aws:iam::111122223333:role/aws-reserved/Admin";
    let mut role = json!({"type": "AssumedRole", "arn": sts, "accountId": "111122223333",
        "sessionContext": {"sessionIssuer": {"arn": issuer}}});
    let principal =
        |role: &Value| view(&record(json!({"userIdentity": role})), |view| view.principal());
    let named = principal(&role);
    assert_eq!(named.arn.as_deref(), Some(issuer));
    assert_eq!(named.session.as_deref(), Some("ana@example.com"));
    assert_eq!(named.mfa, Mfa::Unknown);
    role["sessionContext"] = Value::Null;
    let bare = principal(&role);
    assert_eq!(bare.arn.as_deref(), Some("arn:aws:sts::111122223333:assumed-role/Admin"));
    assert_eq!(bare.mfa, Mfa::Unknown);
}

#[test]
fn a_principal_without_arn_is_its_id_or_its_service() {
    let principal =
        |identity: Value| view(&record(json!({"userIdentity": identity})), |view| view.principal());
    let owner_copy =
        principal(json!({"type": "AWSAccount", "principalId": "AIDA", "accountId": "4"}));
    assert_eq!(owner_copy.arn.as_deref(), Some("AIDA"));
    let service = principal(json!({"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}));
    assert_eq!(service.arn.as_deref(), Some("cloudtrail.amazonaws.com"));
    assert_eq!((service.account, service.mfa), (None, Mfa::NotApplicable));
    let own = principal(json!({"accountId": "111122223333", "invokedBy": "AWS Internal"}));
    assert_eq!(own.kind.as_deref(), Some("AWSService"));
    assert_eq!(own.arn.as_deref(), Some("AWS Internal"));
    for odd in [Value::Null, json!("x"), json!([1]), json!({})] {
        let nobody = principal(odd);
        assert_eq!((nobody.kind, nobody.arn, nobody.mfa), (None, None, Mfa::Unknown));
    }
}

#[test]
fn mfa_is_no_only_where_the_record_can_know() {
    let session = |mfa: Value| json!({"attributes": {"mfaAuthenticated": mfa}});
    let cases = [
        (json!({"type": "IAMUser"}), Mfa::No),
        (json!({"type": "Root"}), Mfa::No),
        (json!({"type": "IAMUser", "sessionContext": session(json!("false"))}), Mfa::No),
        (json!({"type": "Root", "sessionContext": session(json!("false"))}), Mfa::No),
        (json!({"type": "Root", "sessionContext": session(json!("true"))}), Mfa::Yes),
        (json!({"type": "IAMUser", "sessionContext": session(json!(true))}), Mfa::Yes),
        (json!({"type": "IAMUser", "sessionContext": {}}), Mfa::Unknown),
        (
            json!({"type": "Root", "sessionContext": {"assumedRoot": "true",
            "attributes": {"mfaAuthenticated": "false"}}}),
            Mfa::Unknown,
        ),
        (json!({"type": "AssumedRole", "sessionContext": session(json!("false"))}), Mfa::Unknown),
        (json!({"type": "AssumedRole", "sessionContext": session(json!("true"))}), Mfa::Yes),
        (json!({"type": "SAMLUser"}), Mfa::Unknown),
        (
            json!({"type": "IAMUser", "invokedBy": "AWS Internal",
            "sessionContext": session(json!("false"))}),
            Mfa::NotApplicable,
        ),
    ];
    for (identity, mfa) in cases {
        let found = view(&record(json!({"userIdentity": identity.clone()})), |view| view.mfa());
        assert_eq!(found, mfa, "{identity}");
    }
}

/// Checks which resource an encryption context names.
fn subjects(cases: Vec<(Value, &str, Option<&str>)>) {
    for (context, arn, kind) in cases {
        let record = record(json!({"requestParameters": {"encryptionContext": context}}));
        let subject = view(&record, |view| view.resource()).unwrap();
        assert_eq!((subject.arn.as_str(), subject.kind.as_deref()), (arn, kind));
    }
}

#[test]
fn subjects_are_what_somebody_tags() {
    subjects(vec![
        (
            json!({"aws:s3:arn": "arn:aws:s3:::photos/2026/a.jpg"}),
            "arn:aws:s3:::photos",
            Some("AWS::S3::Bucket"),
        ),
        (
            json!({"aws:s3:arn": "arn:aws:s3:::photos"}),
            "arn:aws:s3:::photos",
            Some("AWS::S3::Bucket"),
        ),
        (
            json!({"aws:s3:arn": "arn:aws:s3:::starport/x", "aws:ecr:arn": "arn:aws:ecr:r:1:repository/app"}),
            "arn:aws:ecr:r:1:repository/app",
            Some("AWS::ECR::Repository"),
        ),
        (
            json!({"aws:ebs:id": "vol-0abc"}),
            "arn:aws:ec2:eu-west-1:111122223333:volume/vol-0abc",
            Some("AWS::EC2::Volume"),
        ),
        (
            json!({"aws:ebs:id": "snap-0abc"}),
            "arn:aws:ec2:eu-west-1:111122223333:snapshot/snap-0abc",
            Some("AWS::EC2::Snapshot"),
        ),
        (
            json!({"aws:ebs:id": "vol-0abc", "aws:rds:db-id": "db-ABC"}),
            "db-ABC",
            Some("AWS::RDS::DBInstance"),
        ),
    ]);
    let none =
        record(json!({"requestParameters": {"encryptionContext": {"Department": "HR", "n": {}}}}));
    assert_eq!(view(&none, |view| view.subject()), None);
}

#[test]
fn subjects_lose_what_is_not_part_of_the_resource() {
    subjects(vec![
        (
            json!({"PARAMETER_ARN": "arn:aws:ssm:r:1:parameter/p"}),
            "arn:aws:ssm:r:1:parameter/p",
            Some("AWS::SSM::Parameter"),
        ),
        (
            json!({"SecretARN": "arn:aws:secretsmanager:r:1:secret:s-a1", "SecretVersionId": "x"}),
            "arn:aws:secretsmanager:r:1:secret:s-a1",
            Some("AWS::SecretsManager::Secret"),
        ),
        (
            json!({"aws:lambda:FunctionArn": "arn:aws:lambda:r:1:function:f:7"}),
            "arn:aws:lambda:r:1:function:f",
            Some("AWS::Lambda::Function"),
        ),
        (
            json!({"aws:logs:arn": "arn:aws:logs:r:1:log-group:/a:*"}),
            "arn:aws:logs:r:1:log-group:/a",
            Some("AWS::Logs::LogGroup"),
        ),
        (
            json!({"aws:dynamodb:tableName": "t", "aws:dynamodb:subscriberId": "444455556666"}),
            "arn:aws:dynamodb:eu-west-1:444455556666:table/t",
            Some("AWS::DynamoDB::Table"),
        ),
        (
            json!({"Department": "HR", "doc": "arn:aws:states:r:1:stateMachine:x"}),
            "arn:aws:states:r:1:stateMachine:x",
            Some("AWS::StepFunctions::StateMachine"),
        ),
    ]);
}

#[test]
fn services_without_an_arn_in_their_context_are_named_too() {
    let table = json!({"aws:cassandra:keyspaceName": "shop", "aws:cassandra:tableName": "orders",
        "aws:cassandra:subscriberId": "444455556666"});
    subjects(vec![
        (
            table,
            "arn:aws:cassandra:eu-west-1:444455556666:/keyspace/shop/table/orders",
            Some("AWS::Cassandra::Table"),
        ),
        (
            json!({"aws:workspaces:sid-directoryid": "[S-1-5-21-1]@[d-0a1b]", "aws:ebs:id": "vol-0a"}),
            "arn:aws:workspaces:eu-west-1:111122223333:directory/d-0a1b",
            Some("AWS::WorkSpaces::Directory"),
        ),
        (
            json!({"aws:workspaces:sid-directoryid": "S-1-5-21-1"}),
            "S-1-5-21-1",
            Some("AWS::WorkSpaces::Workspace"),
        ),
        (
            json!({"aws:fsx:filesystem-id": "fs-0a1b", "aws:ebs:id": "vol-0a"}),
            "arn:aws:fsx:eu-west-1:111122223333:file-system/fs-0a1b",
            Some("AWS::FSx::FileSystem"),
        ),
        (
            json!({"aws:ebs:id": "vol-0a", "aws:kafka:arn": "arn:aws:kafka:r:1:cluster/a/1"}),
            "arn:aws:kafka:r:1:cluster/a/1",
            Some("AWS::MSK::Cluster"),
        ),
        (
            json!({"aws:s3:arn": "arn:aws:s3:::b/a", "aws:sagemaker:domain-arn": "arn:aws:sagemaker:r:1:domain/d-1"}),
            "arn:aws:sagemaker:r:1:domain/d-1",
            Some("AWS::SageMaker::Domain"),
        ),
        (
            json!({"glue_catalog_id": "444455556666"}),
            "arn:aws:glue:eu-west-1:444455556666:catalog",
            Some("AWS::Glue::Catalog"),
        ),
        (
            json!({"aws:fsx:x": "fs-/..", "aws:ebs:id": "vol-0a", "glue_catalog_id": "mine"}),
            "arn:aws:ec2:eu-west-1:111122223333:volume/vol-0a",
            Some("AWS::EC2::Volume"),
        ),
    ]);
}

#[test]
fn other_services_act_on_a_resource_of_theirs() {
    let of = |record: &Value| view(record, |view| view.resource().map(|found| found.arn));
    let stop = |name: &str| {
        json!({"eventSource": "cloudtrail.amazonaws.com", "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333", "requestParameters": {"name": name}})
    };
    let trail = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/main";
    assert_eq!(of(&stop("main")).as_deref(), Some(trail));
    assert_eq!(of(&stop(trail)).as_deref(), Some(trail));
    let object = json!({"eventSource": "s3.amazonaws.com",
        "resources": [{"ARN": KEY}, {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::b"}]});
    assert_eq!(of(&object).as_deref(), Some("arn:aws:s3:::b"));
    assert_eq!(of(&json!({"eventSource": "iam.amazonaws.com"})), None);
}

/// Any JSON, half of it made of what the view looks for.
fn any_json() -> impl Strategy<Value = Value> {
    let texts = prop::sample::select(vec![
        "",
        "x",
        "true",
        "AWSService",
        "IAMUser",
        "AssumedRole",
        KEY,
        "alias/a",
        "arn:aws:s3:::b/c",
        "arn:aws:sts::1:assumed-role/",
        "arn:aws:sts::1:assumed-role/aws:x/",
        "arn:aws:lambda:r:1::",
        "\u{e9}\u{1f600}",
        "arn:aws:kms:r::alias/\u{e9}",
        "kms.amazonaws.com",
        "cloudtrail.amazonaws.com",
    ]);
    let names = prop::sample::select(vec![
        "type",
        "arn",
        "ARN",
        "keyId",
        "invokedBy",
        "sessionContext",
        "sessionIssuer",
        "attributes",
        "mfaAuthenticated",
        "encryptionContext",
        "aws:s3:arn",
        "aws:ebs:id",
        "name",
        "keyMetadata",
        "accountId",
        "aliasName",
        "destinationKeyId",
        "aws:dynamodb:tableName",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        texts.prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::hash_map(names.clone().prop_map(String::from), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_shape_makes_the_view_fail(
        members in prop::collection::hash_map(prop::sample::select(vec![
            "eventSource", "eventName", "eventType", "awsRegion", "recipientAccountId", "userIdentity",
            "requestParameters", "responseElements", "resources", "serviceEventDetails", "errorCode",
            "sharedEventID", "sourceIPAddress", "userAgent",
        ]), any_json(), 0..10),
        kms in any::<bool>(),
    ) {
        let mut record = if kms { record(json!({})) } else { json!({}) };
        for (name, value) in members {
            record[name] = value;
        }
        view(&record, |view| {
            let keys = view.keys();
            assert!(keys.iter().all(|key| key_of(&key.arn).is_some()), "{keys:?}");
            let _ = (view.principal(), view.context(), view.subject(), view.resource());
            let _ = (view.key_account(), view.key_is_inferred(), view.mfa(), view.actor());
            let _ = (view.ok(), view.source_ip(), view.user_agent(), view.shared_event_id());
        });
    }
}
