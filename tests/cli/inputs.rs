//! Every form in which records lie around: the same findings as the plain trail.

use std::io::Write;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::write::GzDecoder;
use serde_json::{Map, Value, json};

use crate::harness::Sandbox;
use crate::trail::{at, call, disable, file, findings, gzip, lines};

/// Every record of the samples, in the order of their files.
fn samples() -> Vec<Value> {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/trail"), &mut files);
    files.sort();
    let records = files.iter().flat_map(|path| {
        let mut decoder = GzDecoder::new(Vec::new());
        decoder.write_all(&std::fs::read(path).unwrap()).unwrap();
        let mut file: Value = serde_json::from_slice(&decoder.finish().unwrap()).unwrap();
        match file["Records"].take() {
            Value::Array(records) => records,
            other => panic!("{other}"),
        }
    });
    records.collect()
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(&path, files),
            false => files.push(path),
        }
    }
}

/// What a report tells of records, whatever they lay in.
fn told(report: &Value) -> Value {
    let finding = |finding: &Value| {
        json!([finding["rule"], finding["level"], finding["count"], finding["fingerprint"]])
    };
    let findings: Vec<Value> = findings(report).iter().map(finding).collect();
    let totals = &report["totals"];
    json!([
        findings,
        totals["records"],
        totals["kms_records"],
        totals["duplicates"],
        report["problems"]
    ])
}

/// A document a line, of each record.
fn each(records: &[Value], document: impl Fn(&Value) -> Value) -> Vec<u8> {
    lines(&records.iter().map(document).collect::<Vec<_>>())
}

fn all(records: &[Value], element: impl Fn(&Value) -> Value) -> Value {
    records.iter().map(element).collect()
}

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn bridge(record: &Value) -> Value {
    json!({"version":"0","detail-type":"AWS API Call via CloudTrail","source":"aws.kms","detail":record})
}

fn logs(record: &Value) -> Value {
    let event = json!({"id":"1","timestamp":1,"message":record.to_string()});
    json!({"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"g","logEvents":[event]})
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// The members of a record as the columns of a table in Athena.
fn row(record: &Value) -> Value {
    let free =
        ["requestParameters", "responseElements", "additionalEventData", "serviceEventDetails"];
    let mut row = Map::new();
    for name in COLUMNS {
        let value = match (&record[name], free.contains(&name)) {
            (Value::Null, _) => Value::Null,
            (value, true) => Value::String(value.to_string()),
            (value, false) => lower(value.clone()),
        };
        row.insert(name.to_lowercase(), value);
    }
    Value::Object(row)
}

const COLUMNS: [&str; 28] = [
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "errorMessage",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "requestID",
    "eventID",
    "readOnly",
    "resources",
    "eventType",
    "apiVersion",
    "managementEvent",
    "recipientAccountId",
    "serviceEventDetails",
    "sharedEventID",
    "vpcEndpointId",
    "vpcEndpointAccountId",
    "eventCategory",
    "sessionCredentialFromConsole",
    "tlsDetails",
];

/// The same value with the names that Glue gives to members of a struct.
fn lower(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name.to_lowercase(), lower(value))).collect()
        }
        Value::Array(elements) => elements.into_iter().map(lower).collect(),
        scalar => scalar,
    }
}

