//! Findings one by one: cards on a narrow terminal, rows on a wide one.

use std::io::{self, Write};

use serde_json::Value;

use super::fit::{count, counted};
use super::grid::{Cell, Grid, Ink};
use super::names;
use super::widths::{NARROW, TIME_WIDTH, WIDE};
use crate::model::finding::Finding;
use crate::model::level::Level;
use crate::report::{Report, Style};

/// Writes all findings.
pub fn write(
    report: &Report<'_>,
    width: u16,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if width >= WIDE { rows(report, width, style, out) } else { cards(report, width, style, out) }
}

/// The columns that the longest level takes.
fn level_width(report: &Report<'_>) -> u16 {
    // No other is longer than that of the highest.
    let longest = report.outcome.findings.lowest().unwrap_or(Level::Critical);
    longest.as_str().len().max(Level::Critical.as_str().len()) as u16
}

/// The columns of the labels of a card's facts.
const LABEL: u16 = 5;

fn cards(report: &Report<'_>, width: u16, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let level_width = level_width(report);
    for finding in report.outcome.findings.read()? {
        card(&*finding?, (width, level_width), style, out)?;
    }
    Ok(())
}

/// Writes one finding as a card, whose level takes so many columns.
pub fn card(
    finding: &Finding,
    (width, level_width): (u16, u16),
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let fixed: &[u16] =
        if width < NARROW { &[level_width, 0] } else { &[level_width, 0, LABEL, 0] };
    let mut grid = Grid::new(width, fixed, style.color, out);
    let [mut level, mut what, mut labels, mut facts] = grid.row();
    level.add(Ink::Of(finding.level), finding.level.as_str(), 1);
    add_what(finding, style, &mut what);
    add_seen(finding, &mut what);
    for (label, text) in labelled(finding) {
        if width < NARROW {
            what.add(Ink::Plain, &format!("{label} {text}"), 2);
            continue;
        }
        labels.pad(facts.height());
        labels.add(Ink::Faint, label, 1);
        facts.add(Ink::Plain, &text, 2);
    }
    let cells = [level, what, labels, facts];
    grid.write(&cells[..fixed.len()])?;
    explain(finding, (width, level_width), style, out)?;
    writeln!(out)
}

/// No explanation takes more lines.
const EXPLAINED: usize = 8;

/// Why a finding has its level, what the rule saw and what to do, if that is asked for.
fn explain(
    finding: &Finding,
    (width, level_width): (u16, u16),
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if !style.verbose {
        return Ok(());
    }
    let mut grid = Grid::new(width, &[level_width, LABEL, 0], style.color, out);
    for (label, text) in explanation(finding) {
        let [empty, mut name, mut cell] = grid.row();
        name.add(Ink::Faint, label, 1);
        cell.add(Ink::Plain, &text, EXPLAINED);
        grid.write(&[empty, name, cell])?;
    }
    Ok(())
}

fn explanation(finding: &Finding) -> Vec<(&'static str, String)> {
    let why = finding.details.get("why").and_then(Value::as_str);
    let why = why.map_or_else(
        || format!("{} is the level of the rule for this", finding.level),
        |why| format!("{}: {why}", finding.level),
    );
    let mut all = vec![("why", why)];
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let saw = finding.details.iter().filter(|(name, _)| *name != "why");
    let saw: Vec<String> = saw.map(|(name, value)| format!("{name}: {}", text(value))).collect();
    if !saw.is_empty() {
        all.push(("saw", saw.join("; ")));
    }
    if let Some(effect) = &finding.effect {
        let undone = effect.undone.as_ref().map(|undone| {
            let by = undone.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            format!(" {}{by}", undone.at)
        });
        let due = effect.due.map(|due| format!(", due {due}")).unwrap_or_default();
        let now = format!("{}{}{due}", effect.fate.as_str(), undone.unwrap_or_default());
        all.push(("state", now));
    }
    all.extend(finding.told.advice.clone().map(|advice| ("do", advice)));
    all
}

