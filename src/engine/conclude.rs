//! From what the workers found to an outcome: count, link, sort.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::carry::Carry;
use super::coverage::{self, Look};
use super::decide::{self, Bench, Decisions};
use super::group::{Group, GroupKey, Groups, SHOWN};
use super::names::Names;
use super::problems::Problems;
use super::sorted::Sorted;
use super::tagging::{self, Compared, Ledger, Tagging};
use super::worker::{Shared, Worker};
use super::{Plan, facts};
use crate::model::coverage::{Coverage, Covered, DAYS_MAX, PLACES_MAX};
use crate::model::finding::{EventRef, Finding, Status};
use crate::model::level::Level;
use crate::model::memory::{self, Memory};
use crate::model::origin::Origin;
use crate::model::outcome::{Outcome, Summary, TagCoverage, Totals};
use crate::model::problem::{Problem, Stage};
use crate::model::rule_meta::RuleMeta;
use crate::model::time::Time;
use crate::tags::book::Book;

/// Two records of one action: which finding and event the other one is.
type Links = HashMap<String, BTreeSet<(String, String, Option<String>)>>;

/// Makes an outcome of what all workers found.
pub(super) fn conclude(shared: &Shared<'_>, mut worker: Worker) -> (Outcome, Book) {
    let plan = shared.plan;
    worker.tagging.book.merge(plan.tags.clone());
    std::mem::take(&mut worker.network).release(&mut worker.facts, &mut worker.groups);
    let noted = decide::note_uses(&mut worker, &plan.rules, shared.key);
    let counts = count(shared, &mut worker);
    let mut totals = worker.totals;
    totals.duplicates = counts.duplicates;
    totals.accounts = worker.accounts.into_all();
    totals.regions = worker.regions.into_all();
    let seen = seen(plan, &totals);
    let rows = noted.and_then(|()| worker.notes.rows.read());
    let bench = Bench {
        shared,
        spools: worker.notes.spools,
        counts: &counts.groups,
        accounts: &seen.accounts,
        range: (seen.first.unwrap_or(Time(0)), seen.last),
        decisions: Decisions::default(),
        left: BTreeMap::new(),
    };
    let decided = rows.and_then(|rows| decide::decide(bench, rows)).unwrap_or_else(|error| {
        let message = format!(
            "a temporary file cannot be used, so rules over many records are missing: {error}"
        );
        worker.problems.lose(Problem::new(Origin::blob("*"), Stage::Rule, message));
        Decisions::default()
    });
    decided.problems.into_iter().for_each(|problem| worker.problems.add(problem));
    let groups = (worker.groups, &counts.groups);
    let mut groups = settle(plan, &seen.accounts, groups, &decided.changes);
    let last = seen.last;
    let (found, tags, mut ledger) =
        tagged(shared, (worker.tagging, last), &mut groups, &mut worker.problems);
    let mut coverage = worker.coverage;
    let (covered, gaps) =
        covered(shared, &mut coverage, (&mut worker.problems, totals.blobs_failed > 0));
    for (key, group, count) in decided.findings.into_iter().chain(found).chain(gaps) {
        add(&mut groups, key, group, count);
    }
    // Whoever stopped the scan knows that files are unread; that they are missing nobody knows.
    let gate = plan.gate.as_ref();
    let unverified =
        gate.map(|gate| gate.conclude(plan.rules.integrity(), plan.each, !shared.stopped()));
    let (mut findings, summary) = findings(plan, groups, unverified.unwrap_or_default());
    findings.iter_mut().for_each(|finding| fill_tags(finding, &mut ledger));
    let read = std::mem::take(&mut worker.carry.read);
    let memory = remember(shared, worker.carry, (counts, seen), &mut worker.problems);
    let outcome = Outcome {
        findings,
        summary,
        problems: worker.problems.into_sorted(),
        totals,
        tags,
        covered,
        coverage,
        read,
        memory,
        manifest: worker.manifest.to_hex(),
        ..Outcome::default()
    };
    (outcome, ledger.book)
}

