//! Entries of the small tables as they are written, one value after another.
//!
//! What must stay true: what is read back is what was written. The types of the tables themselves are not
//! written, since some of them are written into reports in another form.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::head::Given;
use crate::model::coverage::{Counts, Day, Hours, Place, Seen};
use crate::model::delivery::Delivery;
use crate::model::origin::Origin;
use crate::model::outcome::Passed;
use crate::model::path_names::PathNames;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::tags::change::{Evidence, Source, Tags, Value};
use crate::tags::enriched::Lists;

/// A key over whose uses was decided.
#[derive(Debug, Serialize, Deserialize)]
pub struct DoneKey(pub u64);

/// A key over whose uses was not decided.
#[derive(Debug, Serialize, Deserialize)]
pub struct OpenKey(pub u64);

/// Where a principal read, and on which days.
#[derive(Debug, Serialize, Deserialize)]
pub struct Habit(pub u64, pub u64);

/// A call that a rule matched.
#[derive(Debug, Serialize, Deserialize)]
pub struct Call(pub [u64; 2]);

/// A blob, and the number of a record in it.
#[derive(Debug, Serialize, Deserialize)]
pub struct At(String, Option<u64>);

impl At {
    fn of(origin: &Origin) -> At {
        At(origin.blob.to_string(), origin.record)
    }

    fn origin(self) -> Origin {
        Origin { blob: self.0.into(), record: self.1 }
    }
}

/// A problem.
#[derive(Debug, Serialize, Deserialize)]
pub struct Told(At, Stage, String);

impl Told {
    pub fn of(problem: &Problem) -> Told {
        Told(At::of(&problem.origin), problem.stage, problem.message.clone())
    }

    pub fn problem(self) -> Problem {
        Problem::new(self.0.origin(), self.1, self.2)
    }
}

/// A note of the run: the sentence, the number of records, the first place.
#[derive(Debug, Serialize, Deserialize)]
pub struct Noted(String, u64, At);

impl Noted {
    pub fn of(message: &str, records: u64, origin: &Origin) -> Noted {
        Noted(message.to_owned(), records, At::of(origin))
    }

    pub fn note(self) -> (String, u64, Origin) {
        (self.0, self.1, self.2.origin())
    }
}

/// Deliveries of a trail: the trail, the key, the bucket, the first time and the last.
#[derive(Debug, Serialize, Deserialize)]
pub struct Delivered([String; 3], [i64; 2]);

impl Delivered {
    pub fn of(trail: &str, one: &Delivery) -> Delivered {
        let Delivery { key, bucket, times } = one;
        Delivered([trail.to_owned(), key.clone(), bucket.clone()], [times.0.0, times.1.0])
    }

    /// The trail and its deliveries.
    pub fn delivery(self) -> (String, Delivery) {
        let Delivered([trail, key, bucket], [first, last]) = self;
        (trail, Delivery { key, bucket, times: (Time(first), Time(last)) })
    }
}

/// An account and Region: its counts (files, records, KMS reads, KMS writes), and its hours by day.
#[derive(Debug, Serialize, Deserialize)]
pub struct Covered {
    place: Place,
    counts: [u64; 4],
    regional: bool,
    days: Vec<(i32, [u32; 4])>,
}

impl Covered {
    pub fn of(place: &Place, seen: &Seen) -> Covered {
        let Counts { files, records, kms_reads, kms_writes } = seen.counts;
        Covered {
            place: place.clone(),
            counts: [files, records, kms_reads, kms_writes],
            regional: seen.regional,
            days: seen.hours.days().map(|(day, hours)| (day, hours.bits())).collect(),
        }
    }

    /// The account and Region, and what is known of it.
    pub fn seen(self) -> (Place, Seen) {
        let [files, records, kms_reads, kms_writes] = self.counts;
        let mut hours = Hours::default();
        for (day, bits) in self.days {
            hours.add(day, Day::of_bits(bits));
        }
        let counts = Counts { files, records, kms_reads, kms_writes };
        (self.place, Seen { counts, regional: self.regional, hours })
    }
}

/// What an enriched event is: its time, id, name and place.
#[derive(Debug, Serialize, Deserialize)]
struct Event(i64, Option<String>, String, At);

