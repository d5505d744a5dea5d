//! What was read: one row a blob. Every total is a sum over them, so that a blob that was read
//! twice, by two machines say, counts once.

use sha2::{Digest, Sha256};

use crate::engine::store::runs::{Row, Rows, SHARDS};
use crate::model::files::{File, Files};
use crate::model::other_document::OtherDocument;
use crate::model::outcome::Totals;
use crate::model::time::Time;
use crate::source::hashed::Hash;

/// What one blob gave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counts {
    /// Bytes as stored.
    pub bytes_read: u64,
    /// Bytes of text after inflating.
    pub bytes_inflated: u64,
    /// Records, copies included.
    pub records: u64,
    /// Records that could not be read.
    pub records_bad: u64,
    /// Records of `kms.amazonaws.com`, copies included.
    pub kms_records: u64,
    /// The earliest `eventTime`.
    pub first_event: Option<Time>,
    /// The latest `eventTime`.
    pub last_event: Option<Time>,
    /// Whether there was a problem.
    pub failed: bool,
    /// What it is, if it is no trail log.
    pub other: Option<OtherDocument>,
    /// Whether it could not even be listed, so that the manifest leaves it out.
    pub unlisted: bool,
}

impl Counts {
    /// Counts the time of a record.
    pub fn see(&mut self, time: Time) {
        if self.first_event.is_none_or(|first| time < first) {
            self.first_event = Some(time);
        }
        self.last_event = self.last_event.max(Some(time));
    }
}

/// A blob that was read.
///
/// Ordered by its digest, so that the same blob with the same counts is next to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// SHA-256 of the name and the size, and of the contents if they were hashed.
    digest: [u64; 4],
    counts: Counts,
}

const FAILED: u64 = 1;
const OTHER: u64 = 2;
const HAS_FIRST: u64 = 4;
const HAS_LAST: u64 = 8;
const UNLISTED: u64 = 16;
/// The bits from here on are the number of the kind of document.
const KIND: u32 = 8;

impl Row for Object {
    const WORDS: usize = 12;

    fn write(&self, words: &mut [u64]) {
        let Object { digest: [a, b, c, d], counts } = *self;
        let flag = |set: bool, flag: u64| if set { flag } else { 0 };
        let time = |time: Option<Time>| time.map_or(0, |time| time.0.cast_unsigned());
        words.copy_from_slice(&[
            a,
            b,
            c,
            d,
            counts.bytes_read,
            counts.bytes_inflated,
            counts.records,
            counts.records_bad,
            counts.kms_records,
            time(counts.first_event),
            time(counts.last_event),
            flag(counts.failed, FAILED)
                | counts.other.map_or(0, |kind| OTHER | u64::from(kind as u8) << KIND)
                | flag(counts.unlisted, UNLISTED)
                | flag(counts.first_event.is_some(), HAS_FIRST)
                | flag(counts.last_event.is_some(), HAS_LAST),
        ]);
    }

    fn read(words: &[u64]) -> Object {
        let is = |flag: u64| words[11] & flag != 0;
        let time = |word: u64, flag: u64| is(flag).then_some(Time(word.cast_signed()));
        Object {
            digest: [words[0], words[1], words[2], words[3]],
            counts: Counts {
                bytes_read: words[4],
                bytes_inflated: words[5],
                records: words[6],
                records_bad: words[7],
                kms_records: words[8],
                first_event: time(words[9], HAS_FIRST),
                last_event: time(words[10], HAS_LAST),
                failed: is(FAILED),
                other: is(OTHER).then(|| kind(words[11])).flatten(),
                unlisted: is(UNLISTED),
            },
        }
    }

    fn shard(&self) -> u64 {
        self.digest[0]
    }
}

/// The kind of document in the word of flags.
fn kind(flags: u64) -> Option<OtherDocument> {
    OtherDocument::from_number(u8::try_from(flags >> KIND).ok()?)
}

/// Every blob that was read.
#[derive(Debug)]
pub struct Objects {
    rows: Rows<Object>,
    /// Their names, if those are asked for.
    files: Option<Files>,
}

impl Objects {
    /// No blobs; at most `limit` are held in memory. Their names are kept if `named`.
    pub fn new(limit: usize, named: bool) -> Objects {
        Objects { rows: Rows::new(limit), files: named.then(Files::default) }
    }

    /// Adds a blob. Its size is that as stored, if it was opened; `hash` is the text's, if texts are
    /// hashed at all.
    ///
    /// The digest is that of `NAME NUL SIZE` (decimal; `-` when it was not opened). Where texts are
    /// hashed, `NUL HASH` follows (hex; `-` of what could not be read to its end).
    pub fn add(
        &mut self,
        (name, size): (&str, Option<u64>),
        hash: Option<Option<Hash>>,
        counts: Counts,
    ) {
        let mut line = format!("{name}\0");
        line += &size.map_or("-".into(), |size| size.to_string());
        if let Some(hash) = hash {
            line.push('\0');
            line += &hash.map_or("-".into(), hex::encode);
        }
        let digest = Sha256::digest(line.as_bytes());
        let (words, _) = digest.as_slice().as_chunks::<8>();
        let word = |i: usize| u64::from_be_bytes(words[3 - i]);
        self.rows.push(Object { digest: [word(0), word(1), word(2), word(3)], counts });
        if let Some(files) = self.files.as_mut().filter(|_| !counts.unlisted) {
            let sha256 = hash.flatten().map(hex::encode);
            files.add(name.to_owned(), File { bytes: size, sha256 });
        }
    }

