//! The rows of a table that the program knows: a list of files, an inventory.
//!
//! A table of ours may lie where others write too, so that it is read with the same care as a log.

use std::fs::File;

use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;
use parquet::record::Field;

use super::groups::Groups;
use crate::source::layers::member::broken;
use crate::source::layers::seek::Seekable;

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// None, or none of those below.
    Null,
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// True or false.
    Flag(bool),
}

impl Value {
    fn of(field: &Field) -> Value {
        match field {
            Field::Str(text) => Value::Text(text.clone()),
            Field::Bytes(bytes) => {
                bytes.as_utf8().map_or(Value::Null, |text| Value::Text(text.to_owned()))
            }
            Field::Long(number) => Value::Number(*number),
            Field::Int(number) => Value::Number((*number).into()),
            Field::Bool(flag) => Value::Flag(*flag),
            _ => Value::Null,
        }
    }

    /// The text, if it is one.
    pub fn text(self) -> Option<String> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// The number, if it is one that is not negative.
    pub fn count(&self) -> Option<u64> {
        if let Value::Number(number) = self { u64::try_from(*number).ok() } else { None }
    }
}

/// A Parquet file on disk, of which some columns are read.
pub struct Table {
    groups: Groups,
    /// For each column that was asked for, its place in a row of what is read.
    places: Vec<Option<usize>>,
    /// Only groups with this number in the column of that name.
    only: Option<(&'static str, i64)>,
}

impl Table {
    /// Opens a file. Rows have the values of `columns`, in that order.
    ///
    /// # Errors
    /// As words: what is no Parquet file, and one that has none of the columns.
    pub fn open(file: File, columns: &[&str]) -> Result<Table, String> {
        let size = file.metadata().map_err(|error| format!("cannot be read: {error}"))?.len();
        let mut places = Vec::new();
        let groups = Groups::open(Seekable::of_file(file, size), |names| {
            let wanted: Vec<bool> = names.iter().map(|name| columns.contains(name)).collect();
            let read = || names.iter().zip(&wanted).filter(|(_, wanted)| **wanted);
            let place = |column| read().position(|(name, _)| name == column);
            places = columns.iter().map(place).collect();
            match places.iter().any(Option::is_some) {
                true => Ok(wanted),
                false => Err(broken(format!("expected the columns {}", columns.join(", ")))),
            }
        });
        Ok(Table { groups: groups.map_err(|cut| cut.message)?, places, only: None })
    }

    /// Reads only groups of rows that may have this number in the column of that name, as far as the file
    /// tells.
    pub fn only(mut self, column: &'static str, number: i64) -> Table {
        self.only = Some((column, number));
        self
    }

    /// The next row; `None` at the end. A column that is not there has nulls.
    ///
    /// # Errors
    /// As words: what is damaged. Nothing is read behind it.
    pub fn next_row(&mut self) -> Result<Option<Vec<Value>>, String> {
        let (places, only, mut found) = (&self.places, self.only, None);
        let is_wanted = |group: &RowGroupMetaData| only.is_none_or(|only| may_have(group, only));
        let read = self.groups.next_of(is_wanted, |row, _| {
            let fields: Vec<&Field> = row.get_column_iter().map(|(_, field)| field).collect();
            let value = |place: &Option<usize>| {
                place.and_then(|at| fields.get(at)).map_or(Value::Null, |field| Value::of(field))
            };
            found = Some(places.iter().map(value).collect());
        });
        read.map(|()| found).map_err(|cut| cut.message)
    }
}

/// Whether a group of rows may have a number in a column.
fn may_have(group: &RowGroupMetaData, (name, number): (&str, i64)) -> bool {
    let columns = group.columns().iter();
    let column = columns.into_iter().find(|column| column.column_path().string() == name);
    match column.and_then(|column| column.statistics()) {
        Some(Statistics::Int64(told)) => {
            told.min_opt().is_none_or(|min| *min <= number)
                && told.max_opt().is_none_or(|max| *max >= number)
        }
        _ => true,
    }
}
