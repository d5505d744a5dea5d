//! The text that Athena and CloudTrail Lake make of a struct, a map or a list: `{type=IAMUser,
//! arn=arn:aws:…}`.
//!
//! The form has no quotes, so that a value with `, name=` in it reads as another member. Nothing can
//! tell the two apart. What must stay true: every text gives some value, at a cost that grows with
//! its length only.

use serde_json::{Map, Value};

use crate::record::scan::plain;

/// How deep structs are followed. What lies deeper is text.
const DEEPEST: usize = 16;

/// How often JSON is looked for in vain in one text. Each attempt may read all of it.
const MOST_FAILURES: u32 = 64;

/// The value that a text stands for: JSON if it is that, else a struct or a list, else the text.
pub fn value(text: &str) -> Value {
    let text = text.trim();
    if let Some(json) = json(text) {
        return json;
    }
    let mut parser = Parser { rest: text, failures: 0 };
    match parser.value(DEEPEST, "") {
        value if parser.rest.trim().is_empty() => value,
        _ => Value::String(text.to_owned()),
    }
}

/// An object or a list of JSON.
fn json(text: &str) -> Option<Value> {
    let is_nested = text.starts_with(['{', '[']);
    serde_json::from_str(text).ok().filter(|_| is_nested)
}

/// What is left of a text.
struct Parser<'a> {
    rest: &'a str,
    /// How often JSON was looked for in vain.
    failures: u32,
}

impl Parser<'_> {
    /// Takes a value off the front. `ends` holds what ends a value here.
    fn value(&mut self, depth: usize, ends: &str) -> Value {
        self.rest = self.rest.trim_start();
        if depth > 0 && self.rest.starts_with(['{', '[']) {
            if let Some(json) = self.json() {
                return json;
            }
            let is_struct = self.rest.starts_with('{');
            self.rest = &self.rest[1..];
            return if is_struct { self.object(depth - 1) } else { self.list(depth - 1) };
        }
        let (scalar, rest) = self.rest.split_at(scalar_len(self.rest, ends));
        self.rest = rest;
        match scalar.trim_end() {
            "null" => Value::Null,
            scalar => Value::String(scalar.to_owned()),
        }
    }

    /// Takes an object or a list of JSON off the front, if that is there: values of a map are.
    fn json(&mut self) -> Option<Value> {
        let inner = self.rest[1..].trim_start();
        if self.failures == MOST_FAILURES || !inner.starts_with(['"', '{', '[', ']', '}']) {
            return None;
        }
        let len = plain::balanced(self.rest.as_bytes());
        let value = len.and_then(|len| self.rest.get(..len)).and_then(json);
        match len.filter(|_| value.is_some()) {
            Some(len) => self.rest = &self.rest[len..],
            None => self.failures += 1,
        }
        value
    }

    fn object(&mut self, depth: usize) -> Value {
        let mut members = Map::new();
        loop {
            self.rest = self.rest.trim_start_matches([' ', ',']);
            let end = self.rest.find(['=', '}']).unwrap_or(self.rest.len());
            let (name, behind) = self.rest.split_at(end);
            self.rest = behind.get(1..).unwrap_or_default();
            if !behind.starts_with('=') {
                return Value::Object(members);
            }
            let value = self.value(depth, "}=");
            members.insert(name.trim().to_owned(), value);
        }
    }

    fn list(&mut self, depth: usize) -> Value {
        let mut elements = Vec::new();
        loop {
            self.rest = self.rest.trim_start_matches([' ', ',']);
            if let Some(behind) = self.rest.strip_prefix(']') {
                self.rest = behind;
                return Value::Array(elements);
            }
            if self.rest.is_empty() {
                return Value::Array(elements);
            }
            elements.push(self.value(depth, "]"));
        }
    }
}

/// How long a scalar is. In a struct it ends at `}`, or at a comma with `name=` behind it; in a list
/// at `]` or a comma; elsewhere with the text.
fn scalar_len(text: &str, ends: &str) -> usize {
    let Some(close) = ends.chars().next() else { return text.len() };
    let in_struct = ends.contains('=');
    let mut from = 0;
    while let Some(at) = text[from..].find([',', close]) {
        let at = from + at;
        let is_end = match text[at..].strip_prefix(',') {
            None => true,
            Some(_) if !in_struct => true,
            Some(behind) => begins_member(behind),
        };
        if is_end {
            return at;
        }
        from = at + 1;
    }
    text.len()
}

/// Whether ` name=` follows.
fn begins_member(text: &str) -> bool {
    let Some(text) = text.strip_prefix(' ') else { return false };
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(byte);
    // The longest name of a member of a record has some 40 bytes.
    let len = text.bytes().take(128).take_while(|byte| is_name(byte)).count();
    len > 0 && text[len..].starts_with('=')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn structs_maps_and_lists_are_read() {
        let cases = [
            (
                "{type=IAMUser, arn=arn:aws:iam::111122223333:user/alice}",
                json!({"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/alice"}),
            ),
            ("{a={b={c=1}}, d=null, e=}", json!({"a":{"b":{"c":"1"}},"d":null,"e":""})),
            (
                "[{arn=x, type=AWS::KMS::Key}, {arn=y}]",
                json!([{"arn":"x","type":"AWS::KMS::Key"},{"arn":"y"}]),
            ),
            (
                "{tagset={\"x\":[1,\"}\"]}, name=a, b}",
                json!({"tagset":{"x":[1,"}"]},"name":"a, b"}),
            ),
            ("{\"keyId\":\"1\"}", json!({"keyId":"1"})),
            ("plain", json!("plain")),
            ("{}", json!({})),
            ("[a, b]", json!(["a", "b"])),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn deep_and_open_texts_end() {
        let deep = "{a=".repeat(100_000);
        assert!(value(&deep).is_object() || value(&deep).is_string());
        assert!(!value(&"[".repeat(100_000)).is_null());
        assert_eq!(value("{a=b"), json!({"a":"b"}));
    }

    proptest! {
        #[test]
        fn every_text_gives_some_value(text in "[{}\\[\\]=, a\"\\\\é]{0,60}") {
            let _ = value(&text);
        }

        #[test]
        fn simple_structs_read_back(members in prop::collection::btree_map("[a-z]{1,8}", "[a-zA-Z0-9:/._-]{1,20}", 0..6)) {
            let inner: Vec<String> = members.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let read = value(&format!("{{{}}}", inner.join(", ")));
            let of = |value: &str| if value == "null" { Value::Null } else { json!(value) };
            let expected: Map<String, Value> = members.iter().map(|(name, value)| (name.clone(), of(value))).collect();
            prop_assert_eq!(read, Value::Object(expected));
        }
    }
}
