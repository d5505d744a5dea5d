//! What was found: the tables that reading fills and that concluding empties.
//!
//! ```text
//! key_use    one row a use of a key
//! purpose    how a key was named in a use, and what it was used on
//! entry      the members of an entry of the dictionary, as bytes
//! uses       all uses, with the texts behind them
//! kept       other records that matter later, as their texts
//! fact       which record was read where
//! looked     which records rules looked at
//! counted    what was counted before all is read
//! done       over which uses buckets have decided
//! group      a finding in the making
//! groups     all of them, in bounded memory
//! pack       a finding in the making as bytes
//! gathered   what one finding tells of many keys, resources and principals
//! few        a list of few entries, in order
//! handed     what the next run may get, as rows
//! use_block  uses of keys as bytes, for the next run
//! hours      which hours of each account and Region there are
//! endpoint   calls that were logged twice, by the service and by the endpoint
//! retained   records that the next run needs
//! objects    one row a blob: what the totals sum up
//! issued     credentials, and who made them
//! undoing    calls that may have undone others
//! values     accounts and Regions
//! value_counts   the different values of what a rule is about
//! uuid       event ids in two words
//! touch      one row a KMS record and key, if an inventory of keys is asked for
//! unmet      what should be met, and was not
//! problems   what went wrong
//! ```
//!
//! What must stay true: putting two partial results together is adding them up, in any order, and
//! nothing in them depends on who read what.

pub mod counted;
pub mod done;
pub mod endpoint;
pub mod entry;
pub mod fact;
pub mod few;
pub mod gathered;
pub mod group;
pub mod groups;
pub mod handed;
pub mod hours;
pub mod issued;
pub mod kept;
pub mod key_use;
pub mod looked;
pub mod objects;
pub mod pack;
pub mod problems;
pub mod purpose;
pub mod retained;
pub mod touch;
pub mod undoing;
pub mod unmet;
pub mod use_block;
pub mod uses;
pub mod uuid;
pub mod value_counts;
pub mod values;

use crate::model::coverage::Coverage;
use crate::model::delivery::Deliveries;
use crate::model::memory::Issued;
use crate::model::notes::RunNotes;
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::tags::enriched::EnrichedTags;

use super::plan::Plan;
use super::store::dictionary::Words;
use super::store::hash::HashKey;
use super::store::runs::Rows;
use super::store::texts::Texts;
use counted::Counted;
use done::Done;
use endpoint::Network;
use fact::Fact;
use groups::Groups;
use hours::Hours;
use kept::Kept;
use looked::Looked;
use objects::{Counts, Objects};
use problems::Problems;
use retained::Retained;
use touch::Touches;
use undoing::Undoing;
use unmet::Unmet;
use uses::KeyUses;
use values::Values;

/// What one worker has found so far, or all of them have.
#[derive(Debug)]
pub struct Partial {
    /// Findings in the making.
    pub groups: Groups,
    /// Those that rest on many records, whose records are counted.
    pub found: Groups,
    /// Which record was read where.
    pub facts: Rows<Fact>,
    /// What was counted of records that have no such rows.
    pub counted: Counted,
    /// Calls that were logged twice.
    pub network: Network,
    /// Uses of keys.
    pub uses: KeyUses,
    /// What buckets have decided over those that are not here.
    pub done: Done,
    /// Other records that matter later.
    pub kept: Kept,
    /// What records say of keys, for an inventory.
    pub touches: Touches,
    /// Where trails deliver their log files.
    pub deliveries: Deliveries,
    /// Credentials, and who made them.
    pub issued: Rows<Issued>,
    /// Calls that may have undone others.
    pub undoing: Rows<Undoing>,
    /// Records for the next run.
    pub retained: Retained,
    /// Hours while they are gathered,
    pub hours: Hours,
    /// and when the worker is done.
    pub coverage: Coverage,
    /// What enriched events tell of tags.
    pub enriched: EnrichedTags,
    /// What went wrong.
    pub problems: Problems,
    /// What is to be known of what was read.
    pub notes: RunNotes,
    /// Every blob that was read.
    pub objects: Objects,
    /// Which records rules looked at.
    pub looked: Rows<Looked>,
    /// Every `recipientAccountId`.
    pub accounts: Values,
    /// Every `awsRegion`.
    pub regions: Values,
    /// What should be met, and was not so far.
    pub unmet: Unmet,
}

