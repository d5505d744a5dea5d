//! Suppressions and baselines against invented findings.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::finding::{Key, Resource, Told};
use crate::model::principal::{Mfa, Principal};
use crate::model::suppression::{Day, State};
use crate::model::undo::{Effect, Fate};

fn time(text: &str) -> Time {
    Time::parse(text).unwrap()
}

fn now() -> Time {
    time("2026-11-23T12:00:00Z")
}

fn finding() -> Finding {
    let some = |text: &str| Some(text.to_owned());
    Finding {
        fingerprint: "00112233445566778899aabbccddeeff".into(),
        rule: "key-disabled".into(),
        level: Level::High,
        attempt: false,
        count: 2,
        first_seen: Some(time("2026-11-20T10:00:00Z")),
        last_seen: Some(time("2026-11-21T10:00:00Z")),
        status: Status::New,
        fresh: true,
        rank: None,
        account: some("111122223333"),
        region: some("eu-central-1"),
        principal: Principal {
            kind: some("AssumedRole"),
            arn: some("arn:aws:iam::111122223333:role/deploy-role"),
            account: some("111122223333"),
            session: None,
            invoked_by: None,
            mfa: Mfa::Unknown,
        },
        source_ip: None,
        user_agent: None,
        key: Some(Key {
            arn: "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
                .into(),
            account: None,
            alias: some("alias/test-ledger"),
            tags: BTreeMap::new(),
        }),
        resource: None,
        claimed: false,
        folded: 0,
        members: Vec::new(),
        events: vec![],
        effect: None,
        case: None,
        details: BTreeMap::new(),
        told: Arc::new(Told {
            title: "Key disabled".into(),
            attack: vec![],
            references: vec![],
            advice: None,
            tactic: 0,
            chain: false,
        }),
    }
}

fn suppression() -> Suppression {
    Suppression {
        rule: "key-disabled".into(),
        principal: None,
        key: None,
        resource: None,
        account: None,
        region: None,
        trust_context: false,
        reason: "accepted".into(),
        owner: None,
        ticket: None,
        expires: Day::parse("2027-01-31").unwrap(),
    }
}

fn admits(suppression: Suppression, finding: &Finding) -> bool {
    Triage::new(vec![suppression], None, Level::Low, now()).admit(finding).is_some()
}

fn report(findings: &serde_json::Value) -> String {
    json!({"schema": "keytrail.report/v1", "run": {"command": []}, "findings": findings})
        .to_string()
}

fn known(level: &str, count: u64, last_seen: Option<&str>) -> Baseline {
    let fingerprint = finding().fingerprint;
    let entry = json!([{"fingerprint": fingerprint, "level": level, "count": count,
                        "last_seen": last_seen, "details": {"deep": [[1.5e300]]}}]);
    Baseline::read(report(&entry).as_bytes()).unwrap()
}

#[test]
fn every_pattern_must_fit() {
    assert!(!admits(suppression(), &finding()));
    let other = Suppression { rule: "key-created".into(), ..suppression() };
    assert!(admits(other, &finding()));
    type Set = fn(&mut Suppression, Option<String>);
    let members: [(Set, &str, &str); 5] = [
        (|s, p| s.principal = p, "*:role/deploy-*", "*:role/other-*"),
        (|s, p| s.key = p, "alias/test-*", "alias/prod-*"),
        (|s, p| s.key = p, "*:key/1234abcd-????-*", "*:key/mrk-*"),
        (|s, p| s.account = p, "111122223333", "4444*"),
        (|s, p| s.region = p, "eu-*", "us-*"),
    ];
    for (set, fits, fits_not) in members {
        let mut one = suppression();
        set(&mut one, Some(fits.into()));
        assert!(!admits(one.clone(), &finding()), "{fits}");
        set(&mut one, Some(fits_not.into()));
        assert!(admits(one, &finding()), "{fits_not}");
    }
}

#[test]
fn nothing_fits_by_absence() {
    let any = || Some("*".to_owned());
    let on_any = Suppression { resource: any(), ..suppression() };
    assert!(admits(on_any.clone(), &finding()));
    let resource = Resource { arn: "arn:aws:s3:::b".into(), kind: None, tags: BTreeMap::new() };
    assert!(!admits(on_any, &Finding { resource: Some(resource), ..finding() }));
    let keyless = Finding { key: None, ..finding() };
    assert!(admits(Suppression { key: any(), ..suppression() }, &keyless));
    let mut service = finding();
    service.principal.arn = None;
    assert!(admits(Suppression { principal: any(), ..suppression() }, &service));
    service.principal.invoked_by = Some("s3.amazonaws.com".into());
    let by_service = Some("s3.amazonaws.com".to_owned());
    assert!(!admits(Suppression { principal: by_service, ..suppression() }, &service));
}

