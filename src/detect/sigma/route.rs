//! What a Sigma rule demands of a record before it can match: its routes and its guards.
//!
//! The condition is brought into disjunctive form; of each disjunct only the demands that are
//! certain and cheap are kept: exact, unmodified texts, and fields that must be there. Everything
//! else, and everything under a `not`, demands nothing.
//!
//! What must stay true: a record that the rule matches passes. Too much may pass, never too
//! little; a property test compares both ways with the evaluator.

use std::collections::BTreeSet;

use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, Modifier, Quantifier, SigmaValue,
};

use crate::detect::case::{Case, Cases};
use crate::detect::field::{ACTOR, ATTEMPT, TRAIL_DELIVERY, is_virtual};
use crate::detect::router::{Route, Routes};
use crate::record::event::Event;
use crate::record::json::{Json, Kind};
use crate::record::kms::View;

/// More disjuncts than this are not worth their while: the rule then demands nothing.
const MOST_DISJUNCTS: usize = 64;

/// A disjunct: what a record must satisfy all of.
type Disjunct = Vec<Guard>;

/// Quick demands on a record; it passes if it satisfies all of any one disjunct.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    any: Vec<Disjunct>,
    /// All that the rule says, where guards can say it.
    whole: Option<Disjunct>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Guard {
    /// The field is one of these ASCII texts, case apart.
    OneOf(Field, BTreeSet<String>),
    /// The field is there, if only as null.
    Present(Field),
    /// The field is there and not null.
    NotNull(Field),
    /// The field is not there, or null.
    Null(Field),
    /// The record is one of these cases.
    Case(Cases),
}

/// A path of plain member names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    path: String,
}

/// Derives routes and guards from the detection of a rule.
pub fn derive(detections: &Detections) -> (Routes, Guards) {
    let conditions = detections.conditions.iter().map(|expr| condition(expr, detections));
    let disjuncts = or(conditions);
    let routes = Routes(disjuncts.iter().filter_map(route).collect());
    let whole = match (&disjuncts[..], &detections.conditions[..]) {
        ([only], [expr]) if is_exact(expr, detections) => Some(only.clone()),
        _ => None,
    };
    let mut any = disjuncts;
    if let [only] = &mut any[..] {
        // The router has asked for these already.
        only.retain(|guard| !matches!(guard, Guard::OneOf(field, _) if field.is_routed()));
    }
    any.iter_mut().for_each(|disjunct| disjunct.sort_by_key(Guard::cost));
    (routes, Guards { any, whole })
}

impl Guards {
    /// Whether the rule has to be asked about `event`.
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
    fn pass(&self, event: &Event<'_>, view: &View<'_>) -> bool {
        match self {
            Guard::OneOf(field, texts) => field.pass(event, |value| may_be(value, texts)),
            Guard::Present(field) => field.pass(event, |_| true),
            Guard::NotNull(field) => field.pass(event, |value| !value.is_null()),
            Guard::Null(field) => field.may_be_null(event),
            Guard::Case(cases) => cases.contains(Case::of(view)),
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
            Guard::Present(_) | Guard::NotNull(_) | Guard::Null(_) => false,
        }
    }

    /// What it takes to ask, roughly.
    fn cost(&self) -> usize {
        match self {
            Guard::Case(_) => 0,
            Guard::OneOf(field, _)
            | Guard::Present(field)
            | Guard::NotNull(field)
            | Guard::Null(field) => 1 + field.path.matches('.').count(),
        }
    }

    /// The cases of the records that can pass.
    fn cases(&self) -> Cases {
        match self {
            Guard::Case(cases) => *cases,
            Guard::OneOf(field, _) | Guard::NotNull(field) if field.is_error() => Cases::FAILED,
            _ => Cases::ALL,
        }
    }
}

/// Whether a value may read as one of `texts`. Certain of plain ASCII strings only: other strings
/// fold case in ways of their own, numbers read as text, and arrays match by any member.
fn may_be(value: Json<'_>, texts: &BTreeSet<String>) -> bool {
    match value.inner_str() {
        Some(text) if text.is_ascii() && !text.contains('\\') => {
            texts.iter().any(|known| known.eq_ignore_ascii_case(text))
        }
        Some(_) => true,
        None => !value.is_null(),
    }
}

impl Field {
    fn new(path: &str) -> Option<Field> {
        // Indexes and escaped brackets are the evaluator's business, and so are virtual fields.
        let plain = !path.contains(['[', '\\']) && !is_virtual(path);
        plain.then(|| Field { path: path.to_owned() })
    }

    fn is_routed(&self) -> bool {
        self.path == "eventSource" || self.path == "eventName"
    }

    /// Whether a record that has it is one of a failed call.
    fn is_error(&self) -> bool {
        self.path == "errorCode" || self.path == "errorMessage"
    }

