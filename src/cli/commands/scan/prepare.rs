//! Everything that a scan needs, opened before anything is read; and all that is wrong with it, at
//! once.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use crate::cli::accepted;
use crate::cli::args::ScanArgs;
use crate::cli::args::common::RuleArgs;
use crate::cli::catalogs::{self, Catalogs};
use crate::cli::config::{Config, Usual};
use crate::cli::deliver::{self, Delivery};
use crate::cli::exports::Exports;
use crate::cli::facts_dir::{self, Facts};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::s3::Scope;
use crate::cli::settings::Settings;
use crate::cli::state::{self, Opened};
use crate::cli::streams;
use crate::cli::verifying::Verifying;
use crate::detect::RuleSet;
use crate::detect::loaded::Loaded;
use crate::detect::registry::INTEGRITY;
use crate::detect::whole_log::LooksAt;
use crate::model::time::Time;
use crate::source::{Listing, Sources};
use crate::triage::Baseline;

/// How many of the rules that were passed over an error names.
const MOST_REASONS: usize = 3;

/// Everything a scan needs, opened.
pub(super) struct Prepared {
    pub settings: Settings,
    pub config: Config,
    pub baseline: Option<Baseline>,
    pub loaded: Loaded,
    pub catalogs: Catalogs,
    pub listing: Listing,
    /// Facts in place of a listing.
    pub facts: Facts,
    pub verifying: Option<Verifying>,
    pub delivery: Delivery,
    pub exports: Exports,
    pub state: Option<Opened>,
    /// Whether what earlier runs have read is read again.
    pub reread: bool,
}

/// Opens everything. What is wrong with one thing does not keep the others from being looked at.
pub(super) fn prepare(args: &ScanArgs, now: Time) -> Result<Prepared, Vec<Failure>> {
    let mut failures = Vec::new();
    let mut note = |found: Vec<Failure>| failures.extend(found);
    let Meant { args, mut config, settings, facts } = meant(args, now, &mut note);
    let (args, folders) = (&args, args.facts.facts.as_slice());
    let verify = args.input.verify;
    let loaded = load_rules(&args.rules, &mut config, verify).map_err(&mut note).ok();
    let baseline = accepted::baseline(args.output.baseline.as_deref(), args.output.each);
    let baseline = baseline.map_err(|failure| note(vec![failure])).ok();
    let catalogs = catalogs::read(&args.input.tags, now).map_err(&mut note).ok();
    let sources = &apart(args, facts.as_ref(), settings.as_ref());
    let reached = if folders.is_empty() { &sources.named } else { folders };
    let named = reached.iter().chain(args.run.state.as_ref());
    let cloud = args.s3.cloud(named).map_err(&mut note).ok();
    let state = match (&args.run.state, &cloud) {
        (Some(name), Some(cloud)) => Opened::open(name, cloud.as_ref()).map(Some),
        _ => Ok(None),
    };
    let state = state.map_err(|failure| note(vec![failure])).ok();
    let known = state.as_ref().and_then(|state| Some(state.as_ref()?.known(args.run.reread)));
    let scope = Scope { known, ..scope(args, settings.as_ref()) };
    let reach = cloud.and_then(|cloud| args.s3.reach(cloud, scope).map_err(&mut note).ok());
    let mut listing = reach.clone().and_then(|reach| {
        let none = Sources::default();
        let opened = Listing::of(if folders.is_empty() { sources } else { &none }, reach);
        opened.map_err(|wrong| note(wrong.into_iter().map(Failure::from).collect())).ok()
    });
    let kept = state::files(args.run.state.as_deref());
    let keys = args.input.public_keys.as_deref();
    let read = beside_sources(args, &config, catalogs.as_ref(), &kept);
    listing.iter_mut().for_each(|listing| read.iter().for_each(|path| listing.leave_out(path)));
    let verifying = keys
        .map(|keys| Verifying::open(keys, sources, &read, reach.unwrap_or_default()))
        .transpose()
        .map_err(&mut note)
        .ok();
    if let (Some(facts), Some(loaded)) = (&facts, &loaded) {
        facts.check(&loaded.rules, &config).unwrap_or_else(&mut note);
    }
    let delivery = open_output(args, sources, &read, failures.is_empty());
    let delivery = delivery.map_err(|failure| failures.extend(failure)).ok();
    let exports = open_exports(settings.as_ref(), args, (sources, &read), failures.is_empty());
    let exports = exports.map_err(|wrong| failures.extend(wrong)).ok();
    leave_out_unfinished(listing.as_mut(), delivery.as_ref(), exports.as_ref());
    let opened = (|| {
        Some(Prepared {
            settings: settings?,
            config,
            baseline: baseline?,
            loaded: loaded?,
            catalogs: catalogs?,
            listing: listing?,
            facts: facts?,
            verifying: verifying?,
            delivery: delivery?,
            exports: exports?,
            state: state?,
            reread: args.run.reread,
        })
    })();
    opened.filter(|_| failures.is_empty()).ok_or(failures)
}

