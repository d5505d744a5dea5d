//! What a page of evidence says of the program that made it.

use std::fs::File;
use std::io;

use sha2::{Digest, Sha256};

/// Digest of the program's own file, `sha256:…`. `None` if the file cannot be read any more.
pub fn program() -> Option<String> {
    let mut digest = Sha256::new();
    io::copy(&mut File::open(std::env::current_exe().ok()?).ok()?, &mut digest).ok()?;
    let hex: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("sha256:{hex}"))
}
