//! A folder on disk, which machines may share over a network.
//!
//! A file is written beside its place under a name that begins with a dot, and gets its own name in one
//! step that fails if the name is taken. What must stay true: nothing that is there is replaced, and a link
//! in its place is not followed.

use std::fs::{self, File, Permissions};
use std::io::{self, Seek};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::name;
use super::place::{Folder, FolderError, Put};

/// Mode of a new file before the umask, as for any file that a shell creates.
const NEW_FILE_MODE: u32 = 0o666;
/// How a file is called while it is written.
const UNFINISHED: &str = ".keytrail-";
/// Names that are listed at most.
const NAMES_MAX: usize = 4 << 20;

/// A folder on disk.
#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
}

impl Disk {
    /// The folder at a path.
    pub fn new(root: &Path) -> Disk {
        Disk { root: root.to_owned() }
    }

    fn failed(&self, name: &str, reason: String) -> FolderError {
        FolderError { file: self.full(name), reason }
    }

    /// The path of a file.
    fn path(&self, name: &str) -> Result<PathBuf, FolderError> {
        name::check(name).map_err(|reason| self.failed(name, reason))?;
        Ok(self.root.join(name))
    }
}

impl Folder for Disk {
    fn full(&self, name: &str) -> String {
        self.root.join(name).display().to_string()
    }

    fn put(&self, name: &str, file: &mut File) -> Result<Put, FolderError> {
        let path = self.path(name)?;
        if fs::symlink_metadata(&path).is_ok() {
            return Ok(Put::Exists);
        }
        put(&path, file).map_err(|error| self.failed(name, format!("cannot be written: {error}")))
    }

