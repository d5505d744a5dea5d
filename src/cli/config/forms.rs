//! The forms of texts in the configuration. Each says what it expects when it refuses.

use regex::Regex;

use super::key::Form;
use crate::cli::values;
use crate::model::arn::Arn;
use crate::model::level::Level;
use crate::model::pattern::can_fit_arn;

/// Longer names are compared with nothing: bytes.
const RULE_MAX: usize = 500;

/// Any text.
pub static PLAIN: Form = Form {
    what: "a text that is not blank and has no control characters",
    pattern: r"\S",
    read: plain,
};

/// An account.
pub static ACCOUNT: Form =
    Form { what: "an account id of 12 digits", pattern: "^[0-9]{12}$", read: values::account };

/// Several accounts.
pub static ACCOUNT_PATTERN: Form = Form {
    what: "an account id, or a pattern of one with * and ?",
    pattern: "^[0-9*?]+$",
    read: account_pattern,
};

/// A Region.
pub static REGION: Form = Form {
    what: "a Region, such as eu-central-1",
    pattern: "^[a-z]+(-[a-z]+)+-[0-9]{1,2}$",
    read: values::region,
};

/// Several Regions.
pub static REGION_PATTERN: Form = Form {
    what: "a Region, or a pattern of one with * and ?",
    pattern: "^[a-z0-9*?-]+$",
    read: region_pattern,
};

/// A principal.
pub static ARN: Form = Form {
    what: "an ARN or a pattern of one, such as *:role/deploy-*, or the host name of a service",
    pattern: r"^(arn:|[*?])|\.amazonaws\.com(\.cn)?$",
    read: arn_pattern,
};

/// Some keys.
pub static KEY: Form = Form {
    what: "a key's ARN, an alias such as alias/ledger, or a pattern of them",
    pattern: "^(arn:|[*?]|alias/)",
    read: key_pattern,
};

/// One key.
pub static KEY_ARN: Form = Form {
    what: "a key's ARN, without wildcards",
    pattern: "^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9/-]+$",
    read: key_arn,
};

/// A regular expression.
pub static REGEX: Form = Form {
    what: "a regular expression",
    pattern: r"\S",
    read: |text| regex(text).map(|_| text.into()),
};

/// A level.
pub static LEVEL: Form = Form {
    what: "critical, high, medium, low or informational",
    pattern: "^(critical|high|medium|low|informational)$",
    read: |text| text.parse::<Level>().map(|_| text.into()),
};

/// A level, or none.
pub static LEVEL_OR_NEVER: Form = Form {
    what: "critical, high, medium, low, informational or never",
    pattern: "^(critical|high|medium|low|informational|never)$",
    read: |text| values::level_or_never(text).map(|_| text.into()),
};

/// A file or folder.
pub static PATH: Form = Form { what: "a path", pattern: r"\S", read: plain };

/// A service.
pub static SERVICE: Form = Form {
    what: "the first label of a service's host name, such as secretsmanager",
    pattern: "^[a-z0-9-]+$",
    read: service,
};

/// An image.
pub static MEASUREMENT: Form = Form {
    what: "96 hexadecimal digits (SHA-384) or 64 (SHA-256)",
    pattern: "^([0-9A-Fa-f]{64}|[0-9A-Fa-f]{96})$",
    read: measurement,
};

/// A rule.
pub static RULE: Form = Form { what: "a rule id", pattern: r"^[^*?]*[^*?\s][^*?]*$", read: rule };

/// A sentence.
pub static SENTENCE: Form =
    Form { what: "a text that is not blank", pattern: r"\S", read: sentence };

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
fn sentence(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("expected a text that is not blank".into()),
        text => Ok(text.to_owned()),
    }
}

/// The id of one rule.
fn rule(text: &str) -> Result<String, String> {
    match text.contains(['*', '?']) {
        true => Err("expected one rule id; patterns are not for rules".into()),
        false if text.len() > RULE_MAX => Err("is longer than any rule id".into()),
        false => plain(text),
    }
}

/// A pattern of ARNs. A name alone fits no ARN, so it is refused, not taken to mean nothing.
fn arn_pattern(text: &str) -> Result<String, String> {
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
fn key_pattern(text: &str) -> Result<String, String> {
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
fn account_pattern(text: &str) -> Result<String, String> {
    let fits = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'?'));
    if has_wildcard(text) && fits { Ok(text.to_owned()) } else { values::account(text) }
}

/// A Region, or a pattern of one.
fn region_pattern(text: &str) -> Result<String, String> {
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
fn measurement(text: &str) -> Result<String, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits && matches!(text.len(), 64 | 96) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("expected a measurement of 96 hexadecimal digits (SHA-384) or 64 (SHA-256)".into())
    }
}

/// A service by the first label of its host name.
fn service(text: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !text.is_empty() && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("expected the first label of a service's host name, such as secretsmanager".into())
    }
}

/// The ARN of a key, without wildcards.
fn key_arn(text: &str) -> Result<String, String> {
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
