//! What those need of uses who compare tags: each use that a finding may show, and of the others one row for
//! all of which the same is said.
//!
//! What is said here rests on the tags that the bucket knows. What must stay true: whoever knows all tags can tell
//! if it is what they say.

use std::collections::BinaryHeap;
use std::io;
use std::rc::Rc;

use foldhash::{HashMap, HashMapExt};

use super::left::Left;
use crate::engine::conclude::stateful::decide::{Bench, Desk};
use crate::engine::conclude::tags::compare::{Compare, Comparing};
use crate::engine::conclude::tags::finding::Short;
use crate::engine::conclude::tags::ledger::Ledger;
use crate::engine::conclude::tags::of_pair::OfPair;
use crate::engine::conclude::tags::side::Stretches;
use crate::engine::partial::group::SHOWN;
use crate::engine::partial::key_use::KeyUse;
use crate::engine::store::dictionary::{NONE, Sym};
use crate::engine::store::texts::NOWHERE;
use crate::model::arn::Arn;
use crate::model::time::Time;
use crate::tags::compare::Disagreement;

/// Sums of one key that are held; more are left, and what comes after begins again.
const SUMS: usize = 1 << 13;

/// What uses of one sum have in common: account and Region, the principal if a finding is about it, the purpose,
/// whether a service attests it, the stretches of each side, and what is said of it.
type Alike = ((Sym, Sym), Sym, Sym, bool, Said);

/// Of each side the stretches, if it can be judged, and how tags disagree, if a rule looks at that.
type Said = [Option<(Option<Stretches>, Option<Disagreement>)>; OfPair::SIDES];

/// What is said of a use.
struct Seen {
    said: Said,
    /// Whether findings of it are about the principal.
    with_principal: bool,
    /// Whether it stands for itself: a finding may show it, a change soon before makes it count, or it is open.
    apart: bool,
    /// Whether others may know of other tags, so that nothing is said of it.
    open: bool,
}

/// Uses that are summed up.
pub struct Pairs<'a> {
    bench: &'a Bench<'a>,
    comparing: Comparing<'a>,
    sums: HashMap<Alike, (KeyUse, OfPair)>,
    /// When the earliest records of each finding were, as many as it shows.
    shown: HashMap<Short, BinaryHeap<i64>>,
    /// What was compared last, and whether others may know more of it.
    last: Option<(Rc<Compare>, bool)>,
}