/// What no field of OCSF holds of a record.
fn unmapped(record: &Value) -> Map<String, Value> {
    let user = &record["userIdentity"];
    let mut unmapped = Map::new();
    for name in [
        "recipientAccountId",
        "readOnly",
        "managementEvent",
        "sharedEventID",
        "additionalEventData",
        "serviceEventDetails",
        "sessionCredentialFromConsole",
        "tlsDetails",
        "eventCategory",
    ] {
        match &record[name] {
            Value::Null => {}
            Value::String(text) => drop(unmapped.insert(name.into(), text.clone().into())),
            value => drop(unmapped.insert(name.into(), value.to_string().into())),
        }
    }
    let identity = user.as_object().into_iter().flatten();
    for (name, value) in identity {
        let mapped = [
            "type",
            "arn",
            "principalId",
            "accountId",
            "accessKeyId",
            "userName",
            "invokedBy",
            "sessionContext",
        ];
        if !mapped.contains(&name.as_str()) {
            unmapped.insert(format!("userIdentity.{name}"), value.clone());
        }
    }
    for (name, value) in user["sessionContext"]["sessionIssuer"].as_object().into_iter().flatten() {
        if name != "arn" {
            unmapped
                .insert(format!("userIdentity.sessionContext.sessionIssuer.{name}"), value.clone());
        }
    }
    unmapped
}

/// A record as Security Lake has it.
fn ocsf(record: &Value) -> Value {
    let user = &record["userIdentity"];
    let session = &user["sessionContext"];
    let text = |value: &Value| match value {
        Value::Null => Value::Null,
        value => Value::String(value.to_string()),
    };
    let resource = |resource: &Value| json!({"uid":resource["ARN"],"type":resource["type"],"owner":{"account":{"uid":resource["accountId"]}}});
    let resources =
        record["resources"].as_array().map(|list| list.iter().map(resource).collect::<Vec<_>>());
    json!({
        "class_uid":6003, "class_name":"API Activity", "time_dt":record["eventTime"],
        "status_id":if record["errorCode"].is_null() { 1 } else { 2 },
        "metadata":{"version":"1.1.0","uid":record["eventID"],"event_code":record["eventType"],"product":{"name":"CloudTrail","version":record["eventVersion"]}},
        "cloud":{"region":record["awsRegion"],"provider":"AWS"},
        "api":{"operation":record["eventName"],"version":record["apiVersion"],"service":{"name":record["eventSource"]},
            "request":{"uid":record["requestID"],"data":match text(&record["requestParameters"]) { Value::Null => "null".into(), text => text }},
            "response":{"error":record["errorCode"],"message":record["errorMessage"],"data":match text(&record["responseElements"]) { Value::Null => "null".into(), text => text }}},
        "actor":{"invoked_by":user["invokedBy"],
            "user":{"type":user["type"],"uid":user["arn"],"uid_alt":user["principalId"],"name":user["userName"],"credential_uid":user["accessKeyId"],"account":{"uid":user["accountId"]}},
            "session":match session { Value::Null => json!({}), session => json!({"created_time_dt":session["attributes"]["creationDate"],"is_mfa":session["attributes"]["mfaAuthenticated"],"issuer":session["sessionIssuer"]["arn"]}) }},
        "src_endpoint":{"ip":record["sourceIPAddress"],"uid":record["vpcEndpointId"]},
        "http_request":{"user_agent":record["userAgent"]},
        "resources":resources.unwrap_or_default(), "unmapped":unmapped(record)
    })
}