    /// The rows.
    pub fn rows(&self) -> &Rows<Object> {
        &self.rows
    }

    /// The names, if those are asked for.
    pub fn files(&self) -> Option<&Files> {
        self.files.as_ref()
    }

    /// Adds a row of another.
    pub fn add_row(&mut self, row: Object) {
        self.rows.push(row);
    }

    /// Adds a file of another, or how many files others do not name.
    pub fn add_file(&mut self, file: Option<(String, File)>, left_out: u64) {
        if let Some(files) = &mut self.files {
            files.left_out = files.left_out.saturating_add(left_out);
            file.into_iter().for_each(|(name, file)| files.add(name, file));
        }
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: Objects) {
        self.rows.merge(other.rows);
        if let (Some(files), Some(others)) = (&mut self.files, other.files) {
            files.merge(others);
        }
    }

    /// The names, if those were asked for.
    pub fn take_files(&mut self) -> Option<Files> {
        self.files.take()
    }

    /// The totals of all blobs, and their manifest: the sum, modulo 2^256, of their digests, which
    /// does not depend on the order of reading.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn sum(self) -> std::io::Result<(Totals, String)> {
        let (mut totals, mut sum) = (Totals::default(), [0; 4]);
        let sharded = self.rows.sharded();
        for shard in 0..SHARDS {
            let mut rows = sharded.shard(shard).rows()?;
            let mut before = None;
            while let Some((object, _)) = rows.next()? {
                if before.replace(object) != Some(object) {
                    if !object.counts.unlisted {
                        add(&mut sum, object.digest);
                    }
                    count(&mut totals, &object.counts);
                }
            }
        }
        let [a, b, c, d] = sum;
        Ok((totals, format!("sha256:{d:016x}{c:016x}{b:016x}{a:016x}")))
    }
}

fn count(totals: &mut Totals, counts: &Counts) {
    totals.blobs += 1;
    totals.blobs_failed += u64::from(counts.failed);
    if let Some(kind) = counts.other {
        totals.blobs_other += 1;
        *totals.blobs_other_kinds.entry(kind).or_default() += 1;
    }
    totals.bytes_read = totals.bytes_read.saturating_add(counts.bytes_read);
    totals.bytes_inflated = totals.bytes_inflated.saturating_add(counts.bytes_inflated);
    totals.records = totals.records.saturating_add(counts.records);
    totals.records_bad = totals.records_bad.saturating_add(counts.records_bad);
    totals.kms_records = totals.kms_records.saturating_add(counts.kms_records);
    totals.first_event = [totals.first_event, counts.first_event].into_iter().flatten().min();
    totals.last_event = totals.last_event.max(counts.last_event);
}

/// Adds two numbers of four words, the lowest first.
fn add(sum: &mut [u64; 4], other: [u64; 4]) {
    let mut carry = false;
    for (mine, theirs) in sum.iter_mut().zip(other) {
        let (one, over) = mine.overflowing_add(theirs);
        let (two, over_again) = one.overflowing_add(u64::from(carry));
        (*mine, carry) = (two, over | over_again);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(files: &[(&str, Option<u64>)], hash: Option<Option<Hash>>) -> (Totals, String) {
        let mut objects = Objects::new(1, false);
        for (name, size) in files {
            let counts = Counts { records: 2, failed: size.is_none(), ..Counts::default() };
            objects.add((name, *size), hash, counts);
        }
        objects.sum().unwrap()
    }

    #[test]
    fn the_manifest_does_not_depend_on_order_and_tells_sizes_and_contents_apart() {
        let (a, b, c) = (("a", Some(1)), ("b", Some(2)), ("c", None));
        let manifest = |files: &[(&str, Option<u64>)]| sum(files, None).1;
        assert_eq!(manifest(&[a, b, c]), manifest(&[c, a, b]));
        assert_ne!(manifest(&[a, b]), manifest(&[a, ("b", Some(3))]));
        assert_ne!(sum(&[a], Some(None)).1, manifest(&[a]));
        assert_ne!(sum(&[a], Some(Some([1; 32]))).1, sum(&[a], Some(Some([2; 32]))).1);
        // printf 'a\0001' | sha256sum
        let alone = hex::encode(Sha256::digest(b"a\x001"));
        assert_eq!(manifest(&[a]), format!("sha256:{alone}"));
    }

    #[test]
    fn a_blob_that_was_read_twice_counts_once() {
        let (a, b) = (("a", Some(1)), ("b", None));
        let once = sum(&[a, b], None);
        assert_eq!(sum(&[b, a, a, b], None), once);
        assert_eq!((once.0.blobs, once.0.blobs_failed, once.0.records), (2, 1, 4));
    }

    #[test]
    fn rows_read_back() {
        let counts = Counts {
            bytes_read: 1,
            bytes_inflated: 2,
            records: 3,
            records_bad: 4,
            kms_records: 5,
            first_event: Some(Time(-6)),
            last_event: None,
            failed: true,
            other: Some(OtherDocument::S3Notice),
            unlisted: true,
        };
        let object = Object { digest: [7, 8, 9, 10], counts };
        let mut words = [0; Object::WORDS];
        object.write(&mut words);
        assert_eq!(Object::read(&words), object);
    }
}
