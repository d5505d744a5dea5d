//! `keytrail actors --principal P --granted-vs-used`: rights against use, and the least policy.

use serde_json::{Value, json};

use crate::harness::{Ended, Sandbox};
use crate::trail::{KEY, at, by_role, call, file, parse, refused, with};

const APP: &str = "arn:aws:iam::111122223333:role/app";
const ROOT: &str = "arn:aws:iam::111122223333:root";

fn run(sandbox: &Sandbox, words: &[&str]) -> Ended {
    let all = ["actors", "--granted-vs-used", "--principal=app"];
    sandbox.keytrail(all.iter().chain(words)).run()
}

/// The answer about the role `app`, whatever the order of these records and though all come twice.
#[track_caller]
fn answer(records: &[Value]) -> Value {
    let sandbox = Sandbox::new();
    let backwards: Vec<Value> = records.iter().rev().cloned().collect();
    sandbox.write("a/1.json", file(records)).write("b/1.json", file(&backwards));
    let of = |words: &[&str]| {
        let words: Vec<&str> = words.iter().copied().chain(["-f", "json"]).collect();
        parse(&run(&sandbox, &words).code(0))["granted"].clone()
    };
    let once = of(&["a"]);
    let twice = of(&["b", "a", "--threads=2"]).to_string();
    assert_eq!(once.to_string().replace("a/1", "?"), only(&twice.replace("a/1", "?")));
    once
}

/// The smaller place of two copies has the smaller name, which is that of `a`.
fn only(text: &str) -> String {
    assert!(!text.contains("b/1"), "{text}");
    text.to_owned()
}

fn asking(name: &str, id: &str, seconds: u32, request: &Value) -> Value {
    let mut request = request.clone();
    request["keyId"] = json!(KEY);
    at(with(call(name, id), &[("/requestParameters", request)]), seconds)
}

fn allow(principal: &str, action: &Value) -> Value {
    json!({"Sid": "s", "Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": "*"})
}

fn policy(seconds: u32, id: &str, statements: &Value) -> Value {
    let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    asking("PutKeyPolicy", id, seconds, &json!({ "policy": document }))
}

fn grant(seconds: u32, id: &str, operations: &Value) -> Value {
    let request = json!({"granteePrincipal": APP, "operations": operations});
    let made = asking("CreateGrant", id, seconds, &request);
    with(made, &[("/responseElements", json!({ "grantId": id }))])
}

fn used(name: &str, id: &str, seconds: u32) -> Value {
    at(by_role(call(name, id), "app", "i-1"), seconds)
}

fn iam(name: &str, id: &str, request: &Value) -> Value {
    let source = json!("iam.amazonaws.com");
    with(call(name, id), &[("/eventSource", source), ("/requestParameters", request.clone())])
}

