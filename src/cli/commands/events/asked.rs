//! What was asked of `keytrail events`: each filter read, and all that is wrong with them. What
//! `keytrail actors` takes too is read here as well.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use crate::cli::args::events::{AroundArgs, EventsArgs, ShownArgs};
use crate::cli::check::{Check, Running};
use crate::cli::deliver::{self, Delivery};
use crate::cli::failure::Failure;
use crate::cli::ui::{Messages, plural};
use crate::cli::values;
use crate::engine::Filter;
use crate::model::problem::Problem;
use crate::model::time::Time;
use crate::query::{Around, AskedKey, AskedPrincipal, AskedResource, Query, Term, addresses};
use crate::report::events::{Column, Form};
use crate::source::Sources;

/// Rows of a table where nobody says how many: some screens.
const TABLE_ROWS: usize = 100;

/// What is shown.
#[derive(Debug)]
pub struct Shown {
    pub form: Form,
    pub columns: Vec<Column>,
    pub limit: Option<usize>,
    /// Whether problems are lines of NDJSON.
    pub problems: bool,
}

/// The sources; standard input if there is none and it is no terminal.
pub fn sources(check: &mut Check, typed: Sources) -> Sources {
    if !typed.is_empty() {
        return typed;
    }
    if io::stdin().is_terminal() {
        check.usage("nothing to read", "give a file, a folder, or - to read standard input");
    }
    Sources::from_iter(["-"])
}

/// What is asked for; `None` if something is wrong with it.
pub fn query(check: &mut Check, args: &EventsArgs, now: Time) -> Option<Query> {
    let range = check.filter(&args.range, now);
    let around = around(check, &args.around);
    let filters = &args.filters;
    let query = Query {
        range: within(range, around.as_ref().and_then(|(_, span)| *span)),
        keys: all(check, "--key", &filters.key, AskedKey::parse),
        principals: all(check, "--principal", &filters.principal, AskedPrincipal::parse),
        access_keys: all(check, "--access-key", &filters.access_key, some),
        nets: all(check, "--ip", &filters.ip, addresses),
        resources: all(check, "--resource", &filters.resource, AskedResource::parse),
        events: all(check, "--event", &filters.event, some),
        errors: all(check, "--error", &filters.error, some),
        agents: all(check, "--agent", &filters.agent, some),
        terms: all(check, "--where", &filters.terms, Term::parse),
        around: around.map(|(around, _)| around),
        derived: filters.with_derived_credentials,
    };
    if query.derived && !query.asks_for_callers() {
        check.usage(
            "--with-derived-credentials goes on from callers, and none are asked for",
            "give --principal, --access-key, --ip or --around",
        );
    }
    Some(query)
}

/// The callers that are asked for, of all their calls in a range.
pub fn callers(
    check: &mut Check,
    (principals, access_keys, addresses_of): (&[String], &[String], &[String]),
    range: Filter,
) -> Query {
    Query {
        range,
        principals: all(check, "--principal", principals, AskedPrincipal::parse),
        access_keys: all(check, "--access-key", access_keys, some),
        nets: all(check, "--ip", addresses_of, addresses),
        ..Query::default()
    }
}

/// Every value of a filter that can be read.
fn all<T>(
    check: &mut Check,
    option: &'static str,
    typed: &[String],
    parse: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    typed.iter().filter_map(|text| check.value(option, text, &parse)).collect()
}

fn some(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("expected some text".into()) } else { Ok(text.to_owned()) }
}

/// First and last instant of what is asked for; the last is not included.
type Span = (Time, Time);

/// What the finding or case is about, and when that was, with the time before and after.
fn around(check: &mut Check, args: &AroundArgs) -> Option<(Around, Option<Span>)> {
    let (wanted, path) = (args.around.as_ref()?, args.report.as_ref()?);
    let age = |text: &str| {
        let micros = values::age_secs(text).flatten().and_then(|secs| secs.checked_mul(1_000_000));
        micros.ok_or_else(|| "expected an age such as 90s, 10m, 1h or 2d".to_owned())
    };
    let before = check.value("--before", &args.before, age)?;
    let after = check.value("--after", &args.after, age)?;
    let failure = |reason| Failure::Around { path: path.clone(), reason };
    let read = open_report(path).and_then(|file| Around::read(file, wanted)).map_err(failure);
    let around = check.all(read.map_err(|failure| vec![failure]))?;
    if around.is_empty() {
        let what = "that finding names no principal, address or key to look around";
        check.usage(what, "look at its events by their time: --since and --until");
    }
    let span = around.seen.map(|(first, last)| {
        let end = last.0.saturating_add(after).saturating_add(1);
        (Time(first.0.saturating_sub(before)), Time(end))
    });
    Some((around, span))
}