#[test]
fn a_role_cannot_make_its_path_fit() {
    let role = |resource: &str| {
        let mut finding = finding();
        finding.principal.arn = Some(format!("arn:aws:iam::111122223333:role/{resource}"));
        finding
    };
    let of = |pattern: &str| Suppression { principal: Some(pattern.into()), ..suppression() };
    for pattern in ["*:role/deploy-role", "arn:aws:iam::111122223333:role/deploy-*"] {
        assert!(!admits(of(pattern), &role("deploy-role")), "{pattern}");
        for path in ["a:role/deploy-role", "a/deploy-role", "deploy-x/evil"] {
            assert!(admits(of(pattern), &role(path)), "{pattern} {path}");
        }
    }
}

#[test]
fn what_only_the_caller_names_fits_where_that_is_accepted() {
    let resource = Resource { arn: "arn:aws:s3:::b".into(), kind: None, tags: BTreeMap::new() };
    let vouched = Finding { resource: Some(resource), ..finding() };
    let claimed = Finding { claimed: true, ..vouched.clone() };
    let on = |pattern: &str| Suppression { resource: Some(pattern.into()), ..suppression() };
    for pattern in ["*", "arn:aws:s3:::b"] {
        assert!(!admits(on(pattern), &vouched));
        assert!(admits(on(pattern), &claimed));
        assert!(!admits(Suppression { trust_context: true, ..on(pattern) }, &claimed));
    }
    assert!(!admits(suppression(), &claimed), "it asks for no resource");
}

#[test]
fn every_suppression_that_fits_is_counted_and_the_finding_once() {
    let expired = Suppression { expires: Day::parse("2026-11-22").unwrap(), ..suppression() };
    let today = Suppression { expires: Day::parse("2026-11-23").unwrap(), ..suppression() };
    let unmatched = Suppression { account: Some("4*".into()), ..suppression() };
    let all = vec![expired.clone(), today, suppression(), unmatched];
    let low = Finding { rule: "key-created".into(), level: Level::Informational, ..finding() };
    let mut triage = Triage::new(all, None, Level::Low, now());
    assert!([finding(), low].iter().all(|finding| triage.admit(finding).is_none()));
    let mut outcome = Outcome::default();
    triage.finish(&mut outcome);
    assert_eq!(outcome.summary.suppressed, 1);
    assert_eq!((outcome.summary.total(), outcome.summary.of(Level::Informational)), (1, 1));
    let states: Vec<(State, u64)> =
        outcome.suppressions.iter().map(|a| (a.state, a.count)).collect();
    let expected =
        [(State::Expired, 1), (State::Active, 1), (State::Active, 1), (State::Unmatched, 0)];
    assert_eq!(states, expected);
    let mut triage = Triage::new(vec![expired], None, Level::Low, now());
    assert_eq!(triage.admit(&finding()), Some(Status::New), "what has expired holds nothing back");
}

#[test]
fn what_is_known_is_listed_when_there_is_more_to_say() {
    let last = Some("2026-11-21T10:00:00Z");
    for (baseline, status) in [
        (known("high", 2, last), None),
        (known("critical", 9, Some("2026-12-01T00:00:00Z")), None),
        (known("high", 1, last), Some(Status::Ongoing)),
        (known("medium", 2, last), Some(Status::Ongoing)),
        (known("high", 2, Some("2026-11-21T09:59:59Z")), Some(Status::Ongoing)),
        (known("high", 2, None), Some(Status::Ongoing)),
    ] {
        assert_eq!(baseline.status(&finding()), status);
        let mut triage = Triage::new(vec![], Some(baseline), Level::Low, now());
        assert_eq!(triage.admit(&finding()), status);
        assert_eq!(triage.summary.known, u64::from(status.is_none()));
        assert_eq!(triage.summary.of(Level::High), u64::from(status.is_some()));
    }
    let other = Finding { fingerprint: "f".repeat(32), ..finding() };
    assert_eq!(known("high", 2, last).status(&other), Some(Status::New));
}

