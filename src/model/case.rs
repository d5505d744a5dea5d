//! A case: the findings that one actor's doings gave, told together.
//!
//! The parts of a report that a person works through. A finding stays a finding, with its fingerprint;
//! a case gathers those that are linked by an event, or by whoever is behind their credentials.

use std::sync::Arc;

use super::finding::Status;
use super::level::Level;
use super::time::Time;
use super::undo::Effect;

/// So many names of each kind a case lists; the others are counted.
pub const LISTED: usize = 100;

/// Findings that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// 12 hexadecimal digits of the fingerprint that its earliest event has first.
    pub id: Arc<str>,
    /// Cases of earlier reports that turned out to be this one.
    pub merged: Vec<Arc<str>>,
    /// What is gravest in it.
    pub title: String,
    /// The highest level of its findings.
    pub level: Level,
    /// The place among all cases, from 1: what a reader should look at first.
    pub rank: u64,
    /// Whether an earlier run has told of it.
    pub status: Status,
    /// Who acted, those of the gravest findings first.
    pub actors: Names,
    /// Whom its actors hit: who failed on what they did to a key.
    pub hit: Names,
    /// The ids of the access keys with which they acted.
    pub credentials: Names,
    /// Where their requests came from.
    pub source_ips: Names,
    /// The ARNs of the keys that it is about.
    pub keys: Names,
    /// What became of what was done: open if anything of it is.
    pub effect: Option<Effect>,
    /// How many MITRE ATT&CK tactics its findings cover, the gravest of each finding.
    pub tactics: u32,
    /// The time of the earliest event.
    pub first_seen: Option<Time>,
    /// The time of the latest event.
    pub last_seen: Option<Time>,
    /// The fingerprints of its findings, in the order of the report.
    pub findings: Vec<String>,
}

/// Names in the order in which they came, each once; at most [`LISTED`] of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// The first ones.
    pub first: Vec<String>,
    /// How many there are.
    pub count: u64,
}

/// All cases of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cases {
    /// In the order of their ranks.
    pub all: Vec<Case>,
    /// How many findings are in no case, since there are too many.
    pub without: u64,
}

/// A case of an earlier run, as later ones know it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownCase {
    /// The time of its earliest event: of two cases the older one's id stays.
    pub first: Time,
    /// Its id.
    pub id: Arc<str>,
    /// When each of its actors did something; keyed hashes of their lineages.
    pub spans: Vec<(u64, Time, Time)>,
    /// The fingerprints of its findings, as numbers.
    pub findings: Vec<[u64; 2]>,
}

impl KnownCase {
    /// The time of its latest event.
    pub fn last(&self) -> Time {
        self.spans.iter().map(|(_, _, last)| *last).max().unwrap_or(self.first)
    }
}
