//! What makes a record the same as its copies, and no other.

use std::borrow::Cow;

use crate::engine::context::Context;
use crate::engine::store::hash::compact;
use crate::record::event::{Header, Marked, Raw};

/// Identity of a record among all records.
pub struct Identity<'r> {
    /// Keyed hash of event id and account; of the place where there is no id.
    pub hash: [u64; 2],
    /// Keyed hash of the text.
    pub content: u64,
    /// `eventID`
    pub id: Option<Cow<'r, str>>,
}

/// The identity of a record of the blob `name`, the `sequence`-th of the listing.
pub fn identity<'r>(
    context: &Context<'_>,
    (name, sequence): (&str, u64),
    (number, record, header): (u64, Marked<'_>, &Header<'r>),
) -> Identity<'r> {
    let key = context.key;
    let content = key.short(&compact(record.bytes()));
    let id = text(header.id);
    // From run to run, and from machine to machine, a blob has another place in the listing and the same
    // name.
    let alone = context.plan.past.is_none() && context.plan.seed.is_none();
    let sequence = if alone { sequence } else { 0 };
    let hash = match &id {
        Some(id) => {
            let account = text(header.account).unwrap_or_default();
            key.long(&[id.as_bytes(), account.as_bytes()])
        }
        None => {
            key.long(&[b"no id", name.as_bytes(), &sequence.to_le_bytes(), &number.to_le_bytes()])
        }
    };
    Identity { hash, content, id }
}

fn text(raw: Option<Raw<'_>>) -> Option<Cow<'_, str>> {
    raw.and_then(Raw::text).filter(|text| !text.is_empty())
}
