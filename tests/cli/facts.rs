//! `keytrail facts`: the table of uses of keys, against a plain reading of the same records.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::write::GzDecoder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::trail::{at, call, disable, file, with};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// The operations that use a key. Source: KMS developer guide, "AWS KMS permissions".
const CRYPTO: [&str; 12] = [
    "Decrypt",
    "DeriveSharedSecret",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "ReEncrypt",
    "Sign",
    "Verify",
    "VerifyMac",
];

type Row = BTreeMap<String, Value>;

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The rows of a table, and the metadata of its file.
fn table(path: &Path) -> (Vec<Row>, BTreeMap<String, String>) {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap().iter();
    let metadata = pairs.map(|pair| (pair.key.clone(), pair.value.clone().unwrap())).collect();
    let value = |field: &Field| match field {
        Field::Null => Value::Null,
        Field::Str(text) => json!(text),
        Field::Long(number) | Field::TimestampMicros(number) => json!(number),
        Field::Bool(flag) => json!(flag),
        other => panic!("{other:?}"),
    };
    let row = |row: parquet::record::Row| -> Row {
        row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect()
    };
    (reader.get_row_iter(None).unwrap().map(|one| row(one.unwrap())).collect(), metadata)
}

/// Writes the facts of a source, and reads them.
fn facts(sandbox: &Sandbox, words: &[&str], code: i32) -> (Vec<Row>, BTreeMap<String, String>) {
    let words: Vec<&str> = ["facts", "-o", "facts"].iter().chain(words).copied().collect();
    let ended = sandbox.keytrail(words).run().code(code);
    assert_eq!(ended.stdout, "");
    table(&sandbox.path("facts/uses.parquet"))
}

fn records(folder: &Path, all: &mut Vec<(String, usize, Value)>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            records(&path, all);
            continue;
        }
        let mut decoder = GzDecoder::new(Vec::new());
        decoder.write_all(&fs::read(&path).unwrap()).unwrap();
        let document: Value = serde_json::from_slice(&decoder.finish().unwrap()).unwrap();
        let records = document["Records"].as_array().cloned().unwrap_or_default();
        let name = path.display().to_string();
        all.extend(records.into_iter().enumerate().map(|(at, record)| (name.clone(), at, record)));
    }
}

#[test]
fn the_table_has_the_uses_that_the_records_tell() {
    let sandbox = Sandbox::new();
    let trail = in_repository("samples/trail");
    let (rows, metadata) = facts(&sandbox, &[trail.to_str().unwrap()], 0);
    let mut all = Vec::new();
    records(&trail, &mut all);
    // By event id: how often it is there, and one of its records.
    let mut uses: BTreeMap<String, (u64, &Value)> = BTreeMap::new();
    for (_, _, record) in &all {
        let name = record["eventName"].as_str().unwrap_or_default();
        let is_use = record["eventSource"] == "kms.amazonaws.com" && CRYPTO.contains(&name);
        let of_trail = record["userIdentity"]["invokedBy"] == "cloudtrail.amazonaws.com"
            || record["userIdentity"]["principalId"] == "cloudtrail.amazonaws.com";
        if is_use && !of_trail && record["eventType"] != "AwsVpceEvent" {
            let id = record["eventID"].as_str().unwrap().to_owned();
            uses.entry(id).or_insert((0, record)).0 += 1;
        }
    }
    assert!(uses.len() > 100, "{}", uses.len());
    let ids: BTreeSet<&str> = rows.iter().map(|row| row["event_id"].as_str().unwrap()).collect();
    assert_eq!(ids, uses.keys().map(String::as_str).collect());
    assert_eq!(rows.len(), ids.len());
    for row in &rows {
        let (copies, record) = uses[row["event_id"].as_str().unwrap()];
        assert_eq!(row["copies"], copies);
        for (column, pointer) in [
            ("operation", "/eventName"),
            ("account", "/recipientAccountId"),
            ("region", "/awsRegion"),
            ("source_ip", "/sourceIPAddress"),
            ("user_agent", "/userAgent"),
            ("error", "/errorCode"),
            ("access_key_id", "/userIdentity/accessKeyId"),
            ("invoked_by", "/userIdentity/invokedBy"),
            ("principal_type", "/userIdentity/type"),
            ("key_arn", "/resources/0/ARN"),
        ] {
            let told = record.pointer(pointer).filter(|told| *told != "");
            assert_eq!(&row[column], told.unwrap_or(&Value::Null), "{column} of {record}");
        }
        assert_eq!(row["failed"], record["errorCode"].is_string());
        let time = chrono::DateTime::parse_from_rfc3339(record["eventTime"].as_str().unwrap());
        assert_eq!(row["time"], time.unwrap().timestamp_micros());
        // The place is one where the record lies.
        let place = (row["object"].as_str().unwrap(), row["record"].as_u64().unwrap() as usize);
        let there = all.iter().find(|(name, at, _)| (name.as_str(), *at) == place).unwrap();
        assert_eq!(there.2["eventID"], row["event_id"]);
    }
    assert_eq!(metadata["keytrail.complete"], "true");
    assert_eq!(metadata["keytrail.problems"], "0");
}

