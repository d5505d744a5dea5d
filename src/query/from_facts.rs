//! Records of facts, in place of those of logs.
//!
//! Facts hold two kinds of records: those that were kept, as their texts, and uses of keys, as rows. A row
//! becomes a record of what it tells, so that filters ask it as they ask any other, and what is shown of it
//! is what the row says.
//!
//! What must stay true: a row fits a filter only if its record does. Fields that no row tells are refused by
//! whoever reads what was asked for ([`FIELDS`]). A use that was kept as well is shown once, as its text.

use std::io;

use serde_json::{Map, Value, json};

use super::collect::{Collected, Known, Looking, Part};
use super::filter::Query;
use crate::engine::Records;
use crate::engine::store::hash::HashKey;
use crate::model::arn::Arn;
use crate::model::occurrence::Place;
use crate::model::use_fact::UseFact;
use crate::record::event::Marked;
use crate::record::kms::SOURCE;
use crate::record::scan::{self, Index};

/// The fields of records that the row of a use tells, in lower case: what `--where` may ask of facts.
pub const FIELDS: [&str; 12] = [
    "errorcode",
    "eventid",
    "eventname",
    "eventsource",
    "eventtime",
    "awsregion",
    "recipientaccountid",
    "sourceipaddress",
    "useragent",
    "useridentity.accesskeyid",
    "useridentity.accountid",
    "useridentity.invokedby",
];

/// Takes of all that facts hold what may be asked for.
///
/// # Errors
/// When a temporary file cannot be read back.
pub fn collect(records: &Records, query: &Query) -> io::Result<Collected> {
    let looking = Looking::new(query, false, HashKey::random(0x6661_6374));
    let mut part = Part::new(&looking);
    let (scan, mut index) = (scan::fastest(), Index::default());
    let mut give = |text: &[u8], place: Place, known: &Known<'_>| {
        if let Some((len, _)) = scan(text, &mut index) {
            part.take(Marked::new(&text[..len], &index), || place, Some(known));
        }
    };
    records.each_kept(|kept| {
        let text = kept.text.trim_ascii_start();
        give(text, kept.place, &Known { content: kept.content, used: None });
        Ok(())
    })?;
    let mut text = Vec::new();
    records.uses().each(|used| {
        text.clear();
        serde_json::to_writer(&mut text, &record(used)).map_err(io::Error::other)?;
        let record = used.origin.record.unwrap_or_default();
        let place = Place { blob: used.origin.blob.to_string(), record };
        give(&text, place, &Known { content: used.content, used: Some(used) });
        Ok(())
    })?;
    Ok(part.collected())
}

/// A record that says what a row tells, and nothing else.
fn record(used: &UseFact<'_>) -> Value {
    let mut all = Map::new();
    let mut tell = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            all.insert(name.to_owned(), value);
        }
    };
    let text = |text: Option<&str>| text.map(Value::from);
    tell("eventTime", Some(used.time.to_string().into()));
    tell("eventSource", Some(SOURCE.into()));
    tell("eventName", Some(used.operation.into()));
    tell("eventID", text(used.event_id));
    tell("recipientAccountId", text(used.account));
    tell("awsRegion", text(used.region));
    tell("sourceIPAddress", text(used.source_ip));
    tell("userAgent", text(used.user_agent));
    tell("errorCode", text(used.error));
    // What failed without a code failed all the same.
    tell("errorMessage", (used.failed && used.error.is_none()).then(|| "".into()));
    tell("userIdentity", Some(identity(used)));
    tell("resources", used.key.map(|key| json!([{"ARN": key.arn, "accountId": key.account}])));
    let alias = used.key.and_then(|key| key.alias.as_deref());
    let resource = used.resource.map(|resource| resource.arn.as_str());
    let context: Map<String, Value> = [("subject", used.subject), ("resource", resource)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.into())))
        .collect();
    tell("requestParameters", Some(json!({"keyId": alias, "encryptionContext": context})));
    Value::Object(all)
}

/// The caller. The ARN of a session is put together of what stays the same and its name.
fn identity(used: &UseFact<'_>) -> Value {
    let who = used.principal;
    let stable = who.arn.as_deref();
    let arn = stable.filter(|arn| Arn::parse(arn).is_some());
    let id = stable.filter(|_| arn.is_none() && stable != who.invoked_by.as_deref());
    let session = used.session.and_then(|session| of_session(arn?, session));
    let issuer = session.as_ref().and(arn);
    json!({
        "type": who.kind, "arn": session.as_deref().or(arn), "principalId": id,
        "accountId": who.account, "accessKeyId": used.access_key, "invokedBy": who.invoked_by,
        "sessionContext": issuer.map(|arn| json!({"sessionIssuer": {"arn": arn}})),
    })
}

/// The ARN of a session of a role.
fn of_session(role: &str, session: &str) -> Option<String> {
    let Arn { partition, account, resource, .. } = Arn::parse(role)?;
    let name = resource.rsplit('/').next()?;
    Some(format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}"))
}
