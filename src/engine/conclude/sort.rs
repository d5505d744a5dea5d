//! Findings in the order of the report.
//!
//! They come one by one, in no order, and there may be a million. What decides their order is held, a
//! few words of each; the findings themselves go to a [`Shelf`], and are put into their order there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::mem::take;
use std::sync::Arc;

use super::fold::Standing;
use super::links::shared_events;
use super::listed::{Beside, Listed};
use super::noted::Lost;
use super::rank::{Entry, ranked};
use super::settle::Settled;
use super::tags::ledger::{Tagged, Tags, tagged};
use super::undone::Undoings;
use crate::engine::context::Context;
use crate::engine::finding::Folded;
use crate::engine::store::shelf::{Shelf, Stow};
use crate::model::finding::{EventRef, Finding};
use crate::model::findings::{Findings, Sum};
use crate::model::outcome::Summary;
use crate::model::time::Time;

/// Tags are looked up for findings of so many times what a shelf holds in memory: each lookup walks
/// through all that is known of a thing.
const BATCH: usize = 2;

/// What decides the order of the report.
#[derive(Debug)]
enum Order {
    /// What a reader should look at first.
    Rank(Vec<Entry>),
    /// With `--each`, the events.
    Event(Vec<EventEntry>),
}

/// Time and id of the event, rule, fingerprint, event. Where it lay comes last: another name of a file
/// must not change the order.
type EventEntry = (Option<(bool, Option<Time>, Option<String>)>, u32, String, Option<EventRef>);

/// Findings on their way to the report.
pub struct Sorting<'a> {
    context: &'a Context<'a>,
    summary: Summary,
    /// Of those that are listed.
    sum: Sum,
    order: Order,
    /// Those of records, by the numbers in which they came.
    came: Shelf<Settled>,
    /// What was folded into some of them.
    folded: HashMap<u64, Folded>,
    /// Those of files likewise.
    of_files: HashMap<u64, Finding>,
    listed: Listed,
    /// The places of rules among all, by id.
    rules: HashMap<String, u32>,
    tagged: io::Result<()>,
}

