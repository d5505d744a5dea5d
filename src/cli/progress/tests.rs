//! What is shown of each phase, and how long it is said to take.

use super::*;
use crate::model::findings::{Each, Findings, Stored, Sum};

const READING: Seen = Seen {
    phase: Phase::Reading,
    done: 0,
    parts: 0,
    files: 1234,
    bytes: 1_288_490_189,
    records: 345_678,
    matches: 12_345,
};

fn deciding(done: u64, parts: u64) -> Seen {
    Seen { phase: Phase::Deciding, done, parts, ..READING }
}

fn text(seen: Seen, secs: u64) -> String {
    seen.text(("reading", None), Duration::from_secs(secs), usize::MAX)
}

#[test]
fn reading_tells_what_was_read() {
    let shown = "reading  1,234 files, 1.20 GiB, 345,678 records, 12,345 matches";
    assert_eq!(text(READING, 9), shown);
    let first = Seen { files: 1, bytes: 10, records: 1, matches: 0, ..READING };
    assert_eq!(text(first, 0), "reading  1 file, 10 B, 1 record");
    let digests = Seen { records: 0, matches: 0, ..READING };
    let shown = digests.text(("reading digests", None), Duration::ZERO, usize::MAX);
    assert_eq!(shown, "reading digests  1,234 files, 1.20 GiB");
}

#[test]
fn reading_tells_of_how_much_where_that_is_known() {
    let total = Some(Total { files: 2468, bytes: 2 * 1_288_490_189 });
    let shown =
        |seen: Seen, secs| seen.text(("reading", total), Duration::from_secs(secs), usize::MAX);
    let far =
        "reading  1,234 of 2,468 files, 1.20 GiB of 2.40 GiB, 345,678 records, 12,345 matches";
    assert_eq!(shown(READING, 0), far);
    assert_eq!(shown(READING, 7), format!("{far}  about 7 s left"));
    let end = Seen { bytes: 2 * 1_288_490_189, files: 2468, ..READING };
    assert!(!shown(end, 7).contains("left"));
}

#[test]
fn counting_and_deciding_tell_how_far_they_are() {
    assert_eq!(text(deciding(37, 128), 1), "deciding  37 of 128  about 3 s left");
    assert_eq!(text(Seen { phase: Phase::Counting, ..deciding(4, 64) }, 0), "counting  4 of 64");
    assert_eq!(text(deciding(0, 128), 60), "deciding  0 of 128");
    assert_eq!(text(deciding(128, 128), 60), "deciding  128 of 128");
    // More than was thought, and nobody knows.
    assert_eq!(text(deciding(190, 128), 60), "deciding  128 of 128");
    assert_eq!(text(deciding(3, 0), 60), "deciding");
}

#[test]
fn sorting_tells_of_how_much() {
    let sorting = Seen { phase: Phase::Sorting, ..READING };
    assert_eq!(text(sorting, 9), "sorting  12,345 matches");
    assert_eq!(text(Seen { matches: 1, ..sorting }, 9), "sorting  1 match");
}

#[test]
fn times_are_rough() {
    let rough = |secs| rough(Duration::from_secs(secs));
    assert_eq!([rough(2), rough(99), rough(100)], ["2 s", "99 s", "2 min"]);
    assert_eq!([rough(3600), rough(6001)], ["60 min", "2 h"]);
}

#[test]
fn a_total_is_of_files_and_folders() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).into_os_string();
    fs::write(path("a"), "12").unwrap();
    fs::create_dir(path("below")).unwrap();
    fs::write(path("below/b"), "345").unwrap();
    let of = |named: &[std::ffi::OsString]| {
        let sources = named.iter().cloned().collect();
        Total::of(&sources, &AtomicBool::new(false))
    };
    let both = Some(Total { files: 2, bytes: 5 });
    assert_eq!(of(&[path("a"), path("below/b")]), both);
    assert_eq!(of(&[path("a"), path("./a")]), Some(Total { files: 1, bytes: 2 }));
    assert_eq!(of(&[folder.path().into()]), both);
    let all = Sources::from_iter([folder.path()]);
    assert_eq!(Total::of(&all, &AtomicBool::new(true)), None, "too late");
    for other in [path("none"), "s3://bucket".into(), "-".into()] {
        assert_eq!(of(&[path("a"), other]), None);
    }
}

/// So many findings, of which nothing is looked at.
#[derive(Debug)]
struct Many(usize);

impl Stored for Many {
    fn read(&self) -> io::Result<Each<'_>> {
        Ok(Box::new((0..self.0).map(|_| Err(io::ErrorKind::Unsupported.into()))))
    }
}

#[test]
fn writing_tells_how_far_it_is() {
    let findings = Findings::stored(Box::new(Many(1234)), Sum { len: 1234, ..Sum::default() });
    let read = || findings.read().unwrap().count();
    assert_eq!(read(), 1234);
    // What was read before counts for nothing.
    let progress = Progress::writing(&findings, 2);
    let shown =
        |secs| Seen::of(&progress).text(("reading", None), Duration::from_secs(secs), usize::MAX);
    assert_eq!(shown(0), "writing  0 of 2,468 findings");
    read();
    assert_eq!(shown(3), "writing  1,234 of 2,468 findings  about 3 s left");
    read();
    read();
    assert_eq!(shown(9), "writing  2,468 of 2,468 findings");
}

#[test]
fn a_narrow_line_keeps_the_time() {
    let total = Some(Total { files: 2468, bytes: 2 * 1_288_490_189 });
    let shown = |width| READING.text(("reading", total), Duration::from_secs(7), width);
    assert_eq!(shown(78), "reading  1,234 of 2,468 files, 1.20 GiB of 2.40 GiB  about 7 s left");
    assert_eq!(shown(50), "reading  1,234 of 2,468 files  about 7 s left");
    assert_eq!(shown(30), "reading  about 7 s left");
    assert_eq!(shown(5), shown(30), "cut by the bar");
    for width in 23..120 {
        assert!(shown(width).chars().count() <= width);
    }
}

#[test]
fn a_phase_has_its_own_clock() {
    let progress = Progress::default();
    let watched = Watched::alone(&progress);
    let mut clock = Clock { phase: Phase::Sorting, began: Instant::now() };
    assert_eq!(clock.look(watched, None, 80), "reading  0 files, 0 B");
    assert_eq!(clock.phase, Phase::Reading);
}
