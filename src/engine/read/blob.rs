//! The blob at hand: what is counted of it, and where what its records say is put away.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::gather::Gather;
use super::shared::{BEAT, Shared};
use crate::engine::context::Context;
use crate::engine::evaluate::ask::Answers;
use crate::engine::evaluate::identity::{Identity, identity};
use crate::engine::partial::Partial;
use crate::engine::partial::fact::{Fact, known};
use crate::engine::partial::looked::Looked;
use crate::engine::partial::objects::Counts;
use crate::model::memory::Recalled;
use crate::model::origin::Origin;
use crate::model::other_document::OtherDocument;
use crate::model::problem::{Problem, Stage};
use crate::record::event::{Header, Marked};
use crate::record::scan::tape::{Fill, Tape};
use crate::source::hashed::Hash;

/// What is known of a blob that was read: its size as stored, and the hash of its text if it was
/// hashed to its end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stored {
    pub size: Option<u64>,
    pub hash: Option<Hash>,
}

/// The blob at hand.
pub struct BlobState<'a> {
    pub name: Arc<str>,
    /// Its place in the listing, 0-based.
    pub sequence: u64,
    /// Its number among the names, once a fact needs it.
    number: Option<u64>,
    pub counts: Counts,
    /// The first kind of document that is known and holds no record.
    pub other: Option<OtherDocument>,
    pub problems: u64,
    /// Whether some of it may be had another time.
    pub unread: bool,
    /// The record of an earlier run that this is about.
    pub recalled: Option<&'a Recalled>,
    /// Whether an earlier run has read it too.
    pub again: bool,
}

/// One blob on its way through a worker.
pub struct BlobSink<'a, 'b> {
    pub shared: &'a Shared<'b>,
    pub context: &'a Context<'b>,
    pub partial: &'a mut Partial,
    /// What is gathered beside.
    pub gathered: &'a mut dyn Gather,
    pub blob: BlobState<'a>,
    /// What rules said of the record at hand.
    pub answers: Answers,
    /// Where the values of the record at hand are; reused from record to record.
    pub tape: Tape,
    pub fill: Fill,
}

impl<'a, 'b> BlobSink<'a, 'b> {
    pub fn new(
        shared: &'a Shared<'b>,
        (partial, gathered): (&'a mut Partial, &'a mut dyn Gather),
        name: &Arc<str>,
        sequence: u64,
    ) -> BlobSink<'a, 'b> {
        let blob = BlobState {
            name: Arc::clone(name),
            sequence,
            number: None,
            counts: Counts::default(),
            other: None,
            problems: 0,
            unread: false,
            recalled: None,
            again: false,
        };
        BlobSink {
            shared,
            context: shared.context,
            partial,
            gathered,
            blob,
            answers: Answers::default(),
            tape: Tape::default(),
            fill: shared.fill,
        }
    }
}

impl BlobSink<'_, '_> {
    /// The identity of a record of this blob.
    pub fn identity<'r>(
        &self,
        number: u64,
        record: Marked<'_>,
        header: &Header<'r>,
    ) -> Identity<'r> {
        let blob = (&*self.blob.name, self.blob.sequence);
        identity(self.context, blob, (number, record, header))
    }

    /// The fact that a record was read here.
    pub fn fact(&mut self, number: u64, identity: &Identity<'_>, group: [u64; 2]) -> Fact {
        let blob = self.blob_number();
        Fact { identity: identity.hash, content: identity.content, group, blob, record: number }
    }

    /// Notes that the rules of a list looked at a record.
    pub fn look(&mut self, identity: &Identity<'_>, list: u64) {
        let record = known((identity.hash, identity.content));
        self.partial.looked.push(Looked { record, list });
    }

    /// The blob's number among the names.
    pub fn blob_number(&mut self) -> u64 {
        match self.blob.number {
            Some(number) => number,
            None => {
                let number = self.context.names.add(&self.blob.name);
                self.blob.number = Some(number);
                number
            }
        }
    }

    /// Notes a problem; of one blob only the first ones are listed.
    pub fn report(&mut self, record: Option<u64>, stage: Stage, message: String) {
        self.blob.problems += 1;
        self.blob.unread |= stage.may_pass();
        if self.blob.problems <= self.context.plan.limits.problems_per_blob {
            let origin = Origin { blob: self.blob.name.clone(), record };
            self.partial.problems.add(Problem::new(origin, stage, message));
        }
    }

    /// Says something that is to be known of records, and is no problem. Told once for all that have the
    /// same sentence.
    pub fn note(&mut self, record: Option<u64>, records: u64, message: &str) {
        let origin = Origin { blob: self.blob.name.clone(), record };
        self.partial.notes.add(message, records, origin);
    }

    /// Notes that something of a record could not be written down, so that it is missing.
    /// Said once, since the same will be true of every record that follows.
    pub fn lose(&mut self, what: &str, error: &std::io::Error) {
        let message = format!("a temporary file cannot be written, so {what}: {error}");
        self.partial.problems.lose(Problem::new(Origin::blob("*"), Stage::Rule, message));
    }

    /// Notes a document that is known and holds no record.
    pub fn hold_no_record(&mut self, kind: OtherDocument) {
        self.blob.other.get_or_insert(kind);
    }

    /// Counts bytes, as stored and as text.
    pub fn count_bytes(&mut self, read: u64, inflated: u64) {
        self.blob.counts.bytes_read += read;
        self.blob.counts.bytes_inflated += inflated;
    }

    /// Adds the blob to those that were read. `hash` is the text's, if texts are hashed at all.
    pub fn finish(&mut self, size: Option<u64>, hash: Option<Option<Hash>>) {
        let listed = self.context.plan.limits.problems_per_blob;
        let BlobState { problems, other, mut counts, .. } = self.blob;
        let records = counts.records;
        if problems > listed {
            let message = format!("{} more problems in this file, not listed", problems - listed);
            let origin = Origin::blob(self.blob.name.clone());
            self.partial.problems.add(Problem::new(origin, Stage::Parse, message));
        }
        self.partial.hours.end(records > 0 || (other.is_none() && problems == 0));
        counts.failed = problems > 0;
        counts.other = other.filter(|_| records == 0 && problems == 0);
        self.partial.objects.add((&self.blob.name, size), hash, counts);
        self.context.progress.records.fetch_add(records % BEAT, Ordering::Relaxed);
    }
}
