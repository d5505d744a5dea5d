//! Until when all has been delivered, as far as can be known.
//!
//! CloudTrail delivers late and in no order. The events of one account and Region mostly come within
//! minutes of each other. So an object of theirs has *settled* when an event that is later by the delay
//! has been seen there. Where nothing follows, the clock decides: it has settled when it arrived so long
//! ago.
//!
//! What must stay true: no record moves a watermark beyond the clock, and no account or Region waits for
//! another one.

use std::collections::BTreeMap;

use crate::model::coverage::Place;
use crate::model::time::Time;

/// Accounts and Regions that are told apart. Of others the clock decides.
const PLACES: usize = 1 << 18;

/// The latest event of each account and Region.
#[derive(Debug, Default)]
pub struct Watermark {
    latest: BTreeMap<Place, Time>,
}

impl Watermark {
    /// Notes an event. `now` is the clock.
    pub fn see(&mut self, place: &Place, time: Time, now: Time) {
        let time = time.min(now);
        if let Some(latest) = self.latest.get_mut(place) {
            *latest = time.max(*latest);
        } else if self.latest.len() < PLACES {
            self.latest.insert(place.clone(), time);
        }
    }

    /// Whether what has these latest events and arrived then has settled. `delay` in microseconds.
    pub fn has_passed(
        &self,
        (latest, arrived): (&[(Place, Time)], Time),
        delay: i64,
        now: Time,
    ) -> bool {
        if now.0.saturating_sub(arrived.0) >= delay {
            return true;
        }
        let is_past = |(place, time): &(Place, Time)| {
            let seen = self.latest.get(place);
            seen.is_some_and(|seen| time.0.saturating_add(delay) <= seen.0)
        };
        !latest.is_empty() && latest.iter().all(is_past)
    }

    /// The latest event of all, not beyond the clock.
    pub fn newest(&self) -> Option<Time> {
        self.latest.values().copied().max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(account: &str) -> Place {
        Place { account: account.into(), region: "eu-central-1".into() }
    }

    #[test]
    fn an_account_waits_for_itself_alone_and_never_beyond_the_clock() {
        let (one, other) = (place("111122223333"), place("444455556666"));
        let mut all = Watermark::default();
        let now = Time(1_000);
        let object = [(one.clone(), Time(100))];
        all.see(&one, Time(100), now);
        all.see(&other, Time(900), now);
        let passed =
            |all: &Watermark, now: i64| all.has_passed((&object, Time(950)), 200, Time(now));
        assert!(!passed(&all, 1_000));
        all.see(&one, Time(299), now);
        assert!(!passed(&all, 1_000));
        all.see(&one, Time(300), now);
        assert!(passed(&all, 1_000));
        // Nothing follows: the clock.
        let quiet = Watermark::default();
        assert!(!passed(&quiet, 1_149));
        assert!(passed(&quiet, 1_150));
        // A record from the future counts as one of now.
        let mut odd = Watermark::default();
        odd.see(&one, Time(1 << 50), Time(200));
        assert!(!passed(&odd, 1_000));
        assert_eq!(odd.newest(), Some(Time(200)));
    }

    #[test]
    fn an_object_has_settled_when_all_of_it_has() {
        let (one, other) = (place("111122223333"), place("444455556666"));
        let mut all = Watermark::default();
        let object = [(one.clone(), Time(100)), (other.clone(), Time(100))];
        all.see(&one, Time(900), Time(1_000));
        assert!(!all.has_passed((&object, Time(1_000)), 200, Time(1_000)));
        all.see(&other, Time(300), Time(1_000));
        assert!(all.has_passed((&object, Time(1_000)), 200, Time(1_000)));
        // What says no time settles by the clock.
        assert!(!all.has_passed((&[], Time(1_000)), 200, Time(1_000)));
    }
}
