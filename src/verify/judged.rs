//! What the digests say about logs: the hash that each log must have, and which digest says so.
//!
//! This is computed once from digests and signatures, and asked for every log. What must stay true: a
//! log is `verified` only if its hash is in a verified digest of its own account. An unsigned digest
//! counts only where no signed one says anything.

use std::collections::HashMap;
use std::io;

use super::digest::{Digest, LogFile};
use super::keys::PublicKeys;
use super::place::{self, Place};
use super::ruling::{self, Ruling, is_hash};
use super::seen::{Collected, SeenLog};
use crate::model::verified::{DigestVerdict, LogVerdict, Verdict as _};
use crate::source::hashed::Flaw;
use crate::source::pool;

/// Everything that was read, with the digests judged.
#[derive(Debug)]
pub struct Judged {
    pub(super) collected: Collected,
    /// The ruling on each digest, in the order of `collected.digests`.
    pub(super) rulings: Vec<Ruling>,
    /// Where digests name a log, by the stem of its name: the number of the digest, and the number of
    /// the log in that digest.
    entries: HashMap<Box<str>, Vec<(u32, u32)>>,
}

/// A log as a digest names it.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub digest: &'a Digest,
    pub log: &'a LogFile,
    pub ruling: &'a Ruling,
}

impl Judged {
    /// Judges the digests of what was read.
    ///
    /// # Errors
    /// Threads that cannot be started.
    pub fn new(collected: Collected, keys: &PublicKeys, threads: usize) -> io::Result<Judged> {
        let rulings = pool(threads)?.install(|| ruling::rule(&collected, keys));
        let mut entries: HashMap<Box<str>, Vec<(u32, u32)>> = HashMap::new();
        for (number, digest) in (0..).zip(&collected.digests) {
            let Ok((digest, _)) = &digest.content else { continue };
            for (at, log) in (0..).zip(&digest.logs) {
                if is_of(digest, log) {
                    let stem = place::stem(place::base(&log.object));
                    entries.entry(stem.into()).or_default().push((number, at));
                }
            }
        }
        Ok(Judged { collected, rulings, entries })
    }

    /// Adds what was read since. Digests that are among it count as malformed: they came too late to
    /// be verified.
    pub(super) fn add(&mut self, more: Collected) {
        self.rulings.extend(more.digests.iter().map(|digest| {
            let reason = digest.content.as_ref().err().map(String::as_str);
            Ruling::new(DigestVerdict::BadFormat, reason.unwrap_or("it was not there before"))
        }));
        self.collected = std::mem::take(&mut self.collected).merge(more);
    }

    /// Whether any digest names a log of that name.
    pub(super) fn names(&self, name: &str) -> bool {
        self.entries.contains_key(place::stem(place::base(name)))
    }

    /// Every log that digests name, by the stem of its name.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, Vec<Named<'_>>)> {
        self.entries.iter().map(|(stem, at)| (&**stem, self.named(at)))
    }

    fn named(&self, at: &[(u32, u32)]) -> Vec<Named<'_>> {
        let named = |&(digest, log): &(u32, u32)| {
            let seen = self.collected.digests.get(digest as usize)?;
            let (content, _) = seen.content.as_ref().ok()?;
            let ruling = self.rulings.get(digest as usize)?;
            Some(Named { digest: content, log: content.logs.get(log as usize)?, ruling })
        };
        at.iter().filter_map(named).collect()
    }

    /// The entry for a log. Entries of verified digests come first, and among them the one whose path
    /// has the most in common with the log's own path.
    pub(super) fn entry(&self, name: &str) -> Option<Named<'_>> {
        self.closest(name).into_iter().next()
    }

    fn closest(&self, name: &str) -> Vec<Named<'_>> {
        let Some(at) = self.entries.get(place::stem(place::base(name))) else {
            return Vec::new();
        };
        let mut named = self.named(at);
        if named.iter().any(|named| named.ruling.is_verified()) {
            named.retain(|named| named.ruling.is_verified());
        }
        let like = |named: &Named<'_>| place::shared(name, &named.log.object);
        let best = named.iter().map(like).max();
        named.retain(|named| Some(like(named)) == best);
        named
    }

    /// What is said of a log that digests name; `None` if none does.
    pub(super) fn log(&self, log: &SeenLog) -> Option<(LogVerdict, String)> {
        let named = self.closest(&log.name);
        let first = named.first()?;
        let hash = match &log.hash {
            Ok(hash) => hash,
            Err(Flaw::Trailing(why)) => return Some((LogVerdict::TrailingData, why.clone())),
            Err(Flaw::Unreadable(why)) => return Some((LogVerdict::Unreadable, why.clone())),
            Err(Flaw::Altered(why)) => return Some((LogVerdict::Modified, (*why).to_owned())),
        };
        let equal = named.iter().find(|named| is_hash(Some(&named.log.hash), hash));
        Some(match equal {
            Some(named) if named.ruling.is_verified() => (LogVerdict::Verified, String::new()),
            Some(Named { digest, ruling, .. }) => {
                let why = ruling.verdict.as_str();
                let detail = format!("its hash agrees with {}, which is {why}", digest.object);
                (LogVerdict::Unreferenced, detail)
            }
            None => {
                let signed = if first.ruling.is_verified() { "signed" } else { "named" };
                let (found, expected) = (hex::encode(hash), &first.log.hash);
                let detail = format!("its SHA-256 is {found}, {signed} is {expected}");
                (LogVerdict::Modified, detail)
            }
        })
    }
}

/// Whether a digest can vouch for a log. CloudTrail signs digests of every customer with the same
/// keys, so a digest counts only for logs of its own account.
fn is_of(digest: &Digest, log: &LogFile) -> bool {
    match place::of(&log.object) {
        Place::Log { account, .. } => account == digest.account,
        _ => true,
    }
}