/// The samples in every form of which all of a record comes back, by name.
fn forms(records: &[Value]) -> Vec<(&'static str, Vec<u8>)> {
    let text = |record: &Value| Value::String(record.to_string());
    let csv = |header: &str, prefix: &str| -> Vec<u8> {
        let row = |record: &Value| format!("{prefix}{}\n", quoted(&record.to_string()));
        (header.to_owned() + &records.iter().map(row).collect::<String>()).into()
    };
    let columns: Vec<String> = COLUMNS.iter().map(|name| name.to_lowercase()).collect();
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => quoted(text),
        value => quoted(&value.to_string()),
    };
    let athena: String = records
        .iter()
        .map(|record| {
            let row = row(record);
            columns.iter().map(|name| cell(&row[name])).collect::<Vec<_>>().join(",") + "\n"
        })
        .collect();
    vec![
        ("splunk export", each(records, |r| json!({"preview":false,"result":{"_raw":text(r)}}))),
        ("splunk results", json!({"preview":false,"results":all(records, |r| json!({"_raw":text(r)}))}).to_string().into()),
        ("splunk csv", csv("_time,_raw\n", "x,")),
        ("splunk collector", each(records, |r| json!({"time":1,"event":r}))),
        ("elasticsearch", json!({"took":1,"hits":{"hits":all(records, |r| json!({"_source":{"event":{"original":text(r)}}}))}}).to_string().into()),
        ("elasticsearch bulk", [each(&records[..1], |_| json!({"index":{"_index":"i"}})), each(records, Value::clone)].concat()),
        ("lake", json!({"QueryStatus":"FINISHED","QueryResultRows":all(records, |r| json!([{"eventJson":text(r)}]))}).to_string().into()),
        ("lake csv", csv("eventJson\n", "")),
        ("logs insights", json!({"results":all(records, |r| json!([{"field":"@message","value":text(r)}]))}).to_string().into()),
        ("athena csv", format!("{}\n{athena}", columns.join(",")).into()),
        ("glue", each(records, row)),
        ("steampipe", json!({"rows":all(records, |r| json!({"event_name":r["eventName"],"cloud_trail_event":r}))}).to_string().into()),
        ("sns", each(records, |r| json!({"Type":"Notification","TopicArn":"t","Message":bridge(r).to_string()}))),
        ("sqs", json!({"Messages":all(records, |r| json!({"Body":bridge(r).to_string()}))}).to_string().into()),
        ("event bridge", each(records, |r| json!({"detail-type":"AWS API Call via CloudTrail","detail":text(r)}))),
        ("kinesis", json!({"Records":all(records, |r| json!({"eventSource":"aws:kinesis","kinesis":{"data":base64(&gzip(logs(r).to_string().as_bytes()))}}))}).to_string().into()),
        ("firehose", json!({"requestId":"r","records":all(records, |r| json!({"data":base64(r.to_string().as_bytes())}))}).to_string().into()),
        ("lambda logs", each(records, |r| json!({"awslogs":{"data":base64(&gzip(logs(r).to_string().as_bytes()))}}))),
        ("syslog", records.iter().map(|r| format!("<134>Mar  1 10:00:00 host cloudtrail: {r}\n")).collect::<String>().into()),
        ("ocsf", each(records, ocsf)),
    ]
}

#[test]
fn every_form_of_an_export_gives_the_findings_of_the_trail() {
    let records = samples();
    let sandbox = Sandbox::new();
    sandbox.write("plain/x.json", file(&records));
    let expected = told(&sandbox.report(0, ["plain"]));
    assert!(expected[0].as_array().is_some_and(|findings| findings.len() > 20));
    for (name, bytes) in forms(&records) {
        sandbox.write(&format!("{name}/x.json"), bytes);
        let found = told(&sandbox.report(0, [name]));
        let lacks = |a: &Value, b: &Value| -> Vec<Value> {
            let b = b[0].as_array().unwrap();
            a[0].as_array()
                .unwrap()
                .iter()
                .filter(|finding| !b.contains(finding))
                .cloned()
                .collect()
        };
        assert_eq!(
            (lacks(&expected, &found), lacks(&found, &expected)),
            (vec![], vec![]),
            "{name}"
        );
        assert_eq!(found, expected, "{name}");
    }
}

/// A row with the columns that a query of an analyst may have.
const SHORT: &str = "eventversion,useridentity,eventtime,eventsource,eventname,awsregion,eventid\n";

