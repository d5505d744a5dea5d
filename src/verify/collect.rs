//! Reads every blob once, in parallel: a hash of each log, the content of each digest.
//!
//! It holds some hundred bytes a log, and the parsed digests. So memory grows with the number of
//! files, not with their size. No blob is read twice, because some can be read only once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::place::{self, Place};
use super::seen::{Collected, Kept};
use crate::model::problem::Problem;
use crate::source::hashed::Hashed;
use crate::source::{At, Blob, Body, Source, Taken, Text, Visitor, Workers, pool, read_all};

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
    let workers = Workers { pool: &pool(threads)?, stop, beat: read };
    let all = read_all(source, workers, |_| Collector { part: Collected::default(), stop });
    let names = all.names;
    let all = all.found.into_iter().fold(Collected::default(), Collected::merge);
    let mut all = Collected { names, ..all };
    all.interrupted = stop.load(Ordering::Relaxed);
    Ok(all)
}

/// Collects what one worker reads.
struct Collector<'a> {
    part: Collected,
    stop: &'a AtomicBool,
}

impl Visitor for Collector<'_> {
    type Found = Collected;

    fn problem(&mut self, problem: Problem) {
        self.part.problems.push(problem);
    }

    // Names of known blobs come only if they were asked for.
    fn known(&mut self, _: &Arc<str>) {}

    fn blob(&mut self, At { blob, .. }: At<'_>, text: Result<&mut Text<'_>, Problem>) -> Taken {
        let place = place::of(&blob.name);
        self.part.sign_as_stored(blob, &place);
        let mut kept = Kept::of(&place);
        let (hashed, bytes) = match text {
            Ok(text) => {
                let hashed = Hashed::of(text, |piece| kept.take(piece));
                (hashed, text.bytes_read())
            }
            Err(problem) => {
                let hashed = Hashed::unreadable(problem.message.clone());
                self.part.problems.push(problem);
                (hashed, 0)
            }
        };
        // A stream that was stopped ends anywhere, which says nothing of the blob.
        if !self.stop.load(Ordering::Relaxed) {
            self.part.note(&blob.name, place, &hashed, kept.text(), bytes);
        }
        match hashed.cut {
            Some(cut) if cut.stage.may_pass() => Taken::Part,
            _ => Taken::Whole,
        }
    }

    fn finish(self) -> Collected {
        self.part
    }
}

impl Collected {
    /// Keeps the signature that S3 gives with a digest.
    fn sign_as_stored(&mut self, blob: &Blob, place: &Place) {
        if let (Body::Object(object), Place::Digest(_)) = (&blob.body, place)
            && let Some(signature) = &object.signature
        {
            let stem = place::stem(place::base(&blob.name)).to_owned();
            self.sign(stem, signature);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::source::Entry;
    use crate::source::s3::Object;

    #[test]
    fn the_signature_of_an_object_counts_like_a_sidecar() {
        let name = "s3://b/AWSLogs/1/CloudTrail-Digest/r/2026/11/02/\
                    1_CloudTrail-Digest_r_t_r_20261102T010000Z.json.gz";
        let mut object = Object::whole(b"{}".to_vec().into(), None);
        object.signature = Some("AB12".into());
        let blob = Blob { name: Arc::from(name), body: Body::Object(object), token: None };
        let (stop, bytes) = (AtomicBool::new(false), AtomicU64::new(0));
        let read = |more| {
            bytes.fetch_add(more, Ordering::Relaxed);
        };
        let mut source = vec![Entry::Blob(blob)].into_iter();
        let collected = collect(&mut source, 1, &read, &stop).unwrap();
        assert_eq!(bytes.into_inner(), 2);
        let stem = "1_CloudTrail-Digest_r_t_r_20261102T010000Z.json";
        let signatures: Vec<_> = collected.signatures[stem].iter().collect();
        assert_eq!(signatures, ["ab12"]);
        assert_eq!(collected.digests.len(), 1);
    }
}
