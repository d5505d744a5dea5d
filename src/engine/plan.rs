//! What to scan for, and how: everything that a run is told before it begins.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::detect::RuleSet;
use crate::model::coverage::{Coverage, Place};
use crate::model::estate::Estate;
use crate::model::finding::{Finding, Status};
use crate::model::findings::Findings;
use crate::model::keys::asked::KeysAsked;
use crate::model::level::Level;
use crate::model::memory::{Dated, Memory};
use crate::model::pattern::Patterns;
use crate::model::time::Time;
use crate::record::event::{Header, Raw};
use crate::source::gate::Gate;
use crate::tags::book::Book;

/// Which records are reported. Those outside are read and counted all the same.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// `eventTime` at or after.
    pub since: Option<Time>,
    /// `eventTime` before.
    pub until: Option<Time>,
    /// `recipientAccountId` one of these, when there are any.
    pub accounts: Vec<String>,
    /// `awsRegion` one of these, when there are any.
    pub regions: Vec<String>,
}

impl Filter {
    /// Where a record lies. One without a readable time is reported, since nobody can say that it
    /// lies outside.
    pub(super) fn range(&self, time: Option<Time>, header: &Header<'_>) -> Range {
        let one_of = |wanted: &[String], value: Option<Raw<'_>>| {
            wanted.is_empty()
                || value.and_then(Raw::text).is_some_and(|text| wanted.iter().any(|w| *w == text))
        };
        let until = self.until.zip(time).is_none_or(|(until, time)| time < until);
        if !until
            || !one_of(&self.accounts, header.account)
            || !one_of(&self.regions, header.region)
        {
            return Range::Outside;
        }
        let since = self.since.zip(time).is_none_or(|(since, time)| time >= since);
        if since { Range::Reported } else { Range::Before }
    }

    /// Whether a record is known to lie in what is reported.
    pub fn has_record(&self, time: Option<Time>, header: &Header<'_>) -> bool {
        let is_known = time.is_some() || (self.since.is_none() && self.until.is_none());
        is_known && self.range(time, header) == Range::Reported
    }

    /// Whether a use that an earlier run has left lies in what is reported or before it.
    pub(super) fn has_use(&self, time: Time, [account, region]: [Option<&str>; 2]) -> bool {
        let one_of = |wanted: &[String], value: Option<&str>| {
            wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|w| w == value))
        };
        self.until.is_none_or(|until| time < until)
            && one_of(&self.accounts, account)
            && one_of(&self.regions, region)
    }

    /// Whether every account and Region is reported, up to now.
    pub(super) fn is_whole(&self) -> bool {
        let Filter { since: _, until, accounts, regions } = self;
        until.is_none() && accounts.is_empty() && regions.is_empty()
    }

    /// Whether what is said of an account and Region is reported.
    pub(super) fn has_place(&self, place: &Place) -> bool {
        let one_of = |wanted: &[String], value| wanted.is_empty() || wanted.contains(value);
        one_of(&self.accounts, &place.account) && one_of(&self.regions, &place.region)
    }
}

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    /// In what is reported.
    Reported,
    /// In what an earlier run has reported: it feeds what needs history, and what is decided only
    /// now may rest on it.
    Recalled,
    /// Likewise, and this run has read it again: whatever this run finds rests on it too.
    Again,
    /// Before it: it feeds what needs history.
    Before,
    /// After it, or of another account or Region.
    Outside,
}

impl Range {
    /// Whether an earlier run has reported it.
    pub(super) fn is_recalled(self) -> bool {
        matches!(self, Range::Recalled | Range::Again)
    }

    /// Whether single records of it make findings.
    pub(super) fn is_found(self) -> bool {
        matches!(self, Range::Reported | Range::Again)
    }
}