fn rows(report: &Report<'_>, width: u16, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    const HEADER: [&str; 7] =
        ["LEVEL", "FINDING", "EVENTS", "FIRST, LAST", "WHO, FROM", "KEY, ON", "WHERE"];
    // "ap-southeast-2"; longer Regions take two lines.
    const WHERE: u16 = 14;
    const EVENTS: u16 = 9;
    let fixed = [level_width(report), 0, EVENTS, TIME_WIDTH, 0, 0, WHERE];
    let mut grid = Grid::new(width, &fixed, style.color, out);
    if !report.outcome.findings.is_empty() {
        let mut header = grid.row::<7>();
        for (cell, title) in header.iter_mut().zip(HEADER) {
            cell.add(Ink::Faint, title, 1);
        }
        grid.write(&header)?;
    }
    for finding in report.outcome.findings.read()? {
        let finding = &*finding?;
        let [mut level, mut what, mut events, mut seen, mut who, mut key, mut place] = grid.row();
        level.add(Ink::Of(finding.level), finding.level.as_str(), 1);
        add_what(finding, style, &mut what);
        events.add(Ink::Plain, &count(finding.count), 1);
        for time in times(finding) {
            seen.add(Ink::Plain, &time, 2);
        }
        for (label, text) in labelled(finding) {
            match label {
                "who" | "from" | "found" => who.add(Ink::Plain, &text, 2),
                "where" => {}
                _ => key.add(Ink::Plain, &text, 2),
            }
        }
        for text in [&finding.account, &finding.region].into_iter().flatten() {
            place.add(Ink::Plain, text, 2);
        }
        grid.write(&[level, what, events, seen, who, key, place])?;
        if style.verbose {
            explain(finding, (width, fixed[0]), style, out)?;
            grid = Grid::new(width, &fixed, style.color, out);
        }
        grid.gap()?;
    }
    Ok(())
}

/// The title and the rule.
fn add_what(finding: &Finding, style: &Style, cell: &mut Cell) {
    let attempt = if finding.attempt { " (attempt)" } else { "" };
    cell.add(Ink::Strong, &format!("{}{attempt}", finding.told.title), 3);
    // It is what one looks up, so it has room.
    let leads: Vec<_> = style.leads(finding).into_iter().collect();
    cell.add_leading(Ink::Faint, &finding.rule, 3, &leads);
    if let Some(text) = folded(finding) {
        cell.add(Ink::Plain, &text, 2);
    }
}

/// For how many findings it stands, and what they are about.
fn folded(finding: &Finding) -> Option<String> {
    let said = finding.details.get("folded").filter(|_| finding.folded > 0)?;
    let about = |name: &str, noun| {
        let number = said.get(name).and_then(Value::as_u64).filter(|number| *number > 0)?;
        Some(counted(number, noun))
    };
    let about: Vec<String> =
        [about("keys", "key"), about("resources", "resource")].into_iter().flatten().collect();
    let least = if said.get("at_least").is_some() { "at least " } else { "" };
    let mut text = format!("stands for {}", counted(finding.folded, "finding"));
    if !about.is_empty() {
        text.push_str(&format!(", about {least}{}", about.join(" and ")));
    }
    Some(text)
}

/// How often, and when: on one line where that fits.
fn add_seen(finding: &Finding, cell: &mut Cell) {
    let what = if verdict(finding).is_some() { "file" } else { "event" };
    let events = counted(finding.count, what);
    let times = times(finding);
    let Some(first) = times.first() else {
        return cell.add(Ink::Plain, &format!("{events}, no time known"), 2);
    };
    let together = format!("{events} {first}");
    if together.len() <= cell.width() {
        cell.add(Ink::Plain, &together, 1);
    } else {
        cell.add(Ink::Plain, &events, 1);
        cell.add(Ink::Plain, first, 2);
    }
    if let Some(last) = times.get(1) {
        // Under the time above it, so that the two are compared at a glance.
        let indent = if together.len() <= cell.width() { events.len() - 2 } else { 0 };
        let text = format!("{:indent$}to {last}", "");
        cell.add(Ink::Plain, &text, if indent > 0 { 1 } else { 2 });
    }
}

/// The first and, if it is another, the last time.
fn times(finding: &Finding) -> Vec<String> {
    let mut times = vec![finding.first_seen, finding.last_seen];
    times.dedup();
    times.into_iter().flatten().map(|time| time.to_string()).collect()
}

/// What is said about files; such findings have no caller.
fn verdict(finding: &Finding) -> Option<&str> {
    let verdict = finding.details.get("verdict").and(finding.details.get("why"));
    verdict.and_then(|why| why.as_str())
}

/// What is known of the actor, the target and the place, each under a short label.
fn labelled(finding: &Finding) -> Vec<(&'static str, String)> {
    let home = finding.account.as_deref();
    let mut facts = Vec::new();
    match verdict(finding) {
        Some(why) => facts.push(("found", why.to_owned())),
        None => facts.push(("who", names::principal(&finding.principal, home))),
    }
    facts.extend(finding.source_ip.as_ref().map(|ip| ("from", ip.clone())));
    facts.extend(finding.key.as_ref().map(|key| ("key", names::key(key, home))));
    facts.extend(finding.resource.as_ref().map(|on| ("on", names::resource(on, home))));
    // Which tags differ is what such a finding is about.
    let why = finding.details.get("why").and_then(|why| why.as_str());
    facts.extend(why.filter(|_| finding.details.contains_key("tags")).map(|w| ("tags", w.into())));
    let place: Vec<&str> =
        [home, finding.region.as_deref()].into_iter().flatten().filter(|s| !s.is_empty()).collect();
    if !place.is_empty() {
        facts.push(("where", place.join(" ")));
    }
    facts
}
