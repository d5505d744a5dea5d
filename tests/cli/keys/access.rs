//! Who can do something with a key.

use serde_json::{Value, json};

use super::{asking, one};
use crate::harness::Sandbox;
use crate::trail::{KEY, at, call, file, with};

const APP: &str = "arn:aws:iam::111122223333:role/app";

fn policy(seconds: u32, id: &str, statements: &Value) -> Value {
    let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    asking("PutKeyPolicy", id, seconds, &json!({"policy": document}))
}

fn allow(principal: &str, more: &Value) -> Value {
    let mut statement = json!({"Sid": "s", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
        "Principal": {"AWS": principal}});
    for (name, value) in more.as_object().unwrap() {
        statement[name] = value.clone();
    }
    statement
}

fn iam(name: &str, id: &str, request: &Value) -> Value {
    let changes = [
        ("/eventSource", json!("iam.amazonaws.com")),
        ("/awsRegion", json!("us-east-1")),
        ("/requestParameters", request.clone()),
    ];
    with(call(name, id), &changes)
}

fn ask(records: &[Value], more: &[&str]) -> Value {
    let words = ["--key", KEY, "--who-can", "decrypt"];
    let words: Vec<&str> = words.iter().chain(more).copied().collect();
    one(records, &words)["dossier"]["access"].clone()
}

/// How sure, and who.
fn allowed(access: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = access["allowed"].as_array().unwrap().iter();
    all.map(|one| (text(&one["sure"]), text(&one["principal"]))).collect()
}

fn pair(sure: &str, principal: &str) -> (String, String) {
    (sure.to_owned(), principal.to_owned())
}

#[test]
fn who_is_named_is_allowed_and_conditions_are_told() {
    let condition =
        json!({"Condition": {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}});
    let ops = "arn:aws:iam::111122223333:role/ops";
    let access =
        ask(&[policy(0, "e1", &json!([allow(APP, &json!({})), allow(ops, &condition)]))], &[]);
    assert_eq!(allowed(&access), [pair("allowed", APP), pair("if-conditions-hold", ops)]);
    assert_eq!(access["operation"], "Decrypt");
    let told = &access["allowed"][1]["conditions"];
    assert_eq!(told, &json!(["StringEquals kms:ViaService: s3.eu-west-1.amazonaws.com"]));
    let unknown = access["unknown"].to_string();
    assert!(unknown.contains("list-grants") && unknown.contains("control policies"), "{unknown}");
    assert!(unknown.contains("whether principals were deleted since"), "{unknown}");
}

