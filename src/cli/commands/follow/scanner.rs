//! Judges objects with the engine: each at once by the rules over single records, and when it has
//! settled by all rules, together with what the state remembers.
//!
//! The second time is a run of `scan --state` over the objects that have settled. What must stay true:
//! the state that a conclusion leaves is taken up only when it was written; one that could not be written
//! leaves everything as it was.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::admission::SharedAdmission;
use super::arrivals::{Arrivals, Handed};
use super::counts::Counts;
use super::latest::{Latest, ObjectTimes};
use super::said::Said;
use crate::cli::state::Opened;
use crate::cli::ui::Messages;
use crate::engine::{self, Plan, Progress};
use crate::follow::{Announced, Judge, Judged, LookedAt, Settled};
use crate::model::level::Level;
use crate::model::memory::Id;
use crate::model::origin::Origin;
use crate::model::outcome::Outcome;
use crate::model::problem::{Problem, Stage};
use crate::model::suppression::Suppression;
use crate::model::time::Time;
use crate::report::{self, Format, Report, Run, Style};
use crate::source::s3::Cloud;
use crate::source::{Body, archive_of, blob_id};
use crate::triage::Triage;

/// Bytes of objects that are kept until they have settled (256 MiB). Others are fetched again.
const AT_HAND: u64 = 256 << 20;

/// Problems that are remembered, so that they are told once.
const PROBLEMS: usize = 1 << 16;

/// Objects whose bytes or ids are known.
pub type AtHand = Arc<Mutex<HashMap<Announced, (Body, Id)>>>;

/// What follows from the command line and stays the same.
#[derive(Debug)]
pub struct Telling {
    /// What is suppressed.
    pub suppressions: Vec<Suppression>,
    /// What is said on standard error.
    pub said: Said,
    /// The least level that is told.
    pub min_level: Level,
    /// Lines of this format.
    pub format: Format,
    /// What lines of OCSF say of the run.
    pub run: Run,
    /// Where problems go if they are no lines.
    pub messages: Messages,
    /// What the run asks, and the rules that it asks, for the state.
    pub asked: (String, BTreeMap<String, String>),
}

/// Judges with the engine.
pub struct Scanner {
    telling: Telling,
    cloud: Option<Arc<Cloud>>,
    /// Of single records.
    single: Plan,
    /// Of all rules. Its past is what the last conclusion has left.
    all: Plan,
    state: Opened,
    admission: SharedAdmission,
    counts: Arc<Counts>,
    at_hand: AtHand,
    /// Asks to end: what cannot be fetched soon is not waited for.
    stop: Arc<AtomicBool>,
    /// In which turn objects were looked at that have not settled.
    looked: BTreeMap<Announced, u64>,
    /// Bytes that are at hand.
    bytes: u64,
    problems: HashSet<Problem>,
    /// The last conclusion, until it is written.
    open: Option<(Outcome, Vec<Id>)>,
}

impl Scanner {
    /// One that has nothing at hand but what `at_hand` is given.
    pub fn new(
        telling: Telling,
        (single, all): (Plan, Plan),
        (state, cloud): (Opened, Option<Arc<Cloud>>),
        (counts, at_hand): (Arc<Counts>, AtHand),
        stop: Arc<AtomicBool>,
    ) -> Scanner {
        let admission = SharedAdmission::new(telling.min_level);
        let with_desk = |plan: Plan| Plan { admit: Some(admission.admit()), ..plan };
        Scanner {
            single: with_desk(single),
            all: with_desk(all),
            telling,
            cloud,
            state,
            counts,
            at_hand,
            stop,
            looked: BTreeMap::new(),
            bytes: 0,
            problems: HashSet::new(),
            open: None,
            admission,
        }
    }

    fn triage(&self, now: Time) -> Triage {
        let Telling { suppressions, min_level, asked, .. } = &self.telling;
        let triage = Triage::new(suppressions.clone(), None, *min_level, now);
        triage.after(self.state.reported(), asked.1.keys().cloned().collect())
    }

    fn arrivals(&self, objects: &[Announced], settling: bool) -> Arrivals {
        let at_hand = |object: &Announced| {
            let all = self.at_hand.lock().unwrap_or_else(PoisonError::into_inner);
            all.get(object).cloned()
        };
        let known = (!settling).then(|| self.state.known(false));
        Arrivals::new(objects, self.cloud.as_ref(), known, at_hand)
    }

    /// Problems that were not told before, as lines.
    pub fn told(&mut self, problems: &[Problem]) -> Vec<u8> {
        if self.problems.len() > PROBLEMS {
            self.problems.clear();
        }
        let mut lines = Vec::new();
        for problem in problems {
            if self.problems.insert(problem.clone()) {
                lines.extend(self.line(problem));
            }
        }
        lines
    }

