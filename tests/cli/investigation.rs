//! What docs/investigation.md shows is what the program prints.
//!
//! A block of `sh` that is followed by a block of `text` is run in the repository, 80 columns wide, and
//! compared; `UPDATE_DOCS=1 cargo test` rewrites the page.

use std::fs;
use std::path::Path;

use crate::harness::Sandbox;

const RUN: &str = "```sh\n";
const SHOWN: &str = "\n```\n\n```text\n";

#[test]
fn the_page_shows_what_the_program_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("docs/investigation.md");
    let page = fs::read_to_string(&path).unwrap();
    let (mut made, mut rest, mut commands) = (String::new(), page.as_str(), 0);
    while let Some((before, after)) = rest.split_once(RUN) {
        made.push_str(before);
        made.push_str(RUN);
        rest = after;
        let Some((command, after)) = after.split_once(SHOWN) else { continue };
        // A block that nothing is shown of.
        if command.contains("```") {
            continue;
        }
        let words = command.strip_prefix("keytrail ").expect("a command of keytrail").split(' ');
        let run = Sandbox::new().keytrail(words).within(root.to_str().unwrap()).run().code(0);
        let (_, after) = after.split_once("```\n").expect("the end of what is shown");
        made.push_str(&format!("{command}{SHOWN}{}\n```\n", run.stdout.trim_end()));
        rest = after;
        commands += 1;
    }
    made.push_str(rest);
    assert!(commands > 4, "{commands} commands");
    if made != page && std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, made).unwrap();
        return;
    }
    assert!(
        made == page,
        "docs/investigation.md differs from the program; UPDATE_DOCS=1 rewrites it"
    );
}

#[test]
fn the_story_of_the_trail_fits_in_forty_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = Sandbox::new().keytrail(["scan", "samples/trail"]);
    let table = run.within(root.to_str().unwrap()).run().code(0).stdout;
    let story: Vec<&str> = table.lines().take_while(|line| !line.starts_with("read ")).collect();
    assert!(story.len() <= 40, "{} lines:\n{}", story.len(), story.join("\n"));
    for case in table.split("\n\n").filter(|case| case.contains(" case ")) {
        assert!(case.lines().count() <= 12, "{case}");
    }
}
