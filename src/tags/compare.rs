//! Whether the tags of a key and of a resource put both into the same business category.
//!
//! What must stay true: an unknown tag neither differs from another nor agrees with it.

use super::change::Evidence;
use super::timeline::{State, Why};
use crate::model::estate::{Estate, GovernedTag};
use crate::model::pattern::Patterns;

/// What comparing one tag gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Both have it, and may.
    Agree,
    /// Neither has it.
    Neither,
    /// Both have it, and should not.
    Mismatch,
    /// Only the resource has it.
    KeyLacks,
    /// Only the key has it.
    ResourceLacks,
    /// What the key has is not known.
    KeyUnknown(Why),
    /// What the resource has is not known.
    ResourceUnknown(Why),
}

/// How a key and a resource disagree, the gravest first: what counts if several tags do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disagreement {
    /// Both have a governed tag, and differ.
    Mismatch,
    /// One has it, and the other is known to lack it.
    OneSided,
    /// What the resource has is not known.
    Unknown,
}

impl Disagreement {
    /// That of one tag.
    pub fn of(verdict: Verdict) -> Option<Disagreement> {
        match verdict {
            Verdict::Mismatch => Some(Disagreement::Mismatch),
            Verdict::KeyLacks | Verdict::ResourceLacks => Some(Disagreement::OneSided),
            Verdict::ResourceUnknown(_) => Some(Disagreement::Unknown),
            // Of a key whose tags are unknown, the totals tell, and no finding.
            Verdict::KeyUnknown(_) | Verdict::Agree | Verdict::Neither => None,
        }
    }

    /// That of all tags.
    pub fn gravest(verdicts: &[Verdict]) -> Option<Disagreement> {
        verdicts.iter().filter_map(|verdict| Disagreement::of(*verdict)).min()
    }
}

/// Compares one tag as of one instant. `allowed` is what a shared key may be used for.
pub fn compare(
    tag: &GovernedTag,
    key: &State,
    resource: &State,
    allowed: Option<&Patterns>,
) -> Verdict {
    if let (Some(allowed), State::Known(value, _)) = (allowed, resource)
        && (allowed.matches(value.trim()) || allowed.matches(tag.meaning(value)))
    {
        return Verdict::Agree;
    }
    match (key, resource) {
        // Both may be unknown; what is said is the one that more can be done about.
        (_, State::Unknown(why)) => Verdict::ResourceUnknown(*why),
        (State::Unknown(why), _) => Verdict::KeyUnknown(*why),
        (State::Absent(_), State::Absent(_)) => Verdict::Neither,
        (State::Absent(_), State::Known(..)) => Verdict::KeyLacks,
        (State::Known(..), State::Absent(_)) => Verdict::ResourceLacks,
        (State::Known(key, _), State::Known(resource, _)) => match may(tag, key, resource) {
            true => Verdict::Agree,
            false => Verdict::Mismatch,
        },
    }
}

/// Whether a key with one value may protect a resource with the other.
fn may(tag: &GovernedTag, key: &str, resource: &str) -> bool {
    if let (Some(key), Some(resource)) = (tag.class(key), tag.class(resource)) {
        return key >= resource;
    }
    tag.meaning(key) == tag.meaning(resource)
}

/// What a key may be used for beside its own value, if it is shared.
pub fn allowed<'a>(
    estate: &'a Estate,
    tag: &GovernedTag,
    key: &str,
    alias: Option<&str>,
) -> Option<&'a Patterns> {
    let fits = |patterns: &Patterns| {
        patterns.match_arn(key) || alias.is_some_and(|alias| patterns.match_arn(alias))
    };
    estate.shared_keys.iter().filter(|shared| fits(&shared.key)).find_map(|shared| {
        shared.allow.iter().find(|(name, _)| tag.is_meant_by(name)).map(|(_, allow)| allow)
    })
}

/// The value of a state, and who says so.
pub fn told(state: &State) -> (Option<&str>, Option<&Evidence>) {
    match state {
        State::Known(value, by) => (Some(value), Some(by)),
        State::Absent(by) => (None, Some(by)),
        State::Unknown(_) => (None, None),
    }
}

/// What an alias and a tag call the environments that most organisations have.
const ENVIRONMENTS: &[(&str, &[&str])] = &[
    ("production", &["prod", "production", "prd", "live"]),
    ("development", &["dev", "development", "develop"]),
    ("test", &["test", "testing", "tst", "qa"]),
    ("staging", &["staging", "stage", "stg", "preprod", "uat"]),
    ("sandbox", &["sandbox", "sbx"]),
];

