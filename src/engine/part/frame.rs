//! A file as a list of frames, each of one kind, compressed and checked by itself.
//!
//! ```text
//! magic   16 bytes
//! frame   kind (1 byte), length and compressed length (4 bytes each), a zstd frame with its checksum
//! ...
//! frame   of kind End, with the number of frames before it, and a hash of these
//! ```
//!
//! Numbers are little-endian. The checksum of a zstd frame tells which one is damaged; the hash covers all
//! bytes, kinds and lengths too. What must stay true: a file that is cut off, changed or continued is an
//! error, never a shorter table; and no frame costs more memory than it says, within a limit.

use std::io::{self, Read, Write};

use twox_hash::XxHash3_64;

use crate::engine::store::runs::{Row, Rows};

/// How every file begins. The last number is that of the format.
const MAGIC: &[u8; 16] = b"keytrail part 2\n";

/// Bytes of a frame at which it is written.
const FULL: usize = 256 << 10; // 256 KiB

/// No frame is longer: the largest record that is read, its label, and room for what stands beside it.
const LONGEST: usize = 192 << 20; // 192 MiB

/// No frame of rows or of small entries is longer.
const LONGEST_OF_SMALL: usize = 4 << 20; // 4 MiB

/// A file gives so many times its bytes, and so many bytes more (64 MiB): what is written never comes near.
const RATIO: u64 = 250;
const GIVEN: u64 = 64 << 20;

/// Rows of one frame.
const ROWS: usize = 8 << 10;

/// One of zstd's quick levels: the file is read as often as it is written, and both must not cost what
/// reading the logs does.
const LEVEL: i32 = 1;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Head,
    Name,
    UseWord,
    UseTexts,
    UseText,
    Use,
    TouchWord,
    Touch,
    Kept,
    Group,
    Endpoint,
    Call,
    Fact,
    Looked,
    Object,
    Issued,
    Undoing,
    Covered,
    Delivery,
    Tags,
    File,
    Join,
    Problem,
    Note,
    Account,
    Region,
    Counted,
    Done,
    Open,
    Habit,
    Found,
    Rest,
    End,
}

impl Kind {
    const ALL: [Kind; 33] = [
        Kind::Head,
        Kind::Name,
        Kind::UseWord,
        Kind::UseTexts,
        Kind::UseText,
        Kind::Use,
        Kind::TouchWord,
        Kind::Touch,
        Kind::Kept,
        Kind::Group,
        Kind::Endpoint,
        Kind::Call,
        Kind::Fact,
        Kind::Looked,
        Kind::Object,
        Kind::Issued,
        Kind::Undoing,
        Kind::Covered,
        Kind::Delivery,
        Kind::Tags,
        Kind::File,
        Kind::Join,
        Kind::Problem,
        Kind::Note,
        Kind::Account,
        Kind::Region,
        Kind::Counted,
        Kind::Done,
        Kind::Open,
        Kind::Habit,
        Kind::Found,
        Kind::Rest,
        Kind::End,
    ];
}

impl Kind {
    /// How long a frame of it may be.
    fn longest(self) -> usize {
        match self {
            Kind::UseWord | Kind::UseText | Kind::TouchWord => LONGEST,
            Kind::Kept | Kind::Group | Kind::Found | Kind::Endpoint | Kind::Tags => LONGEST,
            _ => LONGEST_OF_SMALL,
        }
    }
}

/// Something that is not as it was written.
pub fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

/// Writes frames.
pub struct FrameWriter<W> {
    out: W,
    packer: zstd::bulk::Compressor<'static>,
    /// The frame at hand, of one kind.
    open: Vec<u8>,
    kind: Kind,
    sum: Sum,
}

