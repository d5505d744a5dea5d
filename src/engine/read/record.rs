//! One record that a rule could match, or that is a KMS call: the rules are asked, and what matters
//! later is put away.
//!
//! ```text
//! range     does it count in this run?
//! ask       what do the rules say?
//! row       is it a use of a key? then a row
//! groups    what rules found, as findings in the making
//! keep      does anything need its text later, in this run or the next?
//! fact      that it was read, and where
//! ```

use std::sync::atomic::Ordering;

use super::blob::BlobSink;
use super::keep;
use super::touches;
use super::unknown;
use super::uses;
use crate::detect::Candidates;
use crate::detect::case::Case;
use crate::engine::evaluate::ask::{Answers, failure};
use crate::engine::evaluate::identity::Identity;
use crate::engine::evaluate::matched::{Matching, group_hash};
use crate::engine::evaluate::{Basics, Record};
use crate::engine::partial::endpoint::Held;
use crate::engine::partial::fact::{Fact, LEFT_OUT, NO_GROUP};
use crate::engine::partial::group::Group;
use crate::engine::partial::kept::why::{PAIRS, RULES};
use crate::engine::partial::value_counts::value_hash;
use crate::engine::plan::Range;
use crate::model::origin::Origin;
use crate::model::problem::Stage;
use crate::record::delivery;
use crate::record::event::Marked;
use crate::record::kms::View;

/// Looks at a record of an earlier run, of which nothing is counted.
pub fn recall(sink: &mut BlobSink<'_, '_>, marked: Marked<'_>, basics: Basics<'_>) {
    let number = sink.blob.recalled.and_then(|recalled| recalled.origin.record);
    let rules = sink.context.plan.rules.candidates_of(&basics.header);
    examine(sink, number.unwrap_or_default(), marked, basics, rules);
}

/// Looks closely at a record that `rules` could match.
pub fn examine(
    sink: &mut BlobSink<'_, '_>,
    number: u64,
    marked: Marked<'_>,
    basics: Basics<'_>,
    rules: &Candidates,
) {
    let Some(event) = marked.event() else { return };
    let mut tape = std::mem::take(&mut sink.tape);
    (sink.fill)(marked.bytes(), &mut tape);
    let record = Record::new(number, basics, View::new(&event.with_tape(&tape)));
    look_at(sink, &record, marked, rules);
    drop(record);
    sink.tape = tape;
}

fn look_at(
    sink: &mut BlobSink<'_, '_>,
    record: &Record<'_>,
    marked: Marked<'_>,
    rules: &Candidates,
) {
    let number = record.number;
    let kms = record.basics.is_kms();
    let tags = record.basics.concerns_tags();
    let for_keys = sink.looks_for_keys(&record.basics);
    let of_interest = kms || for_keys || (tags && sink.context.compares) || !rules.is_empty();
    let (range, judged) = match of_interest {
        true => keep::range(sink, (number, &record.basics), marked),
        false => (Range::Outside, true),
    };
    if kms && range != Range::Outside {
        deliver(sink, record);
    }
    sink.partial.unmet.see(&sink.context.plan.to_meet, &record.view);
    let mut answers = std::mem::take(&mut sink.answers);
    answers.ask(&sink.context.plan.rules, record, rules, range);
    for rule in &answers.failed {
        sink.report(Some(number), Stage::Rule, failure(&sink.context.plan.rules, *rule));
    }
    unknown::note(sink, record, &answers);
    let why = keep::why(sink, record, &answers, range, kms || tags);
    let about = sink.context.plan.rules.about(rules, &record.basics.header);
    let about = about.filter(|_| range.is_found());
    let list = about.and_then(|about| about.list(|| Case::of(&record.view)));
    let found = !answers.hits.is_empty() || !answers.histories.is_empty();
    let matters = kms || for_keys || found || why != 0;
    if matters || list.is_some() {
        let identity = sink.identity(number, marked, &record.basics.header);
        list.iter().for_each(|list| sink.look(&identity, *list));
        if matters {
            put_away(sink, record, marked, &answers, &identity, (range, judged, why));
        }
    }
    sink.answers = answers;
}

