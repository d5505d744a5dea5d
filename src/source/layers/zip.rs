//! The members of a zip, in the order of its directory.
//!
//! The directory is at the end, and is read record by record, so that it is never held, whatever it
//! claims. A deflated member is read as the gzip member that it nearly is: its header and its checksum
//! are put round it. So both kinds go the same two ways, with the same limits. Members that were
//! compressed with zstd, bzip2 or xz are told by their first bytes, as everywhere.
//!
//! What must stay true: together, members take no more bytes than the archive has. Where they claim to,
//! they overlap, as only bombs do. Bytes that the directory says nothing of are told.
//!
//! Source: PKWARE, "APPNOTE.TXT - .ZIP File Format Specification".

use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use rawzip::{CompressionMethod, ErrorKind, ReaderAt, ZipArchive, ZipFileHeaderRecord, ZipLocator};

use crate::model::window::{Cut, Window};
use crate::source::budget::Budget;
use crate::source::inflate::Text;

use super::member::{Each, FOLDER_WITH_CONTENT, Fault, Found, Member, broken};
use super::seek::{Seekable, unread};

/// What every member takes beside its name and its bytes: its own header and that in the directory.
const HEADERS: u64 = 30 + 46;

/// The fewest bytes that may be a member: its own header.
const HIDDEN_MIN: u64 = 30;

/// How many bytes may stand behind those of a member, to say its sizes. Some tools only claim that.
const DESCRIPTORS: [usize; 5] = [16, 24, 12, 20, 0];

/// How what follows a member begins: another, or the directory.
const NEXT: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x01\x02"];

/// A gzip header that says nothing.
const GZIP_HEADER: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\xff";

/// Gives each member of the zip in `text`, which is the file at `path` as it is, if there is one.
/// `budget` is told how much was read, if the text is of the blob itself.
pub(super) fn members(
    text: &mut Text<'_>,
    (path, budget): (Option<&Path>, Option<&Budget>),
    stop: &AtomicBool,
    each: Each<'_>,
) -> Result<(), Fault> {
    if text.is_all_there() {
        budget.iter().for_each(|budget| budget.stored(text.bytes_read()));
        let bytes = text.text();
        return directory(&bytes, bytes.len() as u64, each);
    }
    let Some((file, cut)) = Seekable::of(text, (path, budget), stop)? else { return Ok(()) };
    let read = directory(&file, file.size, each);
    // What follows from the fault is not told beside it.
    cut.map_or(read, |cut| Err(cut.into()))
}

impl ReaderAt for Seekable {
    fn read_at(&self, out: &mut [u8], at: u64) -> io::Result<usize> {
        Seekable::read_at(self, out, at)
    }
}

