//! A state in a file: locked while a run uses it, and replaced as a whole.
//!
//! The lock is a separate file, because every run replaces the state by another file. The system
//! releases the lock when a process ends, however it ends.

use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::State;
use super::format;

/// A state that this process alone uses.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    _lock: fs::File,
}

/// Why a state cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

impl File {
    /// Locks the state at `path` and reads it; an empty one if there is none.
    ///
    /// # Errors
    /// When another run uses it, or it cannot be read or understood.
    pub fn open(path: &Path) -> Result<(File, State), Refused> {
        let refused =
            |what: &'static str| move |error: io::Error| Refused(format!("{what}: {error}"));
        // A link is another name of the state, not another state.
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs::metadata(path) {
            Ok(meta) if !meta.is_file() => {
                return Err(Refused("is no regular file: expected one, or none yet".to_owned()));
            }
            _ if path.file_name().is_none() => {
                return Err(Refused("is no name of a file".to_owned()));
            }
            _ => {}
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(beside(path, LOCK))
            .map_err(refused("cannot be locked"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Refused("is used by another run at the moment".to_owned()));
            }
            Err(TryLockError::Error(error)) => return Err(refused("cannot be locked")(error)),
        }
        let state = match fs::read(path) {
            Ok(bytes) => format::decode(&bytes).map_err(Refused)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::default(),
            Err(error) => return Err(refused("cannot be read")(error)),
        };
        let file = File { path: path.to_owned(), _lock: lock };
        // Better now than after hours.
        file.unfinished().map_err(refused("cannot be written"))?;
        let _ = fs::remove_file(beside(path, UNFINISHED));
        Ok((file, state))
    }

    /// Puts another state in its place.
    ///
    /// # Errors
    /// When it cannot be written; the one that was there stays.
    pub fn replace(&self, state: &State) -> io::Result<()> {
        let mut file = self.unfinished()?;
        file.write_all(&format::encode(state)?)?;
        file.sync_all()?;
        fs::rename(beside(&self.path, UNFINISHED), &self.path)?;
        // So that the new name lasts too. Some file systems cannot, which is no loss.
        let _ = fs::File::open(folder_of(&self.path)).and_then(|folder| folder.sync_all());
        Ok(())
    }

    /// The file that will take its place: always the same, which the lock makes ours, so that runs
    /// that are killed leave no more than one. For its owner alone, since it holds records.
    fn unfinished(&self) -> io::Result<fs::File> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).write(true).mode(0o600);
        options.open(beside(&self.path, UNFINISHED))
    }
}

/// What the files beside a state are called behind its name.
const LOCK: &str = ".lock";
const UNFINISHED: &str = ".new";

/// All files that belong to the state at `path`.
pub fn files(path: &Path) -> [PathBuf; 3] {
    [path.to_owned(), beside(path, LOCK), beside(path, UNFINISHED)]
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_one_runs_at_a_time_and_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let (file, state) = File::open(&path).unwrap();
        assert_eq!(state, State::default());
        let refused = File::open(&path).unwrap_err();
        assert_eq!(refused.to_string(), "is used by another run at the moment");
        let state = State { runs: 7, ..State::default() };
        file.replace(&state).unwrap();
        drop(file);
        assert_eq!(File::open(&path).unwrap().1, state);
        // What a run that was killed has left does no harm.
        fs::write(folder.path().join("state.new"), b"half").unwrap();
        let (file, again) = File::open(&path).unwrap();
        assert_eq!(again, state);
        file.replace(&state).unwrap();
        assert!(!folder.path().join("state.new").exists());
        drop(file);
        fs::write(&path, b"odd").unwrap();
        assert!(File::open(&path).is_err());
        for odd in ["", "/dev/null", "."] {
            let refused = File::open(Path::new(odd)).unwrap_err().to_string();
            assert!(refused.starts_with("is no "), "{odd}: {refused}");
        }
        fs::remove_file(&path).unwrap();
        drop(File::open(&path).unwrap().0.replace(&state));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let held = File::open(&link).unwrap();
        assert!(File::open(&path).is_err());
        held.0.replace(&State { runs: 9, ..State::default() }).unwrap();
        drop(held);
        assert_eq!(File::open(&path).unwrap().1.runs, 9);
        let nowhere = folder.path().join("no/state");
        assert!(File::open(&nowhere).unwrap_err().to_string().contains("cannot be locked"));
    }
}
