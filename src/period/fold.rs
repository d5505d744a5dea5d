//! Many reports to one outcome.
//!
//! A report whose run went on from an earlier one (`--state`) read nothing that the earlier one had
//! read, so counts add up. Of others, of a state begun anew and of `--reread` nobody knows what they have
//! in common, so the larger count stands: at least so many. What must stay true: see [`super`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::cases::{self, joined};
use super::document::{self, Document, Finding as Told, Later, Verify};
use crate::model::aftermath::Aftermath;
use crate::model::case::{Case, Cases};
use crate::model::coverage::Covered;
use crate::model::finding::{EventRef, Finding, SHOWN};
use crate::model::level::Level;
use crate::model::night::Night;
use crate::model::notes::RunNote;
use crate::model::origin::Origin;
use crate::model::outcome::{Outcome, Totals};
use crate::model::problem::{Problem, Stage};
use crate::model::suppression::Applied;
use crate::model::time::Time;
use crate::model::undo::{Effect, Fate};

/// A period.
#[derive(Debug, Default)]
pub struct Period {
    /// All that its reports tell; its findings are those that were not undone, and those that were.
    pub outcome: Outcome,
    /// What each report says of its run, in the order of time.
    pub nights: Vec<Night>,
    /// What their runs read, each once.
    pub sources: Vec<String>,
    /// The rules whose findings were reported by any of them.
    pub rules: BTreeSet<String>,
    /// The digest of the rules and of the settings of the last one, and its settings.
    pub rules_digest: String,
    /// See `rules_digest`.
    pub settings_digest: String,
    /// See `rules_digest`.
    pub settings: Vec<String>,
    /// The least level that all of them list.
    pub min_level: Option<Level>,
    /// Whether findings are events.
    pub each: bool,
    /// Accounts that should deliver, by the last report,
    pub accounts: Vec<String>,
    /// and Regions.
    pub regions: Vec<String>,
}

/// Folds reports, each with its name. Findings of the rules `chains` are about events that others tell of.
pub fn fold(reports: Vec<(String, Document)>, chains: &BTreeSet<String>) -> Period {
    let mut folding = Folding::default();
    for of_run in in_order(reports) {
        let first = of_run.first().map(|(path, _)| path.clone()).unwrap_or_default();
        for (number, (path, report)) in of_run.into_iter().enumerate() {
            if number > 0 {
                folding.differ(&path, &first);
            }
            // What another report of the same run has told does not count again.
            let adds_up = number == 0 && report.run.goes_on();
            folding.add(path, report, adds_up);
        }
    }
    folding.end(chains)
}

/// By run, in the order in which they ended. A report that is given twice, by whatever name, is there once;
/// those of one run that differ are all there.
fn in_order(mut reports: Vec<(String, Document)>) -> Vec<Vec<(String, Document)>> {
    let key = |report: &Document| {
        let run = &report.run;
        (run.finished, run.started, run.manifest.clone(), run.config.clone())
    };
    reports.sort_by_cached_key(|(path, report)| (key(report), path.clone()));
    let mut runs: Vec<Vec<(String, Document)>> = Vec::new();
    for one in reports {
        match runs.last_mut() {
            Some(run) if run.iter().any(|(_, known)| *known == one.1) => {}
            Some(run) if run.first().is_some_and(|(_, known)| key(known) == key(&one.1)) => {
                run.push(one);
            }
            _ => runs.push(vec![one]),
        }
    }
    runs
}

#[derive(Default)]
struct Folding {
    period: Period,
    findings: BTreeMap<String, Finding>,
    /// What became of findings that none of the reports has.
    aftermath: BTreeMap<String, Aftermath>,
    cases: BTreeMap<String, Case>,
    suppressions: BTreeMap<Vec<String>, Applied>,
    /// Findings that were too low to be listed.
    below: BTreeMap<Level, u64>,
    problems: BTreeSet<Problem>,
    /// Notes by their sentence.
    notes: BTreeMap<String, RunNote>,
    covered: Vec<Covered>,
    sources: BTreeSet<String>,
    /// The digests of the inputs, in the order of time.
    manifests: Vec<String>,
    /// The reports that go on from each state of the same sources, by how many runs there were before.
    states: BTreeMap<(String, Vec<String>), BTreeMap<u64, String>>,
}

