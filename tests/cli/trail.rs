//! Invented records, and reports taken apart.

use std::collections::BTreeMap;
use std::io::Write as _;

use serde_json::{Value, json};

use crate::harness::{Ended, Sandbox};

/// The key that records are about unless they say otherwise.
pub const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/5716564b-1d60-4c1e-ba33-9ad91c14a926";

/// A call of KMS by the user `ana`, without MFA, at 10:00:00 on 1 May 2026.
pub fn call(name: &str, id: &str) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser", "principalId": "AIDAEXAMPLEANA", "accountId": "111122223333",
            "arn": "arn:aws:iam::111122223333:user/ana", "userName": "ana",
        },
        "eventTime": "2026-05-01T10:00:00Z",
        "eventSource": "kms.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "192.0.2.7",
        "userAgent": "aws-cli/2",
        "requestParameters": {"keyId": KEY},
        "responseElements": null,
        "eventID": id,
        "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
    })
}

/// `DisableKey`: one finding of the rule `key-disabled`, level high.
pub fn disable(id: &str) -> Value {
    call("DisableKey", id)
}

/// The same with other values; a pointer such as `/userIdentity/arn` says where. Null removes.
pub fn with(mut record: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = record.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if value.is_null() {
            parent.remove(name);
        } else {
            parent.insert(name.into(), value.clone());
        }
    }
    record
}

/// The same at another second after 10:00:00.
pub fn at(record: Value, seconds: u32) -> Value {
    let time = format!("2026-05-01T10:{:02}:{:02}Z", seconds / 60, seconds % 60);
    with(record, &[("/eventTime", json!(time))])
}

/// The same refused.
pub fn refused(record: Value) -> Value {
    with(record, &[("/errorCode", json!("AccessDenied")), ("/errorMessage", json!("no"))])
}

/// The same by a role's session.
pub fn by_role(record: Value, role: &str, session: &str) -> Value {
    let identity = json!({
        "type": "AssumedRole", "principalId": format!("AROAEXAMPLE:{session}"),
        "arn": format!("arn:aws:sts::111122223333:assumed-role/{role}/{session}"),
        "accountId": "111122223333",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role", "principalId": "AROAEXAMPLE", "accountId": "111122223333",
                "arn": format!("arn:aws:iam::111122223333:role/{role}"), "userName": role,
            },
            "attributes": {"mfaAuthenticated": "true"},
        },
    });
    with(record, &[("/userIdentity", identity)])
}

/// A trail file.
pub fn file(records: &[Value]) -> Vec<u8> {
    json!({"Records": records}).to_string().into_bytes()
}

/// JSON lines.
pub fn lines(records: &[Value]) -> Vec<u8> {
    records.iter().flat_map(|record| format!("{record}\n").into_bytes()).collect()
}

/// Bytes as gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

impl Sandbox {
    /// `keytrail scan -f json WORDS…`, with this exit code.
    #[track_caller]
    pub fn report<'w>(&self, code: i32, words: impl IntoIterator<Item = &'w str>) -> Value {
        let all = ["scan", "-f", "json"].into_iter().chain(words);
        parse(&self.keytrail(all).run().code(code))
    }

    /// The same of these records in one file, of the rule `key-disabled` only.
    #[track_caller]
    pub fn disabled(&self, records: &[Value]) -> Vec<Value> {
        self.write("trail.json", file(records));
        findings(&self.report(0, ["--select", "key-disabled", "trail.json"]))
    }
}

/// The report on standard output.
#[track_caller]
pub fn parse(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}\n{}", ended.stdout, ended.stderr))
}

/// Its findings.
pub fn findings(report: &Value) -> Vec<Value> {
    report["findings"].as_array().unwrap().clone()
}

/// The text at a pointer in each of these; `-` where there is none.
pub fn texts(values: &[Value], pointer: &str) -> Vec<String> {
    let text = |value: &Value| Some(value.pointer(pointer)?.as_str()?.to_owned());
    values.iter().map(|value| text(value).unwrap_or_else(|| "-".into())).collect()
}

/// The ids of a finding's events.
pub fn ids(finding: &Value) -> Vec<String> {
    texts(finding["events"].as_array().unwrap(), "/id")
}

/// How many events each rule found.
pub fn counts(report: &Value) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for finding in findings(report) {
        let rule = finding["rule"].as_str().unwrap().to_owned();
        *counts.entry(rule).or_default() += finding["count"].as_u64().unwrap();
    }
    counts
}

/// A report without what differs from run to run.
pub fn without_run(mut report: Value) -> Value {
    report.as_object_mut().unwrap().remove("run");
    report
}

/// A report without that and without where records lay.
pub fn without_origins(report: Value) -> Value {
    let mut report = without_run(report);
    for finding in report["findings"].as_array_mut().unwrap() {
        for event in finding["events"].as_array_mut().unwrap() {
            event.as_object_mut().unwrap().remove("origin");
        }
    }
    for problem in report["problems"].as_array_mut().unwrap() {
        problem.as_object_mut().unwrap().remove("origin");
    }
    report
}
