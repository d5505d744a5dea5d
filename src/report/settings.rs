//! The effective settings: a table for people, a document for programs.
//!
//! What must stay true: each setting is there, also one that nobody made, and says where it comes from.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::table::grid::{Grid, Ink};
use super::{Style, json};

/// A value of a file or a pipe takes as many columns at most.
const VALUE_MAX: usize = 60;

/// A name or a place takes as many columns at most.
const NAME_MAX: usize = 40;

/// A value takes as many lines at most.
const LINES: usize = 4;

/// A setting.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Setting {
    /// The name of its key, or the option that makes it.
    pub name: String,
    /// Its value; nothing where it is not set.
    pub value: Value,
    /// The value as it would be written.
    #[serde(skip)]
    pub text: String,
    /// Where it comes from.
    pub from: From,
}

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum From {
    /// An option.
    Option {
        /// As it is typed.
        name: String,
    },
    /// A variable of the environment.
    Variable {
        /// Its name.
        name: &'static str,
    },
    /// The configuration.
    File {
        /// `FILE:LINE`.
        place: String,
    },
    /// Nobody said anything.
    Default,
}

impl From {
    /// In words.
    pub fn text(&self) -> &str {
        match self {
            From::Option { name } => name,
            From::Variable { name } => name,
            From::File { place } => place,
            From::Default => "default",
        }
    }
}

/// The name and version of the document.
pub const SCHEMA: &str = "keytrail.config/v1";

/// The document.
#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'a> {
    /// The name and version of this form.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// The configuration that was read; `null` if there is none.
    file: Option<&'a str>,
    /// Every setting, also one that nobody made.
    settings: &'a [Setting],
}

/// Writes the document. `file` is the configuration that was read.
///
/// # Errors
/// Those of `out`.
pub fn write_json(file: Option<&str>, settings: &[Setting], out: &mut dyn Write) -> io::Result<()> {
    json::write_document(&Document { schema: SCHEMA, file, settings }, out)
}

/// Writes the schema of the configuration.
///
/// # Errors
/// Those of `out`.
pub fn write_schema(schema: &Value, out: &mut dyn Write) -> io::Result<()> {
    json::write_document(schema, out)
}

/// Writes the table.
///
/// # Errors
/// Those of `out`.
pub fn write_table(settings: &[Setting], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let longest = |text: fn(&Setting) -> &str, most: usize| {
        let longest = settings.iter().map(|setting| text(setting).chars().count()).max();
        u16::try_from(longest.unwrap_or(0).min(most)).unwrap_or(u16::MAX)
    };
    let (name, from) = (longest(|s| &s.name, NAME_MAX), longest(|s| s.from.text(), NAME_MAX));
    let value = longest(|s| &s.text, VALUE_MAX);
    let widths = match style.width {
        None => [name, value, from],
        // What is left, and a fair share where not even the names have room.
        Some(width) if u32::from(width) >= u32::from(name + from) * 4 / 3 => [name, 0, from],
        Some(_) => [0, 0, 0],
    };
    let width = style.width.unwrap_or(u16::MAX);
    let mut grid = Grid::new(width, &widths, style.color, out);
    let mut row = |inks: [Ink; 3], texts: [&str; 3]| {
        let mut cells = grid.row::<3>();
        for ((cell, ink), text) in cells.iter_mut().zip(inks).zip(texts) {
            cell.add(ink, text, LINES);
        }
        grid.write(&cells)
    };
    row([Ink::Faint; 3], ["SETTING", "VALUE", "FROM"])?;
    for setting in settings {
        let made = setting.from != From::Default;
        let inks = if made { [Ink::Strong, Ink::Plain, Ink::Plain] } else { [Ink::Faint; 3] };
        row(inks, [&setting.name, &setting.text, setting.from.text()])?;
    }
    Ok(())
}
