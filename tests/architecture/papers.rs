//! What the papers around the code say is what the repository has.
//!
//! They are what a newcomer and a packager read first, and nothing else would notice when they grow stale.
//! A path counts if it is in backticks or if a link leads to it. Where it has a word that stands for
//! others, such as `rules/GROUP/ID.yml`, the folder before that word counts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::prose::{quoted, table};
use super::text::tokens;
use super::{assert_none, root, sources};

/// The papers.
const PAPERS: [&str; 5] = [
    ".github/CONTRIBUTING.md",
    "docs/scale.md",
    "docs/unsafe.md",
    ".github/SECURITY.md",
    "docs/packaging/README.md",
];

/// How paths begin, as the papers write them.
const FOLDERS: [&str; 7] = ["src/", "tests/", "docs/", "rules/", "samples/", ".ci/", ".github/"];

/// Files beside the folders.
const FILES: [&str; 5] =
    ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "README.md", "CHANGELOG.md"];

/// Words that stand for others.
const STAND_INS: [&str; 2] = ["GROUP", "ID"];

/// The text of a file, by its path below the repository.
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// The text between the quotes of the line `key = "…"`.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let (name, rest) = line.split_once('=')?;
        (name.trim() == key).then(|| rest.trim().trim_matches('"'))
    })
}

/// The paths between backticks, blocks of code included.
fn named(page: &str) -> Vec<&str> {
    let quoted = page.split('`').skip(1).step_by(2);
    let words = quoted.flat_map(str::split_whitespace);
    let is_path =
        |word: &&str| FILES.contains(word) || FOLDERS.iter().any(|folder| word.starts_with(folder));
    words.map(|word| word.trim_end_matches([',', ';', ':'])).filter(is_path).collect()
}

/// The part of a path before the first of its words that stands for others.
fn certain(path: &str) -> &str {
    let stands_in = |segment: &str| {
        let mut words = segment.split(|c: char| !c.is_ascii_alphanumeric());
        segment.contains('*') || words.any(|word| STAND_INS.contains(&word))
    };
    let mut end = 0;
    for segment in path.split_inclusive('/') {
        if stands_in(segment) {
            return &path[..end];
        }
        end += segment.len();
    }
    path
}

/// Where the links of a page lead within the repository, without the headings they may name.
fn links(page: &str) -> Vec<&str> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let targets = targets.map(|(target, _)| target);
    let near = targets.filter(|target| !target.contains("://"));
    let near = near.map(|target| target.split_once('#').map_or(target, |(path, _)| path));
    near.filter(|path| !path.is_empty()).collect()
}

/// What a constant or a member of a default is, if `text` gives it as a number: `64 << 20`, `2 * MIB`.
fn given(text: &str, name: &str) -> Option<u64> {
    let tokens = tokens(text);
    (0..tokens.len()).find_map(|at| {
        let is_it = tokens[at] == name && tokens.get(at + 1)? == ":";
        let mut rest = is_it.then(|| &tokens[at + 2..])?;
        if rest.get(1).is_some_and(|token| token == "=") {
            rest = &rest[2..];
        }
        let end = rest.iter().position(|token| token == ";" || token == ",")?;
        computed(&rest[..end])
    })
}

/// The number that products and shifts give.
fn computed(expression: &[String]) -> Option<u64> {
    let number = |token: &String| match token.as_str() {
        "MIB" => Some(1 << 20),
        digits => digits.replace('_', "").parse::<u64>().ok(),
    };
    let (first, mut rest) = expression.split_first()?;
    let mut value = number(first)?;
    loop {
        rest = match rest {
            [] => return Some(value),
            [sign, by, rest @ ..] if sign == "*" => {
                value *= number(by)?;
                rest
            }
            [sign, again, by, rest @ ..] if sign == "<" && again == "<" => {
                value <<= number(by)?;
                rest
            }
            _ => return None,
        };
    }
}

/// The number that a reader sees: `64 MiB`, `1,000`.
fn figure(cell: &str) -> Option<u64> {
    let mut words = cell.split_whitespace();
    let number: u64 = words.next()?.replace(',', "").parse().ok()?;
    let unit = match words.next() {
        None => 1,
        Some("KiB") => 1 << 10,
        Some("MiB") => 1 << 20,
        Some("GiB") => 1 << 30,
        Some(_) => return None,
    };
    Some(number * unit)
}