/// Counts the records of every group, and says which are not what they seem.
fn count(shared: &Shared<'_>, worker: &mut Worker) -> facts::Counts {
    let known = facts::Known::most(shared.plan.past.as_ref().map_or(0, |_| KNOWN));
    let found: HashSet<[u64; 2]> = match shared.plan.past.is_some() {
        true => worker.groups.hashes().collect(),
        false => HashSet::new(),
    };
    let rows = std::mem::replace(&mut worker.facts, Sorted::new(1));
    let counts = facts::conclude(rows, known, |group| found.contains(&group));
    let mut counts = counts.unwrap_or_else(|error| {
        let message =
            format!("a temporary file cannot be read back, so nothing is counted: {error}");
        worker.problems.lose(Problem::new(Origin::blob("*"), Stage::Read, message));
        facts::Counts::default()
    });
    for (used, count) in &worker.carry.counted {
        *counts.groups.entry(*used).or_default() += count;
    }
    // What earlier runs have said is not said again.
    let is_new = |place: &(u64, u64)| !worker.carry.recalled.contains(place);
    for places in counts.conflicts.iter().filter(|places| places.iter().any(is_new)) {
        worker.problems.add(conflict(&shared.names, places));
    }
    counts
}

/// How many records of each kind the next run knows: those that a rule matched, and all.
const KNOWN: usize = 1 << 20;
/// For how long, in days: CloudTrail tries for 30 to deliver what it could not.
const KNOWN_DAYS: u16 = 45;

/// What this run and all before it have seen.
struct Seen {
    accounts: BTreeSet<String>,
    first: Option<Time>,
    last: Time,
}

fn seen(plan: &Plan, totals: &Totals) -> Seen {
    let (mut accounts, mut first) = (totals.accounts.clone(), totals.first_event);
    let mut last = totals.last_event;
    if let Some(past) = &plan.past {
        accounts.extend(past.memory.accounts.iter().cloned());
        first = [first, past.memory.first_event].into_iter().flatten().min();
        last = last.max(past.memory.last_event);
    }
    Seen { accounts, first, last: last.unwrap_or(Time(0)) }
}

/// What the next run needs to know, if it is asked for and this one is whole.
fn remember(
    shared: &Shared<'_>,
    carry: Carry,
    (mut counts, seen): (facts::Counts, Seen),
    problems: &mut Problems,
) -> Option<Memory> {
    let past = shared.plan.past.as_ref()?;
    if problems.lost() {
        return None;
    }
    let packed = carry.pack(&shared.names, &counts.groups);
    let (recalled, forgotten) = match packed {
        Ok(packed) => packed,
        Err(error) => {
            let message = format!("a temporary file cannot be read back: {error}");
            problems.lose(Problem::new(Origin::blob("*"), Stage::Read, message));
            return None;
        }
    };
    let room = KNOWN.saturating_sub(counts.known.grouped.len());
    let surplus = counts.known.others.len().saturating_sub(room) as u64 + counts.known.dropped;
    counts.known.others.truncate(room);
    let met = counts.known.grouped.into_iter().chain(counts.known.others);
    let today = memory::day(Time::now());
    Some(Memory {
        seed: shared.key.seed(),
        first_event: seen.first,
        last_event: Some(seen.last),
        accounts: seen.accounts,
        coverage: Coverage::default(),
        known: past.memory.known.renewed(met, today, KNOWN_DAYS, KNOWN),
        recalled,
        forgotten: forgotten + surplus,
    })
}

/// Which hours there are, and findings about those that should be there too.
fn covered(
    shared: &Shared<'_>,
    coverage: &mut Coverage,
    (problems, unread): (&mut Problems, bool),
) -> (Vec<Covered>, Vec<Counted>) {
    let plan = shared.plan;
    let gap_hours = plan.estate.thresholds.gap_hours;
    let look = Look { filter: &plan.filter, gap_hours, now: plan.now };
    let (mut covered, judged) = coverage::judge(coverage, &plan.coverage, &look);
    if coverage.is_cut() {
        let message = format!(
            "more than {PLACES_MAX} accounts and Regions, or {DAYS_MAX} days of one: the hours of \
             some are not looked at"
        );
        problems.add(Problem::new(Origin::blob("*"), Stage::Read, message));
    }
    if shared.stopped() || unread {
        // Nobody knows what there was to read.
        covered.iter_mut().for_each(|row| row.kms_reads_missing = false);
        return (covered, Vec::new());
    }
    (covered, coverage::findings(shared, judged))
}

