//! The visitor of a scan: what one worker makes of the blobs that it is given.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::blob::{BlobSink, Stored};
use super::gate;
use super::gather::Gather;
use super::inherit;
use super::shared::Shared;
use crate::engine::partial::Partial;
use crate::model::other_document::OtherDocument;
use crate::model::problem::Problem;
use crate::model::token::Token;
use crate::model::window::Whole;
use crate::record::container::Reader;
use crate::record::scan;
use crate::source::{At, Inflater, Limits, Taken, Text, Visitor, layout};

/// One worker's part of a scan.
pub struct Worker<'s, 'c, G> {
    shared: &'s Shared<'c>,
    partial: Partial,
    /// What is gathered beside.
    gathered: G,
    reader: Reader,
    /// Reads texts that a gate has kept.
    inflater: Inflater,
}

impl<'s, 'c, G: Gather> Worker<'s, 'c, G> {
    /// One that has taken up its share of the records of earlier runs.
    pub fn new(shared: &'s Shared<'c>, partial: Partial, gathered: G) -> Worker<'s, 'c, G> {
        let reader = Reader::new(scan::fastest(), shared.context.plan.limits.max_record);
        let inflater = Inflater::new(Limits::default());
        let mut worker = Worker { shared, partial, gathered, reader, inflater };
        worker.recall();
        worker
    }

    /// Takes up records and uses of earlier runs, each worker some of them. Not even a signal ends this: what
    /// is not taken up would not be handed on either.
    fn recall(&mut self) {
        let Worker { shared, partial, reader, .. } = self;
        let Some(past) = &shared.context.plan.past else { return };
        while let Some(recalled) =
            past.memory.recalled.get(shared.recalled.fetch_add(1, Ordering::Relaxed))
        {
            let mut nothing = ();
            let mut sink = BlobSink::new(shared, (partial, &mut nothing), &recalled.origin.blob, 0);
            sink.blob.recalled = Some(recalled);
            reader.read_kept(&mut Whole::new(&recalled.text), &mut sink);
        }
        while let Some(block) =
            past.memory.uses.blocks.get(shared.inherited.fetch_add(1, Ordering::Relaxed))
        {
            inherit::block(shared, partial, block);
        }
    }

    /// Takes in one blob. `read` puts its records into the sink.
    fn visit(
        &mut self,
        at: At<'_>,
        read: impl FnOnce(&mut Reader, &mut Inflater, &mut BlobSink<'_, '_>) -> Stored,
    ) -> Taken {
        let Worker { shared, partial, gathered, reader, inflater } = self;
        let gate = shared.context.plan.gate.as_ref();
        partial.hours.begin(layout::log_name(&at.blob.name));
        let mut sink = BlobSink::new(shared, (partial, gathered), &at.blob.name, at.sequence);
        let reread = shared.context.plan.past.as_ref().and_then(|past| past.reread.as_ref());
        let id = at.given.token.as_ref().map(Token::id);
        sink.blob.again = reread.zip(id).is_some_and(|(before, id)| before.has(id));
        let stored = read(reader, inflater, &mut sink);
        let taken = if sink.blob.unread { Taken::Part } else { Taken::Whole };
        sink.finish(stored.size, gate.map(|_| stored.hash));
        taken
    }
}

impl<G: Gather> Visitor for Worker<'_, '_, G> {
    type Found = (Partial, G);

    fn goes_on(&self) -> bool {
        !self.shared.stopped()
    }

    fn problem(&mut self, problem: Problem) {
        self.partial.add_unlisted(problem);
    }

    fn known(&mut self, name: &Arc<str>) {
        if let Some(gate) = &self.shared.context.plan.gate {
            gate.read_earlier(name);
        }
    }

    fn unopened(&mut self, at: At<'_>) -> Option<u64> {
        let before = self.shared.context.plan.gate.as_ref()?.read_before(&at.blob.name)?;
        self.visit(at, |_, _, sink| {
            sink.hold_no_record(OtherDocument::Digest);
            sink.count_bytes(before.bytes, 0);
            Stored { size: Some(before.bytes), hash: before.hash }
        });
        Some(before.bytes)
    }

    fn blob(&mut self, at: At<'_>, text: Result<&mut Text<'_>, Problem>) -> Taken {
        let shared = self.shared;
        self.visit(at, |reader, inflater, sink| match &shared.context.plan.gate {
            Some(gate) => gate::read(gate.as_ref(), text, (reader, inflater), sink),
            None => read_at_once(text, reader, sink),
        })
    }

    fn done(&mut self, sequence: u64) {
        if let Some(live) = self.shared.live {
            live.blob_done(sequence);
        }
    }

    fn finish(mut self) -> (Partial, G) {
        self.partial.finish(self.shared.context.plan);
        (self.partial, self.gathered)
    }
}

/// Reads a blob that nobody verifies.
fn read_at_once(
    text: Result<&mut Text<'_>, Problem>,
    reader: &mut Reader,
    sink: &mut BlobSink<'_, '_>,
) -> Stored {
    match text {
        Ok(text) => {
            reader.read(text, sink);
            sink.count_bytes(text.bytes_read(), text.bytes_inflated());
            Stored { size: text.size_on_disk().or(Some(text.bytes_read())), hash: None }
        }
        Err(problem) => {
            sink.report(None, problem.stage, problem.message);
            Stored::default()
        }
    }
}
