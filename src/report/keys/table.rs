//! A row a key: what it is called, what it is now, how much it is used, and what was found.
//!
//! From 140 columns on, who uses and who changes it stand beside that; below, they stand under it, and
//! the name above.

use std::io::{self, Write};

use super::given::Keys;
use super::words::{by, day, minute, names, open, percent, some, state, who};
use crate::model::keys::facts::KeyFacts;
use crate::report::Style;
use crate::report::table::fit::{count, counted};
use crate::report::table::grid::{Cell, Grid, Ink};
use crate::report::table::worst;

/// Columns where no terminal limits them.
const DEFAULT_WIDTH: u16 = 120;

/// No terminal is taken to be narrower.
const LEAST_WIDTH: u16 = 40;

/// From here on who uses and changes a key has columns of its own.
const WIDE: u16 = 140;

/// The columns of state, uses, last use and findings.
const FIXED: [u16; 4] = [24, 10, 10, 15];

/// The columns before a row whose name stands above it.
const MARGIN: u16 = 2;

/// Principals that are named in a row.
const NAMED: usize = 3;

/// Writes the table.
///
/// # Errors
/// Those of `out`.
pub fn write(keys: &Keys<'_>, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let width = style.width.unwrap_or(DEFAULT_WIDTH).max(LEAST_WIDTH);
    let all = &keys.inventory.keys;
    if !all.is_empty() {
        header(width, style, out)?;
    }
    for key in all {
        row(key, width, style, out)?;
    }
    closing(keys, width, style, out)
}

/// The columns of a row. In a wide one the first is the name, and the last two are who uses and who
/// changes the key; a narrow one has its name above.
fn widths(width: u16) -> Vec<u16> {
    let [state, uses, last, findings] = FIXED;
    match width {
        WIDE.. => vec![0, state, uses, last, findings, 0, 0],
        64.. => vec![MARGIN, 0, uses, last, findings],
        _ => vec![MARGIN, 0],
    }
}

fn header(width: u16, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let titles = ["STATE, PROVED BY", "USES", "LAST USE", "FINDINGS", "USED BY", "CHANGED BY"];
    let widths = widths(width);
    let mut grid = Grid::new(width, &widths, style.color, out);
    let mut cells = grid.row::<7>();
    cells[0].add(Ink::Faint, if width < WIDE { "" } else { "KEY" }, 1);
    for (cell, title) in cells[1..].iter_mut().zip(titles) {
        cell.add(Ink::Faint, title, 1);
    }
    grid.write(&cells[..widths.len()])
}

fn row(key: &KeyFacts, width: u16, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if width < WIDE {
        let mut grid = Grid::new(width, &[0], style.color, out);
        let [mut name] = grid.row();
        add_name(key, &mut name);
        grid.write(&[name])?;
    }
    let widths = widths(width);
    let mut grid = Grid::new(width, &widths, style.color, out);
    let [mut name, mut now, mut uses, mut last, mut found, mut users, mut admins] = grid.row();
    if width >= WIDE {
        add_name(key, &mut name);
    }
    add_state(key, style.verbose, &mut now);
    if widths.len() == 2 {
        add_uses(key, " uses", &mut now);
        worst::add(&key.findings, &mut now);
        grid.write(&[name, now])?;
    } else {
        add_uses(key, "", &mut uses);
        add_last(key, &mut last);
        worst::add(&key.findings, &mut found);
        users.add(Ink::Plain, &some(&key.users, NAMED, &key.account), 3);
        if key.services.count > 0 {
            users.add(Ink::Faint, &format!("by {}", names(&key.services, NAMED)), 2);
        }
        admins.add(Ink::Plain, &some(&key.administrators, NAMED, &key.account), 3);
        grid.write(&[name, now, uses, last, found, users, admins][..widths.len()])?;
    }
    beneath(key, width, style, out)?;
    Grid::new(width, &[0], style.color, out).gap()
}

fn add_uses(key: &KeyFacts, unit: &str, cell: &mut Cell) {
    cell.add(Ink::Plain, &format!("{}{unit}", count(key.uses.ok)), 1);
    if key.uses.refused > 0 {
        cell.add(Ink::Plain, &format!("{} refused", count(key.uses.refused)), 2);
    }
    cell.add(Ink::Faint, &percent(key.share_ppm), 2);
}

