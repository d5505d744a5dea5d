//! A timeline for people: a row for each event, on as many lines as its columns take.
//!
//! The columns go side by side while there is room, and on further lines below, set off, where there is
//! not. A line of which an event has nothing is left out. What must stay true: rows are written as they
//! come, and no line is wider than the terminal.

use std::io::{self, Write};

use super::columns::Column;
use super::given::{Events, Rows};
use crate::model::occurrence::Counts;
use crate::report::Style;
use crate::report::table::fit::{count, counted};
use crate::report::table::grid::{Cell, Grid, Ink};

/// Columns where no terminal limits them.
const DEFAULT_WIDTH: u16 = 160;

/// No terminal is taken to be narrower: nothing useful fits there.
const LEAST_WIDTH: u16 = 40;

/// Columns between two columns.
const GAP: u16 = 2;

/// What stands before all lines of a row but its first; a gap follows.
const MARGIN: u16 = 1;

/// The most columns of one line.
const SIDE_BY_SIDE: usize = 12;

/// The columns of one line, with their widths; the margin is a column of its own.
struct Line {
    columns: Vec<Column>,
    widths: Vec<u16>,
    indented: bool,
}

/// Writes the table.
///
/// # Errors
/// Those of `out` and of `rows`.
pub fn write(
    events: &Events<'_>,
    rows: Rows<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let width = style.width.unwrap_or(DEFAULT_WIDTH).max(LEAST_WIDTH);
    let lines = lines(events.columns, width);
    let mut any = false;
    for row in rows.take(events.shown()) {
        let row = row?;
        if !any {
            write_row(&lines, width, style, out, |column, cell| {
                cell.add(Ink::Faint, column.as_str(), 1);
            })?;
            any = true;
        }
        write_row(&lines, width, style, out, |column, cell| column.fill(&row, cell))?;
    }
    close(events, out)
}

/// Says how much there is, and how much of it is shown.
fn close(events: &Events<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Counts { rows, records, copies } = events.counts;
    if rows == 0 {
        return writeln!(out, "No event matches.");
    }
    writeln!(out)?;
    let shown = events.shown() as u64;
    let all = counted(rows, "event");
    match rows > shown {
        true => writeln!(out, "the first {} of {all}; --limit 0 shows all", count(shown))?,
        false => writeln!(out, "{all}")?,
    }
    match records - rows {
        0 => {}
        1 => writeln!(out, "1 more record belongs to them")?,
        more => writeln!(out, "{} more records belong to them", count(more))?,
    }
    if copies > 0 {
        writeln!(
            out,
            "{} left out",
            if copies == 1 { "1 copy".to_owned() } else { format!("{} copies", count(copies)) }
        )?;
    }
    Ok(())
}

/// Shares the columns out to lines of `width`.
fn lines(columns: &[Column], width: u16) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for column in columns {
        let wish = column.wish().width.min(width - MARGIN - GAP);
        match lines.last_mut() {
            Some(line)
                if line.columns.len() < SIDE_BY_SIDE && line.taken() + GAP + wish <= width =>
            {
                line.columns.push(*column);
                line.widths.push(wish);
            }
            _ => {
                let indented = !lines.is_empty();
                lines.push(Line { columns: vec![*column], widths: vec![wish], indented });
            }
        }
    }
    lines.iter_mut().for_each(|line| line.widen(width));
    lines
}

impl Line {
    fn taken(&self) -> u16 {
        let gaps = GAP * (self.widths.len() as u16).saturating_sub(1);
        let margin = if self.indented { MARGIN + GAP } else { 0 };
        margin + gaps + self.widths.iter().sum::<u16>()
    }

    /// Gives the room that is left to the columns that can use it.
    fn widen(&mut self, width: u16) {
        let eager = self.columns.iter().filter(|column| column.wish().more).count() as u16;
        let room = width.saturating_sub(self.taken());
        let Some(share) = room.checked_div(eager) else { return };
        let mut spare = room % eager;
        for (column, width) in self.columns.iter().zip(&mut self.widths) {
            if column.wish().more {
                *width += share + u16::from(spare > 0);
                spare = spare.saturating_sub(1);
            }
        }
    }
}

fn write_row(
    lines: &[Line],
    width: u16,
    style: &Style,
    out: &mut dyn Write,
    fill: impl Fn(Column, &mut Cell),
) -> io::Result<()> {
    for line in lines {
        let margin = line.indented.then_some(MARGIN);
        let widths: Vec<u16> = margin.into_iter().chain(line.widths.iter().copied()).collect();
        let mut grid = Grid::new(width, &widths, style.color, out);
        let cells: [Cell; SIDE_BY_SIDE + 1] = grid.row();
        let mut cells: Vec<Cell> = cells.into_iter().take(widths.len()).collect();
        let filled = cells.iter_mut().skip(usize::from(line.indented));
        filled.zip(&line.columns).for_each(|(cell, column)| fill(*column, cell));
        if cells.iter().any(|cell| cell.height() > 0) {
            grid.write(&cells)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_its_place_and_no_line_is_too_wide() {
        for width in [40, 80, 100, 160, 200, 400] {
            for columns in [&Column::SHOWN[..], &Column::ALL[..], &[Column::Id][..]] {
                let lines = lines(columns, width);
                assert!(lines.iter().all(|line| line.taken() <= width), "{width}");
                let placed: Vec<Column> = lines.into_iter().flat_map(|line| line.columns).collect();
                assert_eq!(placed, columns);
            }
        }
    }

    #[test]
    fn usual_terminals_are_used_well() {
        let per_line = |width| -> Vec<usize> {
            lines(&Column::SHOWN, width).iter().map(|line| line.columns.len()).collect()
        };
        assert_eq!(per_line(160), [7]);
        assert_eq!(per_line(80), [3, 3, 1]);
        assert!(lines(&Column::SHOWN, 160).iter().all(|line| line.taken() == 160));
    }
}
