//! How large a page says that it is, before the library sets that much memory aside.
//!
//! Source: parquet.thrift, `PageHeader`.

use super::thrift::{Bytes, Is};

/// No page is inflated beyond this size (64 MiB). Writers aim at 1 MiB.
pub(super) const PAGE_MAX: i32 = 64 << 20;

/// No header of a page is longer (64 KiB). They hold statistics at most.
pub(super) const HEADER_MAX: usize = 64 << 10;

/// Nearly all headers are not longer (1 KiB).
pub(super) const HEADER_USUAL: usize = 1 << 10;

/// `PageHeader.uncompressed_page_size`.
const SIZE: i16 = 2;

const STATISTICS: Is = Is::Struct(&[
    (1, Is::Binary),
    (2, Is::Binary),
    (3, Is::I64),
    (4, Is::I64),
    (5, Is::Binary),
    (6, Is::Binary),
    (7, Is::Flag),
    (8, Is::Flag),
]);

const DATA: Is =
    Is::Struct(&[(1, Is::I32), (2, Is::I32), (3, Is::I32), (4, Is::I32), (5, STATISTICS)]);

const DATA_V2: Is = Is::Struct(&[
    (1, Is::I32),
    (2, Is::I32),
    (3, Is::I32),
    (4, Is::I32),
    (5, Is::I32),
    (6, Is::I32),
    (7, Is::Flag),
    (8, STATISTICS),
]);

const HEADER: [(i16, Is); 8] = [
    (1, Is::I32),
    (SIZE, Is::I32),
    (3, Is::I32),
    (4, Is::I32),
    (5, DATA),
    (6, Is::Struct(&[])),
    (7, Is::Struct(&[(1, Is::I32), (2, Is::I32), (3, Is::Flag)])),
    (8, DATA_V2),
];

/// The size of a page whose header begins these bytes; `None` if it may not be inflated.
pub(super) fn size(header: &[u8]) -> Option<u64> {
    let mut size = None;
    let read = Bytes(header).strict(&HEADER, &mut |field, value| {
        if field == SIZE {
            size = Some(value);
        }
    });
    read?;
    u64::try_from(size.filter(|size| *size <= PAGE_MAX)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_bounded(header: &[u8]) -> bool {
        size(header).is_some()
    }

    #[test]
    fn large_pages_are_refused_before_they_are_read() {
        // A data page: its type, two sizes, and the header of its kind.
        let page = |size: &[u8]| {
            [&[0x15, 0, 0x15][..], size, &[0x15, 2, 0x2c, 0x15, 2, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0]]
                .concat()
        };
        assert!(is_bounded(&page(&[20])));
        assert!(is_bounded(&page(&[0x80, 0x80, 0x80, 0x40])));
        assert!(!is_bounded(&page(&[0x82, 0x80, 0x80, 0x40])));
        assert!(!is_bounded(&page(&[0xfe, 0xff, 0xff, 0xff, 0x0f])));
        assert!(!is_bounded(&page(&[1])), "less than nothing");
        // Cut off, without a size, a size as another number, or the number of a field gone back to.
        let whole = page(&[20]);
        assert!((0..whole.len()).all(|len| !is_bounded(&whole[..len])));
        assert!(!is_bounded(&[0x15, 0, 0]) && !is_bounded(&[0x15, 0, 0x16, 20, 0]));
        assert!(!is_bounded(&[0x15, 0, 0x15, 20, 0x05, 4, 2, 0]));
        // A list of truth values, which may be taken to have a byte each or none: a size behind it.
        let hidden = [&whole[..whole.len() - 1], &[0x19, 0x31, 0x05, 4, 2, 0]].concat();
        assert!(!is_bounded(&hidden));
    }
}
