//! Many reads of one principal, judged day by day against the other days of the log.
//!
//! A window slides over the reads as it does for any correlation, and each day keeps what its fullest
//! windows counted. When the part ends, the other days are known, and each day is judged. What must
//! stay true: a read belongs to one day, so that days that are reported together count it once.

use std::collections::BTreeMap;
use std::io;

use foldhash::{HashSet, HashSetExt};
use serde_json::Value;

use super::correlation::{Burst, Judged};
use super::decide::{Desk, Part};
use super::unit::Unit;
use super::window::Window;
use crate::detect::Stateful;
use crate::detect::stateful::Correlation;
use crate::detect::usual::{self, ReadDay, Reads, Unusual};
use crate::model::actor_kind::ActorKind;
use crate::model::days::{Day, Days};
use crate::model::principal::Principal;
use crate::model::time::Time;

/// Different things that are counted of one day; of more, there are at least that many.
const DISTINCT: usize = 1 << 20;

/// What the next run gets to know of a day: that a window held, or that anything was read.
const HELD: &str = "held";
const READ: &str = "read";

/// A read with which a window ends that holds, and whether any of the window is reported.
type Held = (Unit, bool);

/// What one principal read on one day.
struct OneDay {
    day: Day,
    /// What was read.
    all: HashSet<u64>,
    /// What was read in containers where the principal did not read before.
    new: HashSet<u64>,
    /// The reads of windows that hold.
    burst: Burst,
    /// Reads in new containers, whether a window holds or not.
    slow: Burst,
    /// Of windows that hold, the most things, and the most in new containers.
    in_window: u64,
    new_in_window: u64,
    /// When windows hold: the first such read, and the last.
    holds: Option<(Held, Held)>,
    /// Whether any read lies in the range that is reported.
    reported: bool,
}

impl OneDay {
    fn new(day: Day) -> OneDay {
        OneDay {
            day,
            all: HashSet::new(),
            new: HashSet::new(),
            burst: Burst::default(),
            slow: Burst::default(),
            in_window: 0,
            new_in_window: 0,
            holds: None,
            reported: false,
        }
    }

    /// Takes in a read; `new` are those of its values that lie in new containers.
    fn take(&mut self, unit: &Unit, new: &[u64]) {
        self.reported |= unit.note.reported;
        for value in unit.values() {
            note(&mut self.all, value);
        }
        new.iter().for_each(|value| note(&mut self.new, *value));
        if !new.is_empty() {
            self.slow.take(unit);
        }
    }
}

fn note(set: &mut HashSet<u64>, value: u64) {
    if set.len() < DISTINCT {
        set.insert(value);
    }
}

