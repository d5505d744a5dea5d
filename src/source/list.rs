//! A list of sources in a file: a name a line, or one before each NUL character.
//!
//! A list may have more names than memory should hold, and it may come from a program that is still
//! at work. So a thread reads a few names ahead, and whoever asks for the next one can be stopped
//! while there is none. What must stay true: whatever a line holds costs no more than itself. A line
//! that no path can have is told by its number, and the next one is read.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use super::name::shown;

/// How standard input is named.
const STDIN: &str = "-";

/// More bytes than this has no path, on any system (32 KiB).
const NAME_MAX: u64 = 32 << 10;

/// Names that are read ahead: at most 4 MiB.
const AHEAD: usize = 128;

/// How long a stop may go unseen.
pub(super) const LOOK_UP: Duration = Duration::from_millis(50);

/// Where a list is, and how its names end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// A file; `-` is standard input.
    pub path: PathBuf,
    /// Whether names end with a NUL character, and not with a line feed.
    pub null: bool,
}

impl List {
    /// Whether it is on standard input.
    pub fn is_stdin(&self) -> bool {
        self.path == Path::new(STDIN)
    }

    /// Whether it can be read only once: standard input, a pipe, a device.
    pub fn is_stream(&self) -> bool {
        self.is_stdin() || fs::metadata(&self.path).is_ok_and(|meta| !meta.is_file())
    }

    /// Its names, from the first on.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn names(&self) -> io::Result<Names> {
        let reader: Box<dyn BufRead + Send> = match self.is_stdin() {
            true => Box::new(BufReader::new(io::stdin())),
            false => Box::new(BufReader::new(File::open(&self.path)?)),
        };
        Ok(Names { reader, end: if self.null { 0 } else { b'\n' }, number: 0, over: false })
    }

    /// `line 3 of FILE`.
    pub(super) fn place(&self, number: u64) -> String {
        let what = if self.null { "name" } else { "line" };
        format!("{what} {number} of {}", shown(self.path.as_os_str()))
    }
}

/// As it was asked for: `--files-from FILE`.
impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let null = if self.null { "--null " } else { "" };
        write!(f, "{null}--files-from {}", self.path.to_string_lossy())
    }
}

/// One line of a list that is not empty. Lines are counted from 1, empty ones too.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// What it names.
    Name(u64, OsString),
    /// A line that is longer than a path can be.
    TooLong(u64),
    /// The list could not be read behind this line, and why.
    Broken(u64, String),
}

/// The lines of a list, as they are read.
pub struct Names {
    reader: Box<dyn BufRead + Send>,
    end: u8,
    number: u64,
    over: bool,
}

impl Names {
    /// The next line, which may be empty; `None` at the end.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let mut room = self.reader.by_ref().take(NAME_MAX + 1);
        if room.read_until(self.end, &mut line)? == 0 {
            return Ok(None);
        }
        if line.last() == Some(&self.end) {
            line.pop();
            if self.end == b'\n' && line.last() == Some(&b'\r') {
                line.pop();
            }
        } else if line.len() as u64 > NAME_MAX {
            self.reader.skip_until(self.end)?;
        }
        Ok(Some(line))
    }
}

impl Iterator for Names {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        while !self.over {
            match self.line() {
                Ok(None) => self.over = true,
                Ok(Some(line)) => {
                    self.number += 1;
                    if line.len() as u64 > NAME_MAX {
                        return Some(Line::TooLong(self.number));
                    }
                    if !line.is_empty() {
                        return Some(Line::Name(self.number, name_of(line)));
                    }
                }
                Err(error) => {
                    self.over = true;
                    return Some(Line::Broken(self.number, error.to_string()));
                }
            }
        }
        None
    }
}

#[cfg(unix)]
fn name_of(bytes: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes)
}

