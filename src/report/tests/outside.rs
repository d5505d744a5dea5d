//! The formats of other systems on the same findings: goldens, and what their validators check where
//! that is simple. `tests/validators/run` asks the validators themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::HOSTILE;
use crate::model::finding::{EventRef, Finding, Key, Resource};
use crate::model::level::Level;
use crate::model::outcome::Outcome;
use crate::model::request::Request;
use crate::model::rule_meta::RuleMeta;
use crate::model::time::Time;
use crate::model::undo::{Effect, Fate, Undone};
use crate::report::escape::is_hidden;
use crate::report::{Format, OcsfVersion, Report, Run, Style, sample, write};

const OUTSIDE: [Format; 3] = [Format::Sarif, Format::Ocsf, Format::Asff];

fn raw(run: &Run, format: Format, outcome: &Outcome) -> String {
    let mut out = Vec::new();
    write(format, &Report::new(run, outcome), &Style::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// A golden: indented, and without the version of the program, which a release changes.
fn golden(run: &Run, format: Format, outcome: &Outcome) -> String {
    let text = raw(run, format, outcome);
    let pretty = |text: &str| {
        let mut out = Vec::new();
        let value: Value = serde_json::from_str(text).unwrap();
        crate::report::write_document(&value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let text = match format {
        Format::Sarif => pretty(&text),
        _ => text.lines().map(pretty).collect(),
    };
    let version = env!("CARGO_PKG_VERSION");
    let quoted = |before: &str| (format!("{before}{version}\""), format!("{before}VERSION\""));
    let places = ["\"version\": \"", "emanticVersion\": \"", "keytrail ", "keytrail/version\": \""];
    places.into_iter().map(quoted).fold(text, |text, (from, to)| text.replace(&from, &to))
}

/// The rule of one of the two findings.
fn run() -> Run {
    let rule = RuleMeta {
        id: "key-deletion-scheduled".into(),
        title: "KMS key scheduled for deletion".into(),
        level: Level::High,
        group: Some("lifecycle".into()),
        tags: ["attack.impact", "attack.t1485", "attack.t1562.008"].map(String::from).to_vec(),
        references: vec!["https://docs.aws.amazon.com/kms/".into()],
        advice: Some("Cancel the deletion unless a change record names it.".into()),
        description: Some("The key stops working, {and} then [it] is gone.".into()),
        false_positives: vec!["A stack is torn down".into()],
        tier: Some(1),
        whitepaper: vec![],
        controls: vec![],
        routine: None,
        alike: false,
        values: vec![],
        origin: "key-deletion-scheduled.yml".into(),
    };
    Run { rules: vec![rule], ..sample::run() }
}

/// The two findings, of which one was undone.
fn two() -> Outcome {
    let mut outcome = sample::two();
    let at = Time::parse("2026-11-23T21:00:00Z").unwrap();
    let undone = Some(Undone { at, by: Some("arn:aws:iam::111122223333:root".into()) });
    let effect = Some(Effect { fate: Fate::Reversed, undone, due: None });
    let case = Some("d83b31e95820".into());
    let first = Finding { effect, case, ..sample::deletion() };
    outcome.findings = vec![first, sample::foreign_use()].into();
    outcome
}

#[test]
fn two_findings_in_formats_of_other_systems() {
    for format in OUTSIDE {
        assert_snapshot!(format!("two_{format}"), golden(&run(), format, &two()));
    }
    let oldest = Run { ocsf: OcsfVersion::V1_1, ..run() };
    assert_snapshot!("two_ocsf_oldest", golden(&oldest, Format::Ocsf, &two()));
}

#[test]
fn nothing_found_in_formats_of_other_systems() {
    let empty = sample::outcome(vec![]);
    assert_snapshot!("empty_sarif", golden(&sample::run(), Format::Sarif, &empty));
    // A batch of ASFF has at least one finding.
    for format in [Format::Ocsf, Format::Asff] {
        assert_eq!(raw(&run(), format, &empty), "");
    }
}

#[test]
fn hostile_values_in_formats_of_other_systems() {
    let mut outcome = sample::outcome(vec![sample::hostile(HOSTILE)]);
    outcome.problems = vec![sample::problem(HOSTILE)];
    for format in OUTSIDE {
        assert_snapshot!(format!("hostile_{format}"), golden(&run(), format, &outcome));
    }
}

#[test]
fn every_result_of_sarif_has_what_code_scanning_needs() {
    let log: Value = serde_json::from_str(&raw(&run(), Format::Sarif, &two())).unwrap();
    let sarif = &log["runs"][0];
    let rule = &sarif["tool"]["driver"]["rules"][0];
    for needed in ["shortDescription", "fullDescription", "help"] {
        assert!(rule[needed]["text"].is_string(), "{rule}");
    }
    assert_eq!(rule["properties"]["security-severity"], "8.0");
    assert_eq!(rule["properties"]["tags"][0], "security");
    assert_eq!(
        rule["fullDescription"]["text"],
        "The key stops working, {{and}} then \\[it\\] is gone."
    );
    let results = sarif["results"].as_array().unwrap();
    assert_eq!(results[0]["ruleIndex"], 0);
    assert_eq!(results[1]["ruleIndex"], Value::Null, "a rule that is not among those of the run");
    for result in results {
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["artifactLocation"]["uri"].is_string(), "{result}");
        assert_eq!(place["region"]["startLine"], 1);
        assert!(result["partialFingerprints"]["primaryLocationLineHash"].is_string());
    }
    assert_eq!(sarif["invocations"][0]["executionSuccessful"], false);
    assert_eq!(sarif["invocations"][0]["toolExecutionNotifications"].as_array().unwrap().len(), 1);
}

#[test]
fn a_compared_run_says_what_is_new() {
    let baseline = crate::report::Baseline { path: "a".into(), sha256: "sha256:b3".into() };
    let run = Run { baseline: Some(baseline), ..run() };
    let log: Value = serde_json::from_str(&raw(&run, Format::Sarif, &two())).unwrap();
    assert_eq!(log["runs"][0]["results"][0]["baselineState"], "new");
}

/// A finding of these texts, with as much of everything as there can be.
fn heavy(texts: &[String], many: usize) -> Finding {
    let text = |at: usize| texts[at % texts.len()].clone();
    let some = |at: usize| Some(text(at));
    let tags: BTreeMap<String, String> =
        (0..many).map(|at| (format!("{at}{}", text(at)), text(at + 1))).collect();
    let event = |at: usize| EventRef {
        time: None,
        id: some(at),
        name: text(at + 1),
        origin: crate::model::origin::Origin::record(text(at + 2), at as u64),
        shared: None,
        request: Some(Arc::new(Request {
            id: some(at + 2),
            service: text(at),
            access_key: some(at + 1),
            source_ip: some(at + 2),
            user_agent: some(at),
            error: some(at + 1),
            target: some(at + 2),
            ..Request::of_nobody()
        })),
        undone: None,
    };
    let details =
        (0..many).map(|at| (format!("{at}{}", text(at)), json!([text(at), {"a": text(at)}])));
    Finding {
        key: Some(Key { arn: text(0), account: some(1), alias: some(2), tags: tags.clone() }),
        resource: Some(Resource { arn: text(1), kind: some(2), tags }),
        events: (0..10).map(event).collect(),
        details: details.collect(),
        ..sample::hostile(&text(0))
    }
}

/// Writes a finding of these texts in each format.
fn is_whole_and_bounded(texts: &[String], many: usize) {
    let outcome = sample::outcome(vec![heavy(texts, many), sample::deletion()]);
    for format in OUTSIDE {
        let text = raw(&run(), format, &outcome);
        assert!(!text.chars().any(|c| is_hidden(c) && c != '\n'), "{format}");
        assert!(text.len() < 8 << 20, "{format}: {}", text.len());
        let documents =
            if format == Format::Sarif { vec![&text[..]] } else { text.lines().collect() };
        for document in documents {
            assert!(serde_json::from_str::<Value>(document).is_ok());
        }
    }
}

#[test]
fn the_largest_findings_are_bounded() {
    // Each of these characters takes six bytes where it is escaped.
    is_whole_and_bounded(&["\u{202e}".repeat(90_000)], 80);
    is_whole_and_bounded(&["\u{202e}\0".repeat(1_000)], 80);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn no_text_of_a_log_breaks_a_format_or_bursts_it(
        texts in prop::collection::vec("\\PC{0,30}|[\\x00-\\x20\\u{202e}🔑\"\\\\]{0,30}", 1..4),
        times in prop::sample::select(vec![1_usize, 300, 3_000]),
        many in 0_usize..80,
    ) {
        let texts: Vec<String> = texts.into_iter().map(|text| text.repeat(times)).collect();
        is_whole_and_bounded(&texts, many);
    }

    #[test]
    fn a_finding_of_ocsf_has_the_members_that_each_version_requires(
        text in "\\PC{0,20}|[\\x00-\\x20]{0,3}", at in 0_usize..OcsfVersion::ALL.len(),
    ) {
        let run = Run { ocsf: OcsfVersion::ALL[at], ..run() };
        let outcome = sample::outcome(vec![heavy(&[text], 3), sample::foreign_use()]);
        for line in raw(&run, Format::Ocsf, &outcome).lines() {
            let finding: Value = serde_json::from_str(line).unwrap();
            for needed in ["activity_id", "category_uid", "class_uid", "severity_id", "time", "type_uid"] {
                prop_assert!(finding[needed].is_i64(), "{needed}: {finding}");
            }
            prop_assert_eq!(&finding["type_uid"], 200_401);
            prop_assert!(finding["finding_info"]["uid"].is_string());
            prop_assert!(finding["finding_info"]["title"].is_string());
            prop_assert_eq!(&finding["metadata"]["version"], run.ocsf.as_str());
            prop_assert_eq!(&finding["cloud"]["provider"], "AWS");
            let list = |name: &str| finding[name].as_array().cloned().unwrap_or_default();
            for resource in list("resources") {
                prop_assert!(resource["name"].is_string(), "{resource}");
                let uid = resource["uid"].as_str().unwrap_or_default();
                prop_assert!(run.ocsf >= OcsfVersion::V1_4 || uid.chars().count() <= 64);
            }
            for evidence in list("evidences") {
                let is_none = |value: &Value| value.is_null();
                prop_assert!(!["actor", "data", "src_endpoint"].iter().all(|at| is_none(&evidence[*at])));
                prop_assert!(is_none(&evidence["api"]) || evidence["api"]["operation"].is_string());
                let ip = evidence["src_endpoint"]["ip"].as_str();
                prop_assert!(ip.is_none_or(|ip| ip.parse::<std::net::IpAddr>().is_ok()));
            }
        }
    }
}