/// The settings of a report of facts: its range and its sources are theirs.
fn of_facts(own: Settings, facts: &Facts) -> Settings {
    match facts.filter() {
        Some(filter) => Settings { filter, sources: facts.sources.clone(), ..own },
        None => own,
    }
}

/// What was asked for, as far as it can be told.
struct Meant {
    /// What was typed, with what the configuration says where nothing was.
    args: ScanArgs,
    config: Config,
    settings: Option<Settings>,
    facts: Option<Facts>,
}

fn meant(args: &ScanArgs, now: Time, mut note: impl FnMut(Vec<Failure>)) -> Meant {
    let typed = args.list.beside(&args.sources);
    let facts = facts_dir::open(args.facts.facts.as_ref(), &args.s3).map_err(&mut note).ok();
    let logs = facts.as_ref().filter(|facts| !facts.is_empty()).map_or(&typed, Facts::places);
    let (config, wrong) = Config::load(args.input.config.config.as_deref(), logs);
    let args = completed(args, &config.usual);
    let settings = Settings::resolve(&args, now, io::stdin().is_terminal());
    let settings = settings.map_err(&mut note).ok();
    note(wrong);
    let settings = settings.map(|own| match &facts {
        Some(facts) => of_facts(own, facts),
        None => own,
    });
    Meant { args, config, settings, facts }
}

/// What nothing that is written may take the place of: sources, or facts and what these were made of.
fn apart(args: &ScanArgs, facts: Option<&Facts>, settings: Option<&Settings>) -> Sources {
    let folders = args.facts.facts.as_slice();
    if folders.is_empty() {
        let typed = || args.list.beside(&args.sources);
        return settings.map_or_else(typed, |settings| settings.sources.clone());
    }
    let made_of = facts.into_iter().flat_map(|facts| &facts.places().named);
    folders.iter().chain(made_of).cloned().collect()
}

/// Where a report goes into a source, what is written of it is no log.
fn leave_out_unfinished(
    listing: Option<&mut Listing>,
    delivery: Option<&Delivery>,
    exports: Option<&Exports>,
) {
    let Some(listing) = listing else { return };
    let main = delivery.into_iter().filter_map(Delivery::unfinished_path);
    let others = exports.into_iter().flat_map(Exports::unfinished_paths);
    main.chain(others).for_each(|path| listing.leave_out(&path));
}

/// What was typed, with what the configuration says where nothing was.
fn completed(typed: &ScanArgs, usual: &Usual) -> ScanArgs {
    let mut args = typed.clone();
    args.rules.paths = usual.rules(&typed.rules.paths);
    args.input.tags = usual.tags(&typed.input.tags);
    if args.input.verify {
        args.input.public_keys = usual.public_keys(typed.input.public_keys.as_deref());
    }
    let levels = &mut args.output.levels;
    levels.min_level = levels.min_level.take().or_else(|| usual.min_level.clone());
    levels.fail_on = levels.fail_on.take().or_else(|| usual.fail_on.clone());
    args
}

/// What the run reads beside its sources.
fn beside_sources<'a>(
    args: &'a ScanArgs,
    config: &'a Config,
    catalogs: Option<&'a Catalogs>,
    state: &'a [PathBuf],
) -> Vec<&'a Path> {
    let named = [args.output.baseline.as_deref(), args.input.public_keys.as_deref()];
    let tags = catalogs.into_iter().flat_map(|catalogs| &catalogs.paths);
    let named = named.into_iter().flatten().chain(config.files());
    named.chain(tags.chain(state).map(PathBuf::as_path)).collect()
}

/// What of a bucket counts.
fn scope(args: &ScanArgs, settings: Option<&Settings>) -> Scope {
    let Some(Settings { filter, .. }) = settings else { return Scope::default() };
    Scope {
        left_out: args.run.state.iter().map(|name| name.to_string_lossy().into()).collect(),
        identify: args.run.state.is_some(),
        tell_known: args.input.verify,
        names_only: args.run.dry_run,
        ..Scope::of(filter)
    }
}

