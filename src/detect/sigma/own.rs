//! The members of a rule under `keytrail:`, which say what Sigma has no word for.
//!
//! `rules/README.md` documents every key. What must stay true: [`KEYTRAIL_KEYS`] names every key
//! that the loader reads, so that a test can compare the documentation with it.

use serde_json::Value;

use crate::detect::controls;
use crate::model::control::ControlName;

/// Every key that is read under `keytrail:`, in alphabetical order.
pub const KEYTRAIL_KEYS: [&str; 13] = [
    "advice",
    "alike",
    "controls",
    "errors",
    "from",
    "native",
    "raises",
    "routine",
    "same_as",
    "tier",
    "usual",
    "values",
    "whitepaper",
];

/// What a document holds under `keytrail:`.
pub struct Own(Value);

impl Own {
    /// Takes what the parser read under `keytrail`; without it, every key is absent.
    pub fn of(member: Option<&impl serde::Serialize>) -> Own {
        Own(member.and_then(|member| serde_json::to_value(member).ok()).unwrap_or_default())
    }

    /// The value of a key, one of [`KEYTRAIL_KEYS`].
    pub fn member(&self, key: &str) -> Option<&Value> {
        debug_assert!(KEYTRAIL_KEYS.contains(&key), "{key} is missing from KEYTRAIL_KEYS");
        self.0.get(key)
    }

    /// The value of a key, if it is text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.member(key)?.as_str()
    }

    /// The controls in the list under `controls`. What is not `FRAMEWORK:ID` is left out; the lint
    /// says so.
    pub fn controls(&self) -> Vec<ControlName> {
        self.texts("controls").iter().filter_map(|text| controls::named(text)).collect()
    }

    /// The texts in the list under a key; other values are left out.
    pub fn texts(&self, key: &str) -> Vec<String> {
        let list = self.member(key).and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }
}
