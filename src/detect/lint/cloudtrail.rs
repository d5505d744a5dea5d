//! Compares a rule with what CloudTrail records can contain.
//!
//! It checks only rules for product aws, service cloudtrail. All results are warnings, because AWS
//! adds members and a rule may be written for future records.

use rsigma_parser::LogSource;

use super::flaw::{Flaw, Severity};
use super::names::{self, field_flaw, list_flaw};
use super::tree::{Kind, Node};
use crate::detect::sigma::logs::reason_of_source;

/// Whether a rule is about CloudTrail, as the loader decides it.
pub fn is_cloudtrail(document: &Node) -> bool {
    let text = |member: &str| {
        let text = document.get("logsource")?.get(member)?.text()?;
        Some(text.to_owned())
    };
    let source = LogSource {
        product: text("product"),
        service: text("service"),
        category: text("category"),
        ..LogSource::default()
    };
    reason_of_source(&source).is_none()
}

/// A field of a detection and its values.
struct Item<'t> {
    key: &'t Node,
    field: &'t str,
    modifiers: Vec<&'t str>,
    values: &'t [Node],
}

impl Item<'_> {
    /// Whether the values are compared as a whole.
    fn is_equality(&self) -> bool {
        self.modifiers.iter().all(|name| matches!(*name, "all" | "cased" | "neq"))
    }

    /// The values that are text, each with its place.
    fn texts(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.values.iter().filter_map(|node| Some((node.text()?, node)))
    }
}

/// Everything in a rule that does not fit CloudTrail records.
pub fn flaws(document: &Node) -> Vec<Flaw> {
    if !is_cloudtrail(document) {
        return Vec::new();
    }
    let path = |item: &Item<'_>| list_flaw(item.field, item.key);
    if let Some(filter) = document.get("filter") {
        let items = items_of(filter);
        let fields = items.iter().filter_map(|item| field_flaw(item.field, item.key));
        let paths = items.iter().filter_map(path);
        return fields.chain(paths).chain(empty(filter)).chain(keeping(filter)).collect();
    }
    let Some((key, detection)) = document.entry("detection") else { return Vec::new() };
    let items = items_of(detection);
    let mut found: Vec<Flaw> = items.iter().filter_map(path).chain(empty(detection)).collect();
    for item in &items {
        found.extend(field_flaw(item.field, item.key));
        match item.field {
            "eventSource" => {
                found.extend(item.texts().filter_map(|(v, n)| source_flaw(item, v, n)))
            }
            "errorCode" => found.extend(item.texts().filter_map(|(v, n)| success_flaw(v, n))),
            "keytrail.actor" => {
                found.extend(item.texts().filter_map(|(v, n)| actor_flaw(item, v, n)))
            }
            _ => {}
        }
    }
    found.extend(no_source(key, &items));
    found.extend(call_flaws(&items));
    let shown = document.get("fields").map(Node::items).unwrap_or_default();
    found.extend(shown.iter().filter_map(|node| field_flaw(node.text()?, node)));
    found
}

/// The flaws of detections that say nothing.
fn empty(detection: &Node) -> impl Iterator<Item = Flaw> {
    let empty = |(name, part): &(Node, Node)| {
        let says_nothing = match &part.kind {
            Kind::Scalar(text) => matches!(text.as_str(), "" | "~" | "null"),
            Kind::List(items) => items.is_empty(),
            Kind::Map(entries) => entries.is_empty(),
            Kind::Alias => false,
        };
        let is_detection = !matches!(name.text(), Some("condition" | "timeframe" | "rules"));
        (says_nothing && is_detection).then(|| {
            let message = format!("the detection '{}' is empty", name.text().unwrap_or_default());
            Flaw::new(Severity::Warning, "empty-detection", name.place, message)
                .hint("a scan passes over the rule: name what it looks for")
        })
    };
    detection.entries().iter().filter_map(empty)
}

/// The flaw of a filter that says what it leaves out and forgets to say `not`.
fn keeping(filter: &Node) -> Option<Flaw> {
    let condition = filter.get("condition")?;
    let has_not = condition.text()?.split(|c: char| !c.is_alphanumeric()).any(|word| word == "not");
    (!has_not).then(|| {
        let message = "the rules will match only what this filter selects";
        Flaw::new(Severity::Warning, "filter-keeps", condition.place, message)
            .hint("to leave it out, write `condition: not selection`")
    })
}

