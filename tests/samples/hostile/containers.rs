//! The wrappings in which records come. All sound but the one with a line cut off.

use serde_json::{Value, json};

use super::{ACCOUNT, Case, NOTHING, THREE, TWO, call, disable};
use crate::record::{compact, envelope};

pub const CASES: &[Case] = &[
    Case {
        file: "lines.jsonl",
        about: "JSON lines of records, with an empty line and a Windows line end",
        make: || {
            let [a, b, c] = three("lines");
            format!("{a}\n\n{b}\r\n{c}\n").into_bytes()
        },
        records: 3,
        findings: THREE,
        ..NOTHING
    },
    Case {
        file: "lines-one-truncated.jsonl",
        about: "JSON lines of records, the second of three cut off",
        make: || {
            let [a, b, c] = three("lines-one-truncated");
            format!("{a}\n{}\n{c}\n", &b[..400]).into_bytes()
        },
        records: 2,
        records_bad: 1,
        problems: &[("parse", "expected")],
        findings: TWO,
        exit: 3,
    },
    Case {
        file: "lines-of-batches.jsonl",
        about: "JSON lines of `{\"Records\"}` batches, one of them empty",
        make: || {
            let [a, b, c] = three("lines-of-batches");
            let empty: [&str; 0] = [];
            let lines = [envelope(&[a, b]), envelope(&empty), envelope(&[c])];
            lines.join("\n").into_bytes()
        },
        records: 3,
        findings: THREE,
        ..NOTHING
    },
    Case {
        file: "single-pretty.json",
        about: "one record, pretty-printed",
        make: || pretty(&parsed(&disable("single-pretty", 0).json())),
        records: 1,
        findings: super::ONE,
        ..NOTHING
    },
    Case {
        file: "records-pretty.json",
        about: "a trail file, pretty-printed",
        make: || pretty(&parsed(&envelope(&three("records-pretty")))),
        records: 3,
        findings: THREE,
        ..NOTHING
    },
    Case {
        file: "array.json",
        about: "a bare array of records",
        make: || format!("[{}]", three("array").join(",\n")).into_bytes(),
        records: 3,
        findings: THREE,
        ..NOTHING
    },
    Case {
        file: "lookup-events.json",
        about: "output of `aws cloudtrail lookup-events`: records as strings",
        make: lookup_events,
        records: 3,
        findings: THREE,
        ..NOTHING
    },
    Case {
        file: "eventbridge.jsonl",
        about: "EventBridge events, one a line",
        make: || {
            let lines = three("eventbridge").map(|record| compact(&bridge_event(&record)));
            lines.join("\n").into_bytes()
        },
        records: 3,
        findings: THREE,
        ..NOTHING
    },
    Case {
        file: "filter-log-events.json",
        about: "output of `aws logs filter-log-events`: records as strings",
        make: || {
            let events: Vec<Value> =
                three("filter-log-events").iter().map(|r| log_event("ingestionTime", r)).collect();
            pretty(&json!({"events": events, "searchedLogStreams": []}))
        },
        records: 3,
        findings: THREE,
        ..NOTHING
    },
    Case {
        file: "subscription.json",
        about: "a DATA_MESSAGE of a CloudWatch Logs subscription",
        make: || data_message(&three("subscription")).into_bytes(),
        records: 3,
        findings: THREE,
        ..NOTHING
    },
    Case {
        file: "subscription-concatenated.json",
        about: "a CONTROL_MESSAGE and two DATA_MESSAGEs with nothing between them",
        make: || {
            let [a, b, c] = three("subscription-concatenated");
            let hello = r#"{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1773309600000,"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}"#;
            [hello, &data_message(&[a, b]), &data_message(&[c])].concat().into_bytes()
        },
        records: 3,
        findings: THREE,
        ..NOTHING
    },
    Case {
        file: "copies.json",
        about: "one record twice, and one without eventID twice",
        make: || {
            let (twice, nameless) = (disable("copies", 0), disable("copies", 1).without("eventID"));
            let (twice, nameless) = (twice.json(), nameless.json());
            envelope(&[&twice, &nameless, &twice, &nameless]).into_bytes()
        },
        records: 4,
        findings: THREE,
        ..NOTHING
    },
    Case {
        file: "forged-copy.json",
        about: "two records with one eventID and different content: either may be the forgery",
        make: || {
            let real = disable("forged-copy", 0);
            let forged = real.clone().set("eventName", "DescribeKey").set("readOnly", true);
            envelope(&[forged.json(), real.json()]).into_bytes()
        },
        records: 2,
        problems: &[("parse", "different content")],
        findings: super::ONE,
        exit: 3,
        ..NOTHING
    },
    Case {
        file: "insight-and-aggregated.json",
        about: "an Insight and an Aggregated record, which have no eventName by design",
        make: insight_and_aggregated,
        records: 3,
        findings: &[("key-disabled", 1), ("kms-insight", 1)],
        ..NOTHING
    },
];

