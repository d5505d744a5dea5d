//! Calls that undo others, by invented records. What must stay true: whatever cannot be read undoes
//! nothing, so that each odd record here leaves doubt or nothing at all.

use serde_json::{Value, json};

use super::*;
use crate::record::event::Event;
use crate::record::scan::{Index, plain};

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn of<T>(name: &str, request: Value, ask: impl FnOnce(&View<'_>) -> T) -> T {
    let is = |pair: &&Pair| pair.does == name || pair.undone_by.contains(&name);
    let service = PAIRS.iter().find(is).map_or("kms", |pair| pair.service);
    let record = json!({
        "eventName": name, "eventSource": format!("{service}.amazonaws.com"), "awsRegion": "eu-central-1",
        "recipientAccountId": "111122223333", "requestParameters": request,
        "resources": [{"ARN": KEY, "type": "AWS::KMS::Key"}],
    });
    of_record(&record.to_string(), ask)
}

fn of_record<T>(text: &str, ask: impl FnOnce(&View<'_>) -> T) -> T {
    let mut index = Index::default();
    plain::scan(text.as_bytes(), &mut index).unwrap();
    let event = Event::new(text, &index);
    ask(&View::new(&event))
}

#[test]
fn every_call_that_undoes_something_is_asked_for() {
    for name in PAIRS.iter().flat_map(|pair| pair.undone_by) {
        assert!(may_undo(name.as_bytes()), "{name}");
    }
    assert!(!may_undo(b"DisableKey"));
}

#[test]
fn a_call_of_which_nobody_knows_whether_it_failed_undoes_nothing() {
    let undone_of = |unknown: &[&str]| {
        let members = json!({"eventName":"EnableKey","eventSource":"kms.amazonaws.com","resources":[{"ARN":KEY}]});
        let text = crate::record::unknown::with(unknown, members.as_object().unwrap().clone());
        let mut index = Index::default();
        plain::scan(text.as_bytes(), &mut index).unwrap();
        undone(&View::new(&Event::new(&text, &index))).is_some()
    };
    assert!(undone_of(&["userAgent"]) && !undone_of(&["errorCode"]));
}

/// What it would undo, if it left nothing of it.
fn undo(view: &View<'_>) -> Option<Reversible> {
    let Undoes { what, parts, cleared } = undone(view)?;
    (cleared == !parts).then_some(Reversible { what, parts })
}

#[test]
fn what_is_done_and_what_undoes_it_say_the_same() {
    let disabled = of("DisableKey", json!({"keyId": KEY}), done).unwrap();
    assert_eq!(of("EnableKey", json!({"keyId": KEY}), undo), Some(disabled));
    let trial = json!({"keyId": KEY, "dryRun": true});
    assert_eq!(of("EnableKey", trial.clone(), undo), None);
    assert_eq!(of("DisableKey", trial, done), None);
    let name = json!({"aliasName": "alias/a"});
    let deleted = of("DeleteAlias", name.clone(), done).unwrap();
    assert!(deleted.what.contains(KEY), "an alias of another key is another thing");
    assert_eq!(of("CreateAlias", name, undo), Some(deleted.clone()));
    let other = of("CreateAlias", json!({"aliasName": "alias/b"}), undo);
    assert_ne!(other, Some(deleted));
    let arn = |region: &str| format!("arn:aws:cloudtrail:{region}:111122223333:trail/main");
    let stopped = of("StopLogging", json!({"name": arn("eu-central-1")}), done);
    assert_eq!(of("StartLogging", json!({"name": "main"}), undo), stopped);
    assert_ne!(of("StartLogging", json!({"name": arn("eu-west-1")}), undo), stopped);
    let secret = |forced: bool| {
        let request = json!({"secretId": "a/b", "forceDeleteWithoutRecovery": forced});
        of("DeleteSecret", request, done)
    };
    assert_eq!(secret(true), None);
    assert_eq!(of("RestoreSecret", json!({"secretId": "a/b"}), undo), secret(false));
    assert_ne!(of("RestoreSecret", json!({"secretId": "c/b"}), undo), secret(false));
    let material = |id: &str| json!({"keyId": KEY, "keyMaterialId": id});
    let lost = of("DeleteImportedKeyMaterial", material("m1"), done);
    assert_ne!(of("ImportKeyMaterial", material("m2"), undo), lost);
    let import = |of_type: &str| {
        let request = json!({"keyId": KEY, "importType": of_type});
        of("ImportKeyMaterial", request, undo).is_some()
    };
    assert!(import("EXISTING_KEY_MATERIAL") && !import("NEW_KEY_MATERIAL"));
    assert_eq!(of("EnableKey", json!({"keyId": KEY}), done), None);
}

fn policy(principal: Value) -> Value {
    let allow =
        json!({"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"});
    let deny =
        json!({"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"});
    json!({"policy": json!({"Statement": [allow, deny]}).to_string()})
}

#[test]
fn a_policy_is_undone_by_one_that_lets_in_none_of_its_strangers() {
    let arn = |account: &str| json!({"AWS": format!("arn:aws:iam::{account}:root")});
    let foreign = of("PutKeyPolicy", policy(arn("777788889999")), done).unwrap();
    let still = |request: Value| of("PutKeyPolicy", request, undone).unwrap().parts & foreign.parts;
    assert_eq!(still(policy(arn("111122223333"))), 0);
    assert_eq!(still(policy(json!({"Service": "ec2.amazonaws.com"}))), 0);
    for principal in [
        arn("777788889999"),
        json!({"AWS": "777788889999"}),
        json!({"AWS": ["arn:aws:iam::111122223333:root", "*"]}),
        json!({"AWS": "AROAEXAMPLEID"}),
        json!({"Federated": "example.com"}),
        json!("*"),
        Value::Null,
    ] {
        assert_ne!(still(policy(principal.clone())), 0, "{principal}");
    }
    for unread in [json!({}), json!({"policy": "{"}), json!({"policy": null})] {
        let unread = of("PutKeyPolicy", unread, undone).unwrap();
        assert_eq!((unread.parts, unread.cleared), (u64::MAX, u64::MAX));
    }
    assert_eq!(of("PutKeyPolicy", policy(arn("111122223333")), done), None, "gives nothing away");
}

#[test]
fn what_a_record_does_not_tell_may_be_anything() {
    let cut = json!({"omitted": true, "originalSize": 200_000, "reason": "too large"});
    let material = json!({"keyId": KEY, "importType": "EXISTING_KEY_MATERIAL"});
    assert!(of("ImportKeyMaterial", material, undone).is_some());
    for cut in [cut, Value::Null] {
        assert_eq!(of("ImportKeyMaterial", cut.clone(), undone), None, "it may be another");
        assert_eq!(of("UpdateTrail", cut.clone(), undone), None, "of no trail");
        let answer = json!({"name": "main", "isMultiRegionTrail": true,
            "trailARN": "arn:aws:cloudtrail:eu-central-1:111122223333:trail/main"});
        let record = json!({
            "eventName": "UpdateTrail", "eventSource": "cloudtrail.amazonaws.com",
            "awsRegion": "eu-central-1", "recipientAccountId": "111122223333",
            "requestParameters": cut, "responseElements": answer,
        });
        let unread = of_record(&record.to_string(), undone).unwrap();
        let weak = json!({"name": "main", "isMultiRegionTrail": false});
        assert_eq!(unread.what, of("UpdateTrail", weak, done).unwrap().what);
        assert_eq!((unread.parts, unread.cleared), (u64::MAX, u64::MAX));
    }
    let members = json!({"eventName": "ImportKeyMaterial", "eventSource": "kms.amazonaws.com",
        "resources": [{"ARN": KEY}], "responseElements": {"keyId": KEY}});
    let unknown =
        crate::record::unknown::with(&["requestParameters"], members.as_object().unwrap().clone());
    assert_eq!(of_record(&unknown, undone), None);
}

#[test]
fn a_trail_is_restored_by_what_turns_on_all_that_was_turned_off() {
    let weak = json!({"name": "main", "isMultiRegionTrail": false});
    let weak = of("UpdateTrail", weak, done).unwrap();
    let left = |request| {
        let Undoes { parts, cleared, .. } = of("UpdateTrail", request, undone).unwrap();
        (parts & weak.parts != 0, cleared & weak.parts == weak.parts)
    };
    assert_eq!(left(json!({"name": "main", "isMultiRegionTrail": true})), (false, true));
    assert_eq!(left(json!({"name": "main", "isMultiRegionTrail": false})), (true, false));
    assert_eq!(left(json!({"name": "main", "isMultiRegionTrail": "maybe"})), (true, true));
    // What a call does not say stays as it was.
    assert_eq!(left(json!({"name": "main", "enableLogFileValidation": true})), (false, false));
    assert_eq!(of("UpdateTrail", json!({"name": "main"}), done), None);
    let moved = json!({"name": "main", "isMultiRegionTrail": false, "s3BucketName": "other"});
    assert_eq!(of("UpdateTrail", moved, done), None, "the bucket may stay another one");
}
