//! The model against slow, obvious twins, and documents of any shape.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::condition::{CALLER_FENCES, CONTEXT_FENCES, GRANT_FENCES, is_every_key};
use super::*;

mod unread;

const ACCOUNT: &str = "111122223333";
const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn place() -> Place<'static> {
    Place { key: Some(KEY), account: Some(ACCOUNT), time: None }
}

fn read(document: &Value) -> Policy {
    Policy::parse(&document.to_string()).unwrap()
}

fn policy(statements: Value) -> Policy {
    read(&json!({"Version": "2012-10-17", "Statement": statements}))
}

/// One statement that allows everything to all under these conditions.
fn under(effect: &str, condition: Value) -> Policy {
    policy(json!({
        "Effect": effect, "Principal": "*", "Action": "kms:*", "Resource": "*", "Condition": condition
    }))
}

/// The document that a policy could have been read from, in one of two spellings.
fn render(policy: &Policy, lists: bool) -> Value {
    let texts = |texts: &[String]| match texts {
        [one] if !lists => json!(one),
        _ => json!(texts),
    };
    let statement = |statement: &Statement| {
        let mut out = serde_json::Map::new();
        let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
        if let Some(sid) = &statement.sid {
            put("Sid", json!(sid));
        }
        put("Effect", json!(if statement.allows() { "Allow" } else { "Deny" }));
        let people = |named: &BTreeSet<Principal>| {
            let mut kinds = serde_json::Map::new();
            for (kind, text) in named.iter().map(Principal::spelling) {
                let list = kinds.entry(kind).or_insert_with(|| json!([]));
                list.as_array_mut().unwrap().push(json!(text));
            }
            for list in kinds.values_mut() {
                if let (false, [one]) = (lists, list.as_array().unwrap().as_slice()) {
                    *list = one.clone();
                }
            }
            Value::Object(kinds)
        };
        match &statement.who {
            Who::Named(named) => drop(put("Principal", people(named))),
            Who::AllBut(spared) => drop(put("NotPrincipal", people(spared))),
            Who::Holder => {}
        }
        for (scope, only, all_but) in [
            (&statement.actions, "Action", "NotAction"),
            (&statement.resources, "Resource", "NotResource"),
        ] {
            match scope {
                Scope::Only(patterns) => drop(put(only, texts(patterns))),
                Scope::AllBut(patterns) => drop(put(all_but, texts(patterns))),
                Scope::Unsaid => {}
            }
        }
        let mut operators = serde_json::Map::new();
        for condition in &statement.conditions {
            let keys = operators.entry(&condition.operator).or_insert_with(|| json!({}));
            keys[&condition.key] = texts(&condition.values);
        }
        if !operators.is_empty() {
            put("Condition", Value::Object(operators));
        }
        Value::Object(out)
    };
    let statements: Vec<Value> = policy.statements.iter().map(statement).collect();
    let statements = match statements.as_slice() {
        [one] if !lists => one.clone(),
        _ => json!(statements),
    };
    json!({"Version": policy.version, "Statement": statements})
}

fn principal() -> impl Strategy<Value = Principal> {
    prop::sample::select(vec![
        ("AWS", "*"),
        ("AWS", "arn:aws:iam::111122223333:root"),
        ("AWS", "444455556666"),
        ("AWS", "arn:aws:iam::111122223333:role/deploy-role"),
        ("AWS", "arn:aws:iam::444455556666:user/bob"),
        ("AWS", "AIDAEXAMPLEALICE00001"),
        ("AWS", "nobody"),
        ("Service", "cloudtrail.amazonaws.com"),
        ("Federated", "cognito-identity.amazonaws.com"),
        ("CanonicalUser", "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"),
    ])
    .prop_map(|(kind, text)| Principal::read(kind, text))
}