/// The rule whose findings are raised when a use soon after would have been a mismatch.
const TAG_CHANGED: &str = "key-governed-tag-changed";

/// Raises the findings of tag changes that kept a use from being a mismatch.
fn raise_evasions(plan: &Plan, groups: &mut Settled, evasions: &BTreeSet<(String, Time)>) {
    let metas = plan.rules.metas();
    for (key, (group, _)) in groups.iter_mut().filter(|(key, _)| !key.attempt) {
        let Some(arn) = key.key.as_ref().filter(|_| metas[key.rule].id == TAG_CHANGED) else {
            continue;
        };
        let all_shown = group.events.len() < SHOWN;
        let evades = |time: Time| {
            let shown = group.events.keys().any(|event| event.order.1 == Some(time));
            shown || (!all_shown && (group.first..=group.last).contains(&Some(time)))
        };
        let mut of_key = evasions.range((arn.clone(), Time(i64::MIN))..);
        let found = of_key.by_ref().take_while(|(of, _)| of == arn).any(|(_, time)| evades(*time));
        if found {
            let why = "without the change, a use within the hour would have been a mismatch";
            change(group, false, &[(Level::High, why.to_owned())]);
        }
    }
}

/// What a group is, what it is made of, and how many records it rests on.
type Counted = (GroupKey, Group, u64);

/// Findings about tags, how much they could see, and all that is known of tags. Raises what is
/// found in `groups`.
fn tagged<'a>(
    shared: &'a Shared<'_>,
    (tagging, last): (Tagging, Time),
    groups: &mut Settled,
    problems: &mut Problems,
) -> (Vec<Counted>, Option<TagCoverage>, Ledger<'a>) {
    let (compared, ledger) = compare_tags(shared, tagging, last, problems);
    let Some(Compared { findings, coverage, evasions }) = compared else {
        return (Vec::new(), None, ledger);
    };
    raise_evasions(shared.plan, groups, &evasions);
    (findings, Some(coverage).filter(|_| shared.compares), ledger)
}

/// Compares the tags of keys and resources, and says what kept it from doing so.
fn compare_tags<'a>(
    shared: &'a Shared<'_>,
    tagging: Tagging,
    last: Time,
    problems: &mut Problems,
) -> (Option<Compared>, Ledger<'a>) {
    let plan = shared.plan;
    match tagging::conclude(shared, tagging, last) {
        Ok((compared, ledger)) => {
            if ledger.book.lost() > 0 {
                problems.add(too_many_tags(plan, ledger.book.lost()));
            }
            (Some(compared), ledger)
        }
        Err(error) => {
            let message =
                format!("a temporary file cannot be read back, so no tags are compared: {error}");
            problems.lose(Problem::new(Origin::blob("*"), Stage::Tags, message));
            (None, Ledger::new(&plan.estate, Book::default()))
        }
    }
}

/// Gives key and resource the tags that they had when the finding's first event happened.
fn fill_tags(finding: &mut Finding, ledger: &mut Ledger<'_>) {
    let Some(time) = finding.first_seen else { return };
    if let Some(key) = &mut finding.key {
        key.tags = ledger.tags(&key.arn, time);
    }
    if let Some(resource) = &mut finding.resource {
        resource.tags = ledger.tags(&resource.arn, time);
    }
}

fn too_many_tags(plan: &Plan, lost: usize) -> Problem {
    let message = format!(
        "more than {} tag changes: the tags of {lost} resources are taken to be unknown",
        plan.limits.tags
    );
    Problem::new(Origin::blob("*"), Stage::Tags, message)
}