impl<W: Write> FrameWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(mut out: W) -> io::Result<FrameWriter<W>> {
        out.write_all(MAGIC)?;
        let mut packer = zstd::bulk::Compressor::new(LEVEL)?;
        packer.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
        Ok(FrameWriter { out, packer, open: Vec::new(), kind: Kind::Head, sum: Sum::default() })
    }

    /// Adds bytes to the frame at hand if that is of the same kind and not full, else to a new one.
    ///
    /// # Errors
    /// When a frame cannot be written, or is too long.
    pub fn add(&mut self, kind: Kind, pieces: &[&[u8]]) -> io::Result<()> {
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        if kind != self.kind || self.open.len() + len > FULL {
            self.close()?;
            self.kind = kind;
        }
        pieces.iter().for_each(|piece| self.open.extend_from_slice(piece));
        Ok(())
    }

    /// Adds a text behind its length.
    ///
    /// # Errors
    /// As [`add`](FrameWriter::add).
    pub fn text(&mut self, kind: Kind, text: &[u8]) -> io::Result<()> {
        let len = u32::try_from(text.len()).map_err(io::Error::other)?;
        self.add(kind, &[&len.to_le_bytes(), text])
    }

    /// Adds a value.
    ///
    /// # Errors
    /// As [`add`](FrameWriter::add).
    pub fn value(&mut self, kind: Kind, value: &impl serde::Serialize) -> io::Result<()> {
        let bytes = postcard::to_allocvec(value).map_err(io::Error::other)?;
        self.add(kind, &[&bytes])
    }

    /// Adds rows, column by column.
    ///
    /// # Errors
    /// As [`add`](FrameWriter::add), and when rows cannot be read back from a temporary file.
    pub fn rows<T: Row>(&mut self, kind: Kind, rows: &Rows<T>) -> io::Result<()> {
        let mut some: Vec<T> = Vec::with_capacity(ROWS);
        rows.each(|row| {
            some.push(*row);
            if some.len() < ROWS {
                return Ok(());
            }
            self.columns(kind, &some)?;
            some.clear();
            Ok(())
        })?;
        if some.is_empty() { Ok(()) } else { self.columns(kind, &some) }
    }

    fn columns<T: Row>(&mut self, kind: Kind, rows: &[T]) -> io::Result<()> {
        let mut words = vec![0; T::WORDS];
        let mut bytes = vec![0; rows.len() * T::WORDS * 8];
        for (at, row) in rows.iter().enumerate() {
            row.write(&mut words);
            for (column, word) in words.iter().enumerate() {
                let begin = (column * rows.len() + at) * 8;
                bytes[begin..begin + 8].copy_from_slice(&word.to_le_bytes());
            }
        }
        self.close()?;
        self.add(kind, &[&bytes])?;
        self.close()
    }

    /// Writes the frame at hand.
    ///
    /// # Errors
    /// As [`add`](FrameWriter::add).
    pub fn close(&mut self) -> io::Result<()> {
        if self.open.is_empty() {
            return Ok(());
        }
        if self.open.len() > self.kind.longest() {
            return Err(invalid("an entry is too long to be written"));
        }
        let packed = self.packer.compress(&self.open)?;
        let mut head = vec![self.kind as u8];
        for len in [self.open.len(), packed.len()] {
            head.extend(u32::try_from(len).map_err(io::Error::other)?.to_le_bytes());
        }
        self.out.write_all(&head)?;
        self.out.write_all(&packed)?;
        self.open.clear();
        self.sum.add(&head, &packed);
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.close()?;
        let sum = self.sum.bytes();
        self.add(Kind::End, &[&sum])?;
        self.close()?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// All frames so far.
#[derive(Debug, Default)]
struct Sum {
    frames: u64,
    hash: u64,
}

impl Sum {
    fn add(&mut self, head: &[u8], packed: &[u8]) {
        self.frames += 1;
        let hash = XxHash3_64::oneshot_with_seed(self.hash, head);
        self.hash = XxHash3_64::oneshot_with_seed(hash, packed);
    }

    /// Their number and their hash.
    fn bytes(&self) -> Vec<u8> {
        [self.frames, self.hash].iter().flat_map(|word| word.to_le_bytes()).collect()
    }
}

/// Reads frames.
pub struct FrameReader<R> {
    from: R,
    sum: Sum,
    /// Bytes that were read, and what they gave.
    read: u64,
    given: u64,
    /// Reused from frame to frame.
    packed: Vec<u8>,
}

impl<R: Read> FrameReader<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// When it cannot be read, or is something else.
    pub fn new(mut from: R) -> io::Result<FrameReader<R>> {
        let mut magic = [0; MAGIC.len()];
        from.read_exact(&mut magic).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => invalid("it is not what facts writes"),
            _ => error,
        })?;
        if magic != *MAGIC {
            return Err(invalid("it is not what this version of facts writes"));
        }
        Ok(FrameReader { from, sum: Sum::default(), read: 0, given: 0, packed: Vec::new() })
    }

    /// The next frame; `None` at the end.
    ///
    /// # Errors
    /// When it cannot be read or is not as it was written.
    pub fn next(&mut self) -> io::Result<Option<(Kind, Vec<u8>)>> {
        let mut head = [0; 9];
        self.exact(&mut head)?;
        let [kind, lens @ ..] = head;
        let kind = Kind::ALL.get(usize::from(kind)).copied();
        let kind = kind.ok_or_else(|| invalid("a frame is of no known kind"))?;
        let (lens, _) = lens.as_chunks::<4>();
        let [len, packed] = [0, 1].map(|at: usize| u32::from_le_bytes(lens[at]) as usize);
        if len > kind.longest() || packed > zstd::zstd_safe::compress_bound(LONGEST) {
            return Err(invalid("a frame is too long"));
        }
        self.read = self.read.saturating_add(packed as u64);
        self.given = self.given.saturating_add(len as u64);
        if self.given > self.read.saturating_mul(RATIO).saturating_add(GIVEN) {
            return Err(invalid("it would give more than it can hold"));
        }
        self.packed.clear();
        // Not more than is there, whatever the length says.
        self.from.by_ref().take(packed as u64).read_to_end(&mut self.packed)?;
        if self.packed.len() != packed {
            return Err(invalid("it is cut off"));
        }
        let bytes = zstd::bulk::decompress(&self.packed, len)
            .map_err(|error| invalid(format!("a frame is damaged: {error}")))?;
        if bytes.len() != len {
            return Err(invalid("a frame is damaged: it has another length"));
        }
        if kind != Kind::End {
            self.sum.add(&head, &self.packed);
            return Ok(Some((kind, bytes)));
        }
        if bytes != self.sum.bytes() {
            return Err(invalid("frames are missing or were changed"));
        }
        match self.from.read(&mut [0])? {
            0 => Ok(None),
            _ => Err(invalid("something stands behind its end")),
        }
    }

    fn exact(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.from.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => invalid("it is cut off"),
            _ => error,
        })
    }
}

