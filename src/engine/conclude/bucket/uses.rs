//! All uses, key by key: what others still need of them.
//!
//! Rules are asked as they are when everything is known, in [`crate::engine::conclude::key_pass`], and kinds of use
//! are formed in the same way. What must stay true: a rule that may find something with what others know gets
//! all that it looks at.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::daily::Daily;
use super::left::Left;
use super::matches::{Local, Matches};
use super::pairs::Pairs;
use crate::detect::stateful::{Correlation, Decided, History, Use, Uses};
use crate::detect::{Over, Stateful};
use crate::engine::conclude::adds::Met;
use crate::engine::conclude::before::Before;
use crate::engine::conclude::habits::Habits;
use crate::engine::conclude::kinds::{Closed, Kinds};
use crate::engine::conclude::notices::collision;
use crate::engine::conclude::records;
use crate::engine::conclude::stateful::decide::{Bench, Desk};
use crate::engine::conclude::stateful::evidence::Finds;
use crate::engine::conclude::stateful::note::Notes;
use crate::engine::conclude::stateful::presence::Presence;
use crate::engine::conclude::stateful::stages::Stages;
use crate::engine::conclude::survey;
use crate::engine::conclude::tags::ledger::{Ledger, Tags};
use crate::engine::conclude::told::{Texts, told};
use crate::engine::conclude::waiting::Waiting;
use crate::engine::conclude::watched::Watched;
use crate::engine::context::Context;
use crate::engine::partial::Partial;
use crate::engine::partial::done::{Done, NO_FILE};
use crate::engine::partial::groups::Groups;
use crate::engine::partial::key_use::KeyUse;
use crate::engine::partial::uses::KeyUses;
use crate::engine::plan::Plan;
use crate::engine::store::dictionary::{Dictionary, NONE, Sym, Words};
use crate::engine::store::runs::SHARDS;
use crate::engine::store::texts::{AllTexts, NOWHERE};
use crate::model::delivery::Deliveries;
use crate::model::time::Time;
use crate::tags::book::Book;

/// More records than most buckets keep beside uses: the more of them, the better parts are told apart.
const RECORDS: u64 = 1 << 16;

/// What is known before the uses are gone through.
struct Known<'a> {
    bench: &'a Bench<'a>,
    /// Keys that records of the bucket mark.
    marked: &'a HashSet<Sym>,
    tags: &'a Tags<'a>,
    /// Which correlations are decided with the records of one account.
    local: &'a Local,
    /// Whether a rule may ask for the other keys of a resource.
    asks_for_other_keys: bool,
}

/// Leaves of all uses what others need.
///
/// # Errors
/// When a temporary file cannot be used, or a signal came.
pub fn decide(context: &Context<'_>, partial: &mut Partial) -> io::Result<()> {
    let plan = context.plan;
    let none = KeyUses::new(plan.limits.uses, context.key, 0);
    let uses = std::mem::replace(&mut partial.uses, none);
    let KeyUses { rows, words, heap, joins, joins_lost, unplaced, .. } = uses;
    let presence = Presence::new(rows.len().saturating_add(RECORDS));
    let (rows, heap) = (rows.sharded(), AllTexts::of(heap));
    let kept = AllTexts::of(std::mem::take(&mut partial.kept.texts));
    let dictionary = Dictionary::new(words)?;
    let accounts = accounts(partial);
    let matched = survey::survey(context, &rows, &dictionary, &presence)?;
    let stages = Stages::new(context, &matched.into_iter().collect());
    let known = records::Known {
        context,
        stages: &stages,
        presence: &presence,
        accounts: &accounts,
        live: false,
    };
    let said = records::pass(&known, &kept)?;
    let marked = said.marked.iter().map(|(_, key)| *key).collect();
    let book = book_of(plan, partial, (said.book, &joins));
    let [early, finds] =
        [(); 2].map(|()| Mutex::new(Finds::new(Groups::new(context.key, plan.limits.groups))));
    let mut bench = Bench {
        context,
        stages: &stages,
        presence: &presence,
        accounts: &accounts,
        range: (Time(0), Time(0)),
        deliveries: &Deliveries::default(),
        book: &book,
        uses: &rows,
        dictionary: &dictionary,
        heap: &heap,
        kept: &kept,
        texts: AllTexts::default(),
        habits: said.habits,
        before: Before::of_plan(plan),
        found: &early,
    };
    decide_early(&mut bench, said.notes)?;
    bench.found = &finds;
    let tags = Tags::new(&plan.estate, &book);
    let known = Known {
        bench: &bench,
        marked: &marked,
        tags: &tags,
        local: &Local::of(context),
        asks_for_other_keys: context.over.iter().any(asks_for_other_keys),
    };
    let (left, done) = pass(&known)?;
    partial.found.merge(groups(finds, &heap)?);
    partial.problems.extend(collision(dictionary.collisions));
    let (rows, texts) = left.settle(&heap, plan.limits.uses)?;
    let (words, heap) = (vec![words_of(context, &dictionary)?], vec![texts]);
    let stand_for = HashMap::new();
    partial.uses = KeyUses { rows, words, heap, stand_for, joins, joins_lost, unplaced };
    partial.done.merge(done);
    partial.kept.texts = kept.into_parts();
    Ok(())
}