#[test]
fn what_is_no_report_of_ours_is_refused() {
    let entry = |changes: serde_json::Value| {
        let mut entry = json!({"fingerprint": finding().fingerprint, "level": "low", "count": 1,
                               "last_seen": null});
        entry.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        report(&json!([entry]))
    };
    assert!(Baseline::read(entry(json!({})).as_bytes()).is_ok());
    for (text, part) in [
        (String::new(), "is no report"),
        ("[]".into(), "is no report"),
        ("{}".into(), "it has no member schema"),
        ("{\"fingerprint\":\"x\"}\n{\"fingerprint\":\"y\"}\n".into(), "no member schema"),
        ("{\"schema\":\"keytrail.verify/v1\"}".into(), "expected \"keytrail.report/v1\""),
        ("{\"schema\":5}".into(), "has the schema 5"),
        ("{\"schema\":\"keytrail.report/v1\"}".into(), "is no whole report"),
        (report(&json!({})), "is no report"),
        (report(&json!([5])), "is no report"),
        (report(&json!([])) + "x", "is no report"),
        (report(&json!([])).replace('}', ""), "is no report"),
        (entry(json!({"fingerprint": "x"})), "32 hexadecimal digits"),
        (entry(json!({"fingerprint": "+".repeat(32)})), "32 hexadecimal digits"),
        (entry(json!({"level": "worst"})), "unknown level"),
        (entry(json!({"count": -1})), "is no report"),
        (entry(json!({"last_seen": "soon"})), "is no time"),
    ] {
        let error = Baseline::read(text.as_bytes()).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
    let deep = format!("{{\"x\":{}", "[".repeat(200_000));
    assert!(Baseline::read(deep.as_bytes()).is_err());
}

#[test]
fn a_report_says_of_what_kind_it_is() {
    let read = |run: serde_json::Value| {
        let text = json!({"schema": "keytrail.report/v1", "run": run, "findings": []}).to_string();
        let baseline = Baseline::read(text.as_bytes()).unwrap();
        assert!(baseline.is_empty() && baseline.sha256.len() == "sha256:".len() + 64);
        (baseline.each, baseline.chained)
    };
    assert_eq!(read(json!({})), (false, false));
    assert_eq!(read(json!({"each": true, "baseline": null})), (true, false));
    assert_eq!(read(json!({"command": ["keytrail", "scan", "--each"]})), (true, false));
    assert_eq!(read(json!({"baseline": {"path": "x"}})), (false, true));
}

/// However many there are, and in whatever order, each counts what it would count alone.
#[test]
fn a_suppression_counts_the_same_among_others_and_alone() {
    let key = finding().key.unwrap().arn;
    let ways = |fits: [&str; 2], not: [&str; 2]| {
        let words = fits.into_iter().chain(not).map(|word| Some(word.to_owned()));
        std::iter::once(None).chain(words).collect::<Vec<_>>()
    };
    let role = "arn:aws:iam::111122223333:role/";
    let principals =
        ways([&format!("{role}deploy-role"), "*:role/*"], [&format!("{role}other"), "*:user/*"]);
    let keys = ways([&key, "alias/test-ledger"], ["alias/other", "*:key/mrk-*"]);
    let resources = ways(["arn:aws:s3:::b", "arn:aws:s3:::*"], ["arn:aws:s3:::c", "arn:aws:ec2:*"]);
    let accounts = ways(["111122223333", "1111*"], ["444455556666", "4*"]);
    let mut all = Vec::new();
    for principal in &principals {
        for key in &keys {
            for resource in &resources {
                for account in &accounts {
                    let (principal, key) = (principal.clone(), key.clone());
                    let (resource, account) = (resource.clone(), account.clone());
                    all.push(Suppression { principal, key, resource, account, ..suppression() });
                }
            }
        }
    }
    let resource = |arn: &str| Resource { arn: arn.into(), kind: None, tags: BTreeMap::new() };
    let mut other = finding();
    other.resource = Some(resource("arn:aws:s3:::c"));
    let on_bucket = Finding { resource: Some(resource("arn:aws:s3:::b")), ..finding() };
    let findings = [finding(), on_bucket, other, Finding { key: None, ..finding() }];
    let counted = |suppressions: Vec<Suppression>| {
        let mut suppressions = Suppressions::new(suppressions, now());
        for finding in &findings {
            suppressions.take(finding);
        }
        suppressions.applied().into_iter().map(|applied| applied.count).collect::<Vec<_>>()
    };
    let alone: Vec<u64> = all.iter().flat_map(|one| counted(vec![one.clone()])).collect();
    assert!(alone.iter().filter(|count| **count > 0).count() > 100);
    assert_eq!(counted(all), alone);
}

/// What one run tells of a finding, and the next.
fn nights(one: &Finding, other: &Finding) -> [Option<Status>; 2] {
    let night = |known: Dated, finding: &Finding| {
        let mut triage =
            Triage::new(Vec::new(), None, Level::Low, Time(0)).after(known, Vec::new());
        let status = triage.screen(finding);
        (status, triage.past.unwrap().found)
    };
    let (first, found) = night(Dated::default(), one);
    let known = Dated::new(found.into_iter().map(|id| (id, 1)).collect());
    [first, night(known, other).0]
}

#[test]
fn what_became_more_serious_since_is_told_again() {
    let old = |level| Finding { level, fresh: false, ..finding() };
    let new = |level| Finding { level, ..finding() };
    let told = [Some(Status::New), Some(Status::Ongoing)];
    let once = [Some(Status::New), None];
    assert_eq!(nights(&new(Level::Low), &old(Level::Critical)), told);
    assert_eq!(nights(&new(Level::High), &old(Level::High)), once);
    assert_eq!(nights(&new(Level::High), &old(Level::Medium)), once);
    assert_eq!(nights(&new(Level::High), &new(Level::Medium)), told, "there is more of it");
    // One that was too low to be listed is new once it is listed.
    let unlisted = nights(&new(Level::Informational), &old(Level::High));
    assert_eq!(unlisted, [Some(Status::New); 2]);
}

#[test]
fn one_more_key_or_principal_of_a_known_finding_is_new() {
    let of = |members: &[u64]| Finding { members: members.to_vec(), ..finding() };
    assert_eq!(nights(&of(&[1, 2]), &of(&[2])), [Some(Status::New), Some(Status::Ongoing)]);
    assert_eq!(nights(&of(&[1, 2]), &of(&[2, 3])), [Some(Status::New); 2]);
    assert_eq!(nights(&of(&[1]), &of(&[2])), [Some(Status::New); 2]);
}

#[test]
fn states_of_earlier_versions_know_findings_of_any_level() {
    let finding = Finding { fresh: false, ..finding() };
    let known = Dated::new(vec![(id(&finding, true, None).unwrap(), 1)]);
    let mut triage = Triage::new(Vec::new(), None, Level::Low, Time(0)).after(known, Vec::new());
    assert_eq!(triage.screen(&finding), None);
}

/// What a night sees of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    /// It is there, and holds or not; with something new to it or not.
    Found(bool, bool),
    /// It is there and holds, and a suppression fits it.
    LeftOut,
    /// It is not there, and a call tells whether it holds.
    Later(bool),
}

