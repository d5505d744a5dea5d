//! Nights that go on from each other: a call that undoes what an earlier night has told.

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::trail::{KEY, call, file, with};

/// Nights with a state, and the report of each.
struct Nights {
    sandbox: Sandbox,
    nights: usize,
    rule: &'static str,
}

impl Nights {
    /// Nights of one rule.
    fn of(rule: &'static str) -> Nights {
        Nights { sandbox: Sandbox::new(), nights: 0, rule }
    }

    /// One more night, in which these records come. What it tells.
    fn night(&mut self, records: &[Value]) -> Value {
        self.night_with(records, &[])
    }

    /// One more night with more options.
    fn night_with(&mut self, records: &[Value], more: &[&str]) -> Value {
        self.nights += 1;
        let report = format!("night-{}.json", self.nights);
        self.sandbox.write(&format!("logs/{}.json", self.nights), file(records));
        let rule = format!("--select={}", self.rule);
        let words = ["scan", "logs", "--state=state", "-q", &rule, "-o", &report];
        self.sandbox.keytrail(words.iter().chain(more)).run().code(0);
        serde_json::from_str(&self.sandbox.read(&report)).unwrap()
    }

    /// What the period of all nights tells; those may be given in any order.
    fn period(&self) -> Value {
        let names: Vec<String> = (1..=self.nights).map(|n| format!("night-{n}.json")).collect();
        let of = |names: Vec<&String>| {
            let words = ["report", "-fjson"].into_iter().map(str::to_owned);
            let ended =
                self.sandbox.keytrail(words.chain(names.into_iter().cloned())).run().code(0);
            let report: Value = serde_json::from_str(&ended.stdout).unwrap();
            report
        };
        let period = of(names.iter().collect());
        let reversed = of(names.iter().rev().collect());
        assert_eq!(period["findings"], reversed["findings"]);
        assert_eq!(period["cases"], reversed["cases"]);
        period
    }
}

/// A call on a day of May, at a time.
fn on(day: u32, time: &str, record: Value) -> Value {
    let id = format!("{}-{day}-{time}", record["eventID"].as_str().unwrap());
    with(
        record,
        &[("/eventTime", json!(format!("2026-05-{day:02}T{time}Z"))), ("/eventID", json!(id))],
    )
}

fn disable(day: u32, time: &str) -> Value {
    on(day, time, call("DisableKey", "off"))
}

fn enable(day: u32, time: &str) -> Value {
    on(day, time, call("EnableKey", "on"))
}

/// What a report says became of the findings of a rule.
fn outcomes(report: &Value, list: &str, rule: &str) -> Vec<Value> {
    let all = report[list].as_array().unwrap().iter();
    all.filter(|one| one["rule"] == rule).map(|one| one["outcome"]["state"].clone()).collect()
}

const OFF: &str = "key-disabled";

#[test]
fn what_a_later_night_undoes_is_told_and_ends_the_finding_of_the_period() {
    let mut nights = Nights::of(OFF);
    let first = nights.night(&[disable(1, "10:00:00")]);
    assert_eq!(outcomes(&first, "findings", OFF), ["open"]);
    assert_eq!(outcomes(&nights.period(), "findings", OFF), ["open"]);
    let second = nights.night(&[enable(2, "09:30:00")]);
    assert_eq!(outcomes(&second, "findings", OFF), [] as [Value; 0]);
    let [told] = second["outcomes"].as_array().unwrap().as_slice() else { panic!("{second:#}") };
    assert_eq!(told["fingerprint"], first["findings"][0]["fingerprint"]);
    assert_eq!((&told["level"], &told["target"]), (&json!("high"), &json!(KEY)));
    let undone = json!({"state": "reversed", "at": "2026-05-02T09:30:00Z",
        "by": "arn:aws:iam::111122223333:user/ana", "due": null});
    assert_eq!(told["outcome"], undone);
    let period = nights.period();
    assert_eq!(period["findings"][0]["outcome"], undone);
    assert_eq!(period["cases"][0]["outcome"]["state"], "reversed");
    assert_eq!(period["nights"][1]["undone"], 1);
    // It is told once.
    let third = nights.night(&[on(3, "10:00:00", call("DescribeKey", "look"))]);
    assert_eq!(third["outcomes"], json!([]));
    // What is done again is a finding that goes on.
    let fourth = nights.night(&[disable(4, "10:00:00")]);
    assert_eq!(outcomes(&fourth, "findings", OFF), ["open"]);
    assert_eq!(outcomes(&nights.period(), "findings", OFF), ["open"]);
}

