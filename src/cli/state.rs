//! `--state`: what earlier runs have left, opened before anything is read, and what this one leaves,
//! written when its report is.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::failure::Failure;
use super::ui::Messages;
use crate::engine::{Filter, Past};
use crate::model::memory::{Dated, Id};
use crate::model::origin::Origin;
use crate::model::outcome::Outcome;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::report;
use crate::source::Known;
use crate::source::s3::{Address, Cloud, Kept, Store};
use crate::state::{self, Added, File, Met, Refused, State, decode, encode};

/// Where a state is.
#[derive(Debug)]
enum Place {
    File(File),
    Object(Box<Store>, Option<Kept>),
}

/// A state that this run goes on from.
#[derive(Debug)]
pub struct Opened {
    /// As typed.
    name: String,
    place: Place,
    /// What the last run has left.
    pub state: State,
    met: Arc<Met>,
}

impl Opened {
    /// Opens the state that `--state` names.
    ///
    /// # Errors
    /// When another run uses it, or it is none.
    pub fn open(name: &OsStr, cloud: Option<&Arc<Cloud>>) -> Result<Opened, Failure> {
        let shown = name.to_string_lossy().into_owned();
        let hinted = |reason, hint| Failure::State { name: shown.clone(), reason, hint };
        let failure = |reason: String| hinted(reason, None);
        let (place, mut state) = match name.to_str().filter(|name| Address::is_meant(name)) {
            None => {
                let (file, state) = File::open(Path::new(name)).map_err(|refused| {
                    let hint = hint(&refused);
                    hinted(refused.to_string(), hint)
                })?;
                (Place::File(file), state)
            }
            Some(word) => {
                let address = Address::parse(word).map_err(&failure)?;
                if address.prefix.is_empty() || address.prefix.ends_with('/') {
                    return Err(failure("expected the key of an object behind the bucket".into()));
                }
                let cloud = cloud.ok_or_else(|| failure("S3 cannot be reached".into()))?;
                let store = Store::new(Arc::clone(cloud), address);
                let kept = store.read().map_err(&failure)?;
                let state = kept.as_ref().map_or(Ok(State::default()), |kept| decode(&kept.bytes));
                (
                    Place::Object(Box::new(store), kept),
                    state.map_err(|reason| hinted(reason, Some(ANEW)))?,
                )
            }
        };
        let met = Arc::new(Met::new(std::mem::take(&mut state.objects)));
        Ok(Opened { name: shown, place, state, met })
    }

    /// What was read before and need not be read; nothing if it is to be read `again`.
    pub fn known(&self, again: bool) -> Known {
        let met = Arc::clone(&self.met);
        Known::new(move |id| met.meet(id) && !again)
    }

    /// What the engine goes on from. It takes the memory out of the state.
    pub fn past(&mut self, late: i64, again: bool) -> Past {
        let memory = std::mem::take(&mut self.state.memory);
        Past { memory, late, reread: again.then(|| self.met.objects()) }
    }

    /// Says if earlier runs have read records that this one asks for, and have left them out.
    pub fn left_out(&self, since: Option<Time>) -> Option<Problem> {
        let (first, last) = self.state.memory.left_out?;
        let first = since.map_or(first, |since| first.max(since));
        let message = format!(
            "earlier runs had a later --since and left out records from {first} to {last} that they \
             have read: they are not judged; --reread reads them again"
        );
        (first <= last).then(|| Problem::new(Origin::blob("*"), Stage::Read, message))
    }

    /// The fingerprints of what was found before.
    pub fn reported(&self) -> Dated {
        self.state.reported.clone()
    }

    /// Says what of a run that asks this the runs before were not asked. `again`: whether it reads again what
    /// they have read.
    pub fn say(
        &self,
        asked: &str,
        rules: &BTreeMap<String, String>,
        again: bool,
        messages: Messages,
    ) {
        if self.state.asked_other(asked) {
            messages.note(match again {
                true => "the rules or filters are not those of the last run: what it has read is read again",
                false => "the rules or filters are not those of the last run: what it has read is not read again without --reread",
            });
        }
        let new = if again { Vec::new() } else { self.state.new_rules(rules) };
        if !new.is_empty() {
            let rules = new.join(", ");
            messages
                .note(format!("new or changed since the last run, and not asked of it: {rules}"));
        }
    }

    /// What a report says of it, if `rules` are those of this run, and what was read is read
    /// `again`.
    pub fn describe(&self, rules: &BTreeMap<String, String>, again: bool) -> report::State {
        report::State {
            path: self.name.clone(),
            runs: self.state.runs,
            previous: self.state.written,
            recalled: self.state.memory.recalled.len() as u64 + self.state.memory.uses.count,
            new_rules: if again { Vec::new() } else { self.state.new_rules(rules) },
        }
    }

    /// Writes what the next run goes on from. `asked` is what the run asked, `rules` those that it
    /// reported.
    ///
    /// # Errors
    /// Why it could not be written; the last state stays.
    pub fn commit(
        mut self,
        asked: (String, BTreeMap<String, String>),
        outcome: &mut Outcome,
        found: Vec<Id>,
    ) -> Result<(), String> {
        self.put(asked, outcome, found)
    }

    /// The same, and goes on from it. What it takes out of the outcome is then in `state`, but for the
    /// objects that were read.
    ///
    /// # Errors
    /// As [`commit`](Opened::commit).
    pub fn put(
        &mut self,
        (asked, rules): (String, BTreeMap<String, String>),
        outcome: &mut Outcome,
        found: Vec<Id>,
    ) -> Result<(), String> {
        let Some(mut memory) = outcome.memory.take() else {
            return Err(
                "not written, since something that was read is missing from the report".into()
            );
        };
        memory.coverage = std::mem::take(&mut outcome.coverage);
        let added = Added {
            met: &self.met,
            read: std::mem::take(&mut outcome.read),
            found,
            memory,
            asked,
            rules,
        };
        let state = self.state.after(added, Time::now());
        let written = match &mut self.place {
            Place::File(file) => {
                file.replace(&state).map_err(|error| format!("cannot be written: {error}"))
            }
            Place::Object(store, kept) => encode(&state)
                .map_err(|error| error.to_string())
                .and_then(|bytes| store.write(bytes, kept.as_ref()))
                .map(|now| *kept = Some(now))
                .map_err(|why| format!("cannot be written: {why}")),
        };
        written.map_err(|reason| format!("{}: {reason}", self.name))?;
        self.state = state;
        self.met = Arc::new(Met::new(std::mem::take(&mut self.state.objects)));
        Ok(())
    }
}

/// What a run asks: its rules, and what they look at.
pub fn asked(rules_digest: &str, filter: &Filter) -> String {
    format!("{rules_digest} {:?} {:?}", filter.accounts, filter.regions)
}

/// What to do about what is no state.
const ANEW: &str = "move the state away to begin anew: all findings are then reported again";

/// What to do about a state that cannot be used.
fn hint(refused: &Refused) -> Option<&'static str> {
    match refused {
        Refused::Busy => Some("wait for the other run to end"),
        Refused::NoState(_) => Some(ANEW),
        Refused::InTheWay(_) => None,
        Refused::Denied { .. } => Some(
            "a run puts its lock and the next state beside the state: the folder must be there and \
             be writable",
        ),
    }
}

/// The files of a state that lie on disk.
pub fn files(name: Option<&OsStr>) -> Vec<PathBuf> {
    match name.filter(|name| !name.to_str().is_some_and(Address::is_meant)) {
        Some(name) => state::files(Path::new(name)).into(),
        None => Vec::new(),
    }
}
