//! Reads the text of a blob. Only this room names a decoder.
//!
//! There are two ways. A small regular file is read whole and inflated whole, which is nearly twice
//! as fast. Everything else is streamed: large files, pipes, other compressions, and whatever the fast way finds
//! corrupt, because that way gives nothing of a broken stream. Both must give the same bytes and
//! agree on whether there is a [`Cut`]: a record must not depend on the size of its file. There is
//! one exception, and a test pins it down: libdeflate reads reserved codes that zlib refuses. If the
//! checksum then proves the text right, the fast way gives all of it and the stream only a beginning.
//!
//! One [`Inflater`] serves one worker. It reuses its buffers and keeps them initialised, so that the
//! usual blob costs four system calls and no page faults.

mod gzip;
mod input;
mod lz4;
mod stepped;
mod stream;
mod terms;
#[cfg(test)]
mod tests;
mod text;
mod whole;
mod zstd;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;

use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::model::window::Cut;

use super::blob::{Blob, Body};
use super::budget::Budget;
use super::s3::Given;
use super::stoppable::Stoppable;
use input::Input;
use stream::Feed;
pub(in crate::source) use stream::sniff;
pub use terms::{Compression, Limits};
pub use text::Text;
use text::{Ready, Stats};
use whole::Whole;

const MIB: usize = 1 << 20;
/// The first read of a file that claims to be empty, as those of `/proc` do.
const FIRST_READ: usize = 8 << 10;
/// Buffers above these sizes are given back as soon as a blob can do without.
const KEEP_RAW: usize = 8 * MIB;
const KEEP_TEXT: usize = 32 * MIB;
/// Deflate cannot expand further: a length trailer that claims more is a lie.
const DEFLATE_MAX_RATIO: usize = 1032;

/// Reads blobs one after another. One per worker.
#[derive(Debug)]
pub struct Inflater {
    limits: Limits,
    /// Compressed bytes of a blob read whole; its text if it is plain.
    raw: Vec<u8>,
    /// Inflated text: all of it, or the window of a stream.
    text: Vec<u8>,
    /// `None` if there was no memory for it: everything is streamed then.
    whole: Option<Whole>,
}

impl Inflater {
    /// An inflater that has allocated no buffer yet.
    pub fn new(limits: Limits) -> Self {
        Inflater { limits, raw: Vec::new(), text: Vec::new(), whole: Whole::new() }
    }

