//! Columns of fixed width without lines between them, drawn with comfy-table.
//!
//! The widths are fixed before the first row, and every text is fitted to them. So rows are written
//! as they come: a table of all findings in memory would cost many times the findings.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{ColumnConstraint, ContentArrangement, TableStyle, Width};

use super::fit::fit;
use crate::model::level::Level;

/// Columns between two columns.
const GAP: u16 = 2;

/// How a text is emphasised, by what it is.
#[derive(Debug, Clone, Copy)]
pub enum Ink {
    /// As it is.
    Plain,
    /// What the eye should find first.
    Strong,
    /// Labels and what matters less.
    Faint,
    /// What must not be missed.
    Alarm,
    /// A level, in its colour.
    Of(Level),
}

impl Ink {
    fn style(self) -> Style {
        let colored = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Ink::Plain => Style::new(),
            Ink::Strong => Style::new().bold(),
            Ink::Alarm | Ink::Of(Level::Critical) => colored(AnsiColor::Red).bold(),
            Ink::Of(Level::High) => colored(AnsiColor::Red),
            Ink::Of(Level::Medium) => colored(AnsiColor::Yellow),
            Ink::Of(Level::Low) => colored(AnsiColor::Blue),
            Ink::Faint | Ink::Of(Level::Informational) => Style::new().dimmed(),
        }
    }
}

/// A cell that is being filled, line by line.
#[derive(Debug)]
pub struct Cell {
    width: usize,
    lines: Vec<(Ink, String)>,
}

impl Cell {
    /// Adds `text` on at most `lines` lines.
    pub fn add(&mut self, ink: Ink, text: &str, lines: usize) {
        self.lines.extend(fit(text, self.width, lines).into_iter().map(|line| (ink, line)));
    }

    /// Adds empty lines until there are `height`.
    pub fn pad(&mut self, height: usize) {
        while self.lines.len() < height {
            self.lines.push((Ink::Plain, String::new()));
        }
    }

    /// How many lines there are.
    pub fn height(&self) -> usize {
        self.lines.len()
    }

    /// The columns a line may take.
    pub fn width(&self) -> usize {
        self.width
    }
}

/// Where rows go, and how wide their cells are.
pub struct Grid<'a> {
    widths: Vec<u16>,
    color: bool,
    out: &'a mut dyn Write,
}

impl<'a> Grid<'a> {
    /// A grid of `width` columns of text: the `fixed` columns as wide as given, each 0 among them
    /// getting an equal share of the rest.
    pub fn new(width: u16, fixed: &[u16], color: bool, out: &'a mut dyn Write) -> Self {
        let gaps = GAP * (fixed.len() as u16).saturating_sub(1);
        let rest = width.saturating_sub(gaps + fixed.iter().sum::<u16>());
        let shares = fixed.iter().filter(|&&wanted| wanted == 0).count() as u16;
        let share = rest.checked_div(shares).unwrap_or(0);
        let mut spare = rest.checked_rem(shares).unwrap_or(0);
        let widths = fixed.iter().map(|&wanted| {
            let more = u16::from(wanted == 0 && spare > 0);
            spare -= more;
            if wanted == 0 { share + more } else { wanted }
        });
        Grid { widths: widths.collect(), color, out }
    }

    /// An empty row.
    pub fn row<const N: usize>(&self) -> [Cell; N] {
        std::array::from_fn(|column| {
            let width = self.widths.get(column).copied().unwrap_or(GAP);
            Cell { width: width.into(), lines: Vec::new() }
        })
    }

    /// Draws a row.
    ///
    /// # Errors
    /// Those of the output.
    pub fn write(&mut self, cells: &[Cell]) -> io::Result<()> {
        let mut table = comfy_table::Table::new();
        table.load_style(TableStyle::default());
        table.load_style(comfy_table::presets::NOTHING);
        // Styles are in the texts; nothing is to be looked up in the environment.
        table.force_no_tty();
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.add_row(cells.iter().map(|cell| self.painted(cell)));
        for (column, &width) in table.column_iter_mut().zip(&self.widths) {
            column.set_padding((0, GAP));
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width + GAP)));
        }
        for line in table.lines() {
            writeln!(self.out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// An empty line.
    ///
    /// # Errors
    /// Those of the output.
    pub fn gap(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    fn painted(&self, cell: &Cell) -> String {
        let paint = |(ink, line): &(Ink, String)| match ink.style() {
            style if self.color && !line.is_empty() => format!("{style}{line}{style:#}"),
            _ => line.clone(),
        };
        cell.lines.iter().map(paint).collect::<Vec<_>>().join("\n")
    }
}
