//! `keytrail rules test`: every rule against its samples.

use std::fmt::Write as _;
use std::sync::Arc;

use super::Done;
use super::args::TestArgs;
use crate::cli::check::Verbosity;
use crate::cli::commands::skipped;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::ui::{Messages, labelled, plural};
use crate::detect::RuleSet;
use crate::detect::registry::INTEGRITY;
use crate::model::estate::Estate;
use crate::report::Style;
use crate::trial::{self, Found, Samples, Trial, Wanted};

/// Runs the command.
pub fn run(args: &TestArgs, style: Style, messages: Messages) -> Done {
    let loaded = RuleSet::load(true, &args.paths, &Arc::new(Estate::of_samples()))
        .map_err(|errors| errors.into_iter().map(Failure::from).collect::<Vec<_>>())?;
    skipped::say(&loaded.skipped, Verbosity::Normal, messages);
    loaded.problems.iter().for_each(|problem| messages.warning(problem));
    let all_loaded = loaded.problems.is_empty();
    let broken = |error| {
        let message = format!("the samples cannot be tried: {error}");
        vec![Failure::Source { message, hint: None }]
    };
    // Held until the samples are read.
    let samples = if args.paths.is_empty() { Some(Samples::unpack()) } else { None };
    let samples = samples.transpose().map_err(broken)?;
    let places = match &samples {
        Some(samples) => trial::builtin(loaded.rules.reported(), samples.path()),
        None => trial::users(loaded.rules.reported()),
    };
    if places.is_empty() {
        let hint = "give rules for product aws, service cloudtrail";
        return Err(vec![Failure::Usage { message: "no rule to test".into(), hint }]);
    }
    let trials = trial::run(loaded.rules, places).map_err(broken)?;
    let mut text: String = trials.iter().map(|trial| lines(trial, args.verbose, style)).collect();
    if let Some(samples) = &samples {
        let line = format!("{INTEGRITY} (judges files, which no record can show)");
        text += &labelled("skip", "2", style.color, &line);
        text = text.replace(&format!("{}/", samples.path().display()), "");
    }
    let failed = trials.iter().filter(|trial| !trial.failures().is_empty()).count();
    let count: usize = trials.iter().map(|trial| trial.verdicts.len()).sum();
    let verdict = if failed == 0 { "all passed".into() } else { format!("{failed} failed") };
    // Writing to a string does not fail.
    let _ =
        writeln!(text, "{}, {}: {verdict}", plural(trials.len(), "rule"), plural(count, "sample"));
    let exit = if failed == 0 && all_loaded { Exit::Clean } else { Exit::Findings };
    Ok((text.into_bytes(), exit))
}

/// A line for the rule and one for whatever is wrong; with `verbose` one for each sample.
fn lines(trial: &Trial, verbose: bool, style: Style) -> String {
    let failures = trial.failures();
    let (label, ansi) = if failures.is_empty() { ("pass", "32") } else { ("FAIL", "31") };
    let counts = [Wanted::Match, Wanted::Clean].map(|w| format!("{} {w}", trial.count(w)));
    let line = format!("{} ({})", trial.rule, counts.join(", "));
    let mut text = labelled(label, ansi, style.color, &line);
    if verbose {
        for verdict in &trial.verdicts {
            let own = verdict.found.get(&trial.rule);
            let others = verdict.found.iter().filter(|(rule, _)| **rule != trial.rule);
            let others: Vec<String> =
                others.map(|(rule, found)| format!("{rule}: {}", shown(found))).collect();
            let mut line = verdict.sample.name.clone();
            line += &own.map(|found| format!(": {}", shown(found))).unwrap_or_default();
            if !others.is_empty() {
                line += &format!(" (others: {})", others.join(", "));
            }
            text += &format!("  {}", labelled("sample", "2", style.color, &line));
        }
    }
    for why in failures {
        text += &format!("  {}", labelled("error", "31", style.color, &why));
    }
    text
}

/// `high`, `medium attempt`, `2 findings up to high`.
fn shown(found: &Found) -> String {
    let attempt = if found.attempt { " attempt" } else { "" };
    match found.findings {
        1 => format!("{}{attempt}", found.level),
        more => format!("{more} findings up to {}{attempt}", found.level),
    }
}
