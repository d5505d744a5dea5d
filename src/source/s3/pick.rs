//! Objects that were named one by one, of any bucket: each costs one request, and nothing is listed.
//!
//! Keys wait in a bounded queue, and many are asked for at once. What must stay true: whoever asks for
//! an object gets one answer, whatever happens to it, so that waiting for all of them ends.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Receiver as Queue, Sender as Asking, channel};

use super::address::Address;
use super::cloud::Cloud;
use super::explore::Listed;
use super::fetch::{Fetcher, Picked, room};
use super::wanted::{Seen, Wanted};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::source::entry::Entry;
use crate::source::layout::{self, Folder};

/// Objects that are asked for and not yet given out.
const AHEAD: usize = 1024;

/// Objects on their way.
#[derive(Debug)]
pub struct Picks {
    asking: Asking<Address>,
    /// `None` for what is passed over.
    answers: Receiver<Option<Entry>>,
    /// How many answers are to come.
    due: usize,
    seen: Arc<Seen>,
    /// Kept alive as long as objects come.
    _cloud: Arc<Cloud>,
}

impl Cloud {
    /// Begins to fetch objects as they are asked for.
    pub fn pick(self: &Arc<Cloud>, wanted: Wanted) -> Picks {
        let (asking, queue) = channel(AHEAD);
        let (answer, answers) = mpsc::channel();
        let seen = Arc::new(Seen::default());
        let picker = Arc::new(Picker {
            cloud: Arc::downgrade(self),
            wanted,
            room: room(),
            seen: Arc::clone(&seen),
            fetchers: std::sync::Mutex::default(),
        });
        let queue = Arc::new(tokio::sync::Mutex::new(queue));
        for _ in 0..self.access.concurrency.max(1) {
            self.start(Arc::clone(&picker).run(Arc::clone(&queue), answer.clone()));
        }
        Picks { asking, answers, due: 0, seen, _cloud: Arc::clone(self) }
    }
}

impl Picks {
    /// Asks for the object at an address, whose prefix is its key. A problem if nobody is there to ask.
    pub fn ask(&mut self, address: Address) -> Option<Entry> {
        let origin = Origin::blob(address.to_string());
        match self.asking.try_send(address) {
            Ok(()) => {
                self.due += 1;
                None
            }
            Err(error) => {
                let message = format!("cannot be asked for: {error}");
                Some(Entry::Problem(Problem::new(origin, Stage::S3, message)))
            }
        }
    }

    /// Whether one more can be asked for.
    pub fn has_room(&self) -> bool {
        self.due < AHEAD
    }

    /// Whether nothing is on its way.
    pub fn is_idle(&self) -> bool {
        self.due == 0
    }

    /// An object that is there.
    pub fn ready(&mut self) -> Option<Entry> {
        loop {
            match self.answers.try_recv() {
                Ok(answer) => {
                    self.due = self.due.saturating_sub(1);
                    if answer.is_some() {
                        return answer;
                    }
                }
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => {
                    self.due = 0;
                    return None;
                }
            }
        }
    }

    /// Waits so long for an object; `None` also for one that is passed over.
    pub fn wait(&mut self, limit: Duration) -> Option<Entry> {
        let answer = self.answers.recv_timeout(limit).ok()?;
        self.due = self.due.saturating_sub(1);
        answer
    }

    /// What was asked and seen so far.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }
}

/// Fetches what is asked for.
struct Picker {
    /// Whoever waits for objects keeps it alive.
    cloud: Weak<Cloud>,
    wanted: Wanted,
    room: Arc<Semaphore>,
    seen: Arc<Seen>,
    /// By bucket.
    fetchers: std::sync::Mutex<HashMap<String, Arc<Fetcher>>>,
}

impl Picker {
    async fn run(
        self: Arc<Picker>,
        queue: Arc<tokio::sync::Mutex<Queue<Address>>>,
        answers: mpsc::Sender<Option<Entry>>,
    ) {
        loop {
            let next = queue.lock().await.recv().await;
            let Some(address) = next else { return };
            let origin = Origin::blob(address.to_string());
            // A task of its own, so that one that fails has an answer too.
            let answer = tokio::spawn(Arc::clone(&self).pick(address)).await;
            let failed = |error: tokio::task::JoinError| {
                Some(Entry::Problem(Problem::new(origin, Stage::S3, error.to_string())))
            };
            if answers.send(answer.unwrap_or_else(failed)).is_err() {
                return;
            }
        }
    }

    /// The object at an address; `None` if it is passed over.
    async fn pick(self: Arc<Picker>, address: Address) -> Option<Entry> {
        let key = &address.prefix;
        let folder = key.rfind('/').map_or("", |at| &key[..=at]);
        self.seen.folder(folder);
        let root = match layout::folder(folder) {
            Folder::Region { root, .. } => Some(root),
            _ => None,
        };
        let below = root.and_then(|root| key.get(root..)).unwrap_or_default();
        if !self.wanted.days.has(below) {
            self.seen.pass_day(key, root);
            self.seen.outside.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let fetcher = match self.fetcher(&address).await? {
            Ok(fetcher) => fetcher,
            Err(message) => {
                let origin = Origin::blob(address.to_string());
                return Some(Entry::Problem(Problem::new(origin, Stage::S3, message)));
            }
        };
        let known = self.wanted.known.as_ref();
        let is_known = |listed: &Listed| known.is_some_and(|known| known.has(listed.id));
        match fetcher.pick(address.prefix.clone(), is_known, self.wanted.absent).await {
            Picked::Entry(entry) => Some(entry),
            Picked::Known(listed) => {
                self.seen.known.fetch_add(1, Ordering::Relaxed);
                let name = address.of(&listed.key);
                self.wanted.tell_known.then(|| Entry::Known(name.into()))
            }
        }
    }

    /// The one that fetches from a bucket, or why nobody can; `None` if nobody waits for objects any
    /// more.
    async fn fetcher(&self, address: &Address) -> Option<Result<Arc<Fetcher>, String>> {
        let fetchers = || self.fetchers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = fetchers().get(&address.bucket) {
            return Some(Ok(Arc::clone(known)));
        }
        let cloud = self.cloud.upgrade()?;
        let client = match cloud.client(address).await {
            Ok(client) => client,
            Err(refused) => return Some(Err(refused.message)),
        };
        let pays = cloud.access.requester_pays;
        let terms = (Arc::clone(&self.room), self.wanted.names_only);
        let fetcher = Arc::new(Fetcher::new(client, address.clone(), pays, terms));
        Some(Ok(Arc::clone(fetchers().entry(address.bucket.clone()).or_insert(fetcher))))
    }
}
