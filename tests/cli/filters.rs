//! What is reported, listed and counted, and with which exit code.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::trail::{at, call, counts, disable, file, findings, ids, refused, with, without_run};

/// Records at 10:00:00, :10, :20 and one without a time.
fn in_time() -> Vec<Value> {
    let mut records: Vec<Value> = (0..3).map(|n| at(disable(&format!("e-{n}")), 10 * n)).collect();
    records.push(with(disable("e-9"), &[("/eventTime", Value::Null)]));
    records
}

#[test]
fn a_range_is_half_open_and_keeps_what_has_no_time() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&in_time()));
    let all = sandbox.report(3, ["--select", "key-disabled", "trail.json"]);
    for (words, expected) in [
        (&["--since=2026-05-01T10:00:10Z"][..], &["e-1", "e-2", "e-9"][..]),
        (&["--until=2026-05-01T10:00:10Z"], &["e-0", "e-9"]),
        (&["--since=2026-05-01T12:00:10+02:00"], &["e-1", "e-2", "e-9"]),
        (&["--since=2026-05-01T10:00:00.001Z"], &["e-1", "e-2", "e-9"]),
        (&["--since=2026-05-01T10:00:10Z", "--until=2026-05-01T10:00:20Z"], &["e-1", "e-9"]),
        (&["--since=2026-05-01"], &["e-0", "e-1", "e-2", "e-9"]),
        (&["--since=2026-05-02"], &["e-9"]),
        (&["--until=2026-05-01"], &["e-9"]),
        (&["--until=2026-05-02"], &["e-0", "e-1", "e-2", "e-9"]),
    ] {
        let fixed = ["--select", "key-disabled", "trail.json"];
        let report = sandbox.report(3, fixed.iter().chain(words).copied());
        assert_eq!(ids(&report["findings"][0]), expected, "{words:?}");
        assert_eq!(report["totals"], all["totals"], "{words:?}");
    }
    let report = sandbox.report(3, ["--since=2026-05-01", "--until=2026-05-02", "trail.json"]);
    assert_eq!(report["run"]["since"], "2026-05-01T00:00:00Z");
    assert_eq!(report["run"]["until"], "2026-05-02T00:00:00Z");
}

#[test]
fn an_age_counts_back_from_now() {
    let sandbox = Sandbox::new();
    // A day's distance to every bound, so that the clock of the test does not matter.
    let far = with(disable("e-1"), &[("/eventTime", json!("9000-01-01T00:00:00Z"))]);
    let old = with(disable("e-2"), &[("/eventTime", json!("2001-01-01T00:00:00Z"))]);
    sandbox.write("trail.json", file(&[far, old]));
    for (word, expected) in [
        ("--since=7d", "e-1"),
        ("--since=36h", "e-1"),
        ("--since=90m", "e-1"),
        ("--until=7d", "e-2"),
        ("--until=36h", "e-2"),
    ] {
        let report = sandbox.report(0, ["--select", "key-disabled", word, "trail.json"]);
        assert_eq!(ids(&report["findings"][0]), [expected], "{word}");
    }
}

#[test]
fn accounts_and_regions() {
    let place = |id: &str, account: &str, region: &str| {
        with(disable(id), &[("/recipientAccountId", json!(account)), ("/awsRegion", json!(region))])
    };
    let sandbox = Sandbox::new();
    let records = [
        place("e-1", "111122223333", "eu-west-1"),
        place("e-2", "444455556666", "eu-west-1"),
        place("e-3", "444455556666", "us-east-1"),
        place("e-4", "777788889999", "eu-central-1"),
    ];
    sandbox.write("trail.json", file(&records)).write("copy.json", file(&records));
    let sources = ["--select", "key-disabled", "trail.json", "copy.json"];
    let totals = sandbox.report(0, sources)["totals"].clone();
    assert_eq!(totals["accounts"], json!(["111122223333", "444455556666", "777788889999"]));
    assert_eq!(totals["regions"], json!(["eu-central-1", "eu-west-1", "us-east-1"]));
    for (words, expected) in [
        (&["--account=444455556666"][..], &["e-2", "e-3"][..]),
        (&["--account=444455556666", "--account=777788889999"], &["e-2", "e-3", "e-4"]),
        (&["--region=eu-west-1"], &["e-1", "e-2"]),
        (&["--region=eu-west-1", "--region=eu-central-1"], &["e-1", "e-2", "e-4"]),
        (&["--account=444455556666", "--region=eu-west-1"], &["e-2"]),
        (&["--account=777788889999", "--region=eu-west-1"], &[]),
    ] {
        let report = sandbox.report(0, sources.iter().chain(words).copied());
        let mut found: Vec<String> = findings(&report).iter().flat_map(ids).collect();
        found.sort();
        assert_eq!(found, expected, "{words:?}");
        assert_eq!(report["totals"], totals, "{words:?}");
    }
}

