//! A plan in its folder, and the files that its steps leave there.
//!
//! ```text
//! facts/BBBBBB/NNNNNN.part        what was found in shard N, which is of bucket B
//! incomplete/BBBBBB/NNNNNN-P.part the same of an attempt with P problems, each attempt by itself
//! concluded/BBBBBB.part           what was found in all shards of bucket B
//! decided/BBBBBB.part             the same, after the records of its accounts alone have decided what they can
//! uses/NNNNNN.parquet             the uses of keys in shard N
//! incomplete/uses/NNNNNN-P.parquet  the same of an attempt with P problems
//! ```
//!
//! What must stay true: a report of a plan has all of its shards, each once. If some are missing, their number
//! is said and there is no report; they are named where no bucket is concluded. A shard that was read whole
//! counts, whatever was left of it before.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use super::failure::Failure;
use crate::engine::{self, Filter, Head, Part};
use crate::folder::{self, Folder};
use crate::model::planned::Planned;
use crate::shards::{Dataset, PlanError};
use crate::source::Sources;
use crate::source::s3::{Address, Cloud};

/// So many missing shards are named.
const NAMED: usize = 10;

/// Opens the plan of a folder.
///
/// # Errors
/// When there is none, or it cannot be trusted.
pub fn open(out: &OsStr, cloud: Option<Arc<Cloud>>) -> Result<Dataset, Failure> {
    opened(folder::open(out, cloud)?)
}

/// The plan of a folder that is open.
///
/// # Errors
/// As [`open`].
pub fn opened(folder: Arc<dyn Folder>) -> Result<Dataset, Failure> {
    let dataset = Dataset::open(folder)?;
    match u64::from_str_radix(&dataset.plan().seed, 16) {
        Ok(_) => Ok(dataset),
        Err(_) => Err(changed(&dataset, "its seed is no hexadecimal number")),
    }
}

fn changed(dataset: &Dataset, reason: &str) -> Failure {
    let (file, reason) = (dataset.folder().full("plan.json"), reason.to_owned());
    PlanError::Changed { file, reason }.into()
}

/// Which records count in all of a plan.
pub fn filter(plan: &Planned) -> Filter {
    let Planned { since, until, accounts, regions, .. } = plan.clone();
    Filter { since, until, accounts, regions }
}

/// Where its sources are: relative names are those of the folder in which it was made.
pub fn places(plan: &Planned) -> Sources {
    let folder = plan.folder.as_deref().map(Path::new);
    let place = |source: &String| match folder.filter(|_| !Address::is_meant(source)) {
        Some(folder) => folder.join(source).into_os_string(),
        None => OsString::from(source),
    };
    plan.sources.iter().map(place).collect()
}

/// What each part of it has to say of itself, but for rules and settings.
pub fn head(plan: &Planned) -> Head {
    let head = Head { seed: seed(plan), sources: plan.sources.clone(), ..Head::default() };
    head.of_range(&filter(plan))
}

/// What makes the key of hashes of its dataset.
pub fn seed(plan: &Planned) -> u64 {
    // Of a plan that is open it is one.
    u64::from_str_radix(&plan.seed, 16).unwrap_or_default()
}

/// What was found in a shard, and its uses of keys: the names of their files. Of an attempt that could not
/// read all, so many problems are told.
pub fn files_of_shard(bucket: u64, shard: u64, problems: u64) -> [String; 2] {
    match problems {
        0 => [format!("{}/{shard:06}.part", of_bucket(bucket)), format!("uses/{shard:06}.parquet")],
        _ => [
            format!("{INCOMPLETE}/{bucket:06}/{shard:06}-{problems:06}.part"),
            format!("{INCOMPLETE}/uses/{shard:06}-{problems:06}.parquet"),
        ],
    }
}

/// The files of a bucket: what was found in all of its shards, and what is left once its accounts alone have
/// decided what they can.
pub fn files_of_bucket(bucket: u64) -> [String; 2] {
    [CONCLUDED, DECIDED].map(|folder| format!("{folder}/{bucket:06}.part"))
}

/// The id of what was found in a shard.
pub fn id_of_shard(plan: &Planned, bucket: u64, shard: u64) -> String {
    format!("{} bucket {bucket} shard {shard}", plan.id)
}

/// The id of what was found in a bucket.
pub fn id_of_bucket(plan: &Planned, bucket: u64) -> String {
    format!("{} bucket {bucket}", plan.id)
}

/// What was found in a bucket that is concluded: what is left of it, if that is there too.
fn of_concluded(dataset: &Dataset, bucket: u64, decided: &BTreeSet<String>) -> Part {
    let [whole, left] = files_of_bucket(bucket);
    let id = id_of_bucket(dataset.plan(), bucket);
    let of_id = engine::id_of_decided(&id);
    let whole = part(dataset.folder(), &whole).of_id(id);
    match decided.contains(&left) {
        true => part(dataset.folder(), &left).of_id(of_id).decided_of(whole),
        false => whole,
    }
}

