//! Faults that the engine had, each with the test that holds it away.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{How, estate, outcome, plan};
use crate::detect::RuleSet;
use crate::engine::Plan;

pub fn key(number: usize) -> String {
    format!("arn:aws:kms:eu-central-1:111122223333:key/0000{number:04}-1111-4222-8333-444455556666")
}

/// A call to KMS, `minute` minutes after ten o'clock.
pub fn call(name: &str, key: &str, minute: usize, id: Value) -> Value {
    let mut record = json!({"eventSource": "kms.amazonaws.com", "eventName": name,
        "eventTime": format!("2026-10-01T10:{minute:02}:00Z"), "awsRegion": "eu-central-1",
        "recipientAccountId": "111122223333", "resources": [{"ARN": key}],
        "requestParameters": {"encryptionContext": {"app": "x"}},
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333",
            "arn": "arn:aws:iam::111122223333:user/ana"}});
    if !id.is_null() {
        record["eventID"] = id;
    }
    record
}

/// Uses by two other accounts, so that the key has a blast radius.
fn by_others(number: usize) -> [Value; 2] {
    ["444455556666", "777788889999"].map(|account| {
        let id = format!("{}-0000-4000-8000-{number:012}", &account[4..]);
        let mut record = call("Decrypt", &key(number), 5, json!(id));
        record["userIdentity"] = json!({"type": "IAMUser", "accountId": account,
            "arn": format!("arn:aws:iam::{account}:user/bob")});
        record
    })
}

/// The first event of each finding of the blast radius: its id, or the number of its record.
fn first_events(ids: [Value; 2]) -> Vec<(Option<String>, Option<u64>)> {
    let keys = 0..16;
    let records = keys.flat_map(|number| {
        let one = |id: &Value| {
            let id = id.as_str().map_or(Value::Null, |id| json!(format!("{id}-{number}")));
            call("Decrypt", &key(number), 0, id)
        };
        let [other, another] = by_others(number);
        [one(&ids[0]), one(&ids[1]), other, another]
    });
    let how = How { threads: 1, ..How::default() };
    let outcome = outcome(&[records.collect()], &plan(&how));
    let all = outcome.findings.all().unwrap();
    let of = all.iter().filter(|finding| finding.rule == "key-blast-radius");
    of.map(|finding| (finding.events[0].id.clone(), finding.events[0].origin.record)).collect()
}

/// An event id that is no UUID is a keyed hash in a row: the smallest text must be first all the same,
/// or another one is shown in each run.
#[test]
fn of_one_second_the_smallest_event_id_is_first() {
    let found = first_events([json!("b"), json!("a")]);
    assert_eq!(found.len(), 16);
    let is_a = |id: &Option<String>| id.as_deref().is_some_and(|id| id.starts_with("a-"));
    assert!(found.iter().all(|(id, _)| is_a(id)), "{found:?}");
}

/// The same of records without an id, of which the place decides.
#[test]
fn of_one_second_and_no_ids_the_first_place_is_first() {
    let found = first_events([Value::Null, Value::Null]);
    assert_eq!(found.len(), 16);
    assert!(found.iter().all(|(_, record)| record.is_some_and(|at| at % 4 == 0)), "{found:?}");
}

/// `decrypt-burst-logs` makes findings of `decrypt-burst` (`same_as`), and must decide before what looks
/// at those, wherever it stands among the rules.
#[test]
fn correlations_hear_of_findings_that_a_part_makes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rule.yml");
    let text = "title: t\nid: 00000000-0000-4000-8000-00000000000a\nname: read-then-disable\n\
        correlation:\n  type: temporal_ordered\n  rules: [decrypt-burst, key-disabled]\n  \
        group-by: [keytrail.principal]\n  timespan: 1h\nlevel: high\n";
    std::fs::write(&path, text).unwrap();
    let found = |logs: bool| {
        let wanted = |id: &str| ["decrypt-burst", "key-disabled"].contains(&id);
        let estate = Arc::new(estate());
        let loaded = RuleSet::load_some(wanted, std::slice::from_ref(&path), &estate);
        let plan = Plan::new(loaded.unwrap().rules);
        let records = (0..20).map(|number| {
            let id = format!("00000000-0000-4000-8000-{number:012}");
            let mut record = call("Decrypt", &key(0), number / 4, json!(id));
            let mut context = json!({"aws:s3:arn": format!("arn:aws:s3:::b/{number}")});
            if logs {
                context["aws:cloudtrail:arn"] =
                    json!("arn:aws:cloudtrail:eu-central-1:111122223333:trail/main");
            }
            record["requestParameters"]["encryptionContext"] = context;
            record
        });
        let disabled = call("DisableKey", &key(1), 30, json!("1"));
        let outcome = outcome(&[records.chain([disabled]).collect()], &plan);
        let all = outcome.findings.all().unwrap();
        all.iter().filter(|finding| finding.rule.ends_with("0a")).count()
    };
    assert_eq!(found(false), 1, "of objects");
    assert_eq!(found(true), 1, "of log files");
}

