//! Tables as lakes have them, and as nobody should.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type, Int96, Int96Type};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};

use super::groups::counts_all;
use super::*;
use crate::source::inflate::{Inflater, Limits};

/// A file with one row group, whose columns `write` fills by their number.
pub fn file(
    schema: &str,
    compression: Compression,
    mut write: impl FnMut(usize, &mut SerializedColumnWriter<'_>),
) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut number = 0;
    while let Some(mut column) = group.next_column().unwrap() {
        write(number, &mut column);
        column.close().unwrap();
        number += 1;
    }
    group.close().unwrap();
    writer.into_inner().unwrap()
}

/// The lines of a file, and why they end early.
fn lines(bytes: &[u8]) -> Result<(Vec<Value>, Option<String>), String> {
    let mut temporary = tempfile::NamedTempFile::new().unwrap();
    temporary.write_all(bytes).unwrap();
    let mut inflater = Inflater::new(Limits::default());
    let mut text = inflater.open_bytes(&"x".into(), Box::new(io::empty()));
    let stop = AtomicBool::new(false);
    let file = Seekable::of(&mut text, (Some(temporary.path()), None), &stop).unwrap().unwrap().0;
    let mut rows = Rows::open(file).map_err(|cut| cut.message)?;
    let mut all = Vec::new();
    let ended = rows.read_to_end(&mut all).err().map(|error| error.to_string());
    let all = String::from_utf8(all).unwrap();
    Ok((all.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), ended))
}

fn texts(texts: &[&str]) -> Vec<ByteArray> {
    texts.iter().map(|text| ByteArray::from(*text)).collect()
}

const SCHEMA: &str = "message table {
    required int32 class_uid;
    optional int64 time_dt (TIMESTAMP(NANOS,true));
    required group api { required binary operation (UTF8); optional binary raw; }
    optional group resources (LIST) { repeated group list { optional group element {
        optional binary uid (UTF8); } } }
    optional group unmapped (MAP) { repeated group key_value {
        required binary key (UTF8); optional binary value (UTF8); } }
    optional int96 time;
    optional int32 status_code (DECIMAL(5,2));
    required binary observables (UTF8);
}";

fn table(compression: Compression) -> Vec<u8> {
    file(SCHEMA, compression, |number, column| {
        let done = match number {
            0 => column.typed::<Int32Type>().write_batch(&[6003, 6003], None, None),
            1 => {
                let time = [1_772_359_200_000_001_000];
                column.typed::<Int64Type>().write_batch(&time, Some(&[1, 0]), None)
            }
            2 => {
                let names = texts(&["DisableKey", "Decrypt"]);
                column.typed::<ByteArrayType>().write_batch(&names, None, None)
            }
            3 => {
                let raw = [ByteArray::from("plain"), ByteArray::from(vec![0xff, 0])];
                column.typed::<ByteArrayType>().write_batch(&raw, Some(&[1, 1]), None)
            }
            // Two elements, the second null; no list.
            4 => column.typed::<ByteArrayType>().write_batch(
                &texts(&["arn"]),
                Some(&[4, 2, 0]),
                Some(&[0, 1, 0]),
            ),
            // An entry; an empty map.
            5 => column.typed::<ByteArrayType>().write_batch(
                &texts(&["recipientAccountId"]),
                Some(&[2, 1]),
                Some(&[0, 0]),
            ),
            6 => column.typed::<ByteArrayType>().write_batch(
                &texts(&["111122223333"]),
                Some(&[3, 1]),
                Some(&[0, 0]),
            ),
            7 => {
                let mut time = Int96::new();
                // Noon of the first day of the epoch.
                time.set_data(
                    (43_200_000_000_000_u64 & 0xffff_ffff) as u32,
                    (43_200_000_000_000_u64 >> 32) as u32,
                    2_440_588,
                );
                column.typed::<Int96Type>().write_batch(&[time], Some(&[1, 0]), None)
            }
            8 => column.typed::<Int32Type>().write_batch(&[-5], Some(&[1, 0]), None),
            _ => column.typed::<ByteArrayType>().write_batch(&texts(&["a", "b"]), None, None),
        };
        done.unwrap();
    })
}

#[test]
fn rows_become_objects() {
    let wanted = vec![
        json!({
            "class_uid": 6003, "time_dt": "2026-03-01T10:00:00.000001Z",
            "api": {"operation": "DisableKey", "raw": "plain"},
            "resources": [{"uid": "arn"}, null],
            "unmapped": {"recipientAccountId": "111122223333"},
            "time": "1970-01-01T12:00:00Z", "status_code": -0.05,
        }),
        json!({
            "class_uid": 6003, "time_dt": null, "api": {"operation": "Decrypt", "raw": "/wA="},
            "resources": null, "unmapped": {}, "time": null, "status_code": null,
        }),
    ];
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::BROTLI(Default::default()),
    ] {
        assert_eq!(lines(&table(compression)).unwrap(), (wanted.clone(), None), "{compression}");
    }
}

