//! The matrix of controls: what each framework asks for, which rules look at it, and what they saw.
//!
//! What must stay true: a control counts as met only where each of its rules ran, looked at something and
//! saw nothing serious that still holds. Whatever else is so is said, never taken for met.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::pen::{Line, Pen, Span, Verdict, code, plain, words};
use super::survey::{RuleSum, Survey};
use crate::model::control::{Control, ControlName, Evidence};
use crate::model::level::Level;
use crate::report::Report;
use crate::report::table::fit::{count, counted};

/// What the rules of a control add up to.
#[derive(Default)]
struct Sum {
    rules: Vec<String>,
    examined: u64,
    findings: u64,
    open: u64,
    /// Those that earlier reports have told, and that still hold.
    known: u64,
    exceptions: u64,
    /// Rules of the control that were not evaluated.
    missing: Vec<String>,
    /// How many of its rules looked at records.
    looked: u64,
}

pub fn write(report: &Report<'_>, survey: &Survey, pen: &mut dyn Pen) -> io::Result<()> {
    if report.frameworks.is_empty() {
        return pen.say(&words("No framework is known."));
    }
    pen.say(&words(format!(
        "Met: each of its rules looked at records and saw nothing of level {} or above that still holds, in what was \
         read. Met in part: the same, with the reasons why that says less. Not met: they did see something. \
         It is known, and not new, if the baseline or an earlier run has told it and there is no more to it; \
         it counts until it is undone or left out as an exception. This is evidence for a control and not a judgement of it: only some of what it asks \
         for shows in a log. A record in the range counts once for each rule that is about its call; a \
         rule over many records looked at none if one of its steps had none, one that compares tags if none \
         were known on both sides, and one that looks for missing hours if the log is too short.",
        Level::SERIOUS
    )))?;
    let suppressed = suppressed(report);
    for framework in report.frameworks {
        let title = format!("{} {}", framework.title, framework.version);
        pen.part(
            &format!("controls-{}", framework.name.to_ascii_lowercase()),
            &[Span::Link(title, framework.link.clone())],
        )?;
        pen.columns(&[
            "Control",
            "What it asks for",
            "Result",
            "Rules",
            "Records examined",
            "Findings",
            "Exceptions",
        ])?;
        for control in &framework.controls {
            let sum = add_up(report, (survey, &suppressed), &framework.name_of(control));
            pen.row(&row(report, control, &sum))?;
        }
        pen.end_table()?;
    }
    Ok(())
}

fn row(report: &Report<'_>, control: &Control, sum: &Sum) -> [Line; 7] {
    let mut rules: Line = Vec::new();
    for rule in &sum.rules {
        rules.push(plain(match rules.is_empty() {
            true => format!("{} of {} looked at something: ", sum.looked, sum.rules.len()),
            false => ", ".to_owned(),
        }));
        rules.push(code(rule));
    }
    let tested = !sum.rules.is_empty();
    let number = |number: u64| words(if tested { count(number) } else { String::new() });
    [
        vec![Span::Link(control.id.clone(), control.link.clone())],
        words(&control.asks),
        result(report, control, sum),
        rules,
        number(sum.examined),
        number(sum.findings),
        number(sum.exceptions),
    ]
}

/// What the rules of the control of this name add up to.
fn add_up(
    report: &Report<'_>,
    (survey, suppressed): (&Survey, &BTreeMap<&str, u64>),
    name: &ControlName,
) -> Sum {
    let mut sum = Sum::default();
    for rule in report.run.rules.iter().filter(|rule| rule.controls.contains(name)) {
        let RuleSum { levels, open } = survey.rules.get(&rule.id).copied().unwrap_or_default();
        // Of a rule of which a report says nothing, nobody knows that it looked.
        let examined = report.outcome.examined.get(&rule.id).copied().unwrap_or(0);
        sum.examined = sum.examined.saturating_add(examined);
        sum.findings += levels.iter().sum::<u64>();
        sum.open += open;
        sum.known += report.outcome.known.get(&rule.id).copied().unwrap_or(0);
        let exceptions = suppressed.get(rule.id.as_str()).copied().unwrap_or(0);
        sum.exceptions = sum.exceptions.saturating_add(exceptions);
        sum.looked += u64::from(examined > 0);
        sum.rules.push(rule.id.clone());
    }
    let missing = report.run.not_evaluated.iter().filter(|rule| rule.controls.contains(name));
    sum.missing = missing.map(|rule| rule.id.clone()).collect();
    sum
}