proptest! {
    #[test]
    fn a_night_knows_which_findings_of_earlier_nights_still_hold(
        nights in prop::collection::vec(prop::array::uniform3(prop_oneof![
            Just(Seen::Nothing),
            (any::<bool>(), any::<bool>()).prop_map(|(holds, fresh)| Seen::Found(holds, fresh)),
            Just(Seen::LeftOut),
            any::<bool>().prop_map(Seen::Later),
        ]), 1..12),
        last in 0usize..14,
    ) {
        let effect = |fate| Some(Effect { fate, undone: None, due: None });
        let (mut known, mut open, mut ever) = (Dated::default(), [false; 3], [false; 3]);
        let mut left_out = [false; 3];
        for (day, seen) in (1..).zip(nights) {
            // Its last day comes, and it stays in the configuration.
            let holds = usize::from(day) <= last;
            let expires = Day::parse(if holds { "2099-01-01" } else { "2020-01-01" }).unwrap();
            let fits = Suppression { key: Some("left-out".into()), expires, ..suppression() };
            let rules = vec!["key-disabled".into(), "key-enabled".into()];
            let mut triage = Triage::new(vec![fits], None, Level::Low, now()).after(known.clone(), rules);
            let (mut only_known, mut outcome) = (0, Outcome::default());
            for (at, seen) in seen.into_iter().enumerate() {
                let mut finding = Finding { fingerprint: format!("{:032x}", at + 7), ..finding() };
                let told = match seen {
                    Seen::Nothing => false,
                    Seen::Found(holds, fresh) => {
                        finding.effect = effect(if holds { Fate::Open } else { Fate::Reversed });
                        finding.fresh = fresh;
                        open[at] = holds;
                        triage.screen(&finding).is_some()
                    }
                    Seen::LeftOut => {
                        finding.key.as_mut().unwrap().arn = "left-out".into();
                        open[at] = true;
                        left_out[at] |= holds;
                        triage.screen(&finding).is_some()
                    }
                    Seen::Later(holds) => {
                        // Nothing is learnt of what no run has told.
                        open[at] = holds && ever[at];
                        let Finding { fingerprint, rule, level, .. } = finding;
                        let fate = if holds { Fate::Open } else { Fate::Reversed };
                        let effect = Effect { fate, undone: None, due: None };
                        outcome.aftermath.push(Aftermath { fingerprint, rule, level, target: None, effect });
                        false
                    }
                };
                ever[at] |= open[at];
                only_known += u64::from(open[at] && !told && !(left_out[at] && holds));
            }
            let found = triage.finish_screened(&mut outcome);
            let number = outcome.known.get("key-disabled").copied().unwrap_or_default();
            prop_assert_eq!(number, only_known);
            prop_assert_eq!(outcome.known.get("key-enabled"), None);
            known = known.renewed(found, day, 400, 1 << 20);
        }
    }
}

