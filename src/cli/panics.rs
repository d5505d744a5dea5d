//! What a panic says on standard error: one line for each place in the code, no backtrace.
//!
//! A rule that panics is caught, becomes a problem in the report, and may do so for every record;
//! the problem says which. The line here is for whoever has to find the bug. `RUST_BACKTRACE=full`
//! brings back Rust's own message; `1` does not, since many build environments set it for all.

use std::collections::BTreeSet;
use std::env;
use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::Mutex;

use crate::report::escape;

/// Replaces Rust's message.
pub fn install_hook() {
    if env::var_os("RUST_BACKTRACE").is_some_and(|value| value == "full") {
        return;
    }
    let seen = Mutex::new(BTreeSet::new());
    panic::set_hook(Box::new(move |info| {
        let place = info.location().map_or("?".into(), ToString::to_string);
        // A poisoned lock means a panic in here: say nothing more than that one did.
        let first = seen.lock().is_ok_and(|mut seen| seen.insert(place.clone()));
        if first {
            let text = escape::visible(message(info)).into_owned();
            let _ = writeln!(io::stderr(), "internal error: {place}: {text}");
        }
    }));
}

fn message<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    info.payload_as_str().unwrap_or("no message")
}
