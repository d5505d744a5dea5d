//! What a worker does with one blob: it counts the records, and tells which are looked at closely.
//!
//! A record that no rule could match and that is no KMS call costs its count and nothing else.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Shared, keep, record};
use crate::detect::case::Case;
use crate::engine::context::Context;
use crate::engine::evaluate::Basics;
use crate::engine::evaluate::ask::Answers;
use crate::engine::evaluate::identity::{Identity, identity};
use crate::engine::partial::Partial;
use crate::engine::partial::fact::{Fact, NO_GROUP};
use crate::engine::partial::hours::Call;
use crate::model::memory::Recalled;
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::record::container::Sink;
use crate::record::event::{Header, Marked, Raw};
use crate::record::kms;
use crate::source::hashed::Hash;

/// Records between two looks at the progress and the stop sign.
const BEAT: u64 = 1 << 12;

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
    pub records: u64,
    pub others: u64,
    pub problems: u64,
    /// Whether some of it may be had another time.
    pub unread: bool,
    /// The record of an earlier run that this is about.
    pub recalled: Option<&'a Recalled>,
}

/// One blob on its way through a worker.
pub struct BlobSink<'a, 'b> {
    pub shared: &'a Shared<'b>,
    pub context: &'a Context<'b>,
    pub partial: &'a mut Partial,
    pub blob: BlobState<'a>,
    /// What rules said of the record at hand.
    pub answers: Answers,
}

impl Sink for BlobSink<'_, '_> {
    fn record(&mut self, number: u64, record: Marked<'_>) {
        let basics = Basics::of(&record);
        if self.blob.recalled.is_some() {
            return keep::recall(self, record, basics);
        }
        self.blob.records += 1;
        self.partial.totals.records += 1;
        if self.blob.records.is_multiple_of(BEAT) {
            self.context.progress.records.fetch_add(BEAT, Ordering::Relaxed);
        }
        let kms = basics.is_kms();
        self.count(&basics, kms.then(|| call(record, basics.name)));
        if basics.source.is_empty() || basics.name.is_empty() || basics.time.is_none() {
            self.odd(number, record, &basics);
        }
        self.partial.totals.kms_records += u64::from(kms);
        let rules = self.context.plan.rules.candidates_of(&basics.header);
        let tags = !kms && basics.concerns_tags();
        if !kms && !tags && rules.is_empty() {
            return;
        }
        match Case::of_header(&basics.header) {
            Some(case)
                if !tags && rules.of(|| case).is_empty() && (!kms || case.is_delivered()) =>
            {
                if kms {
                    self.note_read(number, record, &basics.header);
                }
            }
            _ => record::examine(self, number, record, basics),
        }
    }

    fn bad(&mut self, number: u64, message: String) {
        self.partial.totals.records_bad += 1;
        self.report(Some(number), Stage::Parse, message);
    }

    fn problem(&mut self, stage: Stage, message: String) {
        self.report(None, stage, message);
    }

    fn other(&mut self) {
        self.blob.others += 1;
    }

    fn ready(&mut self) -> bool {
        self.blob.recalled.is_some() || !self.shared.stopped()
    }
}

impl<'a, 'b> BlobSink<'a, 'b> {
    pub fn new(
        shared: &'a Shared<'b>,
        partial: &'a mut Partial,
        name: &Arc<str>,
        sequence: u64,
    ) -> BlobSink<'a, 'b> {
        let blob = BlobState {
            name: Arc::clone(name),
            sequence,
            number: None,
            records: 0,
            others: 0,
            problems: 0,
            unread: false,
            recalled: None,
        };
        BlobSink { shared, context: shared.context, partial, blob, answers: Answers::default() }
    }
}

impl BlobSink<'_, '_> {
    /// Counts what the totals say of every record.
    fn count(&mut self, basics: &Basics<'_>, call: Option<Call>) {
        let totals = &mut self.partial.totals;
        if let Some(time) = basics.time {
            if totals.first_event.is_none_or(|first| time < first) {
                totals.first_event = Some(time);
            }
            totals.last_event = totals.last_event.max(Some(time));
        }
        let (account, region) = (basics.header.account, basics.header.region);
        let same_account = self.partial.accounts.add(account);
        let same = self.partial.regions.add(region) && same_account;
        self.partial.hours.record(&basics.header, same, (basics.time, basics.source, call));
    }

