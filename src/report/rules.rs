//! The list of rules: a table for people, a document for programs.
//!
//! On a terminal a rule takes a few lines below the name of its group. In a file, or on a wide
//! terminal, it takes one line, so that `grep` finds all of it. A rule may name many controls, so
//! the table shows those only that were asked for, in place of the whitepaper's statements. What
//! must stay true: the JSON form has everything that is known of a rule.

use std::collections::BTreeSet;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::escape::visible;
use super::table::grid::{Grid, Ink};
use super::{Style, json};
use crate::model::control::ControlName;
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

/// In the narrow form a longer control is cut off at this width.
const WIDEST_CONTROL: u16 = 20;

/// What the column before the title lists.
pub enum Answers {
    /// The statements of the whitepaper.
    Statements,
    /// Those of these controls that the rule names.
    Controls(BTreeSet<ControlName>),
}

impl Answers {
    /// The title of each column; in the narrow form the first two share one.
    fn header(&self) -> [&'static str; 7] {
        let own = match self {
            Answers::Statements => "PAPER",
            Answers::Controls(_) => "CONTROL",
        };
        ["GROUP", "RULE", "LEVEL", "NOISE", "ATT&CK", own, "TITLE"]
    }

    /// The entries of a rule.
    fn of(&self, rule: &RuleMeta) -> Vec<String> {
        match self {
            Answers::Statements => rule.whitepaper.clone(),
            Answers::Controls(asked) => {
                let names = rule.controls.iter().filter(|name| asked.contains(name));
                names.map(ControlName::to_string).collect()
            }
        }
    }

    /// The width of the column in the narrow form.
    fn width(&self, rules: &[&RuleMeta]) -> u16 {
        const STATEMENT: u16 = 8; // "ALIASPOL"
        match self {
            Answers::Statements => STATEMENT,
            Answers::Controls(_) => {
                let all = rules.iter().flat_map(|rule| self.of(rule));
                let widest = all.map(|name| columns(&name)).max().unwrap_or(0);
                widest.clamp(STATEMENT, WIDEST_CONTROL)
            }
        }
    }
}

/// The columns that a text takes once it is escaped, within reason.
fn columns(text: &str) -> u16 {
    u16::try_from(visible(text).chars().count()).unwrap_or(u16::MAX).min(u16::MAX / 16)
}

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
pub fn write_table(
    rules: &[&RuleMeta],
    answers: &Answers,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    // A rule may answer many controls, which would take the whole line.
    let takes_lines = matches!(answers, Answers::Controls(_));
    match style.width {
        Some(width) if width < WIDE || takes_lines => {
            narrow(rules, answers, width.max(LEAST_WIDTH), style, out)
        }
        width => wide(rules, answers, width, style, out),
    }
}

/// The cells of a rule that are one word each or a few.
struct Row<'a> {
    rule: &'a RuleMeta,
    group: &'a str,
    noise: String,
    attack: Vec<String>,
    answers: Vec<String>,
}