impl Partial {
    /// Nothing. The number tells workers apart.
    pub fn new(plan: &Plan, key: HashKey, number: u32) -> Partial {
        let late = plan.past.as_ref().map(|past| past.late);
        Partial {
            groups: Groups::new(key, plan.limits.groups),
            found: Groups::new(key, plan.limits.groups),
            facts: Rows::new(plan.limits.facts),
            counted: Counted::new(plan.limits.facts),
            network: Network::new(plan.limits.groups),
            uses: KeyUses::new(plan.limits.uses, key, number),
            done: Done::default(),
            kept: Kept::new(number),
            touches: Touches::new(plan.limits.touches, key),
            deliveries: Deliveries::default(),
            issued: Rows::new(plan.limits.facts),
            undoing: Rows::new(plan.limits.facts),
            retained: Retained::new((late, plan.now.0), plan.limits.retained, number),
            hours: Hours::new(&plan.filter),
            coverage: Coverage::default(),
            enriched: EnrichedTags::new(plan.limits.enriched),
            problems: Problems::new(plan.limits.problems),
            notes: RunNotes::default(),
            objects: Objects::new(plan.limits.facts, plan.names_files),
            looked: Rows::new(plan.limits.facts),
            accounts: Values::default(),
            regions: Values::default(),
            unmet: Unmet::new(&plan.to_meet, key),
        }
    }

    /// Puts away what is gathered while reading.
    pub fn finish(&mut self, plan: &Plan) {
        let hours = std::mem::replace(&mut self.hours, Hours::new(&plan.filter));
        self.coverage.merge(hours.finish());
        // Of rows nothing is said: they have no limit beyond which they would be lost.
        let words = self.uses.words.iter().chain(&self.touches.words);
        let words = words.filter_map(Words::trouble);
        let texts = self.uses.heap.iter().chain(&self.kept.texts).filter_map(Texts::trouble);
        let kept = self.retained.trouble().into_iter().chain(self.groups.trouble());
        let trouble = words.chain(texts).chain(kept).next();
        let told = trouble.map(|error| {
            let message = format!(
                "temporary files cannot be written where TMPDIR says, so memory has to hold what \
                 they would: {error}"
            );
            Problem::new(Origin::blob("*"), Stage::Read, message)
        });
        self.problems.extend(told);
    }

    /// Notes what could not even be listed.
    pub fn add_unlisted(&mut self, problem: Problem) {
        let counts = Counts { failed: true, unlisted: true, ..Counts::default() };
        self.objects.add((&problem.origin.to_string(), None), None, counts);
        self.problems.add(problem);
    }

    /// Adds what another worker has found.
    pub fn merge(&mut self, other: Partial) {
        self.groups.merge(other.groups);
        self.found.merge(other.found);
        self.facts.merge(other.facts);
        self.counted.merge(other.counted);
        self.network.merge(other.network);
        self.uses.merge(other.uses);
        self.done.merge(other.done);
        self.kept.merge(other.kept);
        self.touches.merge(other.touches);
        self.deliveries.merge(other.deliveries);
        self.issued.merge(other.issued);
        self.undoing.merge(other.undoing);
        self.retained.merge(other.retained);
        self.coverage.merge(other.coverage);
        self.looked.merge(other.looked);
        self.enriched.merge(other.enriched);
        self.problems.merge(other.problems);
        self.notes.merge(other.notes);
        self.accounts.merge(other.accounts);
        self.regions.merge(other.regions);
        self.objects.merge(other.objects);
        self.unmet.merge(&other.unmet);
    }
}
