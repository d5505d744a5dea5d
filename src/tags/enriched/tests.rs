//! What is kept does not depend on who read what, and hostile sizes are bounded.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::model::origin::Origin;
use crate::model::time::Time;
use crate::record::scan::{Index, plain};
use crate::tags::timeline::{State, Timeline};

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

type Plain = (String, Vec<(String, String)>);

fn told_by(list: &Json) -> Vec<Plain> {
    let text = json!({"eventContext": {"tagContext": {"resourceTags": list}}}).to_string();
    let mut index = Index::default();
    plain::scan(text.as_bytes(), &mut index).unwrap();
    let plain = |(arn, tags): (String, Arc<Tags>)| {
        let text =
            |(key, value): (&String, &Value)| (key.clone(), value.text().unwrap().to_owned());
        (arn, tags.iter().map(text).collect())
    };
    told(&Event::new(&text, &index)).into_iter().map(plain).collect()
}

#[test]
fn every_spelling_of_tags_is_read_and_what_is_odd_says_nothing() {
    let owner = vec![("Owner".to_owned(), "ana".to_owned())];
    for tags in [
        json!({"Owner": "ana"}),
        json!([{"key": "Owner", "value": "ana"}]),
        json!({"Owner": "ana", "Secret": "HIDDEN_DUE_TO_SECURITY_REASONS"}),
        json!({"Owner": "ana", "Long": "x".repeat(5_000)}),
    ] {
        let list = json!([{"arn": KEY, "tags": tags}]);
        assert_eq!(told_by(&list), [(KEY.to_owned(), owner.clone())], "{tags}");
    }
    let many: serde_json::Map<String, Json> =
        (0..5_000).map(|n| (n.to_string(), json!("x"))).collect();
    for entry in [
        json!({"arn": KEY}),
        json!({"arn": KEY, "tags": null}),
        json!({"arn": KEY, "tags": {}}),
        json!({"arn": KEY, "tags": "truncated"}),
        json!({"arn": KEY, "tags": {"Owner": {"a": 1}}}),
        json!({"arn": KEY, "tags": many}),
        json!({"arn": "", "tags": {"Owner": "ana"}}),
        json!({"arn": format!("{KEY}{}", "x".repeat(3_000)), "tags": {"Owner": "ana"}}),
        json!({"tags": {"Owner": "ana"}}),
        json!([]),
        json!(7),
    ] {
        assert_eq!(told_by(&json!([entry])), Vec::<Plain>::new(), "{entry}");
    }
    let each: Vec<Json> = (0..5_000)
        .map(|n| json!({"arn": format!("arn:aws:s3:::b{n}"), "tags": {"Owner": "ana"}}))
        .collect();
    assert_eq!(told_by(&json!(each)).len(), RESOURCES);
    let object = json!([{"arn": "arn:aws:s3:::bucket/object", "tags": {"Owner": "ana"}}]);
    assert_eq!(told_by(&object)[0].0, "arn:aws:s3:::bucket/object", "its bucket has others");
}

fn evidence(second: i64, place: u64) -> Arc<Evidence> {
    let source = Source::Enriched {
        id: Some(second.to_string()),
        name: "Decrypt".into(),
        origin: Origin::record("b", place),
    };
    Arc::new(Evidence { time: Time::from_secs(second), source })
}

fn add(to: &mut EnrichedTags, (arn, value, second, place): (u8, u16, i64, u64)) {
    let tags = Tags::from([("Owner".to_owned(), Value::Text(value.to_string().repeat(40)))]);
    to.add(&format!("arn:aws:s3:::b{arn:03}"), Arc::new(tags), &evidence(second, place));
}

