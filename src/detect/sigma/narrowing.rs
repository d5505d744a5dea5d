//! Sigma filters: documents that narrow what other rules match (Sigma specification, "Filters").
//!
//! A filter holds a condition of its own, and a rule that it is about matches only where that
//! condition holds too. Its detections have names of their own, so that no `1 of filter_*` of the
//! rule reaches into the filter or the other way round. What must stay true: a filter narrows the
//! user's rules only. One that came with a collection must not hide what the built-in rules find.

use std::collections::BTreeSet;
use std::sync::Arc;

use rsigma_eval::{CompiledRule, compile_rule};
use rsigma_parser::{FilterRule, FilterRuleTarget, parse_sigma_yaml};

use super::compile::expands;
use super::document::{Content, Document, File};
use super::logs::reason_of_source;
use super::text::searching;
use crate::detect::rule::Narrower;

/// A rule to put the detection of a filter into, since the evaluator compiles only rules.
const SHELL: &str = "title: filter\ndetection: {selection: {a: b}, condition: selection}";

/// A filter, compiled.
#[derive(Debug)]
pub struct Narrowing {
    /// What must hold beside the condition of a rule.
    pub condition: Arc<CompiledRule>,
    /// What it is.
    pub filter: Arc<Narrower>,
    /// The rules that it narrows, by id, name or title; `None` for all.
    targets: Option<BTreeSet<String>>,
    /// The category of log sources that it is about, if only one.
    category: Option<String>,
}

impl Narrowing {
    /// Compiles a filter.
    ///
    /// # Errors
    /// The evaluator does not accept its detection.
    pub fn new(filter: &FilterRule, file: &File) -> Result<Narrowing, String> {
        let shell = parse_sigma_yaml(SHELL).ok().and_then(|mut shell| shell.rules.pop());
        let mut shell = shell.ok_or("a filter cannot be compiled")?;
        shell.detection = filter.detection.clone();
        shell.sigma_version = filter.sigma_version;
        let condition = compile_rule(&searching(&shell)).map_err(|error| error.to_string())?;
        let targets = match &filter.rules {
            FilterRuleTarget::Any => None,
            FilterRuleTarget::Specific(names) => match &names[..] {
                [all] if all.eq_ignore_ascii_case("all") || all.eq_ignore_ascii_case("any") => None,
                names => Some(names.iter().cloned().collect()),
            },
        };
        let category = filter.logsource.as_ref().and_then(|source| source.category.clone());
        let File { origin, text, .. } = file;
        let filter = Narrower {
            origin: origin.clone(),
            title: filter.title.clone(),
            text: Arc::clone(text),
        };
        Ok(Narrowing {
            condition: Arc::new(condition),
            filter: Arc::new(filter),
            targets,
            category,
        })
    }

    /// Whether it narrows a document.
    pub fn is_about(&self, document: &Document) -> bool {
        let Content::Rule(rule, _) = &document.content else { return false };
        let fits = self.category.as_ref().is_none_or(|wanted| {
            rule.logsource.category.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(wanted))
        });
        let named =
            |targets: &BTreeSet<String>| document.names().any(|name| targets.contains(&*name));
        fits && self.targets.as_ref().is_none_or(named)
    }

    /// What to say if it is about none of the rules that were loaded.
    pub fn reason_of_none(&self) -> String {
        let named = self.targets.iter().flatten().map(|name| format!("'{name}'"));
        let named: Vec<String> = named.collect();
        match named.is_empty() {
            true => {
                "a filter narrows your own rules over single records, and there are none".to_owned()
            }
            false => format!(
                "a filter narrows your own rules over single records, and none is called {}",
                named.join(" or ")
            ),
        }
    }
}

/// The reason to pass over a filter that is valid but cannot be evaluated here.
pub fn reason_to_skip(filter: &FilterRule) -> Option<String> {
    if let Some(reason) = filter.logsource.as_ref().and_then(reason_of_source) {
        return Some(reason);
    }
    if rsigma_parser::is_unsupported(filter.sigma_version) {
        return Some("written for a newer version of Sigma than is known here".to_owned());
    }
    if filter.detection.named.values().any(expands) {
        return Some("`|expand` placeholders are not supported".to_owned());
    }
    match filter.detection.conditions.len() {
        1 => None,
        _ => Some("a filter has one condition".to_owned()),
    }
}