    /// Warns of suppressions that have expired since this was last asked.
    pub fn warn_of_expired(&mut self) {
        self.telling.said.expired(Time::now());
    }

    fn line(&self, problem: &Problem) -> Vec<u8> {
        self.counts.problems.inc();
        let mut line = Vec::new();
        match self.telling.format {
            Format::Ndjson => {
                // A vector takes all that is written.
                let _ = report::write_problem(problem, &mut line);
            }
            _ => self.telling.messages.warning(problem),
        }
        line
    }

    /// The findings of a run as lines, and then its problems.
    fn lines(&mut self, outcome: &Outcome) -> io::Result<Vec<u8>> {
        let mut lines = Vec::new();
        let Telling { format, run, .. } = &self.telling;
        report::write(*format, &Report::new(run, outcome), &Style::default(), &mut lines)?;
        lines.extend(self.told(&outcome.problems));
        Ok(lines)
    }

    /// Keeps bytes at hand while there is room.
    fn keep(&mut self, objects: &[Announced], given: &[Handed]) {
        let given: HashMap<&str, &Handed> = given.iter().map(|it| (&*it.name, it)).collect();
        let mut all = self.at_hand.lock().unwrap_or_else(PoisonError::into_inner);
        for object in objects {
            let Some(Handed { id, body: Some(body), .. }) = given.get(&*object.name) else {
                continue;
            };
            let size = size(body);
            if self.bytes.saturating_add(size) <= AT_HAND
                && all.insert(object.clone(), (body.clone(), *id)).is_none()
            {
                self.bytes += size;
            }
        }
    }

    /// Says which objects are not what was announced.
    fn of_replaced(&mut self, objects: &[Announced], given: &BTreeMap<&str, (Id, u64)>) -> Vec<u8> {
        let is_replaced = |object: &&Announced| {
            let Announced { name, etag } = object;
            let read = etag.as_ref().zip(given.get(&**name));
            read.is_some_and(|(etag, (id, size))| {
                blob_id(name, *size, &format!("\"{etag}\"")) != *id
            })
        };
        let message = "was replaced since it arrived: what it held before is not known";
        let problem = |object: &Announced| {
            Problem::new(Origin::blob(Arc::clone(&object.name)), Stage::S3, message)
        };
        let problems: Vec<Problem> = objects.iter().filter(is_replaced).map(problem).collect();
        self.told(&problems)
    }
}

fn size(body: &Body) -> u64 {
    match body {
        Body::Object(object) => object.size,
        _ => 0,
    }
}

/// How an object was read.
fn object(
    announced: &Announced,
    (arrivals, whole, stopped): (&Arrivals, &HashSet<Id>, bool),
    wrong: &HashMap<&str, &str>,
    seen: Option<&ObjectTimes>,
) -> LookedAt {
    let name = &announced.name;
    let refused = arrivals.refused.get(name);
    let mut given = arrivals.given.iter().filter(|given| given.name == *name);
    let is_whole = given.any(|given| whole.contains(&given.id));
    let about = wrong.get(&**name).map(|why| (*why).to_owned());
    let about = refused.map(|refused| refused.why.clone()).or(about);
    let fault = about.or_else(|| (!is_whole).then(|| "not all of it was read".to_owned()));
    let passing = stopped || refused.is_some_and(|refused| refused.passing);
    let latest = seen.into_iter().flat_map(|seen| &seen.latest);
    let latest = latest.map(|(place, time)| (place.clone(), *time)).collect();
    LookedAt { name: Arc::clone(name), latest, passing: passing && fault.is_some(), fault }
}

/// What went wrong with objects as a whole, by name: a record that is none costs itself alone.
fn of_objects(problems: &[Problem]) -> HashMap<&str, &str> {
    let whole = problems
        .iter()
        .filter(|problem| problem.origin.record.is_none() && problem.stage != Stage::Parse);
    let mut all = HashMap::new();
    for problem in whole {
        let blob = &*problem.origin.blob;
        all.entry(blob).or_insert(problem.message.as_str());
        if let Some(archive) = archive_of(blob) {
            all.entry(archive).or_insert(problem.message.as_str());
        }
    }
    all
}

/// What is said of records that lie in the future.
fn of_future(name: &str, seen: &ObjectTimes) -> Option<Problem> {
    let (count, last) = seen.future?;
    let message = format!(
        "{count} records lie in the future, the last at {last}: they do not count for what has settled"
    );
    Some(Problem::new(Origin::blob(name), Stage::Read, message))
}

