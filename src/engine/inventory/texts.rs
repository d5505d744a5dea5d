//! The texts behind rows, with those that were asked at hand.
//!
//! One for each thread. What must stay true: memory is bounded, whatever is asked.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::io;
use std::rc::Rc;

use crate::engine::partial::key_use::{Call, Who};
use crate::engine::partial::touch::{Detail, Touch, flag};
use crate::engine::partial::uuid::uuid_text;
use crate::engine::store::dictionary::{BySym, Dictionary, NONE, Sym};
use crate::engine::store::names::Names;
use crate::model::keys::state::Proof;
use crate::model::origin::Origin;
use crate::model::time::Time;

/// How many entries of a kind are kept at hand.
const AT_HAND: usize = 1 << 13;

/// How many details are, of which one may have a megabyte.
const DETAILS: usize = 1 << 4;

/// No name of AWS is longer, in bytes; what is, is cut.
const NAME_MAX: usize = 2_048;

/// A name, or a text of a record, cut to what names of AWS may have.
pub fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(NAME_MAX)]
}

/// What the inventory calls somebody of whom the record says nothing.
const NOBODY: &str = "not told";

/// Who called, as the inventory names it.
#[derive(Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user, the role, or the service.
    pub name: Rc<str>,
    /// The account; none of a service for itself.
    pub account: Option<Rc<str>>,
    /// The ARN of the user or the role, whatever the session.
    pub arn: Option<Rc<str>>,
    /// The service that called for the principal, or for itself.
    pub service: Option<Rc<str>>,
}

impl Caller {
    fn of(who: &Who) -> Caller {
        let principal = &who.principal;
        let service = principal.invoked_by.as_deref().map(cut);
        let name = principal.identity().map(|name| Rc::from(cut(&name)));
        let name = name.or_else(|| service.map(Rc::from)).unwrap_or_else(|| NOBODY.into());
        let itself = principal.kind.as_deref() == Some("AWSService");
        let service = service.map(Rc::from).or_else(|| itself.then(|| Rc::clone(&name)));
        let arn = principal.arn.as_deref().map(cut).map(Rc::from);
        Caller { arn, name, account: principal.account.as_deref().map(cut).map(Rc::from), service }
    }
}

/// Looks up texts.
pub struct Texts<'a> {
    dictionary: &'a Dictionary,
    names: &'a Names,
    callers: BySym<Rc<Caller>>,
    calls: BySym<Rc<Call>>,
    plain: BySym<Rc<str>>,
    details: BySym<Rc<Detail>>,
}

fn at_hand<T: ?Sized, S: BuildHasher>(
    (known, most): (&mut HashMap<Sym, Rc<T>, S>, usize),
    sym: Sym,
    make: impl FnOnce() -> io::Result<Rc<T>>,
) -> io::Result<Rc<T>> {
    if let Some(found) = known.get(&sym) {
        return Ok(Rc::clone(found));
    }
    let made = make()?;
    if known.len() >= most {
        known.clear();
    }
    known.insert(sym, Rc::clone(&made));
    Ok(made)
}

impl<'a> Texts<'a> {
    pub fn new(dictionary: &'a Dictionary, names: &'a Names) -> Texts<'a> {
        Texts {
            dictionary,
            names,
            callers: BySym::default(),
            calls: BySym::default(),
            plain: BySym::default(),
            details: BySym::default(),
        }
    }

    /// Who called.
    ///
    /// # Errors
    /// When a temporary file cannot be read back, as all others here.
    pub fn caller(&mut self, sym: Sym) -> io::Result<Rc<Caller>> {
        at_hand((&mut self.callers, AT_HAND), sym, || {
            Ok(Rc::new(Caller::of(&Who::read(&self.dictionary.text(sym)?))))
        })
    }

    /// What was called, and where.
    pub fn call(&mut self, sym: Sym) -> io::Result<Rc<Call>> {
        at_hand((&mut self.calls, AT_HAND), sym, || {
            Ok(Rc::new(Call::read(&self.dictionary.text(sym)?)))
        })
    }

    /// A text; nothing of no name.
    pub fn plain(&mut self, sym: Sym) -> io::Result<Option<Rc<str>>> {
        if sym == NONE {
            return Ok(None);
        }
        let found = at_hand((&mut self.plain, AT_HAND), sym, || {
            Ok(cut(&String::from_utf8_lossy(&self.dictionary.text(sym)?)).into())
        })?;
        Ok(Some(found))
    }

    /// What there is beside; nothing where a row has no more to say.
    pub fn detail(&mut self, sym: Sym) -> io::Result<Option<Rc<Detail>>> {
        if sym == NONE {
            return Ok(None);
        }
        let found = at_hand((&mut self.details, DETAILS), sym, || {
            Ok(Rc::new(Detail::read(&self.dictionary.text(sym)?)))
        })?;
        Ok(Some(found))
    }

    /// The event id of a row.
    pub fn event_id(&mut self, touch: &Touch) -> io::Result<Option<String>> {
        if touch.is(flag::UUID) {
            return Ok(Some(uuid_text(touch.id)));
        }
        Ok(self.plain(touch.id[0])?.map(|id| id.to_string()))
    }

    /// Where a row's record lies.
    pub fn origin(&self, touch: &Touch) -> io::Result<Origin> {
        let (blob, record) = touch.place();
        Ok(Origin::record(self.names.get(blob)?, record))
    }

    /// A row as the record behind a claim.
    pub fn proof(&mut self, touch: &Touch) -> io::Result<Proof> {
        let detail = self.detail(touch.detail)?;
        let error = detail.as_ref().and_then(|detail| detail.error.as_deref());
        Ok(Proof {
            time: Time(touch.time),
            event: cut(&self.call(touch.what)?.name).to_owned(),
            id: self.event_id(touch)?,
            error: error.map(|error| cut(error).to_owned()),
            by: Some(self.caller(touch.who)?.name.to_string()),
            origin: self.origin(touch)?,
        })
    }
}
