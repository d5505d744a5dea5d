//! Rows for spreadsheets.
//!
//! A spreadsheet runs a cell that begins like a formula, and whoever acts in an account writes what is
//! in its log ("CSV injection", OWASP). What must stay true: no cell that comes from a log begins so,
//! and none holds a character that a terminal would act on.

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

/// The cell with a quote before it, if a spreadsheet would take it for a formula.
fn defused(cell: &str) -> String {
    let begins = cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if begins { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_text_and_cells_stay_cells() {
        let mut out = Vec::new();
        let mut rows = Rows::new(&mut out);
        let cells = ["=1+1", " @x", "-1", "+1", "a,b", "a\"b", "a\nb", "\u{202e}x", "plain", ""];
        rows.row(cells.map(String::from)).unwrap();
        rows.finish().unwrap();
        let text = String::from_utf8(out).unwrap();
        let expected = "'=1+1,' @x,'-1,'+1,\"a,b\",\"a\"\"b\",a\\nb,\\u{202e}x,plain,\n";
        assert_eq!(text, expected);
    }
}
