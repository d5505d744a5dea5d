//! The names of blobs, kept apart so that a fact holds a number and millions of files no memory.

use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::SpooledTempFile;

/// Names in memory up to this many bytes, in a temporary file beyond.
const IN_MEMORY: usize = 4 << 20; // 4 MiB

/// Every blob's name by number.
#[derive(Debug)]
pub struct Names {
    file: Mutex<SpooledTempFile>,
    /// Names that the temporary file did not take: being exact comes before memory.
    held: Mutex<Vec<Arc<str>>>,
    /// Whether the temporary file has failed, and is not tried again.
    full: AtomicBool,
}

/// Numbers from here on are of names that are held.
const HELD: u64 = 1 << 62;

impl Default for Names {
    fn default() -> Self {
        let file = Mutex::new(SpooledTempFile::new(IN_MEMORY));
        Names { file, held: Mutex::default(), full: AtomicBool::new(false) }
    }
}

impl Names {
    /// Keeps a name; the number by which to ask for it.
    pub fn add(&self, name: &str) -> u64 {
        let written = match self.full.load(Ordering::Relaxed) {
            true => None,
            false => self.write(name).ok(),
        };
        written.unwrap_or_else(|| {
            self.full.store(true, Ordering::Relaxed);
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.push(name.into());
            HELD + held.len() as u64 - 1
        })
    }

    fn write(&self, name: &str) -> std::io::Result<u64> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let at = file.seek(SeekFrom::End(0))?;
        let len = u32::try_from(name.len()).unwrap_or(u32::MAX);
        let mut entry = len.to_le_bytes().to_vec();
        entry.extend(name.bytes().take(len as usize));
        file.write_all(&entry)?;
        Ok(at)
    }

    /// Hands every number with its name to `take`.
    ///
    /// # Errors
    /// What `take` returns, or when the temporary file cannot be read.
    pub fn each(
        &self,
        mut take: impl FnMut(u64, &str) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let end = {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::End(0))?
        };
        let mut at = 0;
        while at < end {
            let name = self.get(at)?;
            take(at, &name)?;
            at += 4 + name.len() as u64;
        }
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        (HELD..).zip(held.iter()).try_for_each(|(number, name)| take(number, name))
    }

    /// The name that [`Names::add`] gave this number for.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn get(&self, number: u64) -> std::io::Result<Arc<str>> {
        if let Some(at) = number.checked_sub(HELD) {
            let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            let name = usize::try_from(at).ok().and_then(|at| held.get(at));
            return name.cloned().ok_or_else(|| std::io::ErrorKind::NotFound.into());
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(number))?;
        let mut len = [0; 4];
        file.read_exact(&mut len)?;
        let mut name = vec![0; u32::from_le_bytes(len) as usize];
        file.read_exact(&mut name)?;
        Ok(String::from_utf8_lossy(&name).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_from_memory_and_from_the_file() {
        let names = Names::default();
        let long = "x".repeat(IN_MEMORY);
        let kept: Vec<(u64, String)> = ["a", "", &long, "tr\u{e9}s/long"]
            .into_iter()
            .map(|name| (names.add(name), name.to_string()))
            .collect();
        let mut all = Vec::new();
        let each = names.each(|number, name| {
            all.push((number, name.to_owned()));
            Ok(())
        });
        each.unwrap();
        assert_eq!(all, kept);
        for (number, name) in kept {
            assert_eq!(*names.get(number).unwrap(), *name);
        }
    }
}
