//! The row of a use.
//!
//! A record without a readable time has no row, since it has no place in any order; that its time is
//! missing is a problem already. Nor does what a VPC endpoint logged: it would count the call twice.

use std::borrow::Cow;
use std::io;

use super::blob::BlobSink;
use crate::detect::Hit;
use crate::engine::context::Context;
use crate::engine::evaluate::Record;
use crate::engine::evaluate::ask::Answers;
use crate::engine::evaluate::identity::Identity;
use crate::engine::partial::key_use::{
    Behind, Call, Client, KeyUse, Purpose, Who, flag, write_matches,
};
use crate::engine::partial::uses::KeyUses;
use crate::engine::partial::uuid::uuid;
use crate::engine::plan::Range;
use crate::engine::store::dictionary::{self, NONE, Sym};
use crate::model::finding::Resource;
use crate::model::time::Time;
use crate::record::json::Json;
use crate::record::kms::View;
use crate::record::unknown::Unknown;
use crate::tags::extract::extract;
use crate::tags::uses;

/// Whether a record in the range that counts is a use that gets a row.
pub fn is_row(sink: &BlobSink<'_, '_>, record: &Record<'_>) -> bool {
    let context = sink.context;
    let view = &record.view;
    (context.wants_uses || context.compares)
        && record.is_crypto()
        && !view.is_trail_delivery()
        && !record.is_of_endpoint()
        && tells_who_and_where(view)
}

/// Whether a record tells who used the key and where. An export that left that out would make one caller
/// of all, and one place.
fn tells_who_and_where(view: &View<'_>) -> bool {
    let unknown = Unknown::of(view.event().text());
    let needed = ["userIdentity", "recipientAccountId", "awsRegion"];
    unknown.is_none_or(|unknown| !needed.iter().any(|name| unknown.has(name)))
}

/// Notes the use that a record is, if it is one.
pub fn note(
    sink: &mut BlobSink<'_, '_>,
    record: &Record<'_>,
    identity: &Identity<'_>,
    answers: &Answers,
    range: Range,
) {
    if record.basics.time.is_none() || !is_row(sink, record) {
        return;
    }
    let row = match row(sink.context, &mut sink.partial.uses, record, identity, answers) {
        Ok(row) => row,
        Err(error) => {
            return sink.lose("rules over many records miss some", &error);
        }
    };
    let (row, mut flags) = row;
    flags |= match range {
        Range::Reported => flag::REPORTED,
        Range::Recalled | Range::Again => flag::RECALLED,
        Range::Before | Range::Outside => 0,
    };
    let recalled = sink.blob.recalled.map(|recalled| (recalled.last, recalled.count));
    match recalled {
        Some((None, _)) => flags |= flag::OF_WINDOW,
        Some((Some(last), count)) => {
            flags |= flag::STANDS_FOR;
            sink.partial.uses.stand_for.insert((row.id, row.content), (last, count));
        }
        None => {}
    }
    let blob = sink.blob_number();
    sink.partial.uses.rows.push(row.at(blob, record.number, flags));
}

/// The row of a use but for its place, and what its flags say of the record.
fn row(
    context: &Context<'_>,
    all: &mut KeyUses,
    record: &Record<'_>,
    identity: &Identity<'_>,
    answers: &Answers,
) -> io::Result<(KeyUse, u64)> {
    let view = &record.view;
    let event = view.event();
    let name = view.name().unwrap_or_default();
    let account = event.get("recipientAccountId").and_then(Json::text);
    let region = event.get("awsRegion").and_then(Json::text);
    let (who, actor) = (view.who(), view.actor());
    let resource = view.known_resource();
    let beside = view.beside_subject();
    let key = view.first_key();
    let words = &mut all.words[0];
    let mut row = KeyUse::empty();
    row.time = record.basics.time.unwrap_or(Time(0)).0;
    row.content = identity.content;
    row.key = match key {
        Some(key) => words.name(|bytes| bytes.extend_from_slice(key.arn.as_bytes()))?,
        None => NONE,
    };
    row.who = words.name(|bytes| Who::write(bytes, &who, actor))?;
    let call = [account.as_deref(), region.as_deref(), Some(&*name)];
    row.call = words.name(|bytes| Call::write(bytes, call, view.attempt()))?;
    let on = [resource, beside.as_ref()];
    let said = declared(context, view, on);
    let has_context = !view.context().is_empty() || view.hides_context();
    row.purpose = words.name(|bytes| Purpose::write(bytes, key, on, (has_context, &said)))?;
    // What the caller writes there must not make kinds of use: it could make a million.
    let purpose = match said.is_empty() {
        true => row.purpose,
        false => words.sym(|bytes| Purpose::write(bytes, key, on, (has_context, &[]))),
    };
    let source_ip = event.get("sourceIPAddress").and_then(Json::text);
    let user_agent = event.get("userAgent").and_then(Json::text);
    row.client =
        words.name(|bytes| Client::write(bytes, source_ip.as_deref(), user_agent.as_deref()))?;
    row.matches = matched(context, words, answers)?;
    row.used = used(context, (view, &name), (row.call, purpose), &who, actor.as_str());
    let subject = view.precise_subject();
    row.subject = subject.as_ref().map_or(0, |text| dictionary::sym(context.key, text.as_bytes()));
    let id = identity.id.as_deref();
    let is_uuid = id.and_then(uuid);
    row.id = is_uuid.unwrap_or(identity.hash);
    let error = event.get("errorCode").and_then(Json::text).filter(|_| view.attempt());
    let behind = [
        who.session,
        id.filter(|_| is_uuid.is_none()),
        view.access_key(),
        subject.as_deref(),
        error.as_deref(),
    ];
    row.text = all.heap[0].add_written(|bytes| Behind::write(bytes, behind))?;
    alias(all, view);
    let own = resource.and_then(|resource| resource.arn.rsplit(':').next());
    let set = |flag: u64, holds: bool| if holds { flag } else { 0 };
    let flags = set(flag::UUID, is_uuid.is_some())
        | set(flag::NO_ID, id.is_none())
        | set(flag::OWN_SESSION, own.is_some() && own == who.session)
        | set(flag::PROBE, !uses::is_use(view))
        | set(flag::SEVERAL_KEYS, name == "ReEncrypt" && view.keys().len() > 1);
    Ok((row, flags))
}

