//! A table in CSV: what Athena, CloudTrail Lake and Splunk save. The first line names the columns.
//!
//! What must stay true: a row is read by itself, and a quote that is not closed costs the line that
//! it is in and no other.

use std::borrow::Cow;

use super::cells::Cell;
use crate::model::columns;

/// The longest row, in bytes (4 MiB). CloudTrail writes records of up to 1 MB.
const LONGEST_ROW: usize = 4 << 20;

/// The columns of a table.
#[derive(Debug, Clone)]
pub struct Table {
    names: Vec<String>,
    delimiter: u8,
}

/// How much of a text is the next row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// So many bytes, the end of the line included.
    Row(usize),
    /// So many bytes of a line with a quote that is not closed.
    Open(usize),
    /// More text is needed to tell.
    More,
}

impl Table {
    /// The table that begins with this line; `None` if it does not name the columns of one.
    pub fn begin(line: &str) -> Option<Table> {
        [b',', b'\t'].into_iter().find_map(|delimiter| {
            let names = fields(line, delimiter).ok()?;
            let is_table = columns::are_of_records(names.iter().map(String::as_str));
            is_table.then_some(Table { names, delimiter })
        })
    }

    /// The cells of a row, by the names of their columns.
    ///
    /// # Errors
    /// When the row is no CSV, or has another number of cells than the table has columns.
    pub fn cells(&self, row: &str) -> Result<Vec<(Cow<'_, str>, Cell<'static>)>, String> {
        let fields = fields(row, self.delimiter)?;
        if fields.len() != self.names.len() {
            let (found, expected) = (fields.len(), self.names.len());
            return Err(other_width(found, expected));
        }
        let cell = |(name, text): (&'_ String, String)| {
            (Cow::Owned(name.clone()), Cell::Text(Cow::Owned(text)))
        };
        Ok(self.names.iter().zip(fields).map(cell).collect())
    }
}

/// What is wrong with a row that has another number of cells than the first one.
pub fn other_width(found: usize, expected: usize) -> String {
    format!("a row of {found} cells: expected {expected}, as the first line has")
}

/// The next row at the start of `text`. With `last`, no more text will come.
pub fn next(text: &[u8], last: bool) -> Next {
    let (mut at, mut quoted) = (0, false);
    let head = &text[..text.len().min(LONGEST_ROW)];
    while let Some(found) = memchr::memchr2(b'"', b'\n', &head[at..]) {
        at += found + 1;
        match head[at - 1] {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            _ => return Next::Row(at),
        }
    }
    match (last || text.len() > LONGEST_ROW, quoted) {
        (false, _) => Next::More,
        (true, false) if text.len() <= LONGEST_ROW => Next::Row(text.len()),
        (true, _) => match memchr::memchr(b'\n', head) {
            Some(end) => Next::Open(end + 1),
            None => Next::Open(head.len()),
        },
    }
}

/// The cells of one row.
fn fields(row: &str, delimiter: u8) -> Result<Vec<String>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(row.as_bytes());
    let mut rows = reader.records();
    let fields =
        rows.next().transpose().map_err(|error| format!("a row that is no CSV: {error}"))?;
    // A quote within a cell that is not quoted opens nothing, and the line ends at its end.
    if rows.next().is_some() {
        return Err("a row with a quote that is not closed".to_owned());
    }
    Ok(fields.iter().flatten().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_end_outside_of_quotes() {
        assert_eq!(next(b"a,\"b\nc\"\nd", false), Next::Row(8));
        assert_eq!(next(b"a,b", false), Next::More);
        assert_eq!(next(b"a,b", true), Next::Row(3));
        assert_eq!(next(b"a,\"b\nc\n", true), Next::Open(5));
        assert_eq!(next(b"a,\"b", true), Next::Open(4));
        assert_eq!(next(&vec![b'x'; LONGEST_ROW + 1], false), Next::Open(LONGEST_ROW));
    }

    #[test]
    fn a_table_is_told_by_its_columns() {
        let table = Table::begin("eventname,eventsource\r\n").unwrap();
        assert_eq!(table.cells("a,\"b\"\"c\"\n").unwrap().len(), 2);
        assert!(table.cells("a\n").unwrap_err().contains("a row of 1 cells: expected 2"));
        assert!(table.cells("a,b\"c\nd\"e,f\n").unwrap_err().contains("not closed"));
        assert!(Table::begin("\"eventName\"\t\"eventSource\"").is_some());
        assert!(Table::begin("_raw,_time").is_some() && Table::begin("eventJson").is_some());
        assert!(Table::begin("a,b").is_none() && Table::begin("message").is_none());
    }
}