fn one_key(answer: &Value) -> &Value {
    let keys = answer["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 1, "{keys:#?}");
    &keys[0]
}

/// Operation, how often it succeeded, and whether the log shows what allowed it.
fn uses(key: &Value) -> Vec<(String, u64, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let all = key["used"].as_array().unwrap().iter();
    all.map(|one| {
        (text(&one["operation"]).unwrap(), one["ok"].as_u64().unwrap(), text(&one["shown"]))
    })
    .collect()
}

fn used_as(operation: &str, ok: u64, shown: Option<&str>) -> (String, u64, Option<String>) {
    (operation.to_owned(), ok, shown.map(str::to_owned))
}

#[test]
fn a_policy_and_a_grant_that_are_used_in_part() {
    let records = [
        policy(0, "p", &json!([allow(APP, &json!(["kms:Decrypt", "kms:Encrypt"]))])),
        grant(1, "g1", &json!(["GenerateDataKey", "Sign"])),
        used("Decrypt", "d1", 10),
        used("Decrypt", "d2", 20),
        used("GenerateDataKey", "d3", 30),
        refused(used("ScheduleKeyDeletion", "d4", 40)),
        with(used("Encrypt", "d5", 50), &[("/errorCode", json!("DisabledException"))]),
        with(used("Encrypt", "d6", 51), &[("/errorCode", json!("DryRunOperationException"))]),
        at(by_role(call("Decrypt", "other"), "web", "i-1"), 60),
    ];
    let answer = answer(&records);
    assert_eq!(answer["principal"], APP);
    let key = one_key(&answer);
    assert_eq!(
        uses(key),
        [
            used_as("Decrypt", 2, Some("at-the-end")),
            used_as("Encrypt", 0, None),
            used_as("GenerateDataKey", 1, Some("at-the-end")),
            used_as("ScheduleKeyDeletion", 0, None),
        ]
    );
    let count = |name: &str| {
        key["used"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one[name].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!([count("refused"), count("failed")], [[0, 0, 0, 1], [0, 1, 0, 0]]);
    assert_eq!(key["used"][0]["first"], "2026-05-01T10:00:10Z");
    assert_eq!(key["used"][0]["last"], "2026-05-01T10:00:20Z");
    assert_eq!(key["never_used"], json!(["Encrypt", "Sign"]));
    let allowed: Vec<&Value> = key["allowed"].as_array().unwrap().iter().collect();
    assert_eq!(allowed.len(), 2);
    assert_eq!([&allowed[0]["sure"], &allowed[1]["sure"]], ["allowed", "allowed"]);
    assert!(allowed[0]["by"].as_str().unwrap().starts_with("grant g1"), "{allowed:?}");
    assert_eq!(allowed[1]["by"], "key policy, s");
    let least = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": [KEY]}]});
    assert_eq!(answer["least_policy"], least);
    let notes = answer["notes"].to_string();
    assert!(notes.contains("less than a day: a log that short proves little"), "{notes}");
}

#[test]
fn what_the_log_does_not_show_is_said() {
    let records = [used("Decrypt", "d1", 10), refused(used("Encrypt", "d2", 11))];
    let answer = answer(&records);
    let key = one_key(&answer);
    assert_eq!(uses(key), [used_as("Decrypt", 1, Some("no")), used_as("Encrypt", 0, None)]);
    assert_eq!([&key["policy"], &key["used"][0]["allowed"]], [&Value::Null, &Value::Null]);
    assert_eq!(answer["least_policy"]["Statement"][0]["Action"], json!(["kms:Decrypt"]));
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&records));
    let table = run(&sandbox, &["trail.json"]).code(0).stderr("").stdout;
    assert!(table.contains("1 call: allowed by something that the log does not show"), "{table}");
    // That the account may decide does not say that it did.
    let left = policy(0, "p", &json!([allow(ROOT, &json!("kms:*"))]));
    let left_to_iam = self::answer(&[left.clone(), records[0].clone()]);
    let key = one_key(&left_to_iam);
    assert_eq!(uses(key), [used_as("Decrypt", 1, Some("no"))]);
    assert_eq!(key["used"][0]["allowed"], "left-to-iam");
    assert_eq!(key["never_used"], json!([]));
    // A key that is only left to IAM is counted.
    let other = with(left, &[("/requestParameters/keyId", json!(KEY.replace("5716", "9999")))]);
    assert_eq!(self::answer(&[other, records[0].clone()])["left_to_iam"], 1);
}

#[test]
fn rights_of_another_time_are_told_apart() {
    let ended = |seconds| asking("RevokeGrant", "r", seconds, &json!({"grantId": "g1"}));
    let decrypt = used("Decrypt", "d1", 10);
    let shown = |records: &[Value]| uses(one_key(&answer(records)))[0].2.clone().unwrap();
    let before = grant(0, "g1", &json!(["Decrypt"]));
    assert_eq!(shown(&[before.clone(), decrypt.clone()]), "at-the-end");
    assert_eq!(shown(&[before, decrypt.clone(), ended(20)]), "before");
    assert_eq!(shown(&[grant(20, "g1", &json!(["Decrypt"])), decrypt.clone()]), "later");
    assert_eq!(shown(&[grant(0, "g1", &json!(["Encrypt"])), decrypt]), "no");
}

#[test]
fn iam_and_the_key_policy_decide_together() {
    let document = |effect: &str, action: &str| {
        let statement = json!({"Sid": "i", "Effect": effect, "Action": action, "Resource": "*"});
        json!({ "Statement": [statement] }).to_string()
    };
    let put = |name: &str, effect: &str, action: &str| {
        let document = document(effect, action);
        let request = json!({"roleName": "app", "policyName": name, "policyDocument": document});
        iam("PutRolePolicy", name, &request)
    };
    let left = policy(0, "p", &json!([allow(ROOT, &json!("kms:*"))]));
    let decrypt = used("Decrypt", "d1", 10);
    let list = with(used("ListKeys", "l", 11), &[("/requestParameters", Value::Null)]);
    let use_it = put("use", "Allow", "kms:*crypt");
    let both = answer(&[left.clone(), use_it.clone(), decrypt.clone(), list.clone()]);
    let key = one_key(&both);
    assert_eq!(uses(key), [used_as("Decrypt", 1, Some("at-the-end"))]);
    assert_eq!(key["allowed"][0]["by"], "key policy, s, and inline policy use, i");
    assert_eq!(key["never_used"], json!(["Encrypt"]));
    assert_eq!(both["without_key"][0]["shown"], "no");
    assert_eq!(both["least_policy"]["Statement"][1]["Resource"], json!(["*"]));
    let denied = [left, use_it.clone(), put("no", "Deny", "kms:Encrypt"), decrypt.clone()];
    assert_eq!(one_key(&answer(&denied))["never_used"], json!([]));
    let unknown = answer(&[use_it, decrypt.clone()]);
    assert_eq!(one_key(&unknown)["used"][0]["allowed"], "not-known");
    let request = json!({"roleName": "app", "policyArn": "arn:aws:iam::111122223333:policy/x"});
    let unseen = answer(&[iam("AttachRolePolicy", "a", &request), decrypt]);
    assert_eq!(unseen["iam"]["unseen"], json!(["arn:aws:iam::111122223333:policy/x"]));
}

#[test]
fn nobody_is_allowed_what_a_denial_refuses_or_may_refuse() {
    let deny = |who: &str, names: &Value| json!({"Sid": "no", "Effect": "Deny", who: {"AWS": names}, "Action": "kms:Decrypt", "Resource": "*"});
    let key = |denial: Value| {
        let statements = json!([allow(APP, &json!(["kms:Decrypt", "kms:Encrypt"])), denial]);
        let records = [policy(0, "p", &statements), used("Encrypt", "d1", 10)];
        one_key(&answer(&records)).clone()
    };
    let sures = |key: &Value| -> Vec<(String, Value)> {
        let all = key["allowed"].as_array().unwrap().iter();
        all.map(|one| (one["sure"].as_str().unwrap().to_owned(), one["operations"].clone()))
            .collect()
    };
    let ann = "arn:aws:iam::111122223333:user/ann";
    let allowed = |operation: &str| ("allowed".to_owned(), json!([operation]));
    let spares_others = key(deny("NotPrincipal", &json!([ann, ROOT])));
    assert_eq!(sures(&spares_others), [allowed("Encrypt")]);
    let session = "arn:aws:sts::111122223333:assumed-role/app/s1";
    for denial in [deny("Principal", &json!([session])), deny("NotPrincipal", &json!([APP, ROOT]))]
    {
        let key = key(denial);
        let perhaps = ("if-conditions-hold".to_owned(), json!(["Decrypt"]));
        assert_eq!(sures(&key), [allowed("Encrypt"), perhaps], "{key}");
        let conditions = key["allowed"][1]["conditions"].to_string();
        assert!(conditions.contains("not denied by key policy, no"), "{key}");
        assert_eq!(key["denied"][0]["by"], "key policy, no");
    }
}

#[test]
fn conditions_are_those_that_every_use_fulfils() {
    let by = |id: &str, service: &str, context: &Value| {
        let changes = [
            ("/userIdentity/invokedBy", json!(service)),
            ("/requestParameters/encryptionContext", context.clone()),
        ];
        with(used("Decrypt", id, 10), &changes)
    };
    let secrets = "secretsmanager.amazonaws.com";
    let one = by("d1", secrets, &json!({"app": "ledger", "version": "1"}));
    let other = by("d2", secrets, &json!({"app": "ledger", "version": "2"}));
    let statement = |records: &[Value]| answer(records)["least_policy"]["Statement"][0].clone();
    let equals = json!({"StringEquals": {
        "kms:EncryptionContext:app": ["ledger"],
        "kms:ViaService": ["secretsmanager.eu-west-1.amazonaws.com"],
    }});
    assert_eq!(statement(&[one.clone(), other])["Condition"], equals);
    // Where the record names no service, what the call was about does.
    let bucket = json!({"aws:s3:arn": "arn:aws:s3:::ledger"});
    let internal = answer(&[by("d5", "AWS Internal", &bucket)]);
    let condition = &internal["least_policy"]["Statement"][0]["Condition"]["StringEquals"];
    assert_eq!(condition["kms:ViaService"], json!(["s3.eu-west-1.amazonaws.com"]));
    assert!(internal["notes"].to_string().contains("do not name the service"), "{internal}");
    let direct = used("Decrypt", "d3", 20);
    assert_eq!(statement(&[one.clone(), direct])["Condition"], Value::Null);
    // A refused call is none that has to be served.
    let failed = refused(used("Decrypt", "d4", 20));
    assert_eq!(
        statement(&[one, failed])["Condition"]["StringEquals"].as_object().unwrap().len(),
        3
    );
}

#[test]
fn hostile_names_make_no_patterns_and_reach_no_terminal() {
    let key = "arn:aws:kms:eu-west-1:111122223333:key/*";
    let any = with(used("Decrypt", "d1", 10), &[("/requestParameters/keyId", json!(key))]);
    let answer = answer(&[any]);
    assert_eq!(answer["least_policy"]["Statement"], json!([]));
    assert!(answer["notes"].to_string().contains("does not name plainly"), "{answer}");
    let sandbox = Sandbox::new();
    let odd = json!("arn:aws:kms:eu-west-1:111122223333:key/\u{1b}[2J\u{202e}");
    let odd = with(used("Decrypt", "d1", 10), &[("/requestParameters/keyId", odd)]);
    sandbox.write("trail.json", file(&[odd]));
    for format in ["table", "json"] {
        let out = run(&sandbox, &["trail.json", "-f", format]).code(0).stdout;
        assert!(!out.contains(['\u{1b}', '\u{202e}']) && out.contains("Decrypt"), "{out}");
    }
}

#[test]
fn a_name_has_to_stand_for_one() {
    let sandbox = Sandbox::new();
    let records = [used("Decrypt", "d1", 10), at(by_role(call("Encrypt", "e"), "web", "i-1"), 0)];
    sandbox.write("trail.json", file(&records));
    let ask = |words: &[&str]| {
        let all = ["actors", "trail.json", "--granted-vs-used"];
        sandbox.keytrail(all.iter().chain(words)).run()
    };
    let several = ask(&["--principal", "role/*"]).code(2).stdout("");
    let web = APP.replace("app", "web");
    several.says(&format!("error: --principal role/* stands for 2 principals: {APP}, {web}"));
    let session = "arn:aws:sts::111122223333:assumed-role/app/i-1";
    for name in ["app", "role/app", "role/app (i-1)", APP, session] {
        let granted = parse(&ask(&["--principal", name, "-f", "json"]).code(0));
        assert_eq!(granted["schema"], "keytrail.granted/v1");
        assert_eq!(granted["granted"]["principal"], APP, "{name}");
    }
    let nobody = ask(&["--principal", "nobody"]).code(0).stdout;
    assert!(nobody.starts_with("No user or role of that name called KMS."), "{nobody}");
    // An ARN is enough to ask about somebody who never called.
    sandbox.write("trail.json", file(&[policy(0, "p", &json!([allow(APP, &json!("kms:Sign"))]))]));
    let granted = parse(&ask(&["--principal", APP, "-f", "json"]).code(0));
    assert_eq!(granted["granted"]["keys"][0]["never_used"], json!(["Sign"]));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[used("Decrypt", "d1", 10)]));
    for format in ["ndjson", "csv"] {
        let wrong = run(&sandbox, &["trail.json", "-f", format]).code(2);
        let expected = "expected table or json with --granted-vs-used";
        assert!(wrong.stderr.contains(expected), "{}", wrong.stderr);
    }
    run(&sandbox, &["trail.json", "--principal=other"]).code(2);
    run(&sandbox, &["trail.json", "--limit=3"]).code(2);
    sandbox.keytrail(["actors", "trail.json", "--granted-vs-used"]).run().code(2);
    sandbox.write("cut.json", "{\"Records\":[{");
    let cut = run(&sandbox, &["trail.json", "cut.json"]).code(3);
    assert!(cut.stdout.contains("INCOMPLETE: 1 problem"), "{}", cut.stdout);
}

#[test]
fn the_range_limits_what_counts_as_use() {
    let sandbox = Sandbox::new();
    let records = [
        policy(0, "p", &json!([allow(APP, &json!("kms:Decrypt"))])),
        used("Decrypt", "d1", 10),
        used("Decrypt", "d2", 60),
    ];
    sandbox.write("trail.json", file(&records));
    let since = ["trail.json", "-f", "json", "--since", "2026-05-01T10:00:30Z"];
    let answer = parse(&run(&sandbox, &since).code(0));
    assert_eq!(uses(one_key(&answer["granted"])), [used_as("Decrypt", 1, Some("at-the-end"))]);
    let table = |columns: &str| {
        let all = ["actors", "trail.json", "--granted-vs-used", "--principal=app"];
        sandbox.keytrail(all).env("COLUMNS", columns).run().code(0).stdout
    };
    insta::assert_snapshot!("granted_80", table("80"));
    insta::assert_snapshot!("granted_160", table("160"));
}