impl Judge for Scanner {
    fn look(&mut self, objects: &[Announced]) -> io::Result<Judged> {
        let now = Time::now();
        self.single.now = now;
        // What the state knows it knows by hashes under its own key.
        let seed = self.all.past.as_ref().map(|past| past.memory.seed);
        self.single.seed = seed.filter(|seed| *seed != 0);
        self.admission.begin(self.triage(now), false);
        let mut arrivals = self.arrivals(objects, false);
        let (progress, stop) = (Progress::default(), &self.stop);
        let gathered =
            engine::scan_and_gather(&mut arrivals, &self.single, &progress, stop, || {
                Latest::new(now)
            });
        let (mut outcome, parts) = gathered?;
        let (tally, _) = self.admission.end(&mut outcome);
        let mut lines = self.lines(&outcome)?;
        let whole: HashSet<Id> = outcome.read.iter().map(|token| token.id()).collect();
        let given = arrivals.given.iter().map(|given| (&*given.name, (given.id, given.size)));
        let given: BTreeMap<&str, (Id, u64)> = given.collect();
        lines.extend(self.of_replaced(objects, &given));
        let names: HashSet<&Arc<str>> = objects.iter().map(|object| &object.name).collect();
        let mut seen: HashMap<Arc<str>, ObjectTimes> = HashMap::new();
        for (name, one) in Latest::of(parts) {
            lines.extend(self.told(of_future(&name, &one).as_slice()));
            let archive = archive_of(&name).filter(|_| !names.contains(&name)).map(Arc::from);
            seen.entry(archive.unwrap_or(name)).or_default().merge(one);
        }
        let wrong = of_objects(&outcome.problems);
        let stopped = self.stop.load(Ordering::Relaxed);
        let new = objects.iter().filter(|object| !arrivals.known.contains(&object.name));
        let judged = new.clone().map(|announced| {
            let how = (&arrivals, &whole, stopped);
            object(announced, how, &wrong, seen.get(&announced.name))
        });
        let judged: Vec<LookedAt> = judged.collect();
        let turn = self.admission.turn();
        self.looked.extend(new.map(|object| (object.clone(), turn)));
        self.counts.looked(&outcome, &tally, judged.len());
        self.keep(objects, &arrivals.given);
        Ok(Judged { lines, objects: judged })
    }

    fn settle(&mut self, objects: &[Announced]) -> io::Result<Settled> {
        let now = Time::now();
        self.all.now = now;
        self.admission.begin(self.triage(now), true);
        let mut arrivals = self.arrivals(objects, true);
        let (progress, stop) = (Progress::default(), AtomicBool::new(false));
        let mut outcome = engine::scan(&mut arrivals, &self.all, None, &progress, &stop)?;
        let (tally, found) = self.admission.end(&mut outcome);
        let lines = self.lines(&outcome)?;
        self.telling.said.notes(&outcome.notes);
        let whole: HashSet<Id> = outcome.read.iter().map(|token| token.id()).collect();
        let read = arrivals.given.iter().filter(|given| whole.contains(&given.id));
        let read: HashSet<&str> = read.map(|given| &*given.name).collect();
        let partly: BTreeSet<Announced> =
            objects.iter().filter(|object| !read.contains(&*object.name)).cloned().collect();
        self.counts.concluded(&outcome, &tally);
        let lost = outcome
            .memory
            .is_none()
            .then(|| "something that was read is missing from what was concluded".to_owned());
        self.open = Some((outcome, found));
        Ok(Settled { lines, partly, lost })
    }

    fn commit(&mut self) -> Result<(), String> {
        let Some((mut outcome, found)) = self.open.take() else { return Ok(()) };
        self.state.put(self.telling.asked.clone(), &mut outcome, found)?;
        let mut memory = std::mem::take(&mut self.state.state.memory);
        self.all.coverage = std::mem::take(&mut memory.coverage);
        if let Some(past) = &mut self.all.past {
            past.memory = memory;
        }
        Ok(())
    }

    fn problem(&mut self, about: &str, message: &str) -> Vec<u8> {
        self.told(&[Problem::new(Origin::blob(about), Stage::Read, message)])
    }

    fn forget(&mut self, objects: &[Announced]) {
        let mut all = self.at_hand.lock().unwrap_or_else(PoisonError::into_inner);
        for object in objects {
            self.looked.remove(object);
            if let Some((body, _)) = all.remove(object) {
                self.bytes -= size(&body).min(self.bytes);
            }
        }
        let oldest = self.looked.values().min().copied();
        self.admission.forget_before(oldest.unwrap_or(u64::MAX));
    }
}