fn scope(texts: &'static [&'static str]) -> impl Strategy<Value = Scope> {
    let some = prop::collection::vec(prop::sample::select(texts).prop_map(str::to_owned), 1..4);
    (0..6u8, some).prop_map(|(kind, patterns)| match kind {
        0 => Scope::AllBut(patterns),
        1 => Scope::Unsaid,
        _ => Scope::Only(patterns),
    })
}

fn statement() -> impl Strategy<Value = Statement> {
    let who =
        (0..6u8, prop::collection::btree_set(principal(), 1..4)).prop_map(
            |(kind, named)| match kind {
                0 => Who::AllBut(named),
                1 => Who::Holder,
                _ => Who::Named(named),
            },
        );
    let actions =
        scope(&["kms:*", "kms:Decrypt", "kms:ReEncrypt*", "kms:Put*", "*", "s3:GetObject"]);
    let resources =
        scope(&["*", KEY, "arn:aws:kms:*:*:alias/x", "arn:aws:kms:*:111122223333:key/*"]);
    let condition = (
        prop::sample::select(vec!["StringEquals", "Bool", "ForAllValues:StringLike", " Broken "]),
        prop::sample::select(vec!["kms:CallerAccount", "aws:MultiFactorAuthPresent", "x"]),
        prop::collection::vec("[a-z*0-9]{0,4}", 1..3),
    );
    let conditions = prop::collection::btree_map((condition.0, condition.1), condition.2, 0..3)
        .prop_map(|map| {
            let one = |((operator, key), values): ((&str, &str), Vec<String>)| Condition {
                operator: operator.to_owned(),
                key: key.to_owned(),
                values,
            };
            let mut conditions: Vec<Condition> = map.into_iter().map(one).collect();
            conditions.sort();
            conditions
        });
    (prop::option::of("[A-Z]{1,4}"), any::<bool>(), who, actions, resources, conditions).prop_map(
        |(sid, allow, who, actions, resources, conditions)| {
            let effect = if allow { Effect::Allow } else { Effect::Deny };
            Statement::new((sid, 0), effect, who, (actions, resources), conditions)
        },
    )
}

fn any_policy() -> impl Strategy<Value = Policy> {
    prop::collection::vec(statement(), 1..5).prop_map(|statements| {
        let number = |(number, s): (usize, Statement)| {
            Statement::new((s.sid, number), s.effect, s.who, (s.actions, s.resources), s.conditions)
        };
        let statements = (1..).zip(statements).map(number).collect();
        Policy { version: Some("2012-10-17".to_owned()), statements, unread: Vec::new() }
    })
}

/// Whether one call is allowed to one principal, call by call and statement by statement.
fn slowly_allowed(policy: &Policy, principal: &Principal, call: &str) -> bool {
    let fits = |pattern: &str, text: &str| {
        let regex = regex::escape(pattern).replace(r"\*", ".*").replace(r"\?", ".");
        regex::Regex::new(&format!("(?is)^{regex}$")).unwrap().is_match(text)
    };
    let scoped = |scope: &Scope, text: &str| match scope {
        Scope::Only(patterns) => patterns.iter().any(|pattern| fits(pattern, text)),
        Scope::AllBut(patterns) => !patterns.iter().any(|pattern| fits(pattern, text)),
        Scope::Unsaid => false,
    };
    let about = |statement: &Statement| {
        let key = statement.resources == Scope::Unsaid || scoped(&statement.resources, KEY);
        key && scoped(&statement.actions, &format!("kms:{call}"))
    };
    let allowed = policy.statements.iter().any(|statement| {
        let named = matches!(&statement.who, Who::Named(named) if named.contains(principal));
        statement.effect == Effect::Allow && named && about(statement)
    });
    let denied = policy.statements.iter().any(|statement| {
        let covered = match &statement.who {
            Who::Named(named) => named.iter().any(|one| one.covers(principal)),
            Who::AllBut(but) => !but.iter().any(|o| o.covers(principal) || principal.covers(o)),
            Who::Holder => true,
        };
        let flat = statement.conditions.is_empty();
        statement.effect == Effect::Deny && flat && covered && about(statement)
    });
    allowed && !denied
}

