//! Where a follower hears of objects: a queue, a listing that is made again and again, or standard input.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::scanner::AtHand;
use super::stream::OfStream;
use crate::follow::{Announced, Content, Delivery, Inbox, InboxTrouble};
use crate::model::memory::Id;
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::source::queue::{self, Arrived, Message, Notice, Queue};
use crate::source::{Blob, Body, Entry, Known, Listing, Reach, Source, Sources};

/// How long a queue is asked for a message that is not there yet. A signal waits for it.
const WAIT: Duration = Duration::from_secs(5);

/// The same for one that ends when there is none.
const SHORTLY: Duration = Duration::from_secs(1);

/// How long a message is left alone before it is tried again.
const LATER: Duration = Duration::from_secs(30);

/// What is kept of the text of a message (16 KiB).
const BODY: usize = 16 << 10;

/// How often a wait looks whether it is to end.
const LOOK_UP: Duration = Duration::from_millis(50);

/// A queue of SQS.
#[derive(Debug)]
pub struct OfQueue {
    pub queue: Queue,
    /// For how long messages are kept from others.
    pub keep: Duration,
    pub stop: Arc<AtomicBool>,
    /// How long to wait for a message that is not there yet.
    pub wait: Duration,
    /// Buckets that may be read; any if there are none.
    pub buckets: Vec<String>,
}

impl OfQueue {
    /// One that waits for messages; with `drain` not for long, since it ends when there are none.
    pub fn new(
        (queue, buckets): (Queue, Vec<String>),
        keep: Duration,
        stop: Arc<AtomicBool>,
        drain: bool,
    ) -> OfQueue {
        OfQueue { queue, keep, stop, wait: if drain { SHORTLY } else { WAIT }, buckets }
    }
}

impl Inbox for OfQueue {
    fn receive(&mut self, most: usize) -> Result<Vec<Delivery>, InboxTrouble> {
        let wait = if self.stop.load(Ordering::Relaxed) { Duration::ZERO } else { self.wait };
        let messages = self.queue.receive(most, wait, self.keep).map_err(trouble)?;
        Ok(messages.into_iter().map(|message| delivery(message, &self.buckets)).collect())
    }

    fn keep(&mut self, receipts: &[String]) -> Result<(), InboxTrouble> {
        self.queue.keep(receipts, self.keep).map_err(trouble)
    }

    fn give_back(&mut self, receipts: &[String], at_once: bool) -> Result<(), InboxTrouble> {
        let later = if at_once { Duration::ZERO } else { LATER };
        self.queue.keep(receipts, later).map_err(trouble)
    }

    fn done(&mut self, receipts: &[String]) -> Result<(), InboxTrouble> {
        self.queue.delete(receipts).map_err(trouble)
    }
}

fn trouble(trouble: queue::QueueTrouble) -> InboxTrouble {
    InboxTrouble { message: trouble.message, lasting: trouble.lasting }
}

fn delivery(message: Message, buckets: &[String]) -> Delivery {
    let Message { id, receipt, deliveries, sent, body } = message;
    let announced = |Arrived { bucket, key, etag }| Announced {
        name: format!("s3://{bucket}/{key}").into(),
        etag: etag.map(Arc::from),
    };
    let content = match queue::read(&body) {
        Notice::Arrived(all) => match not_allowed(&all, buckets) {
            Some(why) => Content::Odd(why),
            None => Content::Objects(all.into_iter().map(announced).collect()),
        },
        Notice::Nothing(why) => Content::Nothing(why.to_owned()),
        Notice::Odd(why) => Content::Odd(why),
    };
    let body = shortened(body);
    let sent = sent.and_then(|millis| i64::try_from(millis).ok()?.checked_mul(1000)).map(Time);
    Delivery { id, receipt, deliveries, sent, body, content }
}

