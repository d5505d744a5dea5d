//! Archives and texts that are packed again: the same findings as from the folder.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};
use walkdir::WalkDir;

use crate::bucket::Server;
use crate::chain::Chain;
use crate::harness::{Lines, Sandbox};
use crate::trail::{disable, file, findings, gzip, lines, parse};
use crate::verify::faults;

/// The files of the sample, by their paths in it.
fn sample() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/trail");
    let walk = WalkDir::new(&root).sort_by_file_name().into_iter().map(Result::unwrap);
    let files = walk.filter(|entry| entry.file_type().is_file());
    let read = |entry: walkdir::DirEntry| {
        let path = entry.path().strip_prefix(&root).unwrap().display().to_string();
        (path, std::fs::read(entry.path()).unwrap())
    };
    files.map(read).collect()
}

fn tar<P: AsRef<str>, B: AsRef<[u8]>>(files: &[(P, B)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.as_ref().len() as u64);
        header.set_cksum();
        tar.append_data(&mut header, path.as_ref(), bytes.as_ref()).unwrap();
    }
    tar.into_inner().unwrap()
}

fn zip<P: AsRef<str>, B: AsRef<[u8]>>(files: &[(P, B)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut zip = rawzip::ZipArchiveWriter::new(&mut bytes);
    for (path, bytes) in files {
        let file =
            zip.new_file(path.as_ref()).compression_method(rawzip::CompressionMethod::DEFLATE);
        let (mut entry, config) = file.start().unwrap();
        let level = flate2::Compression::fast();
        let mut writer = config.wrap(flate2::write::DeflateEncoder::new(&mut entry, level));
        writer.write_all(bytes.as_ref()).unwrap();
        let (encoder, descriptor) = writer.finish().unwrap();
        encoder.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    zip.finish().unwrap();
    bytes
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A frame of independent blocks of up to 4 MiB, without checksums.
fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut frame = b"\x04\x22\x4d\x18\x60\x70".to_vec();
    frame.push(twox_hash::XxHash32::oneshot(0, &frame[4..6]).to_le_bytes()[1]);
    for block in bytes.chunks(4 << 20) {
        let block = lz4_flex::block::compress(block);
        frame.extend((block.len() as u32).to_le_bytes());
        frame.extend(block);
    }
    frame.extend([0; 4]);
    frame
}

/// A report without what names files, and the run.
fn plain(report: &Value) -> Value {
    let mut report = report.clone();
    let object = report.as_object_mut().unwrap();
    for name in ["run", "examined", "coverage", "tool", "nights"] {
        object.remove(name);
    }
    let totals = object["totals"].as_object_mut().unwrap();
    // What a member takes depends on how its archive packs it.
    ["manifest", "bytes_read"].iter().for_each(|name| drop(totals.remove(*name)));
    origins(&mut report);
    report
}

/// Leaves of each origin what comes behind the archive or the folder.
fn origins(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(at) = text.find("AWSLogs/") {
                *value = json!(text[at..]);
            }
        }
        Value::Array(all) => all.iter_mut().for_each(origins),
        Value::Object(all) => all.values_mut().for_each(origins),
        _ => {}
    }
}

fn report(sandbox: &Sandbox, source: &str) -> Value {
    parse(&sandbox.keytrail(["scan", source, "-fjson", "--min-level=informational"]).run().code(0))
}

#[test]
fn the_sample_gives_the_same_in_every_archive() {
    let (sandbox, files) = (Sandbox::new(), sample());
    for (path, bytes) in &files {
        sandbox.write(&format!("folder/{path}"), bytes);
    }
    let wanted = plain(&report(&sandbox, "folder"));
    assert!(wanted["findings"].as_array().unwrap().len() > 30);
    let tgz = gzip(&tar(&files));
    for (name, bytes) in [
        ("x.tar", tar(&files)),
        ("x.tar.zst", zstd(&tar(&files))),
        ("x.tar.bz2", bzip2(&tar(&files))),
        ("x.tar.xz", xz(&tar(&files))),
        ("x.tar.lz4", lz4(&tar(&files))),
        ("x.zip", zip(&files)),
        ("nested.zip", zip(&[("x.tar.gz", &tgz)])),
        ("x.zip.gz", gzip(&zip(&files))),
        ("x.tar.gz", tgz),
    ] {
        sandbox.write(name, &bytes);
        let found = plain(&report(&sandbox, name));
        assert!(found == wanted, "{name}: {:#}", found["totals"]);
        let piped = sandbox.keytrail(["scan", "-", "-fjson", "--min-level=informational"]);
        let piped = parse(&piped.stdin(bytes).run().code(0));
        assert_eq!(plain(&piped)["findings"], wanted["findings"], "{name}");
    }
    let regions = |report: &Value| report["coverage"].clone();
    let mut of_folder = regions(&report(&sandbox, "folder"));
    let mut of_tar = regions(&report(&sandbox, "x.tar.gz"));
    origins(&mut of_folder);
    origins(&mut of_tar);
    assert_eq!(of_tar, of_folder);
}

