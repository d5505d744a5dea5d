//! Which findings are told at all: asked before many of one actor become one.
//!
//! What must stay true: a finding is asked about by itself. What an earlier run has told, what is
//! accepted and what a baseline has must not take the place of another, nor hide one that is folded
//! together with it.

use std::collections::HashMap;
use std::sync::Arc;

use super::settle::Settled;
use super::undone::Undoings;
use crate::engine::finding::finding;
use crate::engine::plan::Plan;
use crate::model::finding::{Finding, Told};

/// Asks whoever decides about findings, if anybody does.
pub struct Admitted<'a> {
    plan: &'a Plan,
    told: HashMap<usize, Arc<Told>>,
}

impl<'a> Admitted<'a> {
    pub fn new(plan: &'a Plan) -> Admitted<'a> {
        Admitted { plan, told: HashMap::new() }
    }

    /// A finding of records with its status; `None` if it is not told. Whoever decides knows what was
    /// undone of it.
    pub fn of_records(&mut self, settled: Settled, undone: &Undoings) -> Option<Settled> {
        let Some(admit) = &self.plan.admit else { return Some(settled) };
        let Settled { key, group, count, .. } = settled.clone();
        let meta = &self.plan.rules.metas()[key.rule];
        let told = self.told.entry(key.rule).or_insert_with(|| Arc::new(meta.told()));
        let mut asked = finding((&meta.id, Arc::clone(told)), key, group, count);
        undone.tell(&mut asked);
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
