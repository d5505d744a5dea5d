//! Quick demands of a rule on a record: what must be there before anybody evaluates it.
//!
//! What must stay true: a guard that does not pass is certain that the evaluator would not match.
//! Whatever it cannot tell for certain (an array on the way, text that folds case by Unicode,
//! escapes) passes.

use std::collections::BTreeSet;

use crate::detect::case::{Case, Cases};
use crate::detect::field::is_virtual;
use crate::record::event::Event;
use crate::record::json::{Json, Kind};
use crate::record::kms::View;

/// A disjunct: what a record must satisfy all of.
pub type Disjunct = Vec<Guard>;

/// Quick demands on a record; it passes if it satisfies all of any one disjunct.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    /// The disjuncts; none is what no record satisfies.
    pub any: Vec<Disjunct>,
    /// All that the rule says, where guards can say it.
    pub whole: Option<Disjunct>,
}

/// One demand.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Guard {
    /// The field is one of these ASCII texts, case apart; they are in lower case.
    OneOf(Field, BTreeSet<String>),
    /// The field holds one of these, likewise.
    Like(Field, Part, BTreeSet<String>),
    /// The field is there, if only as null.
    Present(Field),
    /// The field is there and not null.
    NotNull(Field),
    /// The field is not there, or null.
    Null(Field),
    /// The record is one of these cases.
    Case(Cases),
}

/// Where in a field a text must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// At its start.
    Start,
    /// At its end.
    End,
    /// Anywhere.
    Any,
}

/// A path of plain member names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// The names, with dots between them.
    pub path: String,
    /// The names.
    names: Vec<String>,
}

/// What a field is in a record.
#[derive(Debug, Clone, Copy)]
pub enum Looked<'a> {
    /// This, or nothing.
    Value(Option<Json<'a>>),
    /// Several values, or nobody knows which.
    Unsure,
}

impl Guards {
    /// Whether the rule has to be asked about `event`. [`super::demands::Demands`] says the same of
    /// many rules at once.
    #[cfg(test)]
    pub fn pass(&self, event: &Event<'_>, view: &View<'_>) -> bool {
        self.any.iter().any(|disjunct| disjunct.iter().all(|guard| guard.pass(event, view)))
    }

    /// Whether the rule matches `event` for certain, so that nobody has to be asked.
    pub fn settle(&self, event: &Event<'_>, view: &View<'_>) -> bool {
        let whole = self.whole.as_ref();
        whole.is_some_and(|guards| guards.iter().all(|guard| guard.holds(event, view)))
    }
}

impl Guard {
    #[cfg(test)]
    fn pass(&self, event: &Event<'_>, view: &View<'_>) -> bool {
        match self {
            Guard::Case(cases) => cases.contains(Case::of(view)),
            _ => self.field().is_none_or(|field| self.allows(field.look(event))),
        }
    }

    /// The field that is asked for, unless it is the case.
    pub fn field(&self) -> Option<&Field> {
        match self {
            Guard::OneOf(field, _)
            | Guard::Like(field, ..)
            | Guard::Present(field)
            | Guard::NotNull(field)
            | Guard::Null(field) => Some(field),
            Guard::Case(_) => None,
        }
    }

    /// Whether a record whose field is this may satisfy the demand.
    pub fn allows(&self, looked: Looked<'_>) -> bool {
        let Looked::Value(value) = looked else { return true };
        match self {
            Guard::OneOf(_, texts) => value.is_some_and(|value| {
                may_be(value, |text| texts.iter().any(|known| known.eq_ignore_ascii_case(text)))
            }),
            Guard::Like(_, part, texts) => value.is_some_and(|value| {
                may_be(value, |text| texts.iter().any(|known| part.is_in(known, text)))
            }),
            Guard::Present(_) => value.is_some(),
            Guard::NotNull(_) => value.is_some_and(|value| !value.is_null()),
            Guard::Null(_) => value.is_none_or(Json::is_null),
            Guard::Case(_) => true,
        }
    }

