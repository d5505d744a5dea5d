//! Tests that each flaw is reported at its place, and that the built-in rules have none.

use std::path::Path;

use super::*;

const RULE: &str = "\
title: Key Disabled
id: 0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01
status: test
logsource:
    product: aws
    service: cloudtrail
detection:
    selection:
        eventSource: kms.amazonaws.com
        eventName: DisableKey
    condition: selection
level: high
";

/// `LINE:COLUMN severity code` of each flaw.
fn linted(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rule.yml"), text).unwrap();
    let linted = lint(&[folder.path().to_owned()]).unwrap();
    let shown = |flaw: &Flaw| {
        let (line, column) = flaw.place.unwrap_or_default();
        format!("{line}:{column} {} {}", flaw.severity.as_str(), flaw.code)
    };
    linted.flaws.iter().map(shown).collect()
}

fn with(old: &str, new: &str) -> Vec<String> {
    assert!(RULE.contains(old), "{old}");
    linted(&RULE.replace(old, new))
}

#[test]
fn a_good_rule_has_no_flaw() {
    assert!(linted(RULE).is_empty());
}

#[test]
fn the_built_in_rules_have_no_flaw() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let linted = lint(&[rules]).unwrap();
    let shown: Vec<String> = linted
        .flaws
        .iter()
        .map(|f| format!("{}:{:?} {} {}", f.origin, f.place, f.code, f.message))
        .collect();
    assert!(shown.is_empty(), "\n{}", shown.join("\n"));
}

#[test]
fn the_specification() {
    assert_eq!(with("level: high", "level: severe"), ["12:1 error invalid-level"]);
    assert_eq!(with("level: high\n", "level: high\nfalspositives: [x]\n").len(), 1);
    assert_eq!(
        with("condition: selection", "condition: selektion"),
        ["11:5 error condition-references-unknown"]
    );
    assert_eq!(with("title: Key Disabled\n", ""), ["1:1 error missing-title"]);
    assert_eq!(with("    service: cloudtrail", "   service: cloudtrail").len(), 1);
}

#[test]
fn what_only_the_loader_sees() {
    assert_eq!(with("eventName:", "eventName|frobs:"), ["10:1 error does-not-load"]);
    assert_eq!(with("eventName: D", "eventName|re: (D"), ["0:0 error does-not-load"]);
}

#[test]
fn fields_that_records_do_not_have() {
    let bad = ["eventname", "userIdentity.name", "eventName.x", "bucketName", "keytrail.user"];
    for field in bad {
        let found = with("eventName:", &format!("{field}: x\n        eventName:"));
        assert_eq!(found, ["10:9 warning unknown-field"], "{field}");
    }
    let good = [
        "userIdentity.sessionContext|exists",
        "requestParameters.a.b|contains",
        "resources.ARN",
        "keytrail.principal",
        "requestParameters",
    ];
    for field in good {
        let found = with("eventName:", &format!("{field}: x\n        eventName:"));
        assert!(found.is_empty(), "{field}: {found:?}");
    }
    let shown = with("level: high", "fields: [eventNane]\nlevel: high");
    assert_eq!(shown, ["12:10 warning unknown-field"]);
}

#[test]
fn paths_that_say_how_to_go_through_lists() {
    let line = |field: &str| with("eventName:", &format!("{field}: x\n        eventName:"));
    for field in ["items[].port", "items{}.port", "items[*].port", "items.0.port"] {
        let field = format!("requestParameters.{field}");
        assert_eq!(line(&field), ["10:9 warning list-path"], "{field}");
    }
    let third = RULE
        .replace("level:", "sigma-version: 3\nlevel:")
        .replace("eventName: D", "requestParameters.items[0].port: x\n        eventName: D");
    assert!(linted(&third).is_empty(), "{:?}", linted(&third));
    let empty = RULE.replace("    condition", "    other:\n    condition");
    assert_eq!(linted(&empty), ["11:5 warning empty-detection"]);
}

#[test]
fn what_a_scan_evaluates_is_no_flaw() {
    let global = format!(
        "action: global\nlogsource: {{product: aws, service: cloudtrail}}\nlevel: High\n---\n{}",
        RULE.replace("logsource:\n    product: aws\n    service: cloudtrail\n", "")
            .replace("level: high\n", "")
    );
    assert!(linted(&global).is_empty(), "{:?}", linted(&global));
    let other = "other-part:\n        awsRegion: x\n    condition";
    for condition in ["any of selection*", "selection AND NOT other-part", "ALL OF them"] {
        let text = RULE.replace("condition: selection", &format!("{other}: {condition}"));
        assert!(linted(&text).is_empty(), "{condition}: {:?}", linted(&text));
    }
    let text = RULE.replace("condition: selection", &format!("{other}: any-part"));
    assert_eq!(linted(&text), ["13:1 error does-not-load"]);
    let count =
        RULE.replace("condition: selection", "condition: selection | COUNT() BY awsRegion > 2");
    assert!(linted(&count).is_empty(), "{:?}", linted(&count));
    assert!(linted(&RULE.replace("level: high", "level: High")).is_empty());
}

