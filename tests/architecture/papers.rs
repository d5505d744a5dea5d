//! What the papers around the code say is what the repository has.
//!
//! They are what a newcomer and a packager read first, and nothing else would notice when they grow stale.

use std::fs;

use super::root;

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
}

#[test]
fn the_checker_reads_a_value() {
    let text = "[a]\n# key = \"no\"\nkeys = \"no\"\nkey = \"1.2.3\"\nkey = \"later\"\n";
    assert_eq!(value(text, "key"), Some("1.2.3"));
    assert_eq!(value(text, "other"), None);
}
