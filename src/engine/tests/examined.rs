//! How many records each rule looked at, against a count by hand.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::history::{Rng, history};
use super::twin::One;
use super::{CASES, files, how, outcome, scan_folder};
use crate::detect::RuleSet;
use crate::engine::plan::{Filter, Plan};
use crate::model::time::Time;

/// A rule, the calls that it is about, and whether it asks for those of callers alone.
const SINGLE: [(&str, &[&str], bool); 4] = [
    ("decrypts", &["Decrypt"], false),
    ("direct", &["Decrypt"], true),
    ("makes", &["GenerateDataKey", "Encrypt"], false),
    ("never", &["DeleteNothing"], false),
];

/// A correlation, and its steps.
const CHAINS: [(&str, [&str; 2]); 2] =
    [("chain", ["direct", "makes"]), ("hollow", ["decrypts", "never"])];

/// A correlation that two of its three steps are enough for.
const TWO_OF: (&str, [&str; 3]) = ("two of", ["decrypts", "never", "makes"]);

fn rules(own: bool) -> RuleSet {
    let head = |name: &str, number: usize| {
        format!(
            "title: {name}\nid: 00000000-0000-4000-8000-{number:012}\nname: {name}\nlevel: low\n"
        )
    };
    let single = SINGLE.iter().enumerate().map(|(number, (name, calls, direct))| {
        let direct = if *direct { "\n    keytrail.actor: direct" } else { "" };
        let text = format!(
            "{}logsource: {{product: aws, service: cloudtrail}}\ndetection:\n  selection:\n    \
             eventSource: kms.amazonaws.com\n    eventName: [{}]{direct}\n  condition: selection\n",
            head(name, number),
            calls.join(", "),
        );
        (*name, text)
    });
    let chains = CHAINS.iter().enumerate().map(|(number, (name, steps))| {
        let text = format!(
            "{}correlation:\n  type: temporal_ordered\n  rules: [{}]\n  generate: true\n  \
             group-by: [recipientAccountId]\n  timespan: 1h\n",
            head(name, 50 + number),
            steps.join(", "),
        );
        (*name, text)
    });
    let two_of = format!(
        "{}correlation:\n  type: temporal\n  rules: [{}]\n  generate: true\n  \
         group-by: [recipientAccountId]\n  timespan: 1h\n  condition: {{gte: 2}}\n",
        head(TWO_OF.0, 60),
        TWO_OF.1.join(", "),
    );
    let chains = chains.chain([(TWO_OF.0, two_of)]);
    RuleSet::of_texts(own, &single.chain(chains).collect::<Vec<_>>())
}

/// The records of each rule over single records, one by one.
fn by_hand(
    records: &[Value],
    own: bool,
    [since, until]: [Option<Time>; 2],
) -> BTreeMap<String, BTreeSet<usize>> {
    let mut all: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for (at, value) in records.iter().enumerate() {
        let one = One::read(value, since);
        let in_range = one.reported && until.is_none_or(|until| one.time < until);
        // What CloudTrail delivers is not shown to rules of our own, nor to those of callers.
        let delivered = one.is_delivery() && !one.attempt;
        for (rule, calls, direct) in SINGLE {
            let shown = !delivered || !(own || direct);
            let found = all.entry(rule.into()).or_default();
            if one.is_kms() && in_range && shown && calls.contains(&one.name) {
                found.insert(at);
            }
        }
    }
    all
}

#[test]
fn each_record_in_range_counts_once_for_each_rule_that_is_about_it() {
    let mut some = 0;
    for seed in 0..CASES {
        let records = history(seed);
        let mut rng = Rng(seed);
        let how = how(&records, &mut rng);
        let own = seed % 2 == 0;
        let [since, until] = how.range;
        let plan = Plan {
            threads: how.threads,
            each: how.each,
            limits: how.limits,
            filter: Filter { since, until, ..Filter::default() },
            ..Plan::new(rules(own))
        };
        let single = by_hand(&records, own, how.range);
        let mut expected: BTreeMap<String, u64> =
            single.iter().map(|(rule, found)| (rule.clone(), found.len() as u64)).collect();
        for (chain, [one, other]) in CHAINS {
            let looked = single[one].union(&single[other]).count();
            let whole = !single[one].is_empty() && !single[other].is_empty();
            expected.insert(chain.into(), if whole { looked as u64 } else { 0 });
        }
        let steps = TWO_OF.1.map(|step| &single[step]);
        let looked: BTreeSet<usize> = steps.into_iter().flatten().copied().collect();
        let made = steps.iter().filter(|step| !step.is_empty()).count();
        // One of our own asks for all of its steps.
        let needed = if own { 3 } else { 2 };
        expected.insert(TWO_OF.0.into(), if made >= needed { looked.len() as u64 } else { 0 });
        let outcome = outcome(&files(&records, &mut rng), &plan);
        let names: BTreeMap<String, u64> = plan
            .rules
            .metas()
            .iter()
            .map(|meta| (meta.title.clone(), outcome.examined[&meta.id]))
            .collect();
        assert_eq!(names, expected, "{seed}: {how:?}");
        some += u64::from(expected["chain"] > 0);
    }
    assert!(some > CASES / 2, "the chain looked at records in {some} of {CASES} cases");
}

#[test]
fn a_record_that_is_shown_to_all_rules_counts_for_those_that_are_about_it() {
    let looked = |name: &str| {
        let folder = tempfile::tempdir().unwrap();
        let record = format!(
            r#"{{"eventSource": "kms.amazonaws.com", "eventName": {name}, "eventID": "e",
            "eventTime": "2026-11-02T10:00:00Z", "recipientAccountId": "111122223333",
            "awsRegion": "eu-central-1", "eventType": "AwsApiCall",
            "userIdentity": {{"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ana"}}}}"#
        );
        std::fs::write(folder.path().join("a.json"), format!("{{\"Records\": [{record}]}}"))
            .unwrap();
        let plan = Plan::new(rules(true));
        let outcome = scan_folder(folder.path(), &plan);
        assert_eq!(outcome.totals.records, 1);
        let metas = plan.rules.metas().iter();
        let counted = metas.filter(|meta| outcome.examined[&meta.id] > 0);
        counted.map(|meta| meta.title.clone()).collect::<Vec<_>>()
    };
    let decrypts = looked(r#""Decrypt""#);
    assert_eq!(decrypts, ["decrypts", "direct"]);
    assert_eq!(looked(r#""De\u0063rypt""#), decrypts, "it spells the same");
    assert_eq!(looked(r#""Encr\u0079pt""#), ["makes"]);
    for nobody_can_say in [r#"["Decrypt"]"#, r#""D\u00e9crypt""#, r#""Décrypt""#, "7"] {
        assert_eq!(looked(nobody_can_say), [] as [&str; 0], "{nobody_can_say}");
    }
}
