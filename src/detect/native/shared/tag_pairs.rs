//! How findings about compared tags are worded.
//!
//! What must stay true: `why` says in words what `tags` says in members, in the same order.

use serde_json::{Value, json};

use crate::detect::whole_log::tags::{Often, Pairs, Said, Told};
use crate::detect::whole_log::{Conclusion, Piece};
use crate::model::level::Level;
use crate::tags::change::Source;
use crate::tags::timeline::Why;

/// Pairs of values that a finding lists.
const LISTED: usize = 20;

/// The uses of a piece.
pub fn of<'a>(piece: &Piece<'a>) -> Option<&'a Pairs<'a>> {
    match piece {
        Piece::Pairs(pairs) => Some(pairs),
        _ => None,
    }
}

/// What the tags of `pairs` say, the most used first.
pub fn told(pairs: &Pairs<'_>, level: Level) -> Conclusion {
    let listed = || pairs.said.iter().take(LISTED);
    let mut why: Vec<String> = listed().map(|(said, _)| in_words(said)).collect();
    why.dedup();
    let tags: Vec<Value> = listed().map(|(said, often)| in_members(said, *often)).collect();
    let told = Conclusion::at(level).with("why", why.join("; ")).with("tags", tags);
    match pairs.said.len().saturating_sub(LISTED) {
        0 => told,
        more => told.with("tags_not_listed", more),
    }
}

/// As [`told`], with the number of uses whose resource a service attests.
pub fn told_with_attested(pairs: &Pairs<'_>, level: Level) -> Conclusion {
    told(pairs, level).with("uses_attested_by_service", pairs.attested)
}

fn in_words(said: &Said) -> String {
    let value = |told: &Told| told.value.clone().unwrap_or_else(|| "none".to_owned());
    let Said { tag, key, resource, why } = said;
    match why {
        Some(why) => format!("{tag} of the resource: {}", why.as_str()),
        None if resource.by.as_ref().is_some_and(|by| by.source == Source::Context) => {
            format!("{tag}: key {}, the caller's context {}", value(key), value(resource))
        }
        None => format!("{tag}: key {}, resource {}", value(key), value(resource)),
    }
}

fn in_members(said: &Said, often: Often) -> Value {
    json!({
        "tag": said.tag, "key": side(&said.key), "resource": side(&said.resource),
        "unknown": said.why.map(Why::as_str),
        "uses": often.uses, "first": often.first, "last": often.last,
    })
}

fn side(told: &Told) -> Value {
    let mut value = json!({"value": told.value});
    let Some(by) = &told.by else { return value };
    match &by.source {
        Source::Record { id, name, principal, .. } => {
            value["since"] = json!(by.time);
            value["by"] = json!({"event": id, "name": name, "principal": principal});
        }
        Source::Enriched { id, name, .. } => {
            value["as_of"] = json!(by.time);
            value["by"] = json!({"event": id, "name": name, "enriched": true});
        }
        Source::File(name) => {
            value["as_of"] = json!(by.time);
            value["by"] = json!({"file": &**name});
        }
        Source::Context => value["by"] = json!("encryption context"),
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Time;

    fn said(number: usize) -> Said {
        let told = |value: Option<String>| Told { value, by: None };
        let (key, resource) = (told(Some(number.to_string())), told(None));
        Said { tag: "Owner".into(), key, resource, why: None }
    }

    #[test]
    fn a_few_are_listed_and_the_rest_counted() {
        let all: Vec<Said> = (0..LISTED + 3).map(said).collect();
        let often = Often { uses: 1, first: Time(0), last: Time(0) };
        let (resources, of) = (Vec::new(), |number: usize| {
            all.iter().take(number).map(|said| (said, often)).collect::<Vec<_>>()
        });
        let pairs = |number| Pairs {
            said: of(number),
            attested: 2,
            resources: &resources,
            highest: Level::Low,
        };
        let some = told_with_attested(&pairs(LISTED), Level::High);
        assert!(!some.details.contains_key("tags_not_listed"));
        assert_eq!(some.details["uses_attested_by_service"], 2);
        let more = told(&pairs(all.len()), Level::High);
        assert_eq!(more.details["tags_not_listed"], 3);
        assert_eq!(more.details["tags"].as_array().unwrap().len(), LISTED);
        let why = more.details["why"].as_str().unwrap();
        assert!(why.starts_with("Owner: key 0, resource none; Owner: key 1, "), "{why}");
    }
}
