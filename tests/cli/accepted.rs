//! What the user has accepted: suppressions with their ends, and an earlier report as a baseline.

use serde_json::{Value, json};

use crate::harness::{Ended, Lines, Sandbox};
use crate::trail::{at, by_role, call, disable, file, findings, lines, parse, texts, with};

const LEFT_OUT: &str = "[[suppress]]\nrule = \"key-disabled\"\nprincipal = \"*:user/ana\"\n\
                        reason = \"planned\"\nowner = \"ops\"\nexpires = 9999-12-31\n";

/// Two findings of `key-disabled`: by the user ana (two events) and by a role.
fn records() -> Vec<Value> {
    vec![disable("e-1"), at(disable("e-2"), 5), by_role(disable("e-3"), "deploy-role", "s")]
}

fn sandbox(config: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&records())).write("keytrail.toml", config);
    sandbox
}

const SCAN: [&str; 3] = ["--select=key-disabled", "--fail-on=high", "trail.json"];

fn scan(sandbox: &Sandbox, words: &[&str]) -> Ended {
    sandbox.keytrail(["scan"].iter().chain(&SCAN).chain(words)).run()
}

fn principals(findings: &[Value]) -> Vec<String> {
    texts(findings, "/principal/arn")
}

const DEPLOY: &str = "arn:aws:iam::111122223333:role/deploy-role";

#[test]
fn what_is_suppressed_is_counted_and_not_listed() {
    let sandbox = sandbox(LEFT_OUT);
    let report = parse(&scan(&sandbox, &["-fjson"]).code(1).stderr(""));
    assert_eq!(principals(&findings(&report)), [DEPLOY]);
    assert_eq!(
        (&report["summary"]["high"], &report["summary"]["suppressed"]),
        (&json!(1), &json!(1))
    );
    let [applied] = report["suppressions"].as_array().unwrap().as_slice() else { panic!("one") };
    let expected = json!({"rule": "key-disabled", "reason": "planned", "expires": "9999-12-31",
                          "state": "active", "count": 1, "owner": "ops", "ticket": null,
                          "fitted": applied["fitted"]});
    assert_eq!(*applied, expected);
    assert_eq!(applied["fitted"].as_array().map(Vec::len), Some(1));
    let table = scan(&sandbox, &[]).code(1).stdout;
    assert!(table.contains("suppress  1 suppression, 1 finding left out\n"), "{table}");
    assert!(
        table.contains("active    key-disabled: fits 1 finding, until 9999-12-31\n"),
        "{table}"
    );
    let all = LEFT_OUT.replace("principal = \"*:user/ana\"\n", "");
    let sandbox = self::sandbox(&all);
    let report = parse(&scan(&sandbox, &["-fjson"]).code(0));
    assert_eq!((findings(&report).len(), &report["summary"]["suppressed"]), (0, &json!(2)));
}

/// Whoever calls directly writes what they like into the encryption context, and whoever may make a
/// role writes its path.
#[test]
fn nobody_suppresses_their_own_finding() {
    let parameter = "arn:aws:ssm:eu-west-1:111122223333:parameter/test/x";
    let on = |id: &str, context: Value| {
        with(call("Decrypt", id), &[("/requestParameters/encryptionContext", context)])
    };
    let path = by_role(disable("e-3"), "deploy-role", "s");
    let issuer = "/userIdentity/sessionContext/sessionIssuer/arn";
    let path = with(path, &[(issuer, json!("arn:aws:iam::111122223333:role/a:role/deploy-role"))]);
    let records = [
        on("e-1", json!({"PARAMETER_ARN": parameter})),
        path,
        by_role(disable("e-4"), "deploy-role", "s"),
    ];
    let config = "[[suppress]]\nrule = \"direct-decrypt\"\nresource = \"*:parameter/test/*\"\n\
                  reason = \"x\"\nexpires = 9999-12-31\n\
                  [[suppress]]\nrule = \"key-disabled\"\nprincipal = \"*:role/deploy-role\"\n\
                  reason = \"x\"\nexpires = 9999-12-31\n";
    let found = |config: &str| {
        let sandbox = Sandbox::new();
        sandbox.write("trail.json", file(&records)).write("keytrail.toml", config);
        let select = ["--select=direct-decrypt", "--select=key-disabled"];
        let words = ["scan", "-fjson", "trail.json"].into_iter().chain(select);
        let ended = sandbox.keytrail(words).run().code(0);
        let mut ids = texts(&findings(&parse(&ended)), "/events/0/id");
        ids.sort();
        ids
    };
    assert_eq!(found(config), ["e-1", "e-3"]);
    let trusted = config.replacen("reason", "trust_context = true\nreason", 1);
    assert_eq!(found(&trusted), ["e-3"]);
}

