//! Every setting changes some result: for each key of the configuration a log and two values that give
//! two reports.
//!
//! A key that has no row here fails the test, and so does one whose values make no difference: nobody
//! should set something for nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use keytrail::cli::config::keys;
use serde_json::{Value, json};

use crate::chain::Chain;
use crate::harness::Sandbox;
use crate::trail::{call, file, with};

/// What shows that a setting matters: its table and key; a sample of a rule; what else the configuration
/// says; two values.
type Row = (&'static str, &'static str, &'static str, [&'static str; 2]);

/// Of `[roles]` that name nobody.
const NOBODY: &str = r#"["*:role/nobody"]"#;

const ORGANISATION: &[Row] = &[
    (
        "accounts.own",
        "policy-external-account/match-role",
        "",
        [r#"["111122223333"]"#, r#"["111122223333", "444455556666", "777788889999"]"#],
    ),
    (
        "accounts.trusted",
        "policy-external-account/match-role",
        "",
        ["[]", r#"["444455556666", "777788889999"]"#],
    ),
    (
        "regions.allowed",
        "key-outside-region/match-key-created",
        "",
        [r#"["eu-central-1"]"#, r#"["ap-south-1"]"#],
    ),
    (
        "regions.expected",
        "trail-coverage-missing/match-region-never-delivers",
        "[accounts]\nown = [\"111122223333\"]",
        ["[]", r#"["eu-west-3"]"#],
    ),
    (
        "tags.governed.Kst.synonyms",
        "key-tag-mismatch/match-bucket",
        "",
        ["[]", r#"["CostCenter"]"#],
    ),
    (
        "tags.governed.CostCenter.values",
        "key-tag-mismatch/match-bucket",
        "",
        [r#"{ one = ["1001"] }"#, r#"{ one = ["1001", "2002"] }"#],
    ),
    (
        "tags.governed.CostCenter.order",
        "key-tag-mismatch/match-bucket",
        "",
        [r#"["1001", "2002"]"#, r#"["2002", "1001"]"#],
    ),
    (
        "tags.governed.CostCenter.level",
        "key-tag-mismatch/match-bucket",
        "",
        [r#""low""#, r#""high""#],
    ),
    (
        "tags.shared.key",
        "key-tag-mismatch/match-bucket",
        r#"allow = { CostCenter = ["2002"] }"#,
        [r#""alias/none""#, r#""arn:aws:kms:*:key/1234abcd-*""#],
    ),
    (
        "tags.shared.allow",
        "key-tag-mismatch/match-bucket",
        r#"key = "arn:aws:kms:*:key/1234abcd-*""#,
        [r#"{ CostCenter = ["3003"] }"#, r#"{ CostCenter = ["2002"] }"#],
    ),
    (
        "aliases.scheme",
        "alias-naming-scheme/match-no-scheme",
        "",
        [r#""^alias/""#, r#""^alias/prod-""#],
    ),
    (
        "roles.automation",
        "key-replicated/match-role-session",
        "[regions]\nallowed = [\"eu-north-1\"]",
        [NOBODY, r#"["*:role/ci-deployer"]"#],
    ),
    ("roles.direct_use", "direct-decrypt/match-role", "", [NOBODY, r#"["*:role/invoice-app"]"#]),
    ("roles.log_readers", "decrypt-burst/match-trail-logs", "", [NOBODY, r#"["*:user/bob"]"#]),
    ("roles.inventory", "kms-enumeration/match-four-calls", "", [NOBODY, r#"["*:user/bob"]"#]),
    ("roles.encrypt_only", "direct-decrypt/match-role", "", [NOBODY, r#"["*:role/invoice-app"]"#]),
    (
        "services.require_customer_keys",
        "aws-managed-key-used/match-secrets-manager",
        "",
        [r#"["ssm"]"#, r#"["secretsmanager"]"#],
    ),
    (
        "secrets_buckets.example-vault.key",
        "secrets-bucket-wrong-encryption/match-data-key",
        "",
        [
            r#""arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab""#,
            r#""arn:aws:kms:eu-central-1:111122223333:key/d62b2067-3a42-4515-bb75-efb2a88be36f""#,
        ],
    ),
    (
        "secrets_buckets.example-vault.readers",
        "secrets-bucket-reader/match-other-role",
        "",
        [NOBODY, r#"["*:role/developer"]"#],
    ),
    (
        "enclaves.images",
        "enclave-unknown-image/match-enclave",
        "",
        ["[]", r#"["5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"]"#],
    ),
    (
        "monitors.names",
        "kms-monitor-removed/match-alarm-on-key-deletion",
        "",
        [r#"["kms-*"]"#, r#"["other-*"]"#],
    ),
    ("mfa.max_age", "critical-call-stale-mfa/match-after-an-hour", "", ["300", r#""365d""#]),
];

const THRESHOLDS: &[Row] = &[
    (
        "thresholds.short_deletion_days",
        "key-deletion-short-window/clean-eight-days",
        "",
        ["7", "8"],
    ),
    ("thresholds.rotation_days", "rotation-period-long/match-one-day-over", "", ["365", "366"]),
    ("thresholds.expiry_days", "imported-material-expiring/match-three-days", "", ["7", "1"]),
    ("thresholds.blast_services", "key-blast-radius/match-three-services", "", ["3", "4"]),
    ("thresholds.blast_accounts", "key-blast-radius/match-two-accounts", "", ["2", "3"]),
    ("thresholds.blast_principals", "key-blast-radius/match-twenty-principals", "", ["20", "21"]),
    (
        "thresholds.trust_spread_keys",
        "policy-external-trust-spread/match-three-keys",
        "",
        ["3", "4"],
    ),
    (
        "thresholds.encrypt_only_uses",
        "encrypt-only-role-decrypts/match-after-a-hundred",
        "",
        ["100", "101"],
    ),
    ("thresholds.gap_hours", "audit-gap/match-silence", "", ["24", "1000"]),
];

const DISABLED: &str = "key-disabled/match-role-session";

const SCAN: &[Row] = &[
    ("scan.min_level", DISABLED, "", [r#""low""#, r#""critical""#]),
    ("scan.fail_on", DISABLED, "", [r#""never""#, r#""low""#]),
    ("scan.rules", DISABLED, "", ["[]", r#"["mine.yml"]"#]),
    ("scan.tags", "secrets-bucket-reader/match-other-role", "", ["[]", r#"["tags.csv"]"#]),
    ("scan.public_keys", DISABLED, "", [r#""absent.json""#, r#""keys.json""#]),
];

const RULE: &str = r#"rule = "key-disabled""#;

const SUPPRESS: &[Row] = &[
    ("suppress.rule", DISABLED, "", [r#""key-created""#, r#""key-disabled""#]),
    ("suppress.principal", DISABLED, RULE, [r#""*:role/nobody""#, r#""*:role/platform-admin""#]),
    ("suppress.key", DISABLED, RULE, [r#""alias/none""#, r#""arn:aws:kms:*:key/93de332f-*""#]),
    (
        "suppress.resource",
        "key-tag-mismatch/match-bucket",
        r#"rule = "key-tag-mismatch""#,
        [r#""arn:aws:s3:::other""#, r#""arn:aws:s3:::example-ledger""#],
    ),
    (
        "suppress.trust_context",
        "claimed",
        "rule = \"direct-decrypt\"\nresource = \"*\"",
        ["false", "true"],
    ),
    ("suppress.account", DISABLED, RULE, [r#""444455556666""#, r#""111122223333""#]),
    ("suppress.region", DISABLED, RULE, [r#""us-*""#, r#""eu-*""#]),
    ("suppress.reason", DISABLED, RULE, [r#""one""#, r#""another""#]),
    ("suppress.owner", DISABLED, RULE, [r#""ann""#, r#""bob""#]),
    ("suppress.ticket", DISABLED, RULE, [r#""SEC-1""#, r#""SEC-2""#]),
    ("suppress.expires", DISABLED, RULE, ["2020-01-31", "9999-12-31"]),
];

/// A user's rule that finds what the sample holds.
const MINE: &str = "\
title: Mine
id: 6f0c2a52-1f0e-4f0e-9a55-0d7a54a3c111
logsource: {product: aws, service: cloudtrail}
detection:
  selection:
    eventName: DisableKey
  condition: selection
level: medium
";

/// A configuration that gives a key a value.
fn config((setting, _, more, _): &Row, value: &str) -> String {
    let (table, key) = setting.rsplit_once('.').unwrap();
    let line = format!("{key} = {value}\n");
    match table {
        "suppress" => {
            let rest = [("reason", r#""x""#), ("expires", "9999-12-31")];
            let rest = rest.iter().filter(|(name, _)| *name != key);
            let rest: String = rest.map(|(name, value)| format!("{name} = {value}\n")).collect();
            format!("[[suppress]]\n{more}\n{line}{rest}")
        }
        "tags.shared" => format!("[[tags.shared]]\n{more}\n{line}"),
        table => format!("[{table}]\n{line}{more}"),
    }
}

/// What a scan says: its exit code, and what of the report is no circumstance.
fn outcome(row: &Row, value: &str) -> (Option<i32>, Vec<Value>) {
    let sandbox = Sandbox::new();
    let (setting, sample, ..) = row;
    let parameter = "arn:aws:ssm:eu-west-1:111122223333:parameter/test/token";
    let context = [("/requestParameters/encryptionContext", json!({"PARAMETER_ARN": parameter}))];
    let records = match *sample {
        "claimed" => file(&[with(call("Decrypt", "e-1"), &context)]),
        sample => {
            let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/rules");
            fs::read(samples.join(format!("{sample}.json"))).unwrap()
        }
    };
    let tags = "arn,key,value\narn:aws:s3:::example-vault,CostCenter,1\n";
    sandbox.write("in/trail.json", records).write("mine.yml", MINE).write("tags.csv", tags);
    sandbox.write("keys.json", Chain::empty().public_keys.to_string());
    sandbox.write("keytrail.toml", config(row, value));
    let mut words = vec!["scan", "-fjson", "in"];
    if *setting == "scan.public_keys" {
        words.push("--verify");
    }
    if *setting != "scan.min_level" {
        words.push("--min-level=informational");
    }
    let ended = sandbox.keytrail(words).run();
    assert!(
        !ended.stderr.contains("keytrail.toml:") || !ended.stderr.contains("error"),
        "{ended:?}"
    );
    let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
    let told = ["summary", "findings", "suppressions", "tags"].map(|name| report[name].clone());
    (ended.code, told.into())
}

#[test]
fn every_setting_changes_some_result() {
    let rows: Vec<&Row> =
        [ORGANISATION, THRESHOLDS, SCAN, SUPPRESS].into_iter().flatten().collect();
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for table in keys::TABLES {
        wanted.extend(table.keys.iter().map(|key| format!("{}.{}", table.name, key.name)));
    }
    let names = rows.iter().map(|(setting, ..)| {
        let (table, key) = setting.rsplit_once('.').unwrap();
        let of_user = keys::table(table).is_none();
        let table = if of_user { table.rsplit_once('.').unwrap().0 } else { table };
        format!("{table}.{key}")
    });
    assert_eq!(names.collect::<BTreeSet<String>>(), wanted, "a row for each key");
    let idle: Vec<&str> = std::thread::scope(|scope| {
        let halves = rows.chunks(rows.len().div_ceil(2));
        let threads: Vec<_> = halves.map(|rows| scope.spawn(|| idle(rows))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(idle, [""; 0], "settings that change nothing");
}

/// The settings of these rows whose two values make no difference.
fn idle(rows: &[&Row]) -> Vec<&'static str> {
    let idle = rows.iter().filter(|row| outcome(row, row.3[0]) == outcome(row, row.3[1]));
    idle.map(|row| row.0).collect()
}
