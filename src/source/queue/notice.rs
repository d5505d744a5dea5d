//! What a message of a queue says: which objects have arrived.
//!
//! A bucket tells of its objects in three ways: it sends its notifications to the queue itself, by way of
//! a topic of SNS, or to EventBridge, whose rule sends them on. CloudTrail has a topic of its own, on which it
//! says what it has delivered. All of these are read, with and without SNS's envelope.
//! Sources: "Event message structure" and "Using EventBridge" in the S3 User Guide; "Configuring Amazon SNS
//! notifications for CloudTrail"; "Parsing message formats" in the SNS Developer Guide.
//!
//! What must stay true: a text is the attacker's. One that is none of these is said to be none, with what
//! was expected, and costs no more than its length.

use serde::Deserialize;

use crate::source::s3::decoded;

/// Envelopes of SNS that are opened one in the other.
const ENVELOPES: u8 = 3;

/// Objects in one message. S3 and CloudTrail send a few.
const OBJECTS: usize = 1_000;

/// The longest key that S3 has, in bytes.
const KEY_MAX: usize = 1024;

/// An object that has arrived.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrived {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// What its content is called, without quotes, if the message says.
    pub etag: Option<String>,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// These objects have arrived.
    Arrived(Vec<Arrived>),
    /// Nothing has: a test that S3 sends when notifications are set up, or what was done to objects else.
    Nothing(&'static str),
    /// It is none that keytrail knows, and what it is instead.
    Odd(String),
}

/// Reads a message.
pub fn read(body: &str) -> Notice {
    read_within(body, ENVELOPES)
}

fn read_within(body: &str, envelopes: u8) -> Notice {
    let form: Form = match serde_json::from_str(body) {
        Ok(form) => form,
        Err(error) => return odd(&format!("is not of a form that is known: {error}")),
    };
    if let (Some(kind), Some(message)) = (&form.kind, &form.message) {
        return match (kind.as_str(), envelopes.checked_sub(1)) {
            ("Notification", Some(left)) => read_within(message, left),
            ("Notification", None) => odd("is wrapped by SNS more than three times"),
            _ => odd(&format!("is of SNS, of type {kind:?} and not Notification")),
        };
    }
    if let Some(records) = form.records {
        return of_s3(records);
    }
    if let Some(detail) = form.detail {
        return of_event_bridge(form.detail_type.as_deref(), detail);
    }
    if let (Some(bucket), Some(keys)) = (form.s3_bucket, form.s3_object_key) {
        let arrived =
            keys.into_iter().map(|key| Arrived { bucket: bucket.clone(), key, etag: None });
        return checked(arrived.collect());
    }
    if form.event.as_deref() == Some("s3:TestEvent") {
        return Notice::Nothing("a test that S3 sends when notifications are set up");
    }
    odd("tells of no object")
}

/// What S3 itself sends. Keys come in URL encoding, with a plus for a space.
fn of_s3(records: Vec<S3Record>) -> Notice {
    let mut arrived = Vec::new();
    for S3Record { event_name, s3 } in records {
        // Of older messages the name begins with the service.
        let name = event_name.strip_prefix("s3:").unwrap_or(&event_name);
        if !name.starts_with("ObjectCreated:") {
            continue;
        }
        let Some(key) = decoded(&s3.object.key.replace('+', " ")) else {
            return odd("has a key that is no text in URL encoding");
        };
        arrived.push(Arrived { bucket: s3.bucket.name, key, etag: s3.object.e_tag });
    }
    checked(arrived)
}

/// What EventBridge sends on. Keys come as they are.
fn of_event_bridge(kind: Option<&str>, Detail { bucket, object }: Detail) -> Notice {
    match kind {
        Some("Object Created") => {
            checked(vec![Arrived { bucket: bucket.name, key: object.key, etag: object.etag }])
        }
        Some(_) => Notice::Nothing(OTHERWISE),
        None => odd("is of EventBridge, without a detail-type"),
    }
}

/// What is told of objects that did not arrive.
const OTHERWISE: &str = "objects were deleted or changed otherwise, none has arrived";

/// Refuses what no object can be called.
fn checked(mut arrived: Vec<Arrived>) -> Notice {
    for Arrived { bucket, key, etag } in &mut arrived {
        let is_bucket =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if bucket.is_empty() || bucket.len() > 255 || !bucket.bytes().all(is_bucket) {
            return odd("names a bucket that cannot be one");
        }
        if key.is_empty() || key.len() > KEY_MAX {
            return odd("names an object by an empty key or one of more than 1024 bytes");
        }
        *etag = etag.take().map(|tag| tag.trim_matches('"').to_owned()).filter(|t| !t.is_empty());
    }
    if arrived.len() > OBJECTS {
        return odd("tells of more than 1,000 objects");
    }
    if arrived.is_empty() { Notice::Nothing(OTHERWISE) } else { Notice::Arrived(arrived) }
}

fn odd(what: &str) -> Notice {
    Notice::Odd(format!(
        "{what}; expected a notification of S3, of EventBridge or of CloudTrail's topic that objects \
         have arrived"
    ))
}

