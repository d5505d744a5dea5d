//! An instant as CloudTrail writes it: `eventTime`, UTC.
//!
//! Trails write `2026-11-23T20:17:00Z` and nothing else. Re-exports add fractions, offsets and epoch
//! numbers. The common form is parsed without a library, because every record is parsed once.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;

impl Time {
    /// Now.
    pub fn now() -> Time {
        Time(Utc::now().timestamp_micros())
    }

    /// Seconds since the epoch.
    pub fn from_secs(secs: i64) -> Time {
        Time(secs.saturating_mul(SECOND))
    }

    /// Reads RFC 3339 with any offset and fraction. A leap second counts as the second before it.
    pub fn parse(text: &str) -> Option<Time> {
        if let Some(time) = Time::parse_plain(text.as_bytes()) {
            return Some(time);
        }
        let leap = text.get(16..19) == Some(":60");
        let text: Cow<'_, str> =
            if leap { text.replacen(":60", ":59", 1).into() } else { text.into() };
        let parsed = DateTime::parse_from_rfc3339(&text).ok()?;
        Some(Time(parsed.timestamp_micros()))
    }

    /// Reads what exports make of a time: a space for the `T`, no zone or `UTC` where UTC is meant
    /// (`2026-11-23 20:17:00.000`), an offset without a colon (`+0000`), or an epoch number.
    pub fn parse_exported(text: &str) -> Option<Time> {
        let text = text.trim();
        Time::parse(text).or_else(|| respelt(text)).or_else(|| Time::from_epoch(text.parse().ok()?))
    }

    /// Reads `YYYY-MM-DDTHH:MM:SSZ`, exactly; anything else is `None`.
    pub fn parse_plain(b: &[u8]) -> Option<Time> {
        if b.len() != 20 || b[10] != b'T' || b[19] != b'Z' {
            return None;
        }
        if b[4] != b'-' || b[7] != b'-' || b[13] != b':' || b[16] != b':' {
            return None;
        }
        let number = |at: usize, len: usize| {
            b[at..at + len].iter().try_fold(0i64, |sum, &digit| {
                digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0'))
            })
        };
        let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
        let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = days_since_epoch(year, month, day)?;
        Some(Time::from_secs(days * 86_400 + hour * 3_600 + minute * 60 + second))
    }

    /// Reads an epoch number: seconds with or without a fraction; or milliseconds, microseconds or
    /// nanoseconds, since as seconds they would be past the year 5000. `None` before 1970 and from 2200 on:
    /// such a number is most likely a date without its signs (`20260301100000`).
    pub fn from_epoch(number: f64) -> Option<Time> {
        let micros = match number {
            0.0..1e11 => number * 1e6,
            1e11..1e14 => number * 1e3,
            1e14..1e17 => number,
            1e17..1e20 => number / 1e3,
            _ => return None,
        };
        const YEAR_2200: f64 = 7_258_118_400e6;
        (micros < YEAR_2200).then_some(Time(micros as i64))
    }
}

/// A time in a spelling near to RFC 3339, put into that and read.
fn respelt(text: &str) -> Option<Time> {
    // With nanoseconds and an offset, 36 bytes; exports have set spaces before the zone too.
    const LONGEST: usize = 40;
    let (day, rest) = text.split_at_checked(10).filter(|_| text.len() <= LONGEST)?;
    let rest = rest.strip_prefix([' ', 'T', 't'])?;
    let (clock, zone) = rest.split_at_checked(rest.find(['+', '-']).unwrap_or(rest.len()))?;
    let zone = match zone.len() {
        0 => "Z".to_owned(),
        3 => format!("{zone}:00"),
        5 => format!("{}:{}", zone.get(..3)?, zone.get(3..)?),
        _ => zone.to_owned(),
    };
    let utc = || clock.strip_suffix("UTC").or(clock.strip_suffix('Z'));
    let clock = if zone == "Z" { utc().unwrap_or(clock) } else { clock };
    Time::parse(&format!("{day}T{}{zone}", clock.trim_end()))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, `None` when there is no such date.
///
/// Counted in years that start in March, so that the leap day is the last: month `m` (0 is March)
/// starts `(153 m + 2) / 5` days after the year does.
fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    const MARCH_OF_YEAR_0_TO_EPOCH: i64 = 719_468;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    if year < 1 || day < 1 || day > last {
        return None;
    }
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let year_days = 365 * year + year / 4 - year / 100 + year / 400;
    Some(year_days + (153 * month + 2) / 5 + day - 1 - MARCH_OF_YEAR_0_TO_EPOCH)
}

