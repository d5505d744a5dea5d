//! The part of the JSON form that is about what was read: totals, hours, and tags.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::coverage;
use crate::model::other_document::OtherDocument;
use crate::model::outcome;
use crate::model::time::Time;

/// What was read.
#[derive(Serialize, JsonSchema)]
pub(super) struct Totals<'a> {
    /// Files, objects and streams that were opened.
    blobs: u64,
    /// Those with at least one problem.
    blobs_failed: u64,
    /// Those that are no trail logs, such as digests or flow logs.
    blobs_other: u64,
    /// The same by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    blobs_other_kinds: &'a BTreeMap<OtherDocument, u64>,
    /// Bytes as they are stored.
    bytes_read: u64,
    /// Bytes of text after inflating.
    bytes_inflated: u64,
    /// Records, copies too.
    records: u64,
    /// Records that could not be read.
    records_bad: u64,
    /// Copies among KMS records and records that a rule matched.
    duplicates: u64,
    /// Records of KMS, copies too.
    kms_records: u64,
    /// The earliest `eventTime`.
    first_event: Option<Time>,
    /// The latest `eventTime`.
    last_event: Option<Time>,
    /// Every `recipientAccountId`.
    accounts: &'a BTreeSet<String>,
    /// Every `awsRegion`.
    regions: &'a BTreeSet<String>,
}

/// What comparing tags saw.
#[derive(Serialize, JsonSchema)]
pub(super) struct Tags<'a> {
    /// Uses of a key with a resource in the range.
    uses: u64,
    /// Those of which a tag could be compared.
    compared: u64,
    /// Those of which all compared tags agree.
    agreeing: u64,
    /// Those with a tag that differs.
    mismatched: u64,
    /// Those with none that differs, and one that only one side has.
    one_sided: u64,
    /// Those where neither side has a governed tag.
    untagged: u64,
    /// Those of which no tag could be compared.
    unknown: u64,
    /// How many of those for each reason.
    unknown_because: &'a BTreeMap<&'static str, u64>,
    /// The same for each governed tag, by name.
    by_tag: BTreeMap<&'a str, TagCount>,
    /// Keys and resources of which any tags are known.
    resources: u64,
    /// Records that change tags of what they do not name in a known way.
    unplaced: u64,
}

#[derive(Serialize, JsonSchema)]
struct TagCount {
    /// Uses in which it was compared.
    compared: u64,
    /// Both sides have it, and may.
    agreeing: u64,
    /// Both sides have it, and should not.
    mismatched: u64,
    /// One side is known to lack it.
    one_sided: u64,
    /// Neither side has it.
    untagged: u64,
    /// It is not known of one side at least.
    unknown: u64,
}

/// The hours of an account and Region that have files, and that have none. Ranges are half-open.
#[derive(Serialize, JsonSchema)]
pub(super) struct Covered<'a> {
    /// The account.
    account: &'a str,
    /// The Region.
    region: &'a str,
    /// The begin of the time in which files are expected.
    from: Time,
    /// Its end, which is not included.
    to: Time,
    /// Files of that time.
    files: u64,
    /// Hours that have files.
    hours_covered: u64,
    /// Hours that have none.
    hours_missing: u64,
    /// The longest gaps, in the order of time.
    gaps: Vec<Gap>,
    /// How many gaps there are.
    gap_count: u64,
    /// Records of that time.
    records: u64,
    /// KMS records of calls that only read.
    kms_reads: u64,
    /// KMS records of calls that change something.
    kms_writes: u64,
    /// Whether there are changes and no reads, as of a trail that leaves reads out.
    kms_reads_missing: bool,
}

#[derive(Serialize, JsonSchema)]
struct Gap {
    /// Its begin.
    from: Time,
    /// Its end, which is not included.
    to: Time,
}

impl<'a> From<&'a outcome::TagCoverage> for Tags<'a> {
    fn from(tags: &'a outcome::TagCoverage) -> Self {
        let count = |count: &outcome::TagCount| TagCount {
            compared: count.compared(),
            agreeing: count.agreeing,
            mismatched: count.mismatched,
            one_sided: count.one_sided,
            untagged: count.untagged,
            unknown: count.unknown,
        };
        Tags {
            uses: tags.uses,
            compared: tags.compared(),
            agreeing: tags.agreeing,
            mismatched: tags.mismatched,
            one_sided: tags.one_sided,
            untagged: tags.untagged,
            unknown: tags.unknown.values().sum(),
            unknown_because: &tags.unknown,
            by_tag: tags.by_tag.iter().map(|(name, of)| (name.as_str(), count(of))).collect(),
            resources: tags.resources,
            unplaced: tags.unplaced,
        }
    }
}

impl<'a> From<&'a coverage::Covered> for Covered<'a> {
    fn from(covered: &'a coverage::Covered) -> Self {
        let gap = |gap: &coverage::Gap| {
            let (from, to) = gap.times();
            Gap { from, to }
        };
        let (from, to) = covered.range.times();
        Covered {
            account: &covered.place.account,
            region: &covered.place.region,
            from,
            to,
            files: covered.counts.files,
            hours_covered: covered.hours_covered,
            hours_missing: covered.hours_missing(),
            gaps: covered.gaps.iter().map(gap).collect(),
            gap_count: covered.gap_count,
            records: covered.counts.records,
            kms_reads: covered.counts.kms_reads,
            kms_writes: covered.counts.kms_writes,
            kms_reads_missing: covered.kms_reads_missing,
        }
    }
}

impl<'a> From<&'a outcome::Totals> for Totals<'a> {
    fn from(totals: &'a outcome::Totals) -> Self {
        Totals {
            blobs: totals.blobs,
            blobs_failed: totals.blobs_failed,
            blobs_other: totals.blobs_other,
            blobs_other_kinds: &totals.blobs_other_kinds,
            bytes_read: totals.bytes_read,
            bytes_inflated: totals.bytes_inflated,
            records: totals.records,
            records_bad: totals.records_bad,
            duplicates: totals.duplicates,
            kms_records: totals.kms_records,
            first_event: totals.first_event,
            last_event: totals.last_event,
            accounts: &totals.accounts,
            regions: &totals.regions,
        }
    }
}
