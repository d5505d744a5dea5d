//! Unfinished output files, and those that runs have left that were killed.
//!
//! A run that is killed cannot remove the file that it was writing, so the next one that writes into
//! the folder does. What must stay true: nobody loses a file that is still written, or that is not
//! ours. So a run holds its file by a lock, which the system releases when the process ends, however
//! it ends; and only what has our form of name, belongs to the same user and is held by nobody is
//! removed. Where the file system knows no locks, nothing is.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::geteuid;
use tempfile::NamedTempFile;

/// Around what is random in a name.
const PREFIX: &str = ".keytrail-";
const ENDING: &str = ".unfinished";
/// Characters that are random.
const RANDOM: usize = 12;

/// How often another name is tried when a run that cleans up has taken the file for left.
const TRIES: usize = 16;

/// A new file in `folder`, after what runs have left there was removed.
///
/// # Errors
/// When no file can be made there.
pub fn make(folder: &Path, mode: &Permissions) -> io::Result<NamedTempFile> {
    clean(folder);
    for _ in 0..TRIES {
        let mut file = tempfile::Builder::new();
        file.prefix(PREFIX).suffix(ENDING).rand_bytes(RANDOM).permissions(mode.clone());
        let file = file.tempfile_in(folder)?;
        let held = match file.as_file().try_lock() {
            Ok(()) => is_at(file.as_file(), file.path()),
            Err(TryLockError::WouldBlock) => false,
            // No locks here, so that nobody can take it for left.
            Err(TryLockError::Error(_)) => true,
        };
        if held {
            return Ok(file);
        }
    }
    Err(io::Error::other("other runs remove every new file"))
}

/// Removes what runs have left in a folder. What cannot be removed stays.
fn clean(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok).filter(|entry| is_ours(&entry.file_name())) {
        let _ = remove_left(&entry.path());
    }
}

/// Whether a name has the form of those that are made here.
fn is_ours(name: &OsStr) -> bool {
    let inner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(ENDING));
    inner.is_some_and(|inner| {
        inner.len() == RANDOM && inner.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn remove_left(path: &Path) -> io::Result<()> {
    let ours = |meta: &fs::Metadata| {
        meta.is_file() && meta.nlink() == 1 && meta.uid() == geteuid().as_raw()
    };
    if !ours(&fs::symlink_metadata(path)?) {
        return Ok(());
    }
    // Whatever is there now, opening it follows nothing and waits for nobody.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.try_lock().is_ok() && ours(&file.metadata()?) && is_at(&file, path) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// Whether a file that is open is the one of that name.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const LEFT: &str = ".keytrail-0aZ9bcdefghi.unfinished";

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_killed_run_has_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| folder.path().join(name);
        let others = [
            ".keytrail-config",
            ".keytrail-0aZ9bcdefgh.unfinished",
            ".keytrail-0aZ9bcdefghij.unfinished",
            ".keytrail-0aZ9bcde_ghi.unfinished",
            "keytrail-0aZ9bcdefghi.unfinished",
        ];
        others.iter().for_each(|name| fs::write(of(name), b"x").unwrap());
        symlink(of("report"), of(".keytrail-aaaaaaaaaaaa.unfinished")).unwrap();
        fs::create_dir(of(".keytrail-bbbbbbbbbbbb.unfinished")).unwrap();
        fs::write(of("report"), b"x").unwrap();
        fs::hard_link(of("report"), of(".keytrail-cccccccccccc.unfinished")).unwrap();
        let kept = names(folder.path());
        fs::write(of(LEFT), b"half").unwrap();
        drop(make(folder.path(), &Permissions::from_mode(0o600)).unwrap());
        assert_eq!(names(folder.path()), kept);
    }

    #[test]
    fn what_another_run_is_writing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mode = Permissions::from_mode(0o600);
        let one = make(folder.path(), &mode).unwrap();
        let two = make(folder.path(), &mode).unwrap();
        assert!(one.path().exists() && is_ours(one.path().file_name().unwrap()));
        one.persist(folder.path().join("report")).unwrap();
        drop(make(folder.path(), &mode).unwrap());
        assert!(two.path().exists());
        assert_eq!(names(folder.path()).len(), 2);
    }
}
