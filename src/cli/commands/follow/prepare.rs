//! What a follower needs, opened before anything is received; and all that is wrong with it, at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::counts::{Counts, serve};
use super::health::unfinished;
use super::home::Home;
use super::inboxes::{AnyInbox, OfListing, OfQueue};
use super::lines::{Appended, Letters, Lines};
use super::said::Said;
use super::scanner::{AtHand, Scanner, Telling};
use super::stream::OfStream;
use super::suspects::{self, Careful, Suspects};
use crate::cli::args::common::{ListedArgs, RuleArgs};
use crate::cli::args::follow::FollowArgs;
use crate::cli::catalogs::{self, Catalogs};
use crate::cli::check::{Check, Running};
use crate::cli::commands::scan::load_rules;
use crate::cli::commands::skipped;
use crate::cli::config::Config;
use crate::cli::failure::Failure;
use crate::cli::noted;
use crate::cli::s3::Scope;
use crate::cli::state::{self, Opened};
use crate::cli::ui::Messages;
use crate::cli::values;
use crate::detect::RuleSet;
use crate::detect::loaded::Loaded;
use crate::engine::{Filter, Past, Plan};
use crate::follow::{Follow, Pace};
use crate::model::level::Level;
use crate::model::problem::Problem;
use crate::model::time::Time;
use crate::report::{Format, OcsfVersion, Run};
use crate::source::Sources;
use crate::source::queue::{Queue, QueueUrl};
use crate::source::s3::Cloud;

/// For how long a queue keeps a message from others without hearing of it. If this process dies, another
/// one has the message that much later.
const KEEP: Duration = Duration::from_secs(300);

/// Objects in hand, at most.
const IN_HAND: usize = 100_000;

/// Objects that are looked at in one turn.
const AT_ONCE: usize = 1_000;

/// The least time between two conclusions: five seconds in microseconds.
const EVERY: i64 = 5_000_000;

/// The most tries that help.
const TRIES: u64 = 1_000;

/// A follower, opened.
pub struct Prepared {
    pub follow: Follow<AnyInbox, Careful, Lines>,
    pub counts: Arc<Counts>,
    pub run: Running,
    /// What was met before anything was received.
    pub problems: Vec<Problem>,
}

/// What was typed, as meant.
struct Meant {
    run: Running,
    format: Format,
    ocsf: OcsfVersion,
    min_level: Level,
    poll: Duration,
    settle: i64,
    tries: u32,
    queue: Option<QueueUrl>,
}

fn meant(args: &FollowArgs, home: &Home, check: &mut Check) -> Option<Meant> {
    let (arrival, told) = (&args.arrival, &args.told);
    let age = |text: &str| {
        let secs = values::age_secs(text).flatten().filter(|secs| (1..=86_400 * 7).contains(secs));
        secs.ok_or_else(|| "expected an age up to 7d, such as 90s or 20m".to_owned())
    };
    let format = check.value("--format", &told.format, |text| match text {
        "ndjson" => Ok(Format::Ndjson),
        "ocsf" => Ok(Format::Ocsf),
        _ => Err("expected ndjson or ocsf".to_owned()),
    });
    let ocsf = match &told.ocsf_version {
        Some(text) => check.value("--ocsf-version", text, values::ocsf_version),
        None => Some(OcsfVersion::default()),
    };
    let min_level = check.value("--min-level", &told.min_level, str::parse);
    let poll = check.value("--poll", &arrival.poll, age);
    let settle = check.value("--settle", &arrival.settle, |text| match text {
        "0s" => Ok(0),
        _ => age(text),
    });
    let tries = check.value("--tries", &arrival.tries, |text| values::count(text, TRIES));
    let queue = match &arrival.queue {
        Some(text) => check.value("--queue", text, QueueUrl::parse).map(Some),
        None => Some(None),
    };
    if args.rules.no_builtin_rules && args.rules.paths.is_empty() {
        check.usage("no rules to evaluate", "give --rules with --no-builtin-rules");
    }
    if arrival.queue.is_none() && !arrival.buckets.is_empty() {
        check.usage("--bucket is of no use without --queue", "name the bucket as a source");
    }
    apart(args, home, check);
    Some(Meant {
        run: check.running(&args.color, &args.run)?,
        format: format?,
        ocsf: ocsf?,
        min_level: min_level?,
        poll: Duration::from_secs(poll?.unsigned_abs()),
        settle: settle?.saturating_mul(1_000_000),
        tries: u32::try_from(tries?).unwrap_or(u32::MAX),
        queue: queue?,
    })
}

/// Refuses one file for two things.
fn apart(args: &FollowArgs, home: &Home, check: &mut Check) {
    let (arrival, told) = (&args.arrival, &args.told);
    let mut written: Vec<PathBuf> = state::files(Some(&home.state));
    for path in [&told.append, &told.health, &arrival.dead_letter].into_iter().flatten() {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let is_same = |other: &PathBuf| std::path::absolute(other).is_ok_and(|other| other == path);
        if written.iter().any(is_same) {
            check.usage(
                "--state, --append, --dead-letter and --health name one file twice",
                "give each a file of its own",
            );
        }
        written.push(path);
    }
}

