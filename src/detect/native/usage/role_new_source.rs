//! Finds workloads that suddenly call from somewhere else with something else: the credentials of a
//! role that were carried away.
//!
//! It is code because it compares days. What must stay true: a workload must be known for two days
//! before anything can be new. The network must be new, and the agent too, or the workload calls what
//! it never called. So neither a new version of a workload nor its move to another network is found.

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
use crate::record::kms::{View, is_admin};

/// A call that succeeded. The value is the network, the agent and the operation.
const DONE: u32 = 0;
/// A call that failed.
const FAILED: u32 = 1;

/// Separates network, agent and operation in a value.
const BETWEEN: char = '\n';

/// Days on which a workload must be known before anything about it can be new.
const KNOWN_DAYS: usize = 2;

/// Days on which a workload must be known before an operation that it calls tells anything: what is
/// done once a week must not look new.
const KNOWN_DAYS_OF_CALLS: usize = 5;

/// A network is new for so many days.
const YOUNG_DAYS: u16 = 3;

/// A source that is used on so many days is usual by now.
const USUAL_DAYS: usize = 3;

/// So many new sources of one workload are told apart.
const FOUND: usize = 50;

/// A workload that calls from so many networks calls from anywhere.
const ANYWHERE: usize = 5;

/// See `rules/use/role-new-source.md`.
#[derive(Debug)]
pub struct RoleNewSource(pub Arc<Estate>);

impl RoleNewSource {
    /// What kind of actor a role has, if it is no role of people or services. Whoever assumes a role
    /// chooses the name of the session, so an e-mail address in it makes no person here.
    fn kind(&self, principal: &Principal) -> Option<ActorKind> {
        let unnamed = Principal { session: None, ..principal.clone() };
        let kind = ActorKind::of(&unnamed, &self.0);
        matches!(kind, ActorKind::Workload | ActorKind::Automation).then_some(kind)
    }

    fn mark(
        &self,
        (account, principal): (Option<&str>, &Principal),
        (source_ip, user_agent): (Option<&str>, Option<&str>),
        (operation, attempt): (&str, bool),
    ) -> Option<Mark> {
        if !principal.acts_itself() || self.kind(principal).is_none() {
            return None;
        }
        let (network, agent) = (network(source_ip?)?, product(user_agent?));
        let agent = agent.replace(BETWEEN, " ");
        let kind = if attempt { FAILED } else { DONE };
        let part = format!("{} {}", account?, principal.identity()?);
        let value = format!("{network}{BETWEEN}{agent}{BETWEEN}{operation}");
        Some(Mark { part, kind, value })
    }
}

impl History for RoleNewSource {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        let account = view.account();
        let source = event.text_at(&["eventSource"]).unwrap_or_default();
        let service = source.split('.').next().unwrap_or_default();
        let operation = format!("{service}:{}", view.name().unwrap_or_default());
        let (source_ip, user_agent) = (view.source_ip(), view.user_agent());
        let mark = self.mark(
            (account.as_deref(), &view.principal()),
            (source_ip.as_deref(), user_agent.as_deref()),
            (&operation, view.attempt()),
        );
        marks.extend(mark);
    }

    fn uses(&self) -> Uses<'_> {
        Uses::OneByOne
    }

    fn note_call(&self, call: &CallBy<'_>, marks: &mut Vec<Mark>) {
        let client = (call.source_ip, call.user_agent);
        let what = (&*format!("kms:{}", call.name), call.attempt);
        marks.extend(self.mark((call.account, call.principal), client, what));
    }

    fn sums_days(&self) -> bool {
        true
    }

    /// What earlier runs have read is known by their sums.
    fn days(&self) -> u16 {
        0
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        let Some(about) = notes.first().map(|noted| &noted.about) else { return Vec::new() };
        let Some(kind) = self.kind(&about.principal) else { return Vec::new() };
        let mut sources: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for (at, noted) in notes.iter().enumerate() {
            if let Some((network, agent, _)) = parts(&noted.value) {
                sources.entry((network, agent)).or_default().push(at);
            }
        }
        let known = Known::of(notes, context.before);
        let judge =
            |(source, own): (&(&str, &str), &Vec<usize>)| known.judge(kind, (notes, own), *source);
        let mut found: Vec<(Day, Decided)> = sources.iter().filter_map(judge).collect();
        // Whoever changes network and program with every call gets one finding for the rest.
        let rest = found.split_off(found.len().min(FOUND));
        let rest: Vec<usize> = rest.into_iter().flat_map(|(_, one)| one.notes).collect();
        let told = found.into_iter().map(|(first, one)| known.tell(first, one));
        let mut found: Vec<Decided> = told.collect();
        if !rest.is_empty() {
            let why = "the workload calls from many new networks with many new agents";
            found.push(Decided::new(rest, Level::High).with("why", why).about(Scope::Principal));
        }
        found
    }
}

