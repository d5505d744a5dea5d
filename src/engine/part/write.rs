//! A partial result to a file.
//!
//! What must stay true: whatever a conclusion may ask is written, in any order that the reader can take
//! up in one pass: names before the rows that have their numbers, texts before the rows that are at their
//! places.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::io::{self, Write};

use super::frame::{FrameWriter, Kind};
use super::head::{Given, Head};
use super::small::{
    Call, Covered, Delivered, DoneKey, Habit, Named, Noted, OfResource, OpenKey, Rest, Told,
};
use crate::engine::context::Context;
use crate::engine::partial::Partial;
use crate::engine::partial::groups::{Groups, Piece};
use crate::engine::partial::pack::pack;
use crate::engine::store::dictionary::{Same, Sym, Words};
use crate::engine::store::texts::Texts;

/// What becomes of findings in the making once they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// They are taken out, which costs nothing.
    TakenOut,
    /// They stay.
    Kept,
}

/// Writes all that was found. It stays as it is, but for what `then` says.
///
/// # Errors
/// When the file cannot be written, or a temporary file cannot be read back.
pub fn write(
    out: &mut dyn Write,
    (head, context): (&Head, &Context<'_>),
    partial: &mut Partial,
    (given, then): (&Given, Then),
) -> io::Result<()> {
    let mut to = FrameWriter::new(out)?;
    to.value(Kind::Head, head)?;
    context.names.each(|number, name| to.value(Kind::Name, &(number, name)))?;
    uses(&mut to, partial)?;
    touches(&mut to, partial)?;
    records(&mut to, partial, then)?;
    small(&mut to, partial)?;
    let (network, passed) = (&partial.network, given.passed);
    let rest = Rest {
        tags_bound: partial.enriched.bound().map(str::to_owned),
        cut: [partial.coverage.is_cut(), partial.notes.is_cut(), partial.uses.joins_lost],
        overflow: network.calls().is_none(),
        problems: (partial.problems.dropped(), partial.problems.lost()),
        unplaced: partial.uses.unplaced,
        too_long: partial.touches.too_long,
        files_left_out: partial.objects.files().map_or(0, |files| files.left_out),
        unmet: partial.unmet.open().map(|(kind, open)| (kind, open.to_vec())).collect(),
        passed: [passed.requests, passed.known, passed.outside, passed.left_alone],
        names: Named::of(&given.names),
        stopped: given.stopped,
        nameless: partial.accounts.is_lacking(),
        duplicates: partial.counted.duplicates,
        looked: partial.counted.looked.clone(),
        days: partial.done.days,
    };
    to.value(Kind::Rest, &rest)?;
    to.finish().map(|_| ())
}

/// Uses of keys, and the texts behind them.
fn uses<W: Write>(to: &mut FrameWriter<W>, partial: &Partial) -> io::Result<()> {
    words(to, Kind::UseWord, &partial.uses.words)?;
    heap(to, &partial.uses.heap)?;
    to.rows(Kind::Use, &partial.uses.rows)?;
    let done = &partial.done;
    done.keys.iter().try_for_each(|(key, _)| to.value(Kind::Done, &DoneKey(*key)))?;
    done.open.iter().try_for_each(|(key, _)| to.value(Kind::Open, &OpenKey(*key)))?;
    let habits = done.habits.iter();
    habits.map(|(at, days)| Habit(*at, *days)).try_for_each(|one| to.value(Kind::Habit, &one))?;
    let joins = &partial.uses.joins;
    joins.iter().try_for_each(|(name, arn)| to.value(Kind::Join, &(name, arn)))
}

/// What records say of keys.
fn touches<W: Write>(to: &mut FrameWriter<W>, partial: &Partial) -> io::Result<()> {
    words(to, Kind::TouchWord, &partial.touches.words)?;
    to.rows(Kind::Touch, &partial.touches.rows)
}

/// What is known of single records, and the findings in the making.
fn records<W: Write>(to: &mut FrameWriter<W>, partial: &mut Partial, then: Then) -> io::Result<()> {
    for texts in &partial.kept.texts {
        texts.each(|_, entry| to.text(Kind::Kept, entry))?;
    }
    groups(to, (Kind::Group, &mut partial.groups), then)?;
    groups(to, (Kind::Found, &mut partial.found), then)?;
    partial.network.each_held(|held| to.text(Kind::Endpoint, held))?;
    let calls = partial.network.calls();
    calls.into_iter().flatten().try_for_each(|call| to.value(Kind::Call, &Call(*call)))?;
    to.rows(Kind::Fact, &partial.facts)?;
    to.rows(Kind::Looked, &partial.looked)?;
    to.rows(Kind::Counted, &partial.counted.groups)?;
    to.rows(Kind::Object, partial.objects.rows())?;
    to.rows(Kind::Issued, &partial.issued)?;
    to.rows(Kind::Undoing, &partial.undoing)
}

/// Findings in the making.
fn groups<W: Write>(
    to: &mut FrameWriter<W>,
    (kind, groups): (Kind, &mut Groups),
    then: Then,
) -> io::Result<()> {
    let mut taken = groups.take_all();
    let mut all = taken.in_order()?;
    while let Some(Piece { key, group, count, .. }) = all.next()? {
        to.text(kind, &pack(&key, &group, count))?;
        if then == Then::Kept {
            groups.add_counted(key, group, count);
        }
    }
    Ok(())
}

/// What is bounded anyway.
fn small<W: Write>(to: &mut FrameWriter<W>, partial: &Partial) -> io::Result<()> {
    for (place, seen) in partial.coverage.places() {
        to.value(Kind::Covered, &Covered::of(place, seen))?;
    }
    for (trail, one) in partial.deliveries.rows() {
        to.value(Kind::Delivery, &Delivered::of(trail, one))?;
    }
    for (arn, lists) in partial.enriched.resources() {
        to.value(Kind::Tags, &OfResource::of(arn, lists))?;
    }
    let files = partial.objects.files().into_iter().flat_map(|files| &files.first);
    for (name, file) in files {
        to.value(Kind::File, &(name, file.bytes, &file.sha256))?;
    }
    for problem in partial.problems.kept() {
        to.value(Kind::Problem, &Told::of(problem))?;
    }
    for (message, records, origin) in partial.notes.rows() {
        to.value(Kind::Note, &Noted::of(message, records, origin))?;
    }
    partial.accounts.texts().try_for_each(|text| to.value(Kind::Account, &text))?;
    partial.regions.texts().try_for_each(|text| to.value(Kind::Region, &text))
}

/// Texts that come again and again, each once; their names follow from the key.
fn words<W: Write>(to: &mut FrameWriter<W>, kind: Kind, all: &[Words]) -> io::Result<()> {
    let mut known: HashSet<Sym, BuildHasherDefault<Same>> = HashSet::default();
    for words in all {
        words.each(|sym, text| if known.insert(sym) { to.text(kind, text) } else { Ok(()) })?;
    }
    Ok(())
}

/// Texts that do not, in the order of their places, behind the number of what holds them.
fn heap<W: Write>(to: &mut FrameWriter<W>, all: &[Texts]) -> io::Result<()> {
    for texts in all {
        to.value(Kind::UseTexts, &texts.number())?;
        texts.each(|_, text| to.text(Kind::UseText, text))?;
    }
    Ok(())
}
