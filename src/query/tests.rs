//! The whole of a query over records in memory: what is passed over by bytes, what is put off to the
//! end, and what becomes one row.

mod named;
mod spelt;
mod spill;

use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::engine::Progress;
use crate::engine::store::hash::HashKey;
use crate::model::occurrence::Occurrence;
use crate::model::problem::Problem;
use crate::record::event::Marked;
use crate::record::kms::View;
use crate::record::scan::{self, Index};
use crate::source::s3::Object;
use crate::source::{Blob, Body, Entry};

const KEY: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
const OTHER: &str = "mrk-1234abcd12ab34cd56ef1234567890ab";

fn arn(id: &str) -> String {
    format!("arn:aws:kms:eu-west-1:111122223333:key/{id}")
}

/// A record of KMS; `more` takes the place of what it has.
fn record(id: &str, name: &str, second: u32, more: Value) -> Value {
    let mut record = json!({
        "eventVersion": "1.11", "eventID": id, "eventName": name, "awsRegion": "eu-west-1",
        "eventSource": "kms.amazonaws.com", "eventTime": format!("2026-03-11T02:00:{second:02}Z"),
        "recipientAccountId": "111122223333", "sourceIPAddress": "198.51.100.77",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ann",
            "accountId": "111122223333", "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "userName": "ann"},
        "requestParameters": null, "responseElements": null,
    });
    for (name, value) in more.as_object().unwrap() {
        record[name] = value.clone();
    }
    record
}

fn on_key(id: &str) -> Value {
    json!({"resources": [{"ARN": arn(id), "type": "AWS::KMS::Key"}]})
}

/// Rows of one query over files, each of which has some records.
fn rows_of(query: &Query, files: &[Vec<Value>], threads: usize) -> Vec<Occurrence> {
    read_all(query, files, threads).0
}

/// The same, and what is wrong.
fn read_all(
    query: &Query,
    files: &[Vec<Value>],
    threads: usize,
) -> (Vec<Occurrence>, Vec<Problem>) {
    let entries: Vec<Entry> = (files.iter().enumerate())
        .map(|(number, records)| {
            let text = json!({"Records": records}).to_string();
            let body = Body::Object(Object::whole(text.into_bytes().into(), None));
            Entry::Blob(Blob { name: format!("{number}.json").into(), body, token: None })
        })
        .collect();
    let stop = AtomicBool::new(false);
    let mut source = entries.into_iter();
    let (read, outcome) =
        collect(&mut source, (query, false), threads, &Progress::default(), &stop).unwrap();
    let (timeline, full) = Timeline::new(read, true);
    let rows: Vec<Occurrence> = timeline.rows().unwrap().map(Result::unwrap).collect();
    let (counts, conflict) = timeline.survey().unwrap();
    assert_eq!(counts.rows, rows.len() as u64);
    (rows, outcome.problems.into_iter().chain(full).chain(conflict).collect())
}

fn ids(query: &Query, files: &[Vec<Value>]) -> Vec<String> {
    let id = |row: Occurrence| row.id.unwrap();
    let found: Vec<String> = rows_of(query, files, 1).into_iter().map(id).collect();
    let mut reversed = files.to_vec();
    reversed.reverse();
    reversed.iter_mut().for_each(|records| records.reverse());
    let again: Vec<String> = rows_of(query, &reversed, 2).into_iter().map(id).collect();
    assert_eq!(found, again, "in another order");
    found
}

fn key(text: &str) -> Query {
    Query { keys: vec![AskedKey::parse(text).unwrap()], ..Query::default() }
}

#[test]
fn a_key_is_found_wherever_it_is_named() {
    let policy = json!({"requestParameters": {"policyDocument": format!("{{\"Resource\":\"{}\"}}", arn(KEY))}});
    let replica = on_key("x").to_string().replace("key/x", &format!("key/{OTHER}"));
    let replica = replica.replace("eu-west-1", "us-east-1");
    let files = [vec![
        record("a", "Decrypt", 3, on_key(KEY)),
        record("b", "PutRolePolicy", 2, policy),
        record("c", "Decrypt", 1, on_key(OTHER)),
        record("d", "Decrypt", 4, serde_json::from_str(&replica).unwrap()),
        record("e", "Encrypt", 5, json!({"requestParameters": {"keyId": KEY}})),
        record("f", "Decrypt", 6, on_key(&format!("{KEY}-and-more"))),
    ]];
    assert_eq!(ids(&key(KEY), &files), ["b", "a", "e"]);
    assert_eq!(ids(&key(&arn(KEY)), &files), ["b", "a", "e"]);
    assert_eq!(ids(&key(&arn(OTHER)), &files), ["c", "d"]);
}

