//! The kinds of use of one key as rules are told of them.

use std::io;
use std::rc::Rc;

use super::kinds::Kind;
use super::lookup::{Named, RowNames, Target};
use super::stateful::decide::{Bench, Desk};
use super::stateful::note::part_of;
use crate::detect::Over;
use crate::detect::stateful::Use;
use crate::engine::partial::key_use::{Call, Who, flag};
use crate::model::time::Time;

/// What is known of a kind of use, as texts.
pub struct Texts {
    who: Rc<Named<Who>>,
    call: Rc<Named<Call>>,
    target: Rc<Target>,
    /// Whether the resource knows no other key.
    only_key: bool,
}

impl Texts {
    /// Looks them up.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn of(kind: &Kind, only_key: bool, desk: &mut Desk<'_>) -> io::Result<Texts> {
        Ok(Texts {
            who: desk.lookup.who(kind.first.who)?,
            call: desk.lookup.call(kind.first.call)?,
            target: desk.lookup.target(&kind.first)?,
            only_key,
        })
    }
}

/// A kind of use as rules are told of it.
pub fn told<'t>((kind, texts): (&'t Kind, &'t Texts)) -> Use<'t> {
    Use {
        name: &texts.call.entry.name,
        actor: texts.who.entry.actor.as_str(),
        attempt: texts.call.entry.attempt,
        principal: &texts.who.entry.principal,
        own_session: kind.first.is(flag::OWN_SESSION),
        only_key: texts.only_key,
        key: texts.target.key.as_ref(),
        resource: texts.target.resource.as_ref(),
        times: (Time(kind.first.time), Time(kind.last)),
        count: kind.count,
        days: kind.days,
    }
}

/// The principal that names stand for, if a correlation may judge its reads.
pub fn watched(bench: &Bench<'_>, names: RowNames) -> Option<[u64; 2]> {
    let mut by = Vec::new();
    (0..).zip(&bench.context.over).find_map(|(number, rule)| {
        let Over::Correlation(correlation) = rule.code else { return None };
        correlation.usual?;
        names.by(correlation, &mut by);
        let part = part_of(bench.context.key, &by);
        let comes = |step| bench.stages.comes_late(number, step);
        bench.presence.could_hold(number, correlation, part, comes).then_some(part)
    })
}
