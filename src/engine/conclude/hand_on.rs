//! What the next run gets: uses of keys in blocks, and records with their texts.
//!
//! What a rule still needs and has no room is a problem, whoever's it is. What is older than any rule
//! looks back is only counted.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;

use super::crowded::without_crowds;
use super::shares::{Asking, Cut, Room, each, share};
use crate::engine::context::{Context, TAGS_REACH};
use crate::engine::evaluate::Parser;
use crate::engine::partial::handed::{ByText, Claim, HandedRecord, HandedUse, WAITS};
use crate::engine::partial::key_use::{self, Call, Who};
use crate::engine::partial::retained::{Kept, is_over};
use crate::engine::partial::use_block::{BlockUse, UseBlock, names, write_matches};
use crate::engine::store::dictionary::{Dictionary, NONE, Sym, sym};
use crate::engine::store::names::Names;
use crate::engine::store::runs::{Rows, SHARDS, Sharded};
use crate::engine::store::texts::{AllTexts, LastBlocks};
use crate::model::memory::{LostTags, Recalled, Span, Uses};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::tags::extract::extract;
use crate::tags::lost::Lost;

/// For uses: of a million or two, with their texts (512 MiB before they are compressed).
const USES: Room = Room { all: 512 << 20, account: 256 << 20, principal: 64 << 20 };
/// What a use takes beside the texts that others name too, in bytes.
const USE: u64 = 192;
/// For uses that wait for a window (256 MiB).
const WAITING_USES: Room = Room { all: 256 << 20, account: 128 << 20, principal: 64 << 20 };
/// For records that say what lasts (128 MiB).
const LASTING: Room = Room { all: 128 << 20, account: 64 << 20, principal: 32 << 20 };
/// For records that wait for a window (64 MiB).
const WAITING: Room = Room { all: 64 << 20, account: 64 << 20, principal: 32 << 20 };
/// Uses in one block.
const IN_BLOCK: usize = 1 << 12;

/// What the next run gets.
#[derive(Debug, Default)]
pub struct HandedOn {
    pub uses: Uses,
    pub recalled: Vec<Recalled>,
    /// Tag changes that had no room in this run or an earlier one.
    pub lost_tags: LostTags,
    /// What earlier runs have left and no rule needs any more.
    pub aged: u64,
    /// What rules still need and has no room.
    pub forgotten: u64,
    /// The times of records that were read and not judged.
    pub left_out: Option<Span>,
    pub problems: Vec<Problem>,
}

/// What is looked up meanwhile.
pub struct Shelves<'a> {
    pub context: &'a Context<'a>,
    pub dictionary: &'a Dictionary,
    /// The texts behind uses.
    pub heap: &'a AllTexts,
}

impl HandedOn {
    /// Hands on uses.
    ///
    /// # Errors
    /// When a temporary file cannot be used.
    pub fn add_uses(&mut self, shelves: &Shelves<'_>, rows: Rows<HandedUse>) -> io::Result<()> {
        let limits = shelves.context.plan.limits;
        let limit = limits.uses;
        let (rows, crowds) = without_crowds(rows.sharded(), limits.window, limit)?;
        let name = |row: &HandedUse| {
            let who = Who::read(&shelves.dictionary.text(row.row.who)?).principal;
            let call = Call::read(&shelves.dictionary.text(row.row.call)?);
            Ok(who.arn.or(who.invoked_by).or(call.account).unwrap_or_default())
        };
        self.lose("kinds of use of one key", &crowds, name)?;
        let mut taken = Rows::new(limit);
        for (waits, room, what) in [
            (false, USES, "uses of keys"),
            (true, WAITING_USES, "uses of keys that wait for others"),
        ] {
            let taking = Rows::new(limit);
            let mut taking = OfUses { shelves, waits, seen: HashSet::new(), taken: taking };
            let cut = share(&rows, room, &mut taking)?;
            taken.merge(taking.taken);
            self.lose(what, &cut, name)?;
        }
        self.uses = blocks(shelves, &taken.sharded())?;
        Ok(())
    }

