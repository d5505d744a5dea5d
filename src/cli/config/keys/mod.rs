//! Every table and key of `keytrail.toml`, in the order in which the template and the manual have them.
//!
//! What must stay true: a key is described here and nowhere else. The reader asks for it by name, and
//! what it does not find here it does not know.

mod organisation;
mod run;

pub use run::AGE_MAX;

use super::key::{Key, Shape, Table};

/// All tables.
pub static TABLES: &[&Table] = &[
    &organisation::ACCOUNTS,
    &organisation::REGIONS,
    &organisation::GOVERNED,
    &organisation::SHARED,
    &organisation::ALIASES,
    &organisation::ROLES,
    &organisation::SERVICES,
    &organisation::SECRETS_BUCKETS,
    &organisation::ENCLAVES,
    &organisation::MONITORS,
    &run::MFA,
    &run::THRESHOLDS,
    &run::SCAN,
    &run::SUPPRESS,
];

/// The table of this name.
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().copied().find(|table| table.name == name)
}

/// The key of this name in a table.
pub fn key(table: &str, name: &str) -> Option<&'static Key> {
    self::table(table)?.keys.iter().find(|key| key.name == name)
}

/// What may stand in a table: its keys, or the tables below it. Of the whole file, where `table` is
/// empty, the first part of each name.
pub fn members(table: &str) -> Vec<&'static str> {
    if let Some(table) = self::table(table) {
        return table.keys.iter().map(|key| key.name).collect();
    }
    let below = TABLES.iter().filter_map(|known| match table {
        "" => Some(known.name),
        table => known.name.strip_prefix(table)?.strip_prefix('.'),
    });
    let mut members: Vec<&str> = below.filter_map(|name| name.split('.').next()).collect();
    members.dedup();
    members
}

/// The name of each key from the top of the file. Of tables that the user names or lists, the name of
/// the table: they are one setting.
pub fn settings() -> impl Iterator<Item = String> {
    TABLES.iter().flat_map(|table| match table.shape {
        Shape::One => table.keys.iter().map(|key| format!("{}.{}", table.name, key.name)).collect(),
        Shape::Named(_) | Shape::Listed => vec![table.name.to_owned()],
    })
}
