//! Tags that CloudTrail itself tells, in the enriched events of event data stores.
//!
//! `eventContext.tagContext.resourceTags` lists resources with their tags at the time of the event, of
//! those keys that the event data store is set up for. So a tag that stands there had this value then,
//! and of one that does not, nothing is said. Millions of events say the same: of each resource and list
//! only the first and the last that say so are kept. Source: CloudTrail user guide, "Enrich CloudTrail
//! events by adding resource tag keys and IAM global condition keys".
//!
//! What must stay true: memory is bounded, and what is kept does not depend on the order of reading. What
//! has no room is not known; it is never wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::change::{Change, Evidence, Source, Tags, Value, What};
use super::extract::tags;
use crate::model::arn::Arn;
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::taggable;

/// What one record may tell of: a call names hundreds of resources at most, and each has 50 tags of its
/// owner's.
const RESOURCES: usize = 1_000;
const TAGS: usize = 100;

/// Longer texts are no ARN, no key and no value of a tag, in bytes.
const LONGEST: [usize; 3] = [2_048, 512, 1_024];

/// The room of one resource, in bytes. Whatever has more lists than fit changes all the time.
const EACH: usize = 16 << 10; // 16 KiB

/// The room that an entry takes beside its texts, about; bytes.
const ENTRY: usize = 256;

/// Lists of tags, each with the first and the last evidence of it.
pub type Lists = BTreeMap<Arc<Tags>, [Arc<Evidence>; 2]>;

/// The lists of a resource.
#[derive(Debug, Clone, Default)]
struct OfResource {
    lists: Lists,
    room: usize,
}

/// What enriched events say.
#[derive(Debug, Clone)]
pub struct EnrichedTags {
    all: BTreeMap<String, OfResource>,
    room: usize,
    limit: usize,
    /// From this ARN on, in their order, resources have no room.
    bound: Option<String>,
}

impl EnrichedTags {
    /// Nothing; there is room for about `limit` bytes.
    pub fn new(limit: usize) -> EnrichedTags {
        EnrichedTags { all: BTreeMap::new(), room: 0, limit, bound: None }
    }

    /// Adds what a record says of a resource.
    pub fn add(&mut self, arn: &str, tags: Arc<Tags>, evidence: &Arc<Evidence>) {
        let span = [Arc::clone(evidence), Arc::clone(evidence)];
        self.put(arn, tags, span);
    }

    fn put(&mut self, arn: &str, tags: Arc<Tags>, span: [Arc<Evidence>; 2]) {
        if self.bound.as_deref().is_some_and(|bound| arn >= bound) {
            return;
        }
        if !self.all.contains_key(arn) {
            self.all.insert(arn.to_owned(), OfResource::default());
        }
        let Some(of) = self.all.get_mut(arn) else { return };
        self.room += of.put(arn.len(), tags, span);
        self.fit();
    }

    /// Makes room. Each resource's only grows, so that whatever falls out does so in any order.
    fn fit(&mut self) {
        while self.room > self.limit {
            let Some((arn, of)) = self.all.pop_last() else { break };
            self.room -= of.room;
            self.bound = Some(arn);
        }
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: EnrichedTags) {
        if let Some(bound) = other.bound {
            let beyond = self.all.split_off(&bound);
            self.room -= beyond.values().map(|of| of.room).sum::<usize>();
            if self.bound.as_ref().is_none_or(|own| bound < *own) {
                self.bound = Some(bound);
            }
        }
        for (arn, of) in other.all {
            if of.is_full() && self.bound.as_ref().is_none_or(|bound| arn < *bound) {
                let known = self.all.entry(arn).or_default();
                self.room += EACH - known.room;
                *known = OfResource { lists: BTreeMap::new(), room: EACH };
                self.fit();
                continue;
            }
            of.lists.into_iter().for_each(|(tags, span)| self.put(&arn, tags, span));
        }
    }

    /// What is known of each resource: its lists, each with the first and the last that say so; `None` if
    /// it has more lists than fit.
    pub fn resources(&self) -> impl Iterator<Item = (&str, Option<&Lists>)> {
        let lists = |of: &'_ OfResource| !of.is_full();
        self.all.iter().map(move |(arn, of)| (arn.as_str(), lists(of).then_some(&of.lists)))
    }

