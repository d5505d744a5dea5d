//! Many files to one partial result, side by side.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::file::Part;
use super::head::Given;
use crate::engine::context::Context;
use crate::engine::partial::Partial;

/// Reads all files. Those of one id count once: they are the same, written twice.
///
/// # Errors
/// When one cannot be read or is not as it was written, by its name. A signal ends the reading.
pub fn read_all(
    parts: &[Part],
    (context, pool): (&Context<'_>, &rayon::ThreadPool),
    stop: &AtomicBool,
) -> io::Result<(Partial, Given)> {
    let mut once: Vec<&Part> = parts.iter().collect();
    once.sort_by(|a, b| (&a.head.id, &a.name).cmp(&(&b.head.id, &b.name)));
    once.dedup_by(|a, b| a.head.id == b.head.id);
    let next = AtomicUsize::new(0);
    let all = pool.broadcast(|worker| {
        let number = u32::try_from(worker.index()).unwrap_or(u32::MAX);
        let mut partial = Partial::new(context.plan, context.key, number);
        let mut given = Given::default();
        while let Some(part) = once.get(next.fetch_add(1, Ordering::Relaxed)) {
            if stop.load(Ordering::Relaxed) {
                given.stopped = true;
                break;
            }
            given.merge(&read(part, context, &mut partial)?);
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

fn read(part: &Part, context: &Context<'_>, partial: &mut Partial) -> io::Result<Given> {
    let mut read = || part.read()?.add_to(context, partial);
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", part.name));
    let rest = read().map_err(named)?;
    context.progress.blob_read(0);
    Ok(rest.given())
}
