//! Texts of messages, which SARIF reads for links and placeholders.
//!
//! A bracket begins a link and a brace a placeholder, unless they are escaped (SARIF 2.1.0, 3.11.5 and
//! 3.11.6). What must stay true: a text of a log gives neither.

use serde_json::{Value, json};

use crate::report::fields::shown;

/// The most characters of a message, before escapes.
const LONGEST: usize = 1_024;

/// A message that says this and links to nothing.
pub fn message(text: &str) -> Value {
    json!({"text": plain(text)})
}

/// A text with brackets and braces escaped, and hidden characters written out.
pub fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in shown(text, LONGEST).chars() {
        match c {
            '\\' | '[' | ']' => plain.extend(['\\', c]),
            '{' | '}' => plain.extend([c, c]),
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_text_of_a_log_is_a_link_or_a_placeholder() {
        assert_eq!(plain("[x](http://evil) {0} \\"), "\\[x\\](http://evil) {{0}} \\\\");
        assert_eq!(plain("a\u{1b}b"), "a\\\\x1bb");
    }

    proptest! {
        #[test]
        fn every_bracket_and_brace_is_escaped(text in r"[\[\]{}\\a\x00]{0,40}") {
            let plain = plain(&text);
            let without = plain.replace("\\\\", "").replace("\\[", "").replace("\\]", "");
            let without = without.replace("{{", "").replace("}}", "");
            prop_assert!(!without.contains(['[', ']', '{', '}', '\\']), "{plain}");
        }
    }
}
