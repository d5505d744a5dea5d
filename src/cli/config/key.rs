//! What a key of `keytrail.toml` is: its name, its form, and what is said of it.
//!
//! The keys themselves stand in [`keys`](super::keys). What must stay true: whatever speaks of a key
//! (the reader, the template, the schema, the manual) takes it from there, so that none of them
//! knows a key that the others do not.

/// A table of the file.
#[derive(Debug)]
pub struct Table {
    /// As it is written from the top of the file, such as `accounts` or `tags.governed`.
    pub name: &'static str,
    /// How it is written.
    pub shape: Shape,
    /// A sentence or two.
    pub about: &'static str,
    /// What may stand in it.
    pub keys: &'static [Key],
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `[accounts]`.
    One,
    /// `[secrets_buckets.NAME]`, where the user gives the name; here is one.
    Named(&'static str),
    /// `[[suppress]]`, as often as the user likes.
    Listed,
}

/// A key of a table.
#[derive(Debug)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// A value, as TOML: the default where there is one that can be written, else an example.
    pub example: &'static str,
    /// A sentence or two: what it is for, and what holds without it.
    pub about: &'static str,
    /// Whether the table is of no use without it.
    pub required: bool,
}

impl Key {
    /// A key that may be left out.
    pub const fn new(
        name: &'static str,
        kind: Kind,
        example: &'static str,
        about: &'static str,
    ) -> Key {
        Key { name, kind, example, about, required: false }
    }

    /// The same key where it must be there.
    pub const fn required(self) -> Key {
        Key { required: true, ..self }
    }
}

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A text of some form.
    Text(&'static Form),
    /// A list of them.
    Texts(&'static Form),
    /// A table whose keys are the user's, each with a list of texts.
    TextsByName,
    /// A whole number from the first to the second.
    Number(i64, i64),
    /// A number of seconds, or a text such as `"12h"`.
    Age,
    /// `true` or `false`.
    Flag,
    /// A day of the calendar.
    Day,
}

/// The form of a text.
#[derive(Debug)]
pub struct Form {
    /// What it is, in words.
    pub what: &'static str,
    /// A regular expression that every text of this form fits. Others may fit it too: the reader is
    /// the judge, and an editor is told early what is surely wrong.
    pub pattern: &'static str,
    /// The text as it is meant, or what is wrong with it.
    pub read: fn(&str) -> Result<String, String>,
}
