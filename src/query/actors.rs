//! Who called, with which credential: how often, from where, and what they reached.
//!
//! Each worker adds up what it reads. When that takes more than some mebibytes, it goes to a shelf as it
//! is and the worker begins anew; in the end the parts of one caller are neighbours and are added up. A
//! second shelf puts callers in order. So memory is bounded whatever the number of callers.
//!
//! What must stay true: a record that was delivered twice counts once, whichever copy comes first.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

use super::blame::Blame;
use super::close::Close;
use super::filter::Query;
use super::needles::Needles;
use super::target::about;
use crate::engine::store::hash::{HashKey, compact};
use crate::engine::store::seen::Seen;
use crate::engine::store::shelf::{Read, Shelf, Sorted, Stow};
use crate::engine::store::stacks::StackKey;
use crate::engine::{Gather, Plan, Progress, scan_and_gather};
use crate::model::arn::Arn;
use crate::model::conduct::{Conduct, Who};
use crate::model::level::Level;
use crate::model::origin::Origin;
use crate::model::outcome::Outcome;
use crate::model::problem::{Problem, Stage};
use crate::record::event::{Header, Marked, Raw};
use crate::record::json::Json;
use crate::record::kms::View;
use crate::source::Source;

/// What a worker holds in memory, in bytes, and a shelf likewise.
const HELD: usize = 8 << 20;

/// Records that memory knows to be read; others are looked up in a file.
const SEEN_HELD: usize = 1 << 19;

/// What a caller takes with a name in each set, in bytes, and what a name takes beside its text.
const WEIGHT: (usize, usize) = (3_200, 80);

impl Stow for Conduct {
    fn weight(&self) -> usize {
        let sets = [&self.addresses, &self.agents, &self.keys, &self.secrets, &self.objects];
        let names = sets.into_iter().flat_map(|set| &set.names).chain(self.events.keys());
        WEIGHT.0 + names.map(|name| WEIGHT.1 + name.len()).sum::<usize>()
    }

    fn pack(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

/// All callers: those with the worst findings first, then those with the most calls.
#[derive(Debug)]
pub struct Actors {
    sorted: Sorted<Conduct>,
    /// How many there are.
    pub count: u64,
}

impl Actors {
    /// Reads them from the first.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn rows(&self) -> io::Result<impl Iterator<Item = io::Result<Conduct>>> {
        let read: Read<'_, Conduct> = self.sorted.read()?;
        Ok(read.map(|row| row.map(|(_, conduct)| conduct)))
    }
}

/// Reads everything that `source` gives, adds up what the callers whom `query` asks for did, and counts
/// what the rules of `plan` find about them. What could not be read is in the outcome.
///
/// # Errors
/// Threads that cannot be started, and a temporary file that cannot be read back.
pub fn actors(
    source: &mut dyn Source,
    (plan, query): (&Plan, &Query),
    progress: &Progress,
    stop: &AtomicBool,
) -> io::Result<(Actors, Outcome)> {
    let adding = Adding {
        query,
        needles: query.needles(),
        key: HashKey::random(0x6163_746f),
        seen: Mutex::new(Seen::new(SEEN_HELD)),
    };
    let (mut outcome, gathered) =
        scan_and_gather(source, plan, progress, stop, || Part::new(&adding))?;
    let mut parts = Shelf::new(HELD);
    for mut part in gathered {
        part.put_away();
        parts.merge(part.away);
        outcome.problems.extend(part.trouble.map(|error| unknown_copies(&error)));
    }
    let blame = Blame::of(&outcome.findings)?;
    outcome.problems.extend((blame.left_out() > 0).then(|| not_counted(blame.left_out())));
    let (sorted, count) = in_order(parts, &blame)?;
    Ok((Actors { sorted, count }, outcome))
}

fn not_counted(findings: u64) -> Problem {
    let message = format!("{findings} more findings are not counted for their callers");
    Problem::new(Origin::blob("*"), Stage::Rule, message)
}

fn unknown_copies(error: &io::Error) -> Problem {
    let message =
        format!("a temporary file cannot be read back, so some copies count as calls: {error}");
    Problem::new(Origin::blob("*"), Stage::Read, message)
}

/// Adds up the parts of each caller, and sorts the callers.
fn in_order(parts: Shelf<Conduct>, blame: &Blame) -> io::Result<(Sorted<Conduct>, u64)> {
    let mut shelf = Shelf::new(HELD);
    let (mut count, mut held): (u64, Option<(StackKey, Conduct)>) = (0, None);
    let mut put = |mut conduct: Conduct| {
        count += 1;
        blame.tell(&mut conduct);
        shelf.push(place_of(&conduct), conduct);
    };
    for part in parts.sorted().read()? {
        let (key, part) = part?;
        match &mut held {
            Some((known, conduct)) if *known == key => conduct.merge(part),
            _ => {
                if let Some((_, conduct)) = held.replace((key, part)) {
                    put(conduct);
                }
            }
        }
    }
    held.into_iter().for_each(|(_, conduct)| put(conduct));
    Ok((shelf.sorted(), count))
}

/// The place of a caller among all: by its worst finding, by calls, by the first of them, and by name.
/// Without a random key, so that it is the same in every run.
fn place_of(conduct: &Conduct) -> StackKey {
    let first = conduct.seen.map_or(0, |(first, _)| (first as u64) ^ (1 << 63));
    let Who { kind, arn, account, session, access_key, via } = &conduct.who;
    let fields = [kind, arn, account, session, access_key, via].map(bytes);
    let [name, _] = HashKey::of_seed(0).long(&fields);
    let worst = conduct.findings.last_key_value().map_or(0, |(level, _)| 1 + *level as u64);
    [Level::ALL.len() as u64 - worst, !conduct.calls, first, name]
}

fn bytes(field: &Option<String>) -> &[u8] {
    field.as_deref().unwrap_or_default().as_bytes()
}

/// What is the same for every worker.
struct Adding<'a> {
    query: &'a Query,
    needles: Needles,
    key: HashKey,
    seen: Mutex<Seen>,
}

