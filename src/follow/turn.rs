//! One turn: receive what has arrived, judge it, tell what was found, conclude what has settled.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::dead::{DeadLetter, DeadLetters};
use super::in_hand::InHand;
use super::inbox::{Announced, Content, Delivery, Inbox, InboxTrouble};
use super::judge::{Judge, Judged, LookedAt, Settled};
use super::outbox::Outbox;
use super::watermark::Watermark;
use crate::model::coverage::Place;
use crate::model::time::Time;

/// How a follower goes about it. Times in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How much later than an event others of its account and Region may be delivered.
    pub settle: i64,
    /// The least time between two conclusions. A conclusion that takes long makes it longer: at most a
    /// fourth of the time goes into them.
    pub every: i64,
    /// For how long the inbox keeps a message from others without hearing of it.
    pub keep: i64,
    /// How often a message is delivered before what cannot be read of it is put aside.
    pub tries: u32,
    /// Objects in hand; with more, no message is received.
    pub most: usize,
    /// Objects that are looked at in one turn.
    pub at_once: usize,
}

/// What a turn did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turn {
    /// Messages that were received.
    pub received: usize,
    /// Objects whose records were judged one by one.
    pub looked: usize,
    /// Objects that could not be read as a whole.
    pub faulty: usize,
    /// Messages that were put aside.
    pub dead: usize,
    /// Objects that were concluded over and are done.
    pub settled: usize,
    /// Messages that are done.
    pub done: usize,
    /// Why the inbox gave nothing, or did not hear what was done.
    pub trouble: Option<String>,
    /// Why what was concluded could not be made to last.
    pub not_kept: Option<String>,
}

/// Why a follower cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The inbox will not answer.
    #[error("{0}")]
    Inbox(String),
    /// Nothing can be read.
    #[error("nothing can be read: {0}")]
    Reading(io::Error),
    /// Nobody takes what is told.
    #[error("what was found cannot be written: {0}")]
    Telling(io::Error),
    /// What cannot be read cannot be put aside.
    #[error("what cannot be read cannot be put aside: {0}")]
    PuttingAside(io::Error),
    /// What was concluded cannot be made to last.
    #[error("the state cannot be written: {0}")]
    State(String),
}

/// Conclusions that cannot be made to last, one after the other, before the follower gives up.
const NOT_KEPT: u32 = 5;

/// A follower.
pub struct Follow<I, J, O> {
    inbox: I,
    judge: J,
    outbox: O,
    dead: Option<Box<dyn DeadLetters>>,
    pace: Pace,
    hand: InHand,
    watermark: Watermark,
    /// When the next conclusion may begin.
    next: Time,
    /// Conclusions in a row that could not be made to last.
    not_kept: u32,
    has_received: bool,
}

impl<I: Inbox, J: Judge, O: Outbox> Follow<I, J, O> {
    /// One that has nothing in hand.
    pub fn new(
        (inbox, judge, outbox): (I, J, O),
        dead: Option<Box<dyn DeadLetters>>,
        pace: Pace,
    ) -> Follow<I, J, O> {
        let (hand, watermark) = (InHand::default(), Watermark::default());
        Follow {
            inbox,
            judge,
            outbox,
            dead,
            pace,
            hand,
            watermark,
            next: Time(0),
            not_kept: 0,
            has_received: false,
        }
    }

    /// Who judges.
    pub fn judge(&mut self) -> &mut J {
        &mut self.judge
    }

    /// Who says what has arrived.
    pub fn inbox(&mut self) -> &mut I {
        &mut self.inbox
    }

    /// Where it is told.
    pub fn outbox(&mut self) -> &mut O {
        &mut self.outbox
    }

    /// How many objects are in hand, and when the oldest message in hand was sent.
    pub fn in_hand(&self) -> (usize, Option<Time>) {
        (self.hand.len(), self.hand.oldest())
    }

    /// The latest event that was seen, not beyond the clock.
    pub fn newest(&self) -> Option<Time> {
        self.watermark.newest()
    }

    /// Whether the inbox has ever answered.
    pub fn has_received(&self) -> bool {
        self.has_received
    }

