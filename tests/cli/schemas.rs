//! Every JSON that a test makes of a format of ours is of its schema, and so is every golden file.
//!
//! The harness hands whatever the program writes to [`check`]. What must stay true: a form that is
//! written and has no schema is a failure, and so is a schema that takes anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use keytrail::report::schema::{FORMATS, JsonFormat};
use serde_json::{Value, json};

use crate::chain::{Chain, gzip};
use crate::harness::Sandbox;

/// What a run leaves to the next has no schema: nobody else reads it.
const NOT_FOR_OTHERS: &str = "keytrail.state/";

static VALIDATORS: LazyLock<Mutex<BTreeMap<&'static str, Arc<Validator>>>> =
    LazyLock::new(Mutex::default);

fn validator(format: &'static JsonFormat) -> Arc<Validator> {
    let mut known = VALIDATORS.lock().unwrap();
    let make = || {
        let options = jsonschema::options().should_validate_formats(true);
        Arc::new(options.build(&format.schema()).unwrap())
    };
    Arc::clone(known.entry(format.name).or_insert_with(make))
}

/// The documents of a text: all of it, or each line that is one. What was cut off is none.
fn documents(text: &str) -> Vec<Value> {
    match serde_json::from_str(text) {
        Ok(document) => vec![document],
        Err(_) => lines(text),
    }
}

/// The documents of lines. Only the last may be cut off; where the first is none, nothing is.
fn lines(text: &str) -> Vec<Value> {
    let mut lines = text.lines().peekable();
    let mut all = Vec::new();
    while let Some(line) = lines.next() {
        match serde_json::from_str(line) {
            Ok(document) => all.push(document),
            Err(_) if all.is_empty() => return all,
            Err(error) => assert!(lines.peek().is_none(), "{error}: {line}"),
        }
    }
    all
}

/// What a document says it is.
fn name_of(document: &Value) -> Option<&str> {
    let name = document.get("schema")?.as_str()?;
    Some(name).filter(|name| name.starts_with("keytrail.") && !name.starts_with(NOT_FOR_OTHERS))
}

/// Asserts that each document of ours in a text is of its schema. The names of those that are there.
#[track_caller]
pub fn check(text: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    if !text.contains("\"schema\"") {
        return seen;
    }
    for document in documents(text) {
        let Some(name) = name_of(&document) else { continue };
        let format = JsonFormat::named(name).unwrap_or_else(|| panic!("{name} has no schema"));
        let validator = validator(format);
        let wrong = validator.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path()));
        let wrong: Vec<String> = wrong.take(5).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:#?}\n{document:#}");
        seen.insert(name.to_owned());
    }
    seen
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_golden_file_is_of_its_schema() {
    let mut seen = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root().join("src/report")).into_iter().map(Result::unwrap) {
        if entry.path().extension().is_none_or(|ext| ext != "snap") {
            continue;
        }
        let text = fs::read_to_string(entry.path()).unwrap();
        let (_, golden) = text.trim_start_matches("---\n").split_once("\n---\n").unwrap();
        for name in check(golden) {
            *seen.entry(name).or_insert(0) += 1;
        }
    }
    let at_least = |name: &str, count| assert!(seen[name] >= count, "{seen:?}");
    at_least("keytrail.report/v1", 4);
    at_least("keytrail.finding/v1", 2);
}

/// One run of each command and form, on the samples.
fn outputs() -> Vec<String> {
    let trail = root().join("samples/trail");
    let trail = trail.to_str().unwrap();
    let sandbox = Sandbox::new();
    sandbox.write("broken.json", "{\"Records\":[").write("rule.yml", "title: no rule\n");
    let mut runs: Vec<Vec<&str>> = vec![
        vec!["scan", "-f", "json", trail],
        vec!["scan", "--dry-run", "-f", "json", trail],
        vec!["keys", "-f", "json", trail],
        vec!["keys", "-f", "json", trail, "--key", "alias/payments", "--who-can", "Decrypt"],
        vec!["keys", "-f", "json", trail, "--unused", "1h"],
        vec!["events", "-f", "json", trail],
        vec!["actors", "-f", "json", trail],
        vec!["actors", "-f", "json", trail, "--principal", "user/ci-backup", "--granted-vs-used"],
        vec!["tags", "-f", "json", trail],
        vec!["rules", "list", "-f", "json"],
        vec!["rules", "lint", "-f", "json", "rule.yml"],
        vec!["config", "show", "-f", "json"],
    ];
    let lines = ["-f", "ndjson", "--problems", "ndjson"];
    for command in ["scan", "keys", "events", "actors"] {
        runs.push([vec![command, trail, "broken.json"], lines.to_vec()].concat());
    }
    runs.push([vec!["scan", "--each", trail, "broken.json"], lines.to_vec()].concat());
    let written = runs.into_iter().map(|words| sandbox.keytrail(words).run().stdout);
    sandbox.keytrail(["plan", trail, "-o", "out"]).run().code(0);
    let plan = sandbox.read("out/plan.json");
    let trail = gzip(b"{\"Records\": []}");
    sandbox.write("cut/cut.json.gz", &trail[..trail.len() - 9]);
    let words = ["follow", "cut", "--poll", "1s", "--drain", "--state", "state", "--tries", "1"];
    sandbox.keytrail([&words[..], &["--dead-letter", "dead"]].concat()).run().code(0);
    let dead = sandbox.read("dead");
    written.chain([plan, dead, Chain::new().verify(&["-v"]).1.to_string()]).collect()
}