/// What one worker adds up.
struct Part<'a> {
    adding: &'a Adding<'a>,
    close: Close,
    held: HashMap<[u64; 2], Conduct>,
    weight: usize,
    away: Shelf<Conduct>,
    /// Why it could not be told of a record whether it is a copy.
    trouble: Option<io::Error>,
}

impl<'a> Part<'a> {
    fn new(adding: &'a Adding<'a>) -> Part<'a> {
        Part {
            adding,
            close: Close::default(),
            held: HashMap::new(),
            weight: 0,
            away: Shelf::new(HELD),
            trouble: None,
        }
    }

    fn put_away(&mut self) {
        for ([one, other], conduct) in self.held.drain() {
            self.away.push([one, other, 0, 0], conduct);
        }
        self.weight = 0;
    }

    /// Whether a record was counted before.
    fn is_copy(&mut self, header: &Header<'_>, record: Marked<'_>) -> bool {
        let text = |raw: Option<Raw<'_>>| raw.and_then(Raw::text).unwrap_or_default().into_owned();
        let (id, account) = (text(header.id), text(header.account));
        if id.is_empty() {
            return false;
        }
        let key = self.adding.key;
        let content = key.short(&compact(record.bytes()));
        let mark = (key.long(&[id.as_bytes(), account.as_bytes()]), content);
        let mut seen = self.adding.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.insert(mark) {
            Ok(new) => !new,
            Err(error) => {
                self.trouble = Some(error);
                false
            }
        }
    }

    fn add(&mut self, view: &View<'_>, header: &Header<'_>) {
        let who = who(view);
        let Who { kind, arn, account, session, access_key, via } = &who;
        let fields = [kind, arn, account, session, access_key, via].map(bytes);
        let id = self.adding.key.long(&fields);
        let before = self.held.len();
        let conduct = self.held.entry(id).or_insert_with(|| Conduct { who, ..Conduct::default() });
        self.weight += add_call(conduct, view, header);
        if self.held.len() > before {
            self.weight += WEIGHT.0;
        }
        if self.weight > HELD {
            self.put_away();
        }
    }
}

impl Gather for Part<'_> {
    fn record(&mut self, _: &str, _: u64, record: Marked<'_>) {
        if !self.adding.needles.may_match(record.bytes()) {
            return;
        }
        let header = record.header();
        let time = header.time.and_then(Raw::time);
        if !self.adding.query.range.has_record(time, &header) {
            return;
        }
        let mut close = std::mem::take(&mut self.close);
        close.look(record, |view| {
            if self.adding.query.is_by_asked(view) && !self.is_copy(&header, record) {
                self.add(view, &header);
            }
        });
        self.close = close;
    }
}

