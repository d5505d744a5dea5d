//! The result of verifying log files: a verdict for each log, digest and chain.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::time::Time;

/// What can be said of a log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogVerdict {
    /// Its hash stands in a digest that is verified.
    Verified,
    /// Its hash is not the one that a digest names.
    Modified,
    /// A digest names it, and it is not there.
    Missing,
    /// No digest that can be trusted names it, though there are digests of its time.
    Unreferenced,
    /// It is from before the first or after the last digest.
    OutsideDigestRange,
    /// Something follows the one gzip member that CloudTrail writes.
    TrailingData,
    /// It cannot be read to its end.
    Unreadable,
}

/// What can be said of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DigestVerdict {
    /// It is signed under one of the public keys, and its place in the chain agrees.
    Verified,
    /// None of its signatures verifies.
    BadSignature,
    /// It is not the one that the digest after it names.
    HashChainMismatch,
    /// There is no signature of it, neither beside it nor in the digest after it.
    SignatureUnavailable,
    /// The public key that it names is not among those given.
    KeyUnknown,
    /// It is no digest, or holds more than one.
    BadFormat,
    /// The digest after it names it, or its hour is empty, and it is not there.
    Missing,
}

/// A verdict's place in reports.
pub trait Verdict: Copy + Ord + 'static {
    /// All of them, in the order of reports.
    const ALL: [Self; 7];
    /// The name in reports.
    fn as_str(self) -> &'static str;
}

impl Verdict for LogVerdict {
    const ALL: [LogVerdict; 7] = [
        LogVerdict::Verified,
        LogVerdict::Modified,
        LogVerdict::Missing,
        LogVerdict::Unreferenced,
        LogVerdict::OutsideDigestRange,
        LogVerdict::TrailingData,
        LogVerdict::Unreadable,
    ];

    fn as_str(self) -> &'static str {
        match self {
            LogVerdict::Verified => "verified",
            LogVerdict::Modified => "modified",
            LogVerdict::Missing => "missing",
            LogVerdict::Unreferenced => "unreferenced",
            LogVerdict::OutsideDigestRange => "outside-digest-range",
            LogVerdict::TrailingData => "trailing-data",
            LogVerdict::Unreadable => "unreadable",
        }
    }
}

impl Verdict for DigestVerdict {
    const ALL: [DigestVerdict; 7] = [
        DigestVerdict::Verified,
        DigestVerdict::BadSignature,
        DigestVerdict::HashChainMismatch,
        DigestVerdict::SignatureUnavailable,
        DigestVerdict::KeyUnknown,
        DigestVerdict::BadFormat,
        DigestVerdict::Missing,
    ];

    fn as_str(self) -> &'static str {
        match self {
            DigestVerdict::Verified => "verified",
            DigestVerdict::BadSignature => "bad-signature",
            DigestVerdict::HashChainMismatch => "hash-chain-mismatch",
            DigestVerdict::SignatureUnavailable => "signature-unavailable",
            DigestVerdict::KeyUnknown => "key-unknown",
            DigestVerdict::BadFormat => "bad-format",
            DigestVerdict::Missing => "missing",
        }
    }
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A digest file.
    Digest,
    /// A log file.
    Log,
}

/// One file, and what is said of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Item {
    /// Whether it is a log or a digest.
    pub kind: Kind,
    /// The file; of what is missing, the `s3://` name by which a digest knows it.
    pub origin: Arc<str>,
    /// The verdict by its name in reports.
    #[schemars(schema_with = "verdicts")]
    pub verdict: &'static str,
    /// What was found and expected. Empty where there is no more to say.
    pub detail: String,
    /// Whether it counts against the run.
    #[serde(skip)]
    pub bad: bool,
    /// How many files it covers.
    #[serde(skip)]
    pub count: u64,
    /// What it holds, as far as that is known.
    #[serde(skip)]
    pub about: About,
}

/// The verdict of an item, of whichever kind.
fn verdicts(schemas: &mut SchemaGenerator) -> Schema {
    let (log, digest) = (LogVerdict::json_schema(schemas), DigestVerdict::json_schema(schemas));
    json_schema!({"anyOf": [log, digest]})
}

/// What a log or digest holds, by its name or by what names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct About {
    /// The account whose records they are.
    pub account: Option<String>,
    /// The Region whose records they are.
    pub region: Option<String>,
    /// The trail, as [`Chain::trail`].
    pub trail: Option<String>,
    /// When the log was made, or the end of what the digest covers.
    pub time: Option<Time>,
    /// The `s3://` name under which it was delivered, where a digest says so.
    pub object: Option<String>,
}

