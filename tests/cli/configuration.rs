//! `keytrail config`, variables that stand for options, and docs/configuration.md, which is made of what
//! the program knows; `UPDATE_DOCS=1 cargo test` rewrites it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use keytrail::cli::config::key::{Key, Kind, Shape, Table};
use keytrail::cli::config::keys::TABLES;
use keytrail::cli::config::{schema, template};
use keytrail::cli::environment::VARIABLES;
use serde_json::{Value, json};
use toml::de::{DeTable, DeValue};

use crate::harness::Sandbox;
use crate::trail::{disable, file};

#[test]
fn init_writes_a_file_that_says_nothing_and_replaces_none() {
    let sandbox = Sandbox::new();
    sandbox.write("in/trail.json", file(&[disable("e-1")]));
    let none = sandbox.report(0, ["in"])["run"]["config"].clone();
    let note = "note: keytrail.toml is written, and nothing in it is set\n";
    sandbox.keytrail(["config", "init"]).run().code(0).stdout("").stderr(note);
    let report = sandbox.report(0, ["in"]);
    assert_eq!(
        (&report["run"]["config"], &report["run"]["config_file"]),
        (&none, &json!("keytrail.toml"))
    );
    sandbox.write("keytrail.toml", "[mfa]\nmax_age = 7\n");
    let hint = "hint: give another PATH, - for standard output, or --force to replace it\n";
    let refused = format!("error: keytrail.toml: is there already\n{hint}");
    sandbox.keytrail(["config", "init"]).run().code(2).stdout("").stderr(&refused);
    assert_eq!(sandbox.read("keytrail.toml"), "[mfa]\nmax_age = 7\n");
    sandbox.keytrail(["config", "init", "--force"]).run().code(0);
    let template = template::template();
    assert_eq!(sandbox.read("keytrail.toml"), template);
    sandbox.keytrail(["config", "init", "-"]).run().code(0).stdout(&template).stderr("");
    std::os::unix::fs::symlink("nowhere", sandbox.path("link")).unwrap();
    sandbox.keytrail(["config", "init", "link"]).run().code(2);
    let missing = sandbox.keytrail(["config", "init", "no/such/k.toml"]).run().code(2);
    missing.stderr("error: no/such/k.toml: cannot be opened for writing: no such folder\n");
}

/// The row of a setting, its cells without the spaces around them.
fn row(table: &str, setting: &str) -> Vec<String> {
    let line = table.lines().find(|line| line.split("  ").next() == Some(setting));
    let line = line.unwrap_or_else(|| panic!("no row {setting} in\n{table}"));
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}

#[test]
fn show_says_what_holds_and_where_it_comes_from() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "conf/k.toml",
        "[scan]\nmin_level = \"high\"\nfail_on = \"high\"\nrules = [\"mine\"]\n\
         [roles]\nautomation = [\"*:role/a\"]\n[tags.governed.Team]\nlevel = \"low\"\n",
    );
    sandbox.write("conf/mine/README.txt", "rules");
    let words = ["config", "show", "--config=conf/k.toml", "--min-level=medium"];
    let show = || sandbox.keytrail(words).env("KEYTRAIL_MIN_LEVEL", "low");
    let show = || {
        show()
            .env("KEYTRAIL_STATE", "st")
            .env("KEYTRAIL_FAIL_ON", "low")
            .env("KEYTRAIL_THREADS", "2")
            .env("COLUMNS", "120")
    };
    let table = show().run().code(0).stderr("").stdout;
    for (setting, value, from) in [
        ("scan.min_level", "\"medium\"", "--min-level"),
        ("scan.fail_on", "\"low\"", "KEYTRAIL_FAIL_ON"),
        ("scan.rules", "[\"conf/mine\"]", "conf/k.toml:4"),
        ("scan.tags", "none", "default"),
        ("roles.automation", "[\"*:role/a\"]", "conf/k.toml:6"),
        ("mfa.max_age", "300", "default"),
        ("--config", "\"conf/k.toml\"", "--config"),
        ("--threads", "\"2\"", "KEYTRAIL_THREADS"),
        ("--format", "\"table\"", "default"),
        ("--state", "\"st\"", "KEYTRAIL_STATE"),
    ] {
        assert_eq!(row(&table, setting), [setting, value, from], "{table}");
    }
    assert!(row(&table, "tags.governed.Team").contains(&"conf/k.toml:7".to_owned()), "{table}");
    let json = sandbox.keytrail(words.into_iter().chain(["-fjson"])).run().code(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["schema"], &json["file"]),
        (&json!("keytrail.config/v1"), &json!("conf/k.toml"))
    );
    let settings = json["settings"].as_array().unwrap();
    let of = |name: &str| settings.iter().find(|setting| setting["name"] == name).unwrap();
    assert_eq!(of("scan.fail_on")["from"], json!({"kind": "file", "place": "conf/k.toml:3"}));
    assert_eq!(of("scan.min_level")["from"], json!({"kind": "option", "name": "--min-level"}));
    let narrow = show().env("COLUMNS", "60").run().code(0).stdout;
    assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
    sandbox
        .keytrail(["config", "show", "-fyaml"])
        .run()
        .code(2)
        .stderr("error: invalid value 'yaml' for '--format': expected table, json or toml\n");
}