    /// Hands on records.
    ///
    /// # Errors
    /// When a temporary file cannot be used.
    pub fn add_records(&mut self, shelves: &Shelves<'_>, kept: Kept) -> io::Result<()> {
        let rows = kept.rows.sharded();
        let mut texts = AllTexts::default();
        kept.texts.into_iter().for_each(|some| texts.add(some));
        self.aged += kept.aged;
        each(&rows, |row: HandedRecord| {
            self.aged += u64::from(row.recalled && is_over(&row, kept.until));
            Ok(())
        })?;
        let name = |row: &HandedRecord| {
            let name = String::from_utf8(shelves.dictionary.text(row.owner.1)?);
            name.map_err(io::Error::other)
        };
        let limit = shelves.context.plan.limits.retained;
        let (mut taken, mut left) = (Vec::new(), Rows::new(limit));
        for (lasts, room, what) in [
            (true, LASTING, "records of tags, policies and the life of keys"),
            (false, WAITING, "records that wait for others"),
        ] {
            let mut taking =
                OfRecords { lasts, until: kept.until, taken: Vec::new(), left: Rows::new(limit) };
            let cut = share(&rows, room, &mut taking)?;
            taken.extend(taking.taken);
            left.merge(taking.left);
            self.lose(what, &cut, name)?;
        }
        self.recalled = recalled(&shelves.context.names, &texts, taken)?;
        self.lost_tags = lost_tags(shelves.context, &texts, &left.sharded(), kept.until)?;
        Ok(())
    }

    /// Says what had no room.
    fn lose<T: Claim>(
        &mut self,
        what: &str,
        cut: &Cut<T>,
        name: impl Fn(&T) -> io::Result<String>,
    ) -> io::Result<()> {
        let Some((_, row)) = &cut.most else { return Ok(()) };
        self.forgotten += cut.rows;
        let who = match (name(row)?, cut.owners - 1) {
            (who, 0) => who,
            (who, more) => format!("{who} and {more} others"),
        };
        let message = format!(
            "more {what} than have room in the state: the oldest {} of those by {who} are left out, \
             so that rules over many records will miss them in later runs",
            cut.rows
        );
        self.problems.push(Problem::new(Origin::blob("*"), Stage::Rule, message));
        Ok(())
    }
}

/// Takes uses.
struct OfUses<'a> {
    shelves: &'a Shelves<'a>,
    /// Whether they wait for a window.
    waits: bool,
    /// Texts that the principal at hand has named.
    seen: HashSet<Sym>,
    taken: Rows<ByText<HandedUse>>,
}

impl Asking<HandedUse> for OfUses<'_> {
    fn asks(&self, row: &HandedUse) -> bool {
        (row.count == WAITS) == self.waits
    }

    fn room(&mut self, row: &HandedUse, begins: bool) -> io::Result<u64> {
        self.shelves.context.go_on()?;
        if begins {
            self.seen.clear();
        }
        let mut room = USE;
        for name in names(&row.row) {
            if self.seen.insert(name) {
                room += self.shelves.dictionary.length(name)?;
            }
        }
        Ok(room)
    }

    fn take(&mut self, row: HandedUse) -> io::Result<()> {
        self.taken.push(ByText(row));
        Ok(())
    }
}

fn blocks(shelves: &Shelves<'_>, taken: &Sharded<ByText<HandedUse>>) -> io::Result<Uses> {
    let mut uses = Uses::default();
    let mut last = LastBlocks::default();
    let mut block = Vec::new();
    for shard in 0..SHARDS {
        let mut rows = taken.shard(shard).rows()?;
        while let Some((ByText(row), _)) = rows.next()? {
            block.push((row, shelves.heap.get(row.row.text, &mut last)?));
            if block.len() >= IN_BLOCK {
                uses.count += block.len() as u64;
                uses.blocks.push(use_block(shelves, std::mem::take(&mut block))?);
            }
        }
    }
    if !block.is_empty() {
        uses.count += block.len() as u64;
        uses.blocks.push(use_block(shelves, block)?);
    }
    Ok(uses)
}

