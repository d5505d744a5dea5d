//! Finds key policies that allow decryption without regard to the encryption context.
//!
//! The key's own account is left out. So are keys that are created as asymmetric or HMAC keys: they
//! have no encryption context.

use crate::detect::native::shared::policy_document::KeyPolicy;
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::policy::condition::{CONTEXT_FENCES, Set};
use crate::policy::{Actions, Statement};
use crate::record::event::Event;
use crate::record::kms::View;

/// Whether the record says that the key is not a symmetric encryption key.
fn is_other_kind(event: &Event<'_>) -> bool {
    let places: [&[&str]; 4] = [
        &["requestParameters", "keySpec"],
        &["requestParameters", "customerMasterKeySpec"],
        &["responseElements", "keyMetadata", "keySpec"],
        &["responseElements", "replicaKeyMetadata", "keySpec"],
    ];
    { places }
        .iter()
        .any(|path| event.text_at(path).is_some_and(|spec| spec != "SYMMETRIC_DEFAULT"))
}

fn is_bound(statement: &Statement) -> bool {
    let bound = |keys| {
        statement.is_fenced(keys)
            || statement.conditions.iter().any(|one| one.demands_presence(keys))
    };
    bound(CONTEXT_FENCES)
}

/// Whether the statement tests the context with an operator that also holds without any context.
fn seems_bound(statement: &Statement) -> bool {
    statement.conditions.iter().any(|condition| {
        let set = condition.operator().and_then(|operator| operator.set);
        set == Some(Set::All) && condition.is_about(CONTEXT_FENCES)
    })
}

/// See `rules/policy/policy-no-encryption-context.md`.
#[derive(Debug)]
pub struct PolicyNoEncryptionContext;

impl Detector for PolicyNoEncryptionContext {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let given = KeyPolicy::of(event, view).filter(|_| !is_other_kind(event))?;
        let open = |statement: &Statement| !is_bound(statement);
        let told = given.told(Actions::DATA, open, |_, principal| {
            !principal.is_service() && !given.is_own_root(principal)
        });
        let why = if given.allows().any(|one| open(one) && seems_bound(one)) {
            "ForAllValues also holds for calls without any encryption context"
        } else {
            "no condition says which encryption context the data must have"
        };
        told.found(Level::Informational, why)
    }
}
