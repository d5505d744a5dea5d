//! Recognises secrets and personal data in a text, and masks them.
//!
//! What must stay true: the time is linear in the length of the text, and a masked text does not
//! reveal what was found. Ids can look like a secret by chance. A number therefore counts as a card
//! number only if it has a known issuer, a length that the issuer uses, and a valid check digit.

use crate::model::arn::Arn;

/// The kind of sensitive text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitive {
    /// The number of a payment card.
    CardNumber,
    /// An e-mail address.
    Email,
    /// A US social security number.
    SocialSecurityNumber,
    /// The id of an AWS access key.
    AccessKeyId,
    /// A key or certificate in PEM.
    Pem,
    /// A JSON web token.
    WebToken,
    /// The value of a member whose name means password, token or the like.
    Named,
}

impl Sensitive {
    /// The kind, for use in a sentence.
    pub fn as_str(self) -> &'static str {
        match self {
            Sensitive::CardNumber => "a payment card number",
            Sensitive::Email => "an e-mail address",
            Sensitive::SocialSecurityNumber => "a social security number",
            Sensitive::AccessKeyId => "an AWS access key id",
            Sensitive::Pem => "a PEM block",
            Sensitive::WebToken => "a JSON web token",
            Sensitive::Named => "the value of what is called a secret",
        }
    }

    /// Masks `text`: its owner recognises it, nobody else learns it.
    pub fn masked(self, text: &str) -> String {
        let last = |shown: usize| -> String {
            let digits: Vec<char> = text.chars().filter(char::is_ascii_alphanumeric).collect();
            digits[digits.len().saturating_sub(shown)..].iter().collect()
        };
        match self {
            Sensitive::CardNumber | Sensitive::SocialSecurityNumber => format!("***{}", last(4)),
            Sensitive::AccessKeyId => format!("AKIA/ASIA***{}", last(4)),
            Sensitive::Email => match text.split_once('@') {
                // If there are several, the first may be the end of something else.
                Some((_, domain)) if !domain.contains('@') => {
                    format!("***@{}", domain_of(domain))
                }
                _ => "***".to_owned(),
            },
            _ => format!("*** ({} characters)", text.chars().count()),
        }
    }
}

/// The kind of sensitive text that `text` contains, if any. Ids of AWS resources and UUIDs do not
/// count.
pub fn in_text(text: &str) -> Option<Sensitive> {
    // The shortest of all is an e-mail address, such as a@b.co.
    if text.len() < 6 || is_id(text) {
        return None;
    }
    if text.contains("-----BEGIN ") {
        Some(Sensitive::Pem)
    } else if is_web_token(text) {
        Some(Sensitive::WebToken)
    } else if has_access_key(text) {
        Some(Sensitive::AccessKeyId)
    } else if is_social_security_number(text) {
        Some(Sensitive::SocialSecurityNumber)
    } else if has_card_number(text) {
        Some(Sensitive::CardNumber)
    } else {
        has_email(text).then_some(Sensitive::Email)
    }
}

/// Whether the name says that the value is a secret, and the value may be one.
pub fn by_name(name: &str, value: &str) -> Option<Sensitive> {
    // Only the end of the name counts: the id of a token, or the name or version of a secret, is
    // not a secret.
    const ENDINGS: [&str; 14] = [
        "password",
        "passwd",
        "pwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "accesskey",
        "secretkey",
        "privatekey",
        "credential",
        "credentials",
        "ssn",
        "cvv",
    ];
    const NO_VALUES: [&str; 4] = ["true", "false", "null", "none"];
    if value.len() < 3 || is_id(value) || NO_VALUES.iter().any(|no| value.eq_ignore_ascii_case(no))
    {
        return None;
    }
    let kept = name.chars().filter(char::is_ascii_alphanumeric);
    let folded: String = kept.map(|c| c.to_ascii_lowercase()).collect();
    ENDINGS.iter().any(|end| folded.ends_with(end)).then_some(Sensitive::Named)
}

