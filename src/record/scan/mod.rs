//! Finds where a record ends, proves that it is JSON, and marks its top-level members.
//!
//! This is the hot loop: every byte of every log goes through it once. [`scan`] looks at 64 bytes
//! at a time where the processor can ([`blocks`], fed by `x86`); [`plain`] is the slow and obvious
//! twin that says the same of any bytes, whole or broken, and that a test holds it to.
//!
//! What must stay true: a record ends where its brackets balance outside strings, and nowhere
//! else; a record called [`Verdict::Sound`] is one that `serde_json` accepts; the marks are the
//! colons of the members of the outermost object, in order.

pub mod blocks;
mod lanes;
mod marks;
mod masks;
pub mod plain;
pub mod tape;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use marks::{Flags, Index, Verdict};

/// A way to scan one record.
///
/// `text` starts at the record's `{`. Gives the record's length in bytes and what is known of its
/// grammar, or `None` when `text` ends before the record does; the index is filled for the former
/// only. `text` must be shorter than 4 GiB.
pub type Scan = fn(text: &[u8], index: &mut Index) -> Option<(usize, Verdict)>;

/// The fastest scan that this processor has.
pub fn fastest() -> Scan {
    #[cfg(target_arch = "x86_64")]
    if let Some(scan) = x86::detect() {
        return scan;
    }
    blocks::scan_portable
}

/// The fastest way to fill a tape that this processor has.
pub fn fastest_fill() -> tape::Fill {
    #[cfg(target_arch = "x86_64")]
    if let Some(fill) = x86::detect_fill() {
        return fill;
    }
    tape::fill_portable
}

/// Every way to fill a tape that this processor has: what the tests compare.
pub fn all_fills() -> Vec<tape::Fill> {
    let mut all: Vec<tape::Fill> = vec![tape::fill_portable];
    #[cfg(target_arch = "x86_64")]
    all.extend(x86::all_fills());
    all
}

/// Every scan that this processor has, with a name: what the tests compare with [`plain::scan`].
pub fn all() -> Vec<(&'static str, Scan)> {
    let mut all: Vec<(&'static str, Scan)> = vec![("portable", blocks::scan_portable)];
    #[cfg(target_arch = "x86_64")]
    all.extend(x86::all());
    all
}
