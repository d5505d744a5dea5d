//! What happens when a temporary file cannot be written: the disk is full, or a limit is reached.
//!
//! Being exact comes first, so memory holds what would have gone to the file. What must stay true: of
//! one table only one try fails. To try again with every record would take longer than the scan, and
//! would say the same thing each time.

use std::io;

/// Bytes that a table holds in memory when it has no file; beyond, what comes is lost (512 MiB).
pub const HELD_MAX: usize = 512 << 20;

/// Whether a table may still write to a temporary file.
#[derive(Debug, Default)]
pub struct Spill(Option<io::Error>);

impl Spill {
    /// What `write` gives, which writes to a temporary file; `None` if that fails now or has failed
    /// before.
    pub fn attempt<T>(&mut self, write: impl FnOnce() -> io::Result<T>) -> Option<T> {
        if self.0.is_some() {
            return None;
        }
        write().map_err(|error| self.0 = Some(error)).ok()
    }

    /// Whether there is room for `bytes` in memory.
    ///
    /// # Errors
    /// Why they are not in a file, if there is none.
    pub fn room(&self, bytes: usize) -> io::Result<()> {
        match &self.0 {
            Some(error) if bytes > HELD_MAX => Err(io::Error::new(error.kind(), error.to_string())),
            _ => Ok(()),
        }
    }

    /// Why nothing is written any more.
    pub fn trouble(&self) -> Option<&io::Error> {
        self.0.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_one_failure_nothing_is_tried_again() {
        let mut spill = Spill::default();
        assert_eq!(spill.attempt(|| Ok(1)), Some(1));
        assert!(spill.trouble().is_none() && spill.room(usize::MAX).is_ok());
        assert_eq!(spill.attempt(|| Err::<(), _>(io::ErrorKind::StorageFull.into())), None);
        let mut tried = false;
        let again = spill.attempt(|| {
            tried = true;
            Ok(())
        });
        assert!(again.is_none() && !tried);
        assert_eq!(spill.trouble().map(io::Error::kind), Some(io::ErrorKind::StorageFull));
        assert!(spill.room(HELD_MAX).is_ok());
        assert_eq!(spill.room(HELD_MAX + 1).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