    /// Adds what [`resources`](EnrichedTags::resources) told of another.
    pub fn add_resource(&mut self, arn: &str, lists: Option<Lists>) {
        let room = if lists.is_none() { EACH } else { 0 };
        let of = OfResource { lists: lists.unwrap_or_default(), room };
        let all = BTreeMap::from([(arn.to_owned(), of)]);
        self.merge(EnrichedTags { all, room, limit: usize::MAX, bound: None });
    }

    /// Says from which ARN on another had no room.
    pub fn add_bound(&mut self, bound: String) {
        let none = EnrichedTags { bound: Some(bound), ..EnrichedTags::new(usize::MAX) };
        self.merge(none);
    }

    /// From which ARN on resources had no room, in the order of ARNs.
    pub fn bound(&self) -> Option<&str> {
        self.bound.as_deref()
    }

    /// Everything as changes: the tags were seen, and nothing changed.
    pub fn into_changes(self) -> impl Iterator<Item = (String, Change)> {
        let of_list = |(tags, [first, last]): (Arc<Tags>, [Arc<Evidence>; 2])| {
            let what = Arc::new(What::Seen(Arc::unwrap_or_clone(tags)));
            let more = (first != last).then_some(last);
            [first]
                .into_iter()
                .chain(more)
                .map(move |evidence| Change { evidence, what: Arc::clone(&what) })
        };
        self.all.into_iter().flat_map(move |(arn, of)| {
            of.lists.into_iter().flat_map(of_list).map(move |change| (arn.clone(), change))
        })
    }
}

impl OfResource {
    /// Whether it has more lists than fit. It has none then, and never has any again.
    fn is_full(&self) -> bool {
        self.room >= EACH
    }

    /// Adds a list. How much more room is taken.
    fn put(&mut self, arn_len: usize, tags: Arc<Tags>, [first, last]: [Arc<Evidence>; 2]) -> usize {
        if self.is_full() {
            return 0;
        }
        if let Some([known_first, known_last]) = self.lists.get_mut(&tags) {
            if first < *known_first {
                *known_first = first;
            }
            if is_later(&last, known_last) {
                *known_last = last;
            }
            return 0;
        }
        let before = self.room;
        let texts = tags.iter().map(|(key, value)| key.len() + value.text().map_or(0, str::len));
        let own = if self.lists.is_empty() { arn_len } else { 0 };
        self.room = (before + own + ENTRY + texts.sum::<usize>()).min(EACH);
        match self.is_full() {
            true => self.lists.clear(),
            false => drop(self.lists.insert(tags, [first, last])),
        }
        self.room - before
    }
}

/// Whether one is later than another, or a copy of it with a smaller place.
fn is_later(one: &Evidence, known: &Evidence) -> bool {
    let name = |evidence: &Evidence| match &evidence.source {
        Source::Enriched { id, name, .. } => (evidence.time, id.clone(), name.clone()),
        _ => (evidence.time, None, String::new()),
    };
    let (later, before) = (name(one), name(known));
    later > before || (later == before && one < known)
}

/// What a record tells of the tags of resources, whoever called and however the call ended: CloudTrail
/// says so, and not the caller.
pub fn told(event: &Event<'_>) -> Vec<(String, Arc<Tags>)> {
    let list = event.path(&["eventContext", "tagContext", "resourceTags"]);
    let list = list.into_iter().flat_map(Json::elements).take(RESOURCES);
    list.filter_map(of_one).collect()
}

/// A resource and its tags. Of what is too long, or hidden, nothing is known.
fn of_one(entry: Json<'_>) -> Option<(String, Arc<Tags>)> {
    let [arn_max, key_max, value_max] = LONGEST;
    let arn = entry.get_any_case("arn")?.as_str()?;
    let arn = arn.trim();
    let parsed = Arn::parse(arn).filter(|_| arn.len() <= arn_max)?;
    let fits = |(key, value): &(String, Value)| {
        let text = value.text().map(str::len);
        !key.is_empty() && key.len() <= key_max && text.is_some_and(|len| len <= value_max)
    };
    let tags: Tags = tags(entry.get_any_case("tags")?)?.into_iter().filter(fits).collect();
    if tags.is_empty() || tags.len() > TAGS {
        return None;
    }
    // An object has tags of its own, which are not those of its bucket.
    let is_object = parsed.service == "s3" && parsed.resource.contains('/');
    let known = taggable(arn).filter(|_| !is_object).map(|known| known.arn);
    Some((known.unwrap_or_else(|| arn.to_owned()), Arc::new(tags)))
}

#[cfg(test)]
mod tests;
