//! Invented data for the tests of every format: the same two findings, nothing, and the worst.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::{Expected, OcsfVersion, Run};
use crate::model::coverage::{Counts, Covered, Gap, Place};
use crate::model::finding::{EventRef, Finding, Key, Resource, Status, Told};
use crate::model::level::Level;
use crate::model::origin::Origin;
use crate::model::other_document::OtherDocument;
use crate::model::outcome::{Outcome, Totals};
use crate::model::principal::{Mfa, Principal};
use crate::model::problem::{Problem, Stage};
use crate::model::request::Request;
use crate::model::suppression::{Applied, Day, State};
use crate::model::time::Time;

fn time(text: &str) -> Time {
    Time::parse(text).unwrap()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub fn run() -> Run {
    Run {
        started: time("2026-11-24T08:00:00Z"),
        finished: time("2026-11-24T08:00:01.5Z"),
        sources: vec!["samples/trail".into()],
        since: None,
        until: None,
        host: None,
        program: None,
        expected: Expected::default(),
        command: ["keytrail", "scan", "samples/trail"].map(String::from).to_vec(),
        settings: vec!["min-level low".into()],
        config_digest: "sha256:c0".into(),
        config_file: None,
        baseline: None,
        state: None,
        rules_enabled: 57,
        rules: Vec::new(),
        not_evaluated: Vec::new(),
        rules_digest: "sha256:d1".into(),
        min_level: Level::Low,
        each: false,
        ocsf: OcsfVersion::default(),
    }
}

fn admin() -> Principal {
    Principal {
        kind: some("AssumedRole"),
        arn: some("arn:aws:iam::111122223333:role/team/Admin"),
        account: some("111122223333"),
        session: some("ann@example.com"),
        invoked_by: None,
        mfa: Mfa::Unknown,
    }
}

pub fn deletion() -> Finding {
    Finding {
        fingerprint: "00112233445566778899aabbccddeeff".into(),
        rule: "key-deletion-scheduled".into(),
        level: Level::Critical,
        attempt: false,
        count: 1,
        first_seen: Some(time("2026-11-23T20:17:00Z")),
        last_seen: Some(time("2026-11-23T20:17:00Z")),
        status: Status::New,
        fresh: true,
        rank: None,
        account: some("111122223333"),
        region: some("us-east-1"),
        principal: admin(),
        source_ip: some("203.0.113.7"),
        user_agent: some("aws-cli/2.31.0"),
        key: Some(Key {
            arn: "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
                .into(),
            account: some("111122223333"),
            alias: None,
            tags: BTreeMap::from([("env".into(), "prod".into())]),
        }),
        resource: None,
        claimed: false,
        folded: 0,
        members: Vec::new(),
        events: vec![EventRef {
            time: Some(time("2026-11-23T20:17:00Z")),
            id: some("11111111-2222-3333-4444-555555555555"),
            name: "ScheduleKeyDeletion".into(),
            origin: Origin::record("samples/trail/a.json.gz", 3),
            shared: None,
            request: Some(Arc::new(Request {
                id: some("0d1e2f30-1111-2222-3333-444455556666"),
                service: "kms.amazonaws.com".into(),
                access_key: some("AKIAIOSFODNN7EXAMPLE"),
                source_ip: some("203.0.113.7"),
                ..Request::of_nobody()
            })),
            undone: None,
        }],
        effect: None,
        case: None,
        details: BTreeMap::from([("pending_window_days".into(), json!(7))]),
        told: Arc::new(Told {
            title: "KMS key scheduled for deletion".into(),
            attack: vec!["T1485".into()],
            references: vec!["https://docs.aws.amazon.com/kms/".into()],
            advice: some("Cancel the deletion unless a change record names it."),
            tactic: 0,
            chain: false,
        }),
    }
}

pub fn foreign_use() -> Finding {
    Finding {
        fingerprint: "ffeeddccbbaa99887766554433221100".into(),
        rule: "decrypt-by-foreign-account".into(),
        level: Level::Medium,
        attempt: true,
        count: 1_204,
        first_seen: Some(time("2026-11-22T03:00:00Z")),
        last_seen: Some(time("2026-11-23T21:30:59Z")),
        account: some("444455556666"),
        region: some("eu-central-1"),
        principal: Principal {
            kind: some("IAMUser"),
            arn: some("arn:aws:iam::777788889999:user/export"),
            account: some("777788889999"),
            session: None,
            invoked_by: some("s3.amazonaws.com"),
            mfa: Mfa::No,
        },
        source_ip: None,
        user_agent: None,
        key: Some(Key {
            arn: "arn:aws:kms:eu-central-1:444455556666:key/mrk-0123456789abcdef0123456789abcdef"
                .into(),
            account: some("444455556666"),
            alias: some("alias/ledger"),
            tags: BTreeMap::new(),
        }),
        resource: Some(Resource {
            arn: "arn:aws:s3:::ledger-archive/2026/11/statements-of-november.parquet".into(),
            kind: some("AWS::S3::Object"),
            tags: BTreeMap::new(),
        }),
        claimed: false,
        folded: 0,
        members: Vec::new(),
        events: vec![],
        details: BTreeMap::new(),
        told: Arc::new(Told {
            title: "Data decrypted by a principal of another account".into(),
            attack: vec![],
            references: vec![],
            advice: None,
            tactic: 0,
            chain: false,
        }),
        ..deletion()
    }
}

/// Every text that a log can choose, as bad as it gets.
pub fn hostile(text: &str) -> Finding {
    let bad = || Some(text.to_owned());
    let tags = || BTreeMap::from([(text.to_owned(), text.to_owned())]);
    let told = Told { title: text.to_owned(), ..(*foreign_use().told).clone() };
    Finding {
        told: Arc::new(told),
        rule: text.to_owned(),
        level: Level::Informational,
        count: u64::MAX,
        account: bad(),
        region: bad(),
        principal: Principal {
            kind: bad(),
            arn: bad(),
            account: some("777788889999"),
            session: bad(),
            invoked_by: some("s3.amazonaws.com"),
            mfa: Mfa::NotApplicable,
        },
        source_ip: bad(),
        user_agent: bad(),
        key: Some(Key { arn: text.to_owned(), account: bad(), alias: bad(), tags: tags() }),
        resource: Some(Resource { arn: format!("arn:aws:s3:::{text}"), kind: bad(), tags: tags() }),
        claimed: false,
        folded: 0,
        members: Vec::new(),
        events: vec![EventRef {
            time: None,
            id: bad(),
            name: text.to_owned(),
            origin: Origin::record(text, 0),
            shared: None,
            request: Some(Arc::new(Request {
                id: bad(),
                service: text.to_owned(),
                principal: Principal { arn: bad(), session: bad(), ..Principal::nobody() },
                access_key: bad(),
                source_ip: bad(),
                user_agent: bad(),
                error: bad(),
                target: bad(),
                reversible: None,
            })),
            undone: None,
        }],
        effect: None,
        case: None,
        details: BTreeMap::from([(text.to_owned(), json!({ text: [text] }))]),
        ..foreign_use()
    }
}

/// The findings and what they were found in.
pub fn outcome(findings: Vec<Finding>) -> Outcome {
    let mut outcome = Outcome {
        totals: Totals {
            blobs: 12,
            blobs_other: 1,
            blobs_other_kinds: [(OtherDocument::Digest, 1)].into(),
            bytes_read: 1_258_291,
            bytes_inflated: 10_905_190,
            records: 12_345,
            duplicates: 3,
            kms_records: 1_234,
            first_event: Some(time("2026-11-01T00:00:00Z")),
            last_event: Some(time("2026-11-23T23:59:59Z")),
            accounts: ["111122223333", "444455556666"].map(String::from).into(),
            regions: ["eu-central-1", "us-east-1"].map(String::from).into(),
            ..Totals::default()
        },
        covered: vec![
            covered("eu-central-1", &[(498_240, 498_242), (498_300, 498_340)]),
            covered("us-east-1", &[]),
        ],
        manifest: "sha256:e2".into(),
        ..Outcome::default()
    };
    for finding in &findings {
        outcome.summary.add(finding.level);
    }
    outcome.findings = findings.into();
    outcome
}

/// The hours of an account and Region, from the first event to the last, all but these.
pub fn covered(region: &str, gaps: &[(i64, i64)]) -> Covered {
    let gaps: Vec<Gap> = gaps.iter().map(|&(from, to)| Gap { from, to }).collect();
    let range = Gap { from: 498_192, to: 498_744 };
    let missing: i64 = gaps.iter().map(|gap| gap.hours()).sum();
    Covered {
        place: Place { account: "111122223333".into(), region: region.into() },
        range,
        counts: Counts { files: 6, records: 6_000, kms_reads: 600, kms_writes: 17 },
        hours_covered: (range.hours() - missing).cast_unsigned(),
        gap_count: gaps.len() as u64,
        gaps,
        kms_reads_missing: false,
    }
}

/// The two findings, two more that are too low to be listed, and a problem.
pub fn two() -> Outcome {
    let mut outcome = outcome(vec![deletion(), foreign_use()]);
    outcome.summary.add(Level::Informational);
    outcome.summary.add(Level::Informational);
    outcome.totals.blobs_failed = 1;
    outcome.covered[1].kms_reads_missing = true;
    outcome.problems = vec![problem("samples/trail/b.json.gz")];
    outcome
}

pub fn problem(name: &str) -> Problem {
    let message = "corrupt deflate stream after byte 1048576 of text, expected a gzip member that \
                   ends with its checksum; 17 records before it were evaluated";
    Problem::new(Origin::blob(name), Stage::Inflate, message)
}

/// A suppression in each state, one of them with the worst of reasons.
pub fn suppressions() -> Vec<Applied> {
    let applied = |rule: &str, reason: &str, state, count| Applied {
        rule: rule.into(),
        reason: reason.into(),
        expires: Day::parse("2026-12-31").unwrap(),
        owner: Some("platform team".into()),
        ticket: None,
        state,
        count,
        fitted: vec!["0123".into()],
    };
    vec![
        applied("key-disabled", "test keys are switched off at night", State::Active, 3),
        applied("key-created", "the\u{1b}[31m \u{202e}migration\n", State::Unmatched, 0),
        applied("root-user-kms", "ticket 4711", State::Expired, 1),
    ]
}