/// Who called, with what.
fn who(view: &View<'_>) -> Who {
    Who::of(&view.principal(), view.access_key())
}

/// Adds a call; how many bytes that takes.
fn add_call(conduct: &mut Conduct, view: &View<'_>, header: &Header<'_>) -> usize {
    if let Some(time) = header.time.and_then(Raw::time) {
        conduct.see(time);
    }
    conduct.calls += 1;
    let mut weight = 0;
    let mut took = |bytes: usize| weight += if bytes == 0 { 0 } else { WEIGHT.1 + bytes };
    took(conduct.count(&view.name().unwrap_or_default(), 1));
    for (set, value) in [
        (&mut conduct.addresses, view.source_ip()),
        (&mut conduct.agents, view.user_agent()),
        (&mut conduct.accounts, view.account()),
        (&mut conduct.regions, view.region()),
    ] {
        took(value.map_or(0, |value| set.add(&value)));
    }
    if view.attempt() {
        let refused = is_refused(view);
        conduct.refused += u64::from(refused);
        conduct.failed += u64::from(!refused);
        return weight;
    }
    view.keys().iter().for_each(|key| took(conduct.keys.add(&key.arn)));
    let source = view.event().get("eventSource").and_then(Json::text).unwrap_or_default();
    for text in about(view) {
        match Kind::of(&text, &source) {
            Some(Kind::Secret) => took(conduct.secrets.add(&text)),
            Some(Kind::Object) => took(conduct.objects.add(&text)),
            None => {}
        }
    }
    weight
}

/// Whether a call was refused, and did not fail for another reason.
fn is_refused(view: &View<'_>) -> bool {
    let code = view.event().get("errorCode").and_then(Json::text).unwrap_or_default();
    ["AccessDenied", "Unauthorized", "NotAuthorized", "Forbidden"]
        .iter()
        .any(|word| code.contains(word))
}

/// What is worth a count of its own.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Secret,
    Object,
}

impl Kind {
    /// What a text names, in a record of this source.
    fn of(text: &str, source: &str) -> Option<Kind> {
        let secret = ["secretsmanager.amazonaws.com", "ssm.amazonaws.com"].contains(&source);
        match Arn::parse(text) {
            Some(arn) if arn.service == "secretsmanager" => Some(Kind::Secret),
            Some(arn) if arn.service == "ssm" => {
                arn.resource.starts_with("parameter/").then_some(Kind::Secret)
            }
            Some(arn) if arn.service == "s3" => arn.resource.contains('/').then_some(Kind::Object),
            Some(_) => None,
            None => secret.then_some(Kind::Secret),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_objects_are_told_from_the_rest() {
        let of = |text: &str| Kind::of(text, "secretsmanager.amazonaws.com");
        assert_eq!(of("arn:aws:secretsmanager:r:1:secret:s-AbCdEf"), Some(Kind::Secret));
        assert_eq!(of("arn:aws:ssm:r:1:parameter/db"), Some(Kind::Secret));
        assert_eq!(of("db/password"), Some(Kind::Secret));
        assert_eq!(of("arn:aws:s3:::b/k"), Some(Kind::Object));
        assert_eq!(of("arn:aws:s3:::b"), None);
        assert_eq!(Kind::of("name", "s3.amazonaws.com"), None);
    }

    #[test]
    fn parts_of_one_caller_are_added_up_and_the_busiest_come_first() {
        let conduct = |name: &str, calls: u64| Conduct {
            who: Who { arn: Some(name.into()), ..Who::default() },
            calls,
            ..Conduct::default()
        };
        // A shelf that holds nothing puts everything away.
        for limit in [0, HELD] {
            let mut parts = Shelf::new(limit);
            parts.push([1, 0, 0, 0], conduct("a", 1));
            parts.push([2, 0, 0, 0], conduct("b", 2));
            parts.push([1, 0, 0, 0], conduct("a", 4));
            let (sorted, count) = in_order(parts, &Blame::default()).unwrap();
            let rows: Vec<_> = sorted.read().unwrap().map(|row| row.unwrap().1).collect();
            assert_eq!(rows, [conduct("a", 5), conduct("b", 2)]);
            assert_eq!(count, 2);
        }
    }
}
