//! Documents that lie among trail logs and hold no CloudTrail record.
//!
//! They are counted by kind and are no problem. What must stay true: a document that could hold a
//! record is never one of these.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of document that is known and holds no CloudTrail record.
///
/// The order is that of reports. The number of a kind is written to temporary files only.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum OtherDocument {
    /// A CloudTrail digest file.
    Digest = 1,
    /// The metadata that holds the signature of a digest file.
    DigestSignature,
    /// A file of AWS Config: a snapshot or a history.
    Config,
    /// A VPC flow log.
    FlowLog,
    /// The message by which CloudWatch Logs tests a subscription.
    LogsTest,
    /// The message by which CloudTrail tests an SNS topic.
    TrailTest,
    /// A notice that CloudTrail has delivered log files, which names them.
    TrailNotice,
    /// An S3 event notification.
    S3Notice,
    /// A message of SNS about a subscription.
    SnsSubscription,
    /// An EventBridge event that is not one of CloudTrail.
    EventBridge,
    /// What another service than CloudTrail hands to a Lambda function.
    LambdaEvent,
    /// An OCSF event of another class than API Activity.
    Ocsf,
    /// The action line of an Elasticsearch bulk request.
    BulkAction,
    /// The output of `aws kms get-key-last-usage`.
    KeyLastUsage,
    /// An export without a row, of which nobody can tell what it is an export of.
    EmptyList,
}

impl OtherDocument {
    /// Every kind, in order.
    pub const ALL: [OtherDocument; 15] = [
        OtherDocument::Digest,
        OtherDocument::DigestSignature,
        OtherDocument::Config,
        OtherDocument::FlowLog,
        OtherDocument::LogsTest,
        OtherDocument::TrailTest,
        OtherDocument::TrailNotice,
        OtherDocument::S3Notice,
        OtherDocument::SnsSubscription,
        OtherDocument::EventBridge,
        OtherDocument::LambdaEvent,
        OtherDocument::Ocsf,
        OtherDocument::BulkAction,
        OtherDocument::KeyLastUsage,
        OtherDocument::EmptyList,
    ];

    /// The kind of that number.
    pub fn from_number(number: u8) -> Option<OtherDocument> {
        OtherDocument::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// The kind in words: one, and several.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            OtherDocument::Digest => ("digest file", "digest files"),
            OtherDocument::DigestSignature => ("digest signature", "digest signatures"),
            OtherDocument::Config => ("file of AWS Config", "files of AWS Config"),
            OtherDocument::FlowLog => ("VPC flow log", "VPC flow logs"),
            OtherDocument::LogsTest => {
                ("test message of CloudWatch Logs", "test messages of CloudWatch Logs")
            }
            OtherDocument::TrailTest => {
                ("test message of CloudTrail", "test messages of CloudTrail")
            }
            OtherDocument::TrailNotice => ("notice of log files", "notices of log files"),
            OtherDocument::S3Notice => ("S3 event notification", "S3 event notifications"),
            OtherDocument::SnsSubscription => {
                ("SNS subscription message", "SNS subscription messages")
            }
            OtherDocument::EventBridge => {
                ("EventBridge event of another kind", "EventBridge events of other kinds")
            }
            OtherDocument::LambdaEvent => {
                ("Lambda event of another kind", "Lambda events of other kinds")
            }
            OtherDocument::Ocsf => ("OCSF event of another class", "OCSF events of other classes"),
            OtherDocument::BulkAction => {
                ("bulk action without a record", "bulk actions without a record")
            }
            OtherDocument::KeyLastUsage => ("last usage of a key", "last usages of keys"),
            OtherDocument::EmptyList => ("export without a row", "exports without rows"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_listed_once_and_found_by_its_number() {
        for (at, kind) in OtherDocument::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at + 1);
            assert_eq!(OtherDocument::from_number(kind as u8), Some(kind));
        }
        assert_eq!(OtherDocument::from_number(0), None);
        assert_eq!(OtherDocument::from_number(16), None);
    }
}
