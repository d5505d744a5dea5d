//! `keytrail generate completions`: what a shell completes, made of the options themselves.
//!
//! The generators for PowerShell and Elvish complete options and no values, and that for fish none of
//! arguments without a name, so that these scripts get them here; that for Bash offers options where a
//! file may stand. What must stay true: what one shell offers, all of them do.

use clap::{Arg, Command, CommandFactory, ValueHint};
use clap_complete::Shell;

use super::offered::{SHELLS, offering};
use super::text::{PROGRAM, print};
use crate::cli::args::Cli;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// The end of what is generated for Elvish, in place of which a table of values comes.
const ELVISH_END: &str = "    $completions[$command]\n}\n";

/// Before this, the script for PowerShell gets a table of values.
const POWERSHELL_COMPLETIONS: &str = "    $completions = @(switch ($command) {";

/// Prints the completions of a shell.
///
/// # Errors
/// A shell that is not known.
pub fn run(shell: &str) -> Result<Exit, Vec<Failure>> {
    let known: Option<Shell> = shell.parse().ok();
    let Some(known) = known else {
        let (last, others) = SHELLS.split_last().unwrap_or((&"", &[]));
        let reason = format!("expected {} or {last}", others.join(", "));
        return Err(vec![Failure::Value { option: "SHELL", value: shell.into(), reason }]);
    };
    print(script(known).as_bytes())
}

fn script(shell: Shell) -> String {
    let mut command = offering(Cli::command().disable_help_subcommand(true));
    command.build();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, PROGRAM, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Elvish => script.replace(ELVISH_END, &elvish_end(&command)),
        Shell::PowerShell => {
            let values = powershell_values(&command);
            script.replace(POWERSHELL_COMPLETIONS, &(values + POWERSHELL_COMPLETIONS))
        }
        Shell::Fish => script + &fish_positionals(&command),
        Shell::Bash => bash_files(script, &command, PROGRAM),
        _ => script,
    }
}

/// Where a command takes files, Bash is to offer them: it does where nothing else is offered.
fn bash_files(mut script: String, command: &Command, name: &str) -> String {
    let is_file = |arg: &Arg| arg.get_value_hint() == ValueHint::AnyPath;
    if command.get_positionals().any(is_file)
        && let Some(begin) = script.find(&format!("\n        {name})\n            opts="))
        && let Some(len) = script[begin..].find("\n            ;;\n")
    {
        let block = &script[begin..begin + len];
        let offered = "COMPREPLY=( $(compgen -W \"${opts}\" -- \"${cur}\") )\n            return 0";
        let mut files = block.strip_suffix(offered).map_or_else(
            || block.to_owned(),
            |rest| format!("{rest}COMPREPLY=()\n            return 0"),
        );
        if let Some((before, rest)) = files.split_once(" || ${COMP_CWORD} -eq ")
            && let Some((_, rest)) = rest.split_once(" ]]")
        {
            files = format!("{before} ]]{rest}");
        }
        script.replace_range(begin..begin + len, &files);
    }
    let below = command.get_subcommands();
    below.fold(script, |script, below| {
        bash_files(script, below, &format!("{name}__subcmd__{}", below.get_name()))
    })
}

/// The values of one argument: its command with `;` between the words, the words behind which the
/// values may stand, and the values.
struct Row {
    command: String,
    behind: Vec<String>,
    values: Vec<String>,
}

/// All arguments that have values, of a command and all below it.
fn rows(command: &Command, path: &str, to: &mut Vec<Row>) {
    for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values()) {
        let values: Vec<String> =
            arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        if !values.is_empty() {
            to.push(Row { command: path.to_owned(), behind: behind(command, arg), values });
        }
    }
    for below in command.get_subcommands() {
        rows(below, &format!("{path};{}", below.get_name()), to);
    }
}

/// The words behind which the value of an argument stands: its names, or for one without a name its
/// command.
fn behind(command: &Command, arg: &Arg) -> Vec<String> {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    match arg.is_positional() {
        true => vec![command.get_name().to_owned()],
        false => short.into_iter().chain(long).collect(),
    }
}

fn all_rows(command: &Command) -> Vec<Row> {
    let mut all = Vec::new();
    rows(command, PROGRAM, &mut all);
    all
}

