//! What a column of a table is called and holds, and a value of it.
//!
//! What must stay true: a column keeps its name, its type and its meaning. New ones come at the end.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An instant, in microseconds, UTC.
    Time,
    /// Text in UTF-8.
    Text,
    /// A number of 64 bits.
    Number,
    /// True or false.
    Flag,
}

impl Kind {
    /// The name of the type in the manual, which is that of DuckDB.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Time => "TIMESTAMPTZ",
            Kind::Text => "VARCHAR",
            Kind::Number => "BIGINT",
            Kind::Flag => "BOOLEAN",
        }
    }

    /// The type in the language of Parquet's schemas, and what it means.
    fn in_schema(self) -> (&'static str, &'static str) {
        match self {
            Kind::Time => ("int64", " (TIMESTAMP(MICROS,true))"),
            Kind::Text => ("binary", " (STRING)"),
            Kind::Number => ("int64", ""),
            Kind::Flag => ("boolean", ""),
        }
    }
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be null.
    pub may_be_null: bool,
    /// What it means, for the manual.
    pub means: &'static str,
}

impl Column {
    /// The column in the language of Parquet's schemas.
    pub(super) fn in_schema(&self) -> String {
        let Column { name, kind, may_be_null, .. } = self;
        let need = if *may_be_null { "optional" } else { "required" };
        let (kind, means) = kind.in_schema();
        format!("{need} {kind} {name}{means}; ")
    }
}

/// A value of a row; `None` becomes null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'c> {
    /// Of [`Kind::Text`].
    Text(Option<&'c str>),
    /// Of [`Kind::Number`], and of [`Kind::Time`] in microseconds since 1970.
    Number(Option<i64>),
    /// Of [`Kind::Flag`].
    Flag(bool),
}

impl Cell<'_> {
    /// A number that is never so large that it does not fit.
    pub fn count(number: u64) -> Cell<'static> {
        Cell::Number(Some(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}
