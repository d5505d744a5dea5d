//! `keytrail tags`: what is known of the tags of keys and resources, from where, as of when.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use crate::cli::args::TagsArgs;
use crate::cli::catalogs::{self, Catalogs};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::progress::{self, Show, Watched};
use crate::cli::s3::Scope;
use crate::cli::ui::{self, Messages, When};
use crate::cli::{signals, values};
use crate::detect::RuleSet;
use crate::engine::{self, Plan, Progress};
use crate::model::problem::Problem;
use crate::model::tag_state::{Presence, TagLine, TagState};
use crate::model::time::Time;
use crate::report::{Style, tags as report};
use crate::source::Listing;
use crate::tags::book::{Book, Named};
use crate::tags::change::Source;
use crate::tags::timeline::{State, Why, all_at};

/// What was asked for, settled.
struct Settled {
    arns: Vec<String>,
    at: Option<Time>,
    json: bool,
    color: When,
    threads: usize,
    catalogs: Catalogs,
    sources: Vec<OsString>,
    listing: Option<Listing>,
}

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &TagsArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let Settled { arns, at, json, color, threads, catalogs, sources, listing } = settle(args)?;
    let Catalogs { book, mut problems, .. } = catalogs;
    let (book, interrupted) = match listing {
        Some(listing) => learn(listing, &sources, book, threads, args.quiet, &mut problems)?,
        None => (book, false),
    };
    problems.sort();
    let states = states(&book, &arns, at);
    let mut output = Vec::new();
    let terminal = io::stdout().is_terminal();
    let style = Style {
        width: ui::width(),
        color: ui::color(color, |name| std::env::var_os(name), terminal),
        verbose: args.verbose,
    };
    let written = match json {
        true => report::write_json(at, &states, &problems, &mut output),
        false => report::write_table(at, &states, &style, &mut output),
    };
    let written = written.and_then(|()| io::stdout().lock().write_all(&output));
    match written.and_then(|()| io::stdout().lock().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            return Err(vec![Failure::write(None, error)]);
        }
        _ => {}
    }
    if !args.quiet {
        problems.iter().for_each(|problem| messages.warning(problem));
    }
    if interrupted {
        messages.warning("interrupted: there may be more than was read until then");
    }
    let incomplete = interrupted || !(problems.is_empty() || args.allow_incomplete);
    Ok(if incomplete { Exit::Incomplete } else { Exit::Clean })
}

/// Whether a word names a key or a resource, and not a file.
fn is_arn(word: &OsString) -> bool {
    let text = word.to_string_lossy();
    (text.starts_with("arn:") || text.starts_with("db-") || text.starts_with("cluster-"))
        && !Path::new(word).exists()
}

fn settle(args: &TagsArgs) -> Result<Settled, Vec<Failure>> {
    let now = Time::now();
    let mut failures = Vec::new();
    let value = |option, text: &str, reason| Failure::Value { option, value: text.into(), reason };
    let at = args.at.as_deref().map(|text| {
        values::time(text, now).map_err(|reason| failures.push(value("--at", text, reason)))
    });
    let color = args.color.parse().map_err(|reason| {
        failures.push(value("--color", &args.color, reason));
    });
    let json = match args.format.as_str() {
        "table" => false,
        "json" => true,
        other => {
            failures.push(value("--format", other, "expected table or json".into()));
            false
        }
    };
    let threads = values::threads(&args.threads)
        .map_err(|reason| failures.push(value("--threads", &args.threads, reason)));
    let (arns, mut sources): (Vec<&OsString>, Vec<&OsString>) =
        args.words.iter().partition(|word| is_arn(word));
    let stdin = OsString::from("-");
    if sources.is_empty() && args.tags.is_empty() {
        if io::stdin().is_terminal() {
            let hint = "give a file, a folder, or --tags FILE: keytrail tags PATH";
            failures.push(Failure::Usage { message: "nothing to read".into(), hint });
        }
        sources.push(&stdin);
    }
    let catalogs = catalogs::read(&args.tags, now).map_err(|wrong| failures.extend(wrong));
    let listing = match sources.is_empty() {
        true => Ok(None),
        false => args
            .s3
            .cloud(&sources)
            .and_then(|cloud| args.s3.listing(&sources, cloud, Scope::default()).map(Some)),
    };
    let listing = listing.map_err(|wrong| failures.extend(wrong));
    match (at.transpose(), color, threads, catalogs, listing) {
        (Ok(at), Ok(color), Ok(threads), Ok(catalogs), Ok(mut listing)) if failures.is_empty() => {
            for path in &catalogs.paths {
                listing.iter_mut().for_each(|listing| listing.leave_out(path));
            }
            let arns = arns.iter().map(|arn| arn.to_string_lossy().into_owned()).collect();
            let threads = threads.unwrap_or_else(crate::cli::settings::cores);
            let sources = sources.into_iter().cloned().collect();
            Ok(Settled { arns, at, json, color, threads, catalogs, sources, listing })
        }
        _ => Err(failures),
    }
}

