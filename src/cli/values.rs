//! The forms that option values take. Each reader says what it expects when it refuses.

use crate::model::level::Level;
use crate::model::time::Time;
use crate::report::{Format, OcsfVersion, View};

/// More threads than this help nobody, and asking the system for them can fail.
const THREADS_MAX: usize = 1024;

/// The two forms of a result that is no report of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Table or json.
pub fn form(text: &str) -> Result<Form, String> {
    match text {
        "table" => Ok(Form::Table),
        "json" => Ok(Form::Json),
        _ => Err("expected table or json".into()),
    }
}

/// RFC 3339, a day (midnight UTC), or an age before `now`.
pub fn time(text: &str, now: Time) -> Result<Time, String> {
    if let Some(age_secs) = age_secs(text) {
        let age_micros = age_secs.and_then(|secs| secs.checked_mul(1_000_000));
        return age_micros
            .and_then(|age| now.0.checked_sub(age))
            .map(Time)
            .filter(|time| *time >= Time(0))
            .ok_or_else(|| "that long ago there was no CloudTrail".into());
    }
    let day = text.len() == 10 && text.is_ascii();
    let parsed = if day { Time::parse(&format!("{text}T00:00:00Z")) } else { Time::parse(text) };
    parsed.ok_or_else(|| {
        "expected RFC 3339 (2026-11-23T20:17:00Z), a day (2026-11-23) or an age (90m, 36h, 7d)"
            .into()
    })
}

/// `36h` in seconds: `None` when this is no age, `Some(None)` when it is too large for a number.
pub fn age_secs(text: &str) -> Option<Option<i64>> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let unit_secs = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    Some(number.parse::<i64>().ok().and_then(|n| n.checked_mul(unit_secs)))
}

/// A number of things, from 1 on.
pub fn count(text: &str, most: u64) -> Result<u64, String> {
    let count = text.parse().ok().filter(|count| (1..=most).contains(count));
    count.ok_or_else(|| format!("expected a number from 1 to {most}"))
}

/// A number of bytes, from 1 on: `4096`, or `64K`, `256M`, `1G` in powers of 1024.
pub fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.as_bytes().last() {
        Some(b'K') => (&text[..text.len() - 1], 1 << 10),
        Some(b'M') => (&text[..text.len() - 1], 1 << 20),
        Some(b'G') => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes
        .filter(|bytes| is_number && *bytes > 0)
        .ok_or_else(|| "expected a number of bytes such as 4096, 64K, 256M or 1G".to_owned())
}

/// An account id.
pub fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        Ok(text.into())
    } else {
        Err("expected an account id of 12 digits".into())
    }
}

/// A Region's name. Its shape is checked, not its existence: AWS adds Regions.
pub fn region(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('-').collect();
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let fits = match parts.as_slice() {
        [words @ .., number] => {
            words.len() >= 2
                && words.iter().all(word)
                && (1..=2).contains(&number.len())
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        [] => false,
    };
    if fits { Ok(text.into()) } else { Err("expected a Region such as eu-central-1".into()) }
}

/// A level, or `never`.
pub fn level_or_never(text: &str) -> Result<Option<Level>, String> {
    if text == "never" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_: String| {
        format!("unknown level '{text}': use informational, low, medium, high, critical or never")
    })
}

/// A format of the report.
pub fn format(text: &str) -> Result<Format, String> {
    text.parse().map_err(|_| {
        let all: Vec<String> = Format::ALL.iter().map(ToString::to_string).collect();
        format!("expected one of {}", all.join(", "))
    })
}

/// A version of OCSF.
pub fn ocsf_version(text: &str) -> Result<OcsfVersion, String> {
    let names = OcsfVersion::ALL.map(OcsfVersion::as_str);
    text.parse().map_err(|_| format!("expected one of {}", names.join(", ")))
}

/// What the table is about.
pub fn view(text: &str) -> Result<View, String> {
    text.parse()
        .map_err(|_| format!("expected one of {}", View::ALL.map(|(name, _)| name).join(", ")))
}

/// A number of threads; `None` for one a core.
pub fn threads(text: &str) -> Result<Option<usize>, String> {
    match text.parse() {
        Ok(0) => Ok(None),
        Ok(n) if n <= THREADS_MAX => Ok(Some(n)),
        _ => Err(format!("expected a number from 0 (one a core) to {THREADS_MAX}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let now = Time::parse("2026-11-23T20:17:00Z").unwrap();
        let read = |text| time(text, now).map(|t| t.to_string());
        for (text, expected) in [
            ("2026-11-23", "2026-11-23T00:00:00Z"),
            ("2026-11-23T20:17:00+02:00", "2026-11-23T18:17:00Z"),
            ("90m", "2026-11-23T18:47:00Z"),
            ("36h", "2026-11-22T08:17:00Z"),
            ("7d", "2026-11-16T20:17:00Z"),
            ("1w", "2026-11-16T20:17:00Z"),
            ("0s", "2026-11-23T20:17:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "",
            "d",
            "7",
            "-7d",
            "7 d",
            "7y",
            "é",
            "2026-02-30",
            "2026-11-23T20:17:00",
            "now",
            "99999999999999999999d",
            "9999999999999999s",
            "100000w",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn accounts_and_regions() {
        assert!(account("111122223333").is_ok());
        for text in ["", "11112222333", "1111222233334", "11112222333x", "１１１１"] {
            assert!(account(text).is_err(), "{text}");
        }
        for text in ["us-east-1", "us-gov-west-1", "eusc-de-east-1", "ap-southeast-5"] {
            assert!(region(text).is_ok(), "{text}");
        }
        for text in ["", "us-east", "us-1", "US-east-1", "us-east-1a", "us--1", "eu-west-111"] {
            assert!(region(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, size) in
            [("1", 1), ("64K", 65_536), ("256M", 268_435_456), ("2G", 2_147_483_648)]
        {
            assert_eq!(bytes(text), Ok(size));
        }
        for text in ["", "0", "K", "-1", "+1", "1k", "1T", "1.5M", "99999999999G", "1 M", "é"] {
            assert!(bytes(text).is_err(), "{text}");
        }
        assert_eq!((count("1", 2), count("2", 2)), (Ok(1), Ok(2)));
        assert!(count("0", 2).is_err() && count("3", 2).is_err() && count("x", 2).is_err());
    }

    #[test]
    fn threads_are_bounded() {
        assert_eq!(threads("0"), Ok(None));
        assert_eq!(threads("4"), Ok(Some(4)));
        for text in ["", "-1", "1025", "99999999999999999999", "2.5"] {
            assert!(threads(text).is_err(), "{text}");
        }
    }
}