fn decrypt(id: &str, second: u32) -> Value {
    at(with(call("Decrypt", id), &[("/requestParameters/keyId", KEY.into())]), second)
}

#[test]
fn copies_are_one_row_and_only_the_range_is_there() {
    let sandbox = Sandbox::new();
    let one = [decrypt("e-1", 0), disable("e-2"), decrypt("e-3", 600)];
    sandbox.write("logs/a.json", file(&one)).write("logs/b.json", file(&one[..1]));
    let (rows, _) = facts(&sandbox, &["logs"], 0);
    let told: BTreeSet<(&str, u64, &str)> = rows
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap();
            (text("event_id"), row["copies"].as_u64().unwrap(), text("object"))
        })
        .collect();
    assert_eq!(told, [("e-1", 2, "logs/a.json"), ("e-3", 1, "logs/a.json")].into());
    let since = one[2]["eventTime"].as_str().unwrap();
    let (rows, metadata) = facts(&sandbox, &["logs", "--since", since], 0);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["event_id"], "e-3");
    assert_eq!(metadata["keytrail.since"], since);
}

#[test]
fn a_table_says_itself_that_something_is_missing() {
    let sandbox = Sandbox::new();
    sandbox
        .write("logs/a.json", file(&[decrypt("e-1", 0)]))
        .write("logs/b.json", "{\"Records\":[{");
    let (rows, metadata) = facts(&sandbox, &["logs"], 3);
    assert_eq!((rows.len(), &*metadata["keytrail.complete"]), (1, "false"));
    assert_eq!(metadata["keytrail.problems"], "1");
    let (_, metadata) = facts(&sandbox, &["logs", "--allow-incomplete"], 0);
    assert_eq!(metadata["keytrail.complete"], "false");
    // A log without uses makes a table without rows.
    sandbox.write("others/a.json", file(&[disable("e-1")]));
    let (rows, metadata) = facts(&sandbox, &["others"], 0);
    assert_eq!((rows.len(), &*metadata["keytrail.complete"]), (0, "true"));
}

#[test]
fn a_table_is_replaced_only_by_a_whole_one() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.json", file(&[decrypt("e-1", 0)]));
    sandbox.write("facts/uses.parquet", "old");
    sandbox.keytrail(["facts", "absent", "-o", "facts"]).run().code(2);
    assert_eq!(fs::read_to_string(sandbox.path("facts/uses.parquet")).unwrap(), "old");
    assert_eq!(facts(&sandbox, &["logs"], 0).0.len(), 1);
    // A table in a source would be taken for a part of it in the next run.
    let again = || sandbox.keytrail(["facts", "logs", "-o", "logs/facts"]).run();
    again().code(0);
    again().code(2);
    sandbox.keytrail(["facts", "logs", "-o", "-"]).run().code(2);
    // A folder that is a file.
    let ended = sandbox.keytrail(["facts", "logs", "-o", "logs/a.json"]).run().code(2);
    assert!(ended.stderr.contains("logs/a.json"), "{}", ended.stderr);
}

/// The page with its table of columns as the program has them.
fn page(now: &str) -> String {
    let (head, rest) = now.split_once("<!-- columns -->\n").unwrap();
    let (_, tail) = rest.split_once("\n## Questions").unwrap();
    let mut table =
        "\n| column | type | null | what it is |\n| --- | --- | --- | --- |\n".to_owned();
    for column in keytrail::facts::all() {
        let null = if column.may_be_null { "yes" } else { "" };
        let (name, kind, means) = (column.name, column.kind.name(), column.means);
        table += &format!("| `{name}` | {kind} | {null} | {means} |\n");
    }
    format!("{head}<!-- columns -->\n{table}\n## Questions{tail}")
}

