//! What was found to an inventory of keys.
//!
//! ```text
//! known      what is known before the rows are gone through
//! calls      rows to calls: copies, and the other side of a cross-account call
//! texts      the texts behind rows
//! seen       one call, with its texts
//! one        one key, call by call
//! course     its state, how it was made, its rotation and its material
//! aliases    its aliases over time
//! tallies    how often each of many things was met
//! life       its dossier: administrative calls, refusals, use by day
//! policies   its policies over time
//! grants     its grants over time
//! iam        what IAM documents say
//! denials    who is denied something with it
//! access     who can do something with it
//! granted    what is granted to one principal, against what it used
//! rights     what it may do with one key
//! used       what it called, and what its calls had in common
//! least      the least policy that would have served
//! reach      how far the log reaches
//! top        the keys that are shown
//! ```
//!
//! All rows are gone through once, shards side by side; of one principal three times. What must stay true: memory is bounded by the
//! keys that are shown and by what is told of one key; every limit that cuts something off says so;
//! and the order of files, copies and threads changes nothing.

mod access;
mod aliases;
mod calls;
mod course;
mod denials;
mod granted;
mod grants;
mod iam;
mod known;
mod least;
mod life;
mod one;
mod policies;
mod reach;
mod rights;
mod seen;
mod tallies;
mod texts;
mod top;
mod used;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Mutex;

use rayon::prelude::*;

use self::aliases::Beginnings;
use self::calls::Calls;
use self::iam::IamCalls;
use self::known::{Findings, Known};
use self::one::{OneKey, counts};
use self::seen::Seen;
use self::texts::Texts;
use self::top::{Shown, Top};
use super::context::Context;
use super::partial::touch::{Touch, Touches, flag};
use super::partial::uuid::uuid;
use super::plan::Phase;
use super::store::dictionary::{Dictionary, NONE, Sym, sym};
use super::store::runs::SHARDS;
use crate::model::arn::Arn;
use crate::model::keys::asked::LastUsage;
use crate::model::keys::facts::{Inventory, KeyFacts, Told, id_of};
use crate::model::keys::reach::{InLog, KmsUse};
use crate::model::outcome::Outcome;
use crate::model::time::Time;

/// Keys of which findings are counted.
const COUNTED: usize = 1 << 16;

/// Makes the inventory of what was found, beside the outcome of the rules.
///
/// # Errors
/// When a temporary file cannot be used, or a signal comes.
pub fn take(context: &Context<'_>, touches: Touches, outcome: &Outcome) -> io::Result<Inventory> {
    let asked = context.plan.keys.clone().unwrap_or_default();
    let dictionary = Dictionary::new(touches.words)?;
    let rows = touches.rows.sharded();
    let findings = findings(outcome)?;
    let known =
        Known { context, asked: &asked, dictionary: &dictionary, rows: &rows, findings: &findings };
    context.progress.begin(Phase::Deciding, SHARDS);
    let mut inventory = match &asked.principal {
        Some(name) => Inventory {
            granted: Some(granted::take(&known, name, outcome)?),
            ..Inventory::default()
        },
        None => list(&known, outcome)?,
    };
    if dictionary.collisions > 0 {
        let message = "two texts share a hash, so that keys may be told wrong: run it again";
        inventory.lost.push(message.to_owned());
    }
    if touches.too_long > 0 {
        let message = format!("{} records have members too long to be kept", touches.too_long);
        inventory.lost.push(message);
    }
    Ok(inventory)
}

/// Lists the keys.
fn list(known: &Known<'_>, outcome: &Outcome) -> io::Result<Inventory> {
    let top = Mutex::new(Top::new(known.asked));
    let shards: Vec<io::Result<Found>> = (0..SHARDS)
        .into_par_iter()
        .map(|shard| {
            let found = Pass::new(known, &top).shard(shard);
            known.context.progress.step();
            found
        })
        .collect();
    let mut all = Found::default();
    for found in shards {
        all.merge(found?);
    }
    let top = top.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(conclude(known, (top, all), outcome))
}

/// How many findings there are about each key.
fn findings(outcome: &Outcome) -> io::Result<Findings> {
    let mut all = Findings::new();
    for finding in outcome.findings.read()? {
        let finding = finding?;
        let Some(key) = &finding.key else { continue };
        if all.len() < COUNTED || all.contains_key(&key.arn) {
            *all.entry(key.arn.clone()).or_default().entry(finding.level).or_default() += 1;
        }
    }
    Ok(all)
}

/// What the rows of a shard gave, beside keys.
#[derive(Default)]
struct Found {
    kms_calls: u64,
    beginnings: Beginnings,
    iam: IamCalls,
    /// Uses that KMS told of and that are there, by their place in the list.
    there: BTreeSet<usize>,
    /// The keys that KMS told of, by their place in the list. Of several with one id the smallest.
    named: BTreeMap<usize, String>,
    /// Every id of a multi-Region key with its account, and the Regions where records show the key.
    regions: BTreeMap<(String, String), BTreeSet<String>>,
}

