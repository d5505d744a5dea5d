//! What README.md says of the command line is what the program says of itself.
//!
//! The text between two marks, `<!-- NAME -->` and `<!-- /NAME -->`, is compared with what the
//! program prints; `UPDATE_DOCS=1 cargo test` rewrites it.

use std::fs;
use std::path::Path;

use crate::harness::Sandbox;

/// Compares the marked part of README.md, or rewrites it.
fn check(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->\n"));
    let start = readme.find(&open).expect("the opening mark") + open.len();
    let end = readme.find(&close).expect("the closing mark");
    if readme[start..end] == *expected {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{}{expected}{}", &readme[..start], &readme[end..])).unwrap();
        return;
    }
    panic!(
        "README.md differs from the program; UPDATE_DOCS=1 cargo test rewrites it.\n\
         It says\n{}\nexpected\n{expected}",
        &readme[start..end]
    );
}

// One test, since two that rewrite one file would undo each other's work.
#[test]
fn readme_says_what_the_program_says() {
    let sandbox = Sandbox::new();
    let help = |word| sandbox.keytrail(["scan", word]).run().code(0).stdout;
    let (short, long) = (help("-h"), help("--help"));
    let (options, _) = short.split_once("Examples:\n").expect("the help has examples");
    let (_, codes) = long.split_once("Exit status:\n").expect("the help lists exit codes");
    check("options", &format!("```text\n{}\n```\n", options.trim_end()));
    check("exit-codes", &format!("| code | means |\n| --- | --- |\n{}", exit_codes(codes)));
}

/// The help's list of exit codes as rows of a table.
fn exit_codes(listed: &str) -> String {
    let mut rows: Vec<(&str, String)> = Vec::new();
    for line in listed.lines().filter(|line| !line.trim().is_empty()) {
        match line.strip_prefix("  ").and_then(|line| line.split_once("  ")) {
            Some((code, means)) if !code.is_empty() => rows.push((code, means.into())),
            _ => {
                let (_, means) = rows.last_mut().expect("a code before its second line");
                means.push(' ');
                means.push_str(line.trim());
            }
        }
    }
    let codes: Vec<&str> = rows.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, ["0", "1", "2", "3"]);
    rows.iter().map(|(code, means)| format!("| {code} | {means} |\n")).collect()
}

#[test]
fn the_example_of_a_configuration_is_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(path).unwrap();
    let (_, rest) = readme.split_once("<!-- config -->\n```toml\n").expect("the example");
    let (example, _) = rest.split_once("```\n<!-- /config -->").expect("its end");
    let sandbox = Sandbox::new();
    sandbox.write("keytrail.toml", example).write("trail.json", "{\"Records\":[]}");
    sandbox.keytrail(["scan", "trail.json"]).run().code(0);
    // Spelling out the defaults changes nothing that is digested, so that they are what it says.
    let (_, thresholds) = example.split_once("[thresholds]").expect("the thresholds");
    let (thresholds, _) = thresholds.split_once("[[").expect("the suppression");
    let defaults = format!("[mfa]\nmax_age = 300\n[thresholds]{thresholds}");
    sandbox.write("defaults.toml", defaults).write("none.toml", "");
    let digest = |name| {
        let report = sandbox.report(0, ["--config", name, "trail.json"]);
        report["run"]["config"].clone()
    };
    assert_eq!(digest("defaults.toml"), digest("none.toml"));
}
