//! Tags by ARN and instant: the book once all is in it, with what was asked kept at hand.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use crate::model::estate::Estate;
use crate::model::finding::Key;
use crate::model::time::Time;
use crate::tags::book::{Book, Named};
use crate::tags::timeline::{Course, State, Timeline, all_at};

/// How many courses and timelines are kept at hand.
const AT_HAND: usize = 1 << 17;

/// What the alias of an AWS managed key starts with.
const AWS_ALIAS: &str = "alias/aws/";

/// The courses of the governed tags of one ARN, in the order of the estate.
pub type Courses = Rc<Vec<Course>>;

/// Everything that is known of tags.
pub struct Tags<'a> {
    pub estate: &'a Estate,
    pub book: &'a Book,
    managed: BTreeSet<String>,
}

impl<'a> Tags<'a> {
    pub fn new(estate: &'a Estate, book: &'a Book) -> Tags<'a> {
        Tags { estate, managed: book.aws_managed(), book }
    }
}

/// The same, with what one thread has asked kept at hand.
pub struct Ledger<'a> {
    pub tags: &'a Tags<'a>,
    courses: HashMap<String, Option<Courses>>,
    timelines: HashMap<String, Option<Rc<Timeline>>>,
}

/// Why the tags of something cannot be looked up.
pub type Reason = &'static str;

/// There are more changes than fit.
pub const TOO_MANY: Reason = "more tag changes than fit in memory";

impl<'a> Ledger<'a> {
    pub fn new(tags: &'a Tags<'a>) -> Ledger<'a> {
        Ledger { tags, courses: HashMap::new(), timelines: HashMap::new() }
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

    /// The courses of the governed tags of an ARN; `None` when there are more changes than fit.
    pub fn courses(&mut self, arn: &str) -> Option<Courses> {
        if let Some(known) = self.courses.get(arn) {
            return known.clone();
        }
        let made = self.tags.book.timeline(arn).map(|timeline| {
            let courses = self.tags.estate.governed_tags.iter().map(|tag| {
                let keys = timeline.keys();
                let meant = keys.iter().filter(|key| tag.is_meant_by(key));
                let mut all: Vec<Course> = meant.map(|key| timeline.course(Some(key))).collect();
                // Of a tag that nothing names, it may be known that there are no others.
                if all.is_empty() {
                    all.push(timeline.course(None));
                }
                Course::together(&all, |a, b| tag.meaning(a) == tag.meaning(b))
            });
            Rc::new(courses.collect())
        });
        if self.courses.len() >= AT_HAND {
            self.courses.clear();
        }
        self.courses.insert(arn.to_owned(), made.clone());
        made
    }

    fn timeline(&mut self, arn: &str) -> Option<Rc<Timeline>> {
        if let Some(known) = self.timelines.get(arn) {
            return known.clone();
        }
        let made = self.tags.book.timeline(arn).filter(|t| !t.changes().is_empty()).map(Rc::new);
        if self.timelines.len() >= AT_HAND {
            self.timelines.clear();
        }
        self.timelines.insert(arn.to_owned(), made.clone());
        made
    }

    /// The tags of an ARN that are known as of an instant.
    pub fn of(&mut self, name: &str, time: Time) -> BTreeMap<String, String> {
        let Named::Arn(arn) = self.tags.book.named(name) else { return BTreeMap::new() };
        let Some(timeline) = self.timeline(&arn) else { return BTreeMap::new() };
        let known = all_at(&timeline, time).0.into_iter();
        known
            .filter_map(|(key, state)| match state {
                State::Known(value, _) => Some((key, value)),
                _ => None,
            })
            .collect()
    }
}
