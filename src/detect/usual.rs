//! Judges whether many reads in a short time are unusual for the principal that made them.
//!
//! Organisations have thousands of roles that read hundreds of objects a day. What one of them reads
//! every day is no news. So a burst of reads is compared with the other days of the log: whether the
//! principal read there before, and how much.
//!
//! What must stay true: the judgement rests on days, not on the order of records. A log that is too
//! short to tell what is usual never makes a burst disappear.

use crate::model::actor_kind::ActorKind;
use crate::model::level::Level;

/// What the reads of a rule give away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Secrets and parameters: each may open another door.
    Secrets,
    /// Anything else, such as objects.
    Data,
    /// How keys are set up: calls that describe keys, their policies and grants.
    Keys,
}

impl Reads {
    /// Reads the value of `keytrail: {usual: …}`.
    pub fn parse(text: &str) -> Option<Reads> {
        match text {
            "secrets" => Some(Reads::Secrets),
            "data" => Some(Reads::Data),
            "keys" => Some(Reads::Keys),
            _ => None,
        }
    }

    /// How many matches a principal must have before there can be a finding.
    pub fn least(self) -> u64 {
        match self {
            Reads::Secrets => FIRST_SECRETS,
            Reads::Data | Reads::Keys => u64::MAX,
        }
    }
}

/// What is done on so many other days is routine.
const ROUTINE: usize = 2;

/// Days that a log must cover before it tells what is usual.
const HISTORY: u16 = 3;

/// Days of log before a call without which nobody knows whether the caller is new.
const DAYS_BEFORE: u16 = 2;

/// Reads in one window, in places where the principal did not read before, that are unusual.
const NEW_IN_WINDOW: u64 = 10;

/// How many times as much as on the busiest other day is unusual.
const TIMES_BUSIEST: u64 = 10;

/// Secrets in one day, in places where the principal did not read before, that are unusual.
const NEW_SECRETS_IN_DAY: u64 = 30;

/// Secrets in one day that are unusual for a principal that is new.
const FIRST_SECRETS: u64 = 5;

/// What one principal read on one day, and on the others.
#[derive(Debug, Clone, Copy)]
pub struct ReadDay {
    /// What the reads give away.
    pub reads: Reads,
    /// What kind of actor the principal is.
    pub actor: ActorKind,
    /// Whether any window of the day holds.
    pub holds: bool,
    /// Of the windows that hold, the most different things that were read.
    pub in_window: u64,
    /// The most different things in places where the principal did not read before: on an earlier day,
    /// or if there is none, on a later one.
    pub new_in_window: u64,
    /// Different things of the whole day in such places.
    pub new_in_day: u64,
    /// Different things on the busiest other day; 0 if none is known.
    pub busiest: u64,
    /// On how many other days a window holds.
    pub other_held: usize,
    /// On how many other days the principal read anything, counted up to three.
    pub other_days: usize,
    /// Days that the log covers, from the first to the last.
    pub log_days: u16,
    /// Days of the log before this one.
    pub days_before: u16,
}

/// A day that is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unusual {
    /// How serious it is.
    pub level: Level,
    /// Why.
    pub why: &'static str,
    /// Whether the reads were spread over the day, so that all new ones count and no window.
    pub slow: bool,
}

/// Judges a day. `None` if nothing is unusual.
pub fn judge(day: &ReadDay) -> Option<Unusual> {
    if day.actor == ActorKind::Service {
        return None;
    }
    if day.reads == Reads::Keys {
        return looks_around(day);
    }
    let secrets = day.reads == Reads::Secrets;
    let is_new = day.other_days == 0;
    if day.log_days < HISTORY || (is_new && day.days_before < DAYS_BEFORE) {
        let level = if secrets { Level::Medium } else { Level::Low };
        let why = "the log is too short to tell what is usual for the principal";
        return day.holds.then_some(Unusual { level, why, slow: false });
    }
    let level = match (day.actor, secrets) {
        (ActorKind::Automation | ActorKind::Service, true) => Level::Medium,
        (ActorKind::Automation | ActorKind::Service, false) => Level::Low,
        (ActorKind::Person, _) | (_, true) => Level::High,
        (ActorKind::Workload, false) if day.other_days >= 3 => Level::High,
        (ActorKind::Workload, false) => Level::Medium,
    };
    let burst = |why| Some(Unusual { level, why, slow: false });
    if day.holds && day.new_in_window >= NEW_IN_WINDOW {
        return burst(match is_new {
            true => "the principal read nothing on any other day",
            false => "the principal did not read there before",
        });
    }
    if day.holds && day.busiest > 0 && day.in_window >= day.busiest.saturating_mul(TIMES_BUSIEST) {
        return burst("the principal read ten times as much as on its busiest other day");
    }
    if secrets && day.new_in_day >= NEW_SECRETS_IN_DAY {
        let why = "the principal read many secrets in one day that it did not read before";
        return Some(Unusual { level, why, slow: true });
    }
    if secrets && is_new && day.new_in_day >= FIRST_SECRETS {
        let why = "a principal that read nothing on any other day read several secrets";
        return Some(Unusual { level: level.min(Level::Medium), why, slow: true });
    }
    None
}

