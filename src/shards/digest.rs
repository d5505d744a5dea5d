//! Digests in hexadecimal digits, by which a plan and an inventory name what they are of.
//!
//! What must stay true: memory is bounded, whatever the size of a file.

use std::fs::File;
use std::io::{self, Read, Seek};

use sha2::Digest;

/// The digest of some bytes.
pub fn of_bytes<D: Digest>(bytes: &[u8]) -> String {
    hex::encode(D::digest(bytes))
}

/// The digest of a file. The file is at its beginning after that.
///
/// # Errors
/// When it cannot be read.
pub fn of_file<D: Digest>(file: &mut File) -> io::Result<String> {
    file.rewind()?;
    let (mut hash, mut buffer) = (D::new(), vec![0; 64 << 10]);
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            len => hash.update(&buffer[..len]),
        }
    }
    file.rewind()?;
    Ok(hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use md5::Md5;
    use sha2::Sha256;

    use super::*;

    /// Source of the digest of nothing: RFC 1321, A.5, and FIPS 180-4.
    #[test]
    fn a_file_and_its_bytes_have_one_digest() {
        let bytes = vec![7; 200 << 10];
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        for _ in 0..2 {
            assert_eq!(of_file::<Sha256>(&mut file).unwrap(), of_bytes::<Sha256>(&bytes));
            assert_eq!(of_file::<Md5>(&mut file).unwrap(), of_bytes::<Md5>(&bytes));
        }
        assert_eq!(of_bytes::<Md5>(b""), "d41d8cd98f00b204e9800998ecf8427e");
        assert!(of_bytes::<Sha256>(b"").starts_with("e3b0c44298fc1c14"));
    }
}
