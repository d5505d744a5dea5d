//! Notes that wait for the stage in which their rules decide.
//!
//! What must stay true: a stage is decided once, when all notes that it needs are there.

use std::io;

use super::stateful::decide::{Bench, Decisions};
use super::stateful::note::{Note, Notes};
use super::stateful::stages::Stages;
use crate::engine::plan::Plan;
use crate::engine::store::runs::Rows;
use crate::model::days::Days;

/// Notes that wait for their stage.
pub struct Waiting(Vec<Rows<Note>>);

impl Waiting {
    /// No notes yet, for each stage.
    pub fn new(stages: &Stages, plan: &Plan) -> Waiting {
        Waiting((0..stages.count).map(|_| Rows::new(plan.limits.notes)).collect())
    }

    /// Takes in notes, and their texts for whoever decides.
    pub fn take(&mut self, bench: &mut Bench<'_>, all: Vec<Notes>) {
        for notes in all {
            for (rows, more) in self.0.iter_mut().zip(notes.stages) {
                rows.merge(more);
            }
            bench.texts.add(notes.texts);
        }
    }

    /// Decides what no use can concern.
    pub fn decide_early(&mut self, bench: &mut Bench<'_>) -> io::Result<Decisions> {
        let mut decisions = Decisions::default();
        (0..bench.stages.waiting)
            .try_for_each(|stage| self.decide(stage, bench, &mut decisions))?;
        Ok(decisions)
    }

    /// Decides what waits for the uses, now that they were gone through.
    pub fn decide_late(
        &mut self,
        notes: Vec<Notes>,
        bench: &mut Bench<'_>,
        decisions: &mut Decisions,
    ) -> io::Result<()> {
        self.take(bench, notes);
        bench.habits.span(Days::of_times(bench.range.0, bench.range.1));
        let stages = bench.stages;
        (stages.waiting..stages.count).try_for_each(|stage| self.decide(stage, bench, decisions))
    }

    /// Decides over one stage.
    fn decide(
        &mut self,
        stage: usize,
        bench: &mut Bench<'_>,
        decisions: &mut Decisions,
    ) -> io::Result<()> {
        let Some(rows) = self.0.get_mut(stage) else { return Ok(()) };
        let rows = std::mem::replace(rows, Rows::new(1));
        let (decided, left) = bench.decide(stage, rows)?;
        decisions.merge(decided);
        self.take(bench, left);
        Ok(())
    }
}