#[test]
fn a_file_of_another_schema_is_named() {
    let schema = "message m { required int32 a; required int32 b; }";
    let write = |_: usize, column: &mut SerializedColumnWriter<'_>| {
        column.typed::<Int32Type>().write_batch(&[1], None, None).unwrap();
    };
    let other = lines(&file(schema, Compression::SNAPPY, write)).unwrap_err();
    let told = "Parquet of another schema: a, b; expected OCSF API Activity or CloudTrail columns";
    assert_eq!(other, told);
    let mut encrypted = table(Compression::SNAPPY);
    let end = encrypted.len() - 1;
    encrypted[end] = b'E';
    assert!(lines(&encrypted).unwrap_err().contains("encrypted Parquet"));
}

#[test]
fn no_byte_of_a_table_is_trusted() {
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY] {
        let whole = table(compression);
        for len in (4..whole.len()).step_by(7) {
            assert!(lines(&whole[..len]).is_err(), "{len}");
        }
        for at in 4..whole.len() - 8 {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x81;
            // Rows or a fault, and nothing else.
            let _ = lines(&damaged);
        }
    }
}

/// A table of numbers alone, whose rows are all alike.
pub fn alike(rows: usize) -> Vec<u8> {
    let schema = "message m { required int32 class_uid; required int32 api; }";
    let numbers = vec![6003; rows];
    file(schema, Compression::SNAPPY, |_, column| {
        column.typed::<Int32Type>().write_batch(&numbers, None, None).unwrap();
    })
}

#[test]
fn a_page_that_says_it_is_huge_is_refused() {
    let whole = alike(10);
    assert_eq!(lines(&whole).unwrap().0.len(), 10);
    // A page of values, its type and the two sizes: the last becomes 8 bytes larger and 1 GiB.
    let header = (4..whole.len()).find(|at| page::size(&whole[*at..]).is_some()).unwrap();
    let size = header + 3;
    assert!(whole[size] < 0x80, "a size of one byte");
    let huge = [&whole[..size], &[0x80, 0x80, 0x80, 0x80, 0x08], &whole[size + 1..]].concat();
    let (rows, why) = lines(&huge).unwrap();
    let (why, told) = (why.unwrap(), format!("the header of the page at byte {header}"));
    assert!(rows.is_empty() && why.contains(&told), "{why}");
}

#[test]
fn a_group_that_leaves_out_values_is_a_fault() {
    let reader = SerializedFileReader::new(Bytes::from(alike(10))).unwrap();
    let group = reader.metadata().row_group(0).clone();
    assert!(counts_all(&group).is_ok());
    for rows in [0, 1, 9, 11] {
        let other = group.clone().into_builder().set_num_rows(rows).build().unwrap();
        let why = counts_all(&other).unwrap_err().to_string();
        assert!(why.contains(&format!("says that it has {rows} rows")), "{why}");
    }
}

#[test]
fn pages_that_are_a_bomb_together_are_a_fault() {
    let schema = "message m { required int32 class_uid; required binary api (UTF8); }";
    let half = usize::try_from(page::PAGE_MAX).unwrap() * 5 / 8;
    let texts = ["a", "b"].map(|text| ByteArray::from(text.repeat(half).as_str()));
    let bytes = file(schema, Compression::ZSTD(ZstdLevel::default()), |number, column| {
        let done = match number {
            0 => column.typed::<Int32Type>().write_batch(&[6003, 6003], None, None),
            _ => column.typed::<ByteArrayType>().write_batch(&texts, None, None),
        };
        done.unwrap();
    });
    assert!(bytes.len() < 100_000);
    let (rows, why) = lines(&bytes).unwrap();
    let why = why.unwrap();
    assert!(rows.len() < 2 && why.contains("as a bomb does"), "{} {why}", rows.len());
}

#[test]
fn a_list_without_end_is_a_fault() {
    let schema = "message m { required int32 class_uid; required int32 api; optional group \
                  resources (LIST) { repeated group list { optional int32 element; } } }";
    let nulls = 3 << 20;
    let bytes = file(schema, Compression::SNAPPY, |number, column| {
        let column = column.typed::<Int32Type>();
        let done = match number {
            2 => {
                let (mut levels, mut again) = (vec![2; nulls], vec![1; nulls]);
                (levels[0], again[0]) = (2, 0);
                column.write_batch(&[], Some(&levels), Some(&again))
            }
            _ => column.write_batch(&[6003], None, None),
        };
        done.unwrap();
    });
    let (rows, why) = lines(&bytes).unwrap();
    assert_eq!(rows.len(), 0);
    assert!(why.unwrap().contains("a list of more than 1048576 values"));
}
