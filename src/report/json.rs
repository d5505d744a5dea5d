//! JSON and NDJSON: how every document is written.
//!
//! JSON escapes C0 controls only, but people also read a JSON report in terminals and editors. So
//! every hidden character is written as `\uXXXX`, which changes no value. What must stay true: any
//! JSON reader gets back exactly the text of the log.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use super::escape::is_hidden;

/// Writes a document indented by two spaces, with a newline at its end.
pub fn write_document(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serialize(document, PrettyFormatter::new(), out)
}

/// Writes a value on one line.
pub fn write_line(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serialize(value, CompactFormatter, out)
}

fn serialize(
    value: &impl Serialize,
    formatter: impl Formatter,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(&mut *out, Visible(formatter));
    // The conversion keeps the kind of an I/O error.
    value.serialize(&mut serializer).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

/// A formatter that lets no hidden character through raw.
struct Visible<F>(F);

/// Hands calls to the inner formatter as they are.
macro_rules! delegate {
    ($($name:ident($($arg:ident: $type:ty),*);)*) => {$(
        fn $name<W: ?Sized + Write>(&mut self, out: &mut W $(, $arg: $type)*) -> io::Result<()> {
            self.0.$name(out $(, $arg)*)
        }
    )*};
}

impl<F: Formatter> Formatter for Visible<F> {
    fn write_string_fragment<W>(&mut self, out: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_hidden) {
            out.write_all(&rest.as_bytes()[..at])?;
            let mut chars = rest[at..].chars();
            if let Some(hidden) = chars.next() {
                // Two units beyond the basic plane: JSON knows UTF-16 only.
                for unit in hidden.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
            rest = chars.as_str();
        }
        out.write_all(rest.as_bytes())
    }

    // Everything that the two inner formatters do differently.
    delegate! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text_of(value: &impl Serialize) -> String {
        let mut out = Vec::new();
        serialize(value, CompactFormatter, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn hidden_characters_are_escaped_in_values_and_keys() {
        let value = serde_json::json!({"a\u{7f}": "\u{1b}[2J\u{9b}\u{2028}\u{202e}\u{e0041}é\"<"});
        assert_eq!(
            text_of(&value),
            "{\"a\\u007f\":\"\\u001b[2J\\u009b\\u2028\\u202e\\udb40\\udc41é\\\"<\"}\n"
        );
    }

    proptest! {
        #[test]
        fn every_text_comes_back_and_none_is_hidden(text in any::<String>()) {
            let json = text_of(&text);
            prop_assert_eq!(&serde_json::from_str::<String>(&json).unwrap(), &text);
            prop_assert!(!json.trim_end_matches('\n').chars().any(is_hidden));
        }
    }
}