#[test]
fn show_refuses_what_a_scan_refuses() {
    let sandbox = Sandbox::new();
    sandbox.write("in/trail.json", file(&[disable("e-1")]));
    for words in [
        &["--no-builtin-rules"][..],
        &["--verify"],
        &["--public-keys=k.json"],
        &["--verify", "--public-keys=k.json", "-"],
        &["-", "-"],
        &["--select=no-such-rule"],
        &["--since=2026-05-02", "--until=2026-05-01"],
        &["--account=1"],
        &["--min-level=worst"],
        &["--rules=nope"],
        &["--tags=nope"],
        &["--tags=in"],
        &["--tags=in/trail.json@someday"],
    ] {
        let refused = |command: &[&str]| {
            let words = command.iter().chain(words);
            let ended = sandbox.keytrail(words).run().code(2).stdout("");
            let lines = ended.stderr.lines().filter(|line| line.starts_with("error: "));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let (scan, show) = (refused(&["scan", "in"]), refused(&["config", "show", "in"]));
        assert!(
            !show.is_empty() && show.iter().all(|line| scan.contains(line)),
            "{show:?} {scan:?}"
        );
    }
    sandbox.write(
        "keytrail.toml",
        "[[suppress]]\nrule = \"none\"\nreason = \"x\"\nexpires = 9999-12-31\n",
    );
    for words in [["config", "show"], ["scan", "in"]] {
        sandbox.keytrail(words).run().code(2).says(
            "error: keytrail.toml:2:8: suppress.rule: 'none' names no rule: `keytrail rules list` \
             shows every rule",
        );
    }
    for text in ["rules = [\"nope\"]", "tags = [\"nope\"]"] {
        sandbox.write("keytrail.toml", format!("[scan]\n{text}\n"));
        for words in [["config", "show"], ["scan", "in"]] {
            let ended = sandbox.keytrail(words).run().code(2).stdout("");
            assert!(ended.stderr.contains("nope: "), "{words:?} {}", ended.stderr);
        }
    }
    // A variable waits for the run in which it means something.
    sandbox.write("keytrail.toml", "");
    let odd = sandbox.keytrail(["config", "show"]).env("KEYTRAIL_FORMAT", "xml").run().code(2);
    assert!(odd.stderr.contains("'xml' for 'KEYTRAIL_FORMAT'"), "{}", odd.stderr);
    sandbox.keytrail(["config", "show"]).env("KEYTRAIL_PUBLIC_KEYS", "absent").run().code(0);
}

#[test]
fn what_show_prints_as_toml_makes_the_same_settings() {
    let sandbox = Sandbox::new();
    sandbox.write("in/trail.json", file(&[disable("e-1")]));
    let suppress =
        "[[suppress]]\nrule = \"key-created\"\nreason = \"\\\"é\\\\\"\nexpires = 9999-12-31\n";
    let text = format!(
        "[scan]\nmin_level = \"high\"\n[accounts]\nown = [\"111122223333\"]\n[secrets_buckets.\"a.b\"]\n\
         readers = [\"*:role/x\"]\n[[tags.shared]]\nkey = \"alias/x\"\nallow = {{ Owner = [\"*\"] }}\n{suppress}"
    );
    sandbox.write("k.toml", text);
    let shown =
        sandbox.keytrail(["config", "show", "-ftoml", "--config=k.toml"]).run().code(0).stdout;
    sandbox.write("shown.toml", &shown);
    let digest = |name| sandbox.report(0, ["--config", name, "in"])["run"]["config"].clone();
    assert_eq!(digest("k.toml"), digest("shown.toml"), "{shown}");
}

#[test]
fn an_option_wins_over_its_variable_and_a_variable_over_the_file() {
    let sandbox = Sandbox::new();
    sandbox.write("in/trail.json", file(&[disable("e-1")]));
    let scan = ["scan", "-fjson", "--select=key-disabled", "in"];
    let digest = |more: &[&str], variable: &str, code: i32| {
        let words = scan.iter().chain(more);
        let ended = sandbox.keytrail(words).env("KEYTRAIL_FAIL_ON", variable).run().code(code);
        let report: Value = serde_json::from_str(&ended.stdout).unwrap();
        report["run"]["config"].clone()
    };
    let usual = digest(&[], "", 0);
    let high = digest(&["--fail-on=high"], "", 1);
    assert_ne!(usual, high);
    sandbox.write("keytrail.toml", "[scan]\nfail_on = \"high\"\n");
    assert_eq!(digest(&[], "", 1), high, "the digest is of what holds");
    assert_eq!(digest(&[], "never", 0), usual);
    assert_eq!(digest(&["--fail-on=high"], "never", 1), high);
}

#[test]
fn what_is_wrong_with_a_variable_is_told_under_its_name() {
    let sandbox = Sandbox::new();
    sandbox.write("in/trail.json", file(&[disable("e-1")]));
    for (name, value, expected) in [
        (
            "KEYTRAIL_MIN_LEVEL",
            "bad",
            "'bad' for 'KEYTRAIL_MIN_LEVEL': unknown level 'bad': use \
          informational, low, medium, high or critical",
        ),
        (
            "KEYTRAIL_THREADS",
            "-1",
            "'-1' for 'KEYTRAIL_THREADS': expected a number from 0 (one a core) to 1024",
        ),
        (
            "KEYTRAIL_FORMAT",
            "xml",
            "'xml' for 'KEYTRAIL_FORMAT': expected one of table, json, ndjson, csv, html, markdown, \
             sarif, ocsf, asff",
        ),
        ("KEYTRAIL_COLOR", "red", "'red' for 'KEYTRAIL_COLOR': expected auto, always or never"),
        ("KEYTRAIL_PROGRESS", "1", "'1' for 'KEYTRAIL_PROGRESS': expected auto, always or never"),
    ] {
        let ended = sandbox.keytrail(["scan", "in"]).env(name, value).run().code(2).stdout("");
        ended.stderr(&format!("error: invalid value {expected}\n"));
    }
    let config = sandbox.keytrail(["scan", "in"]).env("KEYTRAIL_CONFIG", "absent").run().code(2);
    config.stderr("error: KEYTRAIL_CONFIG: absent: no such configuration file\n");
    for name in ["KEYTRAIL_TAGS", "KEYTRAIL_RULES", "KEYTRAIL_STATE", "KEYTRAIL_PUBLIC_KEYS"] {
        let words = ["scan", "in", "--verify", "--public-keys=keys.json"];
        let words = if name.ends_with("KEYS") { &words[..3] } else { &words };
        let ended = sandbox.keytrail(words).env(name, "in/trail.json/x").run().code(2);
        let said = format!("error: {name}: in/trail.json/x");
        assert!(ended.stderr.contains(&said), "{said}: {}", ended.stderr);
    }
    // Who typed a path sees only the path.
    let typed = sandbox.keytrail(["scan", "in", "--tags=absent"]).env("KEYTRAIL_TAGS", "other");
    assert!(typed.run().code(2).stderr.starts_with("error: absent: "));
    // Nobody typed the option that the message names.
    let clash =
        sandbox.keytrail(["scan", "in", "--until=1d"]).env("KEYTRAIL_STATE", "st").run().code(2);
    clash.says("note: options also come from the environment: KEYTRAIL_STATE");
    // Where there is nothing to verify, keys wait.
    sandbox.keytrail(["scan", "in"]).env("KEYTRAIL_PUBLIC_KEYS", "absent").run().code(0).stderr("");
    let verify =
        sandbox.keytrail(["verify", "in"]).env("KEYTRAIL_PUBLIC_KEYS", "absent").run().code(2);
    assert!(verify.stderr.contains("absent"), "{}", verify.stderr);
    let none = sandbox.keytrail(["verify", "in"]).run().code(2);
    assert!(none.stderr.starts_with("error: no public keys to verify with\n"), "{}", none.stderr);
}

#[test]
fn a_variable_that_stands_for_nothing_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("in/trail.json", file(&[disable("e-1")]));
    let ended = sandbox.keytrail(["scan", "in"]).env("KEYTRAIL_MINLEVEL", "high");
    ended.env("KEYTRAIL_\u{1b}[31m", "1").env("KEYTRAIL_RULES", "").run().code(0).stderr(
        "warning: the variable KEYTRAIL_\\x1b[31m stands for no option: docs/configuration.md lists \
         those that do\nwarning: the variable KEYTRAIL_MINLEVEL stands for no option: did you mean \
         KEYTRAIL_MIN_LEVEL?\n",
    );
}

