//! Words of eight bytes, little endian.

use std::io::{self, Read};

/// Reads one.
///
/// # Errors
/// Those of `from`.
pub fn word(from: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}
