//! Progress on standard error while a scan runs.
//!
//! One thread reads the engine's counters a few times a second; the engine never waits for it. On
//! a terminal it is one line that is drawn again and removed at the end, elsewhere (only with
//! `--progress always`) a line a second and a last one.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressStyle};

use super::ui::When;
use crate::engine::Progress;

/// How often the line on a terminal is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(100);
/// How often a line is written where there is no terminal.
const WRITE_EVERY: Duration = Duration::from_secs(1);

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

/// Runs `work` while progress is shown.
pub fn during<T>(show: Show, progress: &Progress, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let shown = match show {
            Show::Nothing => None,
            // Without a thread to draw it, progress is not worth failing for.
            Show::Bar | Show::Lines => thread::Builder::new()
                .name("progress".into())
                .spawn_scoped(scope, || match show {
                    Show::Bar => draw(progress, &done),
                    Show::Lines | Show::Nothing => write_lines(progress, &done),
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

fn draw(progress: &Progress, done: &AtomicBool) {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        bar.set_style(style);
    }
    let started = Instant::now();
    while !done.load(Ordering::Acquire) {
        bar.set_message(text(progress, started));
        bar.tick();
        thread::park_timeout(DRAW_EVERY);
    }
    bar.finish_and_clear();
}

fn write_lines(progress: &Progress, done: &AtomicBool) {
    let started = Instant::now();
    loop {
        thread::park_timeout(WRITE_EVERY);
        let _ = writeln!(io::stderr(), "progress: {}", text(progress, started));
        if done.load(Ordering::Acquire) {
            return;
        }
    }
}

fn text(progress: &Progress, started: Instant) -> String {
    format!(
        "files {}, read {}, records {}, findings {}, {}",
        HumanCount(progress.blobs.load(Ordering::Relaxed)),
        HumanBytes(progress.bytes_read.load(Ordering::Relaxed)),
        HumanCount(progress.records.load(Ordering::Relaxed)),
        HumanCount(progress.findings.load(Ordering::Relaxed)),
        HumanDuration(started.elapsed()),
    )
}
