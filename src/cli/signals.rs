//! SIGINT, SIGTERM and SIGHUP: the first asks the scan to stop, the second ends the process.
//!
//! After the first the report is still written, marked incomplete. The second must work even if
//! the scan hangs in a read, so it does not wait for anything: it removes the unfinished output
//! file and exits from the handler's thread, the only place that may.

use std::fs;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// The code of a process that ended at once: 128 + SIGINT, as shells report it.
const ENDED_AT_ONCE: i32 = 130;

/// The path of a file that must not outlive the process unfinished; `None` when there is none.
pub type Unfinished = Arc<Mutex<Option<PathBuf>>>;

/// Installs the handler and returns the flag that the first signal sets.
///
/// Where no handler can be installed, the flag stays unset and a signal ends the process as usual.
pub fn install(unfinished: Unfinished) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = move || {
        if flag.swap(true, Ordering::SeqCst) {
            end_at_once(&unfinished);
        }
    };
    // No handler is no reason not to scan.
    let _ = ctrlc::set_handler(handler);
    stop
}

/// Ends the process, leaving no half file behind.
#[expect(clippy::exit, reason = "nothing above can be waited for")]
fn end_at_once(unfinished: &Unfinished) {
    // `try_lock`: whoever holds the lock may be the one that hangs.
    if let Ok(guard) = unfinished.try_lock()
        && let Some(path) = guard.as_ref()
    {
        let _ = fs::remove_file(path);
    }
    process::exit(ENDED_AT_ONCE);
}
