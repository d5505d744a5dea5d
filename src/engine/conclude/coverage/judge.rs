//! Gaps, and which of them are no quiet hours.
//!
//! CloudTrail writes no file when nothing happens, so most hours without records are just that. A
//! gap is worth a finding only after a time in which hardly an hour was quiet, since a machine at
//! work does not pause for a day by chance; people do.

use std::collections::BTreeMap;

use crate::detect::whole_log::hours::{Because, Missing, What};
use crate::engine::plan::Filter;
use crate::model::coverage::{Coverage, Covered, Gap, Hour, Hours, Kind, Place, Seen, hour_of};
use crate::model::time::Time;

/// Gaps that are listed of one account and Region.
const LISTED: usize = 100;

/// The hours before a gap that tell what is usual: a week, since most rhythms are one, and no less
/// than three days of it, so that a day's work in an otherwise idle account is not taken for one.
/// With a threshold above a day, as many times that.
const USUAL_MAX: i64 = 7;
const USUAL_MIN: i64 = 3;

/// Three of four hours had records. Office hours are one of four, and nights or weekends off are a
/// pause that comes again and keeps a week below this.
const USUAL_SHARE: (i64, i64) = (3, 4);

/// Hours with KMS writes after which some read must have come, and how long they take at least.
///
/// AWS says that more than 99 in 100 KMS events are reads, and whoever changes a key looks at it
/// too: the console, Terraform and the services that create grants all do, within the hour. If only
/// every other such hour had a read, 24 of them without any would be a chance of one in 16 million.
/// Hours and not calls are counted, since one script may create a hundred keys and look at none,
/// and over three days, since a migration may work for a day in that way.
const WRITES_MIN: usize = 24;
const WRITES_SPAN: i64 = 72;

/// All time.
const EVER: Hour = Hour::MIN;

/// What is looked at, and by what measure.
#[derive(Debug, Clone)]
pub struct Look<'a> {
    /// What is reported.
    pub filter: &'a Filter,
    /// A gap has more hours than this.
    pub gap_hours: i64,
    /// The time of the run.
    pub now: Time,
    /// Whether some input could not be read, so that nobody knows what is missing.
    pub unread: bool,
}

/// An account and Region, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Which.
    pub place: Place,
    /// What is missing, by time.
    pub missing: Vec<Missing>,
}

/// Merges what an earlier run knew into what this one saw, and says what there is and what should
/// be, in the range that is reported.
pub fn judge(
    coverage: &mut Coverage,
    earlier: &Coverage,
    look: &Look<'_>,
) -> (Vec<Covered>, Vec<Judged>) {
    let until = look.filter.until;
    let end = until.map_or(Hour::MAX, |until| hour_of(Time(until.0.saturating_sub(1))) + 1);
    let told: BTreeMap<Place, (Hour, Hour)> = lasts(earlier, Hour::MAX)
        .into_iter()
        .zip(earlier.places().filter_map(|(_, seen)| first(seen, EVER..Hour::MAX)))
        .map(|((place, last), first)| (place, (first, last)))
        .collect();
    let lasts = lasts(coverage, end.min(hour_of(look.now).saturating_add(24)));
    let firsts = coverage.places().filter_map(|(_, seen)| first(seen, EVER..end));
    let since = look.filter.since.map(hour_of);
    let from = since.or_else(|| firsts.min());
    coverage.merge_earlier(earlier);
    let unjudged = coverage.unjudged();
    // Nobody can have recorded what is still to come, and the last hour is not over.
    let open = until.map(|until| hour_of(until).min(hour_of(look.now)));
    let from = from.or(open).unwrap_or(end);
    let before = if since.is_some() { from } else { from.saturating_sub(1) };
    // What an earlier run could not judge is this one's business, unless a beginning was given.
    let all = unjudged.map_or(before, |unjudged| unjudged.from.min(before));
    let judged_from = if since.is_some() { before } else { all };
    let bench = Bench {
        gap_hours: look.gap_hours,
        judged_from,
        // Where hours of a gap lie that is none of this run's business, because it ended before. The
        // first hour of a run without a given beginning is what ends a gap since the run before.
        before,
        from,
        clipped: since.is_some(),
        end,
        open,
        witnesses: witnesses(coverage, &lasts, end),
    };
    let mut rows = Vec::new();
    let mut judged = Vec::new();
    for (place, seen) in coverage.places().filter(|(place, _)| look.filter.has_place(place)) {
        let mut missing = bench.missing(seen);
        // A gap that an earlier run had on both sides was told by that one.
        let late =
            |gap: &Gap| unjudged.is_some_and(|hours| hours.from < gap.to && gap.to <= hours.to);
        let is_new = |gap: &Gap, (first, last): &(Hour, Hour)| {
            gap.from <= *first || gap.to > *last || late(gap)
        };
        missing.retain(|missing| told.get(place).is_none_or(|told| is_new(&missing.gap, told)));
        let row = bench.row(place, seen).map(|row| Covered {
            kms_reads_missing: missing.iter().any(|missing| missing.what == What::Reads),
            ..row
        });
        rows.extend(row);
        if !missing.is_empty() {
            judged.push(Judged { place: place.clone(), missing });
        }
    }
    if look.unread {
        coverage.set_unjudged(Some(Gap { from: all, to: Hour::MAX }));
        judged.clear();
        rows.iter_mut().for_each(|row| row.kms_reads_missing = false);
    } else if look.filter.is_whole() {
        // What lies before a given beginning is still to be judged.
        let rest = unjudged.map(|hours| Gap { to: hours.to.min(judged_from), ..hours });
        coverage.set_unjudged(rest.filter(|rest| rest.from < rest.to));
    }
    (rows, judged)
}