/// One record for each of several rules.
fn mixed() -> Vec<Value> {
    let stop = [
        ("/eventSource", json!("cloudtrail.amazonaws.com")),
        ("/requestParameters", json!({"name": "main"})),
    ];
    vec![
        disable("e-1"),
        with(call("CreateKey", "e-2"), &[("/requestParameters", json!({}))]),
        call("DisableKeyRotation", "e-3"),
        with(call("StopLogging", "e-4"), &stop),
    ]
}

#[test]
fn rules_are_chosen_by_id_group_tag_and_level() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&mixed()));
    let rules = |words: &[&str]| -> Vec<String> {
        let fixed = ["--min-level=informational", "trail.json"];
        counts(&sandbox.report(0, fixed.iter().chain(words).copied())).into_keys().collect()
    };
    let (mfa, created, disabled) = ("critical-call-without-mfa", "key-created", "key-disabled");
    let (rotation, stopped) = ("rotation-disabled", "trail-stopped");
    let (chain, default) = ("chain-blind-then-act", "policy-default-unedited");
    assert_eq!(rules(&[]), [chain, mfa, created, disabled, default, rotation, stopped]);
    for (words, expected) in [
        (&["--select=key-disabled"][..], &[disabled][..]),
        (&["--select=f546b655-14ed-4f7c-8d57-f91fbc5d4b7b"], &[disabled]),
        (&["--select=key-disabled", "--select=trail-stopped"], &[disabled, stopped]),
        (&["--select=trail"], &[stopped]),
        (&["--select=lifecycle"], &[created, disabled, rotation]),
        (&["--select=attack.t1485"], &[chain, disabled]),
        (&["--select=T1485"], &[chain, disabled]),
        (&["--select=informational"], &[created]),
        (&["--ignore=lifecycle"], &[chain, mfa, default, stopped]),
        (&["--ignore=high"], &[chain, created, default, rotation, stopped]),
        (&["--ignore=key-created", "--ignore=attack.t1485"], &[mfa, default, rotation, stopped]),
        (&["--select=lifecycle", "--ignore=key-disabled"], &[created, rotation]),
    ] {
        assert_eq!(rules(words), expected, "{words:?}");
    }
}

#[test]
fn selectors_that_name_nothing_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&mixed()));
    let words = ["scan", "--select=key-disabld", "--ignore=nothing-like-it", "trail.json"];
    let ended = sandbox.keytrail(words).run().code(2).stdout("");
    assert!(ended.stderr.contains("'key-disabld' names no rule: did you mean key-disabled"));
    assert!(ended.stderr.contains("'nothing-like-it' names no rule"), "{}", ended.stderr);
}

#[test]
fn a_level_hides_and_still_counts() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&mixed()));
    let all = sandbox.report(0, ["--min-level=informational", "trail.json"]);
    let summary = &all["summary"];
    let expected = json!({
        "critical": 2, "high": 2, "medium": 1, "low": 1, "informational": 1, "suppressed": 0,
        "known": 0,
    });
    assert_eq!(*summary, expected);
    for (level, listed) in
        [("informational", 7), ("low", 6), ("medium", 5), ("high", 4), ("critical", 2)]
    {
        for more in [&[][..], &["--each"]] {
            let word = format!("--min-level={level}");
            let words = [word.as_str(), "trail.json"];
            let report = sandbox.report(0, words.into_iter().chain(more.iter().copied()));
            assert_eq!(findings(&report).len(), listed, "{level}");
            assert_eq!(&report["summary"], summary, "{level}");
        }
    }
    assert_eq!(findings(&sandbox.report(0, ["trail.json"])).len(), 6, "the default is low");
    let listed = findings(&sandbox.report(0, ["--min-level=high", "trail.json"]));
    assert_eq!(listed, findings(&all)[..4]);
}

