//! Records that are no JSON, no records, or made to look like more of them than there are.

use serde_json::json;

use super::{Case, FOUR, NOTHING, ONE, THREE, TWO, around, call, disable, spoiled};
use crate::record::{compact, envelope};

/// One ungrammatical but balanced record between two sound ones.
const BALANCED: Case = Case {
    records: 2,
    records_bad: 1,
    problems: &[("parse", "expected")],
    findings: TWO,
    exit: 3,
    ..NOTHING
};

pub const CASES: &[Case] = &[
    Case {
        file: "bad-literal.json",
        about: "`tru` for a value in the second of three records",
        make: || middle("bad-literal", r#""managementEvent":true"#, r#""managementEvent":tru"#),
        ..BALANCED
    },
    Case {
        file: "bad-number.json",
        about: "`01` for a value in the second of three records",
        make: || middle("bad-number", r#""managementEvent":true"#, r#""managementEvent":01"#),
        ..BALANCED
    },
    Case {
        file: "missing-colon.json",
        about: "a member without its colon in the second of three records",
        make: || middle("missing-colon", r#""eventType":"#, r#""eventType""#),
        ..BALANCED
    },
    Case {
        file: "trailing-comma.json",
        about: "a comma before the closing brace in the second of three records",
        make: || {
            middle(
                "trailing-comma",
                r#""eventCategory":"Management""#,
                r#""eventCategory":"Management","#,
            )
        },
        ..BALANCED
    },
    Case {
        file: "bad-escape.json",
        about: "the escape `\\x` in a string of the second of three records",
        make: || middle("bad-escape", r#""userAgent":""#, r#""userAgent":"\x41"#),
        ..BALANCED
    },
    Case {
        file: "nul-raw.json",
        about: "a raw NUL byte in a string of the second of three records",
        make: || middle("nul-raw", r#""userAgent":""#, "\"userAgent\":\"\0"),
        ..BALANCED
    },
    Case {
        file: "wrong-bracket.json",
        about: "a list closed by a brace in the second of three records, the count of each right",
        make: || {
            middle(
                "wrong-bracket",
                r#""requestParameters":{"#,
                r#""oops":[1},{2],"requestParameters":{"#,
            )
        },
        ..BALANCED
    },
    Case {
        file: "unbalanced.json",
        about: "the second of three records lacks a closing brace: no certain boundary follows",
        make: || {
            middle("unbalanced", r#""requestParameters":{"#, r#""oops":{"requestParameters":{"#)
        },
        records: 1,
        findings: ONE,
        ..BALANCED
    },
    Case {
        file: "cut.json",
        about: "a plain trail file cut off inside the second record",
        make: || {
            let mut text = envelope(&[0, 1].map(|n| disable("cut", n).json())).into_bytes();
            text.truncate(text.len() - 400);
            text
        },
        problems: &[("parse", "expected")],
        ..CUT
    },
    Case {
        file: "unclosed-array.json",
        about: "a plain trail file cut off right after its second record",
        make: || {
            let [a, b] = [0, 1].map(|n| disable("unclosed-array", n).json());
            format!("{{\"Records\":[{a},{b}").into_bytes()
        },
        records_bad: 0,
        ..BALANCED
    },
    Case {
        file: "missing-comma.json",
        about: "two records without a comma between them",
        make: || {
            let [a, b] = [0, 1].map(|n| disable("missing-comma", n).json());
            format!("{{\"Records\":[{a}{b}]}}").into_bytes()
        },
        records_bad: 0,
        ..BALANCED
    },
    Case {
        file: "no-objects.json",
        about: "a number, a string, null, a list with a record in it, among two records",
        make: || {
            let fake = disable("no-objects", 1).json();
            around("no-objects", &format!(r#"7,"a record?",null,[{fake}]"#))
        },
        records_bad: 4,
        problems: &[
            ("parse", "object"),
            ("parse", "object"),
            ("parse", "object"),
            ("parse", "object"),
        ],
        ..BALANCED
    },
    Case {
        file: "invalid-utf8.json",
        about: "bytes that are no UTF-8 in a field of the second of three records: read as U+FFFD",
        make: invalid_utf8,
        records: 3,
        records_bad: 0,
        problems: &[("parse", "UTF-8")],
        findings: THREE,
        ..BALANCED
    },
    Case {
        file: "deep.json",
        about: "lists and objects nested 10,000 deep in the second of three records",
        make: deep,
        ..ALL_THREE
    },
    Case {
        file: "embedded-object.json",
        about: "a whole record as an object inside a harmless record's requestParameters",
        make: || {
            let fake = disable("embedded-object", 7).value();
            let host = call("embedded-object", 1, "DescribeKey");
            around(
                "embedded-object",
                &host.set("requestParameters", json!({"note": [fake]})).json(),
            )
        },
        findings: TWO,
        ..ALL_THREE
    },
    Case {
        file: "embedded-string.json",
        about: "ends of records and whole records as text inside a harmless record's strings",
        make: || {
            let fake = disable("embedded-string", 7).json();
            let host = call("embedded-string", 1, "DescribeKey")
                .set("userAgent", format!("\"}}]}}\n{fake}\n{{\"Records\":[{fake}]}}\n"))
                .param("note", format!("\\\"}},{fake},{{\"a\":\"\\"));
            around("embedded-string", &host.json())
        },
        findings: TWO,
        ..ALL_THREE
    },
    Case {
        file: "nested-records.json",
        about: "a member `Records` with a record in it inside a harmless record, and beside the list",
        make: nested_records,
        findings: TWO,
        ..ALL_THREE
    },
    Case {
        file: "duplicate-keys.json",
        about: "eventName twice: the last one counts (first DisableKey last, then DescribeKey last)",
        make: || {
            let (good, twice) = (r#""eventName":"DisableKey""#, r#""eventName":"DescribeKey""#);
            let hit = spoiled("duplicate-keys", good, &format!("{twice},{good}"));
            let miss = disable("duplicate-keys", 5).json();
            let miss = miss.replacen(good, &format!("{good},{twice}"), 1);
            around("duplicate-keys", &format!("{hit},{miss}"))
        },
        records: 4,
        ..ALL_THREE
    },
    Case {
        file: "escaped-keys.json",
        about: "member names and values with `\\u` escapes, also as the last of two",
        make: escaped_keys,
        records: 5,
        findings: FOUR,
        ..ALL_THREE
    },
    Case {
        file: "lone-surrogate.json",
        about: "half a surrogate pair in a string: read as U+FFFD",
        make: || middle("lone-surrogate", r#""userAgent":""#, r#""userAgent":"\ud83d "#),
        ..ALL_THREE
    },
    Case {
        file: "nul-escaped.json",
        about: "`\\u0000` in a string",
        make: || middle("nul-escaped", r#""userAgent":""#, r#""userAgent":"\u0000"#),
        ..ALL_THREE
    },
];

/// Three records, odd but sound.
const ALL_THREE: Case = Case { records: 3, findings: THREE, ..NOTHING };

/// A record that does not end.
const CUT: Case = Case { records: 1, records_bad: 1, findings: ONE, exit: 3, ..NOTHING };

/// Three records, the second with one piece of text replaced.
fn middle(of: &str, good: &str, bad: &str) -> Vec<u8> {
    around(of, &spoiled(of, good, bad))
}

fn invalid_utf8() -> Vec<u8> {
    let text = middle("invalid-utf8", r#""userAgent":""#, r#""userAgent":"@@"#);
    let at = text.windows(2).position(|pair| pair == b"@@").expect("just put there");
    [&text[..at], b"\xff\xc0", &text[at + 2..]].concat()
}

fn deep() -> Vec<u8> {
    let (lists, objects) = ("[".repeat(10_000), r#"{"a":"#.repeat(10_000));
    let nest = format!("{lists}{}", "]".repeat(10_000));
    let more = format!("{objects}1{}", "}".repeat(10_000));
    let params = format!(r#""requestParameters":{{"lists":{nest},"objects":{more},"#);
    middle("deep", r#""requestParameters":{"#, &params)
}

fn nested_records() -> Vec<u8> {
    let of = "nested-records";
    let fake = disable(of, 7).value();
    let host =
        call(of, 1, "DescribeKey").set("Records", json!([fake])).param("Records", json!([fake]));
    let text = String::from_utf8(around(of, &host.json())).expect("text");
    format!("{{\"note\":{{\"Records\":[{}]}},{}", compact(&fake), &text[1..]).into_bytes()
}

fn escaped_keys() -> Vec<u8> {
    let of = "escaped-keys";
    let name = r#""eventName":"DisableKey""#;
    let key = spoiled(of, name, r#""event\u004eame":"DisableKey""#);
    let value = disable(of, 5).json().replacen(name, r#""eventName":"Disable\u004bey""#, 1);
    let last = disable(of, 6).json();
    let last = last.replacen(name, &format!(r#"{name},"event\u004eame":"DescribeKey""#), 1);
    envelope(&[&disable(of, 0).json(), &key, &value, &last, &disable(of, 2).json()]).into_bytes()
}

/// Cases that are about one bad record have exactly one that is no JSON.
#[test]
fn bad_records_are_bad() {
    for case in CASES.iter().filter(|case| case.records_bad == 1) {
        let text = (case.make)();
        let sound = serde_json::from_slice::<serde::de::IgnoredAny>(&text).is_ok();
        assert!(!sound, "{} is sound JSON", case.file);
    }
}
