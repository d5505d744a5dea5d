//! What records and the names of files leave behind: counts, and hours as bits.
//!
//! Every record of every service comes by here. What must stay true: a record of the same account,
//! Region and hour as the one before it costs some comparisons and no call.

use std::collections::HashMap;
use std::mem;
use std::ops::Range;

use crate::engine::plan::Filter;
use crate::model::coverage::{
    Counts, Coverage, Day, Gap, Hour, Kind, PLACES_MAX, Place, Seen, hour_of, split,
};
use crate::model::time::Time;
use crate::record::event::{Header, Raw};
use crate::source::layout::LogName;

/// No account or Region is longer: what is, is made up.
const NAME_MAX: usize = 64;

/// How long a trail gathers events before it delivers a file, in microseconds. A file is named
/// after the end of that time.
const DELIVERY: i64 = 300_000_000;

/// Services without Regions. Their records name one Region (`us-east-1` in most partitions) and,
/// if the trail is of a single Region, lie in the files of that one.
const GLOBAL: [&[u8]; 14] = [
    b"account.amazonaws.com",
    b"billingconsole.amazonaws.com",
    b"ce.amazonaws.com",
    b"cloudfront.amazonaws.com",
    b"globalaccelerator.amazonaws.com",
    b"health.amazonaws.com",
    b"iam.amazonaws.com",
    b"organizations.amazonaws.com",
    b"route53.amazonaws.com",
    b"shield.amazonaws.com",
    b"signin.amazonaws.com",
    b"sts.amazonaws.com",
    b"support.amazonaws.com",
    b"waf.amazonaws.com",
];

/// A KMS call, by what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Changes nothing.
    Read,
    /// Changes something.
    Write,
    /// Changes something, and is nobody's call.
    Unasked,
}

/// What a worker has gathered.
#[derive(Debug)]
pub struct Hours {
    /// What is put away.
    coverage: Coverage,
    /// Accounts and Regions at hand.
    open: Vec<Open>,
    /// Where they are in `open`: account and Region as they are spelt, with a byte between that no
    /// text has.
    known: HashMap<Vec<u8>, usize>,
    /// That of the record before.
    own: Option<usize>,
    /// What records would add nothing.
    done: Done,
    /// What the blob's name says.
    home: Option<(usize, Time)>,
    /// The blob, counted from 1.
    blob: u64,
    /// Times that are counted: of records outside only the hours are kept.
    counted: Range<Time>,
    /// Reused from record to record.
    name: Vec<u8>,
}

/// An hour of which everything is kept that records of these kinds tell.
#[derive(Debug)]
struct Done {
    /// What the blob's name says, and what the record does.
    places: (Option<usize>, Option<usize>),
    hour: Range<Time>,
    /// The kinds, a [`bit`] each.
    calls: u8,
}

/// An account and Region at hand.
#[derive(Debug)]
struct Open {
    place: Place,
    seen: Seen,
    /// The blob that was counted last.
    blob: u64,
    /// The day at hand, not yet among the hours.
    day: i32,
    hours: Day,
}

impl Open {
    fn set(&mut self, hour: Hour, kinds: &[Kind]) -> bool {
        let (day, hour) = split(hour);
        let kept = day == self.day || self.put_away(day);
        kinds.iter().for_each(|kind| self.hours.set(*kind, hour));
        kept
    }

    /// Takes another day in hand; `false` if one was dropped.
    fn put_away(&mut self, day: i32) -> bool {
        let hours = mem::take(&mut self.hours);
        let day = mem::replace(&mut self.day, day);
        hours == Day::default() || self.seen.hours.add(day, hours)
    }
}

impl Hours {
    pub fn new(filter: &Filter) -> Hours {
        let since = filter.since.unwrap_or(Time(i64::MIN));
        Hours {
            coverage: Coverage::default(),
            open: Vec::new(),
            known: HashMap::new(),
            own: None,
            done: Done { places: (None, None), hour: Time(0)..Time(0), calls: 0 },
            home: None,
            blob: 0,
            counted: since..filter.until.unwrap_or(Time(i64::MAX)),
            name: Vec::new(),
        }
    }

    /// Begins a blob of this name.
    pub fn begin(&mut self, name: Option<LogName<'_>>) {
        self.blob += 1;
        self.home = None;
        if let Some(LogName { account, region, time }) = name {
            let at = self.find(account.as_bytes(), region.as_bytes());
            self.home = at.map(|at| (at, time));
        }
        if let Some((home, _)) = self.home {
            self.open[home].seen.regional = true;
        }
    }

    /// Ends a blob; `read` if it was a file of records that could be read.
    pub fn end(&mut self, read: bool) {
        let Some((home, time)) = self.home.take().filter(|_| read) else { return };
        let open = &mut self.open[home];
        if open.blob != self.blob && self.counted.contains(&time) {
            open.seen.counts.files += 1;
        }
        // Its records tell their own hours. That something was delivered at all says that the trail
        // was at work, even if all of it is late.
        let kept = open.set(hour_of(Time(time.0.saturating_sub(DELIVERY))), &[Kind::Files]);
        self.note(kept);
    }

