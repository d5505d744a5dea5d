//! Finds key policies that admit a service, whoever it acts for.
//!
//! `DescribeKey` alone needs no restriction: AWS's own policy for the key of a trail allows it
//! without one.

use crate::detect::native::shared::policy_document::KeyPolicy;
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::policy::condition::SOURCE_FENCES;
use crate::policy::{Actions, Principal, Statement};
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/policy/policy-service-without-source.md`.
#[derive(Debug)]
pub struct PolicyServiceWithoutSource;

impl Detector for PolicyServiceWithoutSource {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let given = KeyPolicy::of(event, view)?;
        let calls = Actions::ALL.without(Actions::DESCRIBE);
        let open = |statement: &Statement| !statement.is_fenced(SOURCE_FENCES);
        // A service may be named by a condition too.
        let by_condition =
            |statement: &Statement| statement.is_fenced(&["aws:principalservicename"]);
        let is_service = |statement: &Statement, one: &Principal| match one {
            Principal::Everyone => by_condition(statement),
            one => matches!(one, Principal::Service(_)),
        };
        let told = given.told(calls, open, is_service);
        told.found(Level::Medium, "no condition says on whose behalf the service may act")
    }
}
