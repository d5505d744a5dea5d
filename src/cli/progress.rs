//! Progress on standard error while a command runs: what it is doing, how far it is, and where that
//! can be told, how long it will take.
//!
//! One thread reads the engine's counters a few times a second; the engine never waits for it. On
//! a terminal it is one line that is drawn again and removed at the end, elsewhere (only with
//! `--progress always`) a line a second and a last one. How much there is to read is known at once
//! where every source is a file that was named. Folders are walked, and lists read, by a thread of their own while
//! they are read, and only where progress is shown; what a bucket or a stream holds nobody knows.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::env;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use walkdir::WalkDir;

use super::ui::{self, When};
use crate::engine::{Phase, Progress};
use crate::source::s3::Address;
use crate::source::{Line, List, Met, Sources};

/// How often the line on a terminal is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(100);
/// How often a line is written where there is no terminal.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Columns of the sign that turns, and of the space behind it.
const SPINNER: usize = 2;
/// A phase that is younger does not tell how long it will take.
const TELLS_AFTER: Duration = Duration::from_secs(1);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Not at all.
    Nothing,
    /// A line that is drawn again and again.
    Bar,
    /// Lines.
    Lines,
}

impl Show {
    /// What `--progress` and the terminal say. `quiet` is `-q`; `live` is when findings are
    /// written to a terminal while the scan runs, where a bar would be in their way.
    pub fn decide(when: When, quiet: bool, live: bool) -> Show {
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let terminal = io::stderr().is_terminal() && !dumb && !live;
        match when {
            When::Never => Show::Nothing,
            When::Always if terminal => Show::Bar,
            When::Always => Show::Lines,
            When::Auto if terminal && !quiet => Show::Bar,
            When::Auto => Show::Nothing,
        }
    }
}

/// How much there is to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    files: u64,
    bytes: u64,
}

impl Total {
    /// Of sources that are all files or folders; `None` where one is a bucket or a stream, of which
    /// only reading tells how much it holds, or once `done` is set.
    fn of(sources: &Sources, done: &AtomicBool) -> Option<Total> {
        let (mut total, mut seen) = (Total { files: 0, bytes: 0 }, HashSet::new());
        let mut met = Met::default();
        for source in &sources.named {
            let meta = fs::metadata(source).ok()?;
            let full = fs::canonicalize(source).ok()?;
            let _ = if meta.is_dir() { met.folder(&full) } else { met.file(&full) };
            // As the listing does: what is named twice is read once.
            if seen.insert(full) {
                total.add_source(source, &meta, done)?;
            }
        }
        if let Some(list) = &sources.list {
            total.add_list(list, &mut met, done)?;
        }
        Some(total)
    }

    fn add_source(&mut self, source: &OsStr, meta: &Metadata, done: &AtomicBool) -> Option<()> {
        if meta.is_dir() {
            return self.add_folder(source, done);
        }
        meta.is_file().then(|| self.add(meta.len()))
    }

    /// Adds what a list names, unless it can be read only once.
    fn add_list(&mut self, list: &List, met: &mut Met, done: &AtomicBool) -> Option<()> {
        if list.is_stream() {
            return None;
        }
        for line in list.names().ok()? {
            let Line::Name(_, name) = line else { continue };
            if done.load(Ordering::Acquire) || name.to_str().is_some_and(Address::is_meant) {
                return None;
            }
            // What is not there, or no file, is not read.
            let Ok(meta) = fs::metadata(&name) else { continue };
            let full = fs::canonicalize(&name).ok()?;
            let is_first = if meta.is_dir() { met.folder(&full) } else { met.file(&full) };
            if is_first && (meta.is_dir() || meta.is_file()) {
                self.add_source(&name, &meta, done)?;
            }
        }
        Some(())
    }

    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }

    /// Adds the files of a folder and all below it.
    fn add_folder(&mut self, folder: &OsStr, done: &AtomicBool) -> Option<()> {
        for entry in WalkDir::new(folder).follow_links(true).into_iter().flatten() {
            if done.load(Ordering::Acquire) {
                return None;
            }
            if entry.file_type().is_file() {
                self.add(entry.metadata().ok()?.len());
            }
        }
        Some(())
    }
}

