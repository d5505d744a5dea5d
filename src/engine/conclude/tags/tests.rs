//! The slow, obvious twin: every order that the seconds allow, tried one by one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::detect::RuleSet;
use crate::engine::{Limits, Plan, Progress, scan};
use crate::model::estate::{Estate, GovernedTag};
use crate::model::outcome::Outcome;
use crate::model::time::Time;
use crate::source::listing::Listing;
use crate::tags::book::Book;
use crate::tags::catalog;

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const BUCKET: &str = "arn:aws:s3:::example-ledger";

/// What happens to the one tag of the key or of the bucket.
#[derive(Debug, Clone, PartialEq)]
enum Op {
    Set(u8),
    Remove,
    /// All tags: this one or none.
    Replace(Option<u8>),
    /// A file says so.
    Seen(Option<u8>),
}

/// Second, whether of the key, and what.
type Change = (i64, bool, Op);

fn time(second: i64) -> String {
    Time::from_secs(1_800_000_000 + second).to_string()
}

fn pairs(value: Option<u8>, names: [&str; 2]) -> Json {
    value.map(|v| json!([{names[0]: "Owner", names[1]: v.to_string()}])).unwrap_or(json!([]))
}

fn record((number, change): (usize, &Change)) -> Option<Json> {
    let (second, of_key, op) = change;
    let (source, name, request) = match (of_key, op) {
        (_, Op::Seen(_)) => return None,
        (true, Op::Set(v)) => (
            "kms",
            "TagResource",
            json!({"keyId": KEY, "tags": pairs(Some(*v), ["tagKey", "tagValue"])}),
        ),
        (true, Op::Remove) => ("kms", "UntagResource", json!({"keyId": KEY, "tagKeys": ["Owner"]})),
        // The same key is never made twice, but this is what tells all its tags.
        (true, Op::Replace(v)) => {
            ("kms", "CreateKey", json!({"tags": pairs(*v, ["tagKey", "tagValue"])}))
        }
        (false, Op::Set(v)) => (
            "s3",
            "TagResource",
            json!({"resourceArn": BUCKET, "tags": pairs(Some(*v), ["key", "value"])}),
        ),
        (false, Op::Remove) => {
            ("s3", "UntagResource", json!({"resourceArn": BUCKET, "tagKeys": ["Owner"]}))
        }
        (false, Op::Replace(v)) => {
            let tags = json!({"TagSet": {"Tag": pairs(*v, ["Key", "Value"])}});
            ("s3", "PutBucketTagging", json!({"bucketName": "example-ledger", "Tagging": tags}))
        }
    };
    let mut record = base(*second, source, name, &format!("change-{number}"));
    record["requestParameters"] = request;
    if *of_key {
        record["resources"] = json!([{"ARN": KEY}]);
    }
    Some(record)
}

fn base(second: i64, source: &str, name: &str, id: &str) -> Json {
    json!({
        "eventTime": time(second), "eventSource": format!("{source}.amazonaws.com"),
        "eventName": name, "awsRegion": "eu-central-1", "recipientAccountId": "111122223333",
        "eventID": id, "userIdentity": {
            "type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/alice",
            "accountId": "111122223333",
        },
    })
}

fn used((number, second): (usize, &i64)) -> Json {
    let mut record = base(*second, "kms", "Decrypt", &format!("use-{number}"));
    let context = json!({"aws:s3:arn": format!("{BUCKET}/a")});
    record["requestParameters"] = json!({"encryptionContext": context});
    record["resources"] = json!([{"ARN": KEY}]);
    record
}

/// One tag: not there, or its value; `None` where it is not known.
type Known = Option<Option<u8>>;

fn apply(state: Known, op: &Op) -> Known {
    let after = match op {
        Op::Set(value) => Some(*value),
        Op::Remove => None,
        Op::Replace(value) | Op::Seen(value) => *value,
    };
    Some(after).or(state)
}