#[test]
fn a_rule_that_asks_for_a_column_that_is_not_there_does_not_decide() {
    let sandbox = Sandbox::new();
    let identity = "\"{type=IAMUser, arn=arn:aws:iam::111122223333:user/alice}\"";
    let line = |name: &str, id: &str| {
        format!("1.11,{identity},2026-03-01T10:00:00Z,kms.amazonaws.com,{name},eu-west-1,{id}\n")
    };
    let text = SHORT.to_owned()
        + &line("ScheduleKeyDeletion", "e-1")
        + &line("CreateGrant", "e-2")
        + &line("PutKeyPolicy", "e-3")
        + &line("Decrypt", "e-4");
    sandbox.write("athena.csv", text);
    let report = sandbox.report(0, ["athena.csv", "--min-level=informational"]);
    let rules: Vec<&Value> =
        report["findings"].as_array().unwrap().iter().map(|f| &f["rule"]).collect();
    assert!(rules.contains(&&json!("key-deletion-scheduled")), "{rules:?}");
    // Nothing is told that rests on what the export does not have.
    for rule in ["policy-unreadable", "grant-unconstrained", "policy-no-encryption-context"] {
        assert!(!rules.contains(&&json!(rule)), "{rule}");
    }
    assert_eq!(report["problems"], json!([]));
    let notes: Vec<&str> =
        report["notes"].as_array().unwrap().iter().filter_map(|n| n["message"].as_str()).collect();
    assert!(
        notes
            .iter()
            .any(|note| note.contains("requestParameters") && note.contains("do not decide")),
        "{notes:?}"
    );
    assert!(notes.iter().any(|note| note.contains("whether calls failed")), "{notes:?}");
}

#[test]
fn a_rule_that_would_match_without_what_is_unknown_says_that_it_could_not_decide() {
    let sandbox = Sandbox::new();
    sandbox.write("rules/own.yml", "title: A call without an endpoint\nid: own-rule\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  selection: {eventName: DisableKey}\n  filter: {vpcEndpointId: vpce-1}\n  condition: selection and not filter\nlevel: high\n");
    let row = |value: Value| {
        let mut row = row(&disable("e-1"));
        match value {
            Value::Null => drop(row.as_object_mut().unwrap().remove("vpcendpointid")),
            value => row["vpcendpointid"] = value,
        }
        row
    };
    let run = |row: Value, code: i32| {
        sandbox.write("row.json", row.to_string());
        sandbox.report(code, ["row.json", "--rules=rules", "--select=own-rule"])
    };
    assert_eq!(run(row(json!("vpce-2")), 0)["findings"][0]["rule"], "own-rule");
    assert_eq!(run(row(json!("")), 0)["findings"][0]["rule"], "own-rule");
    let report = run(row(Value::Null), 0);
    assert_eq!(report["findings"], json!([]));
    let notes = report["notes"].to_string();
    assert!(notes.contains("Rule own-rule could not decide"), "{notes}");
}

#[test]
fn a_correlation_counts_no_match_whose_group_is_unknown() {
    let sandbox = Sandbox::new();
    let rules = |kind: &str, condition: &str| {
        format!(
            "title: Any\nid: any\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n  s: {{eventName: DisableKey}}\n  condition: s\n---\ntitle: Two\nid: two\ncorrelation:\n  type: {kind}\n  rules: [any]\n  timespan: 1d\n  {condition}\nlevel: high\n"
        )
    };
    let run = |endpoints: [Option<&str>; 2]| {
        let rows = ["e-1", "e-2"].into_iter().zip(endpoints).map(|(id, endpoint)| {
            let mut row = row(&disable(id));
            match endpoint {
                None => drop(row.as_object_mut().unwrap().remove("vpcendpointid")),
                Some(endpoint) => row["vpcendpointid"] = json!(endpoint),
            }
            row.to_string()
        });
        sandbox.write("rows.json", rows.collect::<Vec<_>>().join("\n"));
        let report = sandbox.report(0, ["rows.json", "--rules=rules", "--select=two"]);
        let told = report["notes"].to_string().contains("Rule two could not decide");
        (report["findings"].as_array().unwrap().len(), told)
    };
    for (kind, condition, wanted) in [
        ("event_count", "group-by: [vpcEndpointId]\n  condition: {gte: 2}", [1, 0]),
        ("value_count", "condition: {field: vpcEndpointId, gte: 2}", [0, 1]),
    ] {
        sandbox.write("rules/own.yml", rules(kind, condition));
        assert_eq!(run([Some("vpce-1"), Some("vpce-1")]), (wanted[0], false), "{kind}");
        assert_eq!(run([Some("vpce-1"), Some("vpce-2")]), (wanted[1], false), "{kind}");
        assert_eq!(run([None, None]), (0, true), "{kind}");
        assert_eq!(run([Some("vpce-1"), None]), (0, true), "{kind}");
    }
    // What is grouped by something known is counted.
    sandbox.write(
        "rules/own.yml",
        rules("event_count", "group-by: [awsRegion]\n  condition: {gte: 2}"),
    );
    assert_eq!(run([None, None]), (1, false));
}

