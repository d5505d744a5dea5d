//! A row on as many lines as its columns take.
//!
//! The columns go side by side while there is room, and on further lines below, set off, where there is
//! not. A line of which a row has nothing is left out. What must stay true: no line is wider than the
//! terminal, and every column has its place.

use std::io::{self, Write};

use super::grid::{Cell, Grid, Ink};
use crate::report::Style;

/// Columns where no terminal limits them.
const DEFAULT_WIDTH: u16 = 160;

/// No terminal is taken to be narrower: nothing useful fits there.
const LEAST_WIDTH: u16 = 40;

/// Columns between two columns.
const GAP: u16 = 2;

/// What stands before all lines of a row but its first; a gap follows.
const MARGIN: u16 = 1;

/// The most lines of a sentence.
const SENTENCE: usize = 4;

/// The most columns of one line.
const SIDE_BY_SIDE: usize = 16;

/// How wide a column wants to be.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// Columns of text that suit most values.
    pub width: u16,
    /// Whether more is of use.
    pub more: bool,
}

/// Where each column is.
#[derive(Debug)]
pub struct Packed {
    lines: Vec<Line>,
    width: u16,
    color: bool,
}

/// Some columns side by side, by their numbers.
#[derive(Debug)]
struct Line {
    columns: Vec<usize>,
    widths: Vec<u16>,
    eager: Vec<bool>,
    indented: bool,
}

impl Packed {
    /// Writes a sentence, on as many lines as it takes.
    pub fn say(&self, text: &str, out: &mut dyn Write) -> io::Result<()> {
        let mut grid = Grid::new(self.width, &[0], self.color, out);
        let [mut cell] = grid.row();
        cell.add(Ink::Plain, text, SENTENCE);
        grid.write(&[cell])
    }

    /// Shares columns out to lines.
    pub fn new(wishes: &[Wish], style: &Style) -> Packed {
        let width = style.width.unwrap_or(DEFAULT_WIDTH).max(LEAST_WIDTH);
        let mut lines: Vec<Line> = Vec::new();
        for (column, wish) in wishes.iter().enumerate() {
            let wanted = wish.width.min(width - MARGIN - GAP);
            let fits = |line: &&mut Line| {
                line.columns.len() < SIDE_BY_SIDE && line.taken() + GAP + wanted <= width
            };
            match lines.last_mut().filter(fits) {
                Some(line) => line.add(column, wanted, wish.more),
                None => {
                    let (columns, widths, eager) = Default::default();
                    let mut line = Line { columns, widths, eager, indented: !lines.is_empty() };
                    line.add(column, wanted, wish.more);
                    lines.push(line);
                }
            }
        }
        lines.iter_mut().for_each(|line| line.widen(width));
        Packed { lines, width, color: style.color }
    }

    /// Writes a row; `fill` fills the cell of a column.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write, fill: impl Fn(usize, &mut Cell)) -> io::Result<()> {
        for line in &self.lines {
            let margin = line.indented.then_some(MARGIN);
            let widths: Vec<u16> = margin.into_iter().chain(line.widths.iter().copied()).collect();
            let mut grid = Grid::new(self.width, &widths, self.color, out);
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
}

impl Line {
    fn add(&mut self, column: usize, width: u16, eager: bool) {
        self.columns.push(column);
        self.widths.push(width);
        self.eager.push(eager);
    }

    fn taken(&self) -> u16 {
        let gaps = GAP * (self.widths.len() as u16).saturating_sub(1);
        let margin = if self.indented { MARGIN + GAP } else { 0 };
        margin + gaps + self.widths.iter().sum::<u16>()
    }

    /// Gives the room that is left to the columns that can use it.
    fn widen(&mut self, width: u16) {
        let eager = self.eager.iter().filter(|eager| **eager).count() as u16;
        let room = width.saturating_sub(self.taken());
        let Some(share) = room.checked_div(eager) else { return };
        let mut spare = room % eager;
        for (width, _) in self.widths.iter_mut().zip(&self.eager).filter(|(_, eager)| **eager) {
            *width += share + u16::from(spare > 0);
            spare = spare.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_its_place_and_no_line_is_too_wide() {
        let wishes: Vec<Wish> =
            [20, 13, 500, 7, 36].map(|width| Wish { width, more: width > 10 }).into();
        for width in [40, 80, 100, 160, 400] {
            for count in 1..=wishes.len() {
                let style = Style { width: Some(width), ..Style::default() };
                let packed = Packed::new(&wishes[..count], &style);
                assert!(packed.lines.iter().all(|line| line.taken() <= width), "{width}");
                let placed = packed.lines.iter().flat_map(|line| line.columns.clone());
                assert_eq!(placed.collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
            }
        }
    }
}
