//! What a plan says: which objects are to be read, in which shards, and what every step of a large scan has
//! in common.
//!
//! Plain data, which is written once and read by every machine. What must stay true: whoever has read it
//! knows whether it is whole; two plans have different ids.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::origin::Origin;
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
    /// The tables of objects, in the order of their shards.
    pub object_tables: Vec<ObjectTable>,
    /// The table of accounts and their buckets.
    pub account_table: AccountTable,
    /// The SHA-256 of all of this and so of all tables, in hexadecimal digits.
    pub id: String,
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