fn first(seen: &Seen, range: std::ops::Range<Hour>) -> Option<Hour> {
    let first = |kind| seen.hours.of(kind, range.clone()).next();
    [first(Kind::Files), first(Kind::Events)].into_iter().flatten().min()
}

/// The last hour of each account and Region that this run read of, before `end`.
fn lasts(coverage: &Coverage, end: Hour) -> BTreeMap<Place, Hour> {
    let last = |(place, seen): (&Place, &Seen)| {
        let last = |kind| seen.hours.of(kind, EVER..end).next_back();
        Some((place.clone(), last(Kind::Files).max(last(Kind::Events))?))
    };
    coverage.places().filter_map(last).collect()
}

/// The first hours of accounts and Regions, ascending, and the last that any of those so far has.
///
/// Where the input ends, nobody says; but where others go on that were there before, it has not
/// ended. One that begins later is no witness: logs of two incidents may lie side by side.
fn witnesses(coverage: &Coverage, lasts: &BTreeMap<Place, Hour>, end: Hour) -> Vec<(Hour, Hour)> {
    let one = |(place, seen): (&Place, &Seen)| Some((first(seen, EVER..end)?, *lasts.get(place)?));
    let mut all: Vec<(Hour, Hour)> = coverage.places().filter_map(one).collect();
    all.sort_unstable();
    let mut latest = Hour::MIN;
    for (_, last) in &mut all {
        latest = latest.max(*last);
        *last = latest;
    }
    all
}

/// What all accounts and Regions are measured by. Hours are half-open.
#[derive(Debug)]
struct Bench {
    gap_hours: i64,
    from: Hour,
    /// Gaps that end by then are not listed.
    before: Hour,
    /// Gaps that end by then are not judged.
    judged_from: Hour,
    /// Whether the beginning was given.
    clipped: bool,
    /// Later hours are not looked at.
    end: Hour,
    /// Where the range ends, if that was given.
    open: Option<Hour>,
    witnesses: Vec<(Hour, Hour)>,
}

impl Bench {
    /// Where a gap ends that begins after `last` and that no record ends; before it, if there is none.
    /// The last hour of all is not in it, since it may not be over.
    fn end_after(&self, last: Hour) -> Hour {
        let end = self.open.or_else(|| {
            let there = self.witnesses.partition_point(|(first, _)| *first <= last);
            Some(self.witnesses.get(there.checked_sub(1)?)?.1)
        });
        end.unwrap_or(last)
    }

    /// The gaps between the hours of a kind, and the one behind the last of them, that end after
    /// `before`.
    fn gaps(
        &self,
        (hours, kind): (&Hours, Kind),
        before: Hour,
        end: impl Fn(Hour) -> Hour,
    ) -> Vec<Gap> {
        let mut found = Vec::new();
        let mut last = None;
        let mut add = |gap: Gap| {
            if gap.hours() > 0 && gap.to > before {
                found.push(gap);
            }
        };
        for hour in hours.of(kind, EVER..self.end) {
            if let Some(last) = last {
                add(Gap { from: last + 1, to: hour });
            }
            last = Some(hour);
        }
        if let Some(last) = last {
            add(Gap { from: last.saturating_add(1), to: end(last) });
        }
        found
    }

