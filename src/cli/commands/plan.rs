//! `keytrail plan`: what there is to read, listed once and cut into shards for many machines.
//!
//! What must stay true: a plan is whole or not there, and says itself what could not be listed.

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use indicatif::HumanBytes;

use super::events::asked;
use crate::cli::args::plan::PlanArgs;
use crate::cli::check::{Check, Running};
use crate::cli::config::Config;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::s3::Scope;
use crate::cli::signals;
use crate::cli::ui::{Messages, plural};
use crate::cli::values;
use crate::engine::Filter;
use crate::folder::{self, Folder};
use crate::model::planned::{Listed, Planned};
use crate::model::time::Time;
use crate::shards::{self, Asked, Chosen, Inventory, Limits};
use crate::source::s3::{Address, Cloud, Wanted};
use crate::source::{Listing, Source, shown};

/// Objects of a shard, and buckets, at most.
const SHARD_OBJECTS_MAX: u64 = 1_000_000;
const BUCKETS_MAX: u64 = 65_536;

/// What was asked for, settled.
struct Settled {
    run: Running,
    listing: Listing,
    inventories: Vec<Inventory>,
    /// What of the inventories is planned.
    wanted: Wanted,
    folder: Arc<dyn Folder>,
    asked: Asked,
}

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &PlanArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let Settled { run, listing, mut inventories, wanted, folder, asked } = settle(args, messages)?;
    let listing = RefCell::new(listing);
    let stop = signals::install(Vec::new());
    say_age(&inventories, &run, messages);
    let chosen = Chosen { wanted: &wanted, sources: &args.sources, out: &args.output };
    let mut next = || {
        // Without inventories all is listed, and with them nothing.
        while let Some(inventory) = inventories.last_mut() {
            let found = inventory.next(&chosen, &stop);
            if found.is_some() {
                return found;
            }
            inventories.pop();
        }
        loop {
            let entry = listing.borrow_mut().next(&stop)?;
            if let Some(found) = shards::found(entry, &args.output) {
                return Some(found);
            }
        }
    };
    let listed = || Listed::of(listing.borrow().passed(), listing.borrow().names());
    let made = shards::make(&*folder, &asked, (&mut next, &listed), &stop);
    let planned = made.map_err(|error| vec![error.into()])?.ok_or_else(|| {
        let message = "interrupted: there is no plan".to_owned();
        vec![Failure::Source { message, hint: None }]
    })?;
    let problems = planned.problems();
    asked::say_problems(&problems, false, &run, messages);
    if planned.shards == 0 {
        messages.warning("nothing was found: the plan has no shards");
    }
    if !run.is_quiet() {
        messages.note(told(&planned));
    }
    let complete = (problems.is_empty() && planned.shards > 0) || run.allow_incomplete;
    Ok(if complete { Exit::Clean } else { Exit::Incomplete })
}

/// Says how old inventories are.
fn say_age(inventories: &[Inventory], run: &Running, messages: Messages) {
    for Inventory { bucket, made, .. } in inventories.iter().filter(|_| !run.is_quiet()) {
        let made = made.map_or("an unknown time".to_owned(), |made| made.to_string());
        messages.note(format!(
            "the inventory of {bucket} is of {made}: what was delivered later is not in the plan"
        ));
    }
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
    let is_on_disk = |source: &OsString| !source.to_str().is_some_and(Address::is_meant);
    if !args.inventories.is_empty() && args.sources.iter().any(is_on_disk) {
        let hint = "give s3://BUCKET/PREFIX, or no source for all that the inventory has";
        check.usage("an inventory has objects in S3, and a source is on disk", hint);
    }
    if shards::holds_one(&args.output, &args.sources) {
        let hint = "give a folder beside them: what lies in the folder of a plan is not planned";
        check.usage("the sources lie in the folder of the plan", hint);
    }
    refuse_odd(&mut check, &args.sources);
    let sources = sources(&args.sources, messages);
    let settled = check.all(reach(args, &sources, &filter));
    let settled = (|| {
        let Reached { folder, mut listing, inventories, wanted } = settled?;
        // What every step takes, or passes over, as the configuration is no log.
        let (config, _) = Config::load(None, &args.sources.iter().cloned().collect());
        config.files().for_each(|path| listing.leave_out(path));
        let asked = asked_for(args, filter, (now, limits?, buckets.flatten()));
        Some(Settled { run: run?, listing, inventories, wanted, folder, asked })
    })();
    check.end(settled)
}

/// Refuses names that a plan cannot hold: it is text, which other machines read.
fn refuse_odd(check: &mut Check, sources: &[OsString]) {
    let hint = "name it by a link whose name is text, or read it without a plan";
    let mut refuse = |what: &str, name: &Path| {
        let name = shown(name.as_os_str());
        check.usage(
            &format!("{what} cannot be written in a plan: expected text in UTF-8: {name}"),
            hint,
        );
    };
    for source in sources.iter().filter(|source| source.to_str().is_none()) {
        refuse("the name of a source", Path::new(source));
    }
    let is_relative = |source: &OsString| {
        !source.to_str().is_some_and(Address::is_meant) && Path::new(source).is_relative()
    };
    let here = std::env::current_dir().unwrap_or_default();
    if sources.iter().any(is_relative) && here.to_str().is_none() {
        refuse("the name of the folder in which sources are", &here);
    }
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

/// The folder of the plan, and what there is to plan.
struct Reached {
    folder: Arc<dyn Folder>,
    listing: Listing,
    inventories: Vec<Inventory>,
    wanted: Wanted,
}

fn reach(args: &PlanArgs, sources: &[OsString], filter: &Filter) -> Result<Reached, Vec<Failure>> {
    // Sources beside an inventory are not asked for.
    let listed = if args.inventories.is_empty() { sources } else { &[] };
    let words = listed.iter().chain(&args.inventories).chain([&args.output]);
    let cloud = args.s3.cloud(words)?;
    let one = |failure| vec![failure];
    let folder = folder::open(&args.output, cloud.clone()).map_err(|e| one(e.into()))?;
    if shards::is_there(&*folder).map_err(|error| one(error.into()))? {
        let name = args.output.to_string_lossy().into_owned();
        return Err(one(shards::PlanError::There(name).into()));
    }
    let scope = Scope { names_only: true, ..Scope::of(filter) };
    let inventories = inventories(&args.inventories, cloud.as_ref())?;
    let wanted = args.s3.reach(None, scope.clone())?.wanted;
    let listing = args.s3.listing(&listed.iter().cloned().collect(), cloud, scope)?;
    Ok(Reached { folder, listing, inventories, wanted })
}

/// Opens inventories, at most one of a bucket: what is in two would be planned twice.
fn inventories(
    names: &[OsString],
    cloud: Option<&Arc<Cloud>>,
) -> Result<Vec<Inventory>, Vec<Failure>> {
    let (mut all, mut failures) = (Vec::<Inventory>::new(), Vec::new());
    for name in names {
        match Inventory::open(name, cloud) {
            Ok(one) if all.iter().any(|other| other.bucket == one.bucket) => {
                let message = format!("two inventories are of the bucket {}", one.bucket);
                failures.push(Failure::Usage { message, hint: "give the newer one" });
            }
            Ok(one) => all.push(one),
            Err(error) => failures.push(error.into()),
        }
    }
    if failures.is_empty() { Ok(all) } else { Err(failures) }
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
        inventories: args.inventories.iter().map(|name| name.to_string_lossy().into()).collect(),
        folder: here,
        limits,
        buckets,
    }
}
