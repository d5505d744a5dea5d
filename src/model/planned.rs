//! What a plan says: which objects are to be read, in which shards, and what every step of a large scan has
//! in common.
//!
//! Plain data, which is written once and read by every machine. What must stay true: whoever has read it
//! knows whether it is whole; two plans have different ids.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::origin::Origin;
use super::outcome::Passed;
use super::path_names::PathNames;
use super::problem::{Problem, Stage};
use super::time::Time;

/// What a plan calls itself.
pub const SCHEMA: &str = "keytrail.plan/v1";

/// A plan: `plan.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Planned {
    /// `keytrail.plan/v1`.
    pub schema: String,
    /// The version of keytrail that made it.
    pub version: String,
    /// When it was made. It is the present of every step.
    pub created: Time,
    /// A random number of 64 bits, as 16 hexadecimal digits: the key of hashes of this dataset.
    pub seed: String,
    /// Only events at or after this time.
    pub since: Option<Time>,
    /// Only events before this time.
    pub until: Option<Time>,
    /// Only events of these accounts, when there are any.
    pub accounts: Vec<String>,
    /// Only events of these Regions, when there are any.
    pub regions: Vec<String>,
    /// The sources as typed.
    pub sources: Vec<String>,
    /// The inventories that stood for a listing, as typed.
    pub inventories: Vec<String>,
    /// Where relative names of files begin: the working directory in which the plan was made.
    pub folder: Option<String>,
    /// How many objects there are.
    pub objects: u64,
    /// How many bytes they have, as stored.
    pub bytes: u64,
    /// How many shards there are. They have the numbers from 0 on.
    pub shards: u64,
    /// How many buckets there are. They have the numbers from 0 on.
    pub buckets: u64,
    /// A shard has at most so many bytes, unless it has only one object.
    pub shard_bytes: u64,
    /// A shard has at most so many objects.
    pub shard_objects: u64,
    /// What could not be listed, the first 1,000. A plan with problems is incomplete.
    pub problems: Vec<NotListed>,
    /// How many problems there are.
    pub problem_count: u64,
    /// What the listing saw beside objects.
    pub listed: Listed,
    /// The tables of objects, in the order of their shards.
    pub object_tables: Vec<ObjectTable>,
    /// The table of accounts and their buckets.
    pub account_table: AccountTable,
    /// The SHA-256 of all of this and so of all tables, in hexadecimal digits.
    pub id: String,
}

/// What a listing saw beside objects, and what it asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    /// Accounts that have a folder, though it may have no log.
    pub accounts: BTreeSet<String>,
    /// Regions that have one.
    pub regions: BTreeSet<String>,
    /// The first and the last day that was met and not planned: `YYYY/MM/DD`.
    pub days: Option<(String, String)>,
    /// Whether there were more than are kept.
    pub cut: bool,
    /// Requests that listed objects.
    pub requests: u64,
    /// Objects of days that the range cannot need, as far as they were met.
    pub outside: u64,
    /// Folders of a bucket that hold no trail logs, or those of other accounts.
    pub left_alone: u64,
}

impl Listed {
    /// What a listing that is at its end says.
    pub fn of(passed: Passed, names: PathNames) -> Listed {
        let Passed { requests, outside, left_alone, .. } = passed;
        let PathNames { accounts, regions, days, cut } = names;
        Listed { accounts, regions, days, cut, requests, outside, left_alone }
    }

    /// What the paths said.
    pub fn names(&self) -> PathNames {
        let Listed { accounts, regions, days, cut, .. } = self.clone();
        PathNames { accounts, regions, days, cut }
    }

    /// What was passed over.
    pub fn passed(&self) -> Passed {
        let Listed { requests, outside, left_alone, .. } = *self;
        Passed { requests, known: 0, outside, left_alone }
    }
}

/// Something that could not be listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotListed {
    /// What.
    pub origin: String,
    /// The step at which it failed.
    pub stage: Stage,
    /// What was found and what was expected.
    pub message: String,
}

/// A table of objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectTable {
    /// The file, beside the plan.
    pub file: String,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// The first shard that it has.
    pub first_shard: u64,
    /// How many shards it has.
    pub shards: u64,
    /// How many objects it has.
    pub objects: u64,
}

/// The table of accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountTable {
    /// The file, beside the plan.
    pub file: String,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// How many accounts it has. Objects of which no account is known count as one.
    pub accounts: u64,
}

impl From<&Problem> for NotListed {
    fn from(problem: &Problem) -> NotListed {
        let Problem { origin, stage, message } = problem;
        NotListed { origin: origin.to_string(), stage: *stage, message: message.clone() }
    }
}

impl Planned {
    /// What could not be listed, as every report of this dataset says it.
    pub fn problems(&self) -> Vec<Problem> {
        let of = |NotListed { origin, stage, message }: &NotListed| {
            Problem::new(Origin::blob(origin.clone()), *stage, message.clone())
        };
        let mut problems: Vec<Problem> = self.problems.iter().map(of).collect();
        let more = self.problem_count.saturating_sub(problems.len() as u64);
        if more > 0 {
            let message = format!("{more} more problems when the plan was made");
            problems.push(Problem::new(Origin::blob("*"), Stage::Read, message));
        }
        problems
    }
}
