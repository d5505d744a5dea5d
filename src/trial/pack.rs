//! The samples of the built-in rules, as `build.rs` packed them into the binary.
//!
//! The engine reads files, so they are unpacked into a folder of their own for as long as they are
//! needed. The pack is our own text, not a log: its one limit is its size.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path};

use flate2::read::ZlibDecoder;
use tempfile::TempDir;

/// Names and texts, each behind its length.
const PACK: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/samples.pack"));

/// The samples on disk, a folder a rule; gone when this is dropped.
#[derive(Debug)]
pub struct Samples {
    folder: TempDir,
}

impl Samples {
    /// Unpacks them.
    ///
    /// # Errors
    /// When there is no room for temporary files.
    pub fn unpack() -> io::Result<Samples> {
        let folder = tempfile::tempdir()?;
        let mut pack = Vec::new();
        ZlibDecoder::new(PACK).read_to_end(&mut pack)?;
        let mut rest = pack.as_slice();
        while !rest.is_empty() {
            let name = std::str::from_utf8(field(&mut rest)?).map_err(io::Error::other)?;
            let text = field(&mut rest)?;
            let plain =
                Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
            if !plain {
                return Err(io::Error::other("a sample that is not in its folder"));
            }
            let path = folder.path().join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, text)?;
        }
        Ok(Samples { folder })
    }

    /// Where they lie.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Takes bytes behind their length.
fn field<'a>(rest: &mut &'a [u8]) -> io::Result<&'a [u8]> {
    let cut = || io::Error::other("the packed samples are cut short");
    let (length, behind) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(io::Error::other)?;
    let (bytes, behind) = behind.split_at_checked(length).ok_or_else(cut)?;
    *rest = behind;
    Ok(bytes)
}
