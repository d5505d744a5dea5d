//! Finds calls that set a policy or a grant that cannot be read in the record.
//!
//! All other rules about policies and grants are blind to what such a call did. What must stay true:
//! a call that failed set nothing, so it gives no finding.

use crate::detect::native::shared::grant::Grant;
use crate::detect::native::shared::policy_document::{list, unread};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-unreadable.md`.
#[derive(Debug)]
pub struct PolicyUnreadable;

impl Detector for PolicyUnreadable {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if view.attempt() {
            return None;
        }
        let found = |why: &str, unread| {
            Some(Found::at(Level::High).with("why", why).with("unread", list(unread)))
        };
        if let Some(unread) = unread(event, view) {
            let why = "the call set a policy, and nobody can see here what all of it says";
            return found(why, unread);
        }
        let unread = Grant::of(event, view)?.unread();
        if unread.is_empty() {
            return None;
        }
        found("the call made a grant, and nobody can see here what all of it says", unread)
    }
}