/// Hands each text of a frame to `take`.
///
/// # Errors
/// What `take` returns, and when the last text is cut off.
pub fn texts(mut bytes: &[u8], mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    while let Some((len, rest)) = bytes.split_first_chunk::<4>() {
        let len = u32::from_le_bytes(*len) as usize;
        let (text, rest) =
            rest.split_at_checked(len).ok_or_else(|| invalid("a text is cut off"))?;
        take(text)?;
        bytes = rest;
    }
    if bytes.is_empty() { Ok(()) } else { Err(invalid("a text is cut off")) }
}

/// Hands each value of a frame to `take`.
///
/// # Errors
/// What `take` returns, and when something else was written.
pub fn values<'b, T: serde::Deserialize<'b>>(
    mut bytes: &'b [u8],
    mut take: impl FnMut(T) -> io::Result<()>,
) -> io::Result<()> {
    while !bytes.is_empty() {
        let (value, rest) = postcard::take_from_bytes(bytes)
            .map_err(|_| invalid("a value is not as it was written"))?;
        take(value)?;
        bytes = rest;
    }
    Ok(())
}

/// Hands each row of a frame to `take`.
///
/// # Errors
/// What `take` returns, and when the frame holds no whole rows.
pub fn rows<T: Row>(bytes: &[u8], mut take: impl FnMut(T) -> io::Result<()>) -> io::Result<()> {
    let (all, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() || !all.len().is_multiple_of(T::WORDS) {
        return Err(invalid("a row is cut off"));
    }
    let count = all.len() / T::WORDS;
    let mut words = vec![0; T::WORDS];
    for row in 0..count {
        for (column, word) in words.iter_mut().enumerate() {
            *word = u64::from_le_bytes(all[column * count + row]);
        }
        take(T::read(&words))?;
    }
    Ok(())
}