/// Why nothing of what has arrived may be read.
fn not_allowed(all: &[Arrived], buckets: &[String]) -> Option<String> {
    let other = all.iter().find(|arrived| !buckets.contains(&arrived.bucket))?;
    let is_any = buckets.is_empty();
    (!is_any).then(|| format!("names the bucket {:?}, which --bucket does not allow", other.bucket))
}

/// A text that is kept for people: no more of it than they read.
fn shortened(mut body: String) -> String {
    let most = body.floor_char_boundary(BODY);
    if most < body.len() {
        body.truncate(most);
        body.push_str(" [cut off]");
        body.shrink_to_fit();
    }
    body
}

/// Sources that are listed again and again.
#[derive(Debug)]
pub struct OfListing {
    sources: Sources,
    reach: Reach,
    /// Files that the follower writes: they are no logs.
    own: Vec<PathBuf>,
    every: Duration,
    stop: Arc<AtomicBool>,
    at_hand: AtHand,
    /// What was delivered and is not done, by name. Another version of it waits until it is.
    in_hand: HashMap<Arc<str>, Id>,
    /// How often what could not be read was delivered, and when it was given back.
    tries: HashMap<Arc<str>, (u32, Option<Instant>)>,
    /// Whether what could not be read is left alone: nothing is waited for.
    drain: bool,
    /// A listing that goes on.
    listing: Option<Listing>,
    /// What was done since the follower began.
    done: Arc<Mutex<HashSet<Id>>>,
    /// When it was last listed.
    listed: Option<Instant>,
    /// What could not be listed.
    pub problems: Vec<Problem>,
}

impl OfListing {
    /// One that lists `sources` so often. `reach` knows what earlier runs have read.
    pub fn new(
        (sources, mut reach): (Sources, Reach),
        (every, own): (Duration, Vec<PathBuf>),
        stop: Arc<AtomicBool>,
        (at_hand, drain): (AtHand, bool),
    ) -> OfListing {
        let done: Arc<Mutex<HashSet<Id>>> = Arc::default();
        let (before, since) = (reach.wanted.known.take(), Arc::clone(&done));
        reach.wanted.known = Some(Known::new(move |id| {
            let is_before = before.as_ref().is_some_and(|before| before.has(id));
            is_before || since.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
        }));
        OfListing {
            sources,
            reach,
            own,
            every,
            stop,
            at_hand,
            in_hand: HashMap::new(),
            tries: HashMap::new(),
            drain,
            listing: None,
            done,
            listed: None,
            problems: Vec::new(),
        }
    }

    /// Waits until it is time to list again.
    fn wait(&mut self) {
        let is_early = |listed: &Instant| listed.elapsed() < self.every;
        while self.listed.as_ref().is_some_and(is_early) && !self.stop.load(Ordering::Relaxed) {
            thread::sleep(LOOK_UP.min(self.every));
        }
        self.listed = Some(Instant::now());
    }

    /// Begins to list.
    fn list(&mut self) -> Result<Listing, InboxTrouble> {
        self.wait();
        let mut listing = Listing::of(&self.sources, self.reach.clone()).map_err(|wrong| {
            let message: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            InboxTrouble { message: message.join("; "), lasting: false }
        })?;
        self.own.iter().for_each(|path| listing.leave_out(path));
        Ok(listing)
    }

    fn deliver(&mut self, Blob { name, body, token }: Blob) -> Option<Delivery> {
        let Some(id) = token.map(|token| token.id()) else {
            let message = "is no regular file, which cannot be followed: it can be read only once";
            self.problems.push(Problem::new(Origin::blob(name), Stage::Read, message));
            return None;
        };
        if self.in_hand.contains_key(&name) {
            return None;
        }
        let (tries, given_back) = self.tries.entry(Arc::clone(&name)).or_default();
        if given_back.is_some_and(|at| self.drain || at.elapsed() < LATER) {
            return None;
        }
        *tries += 1;
        let deliveries = *tries;
        self.in_hand.insert(Arc::clone(&name), id);
        let object = Announced { name: Arc::clone(&name), etag: None };
        if matches!(body, Body::File(_)) {
            let mut all = self.at_hand.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(object.clone(), (body, id));
        }
        let text = name.to_string();
        Some(Delivery {
            id: text.clone(),
            receipt: text.clone(),
            deliveries,
            sent: None,
            body: text,
            content: Content::Objects(vec![object]),
        })
    }
}

