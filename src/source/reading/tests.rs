//! The loop over blobs: what reaches the visitors, and which tokens come back.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::*;
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::model::window::Window;
use crate::source::s3::Object;
use crate::source::{Body, Text};

/// Writes down what it is given.
struct Noting<'a> {
    noted: Vec<String>,
    /// What it says of a blob.
    says: &'a (dyn Fn(&str) -> Taken + Sync),
    /// Whether there is nothing that ends its reading.
    goes_on: &'a AtomicBool,
}

impl Visitor for Noting<'_> {
    type Found = Vec<String>;

    fn goes_on(&self) -> bool {
        self.goes_on.load(Ordering::Relaxed)
    }

    fn problem(&mut self, problem: Problem) {
        self.noted.push(format!("problem {}", problem.origin.blob));
    }

    fn known(&mut self, name: &Arc<str>) {
        self.noted.push(format!("known {name}"));
    }

    fn unopened(&mut self, at: At<'_>) -> Option<u64> {
        let passes = &*at.blob.name == "unopened";
        passes.then(|| self.noted.push("unopened".into()))?;
        Some(1000)
    }

    fn blob(&mut self, at: At<'_>, text: Result<&mut Text<'_>, Problem>) -> Taken {
        let text = match text {
            Ok(text) => {
                text.fill().unwrap_or_else(|cut| panic!("{cut:?}"));
                String::from_utf8_lossy(text.text()).into_owned()
            }
            Err(problem) => problem.stage.as_str().into(),
        };
        self.noted.push(format!("{} {} {text}", at.sequence, at.blob.name));
        (self.says)(&at.blob.name)
    }

    fn finish(mut self) -> Vec<String> {
        self.noted.push("end".into());
        self.noted
    }
}

/// A blob that is there. Its token is that of blob `id`.
fn there(id: u64, name: &str) -> Entry {
    let body = Body::Object(Object::whole(format!("text {id}").into_bytes().into(), None));
    Entry::Blob(Blob { name: name.into(), body, token: Some(Token::new([id, 0])) })
}

/// A file that is not there.
fn missing(id: u64) -> Entry {
    let body = Body::File(PathBuf::from("no such file"));
    Entry::Blob(Blob { name: "missing".into(), body, token: Some(Token::new([id, 0])) })
}

/// How a reading ended.
#[derive(Debug, PartialEq, Eq)]
struct Ended {
    /// What visitors noted, sorted.
    noted: Vec<String>,
    /// The ids of the tokens that came back, sorted.
    settled: Vec<u64>,
    /// How many blobs were told of, and how many bytes.
    told: (u64, u64),
}

/// Reads with so many threads. `says` is asked of each blob, and may set the signs: to stop, and
/// that the visitor doesn't go on.
fn read(
    entries: Vec<Entry>,
    threads: usize,
    says: impl Fn(&str, &AtomicBool, &AtomicBool) -> Taken + Sync,
) -> Ended {
    let (stop, goes_on) = (AtomicBool::new(false), AtomicBool::new(true));
    let (blobs, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
    let beat = |more| {
        blobs.fetch_add(1, Ordering::Relaxed);
        bytes.fetch_add(more, Ordering::Relaxed);
    };
    let pool = pool(threads).unwrap();
    let says = |name: &str| says(name, &stop, &goes_on);
    let workers = Workers { pool: &pool, stop: &stop, beat: &beat };
    let visitor = |_| Noting { noted: Vec::new(), says: &says, goes_on: &goes_on };
    let AllRead { found, tokens, .. } = read_all(&mut entries.into_iter(), workers, visitor);
    let mut noted = found.concat();
    noted.sort();
    let mut settled: Vec<u64> = tokens.into_iter().map(|token| token.settle()[0]).collect();
    settled.sort_unstable();
    Ended { noted, settled, told: (blobs.into_inner(), bytes.into_inner()) }
}

#[test]
fn each_entry_reaches_one_visitor() {
    let mut entries = vec![
        there(1, "a"),
        Entry::Problem(Problem::new(Origin::blob("p"), Stage::Read, "odd")),
        there(2, "unopened"),
        Entry::Known("k".into()),
        missing(3),
    ];
    entries.push(there(4, "b"));
    let one = read(entries, 1, |_, _, _| Taken::Whole);
    let noted =
        ["0 a text 1", "2 missing read", "3 b text 4", "end", "known k", "problem p", "unopened"];
    assert_eq!(one.noted, noted);
    assert_eq!(one.told, (4, 1012));
    let many = || (0..99).map(|id| there(id, &format!("{id}"))).collect();
    let mut several = read(many(), 3, |_, _, _| Taken::Whole);
    assert_eq!(several.settled, (0..99).collect::<Vec<_>>());
    // One end for each worker.
    several.noted.dedup();
    assert_eq!(several.noted.len(), 100);
}

#[test]
fn only_what_was_read_whole_is_settled() {
    let entries = vec![there(1, "a"), missing(2), there(3, "part"), there(4, "unopened")];
    let ended = read(entries, 2, |name, _, _| match name {
        "part" => Taken::Part,
        _ => Taken::Whole,
    });
    assert_eq!(ended.settled, [1, 4]);
}

#[test]
fn what_was_read_when_the_reading_ended_is_not_settled() {
    let entries = || vec![there(1, "a"), there(2, "cut"), there(3, "never")];
    let stopped = read(entries(), 1, |name, stop, _| {
        stop.store(name == "cut", Ordering::Relaxed);
        Taken::Whole
    });
    let failed = read(entries(), 1, |name, _, goes_on| {
        goes_on.store(name != "cut", Ordering::Relaxed);
        Taken::Whole
    });
    assert_eq!(stopped.noted, ["0 a text 1", "1 cut text 2", "end"]);
    assert_eq!(stopped.settled, [1]);
    assert_eq!(stopped, failed);
}
