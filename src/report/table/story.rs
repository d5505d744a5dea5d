//! What happened in a case, line by line: each event once, with the gravest rule that tells of it.
//!
//! Chains tell of events that other rules tell of too, so that they name no line unless nothing else
//! does. Events of one rule, call and actor are one line with a count. What must stay true: a line never
//! counts an event twice, and says `undone` only if all of its events were.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fit::counted;
use super::names;
use crate::model::arn::Arn;
use crate::model::finding::{EventRef, Finding, Key, Resource};
use crate::model::level::Level;
use crate::model::time::Time;
use crate::model::undo::Fate;

/// What became of the events of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Nothing more is known, or there is nothing to undo.
    Done,
    /// Refused or failed, with this error.
    Refused(String),
    /// Undone: the last of it at this time, by whom.
    Undone(Time, Option<String>),
    /// It could be undone, and was not.
    Open,
}

/// What else there is to say of events, in a few words.
#[derive(Debug, Clone)]
pub struct Said {
    pub texts: BTreeSet<String>,
    /// Whether it must not be left out: to whom something was given.
    pub grave: bool,
}

/// One line of a story.
#[derive(Debug, Clone)]
pub struct Line {
    /// The place of its gravest finding in the report, lowest first.
    pub gravity: usize,
    pub time: Option<Time>,
    pub last: Option<Time>,
    pub level: Level,
    pub rule: String,
    /// The page that the rule refers to first.
    pub page: Option<String>,
    /// How many other findings tell of its events, chains aside.
    pub more: usize,
    /// How many events.
    pub count: u64,
    /// Whether there may be more of them.
    pub at_least: bool,
    /// The calls, and on what.
    pub calls: BTreeSet<String>,
    pub targets: BTreeSet<String>,
    /// What else there is to say, such as to whom a policy gives what.
    pub said: Option<Said>,
    /// Who made the calls.
    pub who: String,
    pub ended: Ended,
}

/// What tells events apart, in the order of time; those without a time come last.
type EventKey = (bool, Option<Time>, String);

/// An event as a finding tells it, and the finding's place in the report.
type Told<'f> = (usize, &'f EventRef);

/// What events of one line have in common: the first finding of the rule, whether they were refused, the
/// call and who made it.
type LineKey = (usize, bool, String, String);

/// What happened, in the order of time.
pub fn lines(findings: &[Finding]) -> Vec<Line> {
    let aliases = aliases(findings);
    // Each line, and the places of all findings that tell of its events.
    let mut lines: BTreeMap<LineKey, (Line, BTreeSet<usize>)> = BTreeMap::new();
    for told in events(findings).into_values() {
        let plain = told.iter().find(|(place, _)| !findings[*place].told.chain);
        let Some((place, event)) = plain.or(told.first()) else { continue };
        let finding = &findings[*place];
        let line = line((*place, finding), event, &aliases);
        let first = findings.iter().position(|other| other.rule == finding.rule);
        let refused = matches!(line.ended, Ended::Refused(_));
        let call = if is_read(&event.name) { "reads" } else { event.name.as_str() };
        let key = (first.unwrap_or(*place), refused, call.to_owned(), line.who.clone());
        let places = told.iter().map(|(place, _)| *place);
        match lines.get_mut(&key) {
            Some((known, all)) => {
                known.add(line);
                all.extend(places);
            }
            None => drop(lines.insert(key, (line, places.collect()))),
        }
    }
    let mut by: BTreeMap<String, usize> = BTreeMap::new();
    lines.values().for_each(|(line, _)| *by.entry(line.who.clone()).or_default() += 1);
    let whole = |(line, places): (Line, BTreeSet<usize>)| {
        let is_alone = by.get(&line.who) == Some(&1);
        counted_of((line, is_alone), &places, findings)
    };
    let mut lines: Vec<Line> = lines.into_values().map(whole).collect();
    lines.sort_by_key(|line| (line.time.is_none(), line.time, line.gravity));
    lines
}

/// The events of all findings, each once.
fn events(findings: &[Finding]) -> BTreeMap<EventKey, Vec<Told<'_>>> {
    let mut events: BTreeMap<EventKey, Vec<Told<'_>>> = BTreeMap::new();
    for (place, finding) in findings.iter().enumerate() {
        for event in &finding.events {
            // Of forged copies, which have one id, each is told.
            let id = event.id.as_deref().unwrap_or_default();
            let of =
                (event.time.is_none(), event.time, format!("{id} {} {}", event.name, event.origin));
            events.entry(of).or_default().push((place, event));
        }
    }
    events
}

/// A line with the number of other rules that tell of it, and with the events that its findings count
/// and do not show; it may be the only one of whoever made the calls.
fn counted_of(
    (line, is_alone): (Line, bool),
    places: &BTreeSet<usize>,
    findings: &[Finding],
) -> Line {
    let all = places.iter().map(|place| &findings[*place]);
    let (same, others): (Vec<&Finding>, Vec<&Finding>) =
        all.partition(|finding| finding.rule == line.rule);
    let others = others.into_iter().filter(|finding| !finding.told.chain);
    let rules: BTreeSet<&str> = others.map(|finding| finding.rule.as_str()).collect();
    let hidden = same.iter().map(|f| f.count.saturating_sub(f.events.len() as u64));
    let hidden = hidden.fold(0, u64::saturating_add);
    let of_one_call = same.iter().all(|finding| is_of_one_call(finding));
    // Those that are not shown may be other calls, which other lines tell of.
    let at_least = hidden > 0 && !(is_alone && of_one_call);
    let ended = match line.ended {
        Ended::Undone(..) if hidden > 0 => Ended::Done,
        ended => ended,
    };
    let count = if at_least { line.count } else { line.count.saturating_add(hidden) };
    Line { more: rules.len(), count, at_least, ended, ..line }
}

