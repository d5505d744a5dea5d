//! `keytrail plan --inventory`: a plan of what an S3 Inventory holds is that of a listing.

use std::fs;
use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest, Md5};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};

use crate::bucket::Server;
use crate::harness::{Ended, Sandbox};

const FIELDS: &str = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, ETag";
const ACCOUNT: &str = "111122223333";

/// A row: its key, its size, and whether it is the latest and a delete marker.
type Row = (String, i64, bool, bool);

fn key(account: &str, day: &str, number: usize) -> String {
    let name = format!("{account}_CloudTrail_eu-west-1_20261102T1410Z_E{number:05}.json.gz");
    format!("AWSLogs/{account}/CloudTrail/eu-west-1/{day}/{name}")
}

/// What is in the bucket, and what a listing passes over or does not show.
fn rows() -> (Vec<Row>, Vec<Row>) {
    let mut all: Vec<Row> =
        (0..9).map(|n| (key(ACCOUNT, "2026/11/02", n), n as i64, true, false)).collect();
    all.push((key("444455556666", "2026/11/02", 1), 5, true, false));
    all.push(("notes/a b+c\u{e9}.json".into(), 3, true, false));
    let others = vec![
        (key(ACCOUNT, "2026/11/02", 77), 4, false, false),
        (key(ACCOUNT, "2026/11/02", 78), 0, true, true),
        (format!("AWSLogs/{ACCOUNT}/Config/eu-west-1/2026/11/02/a.json.gz"), 4, true, false),
        (
            format!("AWSLogs/{ACCOUNT}/CloudTrail-Digest/eu-west-1/2026/11/02/d.json.gz"),
            4,
            true,
            false,
        ),
        (format!("AWSLogs/{ACCOUNT}/CloudTrail/"), 0, true, false),
    ];
    (all, others)
}