impl Folding {
    fn add(&mut self, path: String, report: Document, adds_up: bool) {
        self.doubt(&path, &report);
        self.miss(&path, &report);
        let open = self.open_of(&report);
        let night = self.night(path, &report);
        let period = &mut self.period;
        period.nights.push(night);
        period.rules.extend(report.tool.rules.ids);
        self.sources.extend(report.run.sources);
        self.manifests.push(report.run.manifest);
        period.rules_digest = report.tool.rules.digest;
        period.settings_digest = report.run.config;
        period.settings = report.run.settings;
        period.each |= report.run.each;
        period.min_level = period.min_level.max(report.run.min_level);
        (period.accounts, period.regions) =
            (report.run.expected.accounts, report.run.expected.regions);
        period.outcome.interrupted |= !report.run.complete && report.problems.is_empty();
        add_totals(&mut period.outcome.totals, report.totals, adds_up);
        for (rule, number) in report.examined {
            let sum = period.outcome.examined.entry(rule).or_default();
            *sum = together(*sum, number, adds_up);
        }
        let listed = report.run.min_level.unwrap_or(Level::Informational);
        let of = |name: &str| report.summary.get(name).copied().unwrap_or(0);
        let summary = &mut period.outcome.summary;
        summary.known = together(summary.known, of("known"), adds_up);
        summary.suppressed = together(summary.suppressed, of("suppressed"), adds_up);
        for level in Level::ALL.into_iter().filter(|level| *level < listed) {
            let below = self.below.entry(level).or_default();
            *below = together(*below, of(level.as_str()), adds_up);
        }
        self.problems.extend(report.problems.into_iter().map(Problem::from));
        report.notes.into_iter().for_each(|told| self.note(told, adds_up));
        self.covered.extend(report.coverage.into_iter().map(Covered::from));
        for told in report.suppressions {
            let rule = told.rule.clone();
            match told.into_model() {
                Some(applied) => self.except(applied),
                None => {
                    let message = format!("a suppression of {rule} has no last day: left out");
                    self.problems.insert(Problem::new(Origin::blob("*"), Stage::Parse, message));
                }
            }
        }
        report.findings.into_iter().for_each(|told| self.add_finding(told, adds_up));
        let later = report.outcomes.into_iter().filter_map(Later::into_model);
        later.for_each(|later| self.look_back(later));
        self.count_undone(&open);
        for told in report.cases {
            let merged = told.merged.clone();
            let mut case = told.into_model();
            let id = case.id.to_string();
            let known = merged.iter().chain([&id]).filter_map(|id| self.cases.remove(id));
            let known: Vec<Case> = known.collect();
            case = known.into_iter().fold(case, |case, known| joined(known, case));
            self.cases.insert(case.id.to_string(), case);
        }
    }

    /// Adds what is to be known of what was read.
    fn note(&mut self, told: document::Note, adds_up: bool) {
        let (records, origin) = (told.records, told.origin());
        match self.notes.get_mut(&told.message) {
            Some(known) => {
                known.records = together(known.records, records, adds_up);
                known.origin = origin.min(known.origin.clone());
            }
            None => {
                let note = RunNote { message: told.message.clone(), records, origin };
                self.notes.insert(told.message, note);
            }
        }
    }

    /// Says what about the report makes the sum less than it seems.
    fn doubt(&mut self, path: &str, report: &Document) {
        let mut say = |is: bool, message: &str| {
            if is {
                self.problems.insert(Problem::new(Origin::blob(path), Stage::Read, message));
            }
        };
        say(
            !report.nights.is_empty(),
            "is the report of a period: what it has in common with others counts again",
        );
        let cut = !report.run.complete && report.problems.is_empty();
        say(cut, "is of a run that was interrupted");
        let other = !self.period.nights.is_empty() && self.period.each != report.run.each;
        say(
            other,
            "has a finding for each event and others have groups, or the other way round: both count",
        );
    }

    /// Adds an exception. The same finding may be left out every night, so the numbers do not add up.
    fn except(&mut self, applied: Applied) {
        let key = applied.key();
        let known = self.suppressions.remove(&key);
        let applied = match known {
            Some(known) => known.with(applied),
            None => applied,
        };
        self.suppressions.insert(key, applied);
    }

    /// What the report says of its run. Before its findings are added.
    fn night(&self, path: String, report: &Document) -> Night {
        let totals = &report.totals;
        let verified = report.verify.as_ref().map(Verify::verdicts);
        let hours = |of: fn(&document::Coverage) -> u64| sum(report.coverage.iter().map(of));
        let mut night = Night {
            path,
            finished: report.run.finished,
            events: totals.first_event.zip(totals.last_event),
            complete: report.run.complete,
            problems: report.problems.len() as u64,
            files: totals.blobs,
            records: totals.records,
            accounts: totals.accounts.len() as u64,
            hours: (hours(|c| c.hours_covered), hours(|c| c.hours_missing)),
            verified,
            new: [0; 5],
            known: 0,
            undone: 0,
        };
        for told in &report.findings {
            match self.findings.contains_key(&told.fingerprint) {
                true => night.known += 1,
                false => night.new[told.level as usize] += 1,
            }
        }
        night
    }

