//! `keytrail rules show`: one rule's full explanation, as Markdown; on a terminal drawn.
//!
//! A built-in rule has a page of its own; of a user's rule there is what its YAML says. The text of
//! a rule may come from anywhere, so every line is escaped for the terminal.

use super::Done;
use super::args::ShowArgs;
use crate::cli::check::Verbosity;
use crate::cli::commands::skipped;
use crate::cli::config::Config;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::ui::Messages;
use crate::detect::RuleSet;
use crate::detect::controls::frameworks;
use crate::detect::loaded::Loaded;
use crate::detect::whitepaper::statement;
use crate::model::control::ControlName;
use crate::model::rule_meta::RuleMeta;
use crate::report::escape::visible;
use crate::report::{self, Style};
use crate::source::Sources;

/// Runs the command.
pub fn run(args: &ShowArgs, (style, on_terminal): (Style, bool), messages: Messages) -> Done {
    let (config, mut wrong) = Config::load(args.config.config.as_deref(), &Sources::default());
    let loaded = RuleSet::load(true, &config.usual.rules(&args.paths), &config.estate);
    let loaded = loaded.map_err(|errors| wrong.extend(errors.into_iter().map(Failure::from)));
    let Some(Loaded { rules, problems, skipped, replaced, reasons, .. }) =
        loaded.ok().filter(|_| wrong.is_empty())
    else {
        return Err(wrong);
    };
    // What became of a file is why a rule is not there, or is another one.
    skipped::say(&skipped, Verbosity::Normal, messages);
    problems.iter().for_each(|problem| messages.warning(problem));
    replaced.iter().for_each(|rule| messages.note(format!("rule replaced: {rule}")));
    let meta = rules.named(&args.id).map_err(|message| {
        if let Some(reason) = reasons.get(&args.id) {
            let message = format!("'{}' is not evaluated: {reason}", args.id);
            return vec![Failure::Rule { message, hint: None }];
        }
        let hint = "`keytrail rules list` shows every rule; your own need --rules PATH".into();
        vec![Failure::Rule { message, hint: Some(hint) }]
    })?;
    let text = rules.text(&meta.id).unwrap_or_default();
    let mut page = match rules.explanation(&meta.id) {
        Some(explanation) => builtin(meta, explanation),
        None => users(meta, text),
    };
    page.push_str(&harmless_and_advice(meta));
    let filters: Vec<String> = rules
        .filters_of(&meta.id)
        .map(|(title, origin)| format!("* '{title}' ({origin})\n"))
        .collect();
    if !filters.is_empty() {
        page.push_str(&section("Filters that narrow it", &filters.concat()));
    }
    if !meta.controls.is_empty() {
        page.push_str(&section("Controls", &controls(meta)));
    }
    if args.yaml {
        page.push_str(&section("Sigma rule", &fenced(text)));
    }
    if on_terminal || style.color {
        return Ok((report::page::draw(&page, &style).into_bytes(), Exit::Clean));
    }
    let shown: String = page.lines().map(|line| format!("{}\n", visible(line))).collect();
    Ok((shown.into_bytes(), Exit::Clean))
}

/// The page with the head put under its title.
fn builtin(meta: &RuleMeta, explanation: &str) -> String {
    let (title, rest) = explanation.split_once('\n').unwrap_or((explanation, ""));
    format!("{title}\n\n{}{rest}", head(meta))
}

/// What can be said of a rule without a page.
fn users(meta: &RuleMeta, text: &str) -> String {
    let mut page = format!("# {}: {}\n\n{}", meta.id, meta.title, head(meta));
    if let Some(description) = &meta.description {
        page.push_str(&section("What it finds", description));
    }
    for member in ["detection", "correlation"] {
        let block = top_level(text, &meta.title, member);
        if !block.is_empty() {
            page.push_str(&section("How it decides", &fenced(&block)));
        }
    }
    if !meta.references.is_empty() {
        let links: Vec<String> =
            meta.references.iter().map(|link| format!("* <{link}>\n")).collect();
        page.push_str(&section("References", &links.concat()));
    }
    page
}

