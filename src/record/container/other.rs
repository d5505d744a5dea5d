//! Documents that are known and hold no record, told by their members.

use crate::model::other_document::OtherDocument;
use crate::record::event::Event;
use crate::record::json::Kind;

/// What CloudTrail sends to an SNS topic to test it (CloudTrail user guide, "Configuring Amazon SNS
/// notifications for CloudTrail").
const TRAIL_TEST: &str = "CloudTrail validation message.";

/// How CloudWatch Logs starts the messages by which it tests a subscription.
const LOGS_TEST: &str = "CWL CONTROL MESSAGE";

/// What an action of a bulk request may have beside names that begin with `_`.
const BESIDE_ACTION: [&str; 6] =
    ["pipeline", "routing", "require_alias", "if_seq_no", "if_primary_term", "retry_on_conflict"];

/// A message that holds no record, whatever text it has.
pub fn of_message(event: &Event<'_>) -> Option<OtherDocument> {
    let text = |name| event.text_at(&[name]);
    let has = |name| event.get(name).is_some();
    if text("messageType").is_some_and(|kind| kind == "CONTROL_MESSAGE") {
        return Some(OtherDocument::LogsTest);
    }
    if has("s3Bucket") && has("s3ObjectKey") {
        return Some(OtherDocument::TrailNotice);
    }
    if text("Event").is_some_and(|event| event == "s3:TestEvent") {
        return Some(OtherDocument::S3Notice);
    }
    let subscription = ["SubscriptionConfirmation", "UnsubscribeConfirmation"];
    if has("TopicArn") && text("Type").is_some_and(|kind| subscription.contains(&&*kind)) {
        return Some(OtherDocument::SnsSubscription);
    }
    if has("KeyLastUsage") && has("KeyId") {
        return Some(OtherDocument::KeyLastUsage);
    }
    let of_action = |name: &str| name.starts_with('_') || BESIDE_ACTION.contains(&name);
    let action = |name| {
        let action = event.get(name).filter(|action| action.kind() == Kind::Object);
        action.is_some_and(|action| action.members().all(|(name, _)| of_action(&name.text())))
    };
    let is_action = event.json().members().count() == 1;
    (is_action && ["index", "create", "update", "delete"].into_iter().any(action))
        .then_some(OtherDocument::BulkAction)
}

/// The text of a message that holds no record.
pub fn of_text(text: &str) -> Option<OtherDocument> {
    match text {
        TRAIL_TEST => Some(OtherDocument::TrailTest),
        _ if text.starts_with(LOGS_TEST) => Some(OtherDocument::LogsTest),
        _ => None,
    }
}

/// A file that holds no record.
pub fn of(event: &Event<'_>) -> Option<OtherDocument> {
    let has = |name| event.get(name).is_some();
    if has("digestS3Object") {
        return Some(OtherDocument::Digest);
    }
    if is_signature(event) || has("Metadata") && has("ContentLength") {
        return Some(OtherDocument::DigestSignature);
    }
    if has("fileHashValue") || has("files") && has("hashSignature") {
        return Some(OtherDocument::Digest);
    }
    (has("configurationItems") || has("configSnapshotId")).then_some(OtherDocument::Config)
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
    fn flow_logs_are_known() {
        assert!(is_flow_log("version account-id interface-id srcaddr"));
        assert!(is_flow_log(
            "2 111122223333 eni-0a1b2c3d 192.0.2.1 192.0.2.2 443 51000 6 10 840 1 2 ACCEPT OK"
        ));
        assert!(!is_flow_log("2 men and a dog") && !is_flow_log(""));
    }
}
