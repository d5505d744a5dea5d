//! Headers and fields say what a plain reading of the JSON says.

use super::*;
use crate::record::scan::{self, Scan};
use proptest::prelude::*;

fn with_event(text: &str, check: impl Fn(Marked<'_>, Event<'_>)) {
    let scans: Vec<Scan> =
        scan::all().into_iter().map(|(_, scan)| scan).chain([scan::plain::scan as Scan]).collect();
    for scan in scans {
        let mut index = Index::default();
        let (len, _) = scan(text.as_bytes(), &mut index).unwrap();
        assert_eq!(len, text.len());
        let marked = Marked::new(text.as_bytes(), &index);
        check(marked, marked.event().unwrap());
    }
}

#[test]
fn header_members_are_top_level_members_only() {
    let text = r#"{"userIdentity":{"eventName":"Fake","x":"\"eventName\":\"Fake\""},"x":"eventName","eventName":"Decrypt"}"#;
    with_event(text, |marked, event| {
        assert_eq!(marked.header().name.unwrap().plain(), Some(&b"Decrypt"[..]));
        assert!(marked.header().source.is_none());
        assert_eq!(event.text_at(&["eventName"]).unwrap(), "Decrypt");
        assert_eq!(event.text_at(&["userIdentity", "eventName"]).unwrap(), "Fake");
    });
}

#[test]
fn read_only_is_a_boolean_or_its_name() {
    for (text, said) in [
        (r#"{"x":{"readOnly":true},"readOnly":false,"y":"readOnly"}"#, Some(false)),
        (r#"{"readOnly":false,"readOnly" : "true"}"#, Some(true)),
        (r#"{"read\u004fnly":true}"#, Some(true)),
        (r#"{"xreadOnly":true,"readOnly":null}"#, None),
        (r#"{"readOnly":{"true":1}}"#, None),
        (r#"{"eventName":"x\"readOnly\":true"}"#, None),
    ] {
        with_event(text, |marked, _| assert_eq!(marked.read_only(), said, "{text}"));
    }
}

#[test]
fn failed_means_an_error_that_is_not_null() {
    with_event(r#"{"errorCode":null,"errorMessage":null}"#, |_, e| assert!(!e.failed()));
    with_event(r#"{"a":{"errorCode":"X"}}"#, |_, e| assert!(!e.failed()));
    with_event(r#"{"errorCode":"AccessDenied"}"#, |_, e| assert!(e.failed()));
    with_event(r#"{"":1,"a":2}"#, |_, e| assert_eq!(e.get("").unwrap().raw(), "1"));
}

proptest! {
    /// Any object, any spelling: the marks find what a plain walk of the members finds.
    #[test]
    fn marks_find_what_a_plain_walk_finds(
        members in prop::collection::vec((
            prop::sample::select(vec![
                "eventSource", "eventName", r"event\u004eame", "eventTime", "awsRegion", "recipientAccountId",
                "eventID", "x", "xeventID", "errorCode", "errorMessage", "userIdentity", "sharedEventID", "xerrorCode", r#"a\"eventName"#, r"\\", r"eventName\\", r#"a,\"eventID"#,
            ]),
            prop::sample::select(vec![
                r#""kms.amazonaws.com""#, "null", "1", r#"{"eventName":"y"}"#, r#"["eventID",{"eventID":1}]"#,
                r#""\"eventName\":\"z""#, r#""2026-01-01T00:00:00Z""#, r#""\u0041""#,
            ]),
        ), 0..9),
        spaced in any::<bool>(),
    ) {
        let (colon, comma) = if spaced { (" : ", " , ") } else { (":", ",") };
        let members: Vec<String> = members
            .iter()
            .map(|(name, value)| format!("\"{name}\"{colon}{value}"))
            .collect();
        let text = format!("{{{}}}", members.join(comma));
        prop_assume!(scan::plain::valid(text.as_bytes()));
        with_event(&text, |marked, event| {
            let header = marked.header();
            for (name, found) in [
                ("eventSource", header.source), ("eventName", header.name), ("eventTime", header.time),
                ("awsRegion", header.region), ("recipientAccountId", header.account), ("eventID", header.id),
                ("errorCode", header.error), ("userIdentity", header.identity),
            ] {
                let plain = event.json().get(name);
                assert_eq!(event.get(name).map(Json::raw), plain.map(Json::raw), "{name} in {text}");
                assert_eq!(found.is_some(), plain.is_some(), "{name} in {text}");
                assert_eq!(found.is_some_and(Raw::is_null), plain.is_some_and(Json::is_null), "{name} in {text}");
                assert_eq!(found.and_then(Raw::text), plain.and_then(Json::scalar), "{name} in {text}");
            }
            assert_eq!(header.failed(), event.failed(), "{text}");
            for name in ["errorMessage", "sharedEventID", "xerrorCode", "eventID\"", ""] {
                let plain = event.json().get(name);
                assert_eq!(event.get(name).map(Json::raw), plain.map(Json::raw), "{name} in {text}");
            }
        });
    }
}
