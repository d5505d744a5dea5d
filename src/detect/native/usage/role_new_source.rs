//! Finds workloads that suddenly call from somewhere else with something else: the credentials of a
//! role that were carried away.
//!
//! It is code because it compares days. What must stay true: a workload must be known for two days
//! before anything can be new, and network and agent must both be new. So neither a new version of a
//! workload nor its move to another network is found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::detect::native::shared::client::{network, product};
use crate::detect::native::shared::policy_document::list;
use crate::detect::stateful::{CallBy, Context, Decided, History, Mark, Noted, Scope, Uses};
use crate::model::actor_kind::ActorKind;
use crate::model::days::Day;
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::model::memory::Habit;
use crate::model::principal::Principal;
use crate::record::event::Event;
use crate::record::kms::View;

/// A call that succeeded. The value is the network and the agent.
const DONE: u32 = 0;
/// A call that failed.
const FAILED: u32 = 1;

/// Separates network and agent in a value.
const BETWEEN: char = '\n';

/// Days on which a workload must be known before anything about it can be new.
const KNOWN_DAYS: usize = 2;

/// A source that is used on so many days is usual by now.
const USUAL_DAYS: usize = 3;

/// A workload that calls from so many networks calls from anywhere.
const ANYWHERE: usize = 5;

/// See `rules/use/role-new-source.md`.
#[derive(Debug)]
pub struct RoleNewSource(pub Arc<Estate>);

impl RoleNewSource {
    fn mark(
        &self,
        (account, principal): (Option<&str>, &Principal),
        (source_ip, user_agent): (Option<&str>, Option<&str>),
        attempt: bool,
    ) -> Option<Mark> {
        if !principal.acts_itself() || ActorKind::of(principal, &self.0) != ActorKind::Workload {
            return None;
        }
        let (network, agent) = (network(source_ip?)?, product(user_agent?));
        let kind = if attempt { FAILED } else { DONE };
        let part = format!("{} {}", account?, principal.identity()?);
        Some(Mark { part, kind, value: format!("{network}{BETWEEN}{agent}") })
    }
}

impl History for RoleNewSource {
    fn note(&self, _event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        let account = view.account();
        let (source_ip, user_agent) = (view.source_ip(), view.user_agent());
        let mark = self.mark(
            (account.as_deref(), &view.principal()),
            (source_ip.as_deref(), user_agent.as_deref()),
            view.attempt(),
        );
        marks.extend(mark);
    }

    fn uses(&self) -> Uses<'_> {
        Uses::OneByOne
    }

    fn note_call(&self, call: &CallBy<'_>, marks: &mut Vec<Mark>) {
        let client = (call.source_ip, call.user_agent);
        marks.extend(self.mark((call.account, call.principal), client, call.attempt));
    }

    fn sums_days(&self) -> bool {
        true
    }

    /// What earlier runs have read is known by their sums.
    fn days(&self) -> u16 {
        0
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        let mut sources: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for (at, noted) in notes.iter().enumerate() {
            if let Some(source) = noted.value.split_once(BETWEEN) {
                sources.entry(source).or_default().push(at);
            }
        }
        sources
            .iter()
            .filter_map(|(source, own)| judge((notes, context.before), *source, own))
            .collect()
    }
}

/// Judges one source of a workload.
fn judge(
    (notes, before): (&[Noted], &[Habit]),
    (network, agent): (&str, &str),
    own: &[usize],
) -> Option<Decided> {
    let day = |noted: &Noted| Day::of(noted.time);
    let first = own.iter().map(|at| day(&notes[*at])).min()?;
    let (mut days, mut networks, mut agents) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for noted in notes.iter().filter(|noted| day(noted) < first) {
        days.extend([day(noted), Day::of(noted.last)].into_iter().filter(|day| *day < first));
        let (network, agent) = noted.value.split_once(BETWEEN)?;
        networks.insert(network);
        agents.insert(agent);
    }
    for habit in before {
        let earlier: Vec<Day> = habit.days.all().filter(|day| *day < first).collect();
        let (network, agent) = habit.value.split_once(BETWEEN)?;
        if !earlier.is_empty() {
            networks.insert(network);
            agents.insert(agent);
        }
        days.extend(earlier);
    }
    if days.len() < KNOWN_DAYS || networks.contains(network) || agents.contains(agent) {
        return None;
    }
    let done = own.iter().any(|at| notes[*at].kind == DONE);
    let on: BTreeSet<Day> = own.iter().map(|at| day(&notes[*at])).collect();
    let (level, why) = if on.len() >= USUAL_DAYS {
        (Level::Low, "the workload moved: it calls from another network with another agent")
    } else if done && networks.len() < ANYWHERE {
        (Level::High, "the workload never called from this network, nor with this agent")
    } else if done {
        (
            Level::Medium,
            "the workload never called from this network, one of many, nor with this agent",
        )
    } else {
        (Level::Medium, "calls from a new network with a new agent failed")
    };
    let owned = |names: BTreeSet<&str>| list(names.into_iter().map(str::to_owned));
    let found = Decided::new(own.iter().copied(), level).with("why", why);
    let found = found.with("network", network).with("agent", agent);
    let found = found.with("usual_networks", owned(networks)).with("usual_agents", owned(agents));
    Some(found.about(Scope::Principal))
}
