//! Checks a rule against the Sigma specification, with the linter of rsigma.
//!
//! Advice about metadata, such as author and description, is left out: a user's own rule needs
//! neither. An unknown member is probably misspelt, so it becomes a warning.

use rsigma_parser::lint::{FixPatch, LintRule, LintWarning, Severity as Spec, lint_yaml_value};
use rsigma_parser::{ConditionExpr, Level, Status, parse_condition};
use serde::Deserialize;
use yaml_serde::{Deserializer, Value};

use super::flaw::{Flaw, Severity};
use super::tree::{File, Node};
use crate::detect::sigma::stream::documents;
use crate::detect::sigma::words;

/// All flaws in the documents of a file.
pub fn flaws(file: &File) -> Vec<Flaw> {
    let mut found = Vec::new();
    match documents(&file.text) {
        Ok(stream) => {
            for (at, document) in &stream.documents {
                let warnings = lint_yaml_value(document);
                let tree = file.documents.get(*at);
                found.extend(warnings.iter().filter_map(|warning| flaw(warning, document, tree)));
            }
        }
        Err(_) => found.extend(no_yaml(&file.text)),
    }
    found
}

/// The place at which a text ends to be YAML.
fn no_yaml(text: &str) -> Option<Flaw> {
    let error = Deserializer::from_str(text).find_map(|one| Value::deserialize(one).err())?;
    let place = error.location().map_or((1, 1), |at| (at.line(), at.column()));
    Some(Flaw::new(Severity::Error, "no-yaml", place, error.to_string()))
}

fn flaw(warning: &LintWarning, document: &Value, tree: Option<&Node>) -> Option<Flaw> {
    if is_fine(warning, document) {
        return None;
    }
    let severity = match warning.severity {
        Spec::Error => Severity::Error,
        Spec::Warning => Severity::Warning,
        Spec::Info if warning.rule == LintRule::UnknownKey => Severity::Warning,
        Spec::Info | Spec::Hint => return None,
    };
    let place = tree.map_or((1, 1), |tree| tree.place_of(&warning.path));
    let code = warning.rule.to_string().replace('_', "-");
    let flaw = Flaw::new(severity, &code, place, warning.message.clone());
    Some(match hint(warning) {
        Some(hint) => flaw.hint(hint),
        None => flaw,
    })
}

/// Whether a flaw is none here. Dates had slashes in the first version of Sigma, and tell nothing of
/// what a rule finds. What a correlation groups by may be left out: then it looks at all matches.
/// A detection of a filter may have any name.
fn is_fine(warning: &LintWarning, document: &Value) -> bool {
    match warning.rule {
        LintRule::InvalidDate | LintRule::InvalidModified => {
            let quoted = warning.message.split('"').nth(1).unwrap_or_default();
            let parts: Vec<&str> = quoted.split('/').collect();
            let number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            parts.len() == 3 && parts.iter().all(number)
        }
        LintRule::MissingGroupBy => true,
        // The linter splits conditions at other places than they are read.
        LintRule::ConditionReferencesUnknown => {
            let quoted = warning.message.split('\'').nth(1).unwrap_or_default();
            unknown(document).is_some_and(|names| !names.iter().any(|name| name == quoted))
        }
        // Words of Sigma in capitals are its words.
        LintRule::InvalidLevel | LintRule::InvalidStatus => {
            let quoted = warning.message.split('"').nth(1).unwrap_or_default();
            let lower = quoted.trim().to_ascii_lowercase();
            lower != quoted && is_word(warning.rule, &lower)
        }
        LintRule::MissingFilterSelection => {
            let filter = document.get("filter").and_then(Value::as_mapping);
            let mut names = filter.into_iter().flat_map(|filter| filter.keys());
            names.any(|name| !matches!(name.as_str(), None | Some("rules" | "condition")))
        }
        _ => false,
    }
}

/// Whether a text is a level or a status.
fn is_word(rule: LintRule, word: &str) -> bool {
    match rule {
        LintRule::InvalidLevel => word.parse::<Level>().is_ok(),
        _ => word.parse::<Status>().is_ok(),
    }
}

/// The detections that the conditions of a document name and that are not there; `None` if a condition
/// cannot be read.
fn unknown(document: &Value) -> Option<Vec<String>> {
    let mut detection = document.get("detection")?.as_mapping()?.clone();
    words::lower(&mut detection);
    let conditions = match detection.get("condition") {
        Some(Value::Sequence(conditions)) => conditions.iter().collect(),
        condition => Vec::from_iter(condition),
    };
    let mut names = Vec::new();
    for condition in conditions.iter().filter_map(|condition| condition.as_str()) {
        let selected = condition.split('|').next().unwrap_or_default();
        collect(&parse_condition(selected).ok()?, &mut names);
    }
    names.retain(|name| !detection.contains_key(name.as_str()));
    Some(names)
}

/// The detections that a condition names.
fn collect(condition: &ConditionExpr, names: &mut Vec<String>) {
    match condition {
        ConditionExpr::Identifier(name) => names.push(name.clone()),
        ConditionExpr::Not(part) => collect(part, names),
        ConditionExpr::And(parts) | ConditionExpr::Or(parts) => {
            parts.iter().for_each(|part| collect(part, names));
        }
        ConditionExpr::Selector { .. } => {}
    }
}

/// What to do about a flaw, if the linter proposes a fix.
fn hint(warning: &LintWarning) -> Option<String> {
    let patch = warning.fix.as_ref().and_then(|fix| fix.patches.first());
    match (patch, warning.rule) {
        (Some(FixPatch::ReplaceValue { new_value, .. }), _) => Some(format!("use {new_value}")),
        (Some(FixPatch::ReplaceKey { new_key, .. }), _) => Some(format!("use {new_key}")),
        (Some(FixPatch::Remove { .. }), _) => Some("remove it".to_owned()),
        (None, LintRule::MissingLevel) => Some("without a level findings are medium".to_owned()),
        (None, _) => None,
    }
}
