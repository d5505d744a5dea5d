//! Where lines go: standard output, or files that are appended to.
//!
//! What must stay true: a line is written whole or, on an error, cut off at the end; a file is on the disk
//! before anybody relies on it. A line that was cut off is ended before the next one begins, so that it
//! costs itself alone.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::follow::{DeadLetter, DeadLetters, Outbox};
use crate::report::dead_letter::{self, LetterProblem};

/// A file that lines are appended to.
#[derive(Debug)]
pub struct Appended {
    path: PathBuf,
    file: File,
    /// Whether the file is to be opened again.
    reopen: Arc<AtomicBool>,
}

impl Appended {
    /// Opens a file, or makes it, for its owner and group to read. It is opened again when the flag is set.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(path: &Path, reopen: Arc<AtomicBool>) -> io::Result<Appended> {
        Ok(Appended { path: path.to_owned(), file: open(path)?, reopen })
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.reopen.swap(false, Ordering::Relaxed) {
            self.file = open(&self.path)?;
        }
        if lines.is_empty() {
            return Ok(());
        }
        self.file.write_all(lines)?;
        match self.file.sync_data() {
            // Pipes and devices have no disk.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            synced => synced,
        }
    }
}

/// Opens a file, and ends a line that somebody has left unfinished.
fn open(path: &Path) -> io::Result<File> {
    // Who opens a pipe to read it would keep it open for nobody.
    let is_file = path.metadata().map_or(true, |meta| meta.is_file());
    let mut file = match is_file {
        true => OpenOptions::new().create(true).append(true).read(true).mode(0o640).open(path)?,
        false => OpenOptions::new().append(true).open(path)?,
    };
    let meta = file.metadata()?;
    if meta.is_file() && meta.len() > 0 {
        let mut last = [b'\n'];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != [b'\n'] {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

/// Where findings are told.
#[derive(Debug)]
pub enum Lines {
    /// Standard output.
    Stdout,
    /// A file.
    Appended(Appended),
}

impl Outbox for Lines {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match self {
            Lines::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(lines)?;
                out.flush()
            }
            Lines::Appended(file) => file.append(lines),
        }
    }
}

/// A file of what could not be read, a line of JSON for each message.
#[derive(Debug)]
pub struct Letters(pub Appended);

impl DeadLetters for Letters {
    fn put(&mut self, letter: &DeadLetter) -> io::Result<()> {
        let DeadLetter { message, body, deliveries, problems } = letter;
        let problems = problems.iter().map(|(object, message)| LetterProblem {
            object: Some(object.as_str()).filter(|object| !object.is_empty()),
            message,
        });
        let problems = problems.collect();
        let mut line = Vec::new();
        let letter = dead_letter::DeadLetter { message, deliveries: *deliveries, problems, body };
        dead_letter::write(letter, &mut line)?;
        self.0.append(&line)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_appended_to_and_opened_again_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        fs::write(&path, "one\ncut off").unwrap();
        let reopen: Arc<AtomicBool> = Arc::default();
        let mut lines = Appended::open(&path, Arc::clone(&reopen)).unwrap();
        lines.append(b"two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ncut off\ntwo\n");
        fs::rename(&path, folder.path().join("rotated")).unwrap();
        lines.append(b"three\n").unwrap();
        assert!(!path.exists());
        reopen.store(true, Ordering::Relaxed);
        lines.append(b"four\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "four\n");
        let rotated = fs::read_to_string(folder.path().join("rotated")).unwrap();
        assert!(rotated.ends_with("two\nthree\n"), "{rotated}");
    }

    #[test]
    fn a_letter_says_what_could_not_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dead");
        let mut letters = Letters(Appended::open(&path, Arc::default()).unwrap());
        let problems = vec![("s3://b/k".to_owned(), "is cut off".to_owned())];
        let (message, body) = ("id".to_owned(), "a\nb".to_owned());
        letters.put(&DeadLetter { message, body, deliveries: 5, problems }).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 1);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["problems"][0]["object"], "s3://b/k");
        assert_eq!(line["body"], "a\nb");
    }
}