/// Why nothing found is less than it seems: what was not looked at, or left out.
fn limits(report: &Report<'_>, sum: &Sum) -> Vec<String> {
    let (run, outcome) = (report.run, report.outcome);
    let mut limits = Vec::new();
    let mut add = |is: bool, text: String| limits.extend(is.then_some(text));
    let all = sum.rules.len() as u64;
    let idle = format!("{} of its {all} rules looked at nothing", all.saturating_sub(sum.looked));
    add(sum.looked < all, idle);
    add(!outcome.complete(), "some input could not be read".to_owned());
    let narrow = |line: &String| line.starts_with("account ") || line.starts_with("region ");
    let narrow = run.since.is_some() || run.until.is_some() || run.settings.iter().any(narrow);
    add(narrow, "only part of the log was asked for".to_owned());
    add(run.state.is_some(), "what earlier runs have reported is in their reports".to_owned());
    let known = counted(outcome.summary.known, "finding");
    match outcome.summary.known {
        0 => add(run.baseline.is_some(), "what the baseline has told is in it".to_owned()),
        _ => add(true, format!("{known} of the baseline left out")),
    }
    add(sum.exceptions > 0, counted(sum.exceptions, "exception"));
    if let Some(of) = report.limits {
        let here = |rules: &BTreeSet<String>| {
            let rules = sum.rules.iter().filter(|rule| rules.contains(*rule)).cloned();
            rules.collect::<Vec<_>>().join(", ")
        };
        add(of.narrow, "only part of the log was asked for in some reports".to_owned());
        let baseline = of.baseline && outcome.summary.known == 0;
        add(baseline, "what the baseline of some reports has told is in it".to_owned());
        add(of.earlier, "what earlier runs have reported is in their reports".to_owned());
        let sometimes = here(&of.sometimes);
        add(!sometimes.is_empty(), format!("not evaluated in every report: {sometimes}"));
        let unknown = counted(of.unknown.len() as u64, "rule");
        let unknown = format!("what {unknown} of the reports are about is not known");
        add(!of.unknown.is_empty(), unknown);
        add(of.no_rules_named, "it is not known which rules ran".to_owned());
    }
    let missing = format!("not evaluated: {}", sum.missing.join(", "));
    add(!sum.missing.is_empty(), missing);
    limits
}

/// Findings that suppressions fit, by rule.
fn suppressed<'a>(report: &Report<'a>) -> BTreeMap<&'a str, u64> {
    let mut all = BTreeMap::new();
    for applied in &report.outcome.suppressions {
        let sum: &mut u64 = all.entry(applied.rule.as_str()).or_default();
        *sum = sum.saturating_add(applied.count);
    }
    all
}

fn result(report: &Report<'_>, control: &Control, sum: &Sum) -> Line {
    let verdict = |verdict, text: &str| vec![Span::Verdict(verdict, text.to_owned())];
    let not_testable = |why: &str| {
        let mut line = verdict(Verdict::Open, "not testable");
        line.push(plain(format!(" {why}")));
        line
    };
    if let Evidence::NotTestable(why) = &control.evidence {
        return not_testable(why);
    }
    let least = report.run.min_level;
    match sum {
        Sum { open, known, .. } if *open > 0 || *known > 0 => {
            let mut line = verdict(Verdict::Bad, "not met");
            let goes_on = report.run.state.is_some() || report.run.baseline.is_some() || *known > 0;
            let numbers = || format!(" {} new, {} known", count(*open), count(*known));
            line.extend(goes_on.then(|| plain(numbers())));
            line
        }
        Sum { rules, .. } if rules.is_empty() => {
            not_testable(match report.limits.is_some_and(|limits| limits.no_rules_named) {
                true => "It is not known which rules ran.",
                false => "None of its rules was evaluated.",
            })
        }
        Sum { looked: 0, .. } => {
            not_testable("No record of the calls that its rules are about was read.")
        }
        _ if report.outcome.totals.records == 0 => not_testable("No record was read."),
        _ if least > Level::SERIOUS => {
            not_testable(&format!("Findings below {least} are not listed."))
        }
        sum => match limits(report, sum) {
            limits if limits.is_empty() => verdict(Verdict::Good, "met"),
            limits => {
                let mut line = verdict(Verdict::Open, "met in part");
                line.push(plain(format!(" {}", limits.join("; "))));
                line
            }
        },
    }
}
