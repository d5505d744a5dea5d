//! Texts under keys, of any number, read back in the order of their keys.
//!
//! Whoever has too many texts to hold puts them away as a *stack*: sorted, one after the other. All
//! stacks are read side by side in the end, each from its beginning, so that each of its blocks is
//! inflated once.
//!
//! What must stay true: what comes out does not depend on how the texts were split into stacks. A
//! stack is there as a whole or not at all.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

use super::texts::{LastBlocks, TextAt, Texts};

/// What a text is found by, and sorted by.
pub type StackKey = [u64; 4];

/// Bytes of a key in front of its text.
const KEY: usize = 32;

/// Stacks that are read side by side: each has a block of 128 KiB in memory.
const SIDE_BY_SIDE: usize = 128;

/// Sorted stacks of texts.
#[derive(Debug, Default)]
pub struct Stacks(Vec<Shelf>);

/// The stacks that one worker has put away.
#[derive(Debug)]
struct Shelf {
    texts: Texts,
    stacks: Vec<Stack>,
}

/// Where a stack begins, and how many texts are in it.
#[derive(Debug, Clone, Copy)]
struct Stack {
    begin: TextAt,
    count: usize,
}

impl Stacks {
    /// Puts texts away, which come in the order of their keys.
    ///
    /// # Errors
    /// What `texts` says, and when they can be put neither into a file nor into memory. Then none of
    /// them is there.
    pub fn put(
        &mut self,
        texts: impl Iterator<Item = io::Result<(StackKey, Vec<u8>)>>,
    ) -> io::Result<()> {
        if self.0.is_empty() {
            self.0.push(Shelf { texts: Texts::new(0), stacks: Vec::new() });
        }
        let Some(shelf) = self.0.first_mut() else { return Ok(()) };
        let (mut begin, mut count) = (None, 0);
        for text in texts {
            let (key, text) = text?;
            let mut head = [0; KEY];
            for (bytes, word) in head.chunks_exact_mut(8).zip(key) {
                bytes.copy_from_slice(&word.to_le_bytes());
            }
            let at = shelf.texts.add(&[&head, &text])?;
            begin = begin.or(Some(at));
            count += 1;
        }
        shelf.stacks.extend(begin.map(|begin| Stack { begin, count }));
        Ok(())
    }

    /// Adds what another worker has put away.
    pub fn merge(&mut self, other: Stacks) {
        self.0.extend(other.0);
    }

    /// Why memory holds what a temporary file should.
    pub fn trouble(&self) -> Option<&io::Error> {
        self.0.iter().find_map(|shelf| shelf.texts.trouble())
    }

    /// How many stacks there are.
    fn len(&self) -> usize {
        self.0.iter().map(|shelf| shelf.stacks.len()).sum()
    }

    fn readers(&self) -> Vec<Reader<'_>> {
        let mut readers = Vec::with_capacity(self.len());
        for Shelf { texts, stacks } in &self.0 {
            readers.extend(stacks.iter().map(|stack| Reader {
                texts,
                at: stack.begin,
                left: stack.count,
                last: LastBlocks::default(),
                text: Vec::new(),
            }));
        }
        readers
    }

    /// Makes few of many stacks, so that memory is enough to read them side by side. Where there is
    /// no room for that, they stay as they are.
    fn narrow(&mut self, most: usize) {
        while self.len() > most.max(1) {
            match self.narrower(most.max(2)) {
                Ok(narrower) => *self = narrower,
                Err(_) => return,
            }
        }
    }

    fn narrower(&self, most: usize) -> io::Result<Stacks> {
        let (mut narrower, mut readers) = (Stacks::default(), self.readers().into_iter());
        loop {
            let some: Vec<Reader<'_>> = readers.by_ref().take(most).collect();
            if some.is_empty() {
                return Ok(narrower);
            }
            let mut merged = SideBySide::new(some)?;
            narrower.put(std::iter::from_fn(|| merged.next().transpose()))?;
        }
    }

    /// All texts in the order of their keys.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn in_order(&mut self) -> io::Result<SideBySide<'_>> {
        self.settle();
        self.read()
    }

    /// Makes few of many, before they are read.
    pub fn settle(&mut self) {
        self.narrow(SIDE_BY_SIDE);
    }

    /// All texts in the order of their keys, as often as it takes.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn read(&self) -> io::Result<SideBySide<'_>> {
        SideBySide::new(self.readers())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A stack that is being read.
