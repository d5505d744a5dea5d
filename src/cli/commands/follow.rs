//! `keytrail follow`: findings as objects arrive.
//!
//! ```text
//! prepare   opens everything
//! inboxes   a queue, or a listing made again and again
//! stream    lines of standard input, put aside in segments
//! home      where the state and the segments are
//! arrivals  what has arrived, as a source that a scan reads
//! scanner   judges it with the engine
//! suspects  what was being read when the process ended
//! admission which findings are told when
//! latest    the latest event of each account and Region
//! lines     where lines go
//! said      what is said once, on standard error
//! counts    metrics
//! health    word to whoever watches the process
//! ```
//!
//! The loop itself is [`crate::follow`]. It ends when a signal asks for it, when nothing more arrives and
//! `--drain` was given, or when it cannot go on.

mod admission;
mod arrivals;
mod counts;
mod health;
mod home;
mod inboxes;
mod latest;
mod lines;
mod prepare;
mod said;
mod scanner;
mod stream;
mod suspects;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::cli::args::follow::FollowArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::signals;
use crate::cli::ui::{Messages, plural};
use crate::follow::{Broken, Follow, Outbox as _, Turn};
use crate::model::time::Time;

use counts::Counts;
use health::Health;
use home::Home;
use inboxes::AnyInbox;
use lines::Lines;
use prepare::{Prepared, prepare};
use suspects::Careful;

/// The longest pause after trouble.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// The first one.
const PAUSE: Duration = Duration::from_secs(1);

/// How often a pause looks whether it is to end.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Turns in a row that bring nothing before there is nothing more.
const QUIET: u32 = 2;

/// Runs the command.
///
/// # Errors
/// All the reasons why it could not begin.
pub fn run(args: &FollowArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let (stop, reopen) = signals::install_without_end();
    let home = Home::of(args)?;
    let prepared = prepare((args, &home), messages, (&stop, &reopen))?;
    let Prepared { mut follow, counts, run, problems } = prepared;
    let health = Health::new(args.told.health.clone());
    let lines = follow.judge().scanner().told(&problems);
    health.began();
    let begun = follow.outbox().write(&lines);
    let ended = begun.map_err(Broken::Telling).and_then(|()| {
        let mut looped = Loop { follow: &mut follow, counts: &counts, health: &health, messages };
        looped.until_told(args.arrival.drain, &stop)
    });
    health.ended();
    match ended {
        Ok(settled) => {
            if !run.is_quiet() {
                messages.note(format!("ended: {} judged", plural(settled, "object")));
            }
            let failed = follow.inbox().failed();
            failed.iter().for_each(|failed| messages.warning(failed));
            Ok(if failed.is_some() { Exit::Incomplete } else { Exit::Clean })
        }
        Err(Broken::Telling(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            follow.give_all_back();
            Ok(Exit::Clean)
        }
        // Nothing was received yet.
        Err(Broken::Inbox(message)) if follow.inbox().is_stream() => {
            let hint = "give a record or a document of JSON on each line";
            Err(vec![Failure::Usage { message, hint }])
        }
        Err(Broken::Inbox(reason)) if !follow.has_received() => {
            let name = args.arrival.queue.clone().unwrap_or_default();
            Err(vec![Failure::Queue { name, reason }])
        }
        Err(broken) => {
            follow.give_all_back();
            messages.warning(format!("ended: {broken}"));
            Ok(Exit::Incomplete)
        }
    }
}

/// A follower at work.
struct Loop<'a> {
    follow: &'a mut Follow<AnyInbox, Careful, Lines>,
    counts: &'a Counts,
    health: &'a Health,
    messages: Messages,
}

impl Loop<'_> {
    /// Goes on until it is asked to end, or with `drain` until nothing more arrives. How many objects were
    /// concluded over.
    fn until_told(&mut self, drain: bool, stop: &AtomicBool) -> Result<u64, Broken> {
        let (mut settled, mut quiet, mut pause) = (0, 0, PAUSE);
        let is_stream = self.follow.inbox().is_stream();
        loop {
            let is_asked = stop.load(Ordering::Relaxed);
            let is_quiet = drain && quiet >= QUIET && !is_stream;
            let is_over = is_asked || is_quiet || self.follow.inbox().is_over();
            if is_asked && is_stream {
                // What has come cannot be given back.
                settled += self.turn(false)?.settled as u64;
            }
            let turn = self.turn(is_over)?;
            settled += turn.settled as u64;
            if is_over {
                self.follow.give_all_back();
                return Ok(settled);
            }
            let is_quiet = turn.received == 0 && turn.looked == 0 && turn.trouble.is_none();
            quiet = if is_quiet { quiet + 1 } else { 0 };
            if turn.trouble.is_none() && turn.not_kept.is_none() {
                pause = PAUSE;
                continue;
            }
            wait(pause, stop);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// One turn, and what is said of it.
    fn turn(&mut self, ending: bool) -> Result<Turn, Broken> {
        let begun = Instant::now();
        let turn = self.follow.turn(&Time::now, ending)?;
        let problems = self.follow.inbox().take_problems();
        let lines = self.follow.judge().scanner().told(&problems);
        self.follow.outbox().write(&lines).map_err(Broken::Telling)?;
        self.follow.judge().scanner().warn_of_expired();
        let what = turn.trouble.iter().chain(&turn.not_kept);
        what.for_each(|trouble| self.messages.warning(format!("{trouble}: it is tried again")));
        self.counts.turn(&turn);
        if turn.settled > 0 {
            let took = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
            self.counts.concluding.set(took);
        }
        let now = Time::now();
        let since = |time: Option<Time>| time.map_or(0, |time| (now.0 - time.0).max(0) / 1_000_000);
        let (in_hand, oldest) = self.follow.in_hand();
        self.counts.in_hand.set(i64::try_from(in_hand).unwrap_or(i64::MAX));
        self.counts.queue_age.set(since(oldest));
        self.counts.lag.set(since(self.follow.newest()));
        self.counts.turned.set(now.0 / 1_000_000);
        self.health.turned(now, in_hand);
        Ok(turn)
    }
}

/// Waits, unless it is asked to end.
fn wait(time: Duration, stop: &AtomicBool) {
    let begun = Instant::now();
    while begun.elapsed() < time && !stop.load(Ordering::Relaxed) {
        thread::sleep(LOOK_UP);
    }
}
