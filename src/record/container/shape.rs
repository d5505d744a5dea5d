//! What a JSON document is, told by its members and never by its file name.
//!
//! Sources: CloudTrail user guide, "CloudTrail log file examples" and "Digest file structure";
//! AWS CLI reference, `cloudtrail lookup-events` and `logs filter-log-events`; EventBridge user
//! guide, "AWS service events delivered via CloudTrail"; CloudWatch Logs user guide,
//! "Subscription filters"; AWS Config developer guide, "Example configuration snapshot".

use crate::record::event::Event;
use crate::record::json::{Json, Kind};

/// The lists that a document may be a wrapping of, by the name of the member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// `{"Records":[…]}`: records themselves.
    Records,
    /// A bare array, `{"Events":[…]}`, `{"events":[…]}`: whatever each element is.
    Mixed,
}

impl List {
    /// The list that a member of this name holds.
    pub fn named(name: &[u8]) -> Option<List> {
        match name {
            b"Records" => Some(List::Records),
            b"Events" | b"events" | b"logEvents" => Some(List::Mixed),
            _ => None,
        }
    }
}

/// What the start of an object promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Its first member is a list of this kind, whose first element comes after so many bytes.
    List(List, usize),
    /// Something else.
    Object,
    /// Too short to tell.
    More,
}

/// Looks at the first member of the object at the start of `text`.
pub fn start(text: &[u8]) -> Start {
    let mut at = 1;
    let space = |at: &mut usize| {
        while text.get(*at).is_some_and(u8::is_ascii_whitespace) {
            *at += 1;
        }
    };
    space(&mut at);
    let name = match text.get(at..) {
        None | Some([]) => return Start::More,
        Some([b'"', rest @ ..]) => rest,
        Some(_) => return Start::Object,
    };
    // The longest name of a list is 9 bytes; longer names are something else.
    let Some(len) = name.iter().take(16).position(|&b| b == b'"') else {
        return if name.len() < 16 { Start::More } else { Start::Object };
    };
    let Some(list) = List::named(&name[..len]) else { return Start::Object };
    at += len + 2;
    space(&mut at);
    match text.get(at) {
        None => return Start::More,
        Some(b':') => at += 1,
        Some(_) => return Start::Object,
    }
    space(&mut at);
    match text.get(at) {
        None => Start::More,
        Some(b'[') => Start::List(list, at + 1),
        Some(_) => Start::Object,
    }
}

/// What an object is.
#[derive(Debug, Clone, Copy)]
pub enum Shape<'a> {
    /// A CloudTrail record.
    Record,
    /// An object that wraps one record, as an object or as a string of JSON.
    Wraps(Json<'a>),
    /// An object that wraps a list.
    Lists(Json<'a>),
    /// Known, and no trail log: a digest, its sidecar, a Config snapshot, another event.
    Other,
    /// Not known.
    Unknown,
}

/// Tells what an object is.
pub fn of<'a>(event: &Event<'a>) -> Shape<'a> {
    let has = |name| event.get(name).is_some();
    if has("eventSource") || has("eventVersion") || has("eventName") {
        return Shape::Record;
    }
    if let (Some(detail), Some(_)) = (event.get("detail"), event.get("detail-type")) {
        let record = detail.get("eventVersion").is_some() || detail.get("eventName").is_some();
        return if record { Shape::Wraps(detail) } else { Shape::Other };
    }
    if let Some(text) = event.get("CloudTrailEvent") {
        return Shape::Wraps(text);
    }
    if event.text_at(&["messageType"]).is_some_and(|kind| kind == "CONTROL_MESSAGE") {
        return Shape::Other;
    }
    for name in ["logEvents", "Records", "Events", "events"] {
        if let Some(list) = event.get(name).filter(|list| list.kind() == Kind::Array) {
            return Shape::Lists(list);
        }
    }
    if let Some(message) = event.get("message").filter(|m| m.kind() == Kind::String) {
        return Shape::Wraps(message);
    }
    let other = has("digestS3Object")
        || is_signature(event)
        || has("Metadata") && has("ContentLength")
        || has("configurationItems")
        || has("configSnapshotId")
        || has("fileHashValue")
        || has("files") && has("hashSignature");
    if other { Shape::Other } else { Shape::Unknown }
}

/// Whether an object is the metadata of a digest in any of the forms that `verify` reads.
fn is_signature(event: &Event<'_>) -> bool {
    let is_text = |path: &[&str]| event.text_at(path).is_some();
    let named = ["signature-algorithm", "key", "Key"].iter().any(|name| event.get(name).is_some());
    is_text(&["x-amz-meta-signature"])
        || ["Metadata", "metadata"].iter().any(|of| is_text(&[of, "signature"]))
        || is_text(&["signature"]) && (named || event.json().members().count() == 1)
}

/// Whether a line of text is of a VPC flow log: its header, or `VERSION ACCOUNT eni-…`.
pub fn is_flow_log(line: &str) -> bool {
    let mut fields = line.split_ascii_whitespace();
    match (fields.next(), fields.next(), fields.next()) {
        (Some("version"), Some("account-id"), Some(_)) => true,
        (Some(version), Some(account), Some(interface)) => {
            version.parse::<u8>().is_ok()
                && (account.len() == 12 || account == "unknown")
                && interface.starts_with("eni-")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_member_tells_a_list_apart() {
        assert_eq!(start(b"{\"Records\":[{"), Start::List(List::Records, 12));
        assert_eq!(start(b"{ \"Events\" : [ "), Start::List(List::Mixed, 14));
        assert_eq!(start(b"{\"Records\":{"), Start::Object);
        assert_eq!(start(b"{\"eventVersion\":\"1.08\""), Start::Object);
        assert_eq!(start(b"{}"), Start::Object);
        for text in ["{", "{ ", "{\"Rec", "{\"Records\"", "{\"Records\":", "{\"Records\": "] {
            assert_eq!(start(text.as_bytes()), Start::More, "{text}");
        }
    }

    #[test]
    fn flow_logs_are_known() {
        assert!(is_flow_log("version account-id interface-id srcaddr"));
        assert!(is_flow_log(
            "2 111122223333 eni-0a1b2c3d 192.0.2.1 192.0.2.2 443 51000 6 10 840 1 2 ACCEPT OK"
        ));
        assert!(!is_flow_log("2 men and a dog") && !is_flow_log(""));
    }
}
