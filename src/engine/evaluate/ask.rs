//! The rules that could match a record are asked.
//!
//! What must stay true: a rule that has a fault costs that record and rule, and never the run.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Record;
use crate::detect::case::Case;
use crate::detect::field;
use crate::detect::stateful::{History, Kind, Mark};
use crate::detect::{ADJUSTS, Asked, Candidates, Hit, Over, RuleSet};
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
    pub ungrouped: BTreeSet<(usize, u32)>,
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
                let worth =
                    unknown.map_or(Worth::Known, |unknown| worth_of(history, event, unknown));
                self.histories.extend((worth != Worth::Nothing).then_some(rule));
                self.undecided.extend((worth != Worth::Known).then_some(rule as usize));
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
) -> BTreeSet<(usize, u32)> {
    let mut all = BTreeSet::new();
    for hit in hits {
        for feed in set.feeds(hit.rule).iter().filter(|feed| feed.step != ADJUSTS) {
            let number = feed.stateful;
            let over = set.stateful_of(number).map(|rule| rule.code);
            let Some(Over::Correlation(correlation)) = over else { continue };
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
            if witness.has_asked() {
                all.insert((hit.rule, number));
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

/// What a history can make of a record of which not all is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worth {
    /// What it means to the history rests on what is known.
    Known,
    /// It tells that from then on nobody knows: what was before it holds no longer.
    Gap,
    /// What it means nobody knows.
    Nothing,
}

/// Whether what a record means to a history rests on what is known of it.
fn worth_of(history: &dyn History, event: &Event<'_>, unknown: Unknown<'_>) -> Worth {
    let witness = Witness::new(unknown);
    let event = event.with_witness(&witness);
    let mut marks = Vec::new();
    let note = || history.note(&event, &View::new(&event), &mut marks);
    // A history that fails is told when it is shown the record.
    let failed = catch_unwind(AssertUnwindSafe(note)).is_err();
    match failed || marks.is_empty() || !witness.has_asked() {
        true => Worth::Known,
        false if marks.iter().all(|mark| history.is_gap(mark)) => Worth::Gap,
        false => Worth::Nothing,
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::Native;
    use crate::detect::registry;
    use crate::record::scan::{Index, plain};
    use crate::record::unknown;

    fn worth(history: &str, record: &Value, without: &[&str]) -> Worth {
        let mut members = record.as_object().unwrap().clone();
        members.retain(|name, _| !without.contains(&name.as_str()));
        let text = unknown::with(without, members);
        let mut index = Index::default();
        plain::scan(text.as_bytes(), &mut index).unwrap();
        let event = Event::new(&text, &index);
        let native = registry::native(&Arc::default()).into_iter();
        let code = native.filter(|(name, _)| *name == history).map(|(_, code)| code).next();
        let Some(Native::History(code)) = code else { panic!("{history} is no history") };
        worth_of(code.as_ref(), &event, Unknown::of(&text).unwrap())
    }

    #[test]
    fn a_policy_that_an_export_left_out_ends_what_was_known_of_the_one_before() {
        let key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let root = json!({"AWS": "arn:aws:iam::111122223333:root"});
        let allow =
            json!({"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"});
        let policy = json!({"Version": "2012-10-17", "Statement": [allow]}).to_string();
        let record = json!({
            "eventSource": "kms.amazonaws.com", "eventName": "PutKeyPolicy",
            "eventTime": "2026-11-02T10:00:00Z", "awsRegion": "eu-central-1",
            "recipientAccountId": "111122223333",
            "requestParameters": {"keyId": key, "policy": policy}, "resources": [{"ARN": key}],
            "userAgent": "x",
        });
        for history in [
            "policy-admin-removed",
            "policy-self-grant",
            "key-policy-changed-history",
            "policy-external-trust-spread",
            "service-only-key-used-directly",
        ] {
            assert_eq!(worth(history, &record, &["userAgent"]), Worth::Known, "{history}");
            assert_eq!(worth(history, &record, &["requestParameters"]), Worth::Gap, "{history}");
            // Nobody knows which key it was.
            let nowhere = ["requestParameters", "resources"];
            assert_eq!(worth(history, &record, &nowhere), Worth::Known, "{history} notes nothing");
        }
    }
}
