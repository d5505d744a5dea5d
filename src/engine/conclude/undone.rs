//! What was undone: of each thing that a call did, the later calls that may have undone it.
//!
//! What must stay true: the last call decides whether something still holds, whoever made it and
//! wherever it was read.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use super::lookup::Lookup;
use crate::engine::partial::undoing::Undoing;
use crate::engine::store::dictionary::{Dictionary, NONE, Sym};
use crate::engine::store::hash::HashKey;
use crate::engine::store::runs::{Rows, SHARDS};
use crate::model::aftermath::{Deed, Doing, KnownUndoing};
use crate::model::date_text;
use crate::model::finding::{EventRef, Finding};
use crate::model::time::Time;
use crate::model::undo::{Effect, Fate, Reversible, Undone};

/// So many calls that undo something are held; the log of an organisation has thousands.
const MOST: usize = 1 << 20;

/// So many later runs know, the latest of them. Without an earlier one something may be told to be open
/// that is not, which is the safe side.
const KNOWN: usize = 1 << 16;
/// For so long before the latest event of all runs: 45 days in microseconds, as they know records.
const KNOWN_FOR: i64 = 45 * 86_400_000_000;
/// The longest name of who made one that later runs know.
const NAME: usize = 2_048;

/// What became of a deed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Now {
    /// It holds, as far as the log reaches.
    Open,
    /// It was undone for good.
    Undone(Undone),
    /// It was undone, and may hold again: a call after that cannot be read.
    Unknown,
}

/// What findings of earlier runs did, by their fingerprints.
pub type Doings = BTreeMap<[u64; 2], Doing>;

/// The calls that undid something.
#[derive(Debug)]
pub struct Undoings {
    key: HashKey,
    /// What each is about, when it was, what still holds after it, and who made it: in this order.
    rows: Vec<Undoing>,
    names: HashMap<Sym, String>,
    /// What findings of earlier runs did; `None` if this run goes on from none.
    pub before: Option<Arc<Doings>>,
    /// Whether there were too many: then nothing is said of what may be undone.
    pub cut: bool,
}

impl Undoings {
    /// None.
    pub fn none(key: HashKey) -> Undoings {
        Undoings { key, rows: Vec::new(), names: HashMap::new(), before: None, cut: false }
    }