/// Opens everything.
pub fn prepare(
    (args, home): (&FollowArgs, &Home),
    messages: Messages,
    (stop, reopen): (&Arc<AtomicBool>, &[Arc<AtomicBool>; 2]),
) -> Result<Prepared, Vec<Failure>> {
    let mut check = Check::default();
    let now = Time::now();
    let meant = meant(args, home, &mut check);
    let list = ListedArgs { files_from: None, null: false };
    let sources = list.beside(&args.sources);
    let (mut config, wrong) = Config::load(args.config.config.as_deref(), &sources);
    check.note(wrong);
    config.say(messages);
    let rules = check.all(rules(args, &mut config));
    let catalogs = check.all(catalogs::read(&args.tags, now));
    let cloud = check.all(cloud(args, home, &sources));
    let state = cloud.as_ref().and_then(|cloud| {
        let opened = Opened::open(&home.state, cloud.as_ref());
        check.all(opened.map_err(|failure| vec![failure]))
    });
    let ready = (|| Some((meant?, rules?, catalogs?, cloud?, state?)))();
    let ready = check.end(ready)?;
    let (meant, (loaded, single), catalogs, cloud, mut state) = ready;
    let at_hand = AtHand::default();
    let inbox = inbox((args, home), (&meant, &cloud), (&state, &sources), (stop, &at_hand))?;
    // What came on standard input is read to its end, since it cannot be given back.
    let stop = if inbox.is_stream() { &Arc::default() } else { stop };
    let outbox =
        opened(args.told.append.as_deref(), &reopen[0])?.map_or(Lines::Stdout, Lines::Appended);
    let dead = opened(args.arrival.dead_letter.as_deref(), &reopen[1])?;
    let dead = dead.map(|file| Box::new(Letters(file)) as _);
    let counts = Arc::new(Counts::new().map_err(|_| vec![Failure::Internal])?);
    if let Some(address) = &args.told.metrics {
        serve_at(&counts, address, messages)?;
    }
    let left_out = state.left_out(None);
    let (all, telling, mut problems) =
        plans(args, (&meant, &config), loaded, (catalogs, &mut state), (messages, now));
    problems.extend(left_out);
    let single = Plan { rules: single, past: None, ..plan_like(&all) };
    let scanner = Scanner::new(
        telling,
        (single, all),
        (state, cloud),
        (Arc::clone(&counts), at_hand),
        Arc::clone(stop),
    );
    let suspects = Suspects::of(home.opened.clone(), meant.tries)
        .map_err(|error| vec![Failure::write(home.opened.as_deref(), error)])?;
    let scanner = Careful::new(scanner, suspects);
    let keep = i64::try_from(KEEP.as_micros()).unwrap_or(i64::MAX);
    let Meant { settle, tries, run, .. } = meant;
    let pace = Pace { settle, every: EVERY, keep, tries, most: IN_HAND, at_once: AT_ONCE };
    let follow = Follow::new((inbox, scanner, outbox), dead, pace);
    Ok(Prepared { follow, counts, run, problems })
}

/// All rules, and those that judge single records.
fn rules(args: &FollowArgs, config: &mut Config) -> Result<(Loaded, RuleSet), Vec<Failure>> {
    let loaded = load_rules(&args.rules, config, false)?;
    let rules = &loaded.rules;
    let of_many = rules.stateful().map(|rule| rule.about);
    let of_log = rules.whole_log().map(|rule| rule.about);
    let not_single = of_many.chain(of_log).filter(|at| rules.is_reported(*at));
    let not_single: Vec<String> =
        not_single.filter_map(|at| Some(rules.metas().get(at)?.id.clone())).collect();
    let is_single = |id: &&String| !not_single.contains(id);
    if rules.reported().map(|rule| &rule.id).find(is_single).is_none() {
        return Ok((loaded, RuleSet::default()));
    }
    let ignore = args.rules.ignore.iter().cloned().chain(not_single).collect();
    let single = load_rules(&RuleArgs { ignore, ..args.rules.clone() }, config, false)?;
    Ok((loaded, single.rules))
}

/// The way to S3 and SQS, if anything is there.
fn cloud(
    args: &FollowArgs,
    home: &Home,
    sources: &Sources,
) -> Result<Option<Arc<Cloud>>, Vec<Failure>> {
    match &args.arrival.queue {
        Some(_) => args.s3.connect().map(Some),
        None => args.s3.cloud(sources.named.iter().chain([&home.state])),
    }
}

