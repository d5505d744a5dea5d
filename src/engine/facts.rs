//! A partial result to a list of all uses of keys, with their names, and of the records that were kept.
//!
//! What must stay true: memory is bounded, whatever was read; each use is given once, however often its
//! record was delivered, and only if it lies in the range. A kept record is given as often as it was read.

use std::io;
use std::sync::Arc;

use super::conclude::lookup::Lookup;
use super::conclude::notices::collision;
use super::context::Context;
use super::partial::Partial;
use super::partial::kept::{Kept, Label};
use super::partial::key_use::{Behind, KeyUse, flag};
use super::partial::uses::KeyUses;
use super::partial::uuid::uuid_text;
use super::store::dictionary::Dictionary;
use super::store::hash::HashKey;
use super::store::names::Names;
use super::store::runs::{Rows, SHARDS, Sharded};
use super::store::sorted::Sorted;
use super::store::texts::{AllTexts, LastBlocks};
use crate::model::occurrence::Place;
use crate::model::origin::Origin;
use crate::model::time::Time;
use crate::model::use_fact::UseFact;

/// All uses of keys that were read.
pub struct Uses {
    rows: Sharded<KeyUse>,
    dictionary: Dictionary,
    heap: AllTexts,
    names: Names,
    key: HashKey,
}

impl Uses {
    /// Takes them out of a partial result, so that nothing else is made of them. Their names are still to
    /// come, by [`with_names`](Uses::with_names).
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub(super) fn taken(context: &Context<'_>, partial: &mut Partial) -> io::Result<Uses> {
        let key = context.key;
        let uses = std::mem::replace(&mut partial.uses, KeyUses::new(1, key, 0));
        // They share the dictionary. What was undone is told of findings, and there are none.
        partial.undoing = Rows::new(1);
        let mut heap = AllTexts::default();
        uses.heap.into_iter().for_each(|texts| heap.add(texts));
        let (rows, dictionary) = (uses.rows.sharded(), Dictionary::new(uses.words)?);
        partial.problems.extend(collision(dictionary.collisions));
        Ok(Uses { rows, dictionary, heap, names: Names::default(), key })
    }

    /// With the names of the blobs where they were read.
    #[must_use]
    pub(super) fn with_names(self, names: Names) -> Uses {
        Uses { names, ..self }
    }

    /// Gives each use: those of one key near each other, in no order that is fixed.
    ///
    /// # Errors
    /// What `take` returned, and when a temporary file cannot be read back.
    pub fn each(&self, mut take: impl FnMut(&UseFact<'_>) -> io::Result<()>) -> io::Result<()> {
        let mut lookup = Lookup::new(&self.dictionary, self.key);
        let mut at_once = Vec::new();
        for shard in 0..SHARDS {
            let mut rows = self.rows.shard(shard).rows()?;
            let mut next = next_in_range(&mut rows)?;
            while let Some(row) = next {
                let mut one = One { row, copies: 1, origin: None };
                next = next_in_range(&mut rows)?;
                while let Some(copy) = next.filter(|next| next.is_copy_of(&row)) {
                    let known = one.origin.map_or_else(|| self.origin(&row), Ok)?;
                    one.origin = Some(known.min(self.origin(&copy)?));
                    one.copies += 1;
                    next = next_in_range(&mut rows)?;
                }
                at_once.push(one);
                if at_once.len() == AT_ONCE {
                    self.tell_all(&mut at_once, &mut lookup, &mut take)?;
                }
            }
        }
        self.tell_all(&mut at_once, &mut lookup, &mut take)
    }

    /// Tells some uses, in the order in which their texts lie there: each block of texts is unpacked once.
    fn tell_all(
        &self,
        some: &mut Vec<One>,
        lookup: &mut Lookup<'_>,
        take: &mut impl FnMut(&UseFact<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        some.sort_unstable_by_key(|one| one.row.text);
        let mut block = LastBlocks::default();
        // Neighbours were mostly read from one blob.
        let mut last: Option<(u64, Arc<str>)> = None;
        for One { row, copies, origin } in some.drain(..) {
            let behind = Behind::read(&self.heap.get(row.text, &mut block)?);
            let (blob, record) = row.place();
            let name = match last.take().filter(|(known, _)| *known == blob) {
                Some((_, name)) => name,
                None => self.names.get(blob)?,
            };
            let origin = origin.unwrap_or_else(|| Origin::record(Arc::clone(&name), record));
            last = Some((blob, name));
            tell(lookup, (&row, copies), (&origin, &behind), take)?;
        }
        Ok(())
    }

    fn origin(&self, row: &KeyUse) -> io::Result<Origin> {
        let (blob, record) = row.place();
        Ok(Origin::record(self.names.get(blob)?, record))
    }
}

/// All records that facts hold: uses of keys as rows, and others as their texts.
pub struct Records {
    uses: Uses,
    kept: Kept,
}

/// A record that was kept as its text.
#[derive(Debug)]
pub struct KeptRecord<'a> {
    /// Where it was read.
    pub place: Place,
    /// Keyed hash of its text: that of [`UseFact::content`] if it is a use too.
    pub content: u64,
    /// The record.
    pub text: &'a [u8],
}

impl Records {
    /// Takes them out of a partial result, so that nothing else is made of them. Their names are still to
    /// come, by [`with_names`](Records::with_names).
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub(super) fn taken(context: &Context<'_>, partial: &mut Partial) -> io::Result<Records> {
        let uses = Uses::taken(context, partial)?;
        Ok(Records { uses, kept: std::mem::replace(&mut partial.kept, Kept::new(0)) })
    }

