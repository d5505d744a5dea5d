//! Reads every blob once, in parallel: a hash of each log, the content of each digest.
//!
//! It holds some hundred bytes a log, and the parsed digests. So memory grows with the number of
//! files, not with their size. No blob is read twice, because some can be read only once.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::place::{self, Place};
use super::seen::{Collected, Kept};
use crate::source::hashed::Hashed;
use crate::source::{Blob, Body, Entry, Inflater, Limits, Source};

/// Threads of our own, as many as were asked for.
///
/// # Errors
/// When they cannot be started.
pub(super) fn pool(threads: usize) -> io::Result<rayon::ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build();
    pool.map_err(|error| io::Error::other(error.to_string()))
}

/// Reads everything that `source` gives. `read` is told the size of each blob; `stop` ends the
/// reading early.
///
/// # Errors
/// Threads that cannot be started.
pub fn collect(
    source: &mut dyn Source,
    threads: usize,
    read: &(dyn Fn(u64) + Sync),
    stop: &AtomicBool,
) -> io::Result<Collected> {
    let source = Mutex::new(source);
    let parts = pool(threads)?.broadcast(|_| {
        let mut inflater = Inflater::new(Limits::default());
        let mut part = Collected::default();
        while !stop.load(Ordering::Relaxed) {
            let next = source.lock().unwrap_or_else(PoisonError::into_inner).next(stop);
            match next {
                None => break,
                Some(Entry::Problem(problem)) => part.problems.push(problem),
                // Names of known blobs come only if they were asked for.
                Some(Entry::Known(_)) => {}
                Some(Entry::Blob(blob)) => read(part.blob(&blob, &mut inflater, stop)),
            }
        }
        part
    });
    let mut all = parts.into_iter().fold(Collected::default(), Collected::merge);
    all.interrupted = stop.load(Ordering::Relaxed);
    Ok(all)
}

impl Collected {
    /// Reads a blob; its size as stored.
    pub(super) fn blob(&mut self, blob: &Blob, inflater: &mut Inflater, stop: &AtomicBool) -> u64 {
        let place = place::of(&blob.name);
        if let (Body::Object(object), Place::Digest(_)) = (&blob.body, &place)
            && let Some(signature) = &object.signature
        {
            let stem = place::stem(place::base(&blob.name)).to_owned();
            self.sign(stem, signature);
        }
        let mut kept = Kept::of(&place);
        let (hashed, bytes) = match inflater.open_until(blob, stop) {
            Ok(mut text) => {
                let hashed = Hashed::of(&mut text, |piece| kept.take(piece));
                (hashed, text.bytes_read())
            }
            Err(problem) => {
                let hashed = Hashed::unreadable(problem.message.clone());
                self.problems.push(problem);
                (hashed, 0)
            }
        };
        // A stream that was stopped ends anywhere, which says nothing of the blob.
        if !stop.load(Ordering::Relaxed) {
            self.note(&blob.name, place, &hashed, kept.text(), bytes);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::source::s3::Object;

    #[test]
    fn the_signature_of_an_object_counts_like_a_sidecar() {
        let name = "s3://b/AWSLogs/1/CloudTrail-Digest/r/2026/11/02/\
                    1_CloudTrail-Digest_r_t_r_20261102T010000Z.json.gz";
        let mut object = Object::whole(b"{}".to_vec().into(), None);
        object.signature = Some("AB12".into());
        let blob = Blob { name: Arc::from(name), body: Body::Object(object), id: None };
        let mut collected = Collected::default();
        let mut inflater = Inflater::new(Limits::default());
        assert_eq!(collected.blob(&blob, &mut inflater, &AtomicBool::new(false)), 2);
        let stem = "1_CloudTrail-Digest_r_t_r_20261102T010000Z.json";
        let signatures: Vec<_> = collected.signatures[stem].iter().collect();
        assert_eq!(signatures, ["ab12"]);
        assert_eq!(collected.digests.len(), 1);
    }
}
