//! What the decoders and their callers agree on: limits, kinds of compression, and how a decoder
//! reports a fault.

use crate::model::window::Cut;

const MIB: usize = 1 << 20;

/// What one worker may hold, in bytes. No limit is on the size of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Regular files up to this size are read whole (16 MiB).
    pub whole_compressed: u64,
    /// Their text is inflated whole up to this size, else streamed (64 MiB).
    pub whole_inflated: usize,
    /// The window of a stream to begin with (1 MiB).
    pub window: usize,
    /// The largest window of a stream, so also its largest record (64 MiB and some slack).
    pub max_window: usize,
    /// How many bytes of text one compressed byte may give (250).
    pub ratio: u64,
    /// How much text a blob may give whatever the ratio (64 MiB).
    pub ratio_floor: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            whole_compressed: 16 << 20,
            whole_inflated: 64 * MIB,
            window: MIB,
            // The slack is for white space and an envelope before a record of the full size.
            max_window: 64 * MIB + 64 * 1024,
            ratio: 250,
            ratio_floor: 64 << 20,
        }
    }
}

/// How a blob is compressed, told by its first bytes and never by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    Plain,
    /// gzip, any number of members.
    Gzip,
    /// zstd, any number of frames, skippable ones included.
    Zstd,
    /// bzip2, any number of streams.
    Bzip2,
    /// xz, any number of streams.
    Xz,
    /// lz4, any number of frames.
    Lz4,
}

/// A fault, and how many bytes of text the failed call gave before it.
pub(super) struct Broken {
    pub text: usize,
    pub cut: Cut,
}

impl From<Cut> for Broken {
    fn from(cut: Cut) -> Self {
        Broken { text: 0, cut }
    }
}
