//! How far the log reaches: what that says of keys without use, and of uses that KMS tells of.
//!
//! What must stay true: a key is called unused only if the log of its account and Region reaches over
//! all of the time that was asked for, without long gaps, was read whole, and has uses of keys at all. A
//! use is called missing only between the first and the last hour of which there are files.

use crate::engine::plan::Filter;
use crate::model::coverage::{Coverage, Hour, Kind, Place, hour_of};
use crate::model::keys::asked::ToldUse;
use crate::model::keys::facts::KeyFacts;
use crate::model::keys::reach::{InLog, Quiet, Verdict};
use crate::model::keys::state::KeyState;
use crate::model::time::Time;

/// An hour, in microseconds.
const HOUR: i64 = 3_600_000_000;

/// The hours of one account and Region.
#[derive(Debug, Default)]
struct Hours {
    first: Option<Hour>,
    last: Option<Hour>,
    count: u64,
    /// The most hours between two of them.
    gap: Hour,
    reads: bool,
}

/// For how many hours a Region may have no files: a weekend on which nobody works, and a day more.
/// CloudTrail delivers none for hours without events.
const GAP: Hour = 72;

/// There are files of one of so many hours at least.
const ONE_OF: u64 = 10;

/// What there is of a key's account and Region in a range of hours.
fn hours(coverage: &Coverage, facts: &KeyFacts, range: std::ops::Range<Hour>) -> Hours {
    let place = Place { account: facts.account.clone(), region: facts.region.clone() };
    let Some((_, seen)) = coverage.places().find(|(known, _)| **known == place) else {
        return Hours::default();
    };
    let files = || seen.hours.of(Kind::Files, range.clone());
    Hours {
        first: files().next(),
        last: files().next_back(),
        count: files().count() as u64,
        gap: files().zip(files().skip(1)).map(|(one, next)| next - one).max().unwrap_or_default(),
        reads: seen.hours.of(Kind::Reads, range.clone()).next().is_some(),
    }
}

/// What the log says of a key, for the time from `since` to `until`, the end of the log. `whole` if all
/// input could be read.
pub fn quiet(
    facts: &KeyFacts,
    (coverage, filter, whole): (&Coverage, &Filter, bool),
    (since, until): (Time, Time),
) -> Quiet {
    let range = hour_of(since)..hour_of(until) + 1;
    let asked = u64::try_from(range.end - range.start).unwrap_or_default();
    let there = hours(coverage, facts, range.clone());
    // A call that failed or was refused used nothing.
    let in_log = facts.last_use.as_ref().map(|proof| proof.time);
    let last = in_log.max(facts.kms_last_use.as_ref().and_then(|told| told.time));
    let begins_later = there.first.is_none_or(|first| first > range.start);
    // A file is delivered within some minutes of its hour; a day is enough for any trail.
    let ends_early = there.last.is_none_or(|last| last + 24 < range.end);
    let why = match () {
        () if filter.since.is_some_and(|first| first > since) => {
            Some("--since leaves a part of it out")
        }
        () if there.first.is_none() => Some("there is no log of its account and Region"),
        () if begins_later => Some("the first hours have no file of its account and Region"),
        () if ends_early => Some("the last hours have no file of its account and Region"),
        () if there.gap > GAP => Some("the log of its account and Region has gaps of days"),
        () if there.count.saturating_mul(ONE_OF) < asked => {
            Some("the log has files of few hours of its account and Region")
        }
        () if !whole => Some("some input could not be read, and may have uses"),
        () if !there.reads => Some("the log has no use of any key in its account and Region"),
        () => None,
    };
    let made = facts.made.as_ref().map(|made| made.proof.time);
    let verdict = match () {
        () if facts.state.state == KeyState::Deleted => Verdict::Gone,
        () if last.is_some_and(|last| last >= since) => Verdict::Used,
        () if made.is_some_and(|made| made > since) => Verdict::Younger,
        () if why.is_some() => Verdict::NotKnown,
        () => Verdict::Unused,
    };
    let start = |hour: Hour| Time(hour.saturating_mul(HOUR));
    Quiet {
        verdict,
        why: why.filter(|_| verdict == Verdict::NotKnown),
        since,
        until,
        covered_from: there.first.map(start),
        covered_to: there.last.map(|hour| start(hour + 1)),
        hours_covered: there.count,
        hours_asked: asked,
    }
}

/// Whether the log should have a use that KMS told of and that was not found.
pub fn lacks(facts: &KeyFacts, told: &ToldUse, coverage: &Coverage, filter: &Filter) -> InLog {
    let one_of = |wanted: &[String], value: &String| wanted.is_empty() || wanted.contains(value);
    let within = filter.since.is_none_or(|since| told.time >= since)
        && filter.until.is_none_or(|until| told.time < until)
        && one_of(&filter.accounts, &facts.account)
        && one_of(&filter.regions, &facts.region);
    let hour = hour_of(told.time);
    let there = hours(coverage, facts, Hour::MIN / 2..Hour::MAX / 2);
    // The last hour may still be on its way.
    let reaches = there.first.is_some_and(|first| first <= hour)
        && there.last.is_some_and(|last| hour < last);
    if within && reaches { InLog::Missing } else { InLog::OutOfReach }
}

/// Whether the name of a key, as KMS told it, is the one of this key.
pub fn is_about(told: &str, arn: &str, id: &str) -> bool {
    told == arn || told == id
}
