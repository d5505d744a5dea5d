//! No file makes the conclusion of facts fail, whatever its frames hold.
//!
//! The input is a list of frames: a kind, a length in two bytes, the bytes. They are packed as `facts` packs
//! them, since checksums would stop all else.

#![no_main]

use std::io::{Cursor, Read};
use std::sync::atomic::AtomicBool;

use keytrail::detect::RuleSet;
use keytrail::engine::{Head, Part, Plan, Progress, conclude_facts};
use keytrail::model::keys::asked::KeysAsked;
use libfuzzer_sys::fuzz_target;
use twox_hash::XxHash3_64;

/// The kind of the frame that is the last.
const END: u8 = 31;

fn file(mut data: &[u8]) -> Vec<u8> {
    let mut bytes = b"keytrail part 2\n".to_vec();
    let (mut frames, mut hash) = (0_u64, 0);
    while let Some(([kind, low, high], rest)) = data.split_first_chunk::<3>() {
        let len = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (held, rest) = rest.split_at(len);
        hash = add(&mut bytes, *kind, held, hash);
        frames += 1;
        data = rest;
    }
    let end: Vec<u8> = [frames, hash].iter().flat_map(|word| word.to_le_bytes()).collect();
    add(&mut bytes, END, &end, hash);
    bytes
}

/// Adds a frame; the hash of all frames with this one.
fn add(bytes: &mut Vec<u8>, kind: u8, held: &[u8], hash: u64) -> u64 {
    let packed = zstd::bulk::compress(held, 1).expect("memory takes all");
    let mut head = vec![kind];
    for len in [held.len(), packed.len()] {
        head.extend(u32::try_from(len).expect("it is short").to_le_bytes());
    }
    bytes.extend_from_slice(&head);
    bytes.extend_from_slice(&packed);
    let hash = XxHash3_64::oneshot_with_seed(hash, &head);
    XxHash3_64::oneshot_with_seed(hash, &packed)
}

fuzz_target!(|data: &[u8]| {
    for bytes in [data.to_vec(), file(data)] {
        let part = Part::new("part", move || {
            Ok(Box::new(Cursor::new(bytes.clone())) as Box<dyn Read + Send>)
        });
        let Ok(head) = part.head() else { continue };
        let head = Head { id: String::new(), ..head };
        let plan = Plan {
            seed: Some(head.seed),
            keys: Some(KeysAsked::default()),
            ..Plan::new(RuleSet::default())
        };
        let (progress, stop) = (Progress::default(), AtomicBool::new(false));
        let _ = conclude_facts((&[part], &head, &[]), &plan, &progress, &stop);
    }
});
