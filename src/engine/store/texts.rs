//! Texts that hardly ever come twice, such as the texts of records: written one after the other in
//! compressed blocks, and found by their place.
//!
//! What must stay true: memory is bounded by a few blocks and the list of blocks, whatever is written;
//! reading in the order of writing inflates each block once.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;

use zstd::bulk::Decompressor;

use super::bytes::Bytes;

/// Bytes of a block before it is compressed (128 KiB).
const BLOCK: usize = 128 << 10;
/// One of zstd's fast levels: every use has a text, so speed counts more than size.
const LEVEL: i32 = -4;
/// Compressed bytes in memory; beyond, they go to a temporary file (4 MiB).
const IN_MEMORY: usize = 4 << 20;

/// Where a text is: which [`Texts`] holds it, and at which byte of what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextAt(pub u64);

/// No text.
pub const NOWHERE: TextAt = TextAt(u64::MAX);

/// Bits for the byte; those above are the number of the [`Texts`].
const BYTE_BITS: u32 = 48;

impl TextAt {
    /// The number of the [`Texts`] that hold it.
    pub fn number(self) -> usize {
        usize::try_from(self.0 >> BYTE_BITS).unwrap_or(usize::MAX)
    }

    /// The byte at which it is.
    pub fn byte(self) -> u64 {
        self.0 & ((1 << BYTE_BITS) - 1)
    }

    /// The place at a byte of what those of a number hold.
    pub fn at(number: u32, byte: u64) -> TextAt {
        TextAt(u64::from(number) << BYTE_BITS | byte & ((1 << BYTE_BITS) - 1))
    }

    /// The place of the text that was written next, after one of `len` bytes.
    pub fn after(self, len: usize) -> TextAt {
        TextAt(self.0 + 4 + len as u64)
    }
}

/// Texts, each behind its length in four bytes.
#[derive(Debug)]
pub struct Texts {
    number: u64,
    /// The block at hand.
    open: Vec<u8>,
    /// Bytes in all blocks before it.
    begin: u64,
    blocks: Vec<Block>,
    /// Compressed blocks.
    packed: Bytes,
    packer: Option<Packer>,
}

/// A compressor that is kept from block to block.
struct Packer(zstd::bulk::Compressor<'static>);

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Packer")
    }
}

/// A block that is compressed.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// Bytes in all blocks before it.
    begin: u64,
    /// Bytes in it.
    len: usize,
    /// Where it is among the compressed ones.
    at: u64,
    packed: usize,
}

/// Bytes of blocks that are remembered, beside the one that was read last (1 MiB).
const REMEMBERED: usize = 1 << 20;

/// The blocks that were read last. Whoever reads texts in the order of something else goes back and forth
/// among a few of them.
#[derive(Debug, Default)]
pub struct LastBlocks(VecDeque<Inflated>);

/// A block that was read.
#[derive(Debug)]
struct Inflated {
    /// The number of the [`Texts`] it is of.
    number: u64,
    /// Bytes in all blocks before it.
    begin: u64,
    bytes: Vec<u8>,
}

impl LastBlocks {
    /// The block that holds a byte, if it is remembered. It is then the last that was read.
    fn find(&mut self, number: u64, byte: u64) -> Option<&Inflated> {
        let holds = |block: &Inflated| {
            block.number == number
                && (block.begin..block.begin + block.bytes.len() as u64).contains(&byte)
        };
        let at = self.0.iter().position(holds)?;
        if at > 0 {
            let block = self.0.remove(at)?;
            self.0.push_front(block);
        }
        self.0.front()
    }

    /// Remembers a block, and forgets those that were read longest ago.
    fn add(&mut self, block: Inflated) {
        let mut room = REMEMBERED;
        let mut fits = |block: &Inflated| match room.checked_sub(block.bytes.len()) {
            Some(rest) => {
                room = rest;
                true
            }
            None => false,
        };
        let kept = self.0.iter().map_while(|block| fits(block).then_some(())).count();
        self.0.truncate(kept);
        self.0.push_front(block);
    }
}

impl Texts {
    /// No texts. The number tells them from others.
    pub fn new(number: u32) -> Texts {
        Texts {
            number: u64::from(number),
            open: Vec::new(),
            begin: 0,
            blocks: Vec::new(),
            packed: Bytes::default(),
            packer: None,
        }
    }

    /// The number that tells them from others.
    pub fn number(&self) -> u32 {
        u32::try_from(self.number).unwrap_or(u32::MAX)
    }

    /// How many bytes were written: where the next text will be.
    pub fn len(&self) -> u64 {
        self.begin + self.open.len() as u64
    }

    /// Hands every text to `take`, in the order of writing.
    ///
    /// # Errors
    /// What `take` returns, or when the temporary file cannot be read.
    pub fn each(&self, mut take: impl FnMut(TextAt, &[u8]) -> io::Result<()>) -> io::Result<()> {
        for block in &self.blocks {
            let (begin, bytes) = self.block(block.begin)?;
            self.each_of(begin, &bytes, &mut take)?;
        }
        self.each_of(self.begin, &self.open, &mut take)
    }

