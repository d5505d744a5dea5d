//! Tables as files of Parquet, which machines exchange and other tools query.
//!
//! ```text
//! column    what a column is called and holds
//! writer    rows to a file, a group of them at a time
//! ```
//!
//! What must stay true: a reader that knows nothing of keytrail gets every value as it is.

mod column;
mod writer;

pub use column::{Cell, Column, Kind};
pub use writer::Writer;
