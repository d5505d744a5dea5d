//! Facts as files: what was read, as tables that other tools query.
//!
//! ```text
//! columns   the columns of the table of uses: one list, from which schema, rows and manual are made
//! uses      the table of uses of keys, a group of rows after the other
//! ```
//!
//! What must stay true: a column keeps its name, its type and its meaning. New ones come at the end.

mod columns;
mod uses;

pub use columns::all;
pub use uses::{About, write};
