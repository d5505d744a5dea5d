//! Older and looser forms of Sigma, put into the form of today before they are parsed.
//!
//! Public collections hold rules of ten years. Some things in them are not Sigma of today and yet have
//! one meaning only: words in capitals, numbers as texts, conditions that end in a count (`counts`),
//! fields within fields (`shapes`). What must stay true: a form that is not understood is not guessed;
//! it is passed over, with the reason.

use yaml_serde::{Mapping, Value};

use super::counts::{self, COUNT};
use super::name::canonical;
use super::{shapes, words};

/// The name of a member that stands for the members of another mapping.
const MERGE: &str = "<<";

const LEVELS: [&str; 5] = ["informational", "low", "medium", "high", "critical"];

/// Why a document becomes no rule.
#[derive(Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It cannot be evaluated here, or not in one way only.
    PassOver(String),
    /// It would be evaluated if a word in it were right.
    LeaveOut(String),
}

impl From<String> for Unfit {
    fn from(reason: String) -> Unfit {
        Unfit::PassOver(reason)
    }
}

/// Puts a document into the form of today. Returns what of it means nothing, in words.
///
/// # Errors
/// Why it becomes no rule.
pub fn of_today(members: &mut Mapping) -> Result<Option<&'static str>, Unfit> {
    members.remove(COUNT);
    write_id(members);
    lower(members, "status");
    if members.get("logsource").is_some_and(Value::is_null) {
        members.remove("logsource");
    }
    if members.iter().any(|(name, value)| merges(name, value)) {
        let reason = "YAML merge keys (`<<`) are not supported: write the members out";
        return Err(Unfit::PassOver(reason.to_owned()));
    }
    names_its_rules(members)?;
    let has_blocks = members.get("sigma-version").is_some_and(|version| !version.is_null());
    for name in ["detection", "filter"] {
        let Some(Value::Mapping(detection)) = members.get_mut(name) else { continue };
        words::lower(detection);
        shapes::plain(detection, has_blocks)?;
    }
    let idle = counts::take_count_out(members)?;
    correlation(members);
    level(members)?;
    Ok(idle.then_some("has a `timeframe` and counts nothing in it, so that the time means nothing"))
}

/// Whether a message of the parser is about a correlation of a form that is not known yet.
pub fn is_of_tomorrow(message: &str) -> bool {
    let said = message.strip_prefix("Invalid correlation rule: ").unwrap_or(message);
    ["Unknown correlation type", "Invalid timespan", "Correlation condition must have an operator"]
        .iter()
        .any(|start| said.starts_with(start))
}

/// Writes the level in lower case, as Sigma's words are, and leaves a rule out whose level is none.
fn level(members: &mut Mapping) -> Result<(), Unfit> {
    lower(members, "level");
    let said = match members.get("level") {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::String(level)) if LEVELS.contains(&level.as_str()) => return Ok(()),
        Some(Value::String(level)) if level.is_empty() => {
            members.remove("level");
            return Ok(());
        }
        Some(Value::String(level)) => format!("'{level}'"),
        Some(other) => yaml_serde::to_string(other).unwrap_or_default().trim().replace('\n', " "),
    };
    let levels = LEVELS.join(", ");
    Err(Unfit::LeaveOut(format!("invalid level: {said}: expected one of {levels}")))
}

/// Writes the text of a member in lower case.
fn lower(members: &mut Mapping, name: &str) {
    if let Some(Value::String(text)) = members.get_mut(name) {
        *text = text.trim().to_ascii_lowercase();
    }
}

/// Writes an id that is a number as text, as people mean it.
fn write_id(members: &mut Mapping) {
    if let Some(id) = members.get_mut("id")
        && let Value::Number(number) = id
    {
        *id = Value::String(number.to_string());
    }
}

/// Whether a member or one within it merges another mapping into its own. The parser does not, and would
/// look for a field of that name. How deep values are is limited where files are read.
fn merges(name: &Value, value: &Value) -> bool {
    name.as_str() == Some(MERGE)
        || match value {
            Value::Mapping(members) => members.iter().any(|(name, value)| merges(name, value)),
            Value::Sequence(items) => items.iter().any(|item| merges(&Value::Null, item)),
            _ => false,
        }
}

/// Whether a filter, if it is one, says which rules it narrows. The parser takes whatever it does not
/// understand there for all rules, which would hide what they find.
fn names_its_rules(members: &mut Mapping) -> Result<(), String> {
    let Some(Value::Mapping(filter)) = members.get_mut("filter") else { return Ok(()) };
    let is_name = |value: &Value| value.as_str().is_some_and(|name| !name.trim().is_empty());
    let named = match filter.get("rules") {
        Some(Value::Sequence(names)) => !names.is_empty() && names.iter().all(is_name),
        Some(name) => is_name(name),
        None => false,
    };
    if !named {
        return Err("a filter names its rules as texts under `rules`, or says `any`".to_owned());
    }
    each_name(filter.get_mut("rules"));
    Ok(())
}

/// Writes what a correlation names and counts as it is compared.
fn correlation(members: &mut Mapping) {
    let Some(Value::Mapping(correlation)) = members.get_mut("correlation") else { return };
    each_name(correlation.get_mut("rules"));
    if let Some(Value::Mapping(aliases)) = correlation.get_mut("aliases") {
        for alias in aliases.values_mut().filter_map(Value::as_mapping_mut) {
            let entries = std::mem::take(alias).into_iter();
            *alias = entries.map(|(rule, field)| (named(rule), field)).collect();
        }
    }
    if let Some(Value::Mapping(limits)) = correlation.get_mut("condition") {
        for (name, limit) in limits.iter_mut() {
            let counts = matches!(name.as_str(), Some("lt" | "lte" | "gt" | "gte" | "eq" | "neq"));
            let number = whole(limit).filter(|_| counts);
            number.into_iter().for_each(|number| *limit = number.into());
        }
    }
    // Without a condition all rules must match. The parser would say at least one.
    let temporal = correlation.get("type").and_then(Value::as_str);
    let is_temporal = temporal.is_some_and(|kind| kind.starts_with("temporal"));
    if is_temporal && correlation.get("condition").is_none_or(Value::is_null) {
        let rules = match correlation.get("rules") {
            Some(Value::Sequence(rules)) => rules.len() as u64,
            _ => 1,
        };
        let all: Mapping = [("gte".into(), rules.into())].into_iter().collect();
        correlation.insert("condition".into(), all.into());
    }
}

/// A whole number that is written as text or as a fraction.
fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) if !number.is_u64() => {
            let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
            // What is no whole number any more, no log counts up to.
            (0.0..9e15).contains(&float).then_some(float as u64)
        }
        _ => None,
    }
}

/// Writes each name in a list of rules, or the one that stands for a list.
fn each_name(rules: Option<&mut Value>) {
    match rules {
        Some(Value::Sequence(names)) => {
            names.iter_mut().for_each(|name| *name = named(std::mem::take(name)));
        }
        Some(name) => *name = named(std::mem::take(name)),
        None => {}
    }
}

/// The name of a rule as it is compared.
fn named(name: Value) -> Value {
    match name {
        Value::String(text) => canonical(&text).into_owned().into(),
        Value::Number(number) => number.to_string().into(),
        other => other,
    }
}
