//! A plan in its folder, and the files that its steps leave there.
//!
//! ```text
//! facts/BBBBBB/NNNNNN.part   what was found in shard N, which is of bucket B
//! concluded/BBBBBB.part      what was found in all shards of bucket B
//! uses/NNNNNN.parquet        the uses of keys in shard N
//! ```
//!
//! What must stay true: a report of a plan has all of its shards, each once. One that is missing is named,
//! and there is no report.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{self, BufReader};
use std::sync::Arc;

use super::failure::Failure;
use crate::engine::{Filter, Part};
use crate::folder::{self, Folder};
use crate::model::planned::Planned;
use crate::shards::{Dataset, PlanError};
use crate::source::s3::Cloud;

/// So many missing shards are named.
const NAMED: usize = 10;

/// Opens the plan of a folder.
///
/// # Errors
/// When there is none, or it cannot be trusted.
pub fn open(out: &OsStr, cloud: Option<Arc<Cloud>>) -> Result<Dataset, Failure> {
    Ok(Dataset::open(folder::open(out, cloud)?)?)
}

/// Which records count in all of a plan.
pub fn filter(plan: &Planned) -> Filter {
    let Planned { since, until, accounts, regions, .. } = plan.clone();
    Filter { since, until, accounts, regions }
}

/// What makes the key of hashes of its dataset.
pub fn seed(plan: &Planned) -> u64 {
    // A plan that is open has an id that fits its content, so this was written by `plan`.
    u64::from_str_radix(&plan.seed, 16).unwrap_or_default()
}

/// The file of what was found in a shard.
pub fn part_of_shard(bucket: u64, shard: u64) -> String {
    format!("{}/{shard:06}.part", of_bucket(bucket))
}

/// The file of the uses of keys in a shard.
pub fn table_of_shard(shard: u64) -> String {
    format!("uses/{shard:06}.parquet")
}

/// The file of what was found in all shards of a bucket.
pub fn part_of_bucket(bucket: u64) -> String {
    format!("concluded/{bucket:06}.part")
}

fn of_bucket(bucket: u64) -> String {
    format!("facts/{bucket:06}")
}

/// The bucket of the shards of an account.
///
/// # Errors
/// When the plan was changed.
pub fn bucket_of(dataset: &Dataset, account: Option<&str>) -> Result<u64, Failure> {
    let accounts = dataset.accounts()?;
    let row = accounts.get(&account.map(str::to_owned));
    Ok(row.map(|row| row.bucket).ok_or_else(|| PlanError::Changed {
        file: dataset.folder().full("plan.json"),
        reason: "the account of a shard has no bucket".to_owned(),
    })?)
}

/// How many shards each bucket has.
fn sizes(dataset: &Dataset) -> Result<BTreeMap<u64, u64>, Failure> {
    let mut sizes: BTreeMap<u64, u64> = BTreeMap::new();
    for row in dataset.accounts()?.values() {
        *sizes.entry(row.bucket).or_default() += row.shards;
    }
    Ok(sizes)
}

/// The files of what was found in the shards of a bucket.
///
/// # Errors
/// When one is missing.
pub fn parts_of_bucket(dataset: &Dataset, bucket: u64) -> Result<Vec<Part>, Failure> {
    let buckets = dataset.plan().buckets;
    if bucket >= buckets {
        return Err(Failure::Usage {
            message: format!("there is no bucket {bucket}: the plan has {buckets}, from 0 on"),
            hint: "see buckets in plan.json",
        });
    }
    let expected = sizes(dataset)?.get(&bucket).copied().unwrap_or_default();
    let names = dataset.folder().names(&of_bucket(bucket))?;
    let names: Vec<String> = names.into_iter().filter(|name| name.ends_with(".part")).collect();
    match expected.saturating_sub(names.len() as u64) {
        0 => Ok(names.iter().map(|name| part(dataset.folder(), name)).collect()),
        missing => Err(Failure::Source {
            message: format!(
                "{}: the facts of {missing} of the {expected} shards of bucket {bucket} are missing",
                dataset.folder().full(&of_bucket(bucket))
            ),
            hint: Some("run keytrail facts --plan OUT --shard N for each shard first".into()),
        }),
    }
}

/// The files of all that was found: those of buckets that are concluded, and of the shards of the others.
///
/// # Errors
/// When shards are missing: the first of them are named.
pub fn parts(dataset: &Dataset) -> Result<Vec<Part>, Failure> {
    let folder = dataset.folder();
    let concluded: BTreeSet<String> = folder.names("concluded")?.into_iter().collect();
    let sizes = sizes(dataset)?;
    let mut parts = Vec::new();
    let (mut missing, mut met) = (0, BTreeSet::new());
    for (bucket, shards) in &sizes {
        let name = part_of_bucket(*bucket);
        if concluded.contains(&name) {
            parts.push(part(folder, &name));
            continue;
        }
        let names = folder.names(&of_bucket(*bucket))?;
        let names = names.iter().filter(|name| name.ends_with(".part"));
        let before = parts.len();
        for name in names {
            met.extend(shard_of(name));
            parts.push(part(folder, name));
        }
        missing += shards.saturating_sub((parts.len() - before) as u64);
    }
    if missing == 0 {
        return Ok(parts);
    }
    let done = sizes.keys().any(|bucket| concluded.contains(&part_of_bucket(*bucket)));
    Err(lacks(dataset, missing, (!done).then_some(&met)))
}

/// The number of the shard of a file.
fn shard_of(name: &str) -> Option<u64> {
    name.rsplit('/').next()?.strip_suffix(".part")?.parse().ok()
}

/// Says which shards are missing; `met` is those that are there, if that is known of all.
fn lacks(dataset: &Dataset, missing: u64, met: Option<&BTreeSet<u64>>) -> Failure {
    let shards = dataset.plan().shards;
    let named = met.map(|met| {
        let missing = (0..shards).filter(|shard| !met.contains(shard));
        missing.take(NAMED).map(|shard| shard.to_string()).collect::<Vec<_>>().join(", ")
    });
    let more = if missing > NAMED as u64 { ", ..." } else { "" };
    let named = named.map_or(String::new(), |named| format!(": {named}{more}"));
    Failure::Source {
        message: format!(
            "{}: the facts of {missing} of {shards} shards are missing{named}",
            dataset.folder().full("facts")
        ),
        hint: Some("run keytrail facts --plan OUT --shard N for each of them".into()),
    }
}

/// A file of a folder, fetched when it is read.
pub fn part(folder: &Arc<dyn Folder>, name: &str) -> Part {
    let (folder, file) = (Arc::clone(folder), name.to_owned());
    Part::new(&folder.full(name), move || {
        let fetched = folder.fetch(&file).map_err(|error| io::Error::other(error.reason))?;
        let fetched = fetched.ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(BufReader::with_capacity(BUFFER, fetched)))
    })
}

/// Bytes that are read at once (256 KiB).
const BUFFER: usize = 256 << 10;