#[test]
fn an_alias_stands_for_every_key_that_it_pointed_to_whichever_record_comes_first() {
    let moved = |id: &str, name: &str, second, to: &str, error: Value| {
        let request = json!({"aliasName": "alias/pay", "targetKeyId": to});
        let mut more = json!({"requestParameters": request, "errorCode": error});
        more["resources"] = on_key(to)["resources"].clone();
        record(id, name, second, more)
    };
    let files = [
        vec![
            record("use", "Decrypt", 1, on_key(KEY)),
            record("unrelated", "Decrypt", 2, on_key("1111abcd-12ab-34cd-56ef-1234567890ab")),
        ],
        vec![
            moved("made", "CreateAlias", 3, KEY, Value::Null),
            moved("moved", "UpdateAlias", 5, OTHER, Value::Null),
            moved(
                "refused",
                "UpdateAlias",
                6,
                "2222abcd-12ab-34cd-56ef-1234567890ab",
                json!("AccessDenied"),
            ),
        ],
        vec![
            record("later", "Decrypt", 7, on_key(OTHER)),
            record("never", "Decrypt", 8, on_key("2222abcd-12ab-34cd-56ef-1234567890ab")),
            record("named", "Decrypt", 9, json!({"requestParameters": {"keyId": "alias/pay"}})),
            record("longer", "Decrypt", 10, json!({"requestParameters": {"keyId": "alias/pay2"}})),
        ],
    ];
    let all = ["use", "made", "moved", "refused", "later", "named"];
    assert_eq!(ids(&key("alias/pay"), &files), all);
    let home = "arn:aws:kms:eu-west-1:111122223333:alias/pay";
    assert_eq!(ids(&key(home), &files), all);
    let elsewhere = "arn:aws:kms:eu-west-1:444455556666:alias/pay";
    assert!(ids(&key(elsewhere), &files).is_empty());
    // What was before the range tells of the alias all the same.
    let mut late = key("alias/pay");
    late.range.since = crate::model::time::Time::parse("2026-03-11T02:00:07Z");
    assert_eq!(ids(&late, &files), ["later", "named"]);
}

#[test]
fn credentials_are_followed_from_one_to_the_next_in_any_order() {
    let with = |credential: &str| {
        json!({"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/r/s",
            "accountId": "111122223333", "accessKeyId": credential})
    };
    let gives = |credential: &str| {
        json!({"credentials": {"accessKeyId": credential},
            "assumedRoleUser": {"arn": "arn:aws:sts::111122223333:assumed-role/r/s"}})
    };
    let by = |id: &str, name: &str, second, credential: &str, more: Value| {
        let mut record = record(id, name, second, json!({"userIdentity": with(credential)}));
        record["responseElements"] = more;
        record
    };
    let via = {
        let mut identity = with("ASIAFORWARDED0000000");
        identity["invokedBy"] = json!("AWS Internal");
        identity["sessionContext"] =
            json!({"attributes": {"creationDate": "2026-03-11T02:00:02Z"}});
        record("via", "Decrypt", 8, json!({"userIdentity": identity}))
    };
    let files = [
        vec![by("third", "Decrypt", 7, "ASIASECOND0000000000", Value::Null), via],
        vec![by("second", "AssumeRole", 3, "ASIAFIRST00000000000", gives("ASIASECOND0000000000"))],
        vec![
            record(
                "first",
                "AssumeRole",
                2,
                json!({"responseElements": gives("ASIAFIRST00000000000")}),
            ),
            by("stranger", "Decrypt", 4, "ASIASTRANGER00000000", Value::Null),
            record(
                "key",
                "CreateAccessKey",
                5,
                json!({"responseElements": {"accessKey": {"accessKeyId": "AKIANEW0000000000000"}}}),
            ),
            by("new", "Decrypt", 6, "AKIANEW0000000000000", Value::Null),
        ],
    ];
    let mut query =
        Query { principals: vec![AskedPrincipal::parse("ann").unwrap()], ..Query::default() };
    assert_eq!(ids(&query, &files), ["first", "key"]);
    query.derived = true;
    assert_eq!(ids(&query, &files), ["first", "second", "key", "new", "third", "via"]);
    query.events = vec!["decrypt".into()];
    assert_eq!(ids(&query, &files), ["new", "third", "via"]);
}

