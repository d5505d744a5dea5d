//! The rows of a Parquet file, as text: one JSON object a line.
//!
//! Columns that no record comes from are not decoded. Pages are read one by one, so that memory is
//! bounded by a page of each column, of at most 64 MiB. What must stay true: a null is written as null, a
//! column that does not exist is not written, and whatever the file holds, nothing panics outside and no
//! stack overflows.
//!
//! Source: Apache Parquet format, version 2.12.

mod depth;
mod guard;
mod json;
mod page;
#[cfg(test)]
pub(super) mod tests;
mod thrift;

use std::io::{self, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};
use parquet::record::Row;
use parquet::record::reader::{ReaderIter, TreeBuilder};
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor, Type};

use crate::model::columns;
use crate::model::window::Cut;

use super::member::broken;
use super::seek::{Seekable, unread};
use guard::Guarded;

/// How a file begins and ends, and how one does whose footer is encrypted.
const MAGIC: &[u8] = b"PAR1";
const ENCRYPTED: &[u8] = b"PARE";

/// The end of a file: the length of its footer, and the mark.
const TAIL: u64 = 8;

/// The largest footer (16 MiB): it is held as a whole, and takes several times as much.
const FOOTER_MAX: u64 = 16 << 20;

/// The pages of a file have at most so many bytes for each as stored, or as many as one page may have.
const PAGES_RATIO: u64 = 250;

/// Columns that a problem names.
const NAMED: usize = 20;

/// The most that a message of the library may tell.
const MESSAGE_MAX: usize = 300;

/// Whether a text begins like a Parquet file.
pub(super) fn begins(head: &[u8]) -> bool {
    head.starts_with(MAGIC) || head.starts_with(ENCRYPTED)
}

/// How one begins.
pub(super) const MAGICS: [&[u8]; 2] = [MAGIC, ENCRYPTED];

/// The rows of a file, as text.
pub(super) struct Rows {
    file: SerializedFileReader<Seekable>,
    /// The columns that are read.
    schema: SchemaDescPtr,
    /// The rows of a group, and the group that comes next.
    rows: Option<ReaderIter>,
    group: usize,
    line: Vec<u8>,
    given: usize,
    /// How many rows were asked for.
    row: Arc<AtomicU64>,
    ended: bool,
}

impl Rows {
    /// Opens a file.
    pub fn open(file: Seekable) -> Result<Rows, Cut> {
        check(&file)?;
        contained(|| {
            let file = SerializedFileReader::new(file).map_err(|error| unreadable(&error))?;
            let all = file.metadata().file_metadata().schema();
            let names: Vec<&str> = all.get_fields().iter().map(|field| field.name()).collect();
            if !columns::can_hold_records(&names) {
                return Err(another(&names));
            }
            let wanted = all.get_fields().iter().filter(|field| columns::is_read(field.name()));
            let schema =
                Type::group_type_builder(all.name()).with_fields(wanted.cloned().collect()).build();
            let schema =
                SchemaDescriptor::new(Arc::new(schema.map_err(|error| unreadable(&error))?));
            Ok(Rows {
                file,
                schema: Arc::new(schema),
                rows: None,
                group: 0,
                line: Vec::new(),
                given: 0,
                row: Arc::default(),
                ended: false,
            })
        })
    }

    /// Writes the next row; `false` at the end.
    fn next(&mut self) -> Result<bool, Cut> {
        self.line.clear();
        self.given = 0;
        let before = self.row.fetch_add(1, Ordering::Relaxed);
        let more = contained(|| {
            let Some(row) = self.row().map_err(|error| unreadable(&error))? else {
                return Ok(false);
            };
            json::row(&row, Some(self.schema.root_schema()), &mut self.line);
            self.line.push(b'\n');
            Ok(true)
        });
        more.map_err(|cut| {
            self.line.clear();
            let message = format!("{}, after {before} rows; the rest is not read", cut.message);
            Cut { message, ..cut }
        })
    }

    /// The next row, of whatever group has one.
    fn row(&mut self) -> parquet::errors::Result<Option<Row>> {
        loop {
            if let Some(row) = self.rows.as_mut().and_then(Iterator::next) {
                return row.map(Some);
            }
            if self.group == self.file.num_row_groups() {
                return Ok(None);
            }
            // What was read is given back before more is held.
            self.rows = None;
            let group = self.file.get_row_group(self.group)?;
            counts_all(group.metadata())?;
            let group = Guarded { group, row: Arc::clone(&self.row) };
            self.group += 1;
            self.rows = Some(TreeBuilder::new().as_iter(Arc::clone(&self.schema), &group)?);
        }
    }
}

impl Read for Rows {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.given == self.line.len() && !self.ended {
            let more = self.next();
            self.ended = more != Ok(true);
            more.map_err(io::Error::other)?;
        }
        let len = out.len().min(self.line.len() - self.given);
        out[..len].copy_from_slice(&self.line[self.given..self.given + len]);
        self.given += len;
        Ok(len)
    }
}

