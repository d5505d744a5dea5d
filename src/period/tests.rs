//! Reports of nights to one: what is carried on, what counts once.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Document, Period, fold};
use crate::model::level::Level;
use crate::model::night::Limits;
use crate::model::undo::Fate;

fn finding(fingerprint: &str, level: &str, count: u64, outcome: &Value) -> Value {
    json!({
        "fingerprint": fingerprint, "rule": "key-disabled", "title": "KMS key disabled", "level": level,
        "rank": 1, "attempt": false, "count": count, "first_seen": "2026-11-01T10:00:00Z",
        "last_seen": "2026-11-01T10:00:00Z", "status": "new", "account": "111122223333",
        "region": "eu-central-1", "source_ip": null, "user_agent": null, "resource": null,
        "principal": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ann",
            "account": "111122223333", "session": null, "invoked_by": null, "mfa": "no"},
        "key": null, "details": {}, "attack": [], "references": [], "advice": null, "case": "c1",
        "events": [{"id": fingerprint, "time": "2026-11-01T10:00:00Z", "name": "DisableKey",
            "origin": "a.json.gz#3", "event_source": "kms.amazonaws.com"}],
        "outcome": outcome,
    })
}

fn night(day: u32, findings: &[Value], state: &Value) -> Value {
    json!({
        "schema": "keytrail.report/v1",
        "tool": {"rules": {"digest": "sha256:d", "ids": ["key-disabled"]}},
        "run": {"started": format!("2026-11-{day:02}T02:00:00Z"),
            "finished": format!("2026-11-{day:02}T02:01:00Z"), "since": null, "until": null,
            "complete": true, "config": "sha256:c", "manifest": format!("sha256:{day}"),
            "state": state, "min_level": "low"},
        "totals": {"blobs": 2, "blobs_failed": 0, "blobs_other": 0, "bytes_read": 10,
            "bytes_inflated": 20, "records": 5, "records_bad": 0, "duplicates": 0, "kms_records": 3,
            "first_event": format!("2026-11-{day:02}T00:00:00Z"), "last_event": null,
            "accounts": ["111122223333"], "regions": ["eu-central-1"]},
        "findings": findings, "problems": [],
        "cases": [{"id": "c1", "title": "KMS key disabled", "level": "high", "rank": 1, "actors": ["ann"],
            "credentials": [], "source_ips": [], "keys": [], "first_seen": null, "last_seen": null,
            "findings": findings.iter().map(|f| f["fingerprint"].clone()).collect::<Vec<_>>()}],
    })
}

fn period(nights: &[(&str, Value)]) -> Period {
    let read = |value: &Value| Document::read(value.to_string().as_bytes()).unwrap();
    let reports = nights.iter().map(|(name, value)| ((*name).to_owned(), read(value)));
    fold(reports.collect(), &BTreeSet::new())
}

fn told(period: &Period) -> Vec<(String, Level, u64, Option<Fate>)> {
    let all = period.outcome.findings.all().unwrap();
    let one = |f: &crate::model::finding::Finding| {
        (f.fingerprint.clone(), f.level, f.count, f.effect.as_ref().map(|effect| effect.fate))
    };
    all.iter().map(one).collect()
}