impl<'a> Row<'a> {
    fn new(rule: &'a RuleMeta, answers: &Answers) -> Row<'a> {
        Row {
            rule,
            group: rule.group.as_deref().unwrap_or(NO_GROUP),
            noise: rule.tier.map(|tier| tier.to_string()).unwrap_or_default(),
            attack: rule.attack(),
            answers: answers.of(rule),
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
            self.answers.join(","),
            self.rule.title.clone(),
        ]
    }
}

/// One row a rule. Without a width every column is as wide as its longest text.
fn wide(
    rules: &[&RuleMeta],
    answers: &Answers,
    width: Option<u16>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let titles = answers.header();
    let rows: Vec<[String; 7]> = rules.iter().map(|rule| Row::new(rule, answers).texts()).collect();
    let mut widths = titles.map(columns);
    for row in &rows {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(text));
        }
    }
    let [.., title] = &mut widths;
    if width.is_some() {
        // What is left.
        *title = 0;
    }
    let mut grid = Grid::new(width.unwrap_or(u16::MAX), &widths, style.color, out);
    let mut header = grid.row::<7>();
    header.iter_mut().zip(titles).for_each(|(cell, text)| cell.add(Ink::Faint, text, 1));
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
fn narrow(
    rules: &[&RuleMeta],
    answers: &Answers,
    width: u16,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    const NOISE: u16 = 5;
    const ATTACK: u16 = 9; // "T1562.008"
    let answer = answers.width(rules);
    let titles = answers.header();
    let level = rules.iter().map(|rule| rule.level.as_str().len()).max().unwrap_or(0) as u16;
    let level = level.max(Level::Critical.as_str().len() as u16);
    let widths: &[u16] =
        if width < NARROW { &[0, level] } else { &[0, level, NOISE, ATTACK, answer] };
    let mut group = None;
    for row in rules.iter().map(|rule| Row::new(rule, answers)) {
        let mut grid = Grid::new(width, widths, style.color, out);
        if group != Some(row.group) {
            if group.is_some() {
                grid.gap()?;
            }
            group = Some(row.group);
            let mut cells = grid.row::<5>();
            let [name, others @ ..] = &mut cells;
            name.add(Ink::Strong, &row.group.to_uppercase(), 1);
            others.iter_mut().zip(&titles[2..]).for_each(|(cell, text)| {
                cell.add(Ink::Faint, text, 1);
            });
            grid.write(&cells[..widths.len()])?;
        }
        let mut cells = grid.row::<5>();
        let [name, level, noise, attack, answers] = &mut cells;
        name.add(Ink::Strong, &row.rule.id, 2);
        name.add(Ink::Plain, &row.rule.title, 3);
        level.add(Ink::Of(row.rule.level), row.rule.level.as_str(), 1);
        noise.add(Ink::Plain, &row.noise, 1);
        row.attack.iter().for_each(|id| attack.add(Ink::Plain, id, 1));
        row.answers.iter().for_each(|name| answers.add(Ink::Plain, name, 1));
        let lists = row.attack.iter().chain(&row.answers).map(String::as_str);
        let lists = lists.collect::<Vec<_>>().join(" ");
        if width < NARROW && !lists.is_empty() {
            name.add(Ink::Faint, &lists, 2);
        }
        grid.write(&cells[..widths.len()])?;
    }
    Ok(())
}

/// The name and version of the document.
pub const SCHEMA: &str = "keytrail.rules/v1";

/// The document.
#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'a> {
    /// The name and version of this form.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// The rules, by group and id.
    rules: Vec<Rule<'a>>,
}

/// A rule: all that is known of it.
#[derive(Serialize, JsonSchema)]
struct Rule<'a> {
    /// Its id.
    id: &'a str,
    /// What it finds, in a few words.
    title: &'a str,
    /// The level of its findings, where the rule does not raise or lower it.
    level: Level,
    /// Its group; `null` of a rule of yours.
    group: Option<&'a str>,
    /// How many findings to expect: 1 is hardly any, 2 some, 3 much.
    tier: Option<u8>,
    /// The tags of the rule's file.
    tags: &'a [String],
    /// The techniques of MITRE ATT&CK, such as T1485.
    attack: Vec<String>,
    /// The statements of AWS's whitepaper on KMS that it helps to audit.
    whitepaper: &'a [String],
    /// The controls of standards that it helps to audit, as FRAMEWORK:ID.
    controls: Vec<String>,
    /// What it finds and why, in full.
    description: Option<&'a str>,
    /// When a finding is harmless.
    false_positives: &'a [String],
    /// What to do about a finding.
    advice: Option<&'a str>,
    /// Links to more.
    references: &'a [String],
    /// The file of the rule.
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
        controls: rule.controls.iter().map(ControlName::to_string).collect(),
        description: rule.description.as_deref(),
        false_positives: &rule.false_positives,
        advice: rule.advice.as_deref(),
        references: &rule.references,
        origin: &rule.origin,
    });
    let document = Document { schema: SCHEMA, rules: rules.collect() };
    json::write_document(&document, out)
}
