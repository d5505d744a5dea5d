//! The part of the JSON form that is about the run itself.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::level::Level;
use crate::model::memory::Memory;
use crate::model::outcome::Outcome;
use crate::model::time::Time;
use crate::report;

#[derive(Serialize, JsonSchema)]
pub(super) struct Run<'a> {
    /// When the run began.
    started: Time,
    /// When the last input was read.
    finished: Time,
    /// The sources as they were given.
    sources: &'a [String],
    /// Only events from this time on are reported.
    since: Option<Time>,
    /// Only events before this time are reported.
    until: Option<Time>,
    /// Whether everything was read: no problem, and no signal.
    complete: bool,
    /// The command line, the name of the program first.
    command: &'a [String],
    /// The version of the program.
    version: &'static str,
    /// The digest of the effective configuration, `sha256:…`.
    config: &'a str,
    /// The digest of the names and sizes of the input, `sha256:…`; with `--verify` of its contents too.
    manifest: &'a str,
    /// The configuration that was read.
    config_file: Option<&'a str>,
    /// The earlier report that findings are compared with.
    baseline: Option<Baseline<'a>>,
    /// Whether a finding is one event instead of a group.
    each: bool,
    /// What earlier runs have left, with `--state`.
    state: Option<State<'a>>,
    /// What was passed over in buckets.
    listed: Listed,
    /// The lines of which `config` is the digest.
    settings: &'a [String],
    /// The least level that is listed.
    min_level: Level,
    /// The machine, if its name was given.
    host: Option<&'a str>,
    /// SHA-256 of the program's file, `sha256:…`, where evidence was to be filed.
    program: Option<&'a str>,
    /// The accounts and Regions that should deliver.
    expected: Expected<'a>,
}

/// The accounts and Regions that should deliver.
#[derive(Serialize, JsonSchema)]
struct Expected<'a> {
    /// Accounts, 12 digits each.
    accounts: &'a [String],
    /// Regions.
    regions: &'a [String],
}

/// What earlier runs have left.
#[derive(Serialize, JsonSchema)]
struct State<'a> {
    /// The state as it was given.
    path: &'a str,
    /// How many runs have gone on from each other before this one.
    runs: u64,
    /// When the last of them ended.
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
    /// Findings of which later runs will not tell whether they were undone.
    findings_forgotten: u64,
}

/// What was passed over in buckets.
#[derive(Serialize, JsonSchema)]
struct Listed {
    /// Requests that listed objects.
    requests: u64,
    /// Objects of days that the range cannot need.
    objects_outside_range: u64,
    /// Folders that hold no trail logs, or those of other accounts.
    folders_left_alone: u64,
}

#[derive(Serialize, JsonSchema)]
struct Baseline<'a> {
    /// The file as it was given.
    path: &'a str,
    /// Its digest, `sha256:…`.
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
                findings_forgotten: of(|memory| memory.doings_forgotten),
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
