//! A folder on disk, or a prefix in a bucket, into which many machines put files.
//!
//! ```text
//! name      what files are called
//! place     what can be done with files, wherever they are
//! disk      a folder on disk
//! bucket    a prefix in a bucket
//! ```
//!
//! The machines of one large run share nothing else. What must stay true: a file is there whole or not at
//! all; once it is there nobody replaces it. So a machine that does its share again does no harm, and
//! whoever reads a file reads what its writer wrote.

mod bucket;
mod disk;
mod name;
mod place;

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use crate::source::s3::{Address, Cloud};
use bucket::Bucket;
use disk::Disk;

pub use place::{Folder, FolderError, Put};

/// The folder that a word names: a path, which need not be there yet, or `s3://BUCKET/PREFIX`.
///
/// # Errors
/// A word that is no address; S3 without a way to it.
pub fn open(name: &OsStr, cloud: Option<Arc<Cloud>>) -> Result<Arc<dyn Folder>, FolderError> {
    let Some(word) = name.to_str().filter(|word| Address::is_meant(word)) else {
        return Ok(Arc::new(Disk::new(Path::new(name))));
    };
    let failed = |reason: String| FolderError { file: word.to_owned(), reason };
    let address = Address::parse(word).map_err(failed)?;
    let cloud = cloud.ok_or_else(|| failed("S3 cannot be reached".to_owned()))?;
    Ok(Arc::new(Bucket::new(cloud, address)))
}
