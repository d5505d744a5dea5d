//! Many files to one partial result, side by side.
//!
//! A file in which something was decided counts only if all records of its accounts were there when that was
//! done. What must stay true: whoever has read all files knows which of them count.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::file::Part;
use super::frame::invalid;
use super::head::{Given, Head};
use crate::engine::context::Context;
use crate::engine::partial::Partial;
use crate::engine::partial::done::NO_FILE;
use crate::engine::partial::values::Values;

/// What was read.
pub struct All {
    pub partial: Partial,
    pub given: Given,
    /// The files, by number, of which accounts are elsewhere too: what was decided in them does not count.
    pub refuted: BTreeSet<usize>,
}

/// What all who read see.
struct Shared<'a> {
    parts: &'a [Part],
    /// What every file has to say of itself.
    head: &'a Head,
    /// The files, by number, of which all is wanted, and not what was decided.
    whole: &'a (dyn Fn(usize) -> bool + Sync),
    next: AtomicUsize,
    /// The ids of files that were met, as all of each is called.
    met: Mutex<HashSet<String>>,
    seen: Mutex<Seen>,
}

/// Reads all files. Those of one id count once: they are the same, written twice. Of those that `whole` names
/// by number, what they were made of is read.
///
/// # Errors
/// When one cannot be read, is not as it was written or cannot be put together with what `head` says of the
/// others, by its name. A signal ends the reading.
pub fn read_all(
    (parts, head): (&[Part], &Head),
    whole: &(dyn Fn(usize) -> bool + Sync),
    (context, pool): (&Context<'_>, &rayon::ThreadPool),
    stop: &AtomicBool,
) -> io::Result<All> {
    let (next, met, seen) = (AtomicUsize::new(0), Mutex::default(), Mutex::default());
    let shared = Shared { parts, head, whole, next, met, seen };
    let all = pool.broadcast(|worker| {
        let number = u32::try_from(worker.index()).unwrap_or(u32::MAX);
        let mut partial = Partial::new(context.plan, context.key, number);
        let mut given = Given::default();
        let at = || shared.next.fetch_add(1, Ordering::Relaxed);
        while let Some((at, part)) = Some(at()).and_then(|at| Some((at, shared.parts.get(at)?))) {
            if stop.load(Ordering::Relaxed) {
                given.stopped = true;
                break;
            }
            let (part, decided) = match part.whole() {
                Some(all) if (shared.whole)(at) => (all, None),
                Some(_) => (part, Some(at)),
                None => (part, None),
            };
            let read = shared.read((part, decided), context, &mut partial);
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
    let refuted = shared.seen.into_inner().unwrap_or_else(PoisonError::into_inner).refuted();
    let (partial, given) = one.ok_or_else(|| io::Error::other("there is no worker"))?;
    Ok(All { partial, given, refuted })
}

impl Shared<'_> {
    /// Reads one file; `None` if one of its id was met. `decided` is its number, if something was decided in
    /// it.
    fn read(
        &self,
        (part, decided): (&Part, Option<usize>),
        context: &Context<'_>,
        partial: &mut Partial,
    ) -> io::Result<Option<Given>> {
        let reader = part.read()?;
        let head = reader.head();
        if let Some(why) = self.head.differs(head) {
            return Err(invalid(why.as_str()));
        }
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if !met.insert(head.id_of_whole().to_owned()) {
            return Ok(None);
        }
        drop(met);
        let before = std::mem::take(&mut partial.accounts);
        let file = decided.and_then(|file| u32::try_from(file).ok()).unwrap_or(NO_FILE);
        let rest = reader.add_to((context, file), partial)?;
        let own = std::mem::replace(&mut partial.accounts, before);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.add(decided, &own);
        drop(seen);
        partial.accounts.merge(own);
        context.progress.blob_read(0);
        Ok(Some(rest.given()))
    }
}

/// In which files accounts are.
#[derive(Debug, Default)]
struct Seen {
    /// Of each account the files in which something was decided, and whether it is in others too. Records that
    /// name no account are of the empty one.
    by_account: BTreeMap<String, (BTreeSet<usize>, bool)>,
    /// Whether some accounts are not known.
    cut: bool,
}

impl Seen {
    fn add(&mut self, decided: Option<usize>, own: &Values) {
        let lacking = own.is_lacking().then_some("");
        for account in own.texts().flatten().chain(lacking) {
            if !self.by_account.contains_key(account) {
                self.by_account.insert(account.to_owned(), Default::default());
            }
            let Some((files, elsewhere)) = self.by_account.get_mut(account) else { continue };
            match decided {
                Some(file) => drop(files.insert(file)),
                None => *elsewhere = true,
            }
        }
        self.cut |= own.is_cut();
    }

    /// The files of which accounts are elsewhere too.
    fn refuted(self) -> BTreeSet<usize> {
        let cut = self.cut;
        let several = |(files, elsewhere): &(BTreeSet<usize>, bool)| {
            cut || files.len() + usize::from(*elsewhere) > 1
        };
        self.by_account.into_values().filter(several).flat_map(|(files, _)| files).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_decided_counts_where_no_other_file_has_its_accounts() {
        let own = |accounts: &[&str]| {
            let mut own = Values::default();
            accounts.iter().for_each(|account| own.add_text(Some(account)));
            own
        };
        let refuted = |files: &[(Option<usize>, &[&str])]| {
            let mut seen = Seen::default();
            files.iter().for_each(|(decided, accounts)| seen.add(*decided, &own(accounts)));
            seen.refuted().into_iter().collect::<Vec<_>>()
        };
        assert_eq!(refuted(&[(Some(0), &["1", "2"]), (Some(1), &["3"]), (None, &["4"])]), [0; 0]);
        assert_eq!(refuted(&[(None, &["1"]), (None, &["1"]), (Some(2), &["2"])]), [0; 0]);
        assert_eq!(
            refuted(&[(Some(0), &["1", "2"]), (Some(1), &["2"]), (Some(2), &["3"])]),
            [0, 1]
        );
        assert_eq!(refuted(&[(Some(0), &["1"]), (Some(1), &["2"]), (None, &["2"])]), [1]);
        let mut seen = Seen::default();
        let mut nameless = own(&["1"]);
        nameless.lack();
        [(Some(0), &nameless), (Some(1), &own(&["", "2"]))]
            .iter()
            .for_each(|(a, b)| seen.add(*a, b));
        assert_eq!(seen.refuted().len(), 2, "records without an account are of one");
        let mut seen = Seen::default();
        let mut cut = own(&["1"]);
        cut.add_text(None);
        [(Some(0), &own(&["2"])), (None, &cut)].iter().for_each(|(a, b)| seen.add(*a, b));
        assert_eq!(seen.refuted().len(), 1, "nobody knows all accounts");
    }
}
