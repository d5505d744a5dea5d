//! Messages and objects that are not done yet.
//!
//! A message may announce several objects, and an object may be announced by several messages. What must
//! stay true: a message is done when all its objects are, and not before; an object is in hand once,
//! however often it is announced.

use std::collections::{BTreeMap, BTreeSet};

use super::inbox::{Announced, Delivery};
use crate::model::coverage::Place;
use crate::model::time::Time;

/// Deliveries of one message that are remembered.
const RECEIPTS: usize = 8;

#[derive(Debug)]
struct InHandObject {
    /// The latest event of each account and Region in it; `None` while nobody has looked at it.
    latest: Option<Vec<(Place, Time)>>,
    /// Whether it is done although not all of it can be read.
    given_up: bool,
    arrived: Time,
    messages: BTreeSet<String>,
}

/// A message in hand.
#[derive(Debug)]
pub struct InHandMessage {
    /// Of its deliveries, the latest last. Two that come at once may be taken in the wrong order, and only
    /// the latest one counts with the inbox: so all of them are told.
    receipts: Vec<String>,
    pub deliveries: u32,
    pub body: String,
    /// Those that are not done.
    objects: BTreeSet<Announced>,
    /// When the inbox last heard that it is being worked on.
    kept: Time,
    arrived: Time,
}

/// All that is not done.
#[derive(Debug, Default)]
pub struct InHand {
    messages: BTreeMap<String, InHandMessage>,
    objects: BTreeMap<Announced, InHandObject>,
}

impl InHand {
    /// Takes a message that announces objects. One that is in hand already is known by its new receipt.
    pub fn take(&mut self, delivery: Delivery, objects: Vec<Announced>, now: Time) {
        let Delivery { id, receipt, deliveries, sent, body, .. } = delivery;
        let arrived = sent.map_or(now, |sent| sent.min(now));
        if let Some(known) = self.messages.get_mut(&id) {
            if known.receipts.len() == RECEIPTS {
                known.receipts.remove(0);
            }
            known.receipts.push(receipt);
            known.deliveries = deliveries.max(known.deliveries);
            known.kept = now;
            return;
        }
        for object in &objects {
            let new = || InHandObject {
                latest: None,
                given_up: false,
                arrived: now,
                messages: BTreeSet::new(),
            };
            let there = self.objects.entry(object.clone()).or_insert_with(new);
            there.messages.insert(id.clone());
        }
        let objects = objects.into_iter().collect();
        let receipts = vec![receipt];
        let message = InHandMessage { receipts, deliveries, body, objects, kept: now, arrived };
        self.messages.insert(id, message);
    }

    /// How many objects are in hand.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// How many messages are.
    pub fn messages(&self) -> usize {
        self.messages.len()
    }

    /// When the oldest message in hand was sent.
    pub fn oldest(&self) -> Option<Time> {
        self.messages.values().map(|message| message.arrived).min()
    }

    /// Objects that nobody has looked at, up to so many.
    pub fn announced(&self, most: usize) -> Vec<Announced> {
        let new = self.objects.iter().filter(|(_, object)| object.latest.is_none());
        new.take(most).map(|(object, _)| object.clone()).collect()
    }

    /// Notes that an object was looked at.
    pub fn looked(&mut self, object: &Announced, latest: Vec<(Place, Time)>) {
        if let Some(there) = self.objects.get_mut(object) {
            there.latest = Some(latest);
        }
    }

    /// Notes that an object is done as it is, once it has settled.
    pub fn give_up(&mut self, object: &Announced) {
        if let Some(there) = self.objects.get_mut(object) {
            there.given_up = true;
        }
    }

    /// Whether an object is done although not all of it can be read.
    pub fn is_given_up(&self, object: &Announced) -> bool {
        self.objects.get(object).is_some_and(|object| object.given_up)
    }

    /// Objects that were looked at and that have settled: of each, what was latest in it and when it
    /// arrived.
    pub fn settled(&self, has: impl Fn(&[(Place, Time)], Time) -> bool) -> Vec<Announced> {
        let has = |object: &InHandObject| {
            object.latest.as_ref().is_some_and(|latest| has(latest, object.arrived))
        };
        let settled = self.objects.iter().filter(|(_, object)| has(object));
        settled.map(|(object, _)| object.clone()).collect()
    }

    /// The messages that announce an object, by id.
    pub fn announcing(&self, object: &Announced) -> Vec<String> {
        let there = self.objects.get(object);
        there.map(|object| object.messages.iter().cloned().collect()).unwrap_or_default()
    }

    /// A message by its id.
    pub fn message(&self, id: &str) -> Option<&InHandMessage> {
        self.messages.get(id)
    }

    /// An object is done. The receipts of the messages that are done with it.
    pub fn done(&mut self, object: &Announced) -> Vec<String> {
        let Some(InHandObject { messages, .. }) = self.objects.remove(object) else {
            return Vec::new();
        };
        let mut receipts = Vec::new();
        for id in messages {
            let Some(message) = self.messages.get_mut(&id) else { continue };
            message.objects.remove(object);
            if message.objects.is_empty() {
                receipts.extend(self.messages.remove(&id).map(|message| message.receipts));
            }
        }
        receipts.into_iter().flatten().collect()
    }

    /// Lets all messages go that announce an object, so that they are delivered again; their receipts.
    pub fn let_go_of(&mut self, object: &Announced) -> Vec<String> {
        let ids = self.announcing(object);
        let receipts = ids.iter().flat_map(|id| self.let_go(id)).collect();
        self.objects.remove(object);
        receipts
    }

    /// Lets a message go that is to be delivered again; its receipts. Objects that were looked at stay in
    /// hand without it; others do if another message announces them.
    pub fn let_go(&mut self, id: &str) -> Vec<String> {
        let Some(message) = self.messages.remove(id) else { return Vec::new() };
        for object in message.objects {
            let Some(there) = self.objects.get_mut(&object) else { continue };
            there.messages.remove(id);
            if there.messages.is_empty() && there.latest.is_none() {
                self.objects.remove(&object);
            }
        }
        message.receipts
    }

    /// The receipts of messages of which the inbox has not heard since `before`; it hears of them now.
    pub fn keep_on(&mut self, before: Time, now: Time) -> Vec<String> {
        let silent = self.messages.values_mut().filter(|message| message.kept <= before);
        let kept = silent.flat_map(|message| {
            message.kept = now;
            message.receipts.clone()
        });
        kept.collect()
    }

    /// The ids of all messages.
    pub fn ids(&self) -> Vec<String> {
        self.messages.keys().cloned().collect()
    }
}
