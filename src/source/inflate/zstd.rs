//! Streams zstd, frame by frame.
//!
//! The reference decoder says how much text a call gave only if the call succeeded. So it is fed one
//! block at a time, and never the header of the next block with it. A fault then costs only the text
//! of its own block, which cannot be decoded anyway.

use ::zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use crate::model::problem::Stage;
use crate::model::window::Cut;

use super::input::Input;
use super::terms::Broken;

/// How a frame with text begins.
pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// How a skippable frame begins: `50` to `5f`, then these.
pub(super) const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];

/// What the decoder asks for at the start of a frame.
const START_HINT: usize = 5;
/// The header of the next block, which the decoder's hint for a block includes.
const BLOCK_HEADER: usize = 3;

/// The decoder of one blob. It is not kept for the next, since it holds a window of up to 128 MiB.
pub(super) struct Zstd {
    decoder: Decoder<'static>,
    /// How many bytes the decoder would like next; 0 between frames.
    hint: usize,
    /// Where the current frame begins.
    frame: u64,
    /// The last call filled its output: there may be more without further input.
    pending: bool,
}

impl Zstd {
    pub(super) fn new() -> Result<Self, Cut> {
        match Decoder::new() {
            Ok(decoder) => Ok(Zstd { decoder, hint: 0, frame: 0, pending: false }),
            Err(error) => Err(cut(format!("cannot start the zstd decoder: {error}"))),
        }
    }

    /// Inflates into `out` as soon as there is anything; 0 at the end.
    pub(super) fn read(&mut self, input: &mut Input<'_>, out: &mut [u8]) -> Result<usize, Broken> {
        loop {
            if self.hint == 0 && !self.begin(input)? {
                return Ok(0);
            }
            if input.is_empty() && !self.pending && !input.more()? {
                let (at, frame) = (input.position(), self.frame);
                let message = format!(
                    "zstd data ends at byte {at}, in the frame at byte {frame}; expected more"
                );
                return Err(cut(message).into());
            }
            match self.step(input, out)? {
                0 => {}
                n => return Ok(n),
            }
        }
    }

    /// Whether another frame follows.
    fn begin(&mut self, input: &mut Input<'_>) -> Result<bool, Cut> {
        self.frame = input.position();
        if !input.need(MAGIC.len())? && input.is_empty() {
            return Ok(false);
        }
        if !is_frame(input.bytes()) {
            let at = input.position();
            let found = input.left().map_or("data".to_owned(), |left| format!("{left} byte(s)"));
            return Err(cut(format!(
                "{found} after the end of the zstd stream at byte {at}; expected a frame or the end"
            )));
        }
        self.decoder.reinit().map_err(|error| self.broken(input, &error))?;
        (self.hint, self.pending) = (START_HINT, false);
        Ok(true)
    }

    /// One call of the decoder: what it still holds, or else one piece of the input.
    fn step(&mut self, input: &mut Input<'_>, out: &mut [u8]) -> Result<usize, Cut> {
        let piece = if self.hint > BLOCK_HEADER { self.hint - BLOCK_HEADER } else { self.hint };
        let bytes = if self.pending { &[][..] } else { input.bytes() };
        let mut from = InBuffer::around(&bytes[..piece.min(bytes.len())]);
        let mut to = OutBuffer::around(out);
        let result = self.decoder.run(&mut from, &mut to);
        let (used, text) = (from.pos(), to.pos());
        self.pending = text == out.len();
        match result {
            Ok(hint) => {
                input.consume(used);
                self.hint = hint;
                Ok(text)
            }
            Err(error) => Err(self.broken(input, &error)),
        }
    }

    fn broken(&self, input: &Input<'_>, error: &std::io::Error) -> Cut {
        let (at, frame) = (input.position(), self.frame);
        cut(format!(
            "zstd data not readable at byte {at}, in the frame at byte {frame}: {error}; \
             expected a valid frame with a window of at most 128 MiB"
        ))
    }
}

/// Whether a frame, with text or skippable, begins here.
pub(super) fn is_frame(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC) || is_skippable(bytes.get(..4).unwrap_or_default())
}

fn is_skippable(bytes: &[u8]) -> bool {
    matches!(bytes, [0x50..=0x5f, rest @ ..] if rest == SKIPPABLE)
}

fn cut(message: String) -> Cut {
    Cut { stage: Stage::Inflate, message }
}
