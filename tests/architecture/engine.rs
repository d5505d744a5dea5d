//! The order of the rooms of the engine: which of them may import which.
//!
//! A room is a folder or a file directly below `src/engine`. As in `imports.rs`, an import counts
//! for the room that defines what is imported, whoever re-exports it.

use std::collections::BTreeMap;

use super::imports::needs;
use super::{assert_none, root_names, sources};

/// Each room and which others it may import. Whatever is not listed, `mod` aside, is an error.
pub const ROOMS: [(&str, &[&str]); 11] = [
    ("store", &[]),
    ("plan", &[]),
    ("context", &["plan", "store"]),
    ("partial", &["store", "plan", "context"]),
    ("evaluate", &["partial", "store", "plan", "context"]),
    ("finding", &["partial"]),
    ("read", &["store", "plan", "context", "partial", "evaluate", "finding"]),
    ("part", &["store", "plan", "context", "partial"]),
    ("conclude", &["store", "plan", "context", "partial", "evaluate", "finding"]),
    ("inventory", &["store", "plan", "context", "partial"]),
    ("facts", &["store", "context", "partial", "conclude"]),
];

/// Rooms that know nothing of the domain: they import no other layer.
const PLAIN: [&str; 1] = ["store"];

/// What still breaks the order, as [`bad_rooms`] tells it. Whatever is not listed fails the test, and
/// so does what is listed and gone.
const STANDING: [&str; 0] = [];

/// The room of a file of the engine: `store` of `engine/store/runs.rs`.
fn room(file: &str) -> Option<&str> {
    let below = file.strip_prefix("engine/")?;
    below.split('/').next()?.split('.').next()
}

/// What is wrong with the imports of the engine's rooms.
fn bad_rooms(files: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for (file, needed) in needs(files) {
        let Some(from) = room(&file).filter(|from| *from != "mod") else { continue };
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == from) else {
            found.push(format!("{file}: say in tests/architecture what {from} may import"));
            continue;
        };
        let others = needed.iter().filter_map(|to| Some((to, room(to)?)));
        for (to, _) in others.filter(|(_, to)| *to != from && !allowed.contains(to)) {
            found.push(format!("{file}: {from} must not import {to}"));
        }
        if PLAIN.contains(&from) {
            let depth = file.trim_end_matches(".rs").trim_end_matches("/mod").split('/').count();
            let domain = root_names(&files[&file], depth).into_iter();
            let domain = domain.filter(|name| name != "engine");
            found.extend(domain.map(|name| format!("{file}: {from} must not import {name}")));
        }
    }
    found
}

#[test]
fn rooms_of_the_engine_keep_their_order() {
    let found = bad_rooms(&sources());
    let gone = STANDING.iter().filter(|known| !found.iter().any(|why| why == *known));
    let gone = gone.map(|known| format!("gone, take it off STANDING: {known}"));
    let new = found.iter().filter(|why| !STANDING.contains(&why.as_str())).cloned();
    assert_none(&new.chain(gone).collect::<Vec<_>>());
}

#[test]
fn the_checker_knows_the_order() {
    let bad = |room: &str, text: &str| {
        let engine = "mod store; mod partial; mod read; mod conclude; mod plan; mod extra;
            pub use plan::Plan; pub struct Own;";
        let files = [
            ("lib.rs", "mod engine; mod model;"),
            ("model.rs", ""),
            ("engine/mod.rs", engine),
            ("engine/store/mod.rs", "pub mod runs;"),
            ("engine/store/runs.rs", ""),
            ("engine/plan.rs", ""),
            ("engine/partial.rs", ""),
            ("engine/read.rs", ""),
            ("engine/conclude.rs", ""),
        ];
        let mut files: BTreeMap<String, String> =
            files.iter().map(|(file, text)| (file.to_string(), text.to_string())).collect();
        files.insert(format!("engine/{room}.rs"), text.into());
        bad_rooms(&files)
    };
    for (room, text) in [
        ("partial", "use super::store::runs::Rows; use crate::engine::Plan; use std::io;"),
        ("read", "use super::partial::Partial; use crate::model::time::Time;"),
        ("store/runs", "use std::io; #[cfg(test)] mod tests { use super::*; }"),
    ] {
        assert_none(&bad(room, text));
    }
    for (room, text) in [
        ("plan", "use super::store::runs::Rows;"),
        ("partial", "use super::conclude::conclude;"),
        ("read", "fn f() { super::conclude::conclude() }"),
        ("partial", "use crate::engine::Own;"),
        ("store/runs", "use crate::model::time::Time;"),
        ("store/runs", "use crate::engine::plan::Plan;"),
        ("extra", ""),
    ] {
        assert_eq!(bad(room, text).len(), 1, "{room}: {text}");
    }
}