/// Looks at what the library takes on trust: where the footer is, and how deep its schema goes.
fn check(file: &Seekable) -> Result<(), Cut> {
    let mut tail = [0; TAIL as usize];
    let at = file.size.checked_sub(TAIL).ok_or_else(cut_off)?;
    bytes(file, at, &mut tail)?;
    let (len, mark) = tail.split_at(4);
    if mark == ENCRYPTED {
        let message = "it is an encrypted Parquet file, which is not read; decrypt it first";
        return Err(broken(message.into()));
    }
    if mark != MAGIC {
        return Err(cut_off());
    }
    let len = len.iter().rev().fold(0, |len, byte| len << 8 | u64::from(*byte));
    if len > FOOTER_MAX {
        return Err(broken(format!(
            "Parquet not readable: its footer has {len} bytes; expected at most {FOOTER_MAX}"
        )));
    }
    let mut footer = vec![0; usize::try_from(len).unwrap_or_default()];
    bytes(file, at.checked_sub(len).ok_or_else(cut_off)?, &mut footer)?;
    match depth::is_bounded(&footer) {
        true => Ok(()),
        false => Err(broken("Parquet not readable: its schema is damaged, or too deep".into())),
    }
}

fn cut_off() -> Cut {
    broken("Parquet not readable: it does not end with PAR1, so that it is cut off".into())
}

/// Fills `out` with the bytes from `at` on.
fn bytes(file: &Seekable, mut at: u64, mut out: &mut [u8]) -> Result<(), Cut> {
    while !out.is_empty() {
        match file.read_at(out, at) {
            Ok(0) => return Err(cut_off()),
            Ok(len) => {
                at += len as u64;
                out = &mut out[len..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unread(&error)),
        }
    }
    Ok(())
}

/// Checks that a group of rows has as many rows as its columns have values, so that none is left out.
fn counts_all(group: &RowGroupMetaData) -> parquet::errors::Result<()> {
    let rows = group.num_rows();
    let differs = |column: &&ColumnChunkMetaData| {
        column.column_descr().max_rep_level() == 0 && column.num_values() != rows
    };
    match group.columns().iter().find(differs) {
        None => Ok(()),
        Some(column) => Err(ParquetError::General(format!(
            "a group says that it has {rows} rows, and its column {} has {} values",
            column.column_path().string().chars().take(60).collect::<String>(),
            column.num_values()
        ))),
    }
}

/// What it means that a table has other columns.
fn another(names: &[&str]) -> Cut {
    let mut shown: Vec<String> =
        names.iter().take(NAMED).map(|name| name.chars().take(60).collect()).collect();
    let more = names.len() - shown.len();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    broken(format!(
        "Parquet of another schema: {}; expected OCSF API Activity or CloudTrail columns",
        shown.join(", ")
    ))
}

/// Does something that may panic at what a file holds.
fn contained<T>(work: impl FnOnce() -> Result<T, Cut>) -> Result<T, Cut> {
    // What was being read is not read on.
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(broken("Parquet not readable: it is damaged".into())))
}

fn unreadable(error: &ParquetError) -> Cut {
    let message: String = error.to_string().chars().take(MESSAGE_MAX).collect();
    broken(format!("Parquet not readable: {message}"))
}

impl Length for Seekable {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Seekable {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<BufReader<From>> {
        // All but the end of the file is asked for page by page, from the header on.
        if start.saturating_add(TAIL) < self.size {
            // Nearly all headers are short.
            let size = |len: usize| -> io::Result<Option<u64>> {
                let mut header = Vec::new();
                let from = From { file: self.clone(), at: start };
                from.take(len as u64).read_to_end(&mut header)?;
                Ok(page::size(&header))
            };
            let size = size(page::HEADER_USUAL)?
                .map_or_else(|| size(page::HEADER_MAX), |s| Ok(Some(s)))?;
            let Some(size) = size else {
                let message = format!(
                    "the header of the page at byte {start} is damaged, or names more than {} bytes",
                    page::PAGE_MAX
                );
                return Err(ParquetError::General(message));
            };
            let all = self.pages.fetch_add(size, Ordering::Relaxed).saturating_add(size);
            let most =
                self.size.saturating_mul(PAGES_RATIO).max(page::PAGE_MAX.unsigned_abs().into());
            if all > most {
                let message = format!(
                    "its pages say that they inflate to more than {most} bytes, as a bomb does"
                );
                return Err(ParquetError::General(message));
            }
        }
        Ok(BufReader::new(From { file: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        // Nothing is set aside for what is not there.
        if start.checked_add(length as u64).is_none_or(|end| end > self.size) {
            return Err(ParquetError::EOF(format!("expected {length} bytes at byte {start}")));
        }
        let mut out = vec![0; length];
        From { file: self.clone(), at: start }.read_exact(&mut out)?;
        Ok(out.into())
    }
}

/// Reads a file from a place on.
pub(super) struct From {
    file: Seekable,
    at: u64,
}

impl Read for From {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read_at(out, self.at)?;
        self.at += len as u64;
        Ok(len)
    }
}