impl Desk<'_> {
    /// Judges the reads of one principal.
    pub(super) fn reads(
        &mut self,
        rule: &Stateful<'_>,
        (correlation, reads): (&Correlation, Reads),
        part: &mut Part<'_>,
    ) -> io::Result<()> {
        let Some(first) = part.peek() else { return Ok(()) };
        let (_, _, about) = self.about(&first)?;
        // By whose hand and in which session the first read was made says nothing of the others.
        let principal = Principal { invoked_by: None, session: None, ..about.principal };
        let actor = ActorKind::of(&principal, &self.bench.context.plan.estate);
        let days = self.days(rule, correlation, part)?;
        let usual_on = self.usual_on(rule, reads, (&days, first.part));
        let mut found = Burst::default();
        for (at, day) in days.iter().enumerate() {
            let others = || days.iter().enumerate().filter(|(other, _)| *other != at);
            let busiest = others().map(|(_, other)| other.all.len()).max().unwrap_or_default();
            let other = usual_on.others(day.day);
            let read = self.read_day((reads, actor), day, (busiest, other), first.part);
            let Some(unusual) = usual::judge(&read) else { continue };
            // What another rule looks at may have begun before the range that is reported.
            if let Some(((first, first_reported), (last, last_reported))) = &day.holds {
                self.pass_on(rule, first, (*first_reported, true))?;
                self.pass_on(rule, last, (*last_reported, false))?;
            }
            if day.reported {
                let burst = if unusual.slow { &day.slow } else { &day.burst };
                found.merge(burst, judged(unusual, &read));
            }
        }
        self.found(rule, correlation, found)
    }

    /// On which days, of this run and of earlier ones, what a rule takes for usual was done: reads of
    /// secrets, or windows that hold. Which containers data lies in, habits tell.
    fn usual_on(
        &mut self,
        rule: &Stateful<'_>,
        reads: Reads,
        (days, part): (&[OneDay], [u64; 2]),
    ) -> Days {
        let (word, counts): (_, fn(&OneDay) -> bool) = match reads {
            Reads::Secrets => (READ, |_| true),
            Reads::Keys => (HELD, |day| day.holds.is_some()),
            Reads::Data => return Days::default(),
        };
        let id = self.habits_of(rule, part);
        let mut all = Days::default();
        let before = self.bench.before.habits(id).iter().filter(|habit| habit.value == word);
        before.for_each(|habit| all.merge(habit.days));
        for day in days.iter().filter(|day| counts(day)) {
            all.add(day.day);
            self.remember(id, word, (Days::of(day.day), day.day));
        }
        all
    }

    fn read_day(
        &self,
        (reads, actor): (Reads, ActorKind),
        day: &OneDay,
        (busiest, other): (usize, usize),
        part: [u64; 2],
    ) -> ReadDay {
        let habits = &self.bench.habits;
        let (log_days, days_before) = habits.log_days(day.day);
        ReadDay {
            reads,
            actor,
            holds: day.holds.is_some(),
            in_window: day.in_window,
            new_in_window: day.new_in_window,
            new_in_day: day.new.len() as u64,
            busiest: busiest as u64,
            other_held: other,
            other_days: match reads {
                // Who only reads objects is new to secrets.
                Reads::Secrets => other,
                Reads::Data | Reads::Keys => habits.other_days(part, day.day),
            },
            log_days,
            days_before,
        }
    }

    /// What was read on each day.
    fn days(
        &mut self,
        rule: &Stateful<'_>,
        correlation: &Correlation,
        part: &mut Part<'_>,
    ) -> io::Result<Vec<OneDay>> {
        let habits = &self.bench.habits;
        let limit = self.bench.context.plan.limits.window;
        let feeds = !self.bench.context.plan.rules.feeds(rule.about).is_empty();
        let mut window = Window::new(correlation);
        // The same window, of new values only.
        let mut new_window = Window::new(correlation);
        let mut days: Vec<OneDay> = Vec::new();
        loop {
            let units = self.second(part)?;
            let Some(now) = units.first().map(|unit| unit.note.time) else { break };
            window.slide(now);
            new_window.slide(now);
            let today = Day::of(Time(now));
            if days.last().is_none_or(|last| last.day != today) {
                days.push(OneDay::new(today));
            }
            let Some(day) = days.last_mut() else { break };
            let new = units.len();
            for unit in units {
                let reads = unit.reads();
                let is_new = |container| !habits.knows(unit.note.part, container, today);
                let of_new: Vec<u64> =
                    reads.filter(|(_, container)| is_new(*container)).map(|(v, _)| v).collect();
                day.take(&unit, &of_new);
                if !of_new.is_empty() {
                    new_window.push(unit.of_values(&of_new));
                }
                window.push(unit);
            }
            let (count, holds) = window.holds();
            // Nobody asks which record of a second is the last where no rule looks at this one.
            let new = if feeds { new } else { new.min(1) };
            if holds && let Some(last) = self.last_of(&window, new)? {
                let held = (last, window.is_reported());
                let first = day.holds.take().map_or_else(|| held.clone(), |(first, _)| first);
                day.holds = Some((first, held));
                day.in_window = day.in_window.max(count);
                day.new_in_window = day.new_in_window.max(new_window.holds().0);
            }
            if holds && window.is_reported() {
                window.hand_over(&mut day.burst);
                day.burst.peak = day.burst.peak.max(count);
            }
            if window.is_over(limit) {
                self.overflow(rule);
            }
            window.cut(limit);
            new_window.cut(limit);
        }
        Ok(days)
    }
}

/// What a finding says of a day.
fn judged(unusual: Unusual, read: &ReadDay) -> Judged {
    let details: [(&str, Value); 5] = [
        ("why", unusual.why.into()),
        ("actor", read.actor.as_str().into()),
        ("in_new_places", read.new_in_day.max(read.new_in_window).into()),
        ("most_on_another_day", read.busiest.into()),
        ("days_of_log", read.log_days.into()),
    ];
    let details = details.into_iter().map(|(name, value)| (name.to_owned(), value.to_string()));
    Judged { level: unusual.level, details: details.collect::<BTreeMap<_, _>>() }
}
