//! What the changes of one resource add up to, as of any instant.
//!
//! `eventTime` has a resolution of one second. So there is no order within a second: changes of one
//! second with different results have no answer, and neither has a question about that very second.
//! An observation (a file that lists all tags) holds forward until something changes, and backward to
//! the last change. If it contradicts the log, something was not logged, and the time between is
//! unknown.
//!
//! What must stay true: the answer doesn't depend on the order in which changes were learnt, and
//! `Known` and `Absent` are never guesses.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::change::{Change, Evidence, Tags, Value, What, second};
use crate::model::time::Time;

/// What is known of one tag at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It has this value; who says so.
    Known(String, Arc<Evidence>),
    /// It is not there; who says so.
    Absent(Arc<Evidence>),
    /// Nobody can say.
    Unknown(Why),
}

/// Why a state is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// No record or file says anything about it.
    NotSeen,
    /// The value is left out of the record, or a change does not show its tags.
    NotTold,
    /// Several changes in one second, or the question is about the second of a change.
    SameSecond,
    /// A file says otherwise than the log before it.
    Contradicted,
    /// Two tags mean the same and have different values.
    TwoTags,
}

impl Why {
    /// The reason in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::NotSeen => "not seen",
            Why::NotTold => "not told by the record",
            Why::SameSecond => "changed in the same second",
            Why::Contradicted => "a file contradicts the log",
            Why::TwoTags => "two tags mean the same",
        }
    }
}

/// All changes of one resource, in the order of time.
#[derive(Debug, Clone, Default)]
pub struct Timeline(Vec<Change>);

/// What a change does to one tag.
#[derive(Debug, Clone, PartialEq)]
enum Step<'a> {
    /// Whatever it was before, it is this now.
    To(State),
    /// It is gone if it had this value.
    RemoveIf(&'a str, &'a Arc<Evidence>),
}

/// The states of one tag: before everything, in each second of a change, and after it.
#[derive(Debug, Clone)]
pub struct Course {
    /// The seconds in which something changed or was observed, ascending.
    seconds: Vec<i64>,
    /// Two for each second: in it, and from it to the next.
    states: Vec<State>,
    /// Before all of them.
    before: State,
}

impl Timeline {
    /// The timeline of these changes, in any order, copies included.
    pub fn new(mut changes: Vec<Change>) -> Timeline {
        changes.sort();
        changes.dedup();
        Timeline(changes)
    }

    /// Every change, in the order of time.
    pub fn changes(&self) -> &[Change] {
        &self.0
    }

    /// Every tag key that any change names.
    pub fn keys(&self) -> BTreeSet<&str> {
        let mut keys = BTreeSet::new();
        for change in &self.0 {
            match &change.what {
                What::Set(tags)
                | What::Replace(tags)
                | What::Create(tags)
                | What::Observed(tags) => keys.extend(tags.keys().map(String::as_str)),
                What::Remove(tags) => keys.extend(tags.keys().map(String::as_str)),
                What::Blur | What::Gone => {}
            }
        }
        keys
    }

    /// The course of the tag with this key; `None`: of any key that no change names.
    pub fn course(&self, key: Option<&str>) -> Course {
        let groups: Vec<&[Change]> = self.0.chunk_by(|a, b| a.second() == b.second()).collect();
        let after = after(&groups, key);
        let before = before(&groups, key);
        let mut course = Course {
            seconds: groups.iter().map(|group| group[0].second()).collect(),
            states: Vec::with_capacity(groups.len() * 2),
            before: before.first().cloned().unwrap_or(State::Unknown(Why::NotSeen)),
        };
        let mut gap = course.before.clone();
        for (at, group) in groups.iter().enumerate() {
            let until = before.get(at + 1).cloned().unwrap_or(State::Unknown(Why::NotSeen));
            let next = meet(after[at].clone(), until);
            course.states.push(within(group, key, &gap, &next));
            course.states.push(next.clone());
            gap = next;
        }
        course
    }
}

/// The state between two seconds: what the first leaves, and what the second was found with.
fn meet(left: State, found: State) -> State {
    match (&left, &found) {
        (State::Unknown(_), State::Unknown(_)) => left,
        (State::Unknown(_), _) => found,
        (_, State::Unknown(_)) => left,
        _ if same(&left, &found) => left,
        _ => State::Unknown(Why::Contradicted),
    }
}

