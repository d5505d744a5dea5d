//! Keys under the policy that KMS gives when nobody writes one.
//!
//! `CreateKey` without a policy counts. Whether one follows, a single record cannot tell.

use super::documents::KeyPolicy;
use super::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::json::Kind;
use crate::record::kms::View;

/// Whether a key was made by a call that says nothing of a policy, and so got the default one.
pub fn is_created_without(event: &Event<'_>, view: &View<'_>) -> bool {
    let created = view.is_kms() && view.ok() && view.name().is_some_and(|name| name == "CreateKey");
    // Without the request, or with one that CloudTrail cut, nobody knows.
    let Some(request) = event.get("requestParameters").filter(|_| created) else { return false };
    let cut = request.get("omitted").is_some() || request.kind() != Kind::Object;
    let policy = request.get("policy").filter(|policy| !policy.is_null());
    let key =
        |path: &[&str]| event.path(&["responseElements", "keyMetadata"])?.path(path)?.as_str();
    // A service's own key has that service's policy, and a replica's comes with ReplicateKey.
    let service = key(&["keyManager"]).is_some_and(|manager| manager == "AWS");
    let kind = key(&["multiRegionConfiguration", "multiRegionKeyType"]);
    !cut && policy.is_none() && !service && kind.is_none_or(|kind| kind != "REPLICA")
}

/// See `rules/policy/policy-default-unedited.md`.
#[derive(Debug)]
pub struct PolicyDefaultUnedited;

impl Detector for PolicyDefaultUnedited {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let found = |why: &str| Some(Found::at(Level::Low).with("why", why));
        if is_created_without(event, view) {
            return found("the call names no policy, so KMS gave the key its default one");
        }
        let given = KeyPolicy::of(event, view)?;
        if !given.policy.is_default(&given.account) {
            return None;
        }
        found("the policy is the default one: it leaves every decision to IAM policies")
    }
}
