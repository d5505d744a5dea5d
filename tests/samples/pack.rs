//! Compression for samples.
//!
//! Hostile files are packed without compressing (stored deflate blocks, raw zstd blocks), one block
//! a part: every byte is ours, so a fault sits exactly where a case wants it and no release of a
//! compression library moves it. The story's trail is compressed as real ones are.

use std::io::Write;

use flate2::{Compression, Crc, GzBuilder};

/// One gzip member of these parts, each in a stored block of its own; none over 65,535 bytes.
pub fn gzip(parts: &[&str]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut crc = Crc::new();
    for (i, part) in parts.iter().enumerate() {
        let len = u16::try_from(part.len()).expect("a part fits a stored block");
        out.push(u8::from(i + 1 == parts.len()));
        out.extend(len.to_le_bytes());
        out.extend((!len).to_le_bytes());
        out.extend(part.as_bytes());
        crc.update(part.as_bytes());
    }
    out.extend(crc.sum().to_le_bytes());
    out.extend(crc.amount().to_le_bytes());
    out
}

/// The offset of part `index` in what [`gzip`] makes: that of its block's header.
pub fn gzip_block(parts: &[&str], index: usize) -> usize {
    10 + parts[..index].iter().map(|part| part.len() + 5).sum::<usize>()
}

/// One zstd frame of these parts, each in a raw block of its own.
pub fn zstd(parts: &[&str]) -> Vec<u8> {
    let total: usize = parts.iter().map(|part| part.len()).sum();
    // Magic; descriptor: single segment, content size in four bytes, no checksum.
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0b1010_0000];
    out.extend(u32::try_from(total).expect("small").to_le_bytes());
    for (i, part) in parts.iter().enumerate() {
        let header = part.len() << 3 | usize::from(i + 1 == parts.len());
        out.extend(&header.to_le_bytes()[..3]);
        out.extend(part.as_bytes());
    }
    out
}

/// A gzip file as CloudTrail writes them: one compressed member.
pub fn deflated(text: &[u8]) -> Vec<u8> {
    let mut gz = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    gz.write_all(text).expect("writes to memory");
    gz.finish().expect("writes to memory")
}

/// The text of a whole, sound gzip file.
pub fn inflated(bytes: &[u8]) -> Result<Vec<u8>, std::io::Error> {
    let mut gz = flate2::write::GzDecoder::new(Vec::new());
    gz.write_all(bytes)?;
    gz.finish()
}

/// What is packed here reads back with the usual decoders.
#[test]
fn packed_text_reads_back() {
    let parts = ["one ", "", "two"];
    assert_eq!(inflated(&gzip(&parts)).unwrap(), b"one two");
    assert_eq!(zstd::decode_all(&zstd(&parts)[..]).unwrap(), b"one two");
    assert_eq!(inflated(&deflated(b"one two")).unwrap(), b"one two");
    assert_eq!(gzip(&parts)[gzip_block(&parts, 2)], 1, "the last block says so");
}