/// What to scan for, and how.
#[derive(Debug)]
pub struct Plan {
    /// The rules to ask.
    pub rules: RuleSet,
    /// What the organisation tells about itself.
    pub estate: Arc<Estate>,
    /// Which records are reported.
    pub filter: Filter,
    /// How many workers; at least 1.
    pub threads: usize,
    /// One finding an event instead of one a group.
    pub each: bool,
    /// Findings below are counted, not listed.
    pub min_level: Level,
    /// What bounds memory.
    pub limits: Limits,
    /// Tags that are known from elsewhere.
    pub tags: Book,
    /// What earlier runs have left, if this one is to leave something too.
    pub past: Option<Past>,
    /// The hours that earlier runs knew. They tell what is usual, and where a gap began that this
    /// run ends or finds still open.
    pub coverage: Coverage,
    /// When the scan runs: no log tells of later.
    pub now: Time,
    /// Who decides which blobs count, if not all do.
    pub gate: Option<Arc<dyn Gate>>,
    /// Who decides which findings are told, if not all are.
    pub admit: Option<Admit>,
    /// What makes the key of hashes, if what is found is to be put together with what others find.
    pub seed: Option<u64>,
    /// What of keys is asked for, if an inventory is.
    pub keys: Option<KeysAsked>,
    /// Whether all uses of keys are to be listed.
    pub lists_uses: bool,
    /// Whether the files that are read are named in the outcome.
    pub names_files: bool,
    /// Whether records only go to whoever gathers, and make nothing but totals and problems.
    pub only_gathers: bool,
    /// Who and what should be met.
    pub to_meet: ToMeet,
}

/// Patterns of which a run says whether they fit anything that rules look at.
#[derive(Debug, Clone, Default)]
pub struct ToMeet {
    /// Of the ARNs of callers.
    pub callers: Patterns,
    /// Of the ARNs and aliases of keys.
    pub keys: Patterns,
    /// Services by the first label of their host names, without wildcards.
    pub services: Patterns,
    /// Buckets by their names, without wildcards.
    pub buckets: Patterns,
    /// Of the names of alarms, event rules, metric filters and Config rules.
    pub monitors: Patterns,
}

/// Decides whether a finding is told, and whether an earlier report has it. It is asked once about
/// each, before many findings of one actor become one.
#[derive(Clone)]
pub struct Admit {
    decide: Arc<Mutex<Decide>>,
    found_before: Arc<FoundBefore>,
}

/// What decides.
type Decide = dyn FnMut(&Finding) -> Option<Status> + Send;
/// Whether an earlier run has found it, listed or not.
type FoundBefore = dyn Fn(&Finding) -> bool + Send + Sync;

impl Admit {
    /// One that asks `decide`.
    pub fn new(decide: impl FnMut(&Finding) -> Option<Status> + Send + 'static) -> Admit {
        Admit { decide: Arc::new(Mutex::new(decide)), found_before: Arc::new(|_| false) }
    }

    /// One that knows what earlier runs have found.
    #[must_use]
    pub fn after(self, found: impl Fn(&Finding) -> bool + Send + Sync + 'static) -> Admit {
        Admit { found_before: Arc::new(found), ..self }
    }

    pub(super) fn ask(&self, finding: &Finding) -> Option<Status> {
        let mut decide = self.decide.lock().unwrap_or_else(PoisonError::into_inner);
        decide(finding)
    }

    /// Whether an earlier run has found it, listed or not.
    pub(super) fn is_known(&self, finding: &Finding) -> bool {
        (self.found_before)(finding)
    }
}

impl fmt::Debug for Admit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admit")
    }
}

impl Plan {
    /// A plan that asks no rule: records of `filter` only go to whoever gathers.
    pub fn only_gathering(filter: Filter, threads: usize) -> Plan {
        Plan { filter, threads, only_gathers: true, ..Plan::new(RuleSet::default()) }
    }

    /// A plan with defaults: everything is reported, by one worker, as groups; nothing is known
    /// from elsewhere or from earlier, and nothing is left to a later run. It is run now.
    pub fn new(rules: RuleSet) -> Plan {
        Plan {
            rules,
            estate: Arc::default(),
            filter: Filter::default(),
            threads: 1,
            each: false,
            min_level: Level::Informational,
            limits: Limits::default(),
            tags: Book::default(),
            past: None,
            coverage: Coverage::default(),
            now: Time::now(),
            gate: None,
            admit: None,
            seed: None,
            keys: None,
            lists_uses: false,
            names_files: false,
            only_gathers: false,
            to_meet: ToMeet::default(),
        }
    }
}

/// What earlier runs have left.
#[derive(Debug, Default)]
pub struct Past {
    /// The first run has an empty one.
    pub memory: Memory,
    /// How late records may be delivered; microseconds.
    pub late: i64,
    /// Which blobs earlier runs have read, if they are to be read again.
    pub reread: Option<Arc<Dated>>,
}

/// What a scan is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Blobs are read.
    Reading,
    /// Records are counted, and copies told.
    Counting,
    /// Rules over many records decide.
    Deciding,
    /// Findings are put in order.
    Sorting,
    /// The report is written.
    Writing,
}

impl Phase {
    const ALL: [Phase; 5] =
        [Phase::Reading, Phase::Counting, Phase::Deciding, Phase::Sorting, Phase::Writing];
}

