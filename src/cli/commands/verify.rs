//! `keytrail verify`: whether log files are what CloudTrail delivered.

use crate::cli::args::VerifyArgs;
use crate::cli::check::{Check, Running};
use crate::cli::config::Config;
use crate::cli::deliver::Delivery;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::progress::{self, Watched};
use crate::cli::s3::Scope;
use crate::cli::ui::Messages;
use crate::cli::values::{self, Form};
use crate::cli::{signals, verifying};
use crate::engine::{Filter, Progress};
use crate::model::time::Time;
use crate::report::verify as report;
use crate::source::Listing;
use crate::verify::{Judged, PublicKeys, Range, collect, judge};

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
    let watched = Watched::new(&done, &args.sources);
    let broken = |error| vec![Failure::run(&error)];
    let collected = progress::during(run.show(false), watched, || {
        collect(&mut listing, run.threads, &read, &stop)
    });
    let mut collected = collected.map_err(broken)?;
    let mut problems = std::mem::take(&mut collected.problems);
    problems.sort();
    let interrupted = collected.interrupted;
    let judged = Judged::new(collected, &keys, run.threads).map_err(broken)?;
    let verified = judge(&judged, &range, !interrupted, run.is_verbose());
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
        say(&shown, interrupted, &run, messages);
    }
    Ok(delivered.exit)
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
    if args.sources.is_empty() {
        check.usage("nothing to read", "give a folder with logs and digests: keytrail verify PATH");
    }
    // No verdict depends on it, but nobody should go on with one that is broken.
    let (config, wrong) = Config::load(args.config.config.as_deref(), &args.sources);
    config.say(messages);
    check.note(wrong);
    let keys = check.all(verifying::read_keys(&args.public_keys));
    let scope = Scope { digests: true, ..Scope::of(&filter) };
    let cloud = args.s3.cloud(&args.sources);
    let listing = cloud.and_then(|cloud| args.s3.listing(&args.sources, cloud, scope));
    let listing = check.all(listing).map(|mut listing| {
        listing.leave_out(&args.public_keys);
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