/// The environment that a word names.
pub fn environment(word: &str) -> Option<&'static str> {
    let word = word.trim().to_lowercase();
    let found = ENVIRONMENTS.iter().find(|(_, words)| words.contains(&word.as_str()));
    found.map(|(name, _)| *name)
}

/// The one environment that the words of an alias name; `None` also where they name several.
pub fn environment_of_alias(alias: &str) -> Option<&'static str> {
    let words = alias.split(|c: char| !c.is_alphanumeric());
    let mut found = words.filter_map(environment);
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::time::Time;
    use crate::tags::change::Source;

    fn by() -> Arc<Evidence> {
        Arc::new(Evidence { time: Time(0), source: Source::File("x".into()) })
    }

    fn known(value: &str) -> State {
        State::Known(value.to_owned(), by())
    }

    #[test]
    fn unknown_is_neither_equal_nor_unequal() {
        let tag = GovernedTag::named("Owner");
        let of = |key: &State, resource: &State| compare(&tag, key, resource, None);
        let (a, b, none) = (known(" a "), known("b"), State::Absent(by()));
        let unknown = State::Unknown(Why::NotSeen);
        assert_eq!(of(&a, &known("a")), Verdict::Agree);
        assert_eq!(of(&a, &b), Verdict::Mismatch);
        assert_eq!(of(&a, &known("A")), Verdict::Mismatch, "values are case-sensitive in AWS");
        assert_eq!(of(&a, &none), Verdict::ResourceLacks);
        assert_eq!(of(&none, &a), Verdict::KeyLacks);
        assert_eq!(of(&none, &none), Verdict::Neither);
        assert_eq!(of(&unknown, &a), Verdict::KeyUnknown(Why::NotSeen));
        assert_eq!(of(&none, &unknown), Verdict::ResourceUnknown(Why::NotSeen));
    }

    #[test]
    fn the_gravest_disagreement_counts() {
        let unknown = Verdict::ResourceUnknown(Why::NotSeen);
        let of = Disagreement::gravest;
        assert_eq!(of(&[unknown, Verdict::KeyLacks]), Some(Disagreement::OneSided));
        let all = [Verdict::ResourceLacks, unknown, Verdict::Mismatch];
        assert_eq!(of(&all), Some(Disagreement::Mismatch));
        assert_eq!(of(&[Verdict::Agree, unknown]), Some(Disagreement::Unknown));
        let none = [Verdict::Agree, Verdict::Neither, Verdict::KeyUnknown(Why::NotSeen)];
        assert_eq!(of(&none), None);
    }

    #[test]
    fn a_key_may_protect_its_class_and_those_below() {
        let tag = GovernedTag::named("data-classification");
        let of = |key: &str, resource: &str| compare(&tag, &known(key), &known(resource), None);
        assert_eq!(of("Restricted", "public"), Verdict::Agree);
        assert_eq!(of("Internal", "INTERNAL"), Verdict::Agree);
        assert_eq!(of("Internal", "Confidential"), Verdict::Mismatch);
        assert_eq!(of("Secret", "Secret"), Verdict::Agree);
        assert_eq!(of("Secret", "Public"), Verdict::Mismatch, "a class that nobody ranks");
    }

    #[test]
    fn aliases_and_shared_keys_are_taken_into_account() {
        let mut tag = GovernedTag::named("CostCenter");
        tag.aliases.insert("1001".into(), ["retail".to_owned()].into());
        let of = |key: &str, resource: &str, allowed: Option<&Patterns>| {
            compare(&tag, &known(key), &known(resource), allowed)
        };
        assert_eq!(of("retail", "1001", None), Verdict::Agree);
        assert_eq!(of("2002", "1001", None), Verdict::Mismatch);
        let some = Patterns::new(["10*"]);
        assert_eq!(of("2002", "retail", Some(&some)), Verdict::Agree);
        assert_eq!(of("2002", "3003", Some(&some)), Verdict::Mismatch);
        assert_eq!(
            compare(&tag, &State::Absent(by()), &known("1001"), Some(&some)),
            Verdict::Agree
        );
    }

    #[test]
    fn an_alias_names_one_environment_or_none() {
        assert_eq!(environment_of_alias("alias/prod-ledger"), Some("production"));
        assert_eq!(environment_of_alias("alias/ledger/DEV"), Some("development"));
        assert_eq!(environment_of_alias("alias/prod-to-dev"), None);
        assert_eq!(environment_of_alias("alias/product"), None);
    }
}
