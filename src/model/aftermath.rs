//! What became, in a later run, of what earlier runs told of.
//!
//! A run with a state tells a finding once. What undoes it may come nights later, in a run that has no
//! other news of it. So each run leaves what its findings did, and a later one tells what of that was
//! undone meanwhile. What must stay true: as in [`super::undo`], nothing is told to be undone that may
//! still be in force. So of whatever had no room, nothing is told.

use super::level::Level;
use super::time::Time;
use super::undo::{Effect, Fate, Undone};

/// Something that a call did, and another call can undo.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deed {
    /// When.
    pub time: Time,
    /// Keyed hash of [`super::undo::Reversible::what`].
    pub what: u64,
    /// Its parts.
    pub parts: u64,
    /// When it was undone, if it was.
    pub undone: Option<Undone>,
}

/// A finding that was told, and all that its events did. Of one of which not all is known, nothing is
/// kept: nobody knows whether all was undone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Doing {
    /// The fingerprint, as a number.
    pub number: [u64; 2],
    /// The rule's id.
    pub rule: String,
    /// The highest level that was told.
    pub level: Level,
    /// The ARN of the key that it is about, else of the resource.
    pub target: Option<String>,
    /// What was done, by time, each once; at least one thing.
    pub deeds: Vec<Deed>,
}

/// A call that may have undone something, as later runs know it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownUndoing {
    /// When.
    pub time: Time,
    /// Keyed hash of what it undid.
    pub what: u64,
    /// The parts of it that hold afterwards.
    pub parts: u64,
    /// Those that do not. What is in neither stays as it was; of what is in both nobody knows.
    pub cleared: u64,
    /// Who made it.
    pub by: Option<String>,
}

/// What a run learnt of a finding that an earlier one told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aftermath {
    /// The fingerprint.
    pub fingerprint: String,
    /// The rule's id.
    pub rule: String,
    /// The level that was told.
    pub level: Level,
    /// The ARN of the key that it is about, else of the resource.
    pub target: Option<String>,
    /// What became of it: it was undone; or what was undone holds again.
    pub effect: Effect,
}

/// So many deeds of one finding are known.
pub const DEEDS: usize = 100;

impl Doing {
    /// When the last of it was undone; `None` if any of it still holds.
    pub fn undone(&self) -> Option<&Undone> {
        let all = self.deeds.iter().all(|deed| deed.undone.is_some());
        self.deeds.iter().filter_map(|deed| deed.undone.as_ref()).max().filter(|_| all)
    }

    /// The time of the last thing that is known of it.
    pub fn last(&self) -> Option<Time> {
        let times = |deed: &Deed| [Some(deed.time), deed.undone.as_ref().map(|undone| undone.at)];
        self.deeds.iter().flat_map(times).flatten().max()
    }

    /// What was done then, if it is known.
    pub fn deed(&self, what: u64, parts: u64, time: Time) -> Option<&Deed> {
        self.deeds.iter().find(|deed| (deed.what, deed.parts, deed.time) == (what, parts, time))
    }

    /// Both, if there is room for what both did.
    #[must_use]
    pub fn with(mut self, later: Doing) -> Option<Doing> {
        for deed in later.deeds {
            if self.deed(deed.what, deed.parts, deed.time).is_none() {
                self.deeds.push(deed);
            }
        }
        self.deeds.sort();
        let Doing { number, rule, .. } = self;
        let (level, target) = (self.level.max(later.level), self.target.or(later.target));
        let doing = Doing { number, rule, level, target, deeds: self.deeds };
        (doing.deeds.len() <= DEEDS).then_some(doing)
    }

    /// What is to be told of it.
    pub fn aftermath(&self) -> Aftermath {
        let undone = self.undone().cloned();
        let fate = if undone.is_some() { Fate::Reversed } else { Fate::Open };
        let [high, low] = self.number;
        Aftermath {
            fingerprint: format!("{high:016x}{low:016x}"),
            rule: self.rule.clone(),
            level: self.level,
            target: self.target.clone(),
            effect: Effect { fate, undone, due: None },
        }
    }
}
