//! The matrix of controls: what each framework asks for, which rules look at it, and what they saw.
//!
//! What must stay true: a control counts as met only where its rules ran, looked at something and saw
//! nothing serious that still holds. Whatever else is so is said, never taken for met.

use std::collections::BTreeMap;
use std::io;

use super::pen::{Line, Pen, Span, Verdict, code, plain, words};
use super::survey::{RuleSum, SERIOUS, Survey};
use crate::model::control::{Control, Evidence, Framework};
use crate::model::rule_meta::RuleMeta;
use crate::report::Report;
use crate::report::table::fit::count;

/// What the rules of a control add up to.
#[derive(Default)]
struct Sum {
    rules: Vec<String>,
    examined: u64,
    /// Whether one of the rules looks at the whole log, and at no records of its own.
    whole_log: bool,
    findings: u64,
    open: u64,
    exceptions: u64,
}

pub fn write(report: &Report<'_>, survey: &Survey, pen: &mut dyn Pen) -> io::Result<()> {
    if report.frameworks.is_empty() {
        return pen.say(&words("No framework is known."));
    }
    pen.say(&words(format!(
        "Met: its rules looked at records and saw nothing of level {SERIOUS} or above that still holds, in \
         what was read. Not met: they did. This is evidence for a control and not a judgement of it: \
         only some of what it asks for shows in a log. A record counts once for each rule that looked at it."
    )))?;
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
            pen.row(&row(report, survey, framework, control))?;
        }
        pen.end_table()?;
    }
    Ok(())
}

fn row(
    report: &Report<'_>,
    survey: &Survey,
    framework: &Framework,
    control: &Control,
) -> [Line; 7] {
    let sum = add_up(report, survey, framework, control);
    let mut rules: Line = Vec::new();
    for rule in &sum.rules {
        rules.extend((!rules.is_empty()).then(|| plain(", ")));
        rules.push(code(rule));
    }
    let examined = match sum.whole_log {
        true if sum.examined == 0 => "the whole log".to_owned(),
        true => format!("{}, and the whole log", count(sum.examined)),
        false => count(sum.examined),
    };
    let tested = !sum.rules.is_empty();
    let number = |number: u64| words(if tested { count(number) } else { String::new() });
    [
        vec![Span::Link(control.id.clone(), control.link.clone())],
        words(&control.asks),
        result(report, control, &sum),
        rules,
        words(if tested { examined } else { String::new() }),
        number(sum.findings),
        number(sum.exceptions),
    ]
}

fn add_up(report: &Report<'_>, survey: &Survey, framework: &Framework, control: &Control) -> Sum {
    let name = framework.name_of(control);
    let suppressed = suppressed(report);
    let mut sum = Sum::default();
    for rule in report.run.rules.iter().filter(|rule| rule.controls.contains(&name)) {
        let RuleSum { levels, open } = survey.rules.get(&rule.id).copied().unwrap_or_default();
        let examined = examined(report, rule);
        sum.whole_log |= examined.is_none();
        sum.examined = sum.examined.saturating_add(examined.unwrap_or(0));
        sum.findings += levels.iter().sum::<u64>();
        sum.open += open;
        sum.exceptions += suppressed.get(rule.id.as_str()).copied().unwrap_or(0);
        sum.rules.push(rule.id.clone());
    }
    sum
}

/// How many records a rule looked at; `None` if it looks at the whole log. Rules about tags look at
/// the uses of which both sides are known.
fn examined(report: &Report<'_>, rule: &RuleMeta) -> Option<u64> {
    match &report.outcome.tags {
        Some(tags) if rule.group.as_deref() == Some("tags") => Some(tags.compared()),
        _ => report.outcome.examined.get(&rule.id).copied(),
    }
}

/// Findings that suppressions fit, by rule.
fn suppressed<'a>(report: &Report<'a>) -> BTreeMap<&'a str, u64> {
    let mut all = BTreeMap::new();
    for applied in &report.outcome.suppressions {
        *all.entry(applied.rule.as_str()).or_default() += applied.count;
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
        Sum { open: 1.., .. } => verdict(Verdict::Bad, "not met"),
        Sum { rules, .. } if rules.is_empty() => not_testable("None of its rules was evaluated."),
        Sum { examined: 0, whole_log: false, .. } => {
            not_testable("No record of the calls that its rules are about was read.")
        }
        _ if report.outcome.totals.records == 0 => not_testable("No record was read."),
        _ if least > SERIOUS => not_testable(&format!("Findings below {least} are not listed.")),
        _ if !report.outcome.complete() => {
            let mut line = verdict(Verdict::Open, "met");
            line.push(plain(" in what could be read; some could not"));
            line
        }
        _ => verdict(Verdict::Good, "met"),
    }
}