fn add_last(key: &KeyFacts, cell: &mut Cell) {
    let last = key.last_use.as_ref().map(|last| day(last.time));
    cell.add(Ink::Plain, last.as_deref().unwrap_or("none"), 1);
    let first = key.uses.first.map(day);
    if let Some(first) = first.filter(|first| last.as_ref().is_some_and(|last| last != first)) {
        cell.add(Ink::Faint, "first", 1);
        cell.add(Ink::Faint, &first, 1);
    }
}

/// What a narrow row has no column for, and what was asked for beside.
fn beneath(key: &KeyFacts, width: u16, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut grid = Grid::new(width, &[2, 0], style.color, out);
    let [margin, mut text] = grid.row();
    if width < WIDE {
        let home = &key.account;
        if key.users.count > 0 {
            text.add(Ink::Plain, &format!("used by {}", some(&key.users, NAMED, home)), 2);
        }
        if key.administrators.count > 0 {
            let names = some(&key.administrators, NAMED, home);
            text.add(Ink::Plain, &format!("changed by {names}"), 2);
        }
        if key.services.count > 0 {
            text.add(Ink::Faint, &format!("by services: {}", names(&key.services, NAMED)), 2);
        }
    }
    add_rest(key, &mut text);
    if let Some(quiet) = &key.quiet {
        let covered = format!(
            "{}: the log covers {} of {} hours since {}",
            quiet.verdict.words(),
            count(quiet.hours_covered),
            count(quiet.hours_asked),
            minute(quiet.since)
        );
        let why = quiet.why.map(|why| format!("; {why}")).unwrap_or_default();
        text.add(Ink::Strong, &(covered + &why), 3);
        if let Some(last) = key.uses.last.filter(|last| *last >= quiet.since) {
            let refused = format!("refused or failed, and no use: the last call {}", minute(last));
            text.add(Ink::Plain, &refused, 2);
        }
    }
    if let Some(told) = &key.kms_last_use {
        let use_ = match (told.time, &told.operation) {
            (Some(time), Some(operation)) => format!("{operation} {}", minute(time)),
            _ => "no use".to_owned(),
        };
        let since = told.tracked_since.map(|since| format!(", tracked since {}", day(since)));
        text.add(Ink::Plain, &format!("KMS tells: {use_}{}", since.unwrap_or_default()), 2);
    }
    if text.height() > 0 { grid.write(&[margin, text]) } else { Ok(()) }
}

fn add_name(key: &KeyFacts, cell: &mut Cell) {
    if let Some(alias) = key.alias() {
        cell.add(Ink::Strong, alias, 2);
    }
    let managed = if key.aws_managed { ", managed by AWS" } else { "" };
    let place = format!("{} {}{managed}", key.account, key.region);
    let ink = if key.alias().is_some() { Ink::Faint } else { Ink::Strong };
    if key.id().len() + place.len() + 2 <= cell.width() {
        cell.add(ink, &format!("{}  {place}", key.id()), 1);
    } else {
        cell.add(ink, key.id(), 2);
        cell.add(Ink::Faint, &place, 2);
    }
}

fn add_state(key: &KeyFacts, verbose: bool, cell: &mut Cell) {
    let now = &key.state;
    let ink = if now.state.is_urgent() { Ink::Alarm } else { Ink::Plain };
    cell.add(ink, &state(now), 2);
    if let Some(open) = open(now) {
        cell.add(ink, open, 3);
    }
    if let Some(proof) = &now.proof {
        cell.add(Ink::Faint, &by(proof), 2);
        if verbose {
            let who_ = proof.by.as_deref().map(|name| who(name, &key.account)).unwrap_or_default();
            cell.add(Ink::Faint, &who_, 2);
            cell.add(Ink::Faint, &proof.origin.to_string(), 3);
        }
    }
}

