//! What other tools make of records: the same records, and no fault costs more than itself.

use super::*;

/// Base64 of a text, compressed with gzip or not.
fn base64(text: &str, compressed: bool) -> String {
    use base64::Engine as _;
    use std::io::Write as _;
    let mut bytes = text.as_bytes().to_vec();
    if compressed {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&bytes).unwrap();
        bytes = encoder.finish().unwrap();
    }
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn what_other_tools_make_of_records_gives_the_same_records() {
    let (a, b) = (record(1), record(2));
    let bridge =
        |v: &Value| json!({"detail-type":"AWS API Call via CloudTrail","detail":v}).to_string();
    let logs = |v: &Value| {
        json!({"messageType":"DATA_MESSAGE","logEvents":[{"id":"1","message":v.to_string()}]})
            .to_string()
    };
    let lines = |documents: &[Value]| -> String {
        documents.iter().map(|document| format!("{document}\n")).collect()
    };
    let quoted = |v: &Value| format!("\"{}\"", v.to_string().replace('"', "\"\""));
    for text in [
        // EventBridge: the detail as text, through SQS, SNS, and SNS in SQS.
        lines(&[json!({"detail-type":"AWS API Call via CloudTrail","detail":a.to_string()}), json!({"detail-type":"x","detail":b})]),
        json!({"Messages":[{"MessageId":"1","Body":bridge(&a)},{"Body":bridge(&b)}]}).to_string(),
        lines(&[json!({"Type":"Notification","TopicArn":"t","Message":bridge(&a)}), json!({"Type":"Notification","Message":b.to_string()})]),
        json!({"Messages":[{"Body":json!({"Type":"Notification","Message":bridge(&a)}).to_string()},{"Body":b.to_string()}]}).to_string(),
        // What Lambda is given.
        json!({"Records":[{"eventSource":"aws:sqs","body":bridge(&a)},{"EventSource":"aws:sns","EventVersion":"1.0","Sns":{"Message":b.to_string()}}]}).to_string(),
        json!({"Records":[{"eventVersion":"1.0","eventSource":"aws:kinesis","kinesis":{"data":base64(&logs(&a), true)}},{"eventSource":"aws:kinesis","kinesis":{"data":base64(&b.to_string(), false)}}]}).to_string(),
        format!("{}{}", json!({"awslogs":{"data":base64(&logs(&a), true)}}), json!({"awslogs":{"data":base64(&logs(&b), true)}})),
        // Firehose and Kinesis.
        json!({"requestId":"r","timestamp":1,"records":[{"data":base64(&(logs(&a) + &logs(&b)), true)}]}).to_string(),
        json!({"Records":[{"SequenceNumber":"1","PartitionKey":"p","Data":base64(&a.to_string(), false)},{"SequenceNumber":"2","Data":base64(&b.to_string(), true)}]}).to_string(),
        // Splunk.
        lines(&[json!({"preview":false,"result":{"_raw":a.to_string(),"_time":"x"}}), json!({"result":{"_raw":b.to_string()}})]),
        json!({"preview":false,"results":[{"_raw":a.to_string()},b]}).to_string(),
        lines(&[json!({"time":1,"sourcetype":"aws:cloudtrail","event":a}), json!({"event":b.to_string()})]),
        format!("_time,_raw\nx,{}\ny,{}\n", quoted(&a), quoted(&b)),
        // Elasticsearch.
        json!({"took":1,"hits":{"total":{"value":2},"hits":[{"_index":"i","_source":a},{"_source":{"event":{"original":b.to_string()}}}]}}).to_string(),
        lines(&[json!({"_index":"i","_source":{"message":a.to_string()}}), json!({"_source":{"event.original":b.to_string()}})]),
        // CloudTrail Lake, Athena, Logs Insights, Steampipe.
        json!({"QueryStatus":"FINISHED","QueryResultRows":[[{"eventJson":a.to_string()}],[{"eventJson":b.to_string()}]]}).to_string(),
        json!({"QueryResultRows":[[{"eventJson":a.to_string()}],[{"x":"y"},{"eventJson":b.to_string()}]]}).to_string(),
        json!({"ResultSet":{"Rows":[{"Data":[{"VarCharValue":"eventjson"}]},{"Data":[{"VarCharValue":a.to_string()}]},{"Data":[{"VarCharValue":b.to_string()}]}]}}).to_string(),
        json!({"results":[[{"field":"@timestamp","value":"t"},{"field":"@message","value":a.to_string()}],[{"field":"@message","value":b.to_string()}]],"status":"Complete"}).to_string(),
        json!({"columns":[],"rows":[{"event_name":"Decrypt","cloud_trail_event":a},{"cloud_trail_event":b.to_string()}]}).to_string(),
        format!("eventJson\n{}\r\n{}", quoted(&a), quoted(&b)),
        // Lines of syslog.
        format!("<134>Mar  1 10:00:00 host cloudtrail: {a}\nMar  1 10:00:01 host x[1]: {b}\n"),
    ] {
        let seen = read(text.as_bytes());
        assert_eq!(seen, [Seen::Record(0, a.clone()), Seen::Record(1, b.clone())], "{text}");
    }
}

