//! `keytrail.toml`: which file is read, what is refused, what the report says of it.

use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::Value;

use crate::harness::Sandbox;
use crate::trail::{disable, file, findings};

const OWN: &str = "[accounts]\nown = [\"111122223333\"]\n";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("in/trail.json", file(&[disable("e-1")]));
    sandbox
}

#[test]
fn the_report_names_the_file_that_was_read() {
    let sandbox = sandbox();
    let none = sandbox.report(0, ["in"]);
    assert_eq!(none["run"]["config_file"], Value::Null);
    sandbox.write("keytrail.toml", OWN).write("other.toml", "# nothing is set\n");
    let usual = sandbox.report(0, ["in"]);
    assert_eq!(usual["run"]["config_file"], "keytrail.toml");
    let other = sandbox.report(0, ["--config", "other.toml", "in"]);
    assert_eq!(other["run"]["config_file"], "other.toml");
    assert_eq!(other["run"]["config"], none["run"]["config"], "the effective configuration");
    assert_ne!(usual["run"]["config"], none["run"]["config"]);
    let table = sandbox.keytrail(["scan", "in"]).run().code(0).stderr("").stdout;
    assert!(table.contains("\nconfig    keytrail.toml\n"), "{table}");
    sandbox.keytrail(["scan", "-v", "in"]).run().code(0).says("note: configuration: keytrail.toml");
}

#[test]
fn everything_wrong_is_said_before_anything_is_read() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "keytrail.toml",
        "[accounts]\nown = [\"1\"]\n[[suppress]]\nrule = \"key-disabld\"\nexpires = 2027-01-31\n",
    );
    let mut keytrail = sandbox.keytrail(["scan", "--since=soon", "--select=nothing-like-it", "-"]);
    let child = keytrail.spawn();
    let ended = keytrail.end_with_open_input(child).code(2).stdout("");
    let errors: Vec<&str> = ended.stderr.lines().filter(|l| l.starts_with("error: ")).collect();
    for (error, start) in errors.iter().zip([
        "error: invalid value 'soon' for '--since'",
        "error: keytrail.toml:2:8: accounts.own: '1': expected an account id of 12 digits",
        "error: keytrail.toml:3:1: suppress: reason is missing",
        "error: keytrail.toml:4:8: suppress.rule: 'key-disabld' names no rule: did you mean \
         key-disabled?",
        "error: 'nothing-like-it' names no rule",
    ]) {
        assert!(error.starts_with(start), "{error} is not {start}");
    }
    assert_eq!(errors.len(), 5, "{}", ended.stderr);
}

#[test]
fn files_that_cannot_be_read() {
    let sandbox = sandbox();
    sandbox
        .write("folder/x", "")
        .write("latin", b"# \xe9\n")
        .write("nul", "[accounts]\nown\0 = []");
    sandbox.write("huge", vec![b'\n'; (8 << 20) + 1]).write("secret", OWN);
    std::fs::set_permissions(sandbox.path("secret"), PermissionsExt::from_mode(0o000)).unwrap();
    for (name, reason) in [
        ("absent", "absent: no such configuration file"),
        ("folder", "folder: is a folder, expected a configuration file"),
        ("latin", "latin:1:3: is not UTF-8, expected TOML"),
        ("huge", "huge: is larger than 8 MiB, expected a configuration file"),
        ("/dev/zero", "/dev/zero: is larger than 8 MiB, expected a configuration file"),
    ] {
        let ended = sandbox.keytrail(["scan", "in", "--config", name]).run().code(2).stdout("");
        ended.stderr(&format!("error: {reason}\n"));
    }
    let ended = sandbox.keytrail(["scan", "in", "--config", "nul"]).run().code(2).stdout("");
    assert!(ended.stderr.starts_with("error: nul:2:"), "{}", ended.stderr);
    // The superuser may read it.
    let secret = sandbox.keytrail(["scan", "in", "--config", "secret"]).run();
    if secret.code != Some(0) {
        secret.code(2).stderr("error: secret: cannot be read: permission denied\n");
    }
}