    /// Goes on by one turn. `now` reads the clock. What is `ending` receives nothing more and concludes
    /// over all that is in hand, settled or not.
    ///
    /// # Errors
    /// When it cannot go on. What is in hand is delivered again.
    pub fn turn(&mut self, now: &dyn Fn() -> Time, ending: bool) -> Result<Turn, Broken> {
        let mut turn = Turn::default();
        if !ending && self.hand.len().max(self.hand.messages()) < self.pace.most {
            self.receive(now, &mut turn)?;
        }
        self.look(now, &mut turn)?;
        self.settle(now, ending, &mut turn)?;
        self.keep(self.pace.keep / 2, now(), &mut turn)?;
        Ok(turn)
    }

    /// Says of messages of which the inbox has not heard for so long that they are being worked on.
    fn keep(&mut self, silent: i64, now: Time, turn: &mut Turn) -> Result<(), Broken> {
        let receipts = self.hand.keep_on(Time(now.0.saturating_sub(silent)), now);
        if receipts.is_empty() {
            return Ok(());
        }
        let kept = self.inbox.keep(&receipts);
        note(turn, kept)
    }

    /// Gives back all that is still in hand, so that another follower has it at once.
    pub fn give_all_back(&mut self) {
        let receipts: Vec<String> =
            self.hand.ids().iter().flat_map(|id| self.hand.let_go(id)).collect();
        // Whoever does not hear of it delivers it again later.
        let _ = self.inbox.give_back(&receipts, true);
    }

    fn receive(&mut self, now: &dyn Fn() -> Time, turn: &mut Turn) -> Result<(), Broken> {
        let held = self.hand.len().max(self.hand.messages());
        let room = self.pace.most.saturating_sub(held);
        let deliveries = match self.inbox.receive(room.min(self.pace.at_once)) {
            Ok(deliveries) => {
                self.has_received = true;
                deliveries
            }
            Err(trouble) => return note(turn, Err(trouble)),
        };
        turn.received += deliveries.len();
        let mut done = Vec::new();
        for mut delivery in deliveries {
            match std::mem::replace(&mut delivery.content, Content::Nothing(String::new())) {
                Content::Objects(objects) if !objects.is_empty() => {
                    self.hand.take(delivery, objects, now());
                }
                Content::Objects(_) | Content::Nothing(_) => done.push(delivery.receipt),
                Content::Odd(why) => self.put_odd_aside(delivery, why, &mut done, turn)?,
            }
        }
        self.done(&done, turn)
    }

    /// A message that cannot be understood is no better the next time.
    fn put_odd_aside(
        &mut self,
        delivery: Delivery,
        why: String,
        done: &mut Vec<String>,
        turn: &mut Turn,
    ) -> Result<(), Broken> {
        let line = self.judge.problem(&format!("message {}", delivery.id), &why);
        self.outbox.write(&line).map_err(Broken::Telling)?;
        let Delivery { id: message, receipt, deliveries, body, .. } = delivery;
        let Some(dead) = &mut self.dead else {
            let given = self.inbox.give_back(&[receipt], false);
            return note(turn, given);
        };
        let problems = vec![(String::new(), why)];
        let letter = DeadLetter { message, body, deliveries, problems };
        dead.put(&letter).map_err(Broken::PuttingAside)?;
        turn.dead += 1;
        done.push(receipt);
        Ok(())
    }

    /// Judges records one by one.
    fn look(&mut self, now: &dyn Fn() -> Time, turn: &mut Turn) -> Result<(), Broken> {
        let new = self.hand.announced(self.pace.at_once);
        if new.is_empty() {
            return Ok(());
        }
        let Judged { lines, objects } = self.judge.look(&new).map_err(Broken::Reading)?;
        self.outbox.write(&lines).map_err(Broken::Telling)?;
        turn.looked += objects.len();
        let objects: BTreeMap<_, _> =
            objects.into_iter().map(|object| (Arc::clone(&object.name), object)).collect();
        let (mut done, mut let_go) = (Vec::new(), Vec::new());
        for announced in &new {
            // One that was replaced is announced twice, and read once.
            match objects.get(&announced.name) {
                // It was read and reported before.
                None => done.extend(self.hand.done(announced)),
                Some(LookedAt { latest, fault: None, .. }) => {
                    self.take_in(announced, latest, now())
                }
                Some(object) => {
                    turn.faulty += 1;
                    if self.fail(announced, object, now(), turn)? {
                        let_go.push(announced.clone());
                    }
                }
            }
        }
        self.judge.forget(&let_go);
        self.done(&done, turn)
    }