/// All forms at once: which one it is, its members say.
#[derive(Deserialize)]
struct Form {
    #[serde(rename = "Type")]
    kind: Option<String>,
    #[serde(rename = "Message")]
    message: Option<String>,
    #[serde(rename = "Records")]
    records: Option<Vec<S3Record>>,
    #[serde(rename = "Event")]
    event: Option<String>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    detail: Option<Detail>,
    #[serde(rename = "s3Bucket")]
    s3_bucket: Option<String>,
    #[serde(rename = "s3ObjectKey")]
    s3_object_key: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct S3Record {
    #[serde(rename = "eventName")]
    event_name: String,
    s3: S3Part,
}

#[derive(Deserialize)]
struct S3Part {
    bucket: Named,
    object: S3Object,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct S3Object {
    key: String,
    #[serde(rename = "eTag")]
    e_tag: Option<String>,
}

#[derive(Deserialize)]
struct Detail {
    bucket: Named,
    object: BridgeObject,
}

#[derive(Deserialize)]
struct BridgeObject {
    key: String,
    etag: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(key: &str, etag: Option<&str>) -> Notice {
        let (bucket, key) = ("example-org-logs".to_owned(), key.to_owned());
        Notice::Arrived(vec![Arrived { bucket, key, etag: etag.map(str::to_owned) }])
    }

    fn of_bucket(name: &str, key: &str) -> serde_json::Value {
        json!({"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": name,
            "s3": {"bucket": {"name": "example-org-logs"},
                   "object": {"key": key, "size": 1024, "eTag": "abc", "sequencer": "0A"}}}]})
    }

    #[test]
    fn a_bucket_tells_of_its_objects_in_url_encoding() {
        let body = of_bucket("ObjectCreated:Put", "AWSLogs/a+b%2Bc/%C3%A4.json.gz").to_string();
        assert_eq!(read(&body), one("AWSLogs/a b+c/ä.json.gz", Some("abc")));
        let body = of_bucket("s3:ObjectCreated:CompleteMultipartUpload", "k").to_string();
        assert_eq!(read(&body), one("k", Some("abc")));
        let body = of_bucket("ObjectRemoved:Delete", "k").to_string();
        assert_eq!(read(&body), Notice::Nothing(OTHERWISE));
        let body = of_bucket("ObjectCreated:Put", "%ff").to_string();
        assert!(matches!(read(&body), Notice::Odd(_)));
    }

    #[test]
    fn a_topic_wraps_what_it_sends() {
        let inner = of_bucket("ObjectCreated:Put", "k").to_string();
        let wrap = |inner: &str| json!({"Type": "Notification", "Message": inner}).to_string();
        assert_eq!(read(&wrap(&inner)), one("k", Some("abc")));
        assert_eq!(read(&wrap(&wrap(&wrap(&inner)))), one("k", Some("abc")));
        assert!(matches!(read(&wrap(&wrap(&wrap(&wrap(&inner))))), Notice::Odd(_)));
        let other = json!({"Type": "SubscriptionConfirmation", "Message": "x"}).to_string();
        let Notice::Odd(why) = read(&other) else { panic!("it is taken") };
        assert!(why.contains("SubscriptionConfirmation"), "{why}");
    }

    #[test]
    fn cloudtrail_has_a_topic_of_its_own() {
        let body = json!({"s3Bucket": "example-org-logs", "s3ObjectKey": ["a+b", "c"]}).to_string();
        let Notice::Arrived(arrived) = read(&body) else { panic!("it is not taken") };
        assert_eq!(arrived.iter().map(|it| it.key.as_str()).collect::<Vec<_>>(), ["a+b", "c"]);
    }

    #[test]
    fn event_bridge_gives_keys_as_they_are() {
        let body = json!({"detail-type": "Object Created", "source": "aws.s3", "detail": {
            "bucket": {"name": "example-org-logs"},
            "object": {"key": "a+b%20c", "size": 1, "etag": "\"abc\""}}});
        assert_eq!(read(&body.to_string()), one("a+b%20c", Some("abc")));
        let body = json!({"detail-type": "Object Deleted", "detail": {
            "bucket": {"name": "example-org-logs"}, "object": {"key": "k"}}});
        assert_eq!(read(&body.to_string()), Notice::Nothing(OTHERWISE));
    }

    #[test]
    fn what_is_none_of_these_is_said_to_be_none() {
        let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"});
        assert!(matches!(read(&test.to_string()), Notice::Nothing(_)));
        let deep = "[".repeat(100_000);
        let buckets = ["", "a/b", "../x"]
            .map(|bucket| json!({"s3Bucket": bucket, "s3ObjectKey": ["k"]}).to_string());
        let keys = [String::new(), "k".repeat(1025)]
            .map(|key| json!({"s3Bucket": "b", "s3ObjectKey": [key]}).to_string());
        let odd = ["", "x", "{}", "[]", "null", "{\"Records\": 7}", &deep];
        for body in odd.iter().copied().chain(buckets.iter().chain(&keys).map(String::as_str)) {
            let Notice::Odd(why) = read(body) else { panic!("{body:.60} is taken") };
            assert!(why.contains("expected a notification of S3"), "{why}");
        }
    }
}
