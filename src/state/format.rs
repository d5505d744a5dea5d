//! The bytes of a state: one zstd frame with a checksum. In it, a line of JSON says what follows. Then
//! come numbers of fixed width, little-endian.
//!
//! ```text
//! {"schema":"keytrail.state/v3", …, "places":N, "objects":N, "reported":N, "known":N, "lost":N,
//!  "recalled":N, "blocks":N, "habits":N}\n
//! places                        N times: length, JSON of account and Region; 20 bytes for each day
//! objects, reported, known      N times 16 bytes of id and 2 of day, ascending
//! lost                          N times: a hash of an ARN, two times
//! recalled                      N times: length, JSON of its origin; length, the record
//! blocks                        N times: length, uses of keys in a form that only the engine reads
//! habits                        N times: 16 bytes of id, 8 of days, 2 of the last day; length, text
//! cases                         N times: length, JSON
//! credentials                   N times: five words of 8 bytes
//! doings, undoing               N times: length, JSON
//! ```
//!
//! The first schema had the places in the line, which grew with every night until no run believed it.
//! The second had the first record of each use among those that are recalled.
//!
//! What must stay true: the reader doesn't trust the file. It believes a number only as far as bytes
//! follow. And what is written is read back before it takes the place of what was there: a state that
//! the next run refuses is worse than one that is a night old.

mod cases;
mod doings;
mod habits;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::State;
use crate::model::aftermath::{Doing, KnownUndoing};
use crate::model::case::KnownCase;
use crate::model::coverage::{self, Coverage, Day as HoursOfDay, Seen};
use crate::model::delivery::{Deliveries, Delivery};
use crate::model::memory::{
    Dated, Habit, Id, Issued, LostTags, Memory, Recalled, Span, Uses, judged,
};
use crate::model::origin::Origin;
use crate::model::time::Time;
use cases::{OfCase, issued_row, write_issued};
use doings::{OfDoing, OfUndoing};
use habits::{habit, write_habit};
use words::{json, read_bytes, word, write_bytes};

/// What is written.
const SCHEMA: &str = "keytrail.state/v3";
/// What is read too: no blocks of uses.
const EARLIER: &str = "keytrail.state/v2";
/// And this: all places are in the first line.
const FIRST: &str = "keytrail.state/v1";
/// Fast, and half the size of what deflate makes.
const LEVEL: i32 = 3;
/// The longest first line that is believed: of earlier states, which hold all places in it, 512 MiB.
const LINE_MAX: u64 = 512 << 20;

#[derive(Serialize, Deserialize)]
struct Head {
    schema: String,
    tool: String,
    written: Option<i64>,
    runs: u64,
    #[serde(rename = "rules")]
    asked: String,
    /// Not in states of earlier versions.
    #[serde(default)]
    rule_digests: BTreeMap<String, String>,
    seed: u64,
    first_event: Option<i64>,
    last_event: Option<i64>,
    accounts: BTreeSet<String>,
    /// Not in states of earlier versions.
    #[serde(default)]
    expects: u64,
    /// Which hours are not judged: half-open. Not in states of earlier versions.
    #[serde(default)]
    unjudged: Option<[i64; 2]>,
    /// Only in states of earlier versions.
    #[serde(default, skip_serializing)]
    coverage: Coverage,
    forgotten: u64,
    /// These are not in states of earlier versions.
    #[serde(default)]
    aged: u64,
    #[serde(default)]
    copies_forgotten: u64,
    #[serde(default)]
    cases_forgotten: u64,
    #[serde(default)]
    issued_forgotten: u64,
    #[serde(default)]
    doings_forgotten: u64,
    #[serde(default)]
    left_out: Option<[i64; 2]>,
    /// How many resources there are whose tag changes had no room.
    #[serde(default)]
    lost: u64,
    #[serde(default)]
    lost_alike: Vec<(String, [i64; 2])>,
    #[serde(default)]
    lost_all: Option<[i64; 2]>,
    /// Trail, key and bucket, with the times of the first and the last delivery.
    #[serde(default)]
    deliveries: Vec<(String, String, String, [i64; 2])>,
    #[serde(default)]
    blocks: u64,
    #[serde(default)]
    uses: u64,
    /// Not in states of earlier versions.
    #[serde(default)]
    habits: u64,
    /// These are not in states of earlier versions.
    #[serde(default)]
    cases: u64,
    #[serde(default)]
    issued: u64,
    #[serde(default)]
    doings: u64,
    #[serde(default)]
    undoing: u64,
    /// How many accounts and Regions there are. Not in states of earlier versions.
    #[serde(default)]
    places: u64,
    objects: u64,
    reported: u64,
    known: u64,
    recalled: u64,
}