/// What each second leaves, going forward.
fn after(groups: &[&[Change]], key: Option<&str>) -> Vec<State> {
    let mut state = State::Unknown(Why::NotSeen);
    let mut all = Vec::with_capacity(groups.len());
    for group in groups {
        state = outcome(&state, &steps(group, key));
        all.push(state.clone());
    }
    all
}

/// What each second was found with, going backward: what an observation says holds until the
/// change before it.
fn before(groups: &[&[Change]], key: Option<&str>) -> Vec<State> {
    let mut state = State::Unknown(Why::NotSeen);
    let mut all = vec![state.clone(); groups.len()];
    for (at, group) in groups.iter().enumerate().rev() {
        let steps = steps(group, key);
        let observes = |change: &&Change| matches!(change.what, What::Observed(_));
        if steps.is_empty() {
            // Nothing happened to this tag.
        } else if group.iter().filter(|change| step(change, key).is_some()).all(|c| observes(&c)) {
            state = outcome(&State::Unknown(Why::NotSeen), &steps);
        } else {
            state = State::Unknown(Why::NotSeen);
        }
        all[at] = state.clone();
    }
    all
}

/// What a change does to a tag; `None`: nothing.
fn step<'a>(change: &'a Change, key: Option<&str>) -> Option<Step<'a>> {
    let by = &change.evidence;
    let value = |tags: &'a Tags| key.and_then(|key| tags.get(key));
    let known = |value: &Value| match value {
        Value::Text(text) => State::Known(text.clone(), Arc::clone(by)),
        Value::Hidden => State::Unknown(Why::NotTold),
    };
    let all = |tags| Step::To(value(tags).map_or_else(|| State::Absent(Arc::clone(by)), known));
    Some(match &change.what {
        What::Set(tags) => Step::To(known(value(tags)?)),
        What::Remove(tags) => match key.and_then(|key| tags.get(key))? {
            None => Step::To(State::Absent(Arc::clone(by))),
            Some(only) => Step::RemoveIf(only, by),
        },
        What::Replace(tags) | What::Create(tags) | What::Observed(tags) => all(tags),
        What::Blur => Step::To(State::Unknown(Why::NotTold)),
        What::Gone => Step::To(State::Unknown(Why::NotSeen)),
    })
}

fn steps<'a>(group: &'a [Change], key: Option<&str>) -> Vec<Step<'a>> {
    group.iter().filter_map(|change| step(change, key)).collect()
}

/// Whether two states say the same, from whatever source.
fn same(a: &State, b: &State) -> bool {
    match (a, b) {
        (State::Known(a, _), State::Known(b, _)) => a == b,
        (State::Absent(_), State::Absent(_)) => true,
        _ => false,
    }
}

