//! What all records together tell of tags: what was compared, merged and counted, to be judged.
//!
//! What must stay true: these are facts, told in the order of a report. What is unknown stays
//! unknown.

use std::collections::BTreeSet;

use crate::model::estate::GovernedTag;
use crate::model::level::Level;
use crate::model::time::Time;
use crate::tags::change::Evidence;
use crate::tags::compare::{Verdict, told};
use crate::tags::timeline::{Course, State, Why};

/// How soon a use must follow a change of its key's tags to have to do with it: an hour, in
/// microseconds.
pub const SOON: i64 = 3_600_000_000;

/// Uses of keys on resources whose tags disagree, those that go into one finding.
#[derive(Debug, Clone)]
pub struct Pairs<'a> {
    /// What was told of the tags that disagree, the most used first.
    pub said: Vec<(&'a Said, Often)>,
    /// How many of the uses a service attests. The context of any other use is whatever the caller
    /// wrote.
    pub attested: u64,
    /// The first resources by name, as many as a finding shows.
    pub resources: &'a [String],
    /// The highest of the levels that the settings give the tags that differ; `low` where none
    /// does.
    pub highest: Level,
}

/// What is said of one tag in one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    /// The tag by its name in findings.
    pub tag: String,
    /// What the key has.
    pub key: Told,
    /// What the resource has.
    pub resource: Told,
    /// Why one of both is unknown.
    pub why: Option<Why>,
}

impl Said {
    /// What comparing one tag of a key and a resource says.
    pub fn new(tag: &GovernedTag, key: &State, resource: &State, verdict: Verdict) -> Said {
        let why = match verdict {
            Verdict::KeyUnknown(why) | Verdict::ResourceUnknown(why) => Some(why),
            _ => None,
        };
        let (key, resource) = (Told::new(key), Told::new(resource));
        Said { tag: tag.name.clone(), key, resource, why }
    }
}

/// One side: the value, if there is one, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    /// The value.
    pub value: Option<String>,
    /// Who says so.
    pub by: Option<Evidence>,
}

impl Told {
    fn new(state: &State) -> Told {
        let (value, by) = told(state);
        Told { value: value.map(str::to_owned), by: by.cloned() }
    }
}

/// How often something was said.
#[derive(Debug, Clone, Copy)]
pub struct Often {
    /// In how many uses.
    pub uses: u64,
    /// The time of the first of them.
    pub first: Time,
    /// The time of the last.
    pub last: Time,
}

/// An alias that was given to a key.
#[derive(Debug)]
pub struct AliasGiven<'a> {
    /// The alias, `alias/…`.
    pub alias: &'a str,
    /// When.
    pub time: Time,
    /// What is known of the key's governed tags, in the order of the settings.
    pub courses: &'a [Course],
    /// The end of the log: until then, a state is settled.
    pub end: Time,
}

/// A class of data that resources are tagged with, as of the end of the log.
#[derive(Debug)]
pub struct DataClass<'a> {
    /// Its name.
    pub name: &'a str,
    /// The ARNs of the resources, all of them.
    pub resources: &'a BTreeSet<String>,
    /// Whether a key is tagged with it.
    pub has_key: bool,
    /// Whether of any key it is known which class it has, or that it has none.
    pub keys_known: bool,
}

/// A change of a key's tags without which a use soon after would have been a mismatch.
#[derive(Debug, Clone, Copy)]
pub struct Evasion<'a> {
    /// The ARN of the key.
    pub key: &'a str,
    /// When its tags were changed.
    pub changed: Time,
}
