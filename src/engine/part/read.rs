//! A file to a partial result, added to what is there.
//!
//! Names of blobs and places of texts have other numbers here than where the file was written, so rows
//! get new ones on the way.
//!
//! What must stay true: a file is taken up as a whole or not at all, as far as anybody sees: who meets an
//! error drops the partial result with all that is in it. No file makes this room panic, whatever is in
//! it, and the cost is linear in what it holds.

use std::collections::HashMap;
use std::io::{self, Read};

use super::frame::{FrameReader, Kind, invalid, rows, texts, values};
use super::head::Head;
use super::small::{
    Call, Covered, Delivered, DoneKey, Habit, Noted, OfResource, OpenKey, Rest, Told,
};
use crate::engine::context::Context;
use crate::engine::partial::Partial;
use crate::engine::partial::done::NO_FILE;
use crate::engine::partial::endpoint::Held;
use crate::engine::partial::fact::Fact;
use crate::engine::partial::group::GroupKey;
use crate::engine::partial::key_use::{KeyUse, flag};
use crate::engine::partial::pack::unpack;
use crate::engine::partial::touch::Touch;
use crate::engine::store::texts::{NOWHERE, TextAt};
use crate::model::files::File;

/// A file that is being read, up to its head.
pub struct PartReader<R> {
    frames: FrameReader<R>,
    head: Head,
}

impl<R: Read> PartReader<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// When it cannot be read, or is something else.
    pub fn new(from: R) -> io::Result<PartReader<R>> {
        let mut frames = FrameReader::new(from)?;
        let Some((Kind::Head, bytes)) = frames.next()? else {
            return Err(invalid("it does not begin with its head"));
        };
        let mut found = None;
        values(&bytes, |head: Head| {
            found = Some(head);
            Ok(())
        })?;
        let head = found.ok_or_else(|| invalid("its head is empty"))?;
        Ok(PartReader { frames, head })
    }

    /// What the file says of itself.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Adds everything to what is there; `file` is its number, if something was decided in it. Gives what is
    /// said of the run beside the tables.
    ///
    /// # Errors
    /// When it cannot be read, or is not as it was written.
    pub fn add_to(
        mut self,
        (context, file): (&Context<'_>, u32),
        partial: &mut Partial,
    ) -> io::Result<Rest> {
        let mut taking =
            Taking { context, file, partial, blobs: Vec::new(), heap: HashMap::new(), rest: None };
        while let Some((kind, bytes)) = self.frames.next()? {
            taking.take(kind, &bytes)?;
        }
        taking.rest.ok_or_else(|| invalid("its last table is missing"))
    }
}

/// What is known while a file is read.
struct Taking<'t, 'p> {
    context: &'t Context<'p>,
    file: u32,
    partial: &'t mut Partial,
    /// The numbers of blobs there and here, ascending.
    blobs: Vec<(u64, u64)>,
    /// Where the first text of what has a number there is here.
    heap: HashMap<u32, u64>,
    rest: Option<Rest>,
}

impl Taking<'_, '_> {
    fn take(&mut self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        let of_decided = [Kind::Counted, Kind::Done, Kind::Open, Kind::Habit, Kind::Found];
        if of_decided.contains(&kind) && self.file == NO_FILE {
            return Err(invalid("nothing was decided in it, and it says what was"));
        }
        match kind {
            Kind::Head | Kind::End => Err(invalid("a second head")),
            Kind::Name | Kind::UseWord | Kind::UseTexts | Kind::UseText | Kind::TouchWord => {
                self.take_text(kind, bytes)
            }
            Kind::Use | Kind::Touch | Kind::Fact | Kind::Looked | Kind::Object | Kind::Counted => {
                self.take_rows(kind, bytes)
            }
            Kind::Issued | Kind::Undoing => self.take_rows(kind, bytes),
            Kind::Kept | Kind::Group | Kind::Found | Kind::Endpoint | Kind::Call => {
                self.take_record(kind, bytes)
            }
            Kind::Rest => values(bytes, |rest: Rest| {
                self.add_rest(&rest);
                self.rest = Some(rest);
                Ok(())
            }),
            _ => self.take_small(kind, bytes),
        }
    }

