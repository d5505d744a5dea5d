//! Makes text from a log safe to show on a terminal.
//!
//! A log field may hold terminal commands (clear the screen, set the title, type for the user), line
//! breaks that forge a line of the report, or invisible characters that reorder or disguise others
//! (Unicode TR 36 and TR 39; "Trojan Source", CVE-2021-42574). This module shows all of these as
//! escapes and leaves everything else as it is, in any script. It doesn't double the backslash, so
//! the escapes are for readers only; the JSON report is the lossless form.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a terminal would act on this character or show nothing of it.
///
/// Controls (C0, DEL, C1), line and paragraph separators, bidirectional controls, and whatever
/// Unicode calls default-ignorable: zero-width characters, fillers, variation selectors, tags.
pub fn is_hidden(c: char) -> bool {
    // Nearly all text is ASCII: decide it without going through the list.
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    matches!(c,
        '\u{80}'..='\u{9f}'
        | '\u{ad}' // soft hyphen
        | '\u{34f}' // combining grapheme joiner
        | '\u{61c}' // Arabic letter mark
        | '\u{115f}'..='\u{1160}' // Hangul fillers
        | '\u{17b4}'..='\u{17b5}' // Khmer inherent vowels
        | '\u{180b}'..='\u{180f}' // Mongolian selectors
        | '\u{200b}'..='\u{200f}' // zero-width, left-to-right and right-to-left marks
        | '\u{2028}'..='\u{202e}' // separators, bidirectional embeddings and overrides
        | '\u{2060}'..='\u{206f}' // word joiner, invisible operators, bidirectional isolates
        | '\u{3164}' // Hangul filler
        | '\u{fe00}'..='\u{fe0f}' // variation selectors
        | '\u{feff}' // byte order mark
        | '\u{ffa0}' // half-width Hangul filler
        | '\u{fff0}'..='\u{fffb}' // unassigned, interlinear annotation
        | '\u{1bca0}'..='\u{1bca3}' // shorthand format controls
        | '\u{1d173}'..='\u{1d17a}' // musical format controls
        | '\u{e0000}'..='\u{e0fff}' // tags, further variation selectors
    )
}

/// The text with every hidden character written out: `\n`, `\x1b`, `\u{202e}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(is_hidden) else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..first]);
    for c in text[first..].chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a string cannot fail.
            c if c.is_ascii_control() => drop(write!(out, "\\x{:02x}", u32::from(c))),
            c if is_hidden(c) => drop(write!(out, "\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn terminal_commands_and_disguises_become_visible() {
        for (text, shown) in [
            ("\u{1b}[2J\u{1b}]0;owned\u{7}", "\\x1b[2J\\x1b]0;owned\\x07"),
            ("a\nb\r\tc\0", "a\\nb\\r\\tc\\x00"),
            ("\u{9b}31m\u{7f}", "\\u{9b}31m\\x7f"),
            ("gpj.\u{202e}exe\u{2066}", "gpj.\\u{202e}exe\\u{2066}"),
            ("ad\u{200b}min\u{feff}", "ad\\u{200b}min\\u{feff}"),
            ("\u{2028}\u{e0041}", "\\u{2028}\\u{e0041}"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn ordinary_text_is_not_touched() {
        for text in
            ["", "role/Müller", "鍵の削除", "ключ", "مفتاح", "e\u{301}", "🔑", r#"a\b <&>""#]
        {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    /// Random text seldom holds these.
    const HIDDEN: &str =
        r"[\x00-\x1f\x7f-\x9f\u{200b}-\u{200f}\u{2028}-\u{202e}\u{2060}-\u{206f}]{0,8}";

    proptest! {
        #[test]
        fn nothing_hidden_is_left(text in any::<String>(), hidden in HIDDEN) {
            let shown = visible(&format!("{text}{hidden}{text}")).into_owned();
            prop_assert!(!shown.chars().any(|c| is_hidden(c) || c.is_control()), "{shown:?}");
            // Clean text is a fixed point, so escaping twice does no harm.
            prop_assert_eq!(visible(&shown), shown.as_str());
        }

        #[test]
        fn clean_text_is_kept(text in any::<String>()) {
            let clean: String = text.chars().filter(|&c| !is_hidden(c)).collect();
            prop_assert_eq!(visible(&clean), clean.as_str());
        }
    }
}
