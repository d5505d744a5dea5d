//! Which members of a record nobody knows: those that an export has left out.
//!
//! A record that was made of an export holds their names in its first member, [`MEMBER`], so that they
//! stay with its text wherever that goes. What must stay true: a member that is unknown is never taken
//! for absent. No record of CloudTrail has a member of that name.

use std::cell::Cell;

use serde_json::{Map, Value};

/// The member that lists what is unknown: names of top-level members, or paths below them.
pub const MEMBER: &str = "keytrail.unknown";

/// How a record with unknown members begins.
const START: &str = "{\"keytrail.unknown\":[";

/// The text of a record of which the members in `names` are unknown.
pub fn with(names: &[&str], members: Map<String, Value>) -> String {
    let text = Value::Object(members).to_string();
    if names.is_empty() {
        return text;
    }
    let list = names.join("\",\"");
    let comma = if text == "{}" { "" } else { "," };
    format!("{START}\"{list}\"]{comma}{}", &text[1..])
}

/// The members of a record that claims itself that some are unknown, without the claim; `None` if it
/// claims nothing. Only records that were made of an export may say so.
pub fn without_claim(record: &str) -> Option<Map<String, Value>> {
    let Ok(Value::Object(mut members)) = serde_json::from_str(record) else { return None };
    members.remove(MEMBER).map(|_| members)
}

/// Whether a record lists unknown members.
pub fn is_listed_in(record: &[u8]) -> bool {
    record.starts_with(START.as_bytes())
}

/// The unknown members of a record.
#[derive(Debug, Clone, Copy)]
pub struct Unknown<'a>(&'a str);

impl<'a> Unknown<'a> {
    /// Those of a record; `None` if there are none.
    pub fn of(record: &'a str) -> Option<Unknown<'a>> {
        let rest = record.strip_prefix(START)?;
        let len = rest.find(']')?;
        Some(Unknown(&rest[..len]))
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'a str> {
        self.0.split(',').map(|name| name.trim_matches('"')).filter(|name| !name.is_empty())
    }

    /// Whether a member is unknown, by its name or its path. What lies below it is unknown too.
    pub fn has(self, path: &str) -> bool {
        self.names().any(|unknown| {
            let rest = path.strip_prefix(unknown);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}

/// Notes whether anything that is unknown was asked for.
///
/// Whether a call failed is left out: what an export says nothing of is judged as if it had
/// succeeded, since a call that failed changes nothing and is rare.
#[derive(Debug)]
pub struct Witness<'a> {
    unknown: Unknown<'a>,
    asked: Cell<bool>,
}

impl<'a> Witness<'a> {
    /// One that has noted nothing.
    pub fn new(unknown: Unknown<'a>) -> Witness<'a> {
        Witness { unknown, asked: Cell::new(false) }
    }

    /// Takes in that a member was asked for and is not there.
    pub fn miss(&self, path: &str) {
        if !matches!(path, "errorCode" | "errorMessage") && self.unknown.has(path) {
            self.asked.set(true);
        }
    }

    /// Takes in that all of the record was looked at.
    pub fn miss_any(&self) {
        self.asked.set(true);
    }

    /// Whether something unknown was asked for.
    pub fn has_asked(&self) -> bool {
        self.asked.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::event::Event;
    use crate::record::scan::{Index, plain};

    #[test]
    fn unknown_members_are_those_that_were_written() {
        let mut index = Index::default();
        let members: Map<String, Value> =
            [("eventName".to_owned(), "Decrypt".into())].into_iter().collect();
        for names in [&["errorCode", "userIdentity.sessionContext"][..], &[]] {
            let text = with(names, members.clone());
            plain::scan(text.as_bytes(), &mut index).unwrap();
            let event = Event::new(&text, &index);
            let unknown: Vec<&str> =
                Unknown::of(&text).into_iter().flat_map(Unknown::names).collect();
            assert_eq!(unknown, names);
            let has = |path| Unknown::of(&text).is_some_and(|unknown| unknown.has(path));
            assert_eq!(has("errorCode"), !names.is_empty());
            assert_eq!(has("userIdentity.sessionContext.attributes"), !names.is_empty());
            assert!(!has("userIdentity") && !has("errorCodes"));
            assert_eq!(event.text_at(&["eventName"]).unwrap(), "Decrypt");
        }
    }
}
