//! From bytes to what was found: each worker puts away what the records of its blobs say.
//!
//! ```text
//! worker   takes in one blob after another
//! gate     hashes a blob before its records count, where logs are verified
//! shared   what every worker sees
//! blob     the blob at hand
//! sink     counts its records, and tells which are looked at closely
//! record   one record: asks the rules, and decides what becomes of it
//! uses     the row of a use
//! issued   credentials, and who made them
//! enriched what enriched events tell of tags
//! undoing  calls that may have undone others
//! touches  the rows of a record for an inventory of keys
//! gather   what a reader beside the rules takes of each record
//! keep     records that matter later, in this run or the next
//! live     the report that is written meanwhile
//! ```
//!
//! The blobs themselves come from [`read_all`], of which a worker is a visitor. What must stay true:
//! what is found does not depend on who reads what, or in which order.

mod blob;
mod enriched;
mod gate;
pub mod gather;
mod inherit;
mod issued;
mod keep;
pub mod live;
mod record;
mod shared;
mod sink;
mod touches;
mod undoing;
mod unknown;
mod uses;
mod worker;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use super::context::Context;
use super::partial::Partial;
use crate::model::path_names::PathNames;
use crate::model::token::Token;
use crate::record::scan::fastest_fill;
use crate::source::{Source, Workers, read_all};
use gather::Gather;
use live::Report;
use shared::Shared;
use worker::Worker;

/// Everything that was read.
pub struct Read<G> {
    /// What was found,
    pub partial: Partial,
    /// and what was gathered beside it, one part a worker.
    pub gathered: Vec<G>,
    /// The tokens of what was read whole.
    pub tokens: Vec<Token>,
    /// What the paths of members of archives say.
    pub names: PathNames,
}

/// Reads everything that `source` gives, with the workers of `pool`. `part` makes a worker's part of
/// what is gathered.
///
/// # Errors
/// When the pool has no worker.
pub fn read<G: Gather>(
    context: &Context<'_>,
    source: &mut dyn Source,
    live: Option<&dyn Report>,
    (stop, pool): (&AtomicBool, &rayon::ThreadPool),
    part: impl Fn() -> G + Sync,
) -> io::Result<Read<G>> {
    let shared = Shared {
        context,
        live,
        recalled: AtomicUsize::new(0),
        inherited: AtomicUsize::new(0),
        stop,
        fill: fastest_fill(),
    };
    let beat = |bytes| context.progress.blob_read(bytes);
    let all = read_all(source, Workers { pool, stop, beat: &beat }, |index| {
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        Worker::new(&shared, Partial::new(context.plan, context.key, number), part())
    });
    let (partials, gathered): (Vec<Partial>, Vec<G>) = all.found.into_iter().unzip();
    let partial = partials.into_iter().reduce(|mut all, partial| {
        all.merge(partial);
        all
    });
    let partial = partial.ok_or_else(|| io::Error::other("there is no worker"))?;
    Ok(Read { partial, gathered, tokens: all.tokens, names: all.names })
}
