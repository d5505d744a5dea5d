//! `plan.json`: its bytes and its id.
//!
//! What must stay true: a plan that was changed has another id than it says, and nothing in one that is
//! read contradicts itself.

use serde_json::Value;
use sha2::Sha256;

use super::cut::OBJECTS_MAX;
use super::digest;
use crate::model::planned::{Planned, SCHEMA};

/// The file in its folder.
pub(super) const PLAN: &str = "plan.json";

/// No plan has more bytes (64 MiB).
pub(super) const BYTES_MAX: u64 = 64 << 20;

/// Why bytes are no plan.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// They never were one that this version reads.
    Foreign(String),
    /// They were another one.
    Changed(&'static str),
}

/// Gives a plan its id, and its bytes.
pub(super) fn encode(planned: &mut Planned) -> Result<Vec<u8>, String> {
    let value = serde_json::to_value(&*planned).map_err(|error| error.to_string())?;
    planned.id = id(value)?;
    let mut bytes = serde_json::to_vec_pretty(planned).map_err(|error| error.to_string())?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The plan that some bytes are.
pub(super) fn decode(bytes: &[u8]) -> Result<Planned, Wrong> {
    let foreign = |why: String| Wrong::Foreign(format!("is no plan: {why}"));
    let value: Value = serde_json::from_slice(bytes).map_err(|e| foreign(e.to_string()))?;
    let schema = value.get("schema").and_then(Value::as_str);
    let schema = schema.ok_or_else(|| foreign("it does not say that it is one".into()))?;
    if schema != SCHEMA {
        let shown: String = schema.chars().take(60).collect();
        return Err(Wrong::Foreign(format!("is of the form {shown}; expected {SCHEMA}")));
    }
    // From the bytes, since a value has forgotten members that are there twice.
    let planned: Planned = serde_json::from_slice(bytes).map_err(|e| foreign(e.to_string()))?;
    if id(value).map_err(foreign)? != planned.id {
        return Err(Wrong::Changed("its id is not that of its content"));
    }
    match is_sound(&planned) {
        true => Ok(planned),
        false => Err(Wrong::Changed("its numbers contradict each other")),
    }
}

/// The SHA-256 of all that a plan says but its id, also of members that a later version adds: as JSON
/// without spaces, the members of each object sorted by name.
fn id(mut value: Value) -> Result<String, String> {
    if let Some(members) = value.as_object_mut() {
        members.remove("id");
    }
    value.sort_all_objects();
    let bytes = serde_json::to_vec(&value).map_err(|error| error.to_string())?;
    Ok(digest::of_bytes::<Sha256>(&bytes))
}

/// Whether the tables have all shards and objects, in order.
fn is_sound(planned: &Planned) -> bool {
    let (mut shards, mut objects) = (0_u64, 0_u64);
    for table in &planned.object_tables {
        if table.first_shard != shards {
            return false;
        }
        shards = shards.saturating_add(table.shards);
        objects = objects.saturating_add(table.objects);
    }
    (shards, objects) == (planned.shards, planned.objects)
        && planned.buckets >= 1
        && planned.shard_objects <= OBJECTS_MAX
}