fn of_bucket(bucket: u64) -> String {
    format!("facts/{bucket:06}")
}

const INCOMPLETE: &str = "incomplete";
const CONCLUDED: &str = "concluded";
const DECIDED: &str = "decided";

/// The bucket of the shards of an account.
///
/// # Errors
/// When the plan was changed.
pub fn bucket_of(dataset: &Dataset, account: Option<&str>) -> Result<u64, Failure> {
    let accounts = dataset.accounts()?;
    let row = accounts.get(&account.map(str::to_owned));
    let bucket = row.map(|row| row.bucket);
    bucket.ok_or_else(|| changed(dataset, "the account of a shard has no bucket"))
}

/// How many shards each bucket has.
fn sizes(dataset: &Dataset) -> Result<BTreeMap<u64, u64>, Failure> {
    let mut sizes: BTreeMap<u64, u64> = BTreeMap::new();
    for row in dataset.accounts()?.values() {
        let size = sizes.entry(row.bucket).or_default();
        *size = size.saturating_add(row.shards);
    }
    let all = sizes.values().fold(0, |all: u64, size| all.saturating_add(*size));
    match all == dataset.plan().shards {
        true => Ok(sizes),
        false => Err(changed(dataset, "its accounts have another number of shards than it has")),
    }
}

/// The files of what was found in the shards of a bucket, by the numbers of these: of several attempts the one
/// with the fewest problems. And how many of them are incomplete.
fn of_shards(dataset: &Dataset, bucket: u64) -> Result<(BTreeMap<u64, Part>, u64), Failure> {
    let (folder, plan) = (dataset.folder(), dataset.plan());
    let mut best: BTreeMap<u64, (u64, String)> = BTreeMap::new();
    for below in [format!("{INCOMPLETE}/{bucket:06}"), of_bucket(bucket)] {
        for name in folder.names(&below)? {
            // What has another name was put there by others.
            let Some((shard, problems)) = attempt(&name) else { continue };
            let known = best.get(&shard).is_none_or(|(fewest, _)| problems < *fewest);
            if known && shard < plan.shards {
                best.insert(shard, (problems, name));
            }
        }
    }
    let incomplete = best.values().filter(|(problems, _)| *problems > 0).count() as u64;
    let part = |(shard, (_, name)): (u64, (u64, String))| {
        (shard, part(folder, &name).of_id(id_of_shard(plan, bucket, shard)))
    };
    Ok((best.into_iter().map(part).collect(), incomplete))
}

/// The files of what was found in the shards of a bucket, and how many of them are incomplete.
///
/// # Errors
/// When one is missing.
pub fn parts_of_bucket(dataset: &Dataset, bucket: u64) -> Result<(Vec<Part>, u64), Failure> {
    let buckets = dataset.plan().buckets;
    if bucket >= buckets {
        return Err(Failure::Usage {
            message: format!("there is no bucket {bucket}: the plan has {buckets}, from 0 on"),
            hint: "see buckets in plan.json",
        });
    }
    let expected = sizes(dataset)?.get(&bucket).copied().unwrap_or_default();
    let (parts, incomplete) = of_shards(dataset, bucket)?;
    match expected.saturating_sub(parts.len() as u64) {
        0 => Ok((parts.into_values().collect(), incomplete)),
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
    let [concluded, decided] = [CONCLUDED, DECIDED].map(|below| folder.names(below));
    let (concluded, decided): (BTreeSet<String>, BTreeSet<String>) =
        (concluded?.into_iter().collect(), decided?.into_iter().collect());
    let sizes = sizes(dataset)?;
    let mut parts = Vec::new();
    let (mut missing, mut met, mut all) = (0, BTreeSet::new(), true);
    for (bucket, shards) in &sizes {
        if concluded.contains(&files_of_bucket(*bucket)[0]) {
            parts.push(of_concluded(dataset, *bucket, &decided));
            all = false;
            continue;
        }
        let (own, _) = of_shards(dataset, *bucket)?;
        missing += shards.saturating_sub(own.len() as u64);
        met.extend(own.keys().copied());
        parts.extend(own.into_values());
    }
    match missing {
        0 => Ok(parts),
        _ => Err(lacks(dataset, missing, all.then_some(&met))),
    }
}

/// The number of the shard of a file, and how many problems its attempt had.
fn attempt(name: &str) -> Option<(u64, u64)> {
    let name = name.rsplit('/').next()?.strip_suffix(".part")?;
    let (shard, problems) = name.split_once('-').unwrap_or((name, "0"));
    Some((shard.parse().ok()?, problems.parse().ok()?))
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

/// Lets `write` write a file, in large pieces.
///
/// # Errors
/// What `write` returns, or when the file does not take it.
pub fn write<T>(
    file: &mut File,
    write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
) -> io::Result<T> {
    let mut out = BufWriter::with_capacity(BUFFER, file);
    let written = write(&mut out)?;
    out.flush()?;
    Ok(written)
}

/// Bytes that are read or written at once (256 KiB).
const BUFFER: usize = 256 << 10;
