//! What lies inside a text: the members of an archive, the rows of a table, and what is packed again.
//!
//! ```text
//! head     what lies inside, told by the first bytes
//! member   a member of an archive, and its name
//! tar      members as they come
//! zip      members by the directory
//! parquet  rows as lines of JSON
//! seek     a text that is read from any place in it
//! ```
//!
//! Each layer has a text of its own, which is opened like that of a file, and looked into in turn. To
//! a visitor each member is a blob; the archive is none. What must stay true: no two blobs have one
//! name; what an archive holds and cannot be read is told; and the work is bounded by the size of the
//! outermost blob: by the depth, by the budget, and since each layer reads its bytes once.

mod head;
mod member;
mod parquet;
mod seek;
mod tar;
#[cfg(test)]
mod tests;
mod zip;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::blob::{Blob, Body};
use super::budget::Budget;
use super::inflate::{Compression, Inflater, Inner, Limits, Text};
use super::layout;
use super::name::shown_bytes;
use super::visitor::{At, Taken, Visitor};
use crate::model::origin::Origin;
use crate::model::path_names::PathNames;
use crate::model::problem::Problem;
use crate::model::window::{Cut, Window};
use head::Inside;
use member::{Fault, Found, Member, Names, Rest, broken};
use parquet::Rows;
pub use parquet::{Table, Value};
use seek::Seekable;

/// How many texts may lie inside one another in a blob.
const DEEPEST: usize = 4;

/// How many times as much text as others a table may give.
const NAMES_AGAIN: u64 = 8;

/// Kinds of members that cannot be read, each told once.
const KINDS: usize = 16;

/// What opens the layers of one blob after another. One per worker.
pub(super) struct Layers {
    limits: Limits,
    /// One for each depth.
    inflaters: Vec<Inflater>,
    /// What the paths of members say.
    pub names: PathNames,
    /// The folder that was looked at last.
    folder: Vec<u8>,
}

impl Layers {
    /// One that has allocated no buffer yet.
    pub fn new(limits: Limits) -> Layers {
        let inflaters = (0..DEEPEST).map(|_| Inflater::new(limits)).collect();
        Layers { limits, inflaters, names: PathNames::default(), folder: Vec::new() }
    }

    /// Gives the visitor what lies in a blob: its text, or its members.
    pub fn read<V: Visitor>(
        &mut self,
        (blob, sequence): (&Blob, u64),
        text: &mut Text<'_>,
        (visitor, stop): (&mut V, &AtomicBool),
    ) -> Taken {
        let Layers { limits, inflaters, names, folder } = self;
        let budget = Budget::new(limits);
        budget.stored(text.size_on_disk().unwrap_or_default());
        let mut opening = Opening {
            given: blob,
            sequence,
            visitor,
            stop,
            limits,
            budget: &budget,
            names,
            folder,
            told: false,
        };
        opening.read(inflaters, blob, text)
    }
}

/// A blob whose layers are opened.
struct Opening<'a, V> {
    given: &'a Blob,
    sequence: u64,
    visitor: &'a mut V,
    stop: &'a AtomicBool,
    limits: &'a Limits,
    budget: &'a Budget,
    names: &'a mut PathNames,
    folder: &'a mut Vec<u8>,
    /// Whether it was told that there was a bomb.
    told: bool,
}