#[test]
fn a_finding_is_open_while_anything_of_any_night_is() {
    let mut nights = Nights::of(OFF);
    // Two keys of one finding would be two findings; two times of one key are one.
    nights.night(&[disable(1, "10:00:00")]);
    let second =
        nights.night(&[disable(2, "11:00:00"), enable(2, "12:00:00"), enable(2, "10:00:00")]);
    // All calls before the last one that switches it on are undone.
    assert_eq!(outcomes(&second, "findings", OFF), ["reversed"]);
    assert_eq!(outcomes(&nights.period(), "findings", OFF), ["reversed"]);
    // Done again after it was undone, in one night and in whatever order it comes.
    let third =
        nights.night(&[disable(3, "12:00:00"), enable(3, "11:00:00"), disable(3, "10:00:00")]);
    assert_eq!(outcomes(&third, "findings", OFF), ["open"]);
    let fourth = nights.night(&[enable(4, "10:00:00")]);
    assert_eq!(outcomes(&fourth, "outcomes", OFF), ["reversed"]);
    assert_eq!(outcomes(&nights.period(), "findings", OFF), ["reversed"]);
}

#[test]
fn a_call_that_comes_before_what_it_undoes_counts() {
    let mut nights = Nights::of(OFF);
    // The record of an earlier time comes a night later.
    nights.night(&[enable(1, "11:00:00")]);
    let second = nights.night(&[disable(1, "10:00:00")]);
    assert_eq!(outcomes(&second, "findings", OFF), ["reversed"]);
    // What is too early undoes nothing, however late it comes.
    let third = nights.night(&[disable(3, "10:00:00")]);
    assert_eq!(outcomes(&third, "findings", OFF), ["open"]);
    let fourth = nights.night(&[enable(3, "09:00:00")]);
    assert_eq!(fourth["outcomes"], json!([]));
    assert_eq!(outcomes(&nights.period(), "findings", OFF), ["open"]);
}

#[test]
fn records_that_come_twice_change_nothing() {
    let mut nights = Nights::of(OFF);
    nights.night(&[disable(1, "10:00:00")]);
    nights.night(&[enable(2, "10:00:00"), enable(2, "10:00:00")]);
    let third = nights.night(&[enable(2, "10:00:00"), disable(1, "10:00:00")]);
    assert_eq!((&third["findings"], &third["outcomes"]), (&json!([]), &json!([])));
    assert_eq!(outcomes(&nights.period(), "findings", OFF), ["reversed"]);
}

/// A key policy that lets in another account, or none.
fn policy(day: u32, time: &str, account: Option<&str>) -> Value {
    let allow = |account: &str| {
        json!({"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
            "Action": "kms:*", "Resource": "*"})
    };
    let statements: Vec<Value> = ["111122223333"].into_iter().chain(account).map(allow).collect();
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let call = call("PutKeyPolicy", "policy");
    on(day, time, with(call, &[("/requestParameters/policy", json!(policy))]))
}

#[test]
fn what_was_undone_and_holds_again_is_told_too() {
    let rule = "policy-external-account-root";
    let mut nights = Nights::of(rule);
    let first = nights.night(&[policy(1, "10:00:00", Some("777788889999"))]);
    assert_eq!(outcomes(&first, "findings", rule), ["open"]);
    let second = nights.night(&[policy(2, "10:00:00", None)]);
    assert_eq!(outcomes(&second, "outcomes", rule), ["reversed"]);
    // By somebody else, so that it is another finding.
    let bob = json!("arn:aws:iam::111122223333:user/bob");
    let again = policy(3, "10:00:00", Some("777788889999"));
    let third = nights.night(&[with(again, &[("/userIdentity/arn", bob)])]);
    assert_eq!(outcomes(&third, "findings", rule), ["open"]);
    assert_eq!(outcomes(&third, "outcomes", rule), ["open"]);
    assert_eq!(outcomes(&nights.period(), "findings", rule), ["open", "open"]);
    nights.night(&[policy(4, "10:00:00", None)]);
    assert_eq!(outcomes(&nights.period(), "findings", rule), ["reversed", "reversed"]);
}

