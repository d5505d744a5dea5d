//! Links that a terminal makes of text (OSC 8), and the page of an ATT&CK id.
//!
//! A URL may come from a user's rule, and a terminal opens it with a click. What must stay true: only
//! `https` URLs of visible ASCII become links, so that none ends the sequence or hides where it leads.

/// The longest URL that becomes a link: terminals drop longer ones.
const LONGEST: usize = 2_000;

/// `text` as a link to `url`, if the URL may be one. It takes no columns more than the text.
pub fn linked(text: &str, url: &str) -> String {
    match may_be_link(url) {
        true => format!("\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\"),
        false => text.to_owned(),
    }
}

/// Whether a URL becomes a link.
pub fn may_be_link(url: &str) -> bool {
    let rest = url.strip_prefix("https://").unwrap_or_default();
    !rest.is_empty() && url.len() <= LONGEST && rest.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Where ATT&CK explains a technique: `T1562.008`.
pub fn attack_page(id: &str) -> Option<String> {
    let (technique, sub) = id.split_once('.').map_or((id, None), |(id, sub)| (id, Some(sub)));
    let digits = |text: &str, count: usize| {
        text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_known = digits(technique.strip_prefix('T')?, 4) && sub.is_none_or(|sub| digits(sub, 3));
    let sub = sub.map(|sub| format!("{sub}/")).unwrap_or_default();
    is_known.then(|| format!("https://attack.mitre.org/techniques/{technique}/{sub}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_https_becomes_a_link() {
        let good = "https://example.com/a?b=c#d";
        assert_eq!(linked("x", good), "\x1b]8;;https://example.com/a?b=c#d\x1b\\x\x1b]8;;\x1b\\");
        let long = format!("https://{}", "a".repeat(LONGEST));
        for bad in [
            "http://example.com",
            "https://",
            "javascript:alert(1)",
            "https://a b",
            "https://a\x1b\\",
            "https://a\x07",
            "https://exämple.com",
            "https://a\u{202e}b",
            &long,
        ] {
            assert_eq!(linked("x", bad), "x", "{bad:?}");
        }
    }

    #[test]
    fn techniques_have_pages() {
        let page = |id| attack_page(id);
        assert_eq!(page("T1485").unwrap(), "https://attack.mitre.org/techniques/T1485/");
        assert_eq!(page("T1562.008").unwrap(), "https://attack.mitre.org/techniques/T1562/008/");
        for id in ["", "T", "T148", "T1485.", "T1485.1", "TA0005", "T1485/..", "T1485.00x"] {
            assert_eq!(page(id), None, "{id}");
        }
    }
}
