//! Findings in the order of the report, each naming the other record of its call.

use std::collections::HashMap;
use std::sync::Arc;

use super::fold::Standing;
use super::links::{Links, SharedEvent};
use super::rank::rank;
use super::settle::Settled;
use crate::engine::finding::{finding, finding_of_many};
use crate::engine::plan::Plan;
use crate::model::finding::{Finding, Told};
use crate::model::outcome::Summary;

/// Findings of what stands and `more`, sorted, and all of them by level.
pub fn findings(
    plan: &Plan,
    standing: Vec<Standing>,
    more: Vec<Finding>,
) -> (Vec<Finding>, Summary) {
    let mut summary = Summary::default();
    let mut findings = Vec::new();
    let mut links = Links::default();
    let mut told: HashMap<usize, Arc<Told>> = HashMap::new();
    for Standing { settled: Settled { key, group, count, status }, folded } in standing {
        summary.add(group.level);
        let shared: Vec<SharedEvent> = group
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
        let rule = (meta, Arc::clone(told));
        let finding = match folded {
            None => finding(rule, key, group, count),
            Some(folded) => finding_of_many(rule, key, group, (count, folded)),
        };
        let finding = Finding { status, ..finding };
        links.add(&finding, &shared);
        findings.push((finding, shared));
    }
    more.iter().for_each(|finding| summary.add(finding.level));
    findings.extend(more.into_iter().map(|finding| (finding, Vec::new())));
    let listed = findings.into_iter().filter(|(finding, _)| finding.level >= plan.min_level);
    let named = |(mut finding, shared): (Finding, Vec<SharedEvent>)| {
        links.name(&mut finding, &shared);
        finding
    };
    let mut findings: Vec<Finding> = listed.map(named).collect();
    if plan.each {
        findings.sort_by_cached_key(|f| {
            let event = f.events.first().cloned();
            let order = event.as_ref().map(|e| (e.time.is_none(), e.time, e.id.clone()));
            // Where it lay comes last: another name of a file must not change the order.
            (order, f.rule.clone(), f.fingerprint.clone(), event)
        });
    } else {
        rank(&mut findings, &plan.estate);
    }
    (findings, summary)
}
