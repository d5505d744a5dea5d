//! No text makes the reading of a configuration fail.

#![no_main]

use keytrail::cli::config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (config, wrong) = config::parse("keytrail.toml", data);
    assert!(wrong.iter().all(|wrong| wrong.starts_with("keytrail.toml")));
    if wrong.is_empty() {
        let _ = config.lines();
    }
});