    /// Names and texts.
    fn take_text(&mut self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        let Taking { context, partial, blobs, heap, .. } = self;
        match kind {
            Kind::Name => values(bytes, |(number, name): (u64, &str)| {
                if blobs.last().is_some_and(|(last, _)| *last >= number) {
                    return Err(invalid("names of blobs are not in order"));
                }
                blobs.push((number, context.names.add(name)));
                Ok(())
            }),
            Kind::UseTexts => values(bytes, |number: u32| {
                let begin = partial.uses.heap[0].len();
                match heap.insert(number, begin) {
                    None => Ok(()),
                    Some(_) => Err(invalid("two lists of texts have one number")),
                }
            }),
            Kind::UseText => texts(bytes, |text| partial.uses.heap[0].add(&[text]).map(|_| ())),
            _ => {
                let words = match kind {
                    Kind::UseWord => &mut partial.uses.words[0],
                    _ => &mut partial.touches.words[0],
                };
                texts(bytes, |text| words.name(|bytes| bytes.extend_from_slice(text)).map(|_| ()))
            }
        }
    }

    fn take_rows(&mut self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        let Taking { file, partial, blobs, heap, .. } = self;
        let blob = |number: u64| number_here(blobs, number);
        match kind {
            Kind::Use => {
                let number = partial.uses.heap[0].number();
                rows(bytes, |row: KeyUse| {
                    if row.is(flag::LEFT) && *file == NO_FILE {
                        return Err(invalid("nothing was decided in it, and it has what is left"));
                    }
                    let text = text_here((number, heap), row.text)?;
                    let row = row.renumbered(text, blob(row.blob)?);
                    partial.uses.rows.push(row);
                    Ok(())
                })
            }
            Kind::Touch => rows(bytes, |row: Touch| {
                partial.touches.rows.push(Touch { blob: blob(row.blob)?, ..row });
                Ok(())
            }),
            Kind::Fact => rows(bytes, |row: Fact| {
                partial.facts.push(Fact { blob: blob(row.blob)?, ..row });
                Ok(())
            }),
            Kind::Looked => rows(bytes, |row| {
                partial.looked.push(row);
                Ok(())
            }),
            Kind::Counted => rows(bytes, |row| {
                partial.counted.groups.push(row);
                Ok(())
            }),
            Kind::Object => rows(bytes, |row| {
                partial.objects.add_row(row);
                Ok(())
            }),
            Kind::Issued => rows(bytes, |row| {
                partial.issued.push(row);
                Ok(())
            }),
            _ => rows(bytes, |row| {
                partial.undoing.push(row);
                Ok(())
            }),
        }
    }

    /// What is known of single records.
    fn take_record(&mut self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        let Taking { context, partial, blobs, .. } = self;
        let rules = context.plan.rules.metas().len();
        let known = |key: &GroupKey| match key.rule < rules {
            true => Ok(()),
            false => Err(invalid("a finding is of a rule that there is not")),
        };
        match kind {
            Kind::Kept => texts(bytes, |entry| {
                partial.kept.add_entry(entry, |number| number_here(blobs, number))
            }),
            Kind::Group | Kind::Found => texts(bytes, |text| {
                let (key, group, count) =
                    unpack(text).ok_or_else(|| invalid("a finding is damaged"))?;
                known(&key)?;
                let groups = match kind {
                    Kind::Group => &mut partial.groups,
                    _ => &mut partial.found,
                };
                groups.add_counted(key, group, count);
                Ok(())
            }),
            Kind::Endpoint => texts(bytes, |text| {
                let mut held = Held::unpack(text).ok_or_else(|| invalid("a call is damaged"))?;
                known(&held.key)?;
                held.fact.blob = number_here(blobs, held.fact.blob)?;
                partial.network.hold(held);
                Ok(())
            }),
            _ => values(bytes, |Call(call)| {
                partial.network.note(call);
                Ok(())
            }),
        }
    }

