//! Many files to one partial result, side by side.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::file::Part;
use super::frame::invalid;
use super::head::{Given, Head};
use crate::engine::context::Context;
use crate::engine::partial::Partial;

/// What all who read see.
struct Shared<'a> {
    parts: &'a [Part],
    /// What every file has to say of itself.
    head: &'a Head,
    next: AtomicUsize,
    /// The ids of files that were met.
    met: Mutex<HashSet<String>>,
}

/// Reads all files. Those of one id count once: they are the same, written twice.
///
/// # Errors
/// When one cannot be read, is not as it was written or cannot be put together with what `head` says of the
/// others, by its name. A signal ends the reading.
pub fn read_all(
    (parts, head): (&[Part], &Head),
    (context, pool): (&Context<'_>, &rayon::ThreadPool),
    stop: &AtomicBool,
) -> io::Result<(Partial, Given)> {
    let (next, met) = (AtomicUsize::new(0), Mutex::default());
    let shared = Shared { parts, head, next, met };
    let all = pool.broadcast(|worker| {
        let number = u32::try_from(worker.index()).unwrap_or(u32::MAX);
        let mut partial = Partial::new(context.plan, context.key, number);
        let mut given = Given::default();
        while let Some(part) = shared.parts.get(shared.next.fetch_add(1, Ordering::Relaxed)) {
            if stop.load(Ordering::Relaxed) {
                given.stopped = true;
                break;
            }
            let read = shared.read(part, context, &mut partial);
            let read = read
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", part.name)));
            read?.iter().for_each(|told| given.merge(told));
        }
        partial.finish(context.plan);
        Ok((partial, given))
    });
    let all = all.into_iter().collect::<io::Result<Vec<_>>>()?;
    let one = all.into_iter().reduce(|(mut partial, mut given), (others, more)| {
        partial.merge(others);
        given.merge(&more);
        (partial, given)
    });
    one.ok_or_else(|| io::Error::other("there is no worker"))
}

impl Shared<'_> {
    /// Reads one file; `None` if one of its id was met.
    fn read(
        &self,
        part: &Part,
        context: &Context<'_>,
        partial: &mut Partial,
    ) -> io::Result<Option<Given>> {
        let reader = part.read()?;
        let head = reader.head();
        if let Some(why) = self.head.differs(head) {
            return Err(invalid(why.as_str()));
        }
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if !met.insert(head.id.clone()) {
            return Ok(None);
        }
        drop(met);
        let rest = reader.add_to(context, partial)?;
        context.progress.blob_read(0);
        Ok(Some(rest.given()))
    }
}
