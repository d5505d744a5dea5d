//! Where trails deliver their log files, and under which keys, as CloudTrail's own calls of KMS show.
//!
//! CloudTrail encrypts each log file with the key of the trail. There are millions of these calls,
//! and nobody asks for them one by one. So each trail, key and bucket is one row here, with the time
//! of its first and last delivery. What must stay true: it is bounded, and the order of the calls
//! does not matter. Of too many rows nothing is known, instead of what came first.

use std::collections::{BTreeMap, BTreeSet};

use super::time::Time;

/// Trails of which something is known; of more, nothing is.
const TRAILS: usize = 1 << 12;
/// Keys and buckets of one trail; of more, nothing is known.
const OF_TRAIL: usize = 1 << 6;

/// How long after a change files may still be delivered as before it; microseconds.
const SLACK: i64 = 3_600_000_000;

/// The deliveries of one trail under one key to one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The ARN of the key.
    pub key: String,
    /// The name of the bucket.
    pub bucket: String,
    /// The first and the last.
    pub times: (Time, Time),
}

/// All deliveries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deliveries {
    /// By the ARN of the trail.
    trails: BTreeMap<String, Vec<Delivery>>,
    /// The first and the last under each key, once they are [`indexed`](Deliveries::indexed).
    keys: BTreeMap<String, (Time, Time)>,
    /// The buckets, likewise.
    buckets: BTreeSet<String>,
    /// Whether there are so many that not all keys are known.
    crowded: bool,
}

impl Deliveries {
    /// Adds deliveries.
    pub fn add(&mut self, trail: &str, (key, bucket): (&str, &str), times: (Time, Time)) {
        let Some(of) = self.trails.get_mut(trail) else {
            // One more than are allowed says that there are too many.
            if self.trails.len() <= TRAILS {
                let (key, bucket) = (key.to_owned(), bucket.to_owned());
                self.trails.insert(trail.to_owned(), vec![Delivery { key, bucket, times }]);
            }
            return;
        };
        let room = of.len() <= OF_TRAIL;
        match of.iter_mut().find(|known| known.key == key && known.bucket == bucket) {
            Some(known) => {
                known.times = (known.times.0.min(times.0), known.times.1.max(times.1));
            }
            None if room => {
                of.push(Delivery { key: key.to_owned(), bucket: bucket.to_owned(), times });
            }
            None => {}
        }
    }

    /// Adds those that were met elsewhere.
    pub fn merge(&mut self, other: Deliveries) {
        for (trail, of) in other.trails {
            for Delivery { key, bucket, times } in of {
                self.add(&trail, (&key, &bucket), times);
            }
        }
    }

    /// The same, ready to be asked about keys.
    #[must_use]
    pub fn indexed(mut self) -> Deliveries {
        for Delivery { key, bucket, times } in self.trails.values().flatten() {
            self.buckets.insert(bucket.clone());
            let known = self.keys.entry(key.clone()).or_insert(*times);
            *known = (known.0.min(times.0), known.1.max(times.1));
        }
        let of_trail = self.trails.values().any(|of| of.len() > OF_TRAIL);
        self.crowded = of_trail || self.trails.len() > TRAILS;
        self
    }

    /// Those of which the last is not before a time.
    #[must_use]
    pub fn since(mut self, time: Time) -> Deliveries {
        self.trails.retain(|_, of| {
            of.retain(|one| one.times.1 >= time);
            !of.is_empty()
        });
        self.keys.clear();
        self.buckets.clear();
        self.crowded = false;
        self
    }

