//! The members of a tar, as they come.
//!
//! Nothing is held but a header and the path that a header before it may give. What must stay true: a
//! member is given only if the checksum of its header holds, and the archive ends with its mark. Further
//! tars behind that are read as well.
//!
//! Sources: POSIX.1-2024, "pax"; GNU tar manual, "Basic Tar Format".

use std::io::{self, Read};

use ::tar::{EntryType, Header};

use crate::model::window::{Cut, Window};
use crate::source::budget::Budget;
use crate::source::inflate::Text;

use super::member::{Each, FOLDER_WITH_CONTENT, Fault, Found, Member, Rest, broken};

const BLOCK: usize = 512;
type Block = [u8; BLOCK];

/// The largest header that gives the path of another (1 MiB).
const LONG_MAX: u64 = 1 << 20;

/// Whether a tar begins with this block. No text does, since a header has zeros in it.
pub(super) fn begins(block: &Block) -> bool {
    block.contains(&0) && (block[257..].starts_with(b"ustar") || has_checksum(block))
}

/// The size of a tar without members, as it is usually written.
const EMPTY_MAX: usize = 20 * BLOCK;

/// Whether a tar without members may begin with these bytes.
pub(super) fn may_be_empty(head: &[u8]) -> bool {
    head.len() <= EMPTY_MAX && head.iter().all(|byte| *byte == 0)
}

/// Whether this is a tar without members: nothing but its mark, two blocks of zeros or more.
pub(super) fn is_empty(all: &[u8]) -> bool {
    may_be_empty(all) && all.len() >= 2 * BLOCK && all.len().is_multiple_of(BLOCK)
}

/// Whether the bytes add up to what the header says, its own sum taken for spaces.
fn has_checksum(block: &Block) -> bool {
    let bytes = block.iter().enumerate();
    let bytes = bytes.map(|(at, byte)| if (148..156).contains(&at) { b' ' } else { *byte });
    let (mut sum, mut signed) = (0, 0);
    for byte in bytes {
        sum += u32::from(byte);
        // Old tars of some systems took bytes for signed ones.
        signed += i32::from(byte.cast_signed());
    }
    let said = Header::from_byte_slice(block).cksum();
    said.is_ok_and(|said| said == sum || said.cast_signed() == signed)
}

/// Gives each member of the tar in `text`.
pub(super) fn members(
    text: &mut Text<'_>,
    budget: Option<&Budget>,
    each: Each<'_>,
) -> Result<(), Fault> {
    let mut tar = Tar { rest: Rest { text, budget }, told: false };
    let (mut told, mut at_end) = (Ahead::default(), false);
    while let Some(block) = tar.block()? {
        if block == [0; BLOCK] {
            at_end = true;
            continue;
        }
        if !has_checksum(&block) {
            return Err(tar.no_header(at_end).into());
        }
        at_end = false;
        let header = Header::from_byte_slice(&block);
        // A pax header tells the size of the member, not of the headers in front of it.
        let own = header.entry_size().map_err(|error| tar.damaged(&error.to_string()));
        let size = |told: Option<u64>| told.map_or(own, Ok);
        let goes_on = match header.entry_type() {
            EntryType::XHeader => {
                let records = tar.long(size(None)?)?;
                told.pax(&records).ok_or_else(|| tar.damaged("a pax header cannot be read"))?;
                true
            }
            EntryType::GNULongName => {
                told.long_name(tar.long(size(None)?)?);
                true
            }
            kind => {
                let path = told.path.take().unwrap_or_else(|| header.path_bytes().into_owned());
                let sparse = told.sparse || kind == EntryType::GNUSparse;
                let size = if has_none(kind) { 0 } else { size(told.size)? };
                told = Ahead::default();
                match kind {
                    _ if sparse => {
                        tar.skip_map(header)?;
                        each(Found::LeftOut { path, kind: "sparse".into() })
                            && tar.pass(size).map(|()| true)?
                    }
                    // Old tars have folders so; what has content may be anything.
                    _ if is_file(kind) && path.ends_with(b"/") && size > 0 => {
                        each(Found::LeftOut { path, kind: FOLDER_WITH_CONTENT.into() })
                            && tar.pass(size).map(|()| true)?
                    }
                    _ if kind.as_byte() == b'M' && size > 0 => {
                        each(Found::LeftOut { path, kind: OTHER_VOLUME.into() })
                            && tar.pass(size).map(|()| true)?
                    }
                    _ if is_file(kind) && !path.ends_with(b"/") => tar.member(path, size, each)?,
                    _ => tar.pass(size).map(|()| true)?,
                }
            }
        };
        if !goes_on {
            return Ok(());
        }
    }
    match at_end {
        true => Ok(()),
        false => Err(tar.damaged("the tar ends without its mark; it may lack members").into()),
    }
}

/// What a file is of which an earlier volume of the archive has the beginning.
const OTHER_VOLUME: &str = "the rest of a file from another volume";

/// Whether an entry has no content, whatever its header says: old tars write the size of the file that a
/// hard link is to.
fn has_none(kind: EntryType) -> bool {
    use EntryType::{Block, Char, Directory, Fifo, Link, Symlink};
    matches!(kind, Block | Char | Directory | Fifo | Link | Symlink)
}

