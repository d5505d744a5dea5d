//! Records that are kept as their texts, for the end of this run or for the next one.

use std::io;

use super::blob::BlobSink;
use crate::detect::ADJUSTS;
use crate::engine::context::{Context, TAGS_REACH};
use crate::engine::evaluate::ask::{Answers, failure, marks};
use crate::engine::evaluate::identity::Identity;
use crate::engine::evaluate::{Basics, Record};
use crate::engine::partial::fact;
use crate::engine::partial::handed::owner;
use crate::engine::partial::kept::{Label, why};
use crate::engine::partial::retained::{Candidate, Need};
use crate::engine::plan::Range;
use crate::model::problem::Stage;
use crate::record::event::Marked;
use crate::tags::extract::extract;
use crate::tags::uses;

/// What one change of tags takes in memory beside the text of its record, in bytes: a call may name a
/// thousand resources.
const CHANGE: u64 = 256;

/// Where a record lies, and whether this run or an earlier one judges it. A copy of one that an
/// earlier run has read says nothing new.
pub fn range(
    sink: &mut BlobSink<'_, '_>,
    (number, basics): (u64, &Basics<'_>),
    marked: Marked<'_>,
) -> (Range, bool) {
    let plan = sink.context.plan;
    let range = plan.filter.range(basics.time, &basics.header);
    let Some(past) = &plan.past else { return (range, true) };
    if let Some(recalled) = sink.blob.recalled {
        return match (range, recalled.reported) {
            (Range::Outside, reported) => (Range::Outside, reported),
            (_, true) => (Range::Recalled, true),
            (_, false) => (Range::Before, false),
        };
    }
    let identity = sink.identity(number, marked, &basics.header);
    let known = past.memory.known.judged(fact::known((identity.hash, identity.content)));
    let (range, judged) = match (known, sink.blob.again) {
        (Some(judged), false) => return (Range::Outside, judged),
        (None, false) => (range, false),
        (known, true) => {
            // Of what has no room among the known, its time tells.
            let left_out = past.memory.left_out.zip(basics.time);
            let left_out = left_out.is_some_and(|((first, last), at)| first <= at && at <= last);
            let judged = known.unwrap_or(!left_out);
            let again = judged && range == Range::Reported;
            (if again { Range::Again } else { range }, judged)
        }
    };
    if range == Range::Before && !judged {
        sink.partial.retained.leave_out(basics.time);
    }
    (range, judged || range == Range::Reported)
}

/// Why the text of a record is needed at the end, if it is; tells also how long the next run may
/// need it.
pub fn why(
    sink: &mut BlobSink<'_, '_>,
    record: &Record<'_>,
    answers: &Answers,
    range: Range,
    may_concern_tags: bool,
) -> u8 {
    if record.basics.time.is_none() {
        return 0;
    }
    let mut why = 0;
    if may_concern_tags && !record.view.attempt() {
        why |= of_tags(sink, record);
    }
    if range == Range::Outside || record.is_of_endpoint() {
        return why;
    }
    why |= of_rules(sink, record, answers);
    let judged = range == Range::Reported || range.is_recalled();
    if sink.context.compares && judged && !record.view.attempt() {
        why |= of_pairs(sink, record);
    }
    why
}

/// Whether it says anything of tags. Where it lies does not matter: what was set before the range
/// that is reported still holds in it, and what an inventory saw after it held before.
fn of_tags(sink: &mut BlobSink<'_, '_>, record: &Record<'_>) -> u8 {
    let view = &record.view;
    if record.is_crypto() {
        return 0;
    }
    let found = extract(view);
    if !found.joins.is_empty() || !found.changes.is_empty() {
        let room = found.changes.len() as u64 * CHANGE;
        sink.partial.retained.mark(Need { reach: TAGS_REACH, lasts: true }, room);
    }
    let uses = &mut sink.partial.uses;
    found.joins.into_iter().for_each(|(name, arn)| uses.join(name, arn));
    uses.unplaced += u64::from(found.unplaced && sink.blob.recalled.is_none());
    match (found.changes.is_empty(), sink.blob.recalled) {
        (true, _) => 0,
        (false, None) => why::TAGS,
        (false, Some(_)) => why::TAGS | why::OLD,
    }
}

/// Whether a rule over many records looks at its text.
fn of_rules(sink: &mut BlobSink<'_, '_>, record: &Record<'_>, answers: &Answers) -> u8 {
    let context = sink.context;
    let rules = &context.plan.rules;
    let is_row = super::uses::is_row(sink, record);
    let mut why = 0;
    for hit in answers.hits.iter().filter(|hit| !hit.attempt) {
        for feed in rules.feeds(hit.rule).iter().filter(|feed| feed.step != ADJUSTS) {
            let correlation = context.correlation(feed.stateful);
            if correlation.is_none_or(|correlation| hit.level < correlation.from) {
                continue;
            }
            // The row of a use goes to the next run by itself.
            if !is_row || !context.is_by_row(feed.stateful) {
                let reach = reach(context, feed.stateful);
                sink.partial.retained.mark(Need { reach, lasts: false }, 0);
                why |= why::RULES;
            }
        }
    }
    for rule in &answers.histories {
        let Some((number, history)) = rules.history(*rule as usize) else { continue };
        match marks(history, record) {
            Some(marks) if marks.is_empty() => {}
            Some(_) => {
                let reach = reach(context, number);
                sink.partial.retained.mark(Need { reach, lasts: true }, 0);
                why |= why::RULES;
            }
            None => sink.report(Some(record.number), Stage::Rule, failure(rules, *rule as usize)),
        }
    }
    if is_row && why != 0 { why | why::IS_USE } else { why }
}

/// How much later than a record one may come that a rule needs it for.
fn reach(context: &Context<'_>, rule: u32) -> i64 {
    context.reaches.get(rule as usize).copied().unwrap_or_default()
}

/// Whether it sets up a key for a resource, or says so of another key than the row of a use tells.
fn of_pairs(sink: &mut BlobSink<'_, '_>, record: &Record<'_>) -> u8 {
    let view = &record.view;
    if !record.basics.is_kms() {
        let sets_up = record.basics.concerns_tags() && !uses::of(view).is_empty();
        if sets_up {
            // Tags that are set at the same time may be delivered later.
            sink.partial.retained.mark(Need { reach: 0, lasts: false }, 0);
        }
        return if sets_up { why::PAIRS } else { 0 };
    }
    match view.name().as_deref() {
        Some("CreateAlias" | "UpdateAlias") => {
            sink.partial.retained.mark(Need { reach: TAGS_REACH, lasts: true }, 0);
            why::PAIRS
        }
        Some("CreateGrant") if !uses::of(view).is_empty() => why::PAIRS,
        Some("ReEncrypt") if view.keys().len() > 1 => {
            // The row of a use tells of one key only.
            sink.partial.retained.mark(Need { reach: 0, lasts: false }, 0);
            why::PAIRS | why::IS_USE
        }
        _ => 0,
    }
}

/// Keeps the text of a record for the end of the run.
pub fn text(
    sink: &mut BlobSink<'_, '_>,
    record: &Record<'_>,
    marked: Marked<'_>,
    identity: &Identity<'_>,
    (range, why): (Range, u8),
) {
    let label = Label {
        identity: identity.hash,
        content: identity.content,
        blob: sink.blob_number(),
        record: record.number,
        range,
        why,
    };
    if let Err(error) = sink.partial.kept.add(&label, marked.bytes()) {
        sink.lose("rules over many records miss some", &error);
    }
}

/// Keeps a record for the next run, if anything may need it then.
pub fn for_next_run(
    sink: &mut BlobSink<'_, '_>,
    record: &Record<'_>,
    marked: Marked<'_>,
    identity: &Identity<'_>,
    range: Range,
) {
    let Some(time) = record.basics.time.filter(|_| sink.partial.retained.is_marked()) else {
        return sink.partial.retained.skip();
    };
    let kept = candidate(sink, record, identity, range);
    let kept = kept.and_then(|kept| sink.partial.retained.keep(time, &kept, marked.bytes()));
    if let Err(error) = kept {
        sink.lose("the next run will miss some", &error);
    }
}

/// A record as it asks for room.
fn candidate(
    sink: &mut BlobSink<'_, '_>,
    record: &Record<'_>,
    identity: &Identity<'_>,
    range: Range,
) -> io::Result<Candidate> {
    let place = (sink.blob_number(), record.number);
    let who = record.view.who();
    let recipient = record.view.account();
    let words = &mut sink.partial.uses.words[0];
    let mut name = |text: &str| words.name(|bytes| bytes.extend_from_slice(text.as_bytes()));
    let identity_of = who.identity();
    let [account, principal] =
        owner([who.account, recipient.as_deref()], [identity_of.as_deref(), who.invoked_by]);
    Ok(Candidate {
        owner: (name(account)?, name(principal)?),
        identity: (identity.hash, identity.content),
        place,
        reported: range == Range::Reported || range.is_recalled(),
        // The first of a use, as earlier versions kept it, is a row from now on.
        recalled: sink.blob.recalled.is_some_and(|recalled| recalled.last.is_none()),
    })
}
