//! Everything about one key.

use serde_json::{Value, json};

use super::{asking, decrypt, one};
use crate::harness::Sandbox;
use crate::trail::{KEY, at, call, file, refused, with};

fn policy(statements: &Value) -> Value {
    json!({"policy": json!({"Version": "2012-10-17", "Statement": statements}).to_string()})
}

#[test]
fn policies_are_told_by_what_each_changed() {
    let root = json!({"Sid": "root", "Effect": "Allow", "Resource": "*", "Action": "kms:*",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"}});
    let share = json!({"Sid": "share", "Effect": "Allow", "Resource": "*", "Action": "kms:Decrypt",
        "Principal": {"AWS": "arn:aws:iam::777788889999:root"}});
    let first = asking("PutKeyPolicy", "e1", 0, &policy(&json!([root])));
    let second = asking("PutKeyPolicy", "e2", 60, &policy(&json!([root, share])));
    let third = refused(asking("PutKeyPolicy", "e3", 90, &policy(&json!([]))));
    let key = one(&[second, third, first], &["--key", KEY]);
    let policies = &key["dossier"]["policies"]["first"];
    assert_eq!(policies.as_array().unwrap().len(), 2, "a refused call sets no policy");
    assert_eq!(policies[0]["before_known"], false);
    let changes = &policies[1]["changes"];
    assert_eq!([&changes[0]["statement"], &changes[0]["differs"]], ["share", "added"]);
    let line = json!("+ Principal AWS: arn:aws:iam::777788889999:root");
    assert!(changes[0]["lines"].as_array().unwrap().contains(&line), "{changes}");
    let life = key["dossier"]["life"]["first"].as_array().unwrap();
    assert_eq!(life[1]["says"], "statements: 1 added");
    assert_eq!(life[2]["error"], "AccessDenied");
}

#[test]
fn a_key_made_without_a_policy_has_the_default_one() {
    let made = with(
        call("CreateKey", "e1"),
        &[
            ("/requestParameters", json!({"origin": "AWS_KMS"})),
            ("/responseElements", json!({"keyMetadata": {"arn": KEY, "keyManager": "CUSTOMER"}})),
        ],
    );
    let deny = json!([{"Sid": "no", "Effect": "Deny", "Principal": "*", "Action": "kms:Sign", "Resource": "*"}]);
    let set = asking("PutKeyPolicy", "e2", 60, &policy(&deny));
    let key = one(&[made, set], &["--key", KEY]);
    let policies = &key["dossier"]["policies"]["first"];
    assert_eq!(policies[0]["default"], true);
    let changed: Vec<&Value> = policies[1]["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| &change["differs"])
        .collect();
    assert_eq!(changed, ["added", "removed"]);
}

#[test]
fn grants_are_open_until_a_record_ends_them() {
    let grant = |id: &str, event: &str, seconds| {
        let request = json!({"granteePrincipal": "arn:aws:iam::111122223333:role/backup",
            "operations": ["Decrypt", "CreateGrant"],
            "constraints": {"encryptionContextSubset": {"aws:ebs:id": "vol-1"}}});
        let made = asking("CreateGrant", event, seconds, &request);
        with(made, &[("/responseElements", json!({"grantId": id, "keyId": KEY}))])
    };
    let revoked = asking("RevokeGrant", "e3", 60, &json!({"grantId": "g1"}));
    let retired = with(
        at(call("RetireGrant", "e4"), 61),
        &[
            ("/requestParameters", Value::Null),
            ("/additionalEventData", json!({"grantId": "g2"})),
            ("/resources", json!([{"ARN": KEY}])),
        ],
    );
    let records =
        [revoked, retired, grant("g1", "e1", 0), grant("g2", "e2", 1), grant("g3", "e5", 2)];
    let key = one(&records, &["--key", KEY]);
    let dossier = &key["dossier"];
    assert_eq!([&dossier["grants"]["count"], &dossier["grants_ended"]], [1, 2]);
    let open = &dossier["grants"]["first"][0];
    assert_eq!([&open["id"], &open["grantee"]], ["g3", "arn:aws:iam::111122223333:role/backup"]);
    assert_eq!(open["operations"], json!(["Decrypt", "CreateGrant"]));
    assert_eq!(open["constraints"], json!(["encryptionContextSubset aws:ebs:id = vol-1"]));
}

#[test]
fn of_more_grants_than_have_room_the_open_ones_stay_and_the_others_are_counted() {
    let at = |record: Value, seconds: usize| {
        let (hours, minutes) = (10 + seconds / 3_600, seconds / 60 % 60);
        let time = format!("2026-05-01T{hours}:{minutes:02}:{:02}Z", seconds % 60);
        with(record, &[("/eventTime", json!(time))])
    };
    let grant = |number: usize| {
        let request = json!({"granteePrincipal": "arn:aws:iam::111122223333:role/backup",
            "operations": ["Decrypt"]});
        let made = asking("CreateGrant", &format!("e{number}"), 0, &request);
        let answer = json!({"grantId": format!("g{number}"), "keyId": KEY});
        at(with(made, &[("/responseElements", answer)]), number)
    };
    // The one that is revoked makes room for one more; two have none.
    let revoked = at(asking("RevokeGrant", "r", 0, &json!({"grantId": "g7"})), 100);
    let records: Vec<Value> = (0..10_003).map(grant).chain([revoked]).collect();
    let key = one(&records, &["--key", KEY]);
    let grants = &key["dossier"]["grants"];
    assert_eq!([&grants["count"], &key["dossier"]["grants_ended"]], [10_002, 1]);
    assert_eq!(grants["cut"], true);
    let open = grants["first"].as_array().unwrap();
    let ids: Vec<&str> = open.iter().map(|grant| grant["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 10_000);
    assert_eq!((ids[7], ids[9_999]), ("g8", "g10000"));
    let asked = one(&records, &["--key", KEY, "--who-can", "Decrypt"]);
    let unknown = asked["dossier"]["access"]["unknown"].as_array().unwrap();
    let said = "2 more grants than are kept of one key, some of which may be open";
    assert!(unknown.iter().any(|one| one == said), "{unknown:?}");
}

#[test]
fn what_was_refused_since_the_last_change_is_told() {
    let disabled = at(call("DisableKey", "e3"), 600);
    let records = [
        refused(decrypt("e1", 0)),
        decrypt("e2", 1),
        disabled,
        refused(decrypt("e4", 700)),
        refused(decrypt("e5", 701)),
    ];
    let key = one(&records, &["--key", KEY]);
    let dossier = &key["dossier"];
    assert_eq!(dossier["refused_since"]["id"], "e3");
    assert_eq!(dossier["used_since"], Value::Null);
    let refused = &dossier["refused"]["first"];
    assert_eq!(refused.as_array().unwrap().len(), 1);
    assert_eq!([&refused[0]["event"], &refused[0]["error"]], ["Decrypt", "AccessDenied"]);
    assert_eq!(
        [&refused[0]["refused"], &refused[0]["last"]],
        [&json!(2), &json!("2026-05-01T10:11:41Z")]
    );
    let days = &dossier["days"]["first"];
    assert_eq!([&days[0]["ok"], &days[0]["refused"]], [1, 3]);
}

#[test]
fn the_dossier_is_told_to_people_too() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[decrypt("e1", 0), at(call("DisableKey", "e2"), 600)]));
    let words = ["keys", "--no-builtin-rules", "trail.json", "--key", KEY];
    let out = sandbox.keytrail(words).run().code(0).stdout;
    for line in [
        "state       disabled",
        "proved by   DisableKey 2026-05-01 10:10 by user/ana, trail.json#1",
        "since       DisableKey 2026-05-01 10:10: not used",
        "LIFE: 1 administrative call",
        "USE BY DAY",
    ] {
        assert!(out.lines().any(|one| one == line), "{line} is not in\n{out}");
    }
}
