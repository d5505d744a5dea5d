//! What holds for a whole run and never changes while it goes on: the plan, and what follows from
//! its rules.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::detect::stateful::{Correlation, Kind, RECORD_DAYS, USE_DAYS, Uses, Verdict};
use crate::detect::{ADJUSTS, Feed, KNOWN, Over, Stateful};

use super::plan::{Plan, Progress};
use super::store::dictionary::Sym;
use super::store::hash::HashKey;
use super::store::names::Names;

/// A day in microseconds.
const DAY: i64 = 86_400_000_000;

/// How long what is known of tags and of names is handed on from run to run; microseconds.
pub const TAGS_REACH: i64 = RECORD_DAYS as i64 * DAY;

/// The field that tells what a call was about.
const SUBJECT: &str = "keytrail.subject";

/// What every room of the engine may look up.
pub struct Context<'a> {
    pub plan: &'a Plan,
    /// The rules over many records, each after those that feed it.
    pub over: Vec<Stateful<'a>>,
    /// Whether anybody wants to know who used which key.
    pub wants_uses: bool,
    /// Whether any rule compares tags.
    pub compares: bool,
    pub key: HashKey,
    pub names: Names,
    pub progress: &'a Progress,
    /// Set when the run is to stop; `None` while it is read, which stops by itself, and if it was
    /// stopped then: what was read until then is worth a whole conclusion.
    pub stop: Option<&'a AtomicBool>,
    /// How much later than a record one may come that needs it, by stateful rule; microseconds.
    pub reaches: Vec<i64>,
    /// How much later than a use; microseconds.
    pub use_reach: i64,
    /// Of each stateful rule, whether a use's row tells all that it asks of a match.
    by_row: Vec<bool>,
    /// Of each rule, what becomes of its matches.
    fates: Vec<Fate>,
    /// Keys over whose uses a bucket has decided what does not hold.
    refuted: Mutex<BTreeSet<Sym>>,
    is_refuted: AtomicBool,
}

/// What becomes of the matches of a rule, beside findings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fate {
    /// A correlation that is decided over rows looks at them.
    pub row: bool,
    /// A correlation that is decided over texts of records does.
    pub text: bool,
}

impl<'a> Context<'a> {
    pub fn new(plan: &'a Plan, progress: &'a Progress) -> Context<'a> {
        let over: Vec<_> = plan.rules.stateful().collect();
        let by_row: Vec<bool> = over.iter().map(is_by_row).collect();
        let rules = 0..plan.rules.metas().len();
        Context {
            plan,
            wants_uses: plan.lists_uses || over.iter().any(wants_uses) || by_row.contains(&true),
            compares: plan.rules.compares_tags(),
            key: match (&plan.past, plan.seed) {
                (Some(past), _) if past.memory.seed != 0 => HashKey::of_seed(past.memory.seed),
                (_, Some(seed)) => HashKey::of_seed(seed),
                _ => HashKey::random(plan.now.0.cast_unsigned()),
            },
            names: Names::default(),
            progress,
            stop: None,
            reaches: reaches(plan, &over),
            use_reach: over.iter().map(use_reach).max().unwrap_or_default(),
            fates: rules.map(|rule| fate(plan, &by_row, rule)).collect(),
            by_row,
            over,
            refuted: Mutex::default(),
            is_refuted: AtomicBool::new(false),
        }
    }

    /// Whether the run is to stop, though not all is concluded.
    pub fn is_to_stop(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// To be asked by every loop that may take long.
    ///
    /// # Errors
    /// When the run is to stop, or to begin anew.
    pub fn go_on(&self) -> io::Result<()> {
        if self.is_refuted.load(Ordering::Relaxed) {
            return Err(io::Error::other("what a bucket has decided does not hold"));
        }
        if self.is_to_stop() { Err(io::Error::other("stopped by a signal")) } else { Ok(()) }
    }

    /// Says that what a bucket has decided over the uses of a key does not hold: nothing needs to go on.
    pub fn refute(&self, key: Sym) {
        self.refuted.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        self.is_refuted.store(true, Ordering::Relaxed);
    }

    /// The keys of which that was said.
    pub fn refuted(&self) -> BTreeSet<Sym> {
        self.refuted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A stateful rule by its number.
    pub fn over(&self, number: u32) -> Option<&Stateful<'a>> {
        self.over.get(number as usize)
    }

    /// A correlation by its number.
    pub fn correlation(&self, number: u32) -> Option<&'a Correlation> {
        match self.over(number)?.code {
            Over::Correlation(correlation) => Some(correlation),
            Over::History(_) => None,
        }
    }

    /// Whether a stateful rule is decided over rows where a match is a use.
    pub fn is_by_row(&self, number: u32) -> bool {
        self.by_row.get(number as usize).is_some_and(|by_row| *by_row)
    }

    /// The correlations that look at the rows of uses that a rule matches, and at which step.
    pub fn feeds_by_row(&self, rule: usize) -> impl Iterator<Item = (Feed, &'a Correlation)> {
        let feeds = self.plan.rules.feeds(rule).iter().filter(|feed| feed.step != ADJUSTS);
        let by_row = feeds.filter(|feed| self.is_by_row(feed.stateful));
        by_row.filter_map(|feed| Some((*feed, self.correlation(feed.stateful)?)))
    }

    /// What becomes of the matches of a rule.
    pub fn fate(&self, rule: usize) -> Fate {
        self.fates.get(rule).copied().unwrap_or_default()
    }
}

