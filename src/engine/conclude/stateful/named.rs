//! The values that a finding names, while their texts are still to be read.

use serde_json::{Value, json};

use crate::engine::store::texts::TextAt;

/// Values that a finding names once their texts are read.
#[derive(Debug, Default)]
pub struct Named {
    /// Each with when it was first seen and how often it was there.
    pub values: Vec<(i64, ValueText, u64)>,
    /// So many are named.
    pub most: usize,
    /// How many there are,
    pub count: usize,
    /// or whether there are more.
    pub more: bool,
}

/// The text of a value.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValueText {
    /// It is known.
    Known(String),
    /// It is what the use was about whose texts are there.
    At(TextAt),
}

impl Named {
    /// What a finding says of its values, now that their texts are known.
    pub fn details(self) -> Vec<(String, String)> {
        let mut named: Vec<(i64, String, u64)> = Vec::new();
        for (time, text, count) in self.values {
            if let ValueText::Known(text) = text {
                named.push((time, text, count));
            }
        }
        if named.is_empty() {
            return Vec::new();
        }
        named.sort();
        named.truncate(self.most);
        let one = |(_, text, count): &(i64, String, u64)| json!({"value": text, "count": count});
        let all: Vec<Value> = named.iter().map(one).collect();
        let mut details = vec![
            ("values".to_owned(), Value::from(all).to_string()),
            ("values_count".to_owned(), self.count.to_string()),
        ];
        if self.more {
            details.push(("values_at_least".to_owned(), "true".to_owned()));
        }
        details
    }
}
