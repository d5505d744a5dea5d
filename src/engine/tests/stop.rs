//! A signal that comes while all is concluded ends it, and what is missing is said.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};

use super::{How, plan, write};
use crate::detect::RuleSet;
use crate::engine::conclude::{Ended, conclude};
use crate::engine::context::Context;
use crate::engine::read::{Read, read};
use crate::engine::{Past, Plan, Progress, scan};
use crate::model::estate::Estate;
use crate::model::outcome::Outcome;
use crate::source::{Listing, pool};

/// A key that is deleted, and its policy opened to everyone, by one call each.
fn records() -> Vec<Value> {
    let key = "arn:aws:kms:eu-central-1:111122223333:key/00000000-1111-4222-8333-444455556666";
    let policy = json!({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:*"}]});
    [("ScheduleKeyDeletion", json!({})), ("PutKeyPolicy", json!({"policy": policy.to_string()}))]
        .into_iter()
        .enumerate()
        .map(|(number, (name, request))| {
            json!({"eventSource": "kms.amazonaws.com", "eventName": name, "awsRegion": "eu-central-1",
                "eventTime": format!("2026-10-01T10:0{number}:00Z"), "resources": [{"ARN": key}],
                "eventID": format!("e-{number}"), "recipientAccountId": "111122223333",
                "requestParameters": request, "userIdentity": {"type": "IAMUser",
                    "accountId": "111122223333", "arn": "arn:aws:iam::111122223333:user/ana"}})
        })
        .collect()
}

fn whole_plan() -> Plan {
    let estate = Arc::new(Estate::default());
    let rules = RuleSet::load(true, &[], &estate).unwrap().rules;
    let how = How { threads: 2, ..How::default() };
    Plan { rules, estate, past: Some(Past::default()), ..plan(&how) }
}

fn rules(outcome: &Outcome) -> Vec<String> {
    outcome.findings.all().unwrap().into_iter().map(|finding| finding.rule).collect()
}

/// What is concluded of the records when the sign to stop is there.
fn concluded(stopped_before: bool) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    write(&[records()], folder.path());
    let (plan, progress, go) = (whole_plan(), Progress::default(), AtomicBool::new(false));
    let pool = pool(plan.threads).unwrap();
    let mut context = Context::new(&plan, &progress);
    let mut listing = Listing::open(&[folder.path()]).unwrap();
    let Read { partial, .. } = read(&context, &mut listing, None, (&go, &pool), || ()).unwrap();
    let stop = AtomicBool::new(true);
    context.stop = (!stopped_before).then_some(&stop);
    let ended = Ended { live: false, stopped: stopped_before };
    pool.install(|| conclude(&context, partial, ended)).0
}

#[test]
fn what_is_not_concluded_is_said_and_read_again() {
    let outcome = concluded(false);
    let messages: Vec<&str> = outcome.problems.iter().map(|p| p.message.as_str()).collect();
    assert!(
        messages.iter().all(|message| message.ends_with("stopped by a signal")),
        "{messages:?}"
    );
    assert!(messages.iter().any(|m| m.contains("rules over many records are missing")));
    assert!(outcome.memory.is_none(), "the next run reads it all again");
    // What single records tell is there.
    let found = rules(&outcome);
    assert!(found.contains(&"policy-public-principal".to_owned()), "{found:?}");
    assert!(outcome.findings.all().unwrap().iter().all(|finding| finding.count > 0));
}

#[test]
fn what_was_read_until_a_signal_is_concluded_whole() {
    let outcome = concluded(true);
    assert_eq!(outcome.problems, []);
    let folder = tempfile::tempdir().unwrap();
    write(&[records()], folder.path());
    let mut listing = Listing::open(&[folder.path()]).unwrap();
    let go = AtomicBool::new(false);
    let whole = scan(&mut listing, &whole_plan(), None, &Progress::default(), &go).unwrap();
    assert_eq!(rules(&outcome), rules(&whole));
}
