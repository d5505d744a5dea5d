//! `keytrail plan`: what there is to read, listed once and cut into shards for many machines.
//!
//! What must stay true: a plan is whole or not there, and says itself what could not be listed.

use std::ffi::OsString;
use std::sync::Arc;

use indicatif::HumanBytes;

use super::events::asked;
use crate::cli::args::plan::PlanArgs;
use crate::cli::check::{Check, Running};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::s3::Scope;
use crate::cli::signals;
use crate::cli::ui::{Messages, plural};
use crate::cli::values;
use crate::engine::Filter;
use crate::folder::{self, Folder};
use crate::model::planned::Planned;
use crate::model::time::Time;
use crate::shards::{self, Asked, Limits};
use crate::source::{Listing, Source};

/// Objects of a shard, and buckets, at most.
const SHARD_OBJECTS_MAX: u64 = 1_000_000;
const BUCKETS_MAX: u64 = 65_536;

/// What was asked for, settled.
struct Settled {
    run: Running,
    listing: Listing,
    folder: Arc<dyn Folder>,
    asked: Asked,
}

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &PlanArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let Settled { run, mut listing, folder, asked } = settle(args, messages)?;
    let stop = signals::install(Vec::new());
    let mut next = || {
        loop {
            let entry = listing.next(&stop)?;
            if let Some(found) = shards::found(entry, &args.output) {
                return Some(found);
            }
        }
    };
    let made = shards::make(&*folder, &asked, &mut next, &stop);
    let Some(planned) = made.map_err(|error| vec![error.into()])? else {
        messages.warning("interrupted: there is no plan");
        return Ok(Exit::Incomplete);
    };
    let problems = planned.problems();
    asked::say_problems(&problems, false, &run, messages);
    if planned.shards == 0 {
        messages.warning("nothing was found: the plan has no shards");
    }
    if !run.is_quiet() {
        messages.note(told(&planned));
    }
    let complete = problems.is_empty() || run.allow_incomplete;
    Ok(if complete { Exit::Clean } else { Exit::Incomplete })
}

/// What a plan has, in one line.
fn told(planned: &Planned) -> String {
    format!(
        "{} of {} in {}: {}, {}",
        plural(planned.objects, "object"),
        HumanBytes(planned.bytes),
        plural(planned.account_table.accounts, "account"),
        plural(planned.shards, "shard"),
        plural(planned.buckets, "bucket"),
    )
}

fn settle(args: &PlanArgs, messages: Messages) -> Result<Settled, Vec<Failure>> {
    let mut check = Check::default();
    let now = Time::now();
    let filter = check.filter(&args.range, now);
    let run = check.running(&args.color, &args.run);
    let limits = limits(&mut check, args);
    let buckets = args.buckets.as_deref();
    let buckets = buckets.map(|n| check.value("--buckets", n, |n| values::count(n, BUCKETS_MAX)));
    for (what, hint) in [
        (args.sources.iter().any(|source| source == "-"), "give files, folders or s3:// sources"),
        (args.output == "-", "keytrail plan SOURCE -o OUT"),
    ] {
        if what {
            check.usage("a plan names files and objects; - is a stream", hint);
        }
    }
    let sources = sources(&args.sources, messages);
    let settled = check.all(reach(args, &sources, &filter));
    let settled = (|| {
        let (folder, listing) = settled?;
        let asked = asked_for(args, filter, (now, limits?, buckets.flatten()));
        Some(Settled { run: run?, listing, folder, asked })
    })();
    check.end(settled)
}

/// The sources, without those that lie in others.
fn sources(typed: &[OsString], messages: Messages) -> Vec<OsString> {
    let nested = shards::nested(typed);
    for at in &nested {
        let name = typed[*at].to_string_lossy();
        messages.note(format!("{name} lies in another source, so that it is not listed twice"));
    }
    let kept = typed.iter().enumerate().filter(|(at, _)| !nested.contains(at));
    kept.map(|(_, source)| source.clone()).collect()
}

fn limits(check: &mut Check, args: &PlanArgs) -> Option<Limits> {
    let bytes = check.value("--shard-bytes", &args.shard_bytes, values::bytes);
    let objects = check.value("--shard-objects", &args.shard_objects, |text| {
        values::count(text, SHARD_OBJECTS_MAX)
    });
    Some(Limits { bytes: bytes?, objects: objects? })
}

/// The folder of the plan, and the listing of its sources.
fn reach(
    args: &PlanArgs,
    sources: &[OsString],
    filter: &Filter,
) -> Result<(Arc<dyn Folder>, Listing), Vec<Failure>> {
    let cloud = args.s3.cloud(sources.iter().chain([&args.output]))?;
    let one = |failure| vec![failure];
    let folder = folder::open(&args.output, cloud.clone()).map_err(|e| one(e.into()))?;
    if shards::is_there(&*folder).map_err(|error| one(error.into()))? {
        let name = args.output.to_string_lossy().into_owned();
        return Err(one(shards::PlanError::There(name).into()));
    }
    let scope = Scope { names_only: true, ..Scope::of(filter) };
    Ok((folder, args.s3.listing(&sources.iter().cloned().collect(), cloud, scope)?))
}

fn asked_for(
    args: &PlanArgs,
    filter: Filter,
    (now, limits, buckets): (Time, Limits, Option<u64>),
) -> Asked {
    let Filter { since, until, accounts, regions } = filter;
    let here =
        std::env::current_dir().ok().and_then(|path| path.into_os_string().into_string().ok());
    Asked {
        now,
        since,
        until,
        accounts,
        regions,
        sources: args.sources.iter().map(|source| source.to_string_lossy().into()).collect(),
        folder: here,
        limits,
        buckets,
    }
}
