//! What goes into the fields of formats that others define.
//!
//! Whoever acts in an account chooses the text of its log, and how long it is. What must stay true: no
//! field grows without bound, what is cut ends with [`CUT`], and a cut is never inside a character.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::Run;
use super::escape::visible;
use crate::model::arn::Arn;
use crate::model::finding::Finding;
use crate::model::rule_meta::RuleMeta;

/// What a text ends with that was cut.
pub const CUT: char = '…';

/// The most characters of a value.
const LONGEST: usize = 2_048;

/// The most characters of all that a rule has to say beside the rest.
const DETAILS: usize = 16_384;

/// The most tags of one thing: as many as AWS allows.
pub const TAGS: usize = 50;

/// A text of at most so many characters.
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    // Most texts are short enough in bytes already.
    if text.len() <= most {
        return text.into();
    }
    let mut ends = text.char_indices().map(|(at, _)| at);
    let Some(last) = ends.nth(most.saturating_sub(1)) else { return text.into() };
    if ends.next().is_none() {
        return text.into();
    }
    format!("{}{CUT}", &text[..last]).into()
}

/// A text for people: at most so many characters, hidden ones written out.
pub fn shown(text: &str, most: usize) -> String {
    cut(&visible(&cut(text, most)), most).into_owned()
}

/// A text, if it says anything.
pub fn said(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

/// Leaves out what is not known or empty, and cuts what is too long. Texts stay, empty ones too.
pub fn tidy(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > LONGEST => cut(&text, LONGEST).into(),
        Value::Array(list) => list.into_iter().map(tidy).filter(is_something).collect(),
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| (name, tidy(value)));
            Value::Object(members.filter(|(_, value)| is_something(value)).collect())
        }
        value => value,
    }
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    }
}

/// What the rule has to say beside the rest, within bounds.
pub fn details(finding: &Finding) -> Value {
    let mut left = DETAILS;
    let mut members = Map::new();
    for (name, value) in &finding.details {
        if left == 0 {
            members.insert(CUT.into(), true.into());
            break;
        }
        let name = spend(name, &mut left);
        members.insert(name, bounded(value, &mut left));
    }
    Value::Object(members)
}

/// A value of at most `left` characters and members.
fn bounded(value: &Value, left: &mut usize) -> Value {
    match value {
        Value::String(text) => spend(text, left).into(),
        Value::Array(list) => {
            let mut kept = Vec::new();
            for value in list {
                if *left == 0 {
                    kept.push(CUT.to_string().into());
                    break;
                }
                kept.push(bounded(value, left));
            }
            kept.into()
        }
        Value::Object(members) => {
            let mut kept = Map::new();
            for (name, value) in members {
                if *left == 0 {
                    kept.insert(CUT.into(), true.into());
                    break;
                }
                let name = spend(name, left);
                kept.insert(name, bounded(value, left));
            }
            Value::Object(kept)
        }
        value => {
            *left = left.saturating_sub(1);
            value.clone()
        }
    }
}

fn spend(text: &str, left: &mut usize) -> String {
    let text = cut(text, (*left).clamp(1, LONGEST)).into_owned();
    *left = left.saturating_sub(text.chars().count().max(1));
    text
}

/// Tags as `{"name": …, "value": …}`, of which there are not too many.
pub fn tags(tags: &BTreeMap<String, String>) -> Value {
    tags.iter().take(TAGS).map(|(name, value)| json!({"name": name, "value": value})).collect()
}

/// An address, if the text is one: services call from names.
pub fn address(text: Option<&str>) -> Option<IpAddr> {
    text?.trim().parse().ok()
}

/// Whether a text is the id of an account.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The name of what an ARN stands for: what follows the last slash or colon.
pub fn name_of(arn: &str) -> &str {
    let resource = Arn::parse(arn).map_or(arn, |arn| arn.resource);
    match resource.rsplit(['/', ':']).next() {
        Some(name) if !name.is_empty() => name,
        _ => resource,
    }
}

/// A rule by its id, and its place among [`Run::rules`].
pub fn rule<'a>(run: &'a Run, id: &str) -> Option<(usize, &'a RuleMeta)> {
    let at = run.rules.binary_search_by(|rule| rule.id.as_str().cmp(id)).ok()?;
    Some((at, run.rules.get(at)?))
}

/// The first reference that is a page.
pub fn page(references: &[String]) -> Option<&str> {
    let is_page = |text: &&String| {
        text.starts_with("https://") && text.len() < 2_048 && !text.contains(char::is_whitespace)
    };
    references.iter().find(is_page).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::sample;

    #[test]
    fn a_cut_is_between_characters_and_marked() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut("abcd", 1), "…");
        assert_eq!(shown("a\u{1b}[2Jb", 5), "a\\x1…");
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let value = json!({"a": null, "b": {"c": [null, {}]}, "d": "", "e": 0, "f": [1, null]});
        assert_eq!(tidy(value), json!({"d": "", "e": 0, "f": [1]}));
        let long = tidy(json!("x".repeat(1_000_000)));
        assert_eq!(long.as_str().unwrap().chars().count(), LONGEST);
    }

    #[test]
    fn details_are_bounded_however_deep_they_are() {
        let mut finding = sample::deletion();
        let wide: Vec<Value> = (0..5_000).map(|i| json!({"name": [i, "x".repeat(50)]})).collect();
        finding.details = BTreeMap::from([
            ("a".into(), json!(wide)),
            ("b".into(), json!({"c": "x".repeat(1_000_000)})),
        ]);
        let text = details(&finding).to_string();
        assert!(text.len() < 3 * DETAILS && text.contains(CUT), "{}", text.len());
        finding.details = BTreeMap::from([("a".into(), json!({"b": [1, "two", null]}))]);
        assert_eq!(details(&finding), json!({"a": {"b": [1, "two", null]}}));
    }

    #[test]
    fn names_end_arns() {
        for (arn, name) in [
            ("arn:aws:iam::111122223333:role/team/Admin", "Admin"),
            ("arn:aws:sns:eu-west-1:111122223333:topic", "topic"),
            ("arn:aws:s3:::bucket/folder/", "bucket/folder/"),
            ("AIDAEXAMPLE", "AIDAEXAMPLE"),
            ("", ""),
        ] {
            assert_eq!(name_of(arn), name);
        }
    }

    proptest! {
        #[test]
        fn no_text_is_longer_than_it_may_be(text in any::<String>(), most in 1_usize..40) {
            for text in [cut(&text, most).into_owned(), shown(&text, most)] {
                prop_assert!(text.chars().count() <= most, "{text:?}");
            }
            if text.chars().count() <= most {
                prop_assert_eq!(cut(&text, most), text.as_str());
            }
        }
    }
}
