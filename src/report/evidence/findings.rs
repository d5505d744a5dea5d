//! Each finding with its events, what to do, and what became of it.

use std::collections::BTreeSet;
use std::io;

use super::aftermath;
use super::cases::{outcome, span, told};
use super::pen::{Line, Pen, Span, code, name, plain, time, words};
use super::survey::{RuleSum, Survey, TOLD, levels};
use crate::model::finding::{EventRef, Finding};
use crate::model::principal::Principal;
use crate::report::table::fit::{count, counted};
use crate::report::{Report, json};

pub fn write(report: &Report<'_>, survey: &Survey, pen: &mut dyn Pen) -> io::Result<()> {
    let outcome = report.outcome;
    let below = outcome.summary.total().saturating_sub(survey.all);
    if survey.all == 0 {
        pen.say(&words("None that are listed."))?;
    } else {
        by_rule(survey, pen)?;
    }
    if below > 0 {
        let least = report.run.min_level;
        pen.say(&words(format!("{} below {least}, not listed.", counted(below, "finding"))))?;
    }
    aftermath::write(report, pen)?;
    let cases: BTreeSet<&str> = told(report).map(|case| &*case.id).collect();
    for finding in outcome.findings.read()?.take(TOLD) {
        one(&*finding?, &cases, pen)?;
    }
    match survey.all.saturating_sub(TOLD as u64) {
        0 => Ok(()),
        more => pen.say(&words(format!(
            "{} more, of the same or a lower level: the JSON report has all.",
            counted(more, "finding")
        ))),
    }
}

/// How many each rule has.
fn by_rule(survey: &Survey, pen: &mut dyn Pen) -> io::Result<()> {
    pen.columns(&["Rule", "Findings"])?;
    for (rule, sum) in survey.rules.iter().filter(|(_, sum)| **sum != RuleSum::default()) {
        let mut cell: Line = Vec::new();
        for (level, number) in levels(&sum.levels) {
            cell.extend([Span::Level(level), plain(format!("\u{a0}{}  ", count(number)))]);
        }
        pen.row(&[name(rule), cell])?;
    }
    pen.end_table()?;
    match survey.uncounted {
        0 => Ok(()),
        more => pen.say(&words(format!("{} more, of other rules.", counted(more, "finding")))),
    }
}

fn one(finding: &Finding, cases: &BTreeSet<&str>, pen: &mut dyn Pen) -> io::Result<()> {
    let title = [
        Span::Level(finding.level),
        plain(format!(" {} ", finding.told.title)),
        code(&finding.rule),
    ];
    pen.part(&format!("finding-{}", finding.fingerprint), &title)?;
    pen.facts(&facts(finding, cases))?;
    events(finding, pen)?;
    if let Some(advice) = &finding.told.advice {
        pen.facts(&[("What to do", words(advice))])?;
    }
    Ok(())
}

fn facts(finding: &Finding, cases: &BTreeSet<&str>) -> Vec<(&'static str, Line)> {
    let calls = match finding.attempt {
        true => format!("{}, refused or failed", counted(finding.count, "event")),
        false => counted(finding.count, "event"),
    };
    let mut when = span(finding.first_seen, finding.last_seen);
    when.push(plain(format!(" ({calls})")));
    let mut facts = vec![
        ("When", when),
        ("Account and Region", place(finding)),
        ("Who", who(&finding.principal)),
    ];
    let from = [finding.source_ip.as_ref(), finding.user_agent.as_ref()];
    facts.push(("From", joined(from.into_iter().flatten().map(code))));
    if let Some(key) = &finding.key {
        let alias = key.alias.as_ref().map(code);
        facts.push(("Key", joined([code(&key.arn)].into_iter().chain(alias))));
        facts.push((
            "Tags of the key",
            joined(key.tags.iter().map(|(k, v)| code(format!("{k}={v}")))),
        ));
    }
    if let Some(resource) = &finding.resource {
        facts.push(("Resource", name(&resource.arn)));
        facts.push((
            "Tags of the resource",
            joined(resource.tags.iter().map(|(k, v)| code(format!("{k}={v}")))),
        ));
    }
    facts.push((
        "Outcome",
        finding.effect.as_ref().map(|effect| outcome(Some(effect))).unwrap_or_default(),
    ));
    facts.push(("What the rule saw", details(finding)));
    if let Some(case) = &finding.case {
        let id = case.to_string();
        facts.push(match cases.contains(&**case) {
            true => ("Case", vec![Span::Within(id, format!("case-{case}"))]),
            false => ("Case", vec![code(id)]),
        });
    }
    facts.push(("Status", words(finding.status.as_str())));
    facts.push(("Fingerprint", name(&finding.fingerprint)));
    facts.push(("ATT&CK", joined(finding.told.attack.iter().map(|id| technique(id)))));
    let references = finding.told.references.iter();
    facts.push(("References", joined(references.map(|url| Span::Link(url.clone(), url.clone())))));
    facts.retain(|(_, line)| !line.is_empty());
    facts
}