/// The accounts of all records.
fn accounts(partial: &Partial) -> BTreeSet<String> {
    partial.accounts.texts().flatten().map(str::to_owned).collect()
}

/// Decides what must be decided before the uses. What is found here only tells which parts of other rules may
/// hold.
fn decide_early(bench: &mut Bench<'_>, notes: Vec<Notes>) -> io::Result<()> {
    let mut waiting = Waiting::new(bench.stages, bench.context.plan);
    waiting.take(bench, notes);
    waiting.decide_early(bench).map(|_| ())
}

/// What was found, with the texts of its events.
fn groups(finds: Mutex<Finds>, heap: &AllTexts) -> io::Result<Groups> {
    let mut finds = finds.into_inner().unwrap_or_else(PoisonError::into_inner);
    finds.fill(heap)?;
    Ok(finds.into_groups())
}

/// All that the bucket knows of tags.
fn book_of(
    plan: &Plan,
    partial: &Partial,
    (mut book, joins): (Book, &BTreeSet<(String, String)>),
) -> Book {
    partial.enriched.clone().into_changes().for_each(|(arn, change)| book.see(arn, change));
    joins.iter().for_each(|(name, arn)| book.join(name.clone(), arn.clone()));
    book.merge(plan.tags.clone());
    book.place_requests();
    book.fit();
    book
}

/// Whether a rule may ask for the other keys of a resource.
fn asks_for_other_keys(rule: &Stateful<'_>) -> bool {
    matches!(rule.code, Over::History(history) if history.asks_for_other_keys())
}

/// The words of a dictionary.
fn words_of(context: &Context<'_>, dictionary: &Dictionary) -> io::Result<Words> {
    let mut words = Words::new(context.key);
    dictionary.each(|text| words.name(|bytes| bytes.extend_from_slice(text)).map(|_| ()))?;
    Ok(words)
}

/// Goes through all uses, shards side by side.
fn pass(known: &Known<'_>) -> io::Result<(Left, Done)> {
    let limit = known.bench.context.plan.limits.uses;
    let shards = (0..SHARDS).into_par_iter().map_init(
        || None,
        |ledger: &mut Option<Ledger<'_>>, shard| {
            let mut pass = Pass::new(known, ledger.take());
            pass.shard(shard)?;
            pass.desk.tell_all()?;
            let Pass { pairs, left, habits, keys, open, .. } = pass;
            *ledger = pairs.map(Pairs::finish);
            let (habits, days) = habits.known();
            let [keys, open] =
                [keys, open].map(|keys| keys.into_iter().map(|key| (key, NO_FILE)).collect());
            Ok((left, Done { keys, open, habits, days }))
        },
    );
    let none = || (Left::new(limit), Done::default());
    let (left, mut done) = shards.try_reduce(none, |mut one, other| {
        one.0.merge(other.0);
        one.1.merge(other.1);
        Ok::<_, io::Error>(one)
    })?;
    // A principal may have read with keys of several shards.
    let mut habits = Habits::default();
    habits.add_known(&done.habits, done.days);
    (done.habits, done.days) = habits.known();
    done.keys.sort_unstable();
    done.open.sort_unstable();
    Ok((left, done))
}

