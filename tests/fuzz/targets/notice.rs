//! No message of a queue makes the reading of notices fail, and what it announces are names that an object can
//! have.

#![no_main]

use keytrail::source::queue::{Notice, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match read(text) {
        Notice::Arrived(objects) => {
            assert!(!objects.is_empty() && objects.len() <= 1_000);
            for object in objects {
                assert!(!object.bucket.is_empty() && !object.bucket.contains('/'));
                assert!(!object.key.is_empty() && object.key.len() <= 1024);
            }
        }
        Notice::Nothing(why) => assert!(!why.is_empty()),
        Notice::Odd(why) => assert!(why.contains("expected a notification")),
    }
});