/// What is watched.
#[derive(Debug, Clone, Copy)]
pub struct Watched<'a> {
    /// The counters.
    pub progress: &'a Progress,
    /// How reading is called.
    pub reading: &'static str,
    /// What is read, if it can be told how much that is.
    pub sources: Option<&'a Sources>,
}

impl<'a> Watched<'a> {
    /// A run over `sources`.
    pub fn new(progress: &'a Progress, sources: &'a Sources) -> Watched<'a> {
        Watched { sources: Some(sources), ..Watched::alone(progress) }
    }

    /// Work of which nobody can tell how much it is.
    pub fn alone(progress: &'a Progress) -> Watched<'a> {
        Watched { progress, reading: "reading", sources: None }
    }
}

/// Runs `work` while progress is shown.
pub fn during<T>(show: Show, watched: Watched<'_>, work: impl FnOnce() -> T) -> T {
    let (done, total) = (AtomicBool::new(false), OnceLock::new());
    thread::scope(|scope| {
        if let Some(sources) = watched.sources.filter(|_| show != Show::Nothing) {
            let (total, done) = (&total, &done);
            let measure = move || total.set(Total::of(sources, done).filter(|all| all.files > 0));
            // Without it, nothing is said of how much there is.
            let _ = thread::Builder::new().name("total".into()).spawn_scoped(scope, measure);
        }
        let shown = match show {
            Show::Nothing => None,
            // Without a thread to draw it, progress is not worth failing for.
            Show::Bar | Show::Lines => thread::Builder::new()
                .name("progress".into())
                .spawn_scoped(scope, || match show {
                    Show::Bar => draw(watched, &total, &done),
                    Show::Lines | Show::Nothing => write_lines(watched, &total, &done),
                })
                .ok(),
        };
        // Also when `work` panics: the scope joins the thread before it lets the panic through.
        let _end = End(&done, shown.as_ref().map(|handle| handle.thread().clone()));
        work()
    })
}

/// Tells the thread to end when dropped.
struct End<'a>(&'a AtomicBool, Option<thread::Thread>);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
        if let Some(thread) = &self.1 {
            thread.unpark();
        }
    }
}

fn draw(watched: Watched<'_>, total: &OnceLock<Option<Total>>, done: &AtomicBool) {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        bar.set_style(style);
    }
    let mut clock = Clock::new();
    while !done.load(Ordering::Acquire) {
        // The window may change.
        let width = ui::width_of_stderr().map_or(usize::MAX, usize::from);
        bar.set_message(clock.look(watched, known(total), width.saturating_sub(SPINNER)));
        bar.tick();
        thread::park_timeout(DRAW_EVERY);
    }
    bar.finish_and_clear();
}

fn write_lines(watched: Watched<'_>, total: &OnceLock<Option<Total>>, done: &AtomicBool) {
    let mut clock = Clock::new();
    loop {
        thread::park_timeout(WRITE_EVERY);
        let _ =
            writeln!(io::stderr(), "progress: {}", clock.look(watched, known(total), usize::MAX));
        if done.load(Ordering::Acquire) {
            return;
        }
    }
}

/// How much there is to read, once that is known.
fn known(total: &OnceLock<Option<Total>>) -> Option<Total> {
    total.get().copied().flatten()
}

/// When the phase began, as far as whoever looks has seen.
struct Clock {
    phase: Phase,
    began: Instant,
}

impl Clock {
    fn new() -> Clock {
        Clock { phase: Phase::Reading, began: Instant::now() }
    }

    /// The line to show now, in so many columns.
    fn look(&mut self, watched: Watched<'_>, total: Option<Total>, width: usize) -> String {
        let seen = Seen::of(watched.progress);
        if seen.phase != self.phase {
            *self = Clock { phase: seen.phase, began: Instant::now() };
        }
        seen.text((watched.reading, total), self.began.elapsed(), width)
    }
}