/// Whether an entry is a file. Links, devices and folders have no text; kinds that nobody knows are
/// files, as POSIX says.
fn is_file(kind: EntryType) -> bool {
    use EntryType::{Block, Char, Directory, Fifo, GNULongLink, Link, Symlink, XGlobalHeader};
    let known = matches!(
        kind,
        Block | Char | Directory | Fifo | GNULongLink | Link | Symlink | XGlobalHeader
    );
    // Folders, volume labels and the like of GNU's dumps, Solaris' ACLs, Star's old pax headers.
    !known && !matches!(kind.as_byte(), b'D' | b'M' | b'N' | b'V' | b'A' | b'E' | b'I' | b'X')
}

/// What headers say of the member that follows.
#[derive(Default)]
struct Ahead {
    path: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

impl Ahead {
    /// Takes in records; `None` if they are none.
    fn pax(&mut self, records: &[u8]) -> Option<()> {
        let mut rest = records;
        while !rest.is_empty() {
            // By the length that stands before each: values may have line breaks.
            let space = rest.iter().position(|byte| *byte == b' ')?;
            let len: usize = std::str::from_utf8(&rest[..space]).ok()?.parse().ok()?;
            let (record, more) = rest.split_at_checked(len)?;
            let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
            rest = more;
            let equals = record.iter().position(|byte| *byte == b'=')?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"size" => self.size = Some(std::str::from_utf8(value).ok()?.parse().ok()?),
                key => self.sparse |= key.starts_with(b"GNU.sparse."),
            }
        }
        Some(())
    }

    fn long_name(&mut self, mut name: Vec<u8>) {
        name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
        self.path = Some(name);
    }
}

struct Tar<'r, 't> {
    rest: Rest<'r, 't>,
    /// Whether a member has said why there is no more.
    told: bool,
}

impl Tar<'_, '_> {
    /// The next block; `None` at the end.
    fn block(&mut self) -> Result<Option<Block>, Fault> {
        let (mut block, mut len) = ([0; BLOCK], 0);
        while len < BLOCK {
            match self.rest.give(&mut block[len..])? {
                0 if len == 0 => return Ok(None),
                0 => return Err(self.damaged("the tar ends within a block of 512 bytes").into()),
                more => len += more,
            }
        }
        Ok(Some(block))
    }

    /// The content of a header that is as long as it likes.
    fn long(&mut self, size: u64) -> Result<Vec<u8>, Fault> {
        if size > LONG_MAX {
            let why = format!("a header of {size} bytes; expected at most {LONG_MAX}");
            return Err(self.damaged(&why).into());
        }
        let mut long = Vec::new();
        let read = Within { tar: self, left: size }.read_to_end(&mut long);
        match read {
            Ok(_) => self.pad(size).map(|()| long),
            Err(error) => {
                Err(error.downcast().unwrap_or_else(|error| broken(error.to_string())).into())
            }
        }
    }

    /// Gives a member, and passes what is left of it.
    fn member(&mut self, path: Vec<u8>, size: u64, each: Each<'_>) -> Result<bool, Fault> {
        let begin = self.rest.text.offset();
        let reader = Box::new(Within { tar: self, left: size });
        if !each(Found::Member(Member { path, reader, size, stored: size })) {
            return Ok(false);
        }
        if self.told {
            return Err(Fault::Told);
        }
        self.skip(size - (self.rest.text.offset() - begin))?;
        self.pad(size).map(|()| true)
    }

    /// Passes an entry.
    fn pass(&mut self, size: u64) -> Result<(), Fault> {
        self.skip(size)?;
        self.pad(size)
    }

    /// Passes what fills the last block of so many bytes.
    fn pad(&mut self, size: u64) -> Result<(), Fault> {
        self.skip(size.wrapping_neg() % BLOCK as u64)
    }

    /// Passes bytes.
    fn skip(&mut self, mut left: u64) -> Result<(), Fault> {
        while left > 0 {
            let view = self.rest.view()?.len();
            if view == 0 {
                return Err(self.damaged(&format!("the tar ends {left} bytes early")).into());
            }
            let len = usize::try_from(left).map_or(view, |left| view.min(left));
            self.rest.text.consume(len);
            left -= len as u64;
        }
        Ok(())
    }

    /// Passes the map of a sparse file, which goes on in blocks of its own.
    fn skip_map(&mut self, header: &Header) -> Result<(), Fault> {
        let mut more = header.as_gnu().is_some_and(::tar::GnuHeader::is_extended);
        while more {
            let Some(block) = self.block()? else { break };
            more = block[504] == 1;
        }
        Ok(())
    }

    /// What it means that a block is no header.
    fn no_header(&self, at_end: bool) -> Cut {
        let at = self.rest.text.offset() - BLOCK as u64;
        broken(match at_end {
            true => format!("data at byte {at}, after the end of the tar; expected nothing"),
            false => format!(
                "the tar is damaged at byte {at}: expected the header of a member; the rest is not read"
            ),
        })
    }

    fn damaged(&self, why: &str) -> Cut {
        let at = self.rest.text.offset();
        broken(format!("the tar is damaged before byte {at}: {why}; expected more members"))
    }
}

/// The bytes of one member.
struct Within<'w, 'r, 't> {
    tar: &'w mut Tar<'r, 't>,
    left: u64,
}

impl Read for Within<'_, '_, '_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(out.len(), |left| left.min(out.len()));
        if most == 0 {
            return Ok(0);
        }
        let read = self.tar.rest.give(&mut out[..most]);
        let len = read.inspect_err(|_| self.tar.told = true).map_err(io::Error::other)?;
        if len == 0 {
            self.tar.told = true;
            let why = format!("the tar ends {} bytes before its member does", self.left);
            return Err(io::Error::other(broken(why)));
        }
        self.left -= len as u64;
        Ok(len)
    }
}
