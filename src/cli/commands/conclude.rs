//! `keytrail conclude`: the facts of all shards of a bucket, put together into one file, and what is left of them
//! once the accounts of the bucket alone have decided what they can.
//!
//! What must stay true: a file is there whole or not at all, and has each of the bucket's shards once. What is left
//! comes last, so that what it was made of is beside it.

use std::fs::File;
use std::io;

use super::scan::load_rules;
use crate::cli::args::conclude::ConcludeArgs;
use crate::cli::catalogs;
use crate::cli::check::Check;
use crate::cli::config::Config;
use crate::cli::exit::Exit;
use crate::cli::facts_dir::{self, Facts};
use crate::cli::failure::Failure;
use crate::cli::planned;
use crate::cli::progress::{self, Watched};
use crate::cli::signals;
use crate::cli::ui::{Messages, plural};
use crate::detect::loaded::Loaded;
use crate::engine::{self, Head, Plan, Progress};
use crate::model::time::Time;
use crate::shards::Dataset;

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &ConcludeArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let mut check = Check::default();
    let run = check.running(&args.color, &args.run);
    let opened = check.all(open(args));
    let logs = opened.as_ref().map(|(dataset, ..)| planned::places(dataset.plan()));
    let logs = logs.unwrap_or_default();
    let (mut config, wrong) = Config::load(args.config.config.as_deref(), &logs);
    config.say(messages);
    check.note(wrong);
    let loaded = check.all(load_rules(&args.rules, &mut config, false));
    if let (Some(loaded), Some((_, facts, _))) = (&loaded, &opened) {
        check.all(facts.check(&loaded.rules, &config));
    }
    let now = opened.as_ref().map_or_else(Time::now, |(dataset, ..)| dataset.plan().created);
    let catalogs = check.all(catalogs::read(&config.usual.tags(&args.tags), now));
    let settled = (|| Some((run?, loaded?, opened?, catalogs?)))();
    let (run, Loaded { rules, .. }, opened, catalogs) = check.end(settled)?;
    let (dataset, facts, incomplete) = opened;
    catalogs.problems.iter().for_each(|problem| messages.warning(problem));
    if incomplete > 0 {
        // Put together they could not be replaced by what a later attempt reads.
        let shards = plural(incomplete, "shard");
        messages.warning(format!(
            "{shards} of bucket {} could not be read whole: left apart",
            args.bucket
        ));
        return Ok(Exit::Incomplete);
    }
    let plan = Plan {
        filter: planned::filter(dataset.plan()),
        tags: catalogs.book,
        now,
        seed: facts.seed(),
        ..facts_dir::plan(rules, &config, run.threads)
    };
    let progress = Progress::default();
    progress::during(run.show(false), Watched::alone(&progress), || {
        join(args.bucket, (&dataset, &facts), (&plan, &progress))
    })?;
    if !run.is_quiet() {
        let count = plural(facts.parts.len() as u64, "shard");
        messages.note(format!("bucket {} has the facts of {count}", args.bucket));
    }
    Ok(Exit::Clean)
}

/// The plan, the facts of the bucket, and how many of its shards are incomplete.
fn open(args: &ConcludeArgs) -> Result<(Dataset, Facts, u64), Vec<Failure>> {
    let cloud = args.s3.cloud([&args.plan])?;
    let of_bucket = || {
        let dataset = planned::open(&args.plan, cloud)?;
        let (parts, incomplete) = planned::parts_of_bucket(&dataset, args.bucket)?;
        Ok((dataset, Facts::of_parts(parts)?, incomplete))
    };
    of_bucket().map_err(|failure| vec![failure])
}

/// Puts the facts together, decides, and puts the files into their places.
fn join(
    bucket: u64,
    (dataset, facts): (&Dataset, &Facts),
    (plan, progress): (&Plan, &Progress),
) -> Result<(), Vec<Failure>> {
    if facts.parts.is_empty() {
        return Ok(());
    }
    let stop = signals::install(Vec::new());
    let id = planned::id_of_bucket(dataset.plan(), bucket);
    let head = Head { id, ..facts.head.clone() };
    let files = || -> io::Result<[File; 2]> {
        let [mut whole, mut left] = [tempfile::tempfile()?, tempfile::tempfile()?];
        planned::write(&mut whole, |whole| {
            planned::write(&mut left, |left| {
                engine::join_facts((&facts.parts, &head), plan, (progress, &stop), (whole, left))
            })
        })?;
        Ok([whole, left])
    };
    let files = files().map_err(|error| vec![facts_dir::unread(&error)])?;
    for (name, mut file) in planned::files_of_bucket(bucket).iter().zip(files) {
        dataset.folder().put(name, &mut file).map_err(|error| vec![error.into()])?;
    }
    Ok(())
}
