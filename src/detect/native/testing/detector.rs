//! Runs a detector on a record that a test has written.

use serde_json::Value;

use crate::detect::native::{Detector, Found};
use crate::record::event::Event;
use crate::record::kms::View;
use crate::record::scan::{Index, plain};

/// Parses `record` as a scan does and passes it to `ask`.
pub fn with_record<T>(record: &Value, ask: impl FnOnce(&Event<'_>, &View<'_>) -> T) -> T {
    let text = record.to_string();
    let mut index = Index::default();
    plain::scan(text.as_bytes(), &mut index).unwrap();
    let event = Event::new(&text, &index);
    ask(&event, &View::new(&event))
}

/// The result of `detector` on `record`.
pub fn found(detector: &dyn Detector, record: &Value) -> Option<Found> {
    with_record(record, |event, view| detector.check(event, view))
}

/// A copy of `record` with the members of `changes`, at any depth. A null removes a member.
pub fn changed(record: &Value, changes: &Value) -> Value {
    let (Some(old), Some(new)) = (record.as_object(), changes.as_object()) else {
        return changes.clone();
    };
    let mut merged = old.clone();
    for (name, value) in new {
        if value.is_null() {
            merged.remove(name);
        } else {
            let under = merged.remove(name).unwrap_or(Value::Null);
            merged.insert(name.clone(), changed(&under, value));
        }
    }
    Value::Object(merged)
}