fn inbox(
    (args, home): (&FollowArgs, &Home),
    (meant, cloud): (&Meant, &Option<Arc<Cloud>>),
    (state, sources): (&Opened, &Sources),
    (stop, at_hand): (&Arc<AtomicBool>, &AtHand),
) -> Result<AnyInbox, Vec<Failure>> {
    if let (Some(queue), Some(cloud)) = (&meant.queue, cloud) {
        let queue = Queue::new(cloud, queue.clone());
        return Ok(AnyInbox::Queue(OfQueue::new(
            (queue, args.arrival.buckets.clone()),
            KEEP,
            Arc::clone(stop),
            args.arrival.drain,
        )));
    }
    if let Some(folder) = &home.segments {
        let shared = (Arc::clone(stop), at_hand.clone());
        let stream = OfStream::new(std::io::stdin(), folder, &state.known(false), shared);
        let stream = stream.map_err(|error| vec![Failure::write(Some(folder), error)])?;
        return Ok(AnyInbox::Stream(Box::new(stream)));
    }
    let state_name = home.state.to_string_lossy().into();
    let scope = Scope {
        names_only: true,
        identify: true,
        left_out: vec![state_name],
        known: Some(state.known(false)),
        ..Scope::default()
    };
    let reach = args.s3.reach(cloud.clone(), scope)?;
    // A source that is not there now is a mistake; one that is gone later is trouble.
    args.s3.listing(sources, cloud.clone(), Scope::default()).map(drop)?;
    let mut own: Vec<PathBuf> = state::files(Some(&home.state));
    let told = [&args.told.append, &args.told.health, &args.arrival.dead_letter];
    own.extend(told.into_iter().flatten().cloned());
    own.extend(args.told.health.as_deref().map(unfinished));
    own.extend(
        home.opened
            .as_deref()
            .into_iter()
            .flat_map(|path| [path.to_owned(), suspects::unfinished(path)]),
    );
    let of = OfListing::new(
        (sources.clone(), reach),
        (meant.poll, own),
        Arc::clone(stop),
        (at_hand.clone(), args.arrival.drain),
    );
    Ok(AnyInbox::Listing(Box::new(of)))
}

fn opened(path: Option<&Path>, reopen: &Arc<AtomicBool>) -> Result<Option<Appended>, Vec<Failure>> {
    let Some(path) = path else { return Ok(None) };
    let opened = Appended::open(path, Arc::clone(reopen));
    opened.map(Some).map_err(|error| vec![Failure::write(Some(path), error)])
}

fn serve_at(counts: &Counts, address: &str, messages: Messages) -> Result<(), Vec<Failure>> {
    let bound = serve(counts.clone(), address).map_err(|error| {
        vec![Failure::Value {
            option: "--metrics",
            value: address.to_owned(),
            reason: format!(
                "cannot serve there: {error}; expected HOST:PORT, such as 127.0.0.1:9099"
            ),
        }]
    })?;
    messages.note(format!("metrics: http://{bound}/metrics"));
    Ok(())
}

/// The plan of all rules, what is told of its findings, and what was met meanwhile.
fn plans(
    args: &FollowArgs,
    (meant, config): (&Meant, &Config),
    loaded: Loaded,
    (catalogs, state): (Catalogs, &mut Opened),
    (messages, now): (Messages, Time),
) -> (Plan, Telling, Vec<Problem>) {
    skipped::say_of(&loaded, meant.run.verbosity, messages);
    noted::say(&loaded.notes(), &meant.run, messages);
    let mut problems = catalogs.problems;
    problems.extend(loaded.problems);
    let rules = loaded.rules;
    let asked = (state::asked(&rules.digest(), &Filter::default()), rules.digests());
    state.say(&asked.0, &asked.1, false, messages);
    let run = run_of(args, (meant, config), &rules, now);
    let late = args.s3.settle().map_or(0, |(_, late)| late);
    let coverage = std::mem::take(&mut state.state.memory.coverage);
    let all = Plan {
        estate: Arc::clone(&config.estate),
        threads: meant.run.threads,
        min_level: meant.min_level,
        tags: catalogs.book,
        past: Some(Past { memory: std::mem::take(&mut state.state.memory), late, reread: None }),
        coverage,
        now,
        ..Plan::new(rules)
    };
    let suppressions = config.suppressions.iter().map(|placed| placed.suppression.clone());
    let telling = Telling {
        suppressions: suppressions.collect(),
        said: Said::new(messages, meant.run.is_quiet(), &config.suppressions),
        min_level: meant.min_level,
        format: meant.format,
        run,
        messages,
        asked,
    };
    (all, telling, problems)
}

/// The same for single records.
fn plan_like(all: &Plan) -> Plan {
    Plan {
        estate: Arc::clone(&all.estate),
        threads: all.threads,
        min_level: all.min_level,
        tags: all.tags.clone(),
        now: all.now,
        ..Plan::new(RuleSet::default())
    }
}

/// What lines of OCSF say of the run.
fn run_of(
    args: &FollowArgs,
    (meant, config): (&Meant, &Config),
    rules: &RuleSet,
    now: Time,
) -> Run {
    let sources = args.arrival.queue.iter().cloned();
    let named = args.sources.iter().map(|source| source.to_string_lossy().into_owned());
    Run {
        sources: sources.chain(named).collect(),
        command: std::env::args_os().map(|word| word.to_string_lossy().into()).collect(),
        config_file: config.path.as_ref().map(|path| path.to_string_lossy().into()),
        rules_enabled: rules.len(),
        rules: rules.reported().cloned().collect(),
        rules_digest: rules.digest(),
        min_level: meant.min_level,
        ocsf: meant.ocsf,
        ..Run::at(now)
    }
}
