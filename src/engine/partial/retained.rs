//! Records that are kept for the next run: those that a rule over many records has noted, and the
//! first of every use of a key.
//!
//! What a correlation noted is kept while a window can still reach it, late delivery included; what
//! a history noted or what says something of tags, as long as there is room. In the next run these
//! records are read before all others, as if they lay before the range that is reported: they give
//! context to what is new and make no finding of their own.
//!
//! What must stay true: nothing is kept when nobody asked; memory and the outcome are bounded, and
//! what has no room is counted.

use std::collections::{HashMap, HashSet};
use std::io;

use crate::engine::context::FOREVER;
use crate::engine::store::names::Names;
use crate::engine::store::texts::{AllTexts, LastBlock, TextAt, Texts};
use crate::model::memory::{Id, Recalled};
use crate::model::origin::Origin;
use crate::model::time::Time;

/// Bytes of text above which a worker looks what it can do without.
const CROWDED: u64 = 256 << 20; // 256 MiB
/// Bytes of text that the next run gets (128 MiB), and records (200,000).
const BYTES_MAX: u64 = 128 << 20;
const RECORDS_MAX: usize = 200_000;
/// Uses of which the first time is remembered.
const FIRSTS: usize = 1 << 18;

/// A record that may be kept.
#[derive(Debug, Clone, Copy)]
struct Row {
    identity: Id,
    content: u64,
    time: i64,
    /// How much later than it a record may come that needs it; microseconds.
    reach: i64,
    /// The use of which it is the first.
    used: Option<Id>,
    reported: bool,
    blob: u64,
    record: u64,
    len: u64,
    text: TextAt,
}

/// What is kept, while reading.
#[derive(Debug)]
pub struct Retained {
    /// `None` when nobody asked.
    texts: Option<Texts>,
    others: Vec<Texts>,
    rows: Vec<Row>,
    bytes: u64,
    crowded: u64,
    /// How late records may come; microseconds.
    late: i64,
    /// No time after it is true; microseconds since 1970.
    tomorrow: i64,
    /// The latest time so far.
    newest: i64,
    /// How far the record at hand reaches.
    mark: Option<(i64, Option<Id>)>,
    /// When the first of each use was.
    firsts: HashMap<Id, i64>,
    /// The time of the last of each use.
    lasts: HashMap<Id, Time>,
    /// Where records of earlier runs were read.
    pub recalled: HashSet<(u64, u64)>,
    forgotten: u64,
}

impl Retained {
    /// Keeps what is noted if `late` says how late records may come.
    pub fn new(late: Option<i64>, tomorrow: i64, worker: u32) -> Retained {
        Retained {
            texts: late.map(|_| Texts::new(worker)),
            others: Vec::new(),
            rows: Vec::new(),
            bytes: 0,
            crowded: CROWDED,
            late: late.unwrap_or_default(),
            tomorrow,
            newest: i64::MIN,
            mark: None,
            firsts: HashMap::new(),
            lasts: HashMap::new(),
            recalled: HashSet::new(),
            forgotten: 0,
        }
    }

    /// Why memory holds what a temporary file should.
    pub fn trouble(&self) -> Option<&io::Error> {
        self.texts.as_ref().and_then(Texts::trouble)
    }

    /// Marks the record at hand as one that records up to `reach` later may need.
    pub fn mark(&mut self, reach: i64) {
        let (known, used) = self.mark.unwrap_or((0, None));
        self.mark = Some((known.max(reach), used));
    }

    /// Marks it as the first of a use, unless an earlier one is known.
    pub fn mark_use(&mut self, used: Id, time: Time) {
        if self.texts.is_none() {
            return;
        }
        if self.firsts.len() >= FIRSTS {
            // Then some are kept that are not the first: they are left out in the end.
            self.firsts.clear();
        }
        let first = self.firsts.entry(used).or_insert(i64::MAX);
        if time.0 < *first {
            *first = time.0;
            let (reach, _) = self.mark.unwrap_or((0, None));
            self.mark = Some((reach, Some(used)));
        }
    }

    /// Whether the record at hand was marked and there is a use for it.
    pub fn is_marked(&self) -> bool {
        self.texts.is_some() && self.mark.is_some()
    }

