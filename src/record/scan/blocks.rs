//! The scan on 64 bytes at a time: JSON's grammar as arithmetic on bit masks.
//!
//! A [`Masks`] says of each of 64 bytes what it is; everything else here is plain arithmetic on
//! `u64`, the same for every processor. Bit `i` stands for byte `i` of the block.
//!
//! The grammar of compact JSON is local but for two things. Which byte may follow which is a
//! shift and an and-not. Whether a string is a key follows from what stands before it (`{`, or a
//! comma inside an object), and is carried to its closing quote by letting an addition ripple
//! through the run of in-string bits. Only brackets need a stack, and there are few of them.
//! White space, brackets deeper than 60 and anything wrong make the verdict `Unsure`: never a
//! guess, always a question to the plain validator.

use super::lanes::Lanes;
use super::marks::{Flags, Index, Verdict};
use super::masks::{Masks, escapes, prefix_xor};

/// [`super::Scan`] for processors without a module of their own.
pub fn scan_portable(text: &[u8], index: &mut Index) -> Option<(usize, Verdict)> {
    let mut machine = Machine::new(text, index);
    let (blocks, _) = text.as_chunks::<64>();
    for block in blocks {
        machine.make_room();
        if let Some(end) = machine.step(block, &Masks::portable(block), prefix_xor, Lanes::check) {
            return Some(end);
        }
    }
    machine.last(Masks::portable, prefix_xor, Lanes::check)
}

/// [`Lanes::check`], compiled for some processor.
pub(super) type Check = fn(&mut Lanes, &[u8], usize, u64) -> u64;

/// How deep brackets may nest before the verdict is left to the plain validator.
const DEEPEST: u32 = 60;

/// One record's scan, block by block: where it ends, and where its top-level colons are.
///
/// Everything that must follow the text byte by byte is here; the rest of the grammar is looked at
/// by [`Lanes`] for many blocks at once.
pub(super) struct Machine<'a> {
    text: &'a [u8],
    colons: &'a mut Vec<u32>,
    marked: &'a mut usize,
    flags: &'a mut Flags,
    lanes: &'a mut Lanes,
    /// How many colons are marked.
    found: usize,
    base: usize,
    depth: u32,
    /// One bit a bracket that is open, the innermost last: 1 for `[`.
    arrays: u64,
    /// 1 when the next byte is escaped.
    escape: u64,
    /// All ones when the next byte is inside a string.
    in_string: u64,
    unsure: u64,
    high: u64,
    escaped_keys: u64,
}

/// Which bytes of a block stand directly in an array, or directly in the record.
struct Regions {
    array: u64,
    top: u64,
    /// The bit of the bracket that closes the record.
    end: Option<u32>,
}

impl<'a> Machine<'a> {
    #[inline(always)]
    pub(super) fn new(text: &'a [u8], index: &'a mut Index) -> Self {
        let Index { buffer: colons, marked, flags, lanes } = index;
        *marked = 0;
        let lanes = lanes.get_or_insert_default();
        lanes.restart();
        Machine {
            text,
            colons,
            marked,
            found: 0,
            flags,
            lanes,
            base: 0,
            depth: 0,
            arrays: 0,
            escape: 0,
            in_string: 0,
            unsure: 0,
            high: 0,
            escaped_keys: 0,
        }
    }

    /// The bytes behind the last whole block, filled up with spaces.
    #[inline(always)]
    pub(super) fn last(
        mut self,
        classify: impl Fn(&[u8; 64]) -> Masks,
        prefix: impl Fn(u64) -> u64,
        check: Check,
    ) -> Option<(usize, Verdict)> {
        self.make_room();
        let mut block = [b' '; 64];
        let rest = &self.text[self.base..];
        block[..rest.len()].copy_from_slice(rest);
        self.step(&block, &classify(&block), prefix, check)
    }

    /// Makes room for the marks of one more block. Apart from [`step`](Machine::step), which calls
    /// nothing while vectors are in use: a call would have them put aside and fetched back.
    #[inline(always)]
    pub(super) fn make_room(&mut self) {
        if self.colons.len() < self.found + 64 {
            self.colons.resize(2 * self.found + 256, 0);
        }
    }

