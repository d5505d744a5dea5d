//! How many findings are about each caller.
//!
//! A finding lists its first events only, and plain uses do not tell the access key. Where all events
//! are listed, each with its key, the finding counts for the callers who made them. Where not, it counts
//! for every credential of its principals, or of their sessions if those are known, that was in use at
//! that time: none that it is about is left out.
//!
//! What must stay true: a finding counts at most once for a caller; what has no room is said.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use serde_json::Value;

use crate::model::conduct::{Conduct, Who};
use crate::model::finding::{EventRef, Finding, SHOWN};
use crate::model::findings::Findings;
use crate::model::level::Level;
use crate::model::time::Time;

/// Findings that are told apart.
const FINDINGS_MAX: usize = 1 << 16;

/// Spans that are kept of one principal; of further findings the time does not tell.
const SPANS_MAX: usize = 256;

/// How many findings are about each caller.
#[derive(Debug, Default)]
pub struct Blame {
    exact: HashMap<Who, BTreeMap<Level, u64>>,
    /// By principal, and by session where it is known.
    loose: HashMap<(String, Option<String>), Spans>,
    /// How many findings had no room.
    left_out: u64,
}

/// Findings about a principal of which it is not known with which credential each event came about.
#[derive(Debug, Default)]
struct Spans {
    timed: Vec<(Level, Time, Time)>,
    always: BTreeMap<Level, u64>,
}

impl Blame {
    /// Reads all findings.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn of(findings: &Findings) -> io::Result<Blame> {
        let mut blame = Blame::default();
        for (count, finding) in findings.read()?.enumerate() {
            let finding = finding?;
            match count < FINDINGS_MAX {
                true => blame.add(&finding),
                false => blame.left_out += 1,
            }
        }
        Ok(blame)
    }

    /// How many findings had no room.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    fn add(&mut self, finding: &Finding) {
        let level = finding.level;
        if let Some(callers) = callers(finding) {
            for who in callers {
                *self.exact.entry(who).or_default().entry(level).or_default() += 1;
            }
            return;
        }
        let listed = finding.events.iter().filter_map(|event| event.request.as_deref());
        let listed = listed.filter_map(|request| request.principal.arn.as_deref());
        let names: BTreeSet<&str> = listed.chain(finding.principal.arn.as_deref()).collect();
        let span = finding.first_seen.zip(finding.last_seen);
        let sessions = sessions(finding);
        for caller in names.into_iter().flat_map(|name| known_by(name, &sessions)) {
            let spans = self.loose.entry(caller).or_default();
            match span.filter(|_| spans.timed.len() < SPANS_MAX) {
                Some((first, last)) => spans.timed.push((level, first, last)),
                None => *spans.always.entry(level).or_default() += 1,
            }
        }
    }

    /// Writes down how many are about a caller.
    pub fn tell(&self, conduct: &mut Conduct) {
        let mut counts = self.exact.get(&conduct.who).cloned().unwrap_or_default();
        let Who { arn, session, .. } = &conduct.who;
        let of = |session: &Option<String>| Some((arn.clone()?, session.clone()));
        let callers = [of(&None), of(session).filter(|_| session.is_some())];
        let spans: Vec<&Spans> =
            callers.iter().flatten().filter_map(|caller| self.loose.get(caller)).collect();
        for (level, count) in spans.iter().flat_map(|spans| &spans.always) {
            *counts.entry(*level).or_default() += count;
        }
        let seen = conduct.times();
        let meets = |(_, first, last): &&(Level, Time, Time)| {
            seen.is_none_or(|(from, to)| from <= *last && *first <= to)
        };
        for (level, ..) in spans.iter().flat_map(|spans| &spans.timed).filter(meets) {
            *counts.entry(*level).or_default() += 1;
        }
        conduct.findings = counts;
    }
}

/// What a principal is known by: itself, or its sessions.
fn known_by(name: &str, sessions: &[String]) -> Vec<(String, Option<String>)> {
    match sessions {
        [_, ..] if name.contains(":role/") => {
            sessions.iter().map(|session| (name.to_owned(), Some(session.clone()))).collect()
        }
        _ => vec![(name.to_owned(), None)],
    }
}

/// The sessions that a finding is about, if all are known.
fn sessions(finding: &Finding) -> Vec<String> {
    let named = finding.details.get("sessions").and_then(Value::as_array);
    let all = named.filter(|named| named.len() < SHOWN && finding.folded == 0);
    let session = |session: &Value| session.as_str().map(str::to_owned);
    all.into_iter().flatten().filter_map(session).collect()
}

/// The callers who made the events of a finding, if all are known.
fn callers(finding: &Finding) -> Option<BTreeSet<Who>> {
    if finding.folded > 0 || finding.count > finding.events.len() as u64 {
        return None;
    }
    let caller = |event: &EventRef| {
        let request = event.request.as_deref()?;
        let who = Who::of(&request.principal, request.access_key.as_deref());
        let is_service = who.via.is_some() || who.kind.as_deref() == Some("AWSService");
        let is_known = who.access_key.is_some() || is_service;
        is_known.then_some(who)
    };
    finding.events.iter().map(caller).collect()
}
