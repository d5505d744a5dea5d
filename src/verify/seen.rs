//! What was read: logs by their hashes, digests by their content, signatures.
//!
//! The name of a file says what it is; if not, the beginning of its text does. What must stay true:
//! nothing that was read is forgotten, and a file that is neither log, digest nor signature is
//! counted.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::digest::{Digest, signatures_of};
use super::place::{self, Place, Series};
use crate::model::path_names::PathNames;
use crate::model::problem::Problem;
use crate::model::time::Time;
use crate::source::gate::ReadBefore;
use crate::source::hashed::{Flaw, Hash, Hashed};

/// The largest text of a digest or of signatures that is kept.
const KEPT_MAX: usize = 256 << 20;

/// The usual period of a digest, in microseconds.
const HOUR: i64 = 3_600_000_000;

/// A log file.
#[derive(Debug)]
pub(super) struct SeenLog {
    pub name: Arc<str>,
    /// The account and Region in its name.
    pub of: Option<(String, String)>,
    pub time: Option<Time>,
    /// Whether digests may leave it out (insights, network activity, aggregated events).
    pub aside: bool,
    /// SHA-256 of its text.
    pub hash: Result<Hash, Flaw>,
}

/// A digest file.
#[derive(Debug)]
pub(super) struct SeenDigest {
    pub name: Arc<str>,
    /// What its name says.
    pub series: Option<Series>,
    pub content: Result<(Digest, Hash), String>,
}

impl SeenDigest {
    /// The period that the digest covers. If it cannot be read, the hour before the time in its name.
    pub fn period(&self) -> Option<(Time, Time)> {
        match &self.content {
            Ok((digest, _)) => digest.period(),
            Err(_) => place::end_of(&self.name).map(|end| (Time(end.0 - HOUR), end)),
        }
    }
}

/// All that was read.
#[derive(Debug, Default)]
pub struct Collected {
    pub(super) logs: Vec<SeenLog>,
    pub(super) digests: Vec<SeenDigest>,
    /// Signatures in lower-case hex, by the stem of the digest's name.
    pub(super) signatures: HashMap<String, BTreeSet<String>>,
    /// Files that are neither logs nor digests nor signatures.
    pub(super) others: u64,
    /// Files beside an object that hold no signature.
    pub(super) unsigned: u64,
    /// The digests and the files of signatures that were read.
    pub(super) read: HashMap<Arc<str>, ReadBefore>,
    /// Logs that an earlier run has read, by the stem of their names.
    pub(super) earlier: BTreeSet<String>,
    /// What the paths of members of archives say.
    pub names: PathNames,
    /// What could not be listed or opened.
    pub problems: Vec<Problem>,
    /// Whether there was more to read.
    pub interrupted: bool,
}

/// The text of a blob, if it is to be kept.
#[derive(Debug)]
pub(super) struct Kept {
    text: Option<Vec<u8>>,
    /// Whether the first piece decides if the text is kept.
    open: bool,
}

impl Kept {
    /// Whether and what to keep of a file with that name.
    pub fn of(place: &Place) -> Kept {
        let named = matches!(place, Place::Digest(_) | Place::Sidecar(_));
        Kept { text: named.then(Vec::new), open: *place == Place::Other }
    }

    /// Takes the next piece of the text.
    pub fn take(&mut self, piece: &[u8]) {
        if std::mem::take(&mut self.open) && has_signatures(piece) {
            self.text = Some(Vec::new());
        }
        if let Some(text) = &mut self.text {
            text.extend_from_slice(piece);
        }
        if self.text.as_ref().is_some_and(|text| text.len() > KEPT_MAX) {
            self.text = None;
        }
    }

    /// All of it.
    pub fn text(self) -> Option<Vec<u8>> {
        self.text
    }
}

/// Whether a text may consist of lines of `{key, signature}`. Such lines are short, and no record
/// begins like one.
fn has_signatures(piece: &[u8]) -> bool {
    let head = &piece[..piece.len().min(2048)];
    let has = |needle: &[u8]| memchr::memmem::find(head, needle).is_some();
    has(b"\"signature\"") && (has(b"\"key\"") || has(b"\"Key\""))
}

impl Collected {
    pub(super) fn merge(mut self, other: Collected) -> Collected {
        self.logs.extend(other.logs);
        self.digests.extend(other.digests);
        for (name, signatures) in other.signatures {
            self.signatures.entry(name).or_default().extend(signatures);
        }
        self.others += other.others;
        self.unsigned += other.unsigned;
        self.read.extend(other.read);
        self.earlier.extend(other.earlier);
        self.names.merge(&other.names);
        self.problems.extend(other.problems);
        self.interrupted |= other.interrupted;
        self
    }

