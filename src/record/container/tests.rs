//! Every container, every fault, in one piece and in many, by the fast scan and by the plain one.

mod exports;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::window::{Cut, Window};
use crate::record::scan;

/// What a sink was given, in order.
#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Record(u64, Value),
    Bad(u64, String),
    Problem(String),
    Other(OtherDocument),
}

#[derive(Default)]
struct Recorder(Vec<Seen>);

impl Sink for Recorder {
    fn record(&mut self, number: u64, record: Marked<'_>) {
        let event = record.event().expect("a record is UTF-8");
        self.0.push(Seen::Record(number, event.json().to_value()));
    }
    fn bad(&mut self, number: u64, message: String) {
        self.0.push(Seen::Bad(number, message));
    }
    fn problem(&mut self, _: Stage, message: String) {
        self.0.push(Seen::Problem(message));
    }
    fn other(&mut self, kind: OtherDocument) {
        self.0.push(Seen::Other(kind));
    }
    fn ready(&mut self) -> bool {
        true
    }
}

/// A window that shows `step` more bytes at each fill, and may fail at its end.
struct Pieces<'a> {
    text: &'a [u8],
    start: usize,
    end: usize,
    step: usize,
    cut: Option<Cut>,
}

impl Window for Pieces<'_> {
    fn text(&self) -> &[u8] {
        &self.text[self.start..self.end]
    }
    fn consume(&mut self, n: usize) {
        self.start += n;
    }
    fn fill(&mut self) -> Result<bool, Cut> {
        if self.end == self.text.len() {
            return self.cut.take().map_or(Ok(false), Err);
        }
        self.end = (self.end + self.step).min(self.text.len());
        Ok(true)
    }
    fn offset(&self) -> u64 {
        self.start as u64
    }
}

const MAX_RECORD: usize = 1 << 20;

fn read_with(scan: Scan, text: &[u8], step: usize, cut: Option<Cut>) -> Vec<Seen> {
    let mut recorder = Recorder::default();
    let mut window = Pieces { text, start: 0, end: step.min(text.len()), step, cut };
    Reader::new(scan, MAX_RECORD).read(&mut window, &mut recorder);
    assert_eq!(window.start, text.len(), "all text is dealt with");
    recorder.0
}

/// Reads `text` in one piece, having made sure that every other way says the same.
fn read(text: &[u8]) -> Vec<Seen> {
    let expected = read_with(plain::scan, text, text.len().max(1), None);
    for (name, scan) in scan::all() {
        for step in [text.len().max(1), 1, 7, 64, 1000] {
            let seen = read_with(scan, text, step, None);
            assert_eq!(
                seen,
                expected,
                "{name}, {step} bytes at a time: {}",
                String::from_utf8_lossy(text)
            );
        }
    }
    expected
}

fn record(n: u64) -> Value {
    json!({"eventVersion":"1.08","eventSource":"kms.amazonaws.com","eventName":"Decrypt","n":n})
}

fn records(seen: &[Seen]) -> Vec<u64> {
    let n = |s: &Seen| match s {
        Seen::Record(_, value) => value["n"].as_u64(),
        _ => None,
    };
    seen.iter().filter_map(n).collect()
}

fn bad(seen: &[Seen]) -> usize {
    seen.iter().filter(|s| matches!(s, Seen::Bad(..))).count()
}

fn problems(seen: &[Seen]) -> Vec<&str> {
    let message = |s: &'_ Seen| match s {
        Seen::Problem(m) => Some(m.clone()),
        _ => None,
    };
    seen.iter().filter_map(message).map(|m| &*Box::leak(m.into_boxed_str())).collect()
}

#[test]
fn every_container_gives_its_records() {
    let (a, b) = (record(1), record(2));
    let string = |v: &Value| v.to_string();
    let containers = [
        json!({"Records":[a, b]}).to_string(),
        serde_json::to_string_pretty(&json!({"Records":[a, b]})).unwrap(),
        format!("{{\"Records\":[\n{a},\n{b}\n]}}\n"),
        json!([a, b]).to_string(),
        format!("{a}\n{b}\n"),
        format!("{a}{b}"),
        format!("{}\n{}", json!({"Records":[a]}), json!({"Records":[b]})),
        serde_json::to_string_pretty(&a).unwrap() + "\n" + &serde_json::to_string_pretty(&b).unwrap(),
        json!({"Events":[{"EventId":"x","CloudTrailEvent":string(&a)},{"CloudTrailEvent":string(&b)}],"NextToken":"t"}).to_string(),
        json!({"NextToken":"t","Events":[{"CloudTrailEvent":string(&a)},{"CloudTrailEvent":string(&b)}]}).to_string(),
        format!("{}{}", json!({"version":"0","detail-type":"AWS API Call via CloudTrail","detail":a}), json!({"detail-type":"x","detail":b})),
        json!({"events":[{"message":string(&a)},{"message":string(&b)}],"searchedLogStreams":[]}).to_string(),
        format!(
            "{}{}",
            json!({"messageType":"DATA_MESSAGE","owner":"1","logEvents":[{"id":"1","message":string(&a)}]}),
            json!({"messageType":"DATA_MESSAGE","logEvents":[{"id":"2","message":string(&b)}]})
        ),
        format!("2026-11-23T00:00:00.000Z {a}\n2026-11-23T00:00:01.000Z {b}\n"),
        json!({"Records":[a],"more":{"x":[1]},"Records ":1}).to_string() + &json!([b]).to_string(),
    ];
    for text in containers {
        let seen = read(text.as_bytes());
        assert_eq!(seen, [Seen::Record(0, a.clone()), Seen::Record(1, b.clone())], "{text}");
    }
}