#[test]
fn a_record_is_found_again_by_the_place_in_its_archive() {
    let sandbox = Sandbox::new();
    let files =
        [("logs/a.json.gz", file(&[disable("e-1")])), ("b\u{1b}.json", lines(&[disable("e-2")]))];
    sandbox.write("t.tar.gz", gzip(&tar(&files)));
    sandbox.write("t.zip", zip(&[("in.tgz", gzip(&tar(&files)))]));
    for (place, id) in [
        ("t.tar.gz!/logs/a.json.gz#0", "e-1"),
        ("t.tar.gz!/b\u{1b}.json#0", "e-2"),
        ("t.zip!/in.tgz!/logs/a.json.gz#0", "e-1"),
    ] {
        let found = sandbox.keytrail(["record", place]).run().code(0).stdout;
        let record: Value = serde_json::from_str(&found).unwrap();
        assert_eq!(record["eventID"], id);
    }
    for (place, why) in [
        ("t.tar.gz!/nothing#0", "no such member"),
        ("t.tar.gz#0", "holds other files; expected one of them, as FILE!/MEMBER#N"),
        ("t.tar.gz!/logs/a.json.gz#1", "has 1 record: #0"),
        ("none.tar!/a#0", "no such file"),
    ] {
        let ended = sandbox.keytrail(["record", place]).run();
        assert!(ended.code == Some(2) && ended.stderr.contains(why), "{}", ended.stderr);
    }
}

#[test]
fn findings_of_members_are_written_in_the_order_of_the_listing() {
    let sandbox = Sandbox::new();
    let member = |n: usize| (format!("{n}.json"), lines(&[disable(&format!("e-{n:03}"))]));
    sandbox.write("a.tar", tar(&(0..50).map(member).collect::<Vec<_>>()));
    sandbox.write("b.json", lines(&[disable("e-050")]));
    sandbox.write("c.zip", zip(&(51..99).map(member).collect::<Vec<_>>()));
    sandbox.write("d.json", lines(&[disable("e-099")]));
    let words = ["scan", ".", "--each", "-fndjson", "--select=key-disabled", "--threads=4"];
    let found = sandbox.keytrail(words).run().code(0).stdout;
    let ids: Vec<_> = found
        .lines()
        .filter_map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["events"][0]["id"].as_str().map(str::to_owned)
        })
        .collect();
    assert_eq!(ids, (0..100).map(|n| format!("e-{n:03}")).collect::<Vec<_>>());
}

#[test]
fn a_tar_is_read_while_the_pipe_is_open() {
    let sandbox = Sandbox::new();
    let words = ["scan", "--each", "-fndjson", "--select", "key-disabled", "-"];
    let mut keytrail = sandbox.keytrail(words);
    let mut child = keytrail.spawn();
    let output = Lines::of(child.stdout.take().unwrap());
    let mut input = child.stdin.take().unwrap();
    let whole = tar(&[("a", lines(&[disable("e-1")])), ("b", lines(&[disable("e-2")]))]);
    // The second member does not come.
    input.write_all(&whole[..whole.len() / 2]).unwrap();
    let line: Value = serde_json::from_str(&output.line().unwrap()).unwrap();
    assert_eq!(line["events"][0]["origin"], "-!/a#0");
    drop(input);
    keytrail.end(child).code(3);
}

#[test]
fn archives_in_a_bucket_are_read_and_their_records_found_again() {
    let server = Server::start(1000);
    let files = [("a.json", lines(&[disable("e-1")])), ("b.json", lines(&[disable("e-2")]))];
    server.put("cases/evidence.zip", zip(&files));
    server.put("cases/odd!/x.tar.gz", gzip(&tar(&files[..1])));
    server.put("cases/odd!/plain.json", lines(&[disable("e-3")]));
    let sandbox = Sandbox::new();
    let words = ["scan", "s3://example-logs/cases", "-fjson", "--select=key-disabled", "--each"];
    let report = parse(&server.keytrail(&sandbox, &words).run().code(0));
    assert_eq!(report["totals"]["blobs"], 4);
    for finding in findings(&report) {
        let event = &finding["events"][0];
        let place = event["origin"].as_str().unwrap();
        let found = server.keytrail(&sandbox, &["record", place]).run().code(0).stdout;
        let record: Value = serde_json::from_str(&found).unwrap();
        assert_eq!(record["eventID"], event["id"], "{place}");
    }
}

#[test]
fn an_archive_is_read_once() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/x.tar", tar(&[("a.json", lines(&[disable("e-1")]))]));
    let night = || {
        let words = ["scan", "logs", "-fjson", "--state=state", "--select=key-disabled"];
        parse(&sandbox.keytrail(words).run())
    };
    let first = night();
    assert_eq!((findings(&first).len(), &first["totals"]["blobs"]), (1, &json!(1)));
    let second = night();
    assert_eq!((findings(&second).len(), &second["totals"]["blobs"]), (0, &json!(0)));
}

