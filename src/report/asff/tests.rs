//! Batches and the limits of fields, as Security Hub documents them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::model::finding::Finding;
use crate::model::outcome::Outcome;
use crate::report::sample;

fn batches(outcome: &Outcome) -> Vec<Vec<Value>> {
    let mut out = Vec::new();
    write(&Report::new(&sample::run(), outcome), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.lines().all(|line| line.len() <= BATCH_MAX));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// So many findings, of several accounts and Regions in turn.
fn many(count: u64) -> Vec<Finding> {
    let accounts = ["111122223333", "444455556666"];
    let regions = ["us-east-1", "cn-north-1", "us-gov-west-1"];
    let one = |at: u64| Finding {
        fingerprint: format!("{at:032x}"),
        account: Some(accounts[at as usize % 2].into()),
        region: Some(regions[at as usize % 3].into()),
        ..sample::deletion()
    };
    (0..count).map(one).collect()
}

fn ids(batches: &[Vec<Value>]) -> BTreeSet<&str> {
    batches.iter().flatten().map(|finding| finding["Id"].as_str().unwrap()).collect()
}

#[test]
fn batches_are_full_and_of_one_account_and_region() {
    let outcome = sample::outcome(many(1_250));
    let batches = batches(&outcome);
    assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), 1_250);
    assert_eq!(ids(&batches).len(), 1_250);
    assert!(batches.iter().all(|batch| (1..=FINDINGS_MAX).contains(&batch.len())));
    // Six places, each with two full batches and the rest.
    assert_eq!(batches.iter().filter(|batch| batch.len() == FINDINGS_MAX).count(), 12);
    assert_eq!(batches.len(), 18);
    for batch in &batches {
        let product = &batch[0]["ProductArn"];
        assert!(batch.iter().all(|finding| finding["ProductArn"] == *product), "{product}");
    }
}

#[test]
fn one_batch_is_one_array_that_security_hub_takes() {
    let outcome = sample::outcome(many(1));
    let batches = batches(&outcome);
    assert_eq!((batches.len(), batches[0].len()), (1, 1));
}

#[test]
fn batches_that_wait_are_bounded_and_none_is_lost() {
    let mut out = Vec::new();
    let mut batches = Batches { open: BTreeMap::new(), waiting: 0, most: 1_000, out: &mut out };
    for at in 0..300_u64 {
        let place = Place { account: format!("{:012}", at % 7), region: "us-east-1".into() };
        batches.add(place, format!("{{\"Id\":\"{at}\"}}").as_bytes()).unwrap();
        assert!(batches.waiting <= 1_000);
        assert_eq!(batches.waiting, batches.open.values().map(|b| b.text.len()).sum::<usize>());
    }
    batches.finish().unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<Vec<Value>> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(ids(&lines).len(), 300);
}

#[test]
fn a_batch_of_large_findings_is_no_larger_than_it_may_be() {
    let mut out = Vec::new();
    let mut batches =
        Batches { open: BTreeMap::new(), waiting: 0, most: WAITING_MAX, out: &mut out };
    let large = serde_json::to_vec(&json!({"Id": "x".repeat(FINDING_MAX - 9)})).unwrap();
    assert_eq!(large.len(), FINDING_MAX);
    let place = Place { account: "111122223333".into(), region: "us-east-1".into() };
    for _ in 0..99 {
        batches.add(place.clone(), &large).unwrap();
    }
    batches.finish().unwrap();
    let text = String::from_utf8(out).unwrap();
    let counts: Vec<usize> = text
        .lines()
        .map(|line| {
            assert!(line.len() <= BATCH_MAX);
            serde_json::from_str::<Vec<Value>>(line).unwrap().len()
        })
        .collect();
    assert_eq!(counts, [24, 24, 24, 24, 3]);
}

/// What breaks a limit in a value: texts that are blank or hold controls, or are too long.
fn broken(at: &str, value: &Value, found: &mut Vec<String>) {
    let most = match at {
        "Title" => 256,
        "Description" => 1_024,
        "Text" | "Id" | "GeneratorId" => 512,
        "Api" | "ServiceName" | "Domain" => 128,
        "Region" => 16,
        _ => 2_048,
    };
    match value {
        Value::String(text) => {
            if text.trim().is_empty() || text.chars().any(char::is_control) {
                found.push(format!("{at}: {text:?}"));
            }
            if text.chars().count() > most {
                found.push(format!("{at}: {} characters", text.chars().count()));
            }
        }
        Value::Array(list) => {
            if list.len() > if at == "Resources" { 32 } else { 50 } {
                found.push(format!("{at}: {}", list.len()));
            }
            list.iter().for_each(|value| broken(at, value, found));
        }
        Value::Object(members) => {
            if members.len() > 50 || members.keys().any(|name| name.chars().count() > 128) {
                found.push(format!("{at}: members"));
            }
            members.iter().for_each(|(name, value)| broken(name, value, found));
        }
        _ => {}
    }
}

