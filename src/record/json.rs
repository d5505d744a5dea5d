//! Values inside a record, found on demand in its own bytes.
//!
//! Nothing here validates: the text is JSON, as the scan has proven, so that finding a value is
//! finding brackets and quotes. Of duplicate keys the last one counts, as in `serde_json`; a lone
//! surrogate reads as U+FFFD. Nesting is never followed by recursion deeper than [`DEEPEST`].

use std::borrow::Cow;

use memchr::{memchr2, memchr3};
use serde_json::Value;

pub use super::escape::unescape;
use super::scan::tape::Tape;

/// How deep a value is turned into owned data; deeper values read as null.
pub const DEEPEST: usize = 64;

/// A value in place.
#[derive(Debug, Clone, Copy)]
pub struct Json<'a> {
    /// Text that starts with the value. On a tape it is the value's own; else it goes on behind it.
    text: &'a str,
    /// Where the value is on the tape of its record, if that has one.
    tape: Option<(&'a Tape, u32)>,
}

/// What a value is, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl<'a> Json<'a> {
    /// The value at the start of valid JSON text, white space before it passed over.
    pub fn new(text: &'a str) -> Json<'a> {
        Json { text: skip_space(text), tape: None }
    }

    /// The value that is a token of the tape of `record`; `None` if there is no such token.
    pub fn on_tape(record: &'a str, tape: &'a Tape, number: u32) -> Option<Json<'a>> {
        let token = tape.token(number)?;
        let text = record.get(token.start as usize..token.end as usize)?;
        Some(Json { text, tape: Some((tape, number)) })
    }

    /// How many bytes the value has.
    fn len(self) -> usize {
        match self.tape {
            Some(_) => self.text.len(),
            None => value_len(self.text),
        }
    }

    /// What the value is.
    pub fn kind(self) -> Kind {
        match self.text.as_bytes().first() {
            Some(b'"') => Kind::String,
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            _ => Kind::Null,
        }
    }

    /// Whether the value is null.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// Where the value starts in `text`; `None` if it is no part of it.
    pub fn start_in(self, text: &str) -> Option<usize> {
        let start = (self.text.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
        (start < text.len()).then_some(start)
    }

    /// The value's own text.
    pub fn raw(self) -> &'a str {
        &self.text[..self.len()]
    }

    /// The string, its escapes undone; `None` when the value is no string.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        let inner = self.inner_str()?;
        Some(if self.is_plain() || memchr::memchr(b'\\', inner.as_bytes()).is_none() {
            Cow::Borrowed(inner)
        } else {
            Cow::Owned(unescape(inner))
        })
    }

    /// Whether the tape of the record says that no string in it holds an escape.
    fn is_plain(self) -> bool {
        self.tape.is_some_and(|(tape, _)| tape.is_plain())
    }

    /// The text between a string's quotes, its escapes as they stand.
    pub fn inner_str(self) -> Option<&'a str> {
        if self.kind() != Kind::String {
            return None;
        }
        Some(&self.text[1..self.len() - 1])
    }

    /// `true` or `false`, also when written as a string, as CloudTrail does in `sessionContext`.
    pub fn as_bool(self) -> Option<bool> {
        match self.inner_str().unwrap_or_else(|| self.raw()) {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// A number, also when written as a string.
    pub fn as_f64(self) -> Option<f64> {
        self.inner_str().unwrap_or_else(|| self.raw()).parse().ok()
    }

    /// A string, number or boolean as text; `None` for null, arrays and objects.
    pub fn scalar(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::String => self.as_str(),
            Kind::Number | Kind::Bool => Some(Cow::Borrowed(self.raw())),
            Kind::Null | Kind::Array | Kind::Object => None,
        }
    }

    /// The same; `None` also for an empty string.
    pub fn text(self) -> Option<Cow<'a, str>> {
        self.scalar().filter(|text| !text.is_empty())
    }

    /// The members of an object, in order; none for any other value.
    pub fn members(self) -> Members<'a> {
        let is_object = self.kind() == Kind::Object;
        match self.walk().filter(|_| is_object) {
            Some(walk) => Members { rest: self.text, walk: Some(walk) },
            None if is_object => Members { rest: skip_space(&self.text[1..]), walk: None },
            None => Members { rest: "}", walk: None },
        }
    }

    /// The elements of an array, in order; none for any other value.
    pub fn elements(self) -> Elements<'a> {
        let is_array = self.kind() == Kind::Array;
        match self.walk().filter(|_| is_array) {
            Some(walk) => Elements { rest: self.text, walk: Some(walk) },
            None if is_array => Elements { rest: skip_space(&self.text[1..]), walk: None },
            None => Elements { rest: "]", walk: None },
        }
    }

    /// The walk over what is in the value, along the tape.
    fn walk(self) -> Option<Walk<'a>> {
        let (tape, number) = self.tape?;
        let token = tape.token(number)?;
        Some(Walk { tape, base: token.start, next: number + 1, end: token.next })
    }

    /// The member named `key`; the last one of several. `None` when the value is no object.
    pub fn get(self, key: &str) -> Option<Json<'a>> {
        self.members().filter(|(name, _)| name.is(key)).last().map(|(_, value)| value)
    }

    /// The member whose name is `key` but for case (ASCII): CloudTrail's own spelling varies.
    pub fn get_any_case(self, key: &str) -> Option<Json<'a>> {
        let same = |(name, _): &(Name<'a>, Json<'a>)| name.is_any_case(key);
        self.members().filter(same).last().map(|(_, value)| value)
    }

    /// The value behind a path of member names.
    pub fn path(self, path: &[&str]) -> Option<Json<'a>> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// An owned copy; what nests deeper than [`DEEPEST`] is null.
    pub fn to_value(self) -> Value {
        self.to_value_above(DEEPEST)
    }

    fn to_value_above(self, depth: usize) -> Value {
        let deeper = depth.saturating_sub(1);
        match self.kind() {
            _ if depth == 0 => Value::Null,
            Kind::Null => Value::Null,
            Kind::Bool => Value::Bool(self.text.starts_with('t')),
            // Whole numbers as they are, others as the nearest double; 1e999 reads as null.
            Kind::Number => serde_json::from_str(self.raw()).unwrap_or(Value::Null),
            Kind::String => Value::String(self.as_str().unwrap_or_default().into_owned()),
            Kind::Array => self.elements().map(|value| value.to_value_above(deeper)).collect(),
            Kind::Object => {
                let member = |(name, value): (Name<'a>, Json<'a>)| {
                    (name.text().into_owned(), value.to_value_above(deeper))
                };
                Value::Object(self.members().map(member).collect())
            }
        }
    }
}

