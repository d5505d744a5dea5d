//! What becomes a finding, and what it says: both values, since when and by whom, and how often.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::compare::wants;
use super::ledger::Reason;
use crate::detect::stateful::About;
use crate::engine::decide::blank;
use crate::engine::group::{Group, GroupKey, SHOWN};
use crate::engine::worker::Shared;
use crate::model::estate::GovernedTag;
use crate::model::level::Level;
use crate::model::time::Time;
use crate::tags::change::{Evidence, Source};
use crate::tags::compare::{Verdict, told};
use crate::tags::timeline::{State, Why};
use crate::tags::uses::Pair;

/// Pairs of values that a finding lists.
const LISTED: usize = 20;

/// What a use is found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Both sides have a governed tag, and differ.
    Mismatch,
    /// One side has it.
    OneSided,
    /// The resource's tags are not known.
    Unknown,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Mismatch, Kind::OneSided, Kind::Unknown];

    /// The rule whose finding it is.
    fn rule(self) -> &'static str {
        match self {
            Kind::Mismatch => "key-tag-mismatch",
            Kind::OneSided => "key-tag-one-sided",
            Kind::Unknown => "subject-tags-unknown",
        }
    }
}

/// What is said of one tag in one stretch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    tag: String,
    key: Told,
    resource: Told,
    why: Option<Why>,
}

/// One side: the value, if there is one, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    value: Option<String>,
    by: Option<Evidence>,
}

impl Told {
    fn new(state: &State) -> Told {
        let (value, by) = told(state);
        Told { value: value.map(str::to_owned), by: by.cloned() }
    }

    fn json(&self) -> Value {
        let mut value = json!({"value": self.value});
        let Some(by) = &self.by else { return value };
        match &by.source {
            Source::Record { id, name, principal, .. } => {
                value["since"] = json!(by.time);
                value["by"] = json!({"event": id, "name": name, "principal": principal});
            }
            Source::File(name) => {
                value["as_of"] = json!(by.time);
                value["by"] = json!({"file": &**name});
            }
        }
        value
    }

    fn words(&self) -> &str {
        self.value.as_deref().unwrap_or("none")
    }
}

impl Said {
    pub fn new(tag: &GovernedTag, key: &State, resource: &State, verdict: Verdict) -> Said {
        let why = match verdict {
            Verdict::KeyUnknown(why) | Verdict::ResourceUnknown(why) => Some(why),
            _ => None,
        };
        let (key, resource) = (Told::new(key), Told::new(resource));
        Said { tag: tag.name.clone(), key, resource, why }
    }
}

/// A record as it is counted.
#[derive(Clone, Copy)]
pub struct Seen {
    pub time: Time,
    pub copy: bool,
    pub attested: bool,
}

/// How often something was said.
#[derive(Debug, Clone, Copy)]
struct Often {
    uses: u64,
    first: Time,
    last: Time,
}

/// What was found of one kind in the uses of a group.
#[derive(Debug, Default)]
pub struct Found {
    group: Option<Group>,
    count: u64,
    attested: u64,
    said: BTreeMap<Said, Often>,
    /// The smallest names of the resources, where the finding is not about one.
    resources: BTreeSet<String>,
}

impl Found {
    /// Whether a record of this time may be one of those that are shown.
    pub fn wants(&self, time: i64) -> bool {
        self.group.as_ref().is_none_or(|group| wants(group, time))
    }

    /// Takes in a record; `event` if it may be shown.
    pub fn take(&mut self, seen: Seen, level: Level, said: &[Said], event: Option<Group>) {
        if let Some(event) = event {
            self.add(event);
        }
        if let Some(group) = &mut self.group {
            group.level = group.level.max(level);
            group.first = group.first.min(Some(seen.time));
            group.last = group.last.max(Some(seen.time));
        }
        if seen.copy {
            return;
        }
        self.count += 1;
        self.attested += u64::from(seen.attested);
        for said in said {
            self.say(said, Often { uses: 1, first: seen.time, last: seen.time });
        }
    }

    fn add(&mut self, event: Group) {
        match &mut self.group {
            Some(group) => group.merge(event),
            None => self.group = Some(event),
        }
    }

    fn say(&mut self, said: &Said, often: Often) {
        if let Some(known) = self.said.get_mut(said) {
            known.uses += often.uses;
            known.first = known.first.min(often.first);
            known.last = known.last.max(often.last);
        } else {
            self.said.insert(said.clone(), often);
        }
    }

    /// Takes in what was found in other uses.
    pub fn merge(&mut self, other: Found) {
        if let Some(event) = other.group {
            self.add(event);
        }
        self.count += other.count;
        self.attested += other.attested;
        self.resources.extend(other.resources);
        while self.resources.len() > SHOWN {
            self.resources.pop_last();
        }
        other.said.iter().for_each(|(said, often)| self.say(said, *often));
    }