/// Gives each member that the directory has.
fn directory(file: &dyn ReaderAt, size: u64, each: Each<'_>) -> Result<(), Fault> {
    let mut buffer = vec![0; rawzip::MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let located = ZipLocator::new().locate_in_reader(file, &mut buffer, size);
    let archive = located.map_err(|(_, error)| fault(error, "its directory cannot be found"))?;
    let mut entries = archive.entries(&mut buffer);
    let (mut members, mut taken) = (0, 0_u64);
    // The directory and what follows it, and each member.
    let ends = archive.end_offset().saturating_sub(archive.directory_offset());
    let mut known = Some(ends);
    while let Some(entry) =
        entries.next_entry().map_err(|error| fault(error, "its directory is damaged"))?
    {
        members += 1;
        taken = taken.saturating_add(HEADERS).saturating_add(entry.compressed_size_hint());
        if taken > size {
            return Err(broken(format!(
                "the first {members} members claim {taken} bytes, and the zip has {size}: they \
                 overlap, as those of a decompression bomb do; the rest is not read"
            ))
            .into());
        }
        known = known.and_then(|known| Some(known.saturating_add(span(&archive, &entry)?)));
        let is_folder = is_folder(&entry) && !has_content(&entry);
        if is_folder || is_link(&entry) {
            continue;
        }
        if !each(found(&archive, &entry)) {
            return Ok(());
        }
    }
    match archive.entries_hint() {
        // Old tools count modulo 2^16.
        hint if hint == members || hint == members & 0xffff => {
            let unknown = size.saturating_sub(known.unwrap_or(size));
            if unknown < HIDDEN_MIN { Ok(()) } else { Err(hidden(unknown).into()) }
        }
        hint => Err(broken(format!(
            "the zip says that it has {hint} members, and its directory has {members}"
        ))
        .into()),
    }
}

/// How many bytes a member takes, its own header and sizes included; `None` if they are damaged.
fn span(archive: &ZipArchive<&dyn ReaderAt>, entry: &ZipFileHeaderRecord<'_>) -> Option<u64> {
    let data = archive.get_entry(entry.wayfinder()).ok()?;
    let (_, end) = data.compressed_data_range();
    let span = end.checked_sub(entry.local_header_offset())?;
    if !entry.flags().has_data_descriptor() {
        return Some(span);
    }
    let mut behind = [0; 28];
    let len = archive.get_ref().read_at(&mut behind, end).ok()?;
    let is_next = |at: &usize| {
        let next = behind[..len].get(*at..).unwrap_or_default();
        NEXT.iter().any(|mark| next.starts_with(mark))
    };
    let descriptor = DESCRIPTORS.into_iter().find(is_next).unwrap_or(DESCRIPTORS[0]);
    span.checked_add(descriptor as u64)
}

/// What it means that bytes are nowhere in the directory.
fn hidden(bytes: u64) -> Cut {
    broken(format!(
        "{bytes} bytes of the zip are in none of the members that its directory has, and are not \
         read; expected none: a member may have been taken out of the directory, or data added"
    ))
}

/// A member, or why it cannot be read.
fn found<'m>(archive: &'m ZipArchive<&dyn ReaderAt>, entry: &ZipFileHeaderRecord<'_>) -> Found<'m> {
    let path = path_of(entry.file_path().as_bytes());
    let method = entry.compression_method();
    if is_folder(entry) {
        return Found::LeftOut { path, kind: FOLDER_WITH_CONTENT.into() };
    }
    if entry.flags().is_encrypted() {
        return Found::LeftOut { path, kind: "encrypted".into() };
    }
    if !is_read(method) {
        let kind = match method.name() {
            Some(_) => format!("compressed by {method}, which is not read"),
            None => "compressed by methods that nobody knows".to_owned(),
        };
        return Found::LeftOut { path, kind };
    }
    let stored = entry.compressed_size_hint();
    let wayfinder = entry.wayfinder();
    let data = match archive.get_entry(wayfinder) {
        Ok(data) => data,
        // Told by the member itself: others may be well.
        Err(error) => {
            let cut = fault(error, "the header of this member of the zip is damaged");
            return Found::Member(Member {
                path,
                reader: Box::new(Never(Some(cut))),
                size: 0,
                stored,
            });
        }
    };
    let (reader, size): (Box<dyn Read + 'm>, u64) = match method {
        CompressionMethod::DEFLATE => {
            let sum = entry.crc32().to_le_bytes();
            // Modulo 2^32, as gzip has it.
            let length = wayfinder.uncompressed_size_hint().to_le_bytes();
            let trailer = io::Cursor::new([&sum[..], &length[..4]].concat());
            let reader = GZIP_HEADER.chain(AsCut(data.reader())).chain(trailer);
            (Box::new(reader), stored.saturating_add(GZIP_HEADER.len() as u64 + 8))
        }
        CompressionMethod::STORE => (Box::new(AsCut(data.verifying_reader(data.reader()))), stored),
        _ => (Box::new(AsCut(data.reader())), stored),
    };
    Found::Member(Member { path, reader, size, stored })
}

/// Whether a member is named like a folder, with the signs of other systems too.
fn is_folder(entry: &ZipFileHeaderRecord<'_>) -> bool {
    path_of(entry.file_path().as_bytes()).ends_with(b"/")
}

/// Whether a member is a link: no path that it may lead to is longer.
fn is_link(entry: &ZipFileHeaderRecord<'_>) -> bool {
    entry.mode().is_symlink() && entry.uncompressed_size_hint() <= 4096
}

/// Whether a member has bytes. Nothing, deflated, takes two bytes, and some more where a writer flushes.
fn has_content(entry: &ZipFileHeaderRecord<'_>) -> bool {
    entry.uncompressed_size_hint() > 0 || entry.compressed_size_hint() > 16
}

fn is_read(method: CompressionMethod) -> bool {
    use CompressionMethod as Is;
    [Is::STORE, Is::DEFLATE, Is::ZSTD, Is::BZIP2, Is::XZ].contains(&method)
}

/// A path as other systems write it. Some tools on Windows put backslashes between folders.
fn path_of(path: &[u8]) -> Vec<u8> {
    let windows = !path.contains(&b'/');
    path.iter().map(|byte| if windows && *byte == b'\\' { b'/' } else { *byte }).collect()
}

/// A fault of the archive, or one of reading it.
fn fault(error: rawzip::Error, what: &str) -> Cut {
    match error.into_kind() {
        ErrorKind::IO(error) if error.kind() != io::ErrorKind::UnexpectedEof => unread(&error),
        kind => broken(format!("{what}: {kind}; expected a whole zip archive")),
    }
}

/// A reader whose faults that are no failed reads are the archive's.
struct AsCut<R>(R);

impl<R: Read> Read for AsCut<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other => {
                io::Error::other(broken(format!("this member of the zip is damaged: {error}")))
            }
            _ => error,
        })
    }
}

/// Gives nothing, and why.
struct Never(Option<Cut>);

impl Read for Never {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), |cut| Err(io::Error::other(cut)))
    }
}
