//! Lists what lies below a prefix, with as few requests as the layout allows.
//!
//! Outside of `AWSLogs/` every folder is listed, as on disk. Below it the layout is known. Accounts
//! that nobody asked for and logs of other services are skipped. In a Region's folder names sort by
//! day, so the listing begins at the first day that counts and ends after the last. Many folders are
//! listed at once; the pages of one folder come one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::RequestPayer;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::address::Address;
use super::refused::Refused;
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::source::blob::{Known, blob_id};
use crate::source::entry::Entry;
use crate::source::layout::{self, Days, Folder, Service};

/// The queue of objects and problems to the readers.
pub(super) type Sender = std::sync::mpsc::Sender<Entry>;

/// Folders that are listed at once.
const AT_ONCE: usize = 16;

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
}

/// An object that was found.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub key: String,
    pub size: u64,
    pub id: [u64; 2],
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
}

/// Lists one prefix.
pub(super) struct Explorer {
    pub client: Client,
    pub address: Address,
    pub wanted: Wanted,
    pub requester_pays: bool,
    pub found: mpsc::Sender<Listed>,
    pub problems: Sender,
    pub seen: Arc<Seen>,
}

/// One folder to be listed.
#[derive(Debug)]
enum Step {
    /// What is in it.
    Look(String),
    /// Everything below it; the dates in its keys begin at byte `root`.
    All { prefix: String, root: usize },
}

/// The reader is gone.
struct Unwanted;

impl Explorer {
    /// Lists everything.
    pub async fn run(self) {
        let explorer = Arc::new(self);
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let mut steps = JoinSet::new();
        let first = explorer.first();
        let start = |steps: &mut JoinSet<_>, step: Step| {
            let (explorer, turns) = (Arc::clone(&explorer), Arc::clone(&turns));
            steps.spawn(async move {
                let _turn = turns.acquire().await;
                explorer.step(step).await
            });
        };
        start(&mut steps, first);
        while let Some(done) = steps.join_next().await {
            match done {
                Ok(Ok(more)) => more.into_iter().for_each(|step| start(&mut steps, step)),
                Ok(Err(Unwanted)) => return,
                Err(error) => explorer.report(&explorer.address.prefix, &error.to_string()),
            }
        }
    }

    /// How to begin: the prefix may end within a name.
    fn first(&self) -> Step {
        let prefix = self.address.prefix.clone();
        let folder = prefix.rfind('/').map_or("", |at| &prefix[..=at]);
        match layout::folder(folder) {
            Folder::Region { root, .. } => Step::All { prefix, root },
            _ => Step::Look(prefix),
        }
    }

    async fn step(&self, step: Step) -> Result<Vec<Step>, Unwanted> {
        let (prefix, root) = match step {
            Step::Look(prefix) => (prefix, None),
            Step::All { prefix, root } => (prefix, Some(root)),
        };
        let mut steps = Vec::new();
        let (mut token, mut last) = (None, None);
        loop {
            let page = match self.page(&prefix, root, token).await {
                Ok(page) => page,
                Err(refused) => {
                    self.report(&prefix, &format!("cannot be listed: {}", refused.message));
                    return Ok(steps);
                }
            };
            let folders = page.common_prefixes.iter().flatten().filter_map(|f| f.prefix.as_ref());
            let keys = page.contents.iter().flatten().filter_map(|object| object.key.as_ref());
            let newest = folders.chain(keys).max().cloned();
            // What is not below the prefix was not asked for, and could lead round in a circle.
            let is_below = |name: &str| name.starts_with(&prefix) && name.len() > prefix.len();
            for folder in page.common_prefixes.unwrap_or_default() {
                let Some(folder) = folder.prefix else { continue };
                match is_below(&folder) {
                    true => steps.extend(self.below(folder)),
                    false => {
                        self.report(&prefix, "the listing names a folder that is not below it")
                    }
                }
            }
            for object in page.contents.unwrap_or_default() {
                let (Some(key), size) = (object.key, object.size.unwrap_or_default()) else {
                    continue;
                };
                if root.is_some_and(|root| {
                    key.get(root..).is_some_and(|k| self.wanted.days.is_over(k))
                }) {
                    return Ok(steps);
                }
                let size = u64::try_from(size).unwrap_or_default();
                self.give(key, size, object.e_tag.as_deref().unwrap_or_default(), root).await?;
            }
            if page.is_truncated != Some(true) {
                return Ok(steps);
            }
            // Names ascend from page to page, so that a page that brings none leads nowhere.
            if page.next_continuation_token.is_none() || newest <= last {
                self.report(&prefix, "cannot be listed to its end: no page brings new names");
                return Ok(steps);
            }
            (last, token) = (newest, page.next_continuation_token);
        }
    }