    /// Whether the field is missing or null, as far as it is certain what it is.
    fn may_be_null(&self, event: &Event<'_>) -> bool {
        let mut keys = self.path.split('.');
        let mut found = event.get(keys.next().unwrap_or_default());
        for key in keys {
            match found.map(Json::kind) {
                // Some element may lead nowhere.
                Some(Kind::Array) => return true,
                Some(Kind::Object) => found = found.and_then(|value| value.get(key)),
                _ => found = None,
            }
        }
        // One member named by the whole path comes before the path, and may be null.
        found.is_none_or(Json::is_null)
            || (self.path.contains('.') && event.get(&self.path).is_some_and(Json::is_null))
    }

    /// Whether the field, as far as it is certain what it is, is there and satisfies `test`.
    fn pass(&self, event: &Event<'_>, test: impl Fn(Json<'_>) -> bool) -> bool {
        let mut keys = self.path.split('.');
        let mut found = event.get(keys.next().unwrap_or_default());
        let mut nested = false;
        for key in keys {
            nested = true;
            match found.map(Json::kind) {
                // Every element may lead on to a value.
                Some(Kind::Array) => return true,
                Some(Kind::Object) => found = found.and_then(|value| value.get(key)),
                _ => found = None,
            }
        }
        // One member named by the whole path comes before the path; rare, so asked for last.
        found.is_some_and(test) || (nested && event.get(&self.path).is_some())
    }
}

fn condition(expr: &ConditionExpr, detections: &Detections) -> Vec<Disjunct> {
    match expr {
        ConditionExpr::And(parts) => and(parts.iter().map(|part| condition(part, detections))),
        ConditionExpr::Or(parts) => or(parts.iter().map(|part| condition(part, detections))),
        ConditionExpr::Not(part) => match only_cases(part, detections) {
            Some(cases) => vec![vec![Guard::Case(cases.others())]],
            None => anything(),
        },
        ConditionExpr::Identifier(name) => {
            detections.named.get(name).map_or_else(anything, detection)
        }
        ConditionExpr::Selector { quantifier, pattern } => {
            let named = detections.named.iter();
            let mut chosen: Vec<_> =
                named.filter(|(name, _)| pattern.matches_detection_name(name)).collect();
            // By name, since the map is not in the same order on every run.
            chosen.sort_by_key(|(name, _)| *name);
            let parts = chosen.into_iter().map(|(_, part)| detection(part));
            match quantifier {
                Quantifier::All => and(parts),
                Quantifier::Count(0) => anything(),
                Quantifier::Any | Quantifier::Count(_) => or(parts),
            }
        }
    }
}

/// Whether guards say all that an expression says: cases, and names of calls and their source.
fn is_exact(expr: &ConditionExpr, detections: &Detections) -> bool {
    let exact = |item: &DetectionItem| {
        let name = item.field.name.as_deref();
        let named = matches!(name, Some("eventSource" | "eventName"));
        cases(item).is_some()
            || (named && item.field.modifiers.is_empty() && exact_texts(item).is_some())
    };
    match expr {
        ConditionExpr::And(parts) => parts.iter().all(|part| is_exact(part, detections)),
        ConditionExpr::Not(part) => only_cases(part, detections).is_some(),
        ConditionExpr::Identifier(name) => match detections.named.get(name) {
            Some(Detection::AllOf(items)) => items.iter().all(exact),
            _ => false,
        },
        ConditionExpr::Or(_) | ConditionExpr::Selector { .. } => false,
    }
}

/// The cases that an expression names, if it says nothing else.
fn only_cases(expr: &ConditionExpr, detections: &Detections) -> Option<Cases> {
    let ConditionExpr::Identifier(name) = expr else { return None };
    match detections.named.get(name)? {
        Detection::AllOf(items) => match &items[..] {
            [only] => cases(only),
            _ => None,
        },
        _ => None,
    }
}

/// The cases that one line of a detection names, if that is all it says.
fn cases(item: &DetectionItem) -> Option<Cases> {
    if item.values.is_empty() || !item.field.modifiers.is_empty() {
        return None;
    }
    let of_value = |value: &SigmaValue| match (item.field.name.as_deref()?, value) {
        (ACTOR, SigmaValue::String(text)) => {
            Some(Cases::of_actor(&text.as_plain()?.to_ascii_lowercase()))
        }
        (ATTEMPT, SigmaValue::Bool(true)) => Some(Cases::FAILED),
        (ATTEMPT, SigmaValue::Bool(false)) => Some(Cases::FAILED.others()),
        (TRAIL_DELIVERY, SigmaValue::Bool(true)) => Some(Cases::DELIVERY),
        (TRAIL_DELIVERY, SigmaValue::Bool(false)) => Some(Cases::DELIVERY.others()),
        _ => None,
    };
    item.values.iter().map(of_value).reduce(|all, more| Some(all? | more?)).flatten()
}