    /// Every trail, with one of its deliveries.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &Delivery)> {
        self.trails.iter().flat_map(|(trail, of)| of.iter().map(|one| (trail.as_str(), one)))
    }

    /// What a trail delivers without a break before and after a time. `None` if anything changed at
    /// about that time, or if it is not known.
    pub fn unchanged(&self, trail: &str, time: Time) -> Option<&Delivery> {
        let of = self.trails.get(trail).filter(|of| of.len() <= OF_TRAIL)?;
        let (begun, goes_on) = (Time(time.0), Time(time.0.saturating_add(SLACK)));
        let spans = |one: &&Delivery| one.times.0 < begun && one.times.1 > goes_on;
        let found = of.iter().find(spans).filter(|_| self.trails.len() <= TRAILS)?;
        let (first, last) = found.times;
        let apart = |other: &Delivery| {
            other.times.1.0 <= first.0.saturating_add(SLACK)
                || other.times.0.0 >= last.0.saturating_sub(SLACK)
        };
        of.iter().all(|other| other == found || apart(other)).then_some(found)
    }

    /// Whether any trail delivers to a bucket.
    pub fn is_to(&self, bucket: &str) -> bool {
        self.buckets.contains(bucket)
    }

    /// Whether a trail delivered under a key up to a time, or not longer before than `within`
    /// microseconds. In doubt one did.
    pub fn is_under(&self, key: &str, time: Time, within: i64) -> bool {
        self.crowded
            || self.keys.get(key).is_some_and(|(first, last)| {
                *first <= time && *last >= Time(time.0.saturating_sub(within))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAIL: &str = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/all";
    const HOUR: i64 = SLACK;

    /// Deliveries by hours: key, first, last.
    fn deliveries(rows: &[(&str, i64, i64)]) -> Deliveries {
        let mut all = Deliveries::default();
        for (key, first, last) in rows.iter().rev() {
            for hour in [last, first] {
                all.add(TRAIL, (key, "logs"), (Time(hour * HOUR), Time(hour * HOUR)));
            }
        }
        all.indexed()
    }

    #[test]
    fn nothing_changed_where_one_span_covers_the_time() {
        let at = |rows: &[(&str, i64, i64)], hour: i64| {
            let all = deliveries(rows);
            all.unchanged(TRAIL, Time(hour * HOUR)).map(|one| one.key.clone())
        };
        let one = [("a", 0, 9)];
        assert_eq!(at(&one, 5).as_deref(), Some("a"));
        assert_eq!(at(&one, 0), None, "nothing is known of before");
        assert_eq!(at(&one, 8), None, "it may be the last files from before");
        let moved = [("a", 0, 9), ("b", 9, 20)];
        assert_eq!(at(&moved, 5).as_deref(), Some("a"));
        assert_eq!(at(&moved, 9), None);
        assert_eq!(at(&moved, 15).as_deref(), Some("b"));
        let back = [("a", 0, 20), ("b", 8, 12)];
        assert_eq!((at(&back, 8), at(&back, 12)), (None, None), "it went to another meanwhile");
        let first = [("a", 0, 12), ("b", 6, 20)];
        assert_eq!(at(&first, 13), None);
    }

    #[test]
    fn buckets_and_trails_are_told_apart() {
        let mut all = deliveries(&[("a", 0, 9)]);
        all.add(TRAIL, ("a", "mine"), (Time(5 * HOUR), Time(7 * HOUR)));
        assert_eq!(all.unchanged(TRAIL, Time(5 * HOUR)), None);
        assert_eq!(all.unchanged("another", Time(5 * HOUR)), None);
        assert_eq!(all.rows().count(), 2);
    }

    #[test]
    fn a_key_is_under_a_trail_for_a_while() {
        let all = deliveries(&[("a", 2, 4)]);
        let is = |hour: i64| all.is_under("a", Time(hour * HOUR), 3 * HOUR);
        assert_eq!([1, 2, 7, 8].map(is), [false, true, true, false]);
        assert!(!all.is_under("b", Time(3 * HOUR), HOUR));
    }

    #[test]
    fn of_too_many_nothing_is_known() {
        let mut all = deliveries(&[("a", 0, 9)]);
        for number in 0..=OF_TRAIL {
            all.add(TRAIL, (&number.to_string(), "b"), (Time(-9 * HOUR), Time(-9 * HOUR)));
        }
        assert_eq!(all.unchanged(TRAIL, Time(5 * HOUR)), None);
        let mut all = deliveries(&[("a", 0, 9)]);
        for number in 0..=TRAILS {
            all.add(&number.to_string(), ("k", "b"), (Time(0), Time(0)));
        }
        assert_eq!(all.unchanged(TRAIL, Time(5 * HOUR)), None);
    }
}