    /// Reports a record that lacks what every record has. Insight and aggregated records have their
    /// own members instead; escapes in a name only hide it from the fast look.
    fn odd(&mut self, number: u64, record: Marked<'_>, basics: &Basics<'_>) {
        let Some(event) = record.event() else { return };
        let category = event.text_at(&["eventCategory"]);
        if category.is_some_and(|category| category == "Insight" || category == "Aggregated") {
            return;
        }
        let text = |value: Option<Raw<'_>>| {
            value.and_then(|raw| raw.text()).is_some_and(|text| !text.is_empty())
        };
        let missing: Vec<&str> = [
            ("eventSource", text(basics.header.source)),
            ("eventName", text(basics.header.name)),
            ("eventTime", basics.time.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, there)| (!there).then_some(name))
        .collect();
        if !missing.is_empty() {
            let message = format!("no readable {}: expected in every record", missing.join(", "));
            self.report(Some(number), Stage::Parse, message);
        }
    }

    /// Counts a KMS record that is of no interest but may be a copy.
    fn note_read(&mut self, number: u64, record: Marked<'_>, header: &Header<'_>) {
        let identity = self.identity(number, record, header);
        let fact = self.fact(number, &identity, NO_GROUP);
        self.partial.facts.push(fact);
    }

    /// The identity of a record of this blob.
    pub fn identity(&self, number: u64, record: Marked<'_>, header: &Header<'_>) -> Identity {
        let blob = (&*self.blob.name, self.blob.sequence);
        identity(self.context, blob, (number, record, header))
    }

    /// The fact that a record was read here.
    pub fn fact(&mut self, number: u64, identity: &Identity, group: [u64; 2]) -> Fact {
        let blob = self.blob_number();
        Fact { identity: identity.hash, content: identity.content, group, blob, record: number }
    }

    /// The blob's number among the names.
    pub fn blob_number(&mut self) -> u64 {
        match self.blob.number {
            Some(number) => number,
            None => {
                let number = self.context.names.add(&self.blob.name).unwrap_or(u64::MAX);
                self.blob.number = Some(number);
                number
            }
        }
    }

    /// Notes a problem; of one blob only the first ones are listed.
    pub fn report(&mut self, record: Option<u64>, stage: Stage, message: String) {
        self.blob.problems += 1;
        self.blob.unread |= matches!(stage, Stage::Read | Stage::S3);
        if self.blob.problems <= self.context.plan.limits.problems_per_blob {
            let origin = Origin { blob: self.blob.name.clone(), record };
            self.partial.problems.add(Problem::new(origin, stage, message));
        }
    }

    /// Notes that something of a record could not be written down, so that it is missing.
    pub fn lose(&mut self, number: u64, what: &str, error: &std::io::Error) {
        let message = format!("a temporary file cannot be written, so {what}: {error}");
        let origin = Origin::record(self.blob.name.clone(), number);
        self.partial.problems.lose(Problem::new(origin, Stage::Rule, message));
    }

    /// Counts bytes, as stored and as text.
    pub fn count_bytes(&mut self, read: u64, inflated: u64) {
        self.partial.totals.bytes_read += read;
        self.partial.totals.bytes_inflated += inflated;
        self.context.progress.bytes_read.fetch_add(read, Ordering::Relaxed);
    }

    /// Adds the blob to the totals.
    pub fn finish(&mut self) {
        let listed = self.context.plan.limits.problems_per_blob;
        let BlobState { problems, others, records, .. } = self.blob;
        if problems > listed {
            let message = format!("{} more problems in this file, not listed", problems - listed);
            let origin = Origin::blob(self.blob.name.clone());
            self.partial.problems.add(Problem::new(origin, Stage::Parse, message));
        }
        self.partial.hours.end(records > 0 || (others == 0 && problems == 0));
        let totals = &mut self.partial.totals;
        totals.blobs += 1;
        totals.blobs_failed += u64::from(problems > 0);
        totals.blobs_other += u64::from(others > 0 && records == 0 && problems == 0);
        self.context.progress.blobs.fetch_add(1, Ordering::Relaxed);
        self.context.progress.records.fetch_add(records % BEAT, Ordering::Relaxed);
    }
}

/// What a KMS call of this name does.
fn call(record: Marked<'_>, name: &[u8]) -> Call {
    let name = || str::from_utf8(name).unwrap_or_default();
    match record.read_only().unwrap_or_else(|| kms::is_read(name())) {
        true => Call::Read,
        false if kms::is_unasked(name()) => Call::Unasked,
        false => Call::Write,
    }
}