#[test]
fn every_format_for_people_says_it() {
    let mut nights = Nights::of(OFF);
    nights.night(&[disable(1, "10:00:00")]);
    nights.sandbox.write("logs/2.json", file(&[enable(2, "10:00:00")]));
    let words = [
        "scan",
        "logs",
        "--state=state",
        "--select=key-disabled",
        "--export=html=out.html",
        "--export=markdown=out.md",
    ];
    let table = nights.sandbox.keytrail(words).run().code(0).stdout;
    let said = format!(
        "1 finding of an earlier run was undone: key-disabled of {KEY} at 2026-05-02T10:00:00Z by \
         arn:aws:iam::111122223333:user/ana"
    );
    // The table breaks long names where a line ends.
    let flat = |text: &str| text.split_whitespace().collect::<String>();
    assert!(flat(&table).contains(&flat(&said)), "{table}");
    for page in ["out.html", "out.md"] {
        let page = nights.sandbox.read(page);
        assert!(page.contains("What became of earlier findings") && page.contains(KEY), "{page}");
    }
}

#[test]
fn where_a_format_has_no_place_for_it_a_note_says_it() {
    for format in ["ndjson", "csv", "sarif", "ocsf", "asff", "json", "table"] {
        let mut nights = Nights::of(OFF);
        nights.night(&[disable(1, "10:00:00")]);
        nights.sandbox.write("logs/2.json", file(&[enable(2, "10:00:00")]));
        let words = ["scan", "logs", "--state=state", "--select=key-disabled", "-f", format];
        let told = nights.sandbox.keytrail(words).run().code(0).stderr;
        let has_place = ["json", "table"].contains(&format);
        let said = told.contains("note: 1 finding of an earlier run was undone: ");
        assert_eq!(said, !has_place, "{format}: {told}");
    }
}

/// A state of before, and the findings that it knows of: nobody knows what they did.
#[test]
fn of_what_a_state_does_not_know_nothing_is_told_to_be_undone() {
    let mut nights = Nights::of(OFF);
    nights.night(&[disable(1, "10:00:00")]);
    let state = nights.sandbox.path("state");
    let text = zstd::decode_all(&*std::fs::read(&state).unwrap()).unwrap();
    let line = text.iter().position(|byte| *byte == b'\n').unwrap();
    let mut head: Value = serde_json::from_slice(&text[..line]).unwrap();
    assert_eq!((&head["doings"], &head["undoing"]), (&json!(1), &json!(0)));
    let head = {
        let members = head.as_object_mut().unwrap();
        ["doings", "undoing", "doings_forgotten"].iter().for_each(|name| {
            members.remove(*name);
        });
        head.to_string()
    };
    // They are the last that is written: length, text.
    let doing = text.windows(11).rposition(|bytes| bytes == b"{\"number\":[").unwrap() - 8;
    let mut before = format!("{head}\n").into_bytes();
    before.extend(&text[line + 1..doing]);
    std::fs::write(&state, zstd::encode_all(&*before, 1).unwrap()).unwrap();
    let second = nights.night(&[enable(2, "10:00:00")]);
    assert_eq!(second["outcomes"], json!([]));
    let third = nights.night(&[disable(3, "10:00:00"), enable(3, "11:00:00")]);
    assert_eq!(outcomes(&third, "findings", OFF), [Value::Null]);
    assert_eq!(outcomes(&nights.period(), "findings", OFF), ["open"]);
    // What it did since is not all that it did.
    nights.night(&[disable(4, "10:00:00")]);
    let fifth = nights.night(&[enable(5, "10:00:00")]);
    assert_eq!(fifth["outcomes"], json!([]));
}

const GRANT: &str = "grant-external-grantee";

fn grant(day: u32, id: &str) -> Value {
    let request = json!({"keyId": KEY, "operations": ["Decrypt"],
        "granteePrincipal": "arn:aws:iam::777788889999:root"});
    let call = with(call("CreateGrant", id), &[("/requestParameters", request)]);
    on(day, "10:00:00", with(call, &[("/responseElements", json!({"grantId": id}))]))
}

