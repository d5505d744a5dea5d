//! Makes rules out of documents: compiles them and adds what they say about themselves.
//!
//! What must stay true: what only built-in rules may say of themselves is not taken from a user's.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use rsigma_parser::{CorrelationRule, SigmaRule};

use super::compile::Compiled;
use super::correlate::correlation;
use super::counts::Count;
use super::document::{Document, File};
use super::name::canonical;
use super::narrowing::Narrowing;
use super::own::Own;
use crate::detect::native::Native;
use crate::detect::router::Routes;
use crate::detect::rule::{Body, Rule};
use crate::detect::stateful::{By, Correlation, Verdict};
use crate::detect::usual::Reads;
use crate::model::level::Level;
use crate::model::rule_meta::RuleMeta;

/// The level of a user's rule that states none.
pub const DEFAULT_LEVEL: Level = Level::Medium;

/// What a document says about itself.
struct Paper<'a> {
    id: Option<&'a String>,
    name: Option<&'a String>,
    title: &'a str,
    level: Option<rsigma_parser::Level>,
    tags: &'a [String],
    references: &'a [String],
    description: Option<&'a String>,
    false_positives: &'a [String],
    own: Own,
}

impl<'a> Paper<'a> {
    fn of_rule(rule: &'a SigmaRule) -> Paper<'a> {
        Paper {
            id: rule.id.as_ref(),
            name: rule.name.as_ref(),
            title: &rule.title,
            level: rule.level,
            tags: &rule.tags,
            references: &rule.references,
            description: rule.description.as_ref(),
            false_positives: &rule.falsepositives,
            own: Own::of(rule.custom_attributes.get("keytrail")),
        }
    }

    fn of_correlation(rule: &'a CorrelationRule) -> Paper<'a> {
        Paper {
            id: rule.id.as_ref(),
            name: rule.name.as_ref(),
            title: &rule.title,
            level: rule.level,
            tags: &rule.tags,
            references: &rule.references,
            description: rule.description.as_ref(),
            false_positives: &rule.falsepositives,
            own: Own::of(rule.custom_attributes.get("keytrail")),
        }
    }
}

/// What comes behind the id of a rule that counts matches, in that of the part that looks for them.
pub const MATCHES: &str = "#events";

/// Makes a rule over single records. `native` is its code, and `narrowed` are the filters that narrow
/// it.
///
/// # Errors
/// The evaluator does not accept the rule.
pub fn rule(
    document: &Document,
    rule: &SigmaRule,
    native: Option<Native>,
    narrowed: &[&Narrowing],
) -> Result<Rule, String> {
    let is_own = document.file.embedded.is_some();
    let conditions = narrowed.iter().map(|filter| Arc::clone(&filter.condition)).collect();
    let (compiled, routes) = Compiled::new(rule, conditions, is_own)?;
    let paper = Paper::of_rule(rule);
    if native.is_none() && paper.own.member("native").is_some() && is_own {
        return Err("the rule says that it is code, and there is none".to_owned());
    }
    // A rule that needs a missing setting is listed, but no record is routed to it.
    let routes = match &native {
        Some(Native::Detector(code)) if !code.is_set_up() => Routes::default(),
        Some(Native::History(code)) if !code.wants_records() => Routes::default(),
        Some(Native::WholeLog(_)) => Routes::default(),
        _ => routes,
    };
    let body = match native {
        Some(Native::Detector(code)) => Body::Native(Box::new(compiled), code),
        Some(Native::History(code)) => Body::History(Box::new(compiled), code),
        Some(Native::WholeLog(code)) => Body::WholeLog(Box::new(compiled), code),
        None => Body::Sigma(Box::new(compiled)),
    };
    let made = papers(document, &paper, routes, body)?;
    let narrowed = narrowed.iter().map(|filter| Arc::clone(&filter.filter)).collect();
    Ok(Rule { narrowed, ..made })
}

/// Makes the two rules that a rule with a count at the end of its condition stands for: one over
/// single records, which is not reported, and a correlation, which has all its papers.
///
/// # Errors
/// As [`rule`].
pub fn counted(
    document: &Document,
    sigma: &SigmaRule,
    count: &Count,
    narrowed: &[&Narrowing],
) -> Result<[Rule; 2], String> {
    let mut counts = rule(document, sigma, None, narrowed)?;
    let events = counts.meta.id.clone() + MATCHES;
    let seconds = i64::try_from(count.secs).unwrap_or(i64::MAX);
    let by = count.by.iter().map(|name| By { name: name.clone(), of: BTreeMap::new() });
    let correlation = Correlation {
        kind: count.kind(),
        steps: vec![vec![events.clone()]],
        by: by.collect(),
        span: seconds.saturating_mul(1_000_000),
        from: Level::Informational,
        verdict: Verdict::Finding,
        usual: None,
    };
    let body = std::mem::replace(&mut counts.body, Body::Correlation(Box::new(correlation), false));
    let routes = std::mem::take(&mut counts.routes);
    let matches = Rule {
        meta: RuleMeta { id: events, ..counts.meta.clone() },
        names: Vec::new(),
        part: true,
        text: Arc::clone(&counts.text),
        narrowed: std::mem::take(&mut counts.narrowed),
        explanation: None,
        lowers_attempts: false,
        routes,
        body,
    };
    Ok([matches, counts])
}

/// Makes a rule over matches of others; `Err` in `Ok` is the reason to pass over it.
///
/// # Errors
/// The document says something of itself that cannot be.
pub fn correlated(
    document: &Document,
    rule: &CorrelationRule,
) -> Result<Result<Rule, String>, String> {
    let file = &document.file;
    let compiled =
        match correlation(rule, verdict(file, rule), from(file, rule), file.embedded.is_some()) {
            Ok(compiled) => with_own(compiled, file, rule),
            Err(reason) => return Ok(Err(reason)),
        };
    let body = Body::Correlation(Box::new(compiled), rule.generate);
    papers(document, &Paper::of_correlation(rule), Routes::default(), body).map(Ok)
}

/// Adds the metadata to a compiled rule.
fn papers(
    document: &Document,
    paper: &Paper<'_>,
    routes: Routes,
    body: Body,
) -> Result<Rule, String> {
    let (own, file) = (&paper.own, &document.file);
    let level = paper.level.map(|level| Level::from_str(level.as_str())).transpose()?;
    let embedded = file.embedded.as_ref();
    // A built-in file may hold several documents. Parts are identified by their names.
    let main = embedded.filter(|e| paper.name.is_none_or(|name| name == e.id));
    let id = match (embedded, main, paper.name) {
        (_, Some(embedded), _) => embedded.id.to_owned(),
        (Some(_), None, Some(name)) => name.clone(),
        _ => document.id.clone(),
    };
    let canonical = paper.id.map(|id| canonical(id).into_owned());
    let names = [paper.id, canonical.as_ref(), paper.name].into_iter().flatten().cloned();
    let routine = own.text("routine").filter(|_| embedded.is_some());
    let is_alike = own.member("alike").is_some_and(|alike| alike.as_bool() == Some(true));
    Ok(Rule {
        names: names.filter(|name| *name != id).collect(),
        meta: RuleMeta {
            id,
            title: paper.title.to_owned(),
            level: level.unwrap_or(DEFAULT_LEVEL),
            group: embedded.map(|embedded| embedded.group.to_owned()),
            tags: paper.tags.to_vec(),
            references: paper.references.to_vec(),
            advice: own.text("advice").map(|text| text.trim().to_owned()),
            description: paper.description.cloned(),
            false_positives: paper.false_positives.to_vec(),
            tier: own.member("tier").and_then(|tier| tier.as_u64()?.try_into().ok()),
            whitepaper: own.texts("whitepaper"),
            controls: own.controls(),
            routine: routine.and_then(|level| level.parse().ok()),
            alike: embedded.is_some() && is_alike,
            values: own.texts("values"),
            origin: file.origin.clone(),
        },
        text: Arc::clone(&file.text),
        narrowed: Vec::new(),
        explanation: main.map(|embedded| embedded.explanation),
        lowers_attempts: embedded.is_some() && own.text("errors") != Some("selected"),
        part: embedded.is_some() && main.is_none(),
        routes,
        body,
    })
}

/// The lowest level of matches that count in a correlation. Only built-in rules can set it.
fn from(file: &File, rule: &CorrelationRule) -> Level {
    let own = Own::of(rule.custom_attributes.get("keytrail"));
    let said = own.text("from").filter(|_| file.embedded.is_some());
    said.and_then(|level| level.parse().ok()).unwrap_or(Level::Informational)
}

/// A correlation with what only built-in rules can say of it.
fn with_own(compiled: Correlation, file: &File, rule: &CorrelationRule) -> Correlation {
    let own = Own::of(rule.custom_attributes.get("keytrail"));
    let usual = own.text("usual").filter(|_| file.embedded.is_some()).and_then(Reads::parse);
    Correlation { usual, ..compiled }
}

/// What a match of a correlation becomes. For a user's correlation it is always a finding.
fn verdict(file: &File, rule: &CorrelationRule) -> Verdict {
    if file.embedded.is_none() {
        return Verdict::Finding;
    }
    let own = Own::of(rule.custom_attributes.get("keytrail"));
    match (own.text("raises"), own.text("same_as")) {
        (Some(id), _) => Verdict::Raises(id.to_owned()),
        (None, Some(id)) => Verdict::FindingOf(id.to_owned()),
        (None, None) => Verdict::Finding,
    }
}
