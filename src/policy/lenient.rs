//! JSON as policies come: read as far as any reader of AWS's might read it.
//!
//! A policy that AWS took and this program refuses is a policy that nobody sees. So nothing that
//! strict JSON forbids stops the reading: not a byte order mark, control characters, half a
//! surrogate pair, a number beyond all doubles, a comma too many, nor text behind the end. Members
//! of one name are all kept, since readers do not agree which of them counts.
//!
//! What must stay true: any text is read, in time in proportion to its length. What was passed over
//! is [`Node::Unread`] or said in [`Read::fault`].

use memchr::memchr2;

use crate::record::json::unescape;

/// How deep values are read. A policy nests six deep.
const DEEPEST: usize = 24;

/// What a text says when it ends too early.
const CUT: &str = "it ends in the middle";

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// `null`
    Nothing,
    /// A string. Also a number or another bare word, as written.
    Text(String),
    /// An array.
    List(Vec<Node>),
    /// An object: all its members, in order.
    Object(Vec<(String, Node)>),
    /// Something that was not read.
    Unread,
}

/// A text, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The value.
    pub root: Node,
    /// Why something was not read, and where: the first such place.
    pub fault: Option<String>,
}

/// Reads a text.
pub fn read(text: &str) -> Read {
    let mut reader = Reader { text, at: 0, fault: None };
    let root = reader.value(0);
    if reader.fault.is_none() && reader.peek().is_some() {
        reader.blame("there is text behind its end");
    }
    Read { root, fault: reader.fault }
}

