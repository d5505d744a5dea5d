//! The table of uses of keys, as Parquet.
//!
//! Rows are gathered column by column and written a group at a time, so that memory is bounded by one
//! group. What must stay true: a reader that knows nothing of keytrail gets every value as it is.
//!
//! Source: Apache Parquet format, version 2.12.

use std::io::{self, Write};
use std::mem::take;
use std::sync::{Arc, Mutex, PoisonError};

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use super::columns::{Column, Kind, Value, all};
use crate::model::time::Time;
use crate::model::use_fact::UseFact;

/// Rows in a group (64 Ki),
const ROWS: usize = 64 << 10;

/// unless their texts have more bytes than this (64 MiB).
const TEXTS: usize = 64 << 20;

/// So much of the smallest and the largest text of a group is told in the file.
const SHOWN: usize = 64;

/// What a table says of itself, in the metadata of its file.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// Whether all of the source was read: `keytrail.complete`.
    pub complete: bool,
    /// How many problems there were: `keytrail.problems`.
    pub problems: u64,
    /// The range of its uses, if it is one: `keytrail.since` and `keytrail.until`.
    pub range: (Option<Time>, Option<Time>),
}

impl About {
    fn metadata(&self) -> Vec<KeyValue> {
        let About { complete, problems, range: (since, until) } = self;
        let all = [
            ("keytrail.complete", Some(complete.to_string())),
            ("keytrail.problems", Some(problems.to_string())),
            ("keytrail.since", since.map(|time| time.to_string())),
            ("keytrail.until", until.map(|time| time.to_string())),
        ];
        let there = all.into_iter().filter_map(|(name, value)| Some((name, value?)));
        there.map(|(name, value)| KeyValue::new(name.to_owned(), value)).collect()
    }
}

