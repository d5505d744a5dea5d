//! What a scan found, what it read and what it could not read: everything a report is made of.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::aftermath::Aftermath;
use super::case::Cases;
use super::coverage::{Coverage, Covered};
use super::files::Files;
use super::findings::Findings;
use super::level::Level;
use super::memory::Memory;
use super::notes::RunNote;
use super::other_document::OtherDocument;
use super::path_names::PathNames;
use super::problem::Problem;
use super::suppression::Applied;
use super::time::Time;
use super::token::Token;
use super::verified::Verification;

/// Counts over everything that was read, filters or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Totals {
    /// Files and streams opened, the failed and the other ones included.
    pub blobs: u64,
    /// Blobs that have at least one problem.
    pub blobs_failed: u64,
    /// Blobs that are known and hold no CloudTrail record.
    pub blobs_other: u64,
    /// The same by kind. A blob with documents of several kinds counts as the first of them.
    #[serde(default)]
    pub blobs_other_kinds: BTreeMap<OtherDocument, u64>,
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

/// What a listing passed over, and what it asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// Requests that listed objects.
    pub requests: u64,
    /// Files and objects that earlier runs have read.
    pub known: u64,
    /// Objects of days that the range cannot need, as far as they were met.
    pub outside: u64,
    /// Folders of a bucket that hold no trail logs, or those of other accounts.
    pub left_alone: u64,
}

impl Passed {
    /// Both together.
    #[must_use]
    pub fn with(self, other: Passed) -> Passed {
        Passed {
            requests: self.requests.saturating_add(other.requests),
            known: self.known.saturating_add(other.known),
            outside: self.outside.saturating_add(other.outside),
            left_alone: self.left_alone.saturating_add(other.left_alone),
        }
    }
}

/// How much of the use of keys could be judged by tags, so that silence can be told from blindness.
///
/// Counted is each use of a key with each resource it is for, copies and trail delivery aside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagCoverage {
    /// Uses in the range that is reported.
    pub uses: u64,
    /// Of those, the ones with at least one governed tag that is known on both sides, where all that
    /// are known agree. Of the others, `by_tag` tells.
    pub agreeing: u64,
    /// Those where neither side has any governed tag, so that there is nothing to compare.
    pub untagged: u64,
    /// Those with at least one governed tag that differs.
    pub mismatched: u64,
    /// Those with none that differs, and one that only one side has.
    pub one_sided: u64,
    /// Those of which no governed tag could be compared, by the reason why one is not known.
    pub unknown: BTreeMap<&'static str, u64>,
    /// Each governed tag by name.
    pub by_tag: BTreeMap<String, TagCount>,
    /// Keys and resources of which any tags are known.
    pub resources: u64,
    /// Records that change tags of what they do not name in any known way, copies included.
    pub unplaced: u64,
}

impl TagCoverage {
    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: TagCoverage) {
        self.uses += other.uses;
        self.agreeing += other.agreeing;
        self.untagged += other.untagged;
        self.mismatched += other.mismatched;
        self.one_sided += other.one_sided;
        for (reason, count) in other.unknown {
            *self.unknown.entry(reason).or_default() += count;
        }
        for (tag, count) in other.by_tag {
            let known = self.by_tag.entry(tag).or_default();
            known.agreeing += count.agreeing;
            known.untagged += count.untagged;
            known.mismatched += count.mismatched;
            known.one_sided += count.one_sided;
            known.unknown += count.unknown;
        }
        self.resources += other.resources;
        self.unplaced += other.unplaced;
    }

    /// How many uses something was said of.
    pub fn compared(&self) -> u64 {
        self.agreeing + self.mismatched + self.one_sided
    }
}

/// Uses with a resource by what one governed tag says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TagCount {
    /// Both have it, and may.
    pub agreeing: u64,
    /// Neither has it.
    pub untagged: u64,
    /// Both have it and should not.
    pub mismatched: u64,
    /// One is known to lack it.
    pub one_sided: u64,
    /// Not known of one side at least.
    pub unknown: u64,
}

impl TagCount {
    /// In how many uses it was compared.
    pub fn compared(&self) -> u64 {
        self.agreeing + self.mismatched + self.one_sided
    }
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
        self.add_many(level, 1);
    }

    /// Counts several findings.
    pub fn add_many(&mut self, level: Level, number: u64) {
        let count = &mut self.counts[level as usize];
        *count = count.saturating_add(number);
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
        sum(&self.counts[level as usize..])
    }

    /// How many findings there are, without those left out.
    pub fn total(&self) -> u64 {
        sum(&self.counts)
    }
}

/// A sum of numbers of which a report may say anything.
fn sum(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0, |sum, number| sum.saturating_add(*number))
}

/// The result of a scan.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The findings to list, in the order of the report. Those below the least level to list are
    /// in `summary` only; so are those that a live report has written already.
    pub findings: Findings,
    /// What belongs together among them; none with `--each`.
    pub cases: Cases,
    /// What this run learnt of findings that earlier ones told of and it does not list: the gravest
    /// first.
    pub aftermath: Vec<Aftermath>,
    /// Every finding by level.
    pub summary: Summary,
    /// What could not be read, known or verified, sorted.
    pub problems: Vec<Problem>,
    /// What is to be known of what was read, sorted.
    pub notes: Vec<RunNote>,
    /// Every suppression and what it did, in the order of the configuration.
    pub suppressions: Vec<Applied>,
    /// What was read.
    pub totals: Totals,
    /// What was not read, and why that is no loss.
    pub passed: Passed,
    /// What the paths of the listing say.
    pub names: PathNames,
    /// What comparing tags saw; `None` if no rule that does was enabled.
    pub tags: Option<TagCoverage>,
    /// What was verified; `None` if nothing was to be.
    pub verify: Option<Verification>,
    /// Which hours of each account and Region have files, in the range that is reported.
    pub covered: Vec<Covered>,
    /// All hours that are known, of earlier runs too: what a later run may be given.
    pub coverage: Coverage,
    /// Whether all of the input was seen: no interruption (problems are counted apart).
    pub interrupted: bool,
    /// The tokens of all blobs that were read whole. To be settled when this is reported.
    pub read: Vec<Token>,
    /// What the next run needs to know; `None` if nobody asked, or if something that was read is
    /// missing from the outcome and has to be read again.
    pub memory: Option<Memory>,
    /// The patterns of callers and keys that should be met and fit nothing.
    pub unmet: BTreeSet<String>,
    /// Digest of the names and sizes of the input, and of its contents if it was verified,
    /// `sha256:…`.
    pub manifest: String,
    /// How many different records in the range each rule looked at, by the rule's id; of rules that
    /// compare tags, how many uses.
    pub examined: BTreeMap<String, u64>,
    /// Findings that the baseline or the state knows, that hold as far as is known, and that this run
    /// does not tell: how many of level medium or above each rule has, by its id.
    pub known: BTreeMap<String, u64>,
    /// The files by name; `None` if nobody asked.
    pub files: Option<Files>,
}

impl Outcome {
    /// Whether nothing is missing: not interrupted, and no problem.
    pub fn complete(&self) -> bool {
        !self.interrupted && self.problems.is_empty()
    }
}
