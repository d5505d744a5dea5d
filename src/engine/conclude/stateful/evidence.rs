//! The records behind a finding: a few of them are shown, all are counted.
//!
//! Texts that lie in the heap, such as sessions, are asked for when all findings are known, in the
//! order in which they were written, so that each block of the heap is inflated once.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::named::{Named, ValueText};
use crate::detect::stateful::About;
use crate::engine::conclude::lookup::Lookup;
use crate::engine::context::Context;
use crate::engine::partial::group::{
    EventKept, EventRead, Group, GroupKey, Match, Snapshot, target,
};
use crate::engine::partial::groups::Groups;
use crate::engine::partial::key_use::{Behind, KeyUse, flag};
use crate::engine::partial::uuid::uuid_text;
use crate::engine::store::texts::{AllTexts, LastBlocks, NOWHERE, TextAt};
use crate::model::finding::{Key, Resource};
use crate::model::level::Level;
use crate::model::origin::Origin;
use crate::model::request::Request;
use crate::model::time::Time;

/// A finding in the making.
#[derive(Debug)]
pub struct Found {
    /// What makes it the same as others.
    pub key: GroupKey,
    /// What it shows.
    pub group: Group,
    /// How many records it rests on.
    pub count: u64,
    /// Where the session of the use is that it is about, if it is about a use.
    pub named: Option<TextAt>,
    /// Where those of the uses are that it shows.
    pub sessions: Vec<TextAt>,
    /// The values that it names.
    pub values: Named,
}

impl Found {
    /// A finding all of whose texts are known.
    pub fn new(key: GroupKey, group: Group, count: u64) -> Found {
        Found { key, group, count, named: None, sessions: Vec::new(), values: Named::default() }
    }
}

/// Findings that wait for their sessions. To look for them goes through all blocks of the heap, so it is
/// done for many at once.
const WAITING: usize = 1 << 13;

/// Values that wait for their texts, likewise.
const VALUES: usize = 1 << 17;

/// All findings that rest on many records, whoever made them.
#[derive(Debug)]
pub struct Finds {
    waiting: Vec<Found>,
    /// How many values wait with them.
    values: usize,
    groups: Groups,
}

impl Finds {
    /// None yet; they are put into `groups`.
    pub fn new(groups: Groups) -> Finds {
        Finds { waiting: Vec::new(), values: 0, groups }
    }

    /// Takes in some, whose sessions are in the heap.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn add(&mut self, all: Vec<Found>, heap: &AllTexts) -> io::Result<()> {
        self.values += all.iter().map(|found| found.values.values.len()).sum::<usize>();
        self.waiting.extend(all);
        let has_room = self.waiting.len() < WAITING && self.values < VALUES;
        if has_room { Ok(()) } else { self.fill(heap) }
    }

    /// Gives all of them their sessions.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn fill(&mut self, heap: &AllTexts) -> io::Result<()> {
        fill_sessions(&mut self.waiting, heap)?;
        fill_values(&mut self.waiting, heap)?;
        self.put();
        Ok(())
    }

    fn put(&mut self) {
        self.values = 0;
        for Found { key, mut group, count, values, .. } in self.waiting.drain(..) {
            group.earliest.1.details.extend(values.details());
            self.groups.add_counted(key, group, count);
        }
    }

    /// All of them. Those that still wait, since something went wrong, have no sessions.
    pub fn into_groups(mut self) -> Groups {
        self.put();
        self.groups
    }
}

/// An event id, in the order of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventId {
    /// There is none.
    None,
    /// A UUID, in two words.
    Uuid([u64; 2]),
    /// Another text.
    Text(String),
}

impl EventId {
    /// The text.
    pub fn text(&self) -> Option<String> {
        match self {
            EventId::None => None,
            EventId::Uuid(words) => Some(uuid_text(*words)),
            EventId::Text(text) => Some(text.clone()),
        }
    }

    /// That of a row; one that is no UUID is read from the heap.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn of(row: &KeyUse, heap: &AllTexts, last: &mut LastBlocks) -> io::Result<EventId> {
        if row.is(flag::UUID) {
            return Ok(EventId::Uuid(row.id));
        }
        Ok(event_id(row, heap, last)?.map_or(EventId::None, EventId::Text))
    }
}

