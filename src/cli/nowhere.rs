//! What was asked for and is nowhere: no trail file at all, an account or Region in no record and no
//! path, a time outside of all that was read.
//!
//! "No findings" would be the worst answer to a name with a typing error. So a filter that names
//! what is nowhere is a [`Problem`], with the nearest names. What is known and has nothing in range is
//! only worth a note. What must stay true: where nobody knows all names, because there were too many
//! or a signal came, nothing is said to be nowhere.

use std::collections::BTreeSet;

use super::check::Running;
use super::ui::Messages;
use crate::detect::select::close;
use crate::engine::Filter;
use crate::model::coverage::{Gap, Hour, Kind, Place, hour_of};
use crate::model::origin::Origin;
use crate::model::outcome::Outcome;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::source::Sources;

/// Names that a problem lists.
const LISTED: usize = 5;

/// No account and no Region has a longer name: what has is made up, and is not listed.
const NAME_MAX: usize = 64;

/// Adds to the problems of an outcome what was asked for and is nowhere. Gives a note on each thing
/// that is known and has nothing in range.
pub fn look(outcome: &mut Outcome, filter: &Filter, sources: &Sources) -> Vec<String> {
    let mut quiet = Vec::new();
    if !outcome.interrupted && !outcome.coverage.is_cut() && !outcome.names.cut {
        let known = Known::of(outcome);
        // Where nothing could be read nobody knows names, and that is said elsewhere. What was read whole
        // and holds no record has none of those that were asked for.
        if known.has_names() || (!no_trail_file(outcome) && outcome.complete()) {
            let mut nowhere = known.lacks(filter);
            if nowhere.is_empty() {
                quiet = known.quiet(filter);
            }
            outcome.problems.append(&mut nowhere);
        }
    }
    if no_trail_file(outcome) {
        quiet.clear();
        let none = |source: String| {
            Problem::new(Origin::blob(source), Stage::Read, "no trail files found")
        };
        outcome.problems.extend(sources.told().into_iter().map(none));
    }
    outcome.problems.sort();
    outcome.problems.dedup();
    quiet
}

/// Says what is known and has nothing in range.
pub fn say(quiet: &[String], run: &Running, messages: Messages) {
    if !run.is_quiet() {
        quiet.iter().for_each(|note| messages.note(note));
    }
}

/// A run that met no trail file is no clean one: most likely the path is wrong.
fn no_trail_file(outcome: &Outcome) -> bool {
    let totals = &outcome.totals;
    totals.blobs <= totals.blobs_other && outcome.passed.known == 0 && outcome.complete()
}

/// A problem for each of the names that are given to an option and not known.
pub fn unknown(option: &str, given: &[String], known: &BTreeSet<&str>) -> Vec<Problem> {
    let missing = given.iter().filter(|name| !known.contains(name.as_str()));
    let problem = |name: &String| {
        let near = close(name, known);
        let others: Vec<&str> = known.iter().copied().take(LISTED).collect();
        let hint = match (near.is_empty(), known.len().saturating_sub(LISTED)) {
            (false, _) => format!("; did you mean {}?", near.join(", ")),
            (true, 0) if others.is_empty() => String::new(),
            (true, 0) => format!("; there is {}", others.join(", ")),
            (true, more) => format!("; there is {} and {more} more", others.join(", ")),
        };
        let origin = Origin::blob(format!("{option} {name}"));
        Problem::new(origin, Stage::Read, format!("in no record and no path{hint}"))
    };
    missing.map(problem).collect()
}

/// A problem if a range lies outside of the times from `first` to `last`.
pub fn out_of_time(
    (since, until): (Option<Time>, Option<Time>),
    (first, last): (Time, Time),
) -> Option<Problem> {
    let (option, time) = match (since, until) {
        (Some(since), _) if since > last => ("--since", since),
        (_, Some(until)) if until <= first => ("--until", until),
        _ => return None,
    };
    let message = format!("outside of all that was listed: from {first} to {last}");
    Some(Problem::new(Origin::blob(format!("{option} {time}")), Stage::Read, message))
}

/// What a run knows of accounts, Regions and times: by records, by paths, and by earlier runs.
struct Known<'a> {
    outcome: &'a Outcome,
    accounts: BTreeSet<&'a str>,
    regions: BTreeSet<&'a str>,
}

