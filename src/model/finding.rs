//! A finding: one rule, one actor, one key or resource, and the events that show it.
//!
//! Reports are made of these; the JSON form is fixed in `report::wire`.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::level::Level;
use super::origin::Origin;
use super::principal::Principal;
use super::request::Request;
use super::time::Time;
use super::undo::{Effect, Fate, Undone};

/// So many events, sessions and names of one kind a finding lists: the smallest.
pub const SHOWN: usize = 10;

/// Whether an earlier run has reported this group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not reported before, as far as this run knows.
    New,
    /// Known from an earlier report, with something added since: later or more events, or a higher
    /// level.
    Ongoing,
}

impl Status {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::New => "new",
            Status::Ongoing => "ongoing",
        }
    }
}

/// The KMS key a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Key ARN; completed from account and Region when the record gives a bare id.
    pub arn: String,
    /// The account that owns the key.
    pub account: Option<String>,
    /// The alias by which the call named it.
    pub alias: Option<String>,
    /// Tags as of the event; empty when none are known.
    pub tags: BTreeMap<String, String>,
}

/// The resource a finding is about, such as a bucket whose key was used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Resource {
    /// ARN, or the id as the record gives it.
    pub arn: String,
    /// `AWS::S3::Bucket` and the like; `None` when not known.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Tags as of the event; empty when none are known.
    pub tags: BTreeMap<String, String>,
}

/// One event behind a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventRef {
    /// `eventTime`; first, so that the order of the type is the order of a report.
    pub time: Option<Time>,
    /// `eventID`; `None` in records that lack it.
    pub id: Option<String>,
    /// `eventName`.
    pub name: String,
    /// Where it was read; of several copies the smallest.
    pub origin: Origin,
    /// `sharedEventID` of a call by a customer: the record of the other account has it too.
    pub shared: Option<String>,
    /// The request behind it; `None` of what is no event, such as a file.
    pub request: Option<Arc<Request>>,
    /// When what it did was undone; `None` if it was not, or cannot be.
    pub undone: Option<Undone>,
}

/// One group of events (one event with `--each`) that a rule found.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Stable over runs and over where the file lay: 32 hexadecimal digits.
    pub fingerprint: String,
    /// The rule's id.
    pub rule: String,
    /// The highest level of the group's events.
    pub level: Level,
    /// Whether the calls were refused or failed.
    pub attempt: bool,
    /// How many events, copies not counted. Exact.
    pub count: u64,
    /// Time of the earliest event; `None` when no event has a readable time.
    pub first_seen: Option<Time>,
    /// Time of the latest event.
    pub last_seen: Option<Time>,
    /// New, or known from an earlier run.
    pub status: Status,
    /// Whether it rests on anything that no earlier run has judged.
    pub fresh: bool,
    /// The place in the report, from 1: what a reader should look at first. `None` where findings are
    /// not ranked.
    pub rank: Option<u64>,
    /// `recipientAccountId`.
    pub account: Option<String>,
    /// `awsRegion`.
    pub region: Option<String>,
    /// Who acted.
    pub principal: Principal,
    /// `sourceIPAddress` of the earliest event.
    pub source_ip: Option<String>,
    /// `userAgent` of the earliest event.
    pub user_agent: Option<String>,
    /// The key concerned.
    pub key: Option<Key>,
    /// The resource concerned.
    pub resource: Option<Resource>,
    /// Whether of any event only the caller says that it is about the resource: the encryption context
    /// of a direct call.
    pub claimed: bool,
    /// How many findings were folded into this one, which stands for them; 0 if it stands for itself.
    pub folded: u64,
    /// Keyed hashes of the keys and principals that it gathers, if it is about several things at once.
    /// A later run that has a new one among them tells of something new.
    pub members: Vec<u64>,
    /// The 10 smallest events by time and event id.
    pub events: Vec<EventRef>,
    /// What became of what it is about, if that can be undone or is due.
    pub effect: Option<Effect>,
    /// The id of the case that it belongs to; `None` where there are no cases.
    pub case: Option<Arc<str>>,
    /// What the rule has to say beside this.
    pub details: BTreeMap<String, Value>,
    /// What the rule tells with every finding.
    pub told: Arc<Told>,
}

impl Finding {
    /// Whether what it is about was done and not undone, as far as is known.
    pub fn holds(&self) -> bool {
        match &self.effect {
            Some(effect) => effect.fate == Fate::Open,
            None => !self.attempt,
        }
    }

    /// The fingerprint as a number, in two words.
    pub fn number(&self) -> Option<[u64; 2]> {
        number(&self.fingerprint)
    }
}

/// A fingerprint as a number, in two words.
pub fn number(fingerprint: &str) -> Option<[u64; 2]> {
    let number = u128::from_str_radix(fingerprint, 16).ok()?.to_be_bytes();
    let ([high, low], _) = number.as_chunks::<8>() else { return None };
    Some([u64::from_be_bytes(*high), u64::from_be_bytes(*low)])
}

/// What a rule tells with every finding, which all its findings share.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The rule's title.
    pub title: String,
    /// MITRE ATT&CK technique ids.
    pub attack: Vec<String>,
    /// Pages to read.
    pub references: Vec<String>,
    /// What to do.
    pub advice: Option<String>,
    /// The gravest of the rule's MITRE ATT&CK tactics: its place among all, the gravest first.
    pub tactic: u8,
    /// Whether it is a chain: a finding about events that other rules tell of one by one.
    pub chain: bool,
}
