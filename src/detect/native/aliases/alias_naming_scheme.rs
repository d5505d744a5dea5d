//! Finds aliases whose names do not follow the organisation's naming scheme.
//!
//! It is code because the scheme is a setting. What must stay true: aliases of AWS are never
//! reported.

use std::sync::Arc;

use crate::detect::native::shared::request_fields;
use crate::detect::native::{Detector, Found};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// See `rules/aliases/alias-naming-scheme.md`.
#[derive(Debug)]
pub struct AliasNamingScheme(pub Arc<Estate>);

impl Detector for AliasNamingScheme {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let scheme = self.0.alias_scheme.as_ref()?;
        if !view.is_kms() {
            return None;
        }
        let alias = request_fields::text(event, &["requestParameters", "aliasName"])?;
        if alias.starts_with("alias/aws/") || scheme.is_match(&alias) {
            return None;
        }
        Some(
            Found::at(Level::Low)
                .with("alias", alias.as_ref())
                .with("scheme", scheme.as_str())
                .with("why", "the name does not match the configured scheme"),
        )
    }

    fn is_set_up(&self) -> bool {
        self.0.alias_scheme.is_some()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::detector::found;

    #[test]
    fn only_names_outside_the_scheme_and_only_with_a_scheme() {
        let scheme = regex::Regex::new("^alias/[a-z0-9]+-[a-z0-9]+-[a-z0-9]+").unwrap();
        let set =
            AliasNamingScheme(Arc::new(Estate { alias_scheme: Some(scheme), ..Estate::default() }));
        let unset = AliasNamingScheme(Arc::default());
        assert!(set.is_set_up() && !unset.is_set_up());
        for (name, finds) in [
            (json!("alias/test"), true),
            (json!("alias/prod-ledger-finance"), false),
            (json!("alias/aws/ebs"), false),
            (json!(""), false),
            (json!({"a": 1}), false),
        ] {
            let record = json!({"eventSource": "kms.amazonaws.com", "eventName": "CreateAlias",
                "requestParameters": {"aliasName": name}});
            assert_eq!(found(&set, &record).is_some(), finds, "{name}");
            assert_eq!(found(&unset, &record), None);
        }
    }
}
