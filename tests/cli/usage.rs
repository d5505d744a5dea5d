//! What is refused, and how: exit code 2, nothing on standard output, all problems at once.

use crate::harness::Sandbox;

#[test]
fn version_and_help_are_data() {
    let sandbox = Sandbox::new();
    sandbox.keytrail(["-V"]).run().code(0).stdout("keytrail [VERSION]\n").stderr("");
    sandbox.keytrail(["--version"]).run().code(0).stdout("keytrail [VERSION]\n").stderr("");
    for words in [&["-h"][..], &["--help"], &["scan", "-h"], &["scan", "--help"]] {
        let help = sandbox.keytrail(words).run().code(0).stderr("").stdout;
        assert!(help.contains("Usage: keytrail"), "{help}");
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "wider than 80 columns: {line}");
        }
    }
    let short = sandbox.keytrail(["scan", "-h"]).run().stdout;
    let long = sandbox.keytrail(["scan", "--help"]).run().stdout;
    assert!(short.lines().count() < long.lines().count());
}

#[test]
fn no_command_shows_the_help_but_is_no_success() {
    let ended = Sandbox::new().keytrail([""; 0]).run().code(2).stdout("");
    assert!(ended.stderr.contains("Usage: keytrail <COMMAND>"), "{}", ended.stderr);
}

#[test]
fn unknown_words() {
    let sandbox = Sandbox::new();
    sandbox
        .keytrail(["scan", "--sinse", "7d"])
        .run()
        .code(2)
        .stdout("")
        .says("error: unexpected argument '--sinse' found");
    sandbox.keytrail(["scna"]).run().code(2).stdout("");
    sandbox.keytrail(["scan", "-q", "-v", "."]).run().code(2).stdout("");
}

#[test]
fn bad_values() {
    for (word, message) in [
        (
            "--since=tomorrow",
            "'tomorrow' for '--since': expected RFC 3339 (2026-11-23T20:17:00Z), a day \
             (2026-11-23) or an age (90m, 36h, 7d)",
        ),
        ("--account=1234", "'1234' for '--account': expected an account id of 12 digits"),
        ("--region=Ireland", "'Ireland' for '--region': expected a Region such as eu-central-1"),
        (
            "--min-level=bad",
            "'bad' for '--min-level': unknown level 'bad': use informational, low, medium, high or \
             critical",
        ),
        (
            "--fail-on=bad",
            "'bad' for '--fail-on': unknown level 'bad': use informational, low, medium, high, \
             critical or never",
        ),
        (
            "--format=xml",
            "'xml' for '--format': expected one of table, json, ndjson, csv, html, markdown, sarif, \
             ocsf, asff",
        ),
        ("--threads=-1", "'-1' for '--threads': expected a number from 0 (one a core) to 1024"),
        ("--color=red", "'red' for '--color': expected auto, always or never"),
        ("--progress=1", "'1' for '--progress': expected auto, always or never"),
    ] {
        let ended = Sandbox::new().keytrail(["scan", word, "."]).run();
        ended.code(2).stdout("").stderr(&format!("error: invalid value {message}\n"));
    }
}

#[test]
fn several_problems_at_once() {
    let sandbox = Sandbox::new();
    let words =
        ["scan", "--since=soon", "--account=1", "-o", "no/such/report", "--fail-on=bad", "absent"];
    let ended = sandbox.keytrail(words).run().code(2).stdout("");
    let errors: Vec<&str> = ended.stderr.lines().filter(|l| l.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 5, "{}", ended.stderr);
    for part in ["'soon'", "'1'", "'bad'", "absent", "no/such/report"] {
        assert!(errors.iter().any(|line| line.contains(part)), "{part}: {}", ended.stderr);
    }
}

#[test]
fn a_source_that_is_not_there() {
    let ended = Sandbox::new().keytrail(["scan", "absent"]).run().code(2).stdout("");
    assert!(ended.stderr.starts_with("error: ") && ended.stderr.contains("absent"));
}

#[test]
fn standard_input_can_be_read_once() {
    Sandbox::new()
        .keytrail(["scan", "-", "-"])
        .run()
        .code(2)
        .stdout("")
        .stderr("error: standard input can be read only once\nhint: give - once\n");
}

#[test]
fn a_range_that_holds_nothing() {
    Sandbox::new()
        .keytrail(["scan", ".", "--since=2026-11-02", "--until=2026-11-01"])
        .run()
        .code(2)
        .says(
            "error: --since 2026-11-02T00:00:00Z is not before --until 2026-11-01T00:00:00Z: no \
             event fits",
        );
}

