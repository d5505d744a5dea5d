//! The rules of the house that the compiler does not know.
//!
//! ```text
//! main       which layer may import which, and what every file must look like
//! circles    no two files of a layer need each other
//! engine     which room of the engine may import which
//! imports    which file needs which, from their texts
//! papers     what the papers around the code say is there
//! prose      docs/architecture.md says what the code has
//! text       source text as tokens
//! ```
//!
//! Every checker is a function of text, and is itself tested on text that breaks its rules.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, not only the tests themselves, stop at the first surprise"
)]

mod circles;
mod engine;
mod imports;
mod papers;
mod prose;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use text::tokens;

/// Each layer and what it may import, itself aside. `main.rs` and `lib.rs` are exempt.
const LAYERS: [(&str, &[&str]); 20] = [
    ("model", &[]),
    ("source", &["model"]),
    ("record", &["model"]),
    ("policy", &["record", "model"]),
    ("tags", &["record", "model"]),
    ("detect", &["record", "tags", "policy", "model"]),
    ("engine", &["source", "record", "tags", "policy", "detect", "model"]),
    ("query", &["source", "record", "engine", "model"]),
    ("triage", &["model"]),
    ("period", &["model"]),
    ("trial", &["source", "detect", "engine", "model"]),
    ("tables", &[]),
    ("facts", &["tables", "model"]),
    ("report", &["model"]),
    ("verify", &["source", "model"]),
    ("state", &["model"]),
    ("folder", &["source"]),
    ("follow", &["model"]),
    ("shards", &["source", "folder", "tables", "model"]),
    (
        "cli",
        &[
            "model", "source", "record", "policy", "tags", "detect", "engine", "query", "triage",
            "facts", "report", "verify", "state", "folder", "follow", "shards", "trial", "period",
        ],
    ),
];

/// The most lines of a source file.
const LINES_MAX: usize = 500;

/// Every name directly under the crate's root that `text` uses by path. `depth` is how many modules
/// deep the file is: 1 for `src/report/mod.rs`, 2 for `src/report/json.rs`. `*` is all of it.
fn root_names(text: &str, depth: usize) -> BTreeSet<String> {
    let tokens = tokens(text);
    let mut names = BTreeSet::new();
    // One entry for each open brace: whether it opened an inline module.
    let mut braces = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "{" => {
                let module = at >= 2 && tokens[at - 2] == "mod";
                braces.push(module);
            }
            "}" => {
                braces.pop();
            }
            "crate" => {
                under(&tokens[at + 1..], &mut names);
            }
            "super" => {
                let depth = depth + braces.iter().filter(|module| **module).count();
                let mut supers = 1;
                while is_path(&tokens[at + 1..]) && tokens.get(at + 3).is_some_and(|t| t == "super")
                {
                    supers += 1;
                    at += 3;
                }
                if supers >= depth {
                    under(&tokens[at + 1..], &mut names);
                }
            }
            _ => {}
        }
        at += 1;
    }
    names
}

fn is_path(rest: &[String]) -> bool {
    rest.len() > 2 && rest[0] == ":" && rest[1] == ":"
}

/// The names after `::`: one, or the first of each branch of a `use` tree.
fn under(rest: &[String], names: &mut BTreeSet<String>) {
    if !is_path(rest) {
        // `pub(crate)` is no import; `use crate as root` would hide every later one.
        if rest.first().is_some_and(|token| token == "as") {
            names.insert("*".into());
        }
        return;
    }
    if rest[2] != "{" {
        names.insert(rest[2].clone());
        return;
    }
    let (mut depth, mut first) = (0, true);
    for token in &rest[2..] {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," => first = depth == 1,
            name => {
                if first && depth == 1 {
                    names.insert(name.into());
                }
                first = false;
            }
        }
        if depth == 0 {
            return;
        }
    }
}

/// What is wrong with the imports of `text`, a file of `layer`.
fn bad_imports(layer: &str, depth: usize, text: &str) -> Vec<String> {
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
        return vec![format!("{layer} is no layer: say in tests/architecture what it may import")];
    };
    root_names(text, depth)
        .into_iter()
        .filter(|name| name != layer && !allowed.contains(&name.as_str()))
        .map(|name| format!("{layer} must not import {name}"))
        .collect()
}