impl<'a> Pairs<'a> {
    pub fn new(bench: &'a Bench<'a>, ledger: Ledger<'a>) -> Pairs<'a> {
        let comparing = Comparing::new(bench, ledger);
        Pairs { bench, comparing, sums: HashMap::new(), shown: HashMap::new(), last: None }
    }

    /// Takes in a use. Gives the resource that it names, of which a row is left.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn take(
        &mut self,
        (row, copy): (&KeyUse, bool),
        (desk, left): (&mut Desk<'_>, &mut Left),
    ) -> io::Result<Sym> {
        let Some(compare) = self.comparing.names(row, desk)? else { return Ok(NONE) };
        if compare.sides.is_empty() {
            return Ok(NONE);
        }
        let Seen { said, with_principal, apart, open } = self.seen(row.time, copy, &compare);
        let words = said.map(|said| said.and_then(|(_, disagreement)| disagreement));
        if apart {
            let count = u64::from(!copy);
            let one = OfPair { count, last: row.time, is_sum: false, is_open: open, said: words };
            left.push(one.row(*row));
        }
        if apart || copy {
            return Ok(compare.purpose.first);
        }
        let attested = compare.sides.first().is_some_and(|side| side.pair.attested);
        let principal = if with_principal { compare.who.first } else { NONE };
        let call = (compare.call.first, compare.call.second);
        let alike = (call, principal, row.purpose, attested, said);
        let sum = OfPair { count: 0, last: row.time, is_sum: true, is_open: false, said: words };
        let none = || (*row, sum);
        let (first, sum) = self.sums.entry(alike).or_insert_with(none);
        if row.time < first.time {
            *first = *row;
        }
        sum.count += 1;
        sum.last = sum.last.max(row.time);
        if self.sums.len() >= SUMS {
            self.leave(left);
        }
        Ok(compare.purpose.first)
    }

    /// Whether a key or a resource is of an account that is elsewhere, which may know of other tags. A resource
    /// whose ARN names no account, such as an S3 bucket, is likely to be of the caller's.
    fn is_known_elsewhere(&mut self, compare: &Rc<Compare>) -> bool {
        if let Some((last, known)) = &self.last
            && Rc::ptr_eq(last, compare)
        {
            return *known;
        }
        let accounts = self.bench.accounts;
        let elsewhere = |arn: &str| {
            let account = Arn::parse(arn).map(|arn| arn.account).unwrap_or_default();
            !account.is_empty() && !accounts.contains(account)
        };
        let caller = compare.who.entry.principal.account.as_deref();
        let from_elsewhere = caller.is_some_and(|account| !accounts.contains(account));
        let known = from_elsewhere
            || compare.sides.iter().any(|side| {
                let resource = side.pair.resource.as_ref();
                elsewhere(&side.pair.key.arn)
                    || resource.is_some_and(|resource| elsewhere(&resource.arn))
            });
        self.last = Some((Rc::clone(compare), known));
        known
    }

    /// What is said of a use.
    fn seen(&mut self, time: i64, copy: bool, compare: &Rc<Compare>) -> Seen {
        let (mut said, mut with_principal, mut apart) = (Said::default(), false, false);
        if self.is_known_elsewhere(compare) {
            return Seen { said, with_principal, apart: true, open: true };
        }
        // Both sides of a use may make one finding, which shows the use once.
        let mut counted: Vec<Short> = Vec::new();
        for (number, side) in compare.sides.iter().enumerate() {
            let at = self.comparing.at(side, Time(time));
            let disagreement = at.as_ref().and_then(|(_, judged)| judged.disagreement);
            apart |=
                at.as_ref().is_some_and(|(_, of)| of.changed_soon(time, time).next().is_some());
            let mut wanted = None;
            for rule in self.comparing.wanting(disagreement) {
                wanted = disagreement;
                with_principal |= rule.scope.shown()[0];
                let short = compare.short(&rule, side, false);
                let again = copy || counted.contains(&short);
                apart |= wants(self.shown.entry(short.clone()).or_default(), time, again);
                counted.push(short);
            }
            match said.get_mut(number) {
                Some(said) => *said = Some((at.map(|(stretches, _)| stretches), wanted)),
                None => apart = true,
            }
        }
        Seen { said, with_principal, apart, open: false }
    }

    /// Leaves what was summed up.
    fn leave(&mut self, left: &mut Left) {
        for (_, (row, sum)) in self.sums.drain() {
            // Nothing of it is shown.
            left.push(sum.row(row.renumbered(NOWHERE, row.blob)));
        }
    }

    /// Leaves what was summed up of the key at hand.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn close_key(&mut self, (desk, left): (&mut Desk<'_>, &mut Left)) -> io::Result<()> {
        self.leave(left);
        self.shown.clear();
        self.last = None;
        self.comparing.close_key(desk)
    }

    /// The ledger, for whoever compares next.
    pub fn finish(self) -> Ledger<'a> {
        self.comparing.finish().1
    }
}

/// Whether a record of this time may be one of the earliest; if so, it is from now on, unless it was taken `again`.
fn wants(shown: &mut BinaryHeap<i64>, time: i64, again: bool) -> bool {
    if shown.len() >= SHOWN && shown.peek().is_some_and(|last| time > *last) {
        return false;
    }
    if !again {
        shown.push(time);
        if shown.len() > SHOWN {
            shown.pop();
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_are_wanted_with_all_of_the_last_second() {
        let mut shown = BinaryHeap::new();
        assert!((0..SHOWN as i64).rev().all(|time| wants(&mut shown, time, false)));
        assert!(!wants(&mut shown, SHOWN as i64, false));
        assert!(wants(&mut shown, SHOWN as i64 - 1, false), "its id may be smaller");
        assert!(wants(&mut shown, 0, true));
        assert_eq!(shown.len(), SHOWN);
        assert!(wants(&mut shown, -1, false));
        assert!(wants(&mut shown, SHOWN as i64 - 2, true));
    }
}