/// An account and Region, before its days.
#[derive(Serialize, Deserialize)]
struct Covered {
    #[serde(flatten)]
    place: coverage::Place,
    regional: bool,
    days: u64,
}

/// A record, before its text.
#[derive(Serialize, Deserialize)]
struct Kept {
    blob: String,
    record: Option<u64>,
    reported: bool,
    last: Option<i64>,
    count: u64,
}

/// The bytes of a state, which were read back.
///
/// # Errors
/// When there is no memory for them, or they could not be read back.
pub fn encode(state: &State) -> io::Result<Vec<u8>> {
    let bytes = write(state)?;
    let unreadable = |reason| io::Error::other(format!("what is to be written {reason}"));
    read(&bytes, |_| ()).map_err(unreadable)?;
    Ok(bytes)
}

/// The first line.
fn head(state: &State) -> Head {
    let State { objects, reported, memory, .. } = state;
    let alike = memory.lost_tags.alike.iter();
    Head {
        schema: SCHEMA.to_owned(),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        written: state.written.map(|time| time.0),
        runs: state.runs,
        asked: state.asked.clone(),
        rule_digests: state.rules.clone(),
        seed: memory.seed,
        first_event: memory.first_event.map(|time| time.0),
        last_event: memory.last_event.map(|time| time.0),
        accounts: memory.accounts.clone(),
        expects: memory.expects,
        unjudged: memory.coverage.unjudged().map(|hours| [hours.from, hours.to]),
        coverage: Coverage::default(),
        forgotten: memory.forgotten,
        aged: memory.aged,
        copies_forgotten: memory.copies_forgotten,
        cases_forgotten: memory.cases_forgotten,
        issued_forgotten: memory.issued_forgotten,
        doings_forgotten: memory.doings_forgotten,
        left_out: memory.left_out.map(numbers),
        lost: memory.lost_tags.of.len() as u64,
        lost_alike: alike.map(|(head, span)| (head.clone(), numbers(*span))).collect(),
        lost_all: memory.lost_tags.all.map(numbers),
        deliveries: memory.deliveries.rows().map(delivery).collect(),
        blocks: memory.uses.blocks.len() as u64,
        uses: memory.uses.count,
        habits: memory.habits.len() as u64,
        cases: memory.cases.len() as u64,
        issued: memory.issued.len() as u64,
        doings: memory.doings.len() as u64,
        undoing: memory.undoing.len() as u64,
        places: memory.coverage.places().count() as u64,
        objects: objects.rows().len() as u64,
        reported: reported.rows().len() as u64,
        known: memory.known.rows().len() as u64,
        recalled: memory.recalled.len() as u64,
    }
}

/// A delivery as it is written.
fn delivery((trail, of): (&str, &Delivery)) -> (String, String, String, [i64; 2]) {
    (trail.to_owned(), of.key.clone(), of.bucket.clone(), numbers(of.times))
}

/// Deliveries that were written.
fn deliveries(rows: Vec<(String, String, String, [i64; 2])>) -> Deliveries {
    let mut all = Deliveries::default();
    for (trail, key, bucket, times) in rows {
        all.add(&trail, (&key, &bucket), span(times));
    }
    all
}