#[test]
fn of_a_baseline_it_counts_what_holds_and_is_serious() {
    let one = |text: &str| Finding { fingerprint: text.into(), ..finding() };
    let known = ["1", "2", "3"].map(|digit| digit.repeat(32));
    let entry = |fingerprint: &String| json!({"fingerprint": fingerprint, "level": "high", "count": 2, "last_seen": "2026-11-21T10:00:00Z"});
    let findings: Vec<_> = known.iter().map(entry).collect();
    let report =
        json!({"schema": "keytrail.report/v1", "run": {}, "findings": findings}).to_string();
    let baseline = Baseline::read(report.as_bytes()).unwrap();
    let mut triage = Triage::new(Vec::new(), Some(baseline), Level::Low, now());
    assert_eq!(triage.screen(&one(&known[0])), None);
    assert_eq!(triage.screen(&Finding { attempt: true, ..one(&known[1]) }), None);
    assert_eq!(triage.screen(&Finding { level: Level::Low, ..one(&known[2]) }), None);
    assert_eq!(triage.screen(&one(&"4".repeat(32))), Some(Status::New));
    let mut outcome = Outcome::default();
    triage.finish_screened(&mut outcome);
    assert_eq!(outcome.known, [("key-disabled".to_owned(), 1)].into());
}

/// How many findings of the rule are known of a baseline of which this run finds nothing.
fn not_found(entry: &serde_json::Value, suppressions: Vec<Suppression>) -> (u64, Vec<u64>) {
    let mut entry = entry.clone();
    let of = [
        ("fingerprint", json!("1".repeat(32))),
        ("count", json!(1)),
        ("rule", json!("key-disabled")),
    ];
    of.into_iter().for_each(|(name, value)| entry[name] = value);
    let baseline = Baseline::read(report(&json!([entry])).as_bytes()).unwrap();
    let mut outcome = Outcome::default();
    Triage::new(suppressions, Some(baseline), Level::Low, now()).finish_screened(&mut outcome);
    let counts = outcome.suppressions.iter().map(|applied| applied.count).collect();
    (outcome.known.get("key-disabled").copied().unwrap_or_default(), counts)
}

#[test]
fn what_a_baseline_has_and_nobody_finds_again_is_known_until_it_is_undone_or_suppressed() {
    let high = json!({"level": "high", "last_seen": null});
    let with = |name: &str, value: serde_json::Value| {
        let mut entry = high.clone();
        entry[name] = value;
        not_found(&entry, Vec::new()).0
    };
    assert_eq!(not_found(&high, Vec::new()).0, 1);
    assert_eq!(with("outcome", json!({"state": "open", "at": null})), 1);
    assert_eq!(with("outcome", json!({"state": "reversed"})), 0);
    assert_eq!(with("attempt", json!(true)), 0);
    assert_eq!(with("level", json!("low")), 0);
    let of_rule = suppression();
    assert_eq!(not_found(&high, vec![of_rule.clone()]), (0, vec![1]));
    let of_key = Suppression { key: Some("*".into()), ..of_rule };
    assert_eq!(not_found(&high, vec![of_key]), (1, vec![0]));
}