#[test]
fn actions_of_a_bulk_request_stand_between_records() {
    let action = json!({"create":{"_index":"logs"}});
    let seen = read(format!("{action}\n{}\n{action}\n{}\n", record(1), record(2)).as_bytes());
    assert_eq!((records(&seen), bad(&seen), problems(&seen).len()), (vec![1, 2], 0, 0));
}

#[test]
fn rows_with_columns_are_records_with_unknown_members() {
    let row = json!({"eventname":"Decrypt","eventsource":"kms.amazonaws.com","errorcode":null});
    let csv = "eventname,eventsource,errorcode\nDecrypt,kms.amazonaws.com,\n".to_owned();
    let lake = json!({"QueryResultRows":[[{"eventName":"Decrypt"},{"eventSource":"kms.amazonaws.com"},{"errorCode":""}]]});
    let athena = json!({"ResultSet":{"Rows":[
        {"Data":[{"VarCharValue":"eventname"},{"VarCharValue":"eventsource"},{"VarCharValue":"errorcode"}]},
        {"Data":[{"VarCharValue":"Decrypt"},{"VarCharValue":"kms.amazonaws.com"},{}]}]}});
    for text in
        [row.to_string(), csv, lake.to_string(), athena.to_string(), json!([row]).to_string()]
    {
        let seen = read(text.as_bytes());
        let [Seen::Record(0, record)] = &seen[..] else { panic!("{text}: {seen:?}") };
        let unknown = record[crate::record::unknown::MEMBER].as_array().unwrap();
        assert_eq!(record["eventName"], "Decrypt", "{text}");
        assert!(unknown.contains(&json!("requestParameters")), "{text}");
        assert!(
            !unknown.contains(&json!("errorCode")) && record.get("errorCode").is_none(),
            "{text}"
        );
    }
}

#[test]
fn faults_in_exports_cost_themselves_and_no_other() {
    let a = record(1);
    let raw = format!("\"{}\"", a.to_string().replace('"', "\"\""));
    for text in [
        json!({"requestId":"r","records":[{"data":"%"},{"data":base64(&a.to_string(), false)}]}).to_string(),
        json!({"requestId":"r","records":[{"data":base64("{\"a\":", true)},{"data":base64(&a.to_string(), false)}]}).to_string(),
        json!({"Messages":[{"Body":"hello"},{"Body":a.to_string()}]}).to_string(),
        format!("_raw,x\n\"open,1\n{raw},1"),
        format!("_raw,x\n{raw}\n{raw},1"),
        json!({"ResultSet":{"Rows":[{"Data":[{"VarCharValue":"eventjson"}]},{"Data":[{"VarCharValue":"a"},{"VarCharValue":"b"}]},{"Data":[{"VarCharValue":a.to_string()}]}]}}).to_string(),
        json!({"hits":{"hits":[{"_source":{"event":{"action":"Decrypt"}}},{"_source":a}]}}).to_string(),
    ] {
        let seen = read(text.as_bytes());
        assert_eq!((records(&seen), bad(&seen) + problems(&seen).len()), (vec![1], 1), "{text}: {seen:?}");
    }
}