#[test]
fn a_finding_is_carried_on_until_a_later_report_says_that_it_was_undone() {
    let open = json!({"state": "open", "at": null, "by": null, "due": null});
    let undone =
        json!({"state": "reversed", "at": "2026-11-02T09:00:00Z", "by": "bob", "due": null});
    let state = json!({});
    let first =
        night(1, &[finding("aa", "high", 1, &open), finding("bb", "medium", 2, &open)], &state);
    let second = night(2, &[finding("aa", "medium", 3, &undone)], &state);
    let both = period(&[("1", first.clone()), ("2", second.clone())]);
    let expected = vec![
        ("aa".to_owned(), Level::High, 4, Some(Fate::Reversed)),
        ("bb".to_owned(), Level::Medium, 2, Some(Fate::Open)),
    ];
    assert_eq!(told(&both), expected);
    assert_eq!(both.nights.iter().map(|night| night.known).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(both.nights[0].new, [0, 0, 1, 1, 0]);
    assert_eq!((both.outcome.totals.records, both.outcome.summary.of(Level::High)), (10, 1));
    let [case] = both.outcome.cases.all.as_slice() else { panic!("one case") };
    assert_eq!(case.findings, ["aa", "bb"]);
    // In whatever order they are given, and however often.
    let again =
        period(&[("2", second.clone()), ("1", first.clone()), ("copy", second), ("1", first)]);
    assert_eq!(told(&again), expected);
    assert_eq!(again.nights.len(), 2);
}

#[test]
fn a_finding_names_the_case_that_the_period_has() {
    let first = night(1, &[finding("aa", "high", 1, &Value::Null)], &json!({}));
    let mut second = night(2, &[finding("bb", "high", 1, &Value::Null)], &json!({}));
    second["cases"][0]["id"] = "c2".into();
    second["cases"][0]["merged"] = json!(["c1"]);
    let both = period(&[("1", first), ("2", second)]);
    let [case] = both.outcome.cases.all.as_slice() else { panic!("one case") };
    assert_eq!((&*case.id, case.findings.len()), ("c2", 2));
    let findings = both.outcome.findings.all().unwrap();
    assert!(findings.iter().all(|finding| finding.case.as_deref() == Some("c2")));
}

#[test]
fn what_was_left_out_is_not_lost() {
    let mut first = night(1, &[], &json!({}));
    first["summary"] = json!({"informational": 11, "low": 3, "known": 4, "suppressed": 1});
    let told = json!({"rule": "r", "reason": "a", "expires": "2099-01-01", "state": "active",
        "count": 2, "owner": "ann", "ticket": null, "fitted": ["aa"]});
    let mut other = told.clone();
    other["owner"] = "bob".into();
    first["suppressions"] = json!([told, other]);
    let mut second = first.clone();
    second["run"]["finished"] = "2026-11-09T00:00:00Z".into();
    let both = period(&[("1", first), ("2", second)]);
    let summary = both.outcome.summary;
    // Low findings are listed, so that only those that are there count.
    assert_eq!(
        (summary.of(Level::Informational), summary.of(Level::Low), summary.known),
        (22, 0, 4)
    );
    let applied = &both.outcome.suppressions;
    assert_eq!(
        applied.iter().map(|a| (a.owner.as_deref(), a.count)).collect::<Vec<_>>(),
        [(Some("ann"), 2), (Some("bob"), 2)]
    );
}

#[test]
fn what_makes_a_sum_doubtful_is_said() {
    let grouped = night(1, &[], &Value::Null);
    let mut each = night(2, &[], &Value::Null);
    each["run"]["each"] = true.into();
    each["nights"] = json!([{}]);
    let both = period(&[("1", grouped), ("2", each)]);
    assert_eq!(both.outcome.problems.len(), 2, "{:?}", both.outcome.problems);
    // They may have read the same.
    assert_eq!(both.outcome.totals.records, 5);
}

#[test]
fn counts_of_reports_that_may_have_read_the_same_do_not_add_up() {
    let nights = [1, 2]
        .map(|day| ("n", night(day, &[finding("aa", "high", 3, &Value::Null)], &Value::Null)));
    assert_eq!(told(&period(&nights)), [("aa".to_owned(), Level::High, 3, None)]);
}

#[test]
fn what_is_no_report_is_refused() {
    for (text, reason) in [
        ("", "is no report that -f json wrote: EOF"),
        ("[]", "is no report that -f json wrote: invalid"),
        ("{\"schema\":\"keytrail.verify/v1\"}", "is no report that -f json wrote: missing field"),
    ] {
        let refused = Document::read(text.as_bytes()).unwrap_err();
        assert!(refused.starts_with(reason), "{refused}");
    }
    let mut other = night(1, &[], &Value::Null);
    other["schema"] = "keytrail.report/v2".into();
    let refused = Document::read(other.to_string().as_bytes()).unwrap_err();
    assert_eq!(refused, "is of the schema keytrail.report/v2, expected keytrail.report/v1");
    other["schema"] = "é".repeat(1 << 16).into();
    let refused = Document::read(other.to_string().as_bytes()).unwrap_err();
    assert!(refused.chars().count() < 200, "{refused}");
}

#[test]
fn numbers_that_somebody_wrote_do_not_overflow() {
    let mut huge = night(1, &[finding("aa", "high", u64::MAX, &Value::Null)], &json!({}));
    huge["totals"]["records"] = u64::MAX.into();
    huge["examined"] = json!({"key-disabled": u64::MAX});
    let mut next = huge.clone();
    next["run"]["finished"] = "2026-11-09T00:00:00Z".into();
    let both = period(&[("1", huge), ("2", next)]);
    assert_eq!((told(&both)[0].2, both.outcome.totals.records), (u64::MAX, u64::MAX));
}

#[test]
fn what_is_undone_by_a_report_that_has_not_all_of_it_is_open() {
    let open = json!({"state": "open", "at": null, "by": null, "due": null});
    let undone =
        json!({"state": "reversed", "at": "2026-11-02T09:00:00Z", "by": "bob", "due": null});
    let of = |id: &str, outcome: &Value| {
        let mut one = finding("aa", "high", 1, outcome);
        one["events"][0]["id"] = id.into();
        one
    };
    let fates = |first: Value, second: Value, state: &Value| {
        let both = [("1", night(1, &[first], &Value::Null)), ("2", night(2, &[second], state))];
        let both = period(&both);
        (told(&both)[0].3, both.nights[1].undone)
    };
    let (kept, ended) = ((Some(Fate::Open), 0), (Some(Fate::Reversed), 1));
    let anew = json!({"path": "s", "runs": 0});
    for state in [&Value::Null, &anew] {
        assert_eq!(fates(of("e1", &open), of("e2", &undone), state), kept);
        assert_eq!(fates(of("e1", &open), of("e1", &undone), state), ended);
    }
    let on = json!({"path": "s", "runs": 1});
    // A state does not know what the other report has seen.
    assert_eq!(fates(of("e1", &open), of("e2", &undone), &on), kept);
    assert_eq!(fates(of("e1", &open), of("e1", &undone), &on), ended);
    // Of more events than are shown nobody knows.
    let mut many = of("e1", &open);
    many["count"] = 2.into();
    assert_eq!(fates(many, of("e1", &undone), &Value::Null), kept);
}

#[test]
fn what_may_have_read_the_same_does_not_add_up() {
    let of = |day, runs: u64| night(day, &[], &json!({"path": "s", "runs": runs}));
    let records = |nights: &[(&str, Value)]| period(nights).outcome.totals.records;
    assert_eq!(records(&[("1", of(1, 0)), ("2", of(2, 1))]), 10);
    assert_eq!(records(&[("1", of(1, 0)), ("2", of(2, 0))]), 5, "begun anew");
    let mut again = of(2, 1);
    again["run"]["command"] = json!(["keytrail", "scan", "logs", "--reread"]);
    assert_eq!(records(&[("1", of(1, 0)), ("2", again)]), 5);
}

#[test]
fn reports_that_are_missing_or_differ_are_problems() {
    let of = |day, runs: u64| night(day, &[], &json!({"path": "s", "runs": runs}));
    let problems = |nights: &[(&str, Value)]| -> Vec<String> {
        let all = period(nights).outcome.problems;
        all.iter().map(|problem| format!("{} {}", problem.origin, problem.message)).collect()
    };
    assert_eq!(problems(&[("a", of(1, 0)), ("b", of(2, 1)), ("c", of(3, 2))]), [] as [&str; 0]);
    let two = [("a", of(1, 0)), ("b", of(2, 3))];
    assert_eq!(problems(&two), ["b 2 reports between a and this one are missing"]);
    let one = [("a", of(1, 4)), ("b", of(2, 6)), ("c", of(3, 0))];
    assert_eq!(problems(&one), ["b 1 report between a and this one is missing"]);
    let mut other = of(1, 0);
    other["totals"]["records"] = 9.into();
    let both = [("b", other.clone()), ("a", of(1, 0)), ("c", other)];
    let said = "b is of the same run as a, and tells something else: both are here";
    assert_eq!(problems(&both), [said]);
    assert_eq!(period(&both).outcome.totals.records, 9);
}

#[test]
fn what_each_night_leaves_out_is_left_out_once() {
    let one = json!({"rule": "key-disabled", "reason": "a", "expires": "2099-01-01", "state": "active",
        "count": 2, "fitted": ["aa", "bb"]});
    let nights = [1, 2].map(|day| {
        let mut night = night(day, &[], &json!({}));
        night["summary"] = json!({"suppressed": 2});
        night["suppressions"] = json!([one]);
        ("n", night)
    });
    assert_eq!(period(&nights).outcome.summary.suppressed, 2);
}

#[test]
fn what_nights_know_and_do_not_list_is_known_to_the_period() {
    let on = |runs: u64| json!({"path": "s", "runs": runs});
    let knows = |mut night: Value, number: u64| {
        night["known"] = json!({"key-disabled": number});
        night
    };
    let known = |nights: &[(&str, Value)]| {
        let period = period(nights);
        (period.outcome.known.get("key-disabled").copied(), period.limits.earlier)
    };
    // The state was begun by a run that is not here, which has told of one more.
    let first = knows(night(1, &[finding("aa", "high", 1, &Value::Null)], &on(4)), 1);
    let second = |number| knows(night(2, &[], &on(5)), number);
    assert_eq!(known(&[("1", first.clone()), ("2", second(2))]), (Some(1), true));
    assert_eq!(known(&[("1", first), ("2", second(1))]), (None, true));
    // All that it knows is here.
    let begun = knows(night(1, &[finding("aa", "high", 1, &Value::Null)], &on(0)), 0);
    let next = knows(night(2, &[], &on(1)), 1);
    assert_eq!(known(&[("1", begun.clone()), ("2", next)]), (None, false));
    // One that does not say it.
    assert_eq!(known(&[("1", begun), ("2", night(2, &[], &on(1)))]), (None, true));
}

#[test]
fn what_makes_a_night_narrow_makes_the_period_narrow() {
    assert_eq!(period(&[("1", night(1, &[], &Value::Null))]).limits, Limits::default());
    let narrow = |change: fn(&mut Value)| {
        let mut first = night(1, &[], &Value::Null);
        change(&mut first);
        period(&[("1", first), ("2", night(2, &[], &Value::Null))]).limits
    };
    assert!(narrow(|night| night["run"]["settings"] = json!(["account 111122223333"])).narrow);
    let ranged = narrow(|night| night["run"]["since"] = "2026-11-01T00:00:00Z".into());
    assert!(ranged.narrow && ranged.ranges.len() == 1);
    let compared = narrow(|night| {
        night["run"]["baseline"] = json!({"path": "b", "sha256": "c"});
        night["known"] = json!({});
    });
    assert!(compared.baseline && !compared.earlier);
    let fewer = narrow(|night| night["tool"]["rules"]["ids"] = json!(["other"]));
    assert_eq!(fewer.sometimes, ["key-disabled", "other"].map(String::from).into());
    let none = narrow(|night| night["tool"]["rules"] = json!({"digest": "sha256:d"}));
    assert!(none.no_rules_named);
}

#[test]
fn reports_of_other_sources_or_of_a_state_begun_anew_are_missed_too() {
    let of = |day, runs: u64, sources: &str| {
        let mut night = night(day, &[], &json!({"path": "s", "runs": runs}));
        night["run"]["sources"] = json!([sources]);
        night
    };
    let missing = |nights: &[(u64, &str)]| -> Vec<String> {
        let all =
            nights.iter().zip(1..).map(|((runs, sources), day)| ("n", of(day, *runs, sources)));
        let all = period(&all.collect::<Vec<_>>()).outcome.problems;
        all.iter().map(|problem| problem.message.clone()).collect()
    };
    let one = ["1 report between n and this one is missing"];
    assert_eq!(missing(&[(0, "a"), (1, "a"), (2, "a"), (0, "a"), (2, "a")]), one);
    assert_eq!(missing(&[(0, "1"), (1, "2"), (3, "4")]), one);
    assert_eq!(missing(&[(0, "1"), (1, "2"), (0, "3"), (2, "5")]), one);
    // Two machines, each with a state of this name.
    let none: [&str; 0] = [];
    assert_eq!(missing(&[(50, "a"), (3, "b"), (51, "a"), (4, "b"), (52, "a")]), none);
    // Once, of two reports of one run.
    let mut twice = of(3, 3, "a");
    twice["totals"]["records"] = 9.into();
    let three = [("a", of(1, 1, "a")), ("b", of(3, 3, "a")), ("c", twice)];
    let problems = period(&three).outcome.problems;
    let missing = problems.iter().filter(|problem| problem.message.contains("missing"));
    assert_eq!(missing.count(), 1, "{problems:?}");
}

#[test]
fn a_state_undoes_nothing_that_another_report_tells() {
    let open = json!({"state": "open", "at": null, "by": null, "due": null});
    let undone =
        json!({"state": "reversed", "at": "2026-11-02T09:00:00Z", "by": "bob", "due": null});
    let on = |runs: u64| json!({"path": "s", "runs": runs});
    let fate = |state: &Value| {
        let first = night(1, &[finding("aa", "high", 1, &open)], state);
        let second = with_outcome(night(2, &[], &on(1)), "aa", &undone);
        told(&period(&[("1", first), ("2", second)]))[0].3
    };
    assert_eq!(fate(&on(0)), Some(Fate::Reversed));
    assert_eq!(fate(&Value::Null), Some(Fate::Open));
}

#[test]
fn levels_that_only_some_nights_list_count_once() {
    let of = |day, level: &str, mediums: u64| {
        let listed: Vec<Value> = match level {
            "low" => vec![finding("aa", "medium", 1, &Value::Null)],
            _ => Vec::new(),
        };
        let mut night = night(day, &listed, &Value::Null);
        night["run"]["min_level"] = level.into();
        night["summary"] = json!({"medium": mediums});
        night
    };
    let count = |mediums| {
        let both = [("1", of(1, "low", 1)), ("2", of(2, "high", mediums))];
        period(&both).outcome.summary.of(Level::Medium)
    };
    // The same ones, as far as anybody knows.
    assert_eq!((count(1), count(3)), (1, 3));
}

#[test]
fn what_two_suppressions_leave_out_is_one_and_what_one_that_expired_fits_is_none() {
    let of = |owner: &str, state: &str, fitted: Value| {
        json!({"rule": "r", "reason": "a", "expires": "2099-01-01", "state": state,
            "count": fitted.as_array().unwrap().len(), "owner": owner, "ticket": null, "fitted": fitted})
    };
    let mut one = night(1, &[], &Value::Null);
    one["summary"] = json!({"suppressed": 2});
    one["suppressions"] = json!([
        of("ann", "active", json!(["aa", "bb"])),
        of("bob", "active", json!(["aa"])),
        of("eve", "expired", json!(["cc"]))
    ]);
    assert_eq!(period(&[("1", one)]).outcome.summary.suppressed, 2);
}

#[test]
fn what_is_not_understood_is_a_problem() {
    let mut odd = night(1, &[finding("aa", "high", 1, &json!({"state": "odd"}))], &Value::Null);
    odd["verify"] = json!({"logs": {"verified": 1, "odd": 3}});
    let problems = period(&[("1", odd)]).outcome.problems;
    let said: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    let expected = [
        "has a verdict of --verify that is not understood: left out",
        "has an outcome of a finding that is not understood: left out",
    ];
    assert_eq!(said, expected);
}

/// A night that says of an earlier finding what became of it.
fn with_outcome(mut night: Value, fingerprint: &str, outcome: &Value) -> Value {
    night["outcomes"] = json!([{"fingerprint": fingerprint, "rule": "key-disabled", "level": "high",
        "target": null, "outcome": outcome}]);
    night
}

#[test]
fn what_a_later_report_learnt_of_an_earlier_finding_is_told() {
    let open = json!({"state": "open", "at": null, "by": null, "due": "2026-12-01T00:00:00Z"});
    let undone =
        json!({"state": "reversed", "at": "2026-11-02T09:00:00Z", "by": "bob", "due": null});
    let again = json!({"state": "open", "at": null, "by": null, "due": null});
    let (state, none) = (json!({}), &[]);
    let first = night(1, &[finding("aa", "high", 1, &open)], &state);
    let second = with_outcome(night(2, none, &state), "aa", &undone);
    let two = period(&[("2", second.clone()), ("1", first.clone())]);
    assert_eq!(told(&two)[0].3, Some(Fate::Reversed));
    assert_eq!(two.outcome.cases.all[0].effect.as_ref().unwrap().fate, Fate::Reversed);
    assert_eq!(two.nights.iter().map(|night| night.undone).collect::<Vec<_>>(), [0, 1]);
    assert!(two.outcome.aftermath.is_empty());
    // A finding that none of the reports has is told of all the same.
    let one = period(&[("2", second.clone())]);
    assert_eq!(one.outcome.aftermath.len(), 1);
    // What holds again is due when it was, and what is not understood says nothing.
    let third = with_outcome(night(3, none, &state), "aa", &again);
    let odd = with_outcome(night(4, none, &state), "aa", &json!({"state": "odd"}));
    let all = period(&[("1", first), ("2", second), ("3", third), ("4", odd)]);
    assert_eq!(told(&all)[0].3, Some(Fate::Open));
    assert_eq!(all.nights.iter().map(|night| night.undone).collect::<Vec<_>>(), [0, 1, 0, 0]);
}

#[test]
fn a_case_has_the_level_and_title_of_a_finding_that_is_open() {
    let undone =
        json!({"state": "reversed", "at": "2026-11-02T09:00:00Z", "by": "bob", "due": null});
    let mut low = finding("bb", "low", 1, &Value::Null);
    low["title"] = "low one".into();
    let first = night(1, &[finding("aa", "high", 1, &Value::Null), low], &json!({}));
    let of = |period: &Period| {
        let [case] = period.outcome.cases.all.as_slice() else { panic!("one case") };
        (case.level, case.title.clone(), case.effect.clone().map(|effect| effect.fate))
    };
    let both = period(&[("1", first.clone())]);
    assert_eq!(of(&both), (Level::High, "KMS key disabled".into(), None));
    let second = with_outcome(night(2, &[], &json!({})), "aa", &undone);
    let both = period(&[("1", first), ("2", second)]);
    // Of the other nobody knows.
    assert_eq!(of(&both), (Level::Low, "low one".into(), None));
}

proptest! {
    #[test]
    fn the_order_in_which_reports_are_given_changes_nothing(
        said in prop::collection::vec((0..3usize, 0..3usize, 0..4usize), 1..7),
        swaps in prop::collection::vec(any::<prop::sample::Index>(), 7),
    ) {
        let outcomes = [
            Value::Null,
            json!({"state": "open", "at": null, "by": null, "due": null}),
            json!({"state": "reversed", "at": "2026-11-02T09:00:00Z", "by": "bob", "due": null}),
            json!({"state": "refused", "at": null, "by": null, "due": null}),
        ];
        let names = ["aa", "bb", "cc"];
        let mut nights: Vec<(&str, Value)> = said
            .iter()
            .zip(1..)
            .map(|((found, learnt, outcome), day)| {
                let of = finding(names[*found], "high", 1, &outcomes[*outcome]);
                let night = night(day, &[of], &json!({}));
                ("n", with_outcome(night, names[*learnt], &outcomes[2 - *outcome % 2]))
            })
            .collect();
        let given = period(&nights);
        for (at, swap) in (0..nights.len()).zip(swaps) {
            let other = swap.index(nights.len());
            nights.swap(at, other);
        }
        let other = period(&nights);
        prop_assert_eq!(told(&given), told(&other));
        prop_assert_eq!(&given.outcome.cases, &other.outcome.cases);
        prop_assert_eq!(&given.outcome.aftermath, &other.outcome.aftermath);
        prop_assert_eq!(given.nights, other.nights);
    }
}
