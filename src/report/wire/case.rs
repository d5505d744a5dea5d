//! A case as JSON, and what became of a finding.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::case::{self, Names};
use crate::model::finding::Status;
use crate::model::level::Level;
use crate::model::time::Time;
use crate::model::undo::{Effect, Fate};

/// One case: a member of `cases`.
#[derive(Serialize, JsonSchema)]
pub struct Case<'a> {
    /// Names it in all reports that go on from each other.
    id: &'a str,
    /// What is gravest in it.
    title: &'a str,
    /// The highest level of its findings.
    level: Level,
    /// Its place among all cases, from 1: what to look at first.
    rank: u64,
    /// Whether an earlier run has reported it.
    status: Status,
    /// Who acted, those of the gravest findings first.
    actors: &'a [String],
    /// The ids of the access keys with which they acted.
    credentials: &'a [String],
    /// Where their calls came from.
    source_ips: &'a [String],
    /// The ARNs of the keys that it is about.
    keys: &'a [String],
    /// The time of its first event.
    first_seen: Option<Time>,
    /// The time of its last event.
    last_seen: Option<Time>,
    /// The fingerprints of its findings.
    findings: &'a [String],
    /// The ids of cases of earlier reports that turned out to be this one.
    merged: Vec<&'a str>,
    /// Whom the actors hit: who failed on what they did to a key.
    hit: &'a [String],
    /// What became of what was done, if it can be undone.
    outcome: Option<Outcome<'a>>,
    /// How many tactics of MITRE ATT&CK its findings cover.
    tactics: u32,
    /// How many of each there are, of which the lists have the first.
    counts: Counts,
}

#[derive(Serialize, JsonSchema)]
struct Counts {
    /// Who acted.
    actors: u64,
    /// Whom they hit.
    hit: u64,
    /// Access keys.
    credentials: u64,
    /// Addresses.
    source_ips: u64,
    /// Keys.
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
#[derive(Serialize, JsonSchema)]
pub struct Outcome<'a> {
    /// Whether it still holds.
    #[schemars(with = "Fate")]
    state: &'static str,
    /// When it was undone.
    at: Option<Time>,
    /// Who undid it.
    by: Option<&'a str>,
    /// When something is due that cannot be undone any more, such as the deletion of a key.
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
