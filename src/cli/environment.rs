//! Options that come from the environment: `KEYTRAIL_*`.
//!
//! An option that is typed wins over its variable, and a variable over the configuration. What must stay
//! true: what a variable says wrong is told under the name of the variable, since nobody typed the
//! option; an empty variable is none; and one that is none of these is told too, since it was meant
//! to do something.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::{OsStr, OsString};

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::failure::Failure;
use super::ui::{Messages, When};
use crate::detect::close;

/// How the names of all variables begin.
const PREFIX: &str = "KEYTRAIL_";

/// As many unknown variables are named.
const UNKNOWN_MAX: usize = 10;

/// A variable that stands for an option.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The option, without `--`.
    pub option: &'static str,
    /// The command for which alone it does; `None` for each that has the option.
    pub command: Option<&'static str>,
}

/// All of them. What changes which events count is not among them: that belongs where it is read.
pub static VARIABLES: &[Variable] = &[
    everywhere("KEYTRAIL_CONFIG", "config"),
    everywhere("KEYTRAIL_RULES", "rules"),
    everywhere("KEYTRAIL_TAGS", "tags"),
    everywhere("KEYTRAIL_PUBLIC_KEYS", "public-keys"),
    everywhere("KEYTRAIL_MIN_LEVEL", "min-level"),
    everywhere("KEYTRAIL_FAIL_ON", "fail-on"),
    Variable { name: "KEYTRAIL_FORMAT", option: "format", command: Some("scan") },
    everywhere("KEYTRAIL_STATE", "state"),
    everywhere("KEYTRAIL_THREADS", "threads"),
    everywhere("KEYTRAIL_COLOR", "color"),
    everywhere("KEYTRAIL_PROGRESS", "progress"),
];

const fn everywhere(name: &'static str, option: &'static str) -> Variable {
    Variable { name, option, command: None }
}

/// Lets every option of a command, and of those below it, take the value of its variable.
pub fn apply(command: Command) -> Command {
    let name = command.get_name().to_owned();
    command.mut_args(|arg| with_variable(&name, arg)).mut_subcommands(apply)
}

