//! Finds event selectors that leave out the events of KMS.
//!
//! It is code because a trail logs what any of its selectors admits, so all of them must be read
//! together. What must stay true: if management events are off altogether,
//! `trail-management-events-off` reports it, not this rule.

use super::trail_management_events_off::{CALLS, level_of};
use crate::detect::native::shared::event_selectors::coverage;
use crate::detect::native::{Detector, Found};
use crate::record::event::Event;
use crate::record::kms::View;
use crate::record::shape::is_call;

/// See `rules/trail/trail-kms-events-excluded.md`.
#[derive(Debug)]
pub struct TrailKmsEventsExcluded;

impl Detector for TrailKmsEventsExcluded {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if !is_call(view, "cloudtrail.amazonaws.com", CALLS) {
            return None;
        }
        let logged = coverage(event)?;
        let no_reads = logged.management.reads && !logged.kms.reads;
        let no_writes = logged.management.writes && !logged.kms.writes;
        let (lost, why) = match (no_reads, no_writes) {
            (false, false) => return None,
            (true, true) => ("all", "no selector logs KMS events"),
            (true, false) if logged.kms.writes => {
                ("read", "no selector logs read events of KMS, such as Decrypt and GenerateDataKey")
            }
            (false, true) if logged.kms.reads => {
                ("write", "no selector logs write events of KMS, such as ScheduleKeyDeletion")
            }
            _ => ("all", "no selector logs KMS events, nor one half of all others"),
        };
        Some(Found::at(level_of(view)).with("lost", lost).with("why", why))
    }
}
