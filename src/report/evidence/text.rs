//! Texts of a page: how long they may be, and which of them lead elsewhere.

/// So many characters of a text are shown.
pub const LONGEST: usize = 1_000;

/// The text, cut if it is too long.
pub fn clipped(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((at, _)) => {
            let more = text[at..].chars().count();
            format!("{}… ({more} more characters)", &text[..at])
        }
    }
}

/// Whether a link leads where it says, to a page of the web.
pub fn is_page(url: &str) -> bool {
    url.starts_with("https://") && url.len() < 2_000 && url.bytes().all(|b| b.is_ascii_graphic())
}

/// The place of a page that a name stands for. Names come from outside, and a place is markup: nothing
/// but letters, digits and hyphens is left of them.
pub fn anchor(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_say_how_much_is_missing() {
        let text = "é".repeat(LONGEST);
        assert_eq!(clipped(&text), text);
        assert_eq!(clipped(&format!("{text}xy")), format!("{text}… (2 more characters)"));
    }

    #[test]
    fn a_place_is_no_markup() {
        assert_eq!(anchor("finding-0a1b"), "finding-0a1b");
        assert_eq!(anchor("x\"></a><img src=y>\n# z"), "xaimgsrcyz");
    }

    #[test]
    fn only_pages_of_the_web_are_linked() {
        assert!(is_page("https://attack.mitre.org/techniques/T1485/"));
        for url in ["javascript:alert(1)", "http://example.com", "https://a b", "https://\u{202e}"]
        {
            assert!(!is_page(url), "{url}");
        }
    }
}
