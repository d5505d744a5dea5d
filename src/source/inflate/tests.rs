//! Both ways to the text, fault by fault; `same` proves that they are one.

mod same;
mod streamed;

use std::io::Write;
use std::path::Path;

use flate2::Compression as Level;
use flate2::write::GzEncoder;

use crate::model::window::Window;

use super::*;
use streamed::{bzip2, lz4, xz};

/// All text of a blob and what came behind it, as a reader that consumes all it sees gets it.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    text: Vec<u8>,
    cut: Option<Cut>,
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(text, 1).unwrap()
}

fn drain(text: &mut Text<'_>) -> Outcome {
    let mut all = Vec::new();
    let cut = loop {
        let here = text.text().len();
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
    Outcome { text: all, cut }
}

/// Reads `blob` as a file, with whatever way `limits` leads to.
fn from_file(blob: &[u8], limits: Limits) -> Outcome {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(blob).unwrap();
    let mut inflater = Inflater::new(limits);
    let mut text = inflater.open(&named(file.path())).unwrap();
    let outcome = drain(&mut text);
    assert_eq!(text.size_on_disk(), Some(blob.len() as u64));
    outcome
}

fn named(path: &Path) -> Blob {
    Blob { name: "blob".into(), body: Body::File(path.to_owned()), token: None }
}

fn from_reader<'a>(reader: impl Read + 'a, limits: Limits) -> Outcome {
    drain(&mut Inflater::new(limits).open_bytes(&"blob".into(), Box::new(reader)))
}

/// Never whole.
fn streaming() -> Limits {
    Limits { whole_compressed: 0, ..Limits::default() }
}

