//! Which findings are told at all: asked before many of one actor become one.
//!
//! What must stay true: a finding is asked about by itself. What an earlier run has told, what is
//! accepted and what a baseline has must not take the place of another, nor hide one that is folded
//! together with it. Whatever comes through here is noted, listed or not: a finding of which a part is
//! hidden must not be told to be undone because of the rest.

use std::collections::HashMap;
use std::sync::Arc;

use super::noted::Noted;
use super::settle::Settled;
use super::undone::Undoings;
use crate::engine::finding::finding;
use crate::engine::plan::Plan;
use crate::engine::store::hash::HashKey;
use crate::model::finding::{Finding, Told};

/// Asks whoever decides about findings, if anybody does.
pub struct Admitted<'a> {
    plan: &'a Plan,
    key: HashKey,
    told: HashMap<usize, Arc<Told>>,
    noted: Noted,
}

impl<'a> Admitted<'a> {
    pub fn new(plan: &'a Plan, key: HashKey) -> Admitted<'a> {
        Admitted { plan, key, told: HashMap::new(), noted: Noted::default() }
    }

    /// What was noted of all that came.
    pub fn into_noted(self) -> Noted {
        self.noted
    }

    /// A finding of records with its status; `None` if it is not told. Whoever decides knows what was
    /// undone of it.
    pub fn of_records(&mut self, settled: Settled, undone: &Undoings) -> Option<Settled> {
        let Some(admit) = &self.plan.admit else { return Some(settled) };
        let Settled { key, group, count, .. } = settled.clone();
        let meta = &self.plan.rules.metas()[key.rule];
        let told = self.told.entry(key.rule).or_insert_with(|| Arc::new(meta.told()));
        let mut asked = finding((&meta.id, Arc::clone(told)), key, group, count);
        let is_lost = undone.knows_none(&asked) && admit.is_known(&asked);
        undone.tell(&mut asked, !is_lost);
        self.noted.note(&asked, Undoings::doing(self.key, &asked), (undone, is_lost));
        let status = admit.ask(&asked)?;
        Some(Settled { status, ..settled })
    }

    /// A finding of files likewise.
    pub fn of_files(&self, finding: Finding) -> Option<Finding> {
        let Some(admit) = &self.plan.admit else { return Some(finding) };
        let status = admit.ask(&finding)?;
        Some(Finding { status, ..finding })
    }
}
