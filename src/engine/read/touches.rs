//! The rows of a record for the inventory of keys, if one is asked for.
//!
//! A record without a readable time has no place in the life of a key; that its time is missing is a
//! problem already. What a VPC endpoint logged is left out, since KMS logs the call too.

use std::io;

use super::blob::BlobSink;
use crate::engine::evaluate::Record;
use crate::engine::evaluate::identity::Identity;
use crate::engine::partial::key_use::{Call, Who};
use crate::engine::partial::touch::{Detail, OTHER_SIDE, Touch, flag};
use crate::engine::partial::uuid::uuid;
use crate::engine::plan::Range;
use crate::engine::store::dictionary::{NONE, Sym};
use crate::engine::store::hash::HashKey;
use crate::model::arn::Arn;
use crate::record::event::Marked;
use crate::record::json::{Json, Kind};
use crate::record::kms::{self, View};

/// How many keys of one record count: a call names two at most.
const KEYS_MAX: usize = 4;

/// What is kept of an `errorMessage`, in bytes.
const MESSAGE_MAX: usize = 512;

/// What is kept of a member of a record, in bytes. KMS and IAM take 131,072 characters of a policy.
const MEMBER_MAX: usize = 1 << 20; // 1 MiB

/// Calls of IAM that say who may do what begin so.
const VERBS: [&str; 6] = ["Put", "Create", "Delete", "Attach", "Detach", "SetDefault"];

/// Whether a call of IAM may say who may use keys.
pub fn is_of_iam(source: &[u8], name: &[u8]) -> bool {
    let Some(name) = str::from_utf8(name).ok().filter(|_| source == b"iam.amazonaws.com") else {
        return false;
    };
    let of_policy = || name.contains("Polic") && VERBS.iter().any(|verb| name.starts_with(verb));
    matches!(name, "AddUserToGroup" | "RemoveUserFromGroup") || of_policy()
}

/// Notes what a record says of keys.
pub fn note(
    sink: &mut BlobSink<'_, '_>,
    record: &Record<'_>,
    marked: Marked<'_>,
    identity: &Identity<'_>,
    range: Range,
) {
    if !sink.looks_for_keys(&record.basics) || record.basics.time.is_none() {
        return;
    }
    // IAM has no Region, and its documents hold whoever's calls are counted.
    let counts = match record.basics.is_kms() {
        true => range != Range::Outside && !record.is_of_endpoint(),
        false => record.view.ok(),
    };
    let flags = if range == Range::Reported { flag::REPORTED } else { 0 };
    if let Err(error) = if counts { push(sink, record, marked, identity, flags) } else { Ok(()) } {
        sink.lose("the inventory of keys misses some calls", &error);
    }
}

/// Adds the rows of a record, one for each key.
fn push(
    sink: &mut BlobSink<'_, '_>,
    record: &Record<'_>,
    marked: Marked<'_>,
    identity: &Identity<'_>,
    flags: u64,
) -> io::Result<()> {
    let blob = sink.blob_number();
    let row = row(sink, record, marked, identity)?;
    let row = Touch { blob, place: record.number << 8 | row.place | flags, ..row };
    let touches = &mut sink.partial.touches;
    let view = &record.view;
    let keys = view.keys().iter().filter(|_| view.is_kms());
    let keys = keys.map(|key| (key.arn.as_str(), key.alias.as_deref()));
    // The replica's life begins with a call that is made to the primary.
    let replica = view.event().text_at(&["responseElements", "replicaKeyMetadata", "arn"]);
    let replica =
        replica.as_deref().filter(|arn| Arn::parse(arn).is_some_and(|arn| arn.is_kms_key()));
    let mut first = flag::FIRST;
    for (arn, alias) in keys.chain(replica.map(|arn| (arn, None))).take(KEYS_MAX) {
        let (key, alias) = (touches.name(Some(arn))?, touches.name(alias)?);
        touches.rows.push(Touch { key, alias, place: row.place | first, ..row });
        first = 0;
    }
    if first != 0 {
        touches.rows.push(Touch { place: row.place | first, ..row });
    }
    Ok(())
}

