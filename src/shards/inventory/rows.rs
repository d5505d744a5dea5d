//! The rows of a file of an inventory: CSV or Parquet.
//!
//! What must stay true: a row is held alone, and one without an end is an error, whatever the file holds.

use std::fs::File;
use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::manifest::Format;
use crate::source::s3::decoded;
use crate::source::{Table, Value};

/// The longest line of CSV (64 KiB). A key has 1,024 bytes, of which each may take three.
const LINE_MAX: usize = 64 << 10;

/// The fields that are read, by their names in CSV and in Parquet.
const FIELDS: [(&str, &str); 7] = [
    ("Bucket", "bucket"),
    ("Key", "key"),
    ("Size", "size"),
    ("ETag", "e_tag"),
    ("VersionId", "version_id"),
    ("IsLatest", "is_latest"),
    ("IsDeleteMarker", "is_delete_marker"),
];

/// The first of these must be there.
const NEEDED: usize = 3;

/// A row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub bucket: String,
    pub key: String,
    pub size: u64,
    /// With quotes.
    pub etag: Option<String>,
    /// Only where there is no ETag.
    pub version: Option<String>,
    /// Whether this is what is read by the key.
    pub is_current: bool,
}

/// The rows of a file.
pub(super) enum Rows {
    /// The places of the fields in a line.
    Csv(Box<csv::Reader<Lines<MultiGzDecoder<BufReader<File>>>>>, [Option<usize>; FIELDS.len()]),
    Parquet(Box<Table>),
}

impl Rows {
    /// Opens a file.
    pub fn open(file: File, format: &Format) -> Result<Rows, String> {
        match format {
            Format::Parquet => {
                let table = Table::open(file, &FIELDS.map(|(_, name)| name))?;
                Ok(Rows::Parquet(Box::new(table)))
            }
            Format::Csv(names) => {
                let place = |(field, _)| names.iter().position(|name| name == field);
                let places = FIELDS.map(place);
                if let Some(at) = places[..NEEDED].iter().position(Option::is_none) {
                    return Err(format!("expected an inventory with the field {}", FIELDS[at].0));
                }
                let lines = Lines::new(MultiGzDecoder::new(BufReader::new(file)));
                let mut reader = csv::ReaderBuilder::new();
                reader.has_headers(false).flexible(true);
                Ok(Rows::Csv(Box::new(reader.from_reader(lines)), places))
            }
        }
    }

    /// The next row; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Row>, String> {
        match self {
            Rows::Parquet(table) => table.next_row()?.map(of_values).transpose(),
            Rows::Csv(reader, places) => {
                let mut record = csv::StringRecord::new();
                match reader.read_record(&mut record) {
                    Ok(true) => of_line(&record, places).map(Some),
                    Ok(false) => Ok(None),
                    Err(error) => Err(error.to_string()),
                }
            }
        }
    }
}