    /// With the names of the blobs where they were read.
    #[must_use]
    pub(super) fn with_names(self, names: Names) -> Records {
        Records { uses: self.uses.with_names(names), ..self }
    }

    /// The uses.
    pub fn uses(&self) -> &Uses {
        &self.uses
    }

    /// Gives each record that was kept, in no order that is fixed, those before the range too.
    ///
    /// # Errors
    /// What `take` returned, and when a temporary file cannot be read back.
    pub fn each_kept(
        &self,
        mut take: impl FnMut(KeptRecord<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        // Neighbours were mostly read from one blob.
        let mut last: Option<(u64, Arc<str>)> = None;
        for texts in &self.kept.texts {
            texts.each(|_, entry| {
                let (Label { blob, record, content, .. }, text) = Label::read(entry)?;
                let name = match last.take().filter(|(known, _)| *known == blob) {
                    Some((_, name)) => name,
                    None => self.uses.names.get(blob)?,
                };
                let place = Place { blob: name.to_string(), record };
                last = Some((blob, name));
                take(KeptRecord { place, content, text })
            })?;
        }
        Ok(())
    }
}

/// So many uses are told at once (64 Ki).
const AT_ONCE: usize = 64 << 10;

/// A use that is still to be told.
struct One {
    row: KeyUse,
    copies: u64,
    /// The smallest place, if there are several.
    origin: Option<Origin>,
}

/// The next use in the range.
fn next_in_range(rows: &mut Sorted<KeyUse>) -> io::Result<Option<KeyUse>> {
    while let Some((row, _)) = rows.next()? {
        if row.is(flag::REPORTED) {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

fn tell(
    lookup: &mut Lookup<'_>,
    (row, copies): (&KeyUse, u64),
    (origin, behind): (&Origin, &Behind),
    take: &mut impl FnMut(&UseFact<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let (call, who) = (lookup.call(row.call)?, lookup.who(row.who)?);
    let (client, target) = (lookup.client(row.client)?, lookup.target(row)?);
    let id = row.is(flag::UUID).then(|| uuid_text(row.id));
    take(&UseFact {
        time: Time(row.time),
        event_id: id.as_deref().or(behind.id.as_deref()).filter(|id| !id.is_empty()),
        operation: &call.entry.name,
        account: call.entry.account.as_deref(),
        region: call.entry.region.as_deref(),
        failed: call.entry.attempt,
        error: behind.error.as_deref(),
        key: target.key.as_ref(),
        principal: &who.entry.principal,
        session: behind.session.as_deref(),
        actor: who.entry.actor.as_str(),
        access_key: behind.access_key.as_deref(),
        source_ip: client.source_ip.as_deref(),
        user_agent: client.user_agent.as_deref(),
        resource: target.resource.as_ref(),
        subject: behind.subject.as_deref(),
        has_context: target.has_context,
        content: row.content,
        copies,
        origin,
    })
}