/// The record is shown to a history, so that a rule matched it: contract, `duplicates`; and of two
/// records that share their id at least one is forged.
#[test]
fn records_that_a_history_is_shown_are_counted_as_copies() {
    let put = |kind: &str| {
        json!({"eventSource": "ssm.amazonaws.com", "eventName": "PutParameter",
            "eventTime": "2026-10-01T10:00:00Z", "awsRegion": "eu-central-1", "eventID": "1",
            "recipientAccountId": "111122223333",
            "requestParameters": {"name": "/x", "type": kind, "overwrite": false}})
    };
    let how = How { threads: 1, ..How::default() };
    let copies = outcome(&[vec![put("String"), put("String")]], &plan(&how));
    assert_eq!(copies.totals.duplicates, 1);
    let forged = outcome(&[vec![put("String"), put("SecureString")]], &plan(&how));
    assert_eq!(forged.problems.len(), 1, "{:?}", forged.problems);
}

/// A finding over a key is about no principal. Naming all its sessions would mean to read as many texts
/// as there are uses.
#[test]
fn sessions_of_a_finding_over_a_key_are_those_of_the_events_shown() {
    let records = (0..12).map(|number| {
        let id = format!("00000000-0000-4000-8000-{number:012}");
        let mut record = call("Decrypt", &key(0), number, json!(id));
        let (account, session) = match number {
            11 => ("444455556666", "a-stranger"),
            _ => ("111122223333", "usual"),
        };
        let role = format!("arn:aws:sts::{account}:assumed-role/r{number}/{session}");
        record["userIdentity"] = json!({"type": "AssumedRole", "accountId": account, "arn": role});
        record
    });
    let how = How { threads: 1, ..How::default() };
    let outcome = outcome(&[records.collect()], &plan(&how));
    let all = outcome.findings.all().unwrap();
    let mut of = all.iter().filter(|finding| finding.rule == "key-blast-radius");
    assert_eq!(of.next().unwrap().details["sessions"], json!(["usual"]));
}

