//! Rows of CSV (RFC 4180), safe to open in a spreadsheet and to look at in a terminal.
//!
//! A spreadsheet runs a cell that begins like a formula. So an apostrophe is put before it, which
//! spreadsheets take for "this is text". What must stay true: no cell begins with a character that a
//! spreadsheet acts on, and no hidden character comes out raw.

use std::io::{self, Write};

use super::escape::visible;

/// What a formula or a command begins with.
const BEGINS: [char; 4] = ['=', '+', '-', '@'];

/// Writes a row.
///
/// # Errors
/// Those of `out`.
pub fn write_row<T: AsRef<str>>(
    cells: impl IntoIterator<Item = T>,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (number, cell) in cells.into_iter().enumerate() {
        let comma = if number > 0 { "," } else { "" };
        write!(out, "{comma}{}", quoted(&visible(cell.as_ref())))?;
    }
    out.write_all(b"\r\n")
}

/// A cell as it is written.
fn quoted(text: &str) -> String {
    // A spreadsheet may drop the spaces before it looks.
    let runs = text.trim_start().starts_with(BEGINS) && text.parse::<f64>().is_err();
    let defused = if runs { format!("'{text}") } else { text.to_owned() };
    let plain = !defused.contains([',', '"']) && defused.trim() == defused;
    if plain { defused } else { format!("\"{}\"", defused.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_defused_and_visible() {
        let cells =
            ["a", "b,c", "say \"x\"", "=1+1", " @x", "-5", "-x", "two\nlines", "\u{1b}[2J", ""];
        let mut out = Vec::new();
        write_row(cells, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "a,\"b,c\",\"say \"\"x\"\"\",'=1+1,' @x,-5,'-x,two\\nlines,\\x1b[2J,\r\n");
    }
}