    /// Those findings that are open, and that the report says something of. Before it is added.
    fn open_of(&self, report: &Document) -> BTreeSet<String> {
        let listed = report.findings.iter().map(|told| &told.fingerprint);
        let later = report.outcomes.iter().map(|told| &told.fingerprint);
        let is_open = |name: &&String| {
            let effect = self.findings.get(*name).and_then(|known| known.effect.as_ref());
            effect.is_some_and(|effect| effect.fate == Fate::Open)
        };
        listed.chain(later).filter(is_open).cloned().collect()
    }

    /// Counts those of the findings that are undone by now, for the night that was added last.
    fn count_undone(&mut self, open: &BTreeSet<String>) {
        let is_undone = |name: &&String| self.findings.get(*name).is_some_and(is_reversed);
        let undone = open.iter().filter(is_undone).count() as u64;
        self.period.nights.last_mut().into_iter().for_each(|night| night.undone = undone);
    }

    /// Says that two reports of one run differ.
    fn differ(&mut self, path: &str, other: &str) {
        let message =
            format!("is of the same run as {other}, and tells something else: both are here");
        self.problems.insert(Problem::new(Origin::blob(path), Stage::Read, message));
    }

    /// Says how many reports of a state are missing before this one.
    fn miss(&mut self, path: &str, report: &Document) {
        let Some(state) = &report.run.state else { return };
        let Some(runs) = state.runs.filter(|_| !state.path.is_empty()) else { return };
        let of = (state.path.clone(), report.run.sources.clone());
        let known = self.states.entry(of).or_default();
        let last = known.range(..runs).next_back().map(|(last, other)| (*last, other.clone()));
        known.insert(runs, path.to_owned());
        let Some((last, other)) = last else { return };
        let missing = runs.saturating_sub(last).saturating_sub(1);
        if missing > 0 {
            let (reports, are) = if missing == 1 { ("report", "is") } else { ("reports", "are") };
            let message = format!("{missing} {reports} between {other} and this one {are} missing");
            self.problems.insert(Problem::new(Origin::blob(path), Stage::Read, message));
        }
    }

    /// Takes in what a report says of a finding of an earlier one.
    fn look_back(&mut self, later: Aftermath) {
        match self.findings.get_mut(&later.fingerprint) {
            Some(known) => {
                // What holds again is due when it was.
                let due = known.effect.take().and_then(|effect| effect.due);
                let due = due.filter(|_| later.effect.fate == Fate::Open);
                known.effect = Some(Effect { due, ..later.effect });
            }
            None => {
                self.aftermath.insert(later.fingerprint.clone(), later);
            }
        }
    }

    fn add_finding(&mut self, told: Told, adds_up: bool) {
        let later = told.into_model();
        self.aftermath.remove(&later.fingerprint);
        let finding = match self.findings.remove(&later.fingerprint) {
            Some(known) => later_of(known, later, adds_up),
            None => later,
        };
        self.findings.insert(finding.fingerprint.clone(), finding);
    }

    fn end(self, chains: &BTreeSet<String>) -> Period {
        let Folding {
            mut period, findings, cases, suppressions, problems, notes, mut covered, ..
        } = self;
        let mut aftermath: Vec<Aftermath> = self.aftermath.into_values().collect();
        aftermath.sort_by_key(|told| std::cmp::Reverse(told.level));
        period.outcome.aftermath = aftermath;
        period.sources = self.sources.into_iter().collect();
        let outcome = &mut period.outcome;
        outcome.problems = problems.into_iter().collect();
        outcome.notes = notes.into_values().collect();
        outcome.suppressions = suppressions.into_values().collect();
        // A finding that several nights left out is one.
        if !outcome.suppressions.is_empty() {
            outcome.summary.suppressed = sum(outcome.suppressions.iter().map(|one| one.count));
        }
        covered.sort_by(|a, b| {
            (&a.place, a.range.from, a.range.to).cmp(&(&b.place, b.range.from, b.range.to))
        });
        covered.dedup();
        outcome.covered = covered;
        outcome.manifest = digest(&self.manifests.join("\n"));
        let mut all: Vec<Finding> = findings.into_values().collect();
        // What still holds comes before what was undone; else as the nights ranked it.
        all.sort_by(|a, b| place(a).cmp(&place(b)));
        for (rank, finding) in (1..).zip(&mut all) {
            finding.rank = Some(rank);
            outcome.summary.add(finding.level);
        }
        for (level, number) in self.below {
            outcome.summary.add_many(level, number);
        }
        let mut cases: Vec<Case> = cases.into_values().collect();
        cases::settle(&mut cases, &all, chains);
        let ids: BTreeMap<&str, &Arc<str>> = cases
            .iter()
            .flat_map(|case| case.findings.iter().map(|finding| (finding.as_str(), &case.id)))
            .collect();
        for finding in &mut all {
            finding.case = ids.get(finding.fingerprint.as_str()).map(|id| Arc::clone(id));
        }
        outcome.findings = all.into();
        outcome.cases = Cases { all: cases, without: 0 };
        period
    }
}

