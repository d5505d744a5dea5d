//! Uses of keys as bytes, for the next run: rows with the texts that they name.
//!
//! ```text
//! form, in one byte; length of what follows, in four; compressed:
//!   words     their number; of each its length, and its bytes
//!   blobs     likewise
//!   rows      their number; of each its words, when the last one like it was, how many there were,
//!             the length of what lies behind it, and that
//! ```
//!
//! Names of texts are hashes under a key that runs hand on, so that they stay what they are. What
//! must stay true: the reader trusts nothing. A block is read as a whole or not at all, and no row
//! of it names a text that it does not have.

use std::collections::HashSet;
use std::io;

use super::key_use::{KeyUse, Matched, Reader, Writer, number_of};
use crate::engine::store::dictionary::{NONE, Sym, sym};
use crate::engine::store::hash::HashKey;
use crate::engine::store::runs::Row;
use crate::model::level::Level;

/// The form that is written and read.
const FORM: u8 = 1;
const LEVEL: i32 = 3;
/// No block is longer before it is compressed (64 MiB).
const LONGEST: usize = 64 << 20;

/// A use, without the texts that it shares with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockUse {
    /// The first record. In place of the blob's number it has the number of its name in the block.
    pub row: KeyUse,
    /// The time of the last one like it, microseconds since 1970.
    pub last: i64,
    /// How many there were; 0 of one that waits for a window.
    pub count: u64,
    /// What lies behind the row.
    pub behind: Vec<u8>,
}

/// Some uses, and all texts that they name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UseBlock {
    /// Entries of the dictionary.
    pub words: Vec<Vec<u8>>,
    /// Names of blobs.
    pub blobs: Vec<String>,
    pub uses: Vec<BlockUse>,
}

/// The names of the texts that a row needs to be understood.
pub fn names(row: &KeyUse) -> impl Iterator<Item = Sym> {
    let all = [row.key, row.who, row.call, row.purpose, row.client];
    all.into_iter().filter(|sym| *sym != NONE)
}

/// Writes matches with the ids of their rules, whose numbers are other ones in another run.
pub fn write_matches<'a>(matches: impl Iterator<Item = (&'a str, &'a Matched)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (id, Matched { level, foreign, .. }) in matches {
        let mut writer = Writer(&mut bytes);
        writer.text(Some(id)).number(number_of(&Level::ALL, level));
        writer.number(u32::try_from(foreign.len()).unwrap_or_default());
        for account in foreign.iter() {
            writer.text(Some(account));
        }
    }
    bytes
}

/// Reads them back; `rule_of` says which rule has an id, if there is one.
pub fn matches(bytes: &[u8], rule_of: impl Fn(&str) -> Option<usize>) -> Vec<Matched> {
    let mut reader = Reader(bytes);
    let mut all = Vec::new();
    while let Some(id) = reader.text() {
        let level = Level::ALL[reader.number() as usize % Level::ALL.len()];
        let of = 0..reader.number();
        let foreign = of.map_while(|_| reader.text().map(str::to_owned)).collect();
        all.extend(rule_of(id).map(|rule| Matched { rule, level, foreign }));
    }
    all
}

fn number(bytes: &mut Vec<u8>, number: usize) -> io::Result<()> {
    let number = u32::try_from(number).map_err(io::Error::other)?;
    Writer(bytes).number(number);
    Ok(())
}

fn put(bytes: &mut Vec<u8>, text: &[u8]) -> io::Result<()> {
    number(bytes, text.len())?;
    bytes.extend_from_slice(text);
    Ok(())
}

impl UseBlock {
    /// The block as bytes.
    ///
    /// # Errors
    /// When it is too long.
    pub fn write(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        number(&mut bytes, self.words.len())?;
        self.words.iter().try_for_each(|word| put(&mut bytes, word))?;
        number(&mut bytes, self.blobs.len())?;
        self.blobs.iter().try_for_each(|name| put(&mut bytes, name.as_bytes()))?;
        number(&mut bytes, self.uses.len())?;
        let mut words = [0; KeyUse::WORDS + 2];
        for used in &self.uses {
            used.row.write(&mut words[..KeyUse::WORDS]);
            words[KeyUse::WORDS..].copy_from_slice(&[used.last.cast_unsigned(), used.count]);
            words.iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
            put(&mut bytes, &used.behind)?;
        }
        if bytes.len() > LONGEST {
            return Err(io::Error::other("a block of uses is too long"));
        }
        let mut out = vec![FORM];
        number(&mut out, bytes.len())?;
        out.extend(zstd::bulk::compress(&bytes, LEVEL)?);
        Ok(out)
    }

