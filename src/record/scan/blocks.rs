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

use super::{Index, Verdict};

/// What each of 64 bytes is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Masks {
    /// `"`
    pub quote: u64,
    /// `\`
    pub backslash: u64,
    /// `{` and `[`
    pub open: u64,
    /// `{`
    pub brace: u64,
    /// `}` and `]`
    pub close: u64,
    /// `:`
    pub colon: u64,
    /// `,`
    pub comma: u64,
    /// Below 0x20.
    pub control: u64,
    /// 0x20.
    pub space: u64,
    /// Above 0x7f.
    pub high: u64,
}

impl Masks {
    /// Classifies byte by byte, on any processor.
    pub fn portable(block: &[u8; 64]) -> Masks {
        let mut m = Masks::default();
        for (i, &byte) in block.iter().enumerate() {
            let bit = 1u64 << i;
            match byte {
                b'"' => m.quote |= bit,
                b'\\' => m.backslash |= bit,
                b'{' => {
                    m.open |= bit;
                    m.brace |= bit;
                }
                b'[' => m.open |= bit,
                b'}' | b']' => m.close |= bit,
                b':' => m.colon |= bit,
                b',' => m.comma |= bit,
                b' ' => m.space |= bit,
                0..=0x1f => m.control |= bit,
                0x80.. => m.high |= bit,
                _ => {}
            }
        }
        m
    }
}

/// Bit `i` is the exclusive or of bits `0..=i`: turns quotes into "inside a string".
pub fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// [`super::Scan`] for processors without a module of their own.
pub fn scan_portable(text: &[u8], index: &mut Index) -> Option<(usize, Verdict)> {
    let mut machine = Machine::new(text, index);
    let (blocks, _) = text.as_chunks::<64>();
    for block in blocks {
        if let Some(end) = machine.step(block, &Masks::portable(block), prefix_xor) {
            return Some(end);
        }
    }
    machine.last(Masks::portable, prefix_xor)
}

/// How deep brackets may nest before the verdict is left to the plain validator.
const DEEPEST: u32 = 60;