#[test]
fn a_level_to_fail_on() {
    let sandbox = Sandbox::new();
    let code = |record: &Value, words: &[&str]| {
        sandbox.write("trail.json", file(std::slice::from_ref(record)));
        sandbox.keytrail(["scan", "trail.json"].iter().chain(words)).run().code.unwrap()
    };
    let levels = ["informational", "low", "medium", "high", "critical"];
    let rotation = call("DisableKeyRotation", "e-3");
    let records =
        [call("CancelKeyDeletion", "e-1"), refused(rotation.clone()), rotation, disable("e-1")];
    for (record, highest) in records.iter().zip(levels) {
        assert_eq!(code(record, &[]), 0);
        assert_eq!(code(record, &["--fail-on=never"]), 0);
        let mut above = false;
        for level in levels {
            let word = format!("--fail-on={level}");
            for format in ["-fjson", "-fndjson", "-ftable"] {
                let expected = i32::from(!above);
                assert_eq!(code(record, &[&word, format]), expected, "{highest} {level}");
            }
            let live = [&word, "-fndjson", "--each", "--min-level=critical"];
            assert_eq!(code(record, &live), i32::from(!above), "{highest} {level} live");
            above |= level == highest;
        }
    }
}

#[test]
fn incomplete_wins() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", b"{\"Records\":[tru,".as_slice());
    sandbox.write("good.json", file(&[disable("e-1")]));
    let code = |words: &[&str]| {
        let words = ["scan", "trail.json", "good.json"].iter().chain(words);
        sandbox.keytrail(words).run().code.unwrap()
    };
    assert_eq!(code(&[]), 3);
    assert_eq!(code(&["--fail-on=high"]), 3);
    assert_eq!(code(&["--allow-incomplete"]), 0);
    assert_eq!(code(&["--allow-incomplete", "--fail-on=high"]), 1);
    assert_eq!(code(&["--allow-incomplete", "--fail-on=critical"]), 0);
    assert_eq!(code(&["--each", "-fndjson", "--fail-on=high"]), 3);
    let report = sandbox.report(0, ["--allow-incomplete", "trail.json", "good.json"]);
    assert_eq!(report["run"]["complete"], false);
    assert_eq!(findings(&report).len(), 2);
}

#[test]
fn totals_do_not_depend_on_rules() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&mixed())).write("copy.json", file(&mixed()[..3]));
    let sources = ["trail.json", "copy.json"];
    let all = without_run(sandbox.report(0, sources));
    let some = sandbox.report(0, sources.iter().copied().chain(["--select=key-disabled"]));
    assert_eq!(some["totals"], all["totals"]);
    assert_eq!([&all["totals"]["records"], &all["totals"]["kms_records"]], [7, 6]);
    assert_eq!(all["totals"]["duplicates"], 3);
    assert_eq!(some["tool"]["rules"]["enabled"], 1);
    assert_ne!(some["tool"]["rules"]["digest"], all["tool"]["rules"]["digest"]);
}

/// What lies before the range is no finding, and yet tells what came of it.
#[test]
fn what_lies_before_the_range_is_history() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/rules/alias-replaced");
    let sandbox = Sandbox::new();
    let sample = fs::read(root.join("match-deleted-and-created.json")).unwrap();
    sandbox.write("in.json", sample);
    let found = |code, range: &str| {
        let report = sandbox.report(code, ["--select=alias-replaced", range, "in.json"]);
        report["findings"].as_array().unwrap().len()
    };
    // Deleted at 10:00:00, created at 10:00:07; later there is nothing at all.
    assert_eq!(found(0, "--since=2026-11-02T10:00:05Z"), 1);
    assert_eq!(found(3, "--since=2026-11-02T10:00:08Z"), 0);
    assert_eq!(found(0, "--until=2026-11-02T10:00:05Z"), 0);
}

/// Ten encryptions under a foreign key are a ransom run, ten decryptions are reading.
#[test]
fn only_what_is_serious_by_itself_adds_up() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/rules/foreign-key-used");
    let sample = fs::read_to_string(root.join("match-burst.json")).unwrap();
    let sandbox = Sandbox::new();
    let level = |text: &str| {
        sandbox.write("in.json", text);
        let report = sandbox.report(0, ["--select=foreign-key-used", "in.json"]);
        report["findings"][0]["level"].clone()
    };
    assert_eq!(level(&sample), "critical");
    assert_eq!(level(&sample.replace("GenerateDataKey", "Decrypt")), "low");
}
