//! An object on its way from S3 to a reader.

use std::fmt;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// What is said of an object that nobody will ever read.
pub const GONE: &str = "it is not there any more";

/// The bytes of an object: all of them, or as they come.
///
/// While it lives, its bytes count as taken.
#[derive(Clone)]
pub struct Object {
    bytes: Arc<Mutex<Held>>,
    /// The digest signature in its metadata, in hex (`x-amz-meta-signature`).
    pub signature: Option<Arc<str>>,
    /// How many bytes it has.
    pub size: u64,
}

/// The room in memory that an object has reserved. Dropping it frees the room.
type Permit = Option<OwnedSemaphorePermit>;

enum Held {
    Whole(Bytes, Permit),
    #[cfg_attr(not(feature = "s3"), expect(dead_code, reason = "only S3 sends chunks"))]
    Coming(mpsc::Receiver<io::Result<Bytes>>, Permit),
    Taken,
}

/// What is given of an object.
pub enum Given {
    /// All bytes.
    Whole(Bytes),
    /// A stream of them.
    Coming(Box<dyn Read + Send>),
}

impl Object {
    /// One that is there.
    pub fn whole(bytes: Bytes, permit: Option<OwnedSemaphorePermit>) -> Object {
        let size = bytes.len() as u64;
        let bytes = Arc::new(Mutex::new(Held::Whole(bytes, permit)));
        Object { bytes, signature: None, size }
    }

    /// One that is still coming.
    #[cfg(feature = "s3")]
    pub(super) fn coming(
        chunks: mpsc::Receiver<io::Result<Bytes>>,
        size: u64,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Object {
        let bytes = Arc::new(Mutex::new(Held::Coming(chunks, permit)));
        Object { bytes, signature: None, size }
    }

    /// The same bytes once more, if all of them are there. They take no room of the transfer.
    pub fn again(&self) -> Option<Object> {
        let held = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let Held::Whole(bytes, _) = &*held else { return None };
        let signature = self.signature.clone();
        Some(Object { signature, ..Object::whole(bytes.clone(), None) })
    }

    /// The bytes. Those that are still coming can be had once.
    pub fn give(&self) -> Given {
        let mut held = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *held, Held::Taken) {
            Held::Whole(bytes, permit) => {
                *held = Held::Whole(bytes.clone(), permit);
                Given::Whole(bytes)
            }
            Held::Coming(chunks, permit) => {
                let chunk = Bytes::new();
                Given::Coming(Box::new(Chunks { chunks, chunk, left: self.size, _permit: permit }))
            }
            Held::Taken => Given::Whole(Bytes::new()),
        }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("size", &self.size).finish_non_exhaustive()
    }
}

/// Two are the same if they are one.
impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        Arc::ptr_eq(&self.bytes, &other.bytes)
    }
}

impl Eq for Object {}

/// Reads chunks as they come. Not to be used on the runtime that sends them.
struct Chunks {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    chunk: Bytes,
    /// How many bytes are still to come.
    left: u64,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Read for Chunks {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => {
                    self.chunk = chunk?;
                    self.left = self.left.saturating_sub(self.chunk.len() as u64);
                }
                None if self.left > 0 => {
                    self.left = 0;
                    return Err(io::Error::other("the transfer ended before the object did"));
                }
                None => return Ok(0),
            }
        }
        let len = self.chunk.len().min(out.len());
        out[..len].copy_from_slice(&self.chunk.split_to(len));
        Ok(len)
    }
}
