//! Many reports to one outcome.
//!
//! A report whose run went on from an earlier one (`--state`) read nothing that the earlier one had
//! read, so counts add up. Of others, of a state begun anew and of `--reread` nobody knows what they have
//! in common, so the larger count stands: at least so many. What must stay true: see [`super`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::cases::{self, joined};
use super::counts::{Below, add_totals, left_out, sum, together};
use super::document::{self, Document, Finding as Told, Later, Verify};
use super::limits::Narrow;
use super::states::{Place, States};
use crate::model::aftermath::Aftermath;
use crate::model::case::{Case, Cases};
use crate::model::coverage::Covered;
use crate::model::finding::{EventRef, Finding, SHOWN};
use crate::model::level::Level;
use crate::model::night::{Limits, Night};
use crate::model::notes::RunNote;
use crate::model::origin::Origin;
use crate::model::outcome::Outcome;
use crate::model::problem::{Problem, Stage};
use crate::model::rule_meta::RuleMeta;
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
    /// What the reports say of rules that are not built in, by id; as the latest does.
    pub own: BTreeMap<String, RuleMeta>,
    /// What makes all this say less than it seems to.
    pub limits: Limits,
    /// Findings that were too low to be listed.
    pub below: Below,
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
        let mut place_of_run = 0;
        let first = of_run.first().map(|(path, _)| path.clone()).unwrap_or_default();
        for (number, (path, report)) in of_run.into_iter().enumerate() {
            if number > 0 {
                folding.differ(&path, &first);
            }
            // What another report of the same run has told does not count again.
            let adds_up = number == 0 && report.run.goes_on();
            let place = match number {
                0 => folding.states.place(&path, &report),
                _ => Place { number: place_of_run, goes_on_unseen: false, missing: None },
            };
            place_of_run = place.number;
            folding.add(path, report, (adds_up, place));
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
    /// The only state whose reports tell of a finding; `None` if those of others do too.
    tellers: BTreeMap<String, Option<usize>>,
    /// The most that a report says to be suppressed.
    suppressed: u64,
    narrow: Narrow,
    problems: BTreeSet<Problem>,
    /// Notes by their sentence.
    notes: BTreeMap<String, RunNote>,
    covered: Vec<Covered>,
    sources: BTreeSet<String>,
    /// The digests of the inputs, in the order of time.
    manifests: Vec<String>,
    states: States,
}

impl Folding {
    fn add(&mut self, path: String, report: Document, (adds_up, place): (bool, Place)) {
        self.doubt(&path, &report, &place);
        self.narrow.add(&report, place.number, place.goes_on_unseen);
        self.count(&report, adds_up);
        let open = self.open_of(&report);
        let night = self.night(path, &report);
        let period = &mut self.period;
        period.nights.push(night);
        period.rules.extend(report.tool.rules.ids.into_iter().flatten());
        let own = report.tool.rules.own.into_iter().map(RuleMeta::from);
        period.own.extend(own.map(|rule| (rule.id.clone(), rule)));
        self.sources.extend(report.run.sources);
        self.manifests.push(report.run.manifest);
        period.rules_digest = report.tool.rules.digest;
        period.settings_digest = report.run.config;
        period.settings = report.run.settings;
        period.each |= report.run.each;
        period.min_level = period.min_level.max(report.run.min_level);
        (period.accounts, period.regions) =
            (report.run.expected.accounts, report.run.expected.regions);
        add_totals(&mut period.outcome.totals, report.totals, adds_up);
        for (rule, number) in report.examined {
            let sum = period.outcome.examined.entry(rule).or_default();
            *sum = together(*sum, number, adds_up);
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
        let number = place.number;
        report.findings.into_iter().for_each(|told| self.add_finding(told, (adds_up, number)));
        let later = report.outcomes.into_iter().filter_map(Later::into_model);
        later.for_each(|later| self.look_back(later, number));
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

    /// Counts what the report counts and does not list. Before it is one of the nights.
    fn count(&mut self, report: &Document, adds_up: bool) {
        let of = |name: &str| report.summary.get(name).copied().unwrap_or(0);
        let first = self.period.nights.is_empty();
        let listed = report.run.min_level.unwrap_or(Level::Informational);
        self.period.below.add(|level| of(level.as_str()), listed, (adds_up, first));
        // What one report knows the next one knows too, and leaves out what it leaves out.
        let known = &mut self.period.outcome.summary.known;
        *known = (*known).max(of("known"));
        self.suppressed = self.suppressed.max(of("suppressed"));
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
    fn doubt(&mut self, path: &str, report: &Document, place: &Place) {
        let mut say = |is: bool, message: &str| {
            if is {
                self.problems.insert(Problem::new(Origin::blob(path), Stage::Read, message));
            }
        };
        say(
            !report.nights.is_empty(),
            "is the report of a period: what it has in common with others counts again",
        );
        report.odd().for_each(|message| say(true, message));
        say(report.tool.rules.ids.is_none(), "does not say which rules ran");
        if let Some((missing, other)) = &place.missing {
            let (reports, are) = if *missing == 1 { ("report", "is") } else { ("reports", "are") };
            let between = format!("{missing} {reports} between {other} and this one {are} missing");
            say(true, &between);
        }
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

    /// Takes in what a report says of a finding of an earlier one.
    fn look_back(&mut self, later: Aftermath, number: usize) {
        let alone = self.is_alone(&later.fingerprint, number);
        match self.findings.get_mut(&later.fingerprint) {
            // A state knows nothing of what other reports have seen of it.
            Some(known) if !alone && later.effect.fate != Fate::Open && is_held(known) => {}
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

    /// Whether no report but those of the state of this number tells of a finding.
    fn is_alone(&self, fingerprint: &str, number: usize) -> bool {
        self.tellers.get(fingerprint).is_none_or(|teller| *teller == Some(number))
    }

    fn add_finding(&mut self, told: Told, (adds_up, number): (bool, usize)) {
        let later = told.into_model();
        self.aftermath.remove(&later.fingerprint);
        let alone = self.is_alone(&later.fingerprint, number);
        self.tellers.insert(later.fingerprint.clone(), alone.then_some(number));
        let finding = match self.findings.remove(&later.fingerprint) {
            Some(known) => later_of(known, later, adds_up && alone),
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
        period.limits = self.narrow.limits(&period.rules);
        period.outcome.known = self.narrow.known(&findings);
        let outcome = &mut period.outcome;
        outcome.problems = problems.into_iter().collect();
        outcome.notes = notes.into_values().collect();
        outcome.suppressions = suppressions.into_values().collect();
        outcome.summary.suppressed = left_out(&outcome.suppressions, self.suppressed);
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
        period.below.add_to(&mut outcome.summary);
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

/// Whether it is known to hold.
fn is_held(finding: &Finding) -> bool {
    finding.effect.as_ref().is_some_and(|effect| effect.fate == Fate::Open)
}

fn is_reversed(finding: &Finding) -> bool {
    finding.effect.as_ref().is_some_and(|effect| effect.fate == Fate::Reversed)
}

/// `sha256:…`
fn digest(text: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}