#[test]
fn copies_are_one_row_and_a_forged_one_is_another() {
    let one = record("a", "Decrypt", 1, on_key(KEY));
    let forged = record("a", "Decrypt", 1, json!({"resources": on_key(KEY)["resources"], "x": 1}));
    let mut nameless = record("", "Decrypt", 2, on_key(KEY));
    nameless.as_object_mut().unwrap().remove("eventID");
    let files =
        [vec![one.clone(), nameless.clone()], vec![one.clone(), nameless], vec![one, forged]];
    for threads in [1, 2] {
        let rows = rows_of(&key(KEY), &files, threads);
        let copies: Vec<u64> = rows.iter().map(|row| row.copies).collect();
        assert_eq!(copies.iter().sum::<u64>(), 2);
        assert_eq!(copies.len(), 4);
        let first = rows.iter().find(|row| row.copies == 2).unwrap();
        assert_eq!(first.place.to_string(), "0.json#0");
    }
}

#[test]
fn one_id_of_two_contents_is_a_problem_however_far_apart() {
    let files = [vec![
        record("a", "Decrypt", 1, json!({})),
        record("b", "Decrypt", 2, json!({})),
        record("a", "Decrypt", 3, json!({})),
    ]];
    let survey = |count: usize| {
        let (_, problems) = read_all(&Query::default(), &[files[0][..count].to_vec()], 1);
        problems.len()
    };
    assert_eq!((survey(2), survey(3)), (0, 1));
}

#[test]
fn a_time_that_cannot_be_read_is_a_problem_and_in_no_range() {
    let odd = record("odd", "Decrypt", 1, json!({"eventTime": "nonsense"}));
    let files = [vec![odd, record("good", "Decrypt", 2, json!({}))]];
    let mut query = Query::default();
    let (rows, problems) = read_all(&query, &files, 1);
    assert_eq!(rows.len(), 2);
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    assert!(problem.message.contains("eventTime"), "{problem:?}");
    query.range.since = crate::model::time::Time::parse("2026-03-11T00:00:00Z");
    assert_eq!(read_all(&query, &files, 1).0.len(), 1);
    query.range = crate::engine::Filter::default();
    query.range.until = crate::model::time::Time::parse("2026-03-12T00:00:00Z");
    assert_eq!(read_all(&query, &files, 1).0.len(), 1);
}

#[test]
fn callers_have_many_names() {
    let session = json!({"userIdentity": {"type": "AssumedRole", "principalId": "AROAEXAMPLE:i-1",
        "arn": "arn:aws:sts::444455556666:assumed-role/deploy/i-1", "accountId": "444455556666",
        "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::444455556666:role/ci/deploy",
            "userName": "deploy"}}}});
    let files =
        [vec![record("user", "Decrypt", 1, json!({})), record("role", "Decrypt", 2, session)]];
    let found = |text: &str| {
        let principals = vec![AskedPrincipal::parse(text).unwrap()];
        ids(&Query { principals, ..Query::default() }, &files).join(" ")
    };
    for name in ["ann", "user/ann", "arn:aws:iam::111122223333:user/ann", "111122223333", "*ann"] {
        assert_eq!(found(name), "user", "{name}");
    }
    for name in [
        "deploy",
        "role/deploy",
        "deploy/i-1",
        "i-1",
        "role/ci/deploy",
        "444455556666",
        "AROAEXAMPLE",
        "arn:aws:iam::444455556666:role/ci/deploy",
        "arn:aws:sts::444455556666:assumed-role/deploy/*",
        "role/deploy (i-1)",
        "*:role/ci/*",
    ] {
        assert_eq!(found(name), "role", "{name}");
    }
    for name in ["an", "eploy", "777788889999", "user", "role"] {
        assert_eq!(found(name), "", "{name}");
    }
}

fn event(text: &str, check: impl FnOnce(Marked<'_>, &View<'_>)) {
    let mut index = Index::default();
    let (len, _) = scan::fastest()(text.as_bytes(), &mut index).unwrap();
    assert_eq!(len, text.len());
    let marked = Marked::new(text.as_bytes(), &index);
    check(marked, &View::new(&marked.event().unwrap()));
}

