//! The rows of a Parquet file, group by group, in the types of the library.
//!
//! What the library takes on trust is looked at first. What must stay true: whatever the file holds,
//! nothing panics outside, no stack overflows, and what it takes is bounded by its size.
//!
//! Source: Apache Parquet format, version 2.12.

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

use super::depth;
use super::guard::Guarded;
use super::page;
use crate::model::window::Cut;
use crate::source::layers::member::broken;
use crate::source::layers::seek::{Seekable, unread};

/// How a file begins and ends, and how one does whose footer is encrypted.
pub(super) const MAGIC: &[u8] = b"PAR1";
pub(super) const ENCRYPTED: &[u8] = b"PARE";

/// The end of a file: the length of its footer, and the mark.
const TAIL: u64 = 8;

/// The largest footer (16 MiB): it is held as a whole, and takes several times as much.
const FOOTER_MAX: u64 = 16 << 20;

/// The pages of a file have at most so many bytes for each as stored, or as many as one page may have.
const PAGES_RATIO: u64 = 250;

/// The most that a message of the library may tell.
const MESSAGE_MAX: usize = 300;

/// The rows of a file.
pub(super) struct Groups {
    file: SerializedFileReader<Seekable>,
    /// The columns that are read.
    schema: SchemaDescPtr,
    /// The rows of a group, and the group that comes next.
    rows: Option<ReaderIter>,
    group: usize,
    /// How many rows were asked for.
    row: Arc<AtomicU64>,
}

impl Groups {
    /// Opens a file. `wanted` says of the names of its columns which of them are read.
    pub fn open(
        file: Seekable,
        wanted: impl FnOnce(&[&str]) -> Result<Vec<bool>, Cut>,
    ) -> Result<Groups, Cut> {
        check(&file)?;
        contained(|| {
            let file = SerializedFileReader::new(file).map_err(|error| unreadable(&error))?;
            let all = file.metadata().file_metadata().schema();
            let names: Vec<&str> = all.get_fields().iter().map(|field| field.name()).collect();
            let wanted = wanted(&names)?;
            let fields = all.get_fields().iter().zip(wanted).filter(|(_, wanted)| *wanted);
            let fields = fields.map(|(field, _)| Arc::clone(field)).collect();
            let schema = Type::group_type_builder(all.name()).with_fields(fields).build();
            let schema =
                SchemaDescriptor::new(Arc::new(schema.map_err(|error| unreadable(&error))?));
            let schema = Arc::new(schema);
            Ok(Groups { file, schema, rows: None, group: 0, row: Arc::default() })
        })
    }

    /// Hands the next row on, and the schema of what is read; nothing at the end.
    pub fn next(&mut self, take: impl FnOnce(&Row, &Type)) -> Result<(), Cut> {
        self.next_of(|_| true, take)
    }

    /// The same of the groups that `is_wanted`.
    pub fn next_of(
        &mut self,
        is_wanted: impl Fn(&RowGroupMetaData) -> bool,
        take: impl FnOnce(&Row, &Type),
    ) -> Result<(), Cut> {
        let before = self.row.fetch_add(1, Ordering::Relaxed);
        let done = contained(|| {
            if let Some(row) = self.row(is_wanted).map_err(|error| unreadable(&error))? {
                take(&row, self.schema.root_schema());
            }
            Ok(())
        });
        done.map_err(|cut| {
            let message = format!("{}, after {before} rows; the rest is not read", cut.message);
            Cut { message, ..cut }
        })
    }

    /// The next row, of whatever group has one.
    fn row(
        &mut self,
        is_wanted: impl Fn(&RowGroupMetaData) -> bool,
    ) -> parquet::errors::Result<Option<Row>> {
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
            self.group += 1;
            if !is_wanted(group.metadata()) {
                continue;
            }
            counts_all(group.metadata())?;
            let group = Guarded { group, row: Arc::clone(&self.row) };
            self.rows = Some(TreeBuilder::new().as_iter(Arc::clone(&self.schema), &group)?);
        }
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
pub(super) fn counts_all(group: &RowGroupMetaData) -> parquet::errors::Result<()> {
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
pub(in crate::source::layers) struct From {
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
