//! What `aws kms get-key-last-usage` printed: one answer, or several one behind the other.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Deserializer, Map, Value};

use super::failure::Failure;
use crate::model::date_text;
use crate::model::keys::asked::{LastUsage, ToldUse};
use crate::model::time::Time;

/// The most text that is read of one file: an answer has some hundred bytes.
const TEXT_MAX: u64 = 64 << 20; // 64 MiB

/// Reads the files.
///
/// # Errors
/// Each that cannot be read or holds something else.
pub fn read(paths: &[PathBuf]) -> Result<Vec<LastUsage>, Vec<Failure>> {
    let (mut all, mut failures) = (Vec::new(), Vec::new());
    for path in paths {
        match one(path) {
            Ok(told) => all.extend(told),
            Err(reason) => failures.push(Failure::LastUsage { path: path.clone(), reason }),
        }
    }
    if failures.is_empty() { Ok(all) } else { Err(failures) }
}

fn one(path: &Path) -> Result<Vec<LastUsage>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    if fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Err("is a folder, expected a file".into());
    }
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(TEXT_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > TEXT_MAX {
        return Err(format!("has more than {TEXT_MAX} bytes"));
    }
    parse(&text, &path.to_string_lossy())
}

fn parse(text: &str, name: &str) -> Result<Vec<LastUsage>, String> {
    let mut all = Vec::new();
    for value in Deserializer::from_str(text.trim_start_matches('\u{feff}')).into_iter::<Value>() {
        match value.map_err(|error| format!("is no JSON: {error}"))? {
            Value::Array(values) => {
                for value in &values {
                    all.push(answer(value, name, all.len() + 1)?);
                }
            }
            value => all.push(answer(&value, name, all.len() + 1)?),
        }
    }
    if all.is_empty() { Err("holds no answer".into()) } else { Ok(all) }
}

/// The answer of this number in its file. Without `KeyLastUsage`, or with an empty one, KMS knows of no
/// use.
fn answer(value: &Value, name: &str, number: usize) -> Result<LastUsage, String> {
    let text = |value: &Value, member: &str| value.get(member)?.as_str().map(str::to_owned);
    let key = text(value, "KeyId").ok_or_else(|| format!("answer {number} has no KeyId"))?;
    let wrong = |what: &str| format!("answer {number}, of {key}: {what}");
    let empty = |usage: &Value| usage.is_null() || usage.as_object().is_some_and(Map::is_empty);
    let usage = value.get("KeyLastUsage");
    if let Some(other) = value.as_object().filter(|_| usage.is_none()).and_then(holds_a_use) {
        return Err(wrong(&format!("it has {other}, expected KeyLastUsage")));
    }
    let told = |usage: &Value| {
        let unreadable = |what: &str| wrong(&format!("the {what} cannot be read"));
        Ok::<ToldUse, String>(ToldUse {
            operation: text(usage, "Operation").ok_or_else(|| unreadable("Operation"))?,
            time: time(usage.get("Timestamp")).ok_or_else(|| unreadable("Timestamp"))?,
            event: text(usage, "CloudTrailEventId"),
        })
    };
    Ok(LastUsage {
        last: usage.filter(|usage| !empty(usage)).map(told).transpose()?,
        tracked_since: time(value.get("TrackingStartDate")),
        file: name.to_owned(),
        key,
    })
}

/// The member of an answer that may be its last use under a misspelt name. What boto3 adds to every
/// answer is none.
fn holds_a_use(answer: &Map<String, Value>) -> Option<&str> {
    let mut others = answer.iter().filter(|(name, _)| *name != "ResponseMetadata");
    others.find(|(_, value)| value.is_object()).map(|(name, _)| name.as_str())
}

/// A time: RFC 3339, or an epoch number, as older versions of the AWS CLI print it.
fn time(value: Option<&Value>) -> Option<Time> {
    match value? {
        Value::String(text) => date_text::read(text),
        Value::Number(number) => Time::from_epoch(number.as_f64()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_alone_in_a_list_and_one_behind_the_other() {
        let one = r#"{"KeyId":"k","KeyLastUsage":{"Operation":"Decrypt",
            "Timestamp":"2026-03-01T10:00:00+00:00","CloudTrailEventId":"e"},
            "TrackingStartDate":1767225600.0}"#;
        let read = parse(one, "f").unwrap();
        let last = read[0].last.as_ref().unwrap();
        assert_eq!((read[0].key.as_str(), last.operation.as_str()), ("k", "Decrypt"));
        assert_eq!(last.time.to_string(), "2026-03-01T10:00:00Z");
        assert_eq!(read[0].tracked_since.unwrap().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(parse(&format!("[{one},{one}]"), "f").unwrap().len(), 2);
        assert_eq!(parse(&format!("{one}\n{one}"), "f").unwrap().len(), 2);
        let printed = r#"{"KeyId":"k","KeyLastUsage":{"Operation":"GenerateDataKey",
            "Timestamp":"2026-03-01T11:30:00.250000+01:30","CloudTrailEventId":"e",
            "KmsRequestId":"r"},"TrackingStartDate":"2026-01-01T00:00:00+00:00",
            "KeyCreationDate":"2025-01-01T00:00:00+00:00"}"#;
        let last = parse(printed, "f").unwrap()[0].last.clone().unwrap();
        assert_eq!(last.time.to_string(), "2026-03-01T10:00:00.250000Z");
        assert_eq!(last.event.as_deref(), Some("e"));
        let none = parse(r#"{"KeyId":"k","TrackingStartDate":"2026-01-01T00:00:00Z"}"#, "f");
        assert_eq!(none.unwrap()[0].last, None);
    }

    #[test]
    fn a_misspelt_member_is_no_answer_without_a_use() {
        let none = r#"{"KeyId":"k","TrackingStartDate":1,"#;
        for (text, reason) in [
            (r#"{"keyId":"k"}"#.into(), "answer 2 has no KeyId"),
            (format!("{none}\"LastUsage\":{{}}}}"), "it has LastUsage, expected KeyLastUsage"),
            (
                format!(r#"{none}"KeyLastUsage":{{"Operation":"Sign","TimeStamp":1}}}}"#),
                "the Timestamp cannot be read",
            ),
            (format!("{none}\"KeyLastUsage\":\"never\"}}"), "the Operation cannot be read"),
        ] {
            let said = parse(&format!("{none}\"KeyLastUsage\":{{}}}}{text}"), "f").unwrap_err();
            assert!(said.starts_with("answer 2") && said.ends_with(reason), "{said}");
        }
        let by_boto3 = format!("{none}\"ResponseMetadata\":{{\"RetryAttempts\":0}}}}");
        assert_eq!(parse(&by_boto3, "f").unwrap()[0].last, None);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for text in [
            "",
            "[]",
            "{",
            "{\"Records\":[]}",
            "7",
            r#"{"KeyId":"k","KeyLastUsage":{"Timestamp":1}}"#,
        ] {
            assert!(parse(text, "f").is_err(), "{text}");
        }
    }
}