#[test]
fn every_command_writes_what_its_schema_says() {
    let seen: BTreeSet<String> = outputs().iter().flat_map(|text| check(text)).collect();
    let known = FORMATS.iter().map(|format| format.schema).filter(|name| !name.is_empty());
    assert_eq!(seen, known.map(str::to_owned).collect());
}

/// Documents with one thing wrong: a member renamed, a text for a number, a number for a text.
fn spoilt(document: &Value) -> Vec<(String, Value)> {
    let mut spoilt = Vec::new();
    for (name, value) in document.as_object().unwrap() {
        let mut renamed = document.clone();
        let value_of = renamed.as_object_mut().unwrap().remove(name).unwrap();
        renamed[format!("{name}_")] = value_of;
        spoilt.push((format!("{name} renamed"), renamed));
        let other = match value {
            Value::Number(number) => json!(number.to_string()),
            Value::String(_) => json!(1),
            Value::Bool(_) => json!("true"),
            Value::Array(_) | Value::Object(_) => json!("text"),
            Value::Null => continue,
        };
        let mut wrong = document.clone();
        wrong[name] = other;
        spoilt.push((format!("{name} of another type"), wrong));
    }
    spoilt
}

#[test]
fn a_document_that_is_wrong_is_refused() {
    let mut tried = BTreeSet::new();
    for document in outputs().iter().flat_map(|text| documents(text)) {
        let Some(name) = name_of(&document).map(str::to_owned) else { continue };
        if !tried.insert(name.clone()) {
            continue;
        }
        let validator = validator(JsonFormat::named(&name).unwrap());
        for (what, wrong) in spoilt(&document) {
            // A place in an order that not every finding has.
            if what != "rank renamed" {
                assert!(!validator.is_valid(&wrong), "{name}: {what}");
            }
        }
    }
    assert_eq!(tried.len(), FORMATS.len() - 1);
}

/// Each object of a schema with members, and where it stands.
fn objects<'a>(schema: &'a Value, place: &str, found: &mut Vec<(String, &'a Value)>) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") {
                found.push((place.to_owned(), schema));
            }
            members.iter().for_each(|(name, of)| objects(of, &format!("{place}/{name}"), found));
        }
        Value::Array(all) => all.iter().for_each(|of| objects(of, place, found)),
        _ => {}
    }
}

#[test]
fn members_are_described_in_one_style_and_may_be_added() {
    for format in FORMATS {
        let schema = format.schema();
        let mut found = Vec::new();
        objects(&schema, format.name, &mut found);
        for (place, object) in found {
            assert_ne!(object["additionalProperties"], json!(false), "{place}");
            for (name, member) in object["properties"].as_object().unwrap() {
                let about = member["description"].as_str().unwrap_or_default();
                // One that tells forms apart needs none.
                let fixed = member.get("const").is_some();
                assert!(fixed || about.len() >= 4, "{place}: {name}: {about:?}");
                assert!(!about.contains("[`"), "{place}: {name}: {about:?}");
                // The verdicts of verify, and what is IAM's.
                let others = place.ends_with("/logs")
                    || place.ends_with("/digests")
                    || place.contains("/Least");
                let of_snake = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                assert!(others || name.chars().all(of_snake), "{place}: {name}");
            }
        }
    }
}

#[test]
fn schemas_are_printed_by_name() {
    let sandbox = Sandbox::new();
    let of = |words: &[&str]| {
        let words = [&["generate", "schema"], words].concat();
        sandbox.keytrail(words).run()
    };
    for format in FORMATS {
        let printed = of(&[format.name]).code(0).stdout;
        assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), format.schema());
    }
    assert_eq!(of(&["keytrail.finding/v1"]).code(0).stdout, of(&["finding"]).stdout);
    let list = of(&[]).code(0).stdout;
    assert!(FORMATS.iter().all(|format| list.contains(format.written_by)), "{list}");
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
    assert_eq!(of(&["--list"]).stdout, list);
    let unknown = of(&["reprot"]).code(2);
    let error = "error: invalid value 'reprot' for 'NAME': no such format; did you mean report?\n";
    unknown.stderr(error).stdout("");
}