/// Every order of the changes of one second.
fn orders(ops: &[&Op]) -> Vec<Vec<Op>> {
    if ops.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for at in 0..ops.len() {
        let mut rest = ops.to_vec();
        let first = rest.remove(at).clone();
        for mut order in orders(&rest) {
            order.insert(0, first.clone());
            all.push(order);
        }
    }
    all
}

/// The tag at a second: told from what was before, and from what a file saw after.
fn model(changes: &[(i64, Op)], creates: bool, at: i64) -> Known {
    let mut by_second: BTreeMap<i64, Vec<&Op>> = BTreeMap::new();
    changes.iter().for_each(|(second, op)| by_second.entry(*second).or_default().push(op));
    // Between two seconds: after the one, before the other.
    let gap = |from: Option<i64>| -> Known {
        let mut left: Known = None;
        for (_, ops) in by_second.range(..=from.unwrap_or(i64::MIN)) {
            let ends: Vec<Known> =
                orders(ops).iter().map(|order| order.iter().fold(left, apply)).collect();
            left = if ends.iter().all(|end| *end == ends[0]) { ends[0] } else { None };
        }
        let next = by_second.range(from.map_or(i64::MIN, |from| from + 1)..).next();
        let found: Known = next.and_then(|(_, ops)| {
            let seen = ops.iter().all(|op| matches!(op, Op::Seen(_)));
            let same = ops.iter().all(|op| apply(None, op) == apply(None, ops[0]));
            (seen && same).then(|| apply(None, ops[0])).flatten()
        });
        match (left, found) {
            (Some(a), Some(b)) => (a == b).then_some(a),
            (a, b) => a.or(b),
        }
    };
    let last = |until: i64| by_second.range(..until).next_back().map(|(second, _)| *second);
    let Some(ops) = by_second.get(&at) else { return gap(last(at)) };
    let before = gap(last(at));
    if ops.iter().all(|op| matches!(op, Op::Seen(_))) {
        let same = ops.iter().all(|op| apply(None, op) == apply(None, ops[0]));
        return same.then(|| apply(None, ops[0])).flatten();
    }
    let made = creates && ops.iter().any(|op| matches!(op, Op::Replace(_)));
    let mut met = Vec::new();
    if !made {
        met.push(before?);
    }
    for order in orders(ops) {
        let mut state = before;
        for (number, op) in order.iter().enumerate() {
            state = apply(state, op);
            // What comes before the making is of something else.
            if !made || number + 1 == order.len() {
                met.push(state?);
            }
        }
    }
    met.push(gap(Some(at))?);
    met.iter().all(|state| *state == met[0]).then_some(met[0])
}

fn expected(changes: &[Change], uses: &[i64]) -> [u64; 5] {
    let of = |key: bool| -> Vec<(i64, Op)> {
        let own = changes.iter().filter(|(_, of_key, _)| *of_key == key);
        own.map(|(second, _, op)| (*second, op.clone())).collect()
    };
    let (key, bucket) = (of(true), of(false));
    let mut counts = [0; 5];
    for at in uses {
        let slot = match (model(&key, true, *at), model(&bucket, false, *at)) {
            (Some(Some(a)), Some(Some(b))) if a == b => 0,
            (Some(Some(_)), Some(Some(_))) => 1,
            (Some(None), Some(None)) => 2,
            (Some(_), Some(_)) => 3,
            _ => 4,
        };
        counts[slot] += 1;
    }
    counts
}

fn book(changes: &[Change]) -> Book {
    let mut book = Book::new(1_000);
    for (number, (second, of_key, op)) in changes.iter().enumerate() {
        let Op::Seen(value) = op else { continue };
        let arn = if *of_key { KEY } else { BUCKET };
        let tags = pairs(*value, ["Key", "Value"]);
        let text = json!({"ResourceTagMappingList": [{"ResourceARN": arn, "Tags": tags}]});
        let date = Time::parse(&time(*second)).unwrap();
        let name = Arc::from(format!("file-{number}"));
        let added = catalog::read(&name, text.to_string().as_bytes(), date, &mut book);
        assert_eq!(added.wrong, Vec::<String>::new());
    }
    book
}