/// One of some texts.
fn some(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(texts).prop_map(str::to_owned)
}

/// Values of a filter: mostly none, since a record seldom fits several filters at once.
fn few(texts: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop_oneof![4 => Just(Vec::new()), 1 => prop::collection::vec(some(texts), 1..3)]
}

const KEYS: &[&str] = &[
    KEY,
    OTHER,
    "alias/pay",
    "arn:aws:kms:eu-west-1:111122223333:alias/pay",
    "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "a1",
];
const WHOM: &[&str] = &[
    "ann",
    "user/ann",
    "role/deploy",
    "deploy/i-1",
    "*eplo*",
    "111122223333",
    "AROAEXAMPLE",
    "arn:aws:iam::444455556666:role/ci/deploy",
    "s3.amazonaws.com",
    "role/deploy (i-1)",
    "?nn",
];
const WHAT: &[&str] = &[
    "arn:aws:s3:::ledger",
    "ledger",
    "arn:aws:s3:::ledger/2026",
    "vol-1",
    "volume",
    "2026",
    "arn:aws:ec2:eu-west-1:111122223333:volume",
    "arn:aws:ec2:eu-west-1:111122223333:volume/vol-1",
    "arn:aws:dynamodb:eu-west-1:111122223333:table/orders",
    "table",
    "orders",
    "*ledger*",
    "ann",
    "arn:aws:glue:eu-west-1:111122223333:catalog",
    "main",
    "arn:aws:iam::111122223333:role/path/app",
    "role/app",
    "arn:aws:secretsmanager:eu-west-1:111122223333:secret:pay-AbCdEf",
    "pay",
    "arn:aws:ssm:eu-west-1:111122223333:parameter/p/word",
    "/p/word",
    "arn:aws:sqs:eu-west-1:111122223333:queue",
    "queue",
    "other-bucket",
    "/app/db",
    "parameter/app",
    "arn:aws:ssm:eu-west-1:111122223333:parameter/app",
    "secret:pay",
    "table/orders",
    "arn:aws:s3:::away",
    "snap-1",
];
const SAYS: &[&str] = &[
    "eventName=Decrypt",
    "requestParameters.bucketName=ledger",
    "eventName!=Decrypt",
    "userIdentity.userName~a*",
    "requestParameters.keyId=alias/pay",
    "requestParameters:present",
];
const ADDRESSES: &[&str] =
    &["198.51.100.77", "::ffff:198.51.100.77", "198.51.100.0/24", "2001:db8::/32", "2001:db8::1"];

prop_compose! {
    fn query()(
        keys in few(KEYS),
        principals in few(WHOM),
        resources in few(WHAT),
        terms in few(SAYS),
        nets in few(ADDRESSES),
        derived in any::<bool>(),
    ) -> Query {
        Query {
            keys: keys.iter().map(|text| AskedKey::parse(text).unwrap()).collect(),
            principals: principals.iter().map(|text| AskedPrincipal::parse(text).unwrap()).collect(),
            resources: resources.iter().map(|text| AskedResource::parse(text).unwrap()).collect(),
            terms: terms.iter().map(|text| Term::parse(text).unwrap()).collect(),
            nets: nets.iter().map(|text| addresses(text).unwrap()).collect(),
            derived,
            ..Query::default()
        }
    }
}

