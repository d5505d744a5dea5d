//! `rules/README.md` describes how to add a rule. Its examples are run here, and its tables are
//! compared with the program.
//!
//! An example is a fenced block below a line `<!-- file: PATH -->`: what the file PATH would hold.
//! What must stay true: a reader who copies the examples gets a rule that works.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use keytrail::detect::field::VIRTUAL;
use keytrail::detect::lint::lint;
use keytrail::detect::native::{Detector, Found};
use keytrail::detect::{KEYTRAIL_KEYS, RuleSet, registry};
use keytrail::model::level::Level;
use keytrail::record::event::Event;
use keytrail::record::kms::View;
use keytrail::record::scan::{self, Index};
use keytrail::trial::{self, Wanted};
use tempfile::TempDir;

use crate::SECTIONS;
use crate::key_description_foreign::KeyDescriptionForeign;

/// The Sigma example, and the native one.
const SIGMA: &str = "key-description-edited";
const NATIVE: &str = "key-description-foreign";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    fs::read_to_string(root().join("rules/README.md")).unwrap()
}

/// The fenced block that starts at the first of `lines`, without the indent of its fence.
fn block<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut lines = lines;
    let fence = lines.next().unwrap_or_default();
    let indent = fence.len() - fence.trim_start().len();
    assert!(fence.trim_start().starts_with("```"), "no block below a mark, but {fence:?}");
    let inside = lines.take_while(|line| line.trim() != "```");
    inside.map(|line| format!("{}\n", line.get(indent..).unwrap_or_default())).collect()
}

/// The block below the line `mark`.
fn below(text: &str, mark: &str) -> String {
    block(text.lines().skip_while(|line| line.trim() != mark).skip(1))
}

/// Every example, by the path of its file.
fn examples() -> BTreeMap<String, String> {
    let text = readme();
    let path = |line: &str| {
        let path = line.trim().strip_prefix("<!-- file: ")?.strip_suffix(" -->")?;
        Some(path.to_owned())
    };
    let marks = text.lines().enumerate();
    let marks = marks.filter_map(|(at, line)| Some((at, path(line)?)));
    marks.map(|(at, path)| (path, block(text.lines().skip(at + 1)))).collect()
}

/// The rows between `<!-- NAME -->` and `<!-- /NAME -->`, without the two of the head; the cells of
/// each, without spaces and backticks around them.
fn table(name: &str) -> Vec<Vec<String>> {
    let text = readme();
    let (_, rest) = text.split_once(&format!("<!-- {name} -->\n")).expect("the opening mark");
    let (rows, _) = rest.split_once(&format!("<!-- /{name} -->")).expect("the closing mark");
    let cells = |row: &str| -> Vec<String> {
        let inside = row.trim().trim_matches('|').split('|');
        inside.map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    rows.lines().skip(2).map(cells).collect()
}

/// A folder with the example of this id, as a user would lay it out.
fn user_folder(id: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (path, text) in examples() {
        let path = Path::new(&path);
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let to = match path.extension().and_then(|ext| ext.to_str()) {
            Some("yml") if path.file_stem().unwrap() == id => folder.path().join(file),
            Some("json") if path.parent().unwrap().ends_with(id) => {
                folder.path().join(id).join(file)
            }
            _ => continue,
        };
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, text).unwrap();
    }
    folder
}

/// Hands a record to `ask`.
fn with_record<T>(text: &str, ask: impl FnOnce(&Event<'_>, &View<'_>) -> T) -> T {
    let mut index = Index::default();
    scan::plain::scan(text.as_bytes(), &mut index).unwrap();
    let event = Event::new(text, &index);
    ask(&event, &View::new(&event))
}

#[test]
fn the_sigma_example_finds_its_match_and_leaves_its_clean_sample_alone() {
    let folder = user_folder(SIGMA);
    let rules = RuleSet::load(false, &[folder.path().to_owned()], &Arc::default()).unwrap().rules;
    let [meta] = rules.metas() else { panic!("one rule, not {}", rules.metas().len()) };
    assert_eq!((meta.level, meta.tier), (Level::Low, Some(2)));
    assert_eq!(meta.whitepaper, ["MON"]);
    assert!(meta.advice.as_deref().is_some_and(|advice| advice.starts_with("Ask the caller")));
    let places = trial::users(rules.reported());
    let trials = trial::run(rules, places).unwrap();
    let [trial] = &trials[..] else { panic!("one rule, not {}", trials.len()) };
    assert_eq!(trial.failures(), [""; 0]);
    assert_eq!([trial.count(Wanted::Match), trial.count(Wanted::Clean)], [1, 1]);
}

#[test]
fn lint_has_nothing_to_say_of_the_examples() {
    for id in [SIGMA, NATIVE] {
        let folder = user_folder(id);
        let linted = lint(&[folder.path().to_owned()]).unwrap();
        assert_eq!((linted.files, linted.flaws, linted.skipped), (1, vec![], vec![]), "{id}");
    }
}

