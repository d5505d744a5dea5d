//! A case as JSON, and what became of a finding.

use serde::Serialize;

use crate::model::case::{self, Names};
use crate::model::finding::Status;
use crate::model::level::Level;
use crate::model::time::Time;
use crate::model::undo::Effect;

/// One case: a member of `cases`.
#[derive(Serialize)]
pub struct Case<'a> {
    id: &'a str,
    title: &'a str,
    level: Level,
    rank: u64,
    status: Status,
    actors: &'a [String],
    credentials: &'a [String],
    source_ips: &'a [String],
    keys: &'a [String],
    first_seen: Option<Time>,
    last_seen: Option<Time>,
    findings: &'a [String],
    merged: Vec<&'a str>,
    hit: &'a [String],
    outcome: Option<Outcome<'a>>,
    tactics: u32,
    /// How many of each there are, of which the lists above have the first.
    counts: Counts,
}

#[derive(Serialize)]
struct Counts {
    actors: u64,
    hit: u64,
    credentials: u64,
    source_ips: u64,
    keys: u64,
}

impl<'a> From<&'a case::Case> for Case<'a> {
    fn from(case: &'a case::Case) -> Self {
        let [actors, credentials, source_ips, keys]: [&Names; 4] =
            [&case.actors, &case.credentials, &case.source_ips, &case.keys];
        Case {
            id: &case.id,
            title: &case.title,
            level: case.level,
            rank: case.rank,
            status: case.status,
            actors: &actors.first,
            credentials: &credentials.first,
            source_ips: &source_ips.first,
            keys: &keys.first,
            first_seen: case.first_seen,
            last_seen: case.last_seen,
            findings: &case.findings,
            merged: case.merged.iter().map(|id| &**id).collect(),
            hit: &case.hit.first,
            outcome: case.effect.as_ref().map(Outcome::from),
            tactics: case.tactics,
            counts: Counts {
                actors: actors.count,
                hit: case.hit.count,
                credentials: credentials.count,
                source_ips: source_ips.count,
                keys: keys.count,
            },
        }
    }
}

/// What became of what a finding is about.
#[derive(Serialize)]
pub struct Outcome<'a> {
    state: &'static str,
    at: Option<Time>,
    by: Option<&'a str>,
    due: Option<Time>,
}

impl<'a> From<&'a Effect> for Outcome<'a> {
    fn from(effect: &'a Effect) -> Self {
        let undone = effect.undone.as_ref();
        Outcome {
            state: effect.fate.as_str(),
            at: undone.map(|undone| undone.at),
            by: undone.and_then(|undone| undone.by.as_deref()),
            due: effect.due,
        }
    }
}
