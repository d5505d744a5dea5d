//! Finds event selectors that leave out management events, or their reads or writes.
//!
//! It is code because a trail logs what any of its selectors admits, so all of them must be read
//! together. What must stay true: a new event data store does not reduce what is logged elsewhere.

use crate::detect::native::shared::event_selectors::{Halves, coverage};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;
use crate::record::shape::is_call;

/// The calls that set selectors.
pub const CALLS: &[&str] = &["PutEventSelectors", CREATE, "UpdateEventDataStore"];

/// The one that creates a data store.
const CREATE: &str = "CreateEventDataStore";

/// High if the call changes what was logged; low for a new data store that logs less than it could.
pub fn level_of(view: &View<'_>) -> Level {
    if creates(view) { Level::Low } else { Level::High }
}

/// Whether the call creates a data store.
pub fn creates(view: &View<'_>) -> bool {
    view.name().is_some_and(|name| name.eq_ignore_ascii_case(CREATE))
}

/// See `rules/trail/trail-management-events-off.md`.
#[derive(Debug)]
pub struct TrailManagementEventsOff;

impl Detector for TrailManagementEventsOff {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if !is_call(view, "cloudtrail.amazonaws.com", CALLS) {
            return None;
        }
        let logged = coverage(event).filter(|logged| logged.of_events)?;
        let (lost, why) = match logged.management {
            Halves { reads: true, writes: true } => return None,
            // A new store for data events was never meant to log management events.
            Halves { reads: false, writes: false } if creates(view) => return None,
            Halves { reads: false, writes: false } => ("all", "no selector logs management events"),
            Halves { reads: false, .. } => (
                "read",
                "no selector logs read events: every use of a key is one, such as Decrypt, \
                 Encrypt, GenerateDataKey and Sign",
            ),
            Halves { writes: false, .. } => (
                "write",
                "no selector logs write events, such as ScheduleKeyDeletion and PutKeyPolicy",
            ),
        };
        Some(Found::at(level_of(view)).with("lost", lost).with("why", why))
    }
}
