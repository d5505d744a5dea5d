//! What completions offer as the value of an option.
//!
//! The command line itself takes any text, so that all that is wrong is said at once. Only the command
//! that completions are made of gets values, out of the same lists that decide what is taken. What must
//! stay true: every option offers something, or is said here to be free text.

use std::sync::Arc;

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, ValueHint};

use crate::cli::args::Cli;
use crate::detect::RuleSet;
use crate::detect::controls::frameworks;
use crate::model::level::Level;
use crate::report::events::Column;
use crate::report::schema::FORMATS;
use crate::report::{Format, OcsfVersion, View};

/// The shells that have completions.
pub const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "powershell", "elvish"];

/// What may stand behind an option.
#[derive(Debug, PartialEq, Eq)]
enum Offer {
    /// One of these.
    Values(Vec<String>),
    /// What the system knows, such as files.
    Hint(ValueHint),
}

/// The words that depend on the rules, gathered once.
struct Words {
    rules: Vec<String>,
    selectors: Vec<String>,
    controls: Vec<String>,
    commands: Vec<String>,
}

impl Words {
    fn gather() -> Words {
        let loaded = RuleSet::load(true, &[], &Arc::default());
        let metas = loaded.as_ref().map(|loaded| loaded.rules.reported()).into_iter().flatten();
        let (mut rules, mut groups) = (Vec::new(), Vec::new());
        for meta in metas {
            rules.push(meta.id.clone());
            groups.extend(meta.group.clone());
        }
        let levels = Level::ALL.map(|level| level.to_string());
        let controls = frameworks().iter().flat_map(|framework| {
            let ids = framework.controls.iter().map(|control| control.id.clone());
            [framework.name.clone()].into_iter().chain(ids)
        });
        let commands = <Cli as clap::CommandFactory>::command();
        Words {
            selectors: sorted(rules.iter().cloned().chain(groups).chain(levels)),
            rules: sorted(rules),
            controls: sorted(controls),
            commands: commands.get_subcommands().map(|command| command.get_name().into()).collect(),
        }
    }
}

fn sorted(words: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut words: Vec<String> = words.into_iter().collect();
    words.sort();
    words.dedup();
    words
}

/// The same command line, in which every option says what it takes.
pub fn offering(command: Command) -> Command {
    within(command, &Words::gather())
}

fn within(command: Command, words: &Words) -> Command {
    let name = command.get_name().to_owned();
    command
        .mut_args(|arg| match offer(&name, &arg, words) {
            Some(Offer::Values(values)) => arg.value_parser(PossibleValuesParser::new(values)),
            Some(Offer::Hint(hint)) => arg.value_hint(hint),
            None => arg,
        })
        .mut_subcommands(|below| within(below, words))
}

/// What is offered for an argument of a command; `None` where it takes no value.
fn offer(command: &str, arg: &Arg, words: &Words) -> Option<Offer> {
    if !arg.get_action().takes_values() {
        return None;
    }
    let values = |values: &[&str]| Offer::Values(values.iter().map(|v| (*v).to_owned()).collect());
    let hint = Offer::Hint;
    Some(match (command, arg.get_long().unwrap_or(arg.get_id().as_str())) {
        (_, "format") => Offer::Values(formats(command)),
        (_, "color" | "progress") => values(&["auto", "always", "never"]),
        (_, "min-level") => Offer::Values(levels().collect()),
        (_, "fail-on") => Offer::Values(levels().chain(["never".to_owned()]).collect()),
        (_, "select" | "ignore") => Offer::Values(words.selectors.clone()),
        (_, "control") => Offer::Values(words.controls.clone()),
        (_, "view") => values(&View::ALL.map(|(name, _)| name)),
        (_, "ocsf-version") => values(&OcsfVersion::ALL.map(OcsfVersion::as_str)),
        (_, "problems") => values(&["stderr", "ndjson"]),
        (_, "columns") => values(&Column::ALL.map(Column::as_str)),
        ("show", "id") => Offer::Values(words.rules.clone()),
        ("completions", "shell") => values(&SHELLS),
        ("schema", "name") => Offer::Values(FORMATS.iter().map(|f| f.name.to_owned()).collect()),
        ("man", "command") => Offer::Values(words.commands.clone()),
        (_, "all" | "facts" | "plan") => hint(ValueHint::DirPath),
        (_, "endpoint-url" | "queue") => hint(ValueHint::Url),
        (
            _,
            "config" | "rules" | "tags" | "public-keys" | "last-usage" | "report" | "reports"
            | "baseline" | "files-from" | "inventory" | "state" | "output" | "export" | "sources"
            | "words" | "place" | "path" | "paths" | "append" | "dead-letter" | "health",
        ) => hint(ValueHint::AnyPath),
        _ => hint(ValueHint::Other),
    })
}

fn levels() -> impl Iterator<Item = String> {
    Level::ALL.into_iter().map(|level| level.to_string())
}

/// The formats that a command writes.
fn formats(command: &str) -> Vec<String> {
    let names: &[&str] = match command {
        "scan" | "report" => return Format::ALL.iter().map(ToString::to_string).collect(),
        "keys" | "events" | "actors" => &["table", "json", "ndjson", "csv"],
        "follow" => &["ndjson", "ocsf"],
        "show" => &["table", "json", "toml"],
        _ => &["table", "json"],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// What takes any text: times, names, numbers, patterns.
    const FREE: &[&str] = &[
        "since",
        "until",
        "at",
        "unused",
        "before",
        "after",
        "late",
        "account",
        "region",
        "s3-region",
        "profile",
        "concurrency",
        "s3-timeout",
        "threads",
        "limit",
        "host",
        "key",
        "who-can",
        "principal",
        "access-key",
        "ip",
        "resource",
        "event",
        "error",
        "agent",
        "where",
        "around",
        "bucket",
        "buckets",
        "shard",
        "shard-bytes",
        "shard-objects",
        "poll",
        "settle",
        "tries",
        "metrics",
    ];

    fn walk(command: &Command, look: &mut impl FnMut(&Command, &Arg)) {
        command.get_arguments().for_each(|arg| look(command, arg));
        command.get_subcommands().for_each(|below| walk(below, look));
    }

    #[test]
    fn every_option_offers_something_or_is_free_text() {
        let words = Words::gather();
        let mut free = std::collections::BTreeSet::new();
        walk(&Cli::command(), &mut |command, arg| {
            let name = arg.get_long().unwrap_or(arg.get_id().as_str()).to_owned();
            match offer(command.get_name(), arg, &words) {
                Some(Offer::Hint(ValueHint::Other)) => drop(free.insert(name)),
                Some(Offer::Values(values)) => assert!(!values.is_empty(), "{name}"),
                _ => {}
            }
        });
        let known = FREE.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(free, known);
    }

    #[test]
    fn what_is_offered_is_taken() {
        let rules = RuleSet::load(true, &[], &Arc::default()).unwrap().rules;
        let words = Words::gather();
        assert!(words.rules.len() > 100);
        assert!(words.rules.iter().all(|id| rules.named(id).is_ok()));
        drop(rules.select(&words.selectors, &[]).unwrap());
        let rules = RuleSet::load(true, &[], &Arc::default()).unwrap().rules;
        let asked = crate::detect::controls::asked::controls(&words.controls, rules.reported());
        asked.unwrap();
        for shell in SHELLS {
            shell.parse::<clap_complete::Shell>().unwrap();
        }
    }
}
