//! Reads all that a source gives, in parallel: the one loop over blobs of every command.
//!
//! Each worker has a visitor of its own. It takes entries until there are none or the stop sign is
//! set, opens blobs, and hands their texts to its visitor; in the end the visitor says what it found.
//! Visitors share nothing that this file knows of, so that what is found cannot depend on which
//! worker reads what.
//!
//! What must stay true: the token of a blob is handed on only if its visitor has all of it, and if
//! nothing had ended the reading by then; that of a blob that cannot be opened never is. An entry goes
//! to exactly one visitor. Which kind of visitor that is, is known when this is compiled: nothing is
//! looked up for each record.

#[cfg(test)]
mod tests;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::blob::Blob;
use super::entry::{Entry, Source};
use super::inflate::{Inflater, Limits};
use super::layers::Layers;
use super::visitor::{At, Taken, Visitor};
use crate::model::path_names::PathNames;
use crate::model::token::Token;

/// Who reads, until when, and who hears of it.
#[derive(Clone, Copy)]
pub struct Workers<'a> {
    /// The threads.
    pub pool: &'a rayon::ThreadPool,
    /// Ends the reading early.
    pub stop: &'a AtomicBool,
    /// Is told of each blob that is read how many bytes it has as stored.
    pub beat: &'a (dyn Fn(u64) + Sync),
}

/// What came of it.
#[derive(Debug)]
pub struct AllRead<F> {
    /// What each worker's visitor found.
    pub found: Vec<F>,
    /// The tokens of the blobs that were read whole.
    pub tokens: Vec<Token>,
    /// What the paths of members of archives say.
    pub names: PathNames,
}

/// The system gives no more threads.
#[derive(Debug, thiserror::Error)]
#[error("{threads} threads cannot be started: {why}")]
pub struct NoThreads {
    threads: usize,
    why: String,
}

/// Threads of our own, as many as were asked for.
///
/// # Errors
/// [`NoThreads`] when they cannot be started.
pub fn pool(threads: usize) -> io::Result<rayon::ThreadPool> {
    let threads = threads.max(1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|error| io::Error::other(NoThreads { threads, why: error.to_string() }))
}

/// Reads everything that `source` gives. `visitor` makes the visitor of a worker, by its number.
pub fn read_all<V: Visitor>(
    source: &mut dyn Source,
    workers: Workers<'_>,
    visitor: impl Fn(usize) -> V + Sync,
) -> AllRead<V::Found> {
    let shared = Mutex::new((0, source));
    let parts = workers.pool.broadcast(|worker| {
        let visitor = visitor(worker.index());
        let inflater = Inflater::new(Limits::default());
        let layers = Layers::new(Limits::default());
        Worker { shared: &shared, workers, inflater, layers, visitor, tokens: Vec::new() }.run()
    });
    let mut all = AllRead { found: Vec::new(), tokens: Vec::new(), names: PathNames::default() };
    for (found, tokens, names) in parts {
        all.found.push(found);
        all.tokens.extend(tokens);
        all.names.merge(&names);
    }
    all
}

/// How many blobs the source gave, and the source.
type Shared<'s> = Mutex<(u64, &'s mut dyn Source)>;

struct Worker<'a, 's, V> {
    shared: &'a Shared<'s>,
    workers: Workers<'a>,
    inflater: Inflater,
    layers: Layers,
    visitor: V,
    tokens: Vec<Token>,
}

impl<V: Visitor> Worker<'_, '_, V> {
    fn run(mut self) -> (V::Found, Vec<Token>, PathNames) {
        while !self.is_stopped() {
            match self.next() {
                None => break,
                Some((_, Entry::Problem(problem))) => self.visitor.problem(problem),
                Some((_, Entry::Known(name))) => self.visitor.known(&name),
                Some((sequence, Entry::Blob(blob))) => self.read(blob, sequence),
            }
        }
        (self.visitor.finish(), self.tokens, self.layers.names)
    }

    fn is_stopped(&self) -> bool {
        self.workers.stop.load(Ordering::Relaxed) || !self.visitor.goes_on()
    }

    /// The next entry, and the number of blobs before it.
    fn next(&self) -> Option<(u64, Entry)> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = shared.1.next(self.workers.stop)?;
        let sequence = shared.0;
        shared.0 += u64::from(matches!(entry, Entry::Blob(_)));
        Some((sequence, entry))
    }

    fn read(&mut self, blob: Blob, sequence: u64) {
        let at = At { blob: &blob, given: &blob, sequence };
        let (bytes, taken) = match self.visitor.unopened(at) {
            Some(bytes) => (bytes, Taken::Whole),
            None => self.open(at),
        };
        self.visitor.done(sequence);
        // Whatever ends the reading may have cut this blob too.
        if taken == Taken::Whole && !self.is_stopped() {
            self.tokens.extend(blob.token);
        }
        (self.workers.beat)(bytes);
    }

    /// Opens a blob for the visitor; how many bytes of it were read.
    fn open(&mut self, at: At<'_>) -> (u64, Taken) {
        match self.inflater.open_until(at.blob, self.workers.stop) {
            Ok(mut text) => {
                let visitor = (&mut self.visitor, self.workers.stop);
                let taken = self.layers.read((at.blob, at.sequence), &mut text, visitor);
                (text.bytes_read(), taken)
            }
            Err(problem) => {
                // Whatever the visitor makes of it, it has nothing.
                self.visitor.blob(at, Err(problem));
                (0, Taken::Part)
            }
        }
    }
}
