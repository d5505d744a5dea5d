//! `keytrail verify`: whether log files are what CloudTrail delivered.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::cli::args::VerifyArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::progress::{self, Show, Watched};
use crate::cli::s3::Scope;
use crate::cli::ui::{self, Messages, When};
use crate::cli::{settings, signals, values, verifying};
use crate::engine::Progress;
use crate::model::time::Time;
use crate::report::{Style, verify as report};
use crate::source::Listing;
use crate::verify::{Judged, PublicKeys, Range, collect, judge};

/// What was asked for, settled.
struct Settled {
    keys: PublicKeys,
    range: Range,
    json: bool,
    color: When,
    progress: When,
    threads: usize,
    listing: Listing,
}

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &VerifyArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let Settled { keys, range, json, color, progress, threads, mut listing } = settle(args)?;
    let stop = signals::install(Arc::default());
    listing.stop_on(Arc::clone(&stop));
    let done = Progress::default();
    let show = Show::decide(progress, args.quiet, false);
    let read = |bytes: u64| {
        done.blobs.fetch_add(1, Ordering::Relaxed);
        done.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    };
    let watched = Watched::new(&done, &args.sources);
    let broken = |error| vec![Failure::write(None, error)];
    let collected = progress::during(show, watched, || collect(listing, threads, &read, &stop));
    let mut collected = collected.map_err(broken)?;
    let mut problems = std::mem::take(&mut collected.problems);
    problems.sort();
    let interrupted = collected.interrupted;
    let judged = Judged::new(collected, &keys, threads).map_err(broken)?;
    let verified = judge(&judged, &range, !interrupted, args.verbose);
    let complete = !interrupted && problems.is_empty();
    let anchor = keys.anchor();
    let shown =
        report::Report { anchor: &anchor, verified: &verified, problems: &problems, complete };
    let terminal = io::stdout().is_terminal();
    let style = Style {
        width: ui::width(),
        color: ui::color(color, |name| std::env::var_os(name), terminal),
        verbose: args.verbose,
    };
    let mut output = Vec::new();
    let written = match json {
        true => report::write_json(&shown, &mut output),
        false => report::write_table(&shown, &style, &mut output),
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
        if verified.chains.iter().any(|chain| chain.cut_short) {
            messages
                .note("a part of a log archive begins in mid-chain: --since is where it begins");
        }
    }
    if interrupted {
        messages.warning("interrupted: only what was read until then is judged");
    }
    Ok(match (interrupted, complete || args.allow_incomplete, verified.is_whole()) {
        (true, ..) | (_, false, _) => Exit::Incomplete,
        (_, _, true) => Exit::Clean,
        (_, _, false) => Exit::Findings,
    })
}

fn settle(args: &VerifyArgs) -> Result<Settled, Vec<Failure>> {
    let now = Time::now();
    let mut failures = Vec::new();
    let value = |option, text: &str, reason| Failure::Value { option, value: text.into(), reason };
    let mut time = |option, text: &Option<String>| {
        let text = text.as_deref()?;
        let parsed = values::time(text, now);
        parsed.map_err(|reason| failures.push(value(option, text, reason))).ok()
    };
    let (since, until) = (time("--since", &args.since), time("--until", &args.until));
    let mut all = |option, typed: &[String], parse: fn(&str) -> Result<String, String>| {
        let mut one = |text: &String| {
            parse(text).map_err(|reason| failures.push(value(option, text, reason))).ok()
        };
        typed.iter().filter_map(&mut one).collect::<Vec<_>>()
    };
    let accounts = all("--account", &args.accounts, values::account);
    let regions = all("--region", &args.regions, values::region);
    let mut check = |option, text: &str| {
        text.parse().map_err(|reason| failures.push(value(option, text, reason))).ok()
    };
    let (color, progress) = (check("--color", &args.color), check("--progress", &args.progress));
    if !matches!(args.format.as_str(), "table" | "json") {
        failures.push(value("--format", &args.format, "expected table or json".into()));
    }
    let threads = values::threads(&args.threads);
    let threads =
        threads.map_err(|reason| failures.push(value("--threads", &args.threads, reason)));
    if args.sources.is_empty() {
        let hint = "give a folder with logs and digests: keytrail verify PATH";
        failures.push(Failure::Usage { message: "nothing to read".into(), hint });
    }
    if let Some((since, until)) = since.zip(until).filter(|(since, until)| since >= until) {
        let message = format!("--since {since} is not before --until {until}");
        failures.push(Failure::Usage { message, hint: "--until must be later than --since" });
    }
    let keys = verifying::read_keys(&args.public_keys).map_err(|wrong| failures.extend(wrong)).ok();
    let scope =
        Scope { since, until, accounts: accounts.clone(), digests: true, ..Scope::default() };
    let listing = args
        .s3
        .cloud(&args.sources)
        .and_then(|cloud| args.s3.listing(&args.sources, cloud, scope))
        .map_err(|wrong| failures.extend(wrong));
    match (color, progress, threads, keys, listing) {
        (Some(color), Some(progress), Ok(threads), Some(keys), Ok(mut listing))
            if failures.is_empty() =>
        {
            listing.leave_out(&args.public_keys);
            let range = Range { since, until, late: 0, accounts, regions, now };
            let threads = threads.unwrap_or_else(settings::cores);
            let json = args.format == "json";
            Ok(Settled { keys, range, json, color, progress, threads, listing })
        }
        _ => Err(failures),
    }
}