/// One record may be noted by its row, for a correlation over rows, and by its text, for what another
/// correlation passes on: it is still one record.
#[test]
fn a_record_that_is_noted_twice_is_one() {
    let rule = |id: char, name: &str, rules: &str, by: &str, condition: &str| {
        format!(
            "---\ntitle: {name}\nid: 00000000-0000-4000-8000-00000000000{id}\nname: {name}\n\
             correlation:\n  type: event_count\n  rules: [{rules}]\n  group-by: [{by}]\n  \
             timespan: 1h\n  condition: {{{condition}}}\nlevel: high\n"
        )
    };
    let any = "title: any\nid: 00000000-0000-4000-8000-0000000000aa\nname: any_kms\n\
        logsource: {product: aws, service: cloudtrail}\ndetection:\n  s:\n    \
        eventSource: kms.amazonaws.com\n  condition: s\nlevel: low\n";
    let text = [
        any.to_owned(),
        rule('a', "two", "any_kms", "userAgent", "gte: 2"),
        rule('b', "three", "any_kms, two", "keytrail.principal", "gte: 3"),
        rule('c', "exactly", "any_kms, two", "keytrail.principal", "eq: 2"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yml");
    std::fs::write(&path, text.concat()).unwrap();
    let rules = RuleSet::load(false, &[path], &Arc::default()).unwrap().rules;
    let records = (0..2).map(|number| {
        let id = format!("00000000-0000-4000-8000-{number:012}");
        let mut record = call("Decrypt", &key(0), number, json!(id));
        record["userIdentity"] = json!({"type": "IAMUser", "accountId": "111122223333",
            "arn": "arn:aws:iam::111122223333:user/ana"});
        record["userAgent"] = json!("sdk");
        record
    });
    let outcome = outcome(&[records.collect()], &Plan::new(rules));
    let all = outcome.findings.all().unwrap();
    let mut found: Vec<&str> = all.iter().map(|f| f.rule.as_str()).collect();
    found.sort_unstable();
    let id = |last: char| format!("00000000-0000-4000-8000-00000000000{last}");
    // The others are there for the two that look at them, of which one holds.
    assert_eq!(found, [id('c')]);
}

/// Policies that name more than a history holds: what is left out is told.
#[test]
fn what_is_left_out_of_long_policies_is_told() {
    let loaded = RuleSet::load_some(|id| id == "policy-self-grant", &[], &Arc::new(estate()));
    let mut plan = Plan::new(loaded.unwrap().rules);
    plan.limits.window_bytes = 2000;
    let records = |number: usize| {
        (0..number).map(|number| {
            let id = format!("00000000-0000-4000-8000-{number:012}");
            let users: Vec<String> =
                (0..10).map(|n| format!("arn:aws:iam::111122223333:user/u{number}-{n}")).collect();
            let policy = json!({"Statement": {"Effect": "Allow", "Principal": {"AWS": users},
                "Action": "kms:Decrypt", "Resource": "*"}});
            let mut record = call("PutKeyPolicy", &key(0), number, json!(id));
            record["requestParameters"] = json!({"keyId": key(0), "policy": policy.to_string()});
            record
        })
    };
    assert_eq!(outcome(&[records(3).collect()], &plan).problems, []);
    let problems = outcome(&[records(9).collect()], &plan).problems;
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("rule policy-self-grant has more than"), "{problems:?}");
}

/// A key with more kinds of use than are looked at together: whatever is left out is told, also by
/// rules that only some uses concern.
#[test]
fn what_is_left_out_of_a_crowded_key_is_told() {
    let wanted = |id: &str| ["aws-managed-key-used", "key-blast-radius"].contains(&id);
    let loaded = RuleSet::load_some(wanted, &[], &Arc::new(estate())).unwrap();
    let mut plan = Plan::new(loaded.rules);
    plan.limits.window = 5;
    let records = crowd(20);
    let outcome = outcome(&[records], &plan);
    let told: Vec<&str> = outcome.problems.iter().map(|problem| &*problem.message).collect();
    for rule in ["aws-managed-key-used-history", "key-blast-radius"] {
        assert!(told.iter().any(|message| message.contains(rule)), "{rule}: {told:?}");
    }
}

/// Uses of one key by so many users, one after the other.
fn crowd(users: usize) -> Vec<Value> {
    let one = |number| {
        let id = format!("00000000-0000-4000-8000-{number:012}");
        let mut record = call("Decrypt", &key(0), number, json!(id));
        record["userIdentity"] = json!({"type": "IAMUser", "accountId": "111122223333",
            "arn": format!("arn:aws:iam::111122223333:user/u{number}")});
        record
    };
    (0..users).map(one).collect()
}

/// Each run has another key for its hashes, by which the rows of a key are sorted.
#[test]
fn the_earliest_kinds_of_use_of_a_crowded_key_are_kept() {
    let wanted = |id: &str| id == "key-blast-radius";
    let loaded = RuleSet::load_some(wanted, &[], &Arc::new(estate())).unwrap();
    let mut plan = Plan::new(loaded.rules);
    plan.limits.window = 60;
    for order in 0..3 {
        let mut records = crowd(200);
        records.rotate_left(order * 70);
        let found = outcome(&[records], &plan).findings.all().unwrap();
        let [finding] = &found[..] else { panic!("{found:?}") };
        let told = finding.details["principals"].to_string();
        let named = |number: usize| told.contains(&format!("user/u{number}\""));
        let all: Vec<usize> = (0..200).filter(|number| named(*number)).collect();
        assert!(all.iter().all(|number| *number < 60) && all.len() > 5, "{told}");
        assert_eq!(finding.count, 60);
    }
}

/// Three parts of one rule count refusals: each record is one, in however many parts it counts.
#[test]
fn a_record_that_several_parts_of_a_rule_count_is_one() {
    let records: Vec<Value> = (0..12)
        .map(|number| {
            let name = ["Decrypt", "Encrypt", "GenerateDataKey", "DescribeKey"][number % 4];
            let id = json!(format!("00000000-0000-4000-8000-{number:012}"));
            let mut record = call(name, &key(number % 5), number % 9, id);
            record["errorCode"] = json!("AccessDenied");
            record
        })
        .collect();
    let rule = "kms-access-denied-burst";
    let estate = Arc::new(estate());
    let wanted = |id: &str| id == rule || id == "kms-access-denied";
    // A small limit on groups makes parts of findings go to a temporary file and come back.
    for groups in [0, 1 << 20] {
        let rules = RuleSet::load_some(wanted, &[], &estate).unwrap().rules;
        let mut plan = Plan { rules, ..plan(&How::default()) };
        plan.limits.groups = groups;
        let outcome = outcome(std::slice::from_ref(&records), &plan);
        let all = outcome.findings.all().unwrap();
        let found: Vec<_> = all.iter().filter(|f| f.rule == rule).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].count, 12);
    }
}

