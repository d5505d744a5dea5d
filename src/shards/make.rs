//! All that is found, to a plan in a folder.
//!
//! Tables are put as they become full, under names that no other plan has, so that a plan that was not
//! finished is in nobody's way. What must stay true: `plan.json` is put last, and only if none is there.

use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use super::cut::{Cutter, Found, Limits, Shard};
use super::document::{PLAN, encode};
use super::pack::pack;
use super::refused::PlanError;
use super::tables::{self, ACCOUNTS, OBJECTS};
use crate::folder::{Folder, Put};
use crate::model::planned::{AccountTable, Listed, ObjectTable, Planned, SCHEMA};
use crate::model::problem::Problem;
use crate::model::time::Time;
use crate::tables::{Cell, Writer};

/// Rows of a group (64 Ki), unless one shard has more.
const GROUP_ROWS: u64 = 64 << 10;
/// Rows after which a table of objects is full (256 Ki). A machine fetches one to read a shard.
const TABLE_ROWS: u64 = 256 << 10;
/// Shards after which it is full too.
const TABLE_SHARDS: u64 = 16 << 10;
/// Problems that a plan lists.
const PROBLEMS_MAX: usize = 1_000;

/// What a plan is to be of.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The present of every step.
    pub now: Time,
    /// Only events at or after this time.
    pub since: Option<Time>,
    /// Only events before this time.
    pub until: Option<Time>,
    /// Only these accounts, when there are any.
    pub accounts: Vec<String>,
    /// Only these Regions, when there are any.
    pub regions: Vec<String>,
    /// The sources as typed.
    pub sources: Vec<String>,
    /// The inventories that stand for a listing, as typed.
    pub inventories: Vec<String>,
    /// The working directory.
    pub folder: Option<String>,
    /// How large a shard may be.
    pub limits: Limits,
    /// How many buckets there are to be.
    pub buckets: Option<u64>,
}

/// Whether a folder has a plan.
///
/// # Errors
/// When nobody says.
pub fn is_there(folder: &dyn Folder) -> Result<bool, PlanError> {
    Ok(folder.has(PLAN)?)
}

/// Makes a plan of all that `next` finds, and puts it into a folder. `listed` tells at the end what was seen
/// beside. `None` if `stop` was set: then there
/// is none.
///
/// # Errors
/// When it cannot be written, or one is there by now.
pub fn make(
    folder: &dyn Folder,
    asked: &Asked,
    (next, listed): (&mut dyn FnMut() -> Option<Found>, &dyn Fn() -> Listed),
    stop: &AtomicBool,
) -> Result<Option<Planned>, PlanError> {
    let mut cutter = Cutter::new(asked.limits);
    let mut tables = Tables::new(folder)?;
    let (mut problems, mut problem_count) = (Vec::new(), 0);
    while let Some(found) = next() {
        match found {
            Found::Object(account, object) => {
                for shard in cutter.add(account.as_deref(), object) {
                    tables.add(&shard)?;
                }
            }
            Found::Problem(problem) => {
                problem_count += 1;
                keep(&mut problems, problem);
            }
        }
    }
    if stop.load(Ordering::Relaxed) {
        return Ok(None);
    }
    for shard in cutter.rest() {
        tables.add(&shard)?;
    }
    let (buckets, account_table) = tables.accounts(&cutter, asked.buckets)?;
    let (objects, bytes) = cutter.tallies.values().fold((0, 0_u64), |(objects, bytes), tally| {
        (objects + tally.objects, bytes.saturating_add(tally.bytes))
    });
    problems.sort_unstable();
    let planned = Planned {
        schema: SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        created: asked.now,
        seed: random()?,
        since: asked.since,
        until: asked.until,
        accounts: asked.accounts.clone(),
        regions: asked.regions.clone(),
        sources: asked.sources.clone(),
        inventories: asked.inventories.clone(),
        folder: asked.folder.clone(),
        objects,
        bytes,
        shards: tables.next,
        buckets,
        shard_bytes: asked.limits.bytes,
        shard_objects: asked.limits.objects,
        problems: problems.iter().map(Into::into).collect(),
        problem_count,
        listed: listed(),
        object_tables: tables.finish()?,
        account_table,
        id: String::new(),
    };
    put(folder, planned).map(Some)
}

/// Keeps the first problems, as they sort: which are there does not depend on who was first.
fn keep(problems: &mut Vec<Problem>, problem: Problem) {
    problems.push(problem);
    if problems.len() >= 2 * PROBLEMS_MAX {
        problems.sort_unstable();
        problems.truncate(PROBLEMS_MAX);
    }
}

