//! From bytes to what was found: workers take blobs from the listing, one after the other, and put
//! away what their records say.
//!
//! ```text
//! worker   takes blobs until there are none
//! gate     hashes a blob before its records count, where logs are verified
//! shared   what every worker sees
//! blob     the blob at hand
//! sink     counts its records, and tells which are looked at closely
//! record   one record: asks the rules, and decides what becomes of it
//! uses     the row of a use
//! keep     records that matter later, in this run or the next
//! live     the report that is written meanwhile
//! ```
//!
//! Nothing below imports this room. What must stay true: what is found does not depend on who reads
//! what, or in which order.

mod blob;
mod gate;
mod keep;
pub mod live;
mod record;
mod shared;
mod sink;
mod uses;
mod worker;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::Mutex;

use super::context::Context;
use super::partial::Partial;
use crate::record::scan::fastest_fill;
use crate::source::Source;
use live::Report;
use shared::Shared;

/// What was found in everything that `source` gives, with the workers of `pool`.
///
/// # Errors
/// When the pool has no worker.
pub fn read_all(
    context: &Context<'_>,
    source: &mut dyn Source,
    live: Option<&dyn Report>,
    stop: &AtomicBool,
    pool: &rayon::ThreadPool,
) -> io::Result<Partial> {
    let shared = Shared {
        context,
        live,
        recalled: AtomicUsize::new(0),
        stop,
        fill: fastest_fill(),
        source: Mutex::new((0, source)),
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
    all.ok_or_else(|| io::Error::other("there is no worker"))
}
