//! The values by which a correlation groups and counts: members of the record, and virtual fields.
//!
//! A virtual field is derived from the record. No record can set it, because its name starts with
//! `keytrail.`. What must stay true: a virtual field has the same value here as in a single Sigma
//! rule.

use std::borrow::Cow;

use crate::record::event::Event;
use crate::record::json::{Json, Kind};
use crate::record::kms::View;

/// Who acted: `service`, `via`, `infrastructure` or `direct`.
pub const ACTOR: &str = "keytrail.actor";

/// Whether the call failed: `true` or `false`.
pub const ATTEMPT: &str = "keytrail.attempt";

/// Whether CloudTrail encrypts its own files: `true` or `false`.
pub const TRAIL_DELIVERY: &str = "keytrail.trail_delivery";

/// Every virtual field, with a description.
pub const VIRTUAL: &[(&str, &str)] = &[
    (ACTOR, "who acted: service, via, infrastructure or direct"),
    (ATTEMPT, "whether the call failed: true or false"),
    ("keytrail.caller_account", "the caller's account; absent for services"),
    ("keytrail.key", "the ARN of the key concerned"),
    ("keytrail.key_account", "the account that owns the key"),
    (
        "keytrail.principal",
        "who called: the ARN of the user, or of the role without its session; people of Identity \
         Center, who share roles, are told apart: the role, a slash and the session",
    ),
    ("keytrail.resource", "the ARN of the taggable resource, such as the bucket of an object"),
    ("keytrail.subject", "what the call was about, as precisely as the record says: the object"),
    (TRAIL_DELIVERY, "whether CloudTrail encrypts its own files: true or false"),
];

/// Whether `field` is a virtual field.
pub fn is_virtual(field: &str) -> bool {
    field.starts_with("keytrail.")
}

/// The value of a virtual field. `None` if the record has no such value, or `field` is not virtual.
pub fn of_view<'a>(view: &View<'a>, field: &str) -> Option<Cow<'a, str>> {
    Some(match field {
        ACTOR => view.actor().as_str().into(),
        ATTEMPT | TRAIL_DELIVERY => flag_of(view, field)?.to_string().into(),
        "keytrail.caller_account" => view.caller_account()?.into(),
        "keytrail.key" => view.first_key()?.arn.clone().into(),
        "keytrail.key_account" => view.key_account()?.into(),
        "keytrail.principal" => view.identity()?,
        "keytrail.resource" => view.known_resource()?.arn.clone().into(),
        "keytrail.subject" => view.subjects().into_iter().next()?.into(),
        _ => return None,
    })
}

/// The value of a virtual field of type boolean; `None` for any other field.
pub fn flag_of(view: &View<'_>, field: &str) -> Option<bool> {
    match field {
        ATTEMPT => Some(view.attempt()),
        TRAIL_DELIVERY => Some(view.is_trail_delivery()),
        _ => None,
    }
}

/// All values of a field. An array gives each of its elements.
pub fn texts(event: &Event<'_>, view: &View<'_>, field: &str) -> Vec<String> {
    if field == "keytrail.subject" {
        return view.subjects();
    }
    if is_virtual(field) {
        return of_view(view, field).map(Cow::into_owned).into_iter().collect();
    }
    let mut found = Vec::new();
    if let Some(flat) = event.get(field) {
        collect(flat, &[], &mut found);
    } else if let Some((first, rest)) = field.split_once('.')
        && let Some(value) = event.get(first)
    {
        collect(value, &rest.split('.').collect::<Vec<_>>(), &mut found);
    }
    found
}

/// Collects the scalars at the end of a path. Every element of an array is followed.
fn collect(value: Json<'_>, path: &[&str], found: &mut Vec<String>) {
    if value.kind() == Kind::Array {
        for element in value.elements() {
            // Nested arrays hold no named field.
            if element.kind() != Kind::Array {
                collect(element, path, found);
            }
        }
        return;
    }
    match path.split_first() {
        None => found.extend(value.scalar().map(Cow::into_owned)),
        Some((first, rest)) => {
            if let Some(inner) = value.get(first) {
                collect(inner, rest, found);
            }
        }
    }
}

/// The values that a record adds to a count: of one field each of its values, of several fields
/// all of them together.
pub fn values(event: &Event<'_>, view: &View<'_>, fields: &[String]) -> Vec<Option<String>> {
    let of = |field: &String| texts(event, view, field);
    match fields {
        [field] => of(field).into_iter().map(Some).collect(),
        _ => {
            let all: Vec<Vec<String>> = fields.iter().map(of).collect();
            match all.iter().all(Vec::is_empty) {
                true => Vec::new(),
                false => vec![Some(format!("{all:?}"))],
            }
        }
    }
}