fn put(folder: &dyn Folder, mut planned: Planned) -> Result<Planned, PlanError> {
    planned.problems.truncate(PROBLEMS_MAX);
    let bytes = encode(&mut planned).map_err(PlanError::Local)?;
    let mut file = tempfile::tempfile().map_err(|error| PlanError::local(&error))?;
    file.write_all(&bytes).map_err(|error| PlanError::local(&error))?;
    match folder.put(PLAN, &mut file)? {
        Put::New => Ok(planned),
        Put::Exists => Err(PlanError::There(folder.full(PLAN))),
    }
}

/// 64 random bits as text.
fn random() -> Result<String, PlanError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| PlanError::Local(format!("there is no randomness: {error}")))?;
    Ok(hex::encode(bytes))
}

/// The tables of a plan.
struct Tables<'f> {
    folder: &'f dyn Folder,
    /// The folder of this plan's tables.
    name: String,
    /// The table that is filled, and its first shard.
    filled: Option<(Writer<File>, u64)>,
    /// The number of the next shard.
    next: u64,
    done: Vec<ObjectTable>,
}

impl Tables<'_> {
    fn new(folder: &dyn Folder) -> Result<Tables<'_>, PlanError> {
        let name = format!("plan-{}", random()?);
        Ok(Tables { folder, name, filled: None, next: 0, done: Vec::new() })
    }

    /// Adds a shard, which gets the next number.
    fn add(&mut self, shard: &Shard) -> Result<(), PlanError> {
        self.write(shard).map_err(|error| PlanError::local(&error))?;
        self.next += 1;
        match &self.filled {
            Some((writer, first))
                if writer.rows >= TABLE_ROWS || self.next - first >= TABLE_SHARDS =>
            {
                self.end()
            }
            _ => Ok(()),
        }
    }

    fn write(&mut self, shard: &Shard) -> io::Result<()> {
        let (writer, _) = match &mut self.filled {
            Some(filled) => filled,
            None => self.filled.insert((tables::writer(&OBJECTS)?, self.next)),
        };
        // A shard is in as few groups as it can be.
        if writer.rows_in_group + shard.objects.len() as u64 > GROUP_ROWS {
            writer.end_group()?;
        }
        for object in &shard.objects {
            writer.add([
                Cell::count(self.next),
                Cell::Text(shard.account.as_deref()),
                Cell::Text(Some(&object.name)),
                Cell::count(object.size),
                Cell::Text(object.etag.as_deref()),
                Cell::Text(object.version.as_deref()),
                Cell::Number(object.modified),
            ]);
            if writer.rows_in_group >= GROUP_ROWS {
                writer.end_group()?;
            }
        }
        Ok(())
    }

    /// Puts the table that is filled.
    fn end(&mut self) -> Result<(), PlanError> {
        let Some((writer, first_shard)) = self.filled.take() else { return Ok(()) };
        let file = format!("{}/objects/{:06}.parquet", self.name, self.done.len());
        let (objects, shards) = (writer.rows, self.next - first_shard);
        let sha256 = self.put(&file, writer)?;
        self.done.push(ObjectTable { file, sha256, first_shard, shards, objects });
        Ok(())
    }

    fn put(&self, name: &str, writer: Writer<File>) -> Result<String, PlanError> {
        let (mut file, sha256) =
            tables::finish(writer).map_err(|error| PlanError::local(&error))?;
        match self.folder.put(name, &mut file)? {
            Put::New => Ok(sha256),
            Put::Exists => Err(PlanError::There(self.folder.full(name))),
        }
    }

    /// Puts the table of accounts; also how many buckets there are.
    fn accounts(
        &self,
        cutter: &Cutter,
        wanted: Option<u64>,
    ) -> Result<(u64, AccountTable), PlanError> {
        let (buckets, packed) = pack(&cutter.tallies, wanted);
        let mut writer = tables::writer(&ACCOUNTS).map_err(|error| PlanError::local(&error))?;
        for (account, bucket) in &packed {
            let tally = cutter.tallies.get(account).copied().unwrap_or_default();
            writer.add([
                Cell::Text(account.as_deref()),
                Cell::count(*bucket),
                Cell::count(tally.objects),
                Cell::count(tally.bytes),
                Cell::count(tally.shards),
            ]);
        }
        let (file, accounts) = (format!("{}/accounts.parquet", self.name), writer.rows);
        let sha256 = self.put(&file, writer)?;
        Ok((buckets, AccountTable { file, sha256, accounts }))
    }

    fn finish(mut self) -> Result<Vec<ObjectTable>, PlanError> {
        self.end()?;
        Ok(self.done)
    }
}
