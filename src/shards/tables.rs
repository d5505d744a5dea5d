//! The columns of the tables of a plan, and Parquet files of them.
//!
//! What must stay true: a column keeps its name, its type and its meaning. New ones come at the end.
//!
//! Source: Apache Parquet format, version 2.12.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::mem::take;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use sha2::{Digest, Sha256};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text in UTF-8.
    Text,
    /// A number of 64 bits.
    Number,
}

impl Kind {
    /// The name of the type in the manual, which is that of DuckDB.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "VARCHAR",
            Kind::Number => "BIGINT",
        }
    }
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be null.
    pub may_be_null: bool,
    /// What it means, for the manual.
    pub means: &'static str,
}

const fn column(name: &'static str, kind: Kind, null: bool, means: &'static str) -> Column {
    Column { name, kind, may_be_null: null, means }
}

/// The columns of a table of objects.
pub const OBJECTS: [Column; 7] = [
    column("shard", Kind::Number, false, "The shard, from 0 on; rows are sorted by it"),
    column(
        "account",
        Kind::Text,
        true,
        "The account that the name tells, the same for all of a shard",
    ),
    column("name", Kind::Text, false, "The name that reports have: a path, or `s3://BUCKET/KEY`"),
    column("size", Kind::Number, false, "Its bytes as stored"),
    column("etag", Kind::Text, true, "In S3: what its content is called, with quotes"),
    column("version", Kind::Text, true, "In S3: its version, if an inventory has no ETag"),
    column(
        "modified",
        Kind::Number,
        true,
        "On disk: when it was modified, in nanoseconds since 1970",
    ),
];

/// The columns of the table of accounts.
pub const ACCOUNTS: [Column; 5] = [
    column("account", Kind::Text, true, "The account; null for objects whose names tell none"),
    column("bucket", Kind::Number, false, "The bucket, from 0 on"),
    column("objects", Kind::Number, false, "How many objects it has"),
    column("bytes", Kind::Number, false, "How many bytes they have"),
    column("shards", Kind::Number, false, "How many shards they are in"),
];

/// A value of a row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cell<'c> {
    Text(Option<&'c str>),
    Number(Option<i64>),
}

impl Cell<'_> {
    /// A number that is never so large that it does not fit.
    pub fn count(number: u64) -> Cell<'static> {
        Cell::Number(Some(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

/// A table in the making, in a temporary file.
pub(super) struct Writer {
    columns: Vec<Gathered>,
    writer: SerializedFileWriter<File>,
    /// Rows of the group that is gathered, and of the whole table.
    pub rows_in_group: u64,
    pub rows: u64,
}

impl Writer {
    /// One without rows.
    pub fn new(columns: &[Column]) -> io::Result<Writer> {
        let lines: Vec<String> = columns.iter().map(line).collect();
        let schema = format!("message plan {{ {} }}", lines.concat());
        let schema = parse_message_type(&schema).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("keytrail version ", env!("CARGO_PKG_VERSION")).to_owned());
        let (file, properties) = (tempfile::tempfile()?, Arc::new(properties.build()));
        let writer = SerializedFileWriter::new(file, Arc::new(schema), properties);
        let columns = columns.iter().map(|column| Gathered::new(*column)).collect();
        Ok(Writer { columns, writer: writer.map_err(failed)?, rows_in_group: 0, rows: 0 })
    }

    /// Adds a row.
    pub fn add(&mut self, cells: &[Cell<'_>]) {
        self.columns.iter_mut().zip(cells).for_each(|(column, cell)| column.add(*cell));
        self.rows_in_group += 1;
        self.rows += 1;
    }

    /// Ends a group of rows, if there are any.
    pub fn end_group(&mut self) -> io::Result<()> {
        if take(&mut self.rows_in_group) == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group().map_err(failed)?;
        for column in &mut self.columns {
            let Some(mut writer) = group.next_column().map_err(failed)? else { break };
            column.write(&mut writer).map_err(failed)?;
            writer.close().map_err(failed)?;
        }
        group.close().map(drop).map_err(failed)
    }

    /// The file, and its SHA-256.
    pub fn finish(mut self) -> io::Result<(File, String)> {
        self.end_group()?;
        let mut file = self.writer.into_inner().map_err(failed)?;
        let digest = digest(&mut file)?;
        Ok((file, digest))
    }
}

/// The SHA-256 of a file, in hexadecimal digits. The file is at its beginning after that.
pub(super) fn digest(file: &mut File) -> io::Result<String> {
    file.rewind()?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 64 << 10]);
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            len => hash.update(&buffer[..len]),
        }
    }
    file.rewind()?;
    Ok(hex::encode(hash.finalize()))
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