impl<'a, V: Visitor> Opening<'a, V> {
    /// Looks into a text. `inflaters` are for the layers below.
    fn read(&mut self, inflaters: &mut [Inflater], blob: &Blob, text: &mut Text<'_>) -> Taken {
        match head::told(text) {
            Inside::Text => {
                let taken = self.visitor.blob(at(self.given, self.sequence, blob), Ok(text));
                self.told |= text.has_told() && self.budget.is_over();
                taken
            }
            Inside::Closed(kind) => {
                let message = format!("it is {kind}, which is not read; extract it first");
                self.fault(blob, broken(message))
            }
            _ if inflaters.is_empty() => {
                let message = format!(
                    "more than {DEEPEST} archives or compressed texts lie inside one another; \
                     extract it first"
                );
                self.fault(blob, broken(message))
            }
            Inside::Packed => self.packed(inflaters, blob, text),
            Inside::Parquet => self.rows(inflaters, blob, text),
            Inside::Tar => {
                let budget = self.outermost(inflaters);
                self.archive(inflaters, blob, |each| tar::members(text, budget, each))
            }
            Inside::Zip => {
                let budget = self.outermost(inflaters);
                let (path, stop) = (budget.and_then(|_| as_stored(text, blob)), self.stop);
                self.archive(inflaters, blob, |each| zip::members(text, (path, budget), stop, each))
            }
        }
    }

    /// Opens what is packed again.
    fn packed(&mut self, inflaters: &mut [Inflater], blob: &Blob, text: &mut Text<'_>) -> Taken {
        let outermost = self.outermost(inflaters);
        let Some((inflater, deeper)) = inflaters.split_first_mut() else { return Taken::Whole };
        let size = text.is_all_there().then(|| text.text().len() as u64);
        let (stored, budget) = (text.size_on_disk(), self.budget);
        let reader = Box::new(Rest { text, budget: outermost });
        let mut inner = inflater.open_inner(&blob.name, Inner { reader, size, stored, budget });
        self.read(deeper, blob, &mut inner)
    }

    /// Opens the rows of a Parquet file.
    fn rows(&mut self, inflaters: &mut [Inflater], blob: &Blob, text: &mut Text<'_>) -> Taken {
        let budget = self.outermost(inflaters);
        let path = budget.and_then(|_| as_stored(text, blob));
        let file = match Seekable::of(text, (path, budget), self.stop) {
            Ok(Some((_, Some(cut)))) | Err(cut) => return self.fault(blob, cut),
            Ok(Some((file, None))) => file,
            Ok(None) => return Taken::Part,
        };
        let size = file.size;
        let rows = match Rows::open(file) {
            Ok(rows) => rows,
            Err(cut) => return self.fault(blob, cut),
        };
        let Some((inflater, _)) = inflaters.split_first_mut() else { return Taken::Whole };
        // Each line repeats the names of all columns, which the file has once. So its text counts for as
        // many times less of what all layers together may give.
        let Limits { ratio, ratio_floor, .. } = *self.limits;
        let ratio = ratio.saturating_mul(NAMES_AGAIN);
        let ratio_floor = ratio_floor.min(self.budget.left().saturating_mul(NAMES_AGAIN));
        let budget = Budget::new(&Limits { ratio, ratio_floor, ..*self.limits });
        budget.stored(size);
        let stored = text.size_on_disk().or(Some(text.bytes_read()));
        let inner = Inner { reader: Box::new(rows), size: None, stored, budget: &budget };
        let mut lines = inflater.open_inner(&blob.name, inner);
        let taken = self.visitor.blob(at(self.given, self.sequence, blob), Ok(&mut lines));
        self.budget.spend(lines.bytes_inflated() / NAMES_AGAIN);
        if budget.is_over() {
            self.budget.burst();
            self.told |= lines.has_told();
        }
        taken
    }

