//! What was found: the tables that reading fills and that concluding empties.
//!
//! ```text
//! key_use    one row a use of a key
//! uses       all uses, with the texts behind them
//! kept       other records that matter later, as their texts
//! fact       which record was read where
//! group      findings in the making
//! hours      which hours of each account and Region there are
//! endpoint   calls that were logged twice, by the service and by the endpoint
//! retained   records that the next run needs
//! input      blobs, accounts, Regions: what the totals say
//! problems   what went wrong
//! ```
//!
//! What must stay true: putting two partial results together is adding them up, in any order, and
//! nothing in them depends on who read what.

pub mod endpoint;
pub mod fact;
pub mod group;
pub mod hours;
pub mod input;
pub mod kept;
pub mod key_use;
pub mod problems;
pub mod retained;
pub mod uses;

use crate::model::coverage::Coverage;
use crate::model::outcome::Totals;

use super::plan::Plan;
use super::store::hash::HashKey;
use super::store::runs::Rows;
use endpoint::Network;
use fact::Fact;
use group::Groups;
use hours::Hours;
use input::{Manifest, Values};
use kept::Kept;
use problems::Problems;
use retained::Retained;
use uses::KeyUses;

/// What one worker has found so far, or all of them have.
#[derive(Debug)]
pub struct Partial {
    /// Findings in the making.
    pub groups: Groups,
    /// Which record was read where.
    pub facts: Rows<Fact>,
    /// Calls that were logged twice.
    pub network: Network,
    /// Uses of keys.
    pub uses: KeyUses,
    /// Other records that matter later.
    pub kept: Kept,
    /// Records for the next run.
    pub retained: Retained,
    /// Hours while they are gathered,
    pub hours: Hours,
    /// and when the worker is done.
    pub coverage: Coverage,
    /// What went wrong.
    pub problems: Problems,
    /// Counts over everything that was read.
    pub totals: Totals,
    /// Every `recipientAccountId`.
    pub accounts: Values,
    /// Every `awsRegion`.
    pub regions: Values,
    /// A digest of the input.
    pub manifest: Manifest,
}

impl Partial {
    /// Nothing. The number tells workers apart.
    pub fn new(plan: &Plan, key: HashKey, number: u32) -> Partial {
        let late = plan.past.as_ref().map(|past| past.late);
        Partial {
            groups: Groups::default(),
            facts: Rows::new(plan.limits.facts),
            network: Network::default(),
            uses: KeyUses::new(plan.limits.uses, key, number),
            kept: Kept::new(number),
            retained: Retained::new(late, plan.tomorrow(), number),
            hours: Hours::new(&plan.filter),
            coverage: Coverage::default(),
            problems: Problems::new(plan.limits.problems),
            totals: Totals::default(),
            accounts: Values::default(),
            regions: Values::default(),
            manifest: Manifest::default(),
        }
    }

    /// Puts away what is gathered while reading.
    pub fn finish(&mut self, plan: &Plan) {
        let hours = std::mem::replace(&mut self.hours, Hours::new(&plan.filter));
        self.coverage.merge(hours.finish());
    }

    /// Adds what another worker has found.
    pub fn merge(&mut self, other: Partial) {
        self.groups.merge(other.groups);
        self.facts.merge(other.facts);
        self.network.merge(other.network);
        self.uses.merge(other.uses);
        self.kept.merge(other.kept);
        self.retained.merge(other.retained);
        self.coverage.merge(other.coverage);
        self.problems.merge(other.problems);
        self.accounts.merge(other.accounts);
        self.regions.merge(other.regions);
        self.manifest.merge(&other.manifest);
        let (mine, theirs) = (&mut self.totals, other.totals);
        mine.blobs += theirs.blobs;
        mine.blobs_failed += theirs.blobs_failed;
        mine.blobs_other += theirs.blobs_other;
        mine.bytes_read += theirs.bytes_read;
        mine.bytes_inflated += theirs.bytes_inflated;
        mine.records += theirs.records;
        mine.records_bad += theirs.records_bad;
        mine.kms_records += theirs.kms_records;
        mine.first_event = [mine.first_event, theirs.first_event].into_iter().flatten().min();
        mine.last_event = mine.last_event.max(theirs.last_event);
    }
}
