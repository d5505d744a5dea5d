//! Whatever a blob holds: nothing panics, memory is bounded, whole and stream say the same.
//!
//! A blob that starts with `D` stands for a gzip member with the deflate data behind the `D`,
//! checksum and length put right; one with `E` for a member made of the text behind six bytes
//! that say which two of its bytes are changed. Every other blob is taken as it is.

#![no_main]

use std::io::{self, Read, Seek, Write};

use flate2::{Compression, Crc, Decompress, FlushDecompress, write::GzEncoder};
use keytrail::model::window::{Cut, Window};
use keytrail::source::{Blob, Body, Inflater, Limits, Text};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    whole_compressed: 1 << 20,
    whole_inflated: 1 << 20,
    window: 1 << 10,
    max_window: 1 << 16,
    ratio: 250,
    ratio_floor: 1 << 20,
};

/// The text of a blob and what came behind it, as a reader that consumes all it sees gets it.
fn drain(text: &mut Text<'_>, most: usize) -> (Vec<u8>, Option<Cut>) {
    let mut all = Vec::new();
    let cut = loop {
        let here = text.text().len();
        assert!(here <= most, "{here} bytes in view");
        all.extend_from_slice(text.text());
        text.consume(here);
        match text.fill() {
            Ok(true) => assert!(!text.text().is_empty(), "nothing new in view"),
            Ok(false) => break None,
            Err(cut) => break Some(cut),
        }
    };
    assert_eq!(text.fill(), Ok(false), "a fault is told once");
    assert!(text.text().is_empty());
    (all, cut)
}

/// A reader that never consumes: only the limit may stop it.
fn hoard(text: &mut Text<'_>, most: usize) {
    loop {
        assert!(text.text().len() <= most);
        if !matches!(text.fill(), Ok(true)) {
            return;
        }
    }
}

/// Gives a few bytes a call.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = out.len().min(5);
        self.0.read(&mut out[..n])
    }
}

fn blob_of(data: &[u8]) -> Vec<u8> {
    match data {
        [b'D', deflate @ ..] => {
            let mut text = vec![0; 1 << 16];
            let mut inflate = Decompress::new(false);
            let _ = inflate.decompress(deflate, &mut text, FlushDecompress::Finish);
            let mut crc = Crc::new();
            crc.update(&text[..inflate.total_out() as usize]);
            let used = &deflate[..inflate.total_in() as usize];
            let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
            let (sum, amount) = (crc.sum().to_le_bytes(), crc.amount().to_le_bytes());
            [&head[..], used, &sum, &amount, &deflate[used.len()..]].concat()
        }
        [b'E', a, b, x, c, d, y, text @ ..] => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(text).expect("memory takes all");
            let mut blob = encoder.finish().expect("memory takes all");
            let len = blob.len();
            for (high, low, mask) in [(a, b, x), (c, d, y)] {
                blob[usize::from(u16::from_be_bytes([*high, *low])) % len] ^= mask;
            }
            blob
        }
        _ => data.to_vec(),
    }
}

fuzz_target!(|data: &[u8]| {
    let blob = blob_of(data);
    let mut file = tempfile::NamedTempFile::new_in("/dev/shm").expect("a file in memory");
    file.write_all(&blob).expect("room for a blob");
    file.rewind().expect("a file that seeks");
    let body = Body::File(file.path().to_owned());
    let named = Blob { name: "blob".into(), body, token: None };
    let mut inflater = Inflater::new(LIMITS);
    let (text, cut) = drain(&mut inflater.open(&named).expect("opened"), 1 << 20);
    // A second blob in the same memory.
    let again = drain(&mut inflater.open(&named).expect("opened"), 1 << 20);
    assert_eq!(again, (text.clone(), cut.clone()), "memory is no memory");
    let by_stream = |reader: Box<dyn Read + '_>| {
        drain(&mut Inflater::new(LIMITS).open_bytes(&"blob".into(), reader), LIMITS.max_window)
    };
    let (streamed, streamed_cut) = by_stream(Box::new(&blob[..]));
    if cut.is_none() && streamed_cut.is_some() {
        // libdeflate reads codes that the standard reserves: then it gives more.
        assert!(text.starts_with(&streamed), "the stream gives a beginning");
    } else {
        assert_eq!(cut.is_some(), streamed_cut.is_some(), "{cut:?}, {streamed_cut:?}");
        assert!(text == streamed, "one text: {} and {} bytes", text.len(), streamed.len());
    }
    let (trickled, trickled_cut) = by_stream(Box::new(Trickle(&blob)));
    let is_zstd = blob.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
    if is_zstd && trickled_cut.is_some() {
        // Before a fault, zstd gives more or less of a block, as the input comes.
        assert!(trickled.starts_with(&streamed) || streamed.starts_with(&trickled));
    } else {
        assert!(trickled == streamed, "{} and {} bytes", trickled.len(), streamed.len());
    }
    assert_eq!(trickled_cut.is_some(), streamed_cut.is_some(), "{trickled_cut:?}");
    let mut inflater = Inflater::new(LIMITS);
    hoard(&mut inflater.open_bytes(&"blob".into(), Box::new(&blob[..])), LIMITS.max_window);
});
