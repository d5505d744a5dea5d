//! The index gives what a walk over all changes gives, at the cost of the changes that name a tag.

use proptest::prelude::*;

use super::*;
use crate::tags::change::{Evidence, Source, Tags, Value, What};
use crate::tags::timeline::Timeline;

const KEYS: [&str; 4] = ["Owner", "a", "b", "owner"];

fn tags() -> impl Strategy<Value = Tags> {
    let value =
        prop_oneof![(0..3u8).prop_map(|value| Value::Text(value.to_string())), Just(Value::Hidden)];
    let key = prop::sample::select(&KEYS[..]).prop_map(str::to_owned);
    prop::collection::btree_map(key, value, 0..3)
}

fn what() -> impl Strategy<Value = What> {
    let key = prop::sample::select(&KEYS[..]).prop_map(str::to_owned);
    let only = prop::option::of((0..3u8).prop_map(|value| value.to_string()));
    prop_oneof![
        6 => tags().prop_map(What::Set),
        4 => prop::collection::btree_map(key, only, 0..3).prop_map(What::Remove),
        1 => tags().prop_map(What::Replace),
        1 => tags().prop_map(What::Create),
        2 => tags().prop_map(What::Observed),
        2 => tags().prop_map(What::Seen),
        1 => prop::sample::select(vec![What::Blur, What::Gone, What::Lost]),
    ]
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = (0..12i64, 0..3usize, what()).prop_map(|(second, number, what)| {
        let source = Source::File(number.to_string().into());
        let evidence = Evidence { time: Time::from_secs(second), source };
        Change { evidence: Arc::new(evidence), what: Arc::new(what) }
    });
    prop::collection::vec(change, 0..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_state_is_that_of_a_walk_over_all_changes(changes in changes()) {
        let timeline = Timeline::new(changes);
        let index = timeline.index();
        let stretches = index.times.len() * 2 + 1;
        for key in KEYS.iter().map(Some).chain([None]) {
            let plain = plain::states(timeline.changes(), key.copied());
            let course = index.course(key.copied());
            let found: Vec<State> = (0..stretches).map(|at| course.state(at).clone()).collect();
            prop_assert_eq!(found, plain, "{:?}", key);
        }
    }

    #[test]
    fn tags_of_one_meaning_and_all_tags_are_those_of_a_walk(
        changes in changes(), times in prop::collection::vec(-1..13i64, 0..5),
    ) {
        let timeline = Timeline::new(changes);
        let index = timeline.index();
        let names: Vec<&str> = index.names().collect();
        let of = |key: &str| plain::states(timeline.changes(), Some(key));
        let all: Vec<Vec<State>> = names.iter().map(|name| of(name)).collect();
        // 0 and 1 mean the same.
        let meaning = |value: &str| value.replace('1', "0");
        let course = index.together(&names, meaning);
        for at in 0..index.times.len() * 2 + 1 {
            let states: Vec<&State> = all.iter().map(|states| &states[at]).collect();
            let plain = match names.is_empty() {
                true => plain::states(timeline.changes(), None)[at].clone(),
                false => plain::together(&states, meaning),
            };
            prop_assert_eq!(course.state(at), &plain, "stretch {}", at);
        }
        let times: Vec<Time> = times.into_iter().map(Time::from_secs).collect();
        let known = index.known_at(&times);
        for (time, known) in times.iter().zip(known) {
            let stretch = course.stretch(*time);
            let (found, others) = index.all_at(*time);
            let rest = &plain::states(timeline.changes(), None)[stretch];
            prop_assert_eq!(others, !matches!(rest, State::Absent(_)));
            let states = names.iter().zip(&all);
            let plain: BTreeMap<String, State> =
                states.map(|(name, all)| (name.to_string(), all[stretch].clone())).collect();
            let there = plain.iter().filter_map(|(name, state)| match state {
                State::Known(value, _) => Some((name.clone(), value.clone())),
                _ => None,
            });
            prop_assert_eq!(known, there.collect::<BTreeMap<_, _>>());
            prop_assert_eq!(found, plain);
        }
    }
}

/// A thousand calls that put 50 names each on a thing and take them off again, and a thousand
/// questions between them: a walk over all changes for each name and question would take days.
#[test]
fn many_names_cost_what_their_changes_are_long() {
    let by = |second| {
        let source = Source::File("x".into());
        Arc::new(Evidence { time: Time::from_secs(second), source })
    };
    let mut changes = Vec::new();
    for call in 0..1_000i64 {
        let names = || (0..50).map(move |number| format!("k{call}-{number}"));
        let set = names().map(|name| (name, Value::Text("v".into()))).collect();
        let off = names().map(|name| (name, None)).collect();
        for (second, what) in [(2 * call, What::Set(set)), (2 * call + 1, What::Remove(off))] {
            changes.push(Change { evidence: by(second), what: Arc::new(what) });
        }
        // What lists all tags says so of all the names before and behind it.
        let listed = What::Replace(Tags::from([(format!("r{call}"), Value::Text("v".into()))]));
        changes.push(Change { evidence: by(2_000 + call), what: Arc::new(listed) });
    }
    let timeline = Timeline::new(changes);
    let index = timeline.index();
    let times: Vec<Time> = (0..1_000).map(|n| Time(n * 2_000_000 + 500_000)).collect();
    assert_eq!(index.names().count(), 51_000);
    assert!(index.known_at(&times).iter().all(BTreeMap::is_empty), "in the second of a change");
    let (all, others) = index.all_at(Time::from_secs(5_000));
    assert_eq!((all.len(), others), (51_000, false));
    let known = all.values().filter(|state| matches!(state, State::Known(..)));
    assert_eq!(known.count(), 1);
}