/// The code on the page is that of `key_description_foreign.rs`, which is compiled here.
#[test]
fn the_native_example_finds_its_match_and_leaves_its_clean_sample_alone() {
    let examples = examples();
    let code = include_str!("key_description_foreign.rs").replace("keytrail::", "crate::");
    assert_eq!(examples["src/detect/native/lifecycle/key_description_foreign.rs"], code);
    let folder = user_folder(NATIVE);
    let rules = RuleSet::load(false, &[folder.path().to_owned()], &Arc::default()).unwrap().rules;
    let samples = examples.iter().filter(|(path, _)| path.contains(&format!("{NATIVE}/")));
    let mut seen = BTreeSet::new();
    for (path, text) in samples {
        let name = Path::new(path).file_stem().unwrap().to_string_lossy().into_owned();
        let wanted = name.starts_with("match");
        let found: Option<Found> =
            with_record(text, |event, view| KeyDescriptionForeign.check(event, view));
        assert_eq!(found.is_some(), wanted, "{name}");
        // The selection lets both through to the code.
        let selected = with_record(text, |event, view| rules.check(0, event, view));
        assert!(selected.is_some(), "{name}");
        seen.insert(wanted);
    }
    assert_eq!(seen.len(), 2, "a match sample and a clean one");
}

#[test]
fn every_key_that_the_loader_knows_is_in_the_table_and_no_other() {
    let rows = table("keys");
    let keys: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(keys, KEYTRAIL_KEYS);
    for row in &rows {
        assert_eq!(row.len(), 5, "{row:?}");
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
        assert!(row[4].starts_with(&format!("{}: ", row[0])), "{row:?}");
    }
}

/// A key that the loader does not know would be ignored without a word.
#[test]
fn the_rules_use_every_key_and_no_other() {
    let mut used = BTreeSet::new();
    for rule in registry::RULES {
        let parsed = rsigma_parser::parse_sigma_yaml(rule.yaml).unwrap();
        let rules = parsed.rules.iter().map(|rule| &rule.custom_attributes);
        let all = rules.chain(parsed.correlations.iter().map(|rule| &rule.custom_attributes));
        for own in all.filter_map(|members| members.get("keytrail")) {
            let keys = own.as_mapping().expect("a mapping").keys();
            used.extend(keys.map(|key| key.as_str().expect("text").to_owned()));
        }
    }
    let known: BTreeSet<String> = KEYTRAIL_KEYS.iter().map(|key| (*key).to_owned()).collect();
    assert_eq!(used, known);
}

#[test]
fn every_field_of_ours_is_in_the_table() {
    let rows = table("fields");
    let fields: Vec<(&str, &str)> =
        rows.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    assert_eq!(fields, VIRTUAL);
}

#[test]
fn the_headings_of_a_page_are_those_that_are_checked() {
    let headings = below(&readme(), "<!-- headings -->");
    assert_eq!(headings.lines().collect::<Vec<_>>(), SECTIONS);
}

/// What the page names exists: methods of the traits, functions of the registry, files.
#[test]
fn what_the_page_names_is_there() {
    let source = |folder: &str| -> String {
        let files = walkdir::WalkDir::new(root().join(folder)).into_iter().map(Result::unwrap);
        let rust = files.filter(|file| file.path().extension().is_some_and(|ext| ext == "rs"));
        rust.map(|file| fs::read_to_string(file.path()).unwrap()).collect()
    };
    let text = source("src/detect");
    for (name, rows) in [("History", "history"), ("WholeLog", "whole-log")] {
        let (_, of_trait) = text.split_once(&format!("pub trait {name}")).expect("the trait");
        let (of_trait, _) = of_trait.split_once("\n}\n").expect("its end");
        let methods = table(rows);
        for method in methods.iter().map(|row| &row[0]) {
            assert!(of_trait.contains(&format!("fn {method}(")), "{name} has no {method}");
        }
        assert_eq!(of_trait.matches("    fn ").count(), methods.len(), "{name}");
    }
    for code in ["fn detector(", "fn history(", "fn whole_log(", "fn is_set_up("] {
        assert!(text.contains(code), "no {code}");
    }
    let registry = fs::read_to_string(root().join("src/detect/registry.rs")).unwrap();
    let page = readme();
    let (_, quoted) = page.split_once("```rust\n\"key-enabled\";\n").expect("the lines of a part");
    let (quoted, _) = quoted.split_once("\n```").expect("their end");
    assert!(registry.contains(quoted.trim()), "{quoted}");
    let named = page.split('`').skip(1).step_by(2).filter(|text| text.contains('/'));
    let plain = |path: &&str| {
        !path.contains([' ', ',', '*']) && !path.contains("ID") && !path.contains("GROUP")
    };
    for path in named.filter(plain) {
        assert!(root().join(path).exists(), "{path}");
    }
}