#[test]
fn findings_below_the_level_are_suppressed_too() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[call("CreateKey", "e-1"), disable("e-2")]));
    let count = |words: &[&str]| {
        let all = ["--select=key-created", "--min-level=critical", "trail.json"];
        let report = sandbox.report(0, all.iter().chain(words).copied());
        let sum = |name: &str| report["summary"][name].as_u64().unwrap();
        let levels = ["critical", "high", "medium", "low", "informational"];
        (levels.iter().map(|level| sum(level)).sum::<u64>(), sum("suppressed"))
    };
    let before = count(&[]);
    assert_eq!(before.1, 0);
    sandbox.write("x.toml", LEFT_OUT.replace("key-disabled", "key-created"));
    assert_eq!(count(&["--config=x.toml"]), (before.0 - 1, 1));
}

#[test]
fn what_has_expired_or_fits_nothing_is_said() {
    let expired = LEFT_OUT.replace("9999-12-31", "2020-01-31");
    let unmatched = LEFT_OUT.replace("user/ana", "user/bob");
    let not_asked = LEFT_OUT.replace("key-disabled", "root-user-kms");
    let sandbox = sandbox(&format!("{expired}{unmatched}{not_asked}"));
    let ended = scan(&sandbox, &["-fjson"]).code(1);
    let report = parse(&ended);
    assert_eq!(findings(&report).len(), 2);
    let list = report["suppressions"].as_array().unwrap();
    assert_eq!(texts(list, "/state"), ["expired", "unmatched", "unmatched"]);
    assert_eq!((&list[0]["count"], &report["summary"]["suppressed"]), (&json!(1), &json!(0)));
    ended.stderr(
        "warning: keytrail.toml:2:8: the suppression of key-disabled expired on 2020-01-31; it \
         fits 1 finding\n\
         note: keytrail.toml:8:8: the suppression of key-disabled fits no finding\n",
    );
    scan(&sandbox, &["-q"])
        .code(1)
        .stderr("warning: 1 suppression expired\nnote: 1 suppression without a finding\n");
}

#[test]
fn a_rule_may_be_one_that_is_left_out_but_must_be_one() {
    let sandbox = sandbox(LEFT_OUT);
    let rule = "title: t\nid: 6f0c2a52-1f0e-4f0e-9a55-0d7a54a3c111\nname: mine\nlevel: high\n\
                logsource: {product: aws, service: cloudtrail}\n\
                detection: {s: {eventName: DisableKey}, condition: s}\n";
    sandbox.write("mine.yml", rule);
    let mine = ["scan", "--no-builtin-rules", "--rules=mine.yml", "trail.json"];
    sandbox.keytrail(mine).run().code(0).stderr("");
    // By its name or by its id.
    for name in ["mine", "6f0c2a52-1f0e-4f0e-9a55-0d7a54a3c111"] {
        sandbox.write("keytrail.toml", LEFT_OUT.replace("key-disabled", name));
        let report = sandbox.report(0, mine[1..].iter().copied());
        assert_eq!(report["summary"]["suppressed"], 1, "{name}");
    }
    scan(&sandbox, &[]).code(2).says(
        "error: keytrail.toml:2:8: suppress.rule: '6f0c2a52-1f0e-4f0e-9a55-0d7a54a3c111' names no \
         rule: `keytrail rules list` shows every rule",
    );
}

#[test]
fn live_findings_are_suppressed_as_they_come() {
    let sandbox = sandbox(LEFT_OUT);
    let words = ["scan", "--each", "-fndjson", "--select=key-disabled", "--fail-on=high", "-"];
    let mut keytrail = sandbox.keytrail(words);
    let mut child = keytrail.spawn();
    let mut input = child.stdin.take().unwrap();
    let output = Lines::of(child.stdout.take().unwrap());
    std::io::Write::write_all(&mut input, &lines(&records())).unwrap();
    let line = output.line().expect("a finding while the pipe is open");
    let finding: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(principals(&[finding]), [DEPLOY]);
    drop(input);
    assert_eq!(output.line(), None);
    keytrail.end(child).code(1).stderr("");
    let ana = sandbox.keytrail(words).stdin(lines(&records()[..2])).run();
    ana.code(0).stdout("").stderr("");
}