struct Pass<'a> {
    known: &'a Known<'a>,
    desk: Desk<'a>,
    pairs: Option<Pairs<'a>>,
    kinds: Kinds,
    met: Met,
    daily: Daily,
    matches: Matches<'a>,
    habits: Habits,
    watched: Watched,
    left: Left,
    /// Keys over which the rules have decided, and the others.
    keys: Vec<Sym>,
    open: Vec<Sym>,
    /// The resources of the key at hand of which a row is left.
    covered: HashSet<Sym>,
}

impl<'a> Pass<'a> {
    fn new(known: &'a Known<'a>, ledger: Option<Ledger<'a>>) -> Pass<'a> {
        let bench = known.bench;
        let limits = &bench.context.plan.limits;
        let ledger = ledger.unwrap_or_else(|| Ledger::new(known.tags));
        Pass {
            known,
            desk: Desk::new(bench, Notes::new(0, 1, 0)),
            pairs: bench.context.compares.then(|| Pairs::new(bench, ledger)),
            kinds: Kinds::new(limits.window),
            met: Met::default(),
            daily: Daily::new(bench.context),
            matches: Matches::new(bench, known.local),
            habits: Habits::default(),
            watched: Watched::default(),
            left: Left::new(limits.uses),
            keys: Vec::new(),
            open: Vec::new(),
            covered: HashSet::new(),
        }
    }

    fn shard(&mut self, shard: usize) -> io::Result<()> {
        let mut rows = self.known.bench.uses.shard(shard).rows()?;
        let stand_for = HashMap::new();
        let mut before: Option<KeyUse> = None;
        while let Some((row, at)) = rows.next()? {
            self.known.bench.context.go_on()?;
            if let Some(before) = before.filter(|before| before.key != row.key) {
                self.close_key(before.key)?;
            }
            let copy = before.is_some_and(|before| row.is_copy_of(&before));
            let same = before.is_some_and(|before| row.is_same_use(&before));
            if let Some(adds) = self.met.adds(&row, copy, &stand_for) {
                if !copy {
                    self.daily.take(&row, (&mut self.desk, &mut self.left))?;
                }
                // A key with so many kinds of use is left to others.
                let too_many = self.kinds.add((&row, at), adds, same, &mut self.desk)?;
                too_many.iter().for_each(|kind| self.left.kind(kind, false));
            }
            if let Some(pairs) = &mut self.pairs {
                let of = pairs.take((&row, copy), (&mut self.desk, &mut self.left))?;
                self.covered.insert(of);
            }
            if row.matches != NONE && self.matches.wants(&row, &mut self.desk.lookup)? {
                self.left.push(row.left_as_it_is());
            }
            before = Some(row);
        }
        if let Some(before) = before {
            self.close_key(before.key)?;
        }
        self.daily.leave(&mut self.left);
        Ok(())
    }

    /// Asks the rules, and leaves what they may need with what others know.
    fn close_key(&mut self, key: Sym) -> io::Result<()> {
        if let Some(pairs) = &mut self.pairs {
            pairs.close_key((&mut self.desk, &mut self.left))?;
        }
        let Closed { kinds, left_out } = self.kinds.close(&self.desk);
        let crowded = self.kinds.were_left_out();
        let mut texts = Vec::with_capacity(kinds.len());
        for kind in &kinds {
            texts.push(Texts::of(kind, false, &mut self.desk)?);
        }
        let uses: Vec<Use<'_>> = kinds.iter().zip(&texts).map(told).collect();
        let decided = match !crowded && key != NONE && self.is_alone(key, &uses) {
            true => self.decided(&uses),
            false => None,
        };
        let done = decided.is_some();
        if !done {
            self.open.push(key);
        }
        if let Some(decided) = decided {
            self.keys.push(key);
            for (rule, decided) in &decided {
                self.desk.found_over_key(rule, decided, &kinds)?;
            }
        }
        for (kind, used) in kinds.iter().zip(&uses) {
            if !done || self.may_be_looked_at(used) {
                self.left.kind(kind, done);
                continue;
            }
            let Known { bench, local, .. } = self.known;
            let could_hold = |rule: (u32, &Correlation), part| local.could_hold(bench, rule, part);
            self.watched.learn(kind, &mut self.desk, &mut self.habits, could_hold)?;
            if self.known.asks_for_other_keys {
                self.cover(&kind.first)?;
            }
        }
        left_out.iter().for_each(|kind| self.left.kind(kind, false));
        self.covered.clear();
        Ok(())
    }

    /// Whether uses of a key are here alone, as far as can be told, and no record marks the key.
    fn is_alone(&self, key: Sym, uses: &[Use<'_>]) -> bool {
        let accounts = self.known.bench.accounts;
        let own = |account: Option<&str>| account.is_none_or(|account| accounts.contains(account));
        // An alias may be that of several accounts.
        let of_key = |used: &Use<'_>| {
            used.key.is_some_and(|key| {
                let account = key.arn.split(':').nth(4);
                account.is_some_and(|account| accounts.contains(account))
                    && own(key.account.as_deref())
            })
        };
        // Whoever calls from elsewhere has a record of it there too. And of accounts that are known here rules
        // say the same with more of them.
        let at_home = |used: &Use<'_>| of_key(used) && own(used.principal.account.as_deref());
        !self.known.marked.contains(&key) && uses.iter().all(at_home)
    }

    /// What rules decide over all uses of a key; `None` where something else may need these.
    fn decided(&self, uses: &[Use<'_>]) -> Option<Vec<(Stateful<'a>, Decided)>> {
        let context = self.known.bench.context;
        let mut all = Vec::new();
        for rule in &context.over {
            let Over::History(history) = rule.code else { continue };
            match history.uses() {
                Uses::OverKeys(over) => {
                    let decide = || over.decide(uses, self.known.bench.accounts);
                    let decided = catch_unwind(AssertUnwindSafe(decide)).ok()?;
                    let is_looked_at = !context.plan.rules.feeds(rule.about).is_empty();
                    if is_looked_at && !decided.is_empty() {
                        return None;
                    }
                    all.extend(decided.into_iter().map(|decided| (*rule, decided)));
                }
                Uses::OfKeysWith(test) if uses.iter().any(|used| either(test, used)) => {
                    return None;
                }
                _ => {}
            }
        }
        Some(all)
    }

    /// Whether a rule looks at a kind of use by itself.
    fn may_be_looked_at(&self, used: &Use<'_>) -> bool {
        self.histories().any(|history| match history.uses() {
            Uses::With(test) => either(test, used),
            _ => false,
        })
    }

    fn histories(&self) -> impl Iterator<Item = &'a dyn History> {
        let over: &'a [Stateful<'a>] = &self.known.bench.context.over;
        over.iter().filter_map(|rule| match rule.code {
            Over::History(history) => Some(history),
            Over::Correlation(_) => None,
        })
    }

    /// Leaves a row that tells that the key was used on a resource.
    fn cover(&mut self, row: &KeyUse) -> io::Result<()> {
        let resource = self.desk.lookup.purpose(row.purpose)?.first;
        if resource != NONE && self.covered.insert(resource) {
            self.left.push(row.renumbered(NOWHERE, row.blob).left_for(0, (0, 0)));
        }
        Ok(())
    }
}

/// Whether a use passes a test, whatever the other keys of its resource are.
fn either(test: fn(&Use<'_>) -> bool, used: &Use<'_>) -> bool {
    test(used) || test(&Use { only_key: true, ..*used })
}