/// Network, agent and operation of a value. Earlier versions left out the operation.
fn parts(value: &str) -> Option<(&str, &str, Option<&str>)> {
    let (network, rest) = value.split_once(BETWEEN)?;
    let (agent, operation) = match rest.split_once(BETWEEN) {
        Some((agent, operation)) => (agent, Some(operation)),
        None => (rest, None),
    };
    Some((network, agent, operation))
}

/// Whether an operation, such as `kms:CreateGrant`, changes a key.
fn changes(operation: &str) -> bool {
    operation.strip_prefix("kms:").is_some_and(is_admin)
}

/// Adds an entry to a list of the two smallest, which keeps them in order.
fn two_smallest<'n>(list: &mut Vec<(Day, &'n str)>, entry: (Day, &'n str)) {
    list.push(entry);
    list.sort_unstable();
    list.truncate(2);
}

/// What is known of a workload, by days.
struct Known<'n> {
    /// The first day of each network, and of each agent.
    networks: BTreeMap<&'n str, Day>,
    agents: BTreeMap<&'n str, Day>,
    /// The same of agents by calls that change nothing: whoever administers by hand with a tool does
    /// not make it usual for reading.
    readers: BTreeMap<&'n str, Day>,
    /// Of each operation the first day of each network that called it.
    operations: BTreeMap<&'n str, BTreeMap<&'n str, Day>>,
    /// Of each operation the two networks that called it first: one of them is another than any given
    /// one.
    earliest: BTreeMap<&'n str, Vec<(Day, &'n str)>>,
    /// Of each operation and day the two oldest networks that called it first on this day.
    on_day: BTreeMap<(&'n str, Day), Vec<(Day, &'n str)>>,
    /// Whether earlier runs knew sources without their operations.
    without_operations: bool,
    /// The first days of networks, in order.
    firsts: Vec<Day>,
    /// The days on which it called.
    days: BTreeSet<Day>,
    /// The days of all notes, in order.
    of_notes: Vec<Day>,
}

