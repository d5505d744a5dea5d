//! What an S3 Inventory holds, instead of a listing.
//!
//! ```text
//! manifest   manifest.json: what the inventory is of, and its files
//! rows       the rows of a file: CSV or Parquet
//! ```
//!
//! An inventory is of one bucket, as it was when S3 made it. What must stay true: objects are taken as a
//! listing would take them; a file that is not what the manifest says is a problem that names it.
//!
//! Source: Amazon S3 user guide, "Locating your inventory list".

mod manifest;
mod rows;

use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::vec;

use md5::Md5;

use super::cut::{Found, Object};
use super::digest;
use super::listed::{lies_below, lies_in_one, of};
use super::refused::PlanError;
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::source::s3::{Cloud, Wanted};
use manifest::{DataFile, Format, Manifest, Place};
use rows::{Row, Rows};

/// An inventory of a bucket, read file by file.
pub struct Inventory {
    /// The bucket.
    pub bucket: String,
    /// When S3 made it; nothing that came later is in it.
    pub made: Option<Time>,
    place: Place,
    format: Format,
    files: vec::IntoIter<DataFile>,
    /// The file that is read, and its name.
    rows: Option<(Rows, String)>,
}

impl Inventory {
    /// Opens an inventory by the name of its `manifest.json`: a path, or `s3://BUCKET/KEY`. Of one on disk
    /// the files are beside it, or in the folder `data` beside its folder.
    ///
    /// # Errors
    /// When it cannot be read, is no manifest, or is of files of another form.
    pub fn open(name: &OsStr, cloud: Option<&Arc<Cloud>>) -> Result<Inventory, PlanError> {
        let failed = |reason| PlanError::Foreign { file: name.to_string_lossy().into(), reason };
        let (manifest, place) = manifest::open(name, cloud).map_err(failed)?;
        let Manifest { bucket, made, format, files } = manifest;
        let files = files.into_iter();
        Ok(Inventory { bucket, made, place, format, files, rows: None })
    }

    /// The next thing of it; `None` at the end, or if `stop` is set.
    pub fn next(&mut self, wanted: &Chosen<'_>, stop: &AtomicBool) -> Option<Found> {
        while !stop.load(Ordering::Relaxed) {
            let Some((rows, name)) = &mut self.rows else {
                let file = self.files.next()?;
                let name = self.place.full(&file.key);
                match self.begin(&file) {
                    Ok(rows) => self.rows = Some((rows, name)),
                    Err(reason) => return Some(problem(&name, &reason)),
                }
                continue;
            };
            match rows.next() {
                Ok(Some(row)) => {
                    if let Some(found) = wanted.take(row) {
                        return Some(found);
                    }
                }
                Ok(None) => self.rows = None,
                Err(reason) => {
                    let found = problem(name, &reason);
                    self.rows = None;
                    return Some(found);
                }
            }
        }
        None
    }

    /// The rows of a file, if it is the one that the manifest names.
    fn begin(&self, file: &DataFile) -> Result<Rows, String> {
        let mut bytes = self.place.fetch(&file.key)?;
        if let Some(md5) = file.md5.as_ref().filter(|md5| !md5.is_empty()) {
            let has = digest::of_file::<Md5>(&mut bytes)
                .map_err(|error| format!("cannot be read: {error}"))?;
            if !has.eq_ignore_ascii_case(md5) {
                return Err("is not the file of the manifest: it has another MD5".to_owned());
            }
        }
        Rows::open(bytes, &self.format)
    }
}

/// What of an inventory is planned.
pub struct Chosen<'c> {
    /// As for a listing.
    pub wanted: &'c Wanted,
    /// Only what lies below one of these, if there are any.
    pub sources: &'c [OsString],
    /// The folder of the plan, what lies in which is not planned.
    pub out: &'c OsStr,
}

impl Chosen<'_> {
    /// What a row is; `None` if it is not wanted.
    fn take(&self, row: Row) -> Option<Found> {
        let Row { bucket, key, size, etag, version, is_current } = row;
        let name = format!("s3://{bucket}/{key}");
        let is_own = self.out.to_str().is_some_and(|out| lies_below(&name, out));
        let is_asked = self.sources.is_empty() || lies_in_one(&name, self.sources);
        if !is_current || is_own || !is_asked || !self.wanted.takes(&key, size) {
            return None;
        }
        Some(of(Object { name, size, etag, version, modified: None }))
    }
}

fn problem(name: &str, reason: &str) -> Found {
    let message = format!("the inventory is not read to its end: {reason}");
    Found::Problem(Problem::new(Origin::blob(name), Stage::S3, message))
}