    fn take_in(&mut self, announced: &Announced, latest: &[(Place, Time)], now: Time) {
        latest.iter().for_each(|(place, time)| self.watermark.see(place, *time, now));
        self.hand.looked(announced, latest.to_vec());
    }

    /// An object that cannot be read as a whole: its messages are delivered again. After the last try
    /// they are put aside, and what could be read of it counts. Whether it was let go.
    fn fail(
        &mut self,
        announced: &Announced,
        object: &LookedAt,
        now: Time,
        turn: &mut Turn,
    ) -> Result<bool, Broken> {
        let fault = object.fault.clone().unwrap_or_default();
        let ids = self.hand.announcing(announced);
        let most = ids.iter().filter_map(|id| Some(self.hand.message(id)?.deliveries)).max();
        let is_last = !object.passing && most.unwrap_or(u32::MAX) >= self.pace.tries;
        let Some(dead) = self.dead.as_mut().filter(|_| is_last) else {
            return self.try_again(announced, turn).map(|()| true);
        };
        for id in &ids {
            let Some(message) = self.hand.message(id) else { continue };
            let letter = DeadLetter {
                message: id.clone(),
                body: message.body.clone(),
                deliveries: message.deliveries,
                problems: vec![(announced.name.to_string(), fault.clone())],
            };
            dead.put(&letter).map_err(Broken::PuttingAside)?;
            turn.dead += 1;
        }
        self.hand.give_up(announced);
        self.take_in(announced, &object.latest, now);
        Ok(false)
    }

    /// Lets an object go, to have it announced again.
    fn try_again(&mut self, announced: &Announced, turn: &mut Turn) -> Result<(), Broken> {
        let receipts = self.hand.let_go_of(announced);
        let given = self.inbox.give_back(&receipts, false);
        note(turn, given)
    }

    /// Concludes over what has settled.
    fn settle(
        &mut self,
        now: &dyn Fn() -> Time,
        ending: bool,
        turn: &mut Turn,
    ) -> Result<(), Broken> {
        let begun = now();
        if !ending && begun < self.next {
            return Ok(());
        }
        let settled = self.hand.settled(|latest, arrived| {
            ending || self.watermark.has_passed((latest, arrived), self.pace.settle, begun)
        });
        if settled.is_empty() {
            return Ok(());
        }
        // Nothing is heard of them while a conclusion goes on.
        self.keep(self.pace.keep / 8, begun, turn)?;
        let Settled { lines, lost, partly } =
            self.judge.settle(&settled).map_err(Broken::Reading)?;
        self.outbox.write(&lines).map_err(Broken::Telling)?;
        let kept = match lost {
            Some(why) => Err(why),
            None => self.judge.commit(),
        };
        let ended = now();
        let took = ended.0.saturating_sub(begun.0);
        self.next = Time(ended.0.saturating_add(self.pace.every.max(took.saturating_mul(3))));
        match kept {
            Ok(()) => self.not_kept = 0,
            Err(why) => {
                self.not_kept += 1;
                if ending || self.not_kept >= NOT_KEPT {
                    return Err(Broken::State(why));
                }
                turn.not_kept = Some(why);
                return Ok(());
            }
        }
        let mut done = Vec::new();
        for object in &settled {
            if partly.contains(object) && !self.hand.is_given_up(object) {
                turn.faulty += 1;
                self.try_again(object, turn)?;
            } else {
                turn.settled += 1;
                done.extend(self.hand.done(object));
            }
        }
        self.judge.forget(&settled);
        self.done(&done, turn)
    }

    fn done(&mut self, receipts: &[String], turn: &mut Turn) -> Result<(), Broken> {
        if receipts.is_empty() {
            return Ok(());
        }
        turn.done += receipts.len();
        let heard = self.inbox.done(receipts);
        note(turn, heard)
    }
}

/// Notes trouble with the inbox. What it did not hear, it delivers again.
fn note(turn: &mut Turn, heard: Result<(), InboxTrouble>) -> Result<(), Broken> {
    match heard {
        Ok(()) => Ok(()),
        Err(InboxTrouble { message, lasting: true }) => Err(Broken::Inbox(message)),
        Err(InboxTrouble { message, .. }) => {
            turn.trouble = Some(message);
            Ok(())
        }
    }
}