/// Any JSON, with the words of policies strewn in.
fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "*",
        "kms:*",
        "Allow",
        "Deny",
        "AWS",
        "111122223333",
        "arn:aws:iam::1:root",
        "true",
        "",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        words.prop_map(Into::into),
        ".{0,9}".prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        let name = prop_oneof![
            prop::sample::select(vec![
                "Statement",
                "Effect",
                "Principal",
                "NotPrincipal",
                "Action",
                "NotAction",
                "AWS",
                "Resource",
                "NotResource",
                "Condition",
                "Sid",
                "Bool",
                "aws:MultiFactorAuthAge",
                "NumericLessThan",
                "aws:MultiFactorAuthPresent",
                "StringEquals",
            ])
            .prop_map(str::to_owned),
            ".{0,5}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::hash_map(name, inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Every question there is.
fn ask(policy: &Policy) -> (Vec<String>, Vec<bool>) {
    let place = place();
    let open = policy.open_without_mfa(Actions::CRITICAL, place).into_iter();
    let open: Vec<_> = open.map(|one| (one.statement.number, one.principal, one.calls)).collect();
    let mut told = vec![
        format!("{:?}", policy.allowed(place)),
        format!("{open:?}"),
        format!("{:?}", policy.mfa_faults(300)),
    ];
    told.push(format!("{:?}", policy.allowed(Place::default())));
    let mut answers = vec![policy.is_default(ACCOUNT), policy.mentions_mfa()];
    let public: Vec<usize> = policy.public(place).iter().map(|one| one.number).collect();
    told.push(format!("{public:?}"));
    for statement in &policy.statements {
        for fences in [CALLER_FENCES, CONTEXT_FENCES, GRANT_FENCES] {
            answers.push(statement.is_fenced(fences));
        }
        told.push(format!("{:?} {:?}", statement.fenced_accounts(), statement.kms()));
    }
    (told, answers)
}

proptest! {
    #[test]
    fn what_is_written_reads_as_what_it_was(policy in any_policy(), lists in any::<bool>()) {
        let text = render(&policy, lists).to_string();
        prop_assert_eq!(Policy::parse(&text), Ok(policy.clone()));
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        prop_assert_eq!(Policy::parse(&encoded), Ok(policy.clone()));
        prop_assert_eq!(Policy::read(crate::record::json::Json::new(&text)), Ok(policy));
    }

    #[test]
    fn spelling_changes_no_answer(policy in any_policy()) {
        let loud = |scope: &Scope| match scope {
            Scope::Only(p) => Scope::Only(p.iter().map(|p| p.to_ascii_uppercase()).collect()),
            Scope::AllBut(p) => Scope::AllBut(p.iter().map(|p| p.to_ascii_uppercase()).collect()),
            Scope::Unsaid => Scope::Unsaid,
        };
        let mut shouted = policy.clone();
        for statement in &mut shouted.statements {
            let s = statement.clone();
            let conditions = s.conditions.iter().map(|condition| Condition {
                operator: condition.operator.to_ascii_uppercase(),
                key: condition.key.to_ascii_uppercase(),
                values: condition.values.clone(),
            });
            let actions = loud(&s.actions);
            *statement = Statement::new(
                (s.sid, s.number), s.effect, s.who, (actions, s.resources), conditions.collect(),
            );
        }
        let (told, answers) = ask(&policy);
        let (other, others) = ask(&shouted);
        prop_assert_eq!(answers, others);
        prop_assert_eq!(&told[..2], &other[..2]);
        let lists = read(&render(&policy, true));
        let scalars = read(&render(&policy, false));
        prop_assert_eq!(ask(&lists), ask(&scalars));
    }

    #[test]
    fn no_document_makes_anything_fail(value in any_json(), statement in any_json()) {
        for value in [value.clone(), json!({"Statement": statement}), json!({"Statement": [value]})] {
            if let Ok(policy) = Policy::parse(&value.to_string()) {
                ask(&policy);
            }
        }
    }

    #[test]
    fn no_text_makes_anything_fail(text in "[%{}\\[\\]\":,a-zA-Z0-9*]{0,60}") {
        let _ = Policy::parse(&text);
    }
}

proptest! {
    // The twin compiles a regular expression per call and pattern.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn allowed_is_what_a_walk_over_every_call_says(policy in any_policy()) {
        let allowed = policy.allowed(place());
        for principal in policy.allowed_principals() {
            let fast = allowed.get(principal).copied().unwrap_or_default();
            let slow = Actions::ALL.names().into_iter();
            let slow: Vec<&str> =
                slow.filter(|call| slowly_allowed(&policy, principal, call)).collect();
            prop_assert_eq!(fast.names(), slow, "{}", principal);
        }
    }
}