fn three(of: &str) -> [String; 3] {
    [0, 1, 2].map(|n| disable(of, n).json())
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("a sound record")
}

/// Indented by two; members in alphabetical order, whatever features `serde_json` has.
fn pretty(value: &Value) -> Vec<u8> {
    let sorted: std::collections::BTreeMap<String, Value> =
        serde_json::from_str(&compact(value)).expect("an object");
    let mut text = String::new();
    write(&mut text, &json!(sorted), 0);
    (text + "\n").into_bytes()
}

fn write(out: &mut String, value: &Value, depth: usize) {
    let pad = "  ".repeat(depth + 1);
    let (open, items, close) = match value {
        Value::Object(members) if !members.is_empty() => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            ('{', members.into_iter().map(|(n, v)| (format!("{}: ", json!(n)), v)).collect(), '}')
        }
        Value::Array(items) if !items.is_empty() => {
            ('[', items.iter().map(|v| (String::new(), v)).collect::<Vec<_>>(), ']')
        }
        plain => return out.push_str(&plain.to_string()),
    };
    out.push(open);
    for (i, (name, item)) in items.into_iter().enumerate() {
        out.push_str(if i == 0 { "\n" } else { ",\n" });
        out.push_str(&pad);
        out.push_str(&name);
        write(out, item, depth + 1);
    }
    out.push('\n');
    out.push_str(&pad[2..]);
    out.push(close);
}

fn lookup_events() -> Vec<u8> {
    let events: Vec<Value> = three("lookup-events")
        .iter()
        .map(|record| {
            let fields = parsed(record);
            json!({
                "EventId": fields["eventID"], "EventName": fields["eventName"], "ReadOnly": "false",
                "EventTime": "2026-03-12T10:00:00+00:00", "EventSource": fields["eventSource"],
                "Username": "noor", "Resources": [], "CloudTrailEvent": record,
            })
        })
        .collect();
    pretty(&json!({"Events": events, "NextToken": "example"}))
}

fn bridge_event(record: &str) -> Value {
    let detail = parsed(record);
    json!({
        "version": "0", "id": detail["requestID"], "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.kms", "account": ACCOUNT, "time": detail["eventTime"],
        "region": "eu-west-1", "resources": [], "detail": detail,
    })
}

fn log_event(more: &str, record: &str) -> Value {
    let mut event = json!({
        "logStreamName": format!("{ACCOUNT}_CloudTrail_eu-west-1"), "timestamp": 1_773_309_600_000_u64,
        "message": record, "eventId": parsed(record)["eventID"],
    });
    event[more] = json!(1_773_309_660_000_u64);
    event
}

fn data_message(records: &[String]) -> String {
    let events: Vec<Value> = records
        .iter()
        .map(|r| json!({"id": parsed(r)["eventID"], "timestamp": 1_773_309_600_000_u64, "message": r}))
        .collect();
    compact(&json!({
        "messageType": "DATA_MESSAGE", "owner": ACCOUNT, "logGroup": "trail",
        "logStream": format!("{ACCOUNT}_CloudTrail_eu-west-1"),
        "subscriptionFilters": ["all"], "logEvents": events,
    }))
}

fn insight_and_aggregated() -> Vec<u8> {
    let of = "insight-and-aggregated";
    let insight = json!({
        "eventVersion": "1.09", "eventTime": "2026-03-12T10:05:00Z", "awsRegion": "eu-west-1",
        "eventID": parsed(&call(of, 8, "Decrypt").json())["eventID"],
        "eventType": "AwsCloudTrailInsight", "recipientAccountId": ACCOUNT,
        "sharedEventID": parsed(&call(of, 9, "Decrypt").json())["eventID"],
        "insightDetails": {"state": "Start", "eventSource": "kms.amazonaws.com",
            "eventName": "DisableKey", "insightType": "ApiCallRateInsight"},
        "eventCategory": "Insight",
    });
    let aggregated = json!({
        "eventVersion": "1.0", "accountId": ACCOUNT, "eventCategory": "Aggregated",
        "eventId": parsed(&call(of, 7, "Decrypt").json())["eventID"],
        "timeWindow": {"windowStart": "2026-03-12T10:00:00Z", "windowEnd": "2026-03-12T10:05:00Z",
            "windowSize": "PT5M"},
        "summary": {"primaryDimension": {"dimension": "eventName",
            "statistics": [{"name": "GetObject", "value": 12}]}},
    });
    let records = [compact(&insight), compact(&aggregated), disable(of, 0).json()];
    envelope(&records).into_bytes()
}
