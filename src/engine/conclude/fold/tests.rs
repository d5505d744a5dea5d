//! The fold against its plain twin: all findings in one list, sorted once.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::engine::partial::group::{EventKept, EventRead, Match};
use crate::model::finding::{Key, Resource};
use crate::model::level::Level;
use crate::model::origin::Origin;
use crate::model::principal::Principal;
use crate::model::time::Time;

/// Actor, key, resource, time, level, whether only the caller names the resource, and whether an earlier
/// run has judged it.
type One = (u8, u8, u16, i64, u8, bool, bool);

fn settled((actor, key, resource, time, level, claimed, judged): One) -> Settled {
    let key = format!("key-{key}");
    let arn = format!("resource-{resource}");
    let principal = Principal { arn: Some(format!("p{actor}")), ..Principal::nobody() };
    let snapshot = Snapshot {
        principal: principal.clone(),
        source_ip: None,
        user_agent: None,
        key: Some(Key { arn: key.clone(), account: None, alias: None, tags: BTreeMap::new() }),
        resource: Some(Resource { arn: arn.clone(), kind: None, tags: BTreeMap::new() }),
        details: BTreeMap::from([
            ("same".to_owned(), "1".to_owned()),
            ("level".to_owned(), level.to_string()),
        ]),
    };
    let id = format!("{key}-{arn}-{}", u8::from(claimed));
    let event = EventKept {
        order: (false, Some(Time(time)), Some(id)),
        name: "Decrypt".into(),
        place: None,
        content: 0,
    };
    let level = Level::ALL[usize::from(level) % 3];
    let read = EventRead::of_nobody(Origin::blob("b"));
    let mut group = Group::new(Match { level, event, read, snapshot, fresh: true });
    group.claimed = claimed;
    group.fresh = !judged;
    let key = GroupKey {
        principal: principal.arn,
        key: Some(key),
        resource: Some(arn),
        ..GroupKey::of_rule(0)
    };
    let status = if judged { Status::Ongoing } else { Status::New };
    Settled { key, group, count: 1 + u64::from(resource % 3), status }
}

/// What a report would say of a finding.
type Said = (GroupKey, Level, u64, Vec<Option<String>>, Option<(u64, u64, u64)>, Vec<String>);

fn said(settled: &Settled, folded: Option<(u64, u64, u64)>) -> Said {
    let Settled { key, group, count, .. } = settled;
    let events = group.events.keys().map(|event| event.order.2.clone()).collect();
    let details = group.earliest.1.details.keys().cloned().collect();
    (key.clone(), group.level, *count, events, folded, details)
}

/// All that an actor has is sorted once; what comes after the first ones is taken together.
fn plain(all: &[Settled], most: usize) -> Vec<Said> {
    let mut actors: BTreeMap<String, Vec<&Settled>> = BTreeMap::new();
    for settled in all {
        actors.entry(settled.key.principal.clone().unwrap()).or_default().push(settled);
    }
    let mut told = Vec::new();
    for of_actor in actors.into_values() {
        if of_actor.len() <= most {
            told.extend(of_actor.into_iter().map(|settled| said(settled, None)));
            continue;
        }
        let order = |one: &Settled| {
            let tier = (!one.group.fresh, Reverse(one.group.level));
            let earliest = one.group.earliest.0.clone();
            (tier, one.group.claimed, earliest, one.key.key.clone(), one.key.resource.clone())
        };
        let is_first = |one: &Settled| {
            let alike = |one: &Settled| (one.group.fresh, one.key.key.clone());
            let same = of_actor.iter().filter(|other| alike(other) == alike(one));
            same.min_by_key(|other| order(other)).is_some_and(|first| first.key == one.key)
        };
        let mut ranked = of_actor.clone();
        ranked.sort_by_key(|one| {
            let (tier, claimed, earliest, key, resource) = order(one);
            (!one.group.fresh, !is_first(one), tier, claimed, earliest, key, resource)
        });
        let (stand, fold) = ranked.split_at(most);
        told.extend(stand.iter().map(|settled| said(settled, None)));
        let events: BTreeSet<_> = fold.iter().map(|one| one.group.earliest.0.clone()).collect();
        let different = |of: fn(&GroupKey) -> &Option<String>| {
            fold.iter().map(|one| of(&one.key)).collect::<BTreeSet<_>>().len() as u64
        };
        let levels: BTreeSet<_> =
            fold.iter().map(|one| &one.group.earliest.1.details["level"]).collect();
        let details = if levels.len() == 1 { vec!["level", "same"] } else { vec!["same"] };
        told.push((
            fold[0].key.actor(),
            fold.iter().map(|one| one.group.level).max().unwrap(),
            fold.iter().map(|one| one.count).sum(),
            events.into_iter().take(SHOWN).map(|order| order.2).collect(),
            Some((fold.len() as u64, different(|key| &key.key), different(|key| &key.resource))),
            details.into_iter().map(str::to_owned).collect(),
        ));
    }
    told.sort_by(|one, other| format!("{one:?}").cmp(&format!("{other:?}")));
    told
}