#[test]
fn documents_wrap_documents_a_few_times_and_no_more() {
    let wrap = |inner: Value| json!({"Type":"Notification","Message":inner.to_string()});
    let nested = |times: usize| (0..times).fold(record(1), |inner, _| wrap(inner));
    assert_eq!(records(&read(nested(8).to_string().as_bytes())), [1]);
    assert_eq!(bad(&read(nested(9).to_string().as_bytes())), 1);
    let encode = |inner: Value| json!({"recordId":"1","data":base64(&inner.to_string(), true)});
    let encoded = |times: usize| (0..times).fold(record(1), |inner, _| encode(inner));
    assert_eq!(records(&read(encoded(2).to_string().as_bytes())), [1]);
    assert_eq!(bad(&read(encoded(3).to_string().as_bytes())), 1);
}

#[test]
fn the_whole_record_comes_before_what_was_taken_out_of_it() {
    let a = record(1);
    let fields =
        json!({"eventName":"Decrypt","eventSource":"kms.amazonaws.com","userIdentity.arn":"x"});
    let beside = |name: &str, value: Value| {
        let mut row = fields.clone();
        row[name] = value;
        row
    };
    for text in [
        json!({"preview":false,"result":beside("_raw", a.to_string().into())}),
        json!({"results":[beside("_raw", a.to_string().into())]}),
        json!({"_source":beside("event", json!({"original":a.to_string()}))}),
        json!({"_source":{"message":a.to_string(),"event":{"dataset":"aws.cloudtrail"}}}),
        json!({"_source":{"message":a.to_string(),"event":{"action":"Decrypt"}}}),
        json!({"rows":[beside("cloudtrail_event", a.clone())]}),
        json!({"eventJson":a.to_string(),"TrackingStartDate":"x","KeyLastUsage":{},"KeyId":"k"}),
        json!({"eventJson":a.to_string(),"s3Bucket":"b","s3ObjectKey":["k"]}),
    ] {
        assert_eq!(read(text.to_string().as_bytes()), [Seen::Record(0, a.clone())], "{text}");
    }
}

#[test]
fn a_search_for_some_members_leaves_the_others_unknown() {
    let row = json!({"eventName":"Decrypt","eventSource":"kms.amazonaws.com","userIdentity.arn":"arn:x","eventTime":"2026-03-01T10:00:00Z"});
    for text in
        [json!({"result":row}), json!({"_source":row}), json!({"results":[row]}), row.clone()]
    {
        let seen = read(text.to_string().as_bytes());
        let [Seen::Record(0, record)] = &seen[..] else { panic!("{text}: {seen:?}") };
        let unknown = record[crate::record::unknown::MEMBER].as_array().unwrap();
        for name in ["requestParameters", "errorCode", "userIdentity.sessionContext"] {
            assert!(unknown.contains(&json!(name)), "{text}: {name}");
        }
        assert_eq!(record["userIdentity"]["arn"], "arn:x");
    }
    // A record of a trail file is whole, whatever it lacks.
    let seen = read(
        json!({"Records":[{"eventName":"Decrypt","eventSource":"kms.amazonaws.com"}]})
            .to_string()
            .as_bytes(),
    );
    assert!(
        matches!(&seen[..], [Seen::Record(0, record)] if record.as_object().unwrap().len() == 2)
    );
}