/// Whether all events that a finding shows are of one call, so that those that it does not show are
/// taken for the same.
fn is_of_one_call(finding: &Finding) -> bool {
    let mut names = finding.events.iter().map(|event| &event.name);
    let first = names.next();
    names.all(|name| Some(name) == first)
}

fn line((gravity, finding): (usize, &Finding), event: &EventRef, aliases: &Aliases) -> Line {
    let request = event.request.as_deref();
    let home = finding.account.as_deref();
    let target = request.and_then(|request| request.target.as_deref());
    let target = target.map(|arn| named(arn, home, aliases)).or_else(|| {
        let key = finding.key.as_ref().map(|key| named(&key.arn, home, aliases));
        key.or(finding.resource.as_ref().map(|on| names::resource(on, home)))
    });
    let who = request.map_or(&finding.principal, |request| &request.principal);
    let error = request.and_then(|request| request.error.clone());
    let open = finding.effect.as_ref().is_some_and(|effect| effect.fate == Fate::Open);
    let reversible = request.is_some_and(|request| request.reversible.is_some()) && open;
    let ended = match (error, &event.undone) {
        (Some(error), _) => Ended::Refused(error),
        (None, Some(undone)) => Ended::Undone(undone.at, undone.by.clone()),
        (None, None) if reversible => Ended::Open,
        (None, None) => Ended::Done,
    };
    Line {
        gravity,
        time: event.time,
        last: event.time,
        level: finding.level,
        rule: finding.rule.clone(),
        page: finding.told.references.first().cloned(),
        more: 0,
        count: 1,
        at_least: false,
        calls: [event.name.clone()].into(),
        targets: target.into_iter().collect(),
        said: said(finding),
        who: names::principal(who, home),
        ended,
    }
}

impl Line {
    fn add(&mut self, other: Line) {
        self.gravity = self.gravity.min(other.gravity);
        self.level = self.level.max(other.level);
        self.last = self.last.max(other.last);
        self.count = self.count.saturating_add(other.count);
        self.calls.extend(other.calls);
        self.targets.extend(other.targets);
        match (&mut self.said, other.said) {
            (Some(said), Some(more)) => said.texts.extend(more.texts),
            (said @ None, more) => *said = more,
            _ => {}
        }
        self.ended = match (self.ended.clone(), other.ended) {
            (Ended::Undone(one, by), Ended::Undone(other, by_other)) => {
                if one >= other {
                    Ended::Undone(one, by)
                } else {
                    Ended::Undone(other, by_other)
                }
            }
            (Ended::Open, _) | (_, Ended::Open) => Ended::Open,
            (Ended::Refused(error), _) => Ended::Refused(error),
            _ => Ended::Done,
        };
    }
}

/// The alias of each key that any finding names by one.
type Aliases = BTreeMap<String, String>;

fn aliases(findings: &[Finding]) -> Aliases {
    let keys = findings.iter().filter_map(|finding| finding.key.as_ref());
    keys.filter_map(|key| Some((key.arn.clone(), key.alias.clone()?))).collect()
}

/// The short name of what a call was about.
fn named(arn: &str, home: Option<&str>, aliases: &Aliases) -> String {
    let tags = BTreeMap::new();
    match Arn::parse(arn) {
        Some(parsed) if parsed.is_kms_key() || parsed.is_kms_alias() => {
            let account = Some(parsed.account.to_owned());
            let alias = aliases.get(arn).cloned();
            short(&names::key(&Key { arn: arn.to_owned(), account, alias, tags }, home))
        }
        _ => names::resource(&Resource { arn: arn.to_owned(), kind: None, tags }, home),
    }
}

/// A key id by its first part, as people read it aloud; other names as they are.
fn short(name: &str) -> String {
    let (id, rest) = name.split_once(' ').unwrap_or((name, ""));
    let is_uuid = id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let id = if is_uuid { format!("key {}", &id[..8]) } else { id.to_owned() };
    if rest.is_empty() { id } else { format!("{id} {rest}") }
}

/// Whether a call only reads.
fn is_read(name: &str) -> bool {
    ["List", "Get", "Describe"].iter().any(|head| name.starts_with(head))
}

/// What a finding says of its event, in a few words.
fn said(finding: &Finding) -> Option<Said> {
    let texts = |name: &str| -> Option<Vec<&str>> {
        let all = finding.details.get(name)?.as_array()?;
        Some(all.iter().filter_map(Value::as_str).collect())
    };
    if let Some(accounts) = texts("external_accounts").filter(|all| !all.is_empty()) {
        let what = texts("actions").or_else(|| texts("operations")).unwrap_or_default();
        let what = few(&what);
        let to = if what.is_empty() { "for" } else { "to" };
        let text = format!("{what} {to} {}, not yours", few(&accounts)).trim().to_owned();
        return Some(Said { texts: [text].into(), grave: true });
    }
    let days = finding.details.get("pendingWindowInDays").and_then(Value::as_u64)?;
    let text = format!("in {}", counted(days, "day"));
    Some(Said { texts: [text].into(), grave: false })
}

/// The first of several names, and how many more there are.
pub fn few<T: AsRef<str>>(names: &[T]) -> String {
    match names {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [one, other] => format!("{}, {}", one.as_ref(), other.as_ref()),
        [one, rest @ ..] => format!("{} and {} more", one.as_ref(), rest.len()),
    }
}
