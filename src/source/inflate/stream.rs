//! Turns a stream of compressed bytes into a stream of text: detects the compression, decodes, and
//! stops at a decompression bomb.
//!
//! Nothing is read before the first call, and a call waits no longer than for its first byte of text.
//! All text before a fault is given; the fault itself comes with the last of it.

use crate::model::problem::Stage;
use crate::model::window::Cut;

use super::super::budget::Budget;
use super::gzip::{self, Gzip};
use super::input::Input;
use super::lz4::{self, Lz4};
use super::stepped::{self, Format, Stepped};
use super::terms::{Broken, Compression, Limits};
use super::zstd::{self, Zstd};

enum Decoder {
    Unknown,
    Plain,
    Gzip(Box<Gzip>),
    Zstd(Zstd),
    Stepped(Box<Stepped>),
    Lz4(Box<Lz4>),
}

/// The text of one blob, as it comes.
pub(super) struct Feed<'a> {
    input: Input<'a>,
    decoder: Decoder,
    ratio: u64,
    ratio_floor: u64,
    inflated: u64,
    /// What all layers of a blob share.
    budget: Option<&'a Budget>,
}

impl<'a> Feed<'a> {
    pub(super) fn new(input: Input<'a>, limits: &Limits, budget: Option<&'a Budget>) -> Self {
        Feed {
            input,
            decoder: Decoder::Unknown,
            ratio: limits.ratio,
            ratio_floor: limits.ratio_floor,
            inflated: 0,
            budget,
        }
    }

    /// Writes text to the front of `out` (not empty) as soon as there is any; 0 at the end.
    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize, Broken> {
        if let Decoder::Unknown = self.decoder {
            self.decoder = match self.sniff()? {
                Compression::Plain => Decoder::Plain,
                Compression::Gzip => Decoder::Gzip(Box::new(Gzip::new())),
                Compression::Zstd => Decoder::Zstd(Zstd::new()?),
                Compression::Bzip2 => Decoder::Stepped(Box::new(Stepped::new(Format::Bzip2))),
                Compression::Xz => Decoder::Stepped(Box::new(Stepped::new(Format::Xz))),
                Compression::Lz4 => Decoder::Lz4(Box::default()),
            };
        }
        let read = match &mut self.decoder {
            Decoder::Unknown | Decoder::Plain => self.input.take(out).map_err(Broken::from),
            Decoder::Gzip(gzip) => gzip.read(&mut self.input, out),
            Decoder::Zstd(zstd) => zstd.read(&mut self.input, out),
            Decoder::Stepped(stepped) => stepped.read(&mut self.input, out),
            Decoder::Lz4(lz4) => lz4.read(&mut self.input, out),
        };
        let (Ok(text) | Err(Broken { text, .. })) = &read;
        self.inflated += *text as u64;
        self.budget.iter().for_each(|budget| budget.spend(*text as u64));
        match read {
            Ok(text) => match self.budget.and_then(Budget::exceeded) {
                Some(cut) => Err(Broken { text, cut }),
                None if self.is_bomb() => Err(Broken { text, cut: self.bomb() }),
                None => Ok(text),
            },
            read => read,
        }
    }

    pub(super) fn kind(&self) -> Compression {
        match &self.decoder {
            Decoder::Unknown | Decoder::Plain => Compression::Plain,
            Decoder::Gzip(_) => Compression::Gzip,
            Decoder::Zstd(_) => Compression::Zstd,
            Decoder::Lz4(_) => Compression::Lz4,
            Decoder::Stepped(stepped) => match stepped.format() {
                Format::Bzip2 => Compression::Bzip2,
                Format::Xz => Compression::Xz,
            },
        }
    }

    /// For gzip: how many members have begun, and whether other data follows them.
    pub(super) fn members(&self) -> (u64, bool) {
        match &self.decoder {
            Decoder::Gzip(gzip) => gzip.members(),
            _ => (0, false),
        }
    }

    /// How many bytes were taken from the source.
    pub(super) fn bytes_read(&self) -> u64 {
        self.input.read()
    }

    /// How many bytes of text were given.
    pub(super) fn bytes_inflated(&self) -> u64 {
        self.inflated
    }

    fn sniff(&mut self) -> Result<Compression, Cut> {
        loop {
            if let Some(kind) = sniff(self.input.bytes()) {
                return Ok(kind);
            }
            if !self.input.more()? {
                return Ok(Compression::Plain);
            }
        }
    }

    fn is_bomb(&self) -> bool {
        !matches!(self.decoder, Decoder::Plain)
            && self.inflated > self.ratio_floor
            && self.inflated > self.ratio.saturating_mul(self.input.position())
    }

    fn bomb(&self) -> Cut {
        let (text, at, ratio) = (self.inflated, self.input.position(), self.ratio);
        self.budget.iter().for_each(|budget| budget.burst());
        let unread = match self.budget {
            Some(_) => "neither the rest nor what comes after it is read",
            None => "the rest is not read",
        };
        let message = format!(
            "{at} compressed bytes gave {text} bytes of text, which looks like a decompression \
             bomb; expected at most {ratio} times as many; {unread}"
        );
        Cut { stage: Stage::Inflate, message }
    }
}

/// How compressed blobs begin that are told by a fixed text.
const MAGICS: [&[u8]; 4] = [&gzip::MAGIC, &zstd::MAGIC, stepped::XZ, &lz4::MAGIC];

/// How a blob that begins with `head` is compressed; `None` if more of it must be seen. A blob
/// that ends before that is plain.
pub(in crate::source) fn sniff(head: &[u8]) -> Option<Compression> {
    let could_be = |magic: &[u8]| head.len() < magic.len() && magic.starts_with(head);
    let skippable_begun = head.len() < 4
        && matches!(head, [0x50..=0x5f, rest @ ..] if zstd::SKIPPABLE.starts_with(rest));
    if head.starts_with(&gzip::MAGIC) {
        Some(Compression::Gzip)
    } else if zstd::is_frame(head) {
        Some(Compression::Zstd)
    } else if head.starts_with(stepped::XZ) {
        Some(Compression::Xz)
    } else if head.starts_with(&lz4::MAGIC) {
        Some(Compression::Lz4)
    } else if stepped::is_bzip2(head) {
        Some(Compression::Bzip2)
    } else if skippable_begun || stepped::may_be_bzip2(head) || MAGICS.into_iter().any(could_be) {
        None
    } else {
        Some(Compression::Plain)
    }
}