fn wants_uses(rule: &Stateful<'_>) -> bool {
    matches!(rule.code, Over::History(history) if !matches!(history.uses(), Uses::None))
}

/// How much later than a use a record may come that a rule needs it for; microseconds.
fn use_reach(rule: &Stateful<'_>) -> i64 {
    match rule.code {
        Over::History(history) if !matches!(history.uses(), Uses::None) => {
            i64::from(history.use_days()) * DAY
        }
        // Tags of a pair that was used may be delivered later.
        _ => i64::from(USE_DAYS) * DAY,
    }
}

/// Whether the row of a use tells all that a correlation asks of a match.
fn is_by_row(rule: &Stateful<'_>) -> bool {
    let Over::Correlation(correlation) = rule.code else { return false };
    let by_row = correlation.by.iter().all(|by| by.of.is_empty() && KNOWN.contains(&&*by.name));
    let counts = match &correlation.kind {
        Kind::ValueCount(_, fields) => matches!(fields.as_slice(), [field] if field == SUBJECT),
        Kind::EventCount(_) | Kind::Temporal(_) | Kind::TemporalOrdered => true,
    };
    // Which finding of a single record is raised, its text alone tells.
    by_row && counts && !matches!(correlation.verdict, Verdict::Raises(_))
}

fn fate(plan: &Plan, by_row: &[bool], rule: usize) -> Fate {
    let mut fate = Fate::default();
    for feed in plan.rules.feeds(rule).iter().filter(|feed| feed.step != ADJUSTS) {
        match by_row.get(feed.stateful as usize) {
            Some(true) => fate.row = true,
            _ => fate.text = true,
        }
    }
    fate
}

/// How far each stateful rule's notes reach: over its window, and the windows of the rules that look
/// at what it finds. A history says how far its own reach.
fn reaches(plan: &Plan, over: &[Stateful<'_>]) -> Vec<i64> {
    let mut reaches = vec![0; over.len()];
    // Rules come before those that look at them, so that from the end all of these are known.
    for (number, rule) in over.iter().enumerate().rev() {
        let feeds = plan.rules.feeds(rule.about).iter().filter(|feed| feed.step != ADJUSTS);
        let further = feeds.filter_map(|feed| reaches.get(feed.stateful as usize)).max();
        let further: i64 = further.copied().unwrap_or_default();
        reaches[number] = match rule.code {
            Over::History(history) => i64::from(history.days()) * DAY,
            Over::Correlation(correlation) => correlation.span.saturating_add(further),
        };
    }
    reaches
}
