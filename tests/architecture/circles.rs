//! No two files of a layer need each other, on whatever detour.
//!
//! Files of a circle can only be understood, tested and changed together, so that they are one file
//! in pieces. What "need" means is said in `imports.rs`. A `mod.rs` and its child form a circle as
//! soon as each names something that the other defines: what both need goes to a file of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::needs;
use super::{assert_none, sources};

/// The circles that still stand, each with the reason. A circle that is not listed fails the test,
/// and so does one that is listed and gone.
const STANDING: &[(&[&str], &str)] = &[
    (
        &[
            "cli/commands/rules/lint.rs",
            "cli/commands/rules/list.rs",
            "cli/commands/rules/mod.rs",
            "cli/commands/rules/show.rs",
            "cli/commands/rules/test.rs",
        ],
        "mod.rs both picks the subcommand and holds what they share",
    ),
    (
        &["record/kms.rs", "record/kms/caller.rs", "record/kms/subject.rs"],
        "the view is one type in three files",
    ),
    (&["trial/mod.rs", "trial/places.rs"], "mod.rs defines the error that finding samples returns"),
];

/// Sets of files of one layer that all need each other, sorted.
fn circles(needs: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<BTreeSet<String>> {
    let layer = |file: &str| file.split('/').next().map(str::to_owned);
    let reached: BTreeMap<&String, BTreeSet<&String>> = needs
        .keys()
        .map(|from| {
            let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
            while let Some(file) = open.pop() {
                let near = needs[file].iter().filter(|to| layer(to) == layer(from));
                open.extend(near.filter(|to| seen.insert(*to)));
            }
            (from, seen)
        })
        .collect();
    let circle = |file: &String| -> BTreeSet<String> {
        let others = reached[file].iter().filter(|other| reached[**other].contains(file));
        others.map(|other| other.to_string()).collect()
    };
    needs.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

/// A circle as text: a line for each file, with the others of the circle that it needs.
fn told(circle: &BTreeSet<String>, needs: &BTreeMap<String, BTreeSet<String>>) -> String {
    let line = |file: &String| {
        let others: Vec<&str> = needs
            .get(file)
            .map_or(Vec::new(), |needs| needs.intersection(circle).map(String::as_str).collect());
        format!("\n    {file} needs {}", others.join(", "))
    };
    circle.iter().map(line).collect()
}

#[test]
fn no_files_need_each_other() {
    let standing: BTreeSet<BTreeSet<String>> = STANDING
        .iter()
        .map(|(files, _)| files.iter().map(|file| file.to_string()).collect())
        .collect();
    let needs = needs(&sources());
    let found = circles(&needs);
    let new = found.difference(&standing).map(|circle| format!("new:{}", told(circle, &needs)));
    let gone = standing
        .difference(&found)
        .map(|circle| format!("gone, or another one; mend STANDING:{}", told(circle, &needs)));
    assert_none(&new.chain(gone).collect::<Vec<_>>());
}

/// The circles of a small crate: a file a line, `name: text`.
fn circles_of(crate_text: &str) -> Vec<String> {
    let file = |line: &str| {
        let (name, text) = line.trim().split_once(':').unwrap();
        (name.to_owned(), text.to_owned())
    };
    let files = crate_text.lines().filter(|line| !line.trim().is_empty()).map(file).collect();
    let files_of = |circle: BTreeSet<String>| circle.into_iter().collect::<Vec<_>>().join(" ");
    circles(&needs(&files)).into_iter().map(files_of).collect()
}

/// Two files below `a`, as `x` and `y`, whose parent only declares them.
fn circles_of_two(x: &str, y: &str) -> Vec<String> {
    circles_of(&format!("lib.rs: mod a;\na/mod.rs: mod x; mod y;\na/x.rs: {x}\na/y.rs: {y}"))
}

#[test]
fn the_checker_finds_circles_however_they_are_written() {
    for x in [
        "use crate::a::y::Y;",
        "use super::y::Y;",
        "use super::{y::{Y, Z}};",
        "use super::y; fn f() { y::go() }",
        "use super::y as other; fn f() { other::go() }",
        "fn f() { super::y::go() }",
        "mod inner { fn f() { super::super::y::go() } }",
        "pub use super::y::Y; fn f() -> Y { Y }",
        "#[cfg(not(test))] use super::y::Y;",
        "use super::y::*;",
    ] {
        assert_eq!(circles_of_two(x, "use super::x::X;"), ["a/x.rs a/y.rs"], "{x}");
    }
    let around = "lib.rs: mod a;\na/mod.rs: mod x; mod y; mod z;\na/x.rs: use super::y::Y;
        a/y.rs: use super::z::Z;\na/z.rs: use super::x::X;";
    assert_eq!(circles_of(around), ["a/x.rs a/y.rs a/z.rs"]);
}

#[test]
fn the_checker_follows_re_exports_to_what_they_stand_for() {
    let crate_of = |parent: &str, x: &str, y: &str| {
        circles_of(&format!("lib.rs: mod a;\na/mod.rs: {parent}\na/x.rs: {x}\na/y.rs: {y}"))
    };
    // By way of the parent, `x` and `y` need each other; the parent needs nobody.
    let parent = "mod x; mod y; pub use x::X; pub use y::Y;";
    assert_eq!(crate_of(parent, "use super::Y;", "use super::X;"), ["a/x.rs a/y.rs"]);
    assert_none(&crate_of(parent, "use super::Y;", ""));
    // What the parent defines, it defines itself.
    let parent = "mod x; mod y; pub use x::X; pub struct P;";
    assert_none(&crate_of(parent, "use super::P;", "use super::{P, X};"));
    let parent = "mod x; mod y; pub use x::X; pub struct P(X);";
    assert_eq!(crate_of(parent, "use super::P;", ""), ["a/mod.rs a/x.rs"]);
    let parent = "mod x; mod y; pub struct P; fn f() { x::go() }";
    assert_eq!(crate_of(parent, "use super::P;", ""), ["a/mod.rs a/x.rs"]);
    // A folder's star brings its children into scope.
    let parent = "mod x; mod y; pub mod b { }";
    assert_none(&crate_of(parent, "use super::*; fn f() { y::go() }", ""));
    assert_eq!(
        crate_of(parent, "use super::*; fn f() { y::go() }", "use super::x::X;"),
        ["a/x.rs a/y.rs"]
    );
}

#[test]
fn the_checker_sees_no_circle_where_there_is_none() {
    for x in [
        "",
        "use super::y;",
        "pub use super::y::Y;",
        "// use super::y::Y;",
        "#[cfg(test)] use super::y::Y; fn f() {}",
        "#[cfg(test)] mod tests { use super::super::y::Y; }",
        "#[cfg(all(test, unix))] #[allow(unused)] fn f() { super::y::go() }",
        "pub(in crate::a::y) fn f() {}",
        "use y::Y;",
        "fn f() -> impl Fn() + use<'_> { y::go() }",
    ] {
        assert_none(&circles_of_two(x, "use super::x::X;"));
    }
    // Files of tests don't count, nor do other layers: imports_go_one_way is about them.
    let tests = "lib.rs: mod a;\na.rs: #[cfg(test)] mod tests; pub struct A;
        a/tests.rs: use super::A;";
    assert_none(&circles_of(tests));
    let layers = "lib.rs: mod a; mod b;\na.rs: use crate::b::B;\nb.rs: use crate::a::A;";
    assert_none(&circles_of(layers));
}
