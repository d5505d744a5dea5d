//! How what a command has to say reaches whoever asked, and what that makes of the exit code.
//!
//! Every command opens its output here, writes it, and ends here. What must stay true: whoever
//! closes a pipe has read enough, so that the run ends quietly with the code that it has earned so
//! far; any other error loses what was asked for, and is a failure that names the place.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::failure::Failure;
use super::output::Output;
use super::signals::Unfinished;
use super::ui::{self, When};
use crate::report::{Style, View};
use crate::source::Sources;

/// An output that is open, and its name.
#[derive(Debug)]
pub struct Delivery {
    output: Output,
    /// As typed; `None` is standard output.
    path: Option<PathBuf>,
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// The code that the run has earned.
    pub exit: Exit,
    /// Whether all of it was taken. Nothing is said on standard error of what nobody reads.
    pub whole: bool,
}

impl Delivery {
    /// Opens `path`, or standard output when there is none.
    ///
    /// # Errors
    /// When nothing could be written there.
    pub fn open(path: Option<&Path>) -> Result<Delivery, Failure> {
        Ok(Delivery { output: Output::open(path)?, path: path.map(Path::to_path_buf) })
    }

    /// Standard output.
    ///
    /// # Errors
    /// As [`open`](Delivery::open).
    pub fn to_stdout() -> Result<Delivery, Vec<Failure>> {
        Delivery::open(None).map_err(|failure| vec![failure])
    }

    /// Whether people look at this while it is written.
    pub fn is_terminal(&self) -> bool {
        self.output.is_terminal()
    }

    /// The file to remove should the process end at once.
    pub fn unfinished(&self) -> Unfinished {
        self.output.unfinished()
    }

    /// Where it is now.
    pub fn unfinished_path(&self) -> Option<PathBuf> {
        self.unfinished().lock().ok()?.clone()
    }

    /// How text is drawn there.
    pub fn style(&self, color: When, verbose: bool) -> Style {
        Style {
            width: if self.path.is_none() { ui::width() } else { None },
            color: ui::color(color, |name| env::var_os(name), self.is_terminal()),
            links: ui::links(color, |name| env::var_os(name), self.is_terminal()),
            verbose,
            view: View::default(),
        }
    }

    /// Lets `write` write all there is, and ends the output; `earned` is the code of the run.
    ///
    /// # Errors
    /// When some of it could not be written. No half file is left.
    pub fn finish(
        mut self,
        earned: Exit,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Delivered, Vec<Failure>> {
        let Err(error) = write(&mut self.output) else {
            let Delivery { output, path } = self;
            return match output.finish() {
                Ok(()) => Ok(Delivered { exit: earned, whole: true }),
                Err(error) => ended(path.as_deref(), error, earned),
            };
        };
        self.broken(error, earned)
    }

    /// The end of an output that broke; `earned` is the code so far.
    ///
    /// # Errors
    /// When it is not for a pipe that was closed.
    pub fn broken(self, error: io::Error, earned: Exit) -> Result<Delivered, Vec<Failure>> {
        ended(self.path.as_deref(), error, earned)
    }
}

impl Write for Delivery {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Refuses an output that is one of the sources or takes the place of a file in one, or that the run
/// reads for something else.
///
/// # Errors
/// Which of these.
pub fn keep_apart(path: &Path, sources: &Sources, read: &[&Path]) -> Result<(), Failure> {
    let refused = |reason: &str| Failure::Output { path: path.into(), reason: reason.into() };
    if sources.named.iter().any(|source| is_same_file(path, Path::new(source))) {
        return Err(refused("is one of the sources"));
    }
    if sources.named.iter().any(|source| is_file_within(path, Path::new(source))) {
        return Err(refused("is a file in one of the sources, which it would replace"));
    }
    if path.is_file() && sources.lists(path) == Some(true) {
        return Err(refused("is a file that the list of sources has, which it would replace"));
    }
    let absolute = |path: &Path| std::path::absolute(path).ok();
    let list = sources.list.iter().map(|list| list.path.as_path());
    if read
        .iter()
        .copied()
        .chain(list)
        .any(|read| is_same_file(path, read) || absolute(path) == absolute(read))
    {
        return Err(refused("is read by this run"));
    }
    Ok(())
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

/// Whether a file is there already, anywhere below a folder.
fn is_file_within(path: &Path, folder: &Path) -> bool {
    let (Ok(path), Ok(folder)) = (fs::canonicalize(path), fs::canonicalize(folder)) else {
        return false;
    };
    path.is_file() && folder.is_dir() && path.starts_with(&folder)
}

fn ended(path: Option<&Path>, error: io::Error, exit: Exit) -> Result<Delivered, Vec<Failure>> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Ok(Delivered { exit, whole: false });
    }
    Err(vec![Failure::during(path, error)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deliver(path: &Path, written: io::Result<()>) -> Result<Delivered, Vec<String>> {
        let delivery = Delivery::open(Some(path)).unwrap();
        let delivered = delivery.finish(Exit::Findings, |out| {
            out.write_all(b"text")?;
            written
        });
        delivered.map_err(|failures| failures.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn only_a_closed_pipe_ends_quietly() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        let whole = deliver(&path, Ok(()));
        assert_eq!(whole, Ok(Delivered { exit: Exit::Findings, whole: true }));
        assert_eq!(fs::read_to_string(&path).unwrap(), "text");
        let closed = deliver(&path, Err(io::ErrorKind::BrokenPipe.into()));
        assert_eq!(closed, Ok(Delivered { exit: Exit::Findings, whole: false }));
        let full = deliver(&path, Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert!(full[0].starts_with(&format!("{}: cannot be written", path.display())), "{full:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
