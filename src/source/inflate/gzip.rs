//! Streams gzip, member by member.
//!
//! This module reads header and trailer and leaves only the deflate data to flate2. The gzip readers
//! of flate2 stop after the first member or hide what follows the last, and all of them drop the text
//! that was inflated by the call that met the fault. Here every byte before a fault is given, and the
//! fault comes with the offset of the compressed byte. Headers are judged as libdeflate judges them,
//! so that both ways accept the same blobs.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use crate::model::problem::Stage;
use crate::model::window::Cut;

use super::input::Input;
use super::terms::Broken;

/// How every member begins.
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

const DEFLATE: u8 = 8;
const HAS_HEADER_CRC: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0xe0;

/// The decoder of one blob.
#[derive(Debug)]
pub(super) struct Gzip {
    inflate: Decompress,
    crc: Crc,
    at: At,
    /// Where the current member begins.
    member: u64,
    /// How many members have begun.
    members: u64,
    trailing: bool,
    /// The last call filled its output: there may be more without further input.
    pending: bool,
}

#[derive(Debug, Clone, Copy)]
enum At {
    Header,
    Body,
    Trailer,
}

impl Gzip {
    pub(super) fn new() -> Self {
        Gzip {
            inflate: Decompress::new(false),
            crc: Crc::new(),
            at: At::Header,
            member: 0,
            members: 0,
            trailing: false,
            pending: false,
        }
    }

    /// How many members have begun, and whether something follows them that is none.
    pub(super) fn members(&self) -> (u64, bool) {
        (self.members, self.trailing)
    }

    /// Inflates into `out` as soon as there is anything; 0 at the end.
    pub(super) fn read(&mut self, input: &mut Input<'_>, out: &mut [u8]) -> Result<usize, Broken> {
        loop {
            match self.at {
                At::Header => {
                    if !self.begin(input)? {
                        return Ok(0);
                    }
                    self.header(input)?;
                    self.inflate.reset(false);
                    self.crc.reset();
                    self.pending = false;
                    self.at = At::Body;
                }
                At::Body => match self.body(input, out)? {
                    0 => {}
                    n => return Ok(n),
                },
                At::Trailer => {
                    self.trailer(input)?;
                    self.at = At::Header;
                }
            }
        }
    }

    /// Whether another member follows.
    fn begin(&mut self, input: &mut Input<'_>) -> Result<bool, Cut> {
        self.member = input.position();
        if !input.need(MAGIC.len())? && input.is_empty() {
            return Ok(false);
        }
        if self.members > 0 && !input.bytes().starts_with(&MAGIC) {
            self.trailing = true;
            return Err(trailing_data(input.position(), input.left()));
        }
        self.members += 1;
        Ok(true)
    }

    fn header(&mut self, input: &mut Input<'_>) -> Result<(), Cut> {
        self.need(input, 10, "header")?;
        let (method, flags) = (input.bytes()[2], input.bytes()[3]);
        if method != DEFLATE || flags & RESERVED != 0 {
            let found = format!("method {method} and flags {flags:#04x}");
            let member = self.member;
            return Err(cut(format!(
                "bad gzip header at byte {member}: {found}; expected method 8 and known flags"
            )));
        }
        input.consume(10);
        if flags & HAS_EXTRA != 0 {
            self.need(input, 2, "header")?;
            let extra = u16::from_le_bytes([input.bytes()[0], input.bytes()[1]]);
            input.consume(2);
            self.skip(input, usize::from(extra))?;
        }
        for flag in [HAS_NAME, HAS_COMMENT] {
            if flags & flag != 0 {
                self.skip_string(input)?;
            }
        }
        if flags & HAS_HEADER_CRC != 0 {
            self.skip(input, 2)?;
        }
        Ok(())
    }

    fn body(&mut self, input: &mut Input<'_>, out: &mut [u8]) -> Result<usize, Broken> {
        loop {
            if input.is_empty() && !self.pending && !input.more()? {
                return Err(self.truncated(input, "deflate data").into());
            }
            let (read, written) = (self.inflate.total_in(), self.inflate.total_out());
            let result = self.inflate.decompress(input.bytes(), out, FlushDecompress::None);
            // Bounded by the lengths of the two slices.
            let used = (self.inflate.total_in() - read) as usize;
            let text = (self.inflate.total_out() - written) as usize;
            let stuck = used == 0 && text == 0 && !input.is_empty();
            input.consume(used);
            self.crc.update(&out[..text]);
            self.pending = text == out.len();
            match result {
                Ok(Status::StreamEnd) => {
                    self.at = At::Trailer;
                    return Ok(text);
                }
                Ok(_) if text > 0 => return Ok(text),
                Ok(_) if !stuck => {}
                Ok(_) | Err(_) => {
                    let (at, member) = (input.position(), self.member);
                    let cut = cut(format!(
                        "corrupt gzip data at byte {at}, in the member at byte {member}; \
                         expected valid deflate data"
                    ));
                    return Err(Broken { text, cut });
                }
            }
        }
    }

    fn trailer(&mut self, input: &mut Input<'_>) -> Result<(), Cut> {
        self.need(input, 8, "trailer")?;
        let (crc, size) = (word(&input.bytes()[..4]), word(&input.bytes()[4..8]));
        let (at, member) = (input.position(), self.member);
        input.consume(8);
        let text = format!("the text of the gzip member at byte {member}");
        if crc != self.crc.sum() {
            let sum = self.crc.sum();
            return Err(cut(format!(
                "CRC mismatch at byte {at}: {text} has {sum:08x}, its trailer says {crc:08x}"
            )));
        }
        if size != self.crc.amount() {
            let amount = self.crc.amount();
            return Err(cut(format!(
                "length mismatch at byte {at}: {text} has {amount} bytes modulo 2^32, \
                 its trailer says {size}"
            )));
        }
        Ok(())
    }

    fn need(&self, input: &mut Input<'_>, n: usize, part: &str) -> Result<(), Cut> {
        if input.need(n)? { Ok(()) } else { Err(self.truncated(input, part)) }
    }

    fn skip(&self, input: &mut Input<'_>, mut n: usize) -> Result<(), Cut> {
        while n > 0 {
            self.need(input, 1, "header")?;
            let here = n.min(input.bytes().len());
            input.consume(here);
            n -= here;
        }
        Ok(())
    }

    fn skip_string(&self, input: &mut Input<'_>) -> Result<(), Cut> {
        loop {
            self.need(input, 1, "header")?;
            match memchr::memchr(0, input.bytes()) {
                Some(nul) => {
                    input.consume(nul + 1);
                    return Ok(());
                }
                None => input.consume(input.bytes().len()),
            }
        }
    }

    fn truncated(&self, input: &Input<'_>, part: &str) -> Cut {
        let (at, member) = (input.read(), self.member);
        cut(format!(
            "gzip data ends at byte {at}, in the {part} of the member at byte {member}; \
             expected more"
        ))
    }
}

/// What follows the last member is no member: `left` bytes of it, if that is known.
pub(super) fn trailing_data(at: u64, left: Option<u64>) -> Cut {
    let found = match left {
        Some(1) => "1 byte".to_owned(),
        Some(left) => format!("{left} bytes"),
        None => "data".to_owned(),
    };
    cut(format!(
        "{found} after the end of the gzip stream at byte {at}; expected a member or the end"
    ))
}

fn cut(message: String) -> Cut {
    Cut { stage: Stage::Inflate, message }
}

fn word(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte))
}