    /// Keeps the record at hand if it was marked.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub fn keep(
        &mut self,
        time: Time,
        ((identity, content), (blob, record), reported): ((Id, u64), (u64, u64), bool),
        text: &[u8],
    ) -> io::Result<()> {
        let (Some((reach, used)), Some(texts)) = (self.mark.take(), &mut self.texts) else {
            return Ok(());
        };
        // A time that has not come yet must not make all others old.
        self.newest = self.newest.max(time.0.min(self.tomorrow));
        let len = text.len() as u64;
        let text = texts.add(&[text])?;
        let row =
            Row { identity, content, time: time.0, reach, used, reported, blob, record, len, text };
        if row.is_over(self.newest, self.late) {
            return Ok(());
        }
        self.rows.push(row);
        self.bytes += len;
        if self.bytes > self.crowded { self.tidy() } else { Ok(()) }
    }

    /// Lets the record at hand go.
    pub fn skip(&mut self) {
        self.mark = None;
    }

    /// Writes what is still needed to a new spool.
    fn tidy(&mut self) -> io::Result<()> {
        let (newest, late) = (self.newest, self.late);
        self.rows.retain(|row| !row.is_over(newest, late));
        self.forgotten += fit(&mut self.rows, CROWDED / 2, usize::MAX);
        let Some(old) = &mut self.texts else { return Ok(()) };
        let mut new = Texts::new(old.number());
        let mut last = LastBlock::default();
        self.rows.sort_unstable_by_key(|row| row.text);
        for row in &mut self.rows {
            row.text = new.add(&[&old.get(row.text, &mut last)?])?;
        }
        *old = new;
        self.bytes = self.rows.iter().map(|row| row.len).sum();
        self.crowded = CROWDED.max(self.bytes * 2);
        Ok(())
    }

    /// Remembers when a use was last seen.
    pub fn note_last(&mut self, used: Id, last: Time) {
        if self.texts.is_some() {
            let known = self.lasts.entry(used).or_insert(last);
            *known = last.max(*known);
        }
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: Retained) {
        self.others.extend(other.texts);
        self.others.extend(other.others);
        self.rows.extend(other.rows);
        self.newest = self.newest.max(other.newest);
        other.lasts.into_iter().for_each(|(used, last)| self.note_last(used, last));
        self.recalled.extend(other.recalled);
        self.forgotten += other.forgotten;
    }

    /// What the next run gets, and how much had to be left out. `counts` says how many records
    /// each use has.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub fn pack(
        mut self,
        names: &Names,
        counts: &HashMap<Id, u64>,
    ) -> io::Result<(Vec<Recalled>, u64)> {
        let (newest, late) = (self.newest, self.late);
        self.rows.retain(|row| !row.is_over(newest, late));
        let mut rows = self.one_a_use();
        let forgotten = self.forgotten + fit(&mut rows, BYTES_MAX, RECORDS_MAX);
        let mut texts = AllTexts::default();
        self.texts.into_iter().chain(self.others).for_each(|some| texts.add(some));
        let mut recalled = Vec::with_capacity(rows.len());
        // In the order of writing, so that each block is read once.
        rows.sort_unstable_by_key(|row| row.text);
        let mut last = LastBlock::default();
        for row in rows {
            recalled.push(Recalled {
                origin: Origin::record(names.get(row.blob)?, row.record),
                text: texts.get(row.text, &mut last)?,
                reported: row.reported,
                last: row.used.and_then(|used| self.lasts.get(&used).copied()),
                count: row.used.and_then(|used| counts.get(&used).copied()).unwrap_or(1),
            });
        }
        // In an order that no hash decides.
        recalled.sort_unstable();
        Ok((recalled, forgotten))
    }

    /// One row a record, and of each use only the first; a record that others need stays anyhow.
    fn one_a_use(&mut self) -> Vec<Row> {
        let mut rows = std::mem::take(&mut self.rows);
        rows.sort_unstable_by_key(|row| (row.time, row.identity, row.content, row.used.is_none()));
        rows.dedup_by(|again, kept| {
            let same = (again.identity, again.content) == (kept.identity, kept.content);
            if same {
                kept.reach = kept.reach.max(again.reach);
                kept.reported |= again.reported;
            }
            same
        });
        let mut seen = HashSet::new();
        rows.retain_mut(|row| {
            let first = row.used.is_some_and(|used| seen.insert(used));
            if !first {
                row.used = None;
            }
            first || row.reach > 0
        });
        rows
    }
}

impl Row {
    /// Whether no record that may still come can need it.
    fn is_over(&self, newest: i64, late: i64) -> bool {
        let until = self.time.saturating_add(self.reach).saturating_add(late);
        self.used.is_none() && self.reach != FOREVER && until < newest
    }
}