/// As S3 encodes keys in CSV.
fn encoded(key: &str) -> String {
    key.bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            b'/' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn csv(rows: &[Row]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    for (key, size, latest, marker) in rows {
        let key = encoded(key);
        let line = format!(
            "\"example-logs\",\"{key}\",\"\",\"{latest}\",\"{marker}\",\"{size}\",\"{}\"\n",
            etag(*size)
        );
        out.write_all(line.as_bytes()).unwrap();
    }
    out.finish().unwrap()
}

/// What the bucket on loopback says of so many spaces, without quotes.
fn etag(size: i64) -> String {
    digest(&vec![b' '; usize::try_from(size).unwrap()])
}

fn digest(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parquet(rows: &[Row]) -> Vec<u8> {
    let schema = "message s3.inventory { required binary bucket (STRING); \
                  required binary key (STRING); optional boolean is_latest; \
                  optional boolean is_delete_marker; optional int64 size; \
                  optional int64 last_modified_date (TIMESTAMP(MILLIS,true)); \
                  optional binary e_tag (STRING); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let mut out = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut out, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let levels = vec![1; rows.len()];
    let texts = |of: &dyn Fn(&Row) -> String| -> Vec<ByteArray> {
        rows.iter().map(|row| ByteArray::from(of(row).into_bytes())).collect()
    };
    for column in 0..7 {
        let mut writer = group.next_column().unwrap().unwrap();
        let levels = (column > 1).then_some(&levels[..]);
        match column {
            0 | 1 | 6 => {
                let values = texts(&|row| match column {
                    0 => "example-logs".to_owned(),
                    1 => row.0.clone(),
                    _ => etag(row.1),
                });
                writer.typed::<ByteArrayType>().write_batch(&values, levels, None).unwrap();
            }
            2 | 3 => {
                let values: Vec<bool> =
                    rows.iter().map(|row| if column == 2 { row.2 } else { row.3 }).collect();
                writer.typed::<BoolType>().write_batch(&values, levels, None).unwrap();
            }
            _ => {
                let values: Vec<i64> = rows.iter().map(|row| row.1).collect();
                writer.typed::<Int64Type>().write_batch(&values, levels, None).unwrap();
            }
        }
        writer.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    out
}

fn manifest(format: &str, files: &[(&str, &[u8])]) -> String {
    let file = |(key, bytes): &(&str, &[u8])| json!({"key": key, "size": bytes.len(), "MD5checksum": digest(bytes)});
    let files: Vec<Value> = files.iter().map(file).collect();
    json!({
        "sourceBucket": "example-logs", "destinationBucket": "arn:aws:s3:::example-logs",
        "version": "2016-11-30", "creationTimestamp": "1793577600000",
        "fileFormat": format, "fileSchema": FIELDS, "files": files,
    })
    .to_string()
}

/// The rows of a plan's objects, without their shards.
fn planned(sandbox: &Sandbox, out: &str) -> Vec<String> {
    let folder = keytrail::folder::open(sandbox.path(out).as_os_str(), None).unwrap();
    let dataset = keytrail::shards::Dataset::open(folder).unwrap();
    let mut all = Vec::new();
    for table in &dataset.plan().object_tables {
        let file = dataset.folder().fetch(&table.file).unwrap().unwrap();
        let columns = ["account", "name", "size", "etag", "version", "modified"];
        let mut rows = keytrail::source::Table::open(file, &columns).unwrap();
        while let Some(row) = rows.next_row().unwrap() {
            all.push(format!("{row:?}"));
        }
    }
    all.sort();
    all
}

/// Writes an inventory of all rows to disk, in two files.
fn on_disk(sandbox: &Sandbox, format: &str) {
    let (all, others) = rows();
    let one = if format == "CSV" { csv(&all) } else { parquet(&all) };
    let other = if format == "CSV" { csv(&others) } else { parquet(&others) };
    sandbox.write(
        "inv/2026-11-30T01-00Z/manifest.json",
        manifest(format, &[("inv/data/one", &one), ("inv/data/other", &other)]),
    );
    sandbox.write("inv/data/one", one).write("inv/data/other", other);
}

fn plan(sandbox: &Sandbox, out: &str, more: &[&str]) -> Ended {
    let words = ["plan", "--inventory", "inv/2026-11-30T01-00Z/manifest.json", "-o", out];
    sandbox.keytrail(words.iter().chain(more)).run()
}

#[test]
fn an_inventory_gives_the_plan_of_a_listing() {
    let server = Server::start(7);
    let (all, others) = rows();
    for (key, size, latest, marker) in all.iter().chain(&others) {
        if *latest && !marker {
            server.put(key, vec![b' '; usize::try_from(*size).unwrap()]);
        }
    }
    let sandbox = Sandbox::new();
    server.keytrail(&sandbox, &["plan", "s3://example-logs", "-o", "listed"]).run().code(0);
    let listed = planned(&sandbox, "listed");
    assert_eq!(listed.len(), all.len());
    for format in ["CSV", "Parquet"] {
        on_disk(&sandbox, format);
        let ended = plan(&sandbox, format, &[]).code(0);
        let age = "note: the inventory of example-logs is of 2026-11-02T00:00:00Z";
        assert!(ended.stderr.starts_with(age), "{}", ended.stderr);
        assert_eq!(planned(&sandbox, format), listed, "{format}");
    }
    // What is there twice is one object: a row, and a file of the manifest.
    let twice: Vec<Row> = all.iter().chain(all.iter().rev()).cloned().collect();
    let file = csv(&twice);
    let named = ("inv/data/one", &file[..]);
    sandbox.write("inv/2026-11-30T01-00Z/manifest.json", manifest("CSV", &[named, named]));
    sandbox.write("inv/data/one", file.clone());
    plan(&sandbox, "twice", &[]).code(0);
    assert_eq!(planned(&sandbox, "twice"), listed);
    // From the bucket itself.
    let file = csv(&all);
    server.put("inv/manifest.json", manifest("CSV", &[("inv/data/one.csv.gz", &file)]));
    server.put("inv/data/one.csv.gz", file);
    let words = ["plan", "--inventory", "s3://example-logs/inv/manifest.json", "-o", "fetched"];
    server.keytrail(&sandbox, &words).run().code(0);
    assert_eq!(planned(&sandbox, "fetched"), listed);
}

#[test]
fn only_what_is_asked_for_is_taken() {
    let sandbox = Sandbox::new();
    on_disk(&sandbox, "CSV");
    let count = |out: &str, more: &[&str]| {
        plan(&sandbox, out, more).code(0);
        planned(&sandbox, out).len()
    };
    assert_eq!(count("a", &["--account", "444455556666"]), 2);
    assert_eq!(count("b", &["s3://example-logs/AWSLogs/444455556666/"]), 1);
    // Of another bucket there is nothing, and a plan of nothing is no clean one.
    plan(&sandbox, "c", &["s3://example"]).code(3);
    assert_eq!(planned(&sandbox, "c").len(), 0);
    assert_eq!(count("d", &["--until", "2026-10-01"]), 1);
    plan(&sandbox, "e", &["inv"]).code(2);
}

#[test]
fn what_is_not_the_inventory_of_its_manifest_is_said() {
    let sandbox = Sandbox::new();
    on_disk(&sandbox, "CSV");
    sandbox.write("inv/data/other", csv(&[]));
    let ended = plan(&sandbox, "a", &[]).code(3);
    assert!(ended.stderr.contains("other: s3: the inventory is not read to its end"), "{ended:?}");
    assert_eq!(planned(&sandbox, "a").len(), rows().0.len());
    fs::remove_file(sandbox.path("inv/data/other")).unwrap();
    let ended = plan(&sandbox, "b", &[]).code(3);
    assert!(ended.stderr.contains("it is not there"), "{ended:?}");
    for (text, why) in [
        (manifest("ORC", &[]), "its files are ORC, which is not read"),
        ("{}".to_owned(), "is no manifest: "),
    ] {
        sandbox.write("inv/2026-11-30T01-00Z/manifest.json", text);
        let ended = plan(&sandbox, "c", &[]).code(2);
        assert!(
            ended.stderr.contains("manifest.json: ") && ended.stderr.contains(why),
            "{ended:?}"
        );
    }
    sandbox.keytrail(["plan", "--inventory", "absent", "-o", "c"]).run().code(2);
    sandbox.keytrail(["plan", "-o", "c"]).run().code(2);
    assert!(!sandbox.path("c").exists());
}

#[test]
fn a_bucket_has_one_inventory() {
    let sandbox = Sandbox::new();
    on_disk(&sandbox, "CSV");
    let ended =
        plan(&sandbox, "a", &["--inventory", "inv/2026-11-30T01-00Z/manifest.json"]).code(2);
    assert!(ended.stderr.contains("two inventories are of the bucket example-logs"), "{ended:?}");
}
