//! Tags that are removed only if they have a value, and changes that do not tell what they did.

use proptest::prelude::*;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::model::time::Time;
use crate::tags::change::{Evidence, Source, Tags, Value, What};

fn by(second: i64, number: usize) -> Arc<Evidence> {
    let source = Source::File(format!("{number}").into());
    Arc::new(Evidence { time: Time::from_secs(second), source })
}

fn tags(value: u8) -> Tags {
    Tags::from([("Owner".to_owned(), Value::Text(value.to_string()))])
}

#[derive(Debug, Clone)]
enum Op {
    Set(u8),
    Remove,
    RemoveIf(u8),
    Blur,
}

fn what(op: &Op) -> What {
    match op {
        Op::Set(value) => What::Set(tags(*value)),
        Op::Remove => What::Remove(BTreeMap::from([("Owner".into(), None)])),
        Op::RemoveIf(v) => What::Remove(BTreeMap::from([("Owner".into(), Some(v.to_string()))])),
        Op::Blur => What::Blur,
    }
}

/// One tag: not there, or its value; `None` where it is not known.
type Known = Option<Option<u8>>;

fn apply(state: Known, op: &Op) -> Known {
    match op {
        Op::Set(value) => Some(Some(*value)),
        Op::Remove => Some(None),
        Op::Blur => None,
        Op::RemoveIf(value) => state.map(|state| state.filter(|state| state != value)),
    }
}

/// Where a second may end, its operations tried in every order.
fn ends_of(ops: &[Op], state: Known) -> Vec<Known> {
    if ops.is_empty() {
        return vec![state];
    }
    let with = |at: usize| {
        let mut rest = ops.to_vec();
        let first = rest.remove(at);
        ends_of(&rest, apply(state, &first))
    };
    (0..ops.len()).flat_map(with).collect()
}

proptest! {
    #[test]
    fn what_holds_after_a_second_is_what_every_order_gives(
        seconds in prop::collection::vec(prop::collection::vec(prop_oneof![
            (0..2u8).prop_map(Op::Set), Just(Op::Remove), (0..2u8).prop_map(Op::RemoveIf), Just(Op::Blur),
        ], 1..4), 0..5),
    ) {
        let mut changes = Vec::new();
        let mut state: Known = None;
        for (second, ops) in (0i64..).zip(&seconds) {
            for (number, op) in ops.iter().enumerate() {
                changes.push(Change { evidence: by(second, number), what: Arc::new(what(op)) });
            }
            let ends = ends_of(ops, state);
            state = if ends.iter().all(|end| *end == ends[0]) { ends[0] } else { None };
        }
        changes.reverse();
        let course = Timeline::new(changes).index().course(Some("Owner"));
        let found = match course.at(Time::from_secs(100)) {
            State::Known(value, _) => Some(value.parse().ok()),
            State::Absent(_) => Some(None),
            State::Unknown(_) => None,
        };
        prop_assert_eq!(found, state);
    }
}

#[test]
fn a_hidden_value_is_there_and_not_known() {
    let hidden = Tags::from([("Owner".to_owned(), Value::Hidden)]);
    let change = Change { evidence: by(1, 0), what: Arc::new(What::Create(hidden)) };
    let timeline = Timeline::new(vec![change]);
    let at = |key| timeline.index().course(key).at(Time::from_secs(2)).clone();
    assert_eq!(at(Some("Owner")), State::Unknown(Why::NotTold));
    assert!(matches!(at(None), State::Absent(_)), "the others are told");
}

#[test]
fn what_is_used_in_the_second_of_its_making_was_made_before() {
    let change = Change { evidence: by(1, 0), what: Arc::new(What::Create(tags(1))) };
    let course = Timeline::new(vec![change]).index().course(Some("Owner"));
    assert!(matches!(course.at(Time::from_secs(1)), State::Known(..)));
    assert_eq!(*course.at(Time::from_secs(0)), State::Unknown(Why::NotSeen));
}