#[test]
fn help_and_errors_are_coloured_as_asked() {
    let sandbox = Sandbox::new();
    for words in [["scan", "--help"], ["scan", "--nonsense"]] {
        let said = |more: &str, variable: &str| {
            let keytrail = sandbox.keytrail(words.iter().chain(&[more]));
            let ended = keytrail.env("KEYTRAIL_COLOR", variable).run();
            (ended.stdout + &ended.stderr).contains('\u{1b}')
        };
        assert!(said("--color=always", "never") && said("-q", "always"), "{words:?}");
        assert!(!said("--color=never", "always") && !said("-q", ""), "{words:?}");
    }
}

#[test]
fn rules_list_lists_what_a_scan_evaluates() {
    let sandbox = Sandbox::new();
    let rule = "title: Mine\nid: 6f0c2a52-1f0e-4f0e-9a55-0d7a54a3c111\n\
                logsource: {product: aws, service: cloudtrail}\nlevel: low\n\
                detection:\n  s:\n    eventName: DisableKey\n  condition: s\n";
    sandbox.write("conf/mine.yml", rule).write("conf/k.toml", "[scan]\nrules = [\"mine.yml\"]\n");
    let words = ["rules", "list", "--no-builtin-rules", "--config=conf/k.toml"];
    let listed = sandbox.keytrail(words).run().code(0).stdout;
    assert!(listed.contains("Mine"), "{listed}");
}

