//! What is wanted of a bucket, what was found there, and what was asked and seen on the way.

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::path_names::PathNames;
use crate::source::blob::Known;
use crate::source::layout::{self, Days, Folder, Service};

/// What is wanted of a bucket.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The days that can hold it.
    pub days: Days,
    /// Only these accounts, when there are any.
    pub accounts: Vec<String>,
    /// Digests too.
    pub digests: bool,
    /// Digests and what may lie beside them, and no logs: whatever is by its name no log. On disk
    /// too.
    pub no_logs: bool,
    /// Names and sizes only.
    pub names_only: bool,
    /// Objects that the run uses for something else, by `s3://` name.
    pub left_out: Vec<String>,
    /// What was read before, and is not given again.
    pub known: Option<Known>,
    /// Whether the names of known blobs are reported.
    pub tell_known: bool,
    /// What is said behind the problem of a key that is named and not there.
    pub absent: &'static str,
}

impl Wanted {
    /// Whether a listing of all of a bucket would find an object: by its account, whose log it is, and its
    /// day.
    pub fn takes(&self, key: &str, size: u64) -> bool {
        let folder = key.rfind('/').map_or("", |at| &key[..=at]);
        let is_placed = match layout::folder(folder) {
            Folder::Outside | Folder::Accounts => true,
            Folder::Account { account } => self.has_account(&account),
            Folder::Service { account, service } => {
                self.has_account(&account) && self.has_service(service)
            }
            Folder::Region { account, service, root } => {
                self.has_account(&account)
                    && self.has_service(service)
                    && self.days.has(key.get(root..).unwrap_or_default())
            }
        };
        is_placed && !shows_a_folder(key, size) && !(self.no_logs && layout::is_log(key))
    }

    pub(super) fn has_account(&self, account: &String) -> bool {
        self.accounts.is_empty() || self.accounts.contains(account)
    }

    pub(super) fn has_service(&self, service: Service) -> bool {
        match service {
            Service::Logs => !self.no_logs,
            Service::Digests => self.digests,
            Service::Other => false,
        }
    }
}

/// Whether an object is what consoles make to show a folder.
pub(super) fn shows_a_folder(key: &str, size: u64) -> bool {
    size == 0 && key.ends_with('/')
}

/// What an object must still be when it is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// As large as it was.
    Size,
    /// As large, and of this ETag, with its quotes.
    Tag(String),
    /// As large, and of this version.
    Version(String),
}

/// An object that is to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Its key.
    pub key: String,
    /// How many bytes it has.
    pub size: u64,
    /// What it must still be. One that is another is a problem.
    pub expected: Expected,
}

/// What was asked and seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Requests that list.
    pub requests: AtomicU64,
    /// Objects that were read before.
    pub known: AtomicU64,
    /// Objects of days that the range cannot need, as far as they were met.
    pub outside: AtomicU64,
    /// Folders of other services and other accounts.
    pub left_alone: AtomicU64,
    /// What folders are called, listed or not.
    names: Mutex<PathNames>,
}

impl Seen {
    /// What folders are called.
    pub fn names(&self) -> MutexGuard<'_, PathNames> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
