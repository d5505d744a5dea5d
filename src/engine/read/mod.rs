//! From bytes to what was found: workers take blobs from the listing, one after the other, and put
//! away what their records say.
//!
//! ```text
//! worker   takes blobs until there are none
//! gate     hashes a blob before its records count, where logs are verified
//! sink     one blob: counts its records, and tells which are looked at closely
//! record   one record: asks the rules, and decides what becomes of it
//! uses     the row of a use
//! keep     records that matter later, in this run or the next
//! live     the report that is written meanwhile
//! ```
//!
//! Nothing below imports this room. What must stay true: what is found does not depend on who reads
//! what, or in which order.

mod gate;
mod keep;
pub mod live;
mod record;
mod sink;
mod uses;
mod worker;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::context::Context;
use super::partial::Partial;
use crate::model::outcome::Passed;
use crate::source::{Entry, Listing};
use live::Report;

/// What every worker sees.
struct Shared<'a> {
    context: &'a Context<'a>,
    live: Option<&'a dyn Report>,
    /// How many records of earlier runs were taken up again.
    recalled: AtomicUsize,
    stop: &'a AtomicBool,
    listing: Mutex<(u64, Listing)>,
}

impl Shared<'_> {
    /// Whether to stop reading: a signal, or a live report that cannot be written.
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.live.is_some_and(Report::failed)
    }

    fn next(&self) -> Option<(u64, Entry)> {
        let mut listing = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = listing.1.next()?;
        let sequence = listing.0;
        listing.0 += u64::from(matches!(entry, Entry::Blob(_)));
        Some((sequence, entry))
    }
}

/// Reads everything that `listing` names, with the workers of `pool`. What was found, and what was
/// passed over.
///
/// # Errors
/// When the pool has no worker.
pub fn read_all(
    context: &Context<'_>,
    listing: Listing,
    live: Option<&dyn Report>,
    stop: &AtomicBool,
    pool: &rayon::ThreadPool,
) -> io::Result<(Partial, Passed)> {
    let shared = Shared {
        context,
        live,
        recalled: AtomicUsize::new(0),
        stop,
        listing: Mutex::new((0, listing)),
    };
    let number = |index| u32::try_from(index).unwrap_or(u32::MAX);
    let partials = pool.broadcast(|worker| {
        let partial = Partial::new(context.plan, context.key, number(worker.index()));
        worker::run(&shared, partial)
    });
    let all = partials.into_iter().reduce(|mut all, partial| {
        all.merge(partial);
        all
    });
    let passed = shared.listing.lock().unwrap_or_else(PoisonError::into_inner).1.passed();
    Ok((all.ok_or_else(|| io::Error::other("there is no worker"))?, passed))
}
