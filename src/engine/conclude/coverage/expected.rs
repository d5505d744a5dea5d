//! Accounts and Regions that the configuration expects, and that never delivered anything.
//!
//! A log that ends is judged by its hours. One that never began has none: only the configuration knows
//! that it should be there. What must stay true: earlier runs count, so that a quiet night of an
//! account is none; and an excerpt of some hours proves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::detect::whole_log::expected::Undelivered;
use crate::engine::plan::Filter;
use crate::model::coverage::{Coverage, Gap, Hour, Kind, Place, Seen};
use crate::model::estate::Estate;
use crate::model::time::Time;

/// All hours that can be told as times.
const ALL_TIME: Range<Hour> = Hour::MIN / 2..Hour::MAX / 2;

/// What is expected and was never delivered, by account. `coverage` is all that is known, of earlier
/// runs too.
pub fn undelivered(coverage: &Coverage, estate: &Estate, filter: &Filter) -> Vec<Undelivered> {
    let log = long_reach(coverage, estate).filter(|_| expects(estate));
    let Some(log) = log else { return Vec::new() };
    let there: BTreeSet<&str> =
        coverage.places().map(|(place, _)| place.account.as_str()).collect();
    let mut delivers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (place, _) in coverage.places().filter(|(_, seen)| seen.regional) {
        delivers.entry(&place.account).or_default().insert(&place.region);
    }
    let named = |given: &'_ [String]| given.iter().cloned().collect::<BTreeSet<String>>();
    let (of_accounts, of_regions) = (named(&filter.accounts), named(&filter.regions));
    let one_of = |given: &BTreeSet<String>, name: &str| given.is_empty() || given.contains(name);
    let own = estate.own_accounts.iter().map(String::as_str);
    let accounts: BTreeSet<&str> = match estate.own_accounts.is_empty() {
        true => there.clone(),
        false => own.collect(),
    };
    let lacking = |account: &&str| {
        let delivers = delivers.get(account);
        let is_there = |region: &str| delivers.is_some_and(|regions| regions.contains(region));
        let expected = estate.expected_regions.iter().map(String::as_str);
        let asked = expected.filter(|region| one_of(&of_regions, region));
        let missing = asked.filter(|region| !is_there(region)).map(str::to_owned);
        Undelivered {
            account: (*account).to_owned(),
            nothing: !there.contains(account),
            regions: missing.collect(),
            log,
        }
    };
    let told = |lacking: &Undelivered| {
        !lacking.regions.is_empty() || (lacking.nothing && filter.regions.is_empty())
    };
    let asked = accounts.iter().filter(|account| one_of(&of_accounts, account));
    asked.map(lacking).filter(told).collect()
}

/// Those that lacked something before and lack nothing now, each with the time since when it delivers, as
/// far as is known. `coverage` is all that is known, and what was known `earlier`.
pub fn delivered(
    before: &[Undelivered],
    now: &[Undelivered],
    (coverage, earlier): (&Coverage, &Coverage),
) -> Vec<(Undelivered, Time)> {
    let still: BTreeSet<&str> = now.iter().map(|one| one.account.as_str()).collect();
    let were_there: BTreeSet<&Place> = earlier.places().map(|(place, _)| place).collect();
    let mut by_account: BTreeMap<&str, Vec<(&Place, &Seen)>> = BTreeMap::new();
    for (place, seen) in coverage.places() {
        by_account.entry(&place.account).or_default().push((place, seen));
    }
    let since = |one: &Undelivered| {
        let of = by_account.get(one.account.as_str()).into_iter().flatten();
        let new = of.filter(|(place, _)| one.nothing || one.regions.contains(&place.region));
        let new = new.filter(|(place, _)| !were_there.contains(place));
        let first = new.filter_map(|(_, seen)| {
            let first = |kind| seen.hours.of(kind, ALL_TIME).next();
            [first(Kind::Events), first(Kind::Files)].into_iter().flatten().min()
        });
        let first = first.min().unwrap_or(one.log.to);
        Gap { from: first, to: first.saturating_add(1) }.times().0
    };
    let ended = before.iter().filter(|one| !still.contains(one.account.as_str()));
    ended.map(|one| (one.clone(), since(one))).collect()
}

/// Whether anything is expected.
pub fn expects(estate: &Estate) -> bool {
    !estate.own_accounts.is_empty() || !estate.expected_regions.is_empty()
}

/// Whether the log is long enough, and whole enough, to tell that something is missing.
pub fn is_long(coverage: &Coverage, estate: &Estate) -> bool {
    long_reach(coverage, estate).is_some()
}

fn long_reach(coverage: &Coverage, estate: &Estate) -> Option<Gap> {
    let is_long = |log: &Gap| log.hours() >= estate.thresholds.gap_hours && !coverage.is_cut();
    reach(coverage).filter(is_long)
}

/// The hours that a log reaches over.
fn reach(coverage: &Coverage) -> Option<Gap> {
    let all = ALL_TIME;
    let ends = |kind: Kind| {
        let seen = coverage.places().map(|(_, seen)| seen);
        let all = all.clone();
        seen.filter_map(move |seen| {
            let mut hours = seen.hours.of(kind, all.clone());
            let first = hours.next()?;
            Some((first, hours.next_back().unwrap_or(first)))
        })
    };
    let spans = ends(Kind::Files).chain(ends(Kind::Events));
    let (from, to) =
        spans.reduce(|(first, last), (other, end)| (first.min(other), last.max(end)))?;
    Some(Gap { from, to: to.saturating_add(1) })
}
