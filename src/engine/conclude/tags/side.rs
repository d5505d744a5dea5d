//! A key and a resource, and what is said of the stretches in which no governed tag of either changed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use foldhash::HashMap;

use super::finding::{self, Judged};
use super::ledger::{Courses, Ledger, Reason};
use crate::detect::whole_log::tags::Said;
use crate::model::arn::Arn;
use crate::model::estate::GovernedTag;
use crate::model::level::Level;
use crate::model::pattern::Patterns;
use crate::model::time::Time;
use crate::tags::change::{Evidence, Source};
use crate::tags::compare::{Disagreement, Verdict, compare, told};
use crate::tags::timeline::{Course, State};
use crate::tags::uses::Pair;

/// A key and a resource.
pub struct Side {
    pub pair: Pair,
    /// Whether only the encryption context says something of the thing that is encrypted.
    pub declared: bool,
    /// The courses of both, or why there are none.
    pub courses: Result<(Rc<Courses>, Rc<Courses>), Reason>,
    /// What the key may be used for beside its own values.
    pub allowed: Vec<Option<Patterns>>,
    /// What is said of the stretches in which both lie.
    pub known: RefCell<HashMap<(usize, usize), Rc<Judged>>>,
    /// How many uses could not be judged at all.
    pub unjudged: Cell<u64>,
}

/// The stretches of a key and of a resource in which an instant lies.
pub type Stretches = (usize, usize);

impl Side {
    /// The stretches in which an instant lies, and what is said of them; `None` of what cannot be judged.
    pub fn at(&self, time: Time, ledger: &Ledger<'_>) -> Option<(Stretches, Rc<Judged>)> {
        let (key, resource) = self.courses.as_ref().ok()?;
        let stretches = (key.start(time), resource.start(time));
        let known = self.known.borrow().get(&stretches).cloned();
        let judged = known.unwrap_or_else(|| {
            let judged = Rc::new(self.judge(stretches, ledger));
            self.known.borrow_mut().insert(stretches, Rc::clone(&judged));
            judged
        });
        Some((stretches, judged))
    }

    fn judge(&self, (key, resource): (usize, usize), ledger: &Ledger<'_>) -> Judged {
        let tags = &ledger.estate().governed_tags;
        let mut judged = Judged {
            verdicts: Vec::new(),
            disagreement: None,
            said: Vec::new(),
            level: Level::Low,
            reason: None,
            changed: Vec::new(),
            count: Cell::new(0),
        };
        let Ok((keys, resources)) = &self.courses else { return judged };
        let states = keys.all.iter().zip(&resources.all);
        let states = states.map(|(k, r)| (k.state(key), r.state(resource)));
        let all: Vec<_> = tags.iter().zip(states).zip(&self.allowed).collect();
        for ((tag, (key, resource)), allowed) in &all {
            judged.verdicts.push(compare(tag, key, resource, allowed.as_ref()));
        }
        for (((tag, (now, resource)), allowed), course) in all.iter().zip(&keys.all) {
            judged.changed.extend(evasion(tag, (now, course), resource, allowed.as_ref()));
        }
        judged.reason = judged.verdicts.iter().find_map(|verdict| match verdict {
            // A context says something of some tags only.
            Verdict::ResourceUnknown(_) if self.declared => None,
            Verdict::ResourceUnknown(why) => Some(finding::reason(false, *why)),
            _ => None,
        });
        judged.reason = judged.reason.or_else(|| {
            judged.verdicts.iter().find_map(|verdict| match verdict {
                Verdict::KeyUnknown(why) => Some(finding::reason(true, *why)),
                _ => None,
            })
        });
        let gravest = Disagreement::gravest(&judged.verdicts);
        let unknown = |gravest: &Disagreement| *gravest == Disagreement::Unknown;
        judged.disagreement = gravest.filter(|gravest| !(self.declared && unknown(gravest)));
        for (((tag, (key, resource)), _), verdict) in all.iter().zip(&judged.verdicts) {
            let of_tag = Disagreement::of(*verdict);
            if of_tag.is_some() && of_tag == judged.disagreement {
                judged.said.push(Said::new(tag, key, resource, *verdict));
            }
        }
        let differing = tags.iter().zip(&judged.verdicts);
        let differing = differing.filter(|(_, verdict)| **verdict == Verdict::Mismatch);
        judged.level = differing.map(|(tag, _)| tag.level).max().unwrap_or(judged.level);
        // The caller writes what a context declares.
        if self.declared || is_lent(&self.pair) {
            judged.level = judged.level.min(Level::Low);
        }
        judged
    }
}

/// Whether a key protects what lies in another account. Its owner shares it on purpose, as with the
/// images that a platform team builds for all, so that both have tags of their own.
fn is_lent(pair: &Pair) -> bool {
    let arn = |text| Arn::parse(text).map(|arn| arn.account).filter(|account| !account.is_empty());
    let key = arn(&pair.key.arn).or(pair.key.account.as_deref());
    let resource = pair.resource.as_ref().and_then(|resource| arn(&resource.arn));
    key.zip(resource).is_some_and(|(key, resource)| key != resource)
}

/// When a key's tag was changed, if this was a mismatch before and is none now.
fn evasion(
    tag: &GovernedTag,
    (now, course): (&State, &Course),
    resource: &State,
    allowed: Option<&Patterns>,
) -> Option<Time> {
    let by = told(now).1?;
    let is_mismatch = |key: &State| compare(tag, key, resource, allowed) == Verdict::Mismatch;
    (is_mismatch(before(course, by)?) && !is_mismatch(now)).then_some(by.time)
}

/// What a tag was before a record changed it.
fn before<'c>(course: &'c Course, by: &Evidence) -> Option<&'c State> {
    let stretch = course.stretch(by.time).checked_sub(1)?;
    matches!(by.source, Source::Record { .. }).then(|| course.state(stretch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::{Key, Resource};

    #[test]
    fn a_key_is_lent_where_both_accounts_are_known_and_differ() {
        let is = |resource: Option<&str>| {
            let arn = "arn:aws:kms:eu-central-1:111122223333:key/1a".to_owned();
            let key = Key { arn, account: None, alias: None, tags: Default::default() };
            let resource = resource.map(|arn| Resource {
                arn: arn.to_owned(),
                kind: None,
                tags: Default::default(),
            });
            is_lent(&Pair { key, resource, unmapped: false, attested: true })
        };
        assert!(is(Some("arn:aws:ec2:eu-central-1:444455556666:volume/vol-0a")));
        assert!(!is(Some("arn:aws:ec2:eu-central-1:111122223333:volume/vol-0a")));
        assert!(!is(Some("arn:aws:s3:::example-orders")), "the account of a bucket is not known");
        assert!(!is(Some("db-EXAMPLE")) && !is(None));
    }
}
