//! What a timeline shows of one call: its record, or the records that are this one call.
//!
//! Everything here is the record's own text, so that whoever shows it escapes it.

use serde::{Deserialize, Serialize};

use super::principal::Principal;
use super::time::Time;

/// One call on a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// `eventTime`; `None` where it cannot be read.
    #[serde(with = "micros")]
    pub time: Option<Time>,
    /// `eventName`
    pub event: String,
    /// `eventSource`
    pub source: String,
    /// `recipientAccountId`
    pub account: Option<String>,
    /// `awsRegion`
    pub region: Option<String>,
    /// `eventID`
    pub id: Option<String>,
    /// `sharedEventID`
    pub shared: Option<String>,
    /// Who called.
    pub principal: Principal,
    /// `userIdentity.principalId`
    pub principal_id: Option<String>,
    /// `userIdentity.accessKeyId`
    pub access_key: Option<String>,
    /// `sourceIPAddress`: an address, or a service's name.
    pub source_ip: Option<String>,
    /// `userAgent`
    pub user_agent: Option<String>,
    /// The keys that it names, best first.
    pub keys: Vec<NamedKey>,
    /// What else it was about: ARNs, or names as the record gives them.
    pub resources: Vec<String>,
    /// `errorCode`
    pub error: Option<String>,
    /// `errorMessage`
    pub message: Option<String>,
    /// Where the record was read; of several copies the smallest.
    pub place: Place,
    /// How many copies of the record were read besides.
    pub copies: u64,
    /// Records of the same call in the trails of other accounts.
    pub also: Vec<Beside>,
    /// The KMS calls that a service made to serve this one.
    pub served: Vec<Beside>,
    /// The whole record on one line, where it was asked for.
    pub text: Option<String>,
    /// Whether it is the row of a use in facts, which holds neither [`shared`](Occurrence::shared),
    /// [`principal_id`](Occurrence::principal_id) nor [`message`](Occurrence::message), and one key only.
    pub of_use: bool,
}

/// A key as a record names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedKey {
    /// Its ARN.
    pub arn: String,
    /// The alias by which the request named it.
    pub alias: Option<String>,
}

/// Where a record was read. Ordered by name, then by number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The blob's name.
    pub blob: String,
    /// The record's 0-based number in it.
    pub record: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.blob, self.record)
    }
}

/// Another record that belongs to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// `eventName`
    pub event: String,
    /// `eventID`
    pub id: Option<String>,
    /// `recipientAccountId`
    pub account: Option<String>,
    /// `errorCode`
    pub error: Option<String>,
    /// The key that it names.
    pub key: Option<NamedKey>,
    /// Where it was read.
    pub place: Place,
}

impl Occurrence {
    /// The call as one that belongs to another.
    pub fn beside(self) -> Beside {
        Beside {
            event: self.event,
            id: self.id,
            account: self.account,
            error: self.error,
            key: self.keys.into_iter().next(),
            place: self.place,
        }
    }
}

/// Counts of a timeline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Rows of the timeline.
    pub rows: u64,
    /// Records behind them, copies not counted.
    pub records: u64,
    /// Copies of these.
    pub copies: u64,
}

/// A time as microseconds, so that it comes back as it was.
mod micros {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Time;

    pub fn serialize<S: Serializer>(time: &Option<Time>, to: S) -> Result<S::Ok, S::Error> {
        time.map(|time| time.0).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Time>, D::Error> {
        Ok(Option::<i64>::deserialize(from)?.map(Time))
    }
}
