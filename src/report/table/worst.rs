//! How many findings there are about something, in a cell: those of the worst level, and the others.

use std::collections::BTreeMap;

use super::fit::{count, counted};
use super::grid::{Cell, Ink};
use crate::model::level::Level;

/// `2 critical`, and `3 others` below.
pub fn add(findings: &BTreeMap<Level, u64>, cell: &mut Cell) {
    let Some((level, worst)) = findings.last_key_value() else { return };
    cell.add(Ink::Of(*level), &format!("{} {level}", count(*worst)), 2);
    let others = findings.values().sum::<u64>() - worst;
    if others > 0 {
        cell.add(Ink::Faint, &counted(others, "other"), 2);
    }
}
