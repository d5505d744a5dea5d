//! What a worker does with one blob's records: count them, route them, ask the rules.
//!
//! A record that no rule could match and that is no KMS call costs its count and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Range;
use super::coverage::Call;
use super::facts::{Fact, NO_GROUP};
use super::keys::compact;
use super::noting::Noting;
use super::worker::{Shared, Worker};
use crate::detect::case::Case;
use crate::detect::{Candidates, Hit};
use crate::model::memory::Recalled;
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::record::container::Sink;
use crate::record::event::{Event, Header, Marked, Raw};
use crate::record::kms::{self, View};
use crate::tags::extract::concerns;

/// The source of KMS calls.
pub(super) const KMS: &[u8] = b"kms.amazonaws.com";

/// Records between two looks at the progress and the stop sign.
const BEAT: u64 = 1 << 12;

/// One blob on its way through a worker.
pub(super) struct BlobSink<'a, 'b> {
    pub shared: &'a Shared<'b>,
    pub worker: &'a mut Worker,
    pub name: Arc<str>,
    /// The blob's place in the listing, 0-based.
    pub sequence: u64,
    /// The blob's number among the names, once a fact needs it.
    pub number: Option<u64>,
    pub records: u64,
    pub others: u64,
    pub problems: u64,
    /// Whether some of the blob may be had another time.
    pub unread: bool,
    /// The record of an earlier run that this is about.
    pub recalled: Option<&'a Recalled>,
}

/// What every record has, read once.
pub(super) struct Basics<'a> {
    pub(super) header: Header<'a>,
    pub(super) time: Option<Time>,
    pub(super) source: &'a [u8],
    name: &'a [u8],
}

/// Identity of a record among all records.
pub(super) struct Identity {
    pub(super) hash: [u64; 2],
    pub(super) content: u64,
    pub(super) id: Option<String>,
}

/// What was found in a record.
pub(super) struct Found<'f, 'r> {
    pub(super) basics: &'f Basics<'r>,
    pub(super) identity: &'f Identity,
    pub(super) hits: &'f [Hit],
}

impl Sink for BlobSink<'_, '_> {
    fn record(&mut self, number: u64, record: Marked<'_>) {
        if self.recalled.is_some() {
            return self.recall(record);
        }
        self.records += 1;
        self.worker.totals.records += 1;
        if self.records.is_multiple_of(BEAT) {
            self.shared.progress.records.fetch_add(BEAT, Ordering::Relaxed);
        }
        let basics = Basics::of(&record);
        let kms = basics.source == KMS;
        self.count(&basics, kms.then(|| call(record, basics.name)));
        if basics.source.is_empty() || basics.name.is_empty() || basics.time.is_none() {
            self.odd(number, record, &basics);
        }
        self.worker.totals.kms_records += u64::from(kms);
        let rules = self.shared.plan.rules.candidates_of(&basics.header);
        let tags = !kms && concerns_tags(&basics);
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
            _ => self.examine(number, record, &basics, rules, kms),
        }
    }

    fn bad(&mut self, number: u64, message: String) {
        self.worker.totals.records_bad += 1;
        self.report(Some(number), Stage::Parse, message);
    }

    fn problem(&mut self, stage: Stage, message: String) {
        self.report(None, stage, message);
    }

    fn other(&mut self) {
        self.others += 1;
    }

    fn ready(&mut self) -> bool {
        self.recalled.is_some() || !self.shared.stopped()
    }
}