#[test]
fn the_page_has_the_columns_of_the_table() {
    let path = in_repository("docs/facts.md");
    let now = fs::read_to_string(&path).unwrap();
    let made = page(&now);
    if made != now && std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &made).unwrap();
    } else {
        assert!(
            made == now,
            "docs/facts.md is not what the columns say; UPDATE_DOCS=1 rewrites it"
        );
    }
    let sandbox = Sandbox::new();
    sandbox.write("a.json", file(&[decrypt("e-1", 0)]));
    let (rows, _) = facts(&sandbox, &["a.json"], 0);
    let names: BTreeSet<&str> = keytrail::facts::all().map(|column| column.name).collect();
    assert_eq!(rows[0].keys().map(String::as_str).collect::<BTreeSet<_>>(), names);
}

/// DuckDB is no part of the build: where it is not installed there is nothing to ask.
#[test]
fn the_questions_of_the_page_are_answered_where_duckdb_is_installed() {
    let sandbox = Sandbox::new();
    let trail = in_repository("samples/trail");
    facts(&sandbox, &[trail.to_str().unwrap()], 0);
    let page = fs::read_to_string(in_repository("docs/facts.md")).unwrap();
    let questions: Vec<&str> =
        page.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(questions.len(), 5);
    let duckdb = std::env::var_os("DUCKDB").unwrap_or_else(|| "duckdb".into());
    for question in questions {
        let asked = Command::new(&duckdb)
            .args(["-csv", "-c", question])
            .current_dir(sandbox.path("facts"))
            .output();
        match asked {
            Ok(answer) => assert!(answer.status.success(), "{question}\n{answer:?}"),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => panic!("{error}"),
        }
    }
}

/// A report without what is said of the run itself.
fn told(report: &str) -> Value {
    let mut report: Value = serde_json::from_str(report).unwrap();
    report.as_object_mut().unwrap().remove("run").unwrap();
    report
}

/// What scan and keys say of the facts of a sample is what they say of the sample.
fn same_from_facts(sample: &str, more: &[&str]) {
    let sandbox = Sandbox::new();
    let sample = in_repository(sample);
    let source = sample.to_str().unwrap();
    let run = |command: &str, input: &[&str], words: &[&str]| {
        let words = [command].into_iter().chain(input.iter().chain(words).chain(more).copied());
        let ended = sandbox.keytrail(words).run();
        (ended.code, ended.stdout)
    };
    let (logs, facts) = (&[source][..], &["--facts", "facts"][..]);
    let made = run("facts", logs, &["-o", "facts"]);
    assert!(matches!(made.0, Some(0 | 3)), "{made:?}");
    let [of_logs, of_facts] = [logs, facts].map(|input| run("scan", input, &["-f", "json"]));
    assert_eq!(of_facts.0, of_logs.0);
    assert_eq!(told(&of_facts.1), told(&of_logs.1));
    for format in ["csv", "table"] {
        let [of_logs, of_facts] = [logs, facts].map(|input| run("scan", input, &["-f", format]));
        assert_eq!(of_facts, of_logs, "{format}");
    }
    let [of_logs, of_facts] = [logs, facts].map(|input| run("keys", input, &["-f", "json"]));
    assert_eq!(of_facts, of_logs);
}

#[test]
fn a_scan_of_facts_tells_what_a_scan_of_their_sources_tells() {
    for sample in ["samples/trail", "samples/tags", "samples/hostile"] {
        same_from_facts(sample, &[]);
    }
}

/// Rows of NDJSON by their places, and what was said of them.
fn events(sandbox: &Sandbox, words: &[&str]) -> (BTreeMap<String, Value>, String) {
    let words = ["events", "-f", "ndjson"].iter().chain(words).copied();
    let ended = sandbox.keytrail(words).run().code(0);
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        (row["origin"].as_str().unwrap().to_owned(), row)
    };
    (ended.stdout.lines().map(row).collect(), ended.stderr)
}

