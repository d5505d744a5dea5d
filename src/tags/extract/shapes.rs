//! Tags and tag keys in every shape in which services write them.
//!
//! The shapes are a list of pairs in five spellings, a map, one pair in place of a list (what was XML
//! has no lists of one), an index beside the pair, and `items` or `Tag` around it. What must stay
//! true: either all tags are read, or the result says that they were not.

use std::collections::BTreeMap;

use crate::record::hidden::HIDDEN;
use crate::record::json::{Json, Kind};
use crate::record::shape;
use crate::tags::change::{Tags, Value};

/// The spellings of a tag's key and value.
const KEYS: [&str; 2] = ["key", "tagKey"];
const VALUES: [&str; 2] = ["value", "tagValue"];

/// What may stand around a list of tags.
const AROUND: [&str; 5] = ["items", "item", "Tag", "TagSet", "tags"];

/// How deep that may go.
const DEEPEST: usize = 4;

/// The tags that a member holds; `None` when it does not tell all of them.
pub fn tags(value: Json<'_>) -> Option<Tags> {
    let mut found = Tags::new();
    read(value, DEEPEST, &mut found).then_some(found)
}

fn read(value: Json<'_>, depth: usize, to: &mut Tags) -> bool {
    match value.kind() {
        _ if depth == 0 => false,
        Kind::Null => true,
        Kind::Array => value.elements().all(|element| match pair(element) {
            Some((key, value)) => add(key, value, to),
            None => element.kind() == Kind::Object && read(element, depth - 1, to),
        }),
        Kind::Object => {
            if let Some((key, text)) = pair(value) {
                return add(key, text, to);
            }
            let inner = AROUND.iter().find_map(|name| {
                // The very name first: beside `Tag` there may be `tag`, its index.
                let inner = value.get(name).or_else(|| value.get_any_case(name))?;
                matches!(inner.kind(), Kind::Array | Kind::Object).then_some(inner)
            });
            match inner {
                Some(inner) => read(inner, depth - 1, to),
                None => map(value, to),
            }
        }
        // XML without tags is an empty text.
        Kind::String => value.inner_str() == Some(""),
        Kind::Bool | Kind::Number => false,
    }
}

/// Key and value of one tag.
fn pair<'a>(value: Json<'a>) -> Option<(String, Option<Json<'a>>)> {
    let member = |names: &[&str]| names.iter().find_map(|name| value.get_any_case(name));
    let key = member(&KEYS)?.scalar()?.into_owned();
    let text = member(&VALUES);
    // A map may have a tag that is named "key".
    let is_map = text.is_none() && value.members().count() > 1 && value.get("tag").is_none();
    (!is_map).then_some((key, text))
}

fn map(value: Json<'_>, to: &mut Tags) -> bool {
    value.members().all(|(name, value)| add(name.text().into_owned(), Some(value), to))
}

fn add(key: String, value: Option<Json<'_>>, to: &mut Tags) -> bool {
    let value = match value.filter(|value| !value.is_null()) {
        None => Value::Text(String::new()),
        Some(value) => match value.scalar() {
            Some(text) if text == HIDDEN => Value::Hidden,
            Some(text) => Value::Text(text.into_owned()),
            None => return false,
        },
    };
    // A redacted map keeps neither the names nor how many there were.
    if key == HIDDEN || (key == "key" && value == Value::Hidden) {
        return false;
    }
    to.insert(key, value);
    true
}

/// The tag keys that a member lists; of pairs that have a value, only if the tag has it.
pub fn keys(value: Json<'_>) -> Option<BTreeMap<String, Option<String>>> {
    let mut found = BTreeMap::new();
    let inner = AROUND.iter().find_map(|name| value.get_any_case(name)).unwrap_or(value);
    for element in shape::each(inner) {
        if let Some(key) = element.scalar().filter(|key| key != HIDDEN) {
            found.insert(key.into_owned(), None);
            continue;
        }
        let (key, only) = pair(element)?;
        let only = only.filter(|value| !value.is_null());
        let only = only.map(|value| value.scalar().map(|text| text.into_owned()));
        match only {
            Some(None) => return None,
            Some(Some(text)) if text == HIDDEN => return None,
            Some(Some(text)) => found.insert(key, Some(text)),
            None => found.insert(key, None),
        };
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<(String, Option<String>)>> {
        let tags = tags(Json::new(text))?;
        Some(tags.into_iter().map(|(k, v)| (k, v.text().map(str::to_owned))).collect())
    }

    #[test]
    fn every_spelling_reads_the_same() {
        let expected = Some(vec![("Owner".to_owned(), Some("true".to_owned()))]);
        for text in [
            r#"[{"tagKey":"Owner","tagValue":"true"}]"#,
            r#"[{"key":"Owner","value":"true"}]"#,
            r#"[{"Key":"Owner","Value":true}]"#,
            r#"{"Owner":"true"}"#,
            r#"{"Key":"Owner","Value":true}"#,
            r#"{"TagSet":{"Tag":{"Value":true,"Key":"Owner"}}}"#,
            r#"{"TagSet":{"Tag":[{"Value":true,"Key":"Owner"}]}}"#,
            r#"{"items":[{"key":"Owner","value":"true"}]}"#,
            r#"{"tag":1,"Tag":{"Value":true,"tag":1,"Key":"Owner"}}"#,
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        for text in ["[]", "{}", "null", r#""""#, r#"{"TagSet":""}"#] {
            assert!(read(text).is_none_or(|tags| tags.is_empty() || text.contains("TagSet")));
        }
    }

    #[test]
    fn what_is_hidden_or_odd_is_said_to_be() {
        let hidden = r#"{"Owner":"HIDDEN_DUE_TO_SECURITY_REASONS","A":"b"}"#;
        let expected = vec![("A".to_owned(), Some("b".to_owned())), ("Owner".to_owned(), None)];
        assert_eq!(read(hidden), Some(expected));
        for text in [
            r#"{"key":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#,
            r#""HIDDEN_DUE_TO_SECURITY_REASONS""#,
            r#"{"Owner":{"a":1}}"#,
            r#"["Owner"]"#,
            "7",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(r#"{"key":"a","Owner":"b"}"#).map(|tags| tags.len()), Some(2), "a map");
    }

    #[test]
    fn keys_are_listed_in_as_many_ways() {
        let read = |text: &str| keys(Json::new(text));
        let one = BTreeMap::from([("Owner".to_owned(), None)]);
        for text in [r#"["Owner"]"#, r#""Owner""#, r#"{"items":[{"key":"Owner"}]}"#] {
            assert_eq!(read(text), Some(one.clone()), "{text}");
        }
        let only = BTreeMap::from([("Owner".to_owned(), Some(String::new()))]);
        assert_eq!(read(r#"[{"key":"Owner","value":""}]"#), Some(only));
        assert_eq!(read(r#"[{"a":"Owner"}]"#), None);
    }
}
