//! `--select` and `--ignore`: finds the rules that a user means.
//!
//! A selector is a rule's id or other name, a group, a tag, an ATT&CK technique or a level. What
//! must stay true: a selector that matches no rule is an error. Otherwise a typing error in
//! `--ignore` would report too much, and one in `--select` would report nothing. Whether no rule is left
//! is for the caller to judge, who knows which rules were passed over or left out.

use std::collections::BTreeSet;

use super::rule::Rule;
use crate::model::level::Level;

/// The maximum number of suggestions.
const MOST_SUGGESTIONS: usize = 3;

/// Returns, for each rule, whether to keep it.
///
/// # Errors
/// One message for each selector that matches no rule.
pub fn choose(
    rules: &[Rule],
    select: &[String],
    ignore: &[String],
) -> Result<Vec<bool>, Vec<String>> {
    let known = |selector: &String| {
        rules.iter().any(|rule| !rule.part && names(rule, selector))
            || selector.parse::<Level>().is_ok()
    };
    let unknown: BTreeSet<&String> =
        select.iter().chain(ignore).filter(|selector| !known(selector)).collect();
    if !unknown.is_empty() {
        return Err(unknown.into_iter().map(|selector| complain(rules, selector)).collect());
    }
    let any = |selectors: &[String], rule: &Rule| selectors.iter().any(|text| names(rule, text));
    let keep =
        |rule: &Rule| !rule.part && (select.is_empty() || any(select, rule)) && !any(ignore, rule);
    Ok(rules.iter().map(keep).collect())
}

/// Whether a selector matches a rule.
fn names(rule: &Rule, selector: &str) -> bool {
    let meta = &rule.meta;
    rule.is_named(selector)
        || meta.group.as_deref() == Some(selector)
        || meta.level.as_str() == selector
        || meta.tags.iter().any(|tag| tag.eq_ignore_ascii_case(selector))
        || meta.attack().iter().any(|id| id.eq_ignore_ascii_case(selector))
}

/// The error message for a selector, with suggestions.
fn complain(rules: &[Rule], selector: &str) -> String {
    let mut known: BTreeSet<&str> = Level::ALL.iter().map(|level| level.as_str()).collect();
    for meta in rules.iter().map(|rule| &rule.meta) {
        known.insert(&meta.id);
        known.extend(meta.group.as_deref());
        known.extend(meta.tags.iter().map(String::as_str));
    }
    refused(selector, &known, "expected a rule id, group, tag or level")
}

/// The error message for a name that no rule has, with suggestions.
pub fn unknown_rule(rules: &[Rule], name: &str) -> String {
    let whole = rules.iter().filter(|rule| !rule.part);
    let known = whole.map(|rule| rule.meta.id.as_str()).collect();
    refused(name, &known, "`keytrail rules list` shows every rule")
}

fn refused(typed: &str, known: &BTreeSet<&str>, otherwise: &str) -> String {
    let close = close(typed, known);
    let meant = match close.is_empty() {
        true => otherwise.to_owned(),
        false => format!("did you mean {}?", close.join(", ")),
    };
    format!("'{typed}' names no rule: {meant}")
}

/// The few entries of `known` that are most similar to `typed`, closest first.
pub fn close<'a>(typed: &str, known: &BTreeSet<&'a str>) -> Vec<&'a str> {
    let limit = (typed.len() / 3).max(2);
    let mut close: Vec<(usize, &str)> = known
        .iter()
        .map(|name| (distance(typed, name), *name))
        .filter(|(distance, name)| *distance <= limit || (typed.len() > 2 && name.contains(typed)))
        .collect();
    close.sort_unstable();
    close.into_iter().map(|(_, name)| name).take(MOST_SUGGESTIONS).collect()
}

/// The Levenshtein distance: how many characters must be inserted, deleted or replaced.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, to) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        for (left, right, edits) in
            [("", "", 0), ("", "ab", 2), ("kitten", "sitting", 3), ("trial", "trail", 2)]
        {
            assert_eq!(distance(left, right), edits);
            assert_eq!(distance(right, left), edits);
        }
    }
}
