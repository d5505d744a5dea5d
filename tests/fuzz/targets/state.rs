//! No bytes make the reading of a state fail, and what is read is written and read again as it is.

#![no_main]

use keytrail::state::{decode, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // As it lies on disk, and what is packed in it.
    let packed = zstd::encode_all(data, 1).expect("memory takes all");
    for bytes in [data, &packed] {
        let Ok(state) = decode(bytes) else { continue };
        // A state of an earlier version may hold more than one of this version takes.
        let Ok(written) = encode(&state) else { continue };
        assert_eq!(decode(&written).as_ref(), Ok(&state));
    }
});