#[test]
fn a_denial_takes_away_and_one_with_conditions_is_told() {
    let deny = |more: &Value| {
        let mut statement = allow(APP, more);
        statement["Effect"] = json!("Deny");
        statement["Sid"] = json!("no");
        statement
    };
    let certain = ask(&[policy(0, "e1", &json!([allow(APP, &json!({})), deny(&json!({}))]))], &[]);
    assert_eq!(allowed(&certain), []);
    let maybe = deny(&json!({"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}));
    let access = ask(&[policy(0, "e1", &json!([allow(APP, &json!({})), maybe]))], &[]);
    assert_eq!(allowed(&access), [pair("if-conditions-hold", APP)]);
    assert!(
        access["allowed"][0]["conditions"].to_string().contains("not denied by key policy, no")
    );
    assert_eq!(
        access["denied"][0]["conditions"],
        json!(["Bool aws:MultiFactorAuthPresent: false"])
    );
}

#[test]
fn another_account_needs_its_own_iam_and_the_root_leaves_it_to_iam() {
    let foreign = "arn:aws:iam::777788889999:role/reader";
    let root = "arn:aws:iam::111122223333:root";
    let statements = json!([allow(foreign, &json!({})), allow(root, &json!({}))]);
    let access = ask(&[policy(0, "e1", &statements)], &[]);
    let iam_of = "IAM of account 111122223333";
    assert_eq!(allowed(&access), [pair("if-iam-allows", foreign), pair("left-to-iam", iam_of)]);
    // What IAM says is known only as far as the log shows it.
    let document = |action: &str| {
        json!({"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}).to_string()
    };
    let put = iam(
        "PutRolePolicy",
        "i1",
        &json!({"roleName": "app", "policyName": "use",
        "policyDocument": document("kms:*")}),
    );
    let other = iam(
        "PutRolePolicy",
        "i2",
        &json!({"roleName": "web", "policyName": "use",
        "policyDocument": document("s3:*")}),
    );
    let attached = iam(
        "AttachRolePolicy",
        "i3",
        &json!({"roleName": "ci",
        "policyArn": "arn:aws:iam::111122223333:policy/unseen"}),
    );
    let admin = iam(
        "AttachUserPolicy",
        "i4",
        &json!({"userName": "ana",
        "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    );
    let records = [policy(0, "e1", &statements), put.clone(), other, attached, admin];
    let access = ask(&records, &[]);
    assert_eq!(
        allowed(&access),
        [
            pair("allowed", APP),
            pair("allowed", "arn:aws:iam::111122223333:user/ana"),
            pair("if-iam-allows", foreign),
            pair("left-to-iam", iam_of),
        ]
    );
    assert!(access["unknown"].to_string().contains("policy/unseen"), "{access}");
    // IAM has no Region: its documents count whatever Region is asked for.
    let access = ask(&records, &["--region", "eu-west-1"]);
    assert!(allowed(&access).contains(&pair("allowed", APP)));
    let deleted = iam("DeleteRolePolicy", "i5", &json!({"roleName": "app", "policyName": "use"}));
    let access = ask(&[policy(0, "e1", &statements), put, at(deleted, 60)], &[]);
    assert!(!allowed(&access).contains(&pair("allowed", APP)));
}

#[test]
fn grants_allow_their_grantee_for_what_they_name() {
    let grant = |id: &str, operation: &str, constraints: &Value| {
        let request =
            json!({"granteePrincipal": APP, "operations": [operation], "constraints": constraints});
        let made = asking("CreateGrant", id, 0, &request);
        with(made, &[("/responseElements", json!({"grantId": id}))])
    };
    let records = [grant("g1", "Decrypt", &Value::Null), grant("g2", "Encrypt", &Value::Null)];
    let access = ask(&records, &[]);
    assert_eq!(allowed(&access), [pair("allowed", APP)]);
    assert_eq!(access["policy"], Value::Null);
    assert!(access["unknown"][0].as_str().unwrap().contains("GetKeyPolicy is logged without it"));
    let bound = grant("g1", "Decrypt", &json!({"encryptionContextEquals": {"a": "b"}}));
    assert_eq!(allowed(&ask(&[bound], &[])), [pair("if-conditions-hold", APP)]);
}

#[test]
fn the_answer_is_as_of_a_time() {
    let other = "arn:aws:iam::111122223333:role/other";
    let records = [
        policy(0, "e1", &json!([allow(APP, &json!({}))])),
        policy(60, "e2", &json!([allow(other, &json!({}))])),
    ];
    assert_eq!(allowed(&ask(&records, &[])), [pair("allowed", other)]);
    assert_eq!(allowed(&ask(&records, &["--at", "2026-05-01T10:00:30Z"])), [pair("allowed", APP)]);
    let before = ask(&records, &["--at", "2026-05-01T09:00:00Z"]);
    assert_eq!(allowed(&before), []);
    assert!(before["unknown"][0].as_str().unwrap().contains("2026-05-01T10:00:00Z"), "{before}");
}

const ROOT: &str = "arn:aws:iam::111122223333:root";

fn deny(who: &Value) -> Value {
    let mut statement = json!({"Sid": "no", "Effect": "Deny", "Action": "kms:*", "Resource": "*"});
    for (name, value) in who.as_object().unwrap() {
        statement[name] = value.clone();
    }
    statement
}

/// An inline policy of a role.
fn put(id: &str, role: &str, effect: &str, resource: &str) -> Value {
    let document =
        json!({"Statement": [{"Effect": effect, "Action": "kms:*", "Resource": resource}]});
    let request =
        json!({"roleName": role, "policyName": id, "policyDocument": document.to_string()});
    iam("PutRolePolicy", id, &request)
}

fn granted(grantee: &str, constraints: &Value) -> Value {
    let request =
        json!({"granteePrincipal": grantee, "operations": ["Decrypt"], "constraints": constraints});
    with(
        asking("CreateGrant", "g1", 0, &request),
        &[("/responseElements", json!({"grantId": "g1"}))],
    )
}

#[test]
fn a_denial_counts_for_every_way_to_be_allowed() {
    let of_root = allow(ROOT, &json!({}));
    let no = deny(&json!({"Principal": {"AWS": APP}}));
    let direct = allow(APP, &json!({}));
    let session = allow("arn:aws:sts::111122223333:assumed-role/app/s", &json!({}));
    let free = json!(null);
    for (what, records) in [
        ("holder", vec![policy(0, "e1", &json!([of_root, no])), put("i1", "app", "Allow", "*")]),
        ("session", vec![policy(0, "e1", &json!([session, no]))]),
        ("named", vec![policy(0, "e1", &json!([direct])), put("i1", "app", "Deny", "*")]),
        ("grant, policy", vec![policy(0, "e1", &json!([of_root, no])), granted(APP, &free)]),
        (
            "grant, IAM",
            vec![
                policy(0, "e1", &json!([of_root])),
                granted(APP, &free),
                put("i1", "app", "Deny", "*"),
            ],
        ),
        (
            "two documents",
            vec![
                policy(0, "e1", &json!([of_root])),
                put("i1", "app", "Allow", "*"),
                put("i2", "app", "Deny", "*"),
            ],
        ),
    ] {
        let access = ask(&records, &[]);
        let left = allowed(&access);
        assert!(left.iter().all(|(sure, _)| sure == "left-to-iam"), "{what}: {access}");
        assert!(access["denied"].to_string().contains("app"), "{what}: {access}");
    }
    // A denial that may be for the key is a condition.
    let varies = put("i1", "app", "Deny", "arn:aws:kms:*:*:key/${aws:PrincipalTag/key}");
    let access = ask(&[policy(0, "e1", &json!([direct])), varies], &[]);
    assert_eq!(allowed(&access), [pair("if-conditions-hold", APP)]);
}

#[test]
fn whoever_a_denial_does_not_spare_by_name_is_denied() {
    let ops = "arn:aws:iam::111122223333:role/ops";
    let spares = deny(&json!({"NotPrincipal": {"AWS": [ops, ROOT]}}));
    let statements = json!([allow(APP, &json!({})), allow(ops, &json!({})), spares]);
    let access = ask(&[policy(0, "e1", &statements)], &[]);
    assert_eq!(allowed(&access), [pair("if-conditions-hold", ops)]);
    assert!(access["denied"].to_string().contains(APP), "{access}");
}

#[test]
fn everybody_is_told_with_those_who_are_excepted() {
    let statements = json!([allow("*", &json!({})), deny(&json!({"Principal": {"AWS": APP}}))]);
    let access = ask(&[policy(0, "e1", &statements)], &[]);
    let own = format!("anybody of account 111122223333 but {APP}");
    let others = "anybody of other accounts";
    assert_eq!(allowed(&access), [pair("allowed", &own), pair("if-iam-allows", others)]);
    // Whoever is denied under conditions is allowed if they do not hold.
    let no =
        json!({"Principal": {"AWS": APP}, "Condition": {"Bool": {"aws:SecureTransport": "false"}}});
    let statements = json!([allow("*", &json!({})), deny(&no)]);
    let access = ask(&[policy(0, "e1", &statements)], &[]);
    assert!(allowed(&access).contains(&pair("if-conditions-hold", APP)), "{access}");
    let all = deny(&json!({"Principal": "*"}));
    assert_eq!(allowed(&ask(&[policy(0, "e1", &json!([allow("*", &json!({})), all]))], &[])), []);
}

#[test]
fn what_cannot_be_read_is_told() {
    for constraints in
        [json!("HIDDEN"), json!([1]), json!({"encryptionContextEquals": {"a": {"b": 1}}})]
    {
        let access = ask(&[granted(APP, &constraints)], &[]);
        assert_eq!(allowed(&access), [pair("if-conditions-hold", APP)], "{constraints}");
    }
    let root = policy(0, "e1", &json!([allow(ROOT, &json!({}))]));
    let omitted = json!({"omitted": true});
    let mut grant = granted(APP, &Value::Null);
    grant["requestParameters"] = omitted.clone();
    grant["resources"] = json!([{"ARN": KEY, "type": "AWS::KMS::Key"}]);
    let bad = json!({"roleName": "app", "policyName": "bad", "policyDocument": "{bad"});
    let varies = put("i1", "app", "Allow", "arn:aws:kms:*:*:key/${aws:PrincipalTag/key}");
    for (record, said) in [
        (grant, "grant g1"),
        (iam("PutRolePolicy", "i1", &omitted), "PutRolePolicy of"),
        (iam("PutRolePolicy", "i1", &bad), "inline policy bad of role/app"),
        (varies, "depends on variables"),
    ] {
        let access = ask(&[root.clone(), record], &[]);
        assert!(access["unknown"].to_string().contains(said), "{said}: {access}");
    }
}

#[test]
fn nobody_can_use_a_key_that_is_disabled_then() {
    let named = policy(0, "e1", &json!([allow(APP, &json!({}))]));
    let records = [named, at(call("DisableKey", "e2"), 60), at(call("EnableKey", "e3"), 120)];
    assert_eq!(ask(&records, &[])["nobody"], Value::Null);
    let then = ask(&records, &["--at", "2026-05-01T10:01:30Z"]);
    let said = "the key is disabled then: DisableKey of 2026-05-01T10:01:00Z";
    assert_eq!(then["nobody"], said);
    assert_eq!(ask(&records[..2], &[])["nobody"], said);
    assert_eq!(ask(&records, &["--at", "2026-05-01T10:00:30Z"])["nobody"], Value::Null);
}

#[test]
fn csv_has_no_place_for_the_answer() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", file(&[policy(0, "e1", &json!([allow(APP, &json!({}))]))]));
    let ask = ["keys", "--key", KEY, "--who-can", "Decrypt", "trail.json", "-f"];
    let ended = sandbox.keytrail(ask.iter().chain(&["csv"])).run().code(2);
    assert!(ended.stderr.contains("table, json or ndjson with --who-can"), "{}", ended.stderr);
    let rows = sandbox.keytrail(ask.iter().chain(&["ndjson"])).run().code(0).stdout;
    assert!(rows.contains(APP), "{rows}");
}

#[test]
fn a_time_after_the_end_of_the_log_is_said() {
    let records = [policy(0, "e1", &json!([allow(APP, &json!({}))]))];
    let ends = "what changed after the log ends, 2026-05-01T10:00:00Z";
    for (at, said) in [("2026-05-01T10:00:00Z", false), ("2026-05-01T10:00:01Z", true)] {
        let access = ask(&records, &["--at", at]);
        assert_eq!(access["unknown"].to_string().contains(ends), said, "{at}: {access}");
    }
}

#[test]
fn a_key_policy_decides_no_call_that_is_about_no_key() {
    let sandbox = Sandbox::new();
    let all = json!({"Action": "kms:*"});
    sandbox.write("trail.json", file(&[policy(0, "e1", &json!([allow(APP, &all)]))]));
    for call in ["CreateKey", "listkeys"] {
        let ended = sandbox.keytrail(["keys", "--key", KEY, "--who-can", call, "trail.json"]);
        let ended = ended.run().code(2);
        assert!(ended.stderr.contains("no key policy decides this"), "{}", ended.stderr);
    }
}

#[test]
fn half_of_a_reencrypt_is_no_more_than_half() {
    let of = |action: &Value| {
        let records = [policy(0, "e1", &json!([allow(APP, &json!({"Action": action}))]))];
        let words = ["--key", KEY, "--who-can", "ReEncrypt"];
        let access = one(&records, &words)["dossier"]["access"].clone();
        (allowed(&access), access["allowed"][0]["conditions"].clone())
    };
    let (half, condition) = of(&json!("kms:ReEncryptFrom"));
    assert_eq!(half, [pair("if-conditions-hold", APP)]);
    assert_eq!(condition, json!(["it is ReEncryptFrom"]));
    assert_eq!(of(&json!("kms:ReEncrypt*")), (vec![pair("allowed", APP)], json!([])));
}

#[test]
fn an_id_that_stands_for_a_deleted_principal_is_not_allowed() {
    let access = ask(&[policy(0, "e1", &json!([allow("AROAEXAMPLEROLE000001", &json!({}))]))], &[]);
    assert_eq!(allowed(&access), []);
    let unknown = access["unknown"].to_string();
    assert!(unknown.contains("who AROAEXAMPLEROLE000001 is"), "{unknown}");
}