/// Notes where CloudTrail delivered a log file, of a record whose header did not tell that it did.
fn deliver(sink: &mut BlobSink<'_, '_>, record: &Record<'_>) {
    let Some(time) = record.basics.time else { return };
    if record.view.is_trail_delivery() && !record.view.attempt() {
        let deliveries = &mut sink.partial.deliveries;
        delivery::of_view(&record.view, |trail, key, bucket| {
            deliveries.add(trail, (key, bucket), (time, time));
        });
    }
}

/// Puts away what a record leaves behind.
fn put_away(
    sink: &mut BlobSink<'_, '_>,
    record: &Record<'_>,
    marked: Marked<'_>,
    answers: &Answers,
    identity: &Identity<'_>,
    (range, judged, why): (Range, bool, u8),
) {
    let fresh = range == Range::Reported;
    let grouped = range.is_found() && group(sink, record, identity, (answers, fresh));
    if range.is_recalled() || sink.blob.recalled.is_some() {
        let place = (sink.blob_number(), record.number);
        sink.partial.retained.recalled.insert(place);
    }
    if range != Range::Outside {
        uses::note(sink, record, identity, answers, range);
    }
    touches::note(sink, record, marked, identity, range);
    if why != 0 {
        keep::text(sink, record, marked, identity, (range, why));
    }
    keep::for_next_run(sink, record, marked, identity, range);
    // Every record that may be a copy is counted, if only as read.
    let looked_at = !answers.hits.is_empty() || !answers.histories.is_empty();
    let matters = record.basics.is_kms() || looked_at || why & (RULES | PAIRS) != 0;
    if !grouped && matters {
        let group = if judged { NO_GROUP } else { LEFT_OUT };
        let fact = sink.fact(record.number, identity, group);
        sink.partial.facts.push(fact);
    }
}

/// Hands the groups of one that a record's hits make to the live report, or to what is concluded at
/// the end; whether there are any.
fn group(
    sink: &mut BlobSink<'_, '_>,
    record: &Record<'_>,
    identity: &Identity<'_>,
    (answers, fresh): (&Answers, bool),
) -> bool {
    let context = sink.context;
    let rules = &context.plan.rules;
    if !answers.hits.iter().any(|hit| rules.is_reported(hit.rule)) {
        return false;
    }
    let request = record.view.event().text_at(&["requestID"]);
    let call = request.map(|id| context.key.long(&[id.as_bytes()]));
    let by_endpoint = record.is_of_endpoint();
    let origin = Origin::record(sink.blob.name.clone(), record.number);
    let matching = Matching::new(record, identity, origin, sink.shared.live.is_some());
    let mut live = Vec::new();
    for hit in answers.hits.iter().filter(|hit| rules.is_reported(hit.rule)) {
        let key = matching.key(context, hit);
        let group = Group { fresh, ..matching.group(context, hit) };
        let hash = group_hash(context, &key);
        let fact = sink.fact(record.number, identity, hash);
        context.progress.findings.fetch_add(1, Ordering::Relaxed);
        if sink.shared.live.is_some() && hit.foreign.is_none() {
            // Written as it comes: only copies are left to be counted.
            sink.partial.facts.push(Fact { group: NO_GROUP, ..fact });
            live.push((key, group));
            continue;
        }
        match call.filter(|_| rules.metas()[hit.rule].group.is_some()) {
            Some(call) if by_endpoint => {
                sink.partial.network.hold(Held { call, fact, key, group });
                continue;
            }
            Some(call) => sink.partial.network.note(call),
            None => {}
        }
        for (value, _) in &group.values.named {
            let of_value = value_hash(context.key, hash, value);
            sink.partial.facts.push(Fact { group: of_value, ..fact });
        }
        sink.partial.facts.push(fact);
        sink.partial.groups.add(key, hash, group);
    }
    if let Some(report) = sink.shared.live.filter(|_| !live.is_empty()) {
        report.record(sink.blob.sequence, (identity.hash, identity.content), live);
    }
    true
}
