//! Columns of fixed width without lines between them, drawn with comfy-table.
//!
//! The widths are fixed before the first row, and every text is fitted to them. So rows are written
//! as they come: a table of all findings in memory would cost many times the findings.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{ColumnConstraint, ContentArrangement, TableStyle, Width};

use super::fit::fit;
use crate::model::level::Level;
use crate::report::escape::visible;
use crate::report::link;

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

/// Stands on both sides of a word that becomes a link once the columns are measured: it takes none, and
/// no text has it, since it is escaped.
const MARK: &str = "\u{2060}";

/// A word, and the page that it leads to where a terminal makes links of text.
pub type Leads = (String, String);

/// A cell that is being filled, line by line.
#[derive(Debug)]
pub struct Cell {
    width: usize,
    lines: Vec<CellLine>,
}

/// A line that is as wide as it may be, and which of its words lead to a page.
#[derive(Debug)]
struct CellLine {
    ink: Ink,
    text: String,
    leads: Vec<Leads>,
}

impl Cell {
    /// Adds `text` on at most `lines` lines.
    pub fn add(&mut self, ink: Ink, text: &str, lines: usize) {
        self.add_leading(ink, text, lines, &[]);
    }

    /// The same, and makes links of words in it. A word that takes the whole text is a link on each of
    /// its lines; of others those that are whole on one.
    pub fn add_leading(&mut self, ink: Ink, text: &str, lines: usize, leads: &[Leads]) {
        let all = leads.iter().find(|(word, _)| word == text);
        self.lines.extend(fit(text, self.width, lines).into_iter().map(|text| CellLine {
            ink,
            leads: all.map_or_else(|| leads.to_vec(), |(_, url)| vec![(text.clone(), url.clone())]),
            text,
        }));
    }

    /// Adds empty lines until there are `height`.
    pub fn pad(&mut self, height: usize) {
        while self.lines.len() < height {
            self.lines.push(CellLine { ink: Ink::Plain, text: String::new(), leads: Vec::new() });
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
        let gaps = GAP.saturating_mul((fixed.len() as u16).saturating_sub(1));
        // A text may say any width; none is wider than all of the grid.
        let fixed = || fixed.iter().map(|&wanted| wanted.min(width));
        let taken = fixed().fold(gaps, u16::saturating_add);
        let rest = width.saturating_sub(taken);
        let shares = fixed().filter(|wanted| *wanted == 0).count() as u16;
        let share = rest.checked_div(shares).unwrap_or(0);
        let mut spare = rest.checked_rem(shares).unwrap_or(0);
        let widths = fixed().map(|wanted| {
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
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(
                width.saturating_add(GAP),
            )));
        }
        for (number, line) in table.lines().enumerate() {
            let of_line = cells.iter().filter_map(|cell| cell.lines.get(number));
            let urls = of_line.flat_map(|line| line.marked().1);
            writeln!(self.out, "{}", linked(line.trim_end(), urls))?;
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
        let paint = |line: &CellLine| match (line.ink.style(), line.marked().0) {
            (style, text) if self.color && !text.is_empty() => format!("{style}{text}{style:#}"),
            (_, text) => text,
        };
        cell.lines.iter().map(paint).collect::<Vec<_>>().join("\n")
    }
}

impl CellLine {
    /// The text with marks around the words that lead to a page, and these pages in the same order.
    fn marked(&self) -> (String, Vec<&str>) {
        let place = |(word, url): &'_ Leads| {
            let word = visible(word).into_owned();
            link::may_be_link(url).then_some(())?;
            Some((place(&self.text, &word)?, word))
        };
        let mut places: Vec<_> =
            self.leads.iter().filter_map(|leads| Some((place(leads)?, leads.1.as_str()))).collect();
        places.sort();
        let (mut text, mut urls, mut done) = (String::new(), Vec::new(), 0);
        for ((at, word), url) in places {
            let Some(before) = self.text.get(done..at) else { continue };
            text.extend([before, MARK, word.as_str(), MARK]);
            urls.push(url);
            done = at + word.len();
        }
        text.push_str(self.text.get(done..).unwrap_or_default());
        (text, urls)
    }
}

/// A line as it was drawn, with links in place of the marks.
fn linked<'u>(line: &str, urls: impl Iterator<Item = &'u str>) -> String {
    let mut parts = line.split(MARK);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for url in urls {
        let (word, behind) = (parts.next(), parts.next());
        text.push_str(&link::linked(word.unwrap_or_default(), url));
        text.push_str(behind.unwrap_or_default());
    }
    text
}

/// Where a word stands that is no part of a longer one.
fn place(text: &str, word: &str) -> Option<usize> {
    let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '…');
    let is_whole = |at: &usize| {
        let (before, from) = text.split_at(*at);
        let behind = from.get(word.len()..).unwrap_or_default();
        !before.ends_with(goes_on) && !behind.starts_with(goes_on)
    };
    if word.is_empty() {
        return None;
    }
    text.match_indices(word).map(|(at, _)| at).find(is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://example.com/page";

    fn drawn(text: &str, lines: usize, leads: &[(&str, &str)]) -> String {
        let leads: Vec<Leads> =
            leads.iter().map(|(word, url)| ((*word).to_owned(), (*url).to_owned())).collect();
        let mut out = Vec::new();
        let mut grid = Grid::new(20, &[12, 0], false, &mut out);
        let [mut one, mut next] = grid.row();
        one.add_leading(Ink::Plain, text, lines, &leads);
        next.add(Ink::Plain, "next", 1);
        grid.write(&[one, next]).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// What is left of a text when its links to the page are gone.
    fn unlinked(text: &str) -> String {
        text.replace(&format!("\x1b]8;;{PAGE}\x1b\\"), "").replace("\x1b]8;;\x1b\\", "")
    }

    #[test]
    fn links_take_no_columns() {
        let plain = drawn("rule-a +1", 1, &[]);
        assert_eq!(plain, "rule-a +1     next\n");
        let shown = drawn("rule-a +1", 1, &[("rule-a", PAGE)]);
        assert!(shown.starts_with(&(link::linked("rule-a", PAGE) + " +1     next")), "{shown:?}");
        assert_eq!(unlinked(&shown), plain);
        // On each of its lines, and none for what is a part of another word or cut.
        let two = drawn("long-rule-of-two", 2, &[("long-rule-of-two", PAGE)]);
        assert_eq!((two.matches(PAGE).count(), two.lines().count()), (2, 2), "{two:?}");
        assert_eq!(drawn("rule-abc", 1, &[("rule-a", PAGE)]).matches('\x1b').count(), 0);
        let several = drawn("b-1, b-2", 1, &[("b-2", PAGE), ("b-1", PAGE)]);
        assert_eq!((several.matches(PAGE).count(), unlinked(&several).trim_end().len()), (2, 18));
    }

    #[test]
    fn no_text_has_the_mark() {
        assert!(!drawn(&format!("a{MARK}b{MARK}"), 2, &[]).contains(MARK));
    }

    #[test]
    fn nothing_hostile_becomes_a_link_or_ends_one() {
        for url in ["http://example.com", "https://a\x1b\\b", "https://a b", "javascript:x"] {
            assert!(!drawn("rule-a", 1, &[("rule-a", url)]).contains('\x1b'), "{url:?}");
        }
        let word = "a\x1b]8;;\x1b\\";
        let shown = drawn(word, 3, &[(word, PAGE)]);
        assert!(!unlinked(&shown).contains('\x1b'), "{shown:?}");
    }
}
