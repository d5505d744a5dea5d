//! Findings to cases: what one actor did is told together.
//!
//! ```text
//! makers    who is behind credentials
//! link      which findings belong together
//! gather    what a case tells of its findings
//! ```
//!
//! Cases are made of the findings that are listed, in the order of the report: the first [`MOST`], since
//! what links them is held in memory. What must stay true: a finding is in one case at most, and cases
//! follow from the findings, their order and what earlier runs know, never from the order of reading.

mod gather;
mod link;
mod makers;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use self::gather::{Gathering, Made};
use self::link::{Node, link};
use self::makers::{KNOWN, Makers, hand_on};
use crate::engine::context::Context;
use crate::engine::store::runs::{Rows, Sharded};
use crate::model::case::KnownCase;
use crate::model::finding::{EventRef, Finding};
use crate::model::findings::Findings;
use crate::model::lineage::{lineage, of_key};
use crate::model::memory::Issued;
use crate::model::time::Time;

/// Puts findings into cases, unless each event is one. `last` is the time of the latest event of all runs.
///
/// # Errors
/// When a temporary file cannot be read back.
pub fn cases_of(
    context: &Context<'_>,
    findings: &mut Findings,
    issued: &mut Rows<Issued>,
    last: Time,
) -> io::Result<Made> {
    let plan = context.plan;
    let mut issued = std::mem::replace(issued, Rows::new(1));
    let before = plan.past.iter().flat_map(|past| &past.memory.issued);
    before.for_each(|row| issued.push(*row));
    let issued = issued.sharded();
    let earlier = plan.past.as_ref().map(|past| past.memory.cases.as_slice()).unwrap_or_default();
    let mut made = match plan.each {
        // Nothing is told of cases, and nothing is forgotten.
        true => Made { known: earlier.to_vec(), ..Made::default() },
        false => make(context, findings, &issued, (earlier, last))?,
    };
    if plan.past.is_some() {
        (made.issued, made.issued_forgotten) = hand_on(&issued, last, KNOWN)?;
    }
    let ids = made.of_findings.iter().map(|place| Arc::clone(&made.cases.all[*place as usize].id));
    findings.assign(ids.collect());
    Ok(made)
}

/// So many findings are put into cases.
const MOST: usize = 1 << 16;

/// An event of a finding: its hash, its time, and who acted as keyed hashes of lineage and access key.
#[derive(Debug, Clone, Copy)]
struct Seen {
    event: u64,
    time: i64,
    actor: Option<(u64, u64)>,
}

/// What links a finding with others, before it is known who is behind its credentials.
struct Linked {
    number: [u64; 2],
    /// The time of its latest event, if it is about one actor: not all events are shown.
    last: Option<i64>,
    chain: bool,
    seen: Vec<Seen>,
}

/// Puts findings into cases. `issued` tells whose credentials are, `earlier` are the cases that earlier
/// runs have told of, and `last` is the time of the latest event of all runs.
fn make(
    context: &Context<'_>,
    findings: &Findings,
    issued: &Sharded<Issued>,
    (earlier, last): (&[KnownCase], Time),
) -> io::Result<Made> {
    let mut all: Vec<Linked> = Vec::new();
    for finding in findings.read()?.take(MOST) {
        context.go_on()?;
        all.push(Linked::new(context, &*finding?));
    }
    let actors = all.iter().flat_map(|linked| &linked.seen).filter_map(|seen| seen.actor);
    let known = earlier.iter().flat_map(|case| &case.spans).map(|(actor, ..)| *actor);
    let wanted = actors.flat_map(|(lineage, key)| [lineage, key]).chain(known);
    let makers = Makers::of(issued, wanted.collect())?;
    let mut cases = linked_with(&all, earlier, &makers);
    for (place, finding) in findings.read()?.take(all.len()).enumerate() {
        cases.take(place, &*finding?);
    }
    Ok(cases.finish(findings.len(), last))
}

/// Cases without what they tell.
fn linked_with<'k>(all: &[Linked], earlier: &'k [KnownCase], makers: &Makers) -> Gathering<'k> {
    let mut nodes: Vec<Node> = all.iter().map(|linked| linked.node(makers)).collect();
    let place: HashMap<[u64; 2], usize> =
        all.iter().enumerate().map(|(place, linked)| (linked.number, place)).collect();
    let mut pairs = Vec::new();
    for known in earlier {
        let same = known.findings.iter().filter_map(|finding| place.get(finding));
        pairs.extend(same.map(|place| (*place, nodes.len())));
        // What came later may tell who was behind an actor of then.
        let of = |actor: &u64| makers.behind(*actor, 0);
        let spans = known.spans.iter().map(|(actor, first, last)| (of(actor), first.0, last.0));
        nodes.push(Node { spans: spans.collect(), ..Node::default() });
    }
    let linking = link(&nodes, &pairs);
    Gathering::new(nodes, linking, earlier)
}

impl Linked {
    fn new(context: &Context<'_>, finding: &Finding) -> Linked {
        let last = finding.last_seen.filter(|_| finding.principal.arn.is_some());
        Linked {
            number: finding.number().unwrap_or_default(),
            last: last.map(|time| time.0),
            chain: finding.told.chain,
            seen: finding.events.iter().filter_map(|event| Seen::of(context, event)).collect(),
        }
    }

    /// The node of the finding.
    fn node(&self, makers: &Makers) -> Node {
        let actor = |seen: &Seen| seen.actor.map(|(lineage, key)| makers.behind(lineage, key));
        let home = self.seen.iter().find_map(actor);
        let (own, others): (Vec<&Seen>, Vec<&Seen>) =
            self.seen.iter().partition(|seen| actor(seen) == home);
        let span = |home| own.iter().map(move |seen| (home, seen.time, seen.time));
        let last = home.zip(self.last.filter(|_| others.is_empty()));
        let last = last.map(|(home, last)| (home, last, last));
        let events = |seen: Vec<&Seen>| seen.iter().map(|seen| seen.event).collect();
        Node {
            spans: home.into_iter().flat_map(span).chain(last).collect(),
            hit: if self.chain { events(others) } else { Vec::new() },
            own: events(own),
        }
    }
}

impl Seen {
    /// `None` of what is no event.
    fn of(context: &Context<'_>, event: &EventRef) -> Option<Seen> {
        let request = event.request.as_deref()?;
        let hash = |text: &str| context.key.short(text.as_bytes());
        let time = event.time.unwrap_or(Time(0)).0;
        // The record of the other account tells of the same call. Forged copies have one id.
        let event = match &event.shared {
            Some(shared) => hash(&format!("shared {shared}")),
            None => hash(&format!("{time} at {}", event.origin)),
        };
        // A service calls with a key of its own.
        let by_service = request.principal.invoked_by.is_some();
        let key = request.access_key.as_deref().filter(|_| !by_service);
        let lineage = lineage(&request.principal, key, &context.plan.estate);
        let key = key.map_or(0, |id| hash(&of_key(id)));
        Some(Seen { event, time, actor: lineage.map(|lineage| (hash(&lineage), key)) })
    }
}