#[test]
fn a_folder_of_notices_is_no_clean_trail() {
    let sandbox = Sandbox::new();
    let notice = json!({"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","eventTime":"2026-03-01T10:00:00.000Z","awsRegion":"eu-west-1","s3":{"object":{"key":"k"}}}]});
    sandbox.write("notices/a.json", notice.to_string());
    sandbox.write(
        "notices/b.json",
        json!({"Type":"Notification","TopicArn":"t","Message":"CloudTrail validation message."})
            .to_string(),
    );
    let report = sandbox.report(3, ["notices"]);
    assert_eq!(report["totals"]["blobs_other"], 2);
    assert_eq!(report["totals"]["blobs_other_kinds"], json!({"trail_test":1,"s3_notice":1}));
    assert_eq!(report["totals"]["records"], 0);
    // Beside a trail they are counted, and no problem.
    sandbox.write("notices/trail.json", file(&[at(call("Decrypt", "e-1"), 1)]));
    assert_eq!(sandbox.report(0, ["notices"])["totals"]["blobs_other"], 2);
    let table = sandbox.keytrail(["scan", "notices"]).run();
    assert!(
        table.stdout.contains("1 test message of CloudTrail, 1 S3 event notification"),
        "{}",
        table.stdout
    );
}

#[test]
fn a_record_that_claims_unknown_members_silences_no_rule() {
    let sandbox = Sandbox::new();
    let claim = json!(["\u{1b}[2J", "eventName", "userIdentity", "requestParameters"]);
    let mut text = json!({"keytrail.unknown": claim}).to_string();
    text.pop();
    text += &format!(",{}", &disable("e-1").to_string()[1..]);
    sandbox.write("trail.json", format!("{{\"Records\":[{text},{}]}}", disable("e-2")));
    let report = sandbox.report(3, ["--select=key-disabled", "trail.json"]);
    assert_eq!(report["findings"][0]["count"], 2);
    assert_eq!((&report["notes"], report["problems"].as_array().unwrap().len()), (&json!([]), 1));
}

#[test]
fn tags_of_a_key_are_unknown_where_the_export_left_out_the_request() {
    let found = |sample: &str, without: &[&str]| {
        let path = format!("samples/rules/key-untagged/{sample}.json");
        let text = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        let file: Value = serde_json::from_slice(&text).unwrap();
        let rows = each(file["Records"].as_array().unwrap(), |record| {
            let mut row = row(record);
            without.iter().for_each(|name| drop(row.as_object_mut().unwrap().remove(*name)));
            row
        });
        let sandbox = Sandbox::new();
        sandbox.write("rows.json", rows);
        let report = sandbox.report(0, ["rows.json", "--min-level=informational"]);
        findings(&report).iter().filter(|finding| finding["rule"] == "key-untagged").count()
    };
    assert_eq!(found("match-no-tags", &[]), 1);
    assert_eq!(found("match-no-tags", &["requestparameters"]), 0);
    assert_eq!(found("clean-tagged-at-creation", &["requestparameters"]), 0);
}
