//! SIGINT, SIGTERM and SIGHUP: the first asks the scan to stop, the next ends the process.
//!
//! After the first the report is still written, marked incomplete. The next must work even if the
//! scan hangs in a read, so it does not wait for anything: it removes the unfinished output files and
//! exits from the thread that waits for signals, the only place that may.
//!
//! A program that asks may ask twice in one breath: `timeout` signals its child and then the group
//! that the child is in, systemd sends SIGHUP behind SIGTERM. That is one request, or a run that was
//! asked to stop would be ended without a report. A person at the keyboard who asks again means it.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;

/// What is waited for.
const WATCHED: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// For how long another SIGTERM or SIGHUP is taken for the first one.
const ONE_BREATH: Duration = Duration::from_millis(100);

/// The code of a process that ended at once: 128 + SIGINT, as shells report it.
const ENDED_AT_ONCE: i32 = 130;

/// The path of a file that must not outlive the process unfinished; `None` when there is none.
pub type Unfinished = Arc<Mutex<Option<PathBuf>>>;

/// Installs the handler and returns the flag that the first signal sets.
///
/// Where no handler can be installed, the flag stays unset and a signal ends the process as usual.
pub fn install(unfinished: Vec<Unfinished>) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    // No handler is no reason not to scan.
    let _ = watch(Arc::clone(&stop), unfinished, &WATCHED);
    stop
}

/// The same for what runs without end: SIGHUP does not stop it, and sets a flag for each of those who wait
/// for it.
pub fn install_without_end() -> (Arc<AtomicBool>, [Arc<AtomicBool>; 2]) {
    let stop = Arc::default();
    let _ = watch(Arc::clone(&stop), Vec::new(), &[SIGINT, SIGTERM]);
    let hung_up = [Arc::default(), Arc::default()];
    for flag in &hung_up {
        let _ = flag::register(SIGHUP, Arc::clone(flag));
    }
    (stop, hung_up)
}

/// Lets a file that reaches the limit of `ulimit -f` be an error of whoever writes it, where the
/// system would end the process without a word.
pub fn survive_large_files() {
    // Nothing asks for the flag: that there is a handler is what counts.
    let _ = flag::register(SIGXFSZ, Arc::default());
}

fn watch(stop: Arc<AtomicBool>, unfinished: Vec<Unfinished>, watched: &[i32]) -> io::Result<()> {
    let mut signals = Signals::new(watched)?;
    let watching = move || {
        until_the_end(
            |within| {
                if let Some(within) = within {
                    thread::sleep(within);
                    return signals.pending().collect();
                }
                signals.wait().collect()
            },
            || stop.store(true, Ordering::SeqCst),
        );
        end_at_once(&unfinished);
    };
    let spawned = thread::Builder::new().name("signals".into()).spawn(watching);
    if spawned.is_err() {
        // What nobody waits for must not be caught.
        let always = Arc::new(AtomicBool::new(true));
        for signal in watched.iter().copied() {
            flag::register_conditional_default(signal, Arc::clone(&always))?;
        }
    }
    Ok(())
}

/// Returns when the process is to end at once. `next` gives the signals that came since it was last
/// asked: some, or those of a time whatever they are. `stop` is called at the first.
fn until_the_end(mut next: impl FnMut(Option<Duration>) -> Vec<i32>, stop: impl FnOnce()) {
    let some = |next: &mut dyn FnMut(Option<Duration>) -> Vec<i32>| loop {
        let signals = next(None);
        if !signals.is_empty() {
            return signals;
        }
    };
    let first = some(&mut next);
    stop();
    if first.contains(&SIGINT) {
        if first.len() > 1 {
            return;
        }
    } else if next(Some(ONE_BREATH)).contains(&SIGINT) {
        return;
    }
    some(&mut next);
}

/// Ends the process, leaving no half file behind.
#[expect(clippy::exit, reason = "nothing above can be waited for")]
fn end_at_once(unfinished: &[Unfinished]) {
    // `try_lock`: whoever holds the lock may be the one that hangs.
    for unfinished in unfinished {
        if let Ok(guard) = unfinished.try_lock()
            && let Some(path) = guard.as_ref()
        {
            let _ = fs::remove_file(path);
        }
    }
    process::exit(ENDED_AT_ONCE);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes, one after the other; `true` is what comes in the breath after the first. How many
    /// of them are taken before the process ends.
    fn ends_after(coming: &[(bool, &[i32])]) -> usize {
        let mut taken = 0;
        let mut stopped = 0;
        let next = |within: Option<Duration>| match coming.get(taken) {
            Some((in_breath, signals)) if *in_breath == within.is_some() => {
                taken += 1;
                signals.to_vec()
            }
            _ if within.is_some() => Vec::new(),
            _ => panic!("it waits for more than {taken}"),
        };
        until_the_end(next, || stopped += 1);
        assert_eq!(stopped, 1);
        taken
    }

    #[test]
    fn one_request_may_come_as_two_signals() {
        let (int, term, hup): (&[i32], &[i32], &[i32]) = (&[SIGINT], &[SIGTERM], &[SIGHUP]);
        for (coming, taken) in [
            // Only one that comes later is another.
            (vec![(false, term), (true, term), (false, term)], 3),
            (vec![(false, term), (true, hup), (false, hup)], 3),
            (vec![(false, &[SIGTERM, SIGHUP][..]), (false, term)], 2),
            (vec![(false, &[][..]), (false, term), (false, &[]), (false, int)], 4),
            // A person means it.
            (vec![(false, int), (false, int)], 2),
            (vec![(false, int), (false, term)], 2),
            (vec![(false, term), (true, int)], 2),
            (vec![(false, &[SIGINT, SIGTERM][..])], 1),
        ] {
            assert_eq!(ends_after(&coming), taken, "{coming:?}");
        }
    }
}