    fn fetch(&self, name: &str) -> Result<Option<File>, FolderError> {
        let path = self.path(name)?;
        let failed = |error: io::Error| self.failed(name, format!("cannot be read: {error}"));
        // A pipe would wait for its writer.
        match fs::metadata(&path) {
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
            Ok(meta) if !meta.is_file() => {
                return Err(self.failed(name, "is no regular file".to_owned()));
            }
            Ok(_) => {}
        }
        match File::open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn has(&self, name: &str) -> Result<bool, FolderError> {
        match fs::symlink_metadata(self.path(name)?) {
            Ok(_) => Ok(true),
            Err(error) if is_absence(&error) => Ok(false),
            Err(error) => Err(self.failed(name, format!("cannot be looked at: {error}"))),
        }
    }

    fn names(&self, below: &str) -> Result<Vec<String>, FolderError> {
        let from = if below.is_empty() { self.root.clone() } else { self.path(below)? };
        let mut names = Vec::new();
        for entry in WalkDir::new(&from).follow_links(true) {
            let entry = match entry {
                Ok(entry) => entry,
                // A file that is being put has another name by now; a folder need not be there.
                Err(error) if error.io_error().is_some_and(is_absence) => continue,
                Err(error) => {
                    return Err(self.failed(below, format!("cannot be listed: {error}")));
                }
            };
            if !entry.file_type().is_file() || entry.depth() == 0 {
                continue;
            }
            let name = entry.path().strip_prefix(&self.root).ok().and_then(Path::to_str);
            names.extend(name.filter(|name| name::is_allowed(name)).map(str::to_owned));
            if names.len() > NAMES_MAX {
                return Err(self.failed(below, format!("it holds more than {NAMES_MAX} files")));
            }
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// Puts a file in its place. What was begun is removed if it cannot be ended.
fn put(path: &Path, file: &mut File) -> io::Result<Put> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut beside = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .permissions(Permissions::from_mode(NEW_FILE_MODE))
        .tempfile_in(folder)?;
    file.rewind()?;
    io::copy(file, beside.as_file_mut())?;
    match beside.as_file().sync_all() {
        // Some file systems cannot sync at all, which is no loss.
        Err(error) if error.kind() != io::ErrorKind::InvalidInput => return Err(error),
        _ => {}
    }
    match beside.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(Put::Exists),
        Err(error) => return Err(error.error),
    }
    // So that the new name lasts too.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(Put::New)
}

/// Whether an error says that there is nothing.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::sync::Barrier;

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn read(folder: &Disk, name: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        folder.fetch(name).unwrap()?.read_to_end(&mut bytes).unwrap();
        Some(bytes)
    }

    /// All names below a folder, also those that [`Folder::names`] leaves out.
    fn all(root: &Path) -> Vec<String> {
        let files = WalkDir::new(root).sort_by_file_name().into_iter().map(Result::unwrap);
        let files = files.filter(|entry| !entry.file_type().is_dir());
        files.map(|entry| entry.file_name().to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn files_are_put_once_and_found_again() {
        let place = tempfile::tempdir().unwrap();
        let folder = Disk::new(&place.path().join("out"));
        assert_eq!(folder.names("").unwrap(), [""; 0]);
        assert_eq!((read(&folder, "b"), folder.has("b")), (None, Ok(false)));
        for (name, bytes) in [("b", "1"), ("a/x=1/c.parquet", "2"), ("a.b", "3"), ("ab/c", "")] {
            assert_eq!(folder.put(name, &mut file(bytes.as_bytes())), Ok(Put::New));
            assert_eq!(folder.put(name, &mut file(b"other")), Ok(Put::Exists));
            assert_eq!(read(&folder, name).unwrap(), bytes.as_bytes());
            assert_eq!(folder.has(name), Ok(true));
        }
        assert_eq!(folder.names("").unwrap(), ["a.b", "a/x=1/c.parquet", "ab/c", "b"]);
        assert_eq!(folder.names("a").unwrap(), ["a/x=1/c.parquet"]);
        assert_eq!(folder.names("absent").unwrap(), [""; 0]);
        // What others put there.
        fs::write(place.path().join("out/ä"), b"").unwrap();
        assert_eq!(folder.names("").unwrap().len(), 4);
        for name in ["", "../b", "a/"] {
            assert!(folder.put(name, &mut file(b"")).is_err() && folder.fetch(name).is_err());
        }
    }

    #[test]
    fn of_two_writers_at_once_one_is_first() {
        let place = tempfile::tempdir().unwrap();
        let folder = Disk::new(place.path());
        for round in 0..20 {
            let name = format!("a/{round}");
            let (together, name, folder) = (&Barrier::new(2), &name, &folder);
            let write = |byte: u8| {
                let mut file = file(&vec![byte; 1 << 20]);
                together.wait();
                (folder.put(name, &mut file).unwrap(), byte)
            };
            let [one, other] = std::thread::scope(|scope| {
                [1, 2].map(|byte| scope.spawn(move || write(byte))).map(|t| t.join().unwrap())
            });
            let (first, second) = if one.0 == Put::New { (one, other) } else { (other, one) };
            assert_eq!((first.0, second.0), (Put::New, Put::Exists));
            assert!(read(folder, name).unwrap() == vec![first.1; 1 << 20]);
        }
        assert_eq!(all(place.path()).len(), 20, "nothing else is left");
    }

    #[test]
    fn what_cannot_be_put_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let folder = Disk::new(place.path());
        // It can be written, not read.
        let mut closed =
            File::options().create_new(true).write(true).open(place.path().join("in")).unwrap();
        let error = folder.put("a/b", &mut closed).unwrap_err();
        assert!(error.to_string().contains("a/b: cannot be written"), "{error}");
        assert_eq!(all(place.path()), ["in"]);
        fs::write(place.path().join("file"), b"").unwrap();
        assert!(folder.put("file/b", &mut file(b"")).is_err());
        assert_eq!((read(&folder, "file/b"), folder.has("file/b")), (None, Ok(false)));
        assert!(folder.fetch("a").is_err(), "a folder is no file");
    }

    #[test]
    fn a_link_in_the_way_is_not_followed() {
        let place = tempfile::tempdir().unwrap();
        let folder = Disk::new(&place.path().join("out"));
        folder.put("a", &mut file(b"")).unwrap();
        std::os::unix::fs::symlink("../precious", place.path().join("out/b")).unwrap();
        assert_eq!(folder.put("b", &mut file(b"x")), Ok(Put::Exists));
        assert!(!place.path().join("precious").exists());
    }
}
