//! A partial result as a file, to be concluded later, or together with those of other machines.
//!
//! ```text
//! head    what a file says of itself, and what a source told beside its records
//! frame   a file as a list of frames
//! small   entries of the small tables
//! write   a partial result to a file
//! read    a file to a partial result
//! file    a file that was written
//! all     many files to one partial result
//! ```
//!
//! Rows name texts and records by hashes under one key, and rules by their numbers. So files can only be
//! put together that were made with one key, one set of rules and one version of the program; [`Head`]
//! says which. What must stay true: concluding what was written and read back gives what concluding at
//! once would have given.

mod all;
mod file;
mod frame;
mod head;
mod read;
mod small;
mod write;

pub use all::{All, read_all};
pub use file::Part;
pub use head::{Differs, Given, Head, id_of_decided};
pub use write::{Then, write};
