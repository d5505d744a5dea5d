//! `keytrail actors --granted-vs-used`: what one principal may do, what it did, and the least policy.

use std::path::PathBuf;
use std::sync::Arc;

use super::events::asked;
use crate::cli::args::actors::ActorsArgs;
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
use crate::detect::RuleSet;
use crate::engine::{self, Plan, Progress};
use crate::model::keys::asked::KeysAsked;
use crate::model::keys::granted::Granted;
use crate::model::keys::listed::Listed;
use crate::model::named::NamedIdentity;
use crate::model::time::Time;
use crate::report::granted::{self as report, Answer, Form};
use crate::source::{Listing, Sources};

/// What was asked for, settled.
struct Settled {
    plan: Plan,
    form: Form,
    run: Running,
    sources: Sources,
    listing: Listing,
    delivery: Delivery,
}

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed; one is a name that stands for several.
pub fn run(args: &ActorsArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let Settled { plan, form, run, sources, mut listing, delivery } = settle(args, messages)?;
    let stop = signals::install(vec![delivery.unfinished()]);
    let done = Progress::default();
    let scanned = progress::during(run.show(false), Watched::new(&done, &sources), || {
        engine::scan_and_list_keys(&mut listing, &plan, &done, &stop)
    });
    let (mut outcome, _, inventory) = scanned.map_err(|error| vec![Failure::run(&error)])?;
    let quiet = nowhere::look(&mut outcome, &plan.filter, &sources);
    let granted = match &inventory.granted {
        Some(Granted::Several(all)) => return Err(vec![several(args, all)]),
        Some(Granted::One(granted)) => Some(&**granted),
        Some(Granted::Nobody) | None => None,
    };
    let complete = !outcome.interrupted && outcome.problems.is_empty();
    let forgiven = run.allow_incomplete && !outcome.interrupted;
    let exit = if complete || forgiven { Exit::Clean } else { Exit::Incomplete };
    let style = delivery.style(run.color, run.is_verbose());
    let answer = Answer {
        schema: report::SCHEMA,
        complete,
        since: plan.filter.since,
        until: plan.filter.until,
        first_event: outcome.totals.first_event,
        last_event: outcome.totals.last_event,
        granted,
        problems: &outcome.problems,
    };
    let delivered = delivery.finish(exit, |out| report::write(form, &answer, &style, out))?;
    if delivered.whole {
        asked::say_problems(&outcome.problems, form == Form::Json, &run, messages);
        noted::say(&outcome.notes, &run, messages);
        nowhere::say(&quiet, &run, messages);
        if outcome.interrupted {
            messages.warning("interrupted: only what was read until then counts");
        }
    }
    Ok(delivered.exit)
}

/// A name that stands for several is the user's to make plain.
fn several(args: &ActorsArgs, all: &Listed<String>) -> Failure {
    let name = args.principal.first().map(String::as_str).unwrap_or_default();
    let more = match all.others() {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    let count = format!("{}{}", if all.cut { "more than " } else { "" }, all.count);
    let message =
        format!("--principal {name} stands for {count} principals: {}{more}", all.first.join(", "));
    Failure::Usage { message, hint: "give the ARN of one of them" }
}

fn settle(args: &ActorsArgs, messages: Messages) -> Result<Settled, Vec<Failure>> {
    let mut check = Check::default();
    let filter = check.filter(&args.range, Time::now());
    let form = check.value("--format", &args.format, str::parse);
    let run = check.running(&args.color, &args.run);
    let named = |text: &str| match text {
        "" => Err("expected the name or the ARN of a user or role".to_owned()),
        text => Ok(NamedIdentity::read(text)),
    };
    let principal = match args.principal.as_slice() {
        [one] => check.value("--principal", one, named),
        _ => {
            let message = "--granted-vs-used is about one principal, and several are given";
            check.usage(message, "give --principal once");
            None
        }
    };
    let sources = asked::sources(&mut check, args.list.beside(&args.sources));
    let (config, wrong) = Config::load(args.config.config.as_deref(), &sources);
    config.say(messages);
    check.note(wrong);
    let cloud = args.s3.cloud(&sources.named);
    let listing = cloud.and_then(|cloud| args.s3.listing(&sources, cloud, Scope::of(&filter)));
    let listing = check.all(listing);
    let settled = (|| Some((form?, run?, listing?, principal?)))();
    let (form, run, mut listing, principal) = check.end(settled)?;
    let beside: Vec<PathBuf> = config.files().map(Into::into).collect();
    beside.iter().for_each(|path| listing.leave_out(path));
    let delivery = asked::open(&args.output, &sources, &beside).map_err(|failure| vec![failure])?;
    delivery.unfinished_path().iter().for_each(|path| listing.leave_out(path));
    let plan = Plan {
        estate: Arc::clone(&config.estate),
        filter,
        threads: run.threads,
        keys: Some(KeysAsked { principal: Some(principal), ..KeysAsked::default() }),
        ..Plan::new(RuleSet::default())
    };
    Ok(Settled { plan, form, run, sources, listing, delivery })
}
