//! A worker takes blobs from the listing, one after the other, until there are none.

use std::sync::atomic::Ordering;

use super::blob::{BlobSink, Stored};
use super::gate;
use super::shared::Shared;
use crate::engine::partial::Partial;
use crate::engine::partial::objects::Counts;
use crate::model::window::Whole;
use crate::record::container::Reader;
use crate::record::scan;
use crate::source::{Blob, Entry, Inflater, layout};

/// Reads blobs until the listing ends or the run is stopped.
pub fn run(shared: &Shared<'_>, mut partial: Partial) -> Partial {
    let plan = shared.context.plan;
    let mut inflater = Inflater::new(crate::source::Limits::default());
    let mut reader = Reader::new(scan::fastest(), plan.limits.max_record);
    recall(shared, &mut partial, &mut reader);
    while !shared.stopped() {
        match shared.next() {
            None => break,
            Some((_, Entry::Problem(problem))) => {
                let counts = Counts { failed: true, unlisted: true, ..Counts::default() };
                partial.objects.add((&problem.origin.to_string(), None), None, counts);
                partial.problems.add(problem);
            }
            Some((_, Entry::Known(name))) => {
                if let Some(gate) = &plan.gate {
                    gate.read_earlier(&name);
                }
            }
            Some((sequence, Entry::Blob(blob))) => {
                read(shared, &mut partial, sequence, &blob, &mut inflater, &mut reader);
                if let Some(live) = shared.live {
                    live.blob_done(sequence);
                }
            }
        }
    }
    partial.finish(plan);
    partial
}

/// Takes up records of earlier runs, each worker some of them. Not even a signal ends this: what is
/// not taken up would not be handed on either.
fn recall(shared: &Shared<'_>, partial: &mut Partial, reader: &mut Reader) {
    let Some(past) = &shared.context.plan.past else { return };
    while let Some(recalled) =
        past.memory.recalled.get(shared.recalled.fetch_add(1, Ordering::Relaxed))
    {
        let mut sink = BlobSink::new(shared, partial, &recalled.origin.blob, 0);
        sink.blob.recalled = Some(recalled);
        reader.read(&mut Whole::new(&recalled.text), &mut sink);
    }
}

/// Reads one blob.
fn read(
    shared: &Shared<'_>,
    partial: &mut Partial,
    sequence: u64,
    blob: &Blob,
    inflater: &mut Inflater,
    reader: &mut Reader,
) {
    partial.hours.begin(layout::log_name(&blob.name));
    let mut sink = BlobSink::new(shared, partial, &blob.name, sequence);
    let gate = shared.context.plan.gate.as_ref();
    let stored = match gate {
        Some(gate) => gate::read(gate.as_ref(), blob, inflater, reader, &mut sink),
        None => read_at_once(blob, inflater, reader, &mut sink),
    };
    let unread = sink.blob.unread || shared.stopped();
    sink.finish(stored.size, gate.map(|_| stored.hash));
    if !unread {
        partial.retained.read.extend(blob.id);
    }
}

/// Reads a blob that nobody verifies.
fn read_at_once(
    blob: &Blob,
    inflater: &mut Inflater,
    reader: &mut Reader,
    sink: &mut BlobSink<'_, '_>,
) -> Stored {
    match inflater.open_until(blob, sink.shared.stop) {
        Ok(mut text) => {
            reader.read(&mut text, sink);
            sink.count_bytes(text.bytes_read(), text.bytes_inflated());
            Stored { size: text.size_on_disk().or(Some(text.bytes_read())), hash: None }
        }
        Err(problem) => {
            sink.report(None, problem.stage, problem.message);
            Stored::default()
        }
    }
}
