//! A call by which CloudTrail encrypts a log file: which trail, which key, which bucket.
//!
//! Most KMS records are such calls, so this looks for three texts in the bytes and reads nothing
//! else. What must stay true: where the spelling is another than CloudTrail's own, the record is
//! read as any other is, and says the same.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::event::Marked;
use super::kms::View;
use crate::model::arn::Arn;

/// The call.
const CALL: &str = "GenerateDataKey";

/// What is looked for, as CloudTrail spells it: made once, since that takes as long as a search.
static SPELLED: LazyLock<[Finder<'static>; 5]> = LazyLock::new(|| {
    [
        "\"requestParameters\":{",
        "\"aws:cloudtrail:arn\":\"",
        "\"aws:s3:arn\":\"",
        "\"resources\":[{",
        "\"ARN\":\"",
    ]
    .map(Finder::new)
});

/// Reads a delivery and hands it to `take`: the ARN of the trail, the ARN of the key, the name of the
/// bucket. Nothing is handed on if the record is none.
///
/// The caller makes sure that CloudTrail called KMS for itself, and that the call succeeded.
pub fn read<T>(
    record: &Marked<'_>,
    name: &[u8],
    take: impl FnOnce(&str, &str, &str) -> T,
) -> Option<T> {
    if name != CALL.as_bytes() {
        return None;
    }
    if let Some([trail, key, bucket]) = at_once(record.bytes()) {
        return Some(take(trail, key, bucket));
    }
    of_view(&View::new(&record.event()?), take)
}

/// The same of a record that is looked at closely.
pub fn of_view<T>(view: &View<'_>, take: impl FnOnce(&str, &str, &str) -> T) -> Option<T> {
    let context = view.context();
    let value = |name: &str| {
        let found = context.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_ref()).filter(|value| !value.is_empty())
    };
    let key = view.first_key().filter(|_| view.name().is_some_and(|name| name == CALL))?;
    Some(take(value("aws:cloudtrail:arn")?, &key.arn, bucket(value("aws:s3:arn")?)?))
}

/// The three texts, as CloudTrail spells them.
fn at_once(bytes: &[u8]) -> Option<[&str; 3]> {
    let [request, trail, object, resources, arn] = &*SPELLED;
    let request = behind(bytes, request)?;
    let trail = quoted(behind(request, trail)?)?;
    let object = quoted(behind(request, object)?)?;
    let key = quoted(behind(behind(request, resources)?, arn)?)?;
    Arn::parse(key).filter(Arn::is_kms_key)?;
    Some([trail, key, bucket(object)?])
}

fn behind<'a>(bytes: &'a [u8], text: &Finder<'_>) -> Option<&'a [u8]> {
    bytes.get(text.find(bytes)? + text.needle().len()..)
}

/// The text up to the next quote, if it holds no escape.
fn quoted(bytes: &[u8]) -> Option<&str> {
    let len = memchr::memchr2(b'"', b'\\', bytes)?;
    str::from_utf8(bytes.get(..len)?).ok().filter(|text| bytes[len] == b'"' && !text.is_empty())
}

/// The bucket of an object, by the ARN of the object.
fn bucket(object: &str) -> Option<&str> {
    let arn = Arn::parse(object).filter(|arn| arn.service == "s3")?;
    arn.resource.split('/').next().filter(|bucket| !bucket.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::record::scan::{Index, plain};

    const KEY: &str =
        "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const TRAIL: &str = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/all";

    fn record() -> Value {
        json!({"eventSource": "kms.amazonaws.com", "eventName": CALL,
            "requestParameters": {"keyId": KEY, "encryptionContext": {"aws:cloudtrail:arn": TRAIL,
                "aws:s3:arn": "arn:aws:s3:::logs/AWSLogs/1/a.json.gz"}},
            "resources": [{"type": "AWS::KMS::Key", "ARN": KEY}],
            "recipientAccountId": "111122223333"})
    }

    /// What is read from a text, at once if it can be, and by the view.
    fn both(text: &str) -> (bool, [Option<[String; 3]>; 2]) {
        let mut index = Index::default();
        plain::scan(text.as_bytes(), &mut index).unwrap();
        let marked = Marked::new(text.as_bytes(), &index);
        let own = |a: &str, b: &str, c: &str| [a, b, c].map(str::to_owned);
        let name = marked.event().unwrap().text_at(&["eventName"]).unwrap().into_owned();
        let view = View::new(&marked.event().unwrap());
        let found = [read(&marked, name.as_bytes(), own), of_view(&view, own)];
        (at_once(text.as_bytes()).is_some(), found)
    }

    #[test]
    fn every_spelling_says_the_same() {
        let expected = Some([TRAIL, KEY, "logs"].map(str::to_owned));
        let (text, pretty) =
            (record().to_string(), serde_json::to_string_pretty(&record()).unwrap());
        let escaped = text.replace("trail/all", "trail\\u002fall");
        for (text, fast) in [(&text, true), (&pretty, false), (&escaped, false)] {
            let (at_once, [one, other]) = both(text);
            assert_eq!((at_once, &one, &other), (fast, &expected, &expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_delivery_gives_nothing() {
        for (path, value) in [
            ("/eventName", json!("Decrypt")),
            ("/requestParameters/encryptionContext", json!(null)),
            ("/requestParameters/encryptionContext/aws:s3:arn", json!("logs")),
            ("/requestParameters/encryptionContext/aws:cloudtrail:arn", json!("")),
        ] {
            let mut record = record();
            *record.pointer_mut(path).unwrap() = value;
            let (_, found) = both(&record.to_string());
            assert_eq!(found, [None, None], "{path}");
        }
    }
}
