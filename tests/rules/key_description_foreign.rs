//! Key descriptions that name another account.
//!
//! Code, because Sigma cannot compare two members of a record.

use keytrail::detect::native::{Detector, Found};
use keytrail::model::level::Level;
use keytrail::record::event::Event;
use keytrail::record::kms::View;

/// See `rules/lifecycle/key-description-foreign.md`.
#[derive(Debug)]
pub struct KeyDescriptionForeign;

impl Detector for KeyDescriptionForeign {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if !view.is_kms() || view.name()? != "UpdateKeyDescription" {
            return None;
        }
        let description = event.text_at(&["requestParameters", "description"])?;
        let own = view.account()?;
        let mut numbers = description.split(|c: char| !c.is_ascii_digit());
        let other = numbers.find(|number| number.len() == 12 && *number != own)?;
        let why = "the description names an account that does not own the key";
        Some(Found::at(Level::Low).with("account", other).with("why", why))
    }
}
