//! The part of the JSON form that is about the run itself.

use serde::Serialize;

use crate::model::level::Level;
use crate::model::memory::Memory;
use crate::model::outcome::Outcome;
use crate::model::time::Time;
use crate::report;

#[derive(Serialize)]
pub(super) struct Run<'a> {
    started: Time,
    finished: Time,
    sources: &'a [String],
    since: Option<Time>,
    until: Option<Time>,
    complete: bool,
    command: &'a [String],
    version: &'static str,
    config: &'a str,
    manifest: &'a str,
    /// `config` is a digest, of all that the options and this file say.
    config_file: Option<&'a str>,
    baseline: Option<Baseline<'a>>,
    each: bool,
    state: Option<State<'a>>,
    listed: Listed,
    /// The lines of which `config` is the digest.
    settings: &'a [String],
    min_level: Level,
    host: Option<&'a str>,
    program: Option<&'a str>,
    expected: Expected<'a>,
}

/// The accounts and Regions that should deliver.
#[derive(Serialize)]
struct Expected<'a> {
    accounts: &'a [String],
    regions: &'a [String],
}

/// What earlier runs have left.
#[derive(Serialize)]
struct State<'a> {
    path: &'a str,
    runs: u64,
    previous: Option<Time>,
    /// Files and objects that were not read again.
    read_before: u64,
    /// Records and uses of earlier runs that rules over many records have looked at again.
    recalled: u64,
    /// Records and uses that such rules still need and for which there was no room.
    forgotten: u64,
    /// Records and uses of earlier runs that are older than any rule looks back.
    aged: u64,
    /// Records of which a copy that comes later counts again.
    copies_forgotten: u64,
    /// Cases that later runs will not know, or not all of.
    cases_forgotten: u64,
    /// Credentials of which later runs will not know who made them.
    credentials_forgotten: u64,
    /// Rules by which earlier runs did not judge what they have read.
    new_rules: &'a [String],
}

/// What was passed over in buckets.
#[derive(Serialize)]
struct Listed {
    requests: u64,
    objects_outside_range: u64,
    folders_left_alone: u64,
}

#[derive(Serialize)]
struct Baseline<'a> {
    path: &'a str,
    sha256: &'a str,
}

impl<'a> Run<'a> {
    pub fn new(run: &'a report::Run, outcome: &'a Outcome, version: &'static str) -> Run<'a> {
        let of = |number: fn(&Memory) -> u64| outcome.memory.as_ref().map_or(0, number);
        Run {
            started: run.started,
            finished: run.finished,
            sources: &run.sources,
            since: run.since,
            until: run.until,
            complete: outcome.complete(),
            command: &run.command,
            version,
            config: &run.config_digest,
            manifest: &outcome.manifest,
            config_file: run.config_file.as_deref(),
            baseline: run
                .baseline
                .as_ref()
                .map(|baseline| Baseline { path: &baseline.path, sha256: &baseline.sha256 }),
            each: run.each,
            state: run.state.as_ref().map(|state| State {
                path: &state.path,
                runs: state.runs,
                previous: state.previous,
                read_before: outcome.passed.known,
                recalled: state.recalled,
                forgotten: of(|memory| memory.forgotten),
                aged: of(|memory| memory.aged),
                copies_forgotten: of(|memory| memory.copies_forgotten),
                cases_forgotten: of(|memory| memory.cases_forgotten),
                credentials_forgotten: of(|memory| memory.issued_forgotten),
                new_rules: &state.new_rules,
            }),
            listed: Listed {
                requests: outcome.passed.requests,
                objects_outside_range: outcome.passed.outside,
                folders_left_alone: outcome.passed.left_alone,
            },
            settings: &run.settings,
            min_level: run.min_level,
            host: run.host.as_deref(),
            program: run.program.as_deref(),
            expected: Expected { accounts: &run.expected.accounts, regions: &run.expected.regions },
        }
    }
}