    /// Whether the record satisfies the demand for certain.
    fn holds(&self, event: &Event<'_>, view: &View<'_>) -> bool {
        match self {
            Guard::Case(cases) => cases.contains(Case::of(view)),
            Guard::OneOf(field, texts) => {
                let text = event.get(&field.path).and_then(Json::inner_str);
                text.is_some_and(|text| texts.iter().any(|known| known.eq_ignore_ascii_case(text)))
            }
            _ => false,
        }
    }

    /// What it takes to ask, roughly.
    pub fn cost(&self) -> usize {
        self.field().map_or(0, |field| 1 + field.path.matches('.').count())
    }

    /// The cases of the records that can pass.
    pub fn cases(&self) -> Cases {
        match self {
            Guard::Case(cases) => *cases,
            Guard::OneOf(field, _) | Guard::Like(field, ..) | Guard::NotNull(field)
                if field.is_error() =>
            {
                Cases::FAILED
            }
            _ => Cases::ALL,
        }
    }
}

impl Part {
    /// Whether `known`, which is in lower case, is this part of `text`, case apart.
    fn is_in(self, known: &str, text: &str) -> bool {
        let (known, text) = (known.as_bytes(), text.as_bytes());
        let Some(last) = text.len().checked_sub(known.len()) else { return false };
        match self {
            Part::Start => text[..known.len()].eq_ignore_ascii_case(known),
            Part::End => text[last..].eq_ignore_ascii_case(known),
            Part::Any => {
                let Some(first) = known.first() else { return true };
                let upper = first.to_ascii_uppercase();
                let mut starts = memchr::memchr2_iter(*first, upper, &text[..=last]);
                starts.any(|at| text[at..at + known.len()].eq_ignore_ascii_case(known))
            }
        }
    }
}

/// Whether a value may read as a text that satisfies `test`. Certain of plain ASCII strings only:
/// other strings fold case in ways of their own, numbers read as text, and arrays match by any
/// member.
fn may_be(value: Json<'_>, test: impl Fn(&str) -> bool) -> bool {
    match value.inner_str() {
        Some(text) if text.is_ascii() && !text.contains('\\') => test(text),
        Some(_) => true,
        None => !value.is_null(),
    }
}

impl Field {
    /// The field of this name; `None` if it is no path of plain names.
    pub fn new(path: &str) -> Option<Field> {
        // Indexes and escaped brackets are the evaluator's business, and so are virtual fields.
        let plain = !path.contains(['[', '\\']) && !is_virtual(path);
        let names = || path.split('.').map(str::to_owned).collect();
        plain.then(|| Field { path: path.to_owned(), names: names() })
    }

    /// The object and its member, if it is the member of a top-level object.
    pub fn member(&self) -> Option<(&str, &str)> {
        match &self.names[..] {
            [object, member] => Some((object, member)),
            _ => None,
        }
    }

    /// Whether the router asks for it.
    pub fn is_routed(&self) -> bool {
        self.path == "eventSource" || self.path == "eventName"
    }

    /// Whether a record that has it is one of a failed call.
    fn is_error(&self) -> bool {
        self.path == "errorCode" || self.path == "errorMessage"
    }

    /// What it is in a record.
    pub fn look<'a>(&self, event: &Event<'a>) -> Looked<'a> {
        let Some((first, rest)) = self.names.split_first() else { return Looked::Unsure };
        let mut found = event.get(first);
        for key in rest {
            match found.map(Json::kind) {
                // Every element may lead on to a value, or nowhere.
                Some(Kind::Array) => return Looked::Unsure,
                Some(Kind::Object) => found = found.and_then(|value| value.get(key)),
                _ => found = None,
            }
        }
        // One member named by the whole path comes before the path.
        match !rest.is_empty() && event.may_have_dots() && event.get(&self.path).is_some() {
            true => Looked::Unsure,
            false => Looked::Value(found),
        }
    }
}
