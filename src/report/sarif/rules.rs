//! The tool, what each of its rules is, and what kinds of problems there are.

use serde_json::{Value, json};

use super::text::plain;
use crate::model::level::Level;
use crate::model::problem::Stage;
use crate::model::rule_meta::RuleMeta;
use crate::report::fields::{page, said, tidy};

/// Where the tool is to be found, by `Cargo.toml`. A member that is empty there names no page.
const PAGES: [&str; 2] = [env!("CARGO_PKG_HOMEPAGE"), env!("CARGO_PKG_REPOSITORY")];

/// So many tags of a rule are shown by GitHub.
const TAGS: usize = 20;

/// What each stage of reading can tell of.
const STAGES: [(Stage, &str); 7] = [
    (Stage::Read, "Input could not be listed, opened or read."),
    (Stage::Inflate, "Compressed input could not be inflated."),
    (Stage::Parse, "Text or records could not be parsed."),
    (Stage::Rule, "A rule failed."),
    (Stage::S3, "Objects could not be listed or fetched."),
    (Stage::Tags, "Tags could not be read or compared."),
    (Stage::Verify, "Logs could not be verified."),
];

/// The tool and its rules, in the order in which they are given.
pub fn tool(rules: &[RuleMeta]) -> Value {
    let notifications = STAGES.iter().map(|(stage, text)| {
        json!({
            "id": problem_id(*stage),
            "name": format!("{}Problem", pascal(stage.as_str())),
            "shortDescription": {"text": text},
            "fullDescription": {"text": text},
            "help": {"text": "The report lacks what could not be read. Read it again when it can be."},
            "defaultConfiguration": {"level": "error"},
        })
    });
    let mut driver = json!({
        "name": env!("CARGO_PKG_NAME"),
        "fullName": concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")),
        "version": env!("CARGO_PKG_VERSION"),
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "shortDescription": {"text": concat!(env!("CARGO_PKG_DESCRIPTION"), ".")},
        "rules": rules.iter().map(rule).collect::<Vec<_>>(),
        "notifications": notifications.collect::<Vec<_>>(),
    });
    if let Some(page) = PAGES.into_iter().find(|page| !page.is_empty()) {
        driver["informationUri"] = page.into();
    }
    json!({"driver": driver})
}

/// The id of a kind of problem.
pub fn problem_id(stage: Stage) -> String {
    format!("problem/{}", stage.as_str())
}

fn rule(rule: &RuleMeta) -> Value {
    let description = said(rule.description.as_deref()).unwrap_or(&rule.title);
    let security = ["security".to_owned()];
    let tags: Vec<&String> =
        security.iter().chain(&rule.group).chain(&rule.tags).take(TAGS).collect();
    tidy(json!({
        "id": rule.id,
        "name": name(rule),
        "shortDescription": {"text": sentence(&rule.title)},
        "fullDescription": {"text": sentence(description)},
        "help": {"text": help(rule, false), "markdown": help(rule, true)},
        "helpUri": page(&rule.references),
        "defaultConfiguration": {"level": level(rule.level)},
        "properties": {
            "tags": tags,
            "precision": precision(rule.tier),
            "security-severity": severity(rule.level),
        },
    }))
}

/// An identifier: of the id, unless that is a number such as a UUID.
fn name(rule: &RuleMeta) -> String {
    let of_id = pascal(&rule.id);
    if of_id.starts_with(char::is_alphabetic) { of_id } else { pascal(&rule.title) }
}

/// What a rule says at more length, in words or in Markdown.
fn help(rule: &RuleMeta, markdown: bool) -> String {
    let text = |text: &str| if markdown { text.to_owned() } else { plain(text) };
    let title = |title: &str| if markdown { format!("## {title}") } else { format!("{title}:") };
    let list = |items: &[String]| {
        items.iter().map(|item| format!("- {}", text(item))).collect::<Vec<_>>().join("\n")
    };
    let mut parts = vec![text(said(rule.description.as_deref()).unwrap_or(&rule.title))];
    if let Some(advice) = said(rule.advice.as_deref()) {
        parts.extend([title("What to do"), text(advice)]);
    }
    if !rule.false_positives.is_empty() {
        parts.extend([title("When it is harmless"), list(&rule.false_positives)]);
    }
    if !rule.references.is_empty() {
        parts.extend([title("References"), list(&rule.references)]);
    }
    parts.join("\n\n")
}

/// A text that ends as a sentence does.
fn sentence(text: &str) -> String {
    let text = plain(text.trim());
    if text.ends_with(['.', '!', '?', '…']) { text } else { text + "." }
}

/// `key-deletion-scheduled` as `KeyDeletionScheduled`.
fn pascal(id: &str) -> String {
    let words = id.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let first_up = |word: &str| {
        let mut chars = word.chars();
        let first = chars.next().map(|c| c.to_uppercase().to_string());
        first.unwrap_or_default() + chars.as_str()
    };
    words.map(first_up).collect()
}

/// The level of a result.
pub fn level(level: Level) -> &'static str {
    match level {
        Level::Critical | Level::High => "error",
        Level::Medium => "warning",
        Level::Low | Level::Informational => "note",
    }
}

/// The level as GitHub reads it: critical from 9.0, high from 7.0, medium from 4.0.
pub fn severity(level: Level) -> &'static str {
    match level {
        Level::Critical => "9.5",
        Level::High => "8.0",
        Level::Medium => "5.5",
        Level::Low => "2.5",
        Level::Informational => "0.5",
    }
}

/// How sure a finding is, by the noise that is to be expected.
fn precision(tier: Option<u8>) -> Option<&'static str> {
    match tier? {
        0 | 1 => Some("high"),
        2 => Some("medium"),
        _ => Some("low"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rules_are_identifiers() {
        for (id, name) in [
            ("key-deletion-scheduled", "KeyDeletionScheduled"),
            ("s3_x.y", "S3XY"),
            ("", ""),
            ("--", ""),
            ("über-uns", "ÜberUns"),
        ] {
            assert_eq!(pascal(id), name);
        }
    }

    #[test]
    fn severities_are_in_the_bands_of_github() {
        let band = |level| match severity(level).parse::<f64>().unwrap() {
            9.0.. => "critical",
            7.0.. => "high",
            4.0.. => "medium",
            _ => "low",
        };
        for found in Level::ALL {
            let name = if found == Level::Informational { "low" } else { found.as_str() };
            assert_eq!(band(found), name);
        }
    }
}