fn with_variable(command: &str, arg: Arg) -> Arg {
    let stands_for = |variable: &&Variable| {
        arg.get_long() == Some(variable.option)
            && variable.command.is_none_or(|only| only == command)
    };
    match VARIABLES.iter().find(stands_for) {
        // The help does not change with the environment.
        Some(variable) if is_set(variable.name) => arg.env(variable.name).hide_env(true),
        _ => arg,
    }
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// The name and the value of the variable that stands for an option, if it is set.
pub fn value(option: &str) -> Option<(&'static str, OsString)> {
    let variable = VARIABLES.iter().find(|variable| variable.option == option)?;
    let value = env::var_os(variable.name).filter(|value| !value.is_empty())?;
    Some((variable.name, value))
}

/// Where the value of an option comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was typed.
    Typed,
    /// The variable of this name.
    Variable(&'static str),
    /// Nobody gave one.
    Default,
}

/// The options of the command that is run: their values, and where these come from.
#[derive(Debug, Default)]
pub struct Given(BTreeMap<String, (Origin, Vec<OsString>)>);

impl Given {
    /// What was given to the command that `matches` are of.
    pub fn of(mut command: &Command, mut matches: &ArgMatches) -> Given {
        while let Some((name, below)) = matches.subcommand() {
            let Some(found) = command.find_subcommand(name) else { break };
            (command, matches) = (found, below);
        }
        let options = command.get_arguments().filter_map(|arg| Some((arg, arg.get_long()?)));
        let given = options.filter_map(|(arg, long)| {
            let id = arg.get_id().as_str();
            let variable = VARIABLES.iter().find(|variable| variable.option == long);
            let origin = match (matches.value_source(id)?, variable) {
                (ValueSource::CommandLine, _) => Origin::Typed,
                (ValueSource::EnvVariable, Some(variable)) => Origin::Variable(variable.name),
                _ => Origin::Default,
            };
            let values = matches.get_raw(id).into_iter().flatten().map(OsStr::to_owned);
            Some((long.to_owned(), (origin, values.collect())))
        });
        Given(given.collect())
    }

    /// Where the value of an option comes from.
    pub fn origin(&self, option: &str) -> Origin {
        self.0.get(option).map_or(Origin::Default, |(origin, _)| *origin)
    }

    /// The values of an option as they were given.
    pub fn values(&self, option: &str) -> &[OsString] {
        self.0.get(option).map_or(&[], |(_, values)| values)
    }

    /// Whether the value of an option is that of its variable.
    pub fn is_from_variable(&self, option: &str) -> bool {
        matches!(self.origin(option), Origin::Variable(_))
    }

    /// Tells what is wrong with the value of a variable under its name.
    pub fn name_variables(&self, failures: &mut [Failure]) {
        for failure in failures {
            let name = match failure {
                Failure::Value { option, .. } => option.trim_start_matches('-'),
                Failure::Tags { .. } => "tags",
                Failure::PublicKeys { .. } => "public-keys",
                Failure::State { .. } => "state",
                Failure::Rule { message, .. } if self.begins(message, "rules") => "rules",
                Failure::Config(message) if self.begins(message, "config") => "config",
                _ => continue,
            };
            let Origin::Variable(variable) = self.origin(name) else { continue };
            if let Failure::Value { option, .. } = failure {
                *option = variable;
            } else {
                let of = Box::new(std::mem::replace(failure, Failure::Internal));
                *failure = Failure::OfVariable { variable, failure: of };
            }
        }
    }

    /// Whether a message begins with a value of an option.
    fn begins(&self, message: &str, option: &str) -> bool {
        let mut values = self.values(option).iter();
        values.any(|value| message.starts_with(&*value.to_string_lossy()))
    }
}

/// When to use colour, before anything is known but the words: help and errors of the command line
/// follow it too. Words that no command would take count as well, since they end in such an error.
pub fn color(words: impl IntoIterator<Item = OsString>) -> When {
    let mut words = words.into_iter().take_while(|word| word != "--").peekable();
    let mut typed: Option<String> = None;
    while let Some(word) = words.next() {
        let Some(word) = word.to_str() else { continue };
        if let Some(value) = word.strip_prefix("--color=") {
            typed = Some(value.to_owned());
        } else if word == "--color" {
            typed = words.peek().and_then(|value| value.to_str()).map(str::to_owned);
        }
    }
    let named = || env::var("KEYTRAIL_COLOR").ok();
    typed.or_else(named).and_then(|when| when.parse().ok()).unwrap_or(When::Auto)
}

/// Says which variables stand for options: a command line that cannot be read may be so because of one
/// that nobody typed.
pub fn say_set(messages: Messages) {
    let set: Vec<&str> =
        VARIABLES.iter().map(|variable| variable.name).filter(|name| is_set(name)).collect();
    if !set.is_empty() {
        messages.note(format!("options also come from the environment: {}", set.join(", ")));
    }
}

/// Warns of variables that stand for nothing.
pub fn say_unknown(messages: Messages) {
    let known: BTreeSet<&str> = VARIABLES.iter().map(|variable| variable.name).collect();
    let names = env::vars_os().filter_map(|(name, _)| {
        let name = name.to_string_lossy().into_owned();
        (name.starts_with(PREFIX) && !known.contains(name.as_str())).then_some(name)
    });
    let names: BTreeSet<String> = names.collect();
    for name in names.iter().take(UNKNOWN_MAX) {
        // What takes long to compare is no misspelling.
        let near = if name.len() < 100 { close(name, &known) } else { Vec::new() };
        let meant = match near.first() {
            Some(near) => format!("did you mean {near}?"),
            None => "docs/configuration.md lists those that do".to_owned(),
        };
        messages.warning(format!("the variable {name} stands for no option: {meant}"));
    }
    if names.len() > UNKNOWN_MAX {
        let more = names.len() - UNKNOWN_MAX;
        messages.warning(format!("{more} more variables of {PREFIX}* stand for no option"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_on_colour_counts() {
        let of = |words: &[&str]| color(words.iter().map(OsString::from));
        assert_eq!(of(&["keytrail", "scan", "--color", "never"]), When::Never);
        assert_eq!(of(&["keytrail", "--color=never", "--color=always", "x"]), When::Always);
        assert_eq!(of(&["keytrail", "scan", "--", "--color=always"]), When::Auto);
        assert_eq!(of(&["keytrail", "--color=red", "--color"]), When::Auto);
    }
}
