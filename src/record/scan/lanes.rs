//! JSON's grammar as arithmetic on the masks of many blocks at once.
//!
//! Which byte may follow which is a shift and an and-not. Whether a string is a key follows from
//! what stands before it (`{`, or a comma inside an object), and is carried to its closing quote
//! by letting an addition ripple through the run of in-string bits. All but that addition is the
//! same for every block, so the loops are written for the compiler to turn into vector
//! instructions: counted upwards, over whole groups of lanes, one array a mask.

use super::masks::Masks;

/// How many blocks are checked at once.
const LANES: usize = 64;

/// How many lanes the widest vectors hold.
const GROUP: usize = 8;

/// The lane of the first block; the one before it is the block before. A whole group in, so that
/// vectors lie on cache lines.
const FIRST: usize = GROUP;

/// One mask of every block.
type Lane = [u64; FIRST + LANES];

/// The masks of many blocks, one lane a block, lane 0 the block before the first.
///
/// JSON's grammar is a question of what stands behind what, which is the same arithmetic for every
/// lane: the compiler turns these loops into vector instructions over several blocks.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Lanes {
    quote: Lane,
    string: Lane,
    open: Lane,
    brace: Lane,
    close: Lane,
    colon: Lane,
    comma: Lane,
    control: Lane,
    space: Lane,
    backslash: Lane,
    array: Lane,
    /// First bytes of scalars, and the others.
    scalar: Lane,
    /// Colons and commas outside strings.
    separator: Lane,
    /// Behind these comes a value, or the end of what an opening bracket opened.
    expecting: Lane,
    /// Closing quotes and brackets.
    closed: Lane,
    /// Closing quotes and brackets, and scalars: behind these comes what follows a value.
    ended: Lane,
    /// Behind these comes a key: `{`, and commas in objects.
    before_key: Lane,
    /// Opening quotes of keys.
    key: Lane,
    /// Closing quotes of keys.
    key_end: Lane,
    /// Bytes that may not stand where they stand.
    wrong: Lane,
    /// First bytes of scalars.
    scalar_start: Lane,
    /// A key runs on into the next block.
    in_key: u64,
    used: usize,
}

impl Default for Lanes {
    fn default() -> Lanes {
        let none = [0; FIRST + LANES];
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
            scalar: none,
            separator: none,
            expecting: none,
            closed: none,
            ended: none,
            before_key: none,
            key: none,
            key_end: none,
            wrong: none,
            scalar_start: none,
            in_key: 0,
        }
    }
}

impl Lanes {
    /// Before a record is nothing.
    #[inline(always)]
    pub(super) fn restart(&mut self) {
        (self.used, self.in_key) = (0, 0);
        self.carried(|lane| lane[FIRST - 1] = 0);
    }

    /// Every mask that the block behind it asks for.
    #[inline(always)]
    fn carried(&mut self, each: impl Fn(&mut Lane)) {
        each(&mut self.separator);
        each(&mut self.expecting);
        each(&mut self.closed);
        each(&mut self.ended);
        each(&mut self.before_key);
        each(&mut self.key_end);
    }

    /// Takes in one block; whether it was the last one that fits.
    #[inline(always)]
    pub(super) fn push(&mut self, m: &Masks, quote: u64, string: u64, array: u64) -> bool {
        let i = FIRST + self.used % LANES;
        self.used += 1;
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
    pub(super) fn check(&mut self, text: &[u8], base: usize, valid: u64) -> u64 {
        let used = self.used.min(LANES);
        let end = FIRST + used;
        let last = end - 1;
        // Whole groups of lanes, so that no lane is left to be done by itself; what stands in the
        // lanes behind the last used one is not asked for.
        let grouped = FIRST + used.next_multiple_of(GROUP).min(LANES);
        for i in FIRST..grouped {
            self.classify(i);
        }
        for i in FIRST..grouped {
            let after_before_key = behind(&self.before_key, i);
            self.key[i] = self.quote[i] & self.string[i] & after_before_key;
        }
        self.follow_keys(end);
        for i in FIRST..grouped {
            self.compare(i);
        }
        self.wrong[last] &= valid;
        self.scalar_start[last] &= valid;
        let mut wrong = 0;
        for i in FIRST..end {
            wrong |= self.wrong[i];
            let block = base - (last - i) * 64;
            let mut scalars = self.scalar_start[i];
            while scalars != 0 {
                let at = block + scalars.trailing_zeros() as usize;
                wrong |= u64::from(!valid_scalar(&text[at..]));
                scalars &= scalars - 1;
            }
        }
        self.carried(|lane| lane[FIRST - 1] = lane[last]);
        self.used = 0;
        wrong
    }

    /// Follows each key from its opening quote to its closing quote: an addition at the first bit
    /// of a run of ones comes out just behind the run.
    #[inline(always)]
    fn follow_keys(&mut self, end: usize) {
        let mut in_key = self.in_key;
        for i in FIRST..end {
            let (sum, over) = self.string[i].overflowing_add(self.key[i]);
            let (sum, over_again) = sum.overflowing_add(in_key);
            in_key = u64::from(over | over_again);
            self.key_end[i] = sum & self.quote[i] & !self.string[i];
        }
        self.in_key = in_key;
    }

    /// Tells what ends a value in a block, and what calls for one.
    #[inline(always)]
    fn classify(&mut self, i: usize) {
        let out = !self.string[i];
        let separator = (self.colon[i] | self.comma[i]) & out;
        let open = self.open[i] & out;
        let closed = (self.quote[i] | self.close[i]) & out;
        let scalar = out & !(open | separator | closed | self.control[i] | self.space[i]);
        self.separator[i] = separator;
        self.expecting[i] = open | separator;
        self.closed[i] = closed;
        self.scalar[i] = scalar;
        self.ended[i] = closed | scalar;
        self.before_key[i] = (self.brace[i] | self.comma[i] & !self.array[i]) & out;
    }

    /// Finds the bytes of a block that may not stand where they stand, and where scalars start.
    #[inline(always)]
    fn compare(&mut self, i: usize) {
        let (string, out) = (self.string[i], !self.string[i]);
        let (scalar, close) = (self.scalar[i], self.close[i] & out);
        let open_quote = self.quote[i] & string;
        let after_expecting = behind(&self.expecting, i);
        self.scalar_start[i] = scalar & after_expecting;
        self.wrong[i] = after_expecting & !(open_quote | self.open[i] & out | scalar | close)
            | behind(&self.separator, i) & close
            | behind(&self.ended, i) & !(self.separator[i] | close | scalar)
            | behind(&self.closed, i) & scalar
            | behind(&self.before_key, i) & !(open_quote | close)
            // Behind a key, and nowhere else, is a colon.
            | behind(&self.key_end, i) ^ self.colon[i] & out
            | self.backslash[i] & out
            | self.control[i]
            | self.space[i] & out;
    }
}

/// The bytes behind those of a mask, in lane `i`.
#[inline(always)]
fn behind(lanes: &Lane, i: usize) -> u64 {
    lanes[i] << 1 | lanes[i - 1] >> 63
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
