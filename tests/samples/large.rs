//! Input too large to store, made when the test runs.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use flate2::{Compression, write::GzEncoder};

use crate::hostile::{call, disable};
use crate::pack;
use crate::record::envelope;
use crate::run::{Scan, scan, scan_stdin};

const MB: usize = 1 << 20;

/// A file in a folder that goes away with the test.
fn file(folder: &tempfile::TempDir, name: &str) -> (PathBuf, BufWriter<File>) {
    let path = folder.path().join(name);
    let file = File::create(&path).expect("a writable temporary folder");
    (path, BufWriter::new(file))
}

fn must(what: &str, scan: Result<Scan, String>) -> Scan {
    scan.unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// 300 MB of blanks between two records, in 300 KB: over any sensible ratio, and no reason to lose
/// what was read before.
#[test]
fn a_gzip_bomb_is_a_problem_and_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let (path, out) = file(&folder, "bomb.json.gz");
    let mut gz = GzEncoder::new(out, Compression::best());
    write!(gz, "{{\"Records\":[{},", disable("bomb", 0).json()).unwrap();
    let blanks = vec![b' '; MB];
    for _ in 0..300 {
        gz.write_all(&blanks).unwrap();
    }
    write!(gz, "{}]}}", disable("bomb", 1).json()).unwrap();
    gz.finish().unwrap().flush().unwrap();
    assert!(path.metadata().unwrap().len() < MB as u64, "small on disk");

    let scan = must("the bomb", scan(&[&path]));
    assert_eq!(scan.exit, 3, "{:?}", scan.problems());
    assert!(scan.problems().iter().any(|(stage, _)| stage == "inflate"), "{:?}", scan.problems());
    assert!(scan.rules().get("key-disabled").is_some_and(|count| *count >= 1), "the first record");
}

/// One record of 50 MB is read whole, and so are its neighbours.
#[test]
fn a_record_of_50_mb_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut out) = file(&folder, "long-record.json");
    let [a, b, c] = [0, 1, 2].map(|n| disable("long-record", n).json());
    let (head, tail) = b.split_at(b.len() - 1);
    write!(out, "{{\"Records\":[{a},{head},\"padding\":\"").unwrap();
    let text = vec![b'x'; MB];
    for _ in 0..50 {
        out.write_all(&text).unwrap();
    }
    write!(out, "\"{tail},{c}]}}").unwrap();
    out.into_inner().unwrap().sync_all().unwrap();

    let scan = must("the long record", scan(&[&path]));
    assert_eq!(scan.problems(), []);
    assert_eq!(scan.total("records"), Some(3));
    assert_eq!(scan.rules().get("key-disabled"), Some(&3));
    assert_eq!(scan.exit, 0);
}

/// 40 MB of records say the same from disk, where the whole is at hand, and through a pipe.
#[test]
fn a_pipe_gives_the_report_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut out) = file(&folder, "many.json");
    let quiet = call("many", 1, "DescribeKey").without("eventID").json();
    let batch = format!("{},", [quiet.as_str(); 500].join(","));
    let batches = u32::try_from(40 * MB / batch.len() + 1).unwrap();
    out.write_all(b"{\"Records\":[").unwrap();
    for n in 0..batches {
        out.write_all(batch.as_bytes()).unwrap();
        write!(out, "{},", disable("many", n).json()).unwrap();
    }
    write!(out, "{quiet}]}}").unwrap();
    out.into_inner().unwrap().sync_all().unwrap();

    let (disk, pipe) = (must("disk", scan(&[&path])), must("pipe", scan_stdin(&path)));
    assert_eq!((disk.exit, pipe.exit), (0, 0), "{:?} {:?}", disk.problems(), pipe.problems());
    assert_eq!(disk.rules().get("key-disabled"), Some(&u64::from(batches)));
    assert!(disk.nameless() == pipe.nameless(), "the reports differ by more than the file's name");
}

/// A trail file cut anywhere: one problem, and never less from more.
#[test]
fn a_cut_anywhere_loses_only_what_follows() {
    let records: Vec<String> = (0..40).map(|n| disable("cut-anywhere", n).json()).collect();
    let whole = pack::deflated(envelope(&records).as_bytes());
    let folder = tempfile::tempdir().unwrap();
    let mut before = 0;
    for tenth in 1..=10 {
        let keep = whole.len() * tenth / 10 - usize::from(tenth == 10);
        let (path, mut out) = file(&folder, "cut.json.gz");
        out.write_all(&whole[..keep]).unwrap();
        out.flush().unwrap();
        let scan = must("the cut file", scan(&[&path]));
        let found = scan.rules().get("key-disabled").copied().unwrap_or(0);
        assert_eq!(scan.exit, 3, "{keep} bytes");
        assert_eq!(scan.problems().len(), 1, "{keep} bytes: {:?}", scan.problems());
        assert!(found >= before, "{keep} bytes: {found} after {before}");
        assert_eq!(scan.total("records"), Some(found), "{keep} bytes");
        before = found;
    }
    assert_eq!(before, 40, "all of the text is there when only the trailer is cut");
}
