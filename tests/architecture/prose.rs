//! What docs/architecture.md says is what the code has.
//!
//! Its tables are compared with the tables of the tests and with the sizes of rows, and each path on
//! it must exist.

use std::fs;

use super::engine::ROOMS;
use super::text::tokens;
use super::{LAYERS, assert_none, root, sources};

fn page() -> String {
    fs::read_to_string(root().join("docs/architecture.md")).unwrap()
}

/// The cells of the table that follows `<!-- name -->`, row by row, without its head.
pub fn table<'p>(page: &'p str, name: &str) -> Vec<Vec<&'p str>> {
    let mark = format!("<!-- {name} -->");
    let (_, rest) = page.split_once(&mark).unwrap_or_else(|| panic!("the page has no {mark}"));
    let lines = rest.lines().skip_while(|line| !line.starts_with('|'));
    let rows = lines.take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// The names between backticks.
pub fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// How a table of imports differs from the one that the tests hold.
fn bad_table(page: &str, name: &str, held: &[(&str, &[&str])]) -> Vec<String> {
    let told = table(page, name);
    let told: Vec<(Vec<&str>, Vec<&str>)> =
        told.iter().map(|row| (quoted(row[0]), quoted(row[2]))).collect();
    let mut found = Vec::new();
    for (name, allowed) in held {
        match told.iter().find(|(told, _)| told == &[*name]) {
            None => found.push(format!("docs/architecture.md has no row for {name}")),
            Some((_, told)) if told != allowed => found.push(format!(
                "docs/architecture.md says that {name} may import {told:?}, the tests {allowed:?}"
            )),
            Some(_) => {}
        }
    }
    if told.len() > held.len() {
        found.push(format!("the table of {name} has more rows than the tests"));
    }
    found
}

/// The paths on a page: what looks like one, in backticks or in a figure.
fn paths(page: &str) -> Vec<&str> {
    let words = page.split(|c: char| c.is_whitespace() || "`|,()".contains(c));
    let words = words.map(|word| word.trim_end_matches(['.', ':', ';']));
    let folders = ["src/", "tests/", "docs/", "rules/", "samples/"];
    let is_path = |word: &&str| {
        folders.iter().any(|folder| word.starts_with(folder)) || word.ends_with(".rs")
    };
    words.filter(is_path).collect()
}

/// How many words a row is, by the `impl Row for` it.
fn words_of(row: &str) -> Option<usize> {
    let sources = sources();
    let texts = sources.iter().filter(|(file, _)| file.starts_with("engine/")).map(|(_, t)| t);
    texts.map(|text| tokens(text)).find_map(|tokens| {
        let at = tokens.windows(4).position(|w| w[0] == "Row" && w[1] == "for" && w[2] == row)?;
        let rest = &tokens[at..];
        let at = rest.iter().position(|token| token == "WORDS")?;
        rest[at..].iter().find_map(|token| token.parse().ok())
    })
}

#[test]
fn the_page_has_the_layers_and_rooms_of_the_tests() {
    assert_none(&bad_table(&page(), "layers", &LAYERS));
    assert_none(&bad_table(&page(), "rooms", &ROOMS));
}

#[test]
fn every_path_on_the_page_exists() {
    let page = page();
    let found = paths(&page);
    assert!(found.len() > 30, "the page names only {} paths", found.len());
    let missing = found.into_iter().filter(|path| !root().join(path).exists());
    let missing =
        missing.map(|path| format!("docs/architecture.md names {path}, which is not there"));
    assert_none(&missing.collect::<Vec<_>>());
}

#[test]
fn the_page_has_the_sizes_of_rows() {
    let page = page();
    let rows = table(&page, "rows");
    assert!(!rows.is_empty());
    for row in rows {
        let name = quoted(row[0])[0];
        let words = words_of(name).unwrap_or_else(|| panic!("the engine has no row {name}"));
        assert_eq!(row[1..3], [words.to_string(), (words * 8).to_string()], "{name}");
    }
}

#[test]
fn the_checker_sees_where_page_and_code_differ() {
    let held: [(&str, &[&str]); 2] = [("a", &[]), ("b", &["a"])];
    let page = |rows: &str| format!("<!-- x -->\n\n| n | w | i |\n| - | - | - |\n{rows}\n\nend");
    assert_none(&bad_table(&page("| `a` | first | – |\n| `b` | second | `a` |"), "x", &held));
    for rows in [
        "| `a` | first | – |",
        "| `a` | first | – |\n| `b` | second | – |",
        "| `a` | first | – |\n| `b` | second | `a` |\n| `c` | third | – |",
    ] {
        assert_eq!(bad_table(&page(rows), "x", &held).len(), 1, "{rows}");
    }
    let text = "See `src/a.rs`, (`tests/b.rs`) and c.rs: not a/b.\n│ src/d/e.rs, src/f";
    assert_eq!(paths(text), ["src/a.rs", "tests/b.rs", "c.rs", "src/d/e.rs", "src/f"]);
}
