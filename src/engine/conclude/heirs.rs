//! Which uses of keys the next run may get: of each kind the first, with the time of the last and how
//! many there were.
//!
//! What must stay true: a use is handed on while any rule may look back at the last one like it, also
//! one of a key with more kinds of use than are decided over together. The first use of a key by a
//! principal is handed on for as long as that principal goes on using the key.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io;

use super::adds::Adds;
use super::stateful::decide::{Bench, Desk};
use crate::detect::ADJUSTS;
use crate::engine::partial::handed::{HandedUse, Owner, WAITS, owner};
use crate::engine::partial::key_use::{KeyUse, flag};
use crate::engine::store::dictionary::{BySym, Sym, sym};
use crate::engine::store::runs::Rows;

/// Gathers what is handed on.
pub struct Heirs {
    /// Whether there is to be a next run.
    wanted: bool,
    /// A use before that is older than any rule looks back; microseconds since 1970.
    since: i64,
    pub rows: Rows<HandedUse>,
    /// A record that reaches less far is needed no more; microseconds since 1970.
    until: i64,
    /// How far windows reach from the matches of a use.
    reaches: BySym<i64>,
    /// The last use that waits for a window.
    waits: Option<KeyUse>,
    /// Uses of earlier runs that are older.
    pub aged: u64,
}

/// When a principal first and last used the key at hand; microseconds since 1970.
struct OfOwner {
    first: i64,
    last: i64,
}

impl Heirs {
    /// None yet.
    pub fn new(bench: &Bench<'_>, rows: Rows<HandedUse>) -> Heirs {
        let plan = bench.context.plan;
        // A time that has not come yet must not make all others old.
        let newest = bench.range.1.0.min(plan.now.0);
        let late = plan.past.as_ref().map(|past| past.late);
        let until = newest.saturating_sub(late.unwrap_or_default());
        Heirs {
            wanted: late.is_some(),
            since: until.saturating_sub(bench.context.use_reach),
            rows,
            until,
            reaches: BySym::default(),
            waits: None,
            aged: 0,
        }
    }

    /// Adds the kinds of use of a key: of each its first, and what its rows have added.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn add_all(
        &mut self,
        kinds: impl Iterator<Item = (KeyUse, Adds)>,
        desk: &mut Desk<'_>,
    ) -> io::Result<()> {
        if !self.wanted {
            return Ok(());
        }
        let mut owners: HashMap<Owner, OfOwner> = HashMap::new();
        let mut all = Vec::new();
        for (first, adds) in kinds {
            let owner = owner_of(&first, desk)?;
            let of = owners.entry(owner).or_insert(OfOwner { first: i64::MAX, last: i64::MIN });
            of.first = of.first.min(first.time);
            of.last = of.last.max(adds.last.0);
            all.push((owner, first, adds));
        }
        for (owner, first, adds) in all {
            // Whoever still uses the key has used it since the first time, in whatever way that was.
            let is_first = owners
                .get(&owner)
                .is_some_and(|of| of.first == first.time && of.last >= self.since);
            self.add(owner, &first, adds, is_first);
        }
        Ok(())
    }

    fn add(&mut self, owner: Owner, first: &KeyUse, all: Adds, is_first: bool) {
        let Adds { last, .. } = all;
        if last.0 < self.since && !is_first {
            self.aged += 1;
            return;
        }
        self.rows.push(HandedUse { owner, last: Reverse(last.0), row: *first, count: all.count() });
    }

    /// Adds a use that a correlation looks at, if a window may still reach it. Copies come one after
    /// the other.
    ///
    /// # Errors
    /// As [`add_all`](Heirs::add_all).
    pub fn wait(&mut self, row: &KeyUse, desk: &mut Desk<'_>) -> io::Result<()> {
        let is_copy = self.waits.is_some_and(|before| row.is_copy_of(&before));
        if !self.wanted || is_copy {
            return Ok(());
        }
        self.waits = Some(*row);
        let reach = match self.reaches.get(&row.matches) {
            Some(reach) => *reach,
            None => {
                let reach = reach(desk, row.matches)?;
                self.reaches.insert(row.matches, reach);
                reach
            }
        };
        if row.time.saturating_add(reach) < self.until {
            self.aged += u64::from(row.is(flag::OF_WINDOW));
            return Ok(());
        }
        let owner = owner_of(row, desk)?;
        self.rows.push(HandedUse { owner, last: Reverse(row.time), row: *row, count: WAITS });
        Ok(())
    }
}

/// How much later than a use a record may come that a correlation takes with it; microseconds.
fn reach(desk: &mut Desk<'_>, matches: Sym) -> io::Result<i64> {
    let context = desk.bench.context;
    let mut reach = 0;
    for matched in desk.lookup.matches(matches)?.iter() {
        let feeds = context.plan.rules.feeds(matched.rule).iter();
        for feed in feeds.filter(|feed| feed.step != ADJUSTS) {
            let counts = context.correlation(feed.stateful).is_some_and(|correlation| {
                context.is_by_row(feed.stateful) && matched.level >= correlation.from
            });
            let of_rule = context.reaches.get(feed.stateful as usize).copied();
            reach = reach.max(of_rule.filter(|_| counts).unwrap_or_default());
        }
    }
    Ok(reach)
}

/// Whose a use is.
fn owner_of(row: &KeyUse, desk: &mut Desk<'_>) -> io::Result<Owner> {
    let (who, call) = (desk.lookup.who(row.who)?, desk.lookup.call(row.call)?);
    let principal = &who.entry.principal;
    let identity = principal.identity();
    let [account, name] = owner(
        [principal.account.as_deref(), call.entry.account.as_deref()],
        [identity.as_deref(), principal.invoked_by.as_deref()],
    );
    let key = desk.bench.context.key;
    Ok((sym(key, account.as_bytes()), sym(key, name.as_bytes())))
}