/// The plan of all runs here but for what each changes. To load the rules takes longer than a run.
fn plan() -> Plan {
    let owner = GovernedTag::named("Owner");
    let estate = Arc::new(Estate { governed_tags: vec![owner], ..Estate::default() });
    let rules = RuleSet::load(true, &[], &estate).unwrap().rules;
    let select: Vec<String> = ["key-tag-mismatch", "key-tag-one-sided"].map(str::to_owned).to_vec();
    let rules = rules.select(&select, &[]).unwrap();
    Plan { estate, ..Plan::new(rules) }
}

fn scanned(folder: &Path, tags: Book, facts: usize, threads: usize) -> Outcome {
    static PLAN: LazyLock<Mutex<Plan>> = LazyLock::new(|| Mutex::new(plan()));
    // A run that failed leaves nothing in the plan that the next does not replace.
    let mut plan = PLAN.lock().unwrap_or_else(PoisonError::into_inner);
    plan.limits = Limits { facts, ..Limits::default() };
    (plan.threads, plan.tags) = (threads, tags);
    let mut listing = Listing::open(&[folder]).unwrap();
    scan(&mut listing, &plan, None, &Progress::default(), &AtomicBool::new(false)).unwrap()
}

fn change() -> impl Strategy<Value = Change> {
    let op = prop_oneof![
        (0..2u8).prop_map(Op::Set),
        Just(Op::Remove),
        prop::option::of(0..2u8).prop_map(Op::Replace),
        prop::option::of(0..2u8).prop_map(Op::Seen),
    ];
    (0..8i64, any::<bool>(), op)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Any history, any order of delivery, copies, files read first, rows in files: the same
    /// verdicts.
    #[test]
    fn verdicts_are_those_of_the_plain_model(
        changes in prop::collection::vec(change(), 0..7),
        uses in prop::collection::vec(0..9i64, 1..8),
        seed in any::<u64>(),
        copies in 0..4usize,
        (facts, threads) in (1..8usize, 1..3usize),
    ) {
        let mut records: Vec<Json> = changes.iter().enumerate().filter_map(record).collect();
        records.extend(uses.iter().enumerate().map(used));
        let again: Vec<Json> = records.iter().rev().take(copies).cloned().collect();
        records.extend(again);
        let shuffled = |at: usize| (at as u64 + 1).wrapping_mul(seed | 1).rotate_left(17);
        let mut order: Vec<usize> = (0..records.len()).collect();
        order.sort_by_key(|at| shuffled(*at));
        let folder = tempfile::tempdir().unwrap();
        for (name, half) in [("a.json", 0), ("b.json", 1)] {
            let part = order.iter().filter(|at| shuffled(**at) >> 40 & 1 == half);
            let part: Vec<&Json> = part.map(|at| &records[*at]).collect();
            fs::write(folder.path().join(name), json!({"Records": part}).to_string()).unwrap();
        }
        let outcome = scanned(folder.path(), book(&changes), facts, threads);
        let tags = outcome.tags.unwrap();
        let unknown = tags.unknown.values().sum();
        let found = [tags.agreeing, tags.mismatched, tags.untagged, tags.one_sided, unknown];
        prop_assert_eq!(found, expected(&changes, &uses), "{:?}", tags.unknown);
        let of = |rule: &str| -> u64 {
            outcome.findings.all().unwrap().iter().filter(|f| f.rule == rule).map(|f| f.count).sum()
        };
        prop_assert_eq!([of("key-tag-mismatch"), of("key-tag-one-sided")], [found[1], found[3]]);
    }
}