fn write(state: &State) -> io::Result<Vec<u8>> {
    let mut out = zstd::Encoder::new(Vec::new(), LEVEL)?;
    out.include_checksum(true)?;
    let State { objects, reported, memory, .. } = state;
    serde_json::to_writer(&mut out, &head(state))?;
    out.write_all(b"\n")?;
    for (place, seen) in memory.coverage.places() {
        let (place, days) = (place.clone(), seen.hours.days().count() as u64);
        let covered = Covered { place, regional: seen.regional, days };
        write_bytes(&mut out, &serde_json::to_vec(&covered)?)?;
        for (day, hours) in seen.hours.days() {
            out.write_all(&day.to_le_bytes())?;
            hours.bits().iter().try_for_each(|bits| out.write_all(&bits.to_le_bytes()))?;
        }
    }
    for dated in [objects, reported, &memory.known] {
        for ([a, b], day) in dated.rows() {
            out.write_all(&a.to_le_bytes())?;
            out.write_all(&b.to_le_bytes())?;
            out.write_all(&day.to_le_bytes())?;
        }
    }
    for (hash, span) in &memory.lost_tags.of {
        let [first, last] = numbers(*span).map(i64::to_le_bytes);
        [hash.to_le_bytes(), first, last].iter().try_for_each(|word| out.write_all(word))?;
    }
    for recalled in &memory.recalled {
        let kept = Kept {
            blob: recalled.origin.blob.to_string(),
            record: recalled.origin.record,
            reported: recalled.reported,
            last: recalled.last.map(|time| time.0),
            count: recalled.count,
        };
        write_bytes(&mut out, &serde_json::to_vec(&kept)?)?;
        write_bytes(&mut out, &recalled.text)?;
    }
    memory.uses.blocks.iter().try_for_each(|block| write_bytes(&mut out, block))?;
    memory.habits.iter().try_for_each(|habit| write_habit(&mut out, habit))?;
    let mut case = |case| write_bytes(&mut out, &serde_json::to_vec(&OfCase::from(case))?);
    memory.cases.iter().try_for_each(&mut case)?;
    memory.issued.iter().try_for_each(|row| write_issued(&mut out, row))?;
    for doing in &memory.doings {
        write_bytes(&mut out, &serde_json::to_vec(&OfDoing::from(doing))?)?;
    }
    for undoing in &memory.undoing {
        write_bytes(&mut out, &serde_json::to_vec(&OfUndoing::from(undoing))?)?;
    }
    out.finish()
}

/// What follows the first line, one by one.
enum Piece {
    Place(coverage::Place, Seen),
    Object((Id, u16)),
    Reported((Id, u16)),
    Known((Id, u16)),
    Record(Recalled),
    Block(Vec<u8>),
    Lost((u64, Span)),
    Habit(Habit),
    Case(KnownCase),
    Issued(Issued),
    Doing(Doing),
    Undoing(KnownUndoing),
}

/// What a row of fixed size is.
type OfRow = fn((Id, u16)) -> Piece;

/// A state from its bytes.
///
/// # Errors
/// Why they are none, in words.
pub fn decode(bytes: &[u8]) -> Result<State, String> {
    let (mut objects, mut reported, mut known) = (Vec::new(), Vec::new(), Vec::new());
    let (mut coverage, mut recalled) = (Coverage::default(), Vec::new());
    let (mut blocks, mut lost, mut habits) = (Vec::new(), Vec::new(), Vec::new());
    let (mut cases, mut issued) = (Vec::new(), Vec::new());
    let (mut doings, mut undoing) = (Vec::new(), Vec::new());
    let head = read(bytes, |piece| match piece {
        Piece::Place(place, seen) => coverage.add(place, &seen),
        Piece::Object(row) => objects.push(row),
        Piece::Reported(row) => reported.push(row),
        Piece::Known(row) => known.push(row),
        Piece::Record(record) => recalled.push(record),
        Piece::Block(block) => blocks.push(block),
        Piece::Lost(row) => lost.push(row),
        Piece::Habit(habit) => habits.push(habit),
        Piece::Case(case) => cases.push(case),
        Piece::Issued(row) => issued.push(row),
        Piece::Doing(doing) => doings.push(doing),
        Piece::Undoing(row) => undoing.push(row),
    })?;
    let Head { written, runs, asked, rule_digests: rules, seed, accounts, .. } = head;
    if head.schema != SCHEMA {
        // What was judged and what was left out was not told apart.
        known.iter_mut().for_each(|(id, _)| *id = judged(*id));
    }
    if head.schema == FIRST {
        coverage = head.coverage;
    }
    coverage.set_unjudged(head.unjudged.map(|[from, to]| coverage::Gap { from, to }));
    let memory = Memory {
        seed,
        first_event: head.first_event.map(Time),
        last_event: head.last_event.map(Time),
        accounts,
        coverage,
        expects: head.expects,
        deliveries: deliveries(head.deliveries),
        known: Dated::new(known),
        recalled,
        uses: Uses { blocks, count: head.uses },
        habits,
        cases,
        issued,
        doings,
        undoing,
        lost_tags: LostTags {
            of: lost,
            alike: head.lost_alike.into_iter().map(|(head, times)| (head, span(times))).collect(),
            all: head.lost_all.map(span),
        },
        forgotten: head.forgotten,
        aged: head.aged,
        copies_forgotten: head.copies_forgotten,
        cases_forgotten: head.cases_forgotten,
        issued_forgotten: head.issued_forgotten,
        doings_forgotten: head.doings_forgotten,
        left_out: head.left_out.map(span),
    };
    let (objects, reported) = (Dated::new(objects), Dated::new(reported));
    Ok(State { written: written.map(Time), runs, asked, rules, objects, reported, memory })
}

