//! Blobs behind a gate: hashed first, evaluated only if they are let in.
//!
//! What must stay true: the records that are evaluated are those of the very bytes that were hashed,
//! whoever changes the file meanwhile. A text that is all in memory stays there; one that comes in
//! pieces is kept in a file of our own that has no name, since some blobs can be had only once.

use std::io;
use std::sync::Arc;

use tempfile::SpooledTempFile;

use super::blob::{BlobSink, Stored};
use crate::model::other_document::OtherDocument;
use crate::model::problem::{Problem, Stage};
use crate::record::container::Reader;
use crate::source::gate::{Admission, Gate};
use crate::source::hashed::Hashed;
use crate::source::spool::Spool;
use crate::source::{Inflater, Text};

/// Texts in pieces are kept in memory up to this size, and then in a file (64 MiB).
const IN_MEMORY: usize = 64 << 20;

/// Reads a blob, and evaluates its records if the gate lets it in. The inflater is for texts that
/// were kept.
pub fn read(
    gate: &dyn Gate,
    text: Result<&mut Text<'_>, Problem>,
    (reader, inflater): (&mut Reader, &mut Inflater),
    sink: &mut BlobSink<'_, '_>,
) -> Stored {
    let text = match text {
        Ok(text) => text,
        Err(problem) => {
            gate.decide(&sink.blob.name, &Hashed::unreadable(problem.message.clone()));
            sink.report(None, problem.stage, problem.message);
            return Stored::default();
        }
    };
    if text.is_all_there() {
        let hashed = Hashed::in_view(text);
        if lets_in(gate, &hashed, sink) {
            reader.read(text, sink);
        }
        return stored(text, &hashed, sink);
    }
    let mut held = gate.may_let_in(text.name()).then(|| Spool::new(IN_MEMORY));
    let hashed = Hashed::of(text, |piece| held.iter_mut().for_each(|held| held.add(piece)));
    let stored = stored(text, &hashed, sink);
    // A stream that was stopped ends anywhere, which says nothing of the blob.
    if !sink.shared.stopped() && lets_in(gate, &hashed, sink) {
        let held = held.ok_or_else(|| io::Error::other("it was not kept"));
        evaluate(held.and_then(Spool::rewound), (reader, inflater), sink);
    }
    stored
}

/// Evaluates the records of a text that was kept, if it could be.
fn evaluate(
    held: io::Result<SpooledTempFile>,
    (reader, inflater): (&mut Reader, &mut Inflater),
    sink: &mut BlobSink<'_, '_>,
) {
    match held {
        Ok(file) => {
            let name = Arc::clone(&sink.blob.name);
            reader.read(&mut inflater.open_bytes(&name, Box::new(file)), sink);
        }
        Err(error) => {
            let message = format!("it is verified, and cannot be kept to be read: {error}");
            sink.report(None, Stage::Verify, message);
            // There may be room when the next run looks at it.
            sink.blob.unread = true;
        }
    }
}

fn stored(text: &Text<'_>, hashed: &Hashed, sink: &mut BlobSink<'_, '_>) -> Stored {
    sink.count_bytes(text.bytes_read(), text.bytes_inflated());
    let size = text.size_on_disk().or(Some(text.bytes_read()));
    Stored { size, hash: hashed.hash.as_ref().ok().copied() }
}

fn lets_in(gate: &dyn Gate, hashed: &Hashed, sink: &mut BlobSink<'_, '_>) -> bool {
    if let Some(cut) = &hashed.cut {
        sink.report(None, cut.stage, cut.message.clone());
    }
    let admission = gate.decide(&sink.blob.name, hashed);
    if admission == Admission::Other {
        sink.hold_no_record(OtherDocument::Digest);
    }
    // What is not verified yet may be when the next run looks at it.
    sink.blob.unread |= admission == Admission::Out;
    admission == Admission::In
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize};

    use super::*;
    use crate::detect::RuleSet;
    use crate::engine::context::Context;
    use crate::engine::partial::Partial;
    use crate::engine::plan::{Plan, Progress};
    use crate::engine::read::shared::Shared;
    use crate::record::scan;
    use crate::source::Limits;

    #[test]
    fn a_verified_text_that_could_not_be_kept_is_not_read() {
        let (plan, progress) = (Plan::new(RuleSet::default()), Progress::default());
        let (context, stop) = (Context::new(&plan, &progress), AtomicBool::new(false));
        let shared = Shared {
            context: &context,
            live: None,
            recalled: AtomicUsize::new(0),
            inherited: AtomicUsize::new(0),
            stop: &stop,
            fill: scan::fastest_fill(),
        };
        let mut partial = Partial::new(&plan, context.key, 0);
        let mut unread = |held| {
            let mut nothing = ();
            let mut sink = BlobSink::new(&shared, (&mut partial, &mut nothing), &"blob".into(), 0);
            let mut reader = Reader::new(scan::fastest(), plan.limits.max_record);
            evaluate(held, (&mut reader, &mut Inflater::new(Limits::default())), &mut sink);
            (sink.blob.unread, sink.blob.problems)
        };
        let mut held = Spool::new(IN_MEMORY);
        held.add(br#"{"Records":[]}"#);
        assert_eq!(unread(held.rewound()), (false, 0));
        assert_eq!(unread(Err(io::ErrorKind::StorageFull.into())), (true, 1));
    }
}