impl<'n> Known<'n> {
    fn of(notes: &'n [Noted], before: &'n [Habit]) -> Known<'n> {
        let mut known = Known {
            networks: BTreeMap::new(),
            agents: BTreeMap::new(),
            readers: BTreeMap::new(),
            operations: BTreeMap::new(),
            earliest: BTreeMap::new(),
            on_day: BTreeMap::new(),
            without_operations: false,
            firsts: Vec::new(),
            days: BTreeSet::new(),
            of_notes: notes.iter().map(|noted| Day::of(noted.time)).collect(),
        };
        // A refused call must not make its source usual.
        for noted in notes.iter().filter(|noted| noted.kind == DONE) {
            known.add(&noted.value, &[Day::of(noted.time), Day::of(noted.last)]);
        }
        for habit in before {
            known.add(&habit.value, &habit.days.all().collect::<Vec<_>>());
        }
        known.index();
        known.firsts = known.networks.values().copied().collect();
        known.firsts.sort_unstable();
        known.of_notes.sort_unstable();
        known
    }

    fn add(&mut self, value: &'n str, days: &[Day]) {
        let Some(((network, agent, operation), first)) = parts(value).zip(days.iter().min()) else {
            return;
        };
        match operation {
            Some(operation) => {
                let networks = self.operations.entry(operation).or_default();
                let known = networks.entry(network).or_insert(*first);
                *known = (*known).min(*first);
            }
            None => self.without_operations = true,
        }
        if !operation.is_some_and(changes) {
            let known = self.readers.entry(agent).or_insert(*first);
            *known = (*known).min(*first);
        }
        for (firsts, name) in [(&mut self.networks, network), (&mut self.agents, agent)] {
            let known = firsts.entry(name).or_insert(*first);
            *known = (*known).min(*first);
        }
        self.days.extend(days);
    }

    /// Prepares what is asked of every source.
    fn index(&mut self) {
        for (operation, networks) in &self.operations {
            for (network, first) in networks {
                let since = self.networks.get(network).copied().unwrap_or(*first);
                two_smallest(self.earliest.entry(operation).or_default(), (*first, *network));
                let of_day = self.on_day.entry((operation, *first)).or_default();
                two_smallest(of_day, (since, *network));
            }
        }
    }

    /// Judges one source, which was first used on a day.
    fn judge(
        &self,
        kind: ActorKind,
        (notes, own): (&[Noted], &[usize]),
        (network, agent): (&str, &str),
    ) -> Option<(Day, Decided)> {
        let on: BTreeSet<Day> = own.iter().map(|at| Day::of(notes[*at].time)).collect();
        let (first, last) = (*on.first()?, *on.last()?);
        let is_new = |firsts: &BTreeMap<&str, Day>, name| {
            firsts.get(name).is_none_or(|known| *known >= first)
        };
        let days = self.days.range(..first).take(KNOWN_DAYS_OF_CALLS).count();
        if days < KNOWN_DAYS || !is_new(&self.networks, network) {
            return None;
        }
        let called =
            own.iter().filter_map(|at| Some((notes[*at].time, parts(&notes[*at].value)?.2?)));
        let called: Vec<(Day, &str)> = called.map(|(time, call)| (Day::of(time), call)).collect();
        let is_known = days >= KNOWN_DAYS_OF_CALLS;
        let never = called.iter().filter(|call| is_known && self.never_called(call, network));
        let never: BTreeSet<&str> = never.map(|(_, call)| *call).collect();
        let reads = called.is_empty() || called.iter().any(|(_, call)| !changes(call));
        let agent_is_new = is_new(&self.agents, agent) || (reads && is_new(&self.readers, agent));
        if !agent_is_new && never.is_empty() {
            return None;
        }
        // Whoever moved no longer calls from where it was.
        let since = self.of_notes.len() - self.of_notes.partition_point(|day| *day < last);
        let own_since = own.iter().filter(|at| Day::of(notes[**at].time) >= last).count();
        let source = Source {
            moved: on.len() >= USUAL_DAYS && since == own_since,
            done: own.iter().any(|at| notes[*at].kind == DONE),
            many: self.firsts.partition_point(|known| *known < first) >= ANYWHERE,
            agent_is_new,
            calls_new: !never.is_empty(),
            // Pipelines run where there is room, and people whom a role knows by e-mail where they
            // are.
            wanders: kind == ActorKind::Automation
                || by_mail(&notes[*own.first()?].about.principal),
        };
        let (level, why) = source.judge()?;
        let mut found = Decided::new(own.iter().copied(), level).with("why", why);
        if !never.is_empty() {
            found = found.with("never_called", list(never.into_iter().map(str::to_owned)));
        }
        Some((first, found.with("network", network).with("agent", agent).about(Scope::Principal)))
    }

    /// Whether a network is new, and the workload never made a call from any other one before the day
    /// of the call. On the same day a call counts only from where the workload called from before: a
    /// thief may have two addresses.
    fn never_called(&self, (day, operation): &(Day, &str), network: &str) -> bool {
        let since = self.networks.get(network).copied().unwrap_or(*day);
        let is_young = *day >= since && day.since(since) < YOUNG_DAYS;
        let other = |all: Option<&Vec<(Day, &str)>>, until: Day| {
            let mut all = all.into_iter().flatten();
            all.any(|(first, other)| *other != network && *first < until)
        };
        !self.without_operations
            && is_young
            && !other(self.earliest.get(operation), *day)
            && !other(self.on_day.get(&(*operation, *day)), since)
    }

    /// Adds what was usual before a day.
    fn tell(&self, first: Day, found: Decided) -> Decided {
        let before = |firsts: &BTreeMap<&str, Day>| {
            let names = firsts.iter().filter(|(_, known)| **known < first);
            list(names.map(|(name, _)| (*name).to_owned()))
        };
        let found = found.with("usual_networks", before(&self.networks));
        found.with("usual_agents", before(&self.agents))
    }
}

/// What is new about a source, and what came of it.
struct Source {
    moved: bool,
    /// Whether a call succeeded.
    done: bool,
    /// Whether the workload calls from many networks.
    many: bool,
    agent_is_new: bool,
    /// Whether it calls what the workload never called.
    calls_new: bool,
    wanders: bool,
}

impl Source {
    fn judge(&self) -> Option<(Level, &'static str)> {
        let Source { moved, done, many, agent_is_new, calls_new, wanders } = *self;
        if !agent_is_new {
            // One in many networks tells nothing, and what fails is told by other rules.
            let told = calls_new && done && !many && !wanders && !moved;
            let why = "the workload never called from this network, and never made such a call";
            return told.then_some((Level::Medium, why));
        }
        let (level, why) = if moved {
            (Level::Low, "the workload moved: it calls from another network with another agent")
        } else if !done {
            (Level::Medium, "calls from a new network with a new agent failed")
        } else if many && !calls_new {
            let why =
                "the workload never called from this network, one of many, nor with this agent";
            (Level::Medium, why)
        } else if calls_new {
            let why = "the workload never called from this network, nor with this agent, and never \
                       made such a call";
            (Level::High, why)
        } else {
            (Level::High, "the workload never called from this network, nor with this agent")
        };
        Some((if wanders { level.min(Level::Medium) } else { level }, why))
    }
}

/// Whether the session is named like an e-mail address.
fn by_mail(principal: &Principal) -> bool {
    principal.session.as_deref().is_some_and(|session| session.contains('@'))
}
