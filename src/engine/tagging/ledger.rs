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
pub struct Ledger<'a> {
    pub estate: &'a Estate,
    pub book: Book,
    managed: BTreeSet<String>,
    courses: HashMap<String, Option<Courses>>,
    timelines: HashMap<String, Option<Rc<Timeline>>>,
}

/// Why the tags of something cannot be looked up.
pub type Reason = &'static str;

/// There are more changes than fit.
pub const TOO_MANY: Reason = "more tag changes than fit in memory";

impl<'a> Ledger<'a> {
    pub fn new(estate: &'a Estate, book: Book) -> Ledger<'a> {
        let managed = book.aws_managed();
        Ledger { estate, book, managed, courses: HashMap::new(), timelines: HashMap::new() }
    }

    /// The ARN of a key by which its tags are found.
    pub fn key(&self, key: &Key) -> Result<String, Reason> {
        let of_aws = |key: &Key| key.alias.as_ref().is_some_and(|a| a.starts_with(AWS_ALIAS));
        if of_aws(key) {
            return Err("AWS managed key");
        }
        match self.book.named(&key.arn) {
            Named::Arn(arn) if self.managed.contains(&arn) => Err("AWS managed key"),
            Named::Arn(arn) => Ok(arn),
            Named::Nothing => Err("alias not resolved"),
            Named::Several => Err("alias of several keys"),
        }
    }

    /// The ARN of a resource by which its tags are found.
    pub fn resource(&self, name: &str) -> Result<String, Reason> {
        match self.book.named(name) {
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
        let made = self.book.timeline(arn).map(|timeline| {
            let courses = self.estate.governed_tags.iter().map(|tag| {
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
        let made = self.book.timeline(arn).filter(|t| !t.changes().is_empty()).map(Rc::new);
        if self.timelines.len() >= AT_HAND {
            self.timelines.clear();
        }
        self.timelines.insert(arn.to_owned(), made.clone());
        made
    }

    /// The tags of an ARN that are known as of an instant.
    pub fn tags(&mut self, name: &str, time: Time) -> BTreeMap<String, String> {
        let Named::Arn(arn) = self.book.named(name) else { return BTreeMap::new() };
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
