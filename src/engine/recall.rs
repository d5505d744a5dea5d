//! Records of earlier runs beside those of this one: what is taken up again, what is known, what is
//! kept for the next.

use super::Range;
use super::blob::{Basics, BlobSink, KMS};
use super::facts::{self, NO_GROUP};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::record::event::Marked;

impl BlobSink<'_, '_> {
    /// Looks at a record of an earlier run, of which nothing is counted.
    pub(super) fn recall(&mut self, record: Marked<'_>) {
        let basics = Basics::of(&record);
        let number = self.recalled.and_then(|recalled| recalled.origin.record).unwrap_or_default();
        let rules = self.shared.plan.rules.candidates_of(&basics.header);
        self.examine(number, record, &basics, rules, basics.source == KMS);
    }

    /// Where a record lies. A copy of one that an earlier run has judged says nothing new.
    pub(super) fn range(&self, number: u64, record: Marked<'_>, basics: &Basics<'_>) -> Range {
        let plan = self.shared.plan;
        let range = plan.filter.range(basics.time, &basics.header);
        match (&plan.past, self.recalled) {
            (None, _) => range,
            (Some(_), Some(recalled)) => match (range, recalled.reported) {
                (Range::Outside, _) => Range::Outside,
                (_, true) => Range::Recalled,
                (_, false) => Range::Before,
            },
            (Some(past), None) => {
                let identity = self.identity(number, record, &basics.header);
                let known = facts::known((identity.hash, identity.content));
                if past.memory.known.has(known) { Range::Outside } else { range }
            }
        }
    }

    /// Keeps a record for the next run, if anything was noted of it.
    pub(super) fn carry(
        &mut self,
        number: u64,
        record: Marked<'_>,
        basics: &Basics<'_>,
        range: Range,
    ) {
        let Some(time) = basics.time.filter(|_| self.worker.carry.is_marked()) else {
            return self.worker.carry.skip();
        };
        let identity = self.identity(number, record, &basics.header);
        let fact = self.fact(number, &identity, NO_GROUP);
        let (identity, place) = ((identity.hash, identity.content), (fact.blob, fact.record));
        let reported = matches!(range, Range::Reported | Range::Recalled);
        let kept = (identity, place, reported);
        if let Err(error) = self.worker.carry.keep(time, kept, record.bytes()) {
            let message = format!(
                "a temporary file cannot be written, so the next run will miss this: {error}"
            );
            let origin = Origin::record(self.name.clone(), number);
            self.worker.problems.lose(Problem::new(origin, Stage::Read, message));
        }
    }
}