/// So many governed tags that a context names are kept, and values of so many bytes.
const DECLARED: (usize, usize) = (8, 256);

/// What a context says of governed tags, if it names no resource: an application may name its project
/// there instead.
fn declared(
    context: &Context<'_>,
    view: &View<'_>,
    on: [Option<&Resource>; 2],
) -> Vec<(String, String)> {
    if !context.compares || on.iter().any(Option::is_some) {
        return Vec::new();
    }
    let governed = |(name, value): &(Cow<'_, str>, Cow<'_, str>)| {
        let tag = context.plan.estate.governed_tag(name)?;
        let value = Some(value.trim()).filter(|value| !value.is_empty())?;
        Some((tag.name.clone(), value.to_owned()))
    };
    let mut all: Vec<(String, String)> = view.context().iter().filter_map(governed).collect();
    all.sort();
    all.dedup();
    // Two values of one tag say nothing.
    let of_tags = all.chunk_by(|(one, _), (other, _)| one == other);
    let lone = of_tags.filter(|values| values.len() == 1).flatten();
    lone.filter(|(_, value)| value.len() <= DECLARED.1).take(DECLARED.0).cloned().collect()
}

/// The numbers of the correlations over rows that look at a match.
pub fn by_row<'c>(context: &'c Context<'_>, hit: &Hit) -> impl Iterator<Item = u32> + 'c {
    context.feeds_by_row(hit.rule).map(|(feed, _)| feed.stateful)
}

/// The matches that correlations over rows look at. One that some of them cannot group counts in none.
fn matched(
    context: &Context<'_>,
    words: &mut dictionary::Words,
    answers: &Answers,
) -> io::Result<Sym> {
    let is_unknown = |hit: &Hit, number| answers.ungrouped.contains(&(hit.rule, number));
    let looked_at = |hit: &&Hit| {
        !hit.attempt
            && context.fate(hit.rule).row
            && by_row(context, hit).next().is_some()
            && !by_row(context, hit).any(|number| is_unknown(hit, number))
    };
    let mut hits = answers.hits.iter().filter(looked_at).peekable();
    if hits.peek().is_none() {
        return Ok(NONE);
    }
    words.name(|bytes| {
        let all = hits.map(|hit| {
            let foreign = hit.foreign.iter().filter(|foreign| foreign.otherwise.is_none());
            let accounts = foreign.flat_map(|foreign| foreign.accounts.iter().map(String::as_str));
            (hit.rule, hit.level, accounts.collect())
        });
        write_matches(bytes, all);
    })
}

/// What makes uses the same: who uses which key how, on what, where. Neither session nor MFA does.
fn used(
    context: &Context<'_>,
    (view, name): (&View<'_>, &str),
    (call, purpose): (Sym, Sym),
    who: &crate::record::kms::Who<'_>,
    actor: &str,
) -> u64 {
    // Both sides of a ReEncrypt tell it from others.
    let sides = match name == "ReEncrypt" {
        true => format!("{:?} {:?}", view.keys(), view.context()),
        false => String::new(),
    };
    let words = context.key.long(&[
        &call.to_le_bytes(),
        &purpose.to_le_bytes(),
        who.identity().as_deref().unwrap_or_default().as_bytes(),
        who.invoked_by.unwrap_or_default().as_bytes(),
        actor.as_bytes(),
        sides.as_bytes(),
    ]);
    words[0]
}

/// The alias by which a key is used is another name of it.
fn alias(all: &mut KeyUses, view: &View<'_>) {
    let named = view.first_key().is_some_and(|key| key.alias.is_some());
    if named && !view.attempt() {
        extract(view).joins.into_iter().for_each(|(name, arn)| all.join(name, arn));
    }
}