    /// Takes in a record: when it happened, its `eventSource`, and what it does if it is of KMS.
    /// `same` if account and Region are those of the record before, wherever that was.
    pub fn record(
        &mut self,
        header: &Header<'_>,
        same: bool,
        (time, source, call): (Option<Time>, &[u8], Option<Call>),
    ) {
        if !same {
            self.own = self.own(header);
        }
        let home = self.home.map(|(home, _)| home);
        if let Some(place) = home.or(self.own)
            && time.is_none_or(|time| self.counted.contains(&time))
        {
            self.open[place].count(self.blob, call);
        }
        let Some(time) = time else { return };
        let done = &self.done;
        let known = done.places == (home, self.own) && done.hour.contains(&time);
        if !known || done.calls & bit(call) == 0 {
            self.mark(home, time, source, call);
        }
    }

    /// Keeps the hour of a record.
    #[inline(never)]
    fn mark(&mut self, home: Option<usize>, time: Time, source: &[u8], call: Option<Call>) {
        let places = (home, self.own);
        if self.done.places != places || !self.done.hour.contains(&time) {
            let hour = hour_of(time);
            let hour = Gap { from: hour, to: hour.saturating_add(1) }.times();
            self.done = Done { places, hour: hour.0..hour.1, calls: 0 };
        }
        let hour = hour_of(time);
        let elsewhere = home.filter(|home| self.own != Some(*home));
        let kept = elsewhere.is_none_or(|home| self.open[home].set(hour, &[Kind::Files]));
        self.note(kept);
        let Some(open) = self.own.map(|own| &mut self.open[own]) else { return };
        open.seen.regional = open.seen.regional || !GLOBAL.contains(&source);
        if open.seen.regional {
            // Only then has the next one nothing to add.
            self.done.calls |= bit(call);
        }
        let kept = open.set(hour, &kinds(call)[usize::from(elsewhere.is_some())..]);
        self.note(kept);
    }

    fn note(&mut self, kept: bool) {
        if !kept {
            self.coverage.cut();
        }
    }

    /// The account and Region that a record names.
    fn own(&mut self, header: &Header<'_>) -> Option<usize> {
        let (account, region) = (header.account?, header.region?);
        if let (Some(account), Some(region)) = (account.plain(), region.plain()) {
            return self.find(account, region);
        }
        let text = |raw: Raw<'_>| raw.text().map(|text| text.into_owned());
        let (account, region) = (text(account)?, text(region)?);
        self.find(account.as_bytes(), region.as_bytes())
    }

    fn find(&mut self, account: &[u8], region: &[u8]) -> Option<usize> {
        self.name.clear();
        self.name.extend_from_slice(account);
        self.name.push(0xff);
        self.name.extend_from_slice(region);
        if let Some(at) = self.known.get(&self.name) {
            return Some(*at);
        }
        let fits = |text: &[u8]| (1..=NAME_MAX).contains(&text.len());
        if !fits(account) || !fits(region) {
            return None;
        }
        if self.open.len() >= PLACES_MAX {
            self.coverage.cut();
            return None;
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let at = self.open.len();
        self.open.push(Open {
            place: Place { account: text(account), region: text(region) },
            seen: Seen::default(),
            blob: 0,
            day: i32::MIN,
            hours: Day::default(),
        });
        self.known.insert(self.name.clone(), at);
        Some(at)
    }

    /// All that was gathered.
    pub fn finish(mut self) -> Coverage {
        for mut open in self.open {
            if !open.put_away(i32::MIN) {
                self.coverage.cut();
            }
            self.coverage.add(open.place, &open.seen);
        }
        self.coverage
    }
}

impl Open {
    fn count(&mut self, blob: u64, call: Option<Call>) {
        let Counts { files, records, kms_reads, kms_writes } = &mut self.seen.counts;
        *files += u64::from(self.blob != blob);
        self.blob = blob;
        *records += 1;
        match call {
            None => {}
            Some(Call::Read) => *kms_reads += 1,
            Some(Call::Write | Call::Unasked) => *kms_writes += 1,
        }
    }
}

fn bit(call: Option<Call>) -> u8 {
    match call {
        None => 1,
        Some(Call::Read) => 2,
        Some(Call::Write) => 4,
        Some(Call::Unasked) => 8,
    }
}

/// What a record is a sign of, files first.
fn kinds(call: Option<Call>) -> &'static [Kind] {
    match call {
        None | Some(Call::Unasked) => &[Kind::Files, Kind::Events],
        Some(Call::Read) => &[Kind::Files, Kind::Events, Kind::Reads],
        Some(Call::Write) => &[Kind::Files, Kind::Events, Kind::Writes],
    }
}
