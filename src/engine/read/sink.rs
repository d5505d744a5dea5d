//! What a worker does with one blob: it counts the records, and tells which are looked at closely.
//!
//! A record that no rule could match and that is no KMS call costs its count and nothing else.

use std::sync::atomic::Ordering;

use super::blob::BlobSink;
use super::enriched;
use super::issued;
use super::keep;
use super::record;
use super::shared::BEAT;
use super::touches::is_of_iam;
use super::undoing;
use crate::detect::case::Case;
use crate::engine::evaluate::Basics;
use crate::engine::partial::fact::NO_GROUP;
use crate::engine::partial::hours::Call;
use crate::engine::plan::Range;
use crate::model::other_document::OtherDocument;
use crate::model::problem::Stage;
use crate::record::container::Sink;
use crate::record::delivery;
use crate::record::event::{Header, Marked};
use crate::record::kms;
use crate::record::undo;
use crate::record::version;

impl Sink for BlobSink<'_, '_> {
    fn record(&mut self, number: u64, record: Marked<'_>) {
        let basics = Basics::of(&record);
        if self.blob.recalled.is_some() {
            return record::recall(self, record, basics);
        }
        self.blob.counts.records += 1;
        if self.blob.counts.records.is_multiple_of(BEAT) {
            self.context.progress.records.fetch_add(BEAT, Ordering::Relaxed);
        }
        let kms = basics.is_kms();
        self.count(&basics, kms.then(|| call(record, basics.name)));
        if (basics.source.is_empty() || basics.name.is_empty() || basics.time.is_none())
            && let Some(message) = record.lack(&basics.header, basics.time)
        {
            self.report(Some(number), Stage::Parse, message);
        }
        if let Some(unknown) = version::unknown(basics.header.version) {
            self.note(Some(number), 1, &unknown.message());
        }
        self.blob.counts.kms_records += u64::from(kms);
        self.gathered.record(&self.blob.name, number, record);
        if self.context.plan.only_gathers {
            return;
        }
        if basics.header.context.is_some() {
            enriched::note(self, number, record, &basics);
        }
        if issued::is_issue(&basics) {
            issued::note(self, record, &basics);
        }
        if undo::may_undo(basics.name) {
            undoing::note(self, record, &basics);
        }
        let rules = self.context.plan.rules.candidates_of(&basics.header);
        let tags = !kms && basics.concerns_tags();
        let for_keys = self.looks_for_keys(&basics);
        if !kms && !tags && !for_keys && rules.is_empty() {
            return;
        }
        match Case::of_header(&basics.header) {
            Some(case)
                if !tags
                    && !for_keys
                    && rules.of(|| case).is_empty()
                    && (!kms || case.is_delivered()) =>
            {
                if kms {
                    self.note_read(number, record, &basics.header);
                }
                if kms && case.is_delivered() {
                    self.note_delivery(record, &basics);
                }
                let about = self.context.plan.rules.about(rules, &basics.header);
                if let Some(list) = about.and_then(|about| about.list(|| case)) {
                    self.look_at(number, record, &basics, list);
                }
            }
            _ => record::examine(self, number, record, basics, rules),
        }
    }

    fn bad(&mut self, number: u64, message: String) {
        self.blob.counts.records_bad += 1;
        self.report(Some(number), Stage::Parse, message);
    }

    fn problem(&mut self, stage: Stage, message: String) {
        self.report(None, stage, message);
    }

    fn other(&mut self, kind: OtherDocument) {
        self.hold_no_record(kind);
    }

    fn ready(&mut self) -> bool {
        self.blob.recalled.is_some() || !self.shared.stopped()
    }
}

impl BlobSink<'_, '_> {
    /// Counts what the totals say of every record.
    fn count(&mut self, basics: &Basics<'_>, call: Option<Call>) {
        if let Some(time) = basics.time {
            self.blob.counts.see(time);
        }
        let (account, region) = (basics.header.account, basics.header.region);
        let same_account = self.partial.accounts.add(account);
        let same = self.partial.regions.add(region) && same_account;
        self.partial.hours.record(&basics.header, same, (basics.time, basics.source, call));
    }

    /// Whether an inventory of keys is asked for, and the record may say something of keys.
    pub fn looks_for_keys(&self, basics: &Basics<'_>) -> bool {
        let asked = self.context.plan.keys.is_some();
        asked && (basics.is_kms() || is_of_iam(basics.source, basics.name))
    }

    /// Notes where CloudTrail delivered a log file, and under which key.
    fn note_delivery(&mut self, record: Marked<'_>, basics: &Basics<'_>) {
        let Some(time) = basics.time else { return };
        if self.context.plan.filter.range(basics.time, &basics.header) == Range::Outside {
            return;
        }
        let deliveries = &mut self.partial.deliveries;
        delivery::read(&record, basics.name, |trail, key, bucket| {
            deliveries.add(trail, (key, bucket), (time, time));
        });
    }

    /// Notes that the rules of a list look at a record, if this run judges it, though none can match.
    fn look_at(&mut self, number: u64, record: Marked<'_>, basics: &Basics<'_>, list: u64) {
        let in_range = self.context.plan.filter.range(basics.time, &basics.header);
        if in_range == Range::Reported && keep::range(self, (number, basics), record).0.is_found() {
            let identity = self.identity(number, record, &basics.header);
            self.look(&identity, list);
        }
    }

    /// Counts a KMS record that is of no interest but may be a copy.
    fn note_read(&mut self, number: u64, record: Marked<'_>, header: &Header<'_>) {
        let identity = self.identity(number, record, header);
        let fact = self.fact(number, &identity, NO_GROUP);
        self.partial.facts.push(fact);
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