    /// Names the resource.
    pub fn about(&mut self, resource: Option<&str>) {
        self.resources.extend(resource.map(str::to_owned));
    }

    /// What there is to say, the most used first.
    fn details(&self, kind: Kind) -> BTreeMap<String, String> {
        let mut all: Vec<(&Said, &Often)> = self.said.iter().collect();
        all.sort_by(|(a, x), (b, y)| y.uses.cmp(&x.uses).then_with(|| a.cmp(b)));
        let one = |(said, often): &(&Said, &Often)| {
            json!({
                "tag": said.tag, "key": said.key.json(), "resource": said.resource.json(),
                "unknown": said.why.map(Why::as_str),
                "uses": often.uses, "first": often.first, "last": often.last,
            })
        };
        let tags: Vec<Value> = all.iter().take(LISTED).map(one).collect();
        let words = |(said, _): &(&Said, &Often)| match said.why {
            Some(why) => format!("{} of the resource: {}", said.tag, why.as_str()),
            None => {
                format!(
                    "{}: key {}, resource {}",
                    said.tag,
                    said.key.words(),
                    said.resource.words()
                )
            }
        };
        let mut why: Vec<String> = all.iter().take(LISTED).map(words).collect();
        why.dedup();
        let mut details = BTreeMap::new();
        let mut add = |name: &str, value: Value| details.insert(name.to_owned(), value.to_string());
        add("why", why.join("; ").into());
        add("tags", tags.into());
        if all.len() > LISTED {
            add("tags_not_listed", (all.len() - LISTED).into());
        }
        if kind == Kind::Unknown {
            add("resources", self.resources.iter().cloned().collect::<Vec<_>>().into());
        } else {
            // The context of any other use is whatever the caller wrote.
            add("uses_attested_by_service", self.attested.into());
        }
        details
    }
}

/// Why a tag is not known, of the key or of the resource.
pub fn reason(key: bool, why: Why) -> Reason {
    match (key, why) {
        (true, Why::NotSeen) => "key tags not seen",
        (true, Why::NotTold) => "key tags not told by the record",
        (true, Why::SameSecond) => "key tags changed in the same second",
        (true, Why::Contradicted) => "key tags contradicted",
        (true, Why::TwoTags) => "key has two tags of one meaning",
        (false, Why::NotSeen) => "resource tags not seen",
        (false, Why::NotTold) => "resource tags not told by the record",
        (false, Why::SameSecond) => "resource tags changed in the same second",
        (false, Why::Contradicted) => "resource tags contradicted",
        (false, Why::TwoTags) => "resource has two tags of one meaning",
    }
}

/// The group of a pair's uses. The number of the kind stands for the rule until all is counted.
pub fn key_of(kind: Kind, about: &About, pair: &Pair) -> GroupKey {
    let resource = pair.resource.as_ref().map(|resource| resource.arn.clone());
    GroupKey {
        rule: kind as usize,
        attempt: false,
        account: about.account.clone(),
        region: about.region.clone(),
        principal: about.principal.arn.clone().filter(|_| kind != Kind::Unknown),
        key: Some(pair.key.arn.clone()),
        resource: resource.filter(|_| kind != Kind::Unknown),
        event: None,
        foreign: None,
        apart: None,
        by: None,
    }
}

/// What was found, by group and by whether earlier runs have judged all of it.
pub type Founds = HashMap<(GroupKey, bool), Found>;

/// The findings, each of its rule if that is reported. What earlier runs have judged counts only
/// where there is nothing new.
pub fn findings(shared: &Shared<'_>, all: Founds) -> Vec<(GroupKey, Group, u64)> {
    let (old, mut all): (Founds, Founds) = all.into_iter().partition(|((_, old), _)| *old);
    for ((key, _), found) in old {
        all.entry((key, false)).or_insert(found);
    }
    // One key may have a million such resources, and nothing is wrong with any.
    let rules = Kind::ALL.map(|kind| shared.plan.rules.decided_late(kind.rule()));
    let finding = |((key, _), found): ((GroupKey, bool), Found)| {
        let kind = *Kind::ALL.get(key.rule)?;
        let rule = (*rules.get(key.rule)?)?;
        let details = found.details(kind);
        let mut group = found.group?;
        let own = shared.plan.rules.metas()[rule].level;
        group.level = if kind == Kind::Mismatch { group.level } else { own };
        group.earliest.1.details = details;
        if kind == Kind::Unknown {
            blank(&mut group.earliest.1, [false, true, false]);
            group.sessions.clear();
        }
        Some((GroupKey { rule, ..key }, group, found.count))
    };
    all.into_iter().filter_map(finding).collect()
}
