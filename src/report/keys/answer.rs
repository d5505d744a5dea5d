//! Who can do something with a key.

use std::io::{self, Write};

use super::words::{by, minute, who};
use crate::model::keys::access::{Access, Sure};
use crate::report::Style;
use crate::report::table::fit::count;
use crate::report::table::grid::{Grid, Ink};

/// Conditions that are told of one allowance.
const CONDITIONS: usize = 4;

/// Writes the answer. `home` is the account of the key.
///
/// # Errors
/// Those of `out`.
pub fn write(
    access: &Access,
    (home, width): (&str, u16),
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut grid = Grid::new(width, &[0], style.color, out);
    let [mut head] = grid.row();
    head.add(Ink::Strong, &format!("WHO CAN {} as of {}", access.operation, minute(access.at)), 1);
    let policy = access.policy.as_ref().map_or("no record shows it".to_owned(), by);
    head.add(Ink::Faint, &format!("key policy: {policy}"), 2);
    if let Some(why) = &access.nobody {
        head.add(Ink::Alarm, &format!("NOBODY can: {why}"), 2);
    }
    grid.write(&[head])?;
    let mut grid = Grid::new(width, &[1, 0, 0], style.color, out);
    let mut before: Option<Sure> = None;
    for one in &access.allowed {
        if before != Some(one.sure) {
            let [margin, mut title, rest] = grid.row();
            let ink = if one.sure == Sure::Allowed { Ink::Strong } else { Ink::Plain };
            title.add(ink, one.sure.words(), 2);
            grid.write(&[margin, title, rest])?;
            before = Some(one.sure);
        }
        let [margin, mut name, mut why] = grid.row();
        name.add(Ink::Plain, &format!("  {}", who(&one.principal, home)), 2);
        why.add(Ink::Faint, &one.by, 3);
        let conditions = one.conditions.iter().take(CONDITIONS);
        conditions.for_each(|condition| why.add(Ink::Faint, &format!("if {condition}"), 2));
        if one.conditions.len() > CONDITIONS {
            let more = one.conditions.len() - CONDITIONS;
            why.add(Ink::Faint, &format!("and {more} more conditions"), 1);
        }
        grid.write(&[margin, name, why])?;
    }
    rest(access, (home, width), style, out)
}

/// Who is denied, and what is not known.
fn rest(
    access: &Access,
    (home, width): (&str, u16),
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut grid = Grid::new(width, &[1, 0], style.color, out);
    let mut line = |ink, text: &str, lines| {
        let [margin, mut cell] = grid.row();
        cell.add(ink, text, lines);
        grid.write(&[margin, cell])
    };
    if access.allowed.is_empty() {
        line(Ink::Plain, "Nobody is known to be allowed.", 1)?;
    }
    if access.left_out > 0 {
        line(Ink::Alarm, &format!("{} more are not listed", count(access.left_out)), 1)?;
    }
    if !access.denied.is_empty() {
        line(Ink::Strong, "denied", 1)?;
    }
    for denial in &access.denied {
        let conditions = match denial.conditions.as_slice() {
            [] => String::new(),
            all => format!(", if {}", all.join(" and ")),
        };
        line(
            Ink::Plain,
            &format!("  {} ({}){conditions}", who(&denial.principal, home), denial.by),
            3,
        )?;
    }
    line(Ink::Strong, "not known", 1)?;
    access.unknown.iter().try_for_each(|text| line(Ink::Plain, &format!("  {text}"), 4))
}