    /// The account and Region in the name of each log and digest.
    pub fn places(&self) -> impl Iterator<Item = (&str, &str)> {
        let logs = self.logs.iter().filter_map(|log| log.of.as_ref());
        let logs = logs.map(|(account, region)| (account.as_str(), region.as_str()));
        let series = self.digests.iter().filter_map(|digest| digest.series.as_ref());
        logs.chain(series.map(|series| (series.account.as_str(), series.region.as_str())))
    }

    /// Drops everything but digests and signatures: the logs are read again.
    pub fn into_digests(mut self) -> Collected {
        self.logs = Vec::new();
        self.others = 0;
        self
    }

    /// Keeps a signature of the digest whose name has this stem.
    pub(super) fn sign(&mut self, stem: String, signature: &str) {
        let signature = signature.trim().to_ascii_lowercase();
        self.signatures.entry(stem).or_default().insert(signature);
    }

    /// Keeps what was read of a file.
    pub(super) fn note(
        &mut self,
        name: &Arc<str>,
        place: Place,
        hashed: &Hashed,
        kept: Option<Vec<u8>>,
        bytes: u64,
    ) {
        match place {
            Place::Log { account, region, time } => {
                self.log(name, Some((account, region)), time, hashed);
            }
            Place::Aside => self.log(name, None, None, hashed),
            Place::Digest(series) => self.digest(name, Some(series), hashed, kept, bytes),
            Place::Sidecar(stem) => {
                if !self.signatures(Some(&stem), kept.as_deref()) {
                    self.unsigned += 1;
                }
                self.keep_in_mind(name, hashed, bytes);
            }
            Place::Other if self.signatures(None, kept.as_deref()) => {
                self.keep_in_mind(name, hashed, bytes);
            }
            Place::Other if hashed.begins_with(b"\"digestS3Object\"") => {
                self.digest(name, None, hashed, None, bytes);
            }
            Place::Other if holds_records(hashed) => self.log(name, None, None, hashed),
            Place::Other => self.others += 1,
        }
    }

    fn keep_in_mind(&mut self, name: &Arc<str>, hashed: &Hashed, bytes: u64) {
        let hash = hashed.hash.as_ref().ok().copied();
        self.read.insert(Arc::clone(name), ReadBefore { bytes, hash });
    }

    fn log(
        &mut self,
        name: &Arc<str>,
        of: Option<(String, String)>,
        time: Option<Time>,
        hashed: &Hashed,
    ) {
        let aside = place::of(name) == Place::Aside;
        let (name, hash) = (Arc::clone(name), hashed.hash.clone());
        self.logs.push(SeenLog { name, of, time, aside, hash });
    }

    /// Takes the signatures out of a text, and says whether there were any. They belong to the digest
    /// with this `stem`, unless they name another.
    fn signatures(&mut self, stem: Option<&str>, text: Option<&[u8]>) -> bool {
        let found = text.map(signatures_of).unwrap_or_default();
        let mut any = false;
        for (key, signature) in found {
            let named = key.as_deref().map(|key| place::stem(place::base(key)));
            if let Some(stem) = named.or(stem) {
                self.sign(stem.to_owned(), &signature);
                any = true;
            }
        }
        any
    }

    fn digest(
        &mut self,
        name: &Arc<str>,
        series: Option<Series>,
        hashed: &Hashed,
        kept: Option<Vec<u8>>,
        bytes: u64,
    ) {
        self.keep_in_mind(name, hashed, bytes);
        let content = match (&hashed.hash, kept) {
            (Ok(hash), Some(text)) => match Digest::parse(&text) {
                Ok(digest) if place::base(&digest.object) != with_gz(place::base(name)) => {
                    Err(format!("it holds the digest {}", digest.object))
                }
                Ok(digest) => Ok((digest, *hash)),
                Err(reason) => Err(format!("it is no digest: {reason}")),
            },
            (Ok(_), None) => Err("its name is not that of a digest, or it is too large".into()),
            (Err(Flaw::Trailing(reason) | Flaw::Unreadable(reason)), _) => Err(reason.clone()),
            (Err(Flaw::Altered(reason)), _) => Err((*reason).to_owned()),
        };
        self.digests.push(SeenDigest { name: Arc::clone(name), series, content });
    }
}

/// Whether a text begins like one of the forms in which records come.
fn holds_records(hashed: &Hashed) -> bool {
    hashed.begins_with(b"\"Records\"") || hashed.begins_with(b"eventVersion")
}

/// The name of an object as CloudTrail wrote it, from that of a copy.
fn with_gz(base: &str) -> String {
    format!("{}.gz", place::stem(base))
}
