//! Findings as the report lists them, each made when it is read.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use super::links::{Links, shared_events};
use super::noted::Lost;
use super::settle::Settled;
use super::undone::Undoings;
use crate::engine::context::Context;
use crate::engine::finding::{Folded, finding, finding_of_many};
use crate::engine::store::shelf::{Shelf, Sorted};
use crate::model::finding::{Finding, Told};
use crate::model::findings::{Each, Findings, Stored, Sum};

/// What makes findings.
#[derive(Debug)]
pub struct Listed {
    /// The id of each rule, and what it tells.
    rules: Vec<(String, Arc<Told>)>,
    /// Which findings are about one call.
    pub links: Links,
    undone: Undoings,
    /// Of which findings earlier runs did more than is known.
    pub lost: Arc<Lost>,
}

/// Findings that are one another's neighbours, by their places.
#[derive(Debug, Default)]
pub struct Beside {
    /// What was folded into findings of records.
    pub folded: HashMap<u64, Folded>,
    /// Findings of files.
    pub of_files: BTreeMap<u64, Finding>,
    /// Whether the places are ranks.
    pub ranked: bool,
}

impl Listed {
    /// By the rules of a run.
    pub fn new(context: &Context<'_>, undone: Option<Undoings>) -> Listed {
        let metas = context.plan.rules.metas().iter();
        let undone = undone.unwrap_or_else(|| Undoings::none(context.key));
        let rules = metas.map(|meta| (meta.id.clone(), Arc::new(meta.told())));
        Listed {
            rules: rules.collect(),
            links: Links::new(context.key),
            undone,
            lost: Arc::default(),
        }
    }

    /// What was undone.
    pub fn undone(&self) -> &Undoings {
        &self.undone
    }

    /// A finding; it has no place yet, and names no other.
    pub fn made(&self, settled: Settled, folded: Option<&Folded>) -> Finding {
        let Settled { key, group, count, status } = settled;
        let (id, told) = &self.rules[key.rule];
        let rule = (id.as_str(), Arc::clone(told));
        let made = match folded {
            None => finding(rule, key, group, count),
            Some(folded) => finding_of_many(rule, key, group, (count, folded)),
        };
        Finding { status, ..made }
    }

    /// All findings; those of records by their places.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn all(self, records: Shelf<Settled>, sum: Sum, beside: Beside) -> io::Result<Findings> {
        let is_held = records.is_held();
        let made = Made { listed: self, records: records.sorted(), len: sum.len, beside };
        if is_held {
            let all: io::Result<Vec<Finding>> =
                made.read()?.map(|finding| finding.map(Cow::into_owned)).collect();
            return Ok(all?.into());
        }
        Ok(Findings::stored(Box::new(made), sum))
    }
}

/// Findings that are made when they are read.
#[derive(Debug)]
struct Made {
    listed: Listed,
    records: Sorted<Settled>,
    len: u64,
    beside: Beside,
}

impl Made {
    fn finding(&self, place: u64, settled: Settled) -> Finding {
        let shared = shared_events(&settled.group);
        let Made { listed, beside, .. } = self;
        let mut made = listed.made(settled, beside.folded.get(&place));
        listed.links.name(&mut made, &shared);
        // Without a state a baseline alone may have told of it.
        let is_lost = listed.undone.knows_none(&made)
            && match listed.undone.before {
                Some(_) => listed.lost.has(&made),
                None => listed.lost.has_noted(&made),
            };
        listed.undone.tell(&mut made, !is_lost);
        made
    }
}

impl Stored for Made {
    fn read(&self) -> io::Result<Each<'_>> {
        let mut records = self.records.read()?;
        let made = move |place| {
            let made = match self.beside.of_files.get(&place) {
                Some(finding) => finding.clone(),
                None => {
                    let (_, settled) = records.next().ok_or(io::ErrorKind::UnexpectedEof)??;
                    self.finding(place, settled)
                }
            };
            let rank = self.beside.ranked.then_some(place + 1);
            Ok(Cow::Owned(Finding { rank, ..made }))
        };
        Ok(Box::new((0..self.len).map(made)))
    }
}
