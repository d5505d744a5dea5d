//! Faults of gzip and zstd, and of text encodings.

use super::{Case, NOTHING, ONE, TWO, disable};
use crate::pack::{gzip, gzip_block, zstd};
use crate::record::envelope;

pub const CASES: &[Case] = &[
    Case {
        file: "gzip-truncated.json.gz",
        about: "gzip cut off inside the second of three records",
        make: || cut(gzip_block(&as_parts(&parts("gzip-truncated")), 1) + 300, "gzip-truncated"),
        records: 1,
        problems: &[("inflate", "gzip data ends")],
        findings: ONE,
        exit: 3,
        ..NOTHING
    },
    Case {
        file: "gzip-no-trailer.json.gz",
        about: "gzip with all of its text and without the last eight bytes",
        make: || {
            let parts = parts("gzip-no-trailer");
            let all = gzip(&as_parts(&parts));
            all[..all.len() - 8].to_vec()
        },
        records: 3,
        problems: &[("inflate", "gzip data ends")],
        findings: super::THREE,
        exit: 3,
        ..NOTHING
    },
    Case {
        file: "gzip-corrupt.json.gz",
        about: "gzip with an impossible block after the first of three records",
        make: corrupt,
        records: 1,
        problems: &[("inflate", "corrupt gzip data")],
        findings: ONE,
        exit: 3,
        ..NOTHING
    },
    Case {
        file: "gzip-bad-crc.json.gz",
        about: "gzip whose checksum is wrong",
        make: bad_crc,
        records: 3,
        problems: &[("inflate", "CRC mismatch")],
        findings: super::THREE,
        exit: 3,
        ..NOTHING
    },
    Case {
        file: "gzip-junk-after.json.gz",
        about: "bytes that are no gzip after the end of the member",
        make: junk_after,
        records: 3,
        problems: &[("inflate", "after the end of the gzip stream")],
        findings: super::THREE,
        exit: 3,
        ..NOTHING
    },
    Case {
        file: "gzip-two-members.json.gz",
        about: "two gzip members, each a trail file",
        make: || two_files("gzip-two-members"),
        records: 2,
        findings: TWO,
        ..NOTHING
    },
    Case {
        file: "gzip-split-record.json.gz",
        about: "two gzip members, the boundary inside a record",
        make: split_record,
        records: 2,
        findings: TWO,
        ..NOTHING
    },
    Case {
        file: "gzip-second-truncated.json.gz",
        about: "two gzip members, each a trail file, the second cut off",
        make: || {
            let all = two_files("gzip-second-truncated");
            all[..all.len() - 200].to_vec()
        },
        records: 1,
        problems: &[("inflate", "gzip data ends")],
        findings: ONE,
        exit: 3,
        ..NOTHING
    },
    Case {
        file: "zstd.json.zst",
        about: "zstd",
        make: || zstd(&as_parts(&parts("zstd"))),
        records: 3,
        findings: super::THREE,
        ..NOTHING
    },
    Case {
        file: "zstd-truncated.json.zst",
        about: "zstd cut off inside the second of three records",
        make: || {
            let parts = parts("zstd-truncated");
            let keep = 9 + 3 + parts[0].len() + 3 + 300;
            zstd(&as_parts(&parts))[..keep].to_vec()
        },
        records: 1,
        problems: &[("inflate", "zstd data ends")],
        findings: ONE,
        exit: 3,
        ..NOTHING
    },
    Case {
        file: "plain-named-gz.json.gz",
        about: "plain text by the name of a gzip file",
        make: || envelope(&[disable("plain-named-gz", 0).json()]).into_bytes(),
        records: 1,
        findings: ONE,
        ..NOTHING
    },
    Case {
        file: "empty.json",
        about: "no bytes at all",
        problems: &[("read", "empty file")],
        exit: 3,
        ..NOTHING
    },
    Case {
        file: "bom.json",
        about: "plain text behind a byte order mark",
        make: || format!("\u{feff}{}", envelope(&[disable("bom", 0).json()])).into_bytes(),
        records: 1,
        findings: ONE,
        ..NOTHING
    },
    Case {
        file: "utf16.json",
        about: "UTF-16, as a shell of Windows redirects it",
        make: || {
            let text = format!("\u{feff}{}", envelope(&[disable("utf16", 0).json()]));
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        },
        problems: &[("parse", "UTF-16")],
        exit: 3,
        ..NOTHING
    },
];

/// A trail file of three records, cut where each ends.
fn parts(of: &str) -> [String; 3] {
    let [a, b, c] = [0, 1, 2].map(|n| disable(of, n).json());
    [format!("{{\"Records\":[{a},"), format!("{b},"), format!("{c}]}}")]
}

fn as_parts(parts: &[String; 3]) -> [&str; 3] {
    [&parts[0], &parts[1], &parts[2]]
}

fn cut(keep: usize, of: &str) -> Vec<u8> {
    gzip(&as_parts(&parts(of)))[..keep].to_vec()
}

fn corrupt() -> Vec<u8> {
    let parts = parts("gzip-corrupt");
    let mut all = gzip(&as_parts(&parts));
    // Block type 3 does not exist.
    all[gzip_block(&as_parts(&parts), 1)] = 0b110;
    all
}

fn bad_crc() -> Vec<u8> {
    let parts = parts("gzip-bad-crc");
    let mut all = gzip(&as_parts(&parts));
    let at = all.len() - 8;
    all[at] ^= 0x55;
    all
}

fn junk_after() -> Vec<u8> {
    let parts = parts("gzip-junk-after");
    let mut all = gzip(&as_parts(&parts));
    all.extend(b"and then something that is no gzip member");
    all
}

fn two_files(of: &str) -> Vec<u8> {
    let [a, b] = [0, 1].map(|n| envelope(&[disable(of, n).json()]));
    [gzip(&[&a]), gzip(&[&b])].concat()
}

fn split_record() -> Vec<u8> {
    let text = envelope(&[0, 1].map(|n| disable("gzip-split-record", n).json()));
    let (a, b) = text.split_at(text.len() / 3);
    [gzip(&[a]), gzip(&[b])].concat()
}