/// Whether `text` is an ARN or a UUID.
pub fn is_id(text: &str) -> bool {
    let uuid = || {
        text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    };
    (text.starts_with("arn:") && Arn::parse(text).is_some()) || uuid()
}

/// Whether the text is a JSON web token: three parts in base64url, the first two of which are JSON
/// objects.
fn is_web_token(text: &str) -> bool {
    let text = text.strip_prefix("Bearer ").unwrap_or(text);
    let parts: Vec<&str> = text.splitn(4, '.').collect();
    let [header, claims, signature] = parts[..] else { return false };
    let coded = |part: &str| {
        part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'='))
    };
    // `{"` in base64
    header.starts_with("eyJ")
        && claims.starts_with("eyJ")
        && coded(header)
        && coded(claims)
        && coded(signature)
}

fn has_access_key(text: &str) -> bool {
    let coded = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    let mut words = text.as_bytes().split(|b| !b.is_ascii_alphanumeric());
    words.any(|word| {
        word.len() == 20
            && (word.starts_with(b"AKIA") || word.starts_with(b"ASIA"))
            && word.iter().all(&coded)
    })
}

/// Whether the whole text is a social security number, `AAA-GG-SSSS`, that can be assigned (SSA,
/// since 2011: no area 000, 666 or from 900, no group 00, no serial 0000).
fn is_social_security_number(text: &str) -> bool {
    let b = text.as_bytes();
    if b.len() != 11 || b[3] != b'-' || b[6] != b'-' {
        return false;
    }
    let digits = |from: usize, to: usize| b[from..to].iter().all(u8::is_ascii_digit);
    let (area, group, serial) = (&b[..3], &b[4..6], &b[7..]);
    digits(0, 3)
        && digits(4, 6)
        && digits(7, 11)
        && area != b"000"
        && area != b"666"
        && area[0] != b'9'
        && group != b"00"
        && serial != b"0000"
}

/// Whether a run of digits is a card number. Single spaces and dashes may separate the digits.
fn has_card_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        let mut digits = Vec::new();
        while let Some(byte) = bytes.get(at) {
            let between =
                matches!(byte, b' ' | b'-') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
            match byte {
                b'0'..=b'9' => digits.push(byte - b'0'),
                _ if between => {}
                _ => break,
            }
            at += 1;
        }
        let joined = |byte: Option<&u8>| {
            byte.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        };
        let before = start.checked_sub(1).and_then(|before| bytes.get(before));
        if !joined(before) && !joined(bytes.get(at)) && is_card_number(&digits) {
            return true;
        }
    }
    false
}

/// Whether the issuer of a card (ISO/IEC 7812) uses such numbers.
fn is_card_number(digits: &[u8]) -> bool {
    let leading = |count: usize| {
        digits.iter().take(count).fold(0u32, |sum, digit| sum * 10 + u32::from(*digit))
    };
    let known = match digits.len() {
        13 => leading(1) == 4,
        14 => matches!(leading(2), 36 | 38) || matches!(leading(3), 300..=305),
        15 => matches!(leading(2), 34 | 37),
        16 => {
            leading(1) == 4
                || matches!(leading(2), 51..=55 | 62 | 65)
                || matches!(leading(3), 644..=649)
                || matches!(leading(4), 2221..=2720 | 3528..=3589 | 6011)
        }
        17 | 18 => leading(2) == 62,
        19 => leading(1) == 4 || leading(2) == 62,
        _ => false,
    };
    known && passes_luhn(digits)
}

/// Checks the check digit of ISO/IEC 7812-1, annex B.
fn passes_luhn(digits: &[u8]) -> bool {
    let doubled = |digit: u8| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let weigh =
        |(at, digit): (usize, &u8)| u32::from(if at % 2 == 1 { doubled(*digit) } else { *digit });
    digits.iter().rev().enumerate().map(weigh).sum::<u32>().is_multiple_of(10)
}