/// Aliases beside the one that names the row, tags, origin, rotation, material, other Regions.
fn add_rest(key: &KeyFacts, text: &mut Cell) {
    let mut parts = Vec::new();
    if key.aliases.count > 1 {
        parts.push(format!("{} aliases over time", count(key.aliases.count)));
    }
    if let Some(made) = &key.made {
        parts.push(format!("made {}", day(made.proof.time)));
    }
    parts.extend(
        key.origin
            .as_deref()
            .filter(|origin| *origin != "AWS_KMS")
            .map(|origin| format!("origin {origin}")),
    );
    if let Some(material) = key.material.as_ref() {
        parts.push(match (material.there, material.expires) {
            (false, _) => "material deleted".to_owned(),
            (true, Some(expires)) => format!("material expires {}", day(expires)),
            (true, None) => "material does not expire".to_owned(),
        });
    }
    parts.extend(key.rotation.on.map(|on| format!("rotation {}", if on { "on" } else { "off" })));
    if !key.other_regions.is_empty() {
        parts.push(format!("also in {}", key.other_regions.join(", ")));
    }
    if key.accounts.count > 1 {
        parts.push(format!("called from {}", counted(key.accounts.count, "account")));
    }
    if !key.tags.is_empty() {
        let tags = key.tags.iter().take(4).map(|(name, value)| format!("{name}={value}"));
        let more = if key.tags.len() > 4 { ", …" } else { "" };
        parts.push(format!("tags {}{more}", tags.collect::<Vec<_>>().join(", ")));
    }
    if !parts.is_empty() {
        text.add(Ink::Faint, &parts.join(" · "), 3);
    }
}

/// Why a key without use may be needed all the same.
const NO_PROOF: &str = "Services that keep data keys (S3 bucket keys, EBS and others) use a key without \
                        a call to KMS: no call is no proof that nothing needs the key.";

/// How many keys there are, in which order, and of which time.
fn closing(keys: &Keys<'_>, width: u16, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut grid = Grid::new(width, &[0], style.color, out);
    let [mut cell] = grid.row();
    let shown = keys.inventory.keys.len() as u64;
    let calls = counted(keys.inventory.kms_calls, "KMS call");
    let span = match (keys.first, keys.last) {
        (Some(first), Some(last)) => format!(" from {} to {}", minute(first), minute(last)),
        _ => String::new(),
    };
    match (shown, keys.unused) {
        (0, Some(since)) => {
            cell.add(Ink::Plain, &format!("No key is without use since {}.", minute(since)), 2)
        }
        (0, None) => cell.add(Ink::Plain, "No key is named in what was read.", 1),
        (shown, None) => {
            cell.add(Ink::Plain, &format!("{}, {calls}{span}", counted(shown, "key")), 2);
            let order =
                "Most urgent first: pending deletion, not usable, worst finding, most uses.";
            cell.add(Ink::Faint, order, 2);
        }
        (shown, Some(since)) => {
            let text = format!("{} without use since {}", counted(shown, "key"), minute(since));
            cell.add(Ink::Plain, &text, 2);
            cell.add(Ink::Faint, NO_PROOF, 3);
        }
    }
    if keys.inventory.left_out > 0 {
        let text = format!(
            "{} more keys are not listed: they rank below these.",
            count(keys.inventory.left_out)
        );
        cell.add(Ink::Alarm, &text, 2);
    }
    told(keys, &mut cell);
    if !keys.problems.is_empty() {
        let text = format!("INCOMPLETE: {}", counted(keys.problems.len() as u64, "problem"));
        cell.add(Ink::Alarm, &text, 1);
    }
    grid.write(&[cell])
}

/// What became of the uses that KMS told of.
fn told(keys: &Keys<'_>, cell: &mut Cell) {
    use crate::model::keys::reach::InLog;
    let told = &keys.inventory.told;
    if told.is_empty() {
        return;
    }
    let number = |which: InLog| told.iter().filter(|told| told.last.in_log == which).count() as u64;
    let parts = [
        (InLog::There, "in the log"),
        (InLog::Missing, "missing"),
        (InLog::OutOfReach, "out of the log's reach"),
        (InLog::NothingToldOf, "without a use"),
    ];
    let parts = parts.into_iter().filter(|(which, _)| number(*which) > 0);
    let parts: Vec<String> =
        parts.map(|(which, words)| format!("{} {words}", count(number(which)))).collect();
    cell.add(Ink::Plain, &format!("Last uses that KMS tells of: {}", parts.join(", ")), 2);
}
