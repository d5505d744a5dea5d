//! Uses of keys that earlier runs have left: each is a row again.

use std::collections::HashMap;
use std::io;

use super::shared::Shared;
use crate::engine::partial::Partial;
use crate::engine::partial::handed::WAITS;
use crate::engine::partial::key_use::{Call, KeyUse, Purpose, Who, flag, write_matches};
use crate::engine::partial::use_block::{BlockUse, UseBlock, matches};
use crate::engine::store::dictionary::{NONE, Sym, sym};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::record::kms::Actor;
use crate::tags::extract::alias_arn;

/// Takes up one block of uses. One that cannot be read is missing from what this run leaves, so that
/// no state takes the place of the one that has it.
pub fn block(shared: &Shared<'_>, partial: &mut Partial, bytes: &[u8]) {
    let key = shared.context.key;
    let done = UseBlock::read(bytes, key).and_then(|block| take_up(shared, partial, &block));
    if let Err(error) = done {
        let message = format!("uses of earlier runs cannot be taken up: {error}");
        partial.problems.lose(Problem::new(Origin::blob("*"), Stage::Read, message));
    }
}

fn take_up(shared: &Shared<'_>, partial: &mut Partial, block: &UseBlock) -> io::Result<()> {
    let context = shared.context;
    let mut texts: HashMap<Sym, &[u8]> = HashMap::new();
    for word in &block.words {
        texts.insert(sym(context.key, word), word);
        partial.uses.words[0].name(|bytes| bytes.extend_from_slice(word))?;
    }
    let names = &context.names;
    let blobs: Vec<u64> = block.blobs.iter().map(|name| names.add(name)).collect();
    let text = |sym: Sym| texts.get(&sym).copied().unwrap_or_default();
    let mut calls: HashMap<Sym, Call> = HashMap::new();
    let mut all_matches: HashMap<Sym, Sym> = HashMap::new();
    for BlockUse { row, last, count, behind } in &block.uses {
        let call = calls.entry(row.call).or_insert_with(|| Call::read(text(row.call)));
        let place = [call.account.as_deref(), call.region.as_deref()];
        let blob = usize::try_from(row.blob).ok().and_then(|at| blobs.get(at));
        let counts = context.plan.filter.has_use(Time(row.time), place);
        let Some(blob) = blob.copied().filter(|_| counts) else { continue };
        let at = (blob, partial.uses.heap[0].add(&[behind])?);
        if *count != WAITS {
            join(partial, row, call, text);
            let uses = &mut partial.uses;
            uses.stand_for.insert((row.id, row.content), (Time(*last), *count));
            uses.rows.push(row.taken_up(at, NONE, flag::STANDS_FOR));
            continue;
        }
        let found = match all_matches.get(&row.matches) {
            Some(found) => *found,
            None => {
                let found = found(shared, partial, text(row.matches))?;
                all_matches.insert(row.matches, found);
                found
            }
        };
        // Nobody looks at the matches of rules that are gone.
        if found != NONE {
            partial.uses.rows.push(row.taken_up(at, found, flag::OF_WINDOW));
        }
    }
    Ok(())
}

/// The name of matches in this run; none if no rule of theirs is there.
fn found(shared: &Shared<'_>, partial: &mut Partial, bytes: &[u8]) -> io::Result<Sym> {
    let metas = shared.context.plan.rules.metas();
    let all = matches(bytes, |id| metas.iter().position(|meta| meta.id == id));
    if all.is_empty() {
        return Ok(NONE);
    }
    let all = all.iter().map(|one| {
        (one.rule, one.level, one.foreign.iter().map(String::as_str).collect::<Vec<&str>>())
    });
    partial.uses.words[0].name(|bytes| write_matches(bytes, all))
}

/// The alias by which a key was used is another name of it.
fn join<'a>(partial: &mut Partial, row: &KeyUse, call: &Call, text: impl Fn(Sym) -> &'a [u8]) {
    if row.key == NONE || call.attempt {
        return;
    }
    let Some(alias) = Purpose::read(text(row.purpose)).alias else { return };
    let key = String::from_utf8_lossy(text(row.key));
    let name = alias_arn(&key, &alias).filter(|_| Who::read(text(row.who)).actor != Actor::Service);
    if let Some(name) = name {
        partial.uses.join(name, key.into_owned());
    }
}
