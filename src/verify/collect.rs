//! Reads every blob once, in parallel: a hash of each log, the content of each digest.
//!
//! Held is some hundred bytes a log and the digests as parsed, so that memory grows with the number
//! of files, not with their size.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::digest::{Digest, signature_of};
use super::place::{self, Place, Series};
use crate::model::problem::Problem;
use crate::model::time::Time;
use crate::model::window::Window;
use crate::source::{Blob, Body, Entry, Inflater, Limits, Listing, Text};

/// The largest text of a digest or a sidecar that is kept.
const KEPT_MAX: usize = 256 << 20;

/// How much of a text is looked at to tell what it is.
const HEAD: usize = 4096;

/// A log file.
#[derive(Debug)]
pub(super) struct SeenLog {
    pub name: Arc<str>,
    /// What its name says.
    pub of: Option<(String, String)>,
    pub time: Option<Time>,
    /// Whether there may be no digest that names it.
    pub aside: bool,
    /// SHA-256 of its text.
    pub hash: Result<[u8; 32], Flaw>,
}

/// Why a file's text is not what CloudTrail wrote, whatever it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Flaw {
    Trailing(String),
    Unreadable(String),
    Altered(&'static str),
}

/// A digest file.
#[derive(Debug)]
pub(super) struct SeenDigest {
    pub name: Arc<str>,
    /// What its name says.
    pub series: Option<Series>,
    pub content: Result<(Digest, [u8; 32]), String>,
}

/// All that was read.
#[derive(Debug, Default)]
pub struct Collected {
    pub(super) logs: Vec<SeenLog>,
    pub(super) digests: Vec<SeenDigest>,
    /// Signatures by the stem of the digest's name.
    pub(super) signatures: HashMap<String, Vec<String>>,
    pub(super) others: u64,
    /// What could not be listed or opened.
    pub problems: Vec<Problem>,
    /// Bytes as stored.
    pub bytes_read: u64,
}

/// Reads everything that `listing` names. `stop` ends the reading early.
///
/// # Errors
/// Threads that cannot be started.
pub fn collect(
    listing: Listing,
    threads: usize,
    read: &(dyn Fn(u64) + Sync),
    stop: &AtomicBool,
) -> io::Result<Collected> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.max(1))
        .build()
        .map_err(|error| io::Error::other(error.to_string()))?;
    let listing = Mutex::new(listing);
    let parts = pool.broadcast(|_| {
        let mut inflater = Inflater::new(Limits::default());
        let mut part = Collected::default();
        while !stop.load(Ordering::Relaxed) {
            let next = listing.lock().unwrap_or_else(PoisonError::into_inner).next();
            match next {
                None => break,
                Some(Entry::Problem(problem)) => part.problems.push(problem),
                Some(Entry::Blob(blob)) => {
                    let before = part.bytes_read;
                    part.blob(&blob, &mut inflater, stop);
                    read(part.bytes_read - before);
                }
            }
        }
        part
    });
    Ok(parts.into_iter().fold(Collected::default(), Collected::merge))
}

/// The text of a blob, hashed.
struct Hashed {
    hash: Result<[u8; 32], Flaw>,
    /// The text, if it is to be kept.
    kept: Option<Vec<u8>>,
    head: Vec<u8>,
}

impl Collected {
    fn merge(mut self, other: Collected) -> Collected {
        self.logs.extend(other.logs);
        self.digests.extend(other.digests);
        for (name, signatures) in other.signatures {
            self.signatures.entry(name).or_default().extend(signatures);
        }
        self.others += other.others;
        self.problems.extend(other.problems);
        self.bytes_read += other.bytes_read;
        self
    }