    /// Of rows whose names are in `dictionary`, and of what `earlier` runs have read.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn of(
        rows: Rows<Undoing>,
        dictionary: &Dictionary,
        (key, earlier): (HashKey, &[KnownUndoing]),
    ) -> io::Result<Undoings> {
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
        earlier.iter().for_each(|known| all.recall(known));
        all.sort();
        Ok(all)
    }

    /// Of calls of one second the smallest name is told: a hash is another one in each run.
    fn sort(&mut self) {
        let Undoings { rows, names, .. } = self;
        rows.sort_by_cached_key(|row| {
            (row.what, row.time, names.get(&row.who).cloned(), row.parts, row.cleared)
        });
    }

    /// Takes in a call that an earlier run has read.
    fn recall(&mut self, known: &KnownUndoing) {
        let KnownUndoing { time, what, parts, cleared, by } = known;
        let who = by.as_ref().map_or(NONE, |by| self.key.short(format!("by {by}").as_bytes()));
        self.names.extend(by.iter().map(|by| (who, by.clone())));
        let (what, time, parts, cleared) = (*what, time.0, *parts, *cleared);
        self.rows.push(Undoing { what, time, parts, cleared, who });
    }

    /// What later runs get to know, if the latest event of all runs was `last`.
    pub fn hand_on(&self, last: Time) -> Vec<KnownUndoing> {
        let oldest = last.0.saturating_sub(KNOWN_FOR);
        let mut latest: Vec<&Undoing> = self.rows.iter().filter(|row| row.time >= oldest).collect();
        latest.sort_by_key(|row| std::cmp::Reverse(row.time));
        latest.truncate(KNOWN);
        let known = |row: &&Undoing| KnownUndoing {
            time: Time(row.time),
            what: row.what,
            parts: row.parts,
            cleared: row.cleared,
            by: self.names.get(&row.who).filter(|name| name.len() <= NAME).cloned(),
        };
        let mut all: Vec<KnownUndoing> = latest.iter().map(known).collect();
        all.sort();
        all.dedup();
        all
    }

    /// What became of a deed. What an earlier run said of it stands until a later call says otherwise.
    pub fn now(&self, deed: &Deed) -> Now {
        let Deed { time, what, parts, undone } = deed;
        let from = self.rows.partition_point(|row| (row.what, row.time) <= (*what, time.0));
        let len = self.rows[from..].iter().take_while(|row| row.what == *what).count();
        let mut said = undone.clone();
        // What holds, and of what nobody knows; and whatever came after the last call after which any did.
        let (mut open, mut doubt, mut first) = (*parts, 0, None);
        for second in self.rows[from..from + len].chunk_by(|one, other| one.time == other.time) {
            let (mut set, mut cleared, unread) = left_by(second);
            if let Some(said) = said.take_if(|said| said.at.0 <= second[0].time) {
                // What an earlier run has read of this second cleared it.
                cleared |= if said.at.0 == second[0].time { u64::MAX } else { 0 };
                (open, doubt) = (0, 0);
                first = first.or(Some(said));
            }
            // Of calls of one second nobody knows which was the last.
            let unsure = unread | set & cleared;
            (set, cleared) = (set & !unsure, cleared & !unsure);
            open = open & !cleared | parts & set;
            // What holds does, as far as is known.
            doubt = (doubt & !cleared | parts & unsure) & !open;
            first = match open | doubt {
                0 => {
                    first.or_else(|| second.iter().find(|row| clears(row)).map(|row| self.by(row)))
                }
                _ => None,
            };
        }
        match (first.or(said), open) {
            (Some(undone), _) => Now::Undone(undone),
            (None, 0) if doubt != 0 => Now::Unknown,
            (None, _) => Now::Open,
        }
    }

    fn by(&self, row: &Undoing) -> Undone {
        Undone { at: Time(row.time), by: self.names.get(&row.who).cloned() }
    }

    /// What became of what an event did; `None` if nothing can undo it, or nobody knows. An earlier run may
    /// have told of it in `doing`.
    fn of_event(
        &self,
        event: &EventRef,
        about_strangers: bool,
        doing: Option<&Doing>,
    ) -> Option<Option<Undone>> {
        let done = reversible(event, about_strangers)?;
        let (what, parts) = (self.key.short(done.what.as_bytes()), done.parts);
        let Some(time) = event.time else { return Some(None) };
        if let Some(known) = doing.and_then(|doing| doing.deed(what, parts, time)) {
            return Some(known.undone.clone());
        }
        match self.now(&Deed { time, what, parts, undone: None }) {
            Now::Open => Some(None),
            Now::Undone(undone) => Some(Some(undone)),
            Now::Unknown => None,
        }
    }

    /// All that a finding did, as it was told; `None` if nobody knows, or if nothing can undo all of it.
    pub fn doing(key: HashKey, finding: &Finding) -> Option<Doing> {
        let is_whole = finding.count <= finding.events.len() as u64 && finding.folded == 0;
        if finding.attempt || !is_whole {
            return None;
        }
        let about_strangers = about_strangers(finding);
        let deed = |event: &EventRef| {
            let done = reversible(event, about_strangers)?;
            let what = key.short(done.what.as_bytes());
            Some(Deed { time: event.time?, what, parts: done.parts, undone: event.undone.clone() })
        };
        let mut deeds: Vec<Deed> = finding.events.iter().map(deed).collect::<Option<_>>()?;
        deeds.sort();
        let of_key = finding.key.as_ref().map(|key| &key.arn);
        let target = of_key.or(finding.resource.as_ref().map(|resource| &resource.arn));
        let target = target.filter(|name| name.len() <= NAME).cloned();
        let Finding { rule, level, .. } = finding;
        let number = finding.number().filter(|_| !deeds.is_empty())?;
        Some(Doing { number, rule: rule.clone(), level: *level, target, deeds })
    }

    /// Whether no earlier run has left word of what a finding did, though one may have told of it.
    pub fn knows_none(&self, finding: &Finding) -> bool {
        let number = finding.number();
        self.before.as_ref().is_none_or(|all| number.is_none_or(|n| !all.contains_key(&n)))
    }

    /// Tells what became of a finding's events, and of the finding. Unless all of it `is_here`, or an
    /// earlier run has left word of the rest, it is not told to be undone.
    pub fn tell(&self, finding: &mut Finding, is_here: bool) {
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
        let about_strangers = about_strangers(finding);
        let doing = self.before.as_ref().and_then(|before| before.get(&finding.number()?));
        let mut state: Option<Option<Undone>> = None;
        // Nobody knows of events that are not shown, or that nothing can undo.
        let mut is_whole = finding.count <= finding.events.len() as u64 && is_here;
        // What is open in part is open.
        let mut add = |undone: Option<Undone>| {
            state = Some(match state.take() {
                Some(known) => known.zip(undone).map(|(one, other)| one.max(other)),
                None => undone,
            });
        };
        for event in &mut finding.events {
            let Some(undone) = self.of_event(event, about_strangers, doing) else {
                is_whole = false;
                continue;
            };
            event.undone.clone_from(&undone);
            add(undone);
        }
        doing.iter().flat_map(|doing| &doing.deeds).for_each(|deed| add(deed.undone.clone()));
        let due = due(finding);
        finding.effect = match (state, due) {
            (None, None) => None,
            (Some(Some(undone)), _) => {
                is_whole.then_some(Effect { fate: Fate::Reversed, undone: Some(undone), due: None })
            }
            (_, due) => Some(Effect { fate: Fate::Open, undone: None, due }),
        };
    }
}

