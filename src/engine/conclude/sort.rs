//! Findings in the order of the report, each naming the other record of its call.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::json;

use super::settle::Settled;
use crate::engine::finding::finding;
use crate::engine::partial::group::SHOWN;
use crate::engine::plan::Plan;
use crate::model::finding::{Finding, Told};
use crate::model::outcome::Summary;

/// Two records of one action: which finding and event the other one is.
type Links = HashMap<String, BTreeSet<(String, String, Option<String>)>>;

/// Findings of the groups and `more`, sorted, and all of them by level.
pub fn findings(plan: &Plan, groups: Settled, more: Vec<Finding>) -> (Vec<Finding>, Summary) {
    let mut summary = Summary::default();
    let mut findings = Vec::new();
    let mut links = Links::new();
    let mut told: HashMap<usize, Arc<Told>> = HashMap::new();
    for (key, (group, count)) in groups {
        summary.add(group.level);
        let shared: Vec<(String, Option<String>)> = group
            .events
            .iter()
            .filter_map(|(event, (_, shared))| Some((shared.clone()?, event.order.2.clone())))
            .collect();
        // What is only counted need not be made, unless another finding names it.
        if group.level < plan.min_level && shared.is_empty() {
            continue;
        }
        let meta = &plan.rules.metas()[key.rule];
        let told = told.entry(key.rule).or_insert_with(|| Arc::new(meta.told()));
        let finding = finding((meta, Arc::clone(told)), key, group, count);
        for (shared, event) in &shared {
            let link = (finding.fingerprint.clone(), finding.rule.clone(), event.clone());
            links.entry(shared.clone()).or_default().insert(link);
        }
        findings.push((finding, shared));
    }
    more.iter().for_each(|finding| summary.add(finding.level));
    findings.extend(more.into_iter().map(|finding| (finding, Vec::new())));
    let listed = findings.into_iter().filter(|(finding, _)| finding.level >= plan.min_level);
    let mut findings: Vec<Finding> = listed.map(|found| link(found, &links)).collect();
    if plan.each {
        findings.sort_by_cached_key(|f| {
            let event = f.events.first().cloned();
            let order = event.as_ref().map(|e| (e.time.is_none(), e.time, e.id.clone()));
            // Where it lay comes last: another name of a file must not change the order.
            (order, f.rule.clone(), f.fingerprint.clone(), event)
        });
    } else {
        findings.sort_by_cached_key(|f| {
            let level = std::cmp::Reverse(f.level);
            (level, f.first_seen.is_none(), f.first_seen, f.rule.clone(), f.fingerprint.clone())
        });
    }
    (findings, summary)
}

/// Names the other record of each cross-account call (`sharedEventID`).
fn link((mut finding, shared): (Finding, Vec<(String, Option<String>)>), links: &Links) -> Finding {
    let others: BTreeSet<_> = shared
        .iter()
        .filter_map(|(shared, event)| Some((links.get(shared)?, event)))
        .flat_map(|(links, event)| links.iter().filter(move |other| other.2 != *event))
        .filter(|(_, rule, _)| *rule == finding.rule)
        .take(SHOWN)
        .map(|(fingerprint, _, event)| (fingerprint, event))
        .collect();
    if !others.is_empty() {
        let list = |(fingerprint, event): (&String, &Option<String>)| json!({"fingerprint": fingerprint, "event": event});
        finding.details.insert("same_call".into(), others.into_iter().map(list).collect());
    }
    finding
}
