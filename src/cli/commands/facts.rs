//! `keytrail facts`: all uses of keys as a table that other tools query, and all that was found for a
//! later scan.
//!
//! What must stay true: a table says itself whether all of the source is in it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::events::asked;
use super::scan::load_rules;
use super::skipped;
use crate::cli::args::facts::FactsArgs;
use crate::cli::check::{Check, Running};
use crate::cli::config::Config;
use crate::cli::deliver::{Delivered, Delivery};
use crate::cli::exit::Exit;
use crate::cli::facts_dir::{self, PART, PROGRAM, TABLE};
use crate::cli::failure::Failure;
use crate::cli::noted;
use crate::cli::nowhere;
use crate::cli::progress::{self, Watched};
use crate::cli::s3::Scope;
use crate::cli::signals;
use crate::cli::ui::{Messages, plural};
use crate::cli::unmet;
use crate::detect::loaded::Loaded;
use crate::engine::{self, Head, Plan, Progress, Uses};
use crate::facts;
use crate::model::keys::asked::KeysAsked;
use crate::model::outcome::Outcome;
use crate::model::problem::Problem;
use crate::model::time::Time;
use crate::source::Listing;

/// What was asked for, settled.
struct Settled {
    plan: Plan,
    head: Head,
    run: Running,
    sources: Vec<OsString>,
    listing: Listing,
    /// Rules that were left out.
    problems: Vec<Problem>,
    folder: Folder,
}

/// The two files, open.
struct Folder {
    table: Delivery,
    part: Delivery,
    path: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(args: &FactsArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let Settled { plan, head, run, sources, mut listing, problems, mut folder } =
        settle(args, messages)?;
    let stop = signals::install(vec![folder.table.unfinished(), folder.part.unfinished()]);
    let done = Progress::default();
    let read = progress::during(run.show(false), Watched::new(&done, &sources), || {
        let out = (head, &mut folder.part as _);
        engine::scan_to_facts(&mut listing, &plan, (&done, &stop), out)
    });
    let (mut outcome, uses) =
        read.map_err(|error| vec![Failure::during(Some(&args.output.join(PART)), error)])?;
    outcome.problems.extend(problems);
    let quiet = nowhere::look(&mut outcome, &plan.filter, &sources);
    let complete = !outcome.interrupted && outcome.problems.is_empty();
    let forgiven = run.allow_incomplete && !outcome.interrupted;
    let exit = if complete || forgiven { Exit::Clean } else { Exit::Incomplete };
    let (delivered, count) = folder.finish(exit, (&outcome, complete), (&plan, &uses))?;
    if delivered.whole {
        asked::say_problems(&outcome.problems, false, &run, messages);
        noted::say(&outcome.notes, &run, messages);
        nowhere::say(&quiet, &run, messages);
        if outcome.interrupted {
            messages.warning("interrupted: only what was read until then is in the table");
        }
        if !run.is_quiet() {
            let path = args.output.join(TABLE);
            messages.note(format!("{} of keys in {}", plural(count, "use"), path.display()));
        }
    }
    Ok(delivered.exit)
}

fn settle(args: &FactsArgs, messages: Messages) -> Result<Settled, Vec<Failure>> {
    let mut check = Check::default();
    let now = Time::now();
    let filter = check.filter(&args.range, now);
    let run = check.running(&args.color, &args.run);
    let sources = asked::sources(&mut check, &args.sources);
    if args.output.as_os_str() == "-" {
        check.usage("facts need a folder", "keytrail facts SOURCE -o DIR");
    }
    let (mut config, wrong) = Config::load(args.config.config.as_deref(), &sources);
    config.say(messages);
    check.note(wrong);
    let loaded = check.all(load_rules(&args.rules, &mut config, false));
    let cloud = args.s3.cloud(&sources);
    let listing = cloud.and_then(|cloud| args.s3.listing(&sources, cloud, Scope::of(&filter)));
    let listing = check.all(listing);
    let settled = (|| Some((run?, listing?, loaded?)))();
    let (run, mut listing, loaded) = check.end(settled)?;
    skipped::say(&loaded.skipped, run.verbosity, messages);
    let Loaded { rules, problems, .. } = loaded;
    let seed = engine::fresh_seed(now.0.cast_unsigned());
    let head = Head {
        program: PROGRAM.to_owned(),
        id: format!("{seed:016x}"),
        rules: rules.digest(),
        settings: facts_dir::settings(&config),
        sources: sources.iter().map(|source| source.to_string_lossy().into()).collect(),
        ..Head::default()
    };
    let head = head.of_range(&filter);
    let plan = Plan {
        estate: Arc::clone(&config.estate),
        filter,
        threads: run.threads,
        now,
        seed: Some(seed),
        lists_uses: true,
        names_files: true,
        keys: Some(KeysAsked::default()),
        to_meet: unmet::to_meet(&config.named),
        ..Plan::new(rules)
    };
    let beside: Vec<PathBuf> = config.files().map(Into::into).collect();
    beside.iter().for_each(|path| listing.leave_out(path));
    let folder = Folder::open(&args.output, &sources, &beside).map_err(|failure| vec![failure])?;
    let unfinished = [&folder.table, &folder.part].map(Delivery::unfinished_path);
    unfinished.iter().flatten().for_each(|path| listing.leave_out(path));
    [TABLE, PART].iter().for_each(|name| listing.leave_out(&args.output.join(name)));
    Ok(Settled { plan, head, run, sources, listing, problems, folder })
}

impl Folder {
    /// Opens the files, and makes their folder.
    fn open(path: &Path, sources: &[OsString], beside: &[PathBuf]) -> Result<Folder, Failure> {
        fs::create_dir_all(path).map_err(|error| Failure::Output {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let open = |name: &str| asked::open(&path.join(name), sources, beside);
        Ok(Folder { table: open(TABLE)?, part: open(PART)?, path: path.to_owned() })
    }

    /// Writes the table, and ends both files: neither takes the place of one that was there before both
    /// are whole. Says how many uses there are.
    fn finish(
        self,
        exit: Exit,
        (outcome, complete): (&Outcome, bool),
        (plan, uses): (&Plan, &Uses),
    ) -> Result<(Delivered, u64), Vec<Failure>> {
        let about = facts::About {
            complete,
            problems: outcome.problems.len() as u64,
            range: (plan.filter.since, plan.filter.until),
        };
        let Folder { mut table, part, path } = self;
        let count = facts::write(&mut table, &about, |take| uses.each(take))
            .map_err(|error| vec![Failure::during(Some(&path.join(TABLE)), error)])?;
        let part = part.finish(exit, |_| Ok(()))?;
        let table = table.finish(exit, |_| Ok(()))?;
        Ok((Delivered { exit, whole: part.whole && table.whole }, count))
    }
}
