//! What a rule decides over all uses of one key, and the findings that it makes of them.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::kinds::Kind;
use super::stateful::decide::Desk;
use super::stateful::history::{OfAll, texts};
use super::stateful::note::Note;
use super::stateful::unit::Unit;
use crate::detect::Stateful;
use crate::detect::stateful::{Decided, OverKeys, Scope, Use};
use crate::engine::partial::group::{Group, SHOWN};
use crate::engine::store::texts::{NOWHERE, TextAt};
use crate::model::time::Time;

impl Desk<'_> {
    /// Lets a rule decide over all uses of a key: kinds, and the same as it is told of them.
    ///
    /// # Errors
    /// When a temporary file cannot be used.
    pub fn over_key(
        &mut self,
        rule: &Stateful<'_>,
        over: &dyn OverKeys,
        (kinds, uses): (&[Kind], &[Use<'_>]),
    ) -> io::Result<()> {
        let decide = || over.decide(uses, self.bench.accounts);
        let Ok(decided) = catch_unwind(AssertUnwindSafe(decide)) else {
            self.fault(rule);
            return Ok(());
        };
        decided.iter().try_for_each(|decided| self.found_over_key(rule, decided, kinds))
    }

    /// Makes a finding of what was decided over a key.
    ///
    /// # Errors
    /// When a temporary file cannot be used.
    pub fn found_over_key(
        &mut self,
        rule: &Stateful<'_>,
        decided: &Decided,
        kinds: &[Kind],
    ) -> io::Result<()> {
        let of = |at: &usize| kinds.get(*at);
        let Some(first) = decided.notes.first().and_then(of) else { return Ok(()) };
        let mut rests: Vec<&Kind> = decided.notes.iter().filter_map(of).collect();
        let reported = rests.iter().any(|kind| kind.reported);
        let text = NOWHERE;
        let unit = Unit::new(Note { text, ..Note::of_row(&first.first, first.at) });
        self.pass_on(rule, &unit, (reported, true))?;
        let known = reported || rests.iter().any(|kind| kind.recalled);
        if !known || !self.bench.context.plan.rules.is_reported(rule.about) {
            return Ok(());
        }
        let count = rests.iter().map(|kind| kind.count).sum();
        let last = rests.iter().map(|kind| Time(kind.last)).max();
        rests.sort_by(|a, b| a.order(b, self));
        // Of one principal all sessions are named; of a key, those of the events that are shown.
        let of_one = !matches!(decided.scope, Scope::Key | Scope::Region);
        let sessions: Vec<TextAt> =
            rests.iter().filter(|_| of_one).map(|kind| kind.first.text).collect();
        rests.truncate(SHOWN);
        let mut groups: Vec<(Group, Option<TextAt>)> = Vec::new();
        for kind in rests {
            groups.push(self.group_of_row(rule, &kind.first, texts(decided))?);
        }
        let named = self.group_of_row(rule, &first.first, texts(decided))?;
        let (_, _, about) = self.about_row(&first.first)?;
        let of_all = OfAll { count, last, fresh: reported, sessions };
        self.history_found(rule, decided, (groups, named), &about, of_all)
    }
}
