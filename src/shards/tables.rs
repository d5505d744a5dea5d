//! The tables of a plan: their columns, and files of them.
//!
//! What must stay true: a column keeps its name, its type and its meaning. New ones come at the end.

use std::fs::File;
use std::io;

use sha2::Sha256;

use super::digest;
use crate::tables::{Column, Kind, Writer};

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

/// A table in the making, in a temporary file.
pub(super) fn writer(columns: &[Column]) -> io::Result<Writer<File>> {
    Writer::new(tempfile::tempfile()?, "plan", columns.iter().copied())
}

/// The file of a table, and its SHA-256.
pub(super) fn finish(writer: Writer<File>) -> io::Result<(File, String)> {
    let mut file = writer.finish([])?;
    let digest = digest::of_file::<Sha256>(&mut file)?;
    Ok((file, digest))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::source::{Table, Value};
    use crate::tables::Cell;

    const NAMES: [&str; 4] = ["shard", "account", "name", "modified"];

    /// A table of some shards with two rows each, in groups of three rows.
    fn table(shards: i64) -> Vec<u8> {
        let mut writer = writer(&OBJECTS).unwrap();
        for number in 0..shards * 2 {
            let name = format!("logs/{number}");
            writer.add([
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
        let (mut file, sha256) = finish(writer).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        assert_eq!(sha256, digest::of_bytes::<Sha256>(&bytes));
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
