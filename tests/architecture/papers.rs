//! What the papers around the code say is what the repository has.
//!
//! They are what a newcomer and a packager read first, and nothing else would notice when they grow stale.
//! A path counts if it is in backticks or if a link leads to it. Where it has a word that stands for
//! others, such as `rules/GROUP/ID.yml`, the folder before that word counts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::prose::{quoted, table};
use super::text::tokens;
use super::{assert_none, root, sources};

/// Folders of papers. `docs/architecture.md` is looked at more closely in `prose`.
const PAPERS: [&str; 7] =
    ["", ".github", "docs", "docs/packaging", "rules", "samples", "tests/fuzz"];

/// How paths begin, as the papers write them.
const FOLDERS: [&str; 8] =
    ["src/", "tests/", "benches/", "docs/", "rules/", "samples/", ".ci/", ".github/"];

/// Files beside the folders.
const FILES: [&str; 5] =
    ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "README.md", "CHANGELOG.md"];

/// Words that stand for others.
const STAND_INS: [&str; 2] = ["GROUP", "ID"];

/// The papers, by their paths below the repository.
fn papers() -> Vec<String> {
    let mut papers = Vec::new();
    for folder in PAPERS {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                papers.push(if folder.is_empty() { name } else { format!("{folder}/{name}") });
            }
        }
    }
    papers.sort();
    papers
}

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
    let words = words.map(|word| word.trim_end_matches([',', ';', ':']));
    // Without the number of a record.
    let words = words.map(|word| word.split_once('#').map_or(word, |(path, _)| path));
    words.filter(is_path).collect()
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

/// Where the links of a page lead within the repository: a path, which is empty for the page itself, and
/// a heading, which may be empty.
fn links(page: &str) -> Vec<(&str, &str)> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let targets = targets.map(|(target, _)| target);
    let near = targets.filter(|target| !target.contains("://"));
    near.map(|target| target.split_once('#').unwrap_or((target, ""))).collect()
}

/// The names by which links find the headings of a page, as GitHub and mdbook make them.
fn headings(page: &str) -> BTreeSet<String> {
    let (mut found, mut in_code) = (BTreeSet::new(), false);
    for line in page.lines() {
        in_code ^= line.trim_start().starts_with("```");
        let title = line.trim_start_matches('#');
        if in_code || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let title = title.trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
        let name: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let again = (1..).map(|number| format!("{name}-{number}"));
        let name = [name.clone()].into_iter().chain(again).find(|name| !found.contains(name));
        found.extend(name);
    }
    found
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
    let (mut missing, mut seen) = (Vec::new(), 0);
    // What was, and the files of a rule that is to be: `tests/rules` runs those.
    let others = ["CHANGELOG.md", "rules/README.md"];
    for paper in papers().iter().filter(|paper| !others.contains(&paper.as_str())) {
        let page = read(paper);
        let paths = named(&page);
        seen += paths.len();
        let named = paths.into_iter().map(|path| root().join(certain(path)));
        let absent = named.filter(|path| !path.exists());
        missing.extend(absent.map(|path| format!("{paper}: {} is not there", path.display())));
    }
    assert!(seen > 100, "the papers name only {seen} paths, or the checker sees none");
    assert_none(&missing);
}

#[test]
fn every_link_on_a_paper_leads_somewhere() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for paper in papers() {
        let page = read(&paper);
        let folder = root().join(Path::new(&paper).parent().unwrap());
        for (path, heading) in links(&page) {
            seen += 1;
            let target = if path.is_empty() { root().join(&paper) } else { folder.join(path) };
            let is_page = path.is_empty() || path.ends_with(".md");
            let text = if is_page { fs::read_to_string(&target) } else { Ok(String::new()) };
            let leads = match text {
                Ok(text) if is_page => heading.is_empty() || headings(&text).contains(heading),
                _ => target.exists(),
            };
            if !leads {
                wrong.push(format!("{paper}: {path}#{heading} leads nowhere"));
            }
        }
    }
    assert!(seen > 100, "the papers have only {seen} links, or the checker sees none");
    assert_none(&wrong);
}

#[test]
fn every_page_of_the_manual_is_in_its_tables_of_contents() {
    let pages =
        papers().into_iter().filter_map(|paper| Some(paper.strip_prefix("docs/")?.to_owned()));
    let pages: BTreeSet<String> = pages.filter(|page| page != "SUMMARY.md").collect();
    let listed = |contents: &str| -> Vec<String> {
        let page = read(contents);
        let found = links(&page).into_iter().map(|(path, _)| path.to_owned());
        found.filter(|path| pages.contains(path)).collect()
    };
    let book = listed("docs/SUMMARY.md");
    assert_eq!(book.len(), pages.len(), "a page is in docs/SUMMARY.md twice, or not at all");
    assert_eq!(book.into_iter().collect::<BTreeSet<_>>(), pages);
    let mut index: BTreeSet<String> = listed("docs/README.md").into_iter().collect();
    index.insert("README.md".to_owned());
    assert_eq!(index, pages, "docs/README.md lists other pages than there are");
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
    assert_eq!(links(page), [("../docs/x.md", "b"), ("", "f"), ("i.md", "")]);
    let page = "# A `b`, c-d\n```sh\n# no\n```\n#no\n## A b c-d\n### What's new?";
    let names = ["a-b-c-d", "a-b-c-d-1", "whats-new"].map(str::to_owned);
    assert_eq!(headings(page), BTreeSet::from(names));
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
