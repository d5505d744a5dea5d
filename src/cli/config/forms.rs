//! The forms of values in the configuration. Each reader says what it expects when it refuses.

use regex::Regex;

use crate::cli::values;
use crate::model::arn::Arn;
use crate::model::pattern::can_fit_arn;

/// A text that is not blank and has no control characters.
pub fn plain(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("is blank".into());
    }
    if text.chars().any(char::is_control) {
        return Err("has control characters".into());
    }
    Ok(text.to_owned())
}

/// A sentence: not blank.
pub fn sentence(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("expected a reason that is not blank".into()),
        text => Ok(text.to_owned()),
    }
}

/// A pattern of ARNs. A name alone fits no ARN, so it is refused, not taken to mean nothing.
pub fn arn_pattern(text: &str) -> Result<String, String> {
    let text = plain(text)?;
    if is_arn_pattern(&text) || is_service(&text) {
        Ok(text)
    } else {
        Err("expected an ARN, in which * and ? may stand for characters of one part and a whole part \
             of * for several, such as arn:aws:iam::111122223333:role/deploy-* or *:role/deploy-*"
            .into())
    }
}

/// Whether a text is a pattern of ARNs, and could fit one.
fn is_arn_pattern(text: &str) -> bool {
    (text.starts_with("arn:") || text.starts_with(['*', '?'])) && can_fit_arn(text)
}

/// Of services there is the host name only.
fn is_service(text: &str) -> bool {
    text.ends_with(".amazonaws.com") || text.ends_with(".amazonaws.com.cn")
}

/// A pattern of a key's ARN or alias.
pub fn key_pattern(text: &str) -> Result<String, String> {
    let text = plain(text)?;
    if is_arn_pattern(&text) || text.starts_with("alias/") {
        Ok(text)
    } else {
        Err("expected a key's ARN or an alias, in which * and ? may stand for characters of one part \
             and a whole part of * for several, such as arn:aws:kms:*:key/mrk-* or alias/ledger-*"
            .into())
    }
}

/// Whether a text stands for more than itself.
fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// An account id, or a pattern of one.
pub fn account_pattern(text: &str) -> Result<String, String> {
    let fits = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'?'));
    if has_wildcard(text) && fits { Ok(text.to_owned()) } else { values::account(text) }
}

/// A Region, or a pattern of one.
pub fn region_pattern(text: &str) -> Result<String, String> {
    let of_region = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-*?".contains(&b);
    let fits = text.bytes().all(of_region);
    if has_wildcard(text) && fits { Ok(text.to_owned()) } else { values::region(text) }
}

/// A regular expression.
pub fn regex(text: &str) -> Result<Regex, String> {
    plain(text)?;
    Regex::new(text).map_err(|error| {
        let error = error.to_string();
        // The first lines draw the place, which takes a fixed font and several lines.
        let last = error.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("invalid");
        format!("is no regular expression: {}", last.trim_start_matches("error: "))
    })
}

/// The measurement of an image: a SHA-384 or SHA-256 digest.
pub fn measurement(text: &str) -> Result<String, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits && matches!(text.len(), 64 | 96) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("expected a measurement of 96 hexadecimal digits (SHA-384) or 64 (SHA-256)".into())
    }
}

/// A service by the first label of its host name.
pub fn service(text: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !text.is_empty() && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("expected the first label of a service's host name, such as secretsmanager".into())
    }
}

/// The ARN of a key, without wildcards.
pub fn key_arn(text: &str) -> Result<String, String> {
    let fits = |arn: Arn<'_>| {
        arn.is_kms_key()
            && values::account(arn.account).is_ok()
            && values::region(arn.region).is_ok()
            && arn.resource.len() > "key/".len()
            && arn.resource.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-".contains(&b))
    };
    match Arn::parse(text) {
        Some(arn) if fits(arn) => Ok(text.to_owned()),
        _ => Err("expected a key's ARN such as \
                  arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
            .into()),
    }
}

/// The name of a bucket.
pub fn bucket(text: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
    if (3..=63).contains(&text.len()) && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("expected the name of a bucket, 3 to 63 of a to z, 0 to 9, . and -".into())
    }
}