    fn blob(&mut self, blob: &Blob, inflater: &mut Inflater, stop: &AtomicBool) {
        let place = place::of(&blob.name);
        let keep = matches!(place, Place::Digest(_) | Place::Sidecar(_));
        let hashed = match inflater.open_until(blob, stop) {
            Ok(mut text) => {
                let hashed = hash(&mut text, keep);
                self.bytes_read += text.bytes_read();
                hashed
            }
            Err(problem) => {
                let hash = Err(Flaw::Unreadable(problem.message.clone()));
                self.problems.push(problem);
                Hashed { hash, kept: None, head: Vec::new() }
            }
        };
        // In a bucket a digest's signature is in its metadata.
        if let (Place::Digest(_), Body::Object(object)) = (&place, &blob.body)
            && let Some(signature) = &object.signature
        {
            let stem = place::stem(place::base(&blob.name)).to_owned();
            self.signatures.entry(stem).or_default().push(signature.to_string());
        }
        self.note(&blob.name, place, hashed);
    }

    fn note(&mut self, name: &Arc<str>, place: Place, hashed: Hashed) {
        let name = Arc::clone(name);
        match place {
            Place::Log { account, region, time } => {
                let of = Some((account, region));
                self.logs.push(SeenLog { name, of, time, aside: false, hash: hashed.hash });
            }
            Place::Aside => {
                let hash = hashed.hash;
                self.logs.push(SeenLog { name, of: None, time: None, aside: true, hash });
            }
            Place::Digest(series) => self.digest(name, Some(series), hashed),
            Place::Sidecar(stem) => match hashed.kept.as_deref().and_then(signature_of) {
                Some(signature) => self.signatures.entry(stem).or_default().push(signature),
                None => self.others += 1,
            },
            Place::Other if contains(&hashed.head, b"\"digestS3Object\"") => {
                self.digest(name, None, hashed);
            }
            Place::Other if contains(&hashed.head, b"\"Records\"") => {
                let hash = hashed.hash;
                self.logs.push(SeenLog { name, of: None, time: None, aside: false, hash });
            }
            Place::Other => self.others += 1,
        }
    }

    fn digest(&mut self, name: Arc<str>, series: Option<Series>, hashed: Hashed) {
        let content = match (hashed.hash, hashed.kept) {
            (Ok(hash), Some(text)) => match Digest::parse(&text) {
                Ok(digest) if place::base(&digest.object) != with_gz(place::base(&name)) => {
                    Err(format!("it holds the digest {}", digest.object))
                }
                Ok(digest) => Ok((digest, hash)),
                Err(reason) => Err(format!("it is no digest: {reason}")),
            },
            (Ok(_), None) => Err("its name is not that of a digest, or it is too large".into()),
            (Err(Flaw::Trailing(reason) | Flaw::Unreadable(reason)), _) => Err(reason),
            (Err(Flaw::Altered(reason)), _) => Err(reason.to_owned()),
        };
        self.digests.push(SeenDigest { name, series, content });
    }
}

/// The name of an object as CloudTrail wrote it, from that of a copy.
fn with_gz(base: &str) -> String {
    format!("{}.gz", place::stem(base))
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(text, needle).is_some()
}

/// Hashes a text to its end.
fn hash(text: &mut Text<'_>, keep: bool) -> Hashed {
    let (mut sha, mut len) = (Sha256::new(), 0);
    let (mut head, mut kept) = (Vec::new(), keep.then(Vec::new));
    let end = loop {
        let view = text.text();
        sha.update(view);
        len += view.len() as u64;
        head.extend_from_slice(&view[..view.len().min(HEAD - head.len())]);
        if let Some(all) = &mut kept {
            all.extend_from_slice(view);
        }
        kept = kept.filter(|all| all.len() <= KEPT_MAX);
        let read = view.len();
        text.consume(read);
        match text.fill() {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(cut) => break Err(cut.message),
        }
    };
    let (members, trailing) = text.members();
    let hash = match end {
        Err(message) if trailing => Err(Flaw::Trailing(message)),
        Err(message) => Err(Flaw::Unreadable(message)),
        Ok(()) if members > 1 => {
            Err(Flaw::Trailing(format!("it has {members} gzip members; expected one")))
        }
        Ok(()) if len != text.bytes_inflated() => {
            Err(Flaw::Altered("it begins with a byte order mark, which CloudTrail never writes"))
        }
        Ok(()) => Ok(sha.finalize().into()),
    };
    Hashed { hash, kept, head }
}
