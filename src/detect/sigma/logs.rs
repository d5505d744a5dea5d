//! Which logs a document of Sigma is for.
//!
//! What must stay true: this is known before anything else of a document is judged, so that a mistake
//! in a rule for other logs costs nobody anything.

use rsigma_parser::LogSource;
use yaml_serde::{Mapping, Value};

const OURS: &str = "cloudtrail";

/// Why a log source is not CloudTrail. Its service says it all, and a rule for all logs of AWS is
/// one for CloudTrail too. Some rules name the service as the category.
pub fn reason_of_source(source: &LogSource) -> Option<String> {
    let is = |field: &Option<String>, value: &str| {
        field.as_deref().is_some_and(|text| text.trim().eq_ignore_ascii_case(value))
    };
    let LogSource { category, product, service, .. } = source;
    let aws = is(product, "aws");
    let ours = match service {
        Some(_) => is(service, OURS) && (aws || product.is_none()),
        None => match category {
            Some(_) => is(category, OURS) && (aws || product.is_none()),
            None => aws,
        },
    };
    if ours {
        return None;
    }
    let named: Vec<&str> =
        [product, service, category].into_iter().flatten().map(String::as_str).collect();
    let named = if named.is_empty() { "none".to_owned() } else { named.join("/") };
    Some(not_ours(&named))
}

/// The same of a document that is not parsed yet. A log source in a form that nobody understands is
/// taken for CloudTrail if it says the word, so that the mistake is told.
pub fn reason_of_members(members: &Mapping) -> Option<String> {
    match members.get("logsource") {
        Some(Value::Mapping(source)) => reason_of_source(&source_of(source)),
        None | Some(Value::Null) => reason_of_source(&LogSource::default()),
        Some(other) => {
            let text = yaml_serde::to_string(other).unwrap_or_default();
            let ours = text.to_ascii_lowercase().contains(OURS);
            (!ours).then(|| not_ours(text.trim()))
        }
    }
}

/// Whether a document names CloudTrail as its service or category.
pub fn names_cloudtrail(members: &Mapping) -> bool {
    let Some(Value::Mapping(source)) = members.get("logsource") else { return false };
    let LogSource { service, category, .. } = source_of(source);
    reason_of_members(members).is_none() && (service.is_some() || category.is_some())
}

/// Whether a text that is no YAML looks like a rule for these logs: it names them where a log source
/// stands, or is a correlation and no template.
pub fn looks_like_ours(text: &str) -> bool {
    let begins = |line: &str, names: &[&str]| names.iter().any(|name| is_member(line, name));
    let is_there = |names: &[&str]| text.lines().any(|line| begins(line, names));
    let names_ours = |line: &str| {
        let mut words = line.split(|c: char| !c.is_alphanumeric());
        words.any(|word| word.eq_ignore_ascii_case("aws") || word.eq_ignore_ascii_case(OURS))
    };
    let source = ["logsource", "product", "service", "category"];
    let is_source = |line: &str| begins(line.trim_start(), &source) && names_ours(line);
    (is_there(&["correlation"]) && !text.contains("{{"))
        || (is_there(&["detection", "filter", "logsource"]) && text.lines().any(is_source))
}

/// Whether a line begins a member of a document.
fn is_member(line: &str, name: &str) -> bool {
    let line = line.trim_start_matches(['\u{feff}', '"', '\'']);
    let rest = line.strip_prefix(name).map(|rest| rest.trim_start_matches(['"', '\'', ' ', '\t']));
    rest.is_some_and(|rest| rest.starts_with(':'))
}

fn source_of(source: &Mapping) -> LogSource {
    let text = |member: &str| source.get(member).and_then(Value::as_str).map(str::to_owned);
    LogSource {
        product: text("product"),
        service: text("service"),
        category: text("category"),
        ..LogSource::default()
    }
}

fn not_ours(named: &str) -> String {
    format!("log source is {named}, not aws/{OURS}")
}
