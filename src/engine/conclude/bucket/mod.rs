//! What can be decided with the records of a few accounts alone.
//!
//! ```text
//! facts    records and their copies are counted
//! uses     all uses, key by key: what others still need of them
//! matches  which matches of uses correlations still need
//! pairs    what those need who compare tags
//! daily    what histories need that ask where calls came from
//! left     the rows that are left, and the texts behind them
//! ```
//!
//! A record and its copies are of one account, and most keys are used in one account alone. So whoever has all
//! records of an account counts them, and asks the rules that look at all uses of one key. Their findings are
//! made here, and most of the uses are done with. Nothing else is decided here: what a rule may need that looks at more
//! is left as it is, and what many uses have in common is left as one row that stands for them.
//!
//! What must stay true: concluding what is left together with what is left elsewhere gives what concluding
//! all of it at once gives, or says that something that was decided here does not hold.

mod daily;
mod facts;
mod left;
mod matches;
mod pairs;
mod uses;

use std::collections::BTreeSet;
use std::io;

use crate::engine::context::Context;
use crate::engine::partial::Partial;
use crate::engine::partial::key_use::flag;
use crate::engine::partial::touch::Touches;
use crate::engine::store::dictionary::{BySym, Sym};

/// Decides what can be decided. What an inventory of keys needs is dropped: who makes one reads all of it.
///
/// # Errors
/// When a temporary file cannot be used, or a signal came.
pub fn decide(context: &Context<'_>, partial: &mut Partial) -> io::Result<()> {
    partial.touches = Touches::new(1, context.key);
    facts::count(context, partial)?;
    uses::decide(context, partial)
}

/// The files, by number, that have decided over keys of which others have uses too.
///
/// # Errors
/// When a temporary file cannot be read back.
pub fn contested(partial: &Partial) -> io::Result<BTreeSet<usize>> {
    let done = &partial.done;
    if done.keys.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut met: BySym<bool> = done.keys.iter().map(|(key, _)| (*key, false)).collect();
    partial.uses.rows.each(|row| {
        if row.serves(flag::OF_KIND)
            && !row.is(flag::KEY_DONE)
            && let Some(met) = met.get_mut(&row.key)
        {
            *met = true;
        }
        Ok(())
    })?;
    let elsewhere = |key: Sym| met.get(&key).copied().unwrap_or_default();
    let files = done.contested(elsewhere).into_iter();
    Ok(files.filter_map(|file| usize::try_from(file).ok()).collect())
}
