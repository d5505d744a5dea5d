//! A record as it is: valid JSON, on its own lines.
//!
//! What must stay true: every value stays as the log has it, digits and the order of members too. A
//! character that a terminal would act on can stand in a string only, where an escape means the same.

use std::io::{self, Write};

use super::escape::is_hidden;

/// No line is set off further, however deep a value lies.
const DEEPEST: usize = 32;

/// Writes the text of a record, and a line break.
///
/// # Errors
/// Those of `out`.
pub fn write(text: &str, out: &mut dyn Write) -> io::Result<()> {
    write_visible(text, out)?;
    out.write_all(b"\n")
}

/// Writes a record indented by two spaces, for a person to read.
///
/// # Errors
/// Those of `out`.
pub fn write_indented(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut depth = 0_usize;
    let mut rest = text.trim();
    let line = |out: &mut dyn Write, depth: usize| {
        write!(out, "\n{:width$}", "", width = 2 * depth.min(DEEPEST))
    };
    while let Some(first) = rest.bytes().next() {
        let len = match first {
            b'"' => string_len(rest),
            b'{' | b'[' | b'}' | b']' | b',' | b':' => 1,
            _ => rest.find(['"', '{', '}', '[', ']', ',', ':']).unwrap_or(rest.len()),
        };
        let (token, behind) = rest.split_at(len);
        rest = behind.trim_start();
        match first {
            b'{' | b'[' => {
                out.write_all(token.as_bytes())?;
                // Nothing inside stays on its line.
                if rest.starts_with(['}', ']']) {
                    out.write_all(&rest.as_bytes()[..1])?;
                    rest = rest[1..].trim_start();
                } else {
                    depth += 1;
                    line(out, depth)?;
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                line(out, depth)?;
                out.write_all(token.as_bytes())?;
            }
            b',' => {
                out.write_all(b",")?;
                line(out, depth)?;
            }
            b':' => out.write_all(b": ")?,
            _ => write_visible(token.trim_end(), out)?,
        }
    }
    out.write_all(b"\n")
}

/// How long the string is with which a text begins, quotes included.
fn string_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}

fn write_visible(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut rest = text;
    // Between values of valid JSON there may be line breaks and tabs, and no other control.
    while let Some(at) = rest.find(|c: char| is_hidden(c) && !c.is_ascii_whitespace()) {
        out.write_all(&rest.as_bytes()[..at])?;
        let mut chars = rest[at..].chars();
        if let Some(hidden) = chars.next() {
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        rest = chars.as_str();
    }
    out.write_all(rest.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn written(of: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        of(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_text_keeps_its_meaning_and_hides_nothing() {
        let record = "{\"a\":\"x\u{202e}\u{7f}\u{e0041}é\",\n \"b\":1.50}";
        let text = written(|out| write(record, out));
        assert_eq!(text, "{\"a\":\"x\\u202e\\u007f\\udb40\\udc41é\",\n \"b\":1.50}\n");
    }

    #[test]
    fn an_indented_record_is_easy_to_read() {
        let record = r#"{"b":{"c":[1.50,{ }],"d":[]} , "a":"x,:{\"y","n":null}"#;
        let text = written(|out| write_indented(record, out));
        let expected = "{\n  \"b\": {\n    \"c\": [\n      1.50,\n      {}\n    ],\n    \"d\": []\n  },\n  \
                        \"a\": \"x,:{\\\"y\",\n  \"n\": null\n}\n";
        assert_eq!(text, expected);
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(written(|out| write_indented(&deep, out)).len() < 2_000_000);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..4)
                    .prop_map(|members| members.into_iter().collect::<Value>()),
            ]
        })
    }

    proptest! {
        #[test]
        fn both_forms_read_as_the_same_value(value in json()) {
            let text = value.to_string();
            for written in [written(|out| write(&text, out)), written(|out| write_indented(&text, out))] {
                prop_assert_eq!(&serde_json::from_str::<Value>(&written).unwrap(), &value);
                prop_assert!(!written.chars().any(|c| is_hidden(c) && c != '\n'));
            }
        }
    }
}