/// Gives one byte a call, and an interruption before each.
struct Trickle<'a>(&'a [u8], bool);

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let n = self.0.len().min(1);
        out[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

/// The outcome by streaming, which is the same however the bytes come and go.
fn streamed(blob: &[u8]) -> Outcome {
    let file = from_file(blob, streaming());
    let small = Limits { window: 16, ..streaming() };
    for (way, other) in [
        ("small window", from_file(blob, small)),
        ("reader", from_reader(blob, Limits::default())),
        ("trickle", from_reader(Trickle(blob, false), Limits::default())),
    ] {
        assert_like(way, &file, &other);
    }
    file
}

/// The outcome by every way there is, all of them the same.
fn every_way(blob: &[u8]) -> Outcome {
    let whole = from_file(blob, Limits::default());
    assert_like("stream", &whole, &streamed(blob));
    whole
}

fn assert_like(way: &str, one: &Outcome, other: &Outcome) {
    let stages = [one, other].map(|outcome| outcome.cut.as_ref().map(|cut| cut.stage));
    let lengths = (one.text.len(), other.text.len());
    assert!(one.text == other.text, "{way}: {lengths:?} {:?} {:?}", one.cut, other.cut);
    assert_eq!(stages[0], stages[1], "{way}");
}

fn good(blob: &[u8]) -> Vec<u8> {
    let outcome = every_way(blob);
    assert_eq!(outcome.cut, None);
    outcome.text
}

fn cut_text(blob: &[u8], stage: Stage, message: &str) -> Vec<u8> {
    let outcome = every_way(blob);
    let cut = outcome.cut.expect("a fault");
    assert_eq!(cut.stage, stage);
    assert!(cut.message.contains(message), "{}", cut.message);
    outcome.text
}

#[test]
fn the_first_bytes_tell_the_compression() {
    let text = b"{\"Records\":[]}";
    for (blob, kind) in [
        (text.to_vec(), Compression::Plain),
        (gzip(text), Compression::Gzip),
        (zstd(text), Compression::Zstd),
        (bzip2(text), Compression::Bzip2),
        (xz(text), Compression::Xz),
        (lz4(text), Compression::Lz4),
    ] {
        assert_eq!(good(&blob), text);
        let mut inflater = Inflater::new(Limits::default());
        let mut opened = inflater.open_bytes(&"b".into(), Box::new(&blob[..]));
        drain(&mut opened);
        let facts = (opened.kind(), opened.bytes_read(), opened.bytes_inflated());
        assert_eq!(facts, (kind, blob.len() as u64, text.len() as u64));
    }
    for plain in [&b"\x1f"[..], b"(", b"(\xb5/", b"P", b"P*M", b"\x1f\x8a", b"P*M\x19"] {
        assert_eq!(good(plain), plain);
    }
}

#[test]
fn an_empty_blob_is_empty() {
    assert_eq!(good(b""), b"");
    let mut inflater = Inflater::new(Limits::default());
    for (blob, empty) in [(b"".to_vec(), true), (gzip(b""), true), (gzip(b"x"), false)] {
        let mut text = inflater.open_bytes(&"b".into(), Box::new(&blob[..]));
        assert!(!text.is_empty(), "not known yet");
        drain(&mut text);
        assert_eq!(text.is_empty(), empty);
    }
    let mut broken = inflater.open_bytes(&"b".into(), Box::new(&b"\x1f\x8b"[..]));
    drain(&mut broken);
    assert!(!broken.is_empty());
}

#[test]
fn all_members_are_read_also_empty_ones() {
    let blob = [gzip(b"one "), gzip(b""), gzip(b"two"), gzip(b"")].concat();
    assert_eq!(good(&blob), b"one two");
}

#[test]
fn header_fields_are_skipped() {
    let mut encoder = flate2::GzBuilder::new()
        .extra(vec![1, 2, 3])
        .filename("a name")
        .comment("a comment")
        .write(Vec::new(), Level::fast());
    encoder.write_all(b"text").unwrap();
    assert_eq!(good(&encoder.finish().unwrap()), b"text");
}

#[test]
fn a_last_member_smaller_than_the_first_does_not_mislead() {
    let big = vec![b'x'; 3 << 20];
    let blob = [gzip(&big), gzip(b"small")].concat();
    assert_eq!(good(&blob).len(), big.len() + 5);
}

#[test]
fn a_lying_length_is_a_fault_behind_all_text() {
    for lie in [0, 3, 5, 1 << 20, u32::MAX] {
        let mut blob = gzip(b"text");
        let at = blob.len() - 4;
        blob[at..].copy_from_slice(&lie.to_le_bytes());
        assert_eq!(cut_text(&blob, Stage::Inflate, "length mismatch"), b"text");
    }
}

#[test]
fn a_wrong_crc_is_a_fault_behind_all_text() {
    let mut blob = [gzip(b"good "), gzip(b"bad"), gzip(b"unread")].concat();
    let at = gzip(b"good ").len() + gzip(b"bad").len() - 8;
    blob[at] ^= 1;
    let told = format!("CRC mismatch at byte {at}: the text of the gzip member at byte 25");
    assert_eq!(cut_text(&blob, Stage::Inflate, &told), b"good bad");
}

#[test]
fn what_follows_the_last_member_is_told() {
    for (junk, told) in [(&b"\0"[..], "1 byte after"), (&[0; 512], "512 bytes after")] {
        let blob = [&gzip(b"text")[..], junk].concat();
        assert_eq!(cut_text(&blob, Stage::Inflate, "after the end of the gzip stream"), b"text");
        for limits in [Limits::default(), streaming()] {
            let cut = from_file(&blob, limits).cut.expect("a fault");
            assert!(cut.message.starts_with(told), "{cut}");
        }
    }
    let blob = [&zstd(b"text")[..], b"junk"].concat();
    assert_eq!(cut_text(&blob, Stage::Inflate, "after the end of the zstd stream"), b"text");
}

#[test]
fn a_bad_header_is_a_fault() {
    let mut blob = gzip(b"text");
    blob[2] = 9;
    assert_eq!(cut_text(&blob, Stage::Inflate, "bad gzip header at byte 0"), b"");
    let blob = [&gzip(b"text")[..], b"\x1f\x8b\x08\xe0 and so on"].concat();
    assert_eq!(cut_text(&blob, Stage::Inflate, "bad gzip header at byte 24"), b"text");
}

#[test]
fn zstd_frames_and_skippable_ones() {
    let skippable = |n: u8| [&[0x50 + n, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"???"].concat();
    let blob = [skippable(0), zstd(b"one "), skippable(15), zstd(b""), zstd(b"two")].concat();
    assert_eq!(good(&blob), b"one two");
    assert_eq!(good(&skippable(7)), b"");
}

#[test]
fn a_zstd_window_too_large_is_a_fault() {
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.set_parameter(::zstd::zstd_safe::CParameter::WindowLog(28)).unwrap();
    encoder.write_all(b"text").unwrap();
    cut_text(&encoder.finish().unwrap(), Stage::Inflate, "128 MiB");
}

#[test]
fn a_byte_order_mark_is_no_text() {
    let marked = b"\xef\xbb\xbf{}";
    for blob in [marked.to_vec(), gzip(marked), zstd(marked)] {
        assert_eq!(good(&blob), b"{}");
    }
    assert_eq!(good(b"\xef\xbb\xbf"), b"");
    assert_eq!(good(b"\xef\xbb"), b"\xef\xbb");
    assert_eq!(good(b"\xef\xbbx"), b"\xef\xbbx");
    let mut inflater = Inflater::new(Limits::default());
    let mut text = inflater.open_bytes(&"b".into(), Box::new(&marked[..]));
    text.fill().unwrap();
    assert_eq!((text.text(), text.offset()), (&b"{}"[..], 3));
}

#[test]
fn utf16_is_told_and_gives_no_text() {
    for text in [&b"\xff\xfe{\0}\0"[..], b"\xfe\xff\0{\0}", b"\xff\xfe"] {
        for blob in [text.to_vec(), gzip(text), zstd(text)] {
            assert_eq!(cut_text(&blob, Stage::Parse, "UTF-16"), b"");
        }
    }
}

#[test]
fn a_bomb_is_cut_and_its_text_so_far_stays() {
    let zeros = vec![0; 50 << 20];
    let limits = Limits { ratio_floor: 1 << 20, ratio: 100, window: 1 << 16, ..Limits::default() };
    for blob in [gzip(&zeros), zstd(&zeros)] {
        for outcome in [from_file(&blob, limits), from_reader(&blob[..], limits)] {
            let cut = outcome.cut.expect("a fault");
            assert_eq!(cut.stage, Stage::Inflate);
            assert!(cut.message.contains("bomb"), "{cut}");
            assert!((1 << 20..3 << 20).contains(&outcome.text.len()), "{}", outcome.text.len());
        }
        let enough = Limits { ratio: 100_000, ..limits };
        assert_eq!(from_file(&blob, enough), Outcome { text: zeros.clone(), cut: None });
    }
}

#[test]
fn an_error_in_the_middle_comes_behind_the_text_before() {
    let blob = gzip(b"text");
    let reader = |blob: &[u8]| {
        io::Cursor::new(blob.to_vec()).chain(Failing(Some(io::Error::other("torn cable"))))
    };
    let outcome = from_reader(reader(b"plain"), Limits::default());
    assert_eq!(outcome.text, b"plain");
    let cut = outcome.cut.expect("a fault");
    assert_eq!(cut.stage, Stage::Read);
    assert!(cut.message.starts_with("read failed at byte 5: torn cable"), "{cut}");
    let outcome = from_reader(reader(&blob[..blob.len() - 8]), Limits::default());
    assert_eq!(
        (&outcome.text[..], outcome.cut.map(|cut| cut.stage)),
        (&b"text"[..], Some(Stage::Read))
    );
}

#[test]
fn a_file_that_cannot_be_opened_is_a_problem() {
    let mut inflater = Inflater::new(Limits::default());
    let problem = inflater.open(&named(Path::new("/nowhere/at/all"))).err().unwrap();
    assert_eq!((&*problem.origin.blob, problem.stage), ("blob", Stage::Read));
    assert!(problem.message.starts_with("cannot open it: "), "{problem}");
}

#[test]
fn a_window_grows_to_its_limit_and_no_further() {
    let limits = Limits { window: 8, max_window: 100, ..streaming() };
    let mut inflater = Inflater::new(limits);
    let endless = vec![b'x'; 1000];
    let mut text = inflater.open_bytes(&"b".into(), Box::new(&endless[..]));
    let cut = loop {
        if let Err(cut) = text.fill() {
            break cut;
        }
    };
    assert_eq!((text.text().len(), cut.stage), (100, Stage::Parse));
    assert!(cut.message.contains("larger than 100 bytes"), "{cut}");
    assert_eq!(text.fill(), Ok(false));
    drop(text);
    // One that consumes gets all of it through the same window.
    assert_eq!(from_reader(&endless[..], limits).text, endless);
}

#[test]
fn memory_does_not_follow_the_size_of_a_stream() {
    let limits = Limits { window: 1 << 16, ..streaming() };
    let line = b"a line of text that is long enough\n".repeat(30);
    let members: Vec<u8> = gzip(&line).repeat(10_000);
    for blob in [line.repeat(10_000), members] {
        let mut inflater = Inflater::new(limits);
        let mut text = inflater.open_bytes(&"b".into(), Box::new(&blob[..]));
        while text.fill().unwrap() {
            // As a reader of records does: the last, unfinished line stays.
            let done = text.text().iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
            text.consume(done);
        }
        assert_eq!(text.offset(), (line.len() * 10_000) as u64);
        drop(text);
        assert!(inflater.text.capacity() <= limits.window && inflater.raw.is_empty());
    }
}

#[test]
fn what_a_big_blob_took_is_given_back() {
    let mut inflater = Inflater::new(Limits::default());
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&gzip(&vec![b'x'; 40 << 20])).unwrap();
    assert_eq!(drain(&mut inflater.open(&named(file.path())).unwrap()).text.len(), 40 << 20);
    assert!(inflater.text.capacity() >= 40 << 20);
    let mut small = tempfile::NamedTempFile::new().unwrap();
    small.write_all(&gzip(b"small")).unwrap();
    assert_eq!(drain(&mut inflater.open(&named(small.path())).unwrap()).text, b"small");
    assert!(inflater.text.capacity() <= KEEP_TEXT);
}

#[test]
fn a_live_pipe_is_read_as_it_is_written() {
    let compressors: [fn(io::PipeWriter) -> Box<dyn Write>; 2] =
        [|pipe| Box::new(pipe), |pipe| Box::new(GzEncoder::new(pipe, Level::fast()))];
    for compressor in compressors {
        let (reader, writer) = io::pipe().unwrap();
        let mut writer = compressor(writer);
        let mut inflater = Inflater::new(Limits::default());
        let mut text = inflater.open_bytes(&"-".into(), Box::new(reader));
        for line in [&b"one\n"[..], b"two\n", b"three\n"] {
            writer.write_all(line).unwrap();
            writer.flush().unwrap();
            // Would hang if it waited for more than what was written.
            assert_eq!(text.fill(), Ok(true));
            assert_eq!(text.text(), line);
            text.consume(line.len());
        }
        drop(writer);
        assert_eq!(text.fill(), Ok(false));
    }
}

#[test]
fn a_fault_takes_no_text_before_it() {
    // Noise fills many blocks; the fault is in one near the end.
    let mut state = 1u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + (state >> 24) as u8 % 24
    })
    .take(1 << 20)
    .collect();
    for (mut blob, block) in [(gzip(&noise), 1 << 16), (zstd(&noise), 1 << 17)] {
        let at = blob.len() - 1000;
        blob[at..at + 500].fill(0xff);
        let text = every_way(&blob).text;
        let good = text.iter().zip(&noise).take_while(|(a, b)| a == b).count();
        assert!(good >= noise.len() - block, "{good} of {}", noise.len());
    }
}

#[cfg(unix)]
#[test]
fn a_named_pipe_that_was_asked_for_is_streamed() {
    let dir = tempfile::TempDir::new().unwrap();
    let fifo = dir.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let writer = std::thread::spawn({
        let fifo = fifo.clone();
        move || std::fs::write(fifo, gzip(b"text")).unwrap()
    });
    let mut inflater = Inflater::new(Limits::default());
    let mut text = inflater.open(&named(&fifo)).unwrap();
    assert_eq!(text.size_on_disk(), None);
    assert_eq!(drain(&mut text), Outcome { text: b"text".to_vec(), cut: None });
    writer.join().unwrap();
}
