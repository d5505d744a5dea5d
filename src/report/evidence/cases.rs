//! The cases: what belongs together, in the order in which a reader should look.

use std::io;

use super::pen::{Line, Pen, Span, Verdict, code, plain, time, words};
use super::survey::Survey;
use crate::model::case::{Case, Names};
use crate::model::time::Time;
use crate::model::undo::{Effect, Fate};
use crate::report::Report;
use crate::report::table::fit::{count, counted};

/// So many cases are told.
const TOLD: usize = 500;

/// So many names of a kind are told of a case.
const NAMES: usize = 5;

pub fn write(report: &Report<'_>, survey: &Survey, pen: &mut dyn Pen) -> io::Result<()> {
    let cases = &report.outcome.cases;
    if cases.all.is_empty() {
        return pen
            .say(&words("None: no findings, or each event is a finding of its own (--each)."));
    }
    for case in told(report) {
        let title = [
            Span::Level(case.level),
            plain(format!(" {}. {} ", case.rank, case.title)),
            code(&*case.id),
        ];
        pen.part(&format!("case-{}", case.id), &title)?;
        pen.facts(&facts(case, survey))?;
    }
    let more = cases.all.len().saturating_sub(TOLD) as u64;
    if more > 0 {
        pen.say(&words(format!("{} more: the JSON report has all.", counted(more, "case"))))?;
    }
    if cases.without > 0 {
        let findings = counted(cases.without, "finding");
        pen.say(&words(format!("{findings} are in no case, since there are too many.")))?;
    }
    Ok(())
}

/// The cases that are told.
pub fn told<'a>(report: &Report<'a>) -> impl Iterator<Item = &'a Case> {
    report.outcome.cases.all.iter().take(TOLD)
}

fn facts(case: &Case, survey: &Survey) -> Vec<(&'static str, Line)> {
    let mut facts = vec![
        ("When", span(case.first_seen, case.last_seen)),
        ("Who", names(&case.actors)),
        ("With", names(&case.credentials)),
        ("From", names(&case.source_ips)),
        ("Keys", names(&case.keys)),
    ];
    facts.retain(|(_, line)| !line.is_empty());
    let ended = survey.ended.get(&case.id).copied().unwrap_or_default();
    facts.push((
        "Outcome",
        match &case.effect {
            None if ended > 0 => partly(ended, case.findings.len() as u64),
            effect => outcome(effect.as_ref()),
        },
    ));
    facts.push(("Status", words(case.status.as_str())));
    facts.push(("Findings", findings(&case.findings, survey)));
    facts
}

/// From one time to another.
pub fn span(first: Option<Time>, last: Option<Time>) -> Line {
    match (first, last) {
        (Some(first), Some(last)) if first != last => {
            vec![Span::Time(first), plain(" to "), Span::Time(last)]
        }
        _ => time(first),
    }
}

fn names(names: &Names) -> Line {
    let mut line: Line = Vec::new();
    for (at, name) in names.first.iter().take(NAMES).enumerate() {
        line.extend((at > 0).then(|| plain(", ")));
        line.push(code(name));
    }
    let more = names.count.saturating_sub(NAMES as u64);
    line.extend((more > 0).then(|| plain(format!(" and {} more", count(more)))));
    line
}

/// The findings of a case, with links to those that the page tells.
fn findings(all: &[String], survey: &Survey) -> Line {
    let mut line = vec![plain(format!("{}: ", count(all.len() as u64)))];
    for (at, fingerprint) in all.iter().take(NAMES * 2).enumerate() {
        line.extend((at > 0).then(|| plain(", ")));
        let text = short(fingerprint).to_owned();
        line.push(match survey.told.contains(fingerprint) {
            true => Span::Within(text, format!("finding-{fingerprint}")),
            false => Span::Code(text),
        });
    }
    line.extend((all.len() > NAMES * 2).then(|| plain(", …")));
    line
}

/// The first digits of a fingerprint.
pub fn short(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or(fingerprint)
}

/// What is said where the log tells of some findings only what became of them.
fn partly(ended: u64, all: u64) -> Line {
    let all = counted(all, "finding");
    words(format!("not known of all: of {all}, {} undone, refused or failed", count(ended)))
}

/// What became of it.
pub fn outcome(effect: Option<&Effect>) -> Line {
    let Some(effect) = effect else { return words("nothing that could be undone") };
    let verdict = match effect.fate {
        Fate::Open => Verdict::Bad,
        Fate::Reversed | Fate::Refused => Verdict::Good,
    };
    let mut line = vec![Span::Verdict(verdict, effect.fate.as_str().into())];
    if let Some(undone) = &effect.undone {
        line.push(plain(format!(" at {}", undone.at)));
        if let Some(by) = &undone.by {
            line.extend([plain(" by "), code(by)]);
        }
    }
    line.extend(effect.due.map(|due| plain(format!(", due {due}"))));
    line
}