fn folded(all: &[Settled], most: usize, limit: usize) -> Vec<Said> {
    let mut fold = Fold::new(HashKey::of_seed(1), most, (BTreeSet::new(), 10), limit);
    all.iter().cloned().for_each(|settled| fold.take(settled));
    let mut standing = Vec::new();
    fold.finish(|one| standing.push(one)).unwrap();
    let mut told: Vec<Said> = standing
        .iter()
        .map(|Standing { settled, folded }| {
            let numbers = folded.as_ref().map(|f| (f.findings, f.keys, f.resources));
            if let Some(folded) = folded {
                let times: Vec<_> = folded.first.iter().collect();
                assert!(times.is_sorted() && times.len() <= SHOWN);
            }
            said(settled, numbers)
        })
        .collect();
    told.sort_by(|one, other| format!("{one:?}").cmp(&format!("{other:?}")));
    told
}

proptest! {
    #[test]
    fn what_stands_is_what_the_plain_twin_says_in_any_order(
        ones in prop::collection::btree_map((0..3u8, 0..6u8, 0..20u16), (0..12i64, 0..3u8, any::<bool>(), any::<bool>()), 0..80),
        most in 1..12usize, seed in any::<u64>(), limit in 0..60_000usize,
    ) {
        let mut all: Vec<Settled> = ones
            .into_iter()
            .map(|((actor, key, resource), (time, level, claimed, judged))| settled((actor, key, resource, time, level, claimed, judged)))
            .collect();
        let expected = plain(&all, most);
        prop_assert_eq!(&folded(&all, most, usize::MAX), &expected);
        all.sort_by_cached_key(|one| HashKey::of_seed(seed).short(format!("{:?}", one.key).as_bytes()));
        prop_assert_eq!(&folded(&all, most, limit), &expected);
        all.reverse();
        prop_assert_eq!(&folded(&all, most, limit), &expected);
    }
}

#[test]
fn one_over_a_key_that_no_flood_is_about_stands_however_late() {
    let mut all: Vec<Settled> = (0..50).map(|n| settled((0, 0, n, 1, 2, true, false))).collect();
    all.push(settled((0, 1, 999, 2, 1, true, false)));
    all.push(settled((0, 0, 998, 3, 2, false, false)));
    all.push(settled((0, 0, 997, 4, 0, true, false)));
    for _ in 0..2 {
        let told = folded(&all, 5, usize::MAX);
        let stands = |resource: &str| {
            told.iter().any(|one| one.0.resource.as_deref() == Some(resource) && one.4.is_none())
        };
        assert!(stands("resource-999") && stands("resource-998") && stands("resource-997"));
        assert_eq!(told.iter().filter(|one| one.4.is_none()).count(), 5);
        assert!(told.iter().any(|one| one.4 == Some((48, 1, 48))));
        all.reverse();
    }
}
