//! Judges classes of data that have no key of their own.
//!
//! It is code because it compares the tags of all resources with those of all keys. What must stay
//! true: where the tags of no key are known, it says nothing of any class.

use crate::detect::whole_log::{Conclusion, LogView, LooksAt, Piece, WholeLog};

/// Resources that a finding names.
const LISTED: usize = 10;

/// See `rules/tags/classification-without-key.md`.
#[derive(Debug)]
pub struct ClassificationWithoutKey;

impl WholeLog for ClassificationWithoutKey {
    fn looks_at(&self) -> LooksAt {
        LooksAt::Classes
    }

    fn judge(&self, view: &LogView<'_>) -> Option<Conclusion> {
        let Piece::Class(class) = view.piece else { return None };
        if class.has_key || !class.keys_known {
            return None;
        }
        let why = format!("data of class {} has no key of its own", class.name);
        let listed: Vec<&str> = class.resources.iter().take(LISTED).map(String::as_str).collect();
        let told = Conclusion::at(view.level).with("why", why).with("class", class.name);
        Some(told.with("resources", listed))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::detect::whole_log::tags::DataClass;
    use crate::model::estate::Estate;
    use crate::model::level::Level;

    #[test]
    fn a_class_is_told_only_where_the_tags_of_keys_are_known() {
        let resources: BTreeSet<String> =
            (0..12).map(|n| format!("arn:aws:s3:::b{n:02}")).collect();
        let judged = |has_key, keys_known| {
            let class = DataClass { name: "secret", resources: &resources, has_key, keys_known };
            let (estate, piece) = (&Estate::default(), Piece::Class(&class));
            ClassificationWithoutKey.judge(&LogView { estate, level: Level::Low, piece })
        };
        let told = judged(false, true).unwrap();
        assert_eq!(told.details["why"], "data of class secret has no key of its own");
        assert_eq!(told.details["resources"].as_array().unwrap().len(), LISTED);
        assert_eq!([judged(true, true), judged(false, false)], [None, None]);
    }
}
