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
        if let Some(end) = machine.step(&Masks::portable(block), prefix_xor) {
            return Some(end);
        }
    }
    machine.last(Masks::portable, prefix_xor)
}

/// How deep brackets may nest before the verdict is left to the plain validator.
const DEEPEST: u32 = 60;

/// The last bit of each mask, which is the byte before the next block.
#[derive(Default)]
struct Before {
    open: u64,
    brace: u64,
    separator: u64,
    comma_in_object: u64,
    close_quote: u64,
    close: u64,
    scalar: u64,
    key_end: u64,
    /// A key runs on into the next block.
    in_key: u64,
    /// The next byte is escaped.
    escape: u64,
    /// All ones when the next byte is inside a string.
    in_string: u64,
}

/// One record's scan, block by block.
pub(super) struct Machine<'a> {
    text: &'a [u8],
    index: &'a mut Index,
    base: usize,
    before: Before,
    depth: u32,
    /// One bit a bracket that is open, the innermost last: 1 for `[`.
    arrays: u64,
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
        Machine {
            text,
            index,
            base: 0,
            before: Before::default(),
            depth: 0,
            arrays: 0,
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
        self.step(&classify(&block), prefix).filter(|(len, _)| *len <= self.text.len())
    }

    /// Takes in one block; the record's length and verdict when it ends there.
    #[inline(always)]
    pub(super) fn step(
        &mut self,
        m: &Masks,
        prefix: impl Fn(u64) -> u64,
    ) -> Option<(usize, Verdict)> {
        let escaped = if m.backslash | self.before.escape == 0 { 0 } else { self.escapes(m) };
        let quote = m.quote & !escaped;
        let string = prefix(quote) ^ self.before.in_string;
        // From the last bit to all bits, by the sign.
        self.before.in_string = (string.cast_signed() >> 63).cast_unsigned();
        let regions = self.regions((m.open | m.close) & !string, m.open);
        let valid = regions.end.map_or(u64::MAX, |bit| u64::MAX >> (63 - bit));

        self.grammar(m, quote, string, &regions, valid);
        self.high |= m.high & valid;
        self.escaped_keys |= m.backslash & regions.top & valid;
        let mut colons = m.colon & !string & regions.top & valid;
        while colons != 0 {
            #[allow(clippy::cast_possible_truncation)]
            self.index.colons.push((self.base + colons.trailing_zeros() as usize) as u32);
            colons &= colons - 1;
        }
        match regions.end {
            Some(bit) => Some(self.finish(bit)),
            None => {
                self.base += 64;
                None
            }
        }
    }

    #[inline(always)]
    fn finish(&mut self, bit: u32) -> (usize, Verdict) {
        self.index.high = self.high != 0;
        self.index.escaped_keys = self.escaped_keys != 0;
        let verdict = if self.unsure == 0 { Verdict::Sound } else { Verdict::Unsure };
        (self.base + bit as usize + 1, verdict)
    }

    /// The bytes that a backslash escapes. Strings with many escapes are rare, so one by one.
    fn escapes(&mut self, m: &Masks) -> u64 {
        let mut escaped = self.before.escape;
        self.before.escape = 0;
        let mut rest = m.backslash & !escaped;
        while rest != 0 {
            let i = rest.trailing_zeros();
            if i == 63 {
                self.before.escape = 1;
            } else {
                escaped |= 2 << i;
            }
            if !valid_escape(&self.text[(self.base + i as usize).min(self.text.len())..]) {
                self.unsure = 1;
            }
            rest &= !(3u64 << i);
        }
        escaped
    }

    /// Follows the brackets of a block.
    #[inline(always)]
    fn regions(&mut self, mut brackets: u64, open: u64) -> Regions {
        let mut regions = Regions {
            array: if self.arrays & 1 == 1 { u64::MAX } else { 0 },
            top: if self.depth == 1 { u64::MAX } else { 0 },
            end: None,
        };
        while brackets != 0 {
            let i = brackets.trailing_zeros();
            brackets &= brackets - 1;
            let square = self.text[self.base + i as usize] & 0x20 == 0;
            if open >> i & 1 == 1 {
                self.depth += 1;
                self.arrays = self.arrays << 1 | u64::from(square);
                if self.depth > DEEPEST {
                    self.unsure = 1;
                }
            } else {
                if square != (self.arrays & 1 == 1) {
                    self.unsure = 1;
                }
                self.depth -= 1;
                self.arrays >>= 1;
                if self.depth == 0 {
                    regions.end = Some(i);
                    return regions;
                }
            }
            let behind = (u64::MAX - 1) << i;
            let now = |is: bool, mask: u64| mask & !behind | if is { behind } else { 0 };
            regions.array = now(self.arrays & 1 == 1, regions.array);
            regions.top = now(self.depth == 1, regions.top);
        }
        regions
    }

    /// Checks that every byte may stand where it stands.
    #[inline(always)]
    fn grammar(&mut self, m: &Masks, quote: u64, string: u64, regions: &Regions, valid: u64) {
        let out = !string;
        let (open_quote, close_quote) = (quote & string, quote & out);
        let (open, close) = (m.open & out, m.close & out);
        let (brace, colon, comma) = (m.brace & out, m.colon & out, m.comma & out);
        let white = (m.control | m.space) & out;
        let scalar = out & !(open | close | colon | comma | close_quote | white);
        let value = open_quote | open | scalar;
        let comma_in_object = comma & !regions.array;

        let b = &mut self.before;
        let after_open = behind(open, &mut b.open);
        let after_brace = behind(brace, &mut b.brace);
        let after_separator = behind(colon | comma, &mut b.separator);
        let after_comma_in_object = behind(comma_in_object, &mut b.comma_in_object);
        let after_close_quote = behind(close_quote, &mut b.close_quote);
        let after_close = behind(close, &mut b.close);
        let after_scalar = behind(scalar, &mut b.scalar);

        // An addition at the first bit of a run of ones comes out just behind the run: from a
        // key's opening quote to its closing quote.
        let key = open_quote & (after_brace | after_comma_in_object);
        let (sum, over) = string.overflowing_add(key);
        let (sum, over_again) = sum.overflowing_add(b.in_key);
        b.in_key = u64::from(over | over_again);
        let after_key = behind(sum & close_quote, &mut b.key_end);

        let wrong = after_open & !(value | close)
            | after_brace & !(open_quote | close)
            | after_separator & !value
            | after_comma_in_object & !open_quote
            | after_close_quote & !(colon | comma | close)
            | after_close & !(comma | close)
            | after_scalar & !(scalar | comma | close)
            | after_key ^ colon
            | m.backslash & out
            | m.control & string
            | white;
        self.unsure |= wrong & valid;

        let mut scalars = scalar & !after_scalar & valid;
        while scalars != 0 {
            let at = self.base + scalars.trailing_zeros() as usize;
            if !valid_scalar(&self.text[at..]) {
                self.unsure = 1;
            }
            scalars &= scalars - 1;
        }
    }
}

/// The bytes behind those of `mask`; `carry` takes the last bit over to the next block.
#[inline(always)]
fn behind(mask: u64, carry: &mut u64) -> u64 {
    let shifted = mask << 1 | *carry;
    *carry = mask >> 63;
    shifted
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