/// The row of a record but for its keys; its place holds flags only.
fn row(
    sink: &mut BlobSink<'_, '_>,
    record: &Record<'_>,
    marked: Marked<'_>,
    identity: &Identity<'_>,
) -> io::Result<Touch> {
    let view = &record.view;
    let event = view.event();
    let text = |name: &str| event.get(name).and_then(Json::text);
    let name = view.name().unwrap_or_default();
    let (account, region) = (text("recipientAccountId"), text("awsRegion"));
    let shared = text("sharedEventID").filter(|id| !id.is_empty());
    let id = identity.id.as_deref();
    let is_uuid = id.and_then(uuid);
    let who = view.who();
    let own = who.account.is_some() && who.account == account.as_deref();
    let detail = detail(sink, view, &name)?;
    let key = sink.context.key;
    let touches = &mut sink.partial.touches;
    let words = &mut touches.words[0];
    let call = [account.as_deref(), region.as_deref(), Some(&*name)];
    let what = words.name(|bytes| Call::write(bytes, call, view.attempt()))?;
    let principal = words.name(|bytes| Who::write(bytes, &who, view.actor()))?;
    let from = text("sourceIPAddress");
    let from = touches.name(from.as_deref())?;
    let on = view.known_resource().filter(|_| view.is_kms()).map(|on| on.arn.as_str());
    let on = touches.name(on)?;
    let id_text = if is_uuid.is_none() { touches.name(id)? } else { NONE };
    let ordered = shared.as_deref().or(id).map_or(marked.bytes(), str::as_bytes);
    let set = |flag: u64, holds: bool| if holds { flag } else { 0 };
    let flags = set(flag::UUID, is_uuid.is_some())
        | set(flag::IAM, !view.is_kms())
        | set(flag::SHARED, shared.is_some());
    Ok(Touch {
        key: NONE,
        time: record.basics.time.map_or(0, |time| time.0),
        order: gravity(&name, view.attempt()) << 56 | HashKey::of_seed(0).short(ordered) >> 8,
        call: shared.as_deref().map_or(identity.hash, |id| key.long(&[b"shared", id.as_bytes()])),
        content: identity.content >> 1 | if own { 0 } else { OTHER_SIDE },
        id: is_uuid.unwrap_or([id_text, 0]),
        who: principal,
        what,
        on,
        alias: NONE,
        from,
        detail,
        blob: 0,
        place: flags,
    })
}

/// How grave a call is beside others of its second. CloudTrail's times are whole seconds, so that
/// nobody knows which came later; what takes more away is taken for the later.
fn gravity(name: &str, attempt: bool) -> u64 {
    match name {
        "CreateKey" | "ReplicateKey" => 0,
        _ if attempt => 3,
        _ if kms::is_crypto(name) || kms::is_read(name) => 2,
        "ImportKeyMaterial" | "CreateAlias" => 5,
        "CancelKeyDeletion" => 6,
        "EnableKey" | "EnableKeyRotation" => 7,
        "DisableKey" | "DisableKeyRotation" | "UpdateAlias" => 9,
        "DeleteImportedKeyMaterial" | "DeleteExpiredKeyMaterial" | "DeleteAlias" => 10,
        "ScheduleKeyDeletion" => 11,
        "DeleteKey" => 12,
        _ => 8,
    }
}

/// What there is to say beside who, what and when: of changes what was asked and answered, of what
/// failed why.
fn detail(sink: &mut BlobSink<'_, '_>, view: &View<'_>, name: &str) -> io::Result<Sym> {
    let changes = !kms::is_crypto(name) && !kms::is_read(name);
    // Of one principal that is asked for, all uses are told with what they asked for.
    let asked = sink.context.plan.keys.as_ref().and_then(|asked| asked.principal.as_ref());
    let asked = asked.is_some_and(|asked| view.principal_arn().is_some_and(|arn| asked.is(&arn)));
    if !changes && !asked && !view.attempt() {
        return Ok(NONE);
    }
    let event = view.event();
    let text = |name: &str| event.get(name).and_then(Json::text);
    let (error, message) = (text("errorCode"), text("errorMessage"));
    let message = message.as_deref().map(|text| &text[..text.floor_char_boundary(MESSAGE_MAX)]);
    let who = view.who();
    let mut too_long = false;
    let mut member = |name: &str| {
        let value =
            event.get(name).filter(|value| (changes || asked) && value.kind() == Kind::Object)?;
        let fits = value.raw().len() <= MEMBER_MAX;
        too_long |= !fits;
        Some(value.raw()).filter(|_| fits)
    };
    let (request, response) = (member("requestParameters"), member("responseElements"));
    let more = member("additionalEventData").or_else(|| member("serviceEventDetails"));
    // What a use failed of is told once for all that fail alike, without its session.
    let (session, access_key) =
        if changes { (who.session, view.access_key()) } else { (None, None) };
    let texts = [error.as_deref(), message, session, access_key, request, response, more];
    let touches = &mut sink.partial.touches;
    touches.too_long += u64::from(too_long);
    touches.words[0].name(|bytes| Detail::write(bytes, texts))
}