    /// Opens the members of an archive, as `members` gives them.
    fn archive(
        &mut self,
        inflaters: &mut [Inflater],
        blob: &Blob,
        members: impl FnOnce(member::Each<'_>) -> Result<(), Fault>,
    ) -> Taken {
        let (mut taken, mut names) = (Taken::Whole, Names::default());
        let mut left_out: BTreeMap<String, (u64, Vec<u8>)> = BTreeMap::new();
        let mut empty = true;
        let ended = members(&mut |found| {
            empty = false;
            match found {
                Found::Member(member) => {
                    taken = taken.and(self.member(inflaters, blob, &mut names, member));
                }
                Found::LeftOut { path, kind } => {
                    let is_told = left_out.len() < KINDS || left_out.contains_key(&kind);
                    let kind =
                        if is_told { kind } else { "of further kinds that are not read".into() };
                    left_out.entry(kind).or_insert((0, path)).0 += 1;
                }
            }
            self.goes_on() && !self.budget.is_over()
        });
        for (kind, (count, first)) in left_out {
            let (are, them) = if count == 1 { ("is", "it") } else { ("are", "them") };
            let message = format!(
                "{count} of its members {are} {kind}, such as {}; extract {them} first",
                shown_bytes(&first)
            );
            taken = taken.and(self.fault(blob, broken(message)));
        }
        match ended {
            Err(Fault::Told) => taken,
            Err(Fault::Cut(cut)) => {
                self.told |= self.budget.is_over();
                taken.and(self.fault(blob, cut))
            }
            Ok(()) if self.budget.is_over() => taken.and(self.over(blob)),
            Ok(()) if empty && self.goes_on() => {
                let message = "it is an archive without files; expected logs in it";
                self.fault(blob, broken(message.into()))
            }
            Ok(()) => taken,
        }
    }

    /// Opens a member of the archive `blob`.
    fn member(
        &mut self,
        inflaters: &mut [Inflater],
        blob: &Blob,
        names: &mut Names,
        member: Member<'_>,
    ) -> Taken {
        let Some((inflater, deeper)) = inflaters.split_first_mut() else { return Taken::Whole };
        let Member { path, reader, size, stored } = member;
        self.folder(&path);
        let name: Arc<str> = names.next(&blob.name, &path).into();
        let member = Blob { name, body: Body::Member, token: None };
        if self.visitor.unopened(at(self.given, self.sequence, &member)).is_some() {
            return Taken::Whole;
        }
        let (size, stored, budget) = (Some(size), Some(stored), self.budget);
        let mut text = inflater.open_inner(&member.name, Inner { reader, size, stored, budget });
        self.read(deeper, &member, &mut text)
    }

    /// Notes what a member's folder says.
    fn folder(&mut self, path: &[u8]) {
        let end = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        if *self.folder == path[..end] {
            return;
        }
        self.folder.clear();
        self.folder.extend_from_slice(&path[..end]);
        if let Some((account, region)) = layout::names(&String::from_utf8_lossy(self.folder)) {
            self.names.add(&account, region);
        }
    }

    /// Tells that a blob holds something that cannot be read.
    fn fault(&mut self, blob: &Blob, cut: Cut) -> Taken {
        let origin = Origin::blob(Arc::clone(&blob.name));
        let taken = if cut.stage.may_pass() { Taken::Part } else { Taken::Whole };
        self.visitor.problem(Problem::new(origin, cut.stage, cut.message));
        taken
    }

    /// Tells that an archive is not read on since there was a bomb, where nothing else has told it.
    fn over(&mut self, blob: &Blob) -> Taken {
        if std::mem::replace(&mut self.told, true) {
            return Taken::Whole;
        }
        let cut = self.budget.exceeded().unwrap_or_else(|| {
            let message = "one of its members looks like a decompression bomb; what comes after \
                           it is not read";
            broken(message.into())
        });
        self.fault(blob, cut)
    }

    /// What is told how much was read, if that is read from the blob as stored.
    fn outermost(&self, inflaters: &[Inflater]) -> Option<&'a Budget> {
        (inflaters.len() == DEEPEST).then_some(self.budget)
    }

    fn goes_on(&self) -> bool {
        self.visitor.goes_on() && !self.stop.load(Ordering::Relaxed)
    }
}

fn at<'a>(given: &'a Blob, sequence: u64, blob: &'a Blob) -> At<'a> {
    At { blob, given, sequence }
}

/// The file whose bytes are the text, if there is one.
fn as_stored<'a>(text: &Text<'_>, blob: &'a Blob) -> Option<&'a Path> {
    match &blob.body {
        Body::File(path) if text.kind() == Compression::Plain => {
            text.size_on_disk().map(|_| path.as_path())
        }
        _ => None,
    }
}
