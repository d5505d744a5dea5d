//! Runs the real binary where nothing but the test decides what it sees.
//!
//! Each test has its own folder, which is also the working directory; the environment is empty but
//! for `PATH`, and 80 columns wide. What depends on the machine is replaced in the output:
//! `[ROOT]` is the folder, `[VERSION]` the version.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::schemas;

/// How long a test waits for what it expects before it fails.
///
/// It only keeps a test that fails from hanging: what it waits for takes milliseconds, and seconds
/// on a machine that is busy with other things.
pub const LIMIT: Duration = Duration::from_secs(120);

/// A folder to run in.
pub struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    /// An empty one.
    pub fn new() -> Self {
        Sandbox { folder: tempfile::tempdir().unwrap() }
    }

    /// The folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with the folders it needs.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> String {
        let text = fs::read_to_string(self.path(name)).unwrap();
        schemas::check(&text);
        text
    }

    /// The names in the folder, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// `keytrail WORDS…`, not yet run; standard input is empty.
    pub fn keytrail<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Keytrail {
        self.command(Command::new(program()), words)
    }

    /// The same with a redirection, as a shell has it: `>&-` closes standard output.
    pub fn redirected<W: AsRef<OsStr>>(
        &self,
        redirection: &str,
        words: impl IntoIterator<Item = W>,
    ) -> Keytrail {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec \"$0\" \"$@\" {redirection}")]).arg(program());
        self.command(shell, words)
    }

    /// The same under a limit that the shell's `ulimit` sets.
    pub fn limited<W: AsRef<OsStr>>(
        &self,
        limit: &str,
        words: impl IntoIterator<Item = W>,
    ) -> Keytrail {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")]).arg(program());
        self.command(shell, words)
    }

    fn command<W: AsRef<OsStr>>(
        &self,
        mut command: Command,
        words: impl IntoIterator<Item = W>,
    ) -> Keytrail {
        command.args(words).current_dir(self.folder.path()).env_clear().env("COLUMNS", "80");
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        let root = self.folder.path().to_path_buf();
        Keytrail { command, stdin: Vec::new(), root }
    }
}

/// The program. A benchmark may name a release build, which need not be built with the tests.
pub fn program() -> OsString {
    let named = std::env::var_os("KEYTRAIL_BIN");
    named.unwrap_or_else(|| env!("CARGO_BIN_EXE_keytrail").into())
}

/// One run to be.
pub struct Keytrail {
    command: Command,
    stdin: Vec<u8>,
    root: PathBuf,
}

impl Keytrail {
    /// Sets a variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it in a folder of the sandbox.
    pub fn within(mut self, folder: &str) -> Self {
        self.command.current_dir(self.root.join(folder));
        self
    }

    /// What it reads on standard input.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Runs it to its end.
    pub fn run(mut self) -> Ended {
        let mut child = self.spawn();
        // A program that does not read its input is not what these tests are about.
        let _ = child.stdin.take().unwrap().write_all(&self.stdin);
        self.end(child)
    }

    /// Starts it; all three streams are pipes that the test holds.
    pub fn spawn(&mut self) -> Child {
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Waits for it while its standard input stays open, and not for ever: it is killed and the
    /// test fails if nothing ends it. Not for one that writes more than a pipe holds.
    #[track_caller]
    pub fn end_with_open_input(self, mut child: Child) -> Ended {
        let begun = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if begun.elapsed() > LIMIT {
                child.kill().unwrap();
                panic!("still runs after {LIMIT:?}: {:?}", child.wait_with_output());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.end(child)
    }

    /// Waits for what [`spawn`](Keytrail::spawn) started; its standard input is closed.
    pub fn end(self, child: Child) -> Ended {
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| replace(std::str::from_utf8(bytes).unwrap(), &self.root);
        schemas::check(&text(&output.stdout));
        Ended {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

/// Sends a signal by its name, through the `kill` that every shell has.
///
/// A process that has ended by itself is no error here: its exit code tells.
pub fn signal(name: &str, process: u32) {
    let kill = format!("kill -{name} {process} 2>/dev/null");
    Command::new("sh").args(["-c", &kill]).status().unwrap();
}

/// Lines of a pipe as they come.
pub struct Lines(Receiver<String>);

impl Lines {
    /// Reads on from now, so that whoever writes never waits for the test.
    pub fn of(pipe: impl Read + Send + 'static) -> Lines {
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines() {
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        Lines(receiver)
    }

    /// The next line; `None` where the pipe ends.
    #[track_caller]
    pub fn line(&self) -> Option<String> {
        match self.0.recv_timeout(LIMIT) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line and no end within {LIMIT:?}"),
        }
    }

    /// Waits for a line that has these words in it.
    #[track_caller]
    pub fn wait_for(&self, words: &str) {
        let begun = Instant::now();
        let mut seen = Vec::new();
        while begun.elapsed() < LIMIT {
            match self.line() {
                Some(line) if line.contains(words) => return,
                Some(line) => seen.push(line),
                None => panic!("the pipe ended before {words:?}: {seen:#?}"),
            }
        }
        panic!("no {words:?} within {LIMIT:?}: {seen:#?}");
    }
}

fn replace(text: &str, root: &Path) -> String {
    let version = concat!("keytrail ", env!("CARGO_PKG_VERSION"));
    text.replace(root.to_str().unwrap(), "[ROOT]").replace(version, "keytrail [VERSION]")
}

/// One run that was.
#[derive(Debug)]
pub struct Ended {
    /// `None` when a signal ended it.
    pub code: Option<i32>,
    /// What went to standard output.
    pub stdout: String,
    /// What went to standard error.
    pub stderr: String,
}

impl Ended {
    /// Asserts the exit code.
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts all of standard output.
    #[track_caller]
    pub fn stdout(self, expected: &str) -> Self {
        same("standard output", &self.stdout, expected);
        self
    }

    /// Asserts all of standard error.
    #[track_caller]
    pub fn stderr(self, expected: &str) -> Self {
        same("standard error", &self.stderr, expected);
        self
    }

    /// Asserts that standard error has this line.
    #[track_caller]
    pub fn says(self, line: &str) -> Self {
        let found = self.stderr.lines().any(|l| l == line);
        assert!(found, "no line is {line:?} in:\n{}", self.stderr);
        self
    }
}

#[track_caller]
fn same(what: &str, got: &str, expected: &str) {
    assert!(got == expected, "{what} is\n{got}---- expected\n{expected}----");
}
