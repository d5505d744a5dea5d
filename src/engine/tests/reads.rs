//! The twin of reads that are judged day by day: sets of what was read, for each day, and loops over
//! them.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::ROLES;
use super::twin::{One, text};
use crate::detect::usual::{ReadDay, Reads, judge};
use crate::model::actor_kind::ActorKind;
use crate::model::container::container;
use crate::model::level::Level;

const DAY: i64 = 86_400_000_000;

fn day(one: &One<'_>) -> i64 {
    one.time.0.div_euclid(DAY)
}

/// Where something lies; a key, if nothing else is named.
fn place(one: &One<'_>) -> Option<String> {
    let container = one.resource.as_deref().and_then(container).map(|name| name.into_owned());
    container.or_else(|| one.key.clone())
}

/// For each second, the records of the window that ends with it, if it holds.
pub fn windows<'o, 'v>(ones: &[&'o One<'v>]) -> Vec<Vec<&'o One<'v>>> {
    let mut ends: Vec<i64> = ones.iter().map(|one| one.time.0).collect();
    ends.dedup();
    let within = |end: i64| {
        let inside = |one: &&&One<'_>| one.time.0 <= end && one.time.0 >= end - 600_000_000;
        ones.iter().filter(inside).copied().collect::<Vec<_>>()
    };
    let holds = |window: &Vec<&One<'_>>| {
        let subjects: BTreeSet<_> = window.iter().map(|one| one.subject()).collect();
        subjects.len() >= 20
    };
    ends.into_iter().map(within).filter(holds).collect()
}

/// Whether a place is known on a day: from earlier days; on the first day of all, from later ones.
fn is_known(today: i64, days: &BTreeSet<i64>, seen: Option<&BTreeSet<i64>>) -> bool {
    let is_first = days.first() == Some(&today);
    let counts = |other: &i64| if is_first { *other != today } else { *other < today };
    seen.is_some_and(|seen| seen.iter().any(counts))
}

/// What a principal decrypted on days that are unusual for it, and the highest level of those.
pub fn judged<'o, 'v>(all: &[One<'v>], ones: &[&'o One<'v>]) -> Option<(Level, Vec<&'o One<'v>>)> {
    let first = ones.first()?;
    let decrypts = |one: &&One<'_>| {
        let same = (&one.account, &one.principal) == (&first.account, &first.principal);
        same && one.is_kms() && one.name == "Decrypt" && !one.attempt && !one.is_delivery()
    };
    // Where the principal decrypted anything, on which days.
    let mut places: BTreeMap<Option<String>, BTreeSet<i64>> = BTreeMap::new();
    let mut days = BTreeSet::new();
    for one in all.iter().filter(decrypts) {
        places.entry(place(one)).or_default().insert(day(one));
        days.insert(day(one));
    }
    let is_new = |one: &One<'_>| !is_known(day(one), &days, places.get(&place(one)));
    let log: BTreeSet<i64> = all.iter().map(day).collect();
    let (begin, end) = (*log.first()?, *log.last()?);
    let mut read: BTreeMap<i64, BTreeSet<_>> = BTreeMap::new();
    for one in ones {
        read.entry(day(one)).or_default().insert(one.subject());
    }
    // Each window belongs to the day on which it ends. A record belongs to the first that has it.
    let mut taken = BTreeSet::new();
    let mut held: BTreeMap<i64, (Vec<&One<'_>>, usize, usize)> = BTreeMap::new();
    for window in windows(ones) {
        let subjects: BTreeSet<_> = window.iter().map(|one| one.subject()).collect();
        let new: BTreeSet<_> =
            window.iter().filter(|one| is_new(one)).map(|one| one.subject()).collect();
        let today = window.last().map(|one| day(one))?;
        let of_day = held.entry(today).or_default();
        if window.iter().any(|one| one.reported) {
            of_day.0.extend(window.into_iter().filter(|one| taken.insert(one.order())));
        }
        of_day.1 = of_day.1.max(subjects.len());
        of_day.2 = of_day.2.max(new.len());
    }
    let mut found: Option<(Level, Vec<&One<'_>>)> = None;
    for (today, (records, in_window, new_in_window)) in &held {
        let busiest = read.iter().filter(|(other, _)| *other != today).map(|(_, all)| all.len());
        let told = ReadDay {
            reads: Reads::Data,
            actor: actor(first),
            holds: true,
            in_window: *in_window as u64,
            new_in_window: *new_in_window as u64,
            new_in_day: 0,
            busiest: busiest.max().unwrap_or_default() as u64,
            other_held: 0,
            other_days: days.iter().filter(|other| *other != today).count().min(3),
            log_days: u16::try_from(end - begin + 1).unwrap(),
            days_before: u16::try_from(today - begin).unwrap(),
        };
        let reported = ones.iter().any(|one| day(one) == *today && one.reported);
        let Some(unusual) = judge(&told).filter(|_| reported) else { continue };
        let found = found.get_or_insert((unusual.level, Vec::new()));
        found.0 = found.0.max(unusual.level);
        found.1.extend(records);
    }
    found
}

fn actor(one: &One<'_>) -> ActorKind {
    let principal = one.principal.as_deref().unwrap_or_default();
    if principal.ends_with(ROLES[1]) {
        ActorKind::Automation
    } else if matches!(text(one.value, "/userIdentity/type").as_deref(), Some("IAMUser" | "Root")) {
        ActorKind::Person
    } else {
        ActorKind::Workload
    }
}
