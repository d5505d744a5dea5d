//! What has no other way than the stream: bzip2, xz, lz4.

use std::io::Write;

use super::{cut_text, every_way, from_file, good};
use crate::model::problem::Stage;
use crate::source::inflate::Limits;

pub(super) fn bzip2(text: &[u8]) -> Vec<u8> {
    let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn xz(text: &[u8]) -> Vec<u8> {
    let mut encoder = ::liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// One frame with all its checksums: a block that is compressed, and one that is not.
pub(super) fn lz4(text: &[u8]) -> Vec<u8> {
    use twox_hash::XxHash32;
    let mut bytes = crate::source::inflate::lz4::MAGIC.to_vec();
    // Blocks of up to 64 KiB that refer to those before, sums of blocks and of all, the size.
    let mut header = vec![0b0101_1100, 0x40];
    header.extend((text.len() as u64).to_le_bytes());
    bytes.extend(&header);
    bytes.push(XxHash32::oneshot(0, &header).to_le_bytes()[1]);
    for (at, piece) in text.chunks(60_000).enumerate() {
        let begin = at * 60_000;
        let window = &text[begin.saturating_sub(1 << 16)..begin];
        let packed = lz4_flex::block::compress_with_dict(piece, window);
        let (flag, block) = match packed.len() < piece.len() && at % 2 == 0 {
            true => (0, &packed[..]),
            false => (1_u32 << 31, piece),
        };
        bytes.extend((flag | block.len() as u32).to_le_bytes());
        bytes.extend(block);
        bytes.extend(XxHash32::oneshot(0, block).to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes.extend(XxHash32::oneshot(0, text).to_le_bytes());
    bytes
}

type Packer = fn(&[u8]) -> Vec<u8>;

/// What is only streamed.
const STREAMED: [(&str, Packer); 3] = [("bzip2", bzip2), ("xz", xz), ("lz4", lz4)];

/// Lines that compress, but not to nothing.
fn some_lines() -> Vec<u8> {
    (0..6_000_u32)
        .flat_map(|n| format!("line {}\n", n.wrapping_mul(2_654_435_761)).into_bytes())
        .collect()
}

#[test]
fn streams_behind_each_other_are_one_text() {
    let lines = some_lines();
    for (name, pack) in STREAMED {
        let blob = [pack(b"one "), pack(b""), pack(&lines), pack(b"two")].concat();
        assert!(good(&blob) == [b"one ", &lines[..], b"two"].concat(), "{name}");
        let mut junk = pack(b"text");
        junk.extend(b"junk of some length");
        let told = format!("after the end of the {name} stream");
        assert_eq!(cut_text(&junk, Stage::Inflate, &told), b"text");
        if name == "lz4" {
            // A byte of it gives at most 255.
            continue;
        }
        let limits =
            Limits { ratio_floor: 1 << 20, ratio: 100, window: 1 << 16, ..Limits::default() };
        let bomb = from_file(&pack(&vec![0; 20 << 20]), limits);
        assert!(bomb.cut.is_some_and(|cut| cut.message.contains("bomb")), "{name}");
        assert!(bomb.text.len() < 7 << 20, "{name}: {}", bomb.text.len());
    }
    // Zeros between streams of xz, as it pads them.
    assert_eq!(good(&[&xz(b"one")[..], &[0; 8], &xz(b"two"), &[0; 4]].concat()), b"onetwo");
}

#[test]
fn a_stream_that_is_cut_or_damaged_gives_what_came_before() {
    let lines = some_lines();
    for (name, pack) in STREAMED {
        let blob = pack(&lines);
        for len in (12..blob.len()).step_by(blob.len() / 40) {
            let text = cut_text(&blob[..len], Stage::Inflate, name);
            assert!(lines.starts_with(&text), "{name} {len}");
        }
        let most = cut_text(&blob[..blob.len() - 1], Stage::Inflate, name);
        assert!(most.len() + (1 << 16) >= lines.len(), "{name}: {}", most.len());
        for at in (0..blob.len()).step_by(blob.len() / 40) {
            let mut damaged = blob.clone();
            damaged[at] ^= 0x41;
            // Text or a fault, but no other text than came before it.
            every_way(&damaged);
        }
        let end = blob.len() - 3;
        let mut damaged = blob.clone();
        damaged[end] ^= 1;
        assert!(from_file(&damaged, Limits::default()).cut.is_some(), "{name}");
    }
}

#[test]
fn xz_that_asks_for_too_much_memory_is_told() {
    let mut options = ::liblzma::stream::LzmaOptions::new_preset(0).unwrap();
    options.dict_size(512 << 20);
    let mut filters = ::liblzma::stream::Filters::new();
    filters.lzma2(&options);
    // The dictionary is set aside by the encoder too, where it is not written to.
    let stream =
        ::liblzma::stream::Stream::new_stream_encoder(&filters, ::liblzma::stream::Check::Crc32);
    let mut encoder = ::liblzma::write::XzEncoder::new_stream(Vec::new(), stream.unwrap());
    encoder.write_all(b"text").unwrap();
    cut_text(&encoder.finish().unwrap(), Stage::Inflate, "more than 128 MiB");
}