impl<'a> Known<'a> {
    fn of(outcome: &'a Outcome) -> Known<'a> {
        let (totals, names) = (&outcome.totals, &outcome.names);
        let places = || outcome.coverage.places().map(|(place, _)| place);
        let sane = |name: &&str| name.len() <= NAME_MAX;
        let all = |told: &'a BTreeSet<String>, named: &'a BTreeSet<String>| {
            told.iter().chain(named).map(String::as_str).filter(sane)
        };
        let accounts = places().map(|place| place.account.as_str());
        let regions = places().map(|place| place.region.as_str());
        Known {
            outcome,
            accounts: all(&totals.accounts, &names.accounts).chain(accounts).collect(),
            regions: all(&totals.regions, &names.regions).chain(regions).collect(),
        }
    }

    fn has_names(&self) -> bool {
        self.outcome.totals.records > 0 || !self.accounts.is_empty() || !self.regions.is_empty()
    }

    /// What a filter names and nothing has.
    fn lacks(&self, filter: &Filter) -> Vec<Problem> {
        let mut lacking = unknown("--account", &filter.accounts, &self.accounts);
        lacking.extend(unknown("--region", &filter.regions, &self.regions));
        lacking.extend(self.out_of_time(filter));
        lacking
    }

    /// A range that lies outside of all times.
    fn out_of_time(&self, filter: &Filter) -> Option<Problem> {
        // What an earlier run has read is known to the hour only, and may be all that there is.
        let is_to_come = filter.since.is_some_and(|since| since > Time::now());
        if self.outcome.passed.known > 0 && !is_to_come {
            return None;
        }
        out_of_time((filter.since, filter.until), self.span()?)
    }

    /// The first and the last time that records, names of files and folders tell of.
    fn span(&self) -> Option<(Time, Time)> {
        let totals = &self.outcome.totals;
        let hours = |place: fn(&mut dyn DoubleEndedIterator<Item = Hour>) -> Option<Hour>| {
            let seen = self.outcome.coverage.places().map(|(_, seen)| seen);
            seen.filter_map(move |seen| place(&mut seen.hours.of(Kind::Files, ALL_HOURS)))
        };
        let times = |hour: Hour| Gap { from: hour, to: hour.saturating_add(1) }.times();
        // To the hour, so that a record of the same hour is nearer.
        let begun =
            hours(|all| all.next()).min().map(|hour| Time(times(hour).1.0.saturating_sub(1)));
        let ended = hours(|all| all.next_back()).max().map(|hour| times(hour).0);
        let day = |day: &String, time: &str| Time::parse(&(day.replace('/', "-") + time));
        let days = self.outcome.names.days.as_ref();
        let first_day = days.and_then(|(first, _)| day(first, "T00:00:00Z"));
        let last_day = days.and_then(|(_, last)| day(last, "T23:59:59Z"));
        let first = [totals.first_event, begun, first_day].into_iter().flatten().min()?;
        let last = [totals.last_event, ended, last_day].into_iter().flatten().max()?;
        Some((first, last))
    }

    /// What a filter names that is known and has nothing in range.
    fn quiet(&self, filter: &Filter) -> Vec<String> {
        let has = |accounts: &[String], regions: &[String]| {
            let one_of = |given: &[String], name: &String| given.is_empty() || given.contains(name);
            let asked =
                |place: &Place| one_of(accounts, &place.account) && one_of(regions, &place.region);
            let mut places = self.outcome.coverage.places();
            let range = hours_of(filter);
            places.any(|(place, seen)| {
                asked(place) && seen.hours.of(Kind::Events, range.clone()).next().is_some()
            })
        };
        let Filter { since, until, accounts, regions } = filter;
        let only = |name: &String| vec![name.clone()];
        let silent = |option: &str, name: &String| {
            format!("{option} {name}: known, and without a record in what was asked for")
        };
        let accounts_silent = accounts.iter().filter(|name| !has(&only(name), regions));
        let mut notes: Vec<String> =
            accounts_silent.map(|name| silent("--account", name)).collect();
        let regions_silent = regions.iter().filter(|name| !has(accounts, &only(name)));
        notes.extend(regions_silent.map(|name| silent("--region", name)));
        let timed = since.is_some() || until.is_some();
        let is_read = self.outcome.totals.records > 0;
        if notes.is_empty() && timed && is_read && !has(accounts, regions) {
            notes.push("no record lies in the range of time that was asked for".to_owned());
        }
        notes
    }
}

/// All hours that a time can lie in.
const ALL_HOURS: std::ops::Range<Hour> = Hour::MIN / 2..Hour::MAX / 2;

/// The hours that a filter's range has a part in.
fn hours_of(filter: &Filter) -> std::ops::Range<Hour> {
    let from = filter.since.map_or(ALL_HOURS.start, hour_of);
    let until = filter.until.map(|until| hour_of(Time(until.0.saturating_sub(1))) + 1);
    from..until.unwrap_or(ALL_HOURS.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_are_given_or_all_that_fit() {
        let known: BTreeSet<&str> = ["eu-west-1", "eu-west-2", "us-east-1"].into();
        let said = |name: &str, known: &BTreeSet<&str>| {
            let all = unknown("--region", &[name.to_owned()], known);
            all.first().map(ToString::to_string).unwrap_or_default()
        };
        assert_eq!(said("eu-west-1", &known), "");
        let near = said("eu-wst-1", &known);
        assert!(near.starts_with(
            "--region eu-wst-1: read: in no record and no path; did you mean eu-west-1"
        ));
        let far = said("ap-southeast-3", &known);
        assert!(far.ends_with("; there is eu-west-1, eu-west-2, us-east-1"), "{far}");
        assert!(said("x", &BTreeSet::new()).ends_with("in no record and no path"));
        let many: Vec<String> = (10..30).map(|n| format!("eu-west-{n}")).collect();
        let many = many.iter().map(String::as_str).collect();
        assert!(said("me-central-1", &many).ends_with("eu-west-14 and 15 more"));
    }

    #[test]
    fn a_range_has_every_hour_that_it_touches() {
        let time = |text| Time::parse(text);
        let filter = Filter {
            since: time("1970-01-01T01:30:00Z"),
            until: time("1970-01-01T03:00:00Z"),
            ..Filter::default()
        };
        assert_eq!(hours_of(&filter), 1..3);
        assert_eq!(hours_of(&Filter::default()), ALL_HOURS);
    }
}