    fn each_of(
        &self,
        begin: u64,
        mut bytes: &[u8],
        take: &mut impl FnMut(TextAt, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut at = begin;
        while let Some((head, rest)) = bytes.split_first_chunk::<4>() {
            let len = u32::from_le_bytes(*head) as usize;
            let (text, rest) = rest.split_at_checked(len).ok_or(io::ErrorKind::UnexpectedEof)?;
            take(TextAt(self.number << BYTE_BITS | at), text)?;
            at += 4 + len as u64;
            bytes = rest;
        }
        Ok(())
    }

    /// Keeps a text, whose pieces are put together.
    ///
    /// # Errors
    /// When it cannot be compressed, or the temporary file cannot be written and memory is full too.
    pub fn add(&mut self, pieces: &[&[u8]]) -> io::Result<TextAt> {
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        let head = u32::try_from(len).map_err(io::Error::other)?.to_le_bytes();
        if self.open.len() + len > BLOCK && !self.open.is_empty() {
            self.close()?;
        }
        let at = self.begin + self.open.len() as u64;
        self.open.extend_from_slice(&head);
        pieces.iter().for_each(|piece| self.open.extend_from_slice(piece));
        Ok(TextAt(self.number << BYTE_BITS | at))
    }

    /// Keeps the text that `write` writes.
    ///
    /// # Errors
    /// As [`add`](Texts::add).
    pub fn add_written(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<TextAt> {
        if self.open.len() >= BLOCK {
            self.close()?;
        }
        let start = self.open.len();
        self.open.extend_from_slice(&[0; 4]);
        write(&mut self.open);
        let len = u32::try_from(self.open.len() - start - 4);
        match (len, self.open.get_mut(start..start + 4)) {
            (Ok(len), Some(head)) => head.copy_from_slice(&len.to_le_bytes()),
            _ => {
                self.open.truncate(start);
                return Err(io::ErrorKind::InvalidInput.into());
            }
        }
        Ok(TextAt(self.number << BYTE_BITS | (self.begin + start as u64)))
    }

    /// Why memory holds what a temporary file should.
    pub fn trouble(&self) -> Option<&io::Error> {
        self.packed.spill.trouble()
    }

    /// Compresses the block at hand.
    fn close(&mut self) -> io::Result<()> {
        self.packed.spill.room(self.packed.held())?;
        let packer = match &mut self.packer {
            Some(packer) => packer,
            None => self.packer.insert(Packer(zstd::bulk::Compressor::new(LEVEL)?)),
        };
        let packed = packer.0.compress(&self.open)?;
        self.blocks.push(Block {
            begin: self.begin,
            len: self.open.len(),
            at: self.packed.len(),
            packed: packed.len(),
        });
        self.packed.add(&packed);
        self.begin += self.open.len() as u64;
        self.open.clear();
        if self.packed.held() > IN_MEMORY {
            self.packed.put_away();
        }
        Ok(())
    }

    /// The text at a place.
    ///
    /// # Errors
    /// When there is none, or the temporary file cannot be read.
    pub fn get(&self, at: TextAt, last: &mut LastBlocks) -> io::Result<Vec<u8>> {
        let byte = at.byte();
        if byte >= self.begin {
            return text_in(&self.open, byte - self.begin);
        }
        if let Some(block) = last.find(self.number, byte) {
            return text_in(&block.bytes, byte - block.begin);
        }
        let (begin, bytes) = self.block(byte)?;
        let text = text_in(&bytes, byte - begin);
        last.add(Inflated { number: self.number, begin, bytes });
        text
    }

    /// The block that holds a byte, and where it begins.
    fn block(&self, byte: u64) -> io::Result<(u64, Vec<u8>)> {
        let after = self.blocks.partition_point(|block| block.begin <= byte);
        let block = after.checked_sub(1).and_then(|at| self.blocks.get(at));
        let block = block.ok_or(io::ErrorKind::NotFound)?;
        let mut packed = vec![0; block.packed];
        self.packed.read(block.at, &mut packed)?;
        Ok((block.begin, unpack(&packed, block.len)?))
    }
}

/// Inflates a block. Each thread keeps its decompressor: to make one takes as long as a small block does.
fn unpack(packed: &[u8], len: usize) -> io::Result<Vec<u8>> {
    thread_local! {
        static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    UNPACKER.with_borrow_mut(|unpacker| {
        let unpacker = match unpacker {
            Some(unpacker) => unpacker,
            None => unpacker.insert(Decompressor::new()?),
        };
        unpacker.decompress(packed, len)
    })
}

/// The text behind its length.
fn text_in(block: &[u8], at: u64) -> io::Result<Vec<u8>> {
    let at = usize::try_from(at).map_err(io::Error::other)?;
    let rest = block.get(at..).and_then(<[u8]>::split_first_chunk::<4>);
    let (len, rest) = rest.ok_or(io::ErrorKind::UnexpectedEof)?;
    let text = rest.get(..u32::from_le_bytes(*len) as usize);
    Ok(text.ok_or(io::ErrorKind::UnexpectedEof)?.to_vec())
}

/// All texts, by the number of what holds them.
#[derive(Debug, Default)]
pub struct AllTexts(Vec<Texts>);

impl AllTexts {
    /// All of some.
    pub fn of(all: Vec<Texts>) -> AllTexts {
        let mut texts = AllTexts::default();
        all.into_iter().for_each(|some| texts.add(some));
        texts
    }

    /// What holds texts.
    pub fn into_parts(self) -> Vec<Texts> {
        self.0
    }

    /// What holds texts, each by itself.
    pub fn parts(&self) -> &[Texts] {
        &self.0
    }

    /// The first number from which on nothing is taken in yet.
    pub fn next(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX / 2)
    }

    /// Takes in texts whose number nobody else's have.
    pub fn add(&mut self, texts: Texts) {
        let number = usize::try_from(texts.number).unwrap_or(usize::MAX);
        while self.0.len() <= number {
            self.0.push(Texts::new(u32::try_from(self.0.len()).unwrap_or(u32::MAX)));
        }
        self.0[number] = texts;
    }

    /// The text at a place.
    ///
    /// # Errors
    /// When there is none, or a temporary file cannot be read.
    pub fn get(&self, at: TextAt, last: &mut LastBlocks) -> io::Result<Vec<u8>> {
        self.0.get(at.number()).ok_or(io::ErrorKind::NotFound)?.get(at, last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_from_the_block_at_hand_from_memory_and_from_the_file() {
        let mut texts = Texts::new(3);
        // What does not compress fills the memory sooner.
        let mut state = 1u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_le_bytes()
        };
        let long: Vec<u8> = (0..IN_MEMORY / 8 + 1).flat_map(|_| noise()).collect();
        let all: Vec<&[u8]> = vec![b"a", b"", &long, b"tr\xc3\xa9s", &long[..BLOCK], b"end"];
        let places: Vec<TextAt> = all.iter().map(|text| texts.add(&[text]).unwrap()).collect();
        assert!(texts.packed.has_file());
        let mut kept = AllTexts::default();
        kept.add(texts);
        let mut last = LastBlocks::default();
        for (place, text) in places.iter().zip(&all).rev() {
            assert_eq!(kept.get(*place, &mut last).unwrap(), *text);
        }
        let mut read = Vec::new();
        let all_of = kept.parts().iter().try_for_each(|texts| {
            texts.each(|at, text| {
                read.push((at, text.to_vec()));
                Ok(())
            })
        });
        all_of.unwrap();
        let written = places.iter().copied().zip(all.iter().map(|text| text.to_vec()));
        assert_eq!(read, written.collect::<Vec<_>>());
        assert!(kept.get(TextAt(9), &mut last).is_err());
        assert!(kept.get(NOWHERE, &mut last).is_err());
    }

    #[test]
    fn without_a_file_memory_holds_every_text() {
        let mut texts = Texts::new(3);
        let spill = &mut texts.packed.spill;
        assert!(spill.attempt(|| Err::<(), _>(io::ErrorKind::StorageFull.into())).is_none());
        // What does not compress fills the memory sooner.
        let noise = |mut state: u64| {
            let next = move || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state.to_le_bytes()
            };
            std::iter::repeat_with(next).take(BLOCK / 8).flatten().collect::<Vec<u8>>()
        };
        let count = (IN_MEMORY / BLOCK + 9) as u64;
        let places: Vec<TextAt> = (0..count).map(|n| texts.add(&[&noise(n)]).unwrap()).collect();
        assert!(!texts.packed.has_file() && texts.trouble().is_some());
        let mut last = LastBlocks::default();
        for (place, number) in places.iter().zip(0..) {
            assert!(texts.get(*place, &mut last).unwrap() == noise(number));
        }
    }

    #[test]
    fn blocks_are_remembered_as_long_as_there_is_room() {
        let mut texts = Texts::new(3);
        let places: Vec<TextAt> =
            (0..40u8).map(|n| texts.add(&[&vec![n; BLOCK / 2]]).unwrap()).collect();
        let mut last = LastBlocks::default();
        for round in 0..3u8 {
            for (place, n) in places.iter().zip(0..40u8).rev() {
                assert_eq!(texts.get(*place, &mut last).unwrap(), vec![n; BLOCK / 2], "{round}");
                let held: usize = last.0.iter().map(|block| block.bytes.len()).sum();
                assert!(held <= REMEMBERED + 2 * BLOCK, "{held}");
            }
        }
        assert!(last.0.len() > 4);
        // One that takes all the room is the only one.
        let long = texts.add(&[&vec![b'x'; 2 * REMEMBERED]]).unwrap();
        texts.add(&[b"end"]).unwrap();
        assert_eq!(texts.get(long, &mut last).unwrap().len(), 2 * REMEMBERED);
        // The first of all was forgotten long ago.
        texts.get(places[39], &mut last).unwrap();
        assert_eq!(last.0.len(), 1);
    }

    #[test]
    fn pieces_are_one_text() {
        let mut texts = Texts::new(0);
        let place = texts.add(&[b"a", b"b"]).unwrap();
        assert_eq!(texts.get(place, &mut LastBlocks::default()).unwrap(), b"ab");
    }
}