/// One record's scan, block by block: where it ends, and where its top-level colons are.
///
/// Everything that must follow the text byte by byte is here; the rest of the grammar is looked at
/// by [`Lanes`] for many blocks at once.
pub(super) struct Machine<'a> {
    text: &'a [u8],
    index: &'a mut Index,
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
        index.clear();
        index.lanes.restart();
        Machine {
            text,
            index,
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
    ) -> Option<(usize, Verdict)> {
        let mut block = [b' '; 64];
        let rest = &self.text[self.base..];
        block[..rest.len()].copy_from_slice(rest);
        self.step(&block, &classify(&block), prefix)
    }

    /// Takes in one block; the record's length and verdict when it ends there.
    #[inline(always)]
    pub(super) fn step(
        &mut self,
        block: &[u8; 64],
        m: &Masks,
        prefix: impl Fn(u64) -> u64,
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
            self.index.colons.push((self.base + colons.trailing_zeros() as usize) as u32);
            colons &= colons - 1;
        }
        let full = self.index.lanes.push(m, quote, string, regions.array);
        if let Some(bit) = regions.end {
            return Some(self.finish(bit, m));
        }
        if full {
            self.unsure |= self.index.lanes.check(self.text, self.base, u64::MAX);
        }
        self.base += 64;
        None
    }

    #[inline(always)]
    fn finish(&mut self, bit: u32, m: &Masks) -> (usize, Verdict) {
        let behind = (u64::MAX - 1) << bit;
        self.unsure |= self.index.lanes.check(self.text, self.base, !behind);
        // The bytes behind the record are in this block only, and looked at again where they count.
        self.index.high =
            self.high & !(m.high & behind) != 0 || self.high != 0 && self.high_before();
        self.index.escaped_keys = self.escaped_keys != 0;
        let verdict = if self.unsure == 0 { Verdict::Sound } else { Verdict::Unsure };
        (self.base + bit as usize + 1, verdict)
    }

    /// Whether a byte of the blocks before this one is above 0x7f.
    #[cold]
    fn high_before(&self) -> bool {
        !self.text[..self.base].is_ascii()
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

/// How many blocks are checked at once.
const LANES: usize = 64;

/// How many lanes the widest vectors hold.
const GROUP: usize = 8;

/// The masks of many blocks, one lane a block, lane 0 the block before the first.
///
/// JSON's grammar is a question of what stands behind what, which is the same arithmetic for every
/// lane: the compiler turns these loops into vector instructions over several blocks.
#[derive(Debug)]
pub struct Lanes {
    used: usize,
    quote: [u64; LANES + 1],
    string: [u64; LANES + 1],
    open: [u64; LANES + 1],
    brace: [u64; LANES + 1],
    close: [u64; LANES + 1],
    colon: [u64; LANES + 1],
    comma: [u64; LANES + 1],
    control: [u64; LANES + 1],
    space: [u64; LANES + 1],
    backslash: [u64; LANES + 1],
    array: [u64; LANES + 1],
    /// Opening quotes of keys.
    key: [u64; LANES + 1],
    /// Closing quotes of keys.
    key_end: [u64; LANES + 1],
    /// Bytes that may not stand where they stand.
    wrong: [u64; LANES + 1],
    /// First bytes of scalars.
    scalar: [u64; LANES + 1],
    /// A key runs on into the next block.
    in_key: u64,
}

impl Default for Lanes {
    fn default() -> Lanes {
        let none = [0; LANES + 1];
        Lanes {
            used: 0,
            quote: none,
            string: none,
            open: none,
            brace: none,
            close: none,
            colon: none,
            comma: none,
            control: none,
            space: none,
            backslash: none,
            array: none,
            key: none,
            key_end: none,
            wrong: none,
            scalar: none,
            in_key: 0,
        }
    }
}

impl Lanes {
    /// Before a record is nothing, which is what a string's inside is to the grammar.
    #[inline(always)]
    fn restart(&mut self) {
        (self.used, self.in_key) = (0, 0);
        self.string[0] = u64::MAX;
        for lane in [
            &mut self.quote,
            &mut self.open,
            &mut self.brace,
            &mut self.close,
            &mut self.colon,
            &mut self.comma,
            &mut self.array,
            &mut self.key_end,
        ] {
            lane[0] = 0;
        }
    }

    /// Takes in one block; whether it was the last one that fits.
    #[inline(always)]
    fn push(&mut self, m: &Masks, quote: u64, string: u64, array: u64) -> bool {
        self.used += 1;
        let i = self.used & LANES | self.used & (LANES - 1);
        self.quote[i] = quote;
        self.string[i] = string;
        self.open[i] = m.open;
        self.brace[i] = m.brace;
        self.close[i] = m.close;
        self.colon[i] = m.colon;
        self.comma[i] = m.comma;
        self.control[i] = m.control;
        self.space[i] = m.space;
        self.backslash[i] = m.backslash;
        self.array[i] = array;
        self.used == LANES
    }

    /// Checks that every byte may stand where it stands, and empties the lanes. `base` is the
    /// offset of the last block, of which only the bits of `valid` count. 0 when all is well.
    #[inline(always)]
    fn check(&mut self, text: &[u8], base: usize, valid: u64) -> u64 {
        let used = self.used.min(LANES);
        // Whole groups of lanes, so that no lane is left to be done by itself; what stands in the
        // lanes behind the last used one is not asked for.
        let grouped = used.next_multiple_of(GROUP).min(LANES) + 1;
        for i in 1..grouped {
            let open_quote = self.quote[i] & self.string[i];
            self.key[i] = open_quote & (self.before_key(i) << 1 | self.before_key(i - 1) >> 63);
        }
        self.follow_keys(used);
        for i in 1..grouped {
            self.wrong[i] = self.wrong(i);
        }
        self.wrong[used] &= valid;
        self.scalar[used] &= valid;
        let mut wrong = 0;
        for i in 1..used + 1 {
            wrong |= self.wrong[i];
            let block = base - (used - i) * 64;
            let mut scalars = self.scalar[i];
            while scalars != 0 {
                let at = block + scalars.trailing_zeros() as usize;
                wrong |= u64::from(!valid_scalar(&text[at..]));
                scalars &= scalars - 1;
            }
        }
        self.keep_last(used);
        wrong
    }

    /// Follows each key from its opening quote to its closing quote: an addition at the first bit
    /// of a run of ones comes out just behind the run.
    #[inline(always)]
    fn follow_keys(&mut self, used: usize) {
        for i in 1..used + 1 {
            let (sum, over) = self.string[i].overflowing_add(self.key[i]);
            let (sum, over_again) = sum.overflowing_add(self.in_key);
            self.in_key = u64::from(over | over_again);
            self.key_end[i] = sum & self.quote[i] & !self.string[i];
        }
    }

    /// Behind `{`, and behind a comma in an object, comes a key.
    #[inline(always)]
    fn before_key(&self, i: usize) -> u64 {
        (self.brace[i] | self.comma[i] & !self.array[i]) & !self.string[i]
    }

    /// What ends a value, and what calls for one.
    #[inline(always)]
    fn classes(&self, i: usize) -> (u64, u64, u64, u64) {
        let out = !self.string[i];
        let separator = (self.colon[i] | self.comma[i]) & out;
        let closed = (self.quote[i] | self.close[i]) & out;
        let white = self.control[i] | self.space[i];
        let scalar = out & !(self.open[i] | separator | closed | white);
        (separator, closed, scalar, self.open[i] & out)
    }

    /// The bytes of a block that may not stand where they stand.
    #[inline(always)]
    fn wrong(&mut self, i: usize) -> u64 {
        let (separator, closed, scalar, open) = self.classes(i);
        let (separator_before, closed_before, scalar_before, open_before) = self.classes(i - 1);
        let behind = |now: u64, before: u64| now << 1 | before >> 63;
        let (string, out) = (self.string[i], !self.string[i]);
        let close = self.close[i] & out;
        let open_quote = self.quote[i] & string;

        let after_separator = behind(separator, separator_before);
        // Behind these a value comes; behind an opening bracket also its end.
        let after_expecting = behind(open, open_before) | after_separator;
        // Behind the end of a value comes a separator, or the end of what it stands in.
        let after_closed = behind(closed, closed_before);
        let after_scalar = behind(scalar, scalar_before);
        let after_before_key = behind(self.before_key(i), self.before_key(i - 1));
        // Behind a key, and nowhere else, is a colon.
        let after_key = behind(self.key_end[i], self.key_end[i - 1]);
        self.scalar[i] = scalar & after_expecting;

        after_expecting & !(open_quote | open | scalar | close)
            | after_separator & close
            | (after_closed | after_scalar) & !(separator | close | scalar)
            | after_closed & scalar
            | after_before_key & !(open_quote | close)
            | after_key ^ self.colon[i] & out
            | self.backslash[i] & out
            | self.control[i]
            | self.space[i] & out
    }

    /// The last block becomes the one before the first.
    #[inline(always)]
    fn keep_last(&mut self, used: usize) {
        for lane in [
            &mut self.quote,
            &mut self.string,
            &mut self.open,
            &mut self.brace,
            &mut self.close,
            &mut self.colon,
            &mut self.comma,
            &mut self.control,
            &mut self.space,
            &mut self.backslash,
            &mut self.array,
            &mut self.key_end,
        ] {
            lane[0] = lane[used];
        }
        self.used = 0;
    }
}

/// What the backslashes of a block do.
struct Escapes {
    /// The bytes that one of them escapes.
    escaped: u64,
    /// 1 when the first byte of the next block is escaped.
    next: u64,
    /// 1 when an escape is none of JSON's.
    wrong: u64,
}

/// Follows the backslashes of a block one by one: most blocks have none. Out of line and by value,
/// so that the machine around it stays in registers.
#[cold]
#[inline(never)]
fn escapes(text: &[u8], base: usize, backslashes: u64, first: u64) -> Escapes {
    let mut found = Escapes { escaped: first, next: 0, wrong: 0 };
    let mut rest = backslashes & !first;
    while rest != 0 {
        let i = rest.trailing_zeros();
        if i == 63 {
            found.next = 1;
        } else {
            found.escaped |= 2 << i;
        }
        let at = (base + i as usize).min(text.len());
        found.wrong |= u64::from(!valid_escape(&text[at..]));
        rest &= !(3u64 << i);
    }
    found
}

/// Whether `text`, which starts at a backslash, starts with a JSON escape.
fn valid_escape(text: &[u8]) -> bool {
    match text.get(1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => true,
        Some(b'u') => text.get(2..6).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)),
        _ => false,
    }
}

/// Whether `text` starts with a JSON number, `true`, `false` or `null`, and then ends a value.
fn valid_scalar(text: &[u8]) -> bool {
    let len = match text[0] {
        b't' if text.starts_with(b"true") => 4,
        b'f' if text.starts_with(b"false") => 5,
        b'n' if text.starts_with(b"null") => 4,
        b'-' | b'0'..=b'9' => match number(text) {
            Some(len) => len,
            None => return false,
        },
        _ => return false,
    };
    matches!(text.get(len), Some(b',' | b']' | b'}'))
}

/// Length of the JSON number (RFC 8259, section 6) at the start of `text`.
fn number(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let count = text[from.min(text.len())..].iter().take_while(|b| b.is_ascii_digit()).count();
        (count > 0).then_some(from + count)
    };
    let start = usize::from(text[0] == b'-');
    let mut at = digits(start)?;
    if text[start] == b'0' && at > start + 1 {
        return None;
    }
    if text.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        at = digits(at + 1 + sign)?;
    }
    Some(at)
}
