//! What was undone: of each thing that a call did, the later calls that may have undone it.
//!
//! What must stay true: the last call decides whether something still holds, whoever made it and
//! wherever it was read.

use std::collections::HashMap;
use std::io;

use super::lookup::Lookup;
use crate::engine::partial::undoing::Undoing;
use crate::engine::store::dictionary::{Dictionary, Sym};
use crate::engine::store::hash::HashKey;
use crate::engine::store::runs::{Rows, SHARDS};
use crate::model::date_text;
use crate::model::finding::{EventRef, Finding};
use crate::model::time::Time;
use crate::model::undo::{Effect, Fate, Reversible, Undone};

/// So many calls that undo something are held; the log of an organisation has thousands.
const MOST: usize = 1 << 20;

/// The calls that undid something.
#[derive(Debug)]
pub struct Undoings {
    key: HashKey,
    /// What each is about, when it was, what still holds after it, and who made it: in this order.
    rows: Vec<Undoing>,
    names: HashMap<Sym, String>,
    /// Whether there were too many: then nothing is said of what may be undone.
    pub cut: bool,
}

impl Undoings {
    /// None.
    pub fn none(key: HashKey) -> Undoings {
        Undoings { key, rows: Vec::new(), names: HashMap::new(), cut: false }
    }

    /// Of rows whose names are in `dictionary`.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn of(rows: Rows<Undoing>, dictionary: &Dictionary, key: HashKey) -> io::Result<Undoings> {
        let mut all = Undoings::none(key);
        if rows.len() > MOST as u64 {
            all.cut = true;
            return Ok(all);
        }
        let rows = rows.sharded();
        for number in 0..SHARDS {
            rows.shard(number).each(|row| all.rows.push(*row))?;
        }
        all.rows.sort_unstable();
        all.rows.dedup();
        let mut lookup = Lookup::new(dictionary, key);
        for row in &all.rows {
            if !all.names.contains_key(&row.who)
                && let Some(name) = lookup.who(row.who)?.entry.principal.identity()
            {
                all.names.insert(row.who, name.into_owned());
            }
        }
        // Of calls of one second the smallest name is told: a hash is another one in each run.
        let Undoings { rows, names, .. } = &mut all;
        rows.sort_by_cached_key(|row| {
            (row.what, row.time, names.get(&row.who).cloned(), row.parts)
        });
        Ok(all)
    }

    /// When what an event did was undone for good; `None` if it still holds.
    fn undone(&self, what: &str, parts: u64, time: Time) -> Option<Undone> {
        let what = self.key.short(what.as_bytes());
        let from = self.rows.partition_point(|row| (row.what, row.time) <= (what, time.0));
        let of = self.rows[from..].iter().take_while(|row| row.what == what);
        // Whatever came after the last call after which it held.
        let mut first: Option<&Undoing> = None;
        for row in of {
            first = match row.parts & parts {
                0 => first.or(Some(row)),
                _ => None,
            };
        }
        let row = first?;
        Some(Undone { at: Time(row.time), by: self.names.get(&row.who).cloned() })
    }

    /// What became of an event; `None` if nothing can undo it.
    fn of_event(&self, event: &EventRef, about_strangers: bool) -> Option<Option<Undone>> {
        let done = reversible(event, about_strangers)?;
        Some(event.time.and_then(|time| self.undone(&done.what, done.parts, time)))
    }

    /// Tells what became of a finding's events, and of the finding.
    pub fn tell(&self, finding: &mut Finding) {
        if finding.attempt {
            let mut requests = finding.events.iter().filter_map(|event| event.request.as_ref());
            let refused = requests.any(|request| request.reversible.is_some()) && !self.cut;
            let effect = Effect { fate: Fate::Refused, undone: None, due: None };
            finding.effect = refused.then_some(effect);
            return;
        }
        if self.cut {
            return;
        }
        let about_strangers = finding.details.contains_key("external_accounts");
        let mut state: Option<Option<Undone>> = None;
        let mut is_whole = finding.count <= finding.events.len() as u64;
        for event in &mut finding.events {
            let Some(undone) = self.of_event(event, about_strangers) else {
                is_whole = false;
                continue;
            };
            state = Some(match state {
                // What is open in part is open.
                Some(known) => known.zip(undone.clone()).map(|(one, other)| one.max(other)),
                None => undone.clone(),
            });
            event.undone = undone;
        }
        let due = due(finding);
        finding.effect = match (state, due) {
            (None, None) => None,
            // Nobody knows of events that are not shown, or that nothing can undo.
            (Some(Some(undone)), _) => {
                is_whole.then_some(Effect { fate: Fate::Reversed, undone: Some(undone), due: None })
            }
            (_, due) => Some(Effect { fate: Fate::Open, undone: None, due }),
        };
    }
}

/// What an event did, if another call can undo it. Of a key policy only whom it lets in is compared, so
/// that only findings about strangers are told of it.
fn reversible(event: &EventRef, about_strangers: bool) -> Option<&Reversible> {
    let request = event.request.as_ref().filter(|request| request.error.is_none())?;
    let done = request.reversible.as_ref()?;
    (about_strangers || !done.what.starts_with("PutKeyPolicy ")).then_some(done)
}

/// When a key is deleted, or its material expires.
fn due(finding: &Finding) -> Option<Time> {
    // Of several events the details are those of the first.
    let text = |name: &str| finding.details.get(name).filter(|_| finding.count == 1)?.as_str();
    text("deletionDate").or_else(|| text("valid_to")).and_then(date_text::read)
}
