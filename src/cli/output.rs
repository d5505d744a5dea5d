//! Where the report goes: standard output, a regular file, or a device or pipe.
//!
//! A regular file appears whole or not at all: it is written beside its place and renamed when
//! complete. Whatever happens before that, the file that was there stays. Everything that can be
//! wrong with a path is found when it is opened, before the scan.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::NamedTempFile;

use super::failure::Failure;
use super::leftovers;
use super::signals::Unfinished;
use super::streams;

/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 64 * 1024; // 64 KiB

/// Mode of a new file before the umask, as for any file that a shell creates.
const NEW_FILE_MODE: u32 = 0o666;

/// How many symbolic links are followed to the file; the limit of Linux.
const LINKS_MAX: usize = 40;

/// An open output.
#[derive(Debug)]
pub struct Output {
    out: BufWriter<Target>,
    unfinished: Unfinished,
}

#[derive(Debug)]
enum Target {
    /// Standard output that was never open: as a pipe that nobody reads any more.
    Closed,
    /// Standard output, a device or a pipe.
    Straight(File),
    /// A file beside `place`, which it will replace.
    Beside { file: NamedTempFile, place: PathBuf },
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Target::Closed => Err(io::ErrorKind::BrokenPipe.into()),
            Target::Straight(file) => file.write(bytes),
            // Without the name of the file, which says nothing to anybody.
            Target::Beside { file, .. } => file.as_file_mut().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Target::Closed => Err(io::ErrorKind::BrokenPipe.into()),
            Target::Straight(file) => file.flush(),
            Target::Beside { file, .. } => file.as_file_mut().flush(),
        }
    }
}

impl Output {
    /// Opens `path`, or standard output when there is none. Opening a named pipe waits for its
    /// reader.
    ///
    /// # Errors
    /// When nothing could be written there.
    pub fn open(path: Option<&Path>) -> Result<Output, Failure> {
        let unfinished = Unfinished::default();
        let target = match path {
            None => stdout().map_err(|error| Failure::write(None, error))?,
            Some(path) => {
                open_path(path).map_err(|reason| Failure::Output { path: path.into(), reason })?
            }
        };
        if let (Target::Beside { file, .. }, Ok(mut guard)) = (&target, unfinished.lock()) {
            *guard = Some(file.path().to_path_buf());
        }
        let out = BufWriter::with_capacity(BUFFER_BYTES, target);
        Ok(Output { out, unfinished })
    }

    /// Whether opening `path` could wait for someone else.
    pub fn may_wait(path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|meta| meta.file_type().is_fifo())
    }

    /// Whether people look at this while it is written.
    pub fn is_terminal(&self) -> bool {
        match self.out.get_ref() {
            Target::Straight(file) => file.is_terminal(),
            Target::Closed | Target::Beside { .. } => false,
        }
    }

    /// The file to remove should the process end at once.
    pub fn unfinished(&self) -> Unfinished {
        Arc::clone(&self.unfinished)
    }

    /// Writes what is buffered and puts a regular file in its place.
    ///
    /// # Errors
    /// When some of the output could not be written. No half file is left.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()?;
        // Parts, not `into_inner`: after a failed flush there is nothing worth a second try.
        let (target, _) = self.out.into_parts();
        if let Target::Beside { file, place } = target {
            // A network or a full disk may report only here that bytes were lost. Some file
            // systems cannot sync at all, which is no loss.
            match file.as_file().sync_all() {
                Err(error) if !cannot_sync(&error) => return Err(error),
                _ => {}
            }
            file.persist(&place).map_err(|error| error.error)?;
        }
        if let Ok(mut guard) = self.unfinished.lock() {
            *guard = None;
        }
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Standard output. As a file, since the standard library's own takes what cannot be written because
/// the stream is open for reading alone, and says nothing.
fn stdout() -> io::Result<Target> {
    match streams::stdout_is_closed() {
        true => Ok(Target::Closed),
        false => Ok(Target::Straight(io::stdout().as_fd().try_clone_to_owned()?.into())),
    }
}

fn cannot_sync(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

fn open_path(path: &Path) -> Result<Target, String> {
    let text = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "no such folder".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    };
    match fs::metadata(path) {
        _ if streams::is_closed(path) => Err("is closed".into()),
        Ok(meta) if meta.is_dir() => Err("is a folder, expected a file".into()),
        // The process's own descriptors, even if they are regular files: to replace the file would
        // lose what a shell's `>>` keeps.
        Ok(meta) if !meta.is_file() || is_descriptor(path) => {
            OpenOptions::new().append(true).open(path).map(Target::Straight).map_err(text)
        }
        Ok(meta) => {
            // Only to ask: a file that cannot be written must not be replaced either.
            OpenOptions::new().write(true).open(path).map_err(text)?;
            beside(path, Some(meta.permissions())).map_err(text)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => beside(path, None).map_err(text),
        Err(error) => Err(text(error)),
    }
}

fn is_descriptor(path: &Path) -> bool {
    path.starts_with("/dev/fd")
        || path.starts_with("/proc")
        || path == Path::new("/dev/stdout")
        || path == Path::new("/dev/stderr")
}

fn beside(path: &Path, mode: Option<fs::Permissions>) -> io::Result<Target> {
    let place = follow_links(path)?;
    if place.file_name().is_none() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "names no file"));
    }
    let folder = match place.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let new = fs::Permissions::from_mode(NEW_FILE_MODE);
    let file = leftovers::make(folder, &new)?;
    if let Some(mode) = mode {
        // Not subject to the umask, unlike the mode at creation.
        file.as_file().set_permissions(mode)?;
    }
    Ok(Target::Beside { file, place })
}

/// The file that `path` means, so that a link stays and its file is replaced. It need not exist.
pub fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..LINKS_MAX {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

#[cfg(test)]
mod tests;
