//! The kinds of use of one key as rules are told of them.

use std::io;
use std::rc::Rc;

use super::kinds::Kind;
use super::lookup::{Named, Target};
use super::stateful::decide::Desk;
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