type Rank<'a> = (std::cmp::Reverse<Level>, bool, u64, Option<Time>, &'a str, &'a str);

fn place(finding: &Finding) -> Rank<'_> {
    let undone = !cases::is_open(finding);
    let rank = finding.rank.unwrap_or(u64::MAX);
    let level = std::cmp::Reverse(finding.level);
    (level, undone, rank, finding.first_seen, &finding.rule, &finding.fingerprint)
}

/// One finding of what two reports tell of it. What became of it is as the later one says; so is all of
/// one that each report tells anew of all of the log.
fn later_of(known: Finding, later: Finding, adds_up: bool) -> Finding {
    let is_whole = adds_up || has_all(&later, &known);
    let mut events: Vec<_> = known.events.into_iter().chain(later.events).collect();
    events.sort();
    events.dedup_by(|b, a| a.id.is_some() && (&a.id, a.time, &a.name) == (&b.id, b.time, &b.name));
    events.truncate(SHOWN);
    // What the later one does not know may still be open, and is if it was.
    let was_open = known.effect.filter(|effect| effect.fate == Fate::Open);
    let anew = later.details.contains_key("log_from") && events.is_empty();
    let stands = |effect: &Effect| is_whole || was_open.is_none() || effect.fate == Fate::Open;
    let said = later.effect.filter(stands);
    Finding {
        level: if anew { later.level } else { known.level.max(later.level) },
        count: if anew { later.count } else { together(known.count, later.count, adds_up) },
        first_seen: [known.first_seen, later.first_seen].into_iter().flatten().min(),
        last_seen: known.last_seen.max(later.last_seen),
        rank: [known.rank, later.rank].into_iter().flatten().min(),
        events,
        effect: said.or(was_open),
        ..later
    }
}

/// Whether a report tells of all that an earlier one has told of a finding.
fn has_all(later: &Finding, known: &Finding) -> bool {
    let id = |event: &EventRef| Some((event.id.clone()?, event.time, event.name.clone()));
    let all: BTreeSet<_> = later.events.iter().filter_map(id).collect();
    let is_there = |event: &EventRef| id(event).is_some_and(|id| all.contains(&id));
    known.count <= known.events.len() as u64 && known.events.iter().all(is_there)
}

fn is_reversed(finding: &Finding) -> bool {
    finding.effect.as_ref().is_some_and(|effect| effect.fate == Fate::Reversed)
}

/// `sha256:…`
fn digest(text: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}

/// A sum of numbers that somebody may have written.
fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

/// Two numbers of two reports.
fn together(a: u64, b: u64, adds_up: bool) -> u64 {
    if adds_up { a.saturating_add(b) } else { a.max(b) }
}

fn add_totals(sum: &mut Totals, read: Totals, adds_up: bool) {
    sum.blobs = together(sum.blobs, read.blobs, adds_up);
    sum.blobs_failed = together(sum.blobs_failed, read.blobs_failed, adds_up);
    sum.blobs_other = together(sum.blobs_other, read.blobs_other, adds_up);
    for (kind, number) in read.blobs_other_kinds {
        let all = sum.blobs_other_kinds.entry(kind).or_default();
        *all = together(*all, number, adds_up);
    }
    sum.bytes_read = together(sum.bytes_read, read.bytes_read, adds_up);
    sum.bytes_inflated = together(sum.bytes_inflated, read.bytes_inflated, adds_up);
    sum.records = together(sum.records, read.records, adds_up);
    sum.records_bad = together(sum.records_bad, read.records_bad, adds_up);
    sum.duplicates = together(sum.duplicates, read.duplicates, adds_up);
    sum.kms_records = together(sum.kms_records, read.kms_records, adds_up);
    sum.first_event = [sum.first_event, read.first_event].into_iter().flatten().min();
    sum.last_event = sum.last_event.max(read.last_event);
    sum.accounts.extend(read.accounts);
    sum.regions.extend(read.regions);
}