/// What a state becomes if any of the steps that ask for a value asks for this one.
fn removed(state: &State, steps: &[Step<'_>]) -> Option<State> {
    let State::Known(value, _) = state else { return None };
    steps.iter().find_map(|step| match step {
        Step::RemoveIf(only, by) if only == value => Some(State::Absent(Arc::clone(by))),
        _ => None,
    })
}

/// Every state in which the steps of one second may end, whatever their order: the last that does
/// not ask what was before decides, and those that ask may come after it.
fn ends(initial: &State, steps: &[Step<'_>]) -> Vec<State> {
    let firm = steps.iter().filter_map(|step| match step {
        Step::To(state) => Some(state.clone()),
        Step::RemoveIf(..) => None,
    });
    let mut ends: Vec<State> = firm.collect();
    if ends.is_empty() {
        return vec![removed(initial, steps).unwrap_or_else(|| initial.clone())];
    }
    let asked: Vec<State> = ends.iter().filter_map(|end| removed(end, steps)).collect();
    ends.extend(asked);
    ends
}

/// The one state that a second leaves.
fn outcome(initial: &State, steps: &[Step<'_>]) -> State {
    if steps.is_empty() {
        return initial.clone();
    }
    one(&ends(initial, steps))
}

/// The state that all of these are; of several who say it, the first in time.
fn one(states: &[State]) -> State {
    let Some((first, rest)) = states.split_first() else {
        return State::Unknown(Why::NotSeen);
    };
    if let State::Unknown(_) = first {
        let whys = states.iter().filter_map(|state| match state {
            State::Unknown(why) => Some(*why),
            _ => None,
        });
        let alone = states.iter().all(|state| matches!(state, State::Unknown(_)));
        let why = if alone { whys.max() } else { None };
        return State::Unknown(why.unwrap_or(Why::SameSecond));
    }
    if rest.iter().all(|other| same(first, other)) {
        return first.clone();
    }
    State::Unknown(Why::SameSecond)
}

/// The state in a second itself: known only if nothing that happens in it makes a difference.
fn within(group: &[Change], key: Option<&str>, gap: &State, next: &State) -> State {
    let steps = steps(group, key);
    if steps.is_empty() {
        return gap.clone();
    }
    let only_observed = group
        .iter()
        .filter(|change| step(change, key).is_some())
        .all(|change| matches!(change.what, What::Observed(_)));
    if only_observed {
        // Seen, not changed: it was so in that second, unless several say different things.
        return outcome(gap, &steps);
    }
    let mut all = ends(gap, &steps);
    // Nothing is used before it is made, so what was before the second does not matter then.
    if !group.iter().any(|change| matches!(change.what, What::Create(_))) {
        all.insert(0, gap.clone());
        all.extend(removed(gap, &steps));
    }
    all.push(next.clone());
    one(&all)
}

impl Course {
    /// How many stretches there are in which the state is the same.
    pub fn len(&self) -> usize {
        self.states.len() + 1
    }

    /// Whether nothing was learnt.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// The stretch that an instant lies in.
    pub fn stretch(&self, time: Time) -> usize {
        let second = second(time);
        match self.seconds.binary_search(&second) {
            Ok(at) => at * 2 + 1,
            Err(at) => at * 2,
        }
    }

    /// The state in a stretch.
    pub fn state(&self, stretch: usize) -> &State {
        match stretch.checked_sub(1) {
            Some(at) => self.states.get(at).unwrap_or(&self.before),
            None => &self.before,
        }
    }

    /// Several courses of one timeline, taken together stretch by stretch.
    pub fn together(courses: &[Course], same: impl Fn(&str, &str) -> bool) -> Course {
        let state = |stretch| together(courses.iter().map(|course| course.state(stretch)), &same);
        let seconds = courses.first().map(|course| course.seconds.clone()).unwrap_or_default();
        let states = (1..=seconds.len() * 2).map(state).collect();
        Course { before: state(0), seconds, states }
    }

    /// The state at an instant.
    pub fn at(&self, time: Time) -> &State {
        self.state(self.stretch(time))
    }
}

/// Tags that mean one thing, taken together.
///
/// One that is known counts, though it is not known whether there are others; two that differ tell
/// nothing, and none is there only if all are known to be absent.
pub fn together<'a>(
    states: impl Iterator<Item = &'a State>,
    same: impl Fn(&str, &str) -> bool,
) -> State {
    let mut found: Option<&State> = None;
    let mut absent: Option<&State> = None;
    let mut unknown: Option<Why> = None;
    for state in states {
        match (state, found) {
            (State::Known(a, _), Some(State::Known(b, _))) if !same(a, b) => {
                return State::Unknown(Why::TwoTags);
            }
            (State::Known(..), None) => found = Some(state),
            (State::Known(..), Some(_)) => {}
            (State::Absent(_), _) => absent = absent.or(Some(state)),
            (State::Unknown(why), _) => unknown = unknown.max(Some(*why)),
        }
    }
    match (found, unknown, absent) {
        (Some(found), _, _) => found.clone(),
        (None, Some(why), _) => State::Unknown(why),
        (None, None, Some(absent)) => absent.clone(),
        (None, None, None) => State::Unknown(Why::NotSeen),
    }
}

/// Every tag at an instant that is known or known to be there, by key, and whether there may be
/// others.
pub fn all_at(timeline: &Timeline, time: Time) -> (BTreeMap<String, State>, bool) {
    let states = timeline.keys().into_iter().map(|key| {
        let course = timeline.course(Some(key));
        (key.to_owned(), course.at(time).clone())
    });
    let others = !matches!(timeline.course(None).at(time), State::Absent(_));
    (states.collect(), others)
}
