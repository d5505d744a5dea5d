//! `keytrail tags`: what is known of the tags of keys and resources, from where, as of when.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tagged::state;
use crate::cli::args::TagsArgs;
use crate::cli::catalogs::{self, Catalogs};
use crate::cli::check::{Check, Running};
use crate::cli::config::Config;
use crate::cli::deliver::Delivery;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::noted;
use crate::cli::nowhere;
use crate::cli::progress::{self, Watched};
use crate::cli::s3::Scope;
use crate::cli::signals;
use crate::cli::ui::Messages;
use crate::cli::values::{self, Form};
use crate::detect::RuleSet;
use crate::engine::{self, Filter, Plan, Progress};
use crate::model::estate::Estate;
use crate::model::notes::RunNote;
use crate::model::problem::Problem;
use crate::model::tag_state::TagState;
use crate::model::time::Time;
use crate::report::tags as report;
use crate::source::{Listing, Sources};
use crate::tags::book::{Book, Named};

/// What was asked for, settled.
struct Settled {
    arns: Vec<String>,
    at: Option<Time>,
    form: Form,
    run: Running,
    catalogs: Catalogs,
    reading: Option<Reading>,
}

/// The records that are read.
struct Reading {
    sources: Sources,
    listing: Listing,
    filter: Filter,
    estate: Arc<Estate>,
}

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &TagsArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let Settled { arns, at, form, run, catalogs, reading } = settle(args, messages)?;
    let Catalogs { book, mut problems, .. } = catalogs;
    let (book, Learnt { interrupted, quiet, notes }) = match reading {
        Some(reading) => learn(reading, book, &run, &mut problems)?,
        None => (book, Learnt::default()),
    };
    problems.sort();
    let states = states(&book, &arns, at);
    let incomplete = interrupted || !(problems.is_empty() || run.allow_incomplete);
    let exit = if incomplete { Exit::Incomplete } else { Exit::Clean };
    let delivery = Delivery::to_stdout()?;
    let style = delivery.style(run.color, run.is_verbose());
    let delivered = delivery.finish(exit, |mut out| match form {
        Form::Json => report::write_json(at, &states, &problems, &mut out),
        Form::Table => report::write_table(at, &states, &style, &mut out),
    })?;
    if delivered.whole && !run.is_quiet() {
        problems.iter().for_each(|problem| messages.warning(problem));
    }
    if delivered.whole {
        noted::say(&notes, &run, messages);
        nowhere::say(&quiet, &run, messages);
    }
    if delivered.whole && interrupted {
        messages.warning("interrupted: there may be more than was read until then");
    }
    Ok(delivered.exit)
}

/// Whether a word names a key or a resource, and not a file.
fn is_arn(word: &OsString) -> bool {
    let text = word.to_string_lossy();
    (text.starts_with("arn:") || text.starts_with("db-") || text.starts_with("cluster-"))
        && !Path::new(word).exists()
}

fn settle(args: &TagsArgs, messages: Messages) -> Result<Settled, Vec<Failure>> {
    let now = Time::now();
    let mut check = Check::default();
    let at = args.at.as_ref().map(|text| check.value("--at", text, |text| values::time(text, now)));
    let filter = check.filter(&args.range, now);
    let form = check.value("--format", &args.format, values::form);
    let run = check.running(&args.color, &args.run);
    let (config, wrong) =
        Config::load(args.config.config.as_deref(), &args.list.beside(&args.words));
    config.say(messages);
    check.note(wrong);
    let (arns, named): (Vec<OsString>, Vec<OsString>) =
        args.words.iter().cloned().partition(is_arn);
    let mut sources = args.list.beside(&named);
    let tags = config.usual.tags(&args.tags);
    if sources.is_empty() && tags.is_empty() {
        if io::stdin().is_terminal() {
            let hint = "give a file, a folder, or --tags FILE: keytrail tags PATH";
            check.usage("nothing to read", hint);
        }
        sources.named.push("-".into());
    }
    let catalogs = check.all(catalogs::read(&tags, now));
    let cloud = args.s3.cloud(&sources.named);
    let listing = cloud.and_then(|cloud| args.s3.listing(&sources, cloud, Scope::of(&filter)));
    let settled = check.all(listing).and_then(|mut listing| {
        let catalogs = catalogs?;
        let tags = catalogs.paths.iter().map(PathBuf::as_path);
        tags.chain(config.files()).for_each(|path| listing.leave_out(path));
        let none = sources.is_empty();
        let reading = Reading { sources, listing, filter, estate: config.estate };
        Some(Settled {
            arns: arns.iter().map(|arn| arn.to_string_lossy().into_owned()).collect(),
            at: at.flatten(),
            form: form?,
            run: run?,
            catalogs,
            reading: Some(reading).filter(|_| !none),
        })
    });
    check.end(settled)
}

/// What reading told beside the tags.
#[derive(Default)]
struct Learnt {
    /// Whether a signal came.
    interrupted: bool,
    /// What was asked for, is known and has nothing in range.
    quiet: Vec<String>,
    /// What is to be known of the records.
    notes: Vec<RunNote>,
}

/// Reads all records for what they say of tags.
fn learn(
    reading: Reading,
    book: Book,
    run: &Running,
    problems: &mut Vec<Problem>,
) -> Result<(Book, Learnt), Vec<Failure>> {
    let Reading { sources, mut listing, filter, estate } = reading;
    let threads = run.threads;
    let plan = Plan { estate, filter, threads, tags: book, ..Plan::new(RuleSet::default()) };
    let stop = signals::install(Vec::new());
    let done = Progress::default();
    let scanned = progress::during(run.show(false), Watched::new(&done, &sources), || {
        engine::scan_and_learn(&mut listing, &plan, None, &done, &stop)
    });
    let (mut outcome, book) = scanned.map_err(|error| vec![Failure::run(&error)])?;
    // Whatever is before the range tells of tags too.
    let asked = Filter { since: None, ..plan.filter };
    let quiet = nowhere::look(&mut outcome, &asked, &sources);
    problems.extend(outcome.problems);
    Ok((book, Learnt { interrupted: outcome.interrupted, quiet, notes: outcome.notes }))
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
