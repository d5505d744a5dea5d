//! An earlier report. What it has said is not said again, unless there is more to say.
//!
//! It is read piece by piece, because a report may hold millions of findings; a few members of each
//! are kept. What must stay true: a file that is not a keytrail report is refused, because an empty
//! baseline would look like a complete one.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read};

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::model::finding::{Finding, Status};
use crate::model::level::Level;
use crate::model::time::Time;

/// The only schema that is understood.
const SCHEMA: &str = "keytrail.report/v1";

/// Fingerprints of an earlier report, and how far it knew each group.
#[derive(Debug)]
pub struct Baseline {
    known: HashMap<u128, Known>,
    /// The rules of its findings.
    rules: Vec<String>,
    /// Whether its findings are events instead of groups.
    pub each: bool,
    /// Whether it leaves out what a baseline of its own knew.
    pub chained: bool,
    /// Digest of the file, `sha256:…`.
    pub sha256: String,
}

/// How far a group is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    level: Level,
    count: u64,
    first_seen: Option<Time>,
    last_seen: Option<Time>,
    /// Whether it was not undone, as far as the report knows.
    holds: bool,
    /// The number of its rule, if what it tells of is serious and was not undone.
    open: Option<u32>,
    /// Whether this run has found it too.
    met: bool,
}

impl Baseline {
    /// Reads a report to its end.
    ///
    /// # Errors
    /// Why it is no report that can be compared with, in a sentence without its name.
    pub fn read(from: impl Read) -> Result<Baseline, String> {
        let mut from = Hashed { inner: from, hasher: Sha256::new() };
        let buffered = io::BufReader::with_capacity(1 << 16, &mut from);
        let mut json = serde_json::Deserializer::from_reader(buffered);
        let no_report = |error: serde_json::Error| match error.io_error_kind() {
            Some(_) => format!("cannot be read: {}", io::Error::from(error)),
            None => format!("is no report that -f json wrote: {error}"),
        };
        let document = Document::deserialize(&mut json).map_err(no_report)?;
        match document.schema {
            None => return Err("is no report that -f json wrote: it has no member schema".into()),
            Some(Value::String(schema)) if schema == SCHEMA => {}
            Some(other) => {
                let found: String = other.to_string().chars().take(60).collect();
                return Err(format!("has the schema {found}, expected \"{SCHEMA}\""));
            }
        }
        json.end().map_err(no_report)?;
        drop(json);
        let (Some(run), Some(Findings(known, rules))) = (document.run, document.findings) else {
            return Err("is no whole report: expected the members run and findings".into());
        };
        Ok(Baseline {
            known,
            rules,
            each: run.each(),
            chained: run.baseline.is_some_and(|baseline| !baseline.is_null()),
            sha256: format!("sha256:{}", hex::encode(from.hasher.finalize())),
        })
    }

    /// How many fingerprints it knows.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Notes that this run has found it too, whatever it says of it.
    pub fn meet(&mut self, fingerprint: &str) {
        let fingerprint = u128::from_str_radix(fingerprint, 16).ok();
        if let Some(known) = fingerprint.and_then(|it| self.known.get_mut(&it)) {
            known.met = true;
        }
    }

    /// The findings that are serious and were not undone, and that this run has not found: the rule of
    /// each, and its fingerprint as a number.
    pub fn not_met(&self) -> impl Iterator<Item = (&str, [u64; 2])> {
        self.known.iter().filter(|(_, known)| !known.met).filter_map(|(fingerprint, known)| {
            let rule = self.rules.get(usize::try_from(known.open?).ok()?)?;
            let (high, low) = ((fingerprint >> 64) as u64, *fingerprint as u64);
            Some((rule.as_str(), [high, low]))
        })
    }

    /// Whether it has told a finding to be open, and of events that this run may not have read: of one of
    /// those that are here nobody can say that all was undone.
    pub fn has_more(&self, finding: &Finding) -> bool {
        let fingerprint = u128::from_str_radix(&finding.fingerprint, 16).ok();
        let known = fingerprint.and_then(|fingerprint| self.known.get(&fingerprint));
        known.filter(|known| known.holds).is_some_and(|known| {
            let reaches_back = known
                .first_seen
                .is_some_and(|first| finding.first_seen.is_some_and(|here| here <= first));
            !reaches_back || finding.count < known.count || finding.last_seen < known.last_seen
        })
    }

