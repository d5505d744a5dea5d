//! Lists what lies below a prefix, with as few requests as the layout allows.
//!
//! Outside of `AWSLogs/` every folder is listed, as on disk. Below it the layout is known. Accounts
//! that nobody asked for and logs of other services are skipped. In a Region's folder names sort by
//! day, so the listing begins at the first day that counts and ends after the last. Many folders are
//! listed at once; the pages of one folder come one after the other.
//!
//! What must stay true: whatever the server answers, memory is bounded, and what is not listed is
//! said. The folder that was found last is listed first, so that few wait. S3 has no empty folders,
//! so a server that names thousands of them in a row makes them up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::Client;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::address::Address;
use super::page::{Ask, Page};
use super::wanted::{Expected, Seen, Wanted, shows_a_folder};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::source::blob::{Body, blob_id};
use crate::source::entry::Entry;
use crate::source::layout::{self, Folder};

/// The queue of objects and problems to the readers.
pub(super) type Sender = std::sync::mpsc::Sender<Entry>;

/// Folders that are listed at once.
const AT_ONCE: usize = 16;

/// What the names of folders that wait to be listed may take (256 MiB).
const WAITING: usize = 256 << 20;

/// What the names of the folders in one folder may take (16 MiB).
const IN_ONE: usize = 16 << 20;

/// Pages without any name that are followed in a row.
const EMPTY_PAGES: u32 = 100;

/// Folders outside of `AWSLogs/` that are listed in a row without meeting an object.
const BARREN: u64 = 2_000;

/// The longest key that S3 has, in bytes.
const KEY_MAX: usize = 1024;

/// An object that was found.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub key: String,
    pub size: u64,
    /// What a listing calls its content; may be empty.
    pub etag: String,
    pub id: [u64; 2],
    /// What it must still be when it is fetched.
    pub expected: Expected,
}

impl Listed {
    /// It, where nothing is to be fetched.
    pub fn unread(&self) -> Body {
        Body::Listed { size: self.size, etag: self.etag.as_str().into() }
    }
}

impl Seen {
    /// Notes what a folder is called.
    pub(super) fn folder(&self, path: &str) {
        if let Some((account, region)) = layout::names(path) {
            self.names().add(&account, region);
        }
    }

    /// Notes the day of an object that is not read; the dates in its key begin at `root`.
    pub(super) fn pass_day(&self, key: &str, root: Option<usize>) {
        if let Some(day) = root.and_then(|root| layout::day(key.get(root..)?)) {
            self.names().add_day(day);
        }
    }
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
    /// Folders outside of `AWSLogs/` that were listed since an object was met.
    pub barren: AtomicU64,
}

/// One folder to be listed.
#[derive(Debug)]
enum Step {
    /// What is in it.
    Look(String),
    /// Everything below it; the dates in its keys begin at byte `root`.
    All { prefix: String, root: usize },
}

impl Step {
    /// What it takes in memory, about.
    fn size(&self) -> usize {
        let (Step::Look(prefix) | Step::All { prefix, .. }) = self;
        prefix.len() + size_of::<Step>()
    }
}

/// Folders that wait to be listed.
#[derive(Debug, Default)]
struct Waiting {
    steps: Vec<Step>,
    /// What they take in memory.
    size: usize,
    /// How many were turned away for want of room.
    turned_away: u64,
}

impl Waiting {
    fn push(&mut self, step: Step) {
        if self.size + step.size() > WAITING {
            self.turned_away += 1;
            return;
        }
        self.size += step.size();
        self.steps.push(step);
    }

    /// The one that was found last.
    fn pop(&mut self) -> Option<Step> {
        let step = self.steps.pop()?;
        self.size -= step.size();
        Some(step)
    }
}

/// The reader is gone.
struct Unwanted;

impl Explorer {
    /// Lists everything.
    pub async fn run(self) {
        let explorer = Arc::new(self);
        let mut waiting = Waiting::default();
        let mut listing = JoinSet::new();
        waiting.push(explorer.first());
        loop {
            while listing.len() < AT_ONCE
                && let Some(step) = waiting.pop()
            {
                let explorer = Arc::clone(&explorer);
                listing.spawn(async move { explorer.step(step).await });
            }
            match listing.join_next().await {
                None => break,
                Some(Ok(Ok(found))) => found.into_iter().for_each(|step| waiting.push(step)),
                Some(Ok(Err(Unwanted))) => return,
                Some(Err(error)) => explorer.report(&explorer.address.prefix, &error.to_string()),
            }
        }
        if waiting.turned_away > 0 {
            let count = waiting.turned_away;
            let message =
                format!("{count} folders are not listed: there are more than memory has room for");
            explorer.report(&explorer.address.prefix, &message);
        }
    }

