//! The slow, obvious twin: a walk over all changes for each tag.

use std::sync::Arc;

use crate::tags::change::{Change, Evidence, Tags, Value, What};
use crate::tags::state::{State, Why};

/// What a change does to one tag.
enum Step<'a> {
    /// Whatever it was before, it is this now.
    To(State),
    /// It is gone if it had this value.
    RemoveIf(&'a str, &'a Arc<Evidence>),
}

/// The state of a tag in each stretch.
pub fn states(changes: &[Change], key: Option<&str>) -> Vec<State> {
    let groups: Vec<&[Change]> = changes.chunk_by(|a, b| a.second() == b.second()).collect();
    let after = after(&groups, key);
    let before = before(&groups, key);
    let unseen = State::Unknown(Why::NotSeen);
    let mut gap = before.first().cloned().unwrap_or(unseen.clone());
    let mut states = vec![gap.clone()];
    for (at, group) in groups.iter().enumerate() {
        let until = before.get(at + 1).cloned().unwrap_or(unseen.clone());
        let next = meet(after[at].clone(), until);
        states.push(within(group, key, &gap, &next));
        states.push(next.clone());
        gap = next;
    }
    states
}

fn meet(left: State, found: State) -> State {
    match (&left, &found) {
        (State::Unknown(_), State::Unknown(_)) => left,
        (State::Unknown(_), _) => found,
        (_, State::Unknown(_)) => left,
        _ if same(&left, &found) => left,
        _ => State::Unknown(Why::Contradicted),
    }
}

fn after(groups: &[&[Change]], key: Option<&str>) -> Vec<State> {
    let mut state = State::Unknown(Why::NotSeen);
    let mut all = Vec::new();
    for group in groups {
        state = outcome(&state, &steps(group, key));
        all.push(state.clone());
    }
    all
}

fn before(groups: &[&[Change]], key: Option<&str>) -> Vec<State> {
    let mut state = State::Unknown(Why::NotSeen);
    let mut all = vec![state.clone(); groups.len()];
    for (at, group) in groups.iter().enumerate().rev() {
        let steps = steps(group, key);
        if steps.is_empty() {
            // Nothing happened to this tag.
        } else if only_observed(group, key) {
            state = outcome(&State::Unknown(Why::NotSeen), &steps);
        } else {
            state = State::Unknown(Why::NotSeen);
        }
        all[at] = state.clone();
    }
    all
}

fn only_observed(group: &[Change], key: Option<&str>) -> bool {
    let mut touching = group.iter().filter(|change| step(change, key).is_some());
    touching.all(|change| matches!(*change.what, What::Observed(_) | What::Seen(_)))
}

fn step<'a>(change: &'a Change, key: Option<&str>) -> Option<Step<'a>> {
    let by = &change.evidence;
    let value = |tags: &'a Tags| key.and_then(|key| tags.get(key));
    let known = |value: &Value| match value {
        Value::Text(text) => State::Known(text.clone(), Arc::clone(by)),
        Value::Hidden => State::Unknown(Why::NotTold),
    };
    let all = |tags| Step::To(value(tags).map_or_else(|| State::Absent(Arc::clone(by)), known));
    Some(match &*change.what {
        What::Set(tags) | What::Seen(tags) => Step::To(known(value(tags)?)),
        What::Remove(tags) => match key.and_then(|key| tags.get(key))? {
            None => Step::To(State::Absent(Arc::clone(by))),
            Some(only) => Step::RemoveIf(only, by),
        },
        What::Replace(tags) | What::Create(tags) | What::Observed(tags) => all(tags),
        What::Blur => Step::To(State::Unknown(Why::NotTold)),
        What::Gone => Step::To(State::Unknown(Why::NotSeen)),
        What::Lost => Step::To(State::Unknown(Why::NoRoom)),
    })
}

fn steps<'a>(group: &'a [Change], key: Option<&str>) -> Vec<Step<'a>> {
    group.iter().filter_map(|change| step(change, key)).collect()
}

fn same(a: &State, b: &State) -> bool {
    match (a, b) {
        (State::Known(a, _), State::Known(b, _)) => a == b,
        (State::Absent(_), State::Absent(_)) => true,
        _ => false,
    }
}

fn removed(state: &State, steps: &[Step<'_>]) -> Option<State> {
    let State::Known(value, _) = state else { return None };
    steps.iter().find_map(|step| match step {
        Step::RemoveIf(only, by) if only == value => Some(State::Absent(Arc::clone(by))),
        _ => None,
    })
}

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

fn outcome(initial: &State, steps: &[Step<'_>]) -> State {
    if steps.is_empty() { initial.clone() } else { one(&ends(initial, steps)) }
}

fn one(states: &[State]) -> State {
    let first = &states[0];
    if let State::Unknown(_) = first {
        let whys = states.iter().map(|state| match state {
            State::Unknown(why) => Some(*why),
            _ => None,
        });
        let whys: Option<Vec<Why>> = whys.collect();
        return State::Unknown(
            whys.and_then(|all| all.into_iter().max()).unwrap_or(Why::SameSecond),
        );
    }
    match states.iter().all(|other| same(first, other)) {
        true => first.clone(),
        false => State::Unknown(Why::SameSecond),
    }
}

fn within(group: &[Change], key: Option<&str>, gap: &State, next: &State) -> State {
    let steps = steps(group, key);
    if steps.is_empty() {
        return gap.clone();
    }
    if only_observed(group, key) {
        return outcome(gap, &steps);
    }
    let mut all = ends(gap, &steps);
    if !group.iter().any(|change| matches!(*change.what, What::Create(_))) {
        all.insert(0, gap.clone());
        all.extend(removed(gap, &steps));
    }
    all.push(next.clone());
    one(&all)
}

/// Tags that mean one thing, taken together.
pub fn together(states: &[&State], meaning: impl Fn(&str) -> String) -> State {
    let mut found: Option<&State> = None;
    let mut absent: Option<&State> = None;
    let mut unknown: Option<Why> = None;
    for &state in states {
        match (state, found) {
            (State::Known(a, _), Some(State::Known(b, _))) if meaning(a) != meaning(b) => {
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