fn place(finding: &Finding) -> Line {
    joined([finding.account.as_ref(), finding.region.as_ref()].into_iter().flatten().map(code))
}

fn who(principal: &Principal) -> Line {
    let named = principal.arn.as_ref().or(principal.account.as_ref()).or(principal.kind.as_ref());
    let mut line = match named {
        Some(named) => name(named),
        None => words("not named"),
    };
    if let Some(session) = &principal.session {
        line.extend([plain(", session "), code(session)]);
    }
    if let Some(service) = &principal.invoked_by {
        line.extend([plain(", through "), code(service)]);
    }
    line.push(plain(format!(", MFA: {}", principal.mfa.as_str())));
    line
}

/// A technique of ATT&CK, with its page.
fn technique(id: &str) -> Span {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let known = id.strip_prefix('T').is_some_and(|rest| rest.split('.').all(digits));
    let url = format!("https://attack.mitre.org/techniques/{}/", id.replace('.', "/"));
    if known { Span::Link(id.into(), url) } else { plain(id) }
}

fn joined(spans: impl Iterator<Item = Span>) -> Line {
    let mut line = Vec::new();
    for span in spans {
        if !line.is_empty() {
            line.push(plain(", "));
        }
        line.push(span);
    }
    line
}

fn details(finding: &Finding) -> Line {
    let mut line = Vec::new();
    for (at, (what, value)) in finding.details.iter().enumerate() {
        line.extend((at > 0).then(|| plain("; ")));
        line.push(plain(format!("{}: ", what.replace('_', " "))));
        line.push(match value {
            serde_json::Value::String(text) => code(text),
            other => code(compact(other)),
        });
    }
    line
}

fn compact(value: &serde_json::Value) -> String {
    let mut out = Vec::new();
    // Writing to memory cannot fail.
    let _ = json::write_line(value, &mut out);
    String::from_utf8_lossy(out.trim_ascii_end()).into_owned()
}

fn events(finding: &Finding, pen: &mut dyn Pen) -> io::Result<()> {
    pen.columns(&["Time", "Event", "Event id", "Credential", "Address", "Result", "Record"])?;
    for event in &finding.events {
        pen.row(&row(event))?;
    }
    pen.end_table()?;
    let more = finding.count.saturating_sub(finding.events.len() as u64);
    match more {
        0 => Ok(()),
        more => pen.say(&words(format!("{} more.", counted(more, "event")))),
    }
}

fn row(event: &EventRef) -> [Line; 7] {
    let request = event.request.as_deref();
    let of =
        |text: Option<&String>| text.filter(|text| !text.is_empty()).map(name).unwrap_or_default();
    let result = match request.and_then(|request| request.error.as_ref()) {
        Some(error) => name(error),
        None => words(if request.is_some() { "done" } else { "" }),
    };
    let undone = event.undone.as_ref().map(|undone| plain(format!(", undone {}", undone.at)));
    [
        time(event.time),
        name(&event.name),
        of(event.id.as_ref()),
        of(request.and_then(|request| request.access_key.as_ref())),
        of(request.and_then(|request| request.source_ip.as_ref())),
        result.into_iter().chain(undone).collect(),
        name(event.origin.to_string()),
    ]
}