    fn take_small(&mut self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        let (partial, file) = (&mut *self.partial, self.file);
        match kind {
            Kind::Done => values(bytes, |DoneKey(key)| {
                partial.done.keys.push((key, file));
                Ok(())
            }),
            Kind::Open => values(bytes, |OpenKey(key)| {
                partial.done.open.push((key, file));
                Ok(())
            }),
            Kind::Habit => values(bytes, |Habit(at, days)| {
                partial.done.habits.push((at, days));
                Ok(())
            }),
            Kind::Covered => values(bytes, |one: Covered| {
                let (place, seen) = one.seen();
                partial.coverage.add(place, &seen);
                Ok(())
            }),
            Kind::Delivery => values(bytes, |one: Delivered| {
                let (trail, one) = one.delivery();
                partial.deliveries.add(&trail, (&one.key, &one.bucket), one.times);
                Ok(())
            }),
            Kind::Tags => values(bytes, |one: OfResource| {
                let (arn, lists) = one.resource();
                partial.enriched.add_resource(&arn, lists);
                Ok(())
            }),
            Kind::File => values(bytes, |(name, bytes, sha256): (String, _, _)| {
                partial.objects.add_file(Some((name, File { bytes, sha256 })), 0);
                Ok(())
            }),
            Kind::Join => values(bytes, |(name, arn): (String, String)| {
                partial.uses.join(name, arn);
                Ok(())
            }),
            Kind::Problem => values(bytes, |told: Told| {
                partial.problems.add(told.problem());
                Ok(())
            }),
            Kind::Note => values(bytes, |noted: Noted| {
                let (message, records, origin) = noted.note();
                partial.notes.add(&message, records, origin);
                Ok(())
            }),
            Kind::Account => values(bytes, |text: Option<&str>| {
                partial.accounts.add_text(text);
                Ok(())
            }),
            _ => values(bytes, |text: Option<&str>| {
                partial.regions.add_text(text);
                Ok(())
            }),
        }
    }

    fn add_rest(&mut self, rest: &Rest) {
        let partial = &mut *self.partial;
        let [hours, notes, joins] = rest.cut;
        if hours {
            partial.coverage.cut();
        }
        if notes {
            partial.notes.cut();
        }
        if rest.overflow {
            partial.network.overflow();
        }
        partial.uses.joins_lost |= joins;
        rest.tags_bound.iter().for_each(|bound| partial.enriched.add_bound(bound.clone()));
        partial.problems.add_counted(rest.problems.0, rest.problems.1);
        partial.uses.unplaced = partial.uses.unplaced.saturating_add(rest.unplaced);
        partial.touches.too_long = partial.touches.too_long.saturating_add(rest.too_long);
        partial.objects.add_file(None, rest.files_left_out);
        partial.unmet.merge_open(&rest.unmet);
        if rest.nameless {
            partial.accounts.lack();
        }
        partial.counted.add(rest.duplicates, &rest.looked);
        partial.done.span(rest.days);
    }
}

/// The number that a blob has here.
fn number_here(blobs: &[(u64, u64)], number: u64) -> io::Result<u64> {
    let found = blobs.binary_search_by_key(&number, |(there, _)| *there);
    let found = found.ok().and_then(|at| blobs.get(at));
    found.map(|(_, here)| *here).ok_or_else(|| invalid("a row is of a blob without a name"))
}

/// Where a text is here.
fn text_here((number, heap): (u32, &HashMap<u32, u64>), text: TextAt) -> io::Result<TextAt> {
    if text == NOWHERE {
        return Ok(text);
    }
    let begin = u32::try_from(text.number()).ok().and_then(|there| heap.get(&there));
    let begin = begin.ok_or_else(|| invalid("a row has its text nowhere"))?;
    Ok(TextAt::at(number, begin.saturating_add(text.byte())))
}
