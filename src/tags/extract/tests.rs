//! What records say of tags, read from records.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::*;
use crate::record::event::Event;
use crate::record::scan::{self, Index};
use crate::tags::change::Value;

const ACCOUNT: &str = "111122223333";

/// What a call of a service says.
fn said(service: &str, name: &str, request: &Json, response: &Json) -> Extract {
    let record = json!({
        "eventSource": format!("{service}.amazonaws.com"), "eventName": name,
        "awsRegion": "eu-central-1", "recipientAccountId": ACCOUNT,
        "userIdentity": {"type": "IAMUser", "accountId": ACCOUNT},
        "requestParameters": request, "responseElements": response,
    });
    of_record(&record)
}

fn of_record(record: &Json) -> Extract {
    let text = record.to_string();
    let mut index = Index::default();
    (scan::fastest())(text.as_bytes(), &mut index).unwrap();
    extract(&View::new(&Event::new(&text, &index)))
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), Value::Text((*v).to_owned()))).collect()
}

fn keys(names: &[&str]) -> What {
    What::Remove(names.iter().map(|name| ((*name).to_owned(), None)).collect())
}

/// Checks the one change that a call makes.
fn one(service: &str, name: &str, (request, response): (Json, Json), arn: &str, what: What) {
    let found = said(service, name, &request, &response);
    assert_eq!(found.changes, [(arn.to_owned(), what.into())], "{service} {name}");
    assert!(service == "kms" || concerns(name.as_bytes()), "{name} is passed over");
}