/// Members that a record may have beside its usual ones.
const MORE: &[&str] = &[
    r#"{"requestParameters":{"keyId":"alias/pay"}}"#,
    r#"{"requestParameters":{"bucketName":"ledger","key":"2026/a"}}"#,
    r#"{"requestParameters":{"encryptionContext":{"aws:ebs:id":"vol-1"}}}"#,
    r#"{"requestParameters":{"encryptionContext":{"aws:s3:arn":"arn:aws:s3:::ledger/2026/x"}}}"#,
    r#"{"requestParameters":{"encryptionContext":{"aws:dynamodb:tableName":"orders","aws:dynamodb:subscriberId":"111122223333"}}}"#,
    r#"{"requestParameters":{"encryptionContext":{"glue_catalog_id":"111122223333"}}}"#,
    r#"{"requestParameters":{"policy":"{\"Resource\":\"arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab\"}"}}"#,
    r#"{"resources":[{"ARN":"arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}]}"#,
    r#"{"resources":[{"ARN":"arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"}]}"#,
    r#"{"resources":[{"ARN":"arn:aws:kms:eu-west-1:111122223333:key/a1"}]}"#,
    r#"{"userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:i-1","arn":"arn:aws:sts::444455556666:assumed-role/deploy/i-1","accountId":"444455556666","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::444455556666:role/ci/deploy"}}}}"#,
    r#"{"userIdentity":{"type":"AWSService","invokedBy":"s3.amazonaws.com"}}"#,
    r#"{"eventSource":"cloudtrail.amazonaws.com","requestParameters":{"name":"main"}}"#,
    r#"{"eventSource":"ec2.amazonaws.com","requestParameters":{"volumeId":"vol-1"}}"#,
    r#"{"eventSource":"iam.amazonaws.com","requestParameters":{"roleName":"app"}}"#,
    r#"{"eventSource":"secretsmanager.amazonaws.com","requestParameters":{"secretId":"pay"}}"#,
    r#"{"eventSource":"secretsmanager.amazonaws.com","requestParameters":{"secretId":"arn:aws:secretsmanager:eu-west-1:111122223333:secret:pay-AbCdEf"}}"#,
    r#"{"eventSource":"ssm.amazonaws.com","requestParameters":{"names":["/p/word"]}}"#,
    r#"{"eventSource":"sqs.amazonaws.com","requestParameters":{"queueUrl":"https://sqs/111122223333/queue"}}"#,
    r#"{"eventSource":"s3.amazonaws.com","requestParameters":{"bucketName":"to","x-amz-copy-source":"other-bucket/k"}}"#,
    r#"{"requestParameters":{"encryptionContext":{"PARAMETER_ARN":"arn:aws:ssm:eu-west-1:111122223333:parameter/app/db"}}}"#,
    r#"{"eventSource":"ssm.amazonaws.com","requestParameters":{"name":"/app/db"}}"#,
    r#"{"eventSource":"dynamodb.amazonaws.com","requestParameters":{"tableArn":"arn:aws:dynamodb:eu-west-1:111122223333:table/orders","s3Bucket":"away"}}"#,
    r#"{"eventSource":"ec2.amazonaws.com","requestParameters":{"sourceSnapshotId":"snap-1"}}"#,
    r#"{"eventSource":"rds.amazonaws.com","requestParameters":{"sourceDBSnapshotIdentifier":"snap-1"}}"#,
    r#"{"sourceIPAddress":"2001:db8:0::1"}"#,
    r#"{"sourceIPAddress":"::ffff:198.51.100.77"}"#,
    r#"{"sourceIPAddress":"0:0::FfFf:c633:644D"}"#,
    r#"{"sourceIPAddress":"s3.amazonaws.com"}"#,
    r#"{"eventName":"Encrypt"}"#,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// The obvious twin looks at every record closely.
    #[test]
    fn what_is_passed_over_by_its_bytes_would_not_match(
        query in query(),
        more in prop::collection::vec(prop::sample::select(MORE), 0..3),
        escaped in any::<Option<prop::sample::Index>>(),
    ) {
        let mut whole = record("a", "Decrypt", 1, json!({}));
        for more in more {
            let more: Value = serde_json::from_str(more).unwrap();
            more.as_object().unwrap().iter().for_each(|(name, value)| whole[name] = value.clone());
        }
        let mut text = whole.to_string();
        // Any letter may be spelt as an escape, which changes nothing.
        if let Some(index) = escaped {
            let letters: Vec<usize> = text.match_indices(|c: char| c.is_ascii_lowercase())
                .map(|(at, _)| at).filter(|at| !"\\".contains(&text[at.saturating_sub(1)..*at])).collect();
            let at = letters[index.index(letters.len())];
            let word = ["null", "true", "false"].iter().any(|word| {
                let from = at.saturating_sub(4);
                text[from..(at + 5).min(text.len())].contains(&format!(":{word}"))
            });
            if !word {
                let escape = format!("\\u{:04x}", text.as_bytes()[at]);
                text.replace_range(at..=at, &escape);
            }
        }
        event(&text, |marked, view| {
            let taken = query.look(view, HashKey::of_seed(1)).is_some();
            let passed_over = !query.needles().may_match(marked.bytes());
            assert!(!(taken && passed_over), "{query:?} passes over {text}");
        });
    }
}
