//! How much was read, in the lines below the findings.
//!
//! What must stay true: what is counted apart is named, so that a folder of other files never looks like
//! a clean trail.

use super::fit::{bytes, count, counted};
use crate::model::other_document::OtherDocument;
use crate::report::Report;

/// The files, what some of them were, and their bytes.
pub fn files(report: &Report<'_>) -> String {
    let totals = &report.outcome.totals;
    let mut text = counted(totals.blobs, "file");
    let kind = |(kind, number): (&OtherDocument, &u64)| {
        let (one, several) = kind.words();
        format!("{} {}", count(*number), if *number == 1 { one } else { several })
    };
    let mut apart: Vec<String> = totals.blobs_other_kinds.iter().map(kind).collect();
    let told: u64 = totals.blobs_other_kinds.values().copied().fold(0, u64::saturating_add);
    let rest = [
        (totals.blobs_other.saturating_sub(told), "other than trail logs"),
        (totals.blobs_failed, "with problems"),
    ];
    let said = |(number, what): (u64, &str)| format!("{} {what}", count(number));
    apart.extend(rest.into_iter().filter(|(number, _)| *number > 0).map(said));
    if !apart.is_empty() {
        text.push_str(&format!(" ({})", apart.join(", ")));
    }
    let stored = bytes(totals.bytes_read);
    text.push_str(&format!(", {stored} stored, {} inflated", bytes(totals.bytes_inflated)));
    text
}

/// The records, and what was wrong with some of them.
pub fn records(report: &Report<'_>) -> String {
    let totals = &report.outcome.totals;
    let mut text = format!("{}, {} of KMS", count(totals.records), count(totals.kms_records));
    if totals.duplicates > 0 {
        text.push_str(&format!(", {} delivered more than once", count(totals.duplicates)));
    }
    if totals.records_bad > 0 {
        text.push_str(&format!(", {} unreadable", count(totals.records_bad)));
    }
    text
}