/// A document of TOML as JSON has it.
fn as_json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(number) => {
            json!(i64::from_str_radix(number.as_str(), number.radix()).unwrap())
        }
        DeValue::Boolean(flag) => json!(flag),
        DeValue::Datetime(date) => json!(date.to_string()),
        DeValue::Array(list) => list.iter().map(|value| as_json(value.get_ref())).collect(),
        DeValue::Table(table) => of_table(table),
        DeValue::Float(_) => panic!("no key takes one"),
    }
}

fn of_table(table: &DeTable<'_>) -> Value {
    let entries = table.iter();
    let entries = entries.map(|(key, value)| (key.get_ref().to_string(), as_json(value.get_ref())));
    Value::Object(entries.collect())
}

/// What a schema has against a document, by the words that ours uses. Another word fails, so that nothing
/// is taken for checked that is not.
fn check(schema: &Value, document: &Value, wrong: &mut Vec<String>) {
    let mut refuse = |word: &str| wrong.push(format!("{word}: {document}"));
    let mut below: Vec<(&Value, &Value)> = Vec::new();
    for (word, says) in schema.as_object().unwrap() {
        match (word.as_str(), document) {
            ("$schema" | "title" | "description", _) => {}
            ("type", _) => {
                let is = match says.as_str().unwrap() {
                    "object" => document.is_object(),
                    "array" => document.is_array(),
                    "string" => document.is_string(),
                    "integer" => document.is_i64(),
                    "boolean" => document.is_boolean(),
                    other => panic!("unknown type {other}"),
                };
                if !is {
                    refuse(word);
                }
            }
            ("properties", Value::Object(members)) => {
                below.extend(members.iter().map(|(key, value)| (&says[key], value)));
            }
            ("additionalProperties", Value::Object(members)) => {
                let known = |key: &String| schema["properties"].get(key).is_some();
                let more = members.iter().filter(|(key, _)| !known(key));
                match says {
                    Value::Bool(false) => more.for_each(|(key, _)| refuse(key)),
                    says => below.extend(more.map(|(_, value)| (says, value))),
                }
            }
            ("required", Value::Object(members)) => {
                let missing = |key: &&Value| !members.contains_key(key.as_str().unwrap());
                says.as_array().unwrap().iter().filter(missing).for_each(|_| refuse(word));
            }
            ("items", Value::Array(list)) => below.extend(list.iter().map(|value| (says, value))),
            ("pattern", Value::String(text)) => {
                if !regex::Regex::new(says.as_str().unwrap()).unwrap().is_match(text) {
                    refuse(word);
                }
            }
            ("minimum", Value::Number(_)) if document.as_i64() < says.as_i64() => refuse(word),
            ("maximum", Value::Number(_)) if document.as_i64() > says.as_i64() => refuse(word),
            ("anyOf", _) => {
                let fits = |schema: &Value| against_schema(schema, document).is_empty();
                if !says.as_array().unwrap().iter().any(fits) {
                    refuse(word);
                }
            }
            ("properties" | "additionalProperties" | "required", _) => {}
            ("items" | "pattern" | "minimum" | "maximum", _) => {}
            (other, _) => panic!("unknown word {other}"),
        }
    }
    // What is not described is refused above.
    let below = below.into_iter().filter(|(schema, _)| !schema.is_null());
    below.for_each(|(schema, value)| check(schema, value, wrong));
}