    /// What there is of an account and Region.
    fn row(&self, place: &Place, seen: &Seen) -> Option<Covered> {
        if !seen.regional {
            return None;
        }
        let all = |from| seen.hours.of(Kind::Files, from..self.end);
        let (first, last) = (all(EVER).next()?, all(EVER).next_back()?);
        let mut gaps =
            self.gaps((&seen.hours, Kind::Files), self.before, |last| self.end_after(last));
        if self.clipped {
            gaps.iter_mut().for_each(|gap| gap.from = gap.from.max(self.from));
        }
        // A gap that began before this run is told whole.
        let begin = gaps.first().map_or(Hour::MAX, |gap| gap.from);
        let begin = begin.min(first.max(self.from));
        let range = Gap { from: begin, to: self.end_after(last).max(last.saturating_add(1)) };
        if range.hours() <= 0 || (gaps.is_empty() && all(begin).next().is_none()) {
            return None;
        }
        let gap_count = gaps.len() as u64;
        gaps.sort_by_key(|gap| (-gap.hours(), gap.from));
        gaps.truncate(LISTED);
        gaps.sort_by_key(|gap| gap.from);
        Some(Covered {
            place: place.clone(),
            range,
            counts: seen.counts,
            hours_covered: all(begin).count() as u64,
            gap_count,
            gaps,
            kms_reads_missing: false,
        })
    }

    /// What should be there of an account and Region, and is not.
    fn missing(&self, seen: &Seen) -> Vec<Missing> {
        let hours = &seen.hours;
        let Some(last) = hours.of(Kind::Events, EVER..self.end).next_back() else {
            return Vec::new();
        };
        if !seen.regional {
            return Vec::new();
        }
        let end = self.end_after(last);
        let mut found: Vec<Missing> =
            self.unusual(hours, Kind::Events, What::Events, end).collect();
        let silent = found.clone();
        let apart = |missing: &Missing| {
            let both = silent.iter().map(|silence| overlap(silence.gap, missing.gap)).sum::<i64>();
            missing.gap.hours() - both > self.gap_hours
        };
        // That other events go on is what tells where these end.
        let reads = self.unusual(hours, Kind::Reads, What::Reads, end);
        let mut reads: Vec<Missing> = reads.filter(apart).collect();
        let unread = self.unread(hours);
        let told = unread
            .is_some_and(|unread| reads.iter().any(|missing| overlap(missing.gap, unread.gap) > 0));
        reads.extend(unread.filter(|_| !told));
        found.extend(reads);
        found.sort_by_key(|missing| (missing.gap.from, missing.what));
        found
    }

    /// The gaps of a kind that are too long, and that nothing before them explains.
    fn unusual(
        &self,
        hours: &Hours,
        kind: Kind,
        what: What,
        end: Hour,
    ) -> impl Iterator<Item = Missing> {
        let first = hours.of(kind, EVER..self.end).next();
        let gaps = self.gaps((hours, kind), self.judged_from, |_| end).into_iter();
        let long = gaps.filter(|gap| gap.hours() > self.gap_hours);
        long.filter_map(move |gap| {
            let measure = self.gap_hours.max(24);
            let before = (gap.from - first?).min(USUAL_MAX * measure);
            let with = hours.of(kind, gap.from - before..gap.from).count() as i64;
            let usual =
                before >= USUAL_MIN * measure && with * USUAL_SHARE.1 >= before * USUAL_SHARE.0;
            usual.then_some(Missing { gap, what, because: Because::Usual(with, before) })
        })
    }

    /// KMS writes without any read since the last one, too many for that to be so.
    fn unread(&self, hours: &Hours) -> Option<Missing> {
        let last_read = hours.of(Kind::Reads, EVER..self.end).next_back();
        let after = last_read.map_or(EVER, |hour| hour + 1);
        let writes = || hours.of(Kind::Writes, after..self.end);
        let gap = Gap { from: writes().next()?, to: writes().next_back()? + 1 };
        let number = writes().count();
        let unread = number >= WRITES_MIN
            && gap.hours() > WRITES_SPAN
            && gap.to > self.from.min(self.judged_from + 1);
        let because = Because::Writes(i64::try_from(number).unwrap_or(i64::MAX));
        unread.then_some(Missing { gap, what: What::Reads, because })
    }
}

/// How many hours two gaps share.
fn overlap(a: Gap, b: Gap) -> i64 {
    (a.to.min(b.to) - a.from.max(b.from)).max(0)
}
