//! Objects that have arrived, as a source that a scan reads.
//!
//! What must stay true: of each object that was asked for, one answer comes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::follow::Announced;
use crate::model::memory::Id;
use crate::model::origin::Origin;
use crate::model::outcome::Passed;
use crate::model::problem::{Problem, Stage};
use crate::model::token::Token;
use crate::source::s3::{Address, Cloud, GONE, Picks, Wanted};
use crate::source::{Blob, Body, Entry, Known, Source};

/// How long a stop may go unseen.
const LOOK_UP: Duration = Duration::from_millis(50);

/// An object that was given to whoever reads.
#[derive(Debug)]
pub struct Handed {
    /// Its name.
    pub name: Arc<str>,
    /// By what the state knows it.
    pub id: Id,
    /// How many bytes it has; 0 on disk.
    pub size: u64,
    /// Its bytes, if they can be given again.
    pub body: Option<Body>,
}

/// What is still to be asked for.
#[derive(Debug)]
enum Asked {
    /// In S3.
    Object(Address),
    /// On disk, or at hand.
    There(Arc<str>, Body, Id),
    /// Nobody can read it.
    Refused(Problem),
}

/// Objects to be read.
#[derive(Debug)]
pub struct Arrivals {
    asked: VecDeque<Asked>,
    picks: Option<Picks>,
    /// What was given.
    pub given: Vec<Handed>,
    /// The names of what earlier runs have read.
    pub known: HashSet<Arc<str>>,
    /// Why an object could not be given, by its name.
    pub refused: HashMap<Arc<str>, Refusal>,
}

/// Why an object could not be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// In words.
    pub why: String,
    /// Whether another try may go well.
    pub passing: bool,
}

impl Arrivals {
    /// These objects. `at_hand` gives what is known of one, if it need not be fetched. In S3 those that are
    /// `known` are not given.
    pub fn new(
        objects: &[Announced],
        cloud: Option<&Arc<Cloud>>,
        known: Option<Known>,
        at_hand: impl Fn(&Announced) -> Option<(Body, Id)>,
    ) -> Arrivals {
        let ask = |object: &Announced| {
            let name = Arc::clone(&object.name);
            if let Some((body, id)) = at_hand(object) {
                return Asked::There(name, body, id);
            }
            match Address::is_meant(&name).then(|| Address::parse(&name)) {
                Some(Ok(address)) if cloud.is_some() => Asked::Object(address),
                Some(Ok(_)) => refused(&name, "S3 cannot be reached"),
                Some(Err(why)) => refused(&name, &why),
                None => {
                    let path = PathBuf::from(&*name);
                    Asked::There(name, Body::File(path), [0; 2])
                }
            }
        };
        let asked: VecDeque<Asked> = objects.iter().map(ask).collect();
        let in_s3 = asked.iter().any(|asked| matches!(asked, Asked::Object(_)));
        let wanted = Wanted { known, tell_known: true, ..Wanted::default() };
        let picks = cloud.filter(|_| in_s3).map(|cloud| cloud.pick(wanted));
        Arrivals { asked, picks, given: Vec::new(), known: HashSet::new(), refused: HashMap::new() }
    }

    /// Notes what is given.
    fn give(&mut self, entry: Entry) -> Entry {
        match &entry {
            Entry::Known(name) => drop(self.known.insert(Arc::clone(name))),
            Entry::Problem(Problem { origin, message, .. }) => {
                let passing = !message.contains(GONE);
                let refused = Refusal { why: message.clone(), passing };
                self.refused.insert(Arc::clone(&origin.blob), refused);
            }
            Entry::Blob(_) => {}
        }
        if let Entry::Blob(Blob { name, body, token: Some(token) }) = &entry {
            let (size, body) = match body {
                Body::Object(object) => (object.size, object.again().map(Body::Object)),
                Body::File(_) => (0, Some(body.clone())),
                _ => (0, None),
            };
            self.given.push(Handed { name: Arc::clone(name), id: token.id(), size, body });
        }
        entry
    }

    /// Asks for as many as may be asked for at once; gives one that need not be.
    fn ask(&mut self) -> Option<Entry> {
        while let Some(next) = self.asked.pop_front() {
            match next {
                Asked::There(name, body, id) => {
                    let token = Some(Token::new(id));
                    return Some(Entry::Blob(Blob { name, body, token }));
                }
                Asked::Refused(problem) => return Some(Entry::Problem(problem)),
                Asked::Object(address) => {
                    let Some(picks) = self.picks.as_mut().filter(|picks| picks.has_room()) else {
                        self.asked.push_front(Asked::Object(address));
                        return None;
                    };
                    if let Some(refused) = picks.ask(address) {
                        return Some(refused);
                    }
                }
            }
        }
        None
    }
}

fn refused(name: &str, why: &str) -> Asked {
    Asked::Refused(Problem::new(Origin::blob(name), Stage::S3, why.to_owned()))
}

impl Source for Arrivals {
    fn next(&mut self, stop: &AtomicBool) -> Option<Entry> {
        loop {
            if let Some(entry) = self.ask() {
                return Some(self.give(entry));
            }
            let picks = self.picks.as_mut()?;
            if picks.is_idle() || stop.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(entry) = picks.wait(LOOK_UP) {
                return Some(self.give(entry));
            }
        }
    }

    fn passed(&self) -> Passed {
        Passed::default()
    }
}
