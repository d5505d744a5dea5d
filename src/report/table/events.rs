//! Every event that a finding shows, one line each, in the order of time.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, Write};

use super::fit::count;
use super::grid::{Grid, Ink, Leads};
use super::names;
use super::widths::{NARROW, TIME_WIDTH};
use crate::model::finding::{EventRef, Finding};
use crate::model::level::Level;
use crate::model::time::Time;
use crate::report::{Report, Style};

/// So many events are held to be put in order; the others are counted.
const MOST: usize = 1 << 16;

/// What tells events apart, in the order of time: of forged copies, which have one id, each is told.
type Order = (bool, Option<Time>, Option<String>, String, String);

/// An event on its line.
struct Line {
    order: Order,
    level: Level,
    rules: Vec<String>,
    /// Where the first of the rules leads.
    leads: Vec<Leads>,
    who: String,
    from: String,
    error: String,
}

impl Line {
    /// Takes in another finding that tells of the event.
    fn add(&mut self, finding: &Finding) {
        self.level = self.level.max(finding.level);
        self.rules.push(finding.rule.clone());
    }
}

/// Writes the events of all findings.
pub fn write(
    report: &Report<'_>,
    width: u16,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (mut lines, mut hidden) = (BTreeMap::new(), 0);
    for finding in report.outcome.findings.read()? {
        let finding = &*finding?;
        hidden += finding.count.saturating_sub(finding.events.len() as u64);
        for event in &finding.events {
            let order = order(event);
            let held = lines.len();
            match lines.entry(order) {
                Entry::Vacant(entry) if held < MOST => {
                    entry.insert(line(finding, event, style));
                }
                Entry::Vacant(_) => hidden += 1,
                Entry::Occupied(mut entry) => entry.get_mut().add(finding),
            }
        }
    }
    let rules = lines.values().map(|line: &Line| rule(line).len()).max().unwrap_or_default();
    let rules = u16::try_from(rules).unwrap_or(u16::MAX).min(width / 2);
    if width < NARROW {
        return narrow(&lines, hidden, (width, style), out);
    }
    let mut grid = Grid::new(width, &[TIME_WIDTH, 0, 0, rules], style.color, out);
    for line in lines.values() {
        let [mut time, mut call, mut who, mut by] = grid.row();
        let (_, at, _, name, _) = &line.order;
        time.add(Ink::Faint, &at.map_or("no time".to_owned(), |at| at.to_string()), 1);
        let error = if line.error.is_empty() { String::new() } else { format!(" {}", line.error) };
        call.add(Ink::Plain, &format!("{name}{error}"), 1);
        who.add(Ink::Plain, &format!("{} {}", line.who, line.from), 1);
        by.add_leading(Ink::Of(line.level), &rule(line), 1, &line.leads);
        grid.write(&[time, call, who, by])?;
    }
    if hidden > 0 {
        let [time, mut call] = grid.row();
        call.add(Ink::Plain, &format!("… and {} more", count(hidden)), 1);
        grid.write(&[time, call])?;
    }
    if !lines.is_empty() { grid.gap() } else { Ok(()) }
}

/// One below the other, where columns have no room.
fn narrow(
    lines: &BTreeMap<Order, Line>,
    hidden: u64,
    (width, style): (u16, &Style),
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut grid = Grid::new(width, &[0], style.color, out);
    for line in lines.values() {
        let [mut cell] = grid.row();
        let (_, at, _, name, _) = &line.order;
        cell.add(Ink::Faint, &at.map_or("no time".to_owned(), |at| at.to_string()), 1);
        cell.add(Ink::Plain, &format!("  {name} {}", line.error), 2);
        cell.add(Ink::Plain, &format!("  {} {}", line.who, line.from), 2);
        cell.add_leading(Ink::Of(line.level), &format!("  {}", rule(line)), 3, &line.leads);
        grid.write(&[cell])?;
    }
    if hidden > 0 {
        let [mut cell] = grid.row();
        cell.add(Ink::Plain, &format!("… and {} more", count(hidden)), 1);
        grid.write(&[cell])?;
    }
    if !lines.is_empty() { grid.gap() } else { Ok(()) }
}

fn order(event: &EventRef) -> Order {
    let origin = event.origin.to_string();
    (event.time.is_none(), event.time, event.id.clone(), event.name.clone(), origin)
}

fn line(finding: &Finding, event: &EventRef, style: &Style) -> Line {
    let request = event.request.as_deref();
    let principal = request.map_or(&finding.principal, |request| &request.principal);
    let text = |of: Option<&String>| of.cloned().unwrap_or_default();
    Line {
        order: order(event),
        level: finding.level,
        rules: vec![finding.rule.clone()],
        leads: style.leads(finding).into_iter().collect(),
        who: names::principal(principal, finding.account.as_deref()),
        from: text(request.and_then(|request| request.source_ip.as_ref())),
        error: text(request.and_then(|request| request.error.as_ref())),
    }
}

/// The gravest rule, which came first, and how many more.
fn rule(line: &Line) -> String {
    match line.rules.as_slice() {
        [one] => one.clone(),
        [one, others @ ..] => format!("{one} +{}", others.len()),
        [] => String::new(),
    }
}