fn open_report(path: &Path) -> Result<io::BufReader<File>, String> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "no such report".to_owned(),
        _ => format!("cannot be read: {error}"),
    })?;
    Ok(io::BufReader::new(file))
}

/// The range, cut to a span.
fn within(range: Filter, span: Option<Span>) -> Filter {
    let Some((first, end)) = span else { return range };
    Filter {
        since: Some(range.since.map_or(first, |since| since.max(first))),
        until: Some(range.until.map_or(end, |until| until.min(end))),
        ..range
    }
}

/// How it is shown; `None` if something is wrong with that.
pub fn shown(check: &mut Check, args: &ShownArgs) -> Option<Shown> {
    let form = match args.raw {
        true => Some(Form::Raw),
        false => check.value("--format", &args.format, form),
    };
    let problems = check.problems(&args.problems, form == Some(Form::Ndjson));
    let limit = rows(check, args.limit.as_deref(), form == Some(Form::Table));
    let columns = args.columns.as_ref().map(|text| check.value("--columns", text, columns));
    let form = form?;
    if args.columns.is_some() && !matches!(form, Form::Table | Form::Csv) {
        check.usage("--columns is for tables and CSV", "leave it out, or give -f table or -f csv");
    }
    let columns = match columns {
        Some(columns) => columns?,
        None if form == Form::Csv => Column::ALL.to_vec(),
        None => Column::SHOWN.to_vec(),
    };
    Some(Shown { form, columns, limit: limit?, problems: problems? })
}

/// The most rows that are shown, if there is a limit; `None` if it cannot be read.
pub fn rows(check: &mut Check, typed: Option<&str>, table: bool) -> Option<Option<usize>> {
    match typed {
        Some(text) => check.value("--limit", text, limit),
        None => Some(table.then_some(TABLE_ROWS)),
    }
}

fn form(text: &str) -> Result<Form, String> {
    match text {
        "table" => Ok(Form::Table),
        "json" => Ok(Form::Json),
        "ndjson" => Ok(Form::Ndjson),
        "csv" => Ok(Form::Csv),
        _ => Err("expected table, json, ndjson or csv".into()),
    }
}

/// `None` for no limit.
fn limit(text: &str) -> Result<Option<usize>, String> {
    match text.parse() {
        Ok(0) => Ok(None),
        Ok(number) => Ok(Some(number)),
        Err(_) if text == "none" => Ok(None),
        Err(_) => Err("expected a number, or none".into()),
    }
}

fn columns(text: &str) -> Result<Vec<Column>, String> {
    text.split(',').map(|name| name.trim().parse()).collect()
}

/// Says what could not be read. `listed` is whether the output has it.
pub fn say_problems(problems: &[Problem], listed: bool, run: &Running, messages: Messages) {
    if !run.is_quiet() && (!listed || run.is_verbose()) {
        problems.iter().for_each(|problem| messages.warning(problem));
    }
    match problems.len() {
        0 => {}
        count => messages.warning(format!("incomplete: {}", plural(count as u64, "problem"))),
    }
}

/// Opens the output. `beside` is what the run reads beside its sources.
///
/// # Errors
/// When nothing could be written there, or it is one of those files.
pub fn open(path: &Path, sources: &Sources, beside: &[PathBuf]) -> Result<Delivery, Failure> {
    if path.as_os_str() == "-" {
        return Delivery::open(None);
    }
    let beside: Vec<_> = beside.iter().map(PathBuf::as_path).collect();
    deliver::keep_apart(path, sources, &beside)?;
    Delivery::open(Some(path))
}