#[expect(clippy::too_many_lines, reason = "a table with a row a call")]
#[test]
fn every_service_has_its_own_way() {
    let a = || tags(&[("A", "b")]);
    let kv = json!([{"key": "A", "value": "b"}]);
    let arn = |rest: &str| format!("arn:aws:{rest}").replace("R:1", "eu-central-1:111122223333");
    for (service, name, request, response, expected, what) in [
        (
            "ec2",
            "CreateTags",
            json!({"resourcesSet": {"items": [{"resourceId": "vol-0a"}]}, "tagSet": {"items": kv}}),
            json!(null),
            "ec2:R:1:volume/vol-0a",
            What::Set(a()),
        ),
        (
            "ec2",
            "DeleteTags",
            json!({"resourcesSet": {"items": [{"resourceId": "snap-0a"}]}}),
            json!(null),
            "ec2:R:1:snapshot/snap-0a",
            What::Replace(Tags::new()),
        ),
        (
            "ec2",
            "DeleteTags",
            json!({"resourcesSet": {"items": [{"resourceId": "i-0a"}]}, "tagSet": {"items": [{"key": "A", "value": "b"}]}}),
            json!(null),
            "ec2:R:1:instance/i-0a",
            What::Remove(BTreeMap::from([("A".into(), Some("b".into()))])),
        ),
        (
            "ec2",
            "CreateVolume",
            json!({"tagSpecificationSet": {"items": [{"resourceType": "instance", "tags": [{"key": "X", "value": "y"}]}, {"resourceType": "volume", "tags": kv}]}}),
            json!({"volumeId": "vol-0a"}),
            "ec2:R:1:volume/vol-0a",
            What::Create(a()),
        ),
        (
            "ec2",
            "CreateNatGateway",
            json!({"CreateNatGatewayRequest": {"TagSpecification": {"ResourceType": "natgateway", "tag": 1, "Tag": {"Value": "b", "tag": 1, "Key": "A"}}}}),
            json!({"CreateNatGatewayResponse": {"natGateway": {"natGatewayId": "nat-0a"}}}),
            "ec2:R:1:natgateway/nat-0a",
            What::Create(a()),
        ),
        (
            "s3",
            "PutBucketTagging",
            json!({"bucketName": "example", "tagging": "", "Tagging": {"TagSet": {"Tag": {"Key": "A", "Value": "b"}}}}),
            json!(null),
            "s3:::example",
            What::Replace(a()),
        ),
        (
            "s3",
            "PutBucketTagging",
            json!({"bucketName": "example", "Tagging": {"TagSet": {"Tag": [{"Key": "A", "Value": "b"}]}}, "tagging": ""}),
            json!(null),
            "s3:::example",
            What::Replace(a()),
        ),
        (
            "s3",
            "DeleteBucketTagging",
            json!({"bucketName": "example"}),
            json!(null),
            "s3:::example",
            What::Replace(Tags::new()),
        ),
        (
            "s3",
            "CreateBucket",
            json!({"bucketName": "example"}),
            json!(null),
            "s3:::example",
            What::Gone,
        ),
        (
            "s3",
            "TagResource",
            json!({"resourceArn": "arn%3Aaws%3As3%3A%3A%3Aexample", "tags": kv}),
            json!(null),
            "s3:::example",
            What::Set(a()),
        ),
        (
            "secretsmanager",
            "CreateSecret",
            json!({"name": "example"}),
            json!({"arn": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:example-a1B2c3"}),
            "secretsmanager:R:1:secret:example-a1B2c3",
            What::Gone,
        ),
        (
            "secretsmanager",
            "TagResource",
            json!({"secretId": "example"}),
            json!(null),
            "secretsmanager:R:1:secret:example",
            What::Blur,
        ),
        (
            "ssm",
            "PutParameter",
            json!({"name": "/a/b", "tags": kv}),
            json!({"version": 1}),
            "ssm:R:1:parameter/a/b",
            What::Create(a()),
        ),
        (
            "ssm",
            "PutParameter",
            json!({"name": "plain"}),
            json!({"version": 1}),
            "ssm:R:1:parameter/plain",
            What::Create(Tags::new()),
        ),
        (
            "ssm",
            "RemoveTagsFromResource",
            json!({"resourceType": "Parameter", "resourceId": "/a", "tagKeys": ["A"]}),
            json!(null),
            "ssm:R:1:parameter/a",
            keys(&["A"]),
        ),
        (
            "rds",
            "CreateDBInstance",
            json!({"tags": kv}),
            json!({"dBInstanceArn": "arn:aws:rds:eu-central-1:111122223333:db:x"}),
            "rds:R:1:db:x",
            What::Create(a()),
        ),
        (
            "rds",
            "RestoreDBInstanceFromDBSnapshot",
            json!({}),
            json!({"dBInstanceArn": "arn:aws:rds:eu-central-1:111122223333:db:x"}),
            "rds:R:1:db:x",
            What::Gone,
        ),
        (
            "lambda",
            "CreateFunction20150331",
            json!({"functionName": "x", "tags": {"A": "b"}}),
            json!({"functionArn": "arn:aws:lambda:eu-central-1:111122223333:function:x"}),
            "lambda:R:1:function:x",
            What::Create(a()),
        ),
        (
            "lambda",
            "TagResource20170331v2",
            json!({"resource": "arn:aws:lambda:eu-central-1:111122223333:function:x", "tags": {"A": "b"}}),
            json!(null),
            "lambda:R:1:function:x",
            What::Set(a()),
        ),
        (
            "sqs",
            "TagQueue",
            json!({"queueUrl": "https://sqs.eu-central-1.amazonaws.com/111122223333/x", "tags": {"A": "b"}}),
            json!(null),
            "sqs:R:1:x",
            What::Set(a()),
        ),
        (
            "logs",
            "UntagLogGroup",
            json!({"logGroupName": "/x", "tags": ["A"]}),
            json!(null),
            "logs:R:1:log-group:/x",
            keys(&["A"]),
        ),
        (
            "logs",
            "TagResource",
            json!({"resourceArn": "arn:aws:logs:eu-central-1:111122223333:log-group:x:*", "tags": {"A": "b"}}),
            json!(null),
            "logs:R:1:log-group:x",
            What::Set(a()),
        ),
        (
            "glue",
            "TagResource",
            json!({"resourceArn": "arn:aws:glue:eu-central-1:111122223333:job/x", "tagsToAdd": {"A": "b"}}),
            json!(null),
            "glue:R:1:job/x",
            What::Set(a()),
        ),
        (
            "glue",
            "UntagResource",
            json!({"resourceArn": "arn:aws:glue:eu-central-1:111122223333:job/x", "tagsToRemove": ["A"]}),
            json!(null),
            "glue:R:1:job/x",
            keys(&["A"]),
        ),
        (
            "cloudtrail",
            "RemoveTags",
            json!({"resourceId": "arn:aws:cloudtrail:eu-central-1:111122223333:trail/x", "tagsList": [{"key": "A"}]}),
            json!(null),
            "cloudtrail:R:1:trail/x",
            keys(&["A"]),
        ),
        (
            "cloudformation",
            "CreateStack",
            json!({"tags": kv}),
            json!({"stackId": "arn:aws:cloudformation:eu-central-1:111122223333:stack/x/1"}),
            "cloudformation:R:1:stack/x/1",
            What::Create(a()),
        ),
    ] {
        one(service, name, (request, response), &arn(expected), what);
    }
}

#[test]
fn keys_say_it_in_kms_words() {
    let key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let made = |manager: &str| json!({"keyMetadata": {"arn": key, "keyManager": manager}});
    one("kms", "CreateKey", (json!({}), made("CUSTOMER")), key, What::Create(Tags::new()));
    assert_eq!(said("kms", "CreateKey", &json!({}), &made("AWS")).changes, []);
    let pairs = json!([{"tagKey": "A", "tagValue": "b"}]);
    let tagged = What::Set(tags(&[("A", "b")]));
    one("kms", "TagResource", (json!({"keyId": key, "tags": pairs}), json!(null)), key, tagged);
    let request = json!({"keyId": key, "tagKeys": ["A"]});
    one("kms", "UntagResource", (request, json!(null)), key, keys(&["A"]));
}

#[test]
fn what_failed_changed_nothing() {
    let arns = ["arn:aws:s3:::a", "arn:aws:s3:::b"];
    let request = json!({"resourceARNList": arns, "tags": {"A": "b"}});
    let response = json!({"failedResourcesMap": {"arn:aws:s3:::b": {"statusCode": 400}}});
    let found = said("tagging", "TagResources", &request, &response);
    assert_eq!(found.changes, [("arn:aws:s3:::a".into(), What::Set(tags(&[("A", "b")])).into())]);
    let mut record = json!({
        "eventSource": "s3.amazonaws.com", "eventName": "DeleteBucketTagging",
        "requestParameters": {"bucketName": "a"},
    });
    assert_eq!(of_record(&record).changes.len(), 0, "no Region, so no name can be completed");
    record["awsRegion"] = json!("eu-central-1");
    record["recipientAccountId"] = json!(ACCOUNT);
    assert_eq!(of_record(&record).changes.len(), 1);
    record["errorCode"] = json!("AccessDenied");
    assert_eq!(of_record(&record).changes, []);
}

#[test]
fn a_tag_call_that_names_nothing_known_is_counted() {
    let found = said("iam", "TagRole", &json!({"roleName": "x", "tags": []}), &json!(null));
    assert!(found.unplaced && found.changes.is_empty());
    assert!(!said("s3", "GetObject", &json!({}), &json!(null)).unplaced);
}

#[test]
fn most_names_are_passed_over() {
    for name in ["Decrypt", "DescribeKey", "AssumeRole", "GetObject", "DeleteObject", "PutObject"] {
        assert!(!concerns(name.as_bytes()), "{name}");
    }
    assert_eq!(undated(b"UpdateFunctionConfiguration20150331v2"), b"UpdateFunctionConfiguration");
    assert_eq!(undated(b"CreateVolume"), b"CreateVolume");
}

#[test]
fn ids_of_databases_are_joined() {
    let arn = "arn:aws:rds:eu-central-1:111122223333:db:x";
    let response = json!({"dBInstanceArn": arn, "dbiResourceId": "db-EXAMPLE"});
    for name in ["CreateDBInstance", "ModifyDBInstance", "StopDBInstance"] {
        let found = said("rds", name, &json!({}), &response);
        assert_eq!(found.joins, [("db-EXAMPLE".into(), arn.into())]);
        assert!(concerns(name.as_bytes()), "{name} is passed over");
    }
    let arn = "arn:aws:rds:eu-central-1:111122223333:cluster:x";
    let response = json!({"dBClusterArn": arn, "dbClusterResourceId": "cluster-EXAMPLE"});
    let found = said("rds", "ModifyDBCluster", &json!({}), &response);
    assert_eq!(found.joins, [("cluster-EXAMPLE".into(), arn.into())]);
    assert_eq!(found.changes, []);
}

#[test]
fn each_replica_of_a_key_has_tags_of_its_own() {
    let key = |region: &str| format!("arn:aws:kms:{region}:{ACCOUNT}:key/mrk-0a");
    let (primary, replica) = (key("eu-central-1"), key("eu-west-1"));
    let request = json!({"keyId": primary, "replicaRegion": "eu-west-1"});
    let pairs = json!([{"tagKey": "A", "tagValue": "b"}]);
    let made = json!({"replicaKeyMetadata": {"arn": replica}, "replicaTags": pairs});
    let a = || tags(&[("A", "b")]);
    one("kms", "ReplicateKey", (request.clone(), made), &replica, What::Create(a()));
    let bare = json!({"replicaKeyMetadata": {"arn": replica}});
    one("kms", "ReplicateKey", (request, bare), &replica, What::Create(Tags::new()));
    let tagged = json!({"keyId": replica, "tags": pairs});
    one("kms", "TagResource", (tagged, json!(null)), &replica, What::Set(a()));
}

/// A call that is part of a request.
fn in_request(service: &str, name: &str, request: Json) -> Extract {
    of_record(&json!({
        "eventSource": format!("{service}.amazonaws.com"), "eventName": name, "requestID": "r1",
        "awsRegion": "eu-central-1", "recipientAccountId": ACCOUNT,
        "userIdentity": {"type": "IAMUser", "accountId": ACCOUNT, "invokedBy": "ec2.amazonaws.com"},
        "requestParameters": request, "responseElements": null,
        "resources": [{"ARN": format!("arn:aws:kms:eu-central-1:{ACCOUNT}:key/1a")}],
    }))
}

#[test]
fn volumes_of_new_instances_are_known_by_the_request() {
    let set = json!({"items": [{"resourceType": "volume", "tags": [{"key": "A", "value": "b"}]}]});
    let run = |request: Json| in_request("ec2", "RunInstances", request).changes;
    let is = |what: What| vec![("request:r1".to_owned(), Arc::new(what))];
    let a = || tags(&[("A", "b")]);
    assert_eq!(run(json!({"tagSpecificationSet": set})), is(What::Create(a())));
    assert_eq!(run(json!({})), is(What::Create(Tags::new())));
    let template = json!({"launchTemplateId": "lt-0a"});
    assert_eq!(run(json!({"launchTemplate": template})), []);
    let both = json!({"launchTemplate": template, "tagSpecificationSet": set});
    assert_eq!(run(both), is(What::Set(a())));
    let grant = |to: &str| {
        let context = json!({"encryptionContextSubset": {"aws:ebs:id": "vol-0a"}});
        let request = json!({"constraints": context, "granteePrincipal": to});
        in_request("kms", "CreateGrant", request).joins
    };
    let volume = format!("arn:aws:ec2:eu-central-1:{ACCOUNT}:volume/vol-0a");
    let infrastructure = format!("{ACCOUNT}:aws:ec2-infrastructure:i-0a");
    assert_eq!(grant(&infrastructure), [("request:r1".to_owned(), volume)]);
    assert_eq!(grant("arn:aws:iam::111122223333:role/app"), []);
}