/// What is wrong with the form of a file.
fn bad_form(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if !text.starts_with("//!") {
        found.push("does not start with a //! header".into());
    }
    let lines = text.lines().count();
    if lines > LINES_MAX {
        found.push(format!("has {lines} lines, {LINES_MAX} are allowed"));
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `folder`, sorted.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The texts of all files of `src`, by their paths below it.
fn sources() -> BTreeMap<String, String> {
    let src = root().join("src");
    rust_files(&src)
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// `(layer, depth)` of a file of `src`; `None` for `main.rs` and `lib.rs`.
fn module(path: &Path) -> Option<(String, usize)> {
    let parts: Vec<String> = path
        .strip_prefix(root().join("src"))
        .unwrap()
        .with_extension("")
        .iter()
        .map(|part| part.to_str().unwrap().into())
        .collect();
    let is_mod = parts.last().is_some_and(|part| part == "mod");
    let depth = parts.len() - usize::from(is_mod);
    (!matches!(parts[0].as_str(), "main" | "lib")).then(|| (parts[0].clone(), depth))
}

/// The files that no module declares: the compiler never reads them. `files` are paths below `src`
/// and texts.
fn undeclared(files: &BTreeMap<String, String>) -> Vec<String> {
    let declares = |file: &str, name: &str| {
        let tokens = files.get(file).map(|text| tokens(text)).unwrap_or_default();
        tokens.windows(2).any(|pair| pair[0] == "mod" && pair[1] == name)
    };
    let is_declared = |path: &str| {
        let module = path.trim_end_matches(".rs").trim_end_matches("/mod");
        let Some((parent, name)) = module.rsplit_once('/') else {
            return ["lib", "main"].contains(&module) || declares("lib.rs", module);
        };
        declares(&format!("{parent}.rs"), name) || declares(&format!("{parent}/mod.rs"), name)
    };
    let mut found: Vec<String> = files.keys().cloned().collect();
    found.retain(|path| !is_declared(path));
    found
}

fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn imports_go_one_way() {
    let mut found = Vec::new();
    for path in rust_files(&root().join("src")) {
        let Some((layer, depth)) = module(&path) else { continue };
        let text = fs::read_to_string(&path).unwrap();
        let bad = bad_imports(&layer, depth, &text).into_iter();
        found.extend(bad.map(|why| format!("{}: {why}", path.display())));
    }
    assert_none(&found);
}

#[test]
fn every_file_has_a_header_and_an_end() {
    let mut found = Vec::new();
    for folder in ["src", "tests"] {
        for path in rust_files(&root().join(folder)) {
            let bad = bad_form(&fs::read_to_string(&path).unwrap()).into_iter();
            found.extend(bad.map(|why| format!("{}: {why}", path.display())));
        }
    }
    assert_none(&found);
}

#[test]
fn lib_lists_every_module() {
    let listed = tokens(&fs::read_to_string(root().join("src/lib.rs")).unwrap());
    let listed: BTreeSet<&str> =
        listed.windows(2).filter(|pair| pair[0] == "mod").map(|pair| pair[1].as_str()).collect();
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if path.is_dir() && !rust_files(&path).is_empty() {
            assert!(listed.contains(name), "src/lib.rs does not list {name}");
        }
    }
}

#[test]
fn every_file_is_declared() {
    let src = root().join("src");
    let files = rust_files(&src).into_iter().map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(&src).unwrap().to_str().unwrap().into(), text)
    });
    assert_none(&undeclared(&files.collect()));
}

#[test]
fn the_checker_finds_every_way_to_import() {
    for (depth, text) in [
        (1, "use crate::engine::scan;"),
        (1, "use crate::{model::time::Time, engine};"),
        (1, "use crate::{model::{time, level}, engine::{self, Plan}};"),
        (1, "fn f() { crate :: engine::scan() }"),
        (1, "use super::engine;"),
        (2, "use super::super::engine::scan;"),
        (2, "mod tests { use super::super::super::engine; }"),
        (1, "let c = '\"'; use crate::engine; let d = '\\''; // \""),
        (1, "let s = r#\"\\\"#; use crate::engine;"),
    ] {
        assert_eq!(bad_imports("report", depth, text), ["report must not import engine"], "{text}");
    }
    for text in ["use crate::*;", "use crate as root;"] {
        assert_eq!(bad_imports("report", 1, text), ["report must not import *"], "{text}");
    }
    assert_eq!(bad_imports("extra", 1, "").len(), 1);
}

#[test]
fn the_checker_leaves_the_rest_alone() {
    for (depth, text) in [
        (1, "use crate::{model::time::Time, report};"),
        (1, "//! crate::engine\n/* crate::engine /* */ crate::cli */ pub(crate) fn f() {}"),
        (1, "let s = \"crate::engine \\\" crate::engine\";"),
        (1, "let s = r##\"crate::engine \"# crate::engine\"##; fn f<'a>(x: &'a str) {}"),
        (2, "use super::engine;"),
        (1, "mod tests { use super::engine; }"),
        (2, "mod tests { use super::super::engine; }"),
        (1, "fn f() { if x {} } use std::engine;"),
    ] {
        assert_none(&bad_imports("report", depth, text));
    }
    assert_none(&bad_imports("cli", 1, "use crate::{engine, report, source, detect, model};"));
}

#[test]
fn the_checker_knows_the_form_of_a_file() {
    assert_none(&bad_form("//! What it is.\n"));
    assert_eq!(bad_form("use std::fs;\n").len(), 1);
    assert_eq!(bad_form(&("//! Long.\n".repeat(LINES_MAX + 1))).len(), 1);
}

#[test]
fn the_checker_finds_a_file_that_nobody_declares() {
    let files = [
        ("lib.rs", "pub mod model;"),
        ("main.rs", ""),
        ("model/mod.rs", "pub mod time; // mod level;"),
        ("model/time.rs", "#[cfg(test)] mod tests;"),
        ("model/time/tests.rs", ""),
        ("model/level.rs", ""),
        ("report.rs", ""),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(undeclared(&BTreeMap::from(files)), ["model/level.rs", "report.rs"]);
}