/// How late events may be; microseconds.
pub(super) fn late(args: &ScanArgs) -> i64 {
    args.s3.settle().map_or(0, |(_, late)| late)
}

/// Opens the output: last, so that the unfinished file is not taken for a source. `read` is what
/// the run reads beside its sources. No failure to add if `all_well` is false and opening would
/// wait for somebody.
fn open_output(
    args: &ScanArgs,
    sources: &Sources,
    read: &[&Path],
    all_well: bool,
) -> Result<Delivery, Option<Failure>> {
    let path = args.output.written.output.as_path();
    if path.as_os_str() == "-" {
        if args.run.state.is_some() && streams::stdout_is_closed() {
            return Err(Some(Failure::Usage {
                message: "standard output is closed, so nobody would get the report that --state \
                          takes for told"
                    .into(),
                hint: "give -o PATH, or standard output",
            }));
        }
        return Delivery::open(None).map_err(Some);
    }
    deliver::keep_apart(path, sources, read).map_err(Some)?;
    if !all_well && Output::may_wait(path) {
        return Err(None);
    }
    Delivery::open(Some(path)).map_err(Some)
}

/// Opens the reports beside the main one.
fn open_exports(
    settings: Option<&Settings>,
    args: &ScanArgs,
    (sources, read): (&Sources, &[&Path]),
    all_well: bool,
) -> Result<Exports, Vec<Failure>> {
    let apart = |path: &Path| deliver::keep_apart(path, sources, read);
    let asked = settings.map_or(&[][..], |settings| &settings.written.exports);
    Exports::open(asked, &args.output.written.output, apart, all_well)
}

/// The rules that `args` choose, and those that suppressions name; with `verify` the one that says
/// what is not verified.
///
/// # Errors
/// Every rule that does not load, every selector that names none, or that no rule is left.
pub fn load_rules(
    args: &RuleArgs,
    config: &mut Config,
    verify: bool,
) -> Result<Loaded, Vec<Failure>> {
    let all = |errors: Vec<_>| errors.into_iter().map(Failure::from).collect::<Vec<_>>();
    let wanted = |id: &str| !args.no_builtin_rules || (verify && id == INTEGRITY);
    let paths = config.usual.rules(&args.paths);
    let loaded = RuleSet::load_some(wanted, &paths, &config.estate).map_err(all)?;
    let rules = &loaded.rules;
    // Of all rules, those that are not selected too.
    let settled = config.settle(|name| rules.id_of(name));
    if args.no_builtin_rules && paths.is_empty() {
        // Reported where options are checked.
        settled?;
        return Ok(loaded);
    }
    // Whoever asks for verified logs asks what is not, whatever else is looked for.
    let mut select = args.select.clone();
    if verify && !select.is_empty() && rules.looking_at(LooksAt::Files).next().is_some() {
        select.push(INTEGRITY.to_owned());
    }
    let chosen = loaded.rules.select(&select, &args.ignore);
    let chosen = chosen.map_err(|wrong| wrong.into_iter().map(Failure::Selector).collect());
    match (settled, chosen) {
        (Ok(()), Ok(rules)) => {
            let loaded = Loaded { rules, ..loaded };
            let selected = !select.is_empty() || !args.ignore.is_empty();
            none_left(&loaded, selected).map_or(Ok(loaded), |failure| Err(vec![failure]))
        }
        (Ok(()), Err(failures)) | (Err(failures), Ok(_)) => Err(failures),
        (Err(failures), Err(more)) => Err(failures.into_iter().chain(more).collect()),
    }
}

/// What to say if no rule is left to evaluate. Where rules were left out with a problem the run goes on,
/// since its report names them.
fn none_left(loaded: &Loaded, selected: bool) -> Option<Failure> {
    if !loaded.rules.is_empty() || !loaded.problems.is_empty() {
        return None;
    }
    let mut message = "no rule is left to evaluate".to_owned();
    if selected {
        return Some(Failure::Selector(message));
    }
    for (at, skipped) in loaded.skipped.iter().take(MOST_REASONS).enumerate() {
        message += if at == 0 { "; passed over: " } else { ", " };
        message += skipped;
    }
    match loaded.skipped.len().saturating_sub(MOST_REASONS) {
        0 => {}
        more => message += &format!(", and {more} more"),
    }
    Some(Failure::Usage {
        message,
        hint: "give rules for logs of CloudTrail, or leave out --no-builtin-rules",
    })
}