impl Found {
    fn merge(&mut self, other: Found) {
        self.kms_calls += other.kms_calls;
        self.beginnings.merge(other.beginnings);
        self.there.extend(other.there);
        other.named.into_iter().for_each(|(number, arn)| self.add_named(number, &arn));
        self.iam.merge(other.iam);
        for (id, regions) in other.regions {
            regions.into_iter().for_each(|region| self.add_region(id.clone(), region));
        }
    }

    /// Adds a key that KMS told of.
    fn add_named(&mut self, number: usize, arn: &str) {
        let known = self.named.entry(number).or_insert_with(|| arn.to_owned());
        if arn < known.as_str() {
            arn.clone_into(known);
        }
    }

    /// Adds a Region of a multi-Region key. Of too many keys the smallest stay.
    fn add_region(&mut self, id: (String, String), region: String) {
        self.regions.entry(id).or_default().insert(region);
        if self.regions.len() > REGIONS {
            self.regions.pop_last();
        }
    }
}

/// Multi-Region keys whose Regions are known.
const REGIONS: usize = 1 << 16;

/// One shard on its way.
struct Pass<'a> {
    known: &'a Known<'a>,
    top: &'a Mutex<Top>,
    texts: Texts<'a>,
    found: Found,
    /// The key at hand, and the uses of it that KMS told of.
    one: Option<(Sym, OneKey, Vec<usize>)>,
}

