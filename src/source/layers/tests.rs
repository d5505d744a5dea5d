//! Archives as people make them, and as nobody should.

mod bombs;
mod kinds;

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression as Level;
use flate2::write::{DeflateEncoder, GzEncoder};
use rawzip::{CompressionMethod, ZipArchiveWriter};

use super::*;
use crate::model::problem::Stage;
use crate::model::token::Token;
use crate::source::s3::Object;

/// What came of a blob: each text with its name, and what is wrong, in this order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Noted {
    texts: Vec<(String, Vec<u8>)>,
    wrong: Vec<(String, String)>,
}

impl Noted {
    fn names(&self) -> Vec<&str> {
        self.texts.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The one thing that is wrong.
    #[track_caller]
    fn wrong(&self, at: &str, what: &str) {
        let [(name, why)] = &self.wrong[..] else { panic!("{:?}", self.wrong) };
        assert!(name == at && why.contains(what), "{name}: {why}");
    }
}

impl Visitor for Noted {
    type Found = Noted;

    fn problem(&mut self, problem: Problem) {
        self.wrong.push((problem.origin.blob.to_string(), problem.message));
    }

    fn known(&mut self, _: &Arc<str>) {}

    fn blob(&mut self, at: At<'_>, text: Result<&mut Text<'_>, Problem>) -> Taken {
        assert_eq!(&*at.given.name, "x");
        let text = text.unwrap();
        let mut all = Vec::new();
        loop {
            all.extend_from_slice(text.text());
            text.consume(text.text().len());
            match text.fill() {
                Ok(true) => {}
                Ok(false) => break,
                Err(cut) => {
                    assert_ne!(cut.stage, Stage::Read, "{cut}");
                    self.wrong.push((at.blob.name.to_string(), cut.message));
                    break;
                }
            }
        }
        self.texts.push((at.blob.name.to_string(), all));
        Taken::Whole
    }

    fn finish(self) -> Noted {
        self
    }
}

fn small() -> Limits {
    Limits { ratio_floor: 1 << 20, window: 1 << 10, max_window: 1 << 16, ..Limits::default() }
}

/// What comes of bytes in a pipe.
fn piped(bytes: &[u8]) -> Noted {
    noted_of(Body::Stdin, Box::new(bytes), small())
}

/// What comes of a blob with this body.
fn noted(body: Body, limits: Limits) -> Noted {
    noted_of(body, Box::new(std::io::empty()), limits)
}

fn noted_of(body: Body, piped: Box<dyn std::io::Read + '_>, limits: Limits) -> Noted {
    let (stop, mut noted) = (AtomicBool::new(false), Noted::default());
    let blob = Blob { name: "x".into(), body, token: Some(Token::new([1, 2])) };
    let mut inflater = Inflater::new(limits);
    let mut layers = Layers::new(limits);
    let mut text = match blob.body {
        Body::Stdin => inflater.open_bytes(&blob.name, piped),
        _ => inflater.open_until(&blob, &stop).unwrap(),
    };
    let taken = layers.read((&blob, 0), &mut text, (&mut noted, &stop));
    assert_eq!(taken, Taken::Whole);
    noted
}

/// What comes of bytes in a file, whole and as a stream, and of those of an object: always the same.
#[track_caller]
fn read(bytes: &[u8]) -> Noted {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let body = || Body::File(file.path().to_owned());
    let whole = noted(body(), small());
    let streamed = noted(body(), Limits { whole_compressed: 0, ..small() });
    let object = Body::Object(Object::whole(bytes.to_vec().into(), None));
    let fetched = noted(object, small());
    // Not compared by a macro that would show them.
    assert!(whole.texts == streamed.texts, "{:?} {:?}", whole.names(), streamed.names());
    assert!(whole.texts == fetched.texts, "{:?} {:?}", whole.names(), fetched.names());
    let wrong =
        |noted: &Noted| noted.wrong.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(wrong(&whole), wrong(&streamed), "{:?} {:?}", whole.wrong, streamed.wrong);
    assert_eq!(wrong(&whole), wrong(&fetched));
    whole
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(text, 3).unwrap()
}

fn bzip2(text: &[u8]) -> Vec<u8> {
    let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn xz(text: &[u8]) -> Vec<u8> {
    let mut encoder = ::liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

type Files<'a> = [(&'a str, &'a [u8])];

fn tar(files: &Files<'_>) -> Vec<u8> {
    let mut tar = ::tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append_data(&mut header, path, *text).unwrap();
    }
    tar.into_inner().unwrap()
}

fn zip(files: &Files<'_>, method: CompressionMethod) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut zip = ZipArchiveWriter::new(&mut bytes);
    for (path, text) in files {
        let file = zip.new_file(path).compression_method(method);
        let (mut entry, config) = file.start().unwrap();
        let descriptor = if method == CompressionMethod::DEFLATE {
            let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Level::best()));
            writer.write_all(text).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            descriptor
        } else if method == CompressionMethod::ZSTD {
            let mut writer = config.wrap(::zstd::Encoder::new(&mut entry, 3).unwrap());
            writer.write_all(text).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            descriptor
        } else if method == STORE {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(text).unwrap();
            writer.finish().unwrap().1
        } else {
            // Its own sums prove the text, and the zip's are not asked.
            let packed = if method == CompressionMethod::XZ { xz(text) } else { bzip2(text) };
            let mut writer = config.wrap(&mut entry);
            writer.write_all(&packed).unwrap();
            writer.finish().unwrap().1
        };
        entry.finish(descriptor).unwrap();
    }
    zip.finish().unwrap();
    bytes
}

