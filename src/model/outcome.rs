//! What a scan found, read and could not read: everything a report is made of.

use std::collections::BTreeSet;

use super::finding::Finding;
use super::level::Level;
use super::problem::Problem;
use super::suppression::Applied;
use super::time::Time;

/// Counts over everything that was read, filters or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files and streams opened, the failed and the other ones included.
    pub blobs: u64,
    /// Blobs that have at least one problem.
    pub blobs_failed: u64,
    /// Blobs that are no trail logs (digests, sidecars, Config, flow logs).
    pub blobs_other: u64,
    /// Bytes as stored.
    pub bytes_read: u64,
    /// Bytes of text after inflating.
    pub bytes_inflated: u64,
    /// Records, copies included.
    pub records: u64,
    /// Records that could not be read.
    pub records_bad: u64,
    /// Copies among KMS records and records that a rule matched.
    pub duplicates: u64,
    /// Records of `kms.amazonaws.com`, copies included.
    pub kms_records: u64,
    /// The earliest `eventTime`.
    pub first_event: Option<Time>,
    /// The latest `eventTime`.
    pub last_event: Option<Time>,
    /// Every `recipientAccountId`.
    pub accounts: BTreeSet<String>,
    /// Every `awsRegion`.
    pub regions: BTreeSet<String>,
}

/// How many findings there are of each level, listed or not. What is left out on the user's word is
/// counted apart and in no level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    counts: [u64; 5],
    /// Findings that a suppression leaves out.
    pub suppressed: u64,
    /// Findings that the baseline has, with nothing added since.
    pub known: u64,
}

impl Summary {
    /// Counts one finding.
    pub fn add(&mut self, level: Level) {
        self.counts[level as usize] += 1;
    }

    /// Adds other findings.
    pub fn merge(&mut self, other: Summary) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        self.suppressed += other.suppressed;
        self.known += other.known;
    }

    /// How many findings are of exactly this level.
    pub fn of(&self, level: Level) -> u64 {
        self.counts[level as usize]
    }

    /// How many findings are at or above this level.
    pub fn at_or_above(&self, level: Level) -> u64 {
        self.counts[level as usize..].iter().sum()
    }

    /// How many findings there are, without those left out.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// The result of a scan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// The findings to list, in the order of the report. Those below the least level to list are
    /// in `summary` only; so are those that a live report has written already.
    pub findings: Vec<Finding>,
    /// Every finding by level.
    pub summary: Summary,
    /// What could not be read, known or verified, sorted.
    pub problems: Vec<Problem>,
    /// Every suppression and what it did, in the order of the configuration.
    pub suppressions: Vec<Applied>,
    /// What was read.
    pub totals: Totals,
    /// Whether all of the input was seen: no interruption (problems are counted apart).
    pub interrupted: bool,
    /// Digest of the names and sizes of the input, `sha256:…`.
    pub manifest: String,
}

impl Outcome {
    /// Whether nothing is missing: not interrupted, and no problem.
    pub fn complete(&self) -> bool {
        !self.interrupted && self.problems.is_empty()
    }
}