/// The parts that calls of one second set, those that they clear, and those of which they leave nobody to
/// know.
fn left_by(second: &[Undoing]) -> (u64, u64, u64) {
    second.iter().fold((0, 0, 0), |(set, cleared, unread), row| {
        let (set, cleared) = (set | row.parts & !row.cleared, cleared | row.cleared & !row.parts);
        (set, cleared, unread | row.parts & row.cleared)
    })
}

/// Whether a call clears anything for good.
fn clears(row: &Undoing) -> bool {
    row.cleared & !row.parts != 0
}

/// What an event did, if another call can undo it. Of a key policy only whom it lets in is compared, so
/// that only findings about strangers are told of it.
fn reversible(event: &EventRef, about_strangers: bool) -> Option<&Reversible> {
    let request = event.request.as_ref().filter(|request| request.error.is_none())?;
    let done = request.reversible.as_ref()?;
    (about_strangers || !done.what.starts_with("PutKeyPolicy ")).then_some(done)
}

fn about_strangers(finding: &Finding) -> bool {
    finding.details.contains_key("external_accounts")
}

/// When a key is deleted, or its material expires.
fn due(finding: &Finding) -> Option<Time> {
    // Of several events the details are those of the first.
    let text = |name: &str| finding.details.get(name).filter(|_| finding.count == 1)?.as_str();
    text("deletionDate").or_else(|| text("valid_to")).and_then(date_text::read)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What calls leave of a deed with one part: each has a time, the parts that it sets and those that it
    /// clears, and who made it.
    fn left(rows: &[(i64, u64, u64, &str)], undone: Option<i64>) -> Now {
        let mut all = Undoings::none(HashKey::of_seed(7));
        for (time, parts, cleared, by) in rows {
            let (time, by) = (Time(*time), Some((*by).to_owned()));
            all.recall(&KnownUndoing { time, what: 7, parts: *parts, cleared: *cleared, by });
        }
        all.sort();
        let undone = undone.map(|at| Undone { at: Time(at), by: None });
        all.now(&Deed { time: Time(1), what: 7, parts: 1, undone })
    }

    const SET: (u64, u64) = (1, 0);
    const CLEAR: (u64, u64) = (0, 1);

    fn at(time: i64, (parts, cleared): (u64, u64), by: &str) -> (i64, u64, u64, &str) {
        (time, parts, cleared, by)
    }

    #[test]
    fn of_calls_of_one_second_nobody_knows_which_was_the_last() {
        for (one, other) in [("ana", "bob"), ("bob", "ana")] {
            let both = [at(5, SET, one), at(5, CLEAR, other)];
            assert_eq!(left(&both, None), Now::Open, "it held before");
            let undone = [&[at(4, CLEAR, "ana")][..], &both].concat();
            assert_eq!(left(&undone, None), Now::Unknown);
            assert_eq!(left(&both, Some(3)), Now::Unknown);
            assert_eq!(left(&[at(5, SET, one)], Some(5)), Now::Unknown);
            // Whatever comes later says it.
            let last = |of| left(&[&undone[..], &[at(6, of, "ana")]].concat(), None);
            assert_eq!(last(SET), Now::Open);
            assert_eq!(last(CLEAR), Now::Undone(Undone { at: Time(6), by: Some("ana".into()) }));
        }
        let twice = [at(5, CLEAR, "bob"), at(5, CLEAR, "ana")];
        assert_eq!(left(&twice, None), Now::Undone(Undone { at: Time(5), by: Some("ana".into()) }));
    }
}
