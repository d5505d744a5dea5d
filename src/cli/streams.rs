//! Which of the standard streams the process was started with.
//!
//! Whoever starts a program may leave a stream out (`>&-` in a shell). The standard library then puts
//! `/dev/null` in its place before `main` begins, so that no file is opened under a number that
//! something else writes to. But a report that goes there has reached nobody. So this looks before
//! that. What must stay true: `/dev/null` that somebody asked for is as good as any other output.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::fcntl_getfd;

/// Whether standard output was closed when the process began.
static STDOUT_CLOSED: AtomicBool = AtomicBool::new(false);
/// The same of standard error.
static STDERR_CLOSED: AtomicBool = AtomicBool::new(false);

ctor::declarative::ctor! {
    /// Asks the system and nothing else, since this runs before `main`.
    #[ctor(unsafe)]
    fn look() {
        STDOUT_CLOSED.store(fcntl_getfd(rustix::stdio::stdout()).is_err(), Ordering::Relaxed);
        STDERR_CLOSED.store(fcntl_getfd(rustix::stdio::stderr()).is_err(), Ordering::Relaxed);
    }
}

/// Whether standard output was closed when the process began.
pub fn stdout_is_closed() -> bool {
    STDOUT_CLOSED.load(Ordering::Relaxed)
}

/// Whether `path` is a name of a standard stream that was closed when the process began.
pub fn is_closed(path: &Path) -> bool {
    let is_one_of = |names: [&str; 3]| names.iter().any(|name| path == Path::new(name));
    (stdout_is_closed() && is_one_of(["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]))
        || (STDERR_CLOSED.load(Ordering::Relaxed)
            && is_one_of(["/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"]))
}
