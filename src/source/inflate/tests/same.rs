//! One text by every way, whatever the blob and whatever became of it.

use proptest::prelude::*;

use super::*;

/// What happened to a good blob. Positions are fractions of 65536 of its length.
#[derive(Debug, Clone)]
enum Fate {
    None,
    Truncated(u16),
    Flipped(u16, u8),
    Followed(Vec<u8>),
}

impl Fate {
    fn strike(&self, mut blob: Vec<u8>) -> Vec<u8> {
        let at = |fraction: u16| usize::from(fraction) * blob.len() / 65_536;
        match self {
            Fate::None => {}
            Fate::Truncated(fraction) => blob.truncate(at(*fraction)),
            Fate::Flipped(fraction, mask) => {
                let at = at(*fraction);
                if let Some(byte) = blob.get_mut(at) {
                    *byte ^= mask;
                }
            }
            Fate::Followed(junk) => blob.extend_from_slice(junk),
        }
        blob
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::None),
        any::<u16>().prop_map(Fate::Truncated),
        (any::<u16>(), 1..=u8::MAX).prop_map(|(at, mask)| Fate::Flipped(at, mask)),
        prop::collection::vec(any::<u8>(), 1..40).prop_map(Fate::Followed),
    ]
}

/// Members or frames: noise, and text that compresses well.
fn parts() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let noise = prop::collection::vec(any::<u8>(), 0..300);
    let text = ("[ -~]{0,40}", 1..400usize).prop_map(|(text, n)| text.repeat(n).into_bytes());
    prop::collection::vec(prop_oneof![noise, text], 1..4)
}

/// A first text that may be a byte order mark or the beginning of one.
fn head() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => Just(vec![]), 1 => prop::collection::vec(
        prop::sample::select(vec![0xef, 0xbb, 0xbf, 0xff, 0xfe]), 1..4)]
}

/// A damaged blob whose text was `text` is the same by every way, but for one thing: libdeflate is
/// not as strict as zlib about codes that the standard reserves. Where it alone calls the blob
/// good, it gives all of the text, as the checksum proves, and the stream a beginning of it.
fn assert_same(blob: &[u8], text: &[u8]) {
    let (whole, stream) = (from_file(blob, Limits::default()), streamed(blob));
    if whole.cut.is_none() && stream.cut.is_some() {
        assert!(text.ends_with(&whole.text) && text.len() - whole.text.len() <= UTF8_BOM_LEN);
        assert!(whole.text.starts_with(&stream.text));
    } else {
        assert_like("stream", &whole, &stream);
    }
}

const UTF8_BOM_LEN: usize = 3;

#[test]
fn a_reserved_code_is_the_one_difference() {
    // 294 times `a`, whose first length code (258 bytes) became a reserved one by a flipped bit.
    let blob = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff, 0x4a, 0x1c, 0x07, 0x80, 0x11, 0x11, 0x02, 0, 0x2e,
        0x01, 0xea, 0x55, 0x26, 0x01, 0, 0,
    ];
    let text = [b'a'; 294];
    assert_same(&blob, &text);
    let whole = from_file(&blob, Limits::default());
    assert_eq!((whole.text, whole.cut), (text.to_vec(), None));
    let stream = streamed(&blob);
    assert_eq!((&stream.text[..], stream.cut.is_some()), (&b"a"[..], true));
}

#[test]
fn every_flipped_bit_by_every_way() {
    let text: Vec<u8> = (0..60u8).flat_map(|n| [b'{', n % 7 + b'a', n % 3 + b'0', b'}']).collect();
    let blob = [gzip(&text), gzip(b"and more")].concat();
    let all = [&text[..], b"and more"].concat();
    for bit in 0..blob.len() * 8 {
        let mut flipped = blob.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_same(&flipped, &all);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn gzip_by_every_way(head in head(), parts in parts(), fate in fate()) {
        let mut blob = gzip(&head);
        parts.iter().for_each(|part| blob.extend(gzip(part)));
        assert_same(&fate.strike(blob), &[head, parts.concat()].concat());
    }

    #[test]
    fn zstd_by_every_way(head in head(), parts in parts(), fate in fate()) {
        let mut blob = zstd(&head);
        parts.iter().for_each(|part| blob.extend(zstd(part)));
        every_way(&fate.strike(blob));
    }

    #[test]
    fn plain_by_every_way(head in head(), parts in parts()) {
        every_way(&[head, parts.concat()].concat());
    }

    #[test]
    fn a_truncated_blob_gives_a_beginning_of_its_text(parts in parts(), at in any::<u16>()) {
        let text = parts.concat();
        let blob = Fate::Truncated(at).strike(gzip(&text));
        let outcome = every_way(&blob);
        prop_assume!(blob.len() >= 2);
        prop_assert!(outcome.cut.is_some());
        prop_assume!(!text.starts_with(b"\xef\xbb\xbf"));
        prop_assert!(text.starts_with(&outcome.text));
    }
}
