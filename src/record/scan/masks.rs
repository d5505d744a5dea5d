//! What each of 64 bytes is, as bits: all that a pass over blocks needs to know of the text.

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

/// What the backslashes of a block do.
pub(super) struct Escapes {
    /// The bytes that one of them escapes.
    pub(super) escaped: u64,
    /// 1 when the first byte of the next block is escaped.
    pub(super) next: u64,
    /// 1 when an escape is none of JSON's.
    pub(super) wrong: u64,
}

/// Follows the backslashes of a block one by one: most blocks have none.
#[inline(always)]
pub(super) fn escapes(text: &[u8], base: usize, backslashes: u64, first: u64) -> Escapes {
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
#[inline(always)]
fn valid_escape(text: &[u8]) -> bool {
    match text.get(1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => true,
        Some(b'u') => text.get(2..6).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)),
        _ => false,
    }
}
