//! `keytrail generate man`: man pages, made of the options themselves.
//!
//! What stands behind the options in the help becomes sections of its own: examples, and how a command
//! ends. What must stay true: a page appears whole or not at all, as every output does, and nothing in
//! it depends on when or where it was made.

use std::fs;
use std::path::Path;

use clap::{Arg, ArgAction, Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::text::{PROGRAM, print};
use crate::cli::args::Cli;
use crate::cli::deliver::Delivery;
use crate::cli::environment::{self, Variable};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// The heading of examples in the help.
const EXAMPLES: &str = "Examples:";

/// Variables that stand for no option: an option that commands have which look at them, their names,
/// and what they do.
const OTHERS: &[(&str, &str, &str)] = &[
    (
        "color",
        "NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, CLICOLOR",
        "Whether there is colour, unless --color says so.",
    ),
    ("threads", "TMPDIR", "The folder of temporary files, in place of /tmp."),
    (
        "profile",
        "AWS_PROFILE, AWS_REGION, AWS_ACCESS_KEY_ID and others",
        "How s3:// sources are reached, as with every AWS tool.",
    ),
];

/// Prints a man page, or writes all of them into a folder.
///
/// # Errors
/// A command that is not known; a folder that cannot be written.
pub fn run(command: &[String], all: Option<&Path>) -> Result<Exit, Vec<Failure>> {
    let Some(folder) = all else { return print(&page_of(command)?) };
    fs::create_dir_all(folder).map_err(|error| vec![Failure::write(Some(folder), error)])?;
    write_pages(&whole(), "", folder)?;
    Ok(Exit::Clean)
}

/// The command line with everything in it.
fn whole() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

/// The page of a command, by the words of its name.
fn page_of(words: &[String]) -> Result<Vec<u8>, Vec<Failure>> {
    let whole = whole();
    let words = words.iter().flat_map(|word| word.split_whitespace());
    let (mut command, mut above) = (&whole, String::new());
    for word in words.skip_while(|word| *word == PROGRAM) {
        above = examples(command, &above);
        command = command.find_subcommand(word).ok_or_else(|| {
            let known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            let reason = match known.is_empty() {
                true => "there are no commands below".to_owned(),
                false => format!("expected one of {}", known.join(", ")),
            };
            vec![Failure::Value { option: "COMMAND", value: word.into(), reason }]
        })?;
    }
    page(command, &above)
}

/// The page of a command. `above` are the examples of the command that it belongs to.
fn page(command: &Command, above: &str) -> Result<Vec<u8>, Vec<Failure>> {
    let name = command.get_display_name().unwrap_or(PROGRAM).to_owned();
    // What is left out of the short help belongs here.
    let bare = command
        .clone()
        .after_help(None::<&str>)
        .after_long_help(None::<&str>)
        .mut_args(|arg| arg.hide_short_help(false));
    let man = Man::new(bare)
        .title(name.to_uppercase())
        .source(format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION")))
        .manual("keytrail manual");
    let mut text = Vec::new();
    man.render(&mut text).map_err(|error| vec![Failure::write(None, error)])?;
    let text = repeated(command, &String::from_utf8_lossy(&text)) + &behind(command, above);
    Ok(plain(&text).into_bytes())
}

/// The page with `...` behind each argument in the synopsis that may be given more than once.
fn repeated(command: &Command, page: &str) -> String {
    let heading = ".SH SYNOPSIS\n";
    let Some((before, rest)) = page.split_once(heading) else { return page.to_owned() };
    let (line, rest) = rest.split_once('\n').unwrap_or((rest, ""));
    let mut line = line.to_owned();
    let many = |arg: &&Arg| matches!(arg.get_action(), ArgAction::Append);
    for arg in command.get_positionals().filter(many) {
        for name in arg.get_value_names().unwrap_or_default() {
            let name = format!("\\fI{}\\fR", name.replace('-', "\\-"));
            for end in [">", "]"] {
                line = line.replace(&format!("{name}{end}"), &format!("{name}{end}..."));
            }
        }
    }
    format!("{before}{heading}{line}\n{rest}")
}

/// Every character that is none of ASCII by its number: not every program that shows pages reads UTF-8.
fn plain(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    for c in page.chars() {
        match c.is_ascii() {
            true => text.push(c),
            false => text.push_str(&format!("\\[u{:04X}]", u32::from(c))),
        }
    }
    text
}

/// The sections behind the options.
fn behind(command: &Command, above: &str) -> String {
    let mut roff = Roff::new();
    for (heading, lines) in paragraphs(command).filter(|(heading, _)| *heading != EXAMPLES) {
        listing(&mut roff, heading, &lines);
    }
    environment(&mut roff, command);
    let examples = examples(command, above);
    if !examples.is_empty() {
        listing(&mut roff, EXAMPLES, &examples);
    }
    // It would say again how to draw an apostrophe.
    let text = roff.render();
    text.find(".SH").and_then(|at| text.get(at..)).unwrap_or_default().to_owned()
}

/// Lines as they stand, below a heading.
fn listing(roff: &mut Roff, heading: &str, lines: &str) {
    roff.control("SH", [heading.trim_end_matches(':').to_uppercase().as_str()]);
    roff.control("nf", []);
    for line in lines.lines() {
        roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
    }
    roff.control("fi", []);
}

/// The variables that stand for options of a command, and others that it looks at.
fn environment(roff: &mut Roff, command: &Command) {
    let has = |option: &str| below(command).iter().any(|(_, known)| known == option);
    let named = |variable: &&Variable| {
        let mut all = below(command).into_iter();
        all.any(|(of, option)| {
            option == variable.option && variable.command.is_none_or(|only| only == of)
        })
    };
    let options = environment::VARIABLES.iter().filter(named).map(|variable| {
        (variable.name, format!("Stands for --{}, where that is not given.", variable.option))
    });
    let others = OTHERS.iter().filter(|(option, ..)| has(option));
    let others = others.map(|(_, name, does)| (*name, (*does).to_owned()));
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, does) in options.chain(others) {
        roff.control("TP", []);
        roff.text([bold(name)]);
        roff.text([roman(does)]);
    }
}

/// The options of a command and of all below it, each with the name of its command.
fn below(command: &Command) -> Vec<(String, String)> {
    let own = command.get_arguments().filter_map(Arg::get_long);
    let own = own.map(|long| (command.get_name().to_owned(), long.to_owned()));
    own.chain(command.get_subcommands().flat_map(below)).collect()
}

/// What stands behind the options in the help: a heading, and the lines below it.
fn paragraphs(command: &Command) -> impl Iterator<Item = (&'static str, String)> {
    let text = command.get_after_long_help().or(command.get_after_help());
    let text = text.map(ToString::to_string).unwrap_or_default();
    let known = [EXAMPLES, "Exit status:"];
    known.into_iter().filter_map(move |heading| {
        let (_, lines) = text.split_once(heading)?;
        let lines = lines.trim_start_matches('\n').split("\n\n").next()?;
        Some((heading, lines.to_owned()))
    })
}

/// The examples of a command: its own, else those of the command above that run it.
fn examples(command: &Command, above: &str) -> String {
    let own = paragraphs(command).find(|(heading, _)| *heading == EXAMPLES);
    let name = command.get_bin_name().unwrap_or(PROGRAM);
    let runs = |line: &&str| line.contains(name);
    own.map_or_else(|| above.lines().filter(runs).collect::<Vec<_>>().join("\n"), |(_, own)| own)
}

/// The page of a command and those of all below it.
fn write_pages(command: &Command, above: &str, folder: &Path) -> Result<(), Vec<Failure>> {
    let name = command.get_display_name().unwrap_or(PROGRAM);
    let path = folder.join(format!("{name}.1"));
    let page = page(command, above)?;
    let delivery = Delivery::open(Some(&path)).map_err(|failure| vec![failure])?;
    delivery.finish(Exit::Clean, |out| out.write_all(&page))?;
    let examples = examples(command, above);
    command.get_subcommands().try_for_each(|below| write_pages(below, &examples, folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_ascii_and_tells_what_may_be_given_more_than_once() {
        for (command, synopsis) in
            [("plan", "[\\fISOURCE\\fR]..."), ("scan", "[\\fISOURCE\\fR]...")]
        {
            let page = String::from_utf8(page_of(&[command.to_owned()]).unwrap()).unwrap();
            assert!(page.contains(synopsis), "{page}");
            assert!(page.is_ascii());
        }
        assert_eq!(plain("digest, sha256:…"), "digest, sha256:\\[u2026]");
    }
}