    /// How to begin: the prefix may end within a name.
    fn first(&self) -> Step {
        let prefix = self.address.prefix.clone();
        let folder = prefix.rfind('/').map_or("", |at| &prefix[..=at]);
        self.seen.folder(folder);
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
        if self.is_barren(&prefix) {
            return Ok(steps);
        }
        let (mut token, mut last, mut empty) = (None, None::<String>, 0);
        let mut ordered = true;
        loop {
            let page = match self.page(&prefix, root, token).await {
                Ok(page) => page,
                Err(message) => {
                    self.report(&prefix, &format!("cannot be listed: {message}"));
                    return Ok(steps);
                }
            };
            let newest = page.newest();
            // Not every server that speaks S3's language sorts.
            ordered &= page.follows(last.as_deref());
            let Page { folders, objects, unread, is_truncated, token: next } = page;
            self.enter(&prefix, (folders, unread), &mut steps);
            for object in objects {
                if !object.key.starts_with(&prefix) || object.key.len() > KEY_MAX {
                    self.report(&prefix, "the listing names an object that is not below it");
                    continue;
                }
                self.barren.store(0, Ordering::Relaxed);
                let over = |root: usize| {
                    object.key.get(root..).is_some_and(|below| self.wanted.days.is_over(below))
                };
                if ordered && root.is_some_and(over) {
                    self.seen.pass_day(&object.key, root);
                    return Ok(steps);
                }
                self.give(object.key, object.size, object.version, root).await?;
            }
            if !is_truncated {
                return Ok(steps);
            }
            // Names ascend from page to page. A page may be empty, but not all of them.
            let is_empty = newest.is_none();
            empty = if is_empty { empty + 1 } else { 0 };
            let leads_nowhere = if is_empty { empty > EMPTY_PAGES } else { newest <= last };
            if next.is_none() || leads_nowhere {
                self.report(&prefix, "cannot be listed to its end: no page brings new names");
                return Ok(steps);
            }
            if steps.iter().map(Step::size).sum::<usize>() > IN_ONE {
                self.report(&prefix, "cannot be listed to its end: it holds too many folders");
                return Ok(steps);
            }
            (last, token) = (newest.or(last), next);
        }
    }

    /// Adds what is to be listed of the folders on a page, beside which names may be unreadable.
    fn enter(&self, prefix: &str, (folders, unread): (Vec<String>, usize), steps: &mut Vec<Step>) {
        for folder in folders {
            // What is not below the prefix was not asked for, and could lead round in a circle.
            if !folder.starts_with(prefix) || folder.len() <= prefix.len() {
                self.report(prefix, "the listing names a folder that is not below it");
            } else if folder.len() > KEY_MAX {
                self.report(prefix, "the listing names a folder that is longer than a key can be");
            } else {
                self.seen.folder(&folder);
                steps.extend(self.below(folder));
            }
        }
        if unread > 0 {
            self.report(prefix, &format!("{unread} names in the listing are no text"));
        }
    }

    /// Whether a folder is not listed, since so many before it led to no object.
    fn is_barren(&self, prefix: &str) -> bool {
        if layout::folder(prefix) != Folder::Outside {
            self.barren.store(0, Ordering::Relaxed);
            return false;
        }
        let before = self.barren.fetch_add(1, Ordering::Relaxed);
        if before == BARREN {
            let message = format!(
                "{BARREN} folders in a row lead to no object, so further ones are not listed; a \
                 longer prefix names where the logs are"
            );
            self.report(&self.address.prefix, &message);
        }
        before >= BARREN
    }

    /// One page of a listing. Dates begin at `root`; without one, folders are named and not entered.
    async fn page(
        &self,
        prefix: &str,
        root: Option<usize>,
        token: Option<String>,
    ) -> Result<Page, String> {
        self.seen.requests.fetch_add(1, Ordering::Relaxed);
        let ask = Ask {
            client: &self.client,
            address: &self.address,
            prefix,
            by_folder: root.is_none(),
            after: root.and_then(|root| self.begin(prefix, root)),
            token,
            requester_pays: self.requester_pays,
        };
        ask.page().await.map_err(|refused| refused.message)
    }

    /// The key behind which the first wanted day begins.
    fn begin(&self, prefix: &str, root: usize) -> Option<String> {
        let from = self.wanted.days.from.as_deref()?;
        let first = format!("{}{from}", prefix.get(..root)?);
        (first.as_str() > prefix).then_some(first)
    }

    /// What is to be listed of a folder, if anything.
    fn below(&self, prefix: String) -> Option<Step> {
        let wanted = match layout::folder(&prefix) {
            Folder::Outside | Folder::Accounts => true,
            Folder::Account { account } => self.wanted.has_account(&account),
            Folder::Service { account, service } => {
                self.wanted.has_account(&account) && self.wanted.has_service(service)
            }
            Folder::Region { account, service, root } => {
                if self.wanted.has_account(&account) && self.wanted.has_service(service) {
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
        etag: String,
        root: Option<usize>,
    ) -> Result<(), Unwanted> {
        let below = root.and_then(|root| key.get(root..)).unwrap_or_default();
        if !self.wanted.days.has(below) {
            self.seen.pass_day(&key, root);
            self.seen.outside.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        if shows_a_folder(&key, size) {
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
        let id = blob_id(&name, size, &etag);
        if self.wanted.known.as_ref().is_some_and(|known| known.has(id)) {
            self.seen.known.fetch_add(1, Ordering::Relaxed);
            return match self.wanted.tell_known {
                true => self.problems.send(Entry::Known(name.into())).map_err(|_| Unwanted),
                false => Ok(()),
            };
        }
        let listed = Listed { key, size, etag, id, expected: Expected::Size };
        self.found.send(listed).await.map_err(|_| Unwanted)
    }

    fn report(&self, prefix: &str, message: &str) {
        let origin = Origin::blob(self.address.of(prefix));
        let problem = Problem::new(origin, Stage::S3, message);
        // If the reader is gone, the problem has no place to go.
        let _ = self.problems.send(Entry::Problem(problem));
    }
}