const STORE: CompressionMethod = CompressionMethod::STORE;
const DEFLATE: CompressionMethod = CompressionMethod::DEFLATE;
const A: &[u8] = br#"{"Records":[]}"#;
const B: &[u8] = br#"{"Records":[{}]}"#;

/// The texts of `A` and `B` by these names, and nothing wrong.
#[track_caller]
fn both(bytes: &[u8], names: [&str; 2]) {
    let [a, b] = names.map(str::to_owned);
    let texts = vec![(a, A.to_vec()), (b, B.to_vec())];
    assert_eq!(read(bytes), Noted { texts, wrong: vec![] });
}

#[test]
fn members_come_out_of_every_archive() {
    let (packed, long) = (gzip(A), format!("{}/b.json", "folder".repeat(40)));
    let files: &Files<'_> = &[("a.json.gz", &packed), (&long, B)];
    let names = ["x!/a.json.gz".to_owned(), format!("x!/{long}")];
    let names = names.each_ref().map(String::as_str);
    for bytes in [
        tar(files),
        zip(files, STORE),
        zip(files, DEFLATE),
        zip(files, CompressionMethod::ZSTD),
        zip(files, CompressionMethod::BZIP2),
        zip(files, CompressionMethod::XZ),
    ] {
        both(&bytes, names);
        both(&gzip(&bytes), names);
        both(&zstd(&bytes), names);
        both(&bzip2(&bytes), names);
        both(&xz(&bytes), names);
        both(&gzip(&gzip(&bytes)), names);
    }
    let tgz = gzip(&tar(files));
    let nested = ["x!/t.tgz!/a.json.gz".to_owned(), format!("x!/t.tgz!/{long}")];
    let nested = nested.each_ref().map(String::as_str);
    both(&zip(&[("t.tgz", &tgz)], DEFLATE), nested);
    both(&tar(&[("./t.tgz", &zip(files, DEFLATE))]), nested);
    // Two tars, one behind the other.
    both(&[tar(&files[..1]), tar(&files[1..])].concat(), names);
}

#[test]
fn what_is_packed_again_keeps_its_name() {
    for bytes in [gzip(&gzip(A)), zstd(&gzip(A)), gzip(&zstd(&gzip(A))), xz(&bzip2(A))] {
        assert_eq!(read(&bytes).texts, [("x".to_owned(), A.to_vec())]);
    }
    let wrapped = |times: usize| (0..times).fold(A.to_vec(), |text, _| gzip(&text));
    assert_eq!(read(&wrapped(1 + DEEPEST)).texts.len(), 1);
    read(&wrapped(2 + DEEPEST)).wrong("x", "more than 4 archives");
    let nested = |times: usize| (0..times).fold(A.to_vec(), |text, _| tar(&[("t", &text)]));
    assert_eq!(read(&nested(DEEPEST)).names(), ["x!/t!/t!/t!/t"]);
    read(&nested(1 + DEEPEST)).wrong("x!/t!/t!/t!/t", "more than 4 archives");
}