/// Judges a day on which somebody looked at how keys are set up. Scanners do so every day.
fn looks_around(day: &ReadDay) -> Option<Unusual> {
    let level = match day.actor {
        ActorKind::Automation | ActorKind::Service => Level::Low,
        ActorKind::Person | ActorKind::Workload => Level::Medium,
    };
    let why = match day.log_days < HISTORY {
        true => "the log is too short to tell what is usual for the principal",
        false => "the principal does not do so on other days",
    };
    (day.holds && day.other_held < ROUTINE).then_some(Unusual { level, why, slow: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: ReadDay = ReadDay {
        reads: Reads::Data,
        actor: ActorKind::Workload,
        holds: true,
        in_window: 40,
        new_in_window: 0,
        new_in_day: 0,
        busiest: 40,
        other_held: 5,
        other_days: 3,
        log_days: 14,
        days_before: 9,
    };

    fn level(day: ReadDay) -> Option<Level> {
        judge(&day).map(|unusual| unusual.level)
    }

    #[test]
    fn what_is_read_every_day_is_nothing() {
        assert_eq!(level(USUAL), None);
        assert_eq!(level(ReadDay { reads: Reads::Secrets, ..USUAL }), None);
        assert_eq!(level(ReadDay { new_in_window: 9, new_in_day: 9, ..USUAL }), None);
        assert_eq!(level(ReadDay { busiest: 5, ..USUAL }), None);
    }

    #[test]
    fn new_places_and_ten_times_as_much_are_unusual() {
        assert_eq!(level(ReadDay { new_in_window: 10, ..USUAL }), Some(Level::High));
        assert_eq!(level(ReadDay { busiest: 4, ..USUAL }), Some(Level::High));
        let few_days = ReadDay { new_in_window: 10, other_days: 2, ..USUAL };
        assert_eq!(level(few_days), Some(Level::Medium));
        let secrets = ReadDay { reads: Reads::Secrets, ..few_days };
        assert_eq!(level(secrets), Some(Level::High));
        let person = ReadDay { actor: ActorKind::Person, ..few_days };
        assert_eq!(level(person), Some(Level::High));
        assert_eq!(level(ReadDay { actor: ActorKind::Automation, ..few_days }), Some(Level::Low));
        let automated = ReadDay { actor: ActorKind::Automation, ..secrets };
        assert_eq!(level(automated), Some(Level::Medium));
        assert_eq!(level(ReadDay { actor: ActorKind::Service, ..secrets }), None);
    }

    #[test]
    fn slow_reading_of_secrets_is_seen() {
        let slow = ReadDay { reads: Reads::Secrets, holds: false, new_in_day: 30, ..USUAL };
        assert_eq!(level(slow), Some(Level::High));
        assert_eq!(level(ReadDay { new_in_day: 29, ..slow }), None);
        let new = ReadDay { new_in_day: 5, other_days: 0, ..slow };
        assert_eq!(level(new), Some(Level::Medium));
        assert_eq!(level(ReadDay { new_in_day: 4, ..new }), None);
        assert_eq!(level(ReadDay { days_before: 1, ..new }), None, "nobody knows that it is new");
        assert_eq!(level(ReadDay { reads: Reads::Data, ..slow }), None);
    }

    #[test]
    fn scanners_that_come_back_are_routine() {
        let keys = ReadDay { reads: Reads::Keys, ..USUAL };
        assert_eq!(level(ReadDay { other_held: 2, ..keys }), None);
        let once = ReadDay { other_held: 1, ..keys };
        assert_eq!(level(once), Some(Level::Medium));
        assert_eq!(level(ReadDay { actor: ActorKind::Automation, ..once }), Some(Level::Low));
        assert_eq!(level(ReadDay { holds: false, ..once }), None);
    }

    #[test]
    fn a_short_log_never_hides_a_burst() {
        let short = ReadDay { log_days: 2, days_before: 1, busiest: 0, ..USUAL };
        assert_eq!(level(short), Some(Level::Low));
        assert_eq!(level(ReadDay { reads: Reads::Secrets, ..short }), Some(Level::Medium));
        let first = ReadDay { other_days: 0, days_before: 0, ..USUAL };
        assert_eq!(level(first), Some(Level::Low));
    }
}