#[test]
fn events_of_facts_are_those_of_their_sources_as_far_as_facts_know_them() {
    let sandbox = Sandbox::new();
    let trail = in_repository("samples/trail");
    let trail = trail.to_str().unwrap();
    sandbox.keytrail(["facts", trail, "-o", "facts"]).run().code(0);
    let asked = ["--key", KEY, "--until", "2026-03-12"];
    let (logs, said) = events(&sandbox, &[&[trail][..], &asked].concat());
    assert_eq!(said, "");
    let (found, said) = events(&sandbox, &[&["--facts", "facts"][..], &asked].concat());
    assert!(said.contains("note: from facts: they hold uses of keys"), "{said}");
    assert!(found.len() > 10 && logs.len() >= found.len(), "{} of {}", found.len(), logs.len());
    let mut uses = 0;
    for (place, mut row) in found {
        // From the logs, the records of one call are one row.
        let Some(expected) = logs.get(&place) else { continue };
        let mut expected = expected.clone();
        if row.as_object_mut().unwrap().remove("of_use") == Some(json!(true)) {
            uses += 1;
            for name in ["message", "shared_id"] {
                expected[name] = Value::Null;
            }
        }
        for name in ["also", "served"] {
            expected[name] = json!([]);
        }
        expected["copies"] = row["copies"].clone();
        assert_eq!(row, expected);
    }
    assert!(uses > 5, "{uses}");
    let table = sandbox.keytrail(["events", "--facts", "facts", "--key", "nowhere"]).run().code(0);
    assert!(
        table.stdout.starts_with("No event matches.\nfrom facts: they hold"),
        "{}",
        table.stdout
    );
    let csv = sandbox.keytrail(["events", "--facts", "facts", "-f", "csv"]).run().code(0).stdout;
    let columns = csv.lines().next().unwrap();
    assert!(columns.contains(",error,") && !columns.contains("message"), "{columns}");
}

#[test]
fn what_facts_cannot_tell_is_refused_by_name() {
    let sandbox = Sandbox::new();
    let trail = in_repository("samples/trail");
    let made = ["facts", trail.to_str().unwrap(), "-o", "facts", "--since", "2026-03-01"];
    sandbox.keytrail(made).run().code(0);
    let refused = |words: &[&str]| {
        let words = ["events", "--facts", "facts"].iter().chain(words).copied();
        let ended = sandbox.keytrail(words).run().code(2);
        assert_eq!(ended.stdout, "");
        ended.stderr
    };
    for (words, named) in [
        (&["--raw"][..], "'--raw'"),
        (&["--where", "requestParameters.keyId~*"], "'requestparameters.keyid'"),
        (&["--where", "errorMessage:present"], "'errormessage'"),
        (&["--principal", "AIDACKCEVSQ6C2EXAMPLE"], "'AIDACKCEVSQ6C2EXAMPLE'"),
        (&["--columns", "time, message"], "--columns"),
        (&["--access-key", "x", "--with-derived-credentials"], "'--with-derived-credentials'"),
        (&["--since", "2026-02-01"], "--since: the facts are of events at or after 2026-03-01"),
        (&["--no-builtin-rules"], "--no-builtin-rules"),
        (&["--select", "key-disabled"], "was made with other rules"),
    ] {
        let said = refused(words);
        assert!(said.contains(named), "{words:?}: {said}");
    }
    let typed = ["events", "x", "--facts", "facts"];
    sandbox.keytrail(typed).run().code(2);
    let rules = ["events", "x", "--select", "key-disabled"];
    assert!(sandbox.keytrail(rules).run().code(2).stderr.contains("--facts"));
}

#[test]
fn facts_of_another_run_are_refused_by_name() {
    let sandbox = Sandbox::new();
    let trail = in_repository("samples/trail");
    sandbox.write("keytrail.toml", "[thresholds]\ngap_hours = 9\n");
    let source = trail.to_str().unwrap();
    let made = ["facts", source, "-o", "facts", "--select", "key-deletion-scheduled"];
    sandbox.keytrail(made).run().code(0);
    let refused = |words: &[&str]| {
        let words = ["scan", "--facts", "facts"].iter().chain(words).copied();
        sandbox.keytrail(words).run().code(2).stderr
    };
    let other = refused(&[]);
    assert!(other.contains("facts/facts.part: was made with other rules"), "{other}");
    sandbox.write("keytrail.toml", "[thresholds]\ngap_hours = 12\n");
    let other = refused(&["--select", "key-deletion-scheduled"]);
    assert!(other.contains("was made with another configuration: thresholds.gap_hours"), "{other}");
    sandbox.write("keytrail.toml", "[thresholds]\ngap_hours = 9\n");
    let same = ["scan", "--facts", "facts", "--select", "key-deletion-scheduled"];
    sandbox.keytrail(same).run().code(0);
    let path = sandbox.path("facts/facts.part");
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 1);
    fs::write(&path, &bytes).unwrap();
    let cut = refused(&["--select", "key-deletion-scheduled"]);
    assert!(cut.contains("facts/facts.part: it is cut off"), "{cut}");
    fs::remove_file(&path).unwrap();
    let gone = refused(&["--select", "key-deletion-scheduled"]);
    assert!(
        gone.contains("facts/facts.part: ") && gone.contains("keytrail facts SOURCE -o DIR"),
        "{gone}"
    );
}
