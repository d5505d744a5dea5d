//! Checks a rule against the Sigma specification, with the linter of rsigma.
//!
//! Advice about metadata, such as author and description, is left out: a user's own rule needs
//! neither. An unknown member is probably misspelt, so it becomes a warning.

use rsigma_parser::lint::{FixPatch, LintRule, LintWarning, Severity as Spec, lint_yaml_value};
use serde::Deserialize;
use yaml_serde::{Deserializer, Value};

use super::flaw::{Flaw, Severity};
use super::tree::{File, Node};

/// All flaws in the documents of a file.
pub fn flaws(file: &File) -> Vec<Flaw> {
    let mut found = Vec::new();
    let mut trees = file.documents.iter();
    for document in Deserializer::from_str(&file.text) {
        let value = match Value::deserialize(document) {
            Ok(value) => value,
            Err(error) => {
                let place = error.location().map_or((1, 1), |at| (at.line(), at.column()));
                found.push(Flaw::new(Severity::Error, "no-yaml", place, error.to_string()));
                break;
            }
        };
        let tree = trees.next();
        if value.is_null() {
            continue;
        }
        let warnings = lint_yaml_value(&value);
        found.extend(warnings.iter().filter_map(|warning| flaw(warning, &value, tree)));
    }
    found
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
        LintRule::MissingFilterSelection => {
            let filter = document.get("filter").and_then(Value::as_mapping);
            let mut names = filter.into_iter().flat_map(|filter| filter.keys());
            names.any(|name| !matches!(name.as_str(), None | Some("rules" | "condition")))
        }
        _ => false,
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