    /// Reads a block whose names are hashes under `key`.
    ///
    /// # Errors
    /// When the bytes are no such block.
    pub fn read(bytes: &[u8], key: HashKey) -> io::Result<UseBlock> {
        let Some((&FORM, rest)) = bytes.split_first() else { return Err(odd()) };
        let mut rest = Reader(rest);
        let len = count(&mut rest)?;
        if len > LONGEST {
            return Err(odd());
        }
        let bytes = zstd::bulk::decompress(rest.0, len)?;
        let mut from = Reader(&bytes);
        let block = UseBlock {
            words: all(&mut from, |from| Ok(take(from)?.to_vec()))?,
            blobs: all(&mut from, |from| {
                String::from_utf8(take(from)?.to_vec()).map_err(io::Error::other)
            })?,
            uses: all(&mut from, use_of)?,
        };
        let known: HashSet<Sym> = block.words.iter().map(|word| sym(key, word)).collect();
        let is_whole = |used: &BlockUse| {
            let blob = usize::try_from(used.row.blob).is_ok_and(|at| at < block.blobs.len());
            let matches = Some(used.row.matches).filter(|name| *name != NONE);
            blob && names(&used.row).chain(matches).all(|name| known.contains(&name))
        };
        let whole = from.0.is_empty() && block.uses.iter().all(is_whole);
        if whole { Ok(block) } else { Err(odd()) }
    }
}

fn odd() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no block of uses that this version reads")
}

/// As many as the number says that comes first.
fn all<T>(
    from: &mut Reader<'_>,
    one: impl Fn(&mut Reader<'_>) -> io::Result<T>,
) -> io::Result<Vec<T>> {
    // Grows as bytes come, so that a number that lies takes no memory.
    let mut all = Vec::new();
    for _ in 0..count(from)? {
        all.push(one(from)?);
    }
    Ok(all)
}

/// A number that is there.
fn count(from: &mut Reader<'_>) -> io::Result<usize> {
    if from.0.len() < 4 { Err(odd()) } else { Ok(from.number() as usize) }
}

fn take<'a>(from: &mut Reader<'a>) -> io::Result<&'a [u8]> {
    let len = count(from)?;
    let (text, rest) = from.0.split_at_checked(len).ok_or_else(odd)?;
    from.0 = rest;
    Ok(text)
}

fn use_of(from: &mut Reader<'_>) -> io::Result<BlockUse> {
    const WORDS: usize = KeyUse::WORDS + 2;
    let (head, rest) = from.0.split_at_checked(WORDS * 8).ok_or_else(odd)?;
    from.0 = rest;
    let (head, _) = head.as_chunks::<8>();
    let words: Vec<u64> = head.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let (last, count) = (words[WORDS - 2].cast_signed(), words[WORDS - 1]);
    Ok(BlockUse {
        row: KeyUse::read(&words[..KeyUse::WORDS]),
        last,
        count,
        behind: take(from)?.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: u64 = 7;

    fn block(texts: Vec<Vec<u8>>, rows: Vec<(u64, i64, Vec<u8>)>) -> UseBlock {
        let key = HashKey::of_seed(KEY);
        let of =
            |at: u64| texts.get(at as usize % texts.len().max(1)).map_or(NONE, |t| sym(key, t));
        let uses = rows.into_iter().map(|(seed, last, behind)| {
            let mut row = KeyUse::empty();
            (row.key, row.who, row.purpose) = (of(seed), of(seed >> 8), of(seed >> 16));
            (row.used, row.time) = (seed, last);
            BlockUse { row: row.at(seed % 2, seed >> 20, seed), last, count: seed, behind }
        });
        UseBlock { uses: uses.collect(), words: texts, blobs: vec!["a".into(), "b".into()] }
    }

    fn blocks() -> impl Strategy<Value = UseBlock> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..20);
        let rows = prop::collection::vec((any::<u64>(), any::<i64>(), bytes()), 0..20);
        (prop::collection::vec(bytes(), 0..9), rows).prop_map(|(texts, rows)| block(texts, rows))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(block in blocks()) {
            let bytes = block.write().unwrap();
            prop_assert_eq!(UseBlock::read(&bytes, HashKey::of_seed(KEY)).unwrap(), block);
        }

        #[test]
        fn whatever_is_read_is_whole_or_refused(block in blocks(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let mut bytes = block.write().unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let _ = UseBlock::read(&bytes, HashKey::of_seed(KEY));
            prop_assert!(UseBlock::read(&bytes[..at], HashKey::of_seed(KEY)).is_err());
        }
    }

    #[test]
    fn matches_are_those_of_rules_by_their_ids() {
        let one = |rule, foreign: &[&str]| {
            let foreign = foreign.iter().map(|account| (*account).to_owned()).collect();
            Matched { rule, level: Level::High, foreign }
        };
        let all = [one(7, &[]), one(9, &["1", "2"]), one(3, &["4"])];
        let bytes = write_matches(["a", "b", "c"].into_iter().zip(&all));
        // In the next run one of them is gone, and the others have other numbers.
        let found = matches(&bytes, |id| ["c", "b"].iter().position(|other| *other == id));
        assert_eq!(found, [one(1, &["1", "2"]), one(0, &["4"])]);
        assert_eq!(matches(&bytes[..9], |_| Some(0)).len(), 1);
    }

    #[test]
    fn under_another_key_it_is_refused() {
        let block = block(vec![vec![1]], vec![(3, 4, vec![5])]);
        let bytes = block.write().unwrap();
        assert!(UseBlock::read(&bytes, HashKey::of_seed(KEY + 1)).is_err());
        assert!(UseBlock::read(&[], HashKey::of_seed(KEY)).is_err());
        assert!(UseBlock::read(&[FORM, 255, 255, 255, 255, 1], HashKey::of_seed(KEY)).is_err());
    }
}