#[test]
fn no_rules() {
    let sandbox = Sandbox::new();
    sandbox
        .keytrail(["scan", "--no-builtin-rules", "."])
        .run()
        .code(2)
        .stdout("")
        .stderr("error: no rules to evaluate\nhint: give --rules with --no-builtin-rules\n");
    let ended = sandbox.keytrail(["scan", "--select=no-such-rule", "."]).run().code(2).stdout("");
    assert!(ended.stderr.starts_with("error: 'no-such-rule' names no rule"));
    let ended = sandbox.keytrail(["scan", "--rules=absent.yml", "."]).run().code(2).stdout("");
    assert!(ended.stderr.contains("absent.yml"), "{}", ended.stderr);
}

#[test]
fn outputs_that_cannot_be_opened() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", "{\"Records\":[]}");
    for (path, reason) in [
        ("absent/report", "cannot be opened for writing: no such folder"),
        (".", "cannot be opened for writing: is a folder, expected a file"),
        ("trail.json", "cannot be opened for writing: is one of the sources"),
    ] {
        let ended = sandbox.keytrail(["scan", "-o", path, "trail.json"]).run();
        ended.code(2).stdout("").stderr(&format!("error: {path}: {reason}\n"));
    }
    assert_eq!(sandbox.names(), ["trail.json"]);
}

#[test]
fn an_output_never_takes_the_place_of_a_file_in_a_source() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/deep/1.json", "{\"Records\":[]}");
    let refused = "logs/deep/1.json: cannot be opened for writing: is a file in one of the sources, \
                   which it would replace\n";
    let run = |words: &[&str]| sandbox.keytrail(words.iter().copied()).run();
    let ended = run(&["scan", "logs", "-f", "json", "-o", "logs/deep/1.json"]).code(2);
    ended.stderr(&format!("error: {refused}"));
    let ended = run(&["scan", "logs", "--export", "html=logs/deep/1.json"]).code(2);
    assert!(ended.stderr.contains(refused), "{}", ended.stderr);
    assert_eq!(sandbox.read("logs/deep/1.json"), "{\"Records\":[]}");
    // A new file may be written there.
    run(&["scan", "logs", "-f", "json", "-o", "logs/report.json"]).code(0);
}

#[test]
fn nothing_is_read_when_something_is_wrong() {
    let sandbox = Sandbox::new();
    let mut keytrail = sandbox.keytrail(["scan", "--since=soon", "-"]);
    // Standard input stays open: a program that reads it first would wait for ever.
    let child = keytrail.spawn();
    keytrail.end_with_open_input(child).code(2);
}

#[test]
fn names_cannot_command_the_terminal() {
    let ended = Sandbox::new().keytrail(["scan", "a\u{1b}[31mb"]).run().code(2);
    assert!(!ended.stderr.contains('\u{1b}'), "{:?}", ended.stderr);
}

#[test]
fn colour_is_asked_for() {
    let sandbox = Sandbox::new();
    let plain = sandbox.keytrail(["scan", "absent"]).run();
    assert!(!plain.stderr.contains('\u{1b}'));
    let always = sandbox.keytrail(["scan", "absent", "--color=always"]).env("NO_COLOR", "1").run();
    assert!(always.stderr.starts_with("\u{1b}[1;31merror\u{1b}[0m: "), "{:?}", always.stderr);
    let forced = sandbox.keytrail(["scan", "absent"]).env("FORCE_COLOR", "1").run();
    assert_eq!(forced.stderr, always.stderr);
    let never = sandbox.keytrail(["scan", "absent", "--color=never"]).env("FORCE_COLOR", "1").run();
    assert_eq!(never.stderr, plain.stderr);
}

#[test]
fn what_commands_share_means_the_same_in_all_of_them() {
    let sandbox = Sandbox::new();
    sandbox.write("keys.json", "{}").write("trail.json", "{\"Records\":[]}");
    sandbox.write("bad.toml", "unknown = 1\n");
    let commands: [&[&str]; 3] = [&["scan"], &["verify", "--public-keys=keys.json"], &["tags"]];
    for word in [
        "--since=soon",
        "--until=soon",
        "--account=1",
        "--region=Ireland",
        "--config=bad.toml",
        "--threads=-1",
        "--color=red",
        "--progress=1",
        "--concurrency=0",
    ] {
        let refused = |words: &&[&str]| {
            let more = [word, "trail.json"];
            let words = words.iter().chain(&more);
            let stderr = sandbox.keytrail(words).run().code(2).stdout("").stderr;
            let told = |line: &&str| line.starts_with("error: ") && !line.contains("keys.json");
            stderr.lines().filter(told).map(str::to_owned).collect::<Vec<_>>()
        };
        let [scan, verify, tags] = commands.each_ref().map(refused);
        assert!(!scan.is_empty(), "{word}");
        assert_eq!([&verify, &tags], [&scan, &scan], "{word}");
    }
}

#[test]
fn tags_shows_progress_as_every_command_that_reads() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", "{\"Records\":[]}");
    let words = ["tags", "--progress=always", "trail.json"];
    let ended = sandbox.keytrail(words).run();
    assert_eq!(ended.stderr.lines().last(), Some("progress: sorting  0 matches"));
}