#[test]
fn what_others_call_records_and_events_is_no_record() {
    use OtherDocument::*;
    let notice = |source: &str, version: &str| json!({"Records":[{"eventVersion":version,"eventSource":source,"eventName":"s3:ObjectCreated:Put","s3":{}}]});
    for (text, kind) in [
        (notice("minio:s3", "2.0"), S3Notice),
        (notice("ceph:s3", "2.2"), S3Notice),
        (notice("aws:s3", "1.5"), S3Notice),
        (json!({"class_uid":6003,"api":{"operation":"x"},"cloud":{"provider":"GCP"}}), Ocsf),
        (
            json!({"class_uid":6003,"api":{"operation":"x"},"metadata":{"product":{"name":"Amazon EKS"}}}),
            Ocsf,
        ),
        (json!({"create":{}}), BulkAction),
        (json!({"index":{"_index":"i","routing":"r"}}), BulkAction),
        (json!({"name":"pkg","records":[]}), EmptyList),
        (json!({"results":[]}), EmptyList),
        (json!({"hits":{"hits":[]}}), EmptyList),
        (
            json!({"ResultSet":{"Rows":[{"Data":[{"VarCharValue":"eventname"},{"VarCharValue":"eventsource"}]}]}}),
            EmptyList,
        ),
    ] {
        assert_eq!(read(text.to_string().as_bytes()), [Seen::Other(kind)], "{text}");
    }
    assert_eq!(read(br#"{"Records":[]}"#), []);
    assert_eq!(read(br#"{"Events":[]}"#), []);
    let seen = read(
        json!({"ResultSet":{"Rows":[{"Data":[{"VarCharValue":"_col0"}]}]}}).to_string().as_bytes(),
    );
    assert_eq!(problems(&seen).len(), 1);
}

#[test]
fn a_record_that_claims_unknown_members_is_read_without_the_claim() {
    let mut claim = json!({crate::record::unknown::MEMBER:["eventName"]}).to_string();
    claim.pop();
    let claim = format!("{claim},{}", &record(1).to_string()[1..]);
    for text in
        [claim.clone(), format!("{{\"Records\":[{claim}]}}"), json!({"_raw":claim}).to_string()]
    {
        let seen = read(text.as_bytes());
        assert_eq!((records(&seen), problems(&seen).len()), (vec![1], 1), "{text}");
        assert!(!format!("{seen:?}").contains("keytrail.unknown\""), "{seen:?}");
    }
}

#[test]
fn bytes_that_are_no_utf8_are_said_in_every_form() {
    use base64::Engine as _;
    let mut bytes = record(1).to_string().into_bytes();
    bytes.truncate(bytes.len() - 1);
    bytes.extend(b",\"x\":\"\xff\"}");
    let quoted: Vec<u8> =
        bytes.iter().flat_map(|byte| vec![*byte; if *byte == b'"' { 2 } else { 1 }]).collect();
    let data = base64::engine::general_purpose::STANDARD.encode(&bytes);
    for text in [
        json!({"recordId":"1","data":data}).to_string().into_bytes(),
        [b"_raw\n\"", &quoted[..], b"\"\n"].concat(),
        [b"{\"QueryResultRows\":[[{\"eventJson\":", &bytes[..], b"}]]}"].concat(),
    ] {
        let seen = read(&text);
        assert_eq!((records(&seen), problems(&seen).len()), (vec![1], 1), "{seen:?}");
    }
}

#[test]
fn a_byte_order_mark_hides_no_table() {
    let table = "eventname,eventsource\nDecrypt,kms.amazonaws.com\n";
    let seen = read(format!("\u{feff}{table}").as_bytes());
    assert!(matches!(&seen[..], [Seen::Record(0, _)]), "{seen:?}");
}

#[test]
fn lists_of_events_may_be_empty_wherever_they_stand() {
    assert_eq!(read(br#"{"NextToken":"t","Events":[]}"#), []);
    assert_eq!(read(br#"{"a":1,"results":[]}"#), [Seen::Other(OtherDocument::EmptyList)]);
}
