//! The story of the trail that docs/investigation.md finds out is short enough to be read.
//!
//! What that page shows is compared with the program in `commands`.

use std::path::Path;

use crate::harness::Sandbox;

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
