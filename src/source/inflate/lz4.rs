//! Streams lz4, frame by frame, block by block.
//!
//! The library's own reader of frames takes a file that is cut off between two blocks for a whole one.
//! So only blocks are left to it. What must stay true: a frame ends with its mark, and a block is given
//! once its checksum holds, if it has one.
//!
//! Source: LZ4 Frame Format Description, version 1.6.4.

use std::hash::Hasher;

use lz4_flex::block::decompress_into_with_dict;
use twox_hash::XxHash32;

use crate::model::problem::Stage;
use crate::model::window::Cut;

use super::input::Input;
use super::terms::Broken;

/// How a frame begins.
pub(super) const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];

/// How far back a block may refer.
const WINDOW: usize = 64 << 10;
/// A block that is stored as it is has this bit in its size.
const AS_IT_IS: u32 = 1 << 31;

const HAS_DICTIONARY: u8 = 1;
const HAS_CONTENT_SUM: u8 = 1 << 2;
const HAS_CONTENT_SIZE: u8 = 1 << 3;
const HAS_BLOCK_SUMS: u8 = 1 << 4;
const INDEPENDENT: u8 = 1 << 5;

/// The decoder of one blob.
#[derive(Default)]
pub(super) struct Lz4 {
    frame: Option<Frame>,
    /// Where the current frame begins.
    begin: u64,
    /// A block as it is stored.
    packed: Vec<u8>,
    /// The last blocks. Made once for the largest block, so that tiny ones cost little.
    text: Vec<u8>,
    /// Of `text` this is to be given.
    given: usize,
    end: usize,
}

/// What a frame says of its blocks.
struct Frame {
    flags: u8,
    block_max: usize,
    /// The hash of all its text, if it has one.
    sum: Option<XxHash32>,
    /// How much text it has, if it says so, and how much there was.
    size: Option<u64>,
    seen: u64,
}

impl Lz4 {
    /// Inflates into `out` as soon as there is anything; 0 at the end.
    pub(super) fn read(&mut self, input: &mut Input<'_>, out: &mut [u8]) -> Result<usize, Broken> {
        while self.given == self.end {
            let more = match self.frame.take() {
                Some(frame) => {
                    self.frame = self.block(frame, input)?;
                    true
                }
                None => self.begin(input)?,
            };
            if !more {
                return Ok(0);
            }
        }
        let len = out.len().min(self.end - self.given);
        out[..len].copy_from_slice(&self.text[self.given..self.given + len]);
        self.given += len;
        Ok(len)
    }

    /// Whether another frame follows.
    fn begin(&mut self, input: &mut Input<'_>) -> Result<bool, Cut> {
        self.begin = input.position();
        if !input.need(MAGIC.len())? && input.is_empty() {
            return Ok(false);
        }
        if !input.bytes().starts_with(&MAGIC) {
            let at = self.begin;
            let found = input.left().map_or("data".to_owned(), |left| format!("{left} byte(s)"));
            return Err(cut(format!(
                "{found} after the end of the lz4 stream at byte {at}; expected a frame or the end"
            )));
        }
        input.consume(MAGIC.len());
        let frame = self.header(input)?;
        // Room for two blocks: what they refer to is moved once for each of that size.
        let room = 2 * frame.block_max + WINDOW;
        if self.text.len() < room {
            self.text = vec![0; room];
        }
        (self.given, self.end) = (0, 0);
        self.frame = Some(frame);
        Ok(true)
    }

    fn header(&self, input: &mut Input<'_>) -> Result<Frame, Cut> {
        let (flags, sizes) = self.bytes(input, 2).map(|bytes| (bytes[0], bytes[1]))?;
        let has = |flag: u8| flags & flag != 0;
        let more =
            if has(HAS_CONTENT_SIZE) { 8 } else { 0 } + if has(HAS_DICTIONARY) { 4 } else { 0 };
        let header = self.bytes(input, 2 + more + 1)?.to_vec();
        input.consume(header.len());
        let Some((sum, header)) = header.split_last() else {
            return Err(self.broken(input, "no header"));
        };
        let hash = XxHash32::oneshot(0, header);
        if flags >> 6 != 1 || hash.to_le_bytes()[1] != *sum {
            return Err(self.broken(input, "its header is damaged, or of a later version"));
        }
        if has(HAS_DICTIONARY) {
            return Err(self.broken(input, "it needs a dictionary; decompress it first"));
        }
        let block_max = match sizes >> 4 & 7 {
            size @ 4..=7 => 1 << (8 + 2 * size),
            _ => return Err(self.broken(input, "its blocks have no known size")),
        };
        let size = header.get(2..10).filter(|_| has(HAS_CONTENT_SIZE));
        Ok(Frame {
            flags,
            block_max,
            sum: has(HAS_CONTENT_SUM).then(|| XxHash32::with_seed(0)),
            size: size.and_then(|bytes| Some(u64::from_le_bytes(*bytes.first_chunk()?))),
            seen: 0,
        })
    }