/// Reads a state, and hands on what follows its first line.
fn read(bytes: &[u8], mut take: impl FnMut(Piece)) -> Result<Head, String> {
    let damaged = |error: io::Error| format!("is damaged: {error}");
    let inflated = zstd::Decoder::new(bytes).map_err(damaged)?;
    let mut from = BufReader::new(inflated);
    let mut line = Vec::new();
    from.by_ref().take(LINE_MAX).read_until(b'\n', &mut line).map_err(|_| no_state())?;
    let head: Head = serde_json::from_slice(&line).map_err(|_| no_state())?;
    drop(line);
    if ![SCHEMA, EARLIER, FIRST].contains(&head.schema.as_str()) {
        let found: String = head.schema.chars().take(60).collect();
        return Err(format!("has the schema {found:?}, expected {SCHEMA:?}"));
    }
    for _ in 0..head.places {
        let (place, seen) = place(&mut from).map_err(damaged)?;
        take(Piece::Place(place, seen));
    }
    let kinds: [(u64, OfRow); 3] = [
        (head.objects, Piece::Object),
        (head.reported, Piece::Reported),
        (head.known, Piece::Known),
    ];
    for (count, kind) in kinds {
        for _ in 0..count {
            take(kind(row(&mut from).map_err(damaged)?));
        }
    }
    for _ in 0..head.lost {
        let mut next = || word(&mut from).map_err(damaged);
        let (hash, times) = (next()?, [next()?, next()?]);
        take(Piece::Lost((hash, span(times.map(u64::cast_signed)))));
    }
    for _ in 0..head.recalled {
        take(Piece::Record(record(&mut from).map_err(damaged)?));
    }
    for _ in 0..head.blocks {
        take(Piece::Block(read_bytes(&mut from).map_err(damaged)?));
    }
    for _ in 0..head.habits {
        take(Piece::Habit(habit(&mut from).map_err(damaged)?));
    }
    for _ in 0..head.cases {
        let case: OfCase = json(&mut from).map_err(damaged)?;
        take(Piece::Case(case.into()));
    }
    for _ in 0..head.issued {
        take(Piece::Issued(issued_row(&mut from).map_err(damaged)?));
    }
    for _ in 0..head.doings {
        let doing: OfDoing = json(&mut from).map_err(damaged)?;
        take(Piece::Doing(doing.try_into().map_err(damaged)?));
    }
    for _ in 0..head.undoing {
        let undoing: OfUndoing = json(&mut from).map_err(damaged)?;
        take(Piece::Undoing(undoing.into()));
    }
    if from.read(&mut [0]).map_err(damaged)? != 0 {
        return Err("is damaged: something follows its end".to_owned());
    }
    Ok(head)
}

fn numbers((first, last): Span) -> [i64; 2] {
    [first.0, last.0]
}

fn span([first, last]: [i64; 2]) -> Span {
    (Time(first), Time(last))
}

fn no_state() -> String {
    "is no state that --state wrote".to_owned()
}

fn place(from: &mut impl Read) -> io::Result<(coverage::Place, Seen)> {
    let Covered { place, regional, days } = serde_json::from_slice(&read_bytes(from)?)?;
    let mut seen = Seen { regional, ..Seen::default() };
    for _ in 0..days {
        let mut day = [0; 4];
        from.read_exact(&mut day)?;
        let mut hours = [[0; 4]; 4];
        hours.iter_mut().try_for_each(|bits| from.read_exact(bits))?;
        seen.hours.add(i32::from_le_bytes(day), HoursOfDay::of_bits(hours.map(u32::from_le_bytes)));
    }
    Ok((place, seen))
}

fn row(from: &mut impl Read) -> io::Result<(Id, u16)> {
    let (a, b) = (word(from)?, word(from)?);
    let mut day = [0; 2];
    from.read_exact(&mut day)?;
    Ok(([a, b], u16::from_le_bytes(day)))
}

fn record(from: &mut impl Read) -> io::Result<Recalled> {
    let kept: Kept = serde_json::from_slice(&read_bytes(from)?)?;
    let origin = Origin { blob: Arc::from(kept.blob), record: kept.record };
    let text = read_bytes(from)?;
    let Kept { reported, count, .. } = kept;
    Ok(Recalled { origin, text, reported, last: kept.last.map(Time), count })
}
