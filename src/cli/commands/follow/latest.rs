//! The latest event of each account and Region in each object.

use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::Gather;
use crate::model::coverage::Place;
use crate::model::time::Time;
use crate::record::event::{Marked, Raw};

/// Accounts and Regions that are told apart in one object.
const PLACES: usize = 4096;

/// How far a clock may be ahead of ours: five minutes in microseconds.
const AHEAD: i64 = 300_000_000;

/// What was seen of an object.
#[derive(Debug, Default)]
pub struct ObjectTimes {
    /// The latest events. None that lies in the future.
    pub latest: HashMap<Place, Time>,
    /// How many records lie in the future, and the last of them.
    pub future: Option<(u64, Time)>,
}

impl ObjectTimes {
    /// Adds what was seen elsewhere of the same object.
    pub fn merge(&mut self, other: ObjectTimes) {
        for (place, time) in other.latest {
            let latest = self.latest.entry(place).or_insert(time);
            *latest = time.max(*latest);
        }
        self.future = match (self.future, other.future) {
            (Some((one, first)), Some((two, second))) => Some((one + two, first.max(second))),
            (one, two) => one.or(two),
        };
    }
}

/// One worker's part of it.
#[derive(Debug)]
pub struct Latest {
    now: Time,
    /// By the object's name.
    objects: HashMap<Arc<str>, ObjectTimes>,
    /// The object that was seen last: its records come one after the other.
    last: Option<(Arc<str>, Place, Time)>,
}

impl Latest {
    /// Nothing yet. `now` is the clock.
    pub fn new(now: Time) -> Latest {
        Latest { now, objects: HashMap::new(), last: None }
    }

    /// All parts together.
    pub fn of(parts: Vec<Latest>) -> HashMap<Arc<str>, ObjectTimes> {
        let mut all: HashMap<Arc<str>, ObjectTimes> = HashMap::new();
        for mut part in parts {
            part.put_away();
            for (name, seen) in part.objects {
                all.entry(name).or_default().merge(seen);
            }
        }
        all
    }

    fn put_away(&mut self) {
        let Some((name, place, time)) = self.last.take() else { return };
        let seen = self.objects.entry(name).or_default();
        if seen.latest.len() < PLACES || seen.latest.contains_key(&place) {
            let latest = seen.latest.entry(place).or_insert(time);
            *latest = time.max(*latest);
        }
    }

    fn note_future(&mut self, blob: &str, time: Time) {
        let seen = self.objects.entry(blob.into()).or_default();
        let (count, latest) = seen.future.unwrap_or((0, time));
        seen.future = Some((count + 1, latest.max(time)));
    }
}

impl Gather for Latest {
    fn record(&mut self, blob: &str, _: u64, record: Marked<'_>) {
        let header = record.header();
        let Some(time) = header.time.and_then(Raw::time) else { return };
        if time.0 > self.now.0.saturating_add(AHEAD) {
            return self.note_future(blob, time);
        }
        let text = |raw: Option<Raw<'_>>| raw.and_then(Raw::text).unwrap_or_default().into_owned();
        let (account, region) =
            (header.account.and_then(Raw::plain), header.region.and_then(Raw::plain));
        // Mostly the same as before.
        if let Some((name, place, latest)) = &mut self.last
            && **name == *blob
            && account.is_some_and(|account| account == place.account.as_bytes())
            && region.is_some_and(|region| region == place.region.as_bytes())
        {
            *latest = time.max(*latest);
            return;
        }
        self.put_away();
        let place = Place { account: text(header.account), region: text(header.region) };
        self.last = Some((blob.into(), place, time));
    }
}