#[test]
fn nothing_inside_is_told() {
    let empty = tar(&[]);
    let zip = zip(&[], STORE);
    for zeros in [empty, vec![0; 10 << 10]] {
        read(&zeros).wrong("x", "an archive without files");
        read(&gzip(&zeros)).wrong("x", "an archive without files");
    }
    // Zeros alone begin nothing.
    assert_eq!(read(&[0; 512]).names(), ["x"]);
    assert_eq!(read(&[&[0; 1024], A].concat()).names(), ["x"]);
    read(&zip).wrong("x", "an archive without files");
    read(b"7z\xbc\xaf\x27\x1c\0\x04")
        .wrong("x", "a 7z archive, which is not read; extract it first");
    read(b"Rar!\x1a\x07\0").wrong("x", "a rar archive");
}

#[test]
fn what_comes_before_a_fault_of_a_tar_is_kept() {
    let whole = tar(&[("a", A), ("b", &B.repeat(50))]);
    let end = whole.len() - 1024;
    for len in (512..whole.len()).step_by(37) {
        let cut = read(&whole[..len]);
        let wanted = if len < 1536 { 1 } else { 2 };
        assert_eq!(cut.texts.len(), wanted, "{len}: {:?}", cut.names());
        assert_eq!(
            cut.wrong.len(),
            usize::from(len < end + 512 || len % 512 > 0),
            "{len}: {:?}",
            cut.wrong
        );
        let packed = read(&gzip(&whole[..len]));
        assert_eq!((packed.texts, packed.wrong.len()), (cut.texts, cut.wrong.len()));
    }
    let gzipped = gzip(&whole);
    // One byte alone could be a text.
    for len in 2..gzipped.len() {
        assert!(!read(&gzipped[..len]).wrong.is_empty(), "{len}");
    }
    let mut damaged = whole.clone();
    damaged[1024] ^= 1;
    let noted = read(&damaged);
    assert_eq!(noted.names(), ["x!/a"]);
    noted.wrong("x", "the tar is damaged at byte 1024");
    read(&[&whole[..], b"junk", &[0; 508]].concat()).wrong("x", "after the end of the tar");
}

#[test]
fn no_byte_of_an_archive_is_trusted() {
    let files: &Files<'_> = &[("a", A), ("long/".repeat(30).leak(), B)];
    for whole in [tar(files), zip(files, STORE), zip(files, DEFLATE)] {
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            for flip in [1, 0x80, 0xff] {
                damaged[at] = whole[at] ^ flip;
                noted(Body::Object(Object::whole(damaged.clone().into(), None)), small());
            }
        }
    }
    for whole in [zip(files, STORE), zip(files, DEFLATE)] {
        for len in 4..whole.len() {
            assert!(!read(&whole[..len]).wrong.is_empty(), "{len}");
        }
    }
}

/// Where a mark stands, each time.
fn places(bytes: &[u8], mark: &[u8]) -> Vec<usize> {
    memchr::memmem::find_iter(bytes, mark).collect()
}

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";

#[test]
fn members_of_a_zip_that_cannot_be_read_are_told_and_others_read() {
    let whole = zip(&[("a", A), ("b", B), ("c", B)], DEFLATE);
    let mut bytes = whole.clone();
    let directory = places(&whole, CENTRAL);
    directory[..2].iter().for_each(|at| bytes[at + 8] |= 1);
    let noted = read(&bytes);
    assert_eq!(noted.names(), ["x!/c"]);
    noted.wrong("x", "2 of its members are encrypted, such as a; extract them first");
    // The bytes of a stored member, and its checksum.
    let mut bytes = zip(&[("a", A), ("b", B)], STORE);
    let at = places(&bytes, A)[0];
    bytes[at + 2] ^= 1;
    let noted = read(&bytes);
    noted.wrong("x!/a", "Invalid checksum");
    assert_eq!(noted.names(), ["x!/a", "x!/b"]);
    let mut bytes = whole.clone();
    bytes[directory[1] + 16] ^= 1;
    read(&bytes).wrong("x!/b", "CRC mismatch");
    let mut bytes = whole.clone();
    bytes[places(&whole, LOCAL)[1]] = 0;
    let noted = read(&bytes);
    noted.wrong("x!/b", "the header of this member of the zip is damaged");
    assert_eq!(noted.names(), ["x!/a", "x!/b", "x!/c"]);
    // One that Windows made.
    assert_eq!(read(&zip(&[("d/e", A)], STORE)).names(), ["x!/d/e"]);
    let mut bytes = zip(&[("d/e", A)], STORE);
    places(&bytes.clone(), b"d/e").iter().for_each(|at| bytes[at + 1] = b'\\');
    assert_eq!(read(&bytes).names(), ["x!/d/e"]);
}