impl Ord for EventId {
    fn cmp(&self, other: &EventId) -> Ordering {
        match (self, other) {
            (EventId::Uuid(one), EventId::Uuid(other)) => one.cmp(other),
            _ => self.text().cmp(&other.text()),
        }
    }
}

impl PartialOrd for EventId {
    fn partial_cmp(&self, other: &EventId) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The id of the event behind a row; one that is no UUID is read from the heap.
///
/// # Errors
/// When a temporary file cannot be read back.
pub fn event_id(
    row: &KeyUse,
    heap: &AllTexts,
    last: &mut LastBlocks,
) -> io::Result<Option<String>> {
    if row.is(flag::UUID) {
        return Ok(Some(uuid_text(row.id)));
    }
    if row.is(flag::NO_ID) {
        return Ok(None);
    }
    Ok(Behind::read(&heap.get(row.text, last)?).id)
}

/// The group of one that a use makes, but for its session.
///
/// # Errors
/// When a temporary file cannot be read back.
pub fn group_of_use(
    context: &Context<'_>,
    lookup: &mut Lookup<'_>,
    row: &KeyUse,
    (id, level): (Option<String>, Level),
    details: BTreeMap<String, String>,
) -> io::Result<Group> {
    let who = lookup.who(row.who)?;
    let call = lookup.call(row.call)?;
    let client = lookup.client(row.client)?;
    let on = lookup.target(row)?;
    let origin = origin(context, (row.blob, row.record()));
    let event = EventKept {
        order: (false, Some(Time(row.time)), id),
        name: call.entry.name.clone(),
        place: row.is(flag::NO_ID).then(|| origin.clone()),
        content: row.content,
    };
    let snapshot = Snapshot {
        principal: who.entry.principal.clone(),
        source_ip: client.source_ip.clone(),
        user_agent: client.user_agent.clone(),
        key: on.key.clone(),
        resource: on.resource.clone(),
        details,
    };
    let request = Request {
        id: None,
        service: KMS.to_owned(),
        principal: snapshot.principal.clone(),
        access_key: None,
        source_ip: snapshot.source_ip.clone(),
        user_agent: snapshot.user_agent.clone(),
        error: None,
        target: target(snapshot.key.as_ref(), snapshot.resource.as_ref()),
        reversible: None,
    };
    let behind = Some(row.text).filter(|at| *at != NOWHERE);
    let read = EventRead { origin, shared: None, request: Arc::new(request), behind };
    let fresh = row.is(flag::REPORTED);
    Ok(Group::new(Match { level, event, read, snapshot, fresh }))
}

/// The source of every use.
const KMS: &str = "kms.amazonaws.com";

/// Where a record was read that is no plain use, and its request.
pub fn read_of(about: &About, origin: Origin) -> EventRead {
    let request = Request {
        id: None,
        service: about.service.clone().unwrap_or_else(|| KMS.to_owned()),
        principal: about.principal.clone(),
        access_key: about.access_key.clone(),
        source_ip: about.source_ip.clone(),
        user_agent: about.user_agent.clone(),
        error: about.error.clone(),
        target: target(about.key.as_ref(), about.resource.as_ref()),
        reversible: about.reversible.clone(),
    };
    EventRead { origin, shared: None, request: Arc::new(request), behind: None }
}

/// The order of records: time, event id, where those without one were read, content.
pub type RecordOrder = (i64, EventId, Option<Origin>, u64);

/// A record that is no plain use, as a finding shows it.
pub struct RecordEvent {
    pub id: Option<String>,
    pub name: String,
    pub content: u64,
    pub place: (u64, u64),
}

impl RecordEvent {
    /// Its order among the records of a finding; it was read at `origin`.
    pub fn order(&self, time: i64, origin: Origin) -> RecordOrder {
        let origin = self.id.is_none().then_some(origin);
        (time, self.id.clone().map_or(EventId::None, EventId::Text), origin, self.content)
    }

