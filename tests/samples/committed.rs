//! The files in the tree are what the generators make.
//!
//! Trail files are compared inflated, since another release of the compressor may pack them
//! otherwise; hostile files byte for byte, since their packing is the point.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{hostile, pack, story};

/// The root of the package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Path below `samples/` and bytes of every file there is to be.
fn wanted() -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (path, text) in story::trail().files {
        files.insert(Path::new("trail").join(path), pack::deflated(text.as_bytes()));
    }
    for case in hostile::cases() {
        files.insert(Path::new("hostile").join(case.file), (case.make)());
    }
    // Line ends are part of what is tested: no checkout may change them.
    files.insert("hostile/.gitattributes".into(), b"* -text\n".to_vec());
    files.insert("trail.md".into(), story::readme().into_bytes());
    files.insert("hostile.md".into(), hostile::readme().into_bytes());
    files
}

/// Every file below `samples/trail` and `samples/hostile`.
fn present(samples: &Path) -> Vec<PathBuf> {
    ["trail", "hostile"]
        .iter()
        .flat_map(|part| walkdir::WalkDir::new(samples.join(part)))
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.path().strip_prefix(samples).expect("below").to_owned())
        .collect()
}

/// Whether a file in the tree says the same as a generated one.
fn same(path: &Path, there: &[u8], made: &[u8]) -> bool {
    if path.starts_with("trail") && path.extension().is_some_and(|ext| ext == "gz") {
        return pack::inflated(there).is_ok_and(|text| text == pack::inflated(made).unwrap());
    }
    there == made
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("below samples")).expect("a folder");
    fs::write(path, bytes).expect("a writable tree");
}

#[test]
fn committed_files_are_what_the_generators_make() {
    let samples = root().join("samples");
    let update = std::env::var_os("UPDATE_SAMPLES").is_some_and(|value| value == "1");
    let wanted = wanted();
    let mut failures = Vec::new();
    for (path, made) in &wanted {
        let full = samples.join(path);
        let good = fs::read(&full).is_ok_and(|there| same(path, &there, made));
        if !good && update {
            write(&full, made);
        } else if !good {
            failures.push(format!("{} is missing or differs", path.display()));
        }
    }
    for path in present(&samples).into_iter().filter(|path| !wanted.contains_key(path)) {
        if update {
            fs::remove_file(samples.join(&path)).expect("a writable tree");
        } else {
            failures.push(format!("{} comes from no generator", path.display()));
        }
    }
    assert!(
        failures.is_empty(),
        "{}\nUPDATE_SAMPLES=1 cargo test --test samples committed writes them anew",
        failures.join("\n")
    );
}

/// Samples stay small enough to carry.
#[test]
fn samples_stay_small() {
    let wanted = wanted();
    let trail: usize =
        wanted.iter().filter(|(path, _)| path.starts_with("trail")).map(|(_, b)| b.len()).sum();
    assert!(trail < 300_000, "samples/trail has {trail} bytes");
    for (path, bytes) in wanted {
        assert!(bytes.len() <= 200_000, "{} has {} bytes", path.display(), bytes.len());
    }
}

/// Nothing in the samples names an account, address or host that could be somebody's.
#[test]
fn samples_are_invented() {
    let accounts = [story::PRODUCTION, story::ANALYTICS, story::STRANGER];
    let text: String = story::trail().files.into_iter().map(|(path, text)| path + &text).collect();
    for (at, _) in text.match_indices("arn:aws:") {
        let account = text[at..].split([':', '"']).nth(4).unwrap_or("");
        assert!(account.is_empty() || accounts.contains(&account), "account {account}");
    }
    for (at, start) in text.match_indices(r#""sourceIPAddress":""#) {
        let ip = text[at + start.len()..].split('"').next().unwrap_or("");
        let public = ip.starts_with(|c: char| c.is_ascii_digit());
        let reserved = ["192.0.2.", "198.51.100.", "203.0.113."];
        assert!(!public || reserved.iter().any(|net| ip.starts_with(net)), "address {ip}");
    }
}
