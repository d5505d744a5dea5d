//! Which key a record sets up for what.

use serde_json::{Value, json};

use super::*;
use crate::record::event::Event;
use crate::record::scan::{Index, plain};

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// The resources for which a call of a service sets up the key.
fn set_up_for(service: &str, name: &str, request: &Value, response: &Value) -> Vec<String> {
    let record = json!({
        "eventSource": format!("{service}.amazonaws.com"), "eventName": name,
        "awsRegion": "eu-central-1", "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333"},
        "requestParameters": request, "responseElements": response,
    });
    let text = record.to_string();
    let mut index = Index::default();
    plain::scan(text.as_bytes(), &mut index).unwrap();
    let pairs = of(&View::new(&Event::new(&text, &index)));
    assert!(pairs.iter().all(|pair| pair.key.arn == KEY && pair.attested));
    pairs.into_iter().filter_map(|pair| Some(pair.resource?.arn)).collect()
}

#[test]
fn services_name_the_key_where_they_create_something() {
    let arn = |rest: &str| format!("arn:aws:{rest}").replace("R:1", "eu-central-1:111122223333");
    let at_rest = json!({"encryptionAtRest": {"dataVolumeKMSKeyId": KEY}});
    let catalog = json!({"encryptionAtRest": {"sseAwsKmsKeyId": KEY}});
    for (service, name, request, response, expected) in [
        (
            "cassandra",
            "CreateTable",
            json!({"encryptionSpecification": {"kmsKeyIdentifier": KEY}}),
            json!({"resourceArn": arn("cassandra:R:1:/keyspace/shop/table/orders")}),
            "cassandra:R:1:/keyspace/shop/table/orders",
        ),
        (
            "workspaces",
            "CreateWorkspaces",
            json!({"workspaces": [{"volumeEncryptionKey": KEY}]}),
            json!({"pendingRequests": [{"workspaceId": "ws-0a"}]}),
            "workspaces:R:1:workspace/ws-0a",
        ),
        (
            "fsx",
            "CreateFileSystem",
            json!({"kmsKeyId": KEY}),
            json!({"fileSystem": {"resourceARN": arn("fsx:R:1:file-system/fs-0a")}}),
            "fsx:R:1:file-system/fs-0a",
        ),
        (
            "kafka",
            "CreateCluster",
            json!({"encryptionInfo": at_rest}),
            json!({"clusterArn": arn("kafka:R:1:cluster/orders/1a-2b")}),
            "kafka:R:1:cluster/orders/1a-2b",
        ),
        (
            "sagemaker",
            "CreateNotebookInstance",
            json!({"kmsKeyId": KEY}),
            json!({"notebookInstanceArn": arn("sagemaker:R:1:notebook-instance/a")}),
            "sagemaker:R:1:notebook-instance/a",
        ),
        (
            "glue",
            "PutDataCatalogEncryptionSettings",
            json!({"dataCatalogEncryptionSettings": catalog}),
            json!(null),
            "glue:R:1:catalog",
        ),
    ] {
        let found = set_up_for(service, name, &request, &response);
        assert_eq!(found, [arn(expected)], "{service} {name}");
        assert!(crate::tags::extract::concerns(name.as_bytes()), "{name} is passed over");
    }
}

#[test]
fn one_call_may_name_several_keys_or_another_catalog() {
    let request =
        json!({"workspaces": [{"volumeEncryptionKey": KEY}, {"volumeEncryptionKey": "alias/b"}]});
    let response = json!({"pendingRequests": [{"workspaceId": "ws-0a"}, {"workspaceId": "ws-0b"}]});
    assert!(set_up_for("workspaces", "CreateWorkspaces", &request, &response).is_empty());
    let settings = json!({"encryptionAtRest": {"sseAwsKmsKeyId": KEY}});
    let request = json!({"catalogId": "444455556666", "dataCatalogEncryptionSettings": settings});
    let found = set_up_for("glue", "PutDataCatalogEncryptionSettings", &request, &json!(null));
    assert_eq!(found, ["arn:aws:glue:eu-central-1:444455556666:catalog"]);
}