fn against_schema(schema: &Value, document: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    check(schema, document, &mut wrong);
    wrong
}

/// What the schema has against a configuration.
fn against(text: &str) -> Vec<String> {
    let table = DeTable::parse(text).unwrap();
    against_schema(&schema::schema(), &of_table(table.get_ref()))
}

#[test]
fn the_schema_takes_what_the_program_takes_and_no_unknown_key() {
    let printed = Sandbox::new().keytrail(["config", "schema"]).run().code(0).stderr("").stdout;
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), schema::schema());
    let template = template::template();
    let set = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
        _ => format!("{line}\n"),
    };
    let set: String = template.lines().map(set).collect();
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md"))
            .unwrap();
    let (_, example) = readme.split_once("<!-- config -->\n```toml\n").unwrap();
    let (example, _) = example.split_once("```\n<!-- /config -->").unwrap();
    for text in
        [&template, &set, example, "[tags.governed]\nOwner = [\"team\"]\n[mfa]\nmax_age = 5\n"]
    {
        assert_eq!(against(text), [""; 0], "{text}");
    }
    for text in [
        "acounts = 1",
        "[accounts]\nowm = []",
        "[accounts]\nown = [\"1\"]",
        "[tags]\nallowed = []",
        "[tags.governed.Owner]\nsynonim = []",
        "[secrets_buckets.abc]\nreader = []",
        "[thresholds]\ngap_hours = 0",
        "[mfa]\nmax_age = \"soon\"",
        "[scan]\nmin_level = \"worst\"",
        "[[suppress]]\nrule = \"key-created\"\nreason = \"x\"",
        "[[suppress]]\nrule = \"*\"\nreason = \"x\"\nexpires = 2027-01-31",
    ] {
        assert_eq!(against(text).len(), 1, "{text}");
    }
}

/// What a value of a key is, in words.
fn form(key: &Key) -> String {
    match key.kind {
        Kind::Text(form) => form.what.to_owned(),
        Kind::Texts(form) => format!("a list, each of it {}", form.what),
        Kind::TextsByName => "a table with a list of texts for each name".to_owned(),
        Kind::Number(least, i64::MAX) => format!("a whole number from {least}"),
        Kind::Number(least, most) => format!("a whole number from {least} to {most}"),
        Kind::Age => "an age such as \"300s\", or a number of seconds".to_owned(),
        Kind::Flag => "true or false".to_owned(),
        Kind::Day => "a day such as 2027-01-31".to_owned(),
    }
}

fn section(table: &Table) -> String {
    let head = match table.shape {
        Shape::One => format!("[{}]", table.name),
        Shape::Named(_) => format!("[{}.NAME]", table.name),
        Shape::Listed => format!("[[{}]]", table.name),
    };
    let plain = |text: &str| text.replace('|', "\\|").replace('*', "\\*");
    let mut text = format!("\n### `{head}`\n\n{}\n\n", plain(table.about));
    text += "| key | for | value | default or example |\n| --- | --- | --- | --- |\n";
    for key in table.keys {
        let needed = if key.required { " It must be there." } else { "" };
        let (about, form) = (plain(key.about) + needed, plain(&form(key)));
        writeln!(text, "| `{}` | {about} | {form} | `{}` |", key.name, key.example).unwrap();
    }
    text
}

/// The page between its marks.
fn made() -> String {
    let mut text = String::from("## Variables\n\n| variable | option |\n| --- | --- |\n");
    for variable in VARIABLES {
        let only = variable.command.map(|only| format!(", of `{only}` alone")).unwrap_or_default();
        writeln!(text, "| `{}` | `--{}`{only} |", variable.name, variable.option).unwrap();
    }
    text += "\n## Tables and keys\n";
    text + &TABLES.iter().map(|table| section(table)).collect::<String>()
}

#[test]
fn the_manual_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = fs::read_to_string(&path).unwrap();
    let (head, _) = page.split_once("<!-- made -->\n").expect("the mark");
    let wanted = format!("{head}<!-- made -->\n{}", made());
    if page == wanted {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_DOCS").is_some(),
        "docs/configuration.md is not what the program knows; UPDATE_DOCS=1 cargo test rewrites it"
    );
    fs::write(&path, wanted).unwrap();
}
