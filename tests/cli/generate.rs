//! Help that fits a screen, completions and man pages.

use std::process::Command;

use crate::harness::Sandbox;

/// The commands that read, and what else has examples.
const COMMANDS: [&str; 11] = [
    "scan", "keys", "tags", "verify", "events", "record", "actors", "report", "rules", "config",
    "generate",
];

#[test]
fn short_help_fits_a_screen_and_has_three_examples() {
    let sandbox = Sandbox::new();
    for words in [&["-h"][..], &["scan", "-h"]]
        .into_iter()
        .map(<[&str]>::to_vec)
        .chain(COMMANDS.iter().map(|command| vec![*command, "-h"]))
    {
        let help = sandbox.keytrail(&words).run().code(0).stderr("").stdout;
        assert!(help.lines().count() <= 50, "{words:?}: {} lines\n{help}", help.lines().count());
        let (_, examples) = help.split_once("Examples:\n").expect("examples");
        assert_eq!(examples.lines().filter(|line| line.starts_with("  ")).count(), 3, "{help}");
    }
    for command in &COMMANDS[..8] {
        let long = sandbox.keytrail([command, "--help"]).run().code(0).stdout;
        assert!(long.contains("Exit status:\n"), "{long}");
    }
}

#[test]
fn the_examples_of_help_are_commands() {
    let sandbox = Sandbox::new();
    for command in COMMANDS {
        let help = sandbox.keytrail([command, "-h"]).run().stdout;
        let (_, examples) = help.split_once("Examples:\n").unwrap();
        for line in examples.lines().filter_map(|line| line.trim().strip_prefix("keytrail ")) {
            let words: Vec<&str> =
                line.split([' ']).take_while(|word| !["&&", "|", ">"].contains(word)).collect();
            let words: Vec<&str> = words.iter().map(|word| word.trim_matches('\'')).collect();
            let ended = sandbox.keytrail(words.iter().chain(&["--help"])).run();
            assert_eq!(ended.code, Some(0), "{line}: {}", ended.stderr);
        }
    }
}

#[test]
fn help_and_errors_follow_the_colour() {
    let sandbox = Sandbox::new();
    let help = |color: &str| sandbox.keytrail(["scan", "-h", color]).run().code(0).stdout;
    assert!(help("--color=always").contains('\x1b') && !help("--color=never").contains('\x1b'));
    let error = |color: &str| sandbox.keytrail(["scan", "--sinse", color]).run().code(2).stderr;
    assert!(error("--color=always").contains('\x1b') && !error("--color=never").contains('\x1b'));
}

/// Runs a program on a text, if it is installed; what it said if it did not like it.
fn checked(program: &str, args: &[&str], sandbox: &Sandbox, file: &str) -> Option<String> {
    let output = Command::new(program).args(args).arg(sandbox.path(file)).output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (!output.status.success() || !said.is_empty()).then_some(said)
}

#[test]
fn completions_of_five_shells() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text =
            sandbox.keytrail(["generate", "completions", shell]).run().code(0).stderr("").stdout;
        for word in ["granted-vs-used", "completions", "min-level", "lint"] {
            assert!(text.contains(word), "{shell} lacks {word}");
        }
        sandbox.write(shell, text);
    }
    for shell in ["bash", "zsh"] {
        assert_eq!(checked(shell, &["-n"], &sandbox, shell), None);
    }
    let ended = sandbox.keytrail(["generate", "completions", "ksh"]).run().code(2).stdout("");
    assert!(ended.stderr.contains("expected bash, zsh, fish, powershell or elvish"));
}

/// The long options that help lists.
fn options(help: &str) -> Vec<String> {
    let words = help.lines().filter(|line| line.trim_start().starts_with('-'));
    let names = words.filter_map(|line| line.split(' ').find(|word| word.starts_with("--")));
    names.map(|name| name.trim_end_matches(',').to_owned()).collect()
}

#[test]
fn a_man_page_has_every_option() {
    let sandbox = Sandbox::new();
    for command in COMMANDS {
        let help = sandbox.keytrail([command, "--help"]).run().stdout;
        let page = sandbox.keytrail(["generate", "man", command]).run().code(0).stdout;
        assert!(page.starts_with(".ie") || page.contains(".TH"), "{page}");
        let page = page.replace("\\-", "-");
        let all = options(&help);
        assert!(!all.is_empty(), "{help}");
        all.iter().for_each(|option| assert!(page.contains(option.as_str()), "{command} {option}"));
    }
    let words = ["generate", "man", "rules", "show"];
    assert!(sandbox.keytrail(words).run().code(0).stdout.contains("KEYTRAIL-RULES-SHOW"));
    let ended = sandbox.keytrail(["generate", "man", "scna"]).run().code(2).stdout("");
    assert!(ended.stderr.contains("expected one of scan, "), "{}", ended.stderr);
}

#[test]
fn all_pages_go_into_a_folder() {
    let sandbox = Sandbox::new();
    sandbox.keytrail(["generate", "man", "--all", "man/man1"]).run().code(0).stdout("").stderr("");
    let names: Vec<String> = std::fs::read_dir(sandbox.path("man/man1"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for name in
        ["keytrail.1", "keytrail-scan.1", "keytrail-rules-show.1", "keytrail-generate-man.1"]
    {
        assert!(names.iter().any(|known| known == name), "{name} is not in {names:?}");
    }
    let page = "man/man1/keytrail-scan.1";
    assert_eq!(checked("groff", &["-man", "-z", "-Tutf8", "-ww"], &sandbox, page), None);
    sandbox.write("file", "");
    sandbox.keytrail(["generate", "man", "--all", "file/below"]).run().code(2).stdout("");
}
