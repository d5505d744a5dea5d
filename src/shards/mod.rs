//! The plan of a dataset: which objects there are, cut into shards that machines read one by one.
//!
//! ```text
//! make       all that is found, to a plan in a folder
//! cut        objects to shards, while they are found
//! pack       accounts to buckets, when all are found
//! tables     the columns of the tables of a plan, and files of them
//! document   plan.json: its bytes and its id
//! digest     by what tables and files are known
//! dataset    a plan that is there, and the source that reads one of its shards
//! source     the objects of a shard, each as it was when the plan was made
//! listed     what a listing finds
//! inventory  what an S3 Inventory holds, instead
//! refused    why there is no plan
//! ```
//!
//! A listing of a large bucket takes hours, and two of them differ. So it is made once, and every machine
//! reads what it says. What must stay true: each object is in one shard; a shard has objects of one account,
//! where their keys tell it; memory does not grow with the number of objects; `plan.json` is written last,
//! so that a plan is whole or not there; and what is not any more as it was planned is a problem.

mod cut;
mod dataset;
mod digest;
mod document;
mod inventory;
mod listed;
mod make;
mod pack;
mod refused;
mod source;
mod tables;

pub use cut::{Found, Limits, Object};
pub use dataset::{Dataset, Row};
pub use inventory::{Chosen, Inventory};
pub use listed::{found, holds_one, nested};
pub use make::{Asked, is_there, make};
pub use refused::PlanError;
pub use source::ShardSource;
pub use tables::{ACCOUNTS, OBJECTS};