/// Writes a table of uses to `out`: `each` gives them. Says how many there are.
///
/// # Errors
/// What `each` returned, and when `out` does not take it.
pub fn write(
    out: &mut dyn Write,
    about: &About,
    each: impl FnOnce(&mut dyn FnMut(&UseFact<'_>) -> io::Result<()>) -> io::Result<()>,
) -> io::Result<u64> {
    let mut table = Table::new()?;
    each(&mut |fact| {
        table.add(fact);
        if table.is_full() {
            table.write_group()?;
            table.bytes.pass(out)?;
        }
        Ok(())
    })?;
    let (bytes, count) = table.finish(about)?;
    bytes.pass(out)?;
    Ok(count)
}

/// Bytes on their way. The library wants an output that threads may share.
#[derive(Debug, Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Bytes {
    /// Gives what has come so far to `out`.
    fn pass(&self, out: &mut dyn Write) -> io::Result<()> {
        let bytes = take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        out.write_all(&bytes)
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A table in the making.
struct Table {
    columns: Vec<Gathered>,
    writer: SerializedFileWriter<Bytes>,
    bytes: Bytes,
    /// Rows that are gathered, and the bytes of their texts.
    rows: usize,
    texts: usize,
    count: u64,
}

impl Table {
    fn new() -> io::Result<Table> {
        let lines: Vec<String> = all().iter().map(line).collect();
        let schema = format!("message uses {{ {} }}", lines.concat());
        let schema = parse_message_type(&schema).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_statistics_truncate_length(Some(SHOWN))
            .set_created_by(concat!("keytrail version ", env!("CARGO_PKG_VERSION")).to_owned());
        let bytes = Bytes::default();
        let properties = Arc::new(properties.build());
        let writer = SerializedFileWriter::new(bytes.clone(), Arc::new(schema), properties);
        let writer = writer.map_err(failed)?;
        let columns = all().iter().map(|column| Gathered::new(*column)).collect();
        Ok(Table { columns, writer, bytes, rows: 0, texts: 0, count: 0 })
    }

    fn add(&mut self, fact: &UseFact<'_>) {
        self.texts += self.columns.iter_mut().map(|column| column.add(fact)).sum::<usize>();
        self.rows += 1;
        self.count += 1;
    }

    /// Whether the rows that are gathered are to be written.
    fn is_full(&self) -> bool {
        self.rows >= ROWS || self.texts > TEXTS
    }

    /// Writes the rows that are gathered.
    fn write_group(&mut self) -> io::Result<()> {
        let mut group = self.writer.next_row_group().map_err(failed)?;
        for column in &mut self.columns {
            let Some(mut writer) = group.next_column().map_err(failed)? else { break };
            column.write(&mut writer).map_err(failed)?;
            writer.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        (self.rows, self.texts) = (0, 0);
        Ok(())
    }

    fn finish(mut self, about: &About) -> io::Result<(Bytes, u64)> {
        if self.rows > 0 {
            self.write_group()?;
        }
        about.metadata().into_iter().for_each(|pair| self.writer.append_key_value_metadata(pair));
        self.writer.close().map_err(failed)?;
        Ok((self.bytes, self.count))
    }
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

/// A column in the language of Parquet's schemas.
fn line(column: &Column) -> String {
    let Column { name, kind, may_be_null, .. } = column;
    let need = if *may_be_null { "optional" } else { "required" };
    let (kind, means) = match kind {
        Kind::Time => ("int64", " (TIMESTAMP(MICROS,true))"),
        Kind::Text => ("binary", " (STRING)"),
        Kind::Number => ("int64", ""),
        Kind::Flag => ("boolean", ""),
    };
    format!("{need} {kind} {name}{means}; ")
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
    fn add(&mut self, fact: &UseFact<'_>) -> usize {
        let mut len = 0;
        let is_there = match ((self.column.of)(fact), &mut self.values) {
            (Value::Text(Some(text)), Values::Text(all)) => {
                // What comes again and again lies there once.
                let again = all.last().filter(|last| last.data() == text.as_bytes()).cloned();
                len = if again.is_some() { 0 } else { text.len() };
                all.push(again.unwrap_or_else(|| ByteArray::from(text)));
                true
            }
            (Value::Number(number), Values::Number(all)) => {
                all.push(number);
                true
            }
            (Value::Flag(flag), Values::Flag(all)) => {
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

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;
    use crate::model::origin::Origin;
    use crate::model::principal::Principal;

    /// The rows of each group of a table with these agents.
    fn groups(agents: impl Iterator<Item = String>) -> Vec<i64> {
        let about = About { complete: true, problems: 0, range: (None, None) };
        let (origin, principal) = (Origin::record("o", 1), Principal::nobody());
        let mut out = Vec::new();
        let count = write(&mut out, &about, |take| {
            for (number, agent) in agents.enumerate() {
                take(&UseFact {
                    time: Time(number as i64),
                    event_id: None,
                    operation: "Decrypt",
                    account: None,
                    region: None,
                    failed: false,
                    error: None,
                    key: None,
                    principal: &principal,
                    session: None,
                    actor: "direct",
                    access_key: None,
                    source_ip: None,
                    user_agent: Some(&agent),
                    resource: None,
                    subject: None,
                    has_context: false,
                    content: 0,
                    copies: 1,
                    origin: &origin,
                })?;
            }
            Ok(())
        });
        let reader = SerializedFileReader::new(bytes::Bytes::from(out)).unwrap();
        let groups: Vec<i64> =
            reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(groups.iter().sum::<i64>(), i64::try_from(count.unwrap()).unwrap());
        groups
    }

    #[test]
    fn groups_have_so_many_rows_or_bytes() {
        let rows = ROWS as i64;
        assert_eq!(groups((0..ROWS + 10).map(|_| "same".to_owned())), [rows, 10]);
        assert_eq!(groups((0..0).map(|_| String::new())), [0_i64; 0]);
        // Nobody's agent is that long; a log may hold it all the same.
        let long = |number: usize| format!("{number}{}", "x".repeat(8 << 20));
        let all = groups((0..20).map(long));
        assert!(all.len() > 1 && all.iter().all(|rows| *rows <= 9), "{all:?}");
    }
}
