//! A state in a file: locked while a run uses it, and replaced as a whole.
//!
//! The lock is a separate file, because every run replaces the state by another file. The system
//! releases the lock when a process ends, however it ends.
//!
//! What must stay true: of the files beside the state nothing is followed or emptied that this did not
//! make. Somebody else may be able to put links there.

use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

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
pub enum Refused {
    /// Another run uses it.
    #[error("is used by another run at the moment")]
    Busy,
    /// What is there is no state, or none that this version reads.
    #[error("{0}")]
    NoState(String),
    /// Something else is in its way.
    #[error("{0}")]
    InTheWay(String),
    /// The system refuses it.
    #[error("{what}: {why}")]
    Denied {
        /// What it refuses.
        what: &'static str,
        /// Why, in its words.
        why: String,
    },
}

impl File {
    /// Locks the state at `path` and reads it; an empty one if there is none.
    ///
    /// # Errors
    /// When another run uses it, or it cannot be read or understood.
    pub fn open(path: &Path) -> Result<(File, State), Refused> {
        let refused = |what: &'static str| {
            move |error: io::Error| Refused::Denied { what, why: error.to_string() }
        };
        // A link is another name of the state, not another state.
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs::metadata(path) {
            Ok(meta) if !meta.is_file() => {
                let expected = "is no regular file: expected one, or none yet";
                return Err(Refused::InTheWay(expected.to_owned()));
            }
            _ if path.file_name().is_none() => {
                return Err(Refused::InTheWay("is no name of a file".to_owned()));
            }
            _ => {}
        }
        no_strange_file(&beside(path, LOCK))?;
        no_strange_file(&beside(path, UNFINISHED))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .custom_flags(NO_LINK)
            .open(beside(path, LOCK))
            .map_err(refused("cannot be locked"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Refused::Busy),
            Err(TryLockError::Error(error)) => return Err(refused("cannot be locked")(error)),
        }
        let state = match fs::read(path) {
            Ok(bytes) => format::decode(&bytes).map_err(Refused::NoState)?,
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
    /// When it cannot be written, or could not be read back; the one that was there stays.
    pub fn replace(&self, state: &State) -> io::Result<()> {
        // All of it first, so that nothing is begun that cannot be ended.
        let bytes = format::encode(state)?;
        let mut file = self.unfinished()?;
        let written = file.write_all(&bytes).and_then(|()| file.sync_all());
        if let Err(error) = written {
            let _ = fs::remove_file(beside(&self.path, UNFINISHED));
            return Err(error);
        }
        fs::rename(beside(&self.path, UNFINISHED), &self.path)?;
        // So that the new name lasts too. Some file systems cannot, which is no loss.
        let _ = fs::File::open(folder_of(&self.path)).and_then(|folder| folder.sync_all());
        Ok(())
    }

    /// The file that will take its place: always the same, which the lock makes ours, so that runs
    /// that are killed leave no more than one. It is made anew, so that it is no link to another
    /// file. For its owner alone, since it holds records.
    fn unfinished(&self) -> io::Result<fs::File> {
        let path = beside(&self.path, UNFINISHED);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)
    }
}

/// Refuses what a run did not leave beside the state: a link, a folder, a device.
fn no_strange_file(path: &Path) -> Result<(), Refused> {
    match fs::symlink_metadata(path) {
        Ok(meta) if !meta.is_file() => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Err(Refused::InTheWay(format!("{name} beside it is no regular file: move it away")))
        }
        _ => Ok(()),
    }
}

/// Opens no link; not even one that was put there after it was looked at.
const NO_LINK: i32 = OFlags::NOFOLLOW.bits().cast_signed();

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

    #[test]
    fn what_lies_beside_it_is_not_followed() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| folder.path().join(name);
        fs::write(of("precious"), b"precious").unwrap();
        for beside in ["state.new", "state.lock"] {
            symlink(of("precious"), of(beside)).unwrap();
            let refused = File::open(&of("state")).unwrap_err().to_string();
            assert_eq!(refused, format!("{beside} beside it is no regular file: move it away"));
            fs::remove_file(of(beside)).unwrap();
        }
        // One that comes later is another file than the one that it leads to.
        let (file, _) = File::open(&of("state")).unwrap();
        symlink(of("precious"), of("state.new")).unwrap();
        file.replace(&State { runs: 7, ..State::default() }).unwrap();
        assert_eq!(fs::read(of("precious")).unwrap(), b"precious");
        drop(file);
        assert!(fs::symlink_metadata(of("state")).unwrap().is_file());
        assert_eq!(File::open(&of("state")).unwrap().1.runs, 7);
    }

    #[test]
    fn what_cannot_be_read_back_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let (file, _) = File::open(&path).unwrap();
        file.replace(&State { runs: 7, ..State::default() }).unwrap();
        let mut odd = State::default();
        odd.memory.recalled.push(crate::model::memory::Recalled {
            origin: crate::model::origin::Origin::blob("x".repeat((64 << 20) + 1)),
            text: vec![],
            reported: true,
            last: None,
            count: 1,
        });
        assert!(file.replace(&odd).is_err());
        drop(file);
        assert_eq!(File::open(&path).unwrap().1.runs, 7);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "the state and its lock");
    }
}