/// A time in which nothing is signed, half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Gap {
    /// The end of the last digest before.
    pub from: Time,
    /// The start of the first digest after.
    pub to: Time,
}

/// How a chain begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Head {
    /// With the first digest that CloudTrail wrote.
    Starting,
    /// With one that names an earlier one, which is not there.
    Cut,
}

/// The digests of one trail in one account and Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Chain {
    /// The account whose records they cover.
    pub account: String,
    /// The Region whose records they cover.
    pub region: String,
    /// The trail's name; `NAME (backfill)` of the chain of files that were delivered late.
    pub trail: String,
    /// The start of the first digest.
    pub start: Time,
    /// The end of the last.
    pub end: Time,
    /// What is not covered in between.
    pub gaps: Vec<Gap>,
    /// Whether the first digest is the first of all.
    pub head: Head,
    /// How long before the end of the range the last digest ends, in seconds. Digests that are gone
    /// from the end of a chain leave no other trace.
    pub tail_age_secs: i64,
    /// Whether something of the range lies before the first digest, which names an earlier one.
    #[serde(skip)]
    pub cut_short: bool,
    /// Whether something of the range lies behind the last digest, by more time than CloudTrail
    /// takes to write one.
    #[serde(skip)]
    pub ends_early: bool,
}

/// Everything that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Logs by verdict.
    pub logs: BTreeMap<&'static str, u64>,
    /// Digests by verdict.
    pub digests: BTreeMap<&'static str, u64>,
    /// Of the logs, those so new that their digest may not have been written yet. They are outside
    /// the range of the digests and count against nothing.
    pub pending: u64,
    /// Every chain, sorted by account, Region and trail.
    pub chains: Vec<Chain>,
    /// Every file of which something is to be said, and with `all` the others too, sorted.
    pub items: Vec<Item>,
    /// Files that are neither.
    pub others: u64,
}

impl Verified {
    /// Whether every digest and log in range is verified, and there was something to verify.
    pub fn is_whole(&self) -> bool {
        // A range that is younger than the next digest has logs that wait for it.
        let something = self.pending > 0 || self.digests.values().any(|number| *number > 0);
        something && self.is_unharmed()
    }

    /// Whether nothing is wrong with any chain, digest or log, be there any in range or not.
    pub fn is_unharmed(&self) -> bool {
        let whole = |chain: &Chain| chain.gaps.is_empty() && !chain.cut_short && !chain.ends_early;
        !self.chains.is_empty()
            && self.chains.iter().all(whole)
            && !self.items.iter().any(|item| item.bad)
    }
}

/// What does not verify and goes into one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unverified {
    /// The account whose records are concerned.
    pub account: Option<String>,
    /// Their Region.
    pub region: Option<String>,
    /// `log`, `digest` or `chain`.
    pub kind: &'static str,
    /// The verdict by its name in reports.
    pub verdict: &'static str,
    /// The name of the one fault, if each is a finding.
    pub one: Option<String>,
    /// The faults in the order in which a finding shows them.
    pub faults: Vec<Fault>,
}

/// One file or chain that does not verify. Ordered as a finding shows them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// When the log was made, the digest ends, or the gap begins.
    pub time: Option<Time>,
    /// What names it wherever it lies.
    pub name: String,
    /// Where it lies.
    pub origin: Arc<str>,
    /// What was found and expected.
    pub detail: String,
    /// How many files it covers.
    pub count: u64,
    /// The trail, as [`Chain::trail`].
    pub trail: Option<String>,
    /// The `s3://` name under which it was delivered.
    pub object: Option<String>,
    /// The ARN or name of what it is about, and the type.
    pub resource: (String, &'static str),
}

impl Unverified {
    /// Faults that a finding shows.
    pub const SHOWN: usize = 10;

    /// The faults that are shown.
    pub fn shown(&self) -> &[Fault] {
        self.faults.get(..Unverified::SHOWN).unwrap_or(&self.faults)
    }

    /// How many files there are, or gaps and ends of chains.
    pub fn count(&self) -> u64 {
        self.faults.iter().map(|fault| fault.count).sum()
    }
}

/// What verdicts rest on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Anchor {
    /// SHA-256 of the file with public keys, in hex.
    pub sha256: String,
    /// How many keys it has.
    pub count: usize,
}

/// What verifying did to a scan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// The public keys.
    pub anchor: Anchor,
    /// What was found in the range that is reported.
    pub verified: Verified,
    /// Files whose records were not evaluated, of the range or not.
    pub left_out: u64,
}
