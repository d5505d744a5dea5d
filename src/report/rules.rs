//! The list of rules: a table for people, a document for programs.
//!
//! On a terminal a rule takes a few lines below the name of its group. In a file, or on a wide
//! terminal, it takes one line, so that `grep` finds all of it. What must stay true: the JSON form
//! has everything that is known of a rule.

use std::io::{self, Write};

use serde::Serialize;

use super::table::grid::{Grid, Ink};
use super::{Style, json};
use crate::model::level::Level;
use crate::model::rule_meta::RuleMeta;

/// From here on a rule is one row.
const WIDE: u16 = 140;

/// Below this the lists stand under the title, not beside it.
const NARROW: u16 = 64;

/// No terminal is taken to be narrower: nothing useful fits there.
const LEAST_WIDTH: u16 = 40;

/// The name of the group of the user's rules.
const NO_GROUP: &str = "yours";

/// The title of each column; in the narrow form the first two share one.
const HEADER: [&str; 7] = ["GROUP", "RULE", "LEVEL", "NOISE", "ATT&CK", "PAPER", "TITLE"];

/// The rules in the order in which they are listed: by group, the user's last, then by id.
pub fn sorted<'a>(rules: impl IntoIterator<Item = &'a RuleMeta>) -> Vec<&'a RuleMeta> {
    let mut sorted: Vec<&RuleMeta> = rules.into_iter().collect();
    sorted.sort_by_key(|rule| (rule.group.is_none(), &rule.group, &rule.id));
    sorted
}

/// Writes the table.
///
/// # Errors
/// Those of `out`.
pub fn write_table(rules: &[&RuleMeta], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    match style.width {
        Some(width) if width < WIDE => narrow(rules, width.max(LEAST_WIDTH), style, out),
        width => wide(rules, width, style, out),
    }
}

/// The cells of a rule that are one word each or a few.
struct Row<'a> {
    rule: &'a RuleMeta,
    group: &'a str,
    noise: String,
    attack: Vec<String>,
}

impl<'a> Row<'a> {
    fn new(rule: &'a RuleMeta) -> Row<'a> {
        Row {
            rule,
            group: rule.group.as_deref().unwrap_or(NO_GROUP),
            noise: rule.tier.map(|tier| tier.to_string()).unwrap_or_default(),
            attack: rule.attack(),
        }
    }

    /// The texts of the wide form.
    fn texts(&self) -> [String; 7] {
        [
            self.group.to_owned(),
            self.rule.id.clone(),
            self.rule.level.to_string(),
            self.noise.clone(),
            self.attack.join(","),
            self.rule.whitepaper.join(","),
            self.rule.title.clone(),
        ]
    }
}

/// One row a rule. Without a width every column is as wide as its longest text.
fn wide(
    rules: &[&RuleMeta],
    width: Option<u16>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let rows: Vec<[String; 7]> = rules.iter().map(|rule| Row::new(rule).texts()).collect();
    let columns = |text: &str| u16::try_from(text.chars().count()).unwrap_or(u16::MAX / 16);
    let mut widths = HEADER.map(columns);
    for row in &rows {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(text).min(u16::MAX / 16));
        }
    }
    let [.., title] = &mut widths;
    if width.is_some() {
        // What is left.
        *title = 0;
    }
    let mut grid = Grid::new(width.unwrap_or(u16::MAX), &widths, style.color, out);
    let mut header = grid.row::<7>();
    header.iter_mut().zip(HEADER).for_each(|(cell, text)| cell.add(Ink::Faint, text, 1));
    grid.write(&header)?;
    for (texts, rule) in rows.iter().zip(rules) {
        let mut cells = grid.row::<7>();
        let inks = [
            Ink::Faint,
            Ink::Strong,
            Ink::Of(rule.level),
            Ink::Plain,
            Ink::Plain,
            Ink::Plain,
            Ink::Plain,
        ];
        for ((cell, text), ink) in cells.iter_mut().zip(texts).zip(inks) {
            cell.add(ink, text, 2);
        }
        grid.write(&cells)?;
    }
    Ok(())
}

/// A heading a group; a rule's title stands under its id, and lists go down.
fn narrow(rules: &[&RuleMeta], width: u16, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    const NOISE: u16 = 5;
    const ATTACK: u16 = 9; // "T1562.008"
    const PAPER: u16 = 8; // "ALIASPOL"
    let level = rules.iter().map(|rule| rule.level.as_str().len()).max().unwrap_or(0) as u16;
    let level = level.max(Level::Critical.as_str().len() as u16);
    let widths: &[u16] =
        if width < NARROW { &[0, level] } else { &[0, level, NOISE, ATTACK, PAPER] };
    let mut group = None;
    for row in rules.iter().map(|rule| Row::new(rule)) {
        let mut grid = Grid::new(width, widths, style.color, out);
        if group != Some(row.group) {
            if group.is_some() {
                grid.gap()?;
            }
            group = Some(row.group);
            let mut cells = grid.row::<5>();
            let [name, others @ ..] = &mut cells;
            name.add(Ink::Strong, &row.group.to_uppercase(), 1);
            others.iter_mut().zip(&HEADER[2..]).for_each(|(cell, text)| {
                cell.add(Ink::Faint, text, 1);
            });
            grid.write(&cells[..widths.len()])?;
        }
        let mut cells = grid.row::<5>();
        let [name, level, noise, attack, paper] = &mut cells;
        name.add(Ink::Strong, &row.rule.id, 2);
        name.add(Ink::Plain, &row.rule.title, 3);
        level.add(Ink::Of(row.rule.level), row.rule.level.as_str(), 1);
        noise.add(Ink::Plain, &row.noise, 1);
        row.attack.iter().for_each(|id| attack.add(Ink::Plain, id, 1));
        row.rule.whitepaper.iter().for_each(|name| paper.add(Ink::Plain, name, 1));
        let lists = row.attack.iter().chain(&row.rule.whitepaper).map(String::as_str);
        let lists = lists.collect::<Vec<_>>().join(" ");
        if width < NARROW && !lists.is_empty() {
            name.add(Ink::Faint, &lists, 2);
        }
        grid.write(&cells[..widths.len()])?;
    }
    Ok(())
}

/// The document `keytrail.rules/v1`.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    rules: Vec<Rule<'a>>,
}

/// A rule in it: all of [`RuleMeta`].
#[derive(Serialize)]
struct Rule<'a> {
    id: &'a str,
    title: &'a str,
    level: Level,
    group: Option<&'a str>,
    tier: Option<u8>,
    tags: &'a [String],
    attack: Vec<String>,
    whitepaper: &'a [String],
    description: Option<&'a str>,
    false_positives: &'a [String],
    advice: Option<&'a str>,
    references: &'a [String],
    origin: &'a str,
}

/// Writes the document.
///
/// # Errors
/// Those of `out`.
pub fn write_json(rules: &[&RuleMeta], out: &mut dyn Write) -> io::Result<()> {
    let rules = rules.iter().map(|rule| Rule {
        id: &rule.id,
        title: &rule.title,
        level: rule.level,
        group: rule.group.as_deref(),
        tier: rule.tier,
        tags: &rule.tags,
        attack: rule.attack(),
        whitepaper: &rule.whitepaper,
        description: rule.description.as_deref(),
        false_positives: &rule.false_positives,
        advice: rule.advice.as_deref(),
        references: &rule.references,
        origin: &rule.origin,
    });
    let document = Document { schema: "keytrail.rules/v1", rules: rules.collect() };
    json::write_document(&document, out)
}