/// A member's name, its escapes as they stand.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a> {
    text: &'a str,
    /// Whether it is known to hold no escape.
    plain: bool,
}

impl<'a> Name<'a> {
    /// Whether the name is `key`, escapes undone.
    pub fn is(self, key: &str) -> bool {
        if self.plain {
            return self.text == key;
        }
        // The first byte tells most names apart, without a call.
        match (self.text.as_bytes().first(), key.as_bytes().first()) {
            (Some(b'\\'), _) => unescape(self.text) == key,
            (first, wanted) if first != wanted => false,
            // An escape is longer than what it stands for.
            _ if self.text.len() < key.len() => false,
            _ if self.text == key => true,
            _ => self.text.contains('\\') && unescape(self.text) == key,
        }
    }

    /// Whether the name is `key` but for case (ASCII), escapes undone.
    pub fn is_any_case(self, key: &str) -> bool {
        // An escape is longer than what it stands for.
        self.text.eq_ignore_ascii_case(key)
            || (!self.plain
                && self.text.len() > key.len()
                && self.text.contains('\\')
                && unescape(self.text).eq_ignore_ascii_case(key))
    }

    /// The name, its escapes undone.
    pub fn text(self) -> Cow<'a, str> {
        match self.plain || !self.text.contains('\\') {
            true => Cow::Borrowed(self.text),
            false => Cow::Owned(unescape(self.text)),
        }
    }
}

/// Goes along a tape, from one value in a container to the next.
#[derive(Debug, Clone, Copy)]
struct Walk<'a> {
    tape: &'a Tape,
    /// Where the container begins in the record.
    base: u32,
    next: u32,
    end: u32,
}

impl<'a> Walk<'a> {
    /// The next value of a container whose text is `text`.
    fn value(&mut self, text: &'a str) -> Option<Json<'a>> {
        if self.next >= self.end {
            return None;
        }
        let number = self.next;
        let token = self.tape.token(number)?;
        self.next = token.next;
        let start = token.start.checked_sub(self.base)? as usize;
        let end = token.end.checked_sub(self.base)? as usize;
        Some(Json { text: text.get(start..end)?, tape: Some((self.tape, number)) })
    }
}

/// Iterator over the members of an object.
#[derive(Debug, Clone)]
pub struct Members<'a> {
    /// What was not seen yet; along a tape, the whole object.
    rest: &'a str,
    walk: Option<Walk<'a>>,
}

impl<'a> Iterator for Members<'a> {
    type Item = (Name<'a>, Json<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(walk) = &mut self.walk {
            let name = walk.value(self.rest)?;
            let name = Name { text: name.inner_str()?, plain: name.is_plain() };
            return Some((name, walk.value(self.rest)?));
        }
        if !self.rest.starts_with('"') {
            return None;
        }
        let len = string_len(self.rest);
        let name = Name { text: &self.rest[1..len - 1], plain: false };
        let colon = skip_space(&self.rest[len..]);
        let value = skip_space(colon.get(1..)?);
        self.rest = next_item(value);
        Some((name, Json { text: value, tape: None }))
    }
}

/// Iterator over the elements of an array.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    /// What was not seen yet; along a tape, the whole array.
    rest: &'a str,
    walk: Option<Walk<'a>>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(walk) = &mut self.walk {
            return walk.value(self.rest);
        }
        if self.rest.starts_with(']') || self.rest.is_empty() {
            return None;
        }
        let value = self.rest;
        self.rest = next_item(value);
        Some(Json { text: value, tape: None })
    }
}

