//! What the configuration names and the log does not have is noted, for every key that names something.

use keytrail::cli::config::key::{Key, Kind, Shape};
use keytrail::cli::config::keys::TABLES;
use serde_json::json;

use crate::harness::Sandbox;
use crate::trail::{by_role, call, disable, file, with};

#[test]
fn what_the_file_names_and_the_log_does_not_have_is_noted() {
    let sandbox = Sandbox::new();
    let records = [by_role(disable("e-1"), "deploy", "s"), disable("e-2")];
    sandbox.write("in/trail.json", file(&records));
    sandbox.write(
        "keytrail.toml",
        "[accounts]\nown = [\"111122223333\", \"444455556666\"]\n[roles]\n\
         automation = [\"*:role/deploy\", \"*:role/deplyo\"]\n\
         [[tags.shared]]\nkey = \"alias/none\"\nallow = { Owner = [\"*\"] }\n\
         [[tags.shared]]\nkey = \"arn:aws:kms:*:key/*\"\nallow = { Owner = [\"*\"] }\n",
    );
    let notes = "note: keytrail.toml:2: accounts.own: in no record: 444455556666\n\
                 note: keytrail.toml:4: roles.automation: no caller that rules looked at fits: \
                 *:role/deplyo\n\
                 note: keytrail.toml:6: tags.shared: no key that rules looked at fits: alias/none\n";
    sandbox.keytrail(["scan", "in"]).run().code(0).stderr(notes);
    sandbox.keytrail(["scan", "in", "--threads=2", "-fjson"]).run().code(0).stderr(notes);
    // Of a part of the log or of the rules it is no news.
    for more in ["-q", "--select=key-disabled", "--account=111122223333", "--state=st"] {
        sandbox.keytrail(["scan", "in", more]).run().code(0).stderr("");
    }
    let many: Vec<String> = (0..30).map(|number| format!("\"*:role/r{number}\"")).collect();
    sandbox.write("keytrail.toml", format!("[roles]\ninventory = [{}]\n", many.join(", ")));
    sandbox.keytrail(["scan", "in"]).run().code(0).stderr(
        "note: keytrail.toml:2: roles.inventory: no caller that rules looked at fits: *:role/r0, \
         *:role/r1, *:role/r2 and 27 more\n",
    );
}

/// A value that fits nothing, and what is said of it.
const UNMET: &[(&str, &str, &str)] = &[
    ("accounts.own", r#"["999999999999"]"#, "in no record: 999999999999"),
    ("regions.allowed", r#"["ap-south-2"]"#, "in no record: ap-south-2"),
    ("tags.shared.key", r#""alias/none""#, "no key that rules looked at fits: alias/none"),
    ("roles.automation", NOBODY.0, NOBODY.1),
    ("roles.direct_use", NOBODY.0, NOBODY.1),
    ("roles.log_readers", NOBODY.0, NOBODY.1),
    ("roles.inventory", NOBODY.0, NOBODY.1),
    ("roles.encrypt_only", NOBODY.0, NOBODY.1),
    (
        "services.require_customer_keys",
        r#"["ssm"]"#,
        "no call or key that rules looked at is of: ssm",
    ),
    ("secrets_buckets.readers", NOBODY.0, NOBODY.1),
    ("monitors.names", r#"["kms-*"]"#, "nothing that was removed or switched off fits: kms-*"),
];

const NOBODY: (&str, &str) =
    (r#"["*:role/nobody"]"#, "no caller that rules looked at fits: *:role/nobody");

/// Keys whose texts need not be in a log, or that say so in another way.
const NO_NAMES: &[&str] = &[
    "accounts.trusted",
    "regions.expected",
    "tags.governed.synonyms",
    "tags.governed.order",
    "tags.governed.level",
    "aliases.scheme",
    "secrets_buckets.key",
    "enclaves.images",
    "scan.min_level",
    "scan.fail_on",
    "scan.rules",
    "scan.tags",
    "scan.public_keys",
];

#[test]
fn every_key_that_names_something_says_what_is_nowhere() {
    let sandbox = Sandbox::new();
    sandbox.write("in/trail.json", file(&[disable("e-1")]));
    for table in TABLES {
        for Key { name, kind, .. } in table.keys {
            // What suppresses says itself what it does not fit.
            if !matches!(kind, Kind::Text(_) | Kind::Texts(_)) || table.name == "suppress" {
                continue;
            }
            let key = format!("{}.{name}", table.name);
            let Some((_, value, said)) = UNMET.iter().find(|(known, ..)| *known == key) else {
                assert!(NO_NAMES.contains(&key.as_str()), "{key}: what does it say?");
                continue;
            };
            let (head, more) = match table.shape {
                Shape::One => (format!("[{}]", table.name), ""),
                Shape::Named(_) => (format!("[{}.example-vault]", table.name), ""),
                Shape::Listed => (format!("[[{}]]", table.name), "allow = { Owner = [\"*\"] }\n"),
            };
            sandbox.write("keytrail.toml", format!("{head}\n{name} = {value}\n{more}"));
            let ended = sandbox.keytrail(["scan", "in"]).run();
            assert!(ended.stderr.contains(said), "{key}: {}", ended.stderr);
        }
    }
    sandbox.write("keytrail.toml", "[secrets_buckets.example-vault]\n");
    let bucket = "note: keytrail.toml:1: secrets_buckets: no record that rules looked at names: \
                  example-vault\n";
    sandbox.keytrail(["scan", "in"]).run().code(0).stderr(bucket);
}

#[test]
fn what_the_log_has_is_not_noted() {
    let sandbox = Sandbox::new();
    let decrypt = with(
        call("Decrypt", "e-1"),
        &[(
            "/requestParameters",
            json!({"encryptionContext": {"aws:s3:arn": "arn:aws:s3:::vault/a"}}),
        )],
    );
    let removed = with(
        call("DeleteAlarms", "e-2"),
        &[
            ("/eventSource", json!("monitoring.amazonaws.com")),
            ("/requestParameters", json!({"alarmNames": ["kms-watch"]})),
        ],
    );
    sandbox.write("in/trail.json", file(&[decrypt, removed]));
    sandbox.write(
        "keytrail.toml",
        "[services]\nrequire_customer_keys = [\"kms\"]\n[monitors]\nnames = [\"kms-*\"]\n\
         [secrets_buckets.vault]\n",
    );
    sandbox.keytrail(["scan", "in"]).run().code(0).stderr("");
}