    /// One page of a listing. Dates begin at `root`; without one, folders are named and not entered.
    async fn page(
        &self,
        prefix: &str,
        root: Option<usize>,
        token: Option<String>,
    ) -> Result<ListObjectsV2Output, Refused> {
        let mut request = self
            .client
            .list_objects_v2()
            .bucket(&self.address.bucket)
            .prefix(prefix)
            .set_request_payer(self.requester_pays.then_some(RequestPayer::Requester));
        request = match root {
            None => request.delimiter("/"),
            Some(root) if token.is_none() => request.set_start_after(self.begin(prefix, root)),
            Some(_) => request,
        };
        self.seen.requests.fetch_add(1, Ordering::Relaxed);
        request.set_continuation_token(token).send().await.map_err(|error| {
            let resource = format!("arn:aws:s3:::{}", self.address.bucket);
            Refused::of(&error, "s3:ListBucket", &resource)
        })
    }

    /// The key behind which the first wanted day begins.
    fn begin(&self, prefix: &str, root: usize) -> Option<String> {
        let from = self.wanted.days.from.as_deref()?;
        let first = format!("{}{from}", prefix.get(..root)?);
        (first.as_str() > prefix).then_some(first)
    }

    /// What is to be listed of a folder, if anything.
    fn below(&self, prefix: String) -> Option<Step> {
        let is_wanted = |account: &String| {
            self.wanted.accounts.is_empty() || self.wanted.accounts.contains(account)
        };
        let is_read = |service| match service {
            Service::Logs => !self.wanted.no_logs,
            Service::Digests => self.wanted.digests,
            Service::Other => false,
        };
        let wanted = match layout::folder(&prefix) {
            Folder::Outside | Folder::Accounts => true,
            Folder::Account { account } => is_wanted(&account),
            Folder::Service { account, service } => is_wanted(&account) && is_read(service),
            Folder::Region { account, service, root } => {
                if is_wanted(&account) && is_read(service) {
                    return Some(Step::All { prefix, root });
                }
                false
            }
        };
        if !wanted {
            self.seen.left_alone.fetch_add(1, Ordering::Relaxed);
        }
        wanted.then_some(Step::Look(prefix))
    }

    /// Hands an object on, if it is wanted.
    async fn give(
        &self,
        key: String,
        size: u64,
        version: &str,
        root: Option<usize>,
    ) -> Result<(), Unwanted> {
        let below = root.and_then(|root| key.get(root..)).unwrap_or_default();
        if !self.wanted.days.has(below) {
            self.seen.outside.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        // What consoles make to show a folder.
        if size == 0 && key.ends_with('/') {
            self.seen.left_alone.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        if self.wanted.no_logs && layout::is_log(&key) {
            return Ok(());
        }
        let name = self.address.of(&key);
        if self.wanted.left_out.contains(&name) {
            return Ok(());
        }
        let id = blob_id(&name, size, version);
        if self.wanted.known.as_ref().is_some_and(|known| known.has(id)) {
            self.seen.known.fetch_add(1, Ordering::Relaxed);
            return match self.wanted.tell_known {
                true => self.problems.send(Entry::Known(name.into())).map_err(|_| Unwanted),
                false => Ok(()),
            };
        }
        self.found.send(Listed { key, size, id }).await.map_err(|_| Unwanted)
    }

    fn report(&self, prefix: &str, message: &str) {
        let origin = Origin::blob(self.address.of(prefix));
        let problem = Problem::new(origin, Stage::S3, message);
        // If the reader is gone, the problem has no place to go.
        let _ = self.problems.send(Entry::Problem(problem));
    }
}