    /// Opens a blob. Does not wait for a pipe's first byte, only for its writer.
    ///
    /// # Errors
    /// When the file cannot be opened, or not even its first byte be read. Everything later is a
    /// [`Cut`] after the text that could be read.
    pub fn open<'a>(&'a mut self, blob: &Blob) -> Result<Text<'a>, Problem> {
        static NEVER: AtomicBool = AtomicBool::new(false);
        self.open_until(blob, &NEVER)
    }

    /// The same; a stream ends when `stop` is set, even while it is silent.
    ///
    /// # Errors
    /// As for [`open`](Inflater::open).
    pub fn open_until<'a>(
        &'a mut self,
        blob: &Blob,
        stop: &'a AtomicBool,
    ) -> Result<Text<'a>, Problem> {
        match &blob.body {
            Body::Stdin => {
                let reader = Stoppable::new(io::stdin(), stop);
                Ok(self.open_bytes(&blob.name, Box::new(reader)))
            }
            Body::Object(object) => Ok(match object.give() {
                Given::Whole(bytes) => self.open_held(&blob.name, bytes),
                Given::Coming(reader) => {
                    self.open_bytes(&blob.name, Box::new(Stoppable::new(reader, stop)))
                }
            }),
            Body::Member => {
                let message = "it is in an archive, and is read with it";
                Err(Problem::new(Origin::blob(Arc::clone(&blob.name)), Stage::Read, message))
            }
            Body::Listed { .. } => {
                let message = "it was listed and not fetched";
                Err(Problem::new(Origin::blob(Arc::clone(&blob.name)), Stage::S3, message))
            }
            Body::File(path) => self.open_file(&blob.name, path, stop).map_err(|(doing, error)| {
                let message = format!("cannot {doing} it: {error}; expected a readable file");
                Problem::new(Origin::blob(Arc::clone(&blob.name)), Stage::Read, message)
            }),
        }
    }

    /// Streams whatever `reader` gives.
    ///
    /// A read that gives little is passed on as it is, one that is interrupted is repeated.
    pub fn open_bytes<'a>(&'a mut self, name: &Arc<str>, reader: Box<dyn Read + 'a>) -> Text<'a> {
        let stats = Stats::default();
        Self::stream(name, &self.limits, &mut self.text, Input::new(reader, None), stats)
    }

    /// Opens what lies inside another text. As with files, small ones are read whole.
    pub(super) fn open_inner<'a>(&'a mut self, name: &Arc<str>, inner: Inner<'a>) -> Text<'a> {
        let Inner { reader, size, stored, budget } = inner;
        let stats = Stats { size_on_disk: stored, held: stored, ..Stats::default() };
        let (input, stats) = match size.filter(|size| *size <= self.limits.whole_compressed) {
            None => (Input::new(reader, size), stats),
            Some(size) => match self.load(reader, size) {
                Ok(Loaded::All(len)) => {
                    return self.open_loaded(name, len, stats, Some(budget));
                }
                Ok(Loaded::Part(len, rest)) => {
                    (Input::new(Box::new(self.raw[..len].chain(rest)), None), stats)
                }
                Err(error) => (Input::new(Box::new(Failing(Some(error))), None), stats),
            },
        };
        make_room(&mut self.text, self.limits.window.max(1), KEEP_TEXT);
        let feed = Feed::new(input, &self.limits, Some(budget));
        Text::stream(name, &self.limits, &mut self.text, feed, stats)
    }

    /// The text of an object that is there.
    fn open_held(&mut self, name: &Arc<str>, bytes: Bytes) -> Text<'_> {
        let size = bytes.len() as u64;
        let mut stats = Stats { size_on_disk: Some(size), ..Stats::default() };
        if sniff(&bytes) == Some(Compression::Gzip)
            && let Some((text_len, members, cut)) = self.inflate_whole(&bytes, u64::MAX)
        {
            (stats.held, stats.kind) = (Some(size), Compression::Gzip);
            stats.members = (members, cut.is_some());
            let ready = Ready { memory: &mut self.text, len: text_len, cut };
            return Text::ready(name, ready, stats);
        }
        let input = Input::new(Box::new(io::Cursor::new(bytes)), Some(size));
        Self::stream(name, &self.limits, &mut self.text, input, stats)
    }

    fn open_file<'a>(
        &'a mut self,
        name: &Arc<str>,
        path: &Path,
        stop: &'a AtomicBool,
    ) -> Result<Text<'a>, Failure> {
        let file = File::open(path).map_err(|error| ("open", error))?;
        let meta = file.metadata().map_err(|error| ("look at", error))?;
        if !meta.is_file() {
            // A pipe, or a device such as /dev/stdin, named on the command line.
            return Ok(self.open_bytes(name, Box::new(Stoppable::new(file, stop))));
        }
        let size = meta.len();
        let stats = Stats { size_on_disk: Some(size), ..Stats::default() };
        if size > self.limits.whole_compressed {
            let input = Input::new(Box::new(file), Some(size));
            return Ok(Self::stream(name, &self.limits, &mut self.text, input, stats));
        }
        match self.load(file, size).map_err(|error| ("read", error))? {
            Loaded::All(len) => {
                let stats = Stats { held: Some(len as u64), ..stats };
                Ok(self.open_loaded(name, len, stats, None))
            }
            Loaded::Part(len, rest) => {
                let input = Input::new(Box::new(self.raw[..len].chain(rest)), None);
                Ok(Self::stream(name, &self.limits, &mut self.text, input, stats))
            }
        }
    }

    /// Reads a file into `raw`, with one call if it has the size it claims.
    fn load<'r>(&mut self, mut file: impl Read + 'r, size: u64) -> io::Result<Loaded<'r>> {
        let limit = usize::try_from(self.limits.whole_compressed).unwrap_or(usize::MAX - 1) + 1;
        let size = usize::try_from(size).unwrap_or(usize::MAX - 1);
        // One byte more than claimed: a read that leaves it free has met the end.
        make_room(&mut self.raw, (size + 1).max(FIRST_READ), KEEP_RAW);
        let mut len = 0;
        loop {
            if len == self.raw.len() {
                if len >= limit {
                    return Ok(Loaded::Part(len, Box::new(file)));
                }
                self.raw.resize((len * 2).min(limit), 0);
            }
            match file.read(&mut self.raw[len..]) {
                Ok(0) => return Ok(Loaded::All(len)),
                Ok(n) => len += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if len == 0 => return Err(error),
                Err(error) => return Ok(Loaded::Part(len, Box::new(Failing(Some(error))))),
            }
            if len == size {
                return Ok(Loaded::All(len));
            }
        }
    }

    /// The text of the blob in `raw[..len]`.
    fn open_loaded<'a>(
        &'a mut self,
        name: &Arc<str>,
        len: usize,
        mut stats: Stats,
        budget: Option<&'a Budget>,
    ) -> Text<'a> {
        let spend = |text: usize| budget.iter().for_each(|budget| budget.spend(text as u64));
        stats.kind = sniff(&self.raw[..len]).unwrap_or(Compression::Plain);
        match stats.kind {
            Compression::Plain => {
                spend(len);
                let ready = Ready { memory: &mut self.raw, len, cut: None };
                return Text::ready(name, ready, stats);
            }
            Compression::Gzip => {
                let raw = std::mem::take(&mut self.raw);
                let left = budget.map_or(u64::MAX, Budget::left);
                let whole = self.inflate_whole(&raw[..len], left);
                self.raw = raw;
                if let Some((text_len, members, cut)) = whole {
                    spend(text_len);
                    stats.members = (members, cut.is_some());
                    let ready = Ready { memory: &mut self.text, len: text_len, cut };
                    return Text::ready(name, ready, stats);
                }
            }
            Compression::Zstd | Compression::Bzip2 | Compression::Xz | Compression::Lz4 => {}
        }
        let input = Input::new(Box::new(&self.raw[..len]), Some(len as u64));
        make_room(&mut self.text, self.limits.window.max(1), KEEP_TEXT);
        let feed = Feed::new(input, &self.limits, budget);
        Text::stream(name, &self.limits, &mut self.text, feed, stats)
    }

    /// Inflates the gzip members in `raw` into `text`, up to `most` bytes; `None` if that is for the
    /// stream.
    fn inflate_whole(&mut self, raw: &[u8], most: u64) -> Option<(usize, u64, Option<Cut>)> {
        // Up to the floor no ratio is asked, so that only the stream need know about bombs.
        let floor = usize::try_from(self.limits.ratio_floor.min(most)).unwrap_or(usize::MAX);
        let cap = self.limits.whole_inflated.min(floor);
        let claim = claimed_size(raw)?;
        if claim > cap {
            return None;
        }
        make_room(&mut self.text, claim.max(FIRST_READ).min(cap), KEEP_TEXT);
        let done = self.whole.as_mut()?.inflate(raw, &mut self.text, cap)?;
        let left = raw.len() - done.used;
        let cut = (left > 0).then(|| gzip::trailing_data(done.used as u64, Some(left as u64)));
        Some((done.text, done.members, cut))
    }

    fn stream<'a>(
        name: &Arc<str>,
        limits: &Limits,
        memory: &'a mut Vec<u8>,
        input: Input<'a>,
        stats: Stats,
    ) -> Text<'a> {
        make_room(memory, limits.window.max(1), KEEP_TEXT);
        Text::stream(name, limits, memory, Feed::new(input, limits, None), stats)
    }
}