fn revoke(day: u32, id: &str) -> Value {
    let request = json!({"keyId": KEY, "grantId": id});
    on(day, "11:00:00", with(call("RevokeGrant", id), &[("/requestParameters", request)]))
}

#[test]
fn of_more_than_is_shown_nothing_is_told_to_be_undone() {
    let mut nights = Nights::of(GRANT);
    let many: Vec<Value> = (0..12).map(|n| grant(1, &format!("g{n}"))).collect();
    assert_eq!(outcomes(&nights.night(&many), "findings", GRANT), ["open"]);
    for day in 2..=4 {
        let id = format!("z{day}");
        let night = nights.night(&[grant(day, &id), revoke(day, &id)]);
        assert_eq!(outcomes(&night, "findings", GRANT), [Value::Null]);
    }
    nights.night(&[grant(5, "last")]);
    assert_eq!(nights.night(&[revoke(6, "last")])["outcomes"], json!([]));
    assert_eq!(outcomes(&nights.period(), "findings", GRANT), ["open"]);
}

#[test]
fn what_a_night_did_not_list_is_not_forgotten() {
    let accepted =
        format!("[[suppress]]\nrule = \"{GRANT}\"\nreason = \"a\"\nexpires = 2099-01-01\n");
    for (hiding, configured) in [("--min-level=critical", ""), ("--config=a.toml", &*accepted)] {
        let hide = |nights: &mut Nights, records: &[Value]| {
            nights.sandbox.write("a.toml", configured);
            nights.night_with(records, &[hiding])
        };
        // Hidden at first.
        let mut nights = Nights::of(GRANT);
        assert_eq!(hide(&mut nights, &[grant(1, "g1")])["findings"], json!([]));
        let second = nights.night(&[grant(2, "g2"), revoke(2, "g2")]);
        assert_eq!(outcomes(&second, "findings", GRANT), [Value::Null], "{hiding}");
        nights.night(&[grant(3, "g3")]);
        assert_eq!(nights.night(&[revoke(4, "g3")])["outcomes"], json!([]), "{hiding}");
        // Hidden later.
        let mut nights = Nights::of(GRANT);
        nights.night(&[grant(1, "g1")]);
        hide(&mut nights, &[grant(2, "g2")]);
        assert_eq!(nights.night(&[revoke(3, "g1")])["outcomes"], json!([]), "{hiding}");
        let last = nights.night(&[revoke(4, "g2")]);
        assert_eq!(outcomes(&last, "outcomes", GRANT), ["reversed"], "{hiding}");
        // Hidden in the night in which the rest is undone.
        let mut nights = Nights::of(GRANT);
        nights.night(&[grant(1, "g1")]);
        let second = hide(&mut nights, &[grant(2, "g2"), revoke(2, "g1")]);
        assert_eq!(second["outcomes"], json!([]), "{hiding}");
    }
}

#[test]
fn a_time_that_has_not_come_yet_undoes_nothing() {
    let mut nights = Nights::of(OFF);
    nights.night(&[disable(1, "10:00:00")]);
    let early = with(enable(1, "11:00:00"), &[("/eventTime", json!("2999-01-01T00:00:00Z"))]);
    assert_eq!(nights.night(&[early])["outcomes"], json!([]));
    let trial = json!({"keyId": KEY, "dryRun": true});
    let trial = with(enable(2, "10:00:00"), &[("/requestParameters", trial)]);
    assert_eq!(nights.night(&[trial])["outcomes"], json!([]), "it would have");
    assert_eq!(outcomes(&nights.period(), "findings", OFF), ["open"]);
}

fn update_trail(day: u32, settings: &Value) -> Value {
    let mut request = settings.clone();
    request["name"] = json!("main");
    let call = with(call("UpdateTrail", "trail"), &[("/requestParameters", request)]);
    on(day, "10:00:00", with(call, &[("/eventSource", json!("cloudtrail.amazonaws.com"))]))
}

