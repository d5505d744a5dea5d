//! Streams bzip2 and xz, one stream of the format after the other.
//!
//! Both libraries take what there is and say how much they took and gave, also where they meet a fault.
//! So all text before a fault is given. What must stay true: a stream ends where its own end says so, and
//! whatever follows the last one is told.

use bzip2::{Decompress, Status};
use liblzma::stream::{Action, Error, Status as XzStatus, Stream};

use crate::model::problem::Stage;
use crate::model::window::Cut;

use super::input::Input;
use super::terms::Broken;

/// How a bzip2 stream begins, but for the size of its blocks, a digit.
pub(super) const BZIP2: &[u8] = b"BZh";
/// How an xz stream begins.
pub(super) const XZ: &[u8] = b"\xfd7zXZ\0";

/// The most memory that xz may ask for (128 MiB, as for zstd); its highest preset takes 65 MiB.
const XZ_MEMORY: u64 = 128 << 20;

/// What its first block begins with, or its end.
const BLOCK: &[u8] = &[0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
const END: &[u8] = &[0x17, 0x72, 0x45, 0x38, 0x50, 0x90];

/// Whether a bzip2 stream begins here. Its first letters alone could be a text.
pub(super) fn is_bzip2(head: &[u8]) -> bool {
    head.len() >= 10 && may_be_bzip2(head)
}

/// Whether one may begin here, if more of it must be seen.
pub(super) fn may_be_bzip2(head: &[u8]) -> bool {
    if head.len() <= BZIP2.len() {
        return BZIP2.starts_with(head);
    }
    let Some([size, rest @ ..]) = head.strip_prefix(BZIP2) else { return false };
    let begins = |mark: &[u8]| rest.starts_with(mark) || mark.starts_with(rest);
    (b'1'..=b'9').contains(size) && (begins(BLOCK) || begins(END))
}

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Bzip2,
    Xz,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Format::Bzip2 => "bzip2",
            Format::Xz => "xz",
        }
    }

    fn magic(self) -> &'static [u8] {
        match self {
            Format::Bzip2 => BZIP2,
            Format::Xz => XZ,
        }
    }

    fn decoder(self) -> Result<Decoder, String> {
        match self {
            Format::Bzip2 => Ok(Decoder::Bzip2(Decompress::new(false))),
            Format::Xz => match Stream::new_stream_decoder(XZ_MEMORY, 0) {
                Ok(stream) => Ok(Decoder::Xz(stream)),
                Err(error) => Err(format!("the decoder cannot start: {error}")),
            },
        }
    }
}

enum Decoder {
    Bzip2(Decompress),
    Xz(Stream),
}

/// What one call of a decoder came to.
enum Step {
    More,
    End,
    Fault(String),
}

impl Decoder {
    /// Takes some of `input`, and writes some text to `out`; how much of both.
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> (usize, usize, Step) {
        let before = self.totals();
        let step = match self {
            Decoder::Bzip2(decoder) => match decoder.decompress(input, out) {
                Ok(Status::StreamEnd) => Step::End,
                Ok(Status::MemNeeded) => Step::Fault("there is no memory for it".into()),
                Ok(_) => Step::More,
                Err(error) => Step::Fault(error.to_string()),
            },
            Decoder::Xz(decoder) => match decoder.process(input, out, Action::Run) {
                Ok(XzStatus::StreamEnd) => Step::End,
                Ok(_) => Step::More,
                Err(Error::MemLimit) => Step::Fault("it needs more than 128 MiB of memory".into()),
                Err(error) => Step::Fault(error.to_string()),
            },
        };
        let after = self.totals();
        // Neither is larger than what was passed in.
        let less = |after: u64, before: u64| usize::try_from(after - before).unwrap_or_default();
        (less(after.0, before.0), less(after.1, before.1), step)
    }

    fn totals(&self) -> (u64, u64) {
        match self {
            Decoder::Bzip2(decoder) => (decoder.total_in(), decoder.total_out()),
            Decoder::Xz(decoder) => (decoder.total_in(), decoder.total_out()),
        }
    }
}

/// The decoder of one blob.
pub(super) struct Stepped {
    format: Format,
    /// `None` between streams.
    decoder: Option<Decoder>,
    /// Where the current stream begins.
    stream: u64,
    /// How many streams have begun.
    streams: u64,
    /// The last call filled its output: there may be more without further input.
    pending: bool,
}

impl Stepped {
    pub(super) fn new(format: Format) -> Stepped {
        Stepped { format, decoder: None, stream: 0, streams: 0, pending: false }
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Inflates into `out` as soon as there is anything; 0 at the end.
    pub(super) fn read(&mut self, input: &mut Input<'_>, out: &mut [u8]) -> Result<usize, Broken> {
        loop {
            let Some(decoder) = &mut self.decoder else {
                if !self.begin(input)? {
                    return Ok(0);
                }
                continue;
            };
            if input.is_empty() && !self.pending && !input.more()? {
                let (name, at, stream) = (self.format.name(), input.position(), self.stream);
                return Err(cut(format!(
                    "{name} data ends at byte {at}, in the stream at byte {stream}; expected more"
                ))
                .into());
            }
            let (used, text, step) = decoder.step(input.bytes(), out);
            input.consume(used);
            self.pending = text == out.len();
            match step {
                Step::More if used == 0 && text == 0 && !self.pending && !input.is_empty() => {
                    return Err(self.broken(input, text, "it cannot go on"));
                }
                Step::More => {}
                Step::End => self.decoder = None,
                Step::Fault(why) => return Err(self.broken(input, text, &why)),
            }
            if text > 0 {
                return Ok(text);
            }
        }
    }

    /// Whether another stream follows.
    fn begin(&mut self, input: &mut Input<'_>) -> Result<bool, Cut> {
        let (name, magic) = (self.format.name(), self.format.magic());
        if self.format == Format::Xz && self.streams > 0 {
            // Streams may be padded with zeros.
            while input.need(1)? && input.bytes()[0] == 0 {
                let zeros = input.bytes().iter().take_while(|byte| **byte == 0).count();
                input.consume(zeros);
            }
        }
        if !input.need(magic.len())? && input.is_empty() {
            return Ok(false);
        }
        if !input.bytes().starts_with(magic) {
            let at = input.position();
            let found = input.left().map_or("data".to_owned(), |left| format!("{left} byte(s)"));
            return Err(cut(format!(
                "{found} after the end of the {name} stream at byte {at}; expected another stream \
                 or the end"
            )));
        }
        self.stream = input.position();
        self.streams += 1;
        self.pending = false;
        self.decoder = Some(self.format.decoder().map_err(cut)?);
        Ok(true)
    }

    fn broken(&self, input: &Input<'_>, text: usize, why: &str) -> Broken {
        let (name, at, stream) = (self.format.name(), input.position(), self.stream);
        let message = format!(
            "{name} data not readable at byte {at}, in the stream at byte {stream}: {why}; \
             expected a valid stream"
        );
        Broken { text, cut: cut(message) }
    }
}

fn cut(message: String) -> Cut {
    Cut { stage: Stage::Inflate, message }
}