impl Inbox for OfListing {
    fn receive(&mut self, most: usize) -> Result<Vec<Delivery>, InboxTrouble> {
        let mut listing = match self.listing.take() {
            Some(listing) => listing,
            None => self.list()?,
        };
        let mut deliveries = Vec::new();
        while deliveries.len() < most {
            match listing.next(&self.stop) {
                None => return Ok(deliveries),
                Some(Entry::Known(_)) => {}
                Some(Entry::Problem(problem)) => self.problems.push(problem),
                Some(Entry::Blob(blob)) => deliveries.extend(self.deliver(blob)),
            }
        }
        self.listing = Some(listing);
        Ok(deliveries)
    }

    fn keep(&mut self, _: &[String]) -> Result<(), InboxTrouble> {
        Ok(())
    }

    fn give_back(&mut self, receipts: &[String], _: bool) -> Result<(), InboxTrouble> {
        for name in receipts {
            self.in_hand.remove(name.as_str());
            if let Some((_, given_back)) = self.tries.get_mut(name.as_str()) {
                *given_back = Some(Instant::now());
            }
        }
        Ok(())
    }

    fn done(&mut self, receipts: &[String]) -> Result<(), InboxTrouble> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        for name in receipts {
            self.tries.remove(name.as_str());
            done.extend(self.in_hand.remove(name.as_str()));
        }
        Ok(())
    }
}

/// A queue, a listing or standard input.
#[derive(Debug)]
pub enum AnyInbox {
    /// A queue.
    Queue(OfQueue),
    /// A listing.
    Listing(Box<OfListing>),
    /// Standard input.
    Stream(Box<OfStream>),
}

impl AnyInbox {
    fn inner(&mut self) -> &mut dyn Inbox {
        match self {
            AnyInbox::Queue(queue) => queue,
            AnyInbox::Listing(listing) => &mut **listing,
            AnyInbox::Stream(stream) => &mut **stream,
        }
    }

    /// Whether it is standard input.
    pub fn is_stream(&self) -> bool {
        matches!(self, AnyInbox::Stream(_))
    }

    /// Whether nothing can arrive any more.
    pub fn is_over(&self) -> bool {
        matches!(self, AnyInbox::Stream(stream) if stream.is_over())
    }

    /// Why nothing can arrive any more, if more should have.
    pub fn failed(&self) -> Option<&str> {
        match self {
            AnyInbox::Stream(stream) => stream.failed.as_deref(),
            AnyInbox::Queue(_) | AnyInbox::Listing(_) => None,
        }
    }

    /// What could not be listed since it was last asked.
    pub fn take_problems(&mut self) -> Vec<Problem> {
        match self {
            AnyInbox::Queue(_) | AnyInbox::Stream(_) => Vec::new(),
            AnyInbox::Listing(listing) => std::mem::take(&mut listing.problems),
        }
    }
}

impl Inbox for AnyInbox {
    fn receive(&mut self, most: usize) -> Result<Vec<Delivery>, InboxTrouble> {
        self.inner().receive(most)
    }

    fn keep(&mut self, receipts: &[String]) -> Result<(), InboxTrouble> {
        self.inner().keep(receipts)
    }

    fn give_back(&mut self, receipts: &[String], at_once: bool) -> Result<(), InboxTrouble> {
        self.inner().give_back(receipts, at_once)
    }

    fn done(&mut self, receipts: &[String]) -> Result<(), InboxTrouble> {
        self.inner().done(receipts)
    }
}