#[cfg(not(unix))]
fn name_of(bytes: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// What comes next of a list.
pub(super) enum Next {
    /// A line.
    Line(Line),
    /// None yet.
    NotYet,
    /// No other.
    End,
}

/// The lines of a list, read ahead by a thread. The thread may stay behind in its last read; it holds
/// nothing that anybody needs.
#[derive(Debug)]
pub(super) struct Lines {
    first: Option<Line>,
    rest: Receiver<Line>,
}

impl Lines {
    /// Waits for the first line.
    ///
    /// # Errors
    /// A list that cannot be opened or read, in words; `None` for one that names nothing.
    pub fn open(list: &List) -> Result<Lines, Option<String>> {
        let told = |error: io::Error| Some(error.to_string());
        let mut names = list.names().map_err(told)?;
        let first = match names.next() {
            None => return Err(None),
            Some(Line::Broken(_, error)) => return Err(Some(error)),
            Some(line) => line,
        };
        let (sender, rest) = sync_channel(AHEAD);
        let read = move || names.all(|line| sender.send(line).is_ok());
        thread::Builder::new().name("list".into()).spawn(read).map_err(told)?;
        Ok(Lines { first: Some(first), rest })
    }

    /// The next line, without waiting for it.
    pub fn ready(&mut self) -> Next {
        if let Some(first) = self.first.take() {
            return Next::Line(first);
        }
        match self.rest.try_recv() {
            Ok(line) => Next::Line(line),
            Err(TryRecvError::Empty) => Next::NotYet,
            Err(TryRecvError::Disconnected) => Next::End,
        }
    }

    /// The next line, once there is one. The end too, if `stop` is set.
    pub fn wait(&mut self, stop: &AtomicBool) -> Next {
        loop {
            match self.rest.recv_timeout(LOOK_UP) {
                Ok(line) => return Next::Line(line),
                Err(RecvTimeoutError::Disconnected) => return Next::End,
                Err(RecvTimeoutError::Timeout) if stop.load(Ordering::Relaxed) => return Next::End,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn lines(text: &[u8], null: bool) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        fs::write(&path, text).unwrap();
        let names = List { path, null }.names().unwrap();
        names
            .map(|line| match line {
                Line::Name(number, name) => format!("{number} {}", name.as_bytes().escape_ascii()),
                Line::TooLong(number) => format!("{number} too long"),
                Line::Broken(number, _) => format!("{number} broken"),
            })
            .collect()
    }

    #[test]
    fn names_are_the_bytes_of_lines() {
        assert_eq!(
            lines(b"a\n\n b#'\"\\ \r\n\xff\n\r\nz", false),
            ["1 a", "3  b#\\\'\\\"\\\\ ", "4 \\xff", "6 z"]
        );
        assert_eq!(lines(b"a\nb\r\0\0c", true), ["1 a\\nb\\r", "3 c"]);
        assert_eq!(lines(b"\n\r\n\n", false), [""; 0]);
    }

    #[test]
    fn a_line_that_is_too_long_costs_itself() {
        let most = usize::try_from(NAME_MAX).unwrap();
        let text = [vec![b'a'; most], b"\n".to_vec(), vec![b'b'; 9 * most], b"\nc\n".to_vec()];
        let told = lines(&text.concat(), false);
        assert_eq!(told[0].len(), most + 2);
        assert_eq!(told[1..], ["2 too long", "3 c"]);
    }

    #[test]
    fn an_end_comes_when_stopped_or_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        fs::write(&path, "a\nb\n").unwrap();
        let list = List { path, null: false };
        let mut lines = Lines::open(&list).unwrap();
        assert!(matches!(lines.ready(), Next::Line(Line::Name(1, _))));
        let stop = AtomicBool::new(true);
        assert!(matches!(lines.wait(&stop), Next::Line(Line::Name(2, _)) | Next::End));
        let (sender, rest) = sync_channel::<Line>(1);
        let mut silent = Lines { first: None, rest };
        assert!(matches!(silent.ready(), Next::NotYet));
        assert!(matches!(silent.wait(&stop), Next::End));
        drop(sender);
        assert!(matches!(silent.ready(), Next::End));
    }
}
