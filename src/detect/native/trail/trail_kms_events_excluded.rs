//! Finds event selectors that leave out the events of KMS, or some of them.
//!
//! It is code because a trail logs what any of its selectors admits, so all of them must be read
//! together. What must stay true: if management events are off altogether,
//! `trail-management-events-off` reports it, not this rule.

use super::trail_management_events_off::{CALLS, creates, level_of};
use crate::detect::native::shared::event_selectors::{Coverage, coverage};
use crate::detect::native::shared::policy_document::list;
use crate::detect::native::shared::selector_gaps::{Gap, Weight, gaps};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
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
        let by_source = by_source(coverage(event)?, level_of(view));
        let by_field = gaps(event).into_iter().map(|gap| by_field(gap, creates(view)));
        // Of those of one level the first counts.
        by_source
            .into_iter()
            .chain(by_field)
            .reduce(|one, other| if other.level > one.level { other } else { one })
    }
}

/// The finding if KMS as a whole is left out, or one half of its events.
fn by_source(logged: Coverage, level: Level) -> Option<Found> {
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
    Some(Found::at(level).with("lost", lost).with("why", why))
}

/// The finding about some events of KMS. A new data store that lists what it is for takes nothing
/// away from anybody; one with exceptions hides something.
fn by_field(gap: Gap, creates: bool) -> Found {
    let level = match gap.weight {
        _ if creates && !gap.by_exception => Level::Low,
        Weight::Reads => Level::Low,
        Weight::Others => Level::Medium,
        Weight::Keys => Level::High,
    };
    let why = match gap.weight {
        Weight::Reads => "no selector logs some read events of KMS",
        Weight::Others => "no selector logs some events beside those of KMS",
        Weight::Keys => "KMS looks logged, but no selector logs these of its events",
    };
    Found::at(level).with("field", gap.field).with("lost", list(gap.lost)).with("why", why)
}
