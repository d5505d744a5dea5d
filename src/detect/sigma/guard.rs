//! Guards: cheap preconditions of a rule, tested before the evaluator runs.
//!
//! What must stay true: if the guards do not pass, the evaluator would not match. A guard passes
//! whenever it cannot be certain, for example for an array on the path, for text that folds case by
//! Unicode, and for escapes.

use std::collections::BTreeSet;

use crate::detect::case::{Case, Cases};
use crate::detect::field::is_virtual;
use crate::record::event::Event;
use crate::record::json::{Json, Kind};
use crate::record::kms::View;

/// A disjunct: guards that must all pass.
pub type Disjunct = Vec<Guard>;

/// The guards of a rule in disjunctive form. A record passes if it passes all guards of any
/// disjunct.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    /// The disjuncts. If there are none, no record passes.
    pub any: Vec<Disjunct>,
    /// The whole condition of the rule, if guards can express it.
    pub whole: Option<Disjunct>,
}

/// One precondition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Guard {
    /// The field equals one of these ASCII texts, without regard to case. The texts are in lower
    /// case.
    OneOf(Field, BTreeSet<String>),
    /// The field contains one of these texts, likewise.
    Like(Field, Part, BTreeSet<String>),
    /// The field is present; it may be null.
    Present(Field),
    /// The field is present and not null.
    NotNull(Field),
    /// The field is absent or null.
    Null(Field),
    /// The record is in one of these cases.
    Case(Cases),
    /// Some text in the record contains one of these texts, likewise.
    Anywhere(BTreeSet<String>),
}

/// Where in the field a text must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// At its start.
    Start,
    /// At its end.
    End,
    /// Anywhere in it.
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

/// The value of a field in a record.
#[derive(Debug, Clone, Copy)]
pub enum Looked<'a> {
    /// This value, or none.
    Value(Option<Json<'a>>),
    /// Several values, or unknown.
    Unsure,
}

impl Guards {
    /// Whether the rule could match `event`. [`super::demands::Demands`] does the same for many
    /// rules at once.
    #[cfg(test)]
    pub fn pass(&self, event: &Event<'_>, view: &View<'_>) -> bool {
        self.any.iter().any(|disjunct| disjunct.iter().all(|guard| guard.pass(event, view)))
    }

    /// Whether the rule certainly matches `event`, so that the evaluator is not needed.
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
            Guard::Anywhere(_) => self.is_in(event.text()),
            _ => self.field().is_none_or(|field| self.allows(field.look(event))),
        }
    }

    /// The field that is tested. A guard on the case or on the whole record has none.
    pub fn field(&self) -> Option<&Field> {
        match self {
            Guard::OneOf(field, _)
            | Guard::Like(field, ..)
            | Guard::Present(field)
            | Guard::NotNull(field)
            | Guard::Null(field) => Some(field),
            Guard::Case(_) | Guard::Anywhere(_) => None,
        }
    }

    /// Whether a field with this value may pass.
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
            Guard::Case(_) | Guard::Anywhere(_) => true,
        }
    }

    /// Whether the text of a whole record may pass.
    pub fn is_in(&self, record: &str) -> bool {
        let Guard::Anywhere(texts) = self else { return true };
        !is_certain(record) || texts.iter().any(|known| Part::Any.is_in(known, record))
    }

    /// Whether the record certainly passes.
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

    /// The approximate cost of the test.
    pub fn cost(&self) -> usize {
        match (self, self.field()) {
            (Guard::Anywhere(_), _) => usize::MAX,
            (_, Some(field)) => 1 + field.path.matches('.').count(),
            (_, None) => 0,
        }
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
    /// Whether `text` has `known` in this position, without regard to case. `known` is in lower
    /// case.
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

/// Whether a value may be a text that satisfies `test`. Only a plain ASCII string gives a certain
/// answer: other strings fold case by Unicode, numbers compare as text, and an array matches by any
/// element.
fn may_be(value: Json<'_>, test: impl Fn(&str) -> bool) -> bool {
    match value.inner_str() {
        Some(text) if is_certain(text) => test(text),
        Some(_) => true,
        None => !value.is_null(),
    }
}

/// Whether a text stands in the record as it is meant: without escapes, and without letters that
/// fold case by Unicode.
pub fn is_certain(text: &str) -> bool {
    text.is_ascii() && !text.contains('\\')
}

impl Field {
    /// The path for this field name. `None` if it is not a path of plain names.
    pub fn new(path: &str) -> Option<Field> {
        // The evaluator handles indexes and escaped brackets. Virtual fields are not in the record.
        let plain = !path.contains(['[', '\\']) && !is_virtual(path);
        let names = || path.split('.').map(str::to_owned).collect();
        plain.then(|| Field { path: path.to_owned(), names: names() })
    }

    /// The object and the member, if the path leads to a member of a top-level object.
    pub fn member(&self) -> Option<(&str, &str)> {
        match &self.names[..] {
            [object, member] => Some((object, member)),
            _ => None,
        }
    }

    /// Whether the router already tests this field.
    pub fn is_routed(&self) -> bool {
        self.path == "eventSource" || self.path == "eventName"
    }

    /// Whether the presence of this field means that the call failed.
    fn is_error(&self) -> bool {
        self.path == "errorCode" || self.path == "errorMessage"
    }

    /// The value of the field in a record.
    pub fn look<'a>(&self, event: &Event<'a>) -> Looked<'a> {
        let Some((first, rest)) = self.names.split_first() else { return Looked::Unsure };
        let mut found = event.get(first);
        for key in rest {
            match found.map(Json::kind) {
                // An array: any element may match, so the value is not known.
                Some(Kind::Array) => return Looked::Unsure,
                Some(Kind::Object) => found = found.and_then(|value| value.get(key)),
                _ => found = None,
            }
        }
        // A member whose name is the whole path takes precedence over the path.
        match !rest.is_empty() && event.may_have_dots() && event.get(&self.path).is_some() {
            true => Looked::Unsure,
            false => Looked::Value(found),
        }
    }
}
