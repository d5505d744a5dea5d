//! Every command of keytrail on a page of the manual is run, as a reader would run it.
//!
//! A block of `sh` goes to bash, in a folder with the files that the pages name: a trail, public keys, a
//! report and so on. Buckets are one on loopback. Where a block of `text` follows, that is what is printed,
//! 80 columns wide; `UPDATE_DOCS=1 cargo test` rewrites it. Other programs are stand-ins that do nothing, and
//! blocks without keytrail are only checked for their syntax.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use rayon::prelude::*;

use crate::bucket::Server;
use crate::chain::{Chain, gzip};
use crate::harness::{Sandbox, program};

/// The words before a command line.
const RUN: &str = "```sh\n";
/// What stands between a command line and what it prints.
const SHOWN: &str = "\n\n```text\n";

/// What runs the program and notes how it ended. It makes each bucket the one on loopback, and each age in
/// days so long that the trail is not older.
const WRAPPER: &str = r#"#!/bin/bash
words=()
for word; do
    word=$(sed -E 's#s3://[A-Za-z-]+#s3://example-logs#; s#/var/lib/keytrail/##; s#^[0-9]+d\.#4000d.#' <<<"$word.")
    [[ $word == https://* ]] && word=$AWS_ENDPOINT_URL.
    words+=("${word%.}")
done
"$PROGRAM" "${words[@]}"
code=$?
printf '%s %s\n' "$code" "$*" >>"$NOTED"
exit "$code"
"#;

/// Other programs, and what stands in for them.
const STAND_INS: [(&str, &str); 6] = [
    (
        "aws",
        "case $* in *list-public-keys*) cat \"$ROOT/public-keys\";; *tagging*) cat \"$ROOT/tags\";; esac",
    ),
    (
        "jq",
        "grep -o '\"shards\": *[0-9]*' \"$2\" 2>/dev/null | head -1 | cut -d: -f2 | grep . || echo 1",
    ),
    ("ssh", "tar cz -C \"$ROOT/AWSLogs/\" ."),
    ("notify-someone", "exit 0"),
    ("spark-submit", "exit 0"),
    ("cargo", "exit 0"),
];

/// Pages that have commands: README.md, and all of docs.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = listed.filter(|path| path.extension().is_some_and(|end| end == "md"));
    [root.join("README.md")].into_iter().chain(pages).collect()
}

/// A page in pieces: text as it is, and blocks of commands with what they print, if that is shown.
enum Piece<'p> {
    Text(&'p str),
    Block { script: &'p str, shown: bool },
}

fn pieces(page: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest) = (Vec::new(), page);
    while let Some(at) = rest.find(RUN) {
        let (before, after) = rest.split_at(at + RUN.len());
        let (script, after) = after.split_once("```").expect("the end of a block");
        pieces.push(Piece::Text(before));
        let shown = after.starts_with(SHOWN);
        pieces.push(Piece::Block { script, shown });
        rest = match after.strip_prefix(SHOWN) {
            Some(shown) => &shown[shown.find("```").expect("the end of what is shown")..],
            None => after,
        };
        if !shown {
            pieces.push(Piece::Text("```"));
        }
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// Whether a block has a command of keytrail that can be run here.
fn is_ours(script: &str) -> bool {
    let starts = |line: &str| line.starts_with("keytrail ") || line.contains("| keytrail ");
    let starts = |line: &str| starts(line) || line.contains("* keytrail ");
    script.lines().any(|line| starts(line.trim_start()))
}

/// A line of a crontab as a shell would get it; other lines as they are.
fn without_times(script: &str) -> String {
    let line = |line: &str| match line.split_once("* * * ") {
        Some((_, command)) => command.replace("\\%", "%"),
        None => line.to_owned(),
    };
    script.lines().map(|text| line(text) + "\n").collect()
}

fn executable(sandbox: &Sandbox, name: &str, text: &str) {
    sandbox.write(name, text);
    fs::set_permissions(sandbox.path(name), fs::Permissions::from_mode(0o755)).unwrap();
}

/// The log file that the pages name as a member of an archive.
const MEMBER: &str = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/11/a.json.gz";

/// A folder with what the pages name.
fn furnished() -> Sandbox {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sandbox = Sandbox::new();
    let link = |to: PathBuf, name: &str| symlink(to, sandbox.path(name)).unwrap();
    link(root.join("samples"), "samples");
    link(root.join("samples/trail/AWSLogs"), "AWSLogs");
    link(root.join("samples/trail/AWSLogs"), "logs");
    executable(&sandbox, "bin/keytrail", WRAPPER);
    for (name, does) in STAND_INS {
        executable(&sandbox, &format!("bin/{name}"), &format!("#!/bin/sh\n{does}\n"));
    }
    let keys = Chain::empty().public_keys.to_string();
    sandbox.write("keys.json", &keys).write("public-keys", &keys);
    sandbox.write("tags", r#"{"ResourceTagMappingList": []}"#);
    sandbox.write("inventory.json", r#"{"ResourceTagMappingList": []}"#);
    sandbox.write("usage.json", USAGE).write("manifest.txt", "samples/tags/a-later.json\n");
    sandbox.write("last", "");
    // Older than every log.
    let last = fs::File::options().write(true).open(sandbox.path("last")).unwrap();
    last.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let rule = fs::read_to_string(root.join("docs/sigma.md")).unwrap();
    let rule = rule.split_once("```yaml\n").unwrap().1.split_once("```").unwrap().0;
    sandbox.write("my-rules/created.yml", rule);
    sandbox.write("my-rules/created/match.json", r#"{"eventSource": "kms.amazonaws.com",
        "eventName": "CreateKey", "eventTime": "2026-03-11T00:00:00Z", "eventID": "e", "awsRegion": "eu-west-1",
        "recipientAccountId": "111122223333", "userIdentity": {"type": "IAMUser",
        "arn": "arn:aws:iam::111122223333:user/ana", "accountId": "111122223333"}}"#);
    let log = gzip(&fs::read(root.join("samples/tags/a-later.json")).unwrap());
    sandbox.write(&format!("cases/{MEMBER}"), log);
    let packed = ["czf", "evidence.tar.gz", "-C", "cases", "AWSLogs"];
    let tar = Command::new("tar").args(packed).current_dir(sandbox.path("")).status().unwrap();
    assert!(tar.success());
    sandbox.write("report.json", report()).write("nights/a.json", report());
    sandbox
}

/// What `aws kms get-key-last-usage` prints of a key of the trail.
const USAGE: &str = r#"{"KeyId": "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "KeyLastUsage": {"Operation": "Decrypt", "Timestamp": "2026-03-11T11:23:00Z", "CloudTrailEventId": "e",
    "KmsRequestId": "r"}, "TrackingStartDate": "2026-01-01T00:00:00+00:00"}"#;

/// A report of the trail.
fn report() -> &'static str {
    static REPORT: OnceLock<String> = OnceLock::new();
    REPORT.get_or_init(|| {
        let root = env!("CARGO_MANIFEST_DIR");
        let run = Sandbox::new().keytrail(["scan", "samples/trail", "-f", "json"]).within(root);
        run.run().code(0).stdout
    })
}

/// The logs of the trail in a bucket.
fn bucket() -> Server {
    let server = Server::start(1000);
    let trail = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/trail");
    let mut folders = vec![trail.join("AWSLogs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let key = path.strip_prefix(&trail).unwrap().to_str().unwrap().to_owned();
                server.put(&key, fs::read(&path).unwrap());
            }
        }
    }
    server
}

/// Runs a script in a folder, with the bucket in reach.
fn run(sandbox: &Sandbox, server: &Server, script: &str) -> Output {
    let path = std::env::var("PATH").unwrap();
    let root = sandbox.path("");
    let mut bash = Command::new("bash");
    bash.args(["-c", &without_times(script)]).current_dir(&root).stdin(Stdio::null());
    bash.env_clear().env("PATH", format!("{}/bin:{path}", root.display())).env("COLUMNS", "80");
    bash.env("ROOT", &root).env("NOTED", root.join("noted")).env("PROGRAM", program());
    // A profile of a name has credentials of its own.
    let mut profile = String::from("[profile audit]\n");
    for (name, value) in server.variables() {
        profile += &format!("{} = {value}\n", name.to_lowercase().replace("aws_region", "region"));
        bash.env(name, value);
    }
    sandbox.write("profiles", profile);
    bash.env("AWS_CONFIG_FILE", root.join("profiles"));
    bash.output().unwrap()
}

/// How commands may end: complete, or incomplete where they ask for a time, digests or uses that the trail
/// of March does not have.
fn may_end(code: &str, words: &str) -> bool {
    match code {
        "0" | "1" => true,
        "3" => ["--until", "--verify", "--last-usage"].iter().any(|word| words.contains(word)),
        // There is no inventory of a bucket here.
        "2" => words.contains("--inventory"),
        _ => false,
    }
}

/// Runs a block, and says what it printed.
fn tried(page: &str, script: &str, faults: &mut Vec<String>) -> String {
    let sandbox = furnished();
    let output = run(&sandbox, &bucket(), script);
    let noted = fs::read_to_string(sandbox.path("noted")).unwrap_or_default();
    if noted.is_empty() {
        faults.push(format!("{page}: no command of keytrail was run of\n{script}"));
    }
    for line in noted.lines() {
        let (code, words) = line.split_once(' ').unwrap();
        if !may_end(code, words) {
            let said = String::from_utf8_lossy(&output.stderr);
            faults.push(format!("{page}: keytrail {words} ended with {code}\n{said}"));
        }
    }
    String::from_utf8(output.stdout).unwrap()
}

/// A page with what its commands print now.
fn made(page: &str, text: &str, faults: &mut Vec<String>) -> String {
    let mut made = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => made += text,
            Piece::Block { script, shown } => {
                let syntax = ["-n", "-c", &without_times(script)].map(str::to_owned);
                let checked = Command::new("bash").args(syntax).output().unwrap();
                if !checked.status.success() {
                    faults.push(format!("{page}: no bash\n{script}"));
                }
                let printed = is_ours(script).then(|| tried(page, script, faults));
                made += script;
                if shown {
                    made += "```";
                    made += SHOWN;
                    made += &format!("{}\n", printed.unwrap_or_default().trim_end());
                }
            }
        }
    }
    made
}