/// The counters at one moment. They are read one after the other, so that they may disagree a
/// little.
#[derive(Debug, Clone, Copy)]
struct Seen {
    phase: Phase,
    done: u64,
    parts: u64,
    files: u64,
    bytes: u64,
    records: u64,
    matches: u64,
}

impl Seen {
    fn of(progress: &Progress) -> Seen {
        Seen {
            phase: progress.phase(),
            done: progress.done.load(Ordering::Relaxed),
            parts: progress.parts.load(Ordering::Relaxed),
            files: progress.blobs.load(Ordering::Relaxed),
            bytes: progress.bytes_read.load(Ordering::Relaxed),
            records: progress.records.load(Ordering::Relaxed),
            matches: progress.findings.load(Ordering::Relaxed),
        }
    }

    /// What is done, how far, and how long it will take; `elapsed` is the age of the phase. Where a line
    /// has no room for all, what weighs least is left out: the phase and the time stay.
    fn text(
        self,
        (reading, total): (&str, Option<Total>),
        elapsed: Duration,
        width: usize,
    ) -> String {
        let (name, (mut far, left)) = match self.phase {
            Phase::Reading => (reading, self.read(total, elapsed)),
            Phase::Counting => ("counting", self.parts(elapsed, "")),
            Phase::Deciding => ("deciding", self.parts(elapsed, "")),
            Phase::Sorting => ("sorting", (vec![counted(self.matches, "match", "matches")], None)),
            Phase::Writing => ("writing", self.parts(elapsed, " findings")),
        };
        let left = left.map(|left| format!("about {} left", rough(left)));
        loop {
            let shown = Some(far.join(", ")).filter(|far| !far.is_empty());
            let parts = [Some(name.to_owned()), shown, left.clone()];
            let line = parts.into_iter().flatten().collect::<Vec<_>>().join("  ");
            if line.chars().count() <= width || far.pop().is_none() {
                return line;
            }
        }
    }

    /// How far reading is, what weighs most first.
    fn read(self, total: Option<Total>, elapsed: Duration) -> (Vec<String>, Option<Duration>) {
        let bytes = HumanBytes(self.bytes);
        let (mut far, left) = match total {
            Some(total) => {
                let (files, all) = (HumanCount(self.files), HumanBytes(total.bytes));
                let of = counted(total.files, "file", "files");
                (
                    vec![format!("{files} of {of}"), format!("{bytes} of {all}")],
                    left(elapsed, self.bytes, total.bytes),
                )
            }
            None => (vec![counted(self.files, "file", "files"), bytes.to_string()], None),
        };
        // Digests have none.
        if self.records > 0 {
            far.push(counted(self.records, "record", "records"));
        }
        if self.matches > 0 {
            far.push(counted(self.matches, "match", "matches"));
        }
        (far, left)
    }

    /// Parts of a phase, and what they are. There may turn out to be more than was thought.
    fn parts(self, elapsed: Duration, what: &str) -> (Vec<String>, Option<Duration>) {
        if self.parts == 0 {
            return (if what.is_empty() { Vec::new() } else { vec![format!("0{what}")] }, None);
        }
        let done = self.done.min(self.parts);
        let far = format!("{} of {}{what}", HumanCount(done), HumanCount(self.parts));
        (vec![far], left(elapsed, done, self.parts))
    }
}

fn counted(count: u64, one: &str, several: &str) -> String {
    format!("{} {}", HumanCount(count), if count == 1 { one } else { several })
}

/// How long the rest takes if it goes on like this.
fn left(elapsed: Duration, done: u64, all: u64) -> Option<Duration> {
    let rest = all.checked_sub(done).filter(|rest| *rest > 0 && done > 0)?;
    if elapsed < TELLS_AFTER {
        return None;
    }
    let millis = elapsed.as_millis() * u128::from(rest) / u128::from(done);
    Some(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
}

/// `2 s`, `3 min`, `4 h`: rounded up, since nobody minds being early.
fn rough(time: Duration) -> String {
    let secs = time.as_millis().div_ceil(1000);
    match secs {
        0..100 => format!("{secs} s"),
        100..6000 => format!("{} min", secs.div_ceil(60)),
        _ => format!("{} h", secs.div_ceil(3600)),
    }
}