#[test]
fn a_baseline_leaves_what_is_new() {
    let sandbox = sandbox("");
    scan(&sandbox, &["-fjson", "-obase.json"]).code(1);
    let again = parse(&scan(&sandbox, &["-fjson", "--baseline=base.json"]).code(0).stderr(""));
    assert_eq!((findings(&again).len(), &again["summary"]["known"]), (0, &json!(2)));
    assert_eq!(again["summary"]["high"], 0);
    assert_eq!(again["run"]["baseline"]["path"], "base.json");
    let sha256 = again["run"]["baseline"]["sha256"].as_str().unwrap();
    assert!(sha256.starts_with("sha256:") && sha256.len() == 71);
    assert_ne!(again["run"]["config"], sandbox.report(0, ["trail.json"])["run"]["config"]);
    let table = scan(&sandbox, &["--baseline=base.json"]).code(0).stdout;
    assert!(table.contains("findings  none, beside 2 known from the baseline\n"), "{table}");
    assert!(table.contains("baseline  base.json\n"), "{table}");

    let bob = by_role(disable("e-4"), "other-role", "s");
    let mut more = records();
    more.extend([bob, at(disable("e-5"), 9)]);
    sandbox
        .write("in/trail.json", file(&records()))
        .write("in/base.json", sandbox.read("base.json"));
    let within = sandbox.report(0, ["in", "--baseline=in/base.json", "--select=key-disabled"]);
    assert_eq!(within["totals"]["blobs"], 1, "a baseline among the logs is no log");

    sandbox.write("trail.json", file(&more));
    let grown = parse(&scan(&sandbox, &["-fjson", "--baseline=base.json"]).code(1));
    let status = |finding: &Value| (finding["status"].clone(), finding["count"].clone());
    let mut listed: Vec<_> = findings(&grown).iter().map(status).collect();
    listed.sort_by_key(|(status, _)| status.to_string());
    assert_eq!(listed, [(json!("new"), json!(1)), (json!("ongoing"), json!(3))]);
    assert_eq!(grown["summary"]["known"], 1);
}

#[test]
fn a_baseline_of_events_for_events() {
    let sandbox = sandbox("");
    scan(&sandbox, &["-fjson", "-obase.json", "--each"]).code(1);
    scan(&sandbox, &["-fndjson", "--each", "--baseline=base.json"]).code(0).stdout("");
    let mut more = records();
    more.push(disable("e-9"));
    sandbox.write("trail.json", file(&more));
    let ended = scan(&sandbox, &["-fndjson", "--each", "--baseline=base.json"]).code(1);
    let finding: Value = serde_json::from_str(ended.stdout.trim_end()).unwrap();
    assert_eq!(finding["events"][0]["id"], "e-9");
    let hint = "hint: give a report that keytrail scan -f json -o PATH wrote\n";
    scan(&sandbox, &["--baseline=base.json"]).code(2).stdout("").stderr(&format!(
        "error: base.json: was written with --each and this run groups events: give --each\n{hint}"
    ));
    scan(&sandbox, &["-fjson", "-obase.json"]).code(1);
    scan(&sandbox, &["--each", "--baseline=base.json"]).code(2).stderr(&format!(
        "error: base.json: groups events and this run does not: leave out --each\n{hint}"
    ));
}

#[test]
fn what_is_no_baseline() {
    let sandbox = sandbox("");
    sandbox.write("list", "[]").write("empty", "").write("folder/x", "");
    sandbox.write("other", "{\"schema\":\"keytrail.verify/v1\"}");
    for (name, start) in [
        ("absent", "absent: no such report"),
        ("folder", "folder: is a folder, expected a report"),
        ("list", "list: is no report that -f json wrote"),
        ("empty", "empty: is no report that -f json wrote"),
        ("trail.json", "trail.json: is no report that -f json wrote: it has no member schema"),
        ("other", "other: has the schema \"keytrail.verify/v1\", expected \"keytrail.report/v1\""),
        ("/dev/zero", "/dev/zero: is no report that -f json wrote"),
    ] {
        let ended = scan(&sandbox, &["--baseline", name]).code(2).stdout("");
        assert!(ended.stderr.starts_with(&format!("error: {start}")), "{}", ended.stderr);
    }
}

#[test]
fn a_baseline_is_not_replaced_and_not_forgotten() {
    let sandbox = sandbox("");
    scan(&sandbox, &["-fjson", "-obase.json"]).code(1);
    let before = sandbox.read("base.json");
    scan(&sandbox, &["-fjson", "-obase.json", "--baseline=base.json"])
        .code(2)
        .stderr("error: base.json: cannot be opened for writing: is read by this run\n");
    assert_eq!(sandbox.read("base.json"), before);
    scan(&sandbox, &["-fjson", "-onext.json", "--baseline=base.json"]).code(0);
    scan(&sandbox, &["--baseline=next.json"]).code(1).says(
        "warning: the baseline was itself written with --baseline: what it left out is listed again",
    );
}
