//! Which resources one key alone was used for, as far as the log shows.
//!
//! Rows lie key by key, so this goes through them beforehand: once for what the keys in question
//! were used on, and once for the keys that were used on that. What must stay true: it costs
//! nothing where no rule asks, and memory is bounded. Where there is too much, no resource counts.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::io;

use rayon::prelude::*;

use crate::detect::Over;
use crate::engine::conclude::lookup::Lookup;
use crate::engine::conclude::records::Marked;
use crate::engine::conclude::stateful::decide::Bench;
use crate::engine::store::dictionary::{BySym, NONE, Same, Sym};
use crate::engine::store::runs::SHARDS;

/// Resources that are looked at; of more, none counts.
const MOST: usize = 1 << 20;

type Syms = HashSet<Sym, BuildHasherDefault<Same>>;

/// Resources by their names, each with its key; [`NONE`] if it has several.
#[derive(Debug, Default)]
pub struct Alone(BySym<Sym>);

impl Alone {
    /// What the uses tell of the keys that histories ask about.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn of(bench: &Bench<'_>, marked: &Marked) -> io::Result<Alone> {
        let over = &bench.context.over;
        let asks = |number: u32| match over.get(number as usize).map(|rule| rule.code) {
            Some(Over::History(history)) => history.asks_for_other_keys(),
            _ => false,
        };
        let marked = marked.iter().filter(|(number, _)| asks(*number));
        let keys: Syms = marked.map(|(_, key)| *key).collect();
        if keys.is_empty() {
            return Ok(Alone::default());
        }
        let mut lookup = Lookup::new(bench.dictionary, bench.context.key);
        let mut resources = Syms::default();
        for purpose in purposes(bench, &keys)? {
            resources.insert(lookup.purpose(purpose)?.first);
        }
        resources.remove(&NONE);
        if resources.is_empty() || resources.len() > MOST {
            return Ok(Alone::default());
        }
        Alone::among(bench, &resources)
    }

    /// The keys of resources.
    fn among(bench: &Bench<'_>, resources: &Syms) -> io::Result<Alone> {
        let shards = (0..SHARDS).into_par_iter().map(|shard| {
            let mut lookup = Lookup::new(bench.dictionary, bench.context.key);
            let (mut of, mut failed) = (BySym::<Sym>::default(), None);
            // Many rows that follow each other share a purpose and a key.
            let mut last = (NONE, NONE);
            bench.uses.shard(shard).each(|row| {
                if (row.purpose, row.key) == last || failed.is_some() {
                    return;
                }
                last = (row.purpose, row.key);
                match bench.context.go_on().and_then(|()| lookup.purpose(row.purpose)) {
                    Ok(purpose) if resources.contains(&purpose.first) => {
                        add(&mut of, purpose.first, row.key);
                    }
                    Ok(_) => {}
                    Err(error) => failed = Some(error),
                }
            })?;
            failed.map_or(Ok(of), Err)
        });
        let all = shards.try_reduce(BySym::default, |mut all: BySym<Sym>, more| {
            more.into_iter().for_each(|(resource, key)| add(&mut all, resource, key));
            Ok(all)
        })?;
        Ok(Alone(all))
    }

    /// Whether a key is the only one of a resource.
    pub fn is(&self, resource: Sym, key: Sym) -> bool {
        key != NONE && self.0.get(&resource) == Some(&key)
    }
}

/// Adds a key to those of a resource.
fn add(of: &mut BySym<Sym>, resource: Sym, key: Sym) {
    let known = of.entry(resource).or_insert(key);
    *known = if *known == key { key } else { NONE };
}

/// The purposes of the rows of some keys.
fn purposes(bench: &Bench<'_>, keys: &Syms) -> io::Result<Syms> {
    let shards = (0..SHARDS).into_par_iter().map(|shard| {
        bench.context.go_on()?;
        let mut found = Syms::default();
        bench.uses.shard(shard).each(|row| {
            if keys.contains(&row.key) {
                found.insert(row.purpose);
            }
        })?;
        Ok(found)
    });
    shards.try_reduce(Syms::default, |mut all, more| {
        all.extend(more);
        Ok(all)
    })
}