impl Event {
    fn of(evidence: &Evidence) -> Event {
        let time = evidence.time.0;
        match &evidence.source {
            Source::Enriched { id, name, origin } | Source::Record { id, name, origin, .. } => {
                Event(time, id.clone(), name.clone(), At::of(origin))
            }
            // Files and contexts tell nothing of enriched events.
            Source::File(_) | Source::Context => {
                Event(time, None, String::new(), At::of(&Origin::blob("*")))
            }
        }
    }

    fn evidence(self) -> Arc<Evidence> {
        let Event(time, id, name, at) = self;
        let source = Source::Enriched { id, name, origin: at.origin() };
        Arc::new(Evidence { time: Time(time), source })
    }
}

/// A list of tags: keys and values, hidden ones without; the first and the last event that say so.
#[derive(Debug, Serialize, Deserialize)]
struct List(Vec<(String, Option<String>)>, [Event; 2]);

/// A resource, and its lists; none if it has more than fit.
#[derive(Debug, Serialize, Deserialize)]
pub struct OfResource(String, Option<Vec<List>>);

impl OfResource {
    pub fn of(arn: &str, lists: Option<&Lists>) -> OfResource {
        let tags = |tags: &Tags| {
            let tag =
                |(key, value): (&String, &Value)| (key.clone(), value.text().map(str::to_owned));
            tags.iter().map(tag).collect()
        };
        let list = |(all, [first, last]): (&Arc<Tags>, &[Arc<Evidence>; 2])| {
            List(tags(all), [Event::of(first), Event::of(last)])
        };
        OfResource(arn.to_owned(), lists.map(|lists| lists.iter().map(list).collect()))
    }

    /// The ARN and the lists.
    pub fn resource(self) -> (String, Option<Lists>) {
        let value = |value: Option<String>| value.map_or(Value::Hidden, Value::Text);
        let list = |List(tags, events): List| {
            let tags: Tags = tags.into_iter().map(|(key, text)| (key, value(text))).collect();
            (Arc::new(tags), events.map(Event::evidence))
        };
        (self.0, self.1.map(|lists| lists.into_iter().map(list).collect()))
    }
}

/// What the paths of a listing say.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    accounts: BTreeSet<String>,
    regions: BTreeSet<String>,
    days: Option<(String, String)>,
    cut: bool,
}

impl Named {
    pub fn of(names: &PathNames) -> Named {
        let PathNames { accounts, regions, days, cut } = names.clone();
        Named { accounts, regions, days, cut }
    }

    pub fn names(self) -> PathNames {
        let Named { accounts, regions, days, cut } = self;
        PathNames { accounts, regions, days, cut }
    }
}

/// What is written of a run beside its tables.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// From which ARN on enriched tags had no room.
    pub tags_bound: Option<String>,
    /// Whether hours, notes and names that stand for ARNs were cut.
    pub cut: [bool; 3],
    /// Whether there were too many calls to tell those of endpoints.
    pub overflow: bool,
    /// Problems that were only counted; whether something that was read is missing.
    pub problems: (u64, bool),
    /// Records that change tags of what they do not name in any known way.
    pub unplaced: u64,
    /// Records whose members were too long to be kept.
    pub too_long: u64,
    /// Files that are not named.
    pub files_left_out: u64,
    /// Which patterns fit nothing so far, by the number of their kind.
    pub unmet: BTreeMap<usize, Vec<usize>>,
    /// What the listing passed over: requests, known, outside, left alone.
    pub passed: [u64; 4],
    /// What the paths say: accounts, Regions, the first and the last day, whether it was cut.
    pub names: Named,
    /// Whether reading was stopped.
    pub stopped: bool,
    /// Whether a record names no account.
    pub nameless: bool,
    /// Copies that were counted,
    pub duplicates: u64,
    /// and records that each list of rules looked at.
    pub looked: Vec<u64>,
    /// The first day and the last of which there are uses over which was decided.
    pub days: Option<(u16, u16)>,
}

impl Rest {
    /// What the source told.
    pub fn given(self) -> Given {
        let [requests, known, outside, left_alone] = self.passed;
        Given {
            passed: Passed { requests, known, outside, left_alone },
            names: self.names.names(),
            stopped: self.stopped,
        }
    }
}