fn detection(part: &Detection) -> Vec<Disjunct> {
    match part {
        Detection::AllOf(items) => and(items.iter().map(|entry| vec![item(entry)])),
        Detection::AnyOf(parts) => or(parts.iter().map(detection)),
        Detection::And(parts) => and(parts.iter().map(detection)),
        Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {
            anything()
        }
    }
}

/// What one line of a detection demands.
fn item(item: &DetectionItem) -> Disjunct {
    if let Some(cases) = cases(item) {
        return vec![Guard::Case(cases)];
    }
    let Some(field) = item.field.name.as_deref().and_then(Field::new) else { return Vec::new() };
    if item.field.has_modifier(Modifier::Exists) {
        return match item.values.first() {
            Some(SigmaValue::Bool(true)) => vec![Guard::NotNull(field)],
            _ => Vec::new(),
        };
    }
    if let Some(texts) = exact_texts(item) {
        return vec![Guard::OneOf(field, texts)];
    }
    if item.values.iter().all(|value| *value == SigmaValue::Null) {
        let plain = !item.values.is_empty() && item.field.modifiers.is_empty();
        return if plain { vec![Guard::Null(field)] } else { Vec::new() };
    }
    // A missing field satisfies nothing but `null` alone. A null satisfies `null` in a list, `neq`,
    // and `fieldref` to another null.
    let of_value = |modifier: &Modifier| {
        use Modifier::{All, Cased, Cidr, Contains, EndsWith, Gt, Gte, Lt, Lte, Re, StartsWith};
        matches!(
            modifier,
            All | Cased | Cidr | Contains | EndsWith | Gt | Gte | Lt | Lte | Re | StartsWith
        )
    };
    let never_null =
        item.field.modifiers.iter().all(of_value) && !item.values.contains(&SigmaValue::Null);
    vec![if never_null { Guard::NotNull(field) } else { Guard::Present(field) }]
}

/// The texts of which the field must be one, if that is all the item says.
fn exact_texts(item: &DetectionItem) -> Option<BTreeSet<String>> {
    // `cased` is stricter still.
    if item.values.is_empty() || item.field.modifiers.iter().any(|m| *m != Modifier::Cased) {
        return None;
    }
    let text = |value: &SigmaValue| match value {
        SigmaValue::String(text) => text.as_plain().filter(|text| text.is_ascii()),
        _ => None,
    };
    item.values.iter().map(|value| Some(text(value)?.to_ascii_lowercase())).collect()
}

/// One disjunct that demands nothing.
fn anything() -> Vec<Disjunct> {
    vec![Vec::new()]
}

fn or(parts: impl Iterator<Item = Vec<Disjunct>>) -> Vec<Disjunct> {
    let mut all: Vec<Disjunct> = Vec::new();
    for disjunct in parts.flatten() {
        if disjunct.is_empty() || all.len() == MOST_DISJUNCTS {
            return anything();
        }
        if !all.contains(&disjunct) {
            all.push(disjunct);
        }
    }
    all
}

fn and(parts: impl Iterator<Item = Vec<Disjunct>>) -> Vec<Disjunct> {
    let mut product = anything();
    for part in parts {
        if product.len() * part.len() > MOST_DISJUNCTS {
            // Each of the two alone is demanded as well.
            if part.len() < product.len() {
                product = part;
            }
            continue;
        }
        product = product
            .iter()
            .flat_map(|left| part.iter().map(move |right| (left, right)))
            .map(|(left, right)| {
                let new = right.iter().filter(|guard| !left.contains(guard));
                left.iter().chain(new).cloned().collect()
            })
            .collect();
    }
    product
}

/// The route of a disjunct; `None` when no source, or no name, can satisfy all of it.
fn route(disjunct: &Disjunct) -> Option<Route> {
    let texts = |name: &str| {
        let mut left: Option<BTreeSet<String>> = None;
        for guard in disjunct {
            if let Guard::OneOf(field, texts) = guard
                && field.path == name
            {
                left = Some(match left {
                    Some(known) => known.intersection(texts).cloned().collect(),
                    None => texts.clone(),
                });
            }
        }
        left
    };
    let cases = disjunct.iter().fold(Cases::ALL, |all, guard| all & guard.cases());
    let route = Route { sources: texts("eventSource"), names: texts("eventName"), cases };
    let possible = |set: &Option<BTreeSet<String>>| set.as_ref().is_none_or(|set| !set.is_empty());
    (possible(&route.sources) && possible(&route.names)).then_some(route)
}
