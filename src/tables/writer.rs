//! Rows to a file of Parquet.
//!
//! Rows are gathered column by column and written a group at a time, so that memory is bounded by one
//! group. What must stay true: what is gathered and what is written are the same rows in the same order.
//!
//! Source: Apache Parquet format, version 2.12.

use std::io::{self, Write};
use std::mem::take;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use super::column::{Cell, Column, Kind};

/// So much of the smallest and the largest text of a group is told in the file.
const SHOWN: usize = 64;

/// A table in the making.
pub struct Writer<W: Write + Send> {
    columns: Vec<Gathered>,
    writer: SerializedFileWriter<W>,
    /// Rows of the group that is gathered.
    pub rows_in_group: u64,
    /// The bytes of their texts. What comes again and again counts once.
    pub texts_in_group: usize,
    /// Rows of the whole table.
    pub rows: u64,
}

impl<W: Write + Send> Writer<W> {
    /// One without rows, which goes to `out`. `name` is what its schema is called.
    ///
    /// # Errors
    /// When `out` does not take its beginning.
    pub fn new(
        out: W,
        name: &str,
        columns: impl IntoIterator<Item = Column>,
    ) -> io::Result<Writer<W>> {
        let columns: Vec<Gathered> = columns.into_iter().map(Gathered::new).collect();
        let lines: Vec<String> = columns.iter().map(|one| one.column.in_schema()).collect();
        let schema = format!("message {name} {{ {} }}", lines.concat());
        let schema = parse_message_type(&schema).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_statistics_truncate_length(Some(SHOWN))
            .set_created_by(concat!("keytrail version ", env!("CARGO_PKG_VERSION")).to_owned());
        let properties = Arc::new(properties.build());
        let writer = SerializedFileWriter::new(out, Arc::new(schema), properties);
        let writer = writer.map_err(failed)?;
        Ok(Writer { columns, writer, rows_in_group: 0, texts_in_group: 0, rows: 0 })
    }

    /// Adds a row: a value for each column, in their order.
    pub fn add<'c>(&mut self, cells: impl IntoIterator<Item = Cell<'c>>) {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            self.texts_in_group += column.add(cell);
        }
        self.rows_in_group += 1;
        self.rows += 1;
    }

    /// Ends a group of rows, if there are any.
    ///
    /// # Errors
    /// When the file does not take it.
    pub fn end_group(&mut self) -> io::Result<()> {
        self.texts_in_group = 0;
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

    /// Ends the table, with what it says of itself: names and values. Gives back where it went.
    ///
    /// # Errors
    /// When the file does not take it.
    pub fn finish(
        mut self,
        about: impl IntoIterator<Item = (&'static str, String)>,
    ) -> io::Result<W> {
        self.end_group()?;
        for (name, value) in about {
            self.writer.append_key_value_metadata(KeyValue::new(name.to_owned(), value));
        }
        self.writer.into_inner().map_err(failed)
    }
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

/// The values of a column, those of rows that have one, and which rows these are.
struct Gathered {
    column: Column,
    levels: Vec<i16>,
    values: Values,
}

enum Values {
    Text(Vec<ByteArray>),
    Number(Vec<i64>),
    Flag(Vec<bool>),
}

impl Gathered {
    fn new(column: Column) -> Gathered {
        let values = match column.kind {
            Kind::Text => Values::Text(Vec::new()),
            Kind::Number | Kind::Time => Values::Number(Vec::new()),
            Kind::Flag => Values::Flag(Vec::new()),
        };
        Gathered { column, levels: Vec::new(), values }
    }

    /// Adds the value of a row; how many bytes its text takes.
    fn add(&mut self, cell: Cell<'_>) -> usize {
        let mut len = 0;
        let is_there = match (cell, &mut self.values) {
            (Cell::Text(Some(text)), Values::Text(all)) => {
                // What comes again and again lies there once.
                let again = all.last().filter(|last| last.data() == text.as_bytes()).cloned();
                len = if again.is_some() { 0 } else { text.len() };
                all.push(again.unwrap_or_else(|| ByteArray::from(text)));
                true
            }
            (Cell::Number(Some(number)), Values::Number(all)) => {
                all.push(number);
                true
            }
            (Cell::Flag(flag), Values::Flag(all)) => {
                all.push(flag);
                true
            }
            _ => false,
        };
        if self.column.may_be_null {
            self.levels.push(i16::from(is_there));
        }
        len
    }

    fn write(&mut self, writer: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = take(&mut self.levels);
        let levels = self.column.may_be_null.then_some(&levels[..]);
        match &mut self.values {
            Values::Text(all) => {
                writer.typed::<ByteArrayType>().write_batch(&take(all), levels, None)
            }
            Values::Number(all) => {
                writer.typed::<Int64Type>().write_batch(&take(all), levels, None)
            }
            Values::Flag(all) => writer.typed::<BoolType>().write_batch(&take(all), levels, None),
        }?;
        Ok(())
    }
}