/// Records that share their ids and not their content.
fn conflict(names: &Names, places: &[(u64, u64)]) -> Problem {
    let origin = |&(blob, record): &(u64, u64)| {
        let name = names.get(blob).unwrap_or_else(|_| "?".into());
        Origin::record(name, record)
    };
    let smallest = places.iter().map(origin).min().unwrap_or_else(|| Origin::blob("?"));
    let message = "records with the same eventID and recipientAccountId have different content: \
                   expected copies; all were evaluated, all but one may be forged";
    Problem::new(smallest, Stage::Parse, message)
}

/// Groups that are settled, and how many records each has.
type Settled = HashMap<GroupKey, (Group, u64)>;

/// Counts the groups, and decides those that rest on whose accounts theirs are, now that every
/// account is known that receives records, and those that rest on what else happened.
fn settle(
    plan: &Plan,
    recipients: &BTreeSet<String>,
    (groups, counts): (Groups, &HashMap<[u64; 2], u64>),
    changes: &HashMap<[u64; 2], Vec<(Level, String)>>,
) -> Settled {
    let mut settled = Settled::new();
    for (mut key, (hash, mut group)) in groups {
        let count = counts.get(&hash).copied().unwrap_or_default();
        key.apart = None;
        if let Some(foreign) = key.foreign.take() {
            let outside = plan.estate.outside(&foreign.accounts, recipients);
            if !outside.is_empty() {
                let list = Value::from(outside.into_iter().collect::<Vec<_>>());
                group.earliest.1.details.insert("external_accounts".into(), list.to_string());
            } else if let Some(level) = foreign.otherwise {
                group.level = level;
            } else {
                continue;
            }
        }
        if let Some(changes) = changes.get(&hash) {
            change(&mut group, key.attempt, changes);
        }
        add(&mut settled, key, group, count);
    }
    settled
}

/// Gives a group the level that other records give it: the highest that raises it, else the lowest.
fn change(group: &mut Group, attempt: bool, changes: &[(Level, String)]) {
    let level = |level: Level| if attempt { level.lowered() } else { level };
    let raised = changes.iter().filter(|(to, _)| level(*to) > group.level).max();
    let Some((to, _)) = raised.or_else(|| changes.iter().min()) else { return };
    group.level = level(*to);
    let reasons: BTreeSet<&str> =
        changes.iter().filter(|(other, _)| other == to).map(|(_, why)| why.as_str()).collect();
    let details = &mut group.earliest.1.details;
    let known = details.get("why").and_then(|why| serde_json::from_str::<String>(why).ok());
    let mut all: Vec<&str> = known.as_deref().into_iter().collect();
    all.extend(reasons.into_iter().filter(|why| !why.is_empty()));
    details.insert("why".into(), Value::from(all.join("; ")).to_string());
}

/// Adds a group to those of the same key.
fn add(settled: &mut Settled, key: GroupKey, group: Group, count: u64) {
    match settled.entry(key) {
        Entry::Occupied(mut entry) => {
            // A record is in one of the two only, since a rule finds it once.
            entry.get_mut().1 += count;
            entry.get_mut().0.merge(group);
        }
        Entry::Vacant(entry) => {
            entry.insert((group, count));
        }
    }
}

/// Findings of the groups and `more`, sorted, and all of them by level.
fn findings(plan: &Plan, groups: Settled, more: Vec<Finding>) -> (Vec<Finding>, Summary) {
    let mut summary = Summary::default();
    let mut findings = Vec::new();
    let mut links = Links::new();
    for (key, (group, count)) in groups {
        summary.add(group.level);
        let shared: Vec<(String, Option<String>)> = group
            .events
            .iter()
            .filter_map(|(event, (_, shared))| Some((shared.clone()?, event.order.2.clone())))
            .collect();
        let finding = finding(plan.rules.metas(), key, group, count);
        for (shared, event) in &shared {
            let link = (finding.fingerprint.clone(), finding.rule.clone(), event.clone());
            links.entry(shared.clone()).or_default().insert(link);
        }
        findings.push((finding, shared));
    }
    more.iter().for_each(|finding| summary.add(finding.level));
    findings.extend(more.into_iter().map(|finding| (finding, Vec::new())));
    let listed = findings.into_iter().filter(|(finding, _)| finding.level >= plan.min_level);
    let mut findings: Vec<Finding> = listed.map(|found| link(found, &links)).collect();
    if plan.each {
        findings.sort_by_cached_key(|f| {
            let event = f.events.first().cloned();
            let order = event.as_ref().map(|e| (e.time.is_none(), e.time, e.id.clone()));
            // Where it lay comes last: another name of a file must not change the order.
            (order, f.rule.clone(), f.fingerprint.clone(), event)
        });
    } else {
        findings.sort_by_cached_key(|f| {
            let level = std::cmp::Reverse(f.level);
            (level, f.first_seen.is_none(), f.first_seen, f.rule.clone(), f.fingerprint.clone())
        });
    }
    (findings, summary)
}

