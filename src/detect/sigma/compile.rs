//! Compiles one parsed Sigma rule.
//!
//! What must stay true: if the evaluator would understand a rule differently from its author, the
//! rule is not compiled. It is skipped, and the reason is named. Examples are a placeholder that
//! nobody fills in, an aggregation, and a newer version of Sigma.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use rsigma_eval::compiler::eval_condition;
use rsigma_eval::{CompiledRule, compile_rule};
use rsigma_parser::{ConditionExpr, Detection, DetectionItem, Modifier, SigmaRule};

use super::event::SigmaEvent;
use super::guard::Guards;
use super::logs::reason_of_source;
use super::route::derive;
use super::text::searching;
use crate::detect::router::Routes;
use crate::model::level::Level;

/// A Sigma rule, compiled.
#[derive(Debug)]
pub struct Compiled {
    rule: CompiledRule,
    /// The conditions of filters, all of which must hold too.
    narrowed: Vec<Arc<CompiledRule>>,
    guards: Guards,
    /// Detections that set the level of the records they match, highest level first.
    levels: Vec<(Level, ConditionExpr)>,
    /// The rule's `fields`: members of the record that a finding shows.
    fields: Vec<String>,
}

impl Compiled {
    /// Compiles `rule`. It matches only where each of `narrowed` does too. If `own_levels`,
    /// detections named `level_<level>` set the level.
    ///
    /// # Errors
    /// The evaluator does not accept the rule.
    pub fn new(
        rule: &SigmaRule,
        narrowed: Vec<Arc<CompiledRule>>,
        own_levels: bool,
    ) -> Result<(Compiled, Routes), String> {
        let compiled = compile_rule(&searching(rule)).map_err(|error| error.to_string())?;
        let (routes, guards) = derive(&rule.detection);
        let mut levels = Vec::new();
        if own_levels {
            for name in rule.detection.named.keys() {
                let Some(level) = name.strip_prefix("level_") else { continue };
                levels.push((Level::from_str(level)?, ConditionExpr::Identifier(name.clone())));
            }
        }
        levels.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        let fields = rule.fields.clone();
        Ok((Compiled { rule: compiled, narrowed, guards, levels, fields }, routes))
    }

    /// The record's values of the rule's `fields` (Sigma specification, "Fields"): texts, numbers
    /// and booleans. The name is the last part of the field's path.
    pub fn details(
        &self,
        event: &crate::record::event::Event<'_>,
    ) -> BTreeMap<String, serde_json::Value> {
        let value = |field: &String| {
            let path: Vec<&str> = field.split('.').collect();
            let value = event.path(&path)?;
            value.scalar()?;
            Some(((*path.last()?).to_owned(), value.to_value()))
        };
        self.fields.iter().filter_map(value).collect()
    }

    /// The guards: cheap preconditions.
    pub fn guards(&self) -> &Guards {
        &self.guards
    }

    /// Whether the record passes the guards. If not, the rule does not match it. This is the slow
    /// twin of [`super::demands::Demands::pass`].
    #[cfg(test)]
    pub fn may_match(
        &self,
        event: &crate::record::event::Event<'_>,
        view: &crate::record::kms::View<'_>,
    ) -> bool {
        self.guards.pass(event, view)
    }

    /// Whether the rule certainly matches, so that the evaluator is not needed.
    pub fn is_settled(
        &self,
        event: &crate::record::event::Event<'_>,
        view: &crate::record::kms::View<'_>,
    ) -> bool {
        self.narrowed.is_empty() && self.guards.settle(event, view)
    }

    /// Whether the evaluator says that the rule matches.
    pub fn matches(&self, event: &SigmaEvent<'_, '_>) -> bool {
        [&self.rule]
            .into_iter()
            .chain(self.narrowed.iter().map(Arc::as_ref))
            .all(|rule| rule.conditions.iter().any(|condition| holds(rule, condition, event)))
    }

    /// The highest level that a `level_…` detection sets for this record, if any does.
    pub fn level(&self, event: &SigmaEvent<'_, '_>) -> Option<Level> {
        self.levels
            .iter()
            .find(|(_, condition)| holds(&self.rule, condition, event))
            .map(|(level, _)| *level)
    }
}

/// Whether a condition over the detections of a rule holds.
fn holds(rule: &CompiledRule, condition: &ConditionExpr, event: &SigmaEvent<'_, '_>) -> bool {
    eval_condition(condition, &rule.detections, event, &mut Vec::new())
}

/// The reason to skip a rule that is valid but cannot be evaluated here.
pub fn reason_to_skip(rule: &SigmaRule) -> Option<String> {
    if let Some(reason) = reason_of_source(&rule.logsource) {
        return Some(reason);
    }
    if rsigma_parser::is_unsupported(rule.sigma_version) {
        return Some("written for a newer version of Sigma than is known here".to_owned());
    }
    if rule.detection.named.values().any(expands) {
        return Some("`|expand` placeholders are not supported, and would match everything".into());
    }
    None
}

/// Whether any item of a detection holds a placeholder.
pub fn expands(detection: &Detection) -> bool {
    let expand = |item: &DetectionItem| item.field.has_modifier(Modifier::Expand);
    match detection {
        Detection::AllOf(items) => items.iter().any(expand),
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().any(expands),
        Detection::Keywords(_) => false,
        Detection::ArrayMatch { body, .. } => expands(body),
        Detection::Conditional { named, .. } => named.values().any(expands),
    }
}
