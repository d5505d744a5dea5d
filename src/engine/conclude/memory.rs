//! What this run and all before it have seen, and what the next one needs to know.

use std::collections::BTreeSet;

use super::before::{self, Before};
use super::count::Counts;
use super::coverage::expects;
use super::hand_on::HandedOn;
use crate::engine::context::Context;
use crate::engine::partial::problems::Problems;
use crate::engine::partial::values::Values;
use crate::engine::plan::Plan;
use crate::model::coverage::Coverage;
use crate::model::days::Day;
use crate::model::delivery::Deliveries;
use crate::model::memory::{self, Habit, Memory, Span, both};
use crate::model::origin::Origin;
use crate::model::outcome::Totals;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;

/// How many records of each kind the next run knows: those that a rule matched, and all.
pub const KNOWN: usize = 1 << 20;
/// For how long, in days: CloudTrail tries for 30 to deliver what it could not.
const KNOWN_DAYS: u16 = 45;

/// For how long it knows where trails delivered; 90 days in microseconds.
const DELIVERIES: i64 = 90 * 86_400_000_000;

/// How many accounts it knows: as many as one run tells apart.
const ACCOUNTS: usize = Values::LIMIT;

/// What this run and all before it have seen.
pub struct Seen {
    pub accounts: BTreeSet<String>,
    pub first: Option<Time>,
    pub last: Time,
    /// How many records this run has read.
    pub records: u64,
    /// Where trails deliver their log files.
    pub deliveries: Deliveries,
}

pub fn seen(plan: &Plan, totals: &Totals, mut deliveries: Deliveries) -> Seen {
    let (mut accounts, mut first) = (totals.accounts.clone(), totals.first_event);
    let mut last = totals.last_event;
    if let Some(past) = &plan.past {
        accounts.extend(past.memory.accounts.iter().cloned());
        first = [first, past.memory.first_event].into_iter().flatten().min();
        last = last.max(past.memory.last_event);
        deliveries.merge(past.memory.deliveries.clone());
    }
    let (last, records) = (last.unwrap_or(Time(0)), totals.records);
    Seen { accounts, first, last, records, deliveries: deliveries.indexed() }
}

/// What the next run needs to know, if it is asked for and this one is whole.
pub fn remember(
    context: &Context<'_>,
    handed: HandedOn,
    (mut counts, seen, habits): (Counts, Seen, Vec<Habit>),
    (left_out, problems): (Option<Span>, &mut Problems),
) -> Option<Memory> {
    let past = context.plan.past.as_ref()?;
    if problems.lost() {
        return None;
    }
    let room = KNOWN.saturating_sub(counts.known.grouped.len());
    let surplus = counts.known.others.len().saturating_sub(room) as u64 + counts.known.dropped;
    counts.known.others.truncate(room);
    let met = counts.known.grouped.into_iter().chain(counts.known.others);
    let today = memory::day(context.plan.now);
    let known = past.memory.known.renewed(met, today, KNOWN_DAYS, KNOWN);
    // What was left out before is judged if it was read again, which a run says that rereads.
    let is_open = past.reread.is_none() || known.has_left_out();
    let left_out = both(past.memory.left_out.filter(|_| is_open), left_out);
    let HandedOn { uses, recalled, lost_tags, aged, forgotten, .. } = handed;
    // A time that has not come yet must not make all others old.
    let today = Day::of(seen.last.min(context.plan.now));
    let habits = bounded_habits((context, today), habits, problems);
    let accounts = bounded(seen.accounts, problems);
    let oldest = Time(seen.last.0.saturating_sub(DELIVERIES));
    Some(Memory {
        seed: context.key.seed(),
        first_event: seen.first,
        last_event: Some(seen.last),
        accounts,
        coverage: Coverage::default(),
        expects: expects(context),
        deliveries: seen.deliveries.since(oldest),
        known,
        recalled,
        uses,
        habits,
        cases: Vec::new(),
        cases_forgotten: 0,
        issued: Vec::new(),
        issued_forgotten: 0,
        doings: Vec::new(),
        doings_forgotten: 0,
        undoing: Vec::new(),
        lost_tags,
        forgotten,
        aged,
        copies_forgotten: surplus,
        left_out,
    })
}

/// What the next run gets to know of principals; what has no room is a problem.
fn bounded_habits(
    (context, today): (&Context<'_>, Day),
    new: Vec<Habit>,
    problems: &mut Problems,
) -> Vec<Habit> {
    let (habits, too_many) = before::hand_on(Before::of_plan(context.plan), new, today);
    if too_many > 0 {
        let message = format!(
            "more than {} habits of principals: later runs do not know {too_many} of them, and may \
             take what is usual for unusual",
            before::MOST
        );
        problems.add(Problem::new(Origin::blob("*"), Stage::Rule, message));
    }
    habits
}

/// The accounts that the next run knows: of too many the smallest, so that no order decides which.
fn bounded(mut accounts: BTreeSet<String>, problems: &mut Problems) -> BTreeSet<String> {
    let too_many = accounts.len() > ACCOUNTS;
    while accounts.len() > ACCOUNTS {
        accounts.pop_last();
    }
    if too_many {
        let message = format!(
            "more than {ACCOUNTS} accounts in all runs: later runs take the others for foreign"
        );
        problems.add(Problem::new(Origin::blob("*"), Stage::Read, message));
    }
    accounts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_accounts_the_smallest_are_known_and_a_problem_says_so() {
        let all = |count: usize| (0..count).map(|n| format!("{n:012}")).collect::<BTreeSet<_>>();
        let mut problems = Problems::new(9);
        assert_eq!(bounded(all(ACCOUNTS), &mut problems), all(ACCOUNTS));
        assert_eq!(bounded(all(ACCOUNTS + 2), &mut problems), all(ACCOUNTS));
        let problems = problems.into_sorted();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].message.starts_with("more than 100000 accounts in all runs"));
    }
}
