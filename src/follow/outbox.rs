//! Where findings are told.

use std::io;

/// Takes lines.
pub trait Outbox {
    /// Writes whole lines, and returns when they are safe with whoever reads them: in the pipe, or on
    /// the disk.
    ///
    /// # Errors
    /// When they could not be written. Some of them may have been.
    fn write(&mut self, lines: &[u8]) -> io::Result<()>;
}
