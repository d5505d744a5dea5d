//! Compiles one parsed Sigma correlation (Sigma specification, "Correlation rules").
//!
//! What must stay true: if we would understand a correlation differently from its author, it is
//! skipped, and the reason is named.

use std::collections::BTreeMap;

use rsigma_parser::{
    ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, WindowMode,
};

use crate::detect::stateful::{By, Compare, Correlation, Kind, Limit, Verdict};
use crate::model::level::Level;

/// Compiles `rule`. `verdict` says what a match of the correlation becomes. Matches of its rules
/// below the level `from` do not count. Of a built-in rule, which `is_own`, every step must be made.
///
/// # Errors
/// The reason to skip the correlation.
pub fn correlation(
    rule: &CorrelationRule,
    verdict: Verdict,
    from: Level,
    is_own: bool,
) -> Result<Correlation, String> {
    if rule.window != WindowMode::Sliding {
        return Err(format!("`{}` windows are not supported", rule.window.as_str()));
    }
    let (limits, fields) = match &rule.condition {
        CorrelationCondition::Threshold { predicates, field, .. } => {
            (predicates.iter().map(limit).collect::<Vec<_>>(), field.clone().unwrap_or_default())
        }
        CorrelationCondition::Extended(_) => {
            return Err("conditions over the names of rules are not supported".to_owned());
        }
    };
    let kind = match rule.correlation_type {
        CorrelationType::EventCount => Kind::EventCount(limits),
        CorrelationType::ValueCount if fields.is_empty() => {
            return Err("`value_count` needs a `field` in its condition".to_owned());
        }
        CorrelationType::ValueCount => Kind::ValueCount(limits, fields),
        CorrelationType::Temporal if is_own => Kind::Temporal(vec![all(rule)]),
        CorrelationType::Temporal => Kind::Temporal(limits),
        CorrelationType::TemporalOrdered if is_own || means_all(&limits, rule) => {
            Kind::TemporalOrdered
        }
        CorrelationType::TemporalOrdered => {
            return Err(
                "`temporal_ordered` asks for all of its rules, and its condition for other \
                        numbers of them"
                    .to_owned(),
            );
        }
        other => return Err(format!("`{}` correlations are not supported", other.as_str())),
    };
    let steps = match kind {
        Kind::Temporal(_) | Kind::TemporalOrdered => {
            rule.rules.iter().map(|name| vec![name.clone()]).collect()
        }
        _ => vec![rule.rules.clone()],
    };
    if rule.rules.is_empty() {
        return Err("it names no rules".to_owned());
    }
    let by = rule.group_by.iter().map(|name| By {
        name: name.clone(),
        of: rule
            .aliases
            .iter()
            .filter(|alias| alias.alias == *name)
            .flat_map(|alias| &alias.mapping)
            .map(|(rule, field)| (rule.clone(), field.clone()))
            .collect::<BTreeMap<_, _>>(),
    });
    let seconds = i64::try_from(rule.timespan.seconds).unwrap_or(i64::MAX);
    let span = seconds.saturating_mul(1_000_000);
    Ok(Correlation { kind, steps, by: by.collect(), span, from, verdict, usual: None })
}

/// The limit that all rules of a correlation must match.
fn all(rule: &CorrelationRule) -> Limit {
    Limit { than: Compare::MoreOrEqual, number: rule.rules.len() as u64 }
}

/// Whether limits hold if all rules match, and never if some of them do not.
fn means_all(limits: &[Limit], rule: &CorrelationRule) -> bool {
    let hold = |count: u64| limits.iter().all(|limit| limit.holds(count));
    let rules = rule.rules.len() as u64;
    hold(rules) && !(1..rules).any(hold)
}

fn limit((operator, number): &(ConditionOperator, u64)) -> Limit {
    let than = match operator {
        ConditionOperator::Lt => Compare::Less,
        ConditionOperator::Lte => Compare::LessOrEqual,
        ConditionOperator::Gt => Compare::More,
        ConditionOperator::Gte => Compare::MoreOrEqual,
        ConditionOperator::Eq => Compare::Equal,
        ConditionOperator::Neq => Compare::NotEqual,
    };
    Limit { than, number: *number }
}