fn has_email(text: &str) -> bool {
    let local = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-');
    let mut last = "";
    for (number, part) in text.split('@').enumerate() {
        let user = last.rsplit(|c| !local(c)).next().unwrap_or_default();
        let domain = domain_of(part);
        // `git@host` is part of the URL of a repository.
        let sound = number > 0 && !user.is_empty() && user != "git" && has_top_level(domain);
        if sound {
            return true;
        }
        last = part;
    }
    false
}

/// The host name at the start of `text`.
fn domain_of(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-')));
    text[..end.unwrap_or(text.len())].trim_end_matches(['.', '-'])
}

fn has_top_level(domain: &str) -> bool {
    domain.rsplit_once('.').is_some_and(|(name, top)| {
        !name.is_empty() && top.len() >= 2 && top.bytes().all(|b| b.is_ascii_alphabetic())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_found() {
        for (text, expected) in [
            ("4111111111111111", Sensitive::CardNumber),
            ("card 5555-5555-5555-4444", Sensitive::CardNumber),
            ("3782 822463 10005", Sensitive::CardNumber),
            ("alice@example.com", Sensitive::Email),
            ("owner=<bob.b+x@mail.example.co.uk>", Sensitive::Email),
            ("219-09-9999", Sensitive::SocialSecurityNumber),
            ("key:AKIAIOSFODNN7EXAMPLE", Sensitive::AccessKeyId),
            ("-----BEGIN PRIVATE KEY-----\nMIIB", Sensitive::Pem),
            ("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.", Sensitive::WebToken),
        ] {
            assert_eq!(in_text(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_left_alone() {
        for text in [
            "arn:aws:s3:::bucket/alice@example.com",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "41111111-1111-1111-1111-111111111111",
            "111122223333",
            // A time in milliseconds, an id with a wrong check digit, a number without an issuer.
            "1764000000000",
            "4111111111111112",
            "9111111111111111",
            "a4111111111111111",
            "000-12-3456",
            "2026-11-23",
            "git@github.com:org/repo.git",
            "@example.com",
            "alice@localhost",
            "AKIAIOSFODNN7",
            "eyJhbGciOiJub25lIn0",
            "finance",
            "",
        ] {
            assert_eq!(in_text(text), None, "{text}");
        }
    }

    #[test]
    fn names_of_secrets() {
        for (name, value) in [
            ("password", "hunter2"),
            ("DB_Passwd", "abc"),
            ("x-api-key", "k-17"),
            ("SSN", "219099999"),
        ] {
            assert_eq!(by_name(name, value), Some(Sensitive::Named), "{name}");
        }
        for (name, value) in [
            ("SecretARN", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a"),
            ("secret", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a"),
            ("token", "1234abcd-12ab-34cd-56ef-1234567890ab"),
            ("secret_name", "prod/db"),
            ("TokenId", "4711"),
            ("is_secret", "true"),
            ("Purpose", "password"),
        ] {
            assert_eq!(by_name(name, value), None, "{name}");
        }
    }

    #[test]
    fn masks_show_little() {
        for (kind, text, masked) in [
            (Sensitive::CardNumber, "4111-1111-1111-1234", "***1234"),
            (Sensitive::SocialSecurityNumber, "219-09-9999", "***9999"),
            (Sensitive::AccessKeyId, "AKIAIOSFODNN7EXAMPLE", "AKIA/ASIA***MPLE"),
            (Sensitive::Email, "alice@example.com", "***@example.com"),
            (Sensitive::Named, "hunter2", "*** (7 characters)"),
        ] {
            assert_eq!(kind.masked(text), masked);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,60}", near in "[0-9@. A-Z-]{0,40}") {
            for text in [text, near] {
                if let Some(kind) = in_text(&text) {
                    let _ = kind.masked(&text);
                }
                let _ = by_name(&text, &text);
            }
        }
    }
}