fn use_block(shelves: &Shelves<'_>, rows: Vec<(HandedUse, Vec<u8>)>) -> io::Result<Vec<u8>> {
    let named: BTreeSet<Sym> = rows.iter().flat_map(|(row, _)| names(&row.row)).collect();
    let mut words: Vec<Vec<u8>> =
        named.iter().map(|name| shelves.dictionary.text(*name)).collect::<io::Result<_>>()?;
    let waiting = rows.iter().filter(|(row, _)| row.count == WAITS);
    let mut matches: BTreeMap<Sym, Sym> = BTreeMap::new();
    for name in waiting.map(|(row, _)| row.row.matches).collect::<BTreeSet<Sym>>() {
        let word = handed_matches(shelves.context, &shelves.dictionary.text(name)?);
        matches.insert(name, sym(shelves.context.key, &word));
        words.push(word);
    }
    let blobs: BTreeSet<u64> = rows.iter().map(|(row, _)| row.row.blob).collect();
    let blobs: Vec<u64> = blobs.into_iter().collect();
    let uses = rows.into_iter().map(|(HandedUse { row, last, count, .. }, behind)| {
        let blob = blobs.binary_search(&row.blob).unwrap_or_default() as u64;
        let matches = matches.get(&row.matches).copied().filter(|_| count == WAITS);
        let row = row.handed_on(blob, matches.unwrap_or(NONE));
        BlockUse { row, last: last.0, count, behind }
    });
    let uses = uses.collect();
    let names = &shelves.context.names;
    let blobs = blobs.iter().map(|blob| Ok(names.get(*blob)?.to_string()));
    UseBlock { words, uses, blobs: blobs.collect::<io::Result<_>>()? }.write()
}

/// Matches of a use with the ids of their rules, whose numbers are other ones in another run.
fn handed_matches(context: &Context<'_>, bytes: &[u8]) -> Vec<u8> {
    let matches = key_use::matches(bytes);
    let metas = context.plan.rules.metas();
    let by_id = matches.iter().filter_map(|one| Some((metas.get(one.rule)?.id.as_str(), one)));
    write_matches(by_id)
}

/// Takes records of one kind.
struct OfRecords {
    /// Whether they say what lasts.
    lasts: bool,
    /// A record that reaches less far is needed no more.
    until: i64,
    taken: Vec<HandedRecord>,
    /// Those that change tags and have no room.
    left: Rows<ByText<HandedRecord>>,
}

impl Asking<HandedRecord> for OfRecords {
    fn asks(&self, row: &HandedRecord) -> bool {
        row.lasts == self.lasts && !is_over(row, self.until)
    }

    fn room(&mut self, row: &HandedRecord, _begins: bool) -> io::Result<u64> {
        Ok(row.room)
    }

    fn take(&mut self, row: HandedRecord) -> io::Result<()> {
        self.taken.push(row);
        Ok(())
    }

    fn leave(&mut self, row: HandedRecord) {
        if row.tags {
            self.left.push(ByText(row));
        }
    }
}

/// Adds the resources whose tags records without room have changed to those that earlier runs have
/// lost: nobody may take their tags for known.
fn lost_tags(
    context: &Context<'_>,
    texts: &AllTexts,
    left: &Sharded<ByText<HandedRecord>>,
    until: i64,
) -> io::Result<LostTags> {
    let none = LostTags::default();
    let before = context.plan.past.as_ref().map_or(&none, |past| &past.memory.lost_tags);
    let most = context.plan.limits.tags as u64;
    let mut lost = Lost::going_on(most, context.key.seed(), before);
    let (mut parser, mut last) = (Parser::default(), LastBlocks::default());
    for shard in 0..SHARDS {
        let mut rows = left.shard(shard).rows()?;
        while let Some((ByText(row), _)) = rows.next()? {
            context.go_on()?;
            let text = texts.get(row.text, &mut last)?;
            let changes = parser.read(0, &text, |record| extract(&record.view).changes);
            for (arn, _) in changes.unwrap_or_default() {
                lost.mark(&arn, Time(row.time.0));
            }
        }
    }
    Ok(lost.handed_on(Time(until.saturating_sub(TAGS_REACH))))
}

fn recalled(
    names: &Names,
    texts: &AllTexts,
    mut rows: Vec<HandedRecord>,
) -> io::Result<Vec<Recalled>> {
    // In the order of writing, so that each block is read once.
    rows.sort_unstable_by_key(|row| row.text);
    let mut last = LastBlocks::default();
    let mut recalled = Vec::with_capacity(rows.len());
    for row in rows {
        recalled.push(Recalled {
            origin: Origin::record(names.get(row.place.0)?, row.place.1),
            text: texts.get(row.text, &mut last)?,
            reported: row.reported,
            last: None,
            count: 1,
        });
    }
    // In an order that no hash decides.
    recalled.sort_unstable();
    Ok(recalled)
}
