//! Dates as AWS writes them inside requests and responses: English text, or ISO 8601.
//!
//! CloudTrail's own times are RFC 3339. What it copies from a request went through a Java formatter:
//! `Apr 12, 2021 18:58:30 PM` (24 hours and PM), `Nov 2, 2021, 11:25:25 PM`, with a narrow no-break
//! space before PM since newer Java. What must stay true: a text in a zone other than UTC is refused
//! rather than misread.

use super::time::Time;

/// Longer text is no date.
const LONGEST: usize = 64;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Reads a date and time in any of the shapes above, an epoch number among them; UTC where the
/// text names no zone.
pub fn read(text: &str) -> Option<Time> {
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    Time::parse(text).or_else(|| iso(text)).or_else(|| epoch(text)).or_else(|| english(text))
}

/// ISO 8601 without dashes and colons (`20131102T010628Z`), without a zone, or without a time.
fn iso(text: &str) -> Option<Time> {
    let b = text.as_bytes();
    if b.len() == 16 && b.get(8) == Some(&b'T') && text.is_ascii() {
        let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
        return Time::parse(&format!(
            "{}-{}-{}T{}:{}:{}",
            part(0, 4),
            part(4, 6),
            part(6, 8),
            part(9, 11),
            part(11, 13),
            part(13, 16),
        ));
    }
    match b.len() {
        10 => Time::parse(&format!("{text}T00:00:00Z")),
        _ => Time::parse(&format!("{text}Z")),
    }
}

fn epoch(text: &str) -> Option<Time> {
    let number = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    // A short number is a year or a day, not an instant.
    (number && text.len() >= 9).then(|| Time::from_epoch(text.parse().ok()?)).flatten()
}

/// English text: the month by name, the year as the number of four digits, the rest in the order
/// day, hour, minute, second.
fn english(text: &str) -> Option<Time> {
    let mut month = None;
    let mut year = None;
    let mut afternoon = None;
    let mut numbers = Vec::new();
    let separates = |c: char| c.is_whitespace() || c == ',' || c == ':';
    for part in text.split(separates).filter(|part| !part.is_empty()) {
        if part.bytes().all(|b| b.is_ascii_digit()) {
            let number: u32 = part.parse().ok()?;
            match part.len() {
                4 if year.is_none() => year = Some(number),
                1 | 2 => numbers.push(number),
                _ => return None,
            }
            continue;
        }
        let word = part.to_ascii_lowercase();
        let begins = |name: &&str| word.len() >= 3 && name.starts_with(&word);
        match word.as_str() {
            "am" => afternoon = Some(false),
            "pm" => afternoon = Some(true),
            "utc" | "gmt" | "z" | "at" => {}
            _ if month.is_none() && MONTHS.iter().any(begins) => {
                month = MONTHS.iter().position(|name| name.starts_with(&word));
            }
            _ if WEEKDAYS.iter().any(begins) => {}
            _ => return None,
        }
    }
    let (day, hour, minute, second) = match numbers[..] {
        [day, hour, minute, second] => (day, hour, minute, second),
        [day, hour, minute] => (day, hour, minute, 0),
        _ => return None,
    };
    let (year, month) = (year?, month? + 1);
    let hour = match (afternoon, hour) {
        (Some(false), 12) => 0,
        (Some(true), 1..12) => hour + 12,
        // 13 and later are hours of the day, whatever stands behind them.
        _ => hour,
    };
    Time::parse(&format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_shape_that_records_have() {
        for (text, expected) in [
            ("Apr 12, 2021 18:58:30 PM", "2021-04-12T18:58:30Z"),
            ("Nov 2, 2021, 11:25:25 PM", "2021-11-02T23:25:25Z"),
            ("Jan 1, 2021 8:00:00 PM", "2021-01-01T20:00:00Z"),
            ("Nov 30, 2026, 12:00:00\u{202f}AM", "2026-11-30T00:00:00Z"),
            ("Nov 30, 2026, 12:00:00\u{202f}PM", "2026-11-30T12:00:00Z"),
            ("Sept 3, 2026 0:05:00 AM", "2026-09-03T00:05:00Z"),
            ("December 31, 2026 at 11:59 PM UTC", "2026-12-31T23:59:00Z"),
            ("Mon Mar 01 07:08:09 UTC 2027", "2027-03-01T07:08:09Z"),
            ("2026-12-01T10:00:00Z", "2026-12-01T10:00:00Z"),
            ("2026-12-01T10:00:00+01:00", "2026-12-01T09:00:00Z"),
            ("2026-12-01T10:00:00", "2026-12-01T10:00:00Z"),
            ("2026-12-01", "2026-12-01T00:00:00Z"),
            ("20131102T010628Z", "2013-11-02T01:06:28Z"),
            ("1796119200", "2026-12-01T10:00:00Z"),
            ("1796119200000", "2026-12-01T10:00:00Z"),
        ] {
            assert_eq!(
                read(text).map(|time| time.to_string()).as_deref(),
                Some(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_date_or_in_another_zone_is_not_read() {
        for text in [
            "",
            "soon",
            "Apr 31, 2021 10:00:00 AM",
            "Apr 12, 2021 10:00:00 AM PST",
            "Apr 12, 2021 25:00:00",
            "Apr 2021",
            "12/04/2021 10:00:00",
            "2021",
            "99999T999999999Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,70}", dated in "[A-Za-z0-9 :,T\u{202f}-]{0,30}") {
            let _ = (read(&text), read(&dated));
        }
    }
}
