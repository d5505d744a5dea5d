//! Derives the routes and guards of a Sigma rule from its condition.
//!
//! The condition is brought into disjunctive form. Each disjunct keeps only demands that are
//! certain and cheap to test: exact texts, parts of texts, and fields that must be present.
//! Everything else, and almost everything under a `not`, is dropped.
//!
//! What must stay true: a record that the rule matches passes its routes and guards. They may pass
//! too much, never too little. A property test compares them with the evaluator.

use std::collections::BTreeSet;

use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, Modifier, Quantifier, SigmaValue,
    StringPart,
};

use super::guard::{Disjunct, Field, Guard, Guards, Part};
use crate::detect::case::Cases;
use crate::detect::field::{ACTOR, ATTEMPT, TRAIL_DELIVERY};
use crate::detect::router::{Route, Routes};

/// The maximum number of disjuncts. A rule with more gets no guards.
const MOST_DISJUNCTS: usize = 64;

/// The maximum number of guards of a disjunct. One that is left out makes the rule only less selective.
const MOST_GUARDS: usize = 64;

/// Derives the routes and guards from the detection of a rule.
pub fn derive(detections: &Detections) -> (Routes, Guards) {
    let conditions = detections.conditions.iter().map(|expr| condition(expr, detections));
    let disjuncts = or(conditions);
    let routes = Routes(disjuncts.iter().filter_map(route).collect());
    let whole = match (&disjuncts[..], &detections.conditions[..]) {
        // With fewer guards than there may be, none was left out.
        ([only], [expr]) if only.len() < MOST_GUARDS && is_exact(expr, detections) => {
            Some(only.clone())
        }
        _ => None,
    };
    let mut any = disjuncts;
    if let [only] = &mut any[..] {
        // The router already tests these.
        only.retain(|guard| !matches!(guard, Guard::OneOf(field, _) if field.is_routed()));
    }
    any.iter_mut().for_each(|disjunct| disjunct.sort_by_key(Guard::cost));
    (routes, Guards { any, whole })
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
            // Sorted by name, because the order of the map differs from run to run.
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

/// Whether guards can express the whole expression: cases, event names and event sources.
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

/// The cases that an expression selects, if it selects by nothing else.
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

/// The cases that one line of a detection selects, if it selects by nothing else.
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
        Detection::Keywords(words) => match words.iter().map(longest).collect::<Option<_>>() {
            Some(texts) if !words.is_empty() => vec![vec![Guard::Anywhere(texts)]],
            _ => anything(),
        },
        Detection::ArrayMatch { .. } | Detection::Conditional { .. } => anything(),
    }
}

/// The guard for one line of a detection.
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
    if let Some((part, texts)) = parts_of_texts(item) {
        return vec![Guard::Like(field, part, texts)];
    }
    if item.values.iter().all(|value| *value == SigmaValue::Null) {
        let plain = !item.values.is_empty() && item.field.modifiers.is_empty();
        return if plain { vec![Guard::Null(field)] } else { Vec::new() };
    }
    // A missing field satisfies a `null`, also in a list. A null satisfies `neq`, and `fieldref` to
    // another null.
    if item.values.contains(&SigmaValue::Null) {
        return Vec::new();
    }
    let of_value = |modifier: &Modifier| {
        use Modifier::{All, Cased, Cidr, Contains, EndsWith, Gt, Gte, Lt, Lte, Re, StartsWith};
        matches!(
            modifier,
            All | Cased | Cidr | Contains | EndsWith | Gt | Gte | Lt | Lte | Re | StartsWith
        )
    };
    let never_null = item.field.modifiers.iter().all(of_value);
    vec![if never_null { Guard::NotNull(field) } else { Guard::Present(field) }]
}

/// The texts of which the field must equal one, if that is all that the item demands.
fn exact_texts(item: &DetectionItem) -> Option<BTreeSet<String>> {
    // `cased` is stricter, so this remains correct.
    if item.values.is_empty() || item.field.modifiers.iter().any(|m| *m != Modifier::Cased) {
        return None;
    }
    item.values.iter().map(plain).collect()
}

/// The texts of which the field must contain one, and the position, if that is all that the item
/// demands.
fn parts_of_texts(item: &DetectionItem) -> Option<(Part, BTreeSet<String>)> {
    let part = match item.field.modifiers.as_slice() {
        [Modifier::StartsWith] => Part::Start,
        [Modifier::EndsWith] => Part::End,
        [Modifier::Contains] => Part::Any,
        _ => return None,
    };
    let texts: BTreeSet<String> = item.values.iter().map(plain).collect::<Option<_>>()?;
    (!texts.is_empty()).then_some((part, texts))
}

/// An ASCII text without wildcards, in lower case.
fn plain(value: &SigmaValue) -> Option<String> {
    match value {
        SigmaValue::String(text) => {
            text.as_plain().filter(|text| text.is_ascii()).map(|text| text.to_ascii_lowercase())
        }
        _ => None,
    }
}

/// The longest piece without wildcards, of an ASCII text, in lower case. Whatever the text matches
/// contains it.
fn longest(value: &SigmaValue) -> Option<String> {
    let SigmaValue::String(text) = value else { return None };
    let plain = text.parts.iter().filter_map(|part| match part {
        StringPart::Plain(plain) => Some(plain),
        StringPart::Special(_) => None,
    });
    let longest = plain.max_by_key(|plain| plain.len()).filter(|plain| plain.is_ascii())?;
    (!longest.is_empty()).then(|| longest.to_ascii_lowercase())
}

/// One disjunct without guards.
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
            // Each side alone is also a demand.
            if part.len() < product.len() {
                product = part;
            }
            continue;
        }
        if let [only] = &part[..] {
            product.iter_mut().for_each(|left| extend(left, only));
            continue;
        }
        let both = |left: &Disjunct, right: &Disjunct| {
            let mut both = left.clone();
            extend(&mut both, right);
            both
        };
        let part = &part;
        product = product
            .iter()
            .flat_map(|left| part.iter().map(move |right| both(left, right)))
            .collect();
    }
    product
}

/// Adds the guards of `right` that `left` does not have, up to the maximum.
fn extend(left: &mut Disjunct, right: &[Guard]) {
    for guard in right {
        if left.len() < MOST_GUARDS && !left.contains(guard) {
            left.push(guard.clone());
        }
    }
}

/// The route of a disjunct. `None` if no source or no name can satisfy it.
fn route(disjunct: &Disjunct) -> Option<Route> {
    let texts = |name: &str| {
        let mut left: Option<BTreeSet<String>> = None;
        let mut narrow = |texts: BTreeSet<String>| {
            left = Some(match left.take() {
                Some(known) => known.intersection(&texts).cloned().collect(),
                None => texts,
            });
        };
        for guard in disjunct {
            if let Guard::OneOf(field, texts) = guard
                && field.path == name
            {
                narrow(texts.clone());
            }
            // The router takes a missing member for an empty text.
            if matches!(guard, Guard::Null(field) if field.path == name) {
                narrow([String::new()].into());
            }
        }
        left
    };
    let cases = disjunct.iter().fold(Cases::ALL, |all, guard| all & guard.cases());
    let route = Route { sources: texts("eventSource"), names: texts("eventName"), cases };
    let possible = |set: &Option<BTreeSet<String>>| set.as_ref().is_none_or(|set| !set.is_empty());
    (possible(&route.sources) && possible(&route.names)).then_some(route)
}
