//! Words of eight bytes, little endian, and bytes of any number behind their length.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;

/// The longest record that is believed.
pub const RECORD_MAX: u64 = 64 << 20;

/// Reads one.
///
/// # Errors
/// Those of `from`.
pub fn word(from: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

/// Writes bytes.
///
/// # Errors
/// Those of `out`.
pub fn write_bytes(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&(bytes.len() as u64).to_le_bytes())?;
    out.write_all(bytes)
}

/// Reads what was written as JSON.
///
/// # Errors
/// Those of `from`, and when it is none.
pub fn json<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    Ok(serde_json::from_slice(&read_bytes(from)?)?)
}

/// Reads bytes.
///
/// # Errors
/// Those of `from`.
pub fn read_bytes(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let len = word(from)?;
    let mut bytes = Vec::new();
    // Grows as bytes come, so that a length that lies takes no memory.
    from.take(len.min(RECORD_MAX)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == len {
        true => Ok(bytes),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