struct Reader<'a> {
    texts: &'a Texts,
    at: TextAt,
    left: usize,
    last: LastBlocks,
    /// The text at hand, behind its key.
    text: Vec<u8>,
}

impl Reader<'_> {
    /// Takes the next text into the hand; its key.
    fn next(&mut self) -> io::Result<Option<StackKey>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        self.text = self.texts.get(self.at, &mut self.last)?;
        self.at = self.at.after(self.text.len());
        let head = self.text.first_chunk::<KEY>().ok_or(io::ErrorKind::UnexpectedEof)?;
        let (words, _) = head.as_chunks::<8>();
        let mut key = [0; 4];
        key.iter_mut().zip(words).for_each(|(word, bytes)| *word = u64::from_le_bytes(*bytes));
        Ok(Some(key))
    }
}

/// Stacks that are read side by side.
pub struct SideBySide<'a> {
    readers: Vec<Reader<'a>>,
    next: BinaryHeap<Reverse<(StackKey, usize)>>,
}

impl<'a> SideBySide<'a> {
    fn new(mut readers: Vec<Reader<'a>>) -> io::Result<SideBySide<'a>> {
        let mut next = BinaryHeap::new();
        for (at, reader) in readers.iter_mut().enumerate() {
            next.extend(reader.next()?.map(|key| Reverse((key, at))));
        }
        Ok(SideBySide { readers, next })
    }

    /// The key of the next text.
    pub fn peek(&self) -> Option<StackKey> {
        self.next.peek().map(|Reverse((key, _))| *key)
    }

    /// The next text.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn next(&mut self) -> io::Result<Option<(StackKey, Vec<u8>)>> {
        let Some(Reverse((key, at))) = self.next.pop() else { return Ok(None) };
        let Some(reader) = self.readers.get_mut(at) else { return Ok(None) };
        let mut text = std::mem::take(&mut reader.text);
        text.drain(..KEY);
        self.next.extend(reader.next()?.map(|key| Reverse((key, at))));
        Ok(Some((key, text)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(stacks: &mut Stacks) -> Vec<(StackKey, Vec<u8>)> {
        let mut read = stacks.in_order().unwrap();
        std::iter::from_fn(|| {
            let peeked = read.peek();
            let next = read.next().unwrap();
            assert_eq!(next.as_ref().map(|(key, _)| *key), peeked);
            next
        })
        .collect()
    }

    proptest! {
        #[test]
        fn texts_come_in_order_however_they_were_stacked(
            texts in prop::collection::vec((0..9u64, 0..200usize), 0..300),
            per in 1..40usize, shelves in 1..4usize, most in 1..6usize,
        ) {
            let mut parts: Vec<Stacks> = (0..shelves).map(|_| Stacks::default()).collect();
            let text = |(at, (key, len)): (usize, &(u64, usize))| ([*key, 1, at as u64, 0], vec![at as u8; *len]);
            let texts: Vec<_> = texts.iter().enumerate().map(text).collect();
            for (at, some) in texts.chunks(per).enumerate() {
                let mut some = some.to_vec();
                some.sort();
                parts[at % shelves].put(some.into_iter().map(Ok)).unwrap();
            }
            let mut stacks = parts.into_iter().reduce(|mut a, b| { a.merge(b); a }).unwrap();
            stacks.narrow(most);
            prop_assert!(stacks.len() <= most.max(1));
            let mut expected = texts;
            expected.sort();
            prop_assert_eq!(all(&mut stacks), expected);
        }
    }

    #[test]
    fn a_stack_that_cannot_be_written_whole_is_not_there() {
        let mut stacks = Stacks::default();
        stacks.put([([1; 4], vec![1])].into_iter().map(Ok)).unwrap();
        let broken = [Ok(([0; 4], vec![0])), Err(io::ErrorKind::StorageFull.into())];
        assert!(stacks.put(broken.into_iter()).is_err());
        stacks.put([([2; 4], vec![2])].into_iter().map(Ok)).unwrap();
        assert_eq!(all(&mut stacks), [([1; 4], vec![1]), ([2; 4], vec![2])]);
    }
}
