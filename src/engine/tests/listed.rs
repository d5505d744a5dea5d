//! Findings that go to temporary files on their way to the report are the same, in the same order.

use std::sync::Arc;

use serde_json::json;

use super::history::{Rng, history};
use super::{How, estate, files, plan, scan_folder, write};
use crate::detect::RuleSet;
use crate::engine::Plan;

/// How many histories are looked at.
const CASES: u64 = 12;

/// A plan with all rules, of which two findings of an actor stand.
fn whole_plan(how: &How) -> Plan {
    let estate = Arc::new(estate());
    let rules = RuleSet::load(true, &[], &estate).unwrap().rules;
    let mut plan = Plan { rules, estate, ..plan(how) };
    plan.limits.standing = 2;
    plan
}

#[test]
fn what_is_put_away_is_listed_as_what_is_held() {
    let (mut listed, mut folded, mut linked, mut tagged) = (0, 0, 0, 0);
    for seed in 0..CASES {
        let mut rng = Rng(!seed);
        let mut records = history(seed);
        for record in &mut records {
            record["sharedEventID"] = json!(format!("shared-{}", rng.below(20)));
        }
        let arn =
            json!("arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-8000-000000000000");
        let mut tag = records[0].clone();
        tag["eventName"] = json!("TagResource");
        tag["eventID"] = json!("tag");
        tag["requestParameters"] = json!({"keyId": records[0]["resources"][0]["ARN"].as_str().map_or(arn, |arn| json!(arn)),
            "tags": [{"tagKey": "CostCenter", "tagValue": "1"}]});
        records.push(tag);
        let folder = tempfile::tempdir().unwrap();
        write(&files(&records, &mut rng), folder.path());
        for each in [false, true] {
            let mut how = How { each, threads: 1 + rng.below(2), ..How::default() };
            let held = scan_folder(folder.path(), &whole_plan(&how));
            how.limits.groups = rng.below(20_000);
            let away = scan_folder(folder.path(), &whole_plan(&how));
            assert_eq!(away.problems, held.problems);
            assert!(held.findings.is_held() && !away.findings.is_held(), "{seed}");
            let [of_held, of_away] = [&held, &away].map(|outcome| {
                let mut listed = outcome.findings.all().unwrap();
                // Hashes under a key that is the run's own.
                listed.iter_mut().for_each(|finding| finding.members.clear());
                listed
            });
            assert_eq!(of_away, of_held, "{seed}: {how:?}");
            let sums = |outcome: &crate::model::outcome::Outcome| {
                let findings = &outcome.findings;
                (findings.len(), findings.folded(), findings.lowest(), outcome.summary)
            };
            assert_eq!(sums(&away), sums(&held));
            listed += of_held.len();
            folded += of_held.iter().filter(|finding| finding.folded > 0).count();
            linked += of_held.iter().filter(|f| f.details.contains_key("same_call")).count();
            tagged += of_held
                .iter()
                .filter_map(|f| f.key.as_ref())
                .filter(|k| !k.tags.is_empty())
                .count();
        }
    }
    let seen = [listed, folded, linked, tagged];
    assert!(seen.iter().all(|count| *count > CASES as usize), "{seen:?}");
}