#[test]
fn bytes_that_the_directory_does_not_have_are_told() {
    for method in [STORE, DEFLATE] {
        let whole = zip(&[("a", A), ("b", B), ("c", A)], method);
        let (directory, end) = (places(&whole, CENTRAL), places(&whole, END)[0]);
        assert!(read(&whole).wrong.is_empty());
        // Junk behind the end.
        let noted = read(&[&whole[..], &[b'j'; 400]].concat());
        assert_eq!(noted.names().len(), 3);
        noted.wrong("x", "400 bytes of the zip are in none of the members");
        // One that is no longer in the directory.
        for gone in 0..3 {
            let next = directory.get(gone + 1).copied().unwrap_or(end);
            let mut bytes = [&whole[..directory[gone]], &whole[next..]].concat();
            let at = places(&bytes, END)[0];
            let size = (end - directory[0] - (next - directory[gone])) as u32;
            bytes[at + 8..at + 16]
                .copy_from_slice(&[&[2, 0, 2, 0][..], &size.to_le_bytes()].concat());
            let noted = read(&bytes);
            assert_eq!(noted.names().len(), 2);
            noted.wrong("x", "bytes of the zip are in none of the members");
        }
    }
    let written = [&b"PK\x07\x08"[..], &zip(&[("a", A)], STORE)].concat();
    assert!(read(&written).wrong.is_empty());
}

#[test]
fn a_directory_that_lies_is_told() {
    let whole = zip(&[("a", A), ("b", B)], DEFLATE);
    let end = places(&whole, END)[0];
    let mut bytes = whole.clone();
    bytes[end + 8..end + 12].fill(0xee);
    let noted = read(&bytes);
    assert_eq!(noted.names(), ["x!/a", "x!/b"]);
    noted.wrong("x", "says that it has 61166 members, and its directory has 2");
    read(&whole[..end]).wrong("x", "its directory cannot be found");
}

#[test]
fn many_members_take_little_time() {
    let begun = Instant::now();
    let names: Vec<_> = (0..30_000).map(|n| format!("{}", n / 2)).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    for bytes in [tar(&files), zip(&files, STORE)] {
        let noted = noted(Body::Object(Object::whole(bytes.into(), None)), Limits::default());
        assert_eq!((noted.texts.len(), noted.wrong.len()), (30_000, 0));
        let names: std::collections::HashSet<_> = noted.names().into_iter().collect();
        assert_eq!(names.len(), 30_000);
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn a_live_stream_is_read_as_it_is_written() {
    struct Lines<'a>(&'a mut std::io::PipeWriter);
    impl Visitor for Lines<'_> {
        type Found = ();
        fn problem(&mut self, _: Problem) {}
        fn known(&mut self, _: &Arc<str>) {}
        fn blob(&mut self, _: At<'_>, text: Result<&mut Text<'_>, Problem>) -> Taken {
            // Would hang if more had been waited for.
            let text = text.unwrap();
            assert_eq!(text.text(), b"{}\n");
            self.0.write_all(b"{}\n").unwrap();
            assert_eq!(text.fill(), Ok(true));
            Taken::Whole
        }
        fn finish(self) {}
    }
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"{}\n").unwrap();
    let blob = Blob { name: "-".into(), body: Body::Stdin, token: None };
    let mut inflater = Inflater::new(Limits::default());
    let mut text = inflater.open_bytes(&blob.name, Box::new(reader));
    let stop = AtomicBool::new(false);
    let visitor = (&mut Lines(&mut writer), &stop);
    Layers::new(Limits::default()).read((&blob, 0), &mut text, visitor);
}