/// What lies inside another text.
pub(super) struct Inner<'a> {
    /// Its bytes.
    pub reader: Box<dyn Read + 'a>,
    /// How many the reader gives, if that is known.
    pub size: Option<u64>,
    /// How many it takes as stored, if that is known before.
    pub stored: Option<u64>,
    /// How much text may come of it.
    pub budget: &'a Budget,
}

/// What could not be done to a file, and why.
type Failure = (&'static str, io::Error);

/// A file's bytes in `Inflater::raw`: all of them, or the first ones and where the rest comes from.
enum Loaded<'r> {
    All(usize),
    Part(usize, Box<dyn Read + 'r>),
}

/// Ends a blob whose first part could be read with the error that stopped the reading.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Makes `buffer` at least `need` bytes long, its content lost; gives back what a big blob left.
fn make_room(buffer: &mut Vec<u8>, need: usize, keep: usize) {
    if buffer.len() > keep && need <= keep {
        *buffer = Vec::new();
    }
    if buffer.len() < need {
        // Freed first, so that old and new are never held together. A fresh zeroed vector comes
        // from the system as it is: zeros are not written, untouched pages not even allocated.
        let half_more = buffer.len().saturating_mul(3) / 2;
        *buffer = Vec::new();
        *buffer = vec![0; if need <= keep { need.max(half_more).min(keep) } else { need }];
    }
}

/// The size that the last gzip member claims to have, where it can be true; `None` if `raw` is
/// too short for a member. Only a guess for the first allocation: it lies modulo 4 GiB, names the
/// last member alone, and is any four bytes if something follows the stream.
fn claimed_size(raw: &[u8]) -> Option<usize> {
    let claim = u32::from_le_bytes(*raw.last_chunk()?) as usize;
    let possible = raw.len().saturating_mul(DEFLATE_MAX_RATIO);
    Some(if claim > possible { raw.len().saturating_mul(8) } else { claim })
}