#[test]
fn what_is_known_and_no_trail_log_is_other() {
    use OtherDocument::*;
    let sns = |text: &str| json!({"Type":"Notification","TopicArn":"arn:x","Message":text});
    let notice = json!({"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{}}]});
    for (text, kind) in [
        (json!({"awsAccountId":"111122223333","digestS3Object":"x","logFiles":[]}), Digest),
        (json!({"signature":"ab"}), DigestSignature),
        (json!({"key":"a/b","signature":"ab"}), DigestSignature),
        (json!({"ETag":"x","Metadata":{"signature":"ab"}}), DigestSignature),
        (json!({"signature":"ab","signature-algorithm":"SHA256withRSA"}), DigestSignature),
        (json!({"fileVersion":"1.0","configSnapshotId":"x","configurationItems":[]}), Config),
        (
            json!({"messageType":"CONTROL_MESSAGE","logEvents":[{"message":"CWL CONTROL MESSAGE"}]}),
            LogsTest,
        ),
        (
            json!({"detail-type":"Tag Change on Resource","source":"aws.tag","detail":{"tags":{}}}),
            EventBridge,
        ),
        (json!({"detail-type":"Tag Change on Resource","detail":"{}"}), EventBridge),
        (notice.clone(), S3Notice),
        (sns(&notice.to_string()), S3Notice),
        (json!({"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}), S3Notice),
        (sns("CloudTrail validation message."), TrailTest),
        (sns(&json!({"s3Bucket":"b","s3ObjectKey":["AWSLogs/x"]}).to_string()), TrailNotice),
        (
            json!({"Type":"SubscriptionConfirmation","TopicArn":"arn:x","Message":"You have"}),
            SnsSubscription,
        ),
        (
            json!({"Records":[{"eventVersion":"1.0","eventSource":"aws:dynamodb","eventName":"INSERT"}]}),
            LambdaEvent,
        ),
        (json!({"class_uid":3002,"api":{"operation":"ConsoleLogin"}}), Ocsf),
        (json!({"index":{"_index":"logs"}}), BulkAction),
        (
            json!({"KeyId":"k","KeyLastUsage":{"Operation":"Decrypt"},"TrackingStartDate":"x"}),
            KeyLastUsage,
        ),
    ] {
        assert_eq!(read(text.to_string().as_bytes()), [Seen::Other(kind)], "{text}");
    }
    let flow = "version account-id interface-id srcaddr\n2 111122223333 eni-1 192.0.2.1\n";
    assert_eq!(read(flow.as_bytes()), [Seen::Other(FlowLog)]);
    assert_eq!(read(b"{\"Records\":[]}"), []);
    // Only a blob that starts as a flow log is one, and nothing else in it is passed over.
    let flow = "2 111122223333 eni-1 192.0.2.1\n";
    let seen = read(format!("{flow}{}\n{flow}hello\n", record(1)).as_bytes());
    assert_eq!(
        (seen[0].clone(), records(&seen), problems(&seen).len()),
        (Seen::Other(FlowLog), vec![1], 1)
    );
    let seen = read(format!("{{\"foo\":1}}\n{flow}{}", record(1)).as_bytes());
    assert_eq!((records(&seen), problems(&seen).len()), (vec![1], 2));
}

#[test]
fn a_broken_record_costs_itself_and_no_other() {
    let (a, b) = (record(1), record(2));
    for broken in [
        r#"{"eventName":tru}"#,
        r#"{"eventName" "x"}"#,
        r#"{"a":1,}"#,
        "1",
        "null",
        r#""text""#,
        "[{}]",
        "tru",
        "{\"a\":\"x\ny\"}",
        r#"{"a":"\q"}"#,
    ] {
        let text = format!("{{\"Records\":[{a},{broken},{b}]}}");
        let seen = read(text.as_bytes());
        assert_eq!((records(&seen), bad(&seen)), (vec![1, 2], 1), "{text}: {seen:?}");
        assert_eq!(problems(&seen), Vec::<&str>::new(), "{text}");
    }
    // Brackets are counted whatever their kind, so this one ends early; what is left over of it is
    // no second fault.
    let seen = read(format!("[{a},{{\"a\":[}}]}},{b}]").as_bytes());
    assert_eq!((records(&seen), bad(&seen), problems(&seen).len()), (vec![1, 2], 1, 0), "{seen:?}");
}

#[test]
fn a_cut_line_costs_itself_and_no_other() {
    let (a, b) = (record(1), record(2));
    for broken in [
        r#"{"a":1"#,
        r#"{"a":"#,
        r#"{"a": "#,
        r#"{"a":1,"#,
        r#"{"a":"x"#,
        r#"{"a":[1"#,
        r#"{"a":{"b":"c"}"#,
        "{",
        r#"{"a""#,
    ] {
        let text = format!("{a}\n{broken}\n{b}\n");
        let seen = read(text.as_bytes());
        assert_eq!((records(&seen), bad(&seen)), (vec![1, 2], 1), "{text}: {seen:?}");
    }
    let batches =
        format!("{{\"Records\":[{a}]}}\n{{\"Records\":[{{\"x\":1\n{{\"Records\":[{b}]}}\n");
    let seen = read(batches.as_bytes());
    assert_eq!((records(&seen), bad(&seen)), (vec![1, 2], 1), "{seen:?}");
}

#[test]
fn text_that_ends_early_is_said_and_its_start_is_read() {
    let text = json!({"Records":[record(1), record(2)]}).to_string();
    let ends: Vec<usize> = (0..text.len()).collect();
    for end in ends {
        let seen = read(&text.as_bytes()[..end]);
        assert_eq!(problems(&seen).len() + bad(&seen), 1, "{}: {seen:?}", &text[..end]);
    }
    assert_eq!(records(&read(&text.as_bytes()[..text.len() - 1])), [1, 2]);
    let cut = Cut { stage: Stage::Inflate, message: "cut".into() };
    let half = &text.as_bytes()[..text.len() - 9];
    let seen = read_with(scan::fastest(), half, 5, Some(cut));
    assert_eq!(records(&seen), [1]);
    assert_eq!(problems(&seen), ["cut"], "one problem, not two");
}

#[test]
fn missing_and_doubled_commas_are_said() {
    let (a, b) = (record(1), record(2));
    for text in [
        format!("[{a} {b}]"),
        format!("[{a},,{b}]"),
        format!("[,{a},{b}]"),
        format!("[{a},{b},]"),
        format!("[{a}}},{b}]"),
    ] {
        let seen = read(text.as_bytes());
        assert_eq!((records(&seen), bad(&seen)), (vec![1, 2], 0), "{text}");
        assert!(!problems(&seen).is_empty(), "{text}");
    }
}

#[test]
fn text_of_no_known_kind_is_said() {
    for text in
        ["hello\n", "a,b\n1,2\n", "{\"foo\":1}", "[{\"foo\":1}]", "\u{1}\u{2}", "nothing {\"a\":1}"]
    {
        let seen = read(text.as_bytes());
        assert!(
            matches!(&seen[..], [Seen::Problem(m)] if m.contains("no known kind")),
            "{text}: {seen:?}"
        );
    }
    for text in ["", " \n", "\n\n"] {
        assert!(problems(&read(text.as_bytes()))[0].contains("empty"), "{text:?}");
    }
    let seen = read(format!("{}\n\u{feff}{}", record(1), record(2)).as_bytes());
    assert_eq!((records(&seen), seen.len()), (vec![1, 2], 2), "a mark between documents");
    let seen = read(format!("hello\n{}\nbye", record(1)).as_bytes());
    assert_eq!((records(&seen), problems(&seen).len()), (vec![1], 1));
}

#[test]
fn a_long_line_of_no_known_kind_is_passed_over_whole() {
    // The record behind the 64 KiB is the middle of a line, not a document.
    for len in [65_530, 65_536, 65_540, 140_000] {
        for end in ["\n", ""] {
            let text = format!("{}{}{end}", "x".repeat(len), record(1));
            let whole = read_with(scan::fastest(), text.as_bytes(), text.len(), None);
            assert_eq!((records(&whole), whole.len()), (vec![], 1), "{len}");
            for step in [1_000, 65_536] {
                assert_eq!(read_with(scan::fastest(), text.as_bytes(), step, None), whole, "{len}");
            }
        }
    }
}

#[test]
fn fields_cannot_forge_records() {
    let fake = json!({"eventSource":"kms.amazonaws.com","eventName":"Fake","n":9});
    for holder in [
        json!({"eventSource":"s3.amazonaws.com","n":1,"requestParameters":fake}),
        json!({"eventSource":"s3.amazonaws.com","n":1,"requestParameters":{"Records":[fake]}}),
        json!({"eventSource":"s3.amazonaws.com","n":1,"userAgent":format!("\"}}]}}\n{fake}\n")}),
        json!({"eventSource":"s3.amazonaws.com","n":1,"userAgent":format!("\\\"}},{fake},{{\"x\":\"")}),
    ] {
        for text in [
            json!({"Records":[holder, record(2)]}).to_string(),
            format!("{holder}\n{}\n", record(2)),
            serde_json::to_string_pretty(&json!([holder, record(2)])).unwrap(),
        ] {
            let seen = read(text.as_bytes());
            assert_eq!(records(&seen), [1, 2], "{text}");
            assert_eq!(seen.len(), 2);
        }
    }
}

#[test]
fn invalid_utf8_is_said_and_read_with_replacements() {
    let mut text = b"[{\"eventName\":\"x\xff\",\"eventVersion\":\"1.08\",\"n\":1},".to_vec();
    text.extend(record(2).to_string().bytes());
    text.push(b']');
    let seen = read(&text);
    assert_eq!(records(&seen), [1, 2]);
    assert!(problems(&seen)[0].contains("invalid UTF-8 at byte 16"), "{seen:?}");
    let replaced = json!({"eventName":"x\u{fffd}","eventVersion":"1.08","n":1});
    assert!(seen.contains(&Seen::Record(0, replaced)));
}

#[test]
fn a_record_over_the_limit_is_passed_over() {
    let huge = json!({"eventName":"x","pad":"}{\"".repeat(MAX_RECORD / 2)}).to_string();
    for text in [
        format!("[{},{huge},{}]", record(1), record(2)),
        format!("{}\n{huge}\n{}", record(1), record(2)),
    ] {
        for step in [10_000, 300_000] {
            let seen = read_with(scan::fastest(), text.as_bytes(), step, None);
            assert_eq!((records(&seen), bad(&seen)), (vec![1, 2], 1));
        }
    }
}

fn document() -> impl Strategy<Value = Vec<u8>> {
    let texts = vec![
        json!({"Records":[record(1), record(2)]}).to_string(),
        serde_json::to_string_pretty(&json!({"Records":[record(1)]})).unwrap(),
        format!("{}\n", record(1)),
        json!([record(1), 5, "x"]).to_string(),
        json!({"Events":[{"CloudTrailEvent":record(1).to_string()}],"NextToken":"t"}).to_string(),
        json!({"detail-type":"x","detail":record(1)}).to_string(),
        json!({"logEvents":[{"message":record(1).to_string()}],"messageType":"DATA_MESSAGE"})
            .to_string(),
        "plain text\n".into(),
        "\n".into(),
    ];
    prop::collection::vec(prop::sample::select(texts), 1..4).prop_map(|t| t.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever byte is changed, added or lost: pieces and scans agree, and nothing panics.
    #[test]
    fn mutants_read_the_same_in_any_pieces(
        text in document(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"\"\\{}[]:,\n x1\xff\x00".to_vec()), 0..3u8), 0..4),
    ) {
        let mut text = text;
        for (at, byte, how) in edits {
            if text.is_empty() { break }
            let at = at.index(text.len());
            match how {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ => { text.remove(at); }
            }
        }
        read(&text);
    }

    /// A list of records reads as `serde_json` reads it, one raw value a record.
    #[test]
    fn lists_read_as_serde_json_reads_them(names in prop::collection::vec(".{0,40}", 0..12), pretty in any::<bool>()) {
        let list: Vec<Value> = names.iter().map(|name| json!({"eventName":name,"requestParameters":{"Records":[{"eventName":"no"}]}})).collect();
        let document = json!({"Records":list});
        let text = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) }.unwrap();
        #[derive(serde::Deserialize)]
        struct Twin<'a> { #[serde(borrow, rename = "Records")] records: Vec<&'a serde_json::value::RawValue> }
        let twin: Twin<'_> = serde_json::from_str(&text).unwrap();
        let expected: Vec<Seen> = twin.records.iter().enumerate()
            .map(|(n, raw)| Seen::Record(n as u64, serde_json::from_str(raw.get()).unwrap()))
            .collect();
        prop_assert_eq!(read(text.as_bytes()), expected);
    }
}