#[test]
fn what_a_call_does_not_say_of_a_trail_stays_as_it_was() {
    let rule = "trail-weakened";
    let mut nights = Nights::of(rule);
    let weak = json!({"isMultiRegionTrail": false, "enableLogFileValidation": false});
    assert_eq!(outcomes(&nights.night(&[update_trail(1, &weak)]), "findings", rule), ["open"]);
    let second = nights.night(&[update_trail(2, &json!({"isMultiRegionTrail": true}))]);
    assert_eq!(second["outcomes"], json!([]), "the other one is off");
    let third = nights.night(&[update_trail(3, &json!({"enableLogFileValidation": true}))]);
    assert_eq!(outcomes(&third, "outcomes", rule), ["reversed"]);
    let fourth = nights.night(&[update_trail(4, &json!({"s3KeyPrefix": "a"}))]);
    assert_eq!(fourth["outcomes"], json!([]));
}

#[test]
fn after_a_policy_that_is_hidden_nobody_knows() {
    let rule = "policy-external-account-root";
    let mut nights = Nights::of(rule);
    nights.night(&[policy(1, "10:00:00", Some("777788889999"))]);
    nights.night(&[policy(2, "10:00:00", None)]);
    let hidden = json!("HIDDEN_DUE_TO_SECURITY_REASONS");
    let hidden = with(policy(3, "10:00:00", None), &[("/requestParameters/policy", hidden)]);
    assert_eq!(outcomes(&nights.period(), "findings", rule), ["reversed"]);
    let third = nights.night(&[hidden]);
    assert_eq!(outcomes(&third, "outcomes", rule), ["open"], "it may hold again");
    assert_eq!(third["run"]["state"]["findings_forgotten"], 1);
    assert_eq!(outcomes(&nights.period(), "findings", rule), ["open"]);
    // Whatever comes after is not all of it.
    let again = [policy(4, "10:00:00", Some("777788889999")), policy(4, "11:00:00", None)];
    assert_eq!(outcomes(&nights.night(&again), "findings", rule), [Value::Null]);
    assert_eq!(outcomes(&nights.period(), "findings", rule), ["open"]);
}

#[test]
fn a_finding_that_is_found_again_in_the_night_of_the_doubt_is_open() {
    let rule = "policy-external-account-root";
    let mut nights = Nights::of(rule);
    nights.night(&[policy(1, "10:00:00", Some("777788889999"))]);
    nights.night(&[policy(2, "10:00:00", None)]);
    let hidden = json!("HIDDEN_DUE_TO_SECURITY_REASONS");
    let hidden = with(policy(3, "12:00:00", None), &[("/requestParameters/policy", hidden)]);
    let again = policy(3, "10:00:00", Some("777788889999"));
    // What was done tonight was undone too, and the last call may have done it again.
    let third = nights.night(&[hidden, again, policy(3, "11:00:00", None)]);
    assert_ne!(outcomes(&third, "findings", rule), ["reversed"], "{third:#}");
    assert_eq!(outcomes(&nights.period(), "findings", rule), ["open"]);
}

#[test]
fn what_a_baseline_has_told_to_be_open_is_undone_only_if_all_of_it_is_here() {
    let rule = "--select=key-disabled";
    let sandbox = Sandbox::new();
    let scan = |records: &[Value], more: &[&str]| -> Value {
        sandbox.write("logs/1.json", file(records));
        let words = ["scan", "logs", "-q", rule, "-o", "out.json"];
        sandbox.keytrail(words.iter().chain(more)).run().code(0);
        serde_json::from_str(&sandbox.read("out.json")).unwrap()
    };
    let first = scan(&[disable(1, "10:00:00")], &[]);
    assert_eq!(outcomes(&first, "findings", OFF), ["open"]);
    sandbox.write("before.json", first.to_string());
    let against = ["--baseline=before.json"];
    let newest = [disable(2, "10:00:00"), enable(2, "11:00:00")];
    assert_eq!(outcomes(&scan(&newest, &against), "findings", OFF), [Value::Null]);
    let all = [&[disable(1, "10:00:00")][..], &newest].concat();
    assert_eq!(outcomes(&scan(&all, &against), "findings", OFF), ["reversed"]);
    // What was undone before, and again, is undone.
    let undone = scan(&[disable(1, "10:00:00"), enable(1, "11:00:00")], &[]);
    assert_eq!(outcomes(&undone, "findings", OFF), ["reversed"]);
    sandbox.write("before.json", undone.to_string());
    assert_eq!(outcomes(&scan(&newest, &against), "findings", OFF), ["reversed"]);
}
