//! `keytrail` audits the use of AWS KMS keys from CloudTrail logs.
//!
//! Data goes one way:
//!
//! ```text
//! source   blobs on disk or standard input, inflated            (bytes)
//! record   text to records, found in place, never copied       (events)
//! policy   policy documents, parsed once and asked              (answers)
//! tags     tags of keys and resources as of any instant       (verdicts)
//! detect   which rules could match, and whether they do        (hits)
//! engine   all of it in parallel, merged in any order          (outcome)
//! query    which records match, in the order of time       (rows)
//! triage   what of it is suppressed or known already           (outcome)
//! period   many reports to one                                 (outcome)
//! trial    rules put to the test on their samples              (verdicts)
//! report   table, JSON, NDJSON                                 (text)
//! facts    uses of keys as a table that others query           (rows)
//! tables   rows of tables to files of Parquet                  (bytes)
//! folder   where many machines put files                       (files)
//! follow   what has arrived, judged without end                (turns)
//! shards   which objects there are, in shares for machines     (plan)
//! cli      the only layer that prints, reads the environment or knows the command line
//! ```
//!
//! `model` is the plain data in between. A test keeps the imports in this direction.

pub mod cli;
pub mod detect;
pub mod engine;
pub mod facts;
pub mod folder;
pub mod follow;
pub mod model;
pub mod period;
pub mod policy;
pub mod query;
pub mod record;
pub mod report;
pub mod shards;
pub mod source;
pub mod state;
pub mod tables;
pub mod tags;
pub mod triage;
pub mod trial;
pub mod verify;
