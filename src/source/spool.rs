//! A text that comes in pieces, kept: in memory, and beyond a limit in a file without a name.

use std::io::{self, Seek, SeekFrom, Write};

use tempfile::SpooledTempFile;

/// No text is kept beyond this size (8 GiB).
const KEPT_MAX: u64 = 8 << 30;

/// What was kept so far.
#[derive(Debug)]
pub struct Spool {
    file: SpooledTempFile,
    size: u64,
    failed: Option<io::Error>,
}

impl Spool {
    /// One that holds up to `in_memory` bytes without a file.
    pub fn new(in_memory: usize) -> Spool {
        Spool { file: SpooledTempFile::new(in_memory), size: 0, failed: None }
    }

    /// Keeps another piece. Once one is lost, no other is kept.
    pub fn add(&mut self, piece: &[u8]) {
        self.size += piece.len() as u64;
        if self.failed.is_some() {
            return;
        }
        let written = match self.size {
            ..=KEPT_MAX => self.file.write_all(piece),
            _ => Err(io::Error::other("it is larger than 8 GiB")),
        };
        self.failed = written.err();
    }

    /// Whether a piece was lost.
    pub fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// How many bytes there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// All of it, from its beginning.
    ///
    /// # Errors
    /// Why a piece was lost.
    pub fn rewound(mut self) -> io::Result<SpooledTempFile> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.file.seek(SeekFrom::Start(0))?;
        Ok(self.file)
    }
}
