//! Rows for spreadsheets.
//!
//! A spreadsheet runs a cell that begins like a formula, and whoever acts in an account writes what is
//! in its log ("CSV injection", OWASP). Where a comma is the decimal sign, spreadsheets split a file at
//! semicolons, whatever quotes say. What must stay true: no cell that comes from a log begins so, nor
//! what follows a semicolon in it; none holds a character that a terminal would act on; and the text can
//! be had back.

use std::io::{self, Write};

use super::escape::visible;

/// A writer of rows.
pub struct Rows<'a>(csv::Writer<&'a mut dyn Write>);

impl<'a> Rows<'a> {
    /// One that writes to `out`.
    pub fn new(out: &'a mut dyn Write) -> Rows<'a> {
        Rows(csv::Writer::from_writer(out))
    }

    /// Writes a row.
    ///
    /// # Errors
    /// Those of the output.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) -> io::Result<()> {
        let cells = cells.into_iter().map(|cell| defused(&visible(&cell)));
        self.0.write_record(cells).map_err(io::Error::from)
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The cell with a quote before each of its pieces that a spreadsheet would take for a formula.
fn defused(cell: &str) -> String {
    let pieces = cell.split(';').map(|piece| match is_formula(piece) {
        true => format!("'{piece}"),
        false => piece.to_owned(),
    });
    pieces.collect::<Vec<_>>().join(";")
}

/// Whether a piece is a formula, as it is or without the quotes before it: a spreadsheet may take them
/// off, and so does whoever wants the text back.
fn is_formula(piece: &str) -> bool {
    let begins = piece.trim_start_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    begins.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The text of a cell: of a piece that is a formula, the first quote is none of it.
    fn text_of(cell: &str) -> String {
        let text = |piece: &str| match piece.strip_prefix('\'') {
            Some(rest) if is_formula(piece) => rest.to_owned(),
            _ => piece.to_owned(),
        };
        cell.split(';').map(text).collect::<Vec<_>>().join(";")
    }

    /// The cells of a line where cells end at a semicolon. Only a quote with which a cell begins is one;
    /// what follows its end belongs to the cell.
    fn cells_at_semicolons(line: &str) -> Vec<String> {
        let mut reader = ::csv::ReaderBuilder::new();
        let mut reader = reader.has_headers(false).delimiter(b';').from_reader(line.as_bytes());
        let row = reader.records().next();
        row.map_or(Vec::new(), |row| row.unwrap().iter().map(str::to_owned).collect())
    }

    proptest! {
        #[test]
        fn no_spreadsheet_runs_a_cell_and_the_text_can_be_had_back(
            text in "[=+@;,\"' \ta\u{ff1d}-]{0,12}", other in "[=;\"a]{0,4}",
        ) {
            let mut out = Vec::new();
            let mut rows = Rows::new(&mut out);
            rows.row(["first".to_owned(), text.clone(), other]).unwrap();
            rows.finish().unwrap();
            let line = String::from_utf8(out).unwrap();
            for cell in cells_at_semicolons(&line) {
                let run = cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
                prop_assert!(!run, "{line}: {cell}");
            }
            let mut reader = ::csv::ReaderBuilder::new();
            let mut reader = reader.has_headers(false).from_reader(line.as_bytes());
            let row = reader.records().next().unwrap().unwrap();
            prop_assert_eq!(text_of(&row[1]), visible(&text));
        }
    }

    #[test]
    fn formulas_are_text_and_cells_stay_cells() {
        let mut out = Vec::new();
        let mut rows = Rows::new(&mut out);
        let cells = [
            "=1+1",
            " @x",
            "-1",
            "+1",
            "a,b",
            "a\"b",
            "a\nb",
            "\u{202e}x",
            "plain",
            "",
            "a;=1;b; @c;\"=d",
            "'=1",
        ];
        rows.row(cells.map(String::from)).unwrap();
        rows.finish().unwrap();
        let text = String::from_utf8(out).unwrap();
        let expected = "'=1+1,' @x,'-1,'+1,\"a,b\",\"a\"\"b\",a\\nb,\\u{202e}x,plain,,\"a;'=1;b;' @c;'\"\"=d\",''=1\n";
        assert_eq!(text, expected);
    }
}