/// What stands behind the value at the start of `text` and a comma; empty at the end.
fn next_item(text: &str) -> &str {
    let rest = skip_space(&text[value_len(text)..]);
    rest.strip_prefix(',').map_or("", skip_space)
}

/// `text` without the JSON white space at its start.
pub fn skip_space(text: &str) -> &str {
    let space = |b: &u8| matches!(b, b' ' | b'\n' | b'\r' | b'\t');
    if !text.as_bytes().first().is_some_and(space) {
        return text;
    }
    let len = text.as_bytes().iter().take_while(|b| space(b)).count();
    &text[len..]
}

/// Length of the string at the start of `text`, both quotes included.
fn string_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(found) = memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
        at += found;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

/// Length of the value at the start of `text`.
fn value_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(b'"') => string_len(text),
        Some(b'{' | b'[') => {
            let (mut depth, mut at) = (0usize, 0);
            while let Some(&byte) = bytes.get(at) {
                match byte {
                    b'"' => {
                        at += string_len(&text[at..]);
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    break;
                }
            }
            at
        }
        _ => {
            let end = memchr3(b',', b'}', b']', bytes).unwrap_or(bytes.len());
            text[..end].trim_end_matches([' ', '\n', '\r', '\t']).len()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_found_in_place() {
        let json = Json::new(
            r#" {"a" : [1, "x,]", {"b":[]} , null] , "b":{"c":"d\"e"},"n":-1.5e3 ,"t":true}"#,
        );
        let kinds: Vec<Kind> = json.get("a").unwrap().elements().map(Json::kind).collect();
        assert_eq!(kinds, [Kind::Number, Kind::String, Kind::Object, Kind::Null]);
        assert_eq!(json.path(&["b", "c"]).unwrap().as_str().unwrap(), "d\"e");
        assert_eq!(json.get("n").unwrap().as_f64(), Some(-1500.0));
        assert_eq!(json.get("t").unwrap().as_bool(), Some(true));
        assert!(json.get("missing").is_none() && json.get("n").unwrap().get("x").is_none());
    }

    #[test]
    fn the_last_of_duplicate_keys_counts_however_it_is_spelt() {
        let json = Json::new(r#"{"a":1,"\u0061":2,"\\":3}"#);
        assert_eq!(json.get("a").unwrap().raw(), "2");
        assert_eq!(json.get_any_case("A").unwrap().raw(), "2");
        assert_eq!(json.get("\\").unwrap().raw(), "3");
        assert!(json.get(r"\\").is_none() && json.get(r"\u0061").is_none());
        assert_eq!(json.to_value(), serde_json::json!({"a": 2, "\\": 3}));
    }

    #[test]
    fn deep_nesting_is_cut_not_followed() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let json = Json::new(&deep);
        assert_eq!(json.raw().len(), 200_000);
        assert!(json.to_value().is_array());
    }

    #[test]
    fn a_record_with_too_many_values_has_no_tape() {
        let many = format!("{{\"a\":[0{}]}}", ",0".repeat((1 << 20) + 99));
        for fill in crate::record::scan::all_fills() {
            let mut tape = Tape::default();
            fill(many.as_bytes(), &mut tape);
            assert!(!tape.is_complete());
            fill(b"{\"a\":1}", &mut tape);
            assert!(tape.is_complete(), "the next record has one again");
        }
    }

    /// A JSON tree without numbers that do not survive a round trip.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "[ -~\u{e9}\u{1f600}\\n\\t]{0,20}".prop_map(Into::into),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::hash_map("[a-c\"\\\\\u{e9}]{0,3}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_valid_text_reads_as_serde_json_reads_it(value in value()) {
            let compact = serde_json::to_string(&value).unwrap();
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(Json::new(&compact).raw(), &compact);
            prop_assert_eq!(Json::new(&compact).to_value(), value.clone());
            prop_assert_eq!(Json::new(&pretty).to_value(), value.clone());
            // The same along a tape, inside of a record.
            for text in [compact, pretty] {
                let record = format!("{{\"before\":[1,{{\"x\":\"\\\\\"}}],\"it\": {text} ,\"behind\":-1}}");
                for fill in crate::record::scan::all_fills() {
                    let mut tape = Tape::default();
                    fill(record.as_bytes(), &mut tape);
                    prop_assert!(tape.is_complete());
                    let whole = Json::on_tape(&record, &tape, 0).unwrap();
                    prop_assert_eq!(whole.raw(), &record);
                    let it = whole.get("it").unwrap();
                    prop_assert_eq!(it.raw(), &text);
                    prop_assert_eq!(it.to_value(), value.clone());
                    prop_assert_eq!(whole.get("behind").unwrap().as_f64(), Some(-1.0));
                    let at = it.start_in(&record).unwrap();
                    let number = tape.at_or_behind(at).unwrap();
                    prop_assert_eq!(Json::on_tape(&record, &tape, number).unwrap().raw(), &text);
                }
            }
        }
    }
}
