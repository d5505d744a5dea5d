//! What makes a period say less than its reports seem to: filters, baselines, fewer rules, earlier runs.
//!
//! What must stay true: a control of a period is met only if it would be met in each of its reports.

use std::collections::{BTreeMap, BTreeSet};

use super::document::Document;
use crate::model::finding::Finding;
use crate::model::level::Level;
use crate::model::night::Limits;

/// So many filters and ranges are named.
const NAMED: usize = 100;

/// What reports tell of findings that they do not list.
#[derive(Debug, Default)]
struct Known {
    rules: BTreeMap<String, u64>,
    /// The fingerprints of those that they do list.
    listed: Vec<String>,
}

/// The limits of the reports that were added.
#[derive(Debug, Default)]
pub struct Narrow {
    limits: Limits,
    /// The rules that all of them evaluated; `None` before the first.
    always: Option<BTreeSet<String>>,
    /// By the number of the state: what its latest report knows.
    known: BTreeMap<usize, Known>,
}

impl Narrow {
    /// Adds a report of the state of this number, which went on from runs that nobody sees or not.
    pub fn add(&mut self, report: &Document, number: usize, goes_on_unseen: bool) {
        let (run, limits) = (&report.run, &mut self.limits);
        let is_filter =
            |line: &&String| line.starts_with("account ") || line.starts_with("region ");
        let ranged = run.since.is_some() || run.until.is_some();
        limits.narrow |= ranged || run.settings.iter().any(|line| is_filter(&line));
        let filters = run.settings.iter().filter(is_filter).take(NAMED);
        limits.filters.extend(filters.map(|line| line.chars().take(1_000).collect()));
        limits.ranges.extend(ranged.then_some((run.since, run.until)));
        while limits.filters.len() > NAMED {
            limits.filters.pop_last();
        }
        while limits.ranges.len() > NAMED {
            limits.ranges.pop_last();
        }
        let past = run.state.as_ref().is_some_and(|state| state.runs != Some(0));
        limits.baseline |= run.baseline.is_some();
        limits.earlier |= goes_on_unseen;
        limits.earlier |= report.known.is_none() && (past || run.baseline.is_some());
        match &report.tool.rules.ids {
            None => limits.no_rules_named = true,
            Some(ids) => {
                let ids: BTreeSet<String> = ids.iter().cloned().collect();
                let always = self.always.take();
                self.always = Some(always.map_or_else(
                    || ids.clone(),
                    |always| always.intersection(&ids).cloned().collect(),
                ));
            }
        }
        let known = Known {
            rules: report.known.clone().unwrap_or_default(),
            listed: report.findings.iter().map(|told| told.fingerprint.clone()).collect(),
        };
        match known.rules.is_empty() {
            true => drop(self.known.remove(&number)),
            false => drop(self.known.insert(number, known)),
        }
    }

    /// The limits, of all the rules that any report evaluated.
    pub fn limits(&self, rules: &BTreeSet<String>) -> Limits {
        let always = self.always.iter().flatten().collect::<BTreeSet<_>>();
        let sometimes = rules.iter().filter(|rule| !always.contains(rule)).cloned().collect();
        Limits { sometimes, ..self.limits.clone() }
    }

    /// How many findings of each rule hold, are known to a state or a baseline, and are not among these:
    /// at least so many.
    pub fn known(self, findings: &BTreeMap<String, Finding>) -> BTreeMap<String, u64> {
        let counts = |finding: &&Finding| finding.level >= Level::SERIOUS && finding.holds();
        let mut open: BTreeMap<&str, u64> = BTreeMap::new();
        for finding in findings.values().filter(counts) {
            *open.entry(&finding.rule).or_default() += 1;
        }
        let mut all: BTreeMap<String, u64> = BTreeMap::new();
        for known in self.known.into_values() {
            let mut listed: BTreeMap<&str, u64> = BTreeMap::new();
            for finding in known.listed.iter().filter_map(|name| findings.get(name)).filter(counts)
            {
                *listed.entry(&finding.rule).or_default() += 1;
            }
            for (rule, number) in known.rules {
                let of = |all: &BTreeMap<&str, u64>| all.get(&*rule).copied().unwrap_or(0);
                // Those that it knows and that another report of the period tells.
                let told = of(&open).saturating_sub(of(&listed));
                let most = all.entry(rule).or_default();
                *most = number.saturating_sub(told).max(*most);
            }
        }
        all.retain(|_, number| *number > 0);
        all
    }
}