proptest! {
    #[test]
    fn who_read_what_decides_nothing(
        seen in prop::collection::vec((0..40u8, 0..90u16, 0..30i64, 0..9u64), 0..300),
        at in any::<prop::sample::Index>(),
        limit in 1_000..60_000usize,
    ) {
        let of = |all: &[(u8, u16, i64, u64)]| {
            let mut tags = EnrichedTags::new(limit);
            all.iter().for_each(|one| add(&mut tags, *one));
            tags
        };
        let (a, b) = seen.split_at(at.index(seen.len() + 1));
        let mut parts = of(b);
        parts.merge(of(a));
        prop_assert!(parts.room <= limit);
        let mut whole = seen.clone();
        whole.reverse();
        let whole = of(&whole);
        prop_assert_eq!(parts.bound(), whole.bound());
        let all = |tags: EnrichedTags| tags.into_changes().collect::<Vec<_>>();
        prop_assert_eq!(all(parts), all(whole));
    }

    /// Lists that change all the time are given up, and that too in any order.
    #[test]
    fn a_resource_with_too_many_lists_says_nothing(
        seen in prop::collection::vec((0..2u8, 0..60u16, 0..30i64, 0..3u64), 0..120),
        at in any::<prop::sample::Index>(),
    ) {
        let of = |all: &[(u8, u16, i64, u64)]| {
            let mut tags = EnrichedTags::new(1 << 20);
            all.iter().for_each(|one| add(&mut tags, *one));
            tags
        };
        let (a, b) = seen.split_at(at.index(seen.len() + 1));
        let mut parts = of(a);
        parts.merge(of(b));
        let whole = of(&seen);
        prop_assert_eq!(parts.room, whole.room);
        let all = |tags: EnrichedTags| tags.into_changes().collect::<Vec<_>>();
        prop_assert_eq!(all(parts), all(whole));
    }

    /// An enriched event says of its instant what a record that sets the tag says from then on.
    #[test]
    fn it_says_what_a_call_that_sets_the_tag_says(asked in 0..20_000i64, at in 0..10_000i64) {
        let tags = || Tags::from([("Owner".to_owned(), Value::Text("ana".into()))]);
        let state = |what: What| {
            let change = Change { evidence: evidence(at, 0), what: Arc::new(what) };
            let timeline = Timeline::new(vec![change]);
            timeline.index().course(Some("Owner")).at(Time::from_secs(asked)).clone()
        };
        let seen = state(What::Seen(tags()));
        match asked > at {
            true => prop_assert_eq!(seen, state(What::Set(tags()))),
            // Nothing changed, so that it was so before, too.
            false => prop_assert!(matches!(seen, State::Known(value, _) if value == "ana")),
        }
    }
}

#[test]
fn what_may_be_behind_a_change_is_no_evidence() {
    let tags = |value: &str| Tags::from([("Owner".to_owned(), Value::Text(value.into()))]);
    let change =
        |second, place, what| Change { evidence: evidence(second, place), what: Arc::new(what) };
    let set = |second, value| change(second, 0, What::Set(tags(value)));
    let seen = |second, value| change(second, 1, What::Seen(tags(value)));
    let at = |changes: &[Change], second| {
        let timeline = Timeline::new(changes.to_vec());
        match timeline.index().course(Some("Owner")).at(Time::from_secs(second)) {
            State::Known(value, _) => value.clone(),
            other => format!("{other:?}"),
        }
    };
    let stale = [seen(100, "ana"), set(10_000, "ben"), seen(10_000, "ana"), seen(10_060, "ana")];
    assert_eq!(at(&stale, 5_000), "ana");
    assert_eq!(at(&stale, 10_030), "ben");
    assert_eq!(at(&stale, 20_000), "ben");
    let other = [set(10_000, "ben"), seen(20_000, "ana")];
    assert_eq!(at(&other, 20_000), "ana");
    assert!(at(&other, 15_000).contains("Contradicted"), "no record tells who changed it");
    let created = change(10_000, 0, What::Create(Tags::new()));
    assert!(at(&[created, seen(10_005, "ana")], 10_010).contains("Absent"));
}
