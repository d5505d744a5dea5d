//! More findings of one actor than stand for themselves: what the report folds is what a plain twin
//! folds, which has all of them in one list.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::history::{Rng, history};
use super::{How, files, how, outcome, plan};
use crate::model::finding::Finding;
use crate::model::level::Level;

/// How many histories are looked at.
const CASES: u64 = 30;

/// Rules whose low findings say the same of all actors.
const ALIKE: [&str; 2] = ["decrypt-burst", "key-blast-radius"];

/// What a report says of a finding, as text; but for its place.
fn said(finding: &Finding) -> String {
    let Finding { fingerprint, rule, level, attempt, count, first_seen, last_seen, .. } = finding;
    let Finding { account, region, principal, key, resource, claimed, folded, details, .. } =
        finding;
    let events: Vec<_> = finding.events.iter().map(|event| (event.time, &event.id)).collect();
    let what = (fingerprint, rule, level, attempt, count, first_seen, last_seen);
    format!(
        "{:?}",
        (what, (account, region, principal, key, resource), claimed, folded, details, events)
    )
}

/// A burst is about a principal; that all its events have one key or resource is only told.
fn is_burst(finding: &Finding) -> bool {
    finding.rule == "decrypt-burst"
}

fn arn(finding: &Finding) -> Option<&str> {
    finding.key.as_ref().filter(|_| !is_burst(finding)).map(|key| key.arn.as_str())
}

fn on(finding: &Finding) -> Option<&str> {
    finding.resource.as_ref().filter(|_| !is_burst(finding)).map(|on| on.arn.as_str())
}

/// All findings of one actor, in the order in which they stand.
fn ranked(mut all: Vec<Finding>) -> Vec<Finding> {
    let order = |f: &Finding| {
        let event = &f.events[0];
        let first = (event.time.is_none(), event.time, event.id.clone());
        (f.claimed, first, arn(f).map(str::to_owned), on(f).map(str::to_owned))
    };
    let tier = |f: &Finding| (!f.fresh, Reverse(f.level));
    all.sort_by_key(|f| (tier(f), order(f)));
    let mut keys = BTreeSet::new();
    let again: Vec<bool> =
        all.iter().map(|f| !keys.insert((f.fresh, arn(f).map(str::to_owned)))).collect();
    let mut all: Vec<_> = again.into_iter().zip(all).collect();
    all.sort_by_key(|(again, f)| (!f.fresh, *again, tier(f), order(f)));
    all.into_iter().map(|(_, finding)| finding).collect()
}

/// What the findings of one actor become that cannot stand: as text, without what it is called.
fn one_of(all: &[Finding]) -> String {
    let mut events: Vec<_> = all.iter().flat_map(|f| &f.events).map(|e| (e.time, &e.id)).collect();
    events.sort();
    events.dedup();
    events.truncate(10);
    let keys: BTreeSet<_> = all.iter().filter_map(arn).collect();
    let resources: BTreeSet<_> = all.iter().filter_map(on).collect();
    let count: u64 = all.iter().map(|f| f.count).sum();
    let times = (all.iter().map(|f| f.first_seen).min(), all.iter().map(|f| f.last_seen).max());
    let level = all.iter().map(|f| f.level).max();
    format!("{:?}", (all.len(), keys.len(), resources.len(), count, times, level, events))
}

/// The same of a finding that stands for others.
fn one_as_said(finding: &Finding) -> String {
    let said = &finding.details["folded"];
    let number = |name: &str| said[name].as_u64().unwrap() as usize;
    let events: Vec<_> = finding.events.iter().map(|event| (event.time, &event.id)).collect();
    let times = (Some(finding.first_seen), Some(finding.last_seen));
    let numbers = (number("findings"), number("keys"), number("resources"));
    assert_eq!(json!(finding.folded), said["findings"]);
    let (findings, keys, resources) = numbers;
    let level = Some(finding.level);
    format!("{:?}", (findings, keys, resources, finding.count, times, level, events))
}

/// With which findings it may become one: with those of the same actor; low ones of some rules with
/// those of all actors.
fn actor(finding: &Finding) -> String {
    let Finding { rule, attempt, account, region, principal, level, .. } = finding;
    if ALIKE.contains(&rule.as_str()) && *level <= Level::Low {
        return format!("{:?}", (rule, attempt));
    }
    format!("{:?}", (rule, attempt, account, region, &principal.arn))
}

fn plain(all: Vec<Finding>, most: usize) -> BTreeMap<String, Vec<String>> {
    let mut actors: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for finding in all {
        actors.entry(actor(&finding)).or_default().push(finding);
    }
    let of = |all: Vec<Finding>| {
        let mut all = ranked(all);
        let folded = all.split_off(most.min(all.len()));
        let one = (!folded.is_empty()).then(|| one_of(&folded));
        let mut told: Vec<String> = all.iter().map(said).chain(one).collect();
        told.sort();
        told
    };
    actors.into_iter().map(|(actor, all)| (actor, of(all))).collect()
}

#[test]
fn what_is_folded_is_what_the_plain_twin_folds() {
    let mut folded = 0;
    for seed in 0..CASES {
        let records = history(seed);
        let mut rng = Rng(!seed);
        let mut how = How { each: false, ..how(&records, &mut rng) };
        let whole = outcome(&files(&records, &mut rng), &plan(&how));
        let most = 1 + rng.below(2);
        how.limits.groups = rng.below(9_000);
        how.limits.standing = most;
        how.threads = 1 + rng.below(3);
        let mut plan = plan(&how);
        plan.limits.alike = most;
        let outcome = outcome(&files(&records, &mut rng), &plan);
        assert!(outcome.problems.is_empty(), "{seed}: {:?}", outcome.problems);
        let expected = plain(whole.findings.all().unwrap(), most);
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let listed = outcome.findings.all().unwrap();
        for finding in &listed {
            let told = if finding.folded > 0 { one_as_said(finding) } else { said(finding) };
            found.entry(actor(finding)).or_default().push(told);
        }
        found.values_mut().for_each(|told| told.sort());
        assert_eq!(found, expected, "{seed}: {how:?}");
        folded += listed.iter().filter(|finding| finding.folded > 0).count();
    }
    assert!(folded > CASES as usize / 3, "hardly anything is folded: {folded}");
}