/// Whether a character says nothing between values: all white space, controls such as NUL, and
/// marks that cannot be seen.
pub fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}')
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    fault: Option<String>,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next character that is no blank. It becomes the place of the reader.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        let next = rest.trim_start_matches(is_blank);
        self.at += rest.len() - next.len();
        next.chars().next()
    }

    fn blame(&mut self, what: &str) {
        let at = self.at;
        self.fault.get_or_insert_with(|| format!("{what}, at byte {at}"));
    }

    /// The value that begins here. Of what closes or parts values it takes nothing.
    fn value(&mut self, depth: usize) -> Node {
        match self.peek() {
            Some('"') => self.string().map_or(Node::Unread, Node::Text),
            Some('{' | '[') if depth >= DEEPEST => {
                self.blame("it is nested deeper than any policy");
                self.pass_over();
                Node::Unread
            }
            Some('{') => self.object(depth),
            Some('[') => self.list(depth),
            Some('}' | ']' | ',' | ':') => {
                self.blame("a value is missing");
                Node::Unread
            }
            Some(_) => self.word(),
            None => {
                self.blame(CUT);
                Node::Unread
            }
        }
    }

    fn object(&mut self, depth: usize) -> Node {
        self.at += 1;
        let mut members = Vec::new();
        loop {
            match self.peek() {
                Some('}') => {
                    self.at += 1;
                    return Node::Object(members);
                }
                Some(',') => self.at += 1,
                Some('"') => {
                    let Some(name) = self.string() else { continue };
                    if self.peek() != Some(':') {
                        self.blame("a member has no value");
                        continue;
                    }
                    self.at += 1;
                    members.push((name, self.value(depth + 1)));
                }
                Some(c) => self.stray(c, depth),
                // Half a statement can say the opposite of the whole; half a document cannot.
                None => {
                    self.blame(CUT);
                    return if depth == 0 { Node::Object(members) } else { Node::Unread };
                }
            }
        }
    }

    fn list(&mut self, depth: usize) -> Node {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            match self.peek() {
                Some(']') => {
                    self.at += 1;
                    return Node::List(items);
                }
                Some(',') => self.at += 1,
                Some(c @ ('}' | ':')) => self.stray(c, depth),
                Some(_) => items.push(self.value(depth + 1)),
                None => {
                    self.blame(CUT);
                    return Node::List(items);
                }
            }
        }
    }

    /// Passes over what should not stand here.
    fn stray(&mut self, c: char, depth: usize) {
        self.blame("something stands where it should not");
        if matches!(c, '}' | ']' | ':') {
            self.at += 1;
        } else {
            self.value(depth + 1);
        }
    }

    /// A number, `true`, `false`, `null`, or what is none of them.
    fn word(&mut self) -> Node {
        let rest = self.rest();
        let ends = |c| matches!(c, '{' | '}' | '[' | ']' | ',' | ':' | '"') || is_blank(c);
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.at += word.len();
        if word == "null" { Node::Nothing } else { Node::Text(word.to_owned()) }
    }

    /// The string that begins here; `None` if the text ends before it does.
    fn string(&mut self) -> Option<String> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let mut at = 1;
        while let Some(found) = memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
            at += found;
            if bytes[at] == b'"' {
                self.at += at + 1;
                return Some(unescape(&rest[1..at]));
            }
            at += 2;
        }
        self.blame(CUT);
        self.at = self.text.len();
        None
    }

    /// Passes over an object or array, however deep it is.
    fn pass_over(&mut self) {
        let mut depth = 0usize;
        let structure = |c| matches!(c, '"' | '{' | '}' | '[' | ']');
        while let Some(found) = self.rest().find(structure) {
            self.at += found;
            match self.rest().as_bytes().first() {
                Some(b'"') => {
                    self.string();
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                _ => depth = depth.saturating_sub(1),
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
        self.at = self.text.len();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// What strict JSON says, in the form of this reader.
    fn of(value: &Value) -> Node {
        match value {
            Value::Null => Node::Nothing,
            Value::String(text) => Node::Text(text.clone()),
            Value::Array(items) => Node::List(items.iter().map(of).collect()),
            Value::Object(members) => Node::Object(
                members.iter().map(|(name, value)| (name.clone(), of(value))).collect(),
            ),
            scalar => Node::Text(scalar.to_string()),
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            ".{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::hash_map(".{0,4}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn strict_json_reads_as_serde_json_reads_it(value in value()) {
            let expected = Read { root: of(&value), fault: None };
            prop_assert_eq!(read(&value.to_string()), expected.clone());
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(read(&format!("\u{feff}\0{pretty} \t\0")), expected);
        }

        #[test]
        fn any_text_is_read(text in "[{}\\[\\]\":,\\\\un0 \u{feff}é]{0,60}") {
            read(&text);
        }
    }

    #[test]
    fn what_is_read_says_what_is_not() {
        for (text, fault) in [
            (r#"{"a":1}"#, None),
            (r#"{"a":1,}"#, None),
            ("{\"a\":\"\t\u{1}\"}", None),
            (r#"{"a":1e999,"b":"\ud800"}"#, None),
            (r#"{"a":1} "#, None),
            (r#"{"a":1}x"#, Some("there is text behind its end, at byte 7")),
            (r#"{"a":1"#, Some("it ends in the middle, at byte 6")),
            (r#"{"a""#, Some("a member has no value, at byte 4")),
            (r#"{"a":}"#, Some("a value is missing, at byte 5")),
            (r#"{'a':1}"#, Some("something stands where it should not, at byte 1")),
            ("", Some("it ends in the middle, at byte 0")),
        ] {
            assert_eq!(read(text).fault.as_deref(), fault, "{text}");
        }
        let cut = read(r#"{"a":[{"b":1},{"c":2"#).root;
        let whole = Node::Object(vec![("b".to_owned(), Node::Text("1".to_owned()))]);
        let list = Node::List(vec![whole, Node::Unread]);
        assert_eq!(cut, Node::Object(vec![("a".to_owned(), list)]));
    }

    #[test]
    fn deep_nesting_is_passed_over() {
        let deep = format!("{{\"a\":{}{},\"b\":1}}", "[".repeat(50_000), "]".repeat(50_000));
        let Read { root: Node::Object(members), fault } = read(&deep) else { panic!() };
        assert_eq!(members.last(), Some(&("b".to_owned(), Node::Text("1".to_owned()))));
        assert!(fault.is_some_and(|fault| fault.starts_with("it is nested deeper")));
        read(&"[{\"a\":".repeat(50_000));
    }
}