#[test]
fn sources_and_names() {
    let source = "        eventSource: kms.amazonaws.com\n";
    assert_eq!(with(source, ""), ["9:9 warning no-event-source"]);
    let call = "eventSource: kms.amazonaws.com\n        eventName: DisableKey";
    assert_eq!(with(call, "userAgent: x"), ["7:1 warning no-event-source"]);
    assert_eq!(with("kms.amazonaws.com", "kms"), ["9:22 warning event-source"]);
    assert!(with("eventSource: kms.amazonaws.com", "eventSource|startswith: kms").is_empty());
    let s3 = "eventSource: s3.amazonaws.com\n        eventName: [PutEncryptionConfiguration, X]";
    assert_eq!(with(call, s3), ["10:21 warning event-name"]);
}

#[test]
fn values_that_never_occur() {
    let with_line = |line: &str| with("eventName:", &format!("{line}\n        eventName:"));
    assert_eq!(with_line("errorCode: Success"), ["10:20 warning error-code"]);
    assert_eq!(with_line("keytrail.actor: [direct, robot]"), ["10:34 warning actor"]);
}

#[test]
fn rules_for_other_logs_are_held_to_the_specification_only() {
    let other = RULE.replace("aws", "windows").replace("eventName", "Image");
    assert!(linted(&other).is_empty());
    assert_eq!(linted(&other.replace("level: high", "level: x")), ["12:1 error invalid-level"]);
}

#[test]
fn correlations_refer_to_rules_that_are_there() {
    let correlation = "---\ntitle: Many\nid: 0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a02\nstatus: test\n\
        correlation:\n    type: event_count\n    rules: [disabled, key-disabled]\n    \
        group-by: [keytrail.principal]\n    timespan: 5m\n    condition: {gte: 10}\nlevel: high\n";
    let named = RULE.replace("status:", "name: disabled\nstatus:") + correlation;
    assert!(linted(&named).is_empty(), "{:?}", linted(&named));
    let found = linted(&(RULE.to_owned() + correlation));
    assert_eq!(found, ["19:13 error unknown-rule"]);
    let upper = named.replace("[disabled,", "[0C9F7B52-5A1E-4F6E-9A0F-2D0F6AC54A01,");
    assert!(linted(&upper).is_empty(), "{:?}", linted(&upper));
    let member = named.replace("group-by", "group_by");
    assert_eq!(linted(&member), ["21:5 warning unknown-key"]);
    let field = named.replace("keytrail.principal", "principal");
    assert_eq!(linted(&field), ["21:16 warning unknown-field"]);
}

#[test]
fn older_forms_are_no_flaws() {
    for date in ["2026/01/15", "2020/1/2"] {
        assert!(
            with("status: test", &format!("status: test\ndate: {date}\nmodified: {date}"))
                .is_empty()
        );
    }
    assert_eq!(with("status: test", "status: test\ndate: soon"), ["4:1 error invalid-date"]);
    assert!(with("    product: aws\n", "").is_empty());
    let temporal = "---\ntitle: Both\nid: 0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a02\nstatus: test\n\
        correlation:\n    type: temporal\n    rules: [Key Disabled, key-deletion-scheduled]\n    \
        timespan: 5m\nlevel: high\n";
    let found = linted(&(RULE.to_owned() + temporal));
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn filters_that_keep_what_they_name() {
    let filter = "title: Robots Left Out\nid: 0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a03\nlogsource:\n    product: aws\n    service: cloudtrail\nfilter:\n    rules: [0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01]\n    selection:\n        userAgent: robot\n    condition: not selection\n";
    let with = |old: &str, new: &str| linted(&format!("{RULE}---\n{}", filter.replace(old, new)));
    assert!(with("robot", "robot").is_empty(), "{:?}", with("robot", "robot"));
    assert_eq!(with("not selection", "selection"), ["23:16 warning filter-keeps"]);
    assert_eq!(with("userAgent", "useragent"), ["22:9 warning unknown-field"]);
}

#[test]
fn different_rules_with_one_id() {
    let other = RULE.replace("DisableKey", "EnableKey");
    assert_eq!(linted(&format!("{RULE}---\n{other}")), ["0:0 error left-out"]);
    assert!(linted(&format!("{RULE}---\n{RULE}")).is_empty());
}

#[test]
fn a_path_that_is_not_there_is_no_flaw() {
    assert_eq!(lint(&[PathBuf::from("/no/such/rule.yml")]).unwrap_err().len(), 1);
}

#[test]
fn controls_that_nobody_has() {
    let named = |names: &str| {
        with("level: high", &format!("level: high\nkeytrail: {{controls: [{names}]}}"))
    };
    // A framework of the author's own is no flaw, not even beside one with a similar name.
    assert!(named("PCI:3.7.5, fsbp:kms.3, Acme:KM-4, NIS2:21.2.h, NIST-CSF:PR.DS-01").is_empty());
    assert_eq!(named("PCI:3.7.5, SC-12"), ["13:34 warning control-form"]);
    assert_eq!(named("'PCI:3.7.55'"), ["13:23 warning unknown-control"]);
    assert_eq!(named("'PCI:3.7.8'"), ["13:23 warning control-not-testable"]);
    for name in ["PCI-DSS:3.7.5", "SOC-2:CC6.1", "PIC:3.7.5", "iso 27001:A.8.24"] {
        assert_eq!(named(&format!("'{name}'")), ["13:23 warning unknown-framework"], "{name}");
    }
}
