//! `keytrail verify`: whether log files are what CloudTrail delivered.

use std::collections::BTreeSet;

use crate::cli::args::VerifyArgs;
use crate::cli::check::{Check, Running};
use crate::cli::config::Config;
use crate::cli::deliver::Delivery;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::nowhere;
use crate::cli::progress::{self, Watched};
use crate::cli::s3::Scope;
use crate::cli::ui::Messages;
use crate::cli::values::{self, Form};
use crate::cli::{signals, verifying};
use crate::engine::{Filter, Progress};
use crate::model::path_names::PathNames;
use crate::model::problem::Problem;
use crate::model::time::Time;
use crate::model::verified::Verified;
use crate::report::verify as report;
use crate::source::{Listing, Source};
use crate::verify::{Collected, Judged, PublicKeys, Range, collect, judge};

/// What was asked for, settled.
struct Settled {
    keys: PublicKeys,
    range: Range,
    form: Form,
    run: Running,
    listing: Listing,
}

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &VerifyArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let Settled { keys, range, form, run, mut listing } = settle(args, messages)?;
    let stop = signals::install(Vec::new());
    let done = Progress::default();
    let read = |bytes| done.blob_read(bytes);
    let sources = args.list.beside(&args.sources);
    let watched = Watched::new(&done, &sources);
    let broken = |error| vec![Failure::run(&error)];
    let collected = progress::during(run.show(false), watched, || {
        collect(&mut listing, run.threads, &read, &stop)
    });
    let mut collected = collected.map_err(broken)?;
    let mut problems = std::mem::take(&mut collected.problems);
    problems.sort();
    let interrupted = collected.interrupted;
    let unknown = unknown(&range, &collected, &listing.names());
    let judged = Judged::new(collected, &keys, run.threads).map_err(broken)?;
    let verified = judge(&judged, &range, !interrupted, run.is_verbose());
    problems.extend(out_of_time(&range, &verified).filter(|_| !interrupted));
    let complete = !interrupted && problems.is_empty();
    let anchor = keys.anchor();
    let shown =
        report::Report { anchor: &anchor, verified: &verified, problems: &problems, complete };
    let exit = match (interrupted, complete || run.allow_incomplete, verified.is_whole()) {
        (true, ..) | (_, false, _) => Exit::Incomplete,
        (_, _, true) => Exit::Clean,
        (_, _, false) => Exit::Findings,
    };
    let delivery = Delivery::to_stdout()?;
    let style = delivery.style(run.color, run.is_verbose());
    let delivered = delivery.finish(exit, |out| match form {
        Form::Json => report::write_json(&shown, out),
        Form::Table => report::write_table(&shown, &style, out),
    })?;
    if delivered.whole {
        if !run.is_quiet() {
            unknown
                .iter()
                .for_each(|name| messages.note(format!("{}: {}", name.origin, name.message)));
        }
        say(&shown, interrupted, &run, messages);
    }
    Ok(delivered.exit)
}

/// What the range names and neither a log, a digest nor a folder has: that it has no digest is a
/// verdict already, and this says what it may be taken for.
fn unknown(range: &Range, collected: &Collected, names: &PathNames) -> Vec<Problem> {
    let (mut accounts, mut regions) = (BTreeSet::new(), BTreeSet::new());
    for (account, region) in collected.places() {
        accounts.insert(account);
        regions.insert(region);
    }
    for names in [names, &collected.names] {
        accounts.extend(names.accounts.iter().map(String::as_str));
        regions.extend(names.regions.iter().map(String::as_str));
    }
    if collected.interrupted || names.cut || collected.names.cut {
        return Vec::new();
    }
    let mut problems = nowhere::unknown("--account", &range.accounts, &accounts);
    problems.extend(nowhere::unknown("--region", &range.regions, &regions));
    problems
}

/// A problem if the range has nothing to verify, and no chain says that there should be something.
fn out_of_time(range: &Range, verified: &Verified) -> Option<Problem> {
    let first = verified.chains.iter().map(|chain| chain.start).min()?;
    let last = verified.chains.iter().map(|chain| chain.end).max()?;
    let nothing = verified.digests.is_empty() && verified.logs.is_empty() && verified.is_unharmed();
    nowhere::out_of_time((range.since, range.until), (first, last)).filter(|_| nothing)
}

/// Says what the result does not say.
fn say(shown: &report::Report<'_>, interrupted: bool, run: &Running, messages: Messages) {
    if !run.is_quiet() {
        shown.problems.iter().for_each(|problem| messages.warning(problem));
        if shown.verified.chains.iter().any(|chain| chain.cut_short) {
            messages
                .note("a part of a log archive begins in mid-chain: --since is where it begins");
        }
    }
    if interrupted {
        messages.warning("interrupted: only what was read until then is judged");
    }
}

fn settle(args: &VerifyArgs, messages: Messages) -> Result<Settled, Vec<Failure>> {
    let now = Time::now();
    let mut check = Check::default();
    let filter = check.filter(&args.range, now);
    let form = check.value("--format", &args.format, values::form);
    let run = check.running(&args.color, &args.run);
    let sources = args.list.beside(&args.sources);
    if sources.is_empty() {
        check.usage("nothing to read", "give a folder with logs and digests: keytrail verify PATH");
    }
    // No verdict depends on it, but nobody should go on with one that is broken.
    let (config, wrong) = Config::load(args.config.config.as_deref(), &sources);
    config.say(messages);
    check.note(wrong);
    let public_keys = config.usual.public_keys(args.public_keys.as_deref());
    if public_keys.is_none() {
        check.usage(
            "no public keys to verify with",
            "give what aws cloudtrail list-public-keys printed: --public-keys FILE",
        );
    }
    let keys = public_keys.as_ref().and_then(|path| check.all(verifying::read_keys(path)));
    let scope = Scope { digests: true, ..Scope::of(&filter) };
    let cloud = args.s3.cloud(&sources.named);
    let listing = cloud.and_then(|cloud| args.s3.listing(&sources, cloud, scope));
    let listing = check.all(listing).map(|mut listing| {
        public_keys.iter().for_each(|path| listing.leave_out(path));
        config.files().for_each(|path| listing.leave_out(path));
        listing
    });
    let Filter { since, until, accounts, regions } = filter;
    // Without a state nothing is known of earlier runs.
    let seen = Vec::new();
    let range = Range { since, until, late: 0, accounts, regions, seen, now };
    let settled =
        (|| Some(Settled { keys: keys?, range, form: form?, run: run?, listing: listing? }))();
    check.end(settled)
}