/// The items of all named detections.
fn items_of(detection: &Node) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    for (name, part) in detection.entries() {
        if !matches!(name.text(), Some("condition" | "timeframe" | "rules")) {
            collect(part, &mut items);
        }
    }
    items
}

/// The items of a detection. Items inside array matches are skipped, because they are about members
/// of an element.
fn collect<'t>(node: &'t Node, items: &mut Vec<Item<'t>>) {
    match &node.kind {
        Kind::List(parts) => parts.iter().for_each(|part| collect(part, items)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                let mut words = key.text().unwrap_or_default().split('|');
                // A list of keywords may have modifiers but has no field.
                let Some(field) = words.next().filter(|field| !field.is_empty()) else { continue };
                let modifiers = words.collect();
                items.push(Item { key, field, modifiers, values: value.items() });
            }
        }
        Kind::Scalar(_) | Kind::Alias => {}
    }
}

fn source_flaw(item: &Item<'_>, value: &str, node: &Node) -> Option<Flaw> {
    let ends = item.is_equality() || item.modifiers.contains(&"endswith");
    let whole = value.to_ascii_lowercase();
    // Some records have no source: those of Insights.
    let none = matches!(&*whole, "null" | "~");
    if !ends
        || none
        || whole.ends_with(".amazonaws.com")
        || whole.ends_with('*')
        || whole.is_empty()
    {
        return None;
    }
    let message = format!("no eventSource is '{value}': all end with .amazonaws.com");
    let flaw = Flaw::new(Severity::Warning, "event-source", node.place, message);
    let word = whole.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    Some(if word { flaw.hint(format!("use {whole}.amazonaws.com")) } else { flaw })
}

fn success_flaw(value: &str, node: &Node) -> Option<Flaw> {
    value.eq_ignore_ascii_case("success").then(|| {
        let message = format!("errorCode is never '{value}': calls that succeed have none");
        Flaw::new(Severity::Warning, "error-code", node.place, message)
            .hint("use `errorCode: null`, or `errorCode|exists: false`")
    })
}

fn actor_flaw(item: &Item<'_>, value: &str, node: &Node) -> Option<Flaw> {
    let known = !item.is_equality() || names::ACTORS.contains(&value.to_ascii_lowercase().as_str());
    (!known).then(|| {
        let message = format!("keytrail.actor is never '{value}'");
        Flaw::new(Severity::Warning, "actor", node.place, message)
            .hint(format!("it is one of {}", names::ACTORS.join(", ")))
    })
}

fn no_source(detection: &Node, items: &[Item<'_>]) -> Option<Flaw> {
    if items.is_empty() || items.iter().any(|item| item.field == "eventSource") {
        return None;
    }
    let call = items.iter().find(|item| item.field == "eventName");
    let (place, message) = match call {
        Some(item) => (item.key.place, "eventName without eventSource: services share names"),
        None => (detection.place, "no eventSource: the rule is asked about every record"),
    };
    let flaw = Flaw::new(Severity::Warning, "no-event-source", place, message);
    Some(flaw.hint("name the service, for example eventSource: kms.amazonaws.com"))
}

/// Values of `eventName` that never occur: names of IAM permissions, and calls without their
/// version.
fn call_flaws(items: &[Item<'_>]) -> Vec<Flaw> {
    let sources = items.iter().filter(|item| item.field == "eventSource");
    let sources: Vec<&str> =
        sources.flat_map(|item| item.texts()).map(|(value, _)| value).collect();
    let calls = items.iter().filter(|item| item.field == "eventName" && item.is_equality());
    let calls = calls.flat_map(|item| item.texts());
    calls
        .filter_map(|(value, node)| {
            let (_, _, logged) = names::NEVER_LOGGED.iter().find(|(source, name, _)| {
                name.eq_ignore_ascii_case(value)
                    && sources.iter().any(|known| known.eq_ignore_ascii_case(source))
            })?;
            let message = format!("no record has the eventName '{value}'");
            let flaw = Flaw::new(Severity::Warning, "event-name", node.place, message);
            Some(flaw.hint(format!("the call is logged as {logged}")))
        })
        .collect()
}
