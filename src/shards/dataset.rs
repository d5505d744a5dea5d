//! A plan that is there, and the source that reads one of its shards.
//!
//! The folder may be one where others write too. What must stay true: what was changed there since the plan
//! was made is refused by name, and whatever a file there holds costs no more than an error.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use sha2::Sha256;

use super::cut::Object;
use super::digest;
use super::document::{BYTES_MAX, PLAN, Wrong, decode};
use super::refused::PlanError;
use super::source::ShardSource;
use crate::folder::Folder;
use crate::model::planned::{ObjectTable, Planned};
use crate::source::s3::Cloud;
use crate::source::{Table, Value};

/// A plan in its folder.
#[derive(Debug, Clone)]
pub struct Dataset {
    folder: Arc<dyn Folder>,
    plan: Planned,
}

/// How much an account has, and its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its bucket, from 0 on.
    pub bucket: u64,
    /// How many objects it has.
    pub objects: u64,
    /// How many bytes these have.
    pub bytes: u64,
    /// How many shards these are in.
    pub shards: u64,
}

impl Dataset {
    /// Opens the plan of a folder.
    ///
    /// # Errors
    /// When none is there, it is of another version, or it was changed.
    pub fn open(folder: Arc<dyn Folder>) -> Result<Dataset, PlanError> {
        let name = folder.full(PLAN);
        let Some(file) = folder.fetch(PLAN)? else { return Err(PlanError::Missing(name)) };
        let foreign = |reason: String| PlanError::Foreign { file: name.clone(), reason };
        let mut bytes = Vec::new();
        file.take(BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| foreign(format!("cannot be read: {error}")))?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(foreign(format!("is no plan: expected at most {BYTES_MAX} bytes")));
        }
        let plan = decode(&bytes).map_err(|wrong| match wrong {
            Wrong::Foreign(reason) => foreign(reason),
            Wrong::Changed(reason) => {
                PlanError::Changed { file: name.clone(), reason: reason.to_owned() }
            }
        })?;
        Ok(Dataset { folder, plan })
    }

    /// What it says.
    pub fn plan(&self) -> &Planned {
        &self.plan
    }

    /// Where it lies.
    pub fn folder(&self) -> &Arc<dyn Folder> {
        &self.folder
    }

    /// The objects of a shard, as a source. `cloud` is the way to S3, for objects that lie there.
    ///
    /// # Errors
    /// When there is no such shard, or its table is not what it was.
    pub fn shard_source(
        &self,
        shard: u64,
        cloud: Option<&Arc<Cloud>>,
    ) -> Result<ShardSource, PlanError> {
        let tables = &self.plan.object_tables;
        let at = tables.partition_point(|table| table.first_shard <= shard);
        let table = at.checked_sub(1).and_then(|at| tables.get(at));
        let has = |table: &&ObjectTable| shard - table.first_shard < table.shards;
        let Some(table) = table.filter(has) else {
            return Err(PlanError::Shard { shard, shards: self.plan.shards });
        };
        let file = self.table(&table.file, &table.sha256)?;
        let (account, objects) = self
            .rows(file, shard)
            .map_err(|reason| PlanError::Changed { file: self.folder.full(&table.file), reason })?;
        Ok(ShardSource::new(account, objects, self.plan.folder.as_deref(), cloud))
    }

    /// All accounts with their buckets; `None` is for objects whose names tell no account.
    ///
    /// # Errors
    /// When the table is not what it was.
    pub fn accounts(&self) -> Result<BTreeMap<Option<String>, Row>, PlanError> {
        let told = &self.plan.account_table;
        let file = self.table(&told.file, &told.sha256)?;
        let changed = |reason| PlanError::Changed { file: self.folder.full(&told.file), reason };
        let columns = ["account", "bucket", "objects", "bytes", "shards"];
        let mut table = Table::open(file, &columns).map_err(changed)?;
        let mut accounts = BTreeMap::new();
        while let Some(row) = table.next_row().map_err(changed)? {
            let (account, row) = account_row(row)
                .filter(|(_, row)| row.bucket < self.plan.buckets)
                .ok_or_else(|| changed("a row is none of an account".to_owned()))?;
            accounts.insert(account, row);
            if accounts.len() as u64 > told.accounts {
                break;
            }
        }
        match accounts.len() as u64 == told.accounts {
            true => Ok(accounts),
            false => Err(changed("it has another number of accounts".to_owned())),
        }
    }

    /// A table that is what it was when the plan was made.
    fn table(&self, name: &str, sha256: &str) -> Result<File, PlanError> {
        let full = || self.folder.full(name);
        let changed = |reason: String| PlanError::Changed { file: full(), reason };
        let fetched = self.folder.fetch(name)?;
        let mut file = fetched.ok_or_else(|| changed("it is not there".to_owned()))?;
        let has = digest::of_file::<Sha256>(&mut file)
            .map_err(|error| changed(format!("cannot be read: {error}")))?;
        match has == sha256 {
            true => Ok(file),
            false => Err(changed("it has another SHA-256".to_owned())),
        }
    }

    /// The account and the objects of a shard.
    fn rows(&self, file: File, shard: u64) -> Result<(Option<String>, Vec<Object>), String> {
        let columns = ["shard", "account", "name", "size", "etag", "version", "modified"];
        let number = i64::try_from(shard).map_err(|error| error.to_string())?;
        let mut table = Table::open(file, &columns)?.only("shard", number);
        let mut account: Option<Option<String>> = None;
        let mut objects = Vec::new();
        while let Some(row) = table.next_row()? {
            let (of, its, object) = object_row(row).ok_or("a row is none of an object")?;
            if of != shard {
                continue;
            }
            if *account.get_or_insert_with(|| its.clone()) != its {
                return Err("a shard has objects of two accounts".to_owned());
            }
            objects.push(object);
            if objects.len() as u64 > self.plan.shard_objects {
                return Err("a shard has more objects than it may have".to_owned());
            }
        }
        match account {
            Some(account) => Ok((account, objects)),
            None => Err("a shard has no objects".to_owned()),
        }
    }
}

/// A row of a table of objects: its shard, its account, and the object.
fn object_row(row: Vec<Value>) -> Option<(u64, Option<String>, Object)> {
    let [shard, account, name, size, etag, version, modified] = row.try_into().ok()?;
    let modified = if let Value::Number(at) = modified { Some(at) } else { None };
    let (etag, version) = (etag.text(), version.text());
    let object = Object { name: name.text()?, size: size.count()?, etag, version, modified };
    Some((shard.count()?, account.text(), object))
}

/// A row of the table of accounts.
fn account_row(row: Vec<Value>) -> Option<(Option<String>, Row)> {
    let [account, bucket, objects, bytes, shards] = row.try_into().ok()?;
    let (objects, bytes) = (objects.count()?, bytes.count()?);
    let row = Row { bucket: bucket.count()?, objects, bytes, shards: shards.count()? };
    Some((account.text(), row))
}
