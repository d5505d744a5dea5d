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
    /// Whether the record holds a backslash.
    escapes: bool,
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

    /// Whether no string of the record holds an escape.
    pub fn is_plain(&self) -> bool {
        self.complete && !self.escapes
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
        self.escapes = false;
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
            self.escapes = true;
        }
        let quote = m.quote & !escaped;
        let string = prefix(quote) ^ state.in_string;
        state.in_string = (string.cast_signed() >> 63).cast_unsigned();
        let brackets = (m.open | m.close) & !string;
        // Numbers, `true`, `false` and `null`: whatever is nothing else.
        let scalar = !(string | quote | brackets | m.comma | m.colon | m.space | m.control);
        let before = scalar << 1 | state.in_scalar;
        state.in_scalar = scalar >> 63;
        let mut marks = quote | brackets | (scalar ^ before);
        while marks != 0 {
            let bit = marks.trailing_zeros();
            marks &= marks - 1;
            self.mark(block[bit as usize & 63], state.base + bit, state);
        }
        state.base += 64;
    }

    #[inline(always)]
    fn mark(&mut self, byte: u8, at: u32, state: &mut State) {
        match byte {
            b'"' if state.open => {
                state.open = false;
                self.end_last(at + 1);
            }
            b'"' => {
                state.open = true;
                self.begin(at, state);
            }
            b'{' | b'[' => {
                let number = state.count;
                self.begin(at, state);
                self.open.push(number);
            }
            b'}' | b']' => {
                if std::mem::take(&mut state.open) {
                    self.end_last(at);
                }
                self.close(at + 1, state.count);
            }
            // The first byte of a scalar, or the first behind it.
            _ if state.open => {
                state.open = false;
                self.end_last(at);
            }
            _ => {
                state.open = true;
                self.begin(at, state);
            }
        }
    }

    #[inline(always)]
    fn begin(&mut self, start: u32, state: &mut State) {
        if self.open.len() == 1 {
            // Names and values take turns.
            if state.named {
                self.tops.push(state.count);
            }
            state.named = !state.named;
        }
        state.count += 1;
        self.tokens.push(Token { start, end: start, next: state.count });
    }

    #[inline(always)]
    fn end_last(&mut self, end: u32) {
        if let Some(token) = self.tokens.last_mut() {
            token.end = end;
        }
    }

    #[inline(always)]
    fn close(&mut self, end: u32, next: u32) {
        let container = self.open.pop().and_then(|at| self.tokens.get_mut(at as usize));
        if let Some(token) = container {
            (token.end, token.next) = (end, next);
            self.complete = self.open.is_empty();
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
    /// 1 when the last byte was one of a scalar that is no string.
    in_scalar: u64,
    /// Whether a string or another scalar has begun and not ended.
    open: bool,
    /// Whether the name of a top-level member was met, but not its value.
    named: bool,
    /// How many tokens there are.
    count: u32,
}

/// [`Fill`] for processors without a module of their own.
pub fn fill_portable(text: &[u8], tape: &mut Tape) {
    tape.fill(text, Masks::portable, prefix_xor);
}