    /// Reads a block; the frame, if that was not its end.
    fn block(&mut self, mut frame: Frame, input: &mut Input<'_>) -> Result<Option<Frame>, Cut> {
        let head = self.word(input)?;
        if head == 0 {
            return self.end(&frame, input).map(|()| None);
        }
        let len = (head & !AS_IT_IS) as usize;
        if len > frame.block_max {
            return Err(self.broken(input, "a block is larger than the frame allows"));
        }
        self.packed.resize(len, 0);
        let mut filled = 0;
        while filled < len {
            match input.take(&mut self.packed[filled..])? {
                0 => return Err(self.ended(input)),
                more => filled += more,
            }
        }
        if frame.flags & HAS_BLOCK_SUMS != 0
            && self.word(input)? != XxHash32::oneshot(0, &self.packed)
        {
            return Err(self.broken(input, "checksum mismatch of a block"));
        }
        if self.end + frame.block_max > self.text.len() {
            self.text.copy_within(self.end - WINDOW..self.end, 0);
            (self.given, self.end) = (WINDOW, WINDOW);
        }
        let text = if head & AS_IT_IS != 0 {
            self.text[self.end..self.end + len].copy_from_slice(&self.packed);
            len
        } else {
            let (before, block) = self.text.split_at_mut(self.end);
            let far = if frame.flags & INDEPENDENT == 0 { WINDOW } else { 0 };
            let window = &before[before.len().saturating_sub(far)..];
            let block = &mut block[..frame.block_max];
            let text = decompress_into_with_dict(&self.packed, block, window);
            text.map_err(|error| self.broken(input, &error.to_string()))?
        };
        self.end += text;
        frame.seen += text as u64;
        frame.sum.iter_mut().for_each(|sum| sum.write(&self.text[self.given..self.end]));
        Ok(Some(frame))
    }

    /// Checks what a frame says of all its text.
    fn end(&self, frame: &Frame, input: &mut Input<'_>) -> Result<(), Cut> {
        if let Some(sum) = &frame.sum {
            // The hash has 32 bits.
            let hash = (sum.finish() & u64::from(u32::MAX)) as u32;
            if self.word(input)? != hash {
                return Err(
                    self.broken(input, "checksum mismatch: its text is not what was packed")
                );
            }
        }
        match frame.size {
            Some(size) if size != frame.seen => {
                Err(self.broken(input, "its text has another length"))
            }
            _ => Ok(()),
        }
    }

    fn word(&self, input: &mut Input<'_>) -> Result<u32, Cut> {
        let word = self.bytes(input, 4)?.first_chunk().copied().unwrap_or_default();
        input.consume(4);
        Ok(u32::from_le_bytes(word))
    }

    /// The next `n` bytes, not consumed.
    fn bytes<'i>(&self, input: &'i mut Input<'_>, n: usize) -> Result<&'i [u8], Cut> {
        if !input.need(n)? {
            return Err(self.ended(input));
        }
        Ok(&input.bytes()[..n])
    }

    fn ended(&self, input: &Input<'_>) -> Cut {
        let (at, frame) = (input.position(), self.begin);
        cut(format!("lz4 data ends at byte {at}, in the frame at byte {frame}; expected more"))
    }

    fn broken(&self, input: &Input<'_>, why: &str) -> Cut {
        let (at, frame) = (input.position(), self.begin);
        cut(format!(
            "lz4 data not readable at byte {at}, in the frame at byte {frame}: {why}; expected a \
             valid frame"
        ))
    }
}

fn cut(message: String) -> Cut {
    Cut { stage: Stage::Inflate, message }
}