/// How far a scan is; for a progress display.
#[derive(Debug, Default)]
pub struct Progress {
    phase: AtomicU8,
    /// Parts of the phase that are done, of those that there are; 0 of 0 while nobody knows.
    pub done: Arc<AtomicU64>,
    /// How many parts the phase has.
    pub parts: AtomicU64,
    /// Blobs read.
    pub blobs: AtomicU64,
    /// Bytes as stored, of blobs read.
    pub bytes_read: AtomicU64,
    /// Records, to within some thousands.
    pub records: AtomicU64,
    /// Matches, copies included.
    pub findings: AtomicU64,
}

impl Progress {
    /// What the scan is doing.
    pub fn phase(&self) -> Phase {
        let at = usize::from(self.phase.load(Ordering::Relaxed));
        Phase::ALL.get(at).copied().unwrap_or(Phase::Sorting)
    }

    /// One more blob is read, with so many bytes as stored.
    pub fn blob_read(&self, bytes: u64) {
        self.blobs.fetch_add(1, Ordering::Relaxed);
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }

    /// That of writing so many reports of some findings, each of which goes through all of them.
    pub fn writing(findings: &Findings, reports: usize) -> Progress {
        let progress = Progress { done: findings.count_reads(), ..Progress::default() };
        let parts = findings.len().saturating_mul(reports as u64);
        progress.parts.store(parts, Ordering::Relaxed);
        progress.phase.store(Phase::Writing as u8, Ordering::Relaxed);
        progress
    }

    /// Begins a phase of so many parts.
    pub(super) fn begin(&self, phase: Phase, parts: usize) {
        self.done.store(0, Ordering::Relaxed);
        self.parts.store(parts as u64, Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// The phase has so many parts more than was known.
    pub(super) fn more(&self, parts: usize) {
        self.parts.fetch_add(parts as u64, Ordering::Relaxed);
    }

    /// One more part is done.
    pub(super) fn step(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sizes that bound memory. The defaults keep a scan with two workers below 200 MB.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest record that is read, in bytes.
    pub max_record: usize,
    /// How many identifiers a worker holds before they go to a temporary file.
    pub facts: usize,
    /// About how many bytes of findings in the making a worker holds before they go to a temporary
    /// file.
    pub groups: usize,
    /// How many findings of one rule by one actor stand for themselves; the others become one.
    pub standing: usize,
    /// How many low findings of a rule stand for themselves, of all actors together, where such
    /// findings say the same.
    pub alike: usize,
    /// How many uses of keys a worker holds before they go to a temporary file.
    pub uses: usize,
    /// How many rows for an inventory of keys a worker holds before they go to a temporary file.
    pub touches: usize,
    /// How many notes for rules over many records a worker holds before they go to a temporary
    /// file.
    pub notes: usize,
    /// How many records for the next run a worker holds before they go to a temporary file, without
    /// their texts.
    pub retained: usize,
    /// How many notes of one group a rule over many records decides over at once.
    pub window: usize,
    /// How many bytes of what records say a history decides over at once: a policy names thousands.
    pub window_bytes: usize,
    /// How many tag changes are held, and tags that they name; of more, those who make the most lose
    /// their oldest, and what these are about becomes unknown. Files have as much room of their own.
    pub tags: usize,
    /// About how many bytes of tags that enriched events tell are held; of more, those of the last
    /// resources, in the order of ARNs, are not known.
    pub enriched: usize,
    /// How many identifiers a live report holds before they go to a temporary file.
    pub seen: usize,
    /// How many problems of one blob are listed; the others are counted.
    pub problems_per_blob: u64,
    /// How many problems are listed in all; the others are counted.
    pub problems: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_record: 64 << 20, // 64 MiB
            facts: 256 << 10,     // 14 MiB at 56 bytes each
            groups: 16 << 20,     // 16 MiB, some 7,000
            standing: 1_000,
            alike: 10,
            uses: 128 << 10,    // 15 MiB at 120 bytes each
            touches: 32 << 10,  // 4 MiB at 128 bytes each
            notes: 32 << 10,    // 4 MiB at 128 bytes each
            retained: 64 << 10, // 8 MiB at 120 bytes each
            window: 1 << 17,
            window_bytes: 128 << 20, // 128 MiB
            tags: 1 << 20,           // some 250 bytes each, where there are any
            enriched: 32 << 20,      // 32 MiB
            seen: 1 << 20,           // 32 MiB at 32 bytes each
            problems_per_blob: 20,
            problems: 10_000,
        }
    }
}
