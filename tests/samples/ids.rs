//! Identifiers that look random and are the same on every run.
//!
//! SplitMix64: four lines, and the next release of no library can change its numbers.

/// A stream of numbers told by its seed.
pub struct Ids(u64);

impl Ids {
    /// A stream of its own for every text, such as a file's name.
    pub fn of(text: &str) -> Ids {
        // FNV-1a.
        Ids(text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// A UUID of version 4, as in `eventID`.
    pub fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            0x8000 | (b >> 50),
            b & 0xffff_ffff_ffff
        )
    }

    /// `len` letters and digits out of `alphabet`.
    fn code(&mut self, alphabet: &[u8], len: usize) -> String {
        (0..len).map(|_| char::from(alphabet[self.next() as usize % alphabet.len()])).collect()
    }

    /// Capitals and digits, as in a request id of S3.
    pub fn capitals(&mut self, len: usize) -> String {
        self.code(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", len)
    }

    /// Letters and digits, as at the end of a log file's name.
    pub fn letters(&mut self, len: usize) -> String {
        self.code(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", len)
    }
}