/// A column in the language of Parquet's schemas.
fn line(column: &Column) -> String {
    let need = if column.may_be_null { "optional" } else { "required" };
    let (kind, means) = match column.kind {
        Kind::Text => ("binary", " (STRING)"),
        Kind::Number => ("int64", ""),
    };
    format!("{need} {kind} {}{means}; ", column.name)
}

/// The values of a column, those of rows that have one, and which rows these are.
struct Gathered {
    column: Column,
    levels: Vec<i16>,
    texts: Vec<ByteArray>,
    numbers: Vec<i64>,
}

impl Gathered {
    fn new(column: Column) -> Gathered {
        Gathered { column, levels: Vec::new(), texts: Vec::new(), numbers: Vec::new() }
    }

    fn add(&mut self, cell: Cell<'_>) {
        let is_there = match cell {
            Cell::Text(Some(text)) => {
                // What comes again and again lies there once.
                let again =
                    self.texts.last().filter(|last| last.data() == text.as_bytes()).cloned();
                self.texts.push(again.unwrap_or_else(|| ByteArray::from(text)));
                true
            }
            Cell::Number(Some(number)) => {
                self.numbers.push(number);
                true
            }
            Cell::Text(None) | Cell::Number(None) => false,
        };
        self.levels.push(i16::from(is_there));
    }

    fn write(&mut self, writer: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = take(&mut self.levels);
        let levels = self.column.may_be_null.then_some(&levels[..]);
        match self.column.kind {
            Kind::Text => {
                writer.typed::<ByteArrayType>().write_batch(&take(&mut self.texts), levels, None)
            }
            Kind::Number => {
                writer.typed::<Int64Type>().write_batch(&take(&mut self.numbers), levels, None)
            }
        }?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::source::{Table, Value};

    const NAMES: [&str; 4] = ["shard", "account", "name", "modified"];

    /// A table of some shards with two rows each, in groups of three rows.
    fn table(shards: i64) -> Vec<u8> {
        let mut writer = Writer::new(&OBJECTS).unwrap();
        for number in 0..shards * 2 {
            let name = format!("logs/{number}");
            writer.add(&[
                Cell::Number(Some(number / 2)),
                Cell::Text((number > 1).then_some("111122223333")),
                Cell::Text(Some(&name)),
                Cell::count(7),
                Cell::Text(None),
                Cell::Text(None),
                Cell::Number((number % 2 == 1).then_some(-number)),
            ]);
            if writer.rows_in_group == 3 {
                writer.end_group().unwrap();
            }
        }
        let (mut file, digest) = writer.finish().unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        assert_eq!(digest, hex::encode(Sha256::digest(&bytes)));
        bytes
    }

    fn read(bytes: &[u8], only: Option<i64>) -> Result<Vec<Vec<Value>>, String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let mut table = Table::open(file, &NAMES)?;
        if let Some(number) = only {
            table = table.only("shard", number);
        }
        let mut rows = Vec::new();
        while let Some(row) = table.next_row()? {
            rows.push(row);
        }
        Ok(rows)
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let rows = read(&table(5), None).unwrap();
        assert_eq!(rows.len(), 10);
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(rows[0], [Value::Number(0), Value::Null, text("logs/0"), Value::Null]);
        let last = [Value::Number(4), text("111122223333"), text("logs/9"), Value::Number(-9)];
        assert_eq!(rows[9], last);
    }

    #[test]
    fn only_the_groups_of_a_shard_are_read() {
        let bytes = table(50);
        for shard in 0..50 {
            let rows = read(&bytes, Some(shard)).unwrap();
            let count = rows.iter().filter(|row| row[0] == Value::Number(shard)).count();
            assert!(count == 2 && rows.len() <= 6, "{shard}: {rows:?}");
        }
        assert_eq!(read(&bytes, Some(50)).unwrap().len(), 0);
    }

    #[test]
    fn what_is_damaged_is_an_error_or_other_rows() {
        let bytes = table(2);
        let mut refused = 0;
        for at in 0..bytes.len() {
            for flip in [1, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] ^= flip;
                refused += usize::from(read(&bytes, Some(1)).is_err());
            }
            assert!(read(&bytes[..at], None).is_err());
        }
        assert!(refused > 100, "{refused}");
    }
}
