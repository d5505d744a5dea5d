//! What the changes of one second do to one tag.
//!
//! `eventTime` has a resolution of one second, so there is no order within it: changes with different
//! results have no answer. Most changes of a busy second name other tags than the one that is asked
//! for, and of those that touch every tag all of a kind do the same to it. So only the first of each
//! kind is looked at, and the cost of asking for a tag is that of the changes that name it.
//!
//! What must stay true: the answer is the one that all changes of the second together give.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::change::{Change, Evidence, Tags, Value, What};
use super::state::{NOT_SEEN, State, Why, one};

/// All changes of one second.
#[derive(Debug)]
pub(super) struct Second<'t> {
    changes: &'t [Change],
    /// Numbers of the changes that list all tags: one that they do not list is absent.
    lists: Vec<usize>,
    /// Of those that touch every tag and list none, the first of each kind.
    blurs: Vec<usize>,
    /// Whether the resource was made in it.
    creates: bool,
    /// Whether any change that touches every tag is more than an observation.
    alters: bool,
}

/// What happens to one tag in a second.
#[derive(Debug, Default)]
pub(super) struct Steps<'t> {
    /// Whatever it was before, it is one of these now.
    firm: Vec<State>,
    /// It is gone if it had one of these values; who says so first.
    asking: BTreeMap<&'t str, &'t Arc<Evidence>>,
    /// Whether anything happened at all.
    any: bool,
    /// Whether it was only seen, and not changed.
    observed: bool,
    /// Whether the resource was made in the second.
    creates: bool,
}

impl<'t> Second<'t> {
    /// The changes of one second, in order.
    pub fn new(changes: &'t [Change]) -> Second<'t> {
        let mut second =
            Second { changes, lists: Vec::new(), blurs: Vec::new(), creates: false, alters: false };
        for (number, Change { what, .. }) in changes.iter().enumerate() {
            let is_kind = |other: &usize| {
                std::mem::discriminant(&*changes[*other].what) == std::mem::discriminant(&**what)
            };
            match &**what {
                What::Set(_) | What::Remove(_) | What::Seen(_) => continue,
                What::Replace(_) | What::Create(_) | What::Observed(_) => {
                    second.lists.push(number);
                }
                What::Blur | What::Gone | What::Lost => {
                    if !second.blurs.iter().any(is_kind) {
                        second.blurs.push(number);
                    }
                }
            }
            second.creates |= matches!(**what, What::Create(_));
            second.alters |= !matches!(**what, What::Observed(_));
        }
        second
    }

    /// Whether any change touches every tag.
    pub fn sweeps(&self) -> bool {
        !(self.lists.is_empty() && self.blurs.is_empty())
    }

    /// What happens to the tag with this key, which the changes with the numbers `naming` name, in
    /// order; `None`: to any tag that no change names.
    pub fn steps(&self, key: Option<&str>, naming: &[usize]) -> Steps<'t> {
        let unnamed = |number: &&usize| naming.binary_search(number).is_err();
        let list = self.lists.iter().find(unnamed);
        let mut numbers: Vec<usize> = naming.to_vec();
        numbers.extend(list.into_iter().chain(&self.blurs));
        numbers.sort_unstable();
        let named = naming.iter().filter_map(|number| self.changes.get(*number));
        let alters = |change: &Change| !matches!(*change.what, What::Observed(_) | What::Seen(_));
        let mut steps = Steps {
            any: !numbers.is_empty(),
            observed: !self.alters && !named.clone().any(alters),
            creates: self.creates,
            ..Steps::default()
        };
        for change in numbers.iter().filter_map(|number| self.changes.get(*number)) {
            steps.add(change, key);
        }
        steps
    }
}

impl<'t> Steps<'t> {
    fn add(&mut self, change: &'t Change, key: Option<&str>) {
        let by = &change.evidence;
        let value = |tags: &'t Tags| key.and_then(|key| tags.get(key));
        let known = |value: &Value| match value {
            Value::Text(text) => State::Known(text.clone(), Arc::clone(by)),
            Value::Hidden => State::Unknown(Why::NotTold),
        };
        let absent = || State::Absent(Arc::clone(by));
        let firm = match &*change.what {
            What::Set(tags) | What::Seen(tags) => value(tags).map(known),
            What::Remove(tags) => match key.and_then(|key| tags.get(key)) {
                None => None,
                Some(None) => Some(absent()),
                Some(Some(only)) => {
                    self.asking.entry(only).or_insert(by);
                    None
                }
            },
            What::Replace(tags) | What::Create(tags) | What::Observed(tags) => {
                Some(value(tags).map_or_else(absent, known))
            }
            What::Blur => Some(State::Unknown(Why::NotTold)),
            What::Gone => Some(NOT_SEEN),
            What::Lost => Some(State::Unknown(Why::NoRoom)),
        };
        self.firm.extend(firm);
    }

    /// What a state becomes if any of the steps that ask for a value asks for this one.
    fn removed(&self, state: &State) -> Option<State> {
        let State::Known(value, _) = state else { return None };
        self.asking.get(value.as_str()).map(|by| State::Absent(Arc::clone(by)))
    }

    /// Every state in which the second may end, whatever the order of its steps: the last that does
    /// not ask what was before decides, and those that ask may come after it.
    fn ends(&self, initial: &State) -> Vec<State> {
        if self.firm.is_empty() {
            return vec![self.removed(initial).unwrap_or_else(|| initial.clone())];
        }
        let mut ends = self.firm.clone();
        ends.extend(self.firm.iter().filter_map(|end| self.removed(end)));
        ends
    }

    /// The one state that the second leaves.
    pub fn outcome(&self, initial: &State) -> State {
        if self.any { one(&self.ends(initial)) } else { initial.clone() }
    }

    /// What the second was found with, as far as it tells: what an observation says holds until the
    /// change before it.
    pub fn found(&self) -> State {
        if self.observed { self.outcome(&NOT_SEEN) } else { NOT_SEEN }
    }

    /// The state in the second itself: known only if nothing that happens in it makes a difference.
    pub fn within(&self, before: &State, after: &State) -> State {
        if !self.any {
            return before.clone();
        }
        if self.observed {
            // Seen, not changed: it was so in that second, unless several say different things.
            return self.outcome(before);
        }
        let mut all = self.ends(before);
        // Nothing is used before it is made, so what was before the second does not matter then.
        if !self.creates {
            all.insert(0, before.clone());
            all.extend(self.removed(before));
        }
        all.push(after.clone());
        one(&all)
    }
}

/// The tag keys that a change names.
pub(super) fn names(what: &What) -> Box<dyn Iterator<Item = &str> + '_> {
    match what {
        What::Set(tags)
        | What::Replace(tags)
        | What::Create(tags)
        | What::Observed(tags)
        | What::Seen(tags) => Box::new(tags.keys().map(String::as_str)),
        What::Remove(tags) => Box::new(tags.keys().map(String::as_str)),
        What::Blur | What::Gone | What::Lost => Box::new(std::iter::empty()),
    }
}