impl<'a> Sorting<'a> {
    /// None yet.
    pub fn new(context: &'a Context<'a>, undone: Option<Undoings>) -> Sorting<'a> {
        let plan = context.plan;
        let ids: BTreeSet<&String> = plan.rules.metas().iter().map(|meta| &meta.id).collect();
        Sorting {
            context,
            summary: Summary::default(),
            sum: Sum::default(),
            order: if plan.each { Order::Event(Vec::new()) } else { Order::Rank(Vec::new()) },
            came: Shelf::new(plan.limits.groups),
            folded: HashMap::new(),
            of_files: HashMap::new(),
            listed: Listed::new(context, undone),
            rules: ids.into_iter().cloned().zip(0..).collect(),
            tagged: Ok(()),
        }
    }

    /// What was undone.
    pub fn undone(&self) -> &Undoings {
        self.listed.undone()
    }

    /// Takes in of which findings earlier runs did more than is known.
    pub fn lose(&mut self, lost: Arc<Lost>) {
        self.listed.lost = lost;
    }

    /// Takes in a finding of records.
    pub fn take(&mut self, Standing { settled, folded }: Standing) {
        let plan = self.context.plan;
        let level = settled.group.level;
        self.summary.add(level);
        let shared = shared_events(&settled.group);
        // What is only counted need not be made, unless another finding names it.
        if level < plan.min_level && shared.is_empty() {
            return;
        }
        let made = self.listed.made(settled.clone(), folded.as_ref());
        self.listed.links.add(&made, &shared);
        if level < plan.min_level {
            return;
        }
        let number = self.note(&made);
        self.came.push([number, 0, 0, 0], settled);
        self.folded.extend(folded.map(|folded| (number, folded)));
    }

    /// Takes in a finding of files.
    pub fn take_of_files(&mut self, finding: Finding) {
        self.summary.add(finding.level);
        if finding.level >= self.context.plan.min_level {
            let number = self.note(&finding);
            self.of_files.insert(number, finding);
        }
    }

    /// Notes what decides the place of a finding; its number.
    fn note(&mut self, finding: &Finding) -> u64 {
        let Context { plan, key, .. } = self.context;
        self.sum.add(finding);
        let rule = self.rules.get(&finding.rule).copied().unwrap_or_default();
        match &mut self.order {
            Order::Rank(all) => {
                all.push(Entry::of(finding, rule, &plan.estate, *key));
                all.len() as u64 - 1
            }
            Order::Event(all) => {
                let event = finding.events.first().cloned();
                let order = event.as_ref().map(|e| (e.time.is_none(), e.time, e.id.clone()));
                all.push((order, rule, finding.fingerprint.clone(), event));
                all.len() as u64 - 1
            }
        }
    }

    /// The findings to list, all of them by level, and what kept them from being given their tags.
    pub fn finish(mut self, tags: &Tags<'_>) -> (io::Result<Findings>, Summary, io::Result<()>) {
        let sorted = self.sorted(tags);
        let Sorting { listed, summary, sum, tagged, .. } = self;
        let all = sorted.and_then(|(in_order, beside)| listed.all(in_order, sum, beside));
        (all, summary, tagged)
    }

    /// Findings of records by their places, and what lies beside.
    fn sorted(&mut self, tags: &Tags<'_>) -> io::Result<(Shelf<Settled>, Beside)> {
        let ranked = matches!(self.order, Order::Rank(_));
        let places = places(take(&mut self.order));
        let place = |number: u64| {
            let place = usize::try_from(number).ok().and_then(|number| places.get(number));
            place.map_or(u64::MAX, |place| u64::from(*place))
        };
        let in_order = self.in_order(place, tags)?;
        let of_files = take(&mut self.of_files).into_iter();
        let mut of_files: BTreeMap<u64, Finding> =
            of_files.map(|(number, finding)| (place(number), finding)).collect();
        let things = of_files.values_mut();
        let things = things.flat_map(|f| tagged(f.first_seen, &mut f.key, &mut f.resource));
        self.fill(things.collect(), tags);
        let folded = take(&mut self.folded).into_iter();
        let folded = folded.map(|(number, folded)| (place(number), folded)).collect();
        Ok((in_order, Beside { folded, of_files, ranked }))
    }

    /// Findings of records with their tags, by their places.
    fn in_order(
        &mut self,
        place: impl Fn(u64) -> u64,
        tags: &Tags<'_>,
    ) -> io::Result<Shelf<Settled>> {
        let limit = self.context.plan.limits.groups;
        let came = std::mem::replace(&mut self.came, Shelf::new(0)).sorted();
        let mut read = came.read()?;
        let mut in_order = Shelf::new(limit);
        loop {
            let (mut batch, mut weight) = (Vec::new(), 0);
            while weight <= limit.saturating_mul(BATCH)
                && let Some(next) = read.next()
            {
                let ([number, ..], settled) = next?;
                weight += settled.weight();
                batch.push((place(number), settled));
            }
            if batch.is_empty() {
                return Ok(in_order);
            }
            let things = batch.iter_mut().flat_map(|(_, settled): &mut (u64, Settled)| {
                let group = &mut settled.group;
                let snapshot = &mut group.earliest.1;
                tagged(group.first, &mut snapshot.key, &mut snapshot.resource)
            });
            self.fill(things.collect(), tags);
            batch.into_iter().for_each(|(place, one)| in_order.push([place, 0, 0, 0], one));
        }
    }

    fn fill(&mut self, mut things: Vec<Tagged<'_>>, tags: &Tags<'_>) {
        if self.tagged.is_ok() {
            self.tagged = tags.fill(&mut things, self.context);
        }
    }
}

impl Default for Order {
    fn default() -> Order {
        Order::Rank(Vec::new())
    }
}

/// The place of each finding in the report, from 0, by its number.
fn places(order: Order) -> Vec<u32> {
    let order = match order {
        Order::Rank(entries) => ranked(&entries),
        Order::Event(entries) => {
            let mut order: Vec<u32> = (0..).take(entries.len()).collect();
            order.sort_by(|a, b| entries[*a as usize].cmp(&entries[*b as usize]));
            order
        }
    };
    let mut places = vec![0; order.len()];
    for (place, number) in (0..).zip(order) {
        places[number as usize] = place;
    }
    places
}