/// Level, group and the like, as a list.
fn head(meta: &RuleMeta) -> String {
    let mut lines = vec![format!("* Level: {}", meta.level)];
    lines.extend(meta.group.as_ref().map(|group| format!("* Group: {group}")));
    lines.extend(meta.tier.map(|tier| {
        let means = match tier {
            1 => "hardly any",
            2 => "some",
            _ => "much, in most accounts",
        };
        format!("* Noise: {tier} ({means})")
    }));
    let attack = meta.attack();
    if !attack.is_empty() {
        lines.push(format!("* ATT&CK: {}", attack.join(", ")));
    }
    for name in &meta.whitepaper {
        let text = statement(name).map_or("no statement of this name is known", |s| s.text);
        lines.push(format!("* Whitepaper: {name}: {text}"));
    }
    if meta.group.is_none() {
        lines.push(format!("* File: {}", meta.origin));
    }
    lines.join("\n") + "\n"
}

/// What the YAML says beside the page.
fn harmless_and_advice(meta: &RuleMeta) -> String {
    let mut text = String::new();
    if !meta.false_positives.is_empty() {
        let list: Vec<String> =
            meta.false_positives.iter().map(|case| format!("* {case}\n")).collect();
        text.push_str(&section("False positives", &list.concat()));
    }
    if let Some(advice) = &meta.advice {
        text.push_str(&section("Advice", advice));
    }
    text
}

/// What the rule helps to audit, each control with our words and where to read about it.
fn controls(meta: &RuleMeta) -> String {
    let line = |name: &ControlName| match name.find(frameworks()) {
        Some((_, control)) => format!("* {name}: {} <{}>\n", control.asks, control.link),
        None => format!("* {name}\n"),
    };
    meta.controls.iter().map(line).collect()
}

fn section(heading: &str, body: &str) -> String {
    format!("\n## {heading}\n\n{}\n", body.trim_end())
}

fn fenced(yaml: &str) -> String {
    format!("```yaml\n{}\n```", yaml.trim_end())
}

/// The lines of a top-level member in the document of this title, or in the only one. A text that is
/// laid out in another way than rules are gives fewer lines, never those of another rule.
fn top_level(text: &str, title: &str, member: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let documents = lines.split(|line| line.trim_end() == "---");
    let documents: Vec<&[&str]> =
        documents.filter(|lines| lines.iter().any(|line| !line.trim().is_empty())).collect();
    let is_meant = |lines: &&&[&str]| lines.iter().any(|line| titled(line) == Some(title));
    let mut meant = documents.iter().filter(is_meant);
    let lines = match (documents.as_slice(), meant.next(), meant.next()) {
        ([only], _, _) | (_, Some(only), None) => only,
        _ => return String::new(),
    };
    let mut lines = lines.iter().skip_while(|line| !line.starts_with(&format!("{member}:")));
    let first = lines.next();
    let inner = lines.take_while(|line| line.starts_with([' ', '\t', '-', '#']) || line.is_empty());
    first.into_iter().chain(inner).map(|line| format!("{line}\n")).collect()
}

/// The title that a line gives.
fn titled(line: &str) -> Option<&str> {
    let text = line.strip_prefix("title:")?.trim();
    let inside = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    Some(inside('"').or_else(|| inside('\'')).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_not_quoted_for_another_whose_title_it_contains() {
        let text = "---\ntitle: Key use at night\ndetection:\n  a: 1\n---\ntitle: 'Key use'\n\
                    detection:\n  b: 2\n";
        assert_eq!(top_level(text, "Key use", "detection"), "detection:\n  b: 2\n");
        assert_eq!(top_level(text, "Key", "detection"), "");
        let twice = "title: A\ndetection:\n  a: 1\n---\ntitle: A\ndetection:\n  b: 2\n";
        assert_eq!(top_level(twice, "A", "detection"), "");
        let one = "---\ntitle: A # note\ndetection:\n  a: 1\n";
        assert_eq!(top_level(one, "A", "detection"), "detection:\n  a: 1\n");
    }

    #[test]
    fn the_right_document_is_quoted() {
        let text = "title: One\ndetection:\n  a: 1\n  condition: a\nlevel: low\n---\n\
                    title: Two\ndetection:\n  b: 2\n\n  condition: b\n";
        assert_eq!(top_level(text, "One", "detection"), "detection:\n  a: 1\n  condition: a\n");
        assert_eq!(top_level(text, "Two", "detection"), "detection:\n  b: 2\n\n  condition: b\n");
        assert_eq!(top_level(text, "Two", "correlation"), "");
        assert_eq!(top_level("", "Two", "detection"), "");
    }
}