impl<'a> Basics<'a> {
    pub(super) fn of(record: &Marked<'a>) -> Basics<'a> {
        let header = record.header();
        Basics {
            time: header.time.and_then(Raw::time),
            source: header.source.and_then(Raw::plain).unwrap_or_default(),
            name: header.name.and_then(Raw::plain).unwrap_or_default(),
            header,
        }
    }
}

impl<'a, 'b> BlobSink<'a, 'b> {
    pub fn new(
        shared: &'a Shared<'b>,
        worker: &'a mut Worker,
        name: &Arc<str>,
        sequence: u64,
    ) -> BlobSink<'a, 'b> {
        BlobSink {
            shared,
            worker,
            name: Arc::clone(name),
            sequence,
            number: None,
            records: 0,
            others: 0,
            problems: 0,
            unread: false,
            recalled: None,
        }
    }
}

impl BlobSink<'_, '_> {
    /// Counts what the totals say of every record.
    fn count(&mut self, basics: &Basics<'_>, call: Option<Call>) {
        let totals = &mut self.worker.totals;
        if let Some(time) = basics.time {
            if totals.first_event.is_none_or(|first| time < first) {
                totals.first_event = Some(time);
            }
            totals.last_event = totals.last_event.max(Some(time));
        }
        let (account, region) = (basics.header.account, basics.header.region);
        let same_account = self.worker.accounts.add(account);
        let same = self.worker.regions.add(region) && same_account;
        self.worker.gather.record(&basics.header, same, (basics.time, basics.source, call));
    }

    /// A record that lacks what every record has. Insight and aggregated records have their own
    /// members instead; escapes in a name only hide it from the fast look.
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

    /// Looks closely at a record that a rule could match, or that is a KMS call.
    pub(super) fn examine(
        &mut self,
        number: u64,
        record: Marked<'_>,
        basics: &Basics<'_>,
        rules: &Candidates,
        kms: bool,
    ) {
        let Some(event) = record.event() else { return };
        let mut hits = std::mem::take(&mut self.worker.hits);
        hits.clear();
        let view = View::new(&event);
        if kms || concerns_tags(basics) {
            self.learn(number, &view, basics);
        }
        let tags = !kms && self.shared.compares && concerns_tags(basics);
        let range = match kms || tags || !rules.is_empty() {
            true => self.range(number, record, basics),
            false => Range::Outside,
        };
        let rules = match range {
            Range::Outside => &[],
            _ => rules.of(|| Case::of(&view)),
        };
        let histories = self.ask(number, (&event, &view), rules, range, &mut hits);
        let judged = matches!(range, Range::Reported | Range::Recalled);
        let sets_up = tags && judged && self.sets_up_key(&view);
        if sets_up {
            // Tags that are set at the same time may be delivered later.
            self.worker.carry.mark(1);
        }
        if kms || sets_up || !hits.is_empty() || !histories.is_empty() {
            let identity = self.identity(number, record, &basics.header);
            let found = Found { basics, identity: &identity, hits: &hits };
            self.keep(number, &view, &found, &histories, range);
        }
        self.worker.hits = hits;
        self.carry(number, record, basics, range);
    }

    /// Counts a KMS record that is of no interest but may be a copy.
    fn note_read(&mut self, number: u64, record: Marked<'_>, header: &Header<'_>) {
        let identity = self.identity(number, record, header);
        let fact = self.fact(number, &identity, NO_GROUP);
        self.worker.facts.push(fact);
    }

    /// Asks the rules about a record. The histories that want to be shown it.
    fn ask(
        &mut self,
        number: u64,
        (event, view): (&Event<'_>, &View<'_>),
        rules: &[u32],
        range: Range,
        hits: &mut Vec<Hit>,
    ) -> Vec<u32> {
        let mut histories = Vec::new();
        let set = &self.shared.plan.rules;
        self.worker.asked.next();
        for &rule in rules {
            if !set.may_match(rule, &mut self.worker.asked, event, view) {
                continue;
            }
            if set.history(rule as usize).is_some() {
                histories.push(rule);
                continue;
            }
            // What lies before the range is reported by rules over many records only.
            if range != Range::Reported && set.feeds(rule as usize).is_empty() {
                continue;
            }
            let check = || set.check(rule, event, view);
            match catch_unwind(AssertUnwindSafe(check)) {
                Ok(hit) => hits.extend(hit),
                Err(_) => {
                    let id = &set.metas()[rule as usize].id;
                    let message = format!("rule {id} failed on this record: a fault in the rule");
                    self.report(Some(number), Stage::Rule, message);
                }
            }
        }
        histories
    }

