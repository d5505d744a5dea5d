//! A grouped finding names the different values of what it is about, and how often each was there.

use serde_json::{Value, json};

use crate::chain::gzip;
use crate::harness::Sandbox;

fn record(number: usize, name: &str, secret: &str, second: usize) -> Value {
    json!({
        "eventVersion": "1.11", "eventSource": "secretsmanager.amazonaws.com", "eventName": name,
        "eventTime": format!("2026-03-02T10:{:02}:{:02}Z", second / 60, second % 60),
        "awsRegion": "eu-central-1", "recipientAccountId": "111122223333", "eventType": "AwsApiCall",
        "eventID": format!("10000000-0000-4000-8000-{number:012}"),
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333", "userName": "ana",
            "arn": "arn:aws:iam::111122223333:user/ana", "accessKeyId": "AKIAana"},
        "sourceIPAddress": "192.0.2.1", "userAgent": "example",
        "requestParameters": {"secretId": secret, "forceDeleteWithoutRecovery": true},
    })
}

fn finding(records: &[Value], rule: &str) -> Value {
    let sandbox = Sandbox::new();
    let text = json!({"Records": records}).to_string();
    // Every record is delivered twice.
    sandbox.write("logs/a.json.gz", gzip(text.as_bytes())).write("logs/b.json", text);
    let report = sandbox.report(0, ["logs", "--select", rule]);
    assert_eq!(report["findings"].as_array().unwrap().len(), 1, "{report:#}");
    report["findings"][0].clone()
}

#[test]
fn secrets_that_were_deleted() {
    let records = [
        record(1, "DeleteSecret", "shop/b", 0),
        record(2, "DeleteSecret", "shop/a", 1),
        record(3, "DeleteSecret", "shop/b", 2),
    ];
    let details = &finding(&records, "secret-deleted-at-once")["details"];
    let expected = json!([{"value": "shop/a", "count": 1}, {"value": "shop/b", "count": 2}]);
    assert_eq!(details["values"], expected);
    assert_eq!((&details["values_count"], details.get("values_at_least")), (&json!(2), None));
}

#[test]
fn one_value_is_told_as_the_rule_words_it() {
    let details =
        &finding(&[record(1, "DeleteSecret", "shop/b", 0)], "secret-deleted-at-once")["details"];
    assert_eq!((&details["secretId"], details.get("values")), (&json!("shop/b"), None));
}

#[test]
fn secrets_that_a_burst_read_are_named_up_to_a_hundred() {
    let read = |n: usize| record(n, "GetSecretValue", &format!("shop/{:03}", n % 120), n / 2);
    let records: Vec<Value> = (0..240).map(read).collect();
    let details = &finding(&records, "secret-bulk-read")["details"];
    let values = details["values"].as_array().unwrap();
    assert_eq!((values.len(), &details["values_count"]), (100, &json!(120)), "{details:#}");
    for value in values {
        assert_eq!(value["count"], 2, "{value}");
    }
    assert!(values[0]["value"].as_str().unwrap().ends_with("shop/000"), "{}", values[0]);
}