impl fmt::Display for Time {
    /// RFC 3339 in UTC: whole seconds without a fraction, as CloudTrail writes them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = if self.0 % SECOND == 0 { SecondsFormat::Secs } else { SecondsFormat::Micros };
        match DateTime::from_timestamp_micros(self.0) {
            Some(time) => f.pad(&time.to_rfc3339_opts(format, true)),
            None => f.pad("invalid time"),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Time, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        Time::parse(&text).ok_or_else(|| D::Error::custom("expected a time in RFC 3339"))
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_form_agrees_with_chrono_and_prints_as_it_was_read() {
        for text in ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59Z", "2026-11-23T20:17:00Z"] {
            let time = Time::parse_plain(text.as_bytes()).unwrap();
            let chrono = DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros();
            assert_eq!(time, Time(chrono));
            assert_eq!(time.to_string(), text);
        }
        for text in [
            "2025-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23 20:17:00Z",
            "",
        ] {
            assert_eq!(Time::parse_plain(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn every_date_agrees_with_chrono() {
        for year in [1, 4, 100, 400, 1600, 1900, 1969, 1970, 1999, 2000, 2023, 2024, 2100, 9999] {
            for (month, day) in (0..14).flat_map(|month| (0..33).map(move |day| (month, day))) {
                let date = chrono::NaiveDate::from_ymd_opt(year, month, day);
                let days = date.map(|d| (d - chrono::NaiveDate::default()).num_days());
                let ours = days_since_epoch(year.into(), month.into(), day.into());
                assert_eq!(ours, days, "{year}-{month}-{day}");
            }
        }
    }

    #[test]
    fn other_spellings_are_the_same_instant() {
        let plain = Time::parse("2026-11-23T20:17:00Z").unwrap();
        assert_eq!(Time::parse("2026-11-23T21:17:00+01:00"), Some(plain));
        assert_eq!(Time::parse("2026-11-23T20:17:00.000Z"), Some(plain));
        assert_eq!(Time::from_epoch(plain.0 as f64 / 1e6), Some(plain));
        assert_eq!(Time::from_epoch(plain.0 as f64 / 1e3), Some(plain));
        assert_eq!(Time::from_epoch(plain.0 as f64), Some(plain), "microseconds");
        assert_eq!(Time::from_epoch(plain.0 as f64 * 1e3), Some(plain), "nanoseconds");
        assert_eq!(Time::parse("2016-12-31T23:59:60Z"), Time::parse("2016-12-31T23:59:59Z"));
        assert_eq!(Time::parse("2016-12-31T23:60:00Z"), None, "no minute has this number");
        assert_eq!(Time::parse("yesterday"), None);
        assert_eq!(
            Time::parse("2026-11-23T20:17:00.5Z").unwrap().to_string(),
            "2026-11-23T20:17:00.500000Z"
        );
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23 20:17",
            "2026-11-23 25:17:00",
            "2026-13-23 20:17:00.000",
            "2026-11-23 20:17:00 CET",
            "2026-11-23 20:17:00 +99",
            "2026-11-23 20:17:00.000+0000+0000",
            "20261123201700",
            "2026-11-23T20:17:00Z+02:00",
            "2026-11-23 20:17:00 UTC+02:00",
            "2026-11-23é20:17:00",
            "nan",
            "inf",
            "-1",
            "1e300",
            "99999999999999999999999",
        ] {
            assert_eq!(Time::parse_exported(text), None, "{text}");
        }
        let long = format!("2026-11-23 20:17:00{}", " ".repeat(100_000));
        assert_eq!(Time::parse_exported(&format!("{long}UTC")), None);
    }

    proptest! {
        /// Every spelling of an instant is read as chrono reads it, to the microsecond.
        #[test]
        fn exported_spellings_agree_with_chrono(
            secs in 0_i64..253_402_300_800,
            nanos in 0_u32..1_000_000_000,
            digits in 0_usize..=9,
            minutes in -14 * 60..14 * 60_i32,
        ) {
            let at = DateTime::from_timestamp(secs, nanos).unwrap();
            let fraction = format!("{nanos:09}");
            let fraction = if digits == 0 { String::new() } else { format!(".{}", &fraction[..digits]) };
            let clock = at.format("%H:%M:%S").to_string() + &fraction;
            let day = at.format("%Y-%m-%d").to_string();
            let expected = DateTime::parse_from_rfc3339(&format!("{day}T{clock}Z")).unwrap();
            let expected = Some(Time(expected.timestamp_micros()));
            for text in [
                format!("{day} {clock}"),
                format!("{day}T{clock}"),
                format!("{day} {clock} UTC"),
                format!("{day} {clock}Z"),
                format!(" {day}T{clock}+0000 "),
                format!("{day}T{clock}+00:00"),
                format!("{day} {clock} +00"),
            ] {
                prop_assert_eq!(Time::parse_exported(&text), expected, "{}", text);
            }
            let zone = chrono::FixedOffset::east_opt(minutes * 60).unwrap();
            let local = at.with_timezone(&zone).format("%Y-%m-%dT%H:%M:%S").to_string() + &fraction;
            for offset in ["%z", "%:z"] {
                let text = local.clone() + &at.with_timezone(&zone).format(offset).to_string();
                prop_assert_eq!(Time::parse_exported(&text), expected, "{}", text);
            }
            // Beyond, a number is most likely a date without its signs.
            if secs < 7_258_118_400 {
                let expected = Some(Time::from_secs(secs));
                prop_assert_eq!(Time::parse_exported(&secs.to_string()), expected);
            }
            let millis = at.timestamp_millis();
            if (100_000_000_000..7_258_118_400_000).contains(&millis) {
                let expected = Some(Time(millis * 1_000));
                prop_assert_eq!(Time::parse_exported(&millis.to_string()), expected);
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,50}", near in "[0-9TZ :.+-]{0,45}") {
            let _ = (Time::parse_exported(&text), Time::parse_exported(&near));
        }
    }
}