/// Names the other record of each cross-account call (`sharedEventID`).
fn link((mut finding, shared): (Finding, Vec<(String, Option<String>)>), links: &Links) -> Finding {
    let others: BTreeSet<_> = shared
        .iter()
        .filter_map(|(shared, event)| Some((links.get(shared)?, event)))
        .flat_map(|(links, event)| links.iter().filter(move |other| other.2 != *event))
        .filter(|(_, rule, _)| *rule == finding.rule)
        .take(SHOWN)
        .map(|(fingerprint, _, event)| (fingerprint, event))
        .collect();
    if !others.is_empty() {
        let list = |(fingerprint, event): (&String, &Option<String>)| json!({"fingerprint": fingerprint, "event": event});
        finding.details.insert("same_call".into(), others.into_iter().map(list).collect());
    }
    finding
}

/// A finding of a group.
pub(super) fn finding(metas: &[RuleMeta], key: GroupKey, group: Group, count: u64) -> Finding {
    let meta = &metas[key.rule];
    let snapshot = group.earliest.1;
    let value = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    let mut details: BTreeMap<String, Value> =
        snapshot.details.into_iter().map(|(name, text)| (name, value(text))).collect();
    if !group.sessions.is_empty() {
        details.insert("sessions".into(), group.sessions.into_iter().collect());
    }
    let events = group.events.into_iter().map(|(event, (origin, _))| EventRef {
        time: event.order.1,
        id: event.order.2,
        name: event.name,
        origin,
    });
    // Forged copies differ only by a hash, whose order differs from run to run.
    let mut events: Vec<EventRef> = events.collect();
    events.sort_by_cached_key(|event| (event.time.is_none(), event.clone()));
    Finding {
        fingerprint: fingerprint(&meta.id, &key),
        rule: meta.id.clone(),
        title: meta.title.clone(),
        level: group.level,
        attempt: key.attempt,
        count,
        first_seen: group.first,
        last_seen: group.last,
        status: Status::New,
        fresh: group.fresh,
        account: key.account,
        region: key.region,
        principal: snapshot.principal,
        source_ip: snapshot.source_ip,
        user_agent: snapshot.user_agent,
        key: snapshot.key,
        resource: snapshot.resource,
        events,
        details,
        attack: meta.attack(),
        references: meta.references.clone(),
        advice: meta.advice.clone(),
    }
}

/// 128 bits of SHA-256 over what makes the group, in hexadecimal: the same on every run, wherever
/// the records lay. Fields are separated by a byte that JSON text cannot hold raw.
fn fingerprint(rule: &str, key: &GroupKey) -> String {
    let mut hash = Sha256::new();
    let attempt = if key.attempt { "attempt" } else { "done" };
    let event = key.event.as_ref().map(|event| &event.name);
    let fields = [
        Some(rule),
        Some(attempt),
        key.account.as_deref(),
        key.region.as_deref(),
        key.principal.as_deref(),
        key.key.as_deref(),
        key.resource.as_deref(),
        event.map(String::as_str),
    ];
    // Of most findings there is no more to say, and their fingerprints are older than this.
    let fields = fields.into_iter().chain(key.by.as_deref().map(Some));
    for field in fields {
        match field {
            Some(text) => {
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text);
            }
            None => hash.update([0xff; 8]),
        }
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
