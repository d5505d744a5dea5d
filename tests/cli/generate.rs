//! Help that fits a screen, completions and man pages.

use std::process::Command;

use crate::harness::Sandbox;

/// The commands that read, and what else has examples.
const COMMANDS: [&str; 12] = [
    "scan", "keys", "tags", "verify", "events", "record", "actors", "report", "plan", "rules",
    "config", "generate",
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
    for command in &COMMANDS[..9] {
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
    for shell in ["bash", "zsh", "fish"] {
        assert_eq!(checked(shell, &["-n"], &sandbox, shell), None);
    }
    let ended = sandbox.keytrail(["generate", "completions", "ksh"]).run().code(2).stdout("");
    assert!(ended.stderr.contains("expected bash, zsh, fish, powershell or elvish"));
}

/// What bash offers for the last of these words.
fn bash_offers(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let list: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let (last, before) = (words.len() - 1, words[words.len() - 2]);
    let script = format!(
        "source ./bash; COMP_WORDS=({}); COMP_CWORD={last}; _keytrail keytrail '{}' '{before}'; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        list.join(" "),
        words[last],
    );
    let bash = Command::new("bash")
        .args(["-c", &script])
        .current_dir(sandbox.path("."))
        .output()
        .expect("bash");
    String::from_utf8(bash.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_values() {
    let sandbox = Sandbox::new();
    let script = sandbox.keytrail(["generate", "completions", "bash"]).run().code(0).stdout;
    sandbox.write("bash", script).write("some.json", "");
    let offers = |words: &[&str]| bash_offers(&sandbox, words);
    assert_eq!(offers(&["keytrail", "scan", "-f", "ma"]), ["markdown"]);
    assert_eq!(offers(&["keytrail", "keys", "--format", ""]), ["table", "json", "ndjson", "csv"]);
    assert_eq!(offers(&["keytrail", "scan", "--fail-on", "n"]), ["never"]);
    assert_eq!(
        offers(&["keytrail", "scan", "--select", "key-deletion-sch"]),
        ["key-deletion-scheduled"]
    );
    assert_eq!(offers(&["keytrail", "rules", "list", "--control", "SC-12(3"]), ["SC-12(3)"]);
    assert_eq!(
        offers(&["keytrail", "rules", "show", "key-deletion-c"]),
        ["key-deletion-cancelled"]
    );
    assert_eq!(offers(&["keytrail", "generate", "completions", "el"]), ["elvish"]);
    assert_eq!(offers(&["keytrail", "generate", "schema", "forec"]), ["forecast"]);
    assert_eq!(offers(&["keytrail", "scan", "--baseline", "som"]), ["some.json"]);
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
    for words in [&["scan"][..], &["rules", "lint"], &["generate", "schema"], &[]] {
        let words = ["generate", "man"].iter().chain(words);
        let page = sandbox.keytrail(words).run().code(0).stdout;
        let title = page.lines().find(|line| line.starts_with(".TH")).unwrap();
        assert!(title.contains("\"keytrail [VERSION]\""), "{title}");
        for section in ["ENVIRONMENT", "EXAMPLES"] {
            let (_, text) = page.split_once(&format!(".SH {section}\n")).expect(section);
            assert!(text.lines().nth(1).is_some_and(|line| !line.starts_with(".SH")), "{page}");
        }
        assert!(page.contains("\n.SH \"EXIT STATUS\"\n") && !page.contains("EXTRA"), "{page}");
        assert_eq!(page.matches(".ds Aq").count(), 2, "{page}");
    }
    let page = sandbox.keytrail(["generate", "man", "scan"]).run().stdout.replace("\\-", "-");
    for word in ["KEYTRAIL_MIN_LEVEL", "NO_COLOR", "TMPDIR", "AWS_PROFILE", "keytrail scan logs/"] {
        assert!(page.contains(word), "{word} is not in {page}");
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
    // Beside the pages nothing is left, and a page that cannot be written is as it was.
    assert!(names.iter().all(|name| name.starts_with("keytrail")), "{names:?}");
    sandbox.write("man/man1/keytrail.1", "old");
    let small = sandbox.limited("-f 1", ["generate", "man", "--all", "man/man1"]).run().code(2);
    assert!(small.stderr.contains("cannot be written"), "{}", small.stderr);
    assert_eq!(sandbox.read("man/man1/keytrail.1"), "old");
    sandbox.write("file", "");
    sandbox.keytrail(["generate", "man", "--all", "file/below"]).run().code(2).stdout("");
}

/// What Elvish offers for the last of these words; `None` where there is no Elvish.
fn elvish_offers(sandbox: &Sandbox, script: &str, words: &[&str]) -> Option<Vec<String>> {
    // Outside of its editor there is nobody to ask, so that the completer is called by name.
    let script = script
        .replace("set edit:completion:arg-completer[keytrail] =", "var complete =")
        .replace("edit:complex-candidate $text &display=", "put $text #");
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    sandbox.write("asked.elv", format!("{script}\n$complete {}\n", words.join(" ")));
    let elvish = Command::new("elvish").arg(sandbox.path("asked.elv")).output().ok()?;
    assert!(elvish.status.success(), "{}", String::from_utf8_lossy(&elvish.stderr));
    let text = String::from_utf8(elvish.stdout).unwrap();
    Some(text.lines().map(|line| line.trim_start_matches("▶ ").to_owned()).collect())
}

#[test]
fn elvish_completes_values() {
    let sandbox = Sandbox::new();
    let script = sandbox.keytrail(["generate", "completions", "elvish"]).run().code(0).stdout;
    let offers = |words: &[&str]| elvish_offers(&sandbox, &script, words);
    let Some(formats) = offers(&["keytrail", "keys", "logs", "--format", ""]) else { return };
    assert_eq!(formats, ["table", "json", "ndjson", "csv"]);
    let rules = offers(&["keytrail", "rules", "show", ""]).unwrap();
    assert!(rules.iter().any(|rule| rule == "key-deletion-scheduled"), "{rules:?}");
    let options = offers(&["keytrail", "scan", "logs", "--"]).unwrap();
    assert!(options.iter().any(|option| option == "--fail-on"), "{options:?}");
}

/// What fish offers for the end of a line; `None` where there is no fish.
fn fish_offers(sandbox: &Sandbox, line: &str) -> Option<Vec<String>> {
    let ask = format!("source fish; complete -C '{line}'");
    let fish = Command::new("fish")
        .args(["--no-config", "-c", &ask])
        .current_dir(sandbox.path("."))
        .env("HOME", sandbox.path("."))
        .output()
        .ok()?;
    let text = String::from_utf8(fish.stdout).unwrap();
    Some(text.lines().filter_map(|line| line.split('\t').next()).map(str::to_owned).collect())
}

#[test]
fn fish_completes_values() {
    let sandbox = Sandbox::new();
    let script = sandbox.keytrail(["generate", "completions", "fish"]).run().code(0).stdout;
    sandbox.write("fish", script);
    let Some(formats) = fish_offers(&sandbox, "keytrail keys --format ") else { return };
    assert_eq!(formats, ["csv", "json", "ndjson", "table"]);
    let rules = fish_offers(&sandbox, "keytrail rules show key-deletion-sch").unwrap();
    assert_eq!(rules, ["key-deletion-scheduled"]);
    assert_eq!(fish_offers(&sandbox, "keytrail scan --fail-on n").unwrap(), ["never"]);
}
