//! Where every value of a record begins and ends: one pass, so that whoever walks over members need
//! not look for quotes and brackets again.
//!
//! Only records that are looked at closely have a tape: most records are counted and no more. What
//! must stay true: a walk along the tape gives what a walk over the bytes gives, which a property
//! test of [`crate::record::json`] compares.

use super::masks::{Masks, escapes, prefix_xor};

/// A way to fill a tape for a record that a scan has found sound.
pub type Fill = fn(text: &[u8], tape: &mut Tape);

/// The values and member names of one record, in the order in which they begin.
#[derive(Debug, Default)]
pub struct Tape {
    tokens: Vec<Token>,
    /// The numbers of the values of top-level members, in order.
    tops: Vec<u32>,
    /// Containers that are open, while the tape is filled.
    open: Vec<u32>,
    /// Whether the tape is that of a whole record.
    complete: bool,
}

/// Tokens that a tape holds at most (12 MiB). A record with more is read without: one of 64 MiB may
/// have tens of millions.
const MOST: usize = 1 << 20;

/// A tape that is larger than this is not kept from record to record (768 KiB).
const KEPT: usize = 1 << 16;

/// A value or a member's name: a half-open range of bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Token {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
    /// The number of the token behind it and all that is in it.
    pub next: u32,
}

impl Tape {
    /// A token by its number.
    pub fn token(&self, number: u32) -> Option<Token> {
        self.tokens.get(number as usize).copied()
    }

    /// The number of the first token that begins at or behind an offset.
    pub fn at_or_behind(&self, offset: usize) -> Option<u32> {
        let number = self.tokens.partition_point(|token| (token.start as usize) < offset);
        (number < self.tokens.len()).then(|| u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// The number of the value of a top-level member, counted from 0.
    pub fn top(&self, member: usize) -> Option<u32> {
        self.tops.get(member).copied()
    }

    /// Whether the tape can be used: it was filled to the end of its record.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Fills the tape. A record that is too long, or no sound JSON after all, leaves it incomplete.
    #[inline(always)]
    pub(super) fn fill(
        &mut self,
        text: &[u8],
        classify: impl Fn(&[u8; 64]) -> Masks,
        prefix: impl Fn(u64) -> u64,
    ) {
        if self.tokens.capacity() > KEPT {
            *self = Tape::default();
        }
        self.tokens.clear();
        self.open.clear();
        self.tops.clear();
        self.complete = false;
        if u32::try_from(text.len()).is_err() {
            return;
        }
        let mut state = State::default();
        let (blocks, rest) = text.as_chunks::<64>();
        for block in blocks {
            self.block(text, block, &classify(block), &prefix, &mut state);
            if self.tokens.len() > MOST {
                *self = Tape::default();
                return;
            }
        }
        if !rest.is_empty() {
            let mut block = [b' '; 64];
            block[..rest.len()].copy_from_slice(rest);
            self.block(text, &block, &classify(&block), &prefix, &mut state);
        }
    }

    #[inline(always)]
    fn block(
        &mut self,
        text: &[u8],
        block: &[u8; 64],
        m: &Masks,
        prefix: &impl Fn(u64) -> u64,
        state: &mut State,
    ) {
        let mut escaped = 0;
        if m.backslash | state.escape != 0 {
            let found = escapes(text, state.base as usize, m.backslash, state.escape);
            (escaped, state.escape) = (found.escaped, found.next);
        }
        let quote = m.quote & !escaped;
        let string = prefix(quote) ^ state.in_string;
        state.in_string = (string.cast_signed() >> 63).cast_unsigned();
        let mut marks = quote | (m.open | m.close | m.comma | m.colon) & !string;
        while marks != 0 {
            let bit = marks.trailing_zeros();
            marks &= marks - 1;
            self.mark(text, block[bit as usize & 63], state.base + bit, state);
        }
        state.base += 64;
    }

    #[inline(always)]
    fn mark(&mut self, text: &[u8], byte: u8, at: u32, state: &mut State) {
        match byte {
            b'"' if state.string => {
                state.string = false;
                self.end_last(at + 1);
            }
            b'"' => {
                state.string = true;
                state.has_value = true;
                self.begin(at);
            }
            b'{' | b'[' => {
                self.open.push(u32::try_from(self.tokens.len()).unwrap_or(u32::MAX));
                self.begin(at);
                state.expect(at + 1);
            }
            b'}' | b']' => {
                self.scalar(text, at, state);
                self.close(at + 1);
                state.has_value = true;
            }
            _ => {
                self.scalar(text, at, state);
                if byte == b':' && self.open.len() == 1 {
                    self.tops.push(u32::try_from(self.tokens.len()).unwrap_or(u32::MAX));
                }
                state.expect(at + 1);
            }
        }
    }

    #[inline(always)]
    fn begin(&mut self, start: u32) {
        let next = u32::try_from(self.tokens.len() + 1).unwrap_or(u32::MAX);
        self.tokens.push(Token { start, end: start, next });
    }

    #[inline(always)]
    fn end_last(&mut self, end: u32) {
        if let Some(token) = self.tokens.last_mut() {
            token.end = end;
        }
    }

    #[inline(always)]
    fn close(&mut self, end: u32) {
        let next = u32::try_from(self.tokens.len()).unwrap_or(u32::MAX);
        let container = self.open.pop().and_then(|at| self.tokens.get_mut(at as usize));
        if let Some(token) = container {
            (token.end, token.next) = (end, next);
            self.complete = self.open.is_empty();
        }
    }

    /// A number, `true`, `false` or `null` that ends before `at`, if there is one.
    #[inline(always)]
    fn scalar(&mut self, text: &[u8], at: u32, state: &State) {
        if state.has_value {
            return;
        }
        let between = text.get(state.from as usize..at as usize).unwrap_or_default();
        let behind = between.trim_ascii_start();
        let value = behind.trim_ascii_end();
        if !value.is_empty() {
            let skipped = between.len() - behind.len();
            let start = state.from + u32::try_from(skipped).unwrap_or_default();
            self.begin(start);
            self.end_last(start + u32::try_from(value.len()).unwrap_or_default());
        }
    }
}

/// Where the pass is.
#[derive(Default)]
struct State {
    base: u32,
    /// 1 when the next byte is escaped.
    escape: u64,
    /// All ones when the next byte is inside a string.
    in_string: u64,
    /// Whether the last quote opened a string.
    string: bool,
    /// Where a value may begin: behind the last bracket, comma or colon.
    from: u32,
    /// Whether one has begun.
    has_value: bool,
}

impl State {
    #[inline(always)]
    fn expect(&mut self, from: u32) {
        self.from = from;
        self.has_value = false;
    }
}

/// [`Fill`] for processors without a module of their own.
pub fn fill_portable(text: &[u8], tape: &mut Tape) {
    tape.fill(text, Masks::portable, prefix_xor);
}