#[test]
fn principals_are_what_they_stand_for() {
    let read = |text| Principal::read("AWS", text);
    assert_eq!(read("arn:aws-cn:iam::111122223333:root"), read(ACCOUNT));
    assert!(matches!(read("AROAEXAMPLEROLE000001"), Principal::UniqueId(_)));
    assert!(matches!(read("AIDA"), Principal::Other(_)));
    assert_eq!(Principal::read("aws", "*"), Principal::Everyone);
    let saml = Principal::read("Federated", "arn:aws:iam::444455556666:saml-provider/idp");
    assert_eq!(saml.account(), Some("444455556666"));
    assert!(read(ACCOUNT).covers(&read("arn:aws:iam::111122223333:user/alice")));
    assert!(!read(ACCOUNT).covers(&read("444455556666")));
    let but = Who::AllBut([read("arn:aws:iam::111122223333:user/alice")].into());
    assert!(but.covers(&read("444455556666")) && !but.covers(&read(ACCOUNT)));
    assert!(read("arn:aws:iam::111122223333:role/aws-service-role/x/Y").is_service());
}

#[test]
fn a_fence_keeps_somebody_out() {
    let fenced = [
        json!({"StringEquals": {"kms:CallerAccount": "111122223333"}}),
        json!({"stringlike": {"AWS:PRINCIPALORGID": ["o-a1b2c3d4e5"]}}),
        json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/*"}}),
        json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/*"}}),
        json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::example-bucket"}}),
        json!({"StringEqualsIfExists": {"kms:CallerAccount": "111122223333"}}),
        json!({"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}),
    ];
    for condition in fenced {
        let policy = under("Allow", condition.clone());
        assert!(policy.public(place()).is_empty(), "{condition}");
    }
    let open = [
        json!({}),
        json!({"StringLike": {"kms:CallerAccount": "*"}}),
        json!({"StringLike": {"kms:CallerAccount": ["111122223333", "*"]}}),
        json!({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
        json!({"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/*"}}),
        json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deploy-role"}}),
        json!({"ArnLike": {"aws:PrincipalArn": "arn:*"}}),
        json!({"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}}),
        json!({"StringNotEquals": {"kms:CallerAccount": "111122223333"}}),
        json!({"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}}),
        json!({" StringEquals ": {"kms:CallerAccount": "111122223333"}}),
    ];
    for condition in open {
        let policy = under("Allow", condition.clone());
        assert_eq!(policy.public(place()).len(), 1, "{condition}");
    }
}

#[test]
fn a_denial_can_be_the_fence() {
    let allow =
        json!({"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"});
    let deny = |action: &str, condition: Value| {
        json!({"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*",
            "Condition": condition})
    };
    let outside = json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}});
    let public = |denial: Value| !policy(json!([allow, denial])).public(place()).is_empty();
    assert!(!public(deny("kms:*", outside.clone())));
    assert!(!public(deny("kms:*", json!({}))));
    assert!(public(deny("kms:Encrypt", outside)));
    assert!(public(deny("kms:*", json!({"StringNotLike": {"aws:PrincipalOrgID": "*"}}))));
}

/// A denial of a data perimeter spares the own organisation, and services of AWS.
#[test]
fn a_denial_is_a_fence_if_all_its_conditions_hold_for_outsiders() {
    let allow =
        json!({"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"});
    let public = |condition: Value| {
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
            "Condition": condition});
        !policy(json!([allow, deny])).public(place()).is_empty()
    };
    let org = json!({"aws:PrincipalOrgID": "o-a1b2c3d4e5"});
    for closed in [
        json!({"StringNotEqualsIfExists": org, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}),
        json!({"StringNotEquals": org, "Bool": {"aws:PrincipalIsAWSService": ["false"]},
            "ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/x"}}),
        json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5",
            "aws:SourceAccount": "111122223333"}}),
    ] {
        assert!(!public(closed.clone()), "{closed}");
    }
    for open in [
        // A service may act for any account.
        json!({"Bool": {"aws:PrincipalIsAWSService": "false"}}),
        // No id is a boolean, so that such a test never holds, and nothing is denied.
        json!({"BoolIfExists": {"aws:PrincipalOrgID": "false"},
            "Bool": {"aws:PrincipalIsAWSService": "false"}}),
        json!({"Bool": {"aws:PrincipalArn": "false", "aws:PrincipalIsAWSService": "false"}}),
        json!({"StringNotEquals": org, "Bool": {"kms:CallerAccount": "false"}}),
        json!({"StringNotEquals": {"aws:PrincipalOrgID": []}}),
        // Whoever comes by way of a service is not denied.
        json!({"StringNotEquals": org, "Bool": {"aws:ViaAWSService": "false"}}),
        json!({"StringNotEquals": org, "Bool": {"aws:PrincipalIsAWSService": "true"}}),
        json!({"StringNotEquals": org, "BoolIfExists": {"aws:PrincipalIsAWSService": []}}),
        // Everybody can have the tag, the address or a role of that name.
        json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5", "aws:PrincipalTag/a": "b"}}),
        json!({"StringNotEquals": org, "NotIpAddress": {"aws:SourceIp": "0.0.0.0/1"}}),
        json!({"StringNotEquals": org, "ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}),
        json!({"StringNotEquals": org, "StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}}),
    ] {
        assert!(public(open.clone()), "{open}");
    }
}

#[test]
fn every_key_is_every_key() {
    for all in [
        "*",
        "arn:aws:kms:*:*:*",
        "arn:aws:kms:eu-central-1:111122223333:key/*",
        "arn:*:kms:*:*:key/*",
    ] {
        assert!(is_every_key(all), "{all}");
    }
    for some in [KEY, "arn:aws:kms:*:*:alias/*", "arn:aws:s3:::*", "arn:aws:kms:*:*:key/0*", ""] {
        assert!(!is_every_key(some), "{some}");
    }
}

/// Whose account a condition on everybody names, in whatever key.
#[test]
fn the_accounts_in_conditions_are_told() {
    for (key, value) in [
        ("kms:CallerAccount", "444455556666"),
        ("aws:PrincipalArn", "arn:aws:iam::444455556666:role/*"),
        ("aws:PrincipalArn", "arn:*:iam::444455556666:role/*"),
        ("aws:PrincipalArn", "arn:${aws:Partition}:iam::444455556666:role/x"),
        ("aws:userid", "444455556666:*"),
        ("aws:VpceAccount", "444455556666"),
        ("aws:SourceAccount", "444455556666"),
        ("aws:SourceArn", "arn:*:sns:*:444455556666:*"),
        ("aws:FederatedProvider", "arn:aws:iam::444455556666:oidc-provider/x"),
    ] {
        let condition = json!({"StringLike": {key: value}});
        let statement = json!({"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt",
            "Resource": "*", "Condition": condition});
        let policy = policy(json!([statement]));
        assert!(policy.public(place()).is_empty(), "{key} {value}");
        let accounts = policy.statements[0].fenced_accounts().0;
        assert_eq!(accounts, ["444455556666"], "{key} {value}");
    }
}