fn of_line(
    record: &csv::StringRecord,
    places: &[Option<usize>; FIELDS.len()],
) -> Result<Row, String> {
    let text = |at: usize| {
        let text = places[at].and_then(|place| record.get(place));
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let flag = |at: usize| text(at).map(|text| text == "true");
    let key = text(1).map(|key| decoded(&key).ok_or("a key is no text")).transpose()?;
    // A delete marker has no size.
    let size = text(2).map_or(Some(0), |size| size.parse().ok());
    row((text(0), key, size), (text(3), text(4)), (flag(5), flag(6)))
}

fn of_values(values: Vec<Value>) -> Result<Row, String> {
    let values: [Value; FIELDS.len()] = values.try_into().map_err(|_| "a row lacks fields")?;
    let [bucket, key, size, etag, version, latest, marker] = values;
    let flag = |value| if let Value::Flag(flag) = value { Some(flag) } else { None };
    let size = if size == Value::Null { Some(0) } else { size.count() };
    row(
        (bucket.text(), key.text(), size),
        (etag.text(), version.text()),
        (flag(latest), flag(marker)),
    )
}

fn row(
    (bucket, key, size): (Option<String>, Option<String>, Option<u64>),
    (etag, version): (Option<String>, Option<String>),
    (latest, marker): (Option<bool>, Option<bool>),
) -> Result<Row, String> {
    let bucket = bucket.ok_or("a row has no bucket")?;
    let key = key.ok_or("a row has no key")?;
    let size = size.ok_or("a row has no size")?;
    let etag = etag.filter(|etag| !etag.is_empty());
    let etag = etag.map(|etag| format!("\"{}\"", etag.trim_matches('"')));
    let version = version.filter(|version| etag.is_none() && !["", "null"].contains(&&**version));
    let is_current = latest != Some(false) && marker != Some(true);
    Ok(Row { bucket, key, size, etag, version, is_current })
}

/// A text whose lines have an end: a few bytes may inflate to a line that no memory holds.
pub(super) struct Lines<R> {
    text: R,
    /// Bytes since the last line ended.
    len: usize,
}

impl<R> Lines<R> {
    fn new(text: R) -> Lines<R> {
        Lines { text, len: 0 }
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // A piece at a time, so that no line within it is too long.
        let piece = out.len().min(LINE_MAX / 2);
        let read = self.text.read(&mut out[..piece])?;
        match memchr::memrchr(b'\n', &out[..read]) {
            Some(at) => self.len = read - at - 1,
            None => self.len += read,
        }
        if self.len > LINE_MAX {
            return Err(io::Error::other(format!("a line has more than {LINE_MAX} bytes")));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(text: &[u8]) -> File {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&encoder.finish().unwrap()).unwrap();
        file.rewind().unwrap();
        file
    }

    fn csv(fields: &str) -> Format {
        Format::Csv(fields.split(", ").map(str::to_owned).collect())
    }

    #[test]
    fn lines_are_read_as_s3_writes_them() {
        let fields = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, ETag";
        let text = "\"b\",\"a/b+c%2Bd%C3%A9\",\"v1\",\"true\",\"false\",\"12\",\"abc\"\n\
                    \"b\",\"gone\",\"v2\",\"true\",\"true\",\"\",\"\"\n\
                    \"b\",\"old\",\"v0\",\"false\",\"false\",\"7\",\"\"\n";
        let mut rows = Rows::open(packed(text.as_bytes()), &csv(fields)).unwrap();
        let first = rows.next().unwrap().unwrap();
        assert_eq!((first.key.as_str(), first.size), ("a/b c+dé", 12));
        assert_eq!((first.etag.as_deref(), &first.version), (Some("\"abc\""), &None));
        assert!(first.is_current && !rows.next().unwrap().unwrap().is_current);
        let old = rows.next().unwrap().unwrap();
        assert_eq!((old.is_current, old.version.as_deref()), (false, Some("v0")));
        assert_eq!(rows.next(), Ok(None));
    }

    #[test]
    fn what_is_no_row_is_an_error() {
        let format = csv("Bucket, Key, Size");
        let read = |file: File| {
            let mut rows = Rows::open(file, &format)?;
            while rows.next()?.is_some() {}
            Ok::<(), String>(())
        };
        assert_eq!(read(packed(b"\"b\",\"k\",\"1\"\n")), Ok(()));
        for text in [&b"\"b\"\n"[..], b"\"b\",\"%FF\",\"1\"", b"\"b\",\"k\",\"-1\"", b"\xff,k,1"] {
            assert!(read(packed(text)).is_err(), "{text:?}");
        }
        // A line that does not end.
        let said = read(packed(&vec![b'"'; 100 << 20])).unwrap_err();
        assert!(said.contains("a line has more than"), "{said}");
        let mut cut = packed(&b"\"b\",\"k\",\"1\"\n".repeat(1_000));
        let len = cut.seek(io::SeekFrom::End(0)).unwrap();
        cut.set_len(len - 9).unwrap();
        cut.rewind().unwrap();
        assert!(read(cut).is_err());
        let lacking = Rows::open(packed(b""), &csv("Bucket, Key")).err().unwrap();
        assert_eq!(lacking, "expected an inventory with the field Size");
        assert!(Rows::open(packed(b"PAR1"), &Format::Parquet).is_err());
    }
}
