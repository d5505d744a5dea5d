//! Documents that strict JSON or the grammar of policies forbids, and documents that are very large.

use serde_json::{Value, json};

use super::*;
use crate::policy::parse::SIZE_MAX;

/// A policy that lets everybody do everything.
const OPEN: &str =
    r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}]}"#;

fn is_public(policy: &Policy) -> bool {
    !policy.public(place()).is_empty()
}

#[test]
fn odd_spellings_are_read() {
    let within = |member: &str| OPEN.replace("\"Resource\"", &format!("{member},\"Resource\""));
    let before = |text: &str| OPEN.replace("{\"St", &format!("{{{text},\"St"));
    for text in [
        OPEN.to_owned(),
        format!("\u{feff}{OPEN}"),
        format!("{OPEN}{}", " ".repeat(2 * SIZE_MAX)),
        format!("{OPEN}\0\0"),
        before(r#""Id":"\ud800""#),
        before(r#""Id":"\udc00x""#),
        before("\"Id\":\"a\tb\nc\""),
        before(r#""Version":1e999"#),
        within(r#""Condition":{"StringNotEquals":{"aws:RequestTag/x":"\ud83d"}}"#),
        within(r#""Condition":{"NumericLessThan":{"kms:x":1e400}}"#),
        within(r#""Sid":5"#),
        OPEN.replace("}]", "},]"),
        json!(OPEN).to_string(),
        json!(json!(OPEN).to_string()).to_string(),
        OPEN.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        format!("{}{}", "%7B%22Statement%22:%20", &OPEN["{\"Statement\":".len()..]),
    ] {
        let shown: String = text.chars().take(200).collect();
        let policy = Policy::parse(&text).unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert!(is_public(&policy) && policy.is_whole(), "{shown}: {:?}", policy.unread);
    }
}

#[test]
fn what_cannot_be_read_hides_nothing_else_and_is_told() {
    let within = |member: &str| OPEN.replace("\"Resource\"", &format!("{member},\"Resource\""));
    let beside = |statement: &str| OPEN.replace("[{", &format!("[{statement},{{"));
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for (text, unread) in [
        (format!("{OPEN}x"), "there is text behind its end, at byte 82"),
        (OPEN.replace("}]}", "},{\"Eff"), "it ends in the middle, at byte 82"),
        (OPEN.replace("{\"St", "{\"Statement\":[],\"St"), "a member is given more than once"),
        (OPEN.replace("]}", "],\"Statement\":[]}"), "a member is given more than once"),
        (within("\"Effect\":\"Deny\""), "statement 1: a member is given more than once"),
        (within("\"Principal\":{\"AWS\":\"x\"}"), "statement 1: a member is given more than once"),
        (within("\"PRINCIPAL\":null,\"Action\":\"x\""), "statement 1: a member is given"),
        (within(&format!("\"Condition\":{{\"Bool\":{{\"a\":{deep}}}}}")), "it is nested deeper"),
        (within("\"Condition\":\"x\""), "statement 1: Condition is not operators"),
        (within("\"Condition\":{\"Bool\":\"x\"}"), "statement 1: Condition is not operators"),
        (beside("7"), "statement 1: it is no object"),
        (beside("{\"Effect\":\"Perhaps\"}"), "statement 1: Effect is neither Allow nor Deny"),
        (beside("{\"Effect\":\"Allow\",\"Action\":[{}]}"), "statement 1: actions and resources"),
        (
            beside("{\"Effect\":\"Allow\",\"Action\":\"a\",\"NotAction\":\"a\"}"),
            "statement 1: it has a member and the opposite of the member",
        ),
        (
            beside("{\"Effect\":\"Deny\",\"Principal\":[[\"*\"]],\"Action\":\"*\"}"),
            "statement 1: Principal is neither",
        ),
    ] {
        let policy = Policy::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(is_public(&policy), "{text}");
        let told = &policy.unread;
        assert!(told.first().is_some_and(|told| told.starts_with(unread)), "{text}: {told:?}");
        assert!(!policy.is_default(ACCOUNT));
    }
}

#[test]
fn no_document_is_an_error() {
    for text in ["", " ", "null", "7", "[]", "{}", "{\"Statement\":7}", "x", "%", "\"\""] {
        assert!(Policy::parse(text).is_err(), "{text}");
    }
    let long = OPEN.replace("kms:*", &"x".repeat(SIZE_MAX));
    assert_eq!(Policy::parse(&long), Err(PolicyError::TooLong));
    let hidden = "HIDDEN_DUE_TO_SECURITY_REASONS";
    assert_eq!(Policy::parse(hidden), Err(PolicyError::NoDocument));
}

#[test]
fn a_denial_counts_only_if_it_is_read_whole() {
    let deny = |rest: &str| {
        let deny = format!("{{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"*\"{rest}}}");
        Policy::parse(&OPEN.replace("[{", &format!("[{deny},{{"))).unwrap()
    };
    assert!(!is_public(&deny("")));
    for doubtful in [
        ",\"Action\":\"s3:*\"",
        ",\"Effect\":\"Deny\"",
        ",\"Resource\":[7,[]]",
        ",\"Condition\":[\"x\"]",
        ",\"NotPrincipal\":\"x\"",
    ] {
        assert!(is_public(&deny(doubtful)), "{doubtful}");
    }
    let deny = r#"{"Effect":"Deny","Principal":"*","Action":"*"}"#;
    let other = OPEN.replace("]}", &format!("],\"Statement\":[{deny}]}}"));
    assert!(is_public(&Policy::parse(&other).unwrap()), "of several lists, which counts?");
}

/// Many of whatever a question could compare pair by pair. How long an answer takes is not tested,
/// since that depends on luck: that it comes at all shows enough.
#[test]
fn very_large_documents_are_answered() {
    let arn = |n: usize| format!("arn:aws:iam::{:012}:role/r{n}", n % 97);
    let people: Vec<String> = (0..2000).map(arn).collect();
    let statement = |n: usize, effect: &str| json!({"Effect": effect, "Principal": {"AWS": arn(n)}, "Action": "kms:Put*", "Resource": "*"});
    let statements = |effect: &str| (0..1000).map(|n| statement(n, effect)).collect::<Vec<_>>();
    let spared: Vec<Value> = (0..500)
        .map(|n| json!({"Effect": "Deny", "NotPrincipal": {"AWS": arn(n)}, "Action": "kms:P*"}))
        .collect();
    let mfa: Vec<Value> = (0..500)
        .map(|n| {
            json!({"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "*", "Resource": "*",
            "Condition": {"NumericGreaterThan": {"aws:MultiFactorAuthAge": n.to_string()},
                "ArnNotLike": {"aws:PrincipalArn": arn(n)}}})
        })
        .collect();
    let accounts: Vec<String> = (0..10_000).map(|n| format!("{n:012}")).collect();
    let fences =
        json!({"StringEquals": {"kms:CallerAccount": accounts, "aws:PrincipalAccount": accounts}});
    let everybody = |condition: Value| {
        json!({"Effect": "Allow", "Principal": {"AWS": people},
        "Action": "*", "Resource": "*", "Condition": condition})
    };
    for document in [
        vec![everybody(json!({}))],
        [vec![everybody(json!({}))], statements("Deny")].concat(),
        [statements("Allow"), statements("Deny")].concat(),
        [vec![everybody(json!({}))], spared].concat(),
        [vec![everybody(json!({}))], mfa].concat(),
        vec![everybody(fences)],
    ] {
        let text = json!({"Statement": document}).to_string();
        assert!(text.len() < SIZE_MAX, "{}", text.len());
        ask(&Policy::parse(&text).unwrap());
    }
}
