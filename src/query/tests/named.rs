//! Resources that a record gives by their names alone.

use super::*;

#[test]
fn a_resource_is_found_where_a_record_gives_no_more_than_its_name() {
    let of = |service: &str, request: Value| {
        let source = format!("{service}.amazonaws.com");
        [vec![record("a", "Call", 1, json!({"eventSource": source, "requestParameters": request}))]]
    };
    let arn = |service: &str, rest: &str| format!("arn:aws:{service}:eu-west-1:{rest}");
    let secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/db-AbCdEf";
    let table = "arn:aws:dynamodb:eu-west-1:111122223333:table/t1";
    let many = json!({"set": {"items": [{"volumeId": "vol-2"}, {"volumeId": "vol-1"}]}});
    for (service, request, asked) in [
        ("ec2", json!({"volumeId": "vol-1"}), arn("ec2", "111122223333:volume/vol-1")),
        ("ec2", many, arn("ec2", "111122223333:volume/vol-1")),
        ("ec2", json!({"snapshotId": "snap-1"}), arn("ec2", ":snapshot/snap-1")),
        ("iam", json!({"roleName": "app"}), "arn:aws:iam::111122223333:role/path/app".into()),
        ("iam", json!({"roleName": "app"}), "role/app".into()),
        ("lambda", json!({"functionName": "f"}), arn("lambda", "111122223333:function:f")),
        ("rds", json!({"dBInstanceIdentifier": "d"}), arn("rds", "111122223333:db:d")),
        ("rds", json!({"dBSnapshotIdentifier": "sn1"}), "sn1".into()),
        ("sqs", json!({"queueUrl": "https://sqs/111122223333/q1"}), "q1".into()),
        ("ssm", json!({"name": "/p/x"}), arn("ssm", "111122223333:parameter/p/x")),
        ("ssm", json!({"names": ["/p/x", "/p/y"]}), "/p/y".into()),
        ("secretsmanager", json!({"secretId": "prod/db"}), secret.into()),
        ("secretsmanager", json!({"secretId": secret}), "prod/db".into()),
        ("ssm", json!({"name": "/p/x"}), arn("ssm", "111122223333:parameter/p")),
        ("ssm", json!({"name": "/p/x"}), "parameter/p".into()),
        ("ssm", json!({"name": "/p/x"}), "p".into()),
        ("secretsmanager", json!({"secretId": secret}), "prod".into()),
        ("secretsmanager", json!({"secretId": secret}), "secret:prod/db".into()),
        ("dynamodb", json!({"tableArn": table}), "t1".into()),
        ("dynamodb", json!({"tableArn": table, "s3Bucket": "to"}), "arn:aws:s3:::to".into()),
        ("ec2", json!({"sourceSnapshotId": "snap-1"}), "snapshot/snap-1".into()),
        ("rds", json!({"sourceDBSnapshotIdentifier": "s"}), "snapshot:s".into()),
        ("rds", json!({"targetDBSnapshotIdentifier": "s"}), "s".into()),
        ("rds", json!({"s3BucketName": "to"}), "to".into()),
        ("s3", json!({"bucketName": "to", "x-amz-copy-source": "src/k"}), "src".into()),
    ] {
        let resources = vec![AskedResource::parse(&asked).unwrap()];
        assert_eq!(
            ids(&Query { resources, ..Query::default() }, &of(service, request)),
            ["a"],
            "{asked}"
        );
    }
    for asked in [
        "arn:aws:ec2:eu-west-1:444455556666:volume/vol-1",
        "arn:aws:ec2:us-east-1:111122223333:volume/vol-1",
        "arn:aws:ec2:eu-west-1:111122223333:snapshot/vol-1",
        "volume",
    ] {
        let resources = vec![AskedResource::parse(asked).unwrap()];
        let files = of("ec2", json!({"volumeId": "vol-1"}));
        assert!(ids(&Query { resources, ..Query::default() }, &files).is_empty(), "{asked}");
    }
}