#[test]
fn no_field_is_longer_than_it_may_be_whatever_the_log_holds() {
    for text in ["", " ", "\0\u{1b}", "é", "🔑\"\\", "{0}", "\u{202e}x", "\u{3000}"] {
        for times in [1, 700, 200_000] {
            let mut finding = sample::hostile(&text.repeat(times));
            let tags = (0..80).map(|at| (format!("{at}{}", text.repeat(times)), text.into()));
            if let Some(key) = &mut finding.key {
                key.tags = tags.collect();
            }
            for at in 0..100 {
                finding.details.insert(format!("{at}"), json!(text.repeat(times)));
            }
            let batches = batches(&sample::outcome(vec![finding]));
            let only = &batches[0][0];
            let mut found = Vec::new();
            broken("", only, &mut found);
            assert!(found.is_empty(), "{text:?} {times}: {found:#?}");
            assert!(serde_json::to_vec(only).unwrap().len() <= FINDING_MAX);
            for needed in ["Id", "ProductArn", "GeneratorId", "AwsAccountId", "CreatedAt"] {
                assert!(only[needed].is_string(), "{needed}");
            }
            assert!(!only["Resources"].as_array().unwrap().is_empty());
        }
    }
}

#[test]
fn the_smallest_room_is_small_enough() {
    // Four bytes a character, in every field there is.
    let mut finding = sample::hostile(&"🔑".repeat(5_000));
    let tags = (0..80).map(|at| (format!("{at}{}", "🔑".repeat(200)), "🔑".repeat(300)));
    let tags: BTreeMap<String, String> = tags.collect();
    finding.details = (0..100).map(|at| (format!("{at}"), json!("🔑".repeat(5_000)))).collect();
    if let Some(key) = &mut finding.key {
        key.tags = tags.clone();
    }
    if let Some(resource) = &mut finding.resource {
        resource.tags = tags;
    }
    let place = Place::of(&finding);
    let size = |room| {
        let finding = security_finding(&sample::run(), &finding, &place, room);
        serde_json::to_vec(&finding).unwrap().len()
    };
    let [widest, .., smallest] = ROOMS;
    assert!(size(widest) > FINDING_MAX, "{}", size(widest));
    assert!(size(smallest) < FINDING_MAX / 2, "{}", size(smallest));
    let batches = batches(&sample::outcome(vec![finding.clone()]));
    let value = batches[0][0]["ProductFields"]["keytrail/user_agent"].as_str().unwrap();
    assert!(value.ends_with('…'), "what is cut is marked");
}

#[test]
fn only_addresses_are_addresses() {
    let call = |source: &str| {
        let mut finding = sample::deletion();
        finding.source_ip = Some(source.into());
        let batches = batches(&sample::outcome(vec![finding]));
        let finding = batches[0][0].clone();
        (finding["Action"]["AwsApiCallAction"].clone(), finding["Network"].clone())
    };
    let (action, network) = call("192.0.2.7");
    assert_eq!(action["RemoteIpDetails"]["IpAddressV4"], "192.0.2.7");
    assert_eq!((&action["CallerType"], &network), (&json!("remoteIp"), &Value::Null));
    let (action, network) = call("2001:db8::7");
    assert_eq!(
        (&action["RemoteIpDetails"], &network["SourceIpV6"]),
        (&Value::Null, &json!("2001:db8::7"))
    );
    let (action, _) = call("s3.amazonaws.com");
    assert_eq!(action["DomainDetails"]["Domain"], "s3.amazonaws.com");
    assert_eq!(
        (&action["CallerType"], &action["RemoteIpDetails"]),
        (&json!("domain"), &Value::Null)
    );
    let (action, _) = call("AWS Internal");
    assert_eq!((&action["CallerType"], &action["DomainDetails"]), (&Value::Null, &Value::Null));
}

#[test]
fn resources_have_the_types_that_security_hub_knows() {
    let types = |finding: &Finding| {
        let batches = batches(&sample::outcome(vec![finding.clone()]));
        let resources = batches[0][0]["Resources"].as_array().unwrap().clone();
        let pair = |of: &Value| format!("{} {}", of["Type"], of["Id"]).replace('"', "");
        resources.iter().map(pair).collect::<Vec<_>>()
    };
    let mut finding = sample::foreign_use();
    assert_eq!(
        types(&finding),
        [
            "AwsKmsKey arn:aws:kms:eu-central-1:444455556666:key/mrk-0123456789abcdef0123456789abcdef",
            "AwsS3Object arn:aws:s3:::ledger-archive/2026/11/statements-of-november.parquet",
            "AwsIamUser arn:aws:iam::777788889999:user/export",
        ]
    );
    (finding.key, finding.resource) = (None, None);
    finding.principal.arn = Some("arn:aws:iam::111122223333:root".into());
    assert_eq!(types(&finding), ["AwsAccount AWS::::Account:111122223333"]);
    finding.principal.arn = None;
    assert_eq!(types(&finding), ["AwsAccount AWS::::Account:444455556666"]);
}

#[test]
fn two_long_ids_stay_two() {
    let id = |end: &str| {
        let mut finding = sample::foreign_use();
        let arn = format!("arn:aws:s3:::bucket/{}{end}", "x".repeat(1_000));
        finding.resource.as_mut().unwrap().arn = arn;
        let batches = batches(&sample::outcome(vec![finding]));
        batches[0][0]["Resources"][1]["Id"].clone()
    };
    assert_ne!(id("a"), id("b"));
    assert_eq!(id("a").as_str().unwrap().chars().count(), 512);
}
