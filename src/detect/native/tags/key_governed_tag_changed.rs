//! Finds calls that set or remove a tag that puts a key into a business category.
//!
//! It is code because these tags and their synonyms are settings, and because people are told from
//! automation. What must stay true: one record shows the new value of a tag, never the old one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::detect::native::shared::actor::{is_automation, is_person};
use crate::detect::native::{Detector, Found};
use crate::detect::stateful::About;
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::View;

/// See `rules/tags/key-governed-tag-changed.md`.
#[derive(Debug)]
pub struct KeyGovernedTagChanged(pub Arc<Estate>);

impl Detector for KeyGovernedTagChanged {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if !view.is_kms() {
            return None;
        }
        let request = event.get("requestParameters")?;
        let governed = |name: &str| self.0.governed_tag(name).is_some();
        let mut set = Map::new();
        for tag in request.get("tags").into_iter().flat_map(Json::elements) {
            let Some(name) = tag.get("tagKey").and_then(Json::scalar) else { continue };
            if governed(&name) {
                let value = tag.get("tagValue").and_then(Json::scalar).unwrap_or_default();
                set.insert(name.into_owned(), Value::from(value.into_owned()));
            }
        }
        let removed = request.get("tagKeys").into_iter().flat_map(Json::elements);
        let removed: BTreeSet<String> = removed
            .filter_map(Json::scalar)
            .filter(|name| governed(name))
            .map(|name| name.into_owned())
            .collect();
        let why = match (set.is_empty(), removed.is_empty()) {
            (true, true) => return None,
            (_, false) => "a governed tag was removed: the key has left its category",
            (false, true) => "a governed tag was set: the key may have changed its category",
        };
        let about = About::of(view);
        let by_hand = is_person(&about.principal) && !is_automation(&self.0, &about);
        let level = if by_hand { Level::Medium } else { Level::Low };
        let mut found = Found::at(level).with("why", why);
        if !set.is_empty() {
            found = found.with("tags_set", set);
        }
        if !removed.is_empty() {
            found = found.with("tags_removed", removed.into_iter().collect::<Vec<String>>());
        }
        Some(found)
    }
}

/// Governed tags by their names in the settings, each with its value; with none if it is removed.
pub type Governed = BTreeMap<String, Option<String>>;

/// The governed tags that a request sets or removes.
pub fn governed(event: &Event<'_>, estate: &Estate) -> Governed {
    let Some(request) = event.get("requestParameters") else { return Governed::new() };
    let mut found = Governed::new();
    for tag in request.get("tags").into_iter().flat_map(Json::elements) {
        let name = tag.get("tagKey").and_then(Json::scalar);
        if let Some(known) = name.and_then(|name| estate.governed_tag(&name)) {
            let value = tag.get("tagValue").and_then(Json::scalar).unwrap_or_default();
            found.insert(known.name.clone(), Some(value.into_owned()));
        }
    }
    let removed = request.get("tagKeys").into_iter().flat_map(Json::elements);
    for name in removed.filter_map(Json::scalar) {
        found.extend(estate.governed_tag(&name).map(|known| (known.name.clone(), None)));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::detector::found;

    #[test]
    fn governed_tags_by_any_spelling() {
        let rule = KeyGovernedTagChanged(Arc::default());
        let ask = |request: Value| {
            found(&rule, &json!({"eventSource": "kms.amazonaws.com", "requestParameters": request}))
        };
        let tags = json!([{"tagKey": "cost-center", "tagValue": "4711"}, {"tagKey": "Name", "tagValue": "x"}]);
        let hit = ask(json!({"keyId": "1234abcd", "tags": tags})).unwrap();
        assert_eq!(hit.details["tags_set"], json!({"cost-center": "4711"}));
        let hit = ask(json!({"tagKeys": ["Name", "Environment"]})).unwrap();
        assert_eq!(hit.details["tags_removed"], json!(["Environment"]));
        assert_eq!(hit.level, Level::Low, "nobody says that a person did it");
        for quiet in [
            json!(null),
            json!({"tags": [{"tagKey": "Name", "tagValue": "x"}, 7]}),
            json!({"tagKeys": ["Name"]}),
            json!({"tagKeys": "Environment"}),
        ] {
            assert_eq!(ask(quiet), None);
        }
    }

    #[test]
    fn what_people_change_is_medium() {
        let estate = Estate {
            automation_roles: crate::model::pattern::Patterns::new(["*:user/tagger"]),
            ..Estate::default()
        };
        let rule = KeyGovernedTagChanged(Arc::new(estate));
        let by = |arn: &str, kind: &str| {
            let record = json!({"eventSource": "kms.amazonaws.com",
                "userIdentity": {"type": kind, "arn": arn},
                "requestParameters": {"tagKeys": ["Owner"]}});
            found(&rule, &record).unwrap().level
        };
        let account = "arn:aws:iam::111122223333";
        assert_eq!(by(&format!("{account}:user/ana"), "IAMUser"), Level::Medium);
        assert_eq!(by(&format!("{account}:user/tagger"), "IAMUser"), Level::Low);
        assert_eq!(by(&format!("{account}:role/app"), "AssumedRole"), Level::Low);
    }
}