/// Leaves out the oldest of what has no room: first what waits for a window, then the rest.
fn fit(rows: &mut Vec<Row>, bytes: u64, most: usize) -> u64 {
    let total: u64 = rows.iter().map(|row| row.len).sum();
    if total <= bytes && rows.len() <= most {
        return 0;
    }
    rows.sort_unstable_by_key(|row| {
        let lasts = row.used.is_some() || row.reach == FOREVER;
        std::cmp::Reverse((lasts, row.time, row.identity, row.content))
    });
    let (mut room, before) = (bytes, rows.len());
    rows.truncate(most);
    let stays = rows.iter().position(|row| match room.checked_sub(row.len) {
        Some(left) => {
            room = left;
            false
        }
        None => true,
    });
    rows.truncate(stays.unwrap_or(rows.len()));
    (before - rows.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn keep(kept: &mut Retained, names: &Names, hour: i64, mark: impl FnOnce(&mut Retained)) {
        mark(kept);
        let blob = names.add("blob");
        let id = [hour.cast_unsigned(), 1];
        let found = ((id, 0), (blob, 3), true);
        kept.keep(Time(hour * HOUR), found, format!("{hour}").as_bytes()).unwrap();
    }

    fn texts(kept: Retained, names: &Names) -> Vec<(String, Option<i64>, u64)> {
        let counts = HashMap::from([([7, 7], 5)]);
        let (recalled, _) = kept.pack(names, &counts).unwrap();
        let text = |r: Recalled| {
            assert_eq!(r.origin.to_string(), "blob#3");
            let last = r.last.map(|last| last.0 / HOUR);
            (String::from_utf8(r.text).unwrap(), last, r.count)
        };
        recalled.into_iter().map(text).collect()
    }

    #[test]
    fn a_record_is_kept_while_it_can_be_needed() {
        let names = Names::default();
        let mut kept = Retained::new(Some(2 * HOUR), i64::MAX, 0);
        keep(&mut kept, &names, 1, |kept| kept.mark(HOUR));
        keep(&mut kept, &names, 2, |kept| kept.mark(FOREVER));
        keep(&mut kept, &names, 3, |kept| kept.mark(HOUR));
        keep(&mut kept, &names, 5, |_| {});
        keep(&mut kept, &names, 6, |kept| kept.mark(0));
        // Nobody needs the sixth later than late ones come, and it is from now.
        let kept: Vec<String> = texts(kept, &names).into_iter().map(|(text, ..)| text).collect();
        assert_eq!(kept, ["2", "3"]);
    }

    #[test]
    fn of_uses_the_first_is_kept_with_the_last_and_the_count() {
        let names = Names::default();
        let (mut one, mut two) =
            (Retained::new(Some(0), i64::MAX, 0), Retained::new(Some(0), i64::MAX, 1));
        keep(&mut one, &names, 8, |kept| kept.mark_use([7, 7], Time(9)));
        one.note_last([7, 7], Time(9 * HOUR));
        keep(&mut two, &names, 4, |kept| kept.mark_use([7, 7], Time(9)));
        two.note_last([7, 7], Time(6 * HOUR));
        one.merge(two);
        assert_eq!(texts(one, &names), [("4".to_owned(), Some(9), 5)]);
    }

    #[test]
    fn what_has_no_room_goes_oldest_first_and_is_counted() {
        let row = |time, reach, len| Row {
            identity: [0, 0],
            content: 0,
            time,
            reach,
            used: None,
            reported: true,
            blob: 0,
            record: 0,
            len,
            text: TextAt(0),
        };
        let all = || vec![row(1, FOREVER, 10), row(2, 5, 10), row(3, 5, 10), row(4, FOREVER, 10)];
        let left = |bytes, most| {
            let mut rows = all();
            let gone = fit(&mut rows, bytes, most);
            assert_eq!(gone as usize + rows.len(), 4);
            let mut times: Vec<i64> = rows.iter().map(|row| row.time).collect();
            times.sort_unstable();
            times
        };
        assert_eq!(left(40, 4), [1, 2, 3, 4]);
        assert_eq!(left(39, 4), [1, 3, 4]);
        assert_eq!(left(40, 2), [1, 4]);
        assert_eq!(left(10, 4), [4]);
        assert!(left(9, 4).is_empty());
    }

    #[test]
    fn nothing_is_kept_when_nobody_asks() {
        let names = Names::default();
        let mut kept = Retained::new(None, i64::MAX, 0);
        keep(&mut kept, &names, 1, |kept| kept.mark(FOREVER));
        assert!(texts(kept, &names).is_empty());
    }
}