/// Reads all records for what they say of tags.
fn learn(
    mut listing: Listing,
    sources: &[OsString],
    book: Book,
    threads: usize,
    quiet: bool,
    problems: &mut Vec<Problem>,
) -> Result<(Book, bool), Vec<Failure>> {
    let plan = Plan { threads, tags: book, ..Plan::new(RuleSet::default()) };
    let stop = signals::install(Arc::default());
    listing.stop_on(Arc::clone(&stop));
    let done = Progress::default();
    let show = Show::decide(When::Auto, quiet, false);
    let scanned = progress::during(show, Watched::new(&done, sources), || {
        engine::scan_and_learn(listing, &plan, None, &done, &stop)
    });
    let (outcome, book) = scanned.map_err(|error| vec![Failure::write(None, error)])?;
    problems.extend(outcome.problems);
    Ok((book, outcome.interrupted))
}

/// The state of each ARN that was asked for; of all that are known, if none was.
fn states(book: &Book, asked: &[String], at: Option<Time>) -> Vec<TagState> {
    let arns: BTreeSet<String> = match asked.is_empty() {
        true => book.arns().into_iter().map(str::to_owned).collect(),
        false => asked.iter().map(|name| name_of(book, name)).collect(),
    };
    arns.into_iter().map(|arn| state(book, arn, at.unwrap_or(Time(i64::MAX)))).collect()
}

/// The ARN under which a name is known: of a bucket's object, the bucket.
fn name_of(book: &Book, name: &str) -> String {
    match book.named(name) {
        Named::Arn(arn) => crate::record::kms::taggable(&arn).map_or(arn, |known| known.arn),
        Named::Nothing | Named::Several => name.to_owned(),
    }
}

fn state(book: &Book, arn: String, at: Time) -> TagState {
    let Some(timeline) = book.timeline(&arn) else {
        return TagState { arn, tags: Vec::new(), complete: false, evidence: 0 };
    };
    let (tags, others) = all_at(&timeline, at);
    let tags = tags.into_iter().map(|(key, state)| line(key, &state)).collect();
    TagState { arn, tags, complete: !others, evidence: timeline.changes().len() }
}

fn line(key: String, state: &State) -> TagLine {
    let (presence, value, why, by) = match state {
        State::Known(value, by) => (Presence::Known, Some(value.clone()), None, Some(by)),
        State::Absent(by) => (Presence::Absent, None, None, Some(by)),
        State::Unknown(why) => (Presence::Unknown, None, Some(Why::as_str(*why)), None),
    };
    let event = by.and_then(|by| match &by.source {
        Source::Record { id, .. } => id.clone(),
        Source::File(_) => None,
    });
    TagLine {
        key,
        state: presence,
        value,
        why,
        since: by.map(|by| by.time),
        by: by.map(|by| by.to_string()),
        event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_told_from_sources() {
        let is = |word: &str| is_arn(&OsString::from(word));
        assert!(is("arn:aws:s3:::example") && is("db-EXAMPLE"));
        assert!(!is("logs") && !is("-") && !is("./arn:aws"));
    }
}