    /// A group of it alone.
    pub fn group(
        &self,
        origin: Origin,
        about: &About,
        (key, resource): (Option<Key>, Option<Resource>),
        (time, level, fresh): (i64, Level, bool),
    ) -> Group {
        let event = EventKept {
            order: (false, Some(Time(time)), self.id.clone()),
            name: self.name.clone(),
            place: self.id.is_none().then(|| origin.clone()),
            content: self.content,
        };
        let snapshot = Snapshot {
            principal: about.principal.clone(),
            source_ip: about.source_ip.clone(),
            user_agent: about.user_agent.clone(),
            key,
            resource,
            details: BTreeMap::new(),
        };
        Group::new(Match { level, event, read: read_of(about, origin), snapshot, fresh })
    }
}

/// What is known of a stateful rule's finding that others may group by.
pub fn known(about: &About, field: &str) -> Option<String> {
    match field {
        "recipientAccountId" => about.account.clone(),
        "awsRegion" => about.region.clone(),
        "keytrail.principal" => about.principal.identity().map(Cow::into_owned),
        "keytrail.key" => about.key.as_ref().map(|key| key.arn.clone()),
        "keytrail.resource" => about.resource.as_ref().map(|resource| resource.arn.clone()),
        _ => None,
    }
}

/// Where a record was read.
pub fn origin(context: &Context<'_>, (blob, record): (u64, u64)) -> Origin {
    let name = context.names.get(blob).unwrap_or_else(|_| "?".into());
    Origin::record(name, record)
}

/// Reads the sessions that findings show: those of the records shown, and of the earliest for the
/// finding itself.
///
/// # Errors
/// When a temporary file cannot be read back.
pub fn fill_sessions(all: &mut [Found], heap: &AllTexts) -> io::Result<()> {
    let of_events = |found: &Found| -> Vec<TextAt> {
        found.group.events.iter().filter_map(|(_, read)| read.behind).collect()
    };
    let mut places: Vec<TextAt> =
        all.iter().flat_map(|found| found.sessions.iter().chain(&found.named)).copied().collect();
    places.extend(all.iter().flat_map(of_events));
    places.sort_unstable();
    places.dedup();
    let mut last = LastBlocks::default();
    let mut known: foldhash::HashMap<TextAt, Behind> = foldhash::HashMap::default();
    for place in places {
        known.insert(place, Behind::read(&heap.get(place, &mut last)?));
    }
    let session = |place: &TextAt| known.get(place)?.session.clone();
    for found in all {
        let shown: Vec<String> = found.sessions.iter().filter_map(session).collect();
        found.group.add_sessions(shown);
        found.group.events.for_each_value(|read| complete(read, &known));
        let principal = &mut found.group.earliest.1.principal;
        if principal.arn.is_some()
            && let Some(place) = found.named
        {
            principal.session = session(&place);
        }
    }
    Ok(())
}

/// Reads the texts of the values that findings name.
///
/// # Errors
/// When a temporary file cannot be read back.
fn fill_values(all: &mut [Found], heap: &AllTexts) -> io::Result<()> {
    let values = all.iter_mut().flat_map(|found| &mut found.values.values);
    let mut waiting: Vec<(TextAt, &mut ValueText)> = values
        .filter_map(|(_, text, _)| match text {
            ValueText::At(at) => Some((*at, text)),
            ValueText::Known(_) => None,
        })
        .collect();
    waiting.sort_by_key(|(at, _)| *at);
    let mut last = LastBlocks::default();
    for (at, text) in waiting {
        if let Some(subject) = Behind::read(&heap.get(at, &mut last)?).subject {
            *text = ValueText::Known(subject);
        }
    }
    Ok(())
}

/// Gives the request of a use what lies behind its row.
fn complete(read: &mut EventRead, known: &foldhash::HashMap<TextAt, Behind>) {
    let Some(behind) = read.behind.take().and_then(|place| known.get(&place)) else { return };
    let mut request = Request::clone(&read.request);
    request.access_key.clone_from(&behind.access_key);
    request.error.clone_from(&behind.error);
    // A principal that has no name has no session either.
    if request.principal.arn.is_some() {
        request.principal.session.clone_from(&behind.session);
    }
    read.request = Arc::new(request);
}
