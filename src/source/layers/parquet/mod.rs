//! The rows of a Parquet file, as text: one JSON object a line.
//!
//! Columns that no record comes from are not decoded. Pages are read one by one, so that memory is
//! bounded by a page of each column, of at most 64 MiB. What must stay true: a null is written as null, a
//! column that does not exist is not written, and whatever the file holds, nothing panics outside and no
//! stack overflows.
//!
//! Source: Apache Parquet format, version 2.12.

mod depth;
mod groups;
mod guard;
mod json;
mod page;
mod table;
#[cfg(test)]
pub(super) mod tests;
mod thrift;

use std::io::{self, Read};

use crate::model::columns;
use crate::model::window::Cut;

use super::member::broken;
use super::seek::Seekable;
use groups::{ENCRYPTED, Groups, MAGIC};

pub use table::{Table, Value};

/// Columns that a problem names.
const NAMED: usize = 20;

/// Whether a text begins like a Parquet file.
pub(super) fn begins(head: &[u8]) -> bool {
    head.starts_with(MAGIC) || head.starts_with(ENCRYPTED)
}

/// How one begins.
pub(super) const MAGICS: [&[u8]; 2] = [MAGIC, ENCRYPTED];

/// The rows of a file, as text.
pub(super) struct Rows {
    groups: Groups,
    line: Vec<u8>,
    given: usize,
    ended: bool,
}

impl Rows {
    /// Opens a file.
    pub fn open(file: Seekable) -> Result<Rows, Cut> {
        let groups = Groups::open(file, |names| match columns::can_hold_records(names) {
            true => Ok(names.iter().map(|name| columns::is_read(name)).collect()),
            false => Err(another(names)),
        })?;
        Ok(Rows { groups, line: Vec::new(), given: 0, ended: false })
    }

    /// Writes the next row; `false` at the end.
    fn next(&mut self) -> Result<bool, Cut> {
        self.line.clear();
        self.given = 0;
        let (line, mut more) = (&mut self.line, false);
        let read = self.groups.next(|row, schema| {
            json::row(row, Some(schema), line);
            line.push(b'\n');
            more = true;
        });
        if read.is_err() {
            self.line.clear();
        }
        read.map(|()| more)
    }
}

impl Read for Rows {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.given == self.line.len() && !self.ended {
            let more = self.next();
            self.ended = more != Ok(true);
            more.map_err(io::Error::other)?;
        }
        let len = out.len().min(self.line.len() - self.given);
        out[..len].copy_from_slice(&self.line[self.given..self.given + len]);
        self.given += len;
        Ok(len)
    }
}

/// What it means that a table has other columns.
fn another(names: &[&str]) -> Cut {
    let mut shown: Vec<String> =
        names.iter().take(NAMED).map(|name| name.chars().take(60).collect()).collect();
    let more = names.len() - shown.len();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    broken(format!(
        "Parquet of another schema: {}; expected OCSF API Activity or CloudTrail columns",
        shown.join(", ")
    ))
}