#[test]
fn what_is_called_like_the_usual_file_is_not_passed_over() {
    for make in [
        (|path| std::fs::create_dir(path).unwrap()) as fn(std::path::PathBuf),
        |path| symlink("nowhere", path).unwrap(),
        |path| symlink("/dev/zero", path).unwrap(),
    ] {
        let sandbox = sandbox();
        make(sandbox.path("keytrail.toml"));
        let ended = sandbox.keytrail(["scan", "in"]).run().code(2).stdout("");
        assert!(ended.stderr.starts_with("error: keytrail.toml: "), "{}", ended.stderr);
    }
}

#[test]
fn a_byte_order_mark_is_no_text() {
    let sandbox = sandbox();
    sandbox.write("keytrail.toml", format!("\u{feff}{}", OWN.replace('\n', "\r\n")));
    sandbox.report(0, ["in"]);
}

#[test]
fn it_is_no_log_and_no_place_for_the_report() {
    let sandbox = sandbox();
    sandbox.write("keytrail.toml", OWN);
    let report = sandbox.report(0, ["."]);
    assert_eq!((findings(&report).len(), &report["totals"]["blobs"]), (2, &1.into()));
    let named = sandbox.report(3, [".", "keytrail.toml"]);
    assert_eq!(named["problems"][0]["origin"], "keytrail.toml", "what is named is read");
    sandbox
        .keytrail(["scan", "in", "-o", "keytrail.toml"])
        .run()
        .code(2)
        .stderr("error: keytrail.toml: cannot be opened for writing: is read by this run\n");
    assert_eq!(sandbox.read("keytrail.toml"), OWN);
}

/// Whoever makes the evidence may write such a file to hide what they did.
#[test]
fn one_that_lies_in_the_evidence_is_read_only_if_it_is_named() {
    let hides = "[[suppress]]\nrule = \"key-disabled\"\nreason = \"x\"\nexpires = 9999-12-31\n";
    let scan = ["scan", "-fjson", "--select=key-disabled"];
    for (folder, source) in [("in", "."), ("in", "../in"), ("in/sub", ".."), ("linked", "../in")] {
        let sandbox = sandbox();
        if folder == "linked" {
            // The folder is none of the evidence, and what it says is.
            sandbox.write("in/k.toml", hides).write("linked/x", "");
            symlink(sandbox.path("in/k.toml"), sandbox.path("linked/keytrail.toml")).unwrap();
        } else {
            sandbox.write(&format!("{folder}/keytrail.toml"), hides);
        }
        let found = |more: &[&str], said: &str| {
            let words = scan.iter().chain(more).copied().chain([source]);
            let ended = sandbox.keytrail(words).within(folder).run().code(0).stderr(said);
            let report: Value = serde_json::from_str(&ended.stdout).unwrap();
            (findings(&report).len(), report["run"]["config_file"].clone())
        };
        let said = "warning: keytrail.toml: lies in a source, so it is not taken for the \
                    configuration; name it with --config\n";
        assert_eq!(found(&[], said), (1, Value::Null), "{folder} {source}");
        let named = found(&["--config", "keytrail.toml"], "");
        assert_eq!(named, (0, "keytrail.toml".into()), "{folder} {source}");
    }
    // Beside the evidence it is the user's.
    let sandbox = sandbox();
    sandbox.write("in/keytrail.toml", hides);
    let words = scan.into_iter().chain(["trail.json"]);
    let ended = sandbox.keytrail(words).within("in").run().code(0).stderr("");
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["run"]["config_file"], "keytrail.toml");
}

#[test]
fn names_in_it_cannot_command_the_terminal() {
    let sandbox = sandbox();
    sandbox.write("keytrail.toml", "[regions]\n\"a\\u001b[31m\" = 1\nallowed = [\"\\u001b[2J\"]");
    let ended = sandbox.keytrail(["scan", "in"]).run().code(2);
    assert!(!ended.stderr.contains('\u{1b}'), "{:?}", ended.stderr);
}
