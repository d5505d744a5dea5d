//! Finds bulk reads of secrets with a filter that excludes nothing.
//!
//! It is code because every filter and every value must be checked. What must stay true: one filter
//! that names something makes the call selective, and so no finding.

use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::View;
use crate::record::shape::{at, each, is_call, text_at};

/// See `rules/secrets/secret-read-catch-all.md`.
#[derive(Debug)]
pub struct SecretReadCatchAll;

impl Detector for SecretReadCatchAll {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if !is_call(view, "secretsmanager.amazonaws.com", &["BatchGetSecretValue"]) {
            return None;
        }
        let filters = at(event.get("requestParameters")?, &["filters"])?;
        let mut all = each(filters).peekable();
        all.peek()?;
        if !all.all(leaves_nothing_out) {
            return None;
        }
        let why = "every filter only says which tag key a secret must not have";
        Some(Found::at(Level::High).with("filters", filters.to_value()).with("why", why))
    }
}

/// Whether a filter only excludes secrets with some tag key.
fn leaves_nothing_out(filter: Json<'_>) -> bool {
    let values = at(filter, &["values"]);
    let mut values = values.into_iter().flat_map(each).peekable();
    text_at(filter, &["key"]).is_some_and(|key| key.eq_ignore_ascii_case("tag-key"))
        && values.peek().is_some()
        && values.all(|value| value.scalar().is_some_and(|text| text.starts_with('!')))
}