/// A flood of kinds of use of one key is said in its night, and is no burden on later ones.
#[test]
fn a_crowded_key_leaves_room_for_what_later_runs_read() {
    let decrypt = |number: usize, role: &str, day: usize| {
        let id = json!(format!("00000000-0000-4000-8000-{number:012}"));
        let mut record = call("Decrypt", &key(0), 0, id);
        record["eventTime"] = json!(format!("2026-10-{day:02}T10:00:{:02}Z", number % 60));
        let parameter = format!("arn:aws:ssm:eu-central-1:111122223333:parameter/p{number}");
        record["requestParameters"] = json!({"encryptionContext": {"PARAMETER_ARN": parameter}});
        record["userIdentity"] = json!({"type": "AssumedRole", "accountId": "111122223333",
            "arn": format!("arn:aws:sts::111122223333:assumed-role/{role}/s"), "sessionContext":
            {"sessionIssuer": {"arn": format!("arn:aws:iam::111122223333:role/{role}")}}});
        record
    };
    let flood: Vec<Value> = (0..80).map(|number| decrypt(number, "flood", 1)).collect();
    let nights = [
        vec![decrypt(100, "app", 1)],
        flood,
        vec![decrypt(101, "app", 9), decrypt(102, "other", 9)],
        vec![decrypt(103, "third", 10)],
    ];
    let estate = Arc::new(estate());
    let rules = ["key-blast-radius", "first-use-of-key"];
    let rules = RuleSet::load_some(|id| rules.contains(&id), &[], &estate).unwrap().rules;
    let mut plan = Plan { rules, ..plan(&How::default()) };
    plan.limits.window = 64;
    let mut past = crate::engine::Past::default();
    let mut problems = Vec::new();
    let mut kept = Vec::new();
    for night in nights {
        plan.past = Some(past);
        let outcome = outcome(&[night], &plan);
        problems.push(outcome.problems.iter().map(|p| p.message.clone()).collect::<Vec<_>>());
        let memory = outcome.memory.unwrap();
        kept.push(memory.uses.count);
        past = crate::engine::Past { memory, ..Default::default() };
    }
    let is_quiet: Vec<bool> = problems.iter().map(Vec::is_empty).collect();
    assert_eq!(is_quiet, [true, false, true, true], "{problems:#?}");
    // Three quarters of the flood have room, and whatever others do.
    assert_eq!(kept, [1, 1 + 48, 3 + 48, 4 + 48]);
}

/// A night that goes on from others knows from where a workload called in them.
#[test]
fn what_is_usual_is_known_from_earlier_runs() {
    let read = |day: usize, ip: &str, agent: &str| {
        let id = json!(format!("00000000-0000-4000-8000-{day:012}"));
        let mut record = call("GetSecretValue", &key(0), 0, id);
        record["eventSource"] = json!("secretsmanager.amazonaws.com");
        record["eventTime"] = json!(format!("2026-10-{day:02}T10:00:00Z"));
        record["sourceIPAddress"] = json!(ip);
        record["userAgent"] = json!(agent);
        record["userIdentity"] = json!({"type": "AssumedRole", "accountId": "111122223333",
            "arn": "arn:aws:sts::111122223333:assumed-role/app/task", "sessionContext":
            {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/app"}}});
        record
    };
    let nights = |last: Value| {
        let estate = Arc::new(estate());
        let rules = RuleSet::load_some(|id| id == "role-new-source", &[], &estate).unwrap().rules;
        let mut plan = Plan { rules, ..plan(&How::default()) };
        let mut past = crate::engine::Past::default();
        let mut found = Vec::new();
        let usual = (1..4).map(|day| read(day, "10.0.0.7", "Boto3/1.35"));
        for record in usual.chain([last]) {
            plan.past = Some(past);
            let outcome = outcome(&[vec![record]], &plan);
            found.push(outcome.findings.len());
            past = crate::engine::Past { memory: outcome.memory.unwrap(), ..Default::default() };
        }
        found
    };
    assert_eq!(nights(read(4, "198.51.100.7", "aws-cli/2.17")), [0, 0, 0, 1]);
    assert_eq!(nights(read(4, "10.1.2.3", "Boto3/1.36")), [0; 4]);
}

/// Whoever may encrypt may write any value into a context: it must not crowd out what others do.
#[test]
fn what_a_context_declares_makes_no_kinds_of_use() {
    let decrypt = |number: usize| {
        let id = json!(format!("00000000-0000-4000-8000-{number:012}"));
        let mut record = call("Decrypt", &key(0), 0, id);
        record["eventTime"] = json!(format!("2026-10-01T10:00:{number:02}Z"));
        let centre = format!("{number:04}");
        record["requestParameters"] = json!({"encryptionContext": {"CostCenter": centre}});
        record
    };
    let estate = Arc::new(estate());
    let rules = ["first-use-of-key", "key-tag-mismatch"];
    let rules = RuleSet::load_some(|id| rules.contains(&id), &[], &estate).unwrap().rules;
    let mut plan = Plan { rules, ..plan(&How::default()) };
    plan.limits.window = 4;
    let outcome = outcome(&[(0..12).map(decrypt).collect()], &plan);
    assert_eq!(outcome.problems, [], "twelve kinds would be too many");
}
