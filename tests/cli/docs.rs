//! What the manual says of the command line is what the program says of itself.
//!
//! The text between two marks, `<!-- NAME -->` and `<!-- /NAME -->`, is compared with what the
//! program prints; `UPDATE_DOCS=1 cargo test` rewrites it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::Sandbox;

/// A page of the manual.
fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

/// Compares the marked part of a page, or rewrites it. One test a page, since two that rewrite one
/// file would undo each other's work.
fn check(name: &str, mark: &str, expected: &str) {
    let path = page(name);
    let text = fs::read_to_string(&path).unwrap();
    let (open, close) = (format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->\n"));
    let start = text.find(&open).expect("the opening mark") + open.len();
    let end = text.find(&close).expect("the closing mark");
    if text[start..end] == *expected {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{}{expected}{}", &text[..start], &text[end..])).unwrap();
        return;
    }
    panic!("docs/{name} differs from the program; UPDATE_DOCS=1 cargo test rewrites it");
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    let help = Sandbox::new().keytrail(["scan", "--help"]).run().code(0).stdout;
    let (_, codes) = help.split_once("Exit status:\n").expect("the help lists exit codes");
    let rows = exit_codes(codes);
    check("exit-codes.md", "exit-codes", &format!("| code | means |\n| --- | --- |\n{rows}"));
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

/// The commands that a help lists, in its order.
fn listed(help: &str) -> Vec<String> {
    let Some((_, rest)) = help.split_once("Commands:\n") else { return Vec::new() };
    let lines = rest.lines().take_while(|line| !line.is_empty());
    // What goes on from a line above begins further in.
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// The help of a command and of those below it, each under a heading.
fn explained(command: &[String], made: &mut String) {
    let sandbox = Sandbox::new();
    let words = command.iter().map(String::as_str).chain(["--help"]);
    let help = sandbox.keytrail(words).env("COLUMNS", "100").run().code(0).stdout;
    let depth = "#".repeat(command.len().max(1) + 1);
    let name = [&["keytrail".to_owned()], command].concat().join(" ");
    // Blanks at the ends of lines are nothing that a reader sees.
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    writeln!(made, "\n{depth} `{name}`\n\n```text\n{}\n```", lines.join("\n")).unwrap();
    for below in listed(&help) {
        explained(&[command, &[below]].concat(), made);
    }
}

#[test]
fn every_option_of_every_command_is_on_its_page() {
    let mut made = String::new();
    explained(&[], &mut made);
    assert!(made.contains("\n### `keytrail rules lint`\n"), "commands below commands are found");
    check("options.md", "options", &format!("{made}\n"));
}

#[test]
fn the_example_of_a_configuration_is_one() {
    let text = fs::read_to_string(page("configuration.md")).unwrap();
    let (_, rest) = text.split_once("<!-- config -->\n```toml\n").expect("the example");
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