    /// The status of a finding, `None` if there is nothing that the report has not said.
    pub fn status(&self, finding: &Finding) -> Option<Status> {
        let fingerprint = u128::from_str_radix(&finding.fingerprint, 16).ok();
        let Some(known) = fingerprint.and_then(|fingerprint| self.known.get(&fingerprint)) else {
            return Some(finding.status);
        };
        let more = finding.count > known.count
            || finding.level > known.level
            || finding.last_seen > known.last_seen;
        more.then_some(Status::Ongoing)
    }
}

/// Hashes what passes through.
struct Hashed<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

/// What is looked at of a report. All of it optional, so that what is missing can be named.
#[derive(Deserialize)]
struct Document {
    schema: Option<Value>,
    run: Option<Run>,
    findings: Option<Findings>,
}

#[derive(Deserialize)]
struct Run {
    each: Option<bool>,
    baseline: Option<Value>,
    #[serde(default)]
    command: Vec<String>,
}

impl Run {
    /// The first reports had no `each`; their command line says it.
    fn each(&self) -> bool {
        self.each.unwrap_or_else(|| self.command.iter().any(|word| word == "--each"))
    }
}

/// With their rules.
struct Findings(HashMap<u128, Known>, Vec<String>);

#[derive(Deserialize)]
struct Entry {
    fingerprint: String,
    level: String,
    count: u64,
    first_seen: Option<String>,
    last_seen: Option<String>,
    rule: Option<String>,
    #[serde(default)]
    attempt: bool,
    outcome: Option<Became>,
}

/// What became of it.
#[derive(Deserialize)]
struct Became {
    state: Option<String>,
}

impl<'de> Deserialize<'de> for Findings {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(Visit)
    }
}

struct Visit;

impl<'de> Visitor<'de> for Visit {
    type Value = Findings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of findings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Findings, A::Error> {
        let mut known: HashMap<u128, Known> = HashMap::new();
        let mut rules: HashMap<String, u32> = HashMap::new();
        while let Some(mut entry) = list.next_element::<Entry>()? {
            let next = u32::try_from(rules.len()).unwrap_or(u32::MAX);
            let rule = entry.rule.take().map(|rule| *rules.entry(rule).or_insert(next));
            let (fingerprint, entry) = entry.known(rule).map_err(A::Error::custom)?;
            // A report names a group once; of two, nothing that either knew is said again.
            let kept = known.entry(fingerprint).or_insert(entry);
            kept.level = kept.level.max(entry.level);
            kept.count = kept.count.max(entry.count);
            kept.first_seen = kept.first_seen.zip(entry.first_seen).map(|(one, two)| one.min(two));
            kept.last_seen = kept.last_seen.max(entry.last_seen);
            kept.holds |= entry.holds;
            kept.open = kept.open.or(entry.open);
        }
        let mut rules: Vec<(u32, String)> =
            rules.into_iter().map(|(rule, at)| (at, rule)).collect();
        rules.sort_unstable();
        Ok(Findings(known, rules.into_iter().map(|(_, rule)| rule).collect()))
    }
}

impl Entry {
    /// Whether what it tells of was done, and not undone as far as the report knows.
    fn holds(&self) -> bool {
        match self.outcome.as_ref().and_then(|outcome| outcome.state.as_deref()) {
            Some(state) => state == "open",
            None => !self.attempt,
        }
    }

    /// `rule` is the number of its rule.
    fn known(&self, rule: Option<u32>) -> Result<(u128, Known), String> {
        let hex = self.fingerprint.len() == 32
            && self.fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit());
        let fingerprint = u128::from_str_radix(&self.fingerprint, 16)
            .ok()
            .filter(|_| hex)
            .ok_or("a fingerprint is not 32 hexadecimal digits")?;
        let last_seen = match &self.last_seen {
            None => None,
            Some(text) => Some(Time::parse(text).ok_or("a last_seen is no time")?),
        };
        let first_seen = self.first_seen.as_deref().and_then(Time::parse);
        let level: Level = self.level.parse()?;
        let holds = self.holds();
        let open = rule.filter(|_| level >= Level::SERIOUS && holds);
        let count = self.count;
        Ok((fingerprint, Known { level, count, first_seen, last_seen, holds, open, met: false }))
    }
}
