//! One record by its place: the blob, and its number there.
//!
//! What must stay true: a number means the same record as in every report, so that the blob is read by
//! the same reader; and reading ends behind the record.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::engine::Limits;
use crate::model::origin::Origin;
use crate::model::other_document::OtherDocument;
use crate::model::problem::{Problem, Stage};
use crate::record::container::{Reader, Sink};
use crate::record::event::Marked;
use crate::record::scan;
use crate::source::{At, Source, Taken, Text, Visitor, Workers, archive_of, pool, read_all};

/// Problems that are kept.
const PROBLEMS_MAX: usize = 100;

/// What was found at a place.
#[derive(Debug, Default)]
pub struct Single {
    /// The record's text.
    pub text: Option<String>,
    /// How many records the blob has, up to the one that was looked for.
    pub records: u64,
    /// Whether there is such a blob.
    pub there: bool,
    /// What could not be read up to there.
    pub problems: Vec<Problem>,
}

/// The record number `number` of the blob `name`, which may lie in an archive.
///
/// # Errors
/// Threads that cannot be started.
pub fn single(
    source: &mut dyn Source,
    (name, number): (&str, u64),
    stop: &AtomicBool,
) -> io::Result<Single> {
    let workers = Workers { pool: &pool(1)?, stop, beat: &|_| {} };
    let all = read_all(source, workers, |_| Looking {
        name,
        blob: "".into(),
        number,
        found: Single::default(),
    });
    Ok(all.found.into_iter().next().unwrap_or_default())
}

struct Looking<'a> {
    name: &'a str,
    /// The name of the blob at hand.
    blob: Arc<str>,
    number: u64,
    found: Single,
}

impl Looking<'_> {
    fn report(&mut self, problem: Problem) {
        // What comes behind the record is none of its business.
        if self.found.text.is_none() && self.found.problems.len() < PROBLEMS_MAX {
            self.found.problems.push(problem);
        }
    }
}

impl Visitor for Looking<'_> {
    type Found = Single;

    fn goes_on(&self) -> bool {
        self.found.text.is_none()
    }

    fn problem(&mut self, problem: Problem) {
        self.report(problem);
    }

    fn known(&mut self, _: &Arc<str>) {}

    // Below one address of a bucket there may be other objects, and in an archive other members.
    fn unopened(&mut self, At { blob, .. }: At<'_>) -> Option<u64> {
        let inside = self.name.strip_prefix(&*blob.name);
        let is_meant = inside.is_some_and(|rest| rest.is_empty() || archive_of(rest) == Some(""));
        (!is_meant).then_some(0)
    }

    fn blob(&mut self, At { blob, .. }: At<'_>, text: Result<&mut Text<'_>, Problem>) -> Taken {
        self.found.there = true;
        self.blob = Arc::clone(&blob.name);
        match text {
            Ok(text) => Reader::new(scan::fastest(), Limits::default().max_record).read(text, self),
            Err(problem) => self.report(problem),
        }
        Taken::Whole
    }

    fn finish(self) -> Single {
        self.found
    }
}

impl Sink for Looking<'_> {
    fn record(&mut self, number: u64, record: Marked<'_>) {
        self.found.records = self.found.records.max(number + 1);
        if number == self.number && self.found.text.is_none() {
            self.found.text = Some(String::from_utf8_lossy(record.bytes()).into_owned());
        }
    }

    fn bad(&mut self, number: u64, message: String) {
        self.found.records = self.found.records.max(number + 1);
        let origin = Origin::record(Arc::clone(&self.blob), number);
        self.report(Problem::new(origin, Stage::Parse, message));
    }

    fn problem(&mut self, stage: Stage, message: String) {
        self.report(Problem::new(Origin::blob(Arc::clone(&self.blob)), stage, message));
    }

    fn other(&mut self, _: OtherDocument) {}

    fn ready(&mut self) -> bool {
        self.found.text.is_none()
    }
}