#[test]
fn faults_of_archives_are_told_and_end_in_3() {
    let sandbox = Sandbox::new();
    let whole = tar(&[("a.json", lines(&[disable("e-1")])), ("b.json", lines(&[disable("e-2")]))]);
    sandbox.write("cut.tar", &whole[..2000]);
    sandbox.write("x.7z", b"7z\xbc\xaf\x27\x1c\0\x04");
    let ended = sandbox.keytrail(["scan", ".", "-fjson", "--select=key-disabled"]).run();
    assert_eq!(ended.code, Some(3));
    let report = parse(&ended);
    assert_eq!(findings(&report).len(), 1);
    let problems: Vec<_> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| {
            format!(
                "{}: {}",
                problem["origin"].as_str().unwrap(),
                problem["message"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert!(
        problems[0].contains("cut.tar") && problems[0].contains("the tar ends"),
        "{problems:#?}"
    );
    assert!(problems[1].contains("x.7z: it is a 7z archive"), "{problems:#?}");
}

#[test]
fn a_table_of_something_else_is_named() {
    use parquet::data_type::ByteArrayType;
    use parquet::file::writer::SerializedFileWriter;
    let table = |schema: &str| {
        let schema = parquet::schema::parser::parse_message_type(schema).unwrap();
        let mut writer =
            SerializedFileWriter::new(Vec::new(), schema.into(), Default::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        while let Some(mut column) = group.next_column().unwrap() {
            let text = disable("e-1").to_string();
            let texts = [text.as_str().into()];
            column.typed::<ByteArrayType>().write_batch(&texts, None, None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
        writer.into_inner().unwrap()
    };
    let other = table("message m { required binary a (UTF8); required binary b (UTF8); }");
    let sandbox = Sandbox::new();
    sandbox.write("x.tar", tar(&[("a.parquet", &other)]));
    let report = parse(&sandbox.keytrail(["scan", "x.tar", "-fjson"]).run().code(3));
    let problem = &report["problems"][0];
    assert_eq!(problem["origin"], "x.tar!/a.parquet");
    let told = "Parquet of another schema: a, b; expected OCSF API Activity or CloudTrail columns";
    assert_eq!(problem["message"], told);
    // A row is a line, found by its number.
    let rows = table("message m { required binary _raw (UTF8); required binary b (UTF8); }");
    sandbox.write("rows.parquet.gz", gzip(&rows));
    let ended = sandbox.keytrail(["scan", "rows.parquet.gz", "-fjson"]).run();
    assert_eq!(parse(&ended)["totals"]["blobs"], 1);
}

#[test]
fn an_archive_of_a_bucket_verifies_as_the_bucket_does() {
    let mut chain = Chain::new();
    for tampered in [false, true] {
        if tampered {
            let log = chain.logs[3].clone();
            chain.edit(&log, |text| text.replace("203.0.113", "192.0.2") + " ");
        }
        let sandbox = Sandbox::new();
        chain.write(&sandbox);
        let files: Vec<_> = chain.files.iter().collect();
        sandbox.write("bucket.tar.gz", gzip(&tar(&files)));
        sandbox.write("bucket.zip", zip(&files));
        let words = |source| ["verify", source, "--public-keys", "keys.json", "-fjson"];
        let wanted = sandbox.keytrail(words("bucket")).run();
        assert_eq!(wanted.code, Some(i32::from(tampered)), "{}", wanted.stderr);
        let wanted = serde_json::from_str(&wanted.stdout).unwrap();
        assert_eq!(!faults(&wanted).is_empty(), tampered);
        for source in ["bucket.tar.gz", "bucket.zip"] {
            let found = parse(&sandbox.keytrail(words(source)).run());
            for part in ["digests", "logs", "chains"] {
                assert_eq!(found[part], wanted[part], "{source}");
            }
            let scan = |source| {
                let words = ["scan", source, "--verify", "--public-keys=keys.json", "-fjson"];
                parse(&sandbox.keytrail(words).run())
            };
            let (of_folder, of_archive) = (scan("bucket"), scan(source));
            let verdicts = |report: &Value| {
                let mut verdicts = report["verify"].clone();
                origins(&mut verdicts);
                verdicts
            };
            assert_eq!(verdicts(&of_archive), verdicts(&of_folder), "{source}");
            for part in ["records", "blobs", "blobs_other", "blobs_failed"] {
                assert_eq!(
                    of_archive["totals"][part], of_folder["totals"][part],
                    "{source} {part}"
                );
            }
            assert_eq!(findings(&of_archive).len(), findings(&of_folder).len());
        }
    }
}