    /// Takes in one block; the record's length and verdict when it ends there.
    #[inline(always)]
    pub(super) fn step(
        &mut self,
        block: &[u8; 64],
        m: &Masks,
        prefix: impl Fn(u64) -> u64,
        check: Check,
    ) -> Option<(usize, Verdict)> {
        let mut escaped = 0;
        if m.backslash | self.escape != 0 {
            let found = escapes(self.text, self.base, m.backslash, self.escape);
            (escaped, self.escape) = (found.escaped, found.next);
            self.unsure |= found.wrong;
        }
        let quote = m.quote & !escaped;
        let string = prefix(quote) ^ self.in_string;
        // From the last bit to all bits, by the sign.
        self.in_string = (string.cast_signed() >> 63).cast_unsigned();
        let regions = self.regions(block, (m.open | m.close) & !string, m.open);
        self.high |= m.high;
        self.escaped_keys |= m.backslash & regions.top;
        let mut colons = m.colon & !string & regions.top;
        while colons != 0 {
            #[allow(clippy::cast_possible_truncation)]
            {
                self.colons[self.found] = (self.base + colons.trailing_zeros() as usize) as u32;
            }
            self.found += 1;
            colons &= colons - 1;
        }
        let full = self.lanes.push(m, quote, string, regions.array);
        if let Some(bit) = regions.end {
            return Some(self.finish(bit, m, check));
        }
        if full {
            self.unsure |= check(self.lanes, self.text, self.base, u64::MAX);
        }
        self.base += 64;
        None
    }

    #[inline(always)]
    fn finish(&mut self, bit: u32, m: &Masks, check: Check) -> (usize, Verdict) {
        let behind = (u64::MAX - 1) << bit;
        self.unsure |= check(self.lanes, self.text, self.base, !behind);
        // The bytes behind the record are in this block only, and looked at again where they count.
        let high_behind = m.high & behind != 0;
        let high = if high_behind { self.high_before(bit) } else { self.high != 0 };
        *self.flags = Flags { escaped_keys: self.escaped_keys != 0, high };
        *self.marked = self.found;
        let verdict = if self.unsure == 0 { Verdict::Sound } else { Verdict::Unsure };
        (self.base + bit as usize + 1, verdict)
    }

    /// Whether a byte of the record is above 0x7f, when one behind it is.
    #[cold]
    fn high_before(&self, bit: u32) -> bool {
        !self.text[..=self.base + bit as usize].is_ascii()
    }

    /// Follows the brackets of a block.
    #[inline(always)]
    fn regions(&mut self, block: &[u8; 64], mut brackets: u64, open: u64) -> Regions {
        let mut regions = Regions {
            array: (self.arrays & 1).wrapping_neg(),
            top: u64::from(self.depth == 1).wrapping_neg(),
            end: None,
        };
        while brackets != 0 {
            let i = brackets.trailing_zeros();
            brackets &= brackets - 1;
            // `[` and `]` lack the bit that `{` and `}` have.
            let square = u64::from(block[i as usize & 63] & 0x20 == 0);
            // What stands behind the bracket is what the bracket opened or went back to.
            let behind = (u64::MAX - 1) << i;
            if open >> i & 1 == 1 {
                self.depth += 1;
                self.arrays = self.arrays << 1 | square;
                self.unsure |= u64::from(self.depth > DEEPEST);
            } else {
                self.unsure |= square ^ self.arrays & 1;
                self.depth -= 1;
                self.arrays >>= 1;
                if self.depth == 0 {
                    regions.top &= !behind;
                    regions.end = Some(i);
                    return regions;
                }
            }
            let array = (self.arrays & 1).wrapping_neg();
            let top = u64::from(self.depth == 1).wrapping_neg();
            regions.array = regions.array & !behind | array & behind;
            regions.top = regions.top & !behind | top & behind;
        }
        regions
    }
}
