//! What a run verifies: a time range, accounts and Regions.

use crate::model::time::Time;

/// What is to be verified.
#[derive(Debug, Clone)]
pub struct Range {
    /// Digests that end after this time, and logs from this time on.
    pub since: Option<Time>,
    /// Digests that start before this time, and logs before this time.
    pub until: Option<Time>,
    /// How long after `until` a log may have been made and still count if digests name it, in
    /// microseconds: it holds events from before it was made.
    pub late: i64,
    /// These accounts, when there are any.
    pub accounts: Vec<String>,
    /// These Regions, when there are any.
    pub regions: Vec<String>,
    /// Accounts and Regions of which an earlier run has read logs in the last days.
    pub seen: Vec<(String, String)>,
    /// What time it is: a digest of the last two hours may not have been written yet.
    pub now: Time,
}

impl Range {
    pub(super) fn has_place(&self, account: &str, region: &str) -> bool {
        let one_of = |wanted: &[String], value: &str| {
            wanted.is_empty() || wanted.iter().any(|wanted| wanted == value)
        };
        one_of(&self.accounts, account) && one_of(&self.regions, region)
    }

    /// Whether a half-open period has something of the range; an empty one if its instant has.
    pub(super) fn overlaps(&self, from: Time, to: Time) -> bool {
        self.since.is_none_or(|since| to > since || (from == to && from >= since))
            && self.until.is_none_or(|until| from < until)
    }

    pub(super) fn has_log(
        &self,
        of: Option<(&str, &str)>,
        time: Option<Time>,
        named: bool,
    ) -> bool {
        let late = if named { self.late } else { 0 };
        let is_in = |time: Time| {
            self.since.is_none_or(|since| time >= since)
                && self.until.is_none_or(|until| time.0 < until.0.saturating_add(late))
        };
        of.is_none_or(|(account, region)| self.has_place(account, region)) && time.is_none_or(is_in)
    }
}