#[test]
fn every_command_of_the_manual_runs_and_prints_what_is_shown() {
    let faults: Vec<String> = pages()
        .par_iter()
        .flat_map(|path| {
            let (page, mut faults) = (path.display().to_string(), Vec::new());
            let text = fs::read_to_string(path).unwrap();
            let made = made(&page, &text, &mut faults);
            if made != text && std::env::var_os("UPDATE_DOCS").is_some() {
                fs::write(path, made).unwrap();
            } else if made != text {
                faults.push(format!("{page} differs from the program; UPDATE_DOCS=1 rewrites it"));
            }
            faults
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[test]
fn a_page_is_cut_into_blocks_and_what_they_print() {
    let page = "a\n```sh\nkeytrail x\n```\n\n```text\nold\n```\nb\n```sh\ncargo y\n```\nc\n";
    let mut shown = Vec::new();
    let mut whole = String::new();
    for piece in pieces(page) {
        match piece {
            Piece::Text(text) => whole += text,
            Piece::Block { script, shown: is } => {
                whole += script;
                shown.push((script, is));
                if is {
                    whole += "```\n\n```text\nold\n";
                }
            }
        }
    }
    assert_eq!(shown, [("keytrail x\n", true), ("cargo y\n", false)]);
    assert_eq!(whole, page);
    assert!(is_ours("zcat a | keytrail scan") && !is_ours("cargo install keytrail"));
    assert_eq!(without_times("15 2 * * * a \\%F\nb"), "a %F\nb\n");
}