impl<'a> Pass<'a> {
    fn new(known: &'a Known<'a>, top: &'a Mutex<Top>) -> Pass<'a> {
        let texts = Texts::new(known.dictionary, &known.context.names);
        Pass { known, top, texts, found: Found::default(), one: None }
    }

    fn shard(mut self, shard: usize) -> io::Result<Found> {
        let names = &self.known.context.names;
        let mut calls = Calls::new(self.known.rows.shard(shard).rows()?, names);
        let wanted = wanted(self.known);
        let mut there = BTreeSet::new();
        let mut each =
            |touch: &Touch| there.extend(wanted.get(&(touch.id, touch.is(flag::UUID))).copied());
        while let Some(touch) = calls.next(&mut each)? {
            self.known.context.go_on()?;
            self.found.kms_calls += u64::from(counts(&touch));
            if self.one.as_ref().is_some_and(|(key, ..)| *key != touch.key) {
                self.close()?;
            }
            match touch.key {
                NONE => self.of_no_key(touch)?,
                key => self.of_key(key, touch)?,
            }
        }
        self.close()?;
        self.found.there.extend(there);
        Ok(self.found)
    }

    /// A call that names no key: one of IAM says who may do what.
    fn of_no_key(&mut self, touch: Touch) -> io::Result<()> {
        if touch.is(flag::IAM) && self.known.asked.who_can.is_some() {
            self.found.iam.take(&Seen::new(touch, &mut self.texts)?);
        }
        Ok(())
    }

    fn of_key(&mut self, key: Sym, touch: Touch) -> io::Result<()> {
        if self.one.is_none() {
            let arn = self.texts.plain(key)?.unwrap_or_default();
            let deep = self.known.asked.one.as_deref().is_some_and(|name| could_be(name, &arn));
            let told = self.known.asked.last_usage.iter().enumerate();
            let told = told.filter(|(_, told)| reach::is_about(&told.key, &arn, id_of(&arn)));
            let told: Vec<usize> = told.map(|(number, _)| number).collect();
            told.iter().for_each(|number| self.found.add_named(*number, &arn));
            self.one = Some((key, OneKey::new(&arn, deep), told));
        }
        let Some((_, one, told)) = &mut self.one else { return Ok(()) };
        for number in told {
            let last = self.known.asked.last_usage[*number].last.as_ref();
            let call = self.texts.call(touch.what)?;
            // The other account's record of the call has another id.
            if last.is_some_and(|last| {
                same_second(last.time, touch.time) && call.name == last.operation
            }) {
                self.found.there.insert(*number);
            }
        }
        one.take(touch, &mut self.texts)
    }

    /// Ends the key at hand.
    fn close(&mut self) -> io::Result<()> {
        let Some((_, one, _)) = self.one.take() else { return Ok(()) };
        let wanted = self.known.asked.one.as_deref().is_none_or(|name| one.is(name));
        let exists = one.exists();
        let (mut facts, grants) = one.finish(&mut self.texts)?;
        self.found.beginnings.add(&facts);
        // Whoever looks for a key in a wrong Region puts none there.
        if exists && facts.id().starts_with("mrk-") {
            let id = (facts.account.clone(), facts.id().to_owned());
            self.found.add_region(id, facts.region.clone());
        }
        if wanted {
            for (level, count) in self.known.findings.get(&facts.arn).into_iter().flatten() {
                facts.add_finding(*level, *count);
            }
            let mut top = self.top.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            top.add(Shown { facts, grants });
        }
        Ok(())
    }
}

fn same_second(one: Time, other: i64) -> bool {
    one.0.div_euclid(1_000_000) == other.div_euclid(1_000_000)
}

/// The uses that KMS told of, by the event id as rows have it.
fn wanted(known: &Known<'_>) -> HashMap<([u64; 2], bool), usize> {
    let told = known.asked.last_usage.iter().enumerate();
    let event = |(number, told): (usize, &LastUsage)| {
        let event = told.last.as_ref()?.event.as_deref()?;
        let id = uuid(event).map(|id| (id, true));
        let name = || ([sym(known.context.key, event.as_bytes()), 0], false);
        Some((id.unwrap_or_else(name), number))
    };
    told.filter_map(event).collect()
}

/// Whether a name may be the one of a key, before its aliases are known.
fn could_be(name: &str, arn: &str) -> bool {
    let is_alias =
        name.starts_with("alias/") || Arn::parse(name).is_some_and(|arn| arn.is_kms_alias());
    is_alias || name == arn || name == id_of(arn)
}

/// What follows when all keys are known.
fn conclude(known: &Known<'_>, (top, found): (Top, Found), outcome: &Outcome) -> Inventory {
    let (shown, left_out) = top.into_sorted();
    let mut inventory = Inventory { left_out, kms_calls: found.kms_calls, ..Inventory::default() };
    // A record that claims to be of a time to come is no end of the log.
    let end = outcome.totals.last_event.map(|last| last.min(known.context.plan.now));
    for Shown { mut facts, grants } in shown {
        found.beginnings.end_spans(&mut facts);
        facts.state.past_due = facts.state.is_past_due(end);
        let id = (facts.account.clone(), facts.id().to_owned());
        let others = found.regions.get(&id).into_iter().flatten();
        facts.other_regions = others.filter(|region| **region != facts.region).cloned().collect();
        facts.share_ppm = share(facts.calls, found.kms_calls);
        if let Some(operation) = &known.asked.who_can {
            let at = known.asked.at.or(outcome.totals.last_event).unwrap_or(Time(i64::MAX));
            let (first, last) = (outcome.totals.first_event, outcome.totals.last_event);
            let (lost, grants) = (grants.lost(at), &grants.all);
            let iam = &found.iam;
            let question =
                access::Question { operation, at, first, last, grants, lost: &lost, iam };
            let access = access::who_can(&facts, &question);
            if let Some(dossier) = &mut facts.dossier {
                dossier.access = Some(access);
            }
        }
        inventory.keys.push(facts);
    }
    inventory.told = told(known, &found, outcome);
    let (told, keys) = (&inventory.told, &mut inventory.keys);
    keys.iter_mut().for_each(|key| key.kms_last_use = latest(told, key));
    if found.beginnings.cut {
        let message = "more aliases than are kept: some of them may have ended without a word";
        inventory.lost.push(message.to_owned());
    }
    inventory
}

/// A part of all, in a million.
fn share(part: u64, all: u64) -> u64 {
    u128::from(part)
        .saturating_mul(1_000_000)
        .checked_div(all.into())
        .map_or(0, |ppm| u64::try_from(ppm).unwrap_or(u64::MAX))
}

/// What KMS told of last uses, and whether the log has them.
fn told(known: &Known<'_>, found: &Found, outcome: &Outcome) -> Vec<Told> {
    let one = |(number, told): (usize, &LastUsage)| {
        let last = told.last.as_ref();
        // An ARN tells where the key is, whether the log has it or not; an id alone does not.
        let by_id = || found.named.get(&number).map(String::as_str);
        let arn = Arn::parse(&told.key).map(|_| told.key.as_str()).or_else(by_id);
        let in_log = match (last, arn) {
            (None, _) => InLog::NothingToldOf,
            (Some(_), _) if found.there.contains(&number) => InLog::There,
            (Some(last), Some(arn)) => {
                let filter = &known.context.plan.filter;
                reach::lacks(&KeyFacts::of(arn), last, &outcome.coverage, filter)
            }
            (Some(_), None) => InLog::OutOfReach,
        };
        let nowhere = last.is_some() && arn.is_none() && !found.there.contains(&number);
        let last = KmsUse {
            time: last.map(|last| last.time),
            operation: last.map(|last| last.operation.clone()),
            event: last.and_then(|last| last.event.clone()),
            tracked_since: told.tracked_since,
            in_log,
        };
        Told { key: told.key.clone(), file: told.file.clone(), last, nowhere }
    };
    known.asked.last_usage.iter().enumerate().map(one).collect()
}

/// Of what KMS told of a key, the latest.
fn latest(told: &[Told], key: &KeyFacts) -> Option<KmsUse> {
    let about = told.iter().filter(|told| reach::is_about(&told.key, &key.arn, key.id()));
    about.map(|told| &told.last).max_by_key(|last| last.time).cloned()
}

/// What the log says of keys without use from `since` on.
pub use reach::quiet;
