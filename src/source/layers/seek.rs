//! A text that is read from any place in it, as formats need that begin at their end.
//!
//! A file is read as it is. What can be read only once is kept in a file of our own.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::problem::Stage;
use crate::model::window::{Cut, Window};
use crate::source::budget::Budget;
use crate::source::inflate::Text;
use crate::source::spool::Spool;

/// Texts are kept in memory up to this size, and then in a file (8 MiB).
const IN_MEMORY: usize = 8 << 20;

/// What is read from any place.
trait Place: Read + Seek + Send {}

impl<P: Read + Seek + Send> Place for P {}

/// A text that is read from any place. Those that share it may do so at once.
#[derive(Clone)]
pub(super) struct Seekable {
    bytes: Arc<Mutex<dyn Place>>,
    /// How many bytes it has.
    pub size: u64,
    /// How many bytes its pages say that they inflate to, of all that were asked for.
    pub pages: Arc<AtomicU64>,
}

impl Seekable {
    /// The rest of `text`, which is the file at `path` as it is, if there is one. Beside it the fault
    /// that ends it early. `None` when the stop sign was set. `budget` is told how much was read, if
    /// the text is of the blob itself.
    pub fn of(
        text: &mut Text<'_>,
        (path, budget): (Option<&Path>, Option<&Budget>),
        stop: &AtomicBool,
    ) -> Result<Option<(Seekable, Option<Cut>)>, Cut> {
        if let Some(path) = path {
            let file = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
            let (size, file) = file.map_err(|error| unread(&error))?;
            return Ok(Some((Seekable::new(file, size), None)));
        }
        let mut spool = Spool::new(IN_MEMORY);
        let cut = loop {
            let view = text.text();
            spool.add(view);
            let len = view.len();
            text.consume(len);
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            if spool.has_failed() {
                break None;
            }
            match text.fill() {
                Ok(true) => {}
                Ok(false) => break None,
                Err(cut) => break Some(cut),
            }
        };
        budget.iter().for_each(|budget| budget.stored(text.bytes_read()));
        let size = spool.size();
        let file = spool.rewound().map_err(|error| {
            let message = format!("it cannot be kept to be read from its end: {error}");
            Cut { stage: Stage::Read, message }
        })?;
        Ok(Some((Seekable::new(file, size), cut)))
    }

    /// A file of so many bytes.
    pub fn of_file(file: File, size: u64) -> Seekable {
        Seekable::new(file, size)
    }

    fn new(place: impl Place + 'static, size: u64) -> Seekable {
        Seekable { bytes: Arc::new(Mutex::new(place)), size, pages: Arc::default() }
    }

    /// Reads at a place; 0 at the end.
    pub fn read_at(&self, out: &mut [u8], at: u64) -> io::Result<usize> {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.seek(SeekFrom::Start(at))?;
        bytes.read(out)
    }
}

/// What a failed read is to a reader of the text.
pub(super) fn unread(error: &io::Error) -> Cut {
    let message = format!("cannot read it: {error}; expected a readable file");
    Cut { stage: Stage::Read, message }
}