    /// Keeps what is to be said of a record, and what it means to rules over many.
    fn keep<'r>(
        &mut self,
        number: u64,
        view: &View<'r>,
        found: &Found<'_, 'r>,
        histories: &[u32],
        range: Range,
    ) {
        let groups = match range == Range::Reported && self.reports(found.hits) {
            true => self.matched(number, view.event(), view, found),
            false => vec![[0, 0]; found.hits.len()],
        };
        let mut used = None;
        let endpoint =
            || view.event().text_at(&["eventCategory"]).is_some_and(|c| c == "NetworkActivity");
        if (self.shared.stateful() || self.shared.compares)
            && range != Range::Outside
            && let Some(time) = found.basics.time
            && !endpoint()
        {
            let noting = Noting { number, view, found, groups: &groups, range, time };
            used = self.note(&noting, histories);
        }
        // Every record that may be a copy is counted, if only as read.
        let counted = groups.iter().any(|group| *group != [0, 0]);
        if used.is_some() || !counted {
            let fact = self.fact(number, found.identity, used.unwrap_or(NO_GROUP));
            if self.recalled.is_some() {
                self.worker.carry.recalled.insert((fact.blob, fact.record));
            }
            self.worker.facts.push(fact);
        }
    }

    fn reports(&self, hits: &[Hit]) -> bool {
        hits.iter().any(|hit| self.shared.plan.rules.is_reported(hit.rule))
    }

    /// What makes the record the same as its copies, and no other.
    pub(super) fn identity(
        &self,
        number: u64,
        record: Marked<'_>,
        header: &Header<'_>,
    ) -> Identity {
        let key = self.shared.key;
        let content = key.short(&compact(record.bytes()));
        fn text<'r>(raw: Option<Raw<'r>>) -> Option<std::borrow::Cow<'r, str>> {
            raw.and_then(Raw::text).filter(|text| !text.is_empty())
        }
        let id = text(header.id);
        // From run to run a blob has another place in the listing, and the same name.
        let sequence = if self.shared.plan.past.is_some() { 0 } else { self.sequence };
        let hash = match &id {
            Some(id) => {
                let account = text(header.account).unwrap_or_default();
                key.long(&[id.as_bytes(), account.as_bytes()])
            }
            None => key.long(&[
                b"no id",
                self.name.as_bytes(),
                &sequence.to_le_bytes(),
                &number.to_le_bytes(),
            ]),
        };
        Identity { hash, content, id: id.map(|id| id.into_owned()) }
    }

    pub(super) fn fact(&mut self, number: u64, identity: &Identity, group: [u64; 2]) -> Fact {
        let blob = match self.number {
            Some(blob) => blob,
            None => {
                let blob = self.shared.names.add(&self.name).unwrap_or(u64::MAX);
                self.number = Some(blob);
                blob
            }
        };
        Fact { identity: identity.hash, content: identity.content, group, blob, record: number }
    }

    /// Notes a problem; of one blob only the first ones are listed.
    pub(super) fn report(&mut self, record: Option<u64>, stage: Stage, message: String) {
        self.problems += 1;
        self.unread |= matches!(stage, Stage::Read | Stage::S3);
        if self.problems <= self.shared.plan.limits.problems_per_blob {
            let origin = Origin { blob: self.name.clone(), record };
            self.worker.problems.add(Problem::new(origin, stage, message));
        }
    }

    /// Adds the blob to the totals.
    pub(super) fn finish(&mut self) {
        let listed = self.shared.plan.limits.problems_per_blob;
        if self.problems > listed {
            let message =
                format!("{} more problems in this file, not listed", self.problems - listed);
            let origin = Origin::blob(self.name.clone());
            self.worker.problems.add(Problem::new(origin, Stage::Parse, message));
        }
        let other = self.others > 0 || self.problems > 0;
        self.worker.gather.end(self.records > 0 || !other);
        let totals = &mut self.worker.totals;
        totals.blobs += 1;
        totals.blobs_failed += u64::from(self.problems > 0);
        totals.blobs_other += u64::from(self.others > 0 && self.records == 0 && self.problems == 0);
        self.shared.progress.blobs.fetch_add(1, Ordering::Relaxed);
        self.shared.progress.records.fetch_add(self.records % BEAT, Ordering::Relaxed);
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

/// Whether a record of another service than KMS may say something of tags. One whose name is spelt
/// with escapes may.
fn concerns_tags(basics: &Basics<'_>) -> bool {
    match basics.name {
        [] => basics.header.name.is_some(),
        name => concerns(name),
    }
}
