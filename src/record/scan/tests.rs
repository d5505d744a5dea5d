//! The fast scans against the plain twin, on whole, broken and random text.

use proptest::prelude::*;

use super::*;

/// What a scan said, with `Unsure` settled by the plain validator, as every caller does.
fn settled(scan: Scan, text: &[u8]) -> Option<(usize, bool, Vec<u32>, bool, bool)> {
    let mut index = Index::default();
    let (len, verdict) = scan(text, &mut index)?;
    let valid = verdict == Verdict::Sound || plain::valid(&text[..len]);
    Some((len, valid, index.colons().to_vec(), index.flags.escaped_keys, index.flags.high))
}

fn assert_twins_agree(text: &[u8]) {
    let expected = settled(plain::scan, text);
    for (name, scan) in all() {
        assert_eq!(settled(scan, text), expected, "{name} on {:?}", String::from_utf8_lossy(text));
        let mut index = Index::default();
        if let Some((len, Verdict::Sound)) = scan(text, &mut index) {
            assert!(
                plain::valid(&text[..len]),
                "{name} calls {:?} sound",
                String::from_utf8_lossy(text)
            );
        }
    }
}

/// Compact valid text must be proven by the fast path itself, or the fast path is none.
fn assert_sound(text: &str) {
    for (name, scan) in all() {
        let found = scan(text.as_bytes(), &mut Index::default());
        assert_eq!(found, Some((text.len(), Verdict::Sound)), "{name} on {text}");
    }
    assert_twins_agree(text.as_bytes());
}

#[test]
fn compact_records_are_sound_at_every_alignment() {
    for pad in 0..130 {
        let pad = "x".repeat(pad);
        assert_sound(&format!(
            r#"{{"{pad}":"{pad}","n":[1,-2.5e+3,"a",{{"k":[]}},[[],{{}}]],"t":true,"f":false,"z":null,"e":"\"\\\u00e9\n","d":{{"a":{{"b":0}}}}}}"#
        ));
    }
}

#[test]
fn wrong_grammar_is_never_sound() {
    let wrong = [
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{,"a":1}"#,
        r#"{"a" 1}"#,
        r#"{"a":1 "b":2}"#,
        r#"{"a":tru}"#,
        r#"{"a":truee}"#,
        r#"{"a":01}"#,
        r#"{"a":1.}"#,
        r#"{"a":-}"#,
        r#"{"a":1e}"#,
        r#"{"a":+1}"#,
        r#"{"a":[1,]}"#,
        r#"{"a":[,1]}"#,
        r#"{"a":[1:2]}"#,
        r#"{"a":["b":2]}"#,
        r#"{"a":"b":"c"}"#,
        r#"{"a":1,2}"#,
        r#"{"a":1,2:3}"#,
        r#"{"a":1,["b"]}"#,
        r#"{"a":1,{"b":2}}"#,
        r#"{1:2}"#,
        r#"{"a":1]"#,
        r#"{"a":[1}}"#,
        r#"{"a":"\x"}"#,
        r#"{"a":"\u12g4"}"#,
        r#"{"a":\"b"}"#,
        "{\"a\":\"\n\"}",
        "{\"a\":\"\0\"}",
        r#"{"a":[{"b":1,"c"}]}"#,
        r#"{"a":{"b"},"c":1}"#,
        r#"{"a":"b""c":1}"#,
        r#"{"a":[]"b"}"#,
        r#"{"a":{}1}"#,
        r#"{"a":[1"b"]}"#,
        r#"{{}}"#,
        r#"{[]}"#,
        r#"{"a"::1}"#,
        r#"{"a",:1}"#,
        r#"{"a":,"b":1}"#,
        r#"{"a":nulll}"#,
        r#"{"a":n}"#,
        r#"{"a":Infinity}"#,
        r#"{'a':1}"#,
    ];
    for text in wrong {
        for pad in [0, 1, 55, 56, 57, 58, 59, 60, 61, 62, 63] {
            let text = text.replacen("\"a\"", &format!("\"{}a\"", "p".repeat(pad)), 1);
            assert!(!plain::valid(text.as_bytes()), "{text}");
            assert_twins_agree(text.as_bytes());
        }
    }
}

#[test]
fn white_space_non_ascii_and_depth_are_settled_by_the_validator() {
    assert_twins_agree(b"{ \"a\" : [ 1 , { \"b\" : \"c\" } ] }");
    assert_twins_agree("{\"ä\":\"\u{1f600}\"}".as_bytes());
    assert_twins_agree(b"{\"a\":\"\xff\"}");
    for depth in [58, 59, 60, 61, 64, 65, 10_000] {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert_twins_agree(deep.as_bytes());
    }
}

/// Text over the bytes that matter to JSON, so that near misses are frequent.
fn jsonish() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "\"", "\\", "{", "}", "[", "]", ":", ",", "\"a\":", "\"b\":1", "{\"c\":\"d\"}", "[1,2]", "true", "null",
            "-1.5e3", "\\\"", "\\\\", "\"\"", "\n", " ", "\"k\":{", "\"k\":[", "},", "],", "\u{e9}",
        ]).prop_map(|s| s.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
        1 => "[a-z]{1,70}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| {
        let mut text = b"{".to_vec();
        text.extend(pieces.concat());
        text
    })
}

/// A valid value, at most `depth` deep.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,80}".prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::hash_map(".{0,12}", inner, 0..8)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn twins_agree_on_near_json(text in jsonish()) {
        assert_twins_agree(&text);
    }

    #[test]
    fn valid_compact_text_is_sound_and_its_mutants_agree(value in value(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let text = serde_json::to_string(&serde_json::json!({ "v": value, "w": 1 })).unwrap();
        assert_sound(&text);
        let mut mutant = text.clone().into_bytes();
        let at = at.index(mutant.len() - 1) + 1;
        mutant[at] = byte;
        assert_twins_agree(&mutant);
        mutant.truncate(at);
        assert_twins_agree(&mutant);
        let pretty = serde_json::to_string_pretty(&serde_json::json!({ "v": value })).unwrap();
        assert_twins_agree(pretty.as_bytes());
    }
}