/// A text in single quotes, as both shells have them.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The values of arguments without a name, which the generator for fish leaves out.
fn fish_positionals(command: &Command) -> String {
    let without_name = |row: &Row| row.behind.iter().all(|word| !word.starts_with('-'));
    let line = |Row { command, values, .. }: Row| {
        let mut words = command.split(';').skip(1);
        let first = words.next().unwrap_or_default();
        let seen: String =
            words.map(|word| format!("; and __fish_seen_subcommand_from {word}")).collect();
        let condition = format!("__fish_{PROGRAM}_using_subcommand {first}{seen}");
        format!("complete -c {PROGRAM} -n \"{condition}\" -f -a \"{}\"\n", values.join(" "))
    };
    all_rows(command).into_iter().filter(without_name).map(line).collect()
}

fn elvish_end(command: &Command) -> String {
    let mut end = format!(
        "    var at = '{PROGRAM}'\n    for word $words[1..-1] {{\n        \
         if (has-key $completions $at';'$word) {{\n            set at = $at';'$word\n        }}\n    }}\n    \
         var values = [\n"
    );
    for Row { command, behind, values } in all_rows(command) {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        for word in behind {
            let key = quoted(&format!("{command} {word}"));
            end += &format!("        &{key}=[{}]\n", values.join(" "));
        }
    }
    end + "    ]\n    var asked = $at' '$words[-2]\n    if (has-key $values $asked) {\n        \
           all $values[$asked]\n    } else {\n        $completions[$at]\n    }\n}\n"
}

fn powershell_values(command: &Command) -> String {
    let mut text = "    $before = $commandElements |\n        \
                    Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |\n        \
                    Select-Object -Last 1\n    \
                    $values = @(switch -Wildcard (\"$command; $before\") {\n"
        .to_owned();
    for Row { command, behind, values } in all_rows(command) {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        for word in behind {
            let key = quoted(&format!("{command};* {word}"));
            text += &format!("        {key} {{ {}; break }}\n", values.join(", "));
        }
    }
    text + "    })\n    if ($values) {\n        \
            return $values.Where{ $_ -like \"$wordToComplete*\" }.ForEach{\n            \
            [CompletionResult]::new($_, $_, [CompletionResultType]::ParameterValue, $_)\n        }\n    }\n\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_offers_the_same_values() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
            let script = script(shell);
            for value in [
                "key-deletion-scheduled",
                "informational",
                "SC-12",
                "FSBP",
                "asff",
                "powershell",
                "1.8.0",
                "forecast",
                "ndjson",
                "toml",
                "credential",
            ] {
                assert!(script.contains(value), "{shell} lacks {value}");
            }
        }
    }

    #[test]
    fn bash_offers_files_where_a_command_takes_them() {
        let script = script(Shell::Bash);
        let block = |name: &str| {
            let rest =
                script.split_once(&format!("\n        {name})\n            opts=")).unwrap().1;
            rest.split_once("\n            ;;\n").unwrap().0.to_owned()
        };
        for name in ["scan", "report", "rules__subcmd__lint", "config__subcmd__init"] {
            let block = block(&format!("keytrail__subcmd__{name}"));
            assert!(block.contains("if [[ ${cur} == -* ]] ; then"), "{name}: {block}");
            assert!(block.ends_with("COMPREPLY=()\n            return 0"), "{name}: {block}");
        }
        assert!(block("keytrail__subcmd__rules__subcmd__show").contains("${COMP_CWORD} -eq 3"));
    }

    #[test]
    fn values_are_those_of_the_command() {
        let command = offering(Cli::command());
        let rows = all_rows(&command);
        let of = |path: &str, word: &str| {
            let row =
                rows.iter().find(|row| row.command == path && row.behind.contains(&word.into()));
            row.map(|row| row.values.join(" ")).unwrap_or_default()
        };
        assert_eq!(of("keytrail;keys", "--format"), "table json ndjson csv");
        assert_eq!(of("keytrail;tags", "-f"), "table json");
        assert_eq!(of("keytrail;config;show", "-f"), "table json toml");
        assert!(of("keytrail;report", "-f").ends_with("ocsf asff"));
        assert!(of("keytrail;rules;show", "show").contains("key-disabled"));
        assert!(of("keytrail;scan", "--fail-on").ends_with("informational never"));
    }
}
