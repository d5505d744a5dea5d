//! Tags by ARN and instant: the book once all is in it, with what was asked kept at hand.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use crate::engine::context::Context;
use crate::model::estate::{Estate, GovernedTag};
use crate::model::finding::{Key, Resource};
use crate::model::time::Time;
use crate::tags::book::{Book, Named};
use crate::tags::change::{Evidence, Source};
use crate::tags::timeline::{Course, State, Timeline, Why};

/// How many courses are kept at hand.
const AT_HAND: usize = 1 << 17;

/// What the alias of an AWS managed key starts with.
const AWS_ALIAS: &str = "alias/aws/";

/// The courses of the governed tags of one ARN.
#[derive(Debug)]
pub struct Courses {
    /// In the order of the estate.
    pub all: Vec<Course>,
    /// The stretches with which any of them changes its state, ascending.
    starts: Vec<usize>,
}

/// A key or a resource whose tags are wanted, as of an instant.
pub struct Tagged<'f> {
    name: &'f str,
    time: Time,
    tags: &'f mut BTreeMap<String, String>,
}

/// Those that a finding is about, as of its first event.
pub fn tagged<'f>(
    time: Option<Time>,
    key: &'f mut Option<Key>,
    resource: &'f mut Option<Resource>,
) -> impl Iterator<Item = Tagged<'f>> {
    let key = key.as_mut().map(|key| (key.arn.as_str(), &mut key.tags));
    let resource = resource.as_mut().map(|on| (on.arn.as_str(), &mut on.tags));
    let both = [key, resource].into_iter().flatten();
    both.filter_map(move |(name, tags)| Some(Tagged { name, time: time?, tags }))
}

/// Everything that is known of tags.
pub struct Tags<'a> {
    pub estate: &'a Estate,
    pub book: &'a Book,
    managed: BTreeSet<String>,
    /// The names that mean each governed tag, as names are compared.
    meant: Vec<HashSet<String>>,
}

impl<'a> Tags<'a> {
    pub fn new(estate: &'a Estate, book: &'a Book) -> Tags<'a> {
        let meant = estate.governed_tags.iter().map(|tag| {
            let names = [&tag.name].into_iter().chain(&tag.synonyms);
            names.map(|name| GovernedTag::folded(name)).collect()
        });
        Tags { estate, managed: book.aws_managed(), book, meant: meant.collect() }
    }

    /// Gives things the tags that they had at their instants. Thing by thing: each is walked through
    /// once, however often it is among them.
    ///
    /// # Errors
    /// When the run is to stop.
    pub fn fill(&self, all: &mut [Tagged<'_>], context: &Context<'_>) -> io::Result<()> {
        let mut wanted: Vec<(String, Time, usize)> = Vec::new();
        for (number, one) in all.iter().enumerate() {
            if let Named::Arn(arn) = self.book.named(one.name)
                && self.book.knows(&arn)
            {
                wanted.push((arn, one.time, number));
            }
        }
        wanted.sort_unstable();
        for of_one in wanted.chunk_by(|a, b| a.0 == b.0) {
            context.go_on()?;
            let times: Vec<Time> = of_one.iter().map(|(_, time, _)| *time).collect();
            let known = self.book.timeline(&of_one[0].0).index().known_at(&times);
            for ((_, _, number), tags) in of_one.iter().zip(known) {
                *all[*number].tags = tags;
            }
        }
        Ok(())
    }

    /// The courses of the governed tags in a timeline.
    fn courses(&self, timeline: &Timeline) -> Courses {
        let index = timeline.index();
        let mut keys: Vec<Vec<&str>> = vec![Vec::new(); self.meant.len()];
        for key in index.names() {
            let folded = GovernedTag::folded(key);
            for (keys, meant) in keys.iter_mut().zip(&self.meant) {
                if meant.contains(&folded) {
                    keys.push(key);
                }
            }
        }
        let tags = self.estate.governed_tags.iter().zip(&keys);
        // Of a tag that nothing names, it may be known that there are no others.
        let all: Vec<Course> = tags
            .map(|(tag, keys)| index.together(keys, |value| tag.meaning(value).to_owned()))
            .collect();
        let starts: BTreeSet<usize> = all.iter().flat_map(Course::starts).collect();
        Courses { all, starts: starts.into_iter().collect() }
    }
}

impl Courses {
    /// Of what an encryption context says of some governed tags; of the others nothing is known.
    pub fn declared(estate: &Estate, declared: &[(String, String)]) -> Courses {
        let by = Arc::new(Evidence { time: Time(0), source: Source::Context });
        let course = |tag: &GovernedTag| {
            let said = declared.iter().find(|(name, _)| *name == tag.name);
            Course::always(match said {
                Some((_, value)) => State::Known(tag.meaning(value).to_owned(), Arc::clone(&by)),
                None => State::Unknown(Why::NotSeen),
            })
        };
        Courses { all: estate.governed_tags.iter().map(course).collect(), starts: vec![0] }
    }

    /// The stretch with which all of them came into the states that they have at an instant.
    pub fn start(&self, time: Time) -> usize {
        let stretch = self.all.first().map_or(0, |course| course.stretch(time));
        let behind = self.starts.partition_point(|start| *start <= stretch);
        behind.checked_sub(1).map_or(0, |at| self.starts[at])
    }
}

/// The same, with what one thread has asked kept at hand.
pub struct Ledger<'a> {
    pub tags: &'a Tags<'a>,
    courses: foldhash::HashMap<String, Rc<Courses>>,
    /// Those of all of which nothing is known: there may be any number of them.
    unknown: Option<Rc<Courses>>,
}

/// Why the tags of something cannot be looked up.
pub type Reason = &'static str;

impl<'a> Ledger<'a> {
    pub fn new(tags: &'a Tags<'a>) -> Ledger<'a> {
        Ledger { tags, courses: foldhash::HashMap::default(), unknown: None }
    }

    /// What the organisation tells about itself.
    pub fn estate(&self) -> &'a Estate {
        self.tags.estate
    }

    /// The ARN of a key by which its tags are found.
    pub fn key(&self, key: &Key) -> Result<String, Reason> {
        let of_aws = |key: &Key| key.alias.as_ref().is_some_and(|a| a.starts_with(AWS_ALIAS));
        if of_aws(key) {
            return Err("AWS managed key");
        }
        match self.tags.book.named(&key.arn) {
            Named::Arn(arn) if self.tags.managed.contains(&arn) => Err("AWS managed key"),
            Named::Arn(arn) => Ok(arn),
            Named::Nothing => Err("alias not resolved"),
            Named::Several => Err("alias of several keys"),
        }
    }

    /// The ARN of a resource by which its tags are found.
    pub fn resource(&self, name: &str) -> Result<String, Reason> {
        match self.tags.book.named(name) {
            Named::Arn(arn) => Ok(arn),
            Named::Nothing => Err("resource id not resolved"),
            Named::Several => Err("resource id of several resources"),
        }
    }

    /// The courses of the governed tags of an ARN.
    pub fn courses(&mut self, arn: &str) -> Rc<Courses> {
        if let Some(known) = self.courses.get(arn) {
            return Rc::clone(known);
        }
        let timeline = self.tags.book.timeline(arn);
        let make = || Rc::new(self.tags.courses(&timeline));
        let made = match timeline.changes() {
            [] => Rc::clone(self.unknown.get_or_insert_with(make)),
            _ => make(),
        };
        if self.courses.len() >= AT_HAND {
            self.courses.clear();
        }
        self.courses.insert(arn.to_owned(), Rc::clone(&made));
        made
    }
}