#[test]
fn every_limit_has_the_figure_of_the_code() {
    let page = read(".github/SECURITY.md");
    let rows = table(&page, "limits");
    assert!(rows.len() > 20, "the table has only {} limits", rows.len());
    let mut wrong = Vec::new();
    for row in rows {
        let [name, file] = quoted(row[2])[..] else { panic!("{} names no place", row[2]) };
        let (told, held) = (figure(row[1]), given(&read(file), name));
        if told.is_none() || told != held {
            wrong.push(format!("{name} in {file}: the page says {}, the code {held:?}", row[1]));
        }
    }
    assert_none(&wrong);
}

#[test]
fn the_checker_reads_a_figure() {
    let text = "struct S { size: u64, near: usize }\nconst MOST: usize = 2 << 10; // 2 KiB\n\
                S { size: 3 * MIB, near: other(1) }; const LONG: u64 = 1_024 * 1024;";
    assert_eq!(given(text, "MOST"), figure("2 KiB"));
    assert_eq!(given(text, "size"), figure("3 MiB"));
    assert_eq!(given(text, "LONG"), Some(1 << 20));
    assert_eq!((given(text, "near"), given(text, "absent")), (None, None));
    assert_eq!((figure("1,000"), figure("1 GiB")), (Some(1_000), Some(1 << 30)));
    assert_eq!((figure("some"), figure("1 day")), (None, None));
}

#[test]
fn every_path_on_a_paper_exists() {
    let mut missing = Vec::new();
    for paper in PAPERS {
        let page = read(paper);
        let folder = Path::new(paper).parent().unwrap();
        let paths = named(&page);
        assert!(!paths.is_empty(), "{paper} names no path, or the checker sees none");
        let named = paths.into_iter().map(|path| root().join(certain(path)));
        let linked = links(&page).into_iter().map(|link| root().join(folder).join(link));
        let absent = named.chain(linked).filter(|path| !path.exists());
        missing.extend(absent.map(|path| format!("{paper}: {} is not there", path.display())));
    }
    assert_none(&missing);
}

#[test]
fn the_checker_sees_the_paths_of_a_page() {
    let page = "See `src/a.rs`, `Cargo.toml` and src/b.rs: `a/b`, `--test`.\n\
                ```sh\nrun samples/trail, tests/x\n```\n`rules/GROUP/ID.yml`";
    let paths = ["src/a.rs", "Cargo.toml", "samples/trail", "tests/x", "rules/GROUP/ID.yml"];
    assert_eq!(named(page), paths);
    for (path, expected) in [
        ("rules/GROUP/ID.yml", "rules/"),
        ("samples/rules/ID/match-*.json", "samples/rules/"),
        ("samples/a/match-*.json", "samples/a/"),
        ("src/IDS.rs", "src/IDS.rs"),
    ] {
        assert_eq!(certain(path), expected);
    }
    let page = "[a](../docs/x.md#b) [c](https://example.com/d) [e](#f) (g) [h](i.md)";
    assert_eq!(links(page), ["../docs/x.md", "i.md"]);
}

#[test]
fn every_unsafe_word_is_on_its_page() {
    let page = read("docs/unsafe.md");
    let told: BTreeMap<String, usize> = table(&page, "unsafe")
        .iter()
        .map(|row| (quoted(row[0])[0].to_owned(), row[1].parse().expect("a number of times")))
        .collect();
    let count = |text: &str| tokens(text).iter().filter(|token| *token == "unsafe").count();
    let held: BTreeMap<String, usize> = sources()
        .iter()
        .map(|(file, text)| (format!("src/{file}"), count(text)))
        .filter(|(_, times)| *times > 0)
        .collect();
    assert_eq!(told, held, "docs/unsafe.md and the code differ: files, and words in each");
}

#[test]
fn the_pinned_compiler_is_one_that_the_manifest_allows() {
    let (manifest, pinned) = (read("Cargo.toml"), read("rust-toolchain.toml"));
    let oldest = value(&manifest, "rust-version").expect("the manifest has a rust-version");
    let channel = value(&pinned, "channel").expect("rust-toolchain.toml has a channel");
    let numbers = |version: &str| -> Vec<u32> {
        version.split('.').map(|part| part.parse().expect("versions are numbers")).collect()
    };
    assert_eq!(numbers(channel).len(), 3, "{channel} is no exact version");
    assert!(numbers(channel) >= numbers(oldest), "{channel} is older than {oldest}");
    let image = read("docs/packaging/Containerfile");
    assert_eq!(value(&image, "ARG RUST"), Some(channel), "the image has another compiler");
}

#[test]
fn the_checker_reads_a_value() {
    let text = "[a]\n# key = \"no\"\nkeys = \"no\"\nkey = \"1.2.3\"\nkey = \"later\"\n";
    assert_eq!(value(text, "key"), Some("1.2.3"));
    assert_eq!(value(text, "other"), None);
}
