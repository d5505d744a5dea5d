//! The rules that could match a record are asked.
//!
//! What must stay true: a rule that has a fault costs that record and rule, and never the run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Record;
use crate::detect::case::Case;
use crate::detect::field;
use crate::detect::stateful::{History, Kind, Mark};
use crate::detect::{ADJUSTS, Asked, Candidates, Hit, Over, RuleSet, Stateful};
use crate::engine::plan::Range;
use crate::record::event::Event;
use crate::record::kms::View;
use crate::record::unknown::{Unknown, Witness};

/// What rules said of one record. Reused from record to record.
#[derive(Default)]
pub struct Answers {
    /// What rules over single records found.
    pub hits: Vec<Hit>,
    /// The histories that want to be shown the record.
    pub histories: Vec<u32>,
    /// Rules that failed.
    pub failed: Vec<usize>,
    /// Rules that matched and may not have, had an export kept all of the record.
    pub undecided: Vec<usize>,
    /// Correlations in which a match does not count, since nobody knows what they would group it by or
    /// count of it: the rule that matched, and the number of the correlation.
    pub ungrouped: Vec<(usize, u32)>,
    /// What was asked of the record already.
    asked: Asked,
}

impl Answers {
    /// Asks the rules about a record. What lies before the range that is reported is looked at only
    /// by rules over many records.
    pub fn ask(&mut self, set: &RuleSet, record: &Record<'_>, rules: &Candidates, range: Range) {
        self.hits.clear();
        self.histories.clear();
        self.failed.clear();
        self.undecided.clear();
        self.ungrouped.clear();
        if range == Range::Outside {
            return;
        }
        self.asked.next();
        let event = record.view.event();
        let unknown = Unknown::of(event.text());
        for &rule in rules.of(|| Case::of(&record.view)) {
            if !set.may_match(rule, &mut self.asked, event, &record.view) {
                continue;
            }
            if let Some((_, history)) = set.history(rule as usize) {
                match unknown.is_none_or(|unknown| notes_what_is_known(history, event, unknown)) {
                    true => self.histories.push(rule),
                    false => self.undecided.push(rule as usize),
                }
                continue;
            }
            if !range.is_found() && set.feeds(rule as usize).is_empty() {
                continue;
            }
            let check = || set.check(rule, event, &record.view);
            match catch_unwind(AssertUnwindSafe(check)) {
                Ok(Some(_))
                    if unknown.is_some_and(|unknown| !decides(set, rule, event, unknown)) =>
                {
                    self.undecided.push(rule as usize);
                }
                Ok(hit) => self.hits.extend(hit),
                Err(_) => self.failed.push(rule as usize),
            }
        }
        if let Some(unknown) = unknown.filter(|_| !self.hits.is_empty()) {
            self.ungrouped = ungrouped(set, &self.hits, event, unknown);
        }
    }
}

/// The correlations that cannot group or count these matches by what is known.
fn ungrouped(
    set: &RuleSet,
    hits: &[Hit],
    event: &Event<'_>,
    unknown: Unknown<'_>,
) -> Vec<(usize, u32)> {
    let over: Vec<Stateful<'_>> = set.stateful().collect();
    let mut all = Vec::new();
    for hit in hits {
        for feed in set.feeds(hit.rule).iter().filter(|feed| feed.step != ADJUSTS) {
            let number = feed.stateful;
            let Some(Over::Correlation(correlation)) =
                over.get(number as usize).map(|rule| rule.code)
            else {
                continue;
            };
            let witness = Witness::new(unknown);
            let event = event.with_witness(&witness);
            let view = View::new(&event);
            let by = correlation.by.iter();
            let by = by.map(|by| by.name_of(|rule| set.is_named(hit.rule, rule)));
            let counted = match &correlation.kind {
                Kind::ValueCount(_, fields) => &fields[..],
                _ => &[],
            };
            for field in by.chain(counted.iter().map(String::as_str)) {
                drop(field::texts(&event, &view, field));
            }
            if witness.has_asked() && !all.contains(&(hit.rule, number)) {
                all.push((hit.rule, number));
            }
        }
    }
    all
}

/// Whether a rule that matches a record does so whatever the unknown members of the record are: it
/// has not asked for any of them.
fn decides(set: &RuleSet, rule: u32, event: &Event<'_>, unknown: Unknown<'_>) -> bool {
    let witness = Witness::new(unknown);
    let event = event.with_witness(&witness);
    // A view of its own, since one that was asked before keeps what it found.
    set.check(rule, &event, &View::new(&event)).is_some() && !witness.has_asked()
}

/// Whether what a record means to a history rests on what is known of it.
fn notes_what_is_known(history: &dyn History, event: &Event<'_>, unknown: Unknown<'_>) -> bool {
    let witness = Witness::new(unknown);
    let event = event.with_witness(&witness);
    let mut marks = Vec::new();
    let note = || history.note(&event, &View::new(&event), &mut marks);
    // A history that fails is told when it is shown the record.
    let failed = catch_unwind(AssertUnwindSafe(note)).is_err();
    failed || marks.is_empty() || !witness.has_asked()
}

/// What a record means to a history; `None` if the history failed.
pub fn marks(history: &dyn History, record: &Record<'_>) -> Option<Vec<Mark>> {
    let ask = || {
        let mut marks = Vec::new();
        history.note(record.view.event(), &record.view, &mut marks);
        marks
    };
    catch_unwind(AssertUnwindSafe(ask)).ok()
}

/// What is said of a rule that failed on a record.
pub fn failure(set: &RuleSet, rule: usize) -> String {
    let id = set.metas().get(rule).map_or("?", |meta| meta.id.as_str());
    format!("rule {id} failed on this record: a fault in the rule")
}
