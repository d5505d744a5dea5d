//! Which records match, in the order of time, and who made them: what stands behind `keytrail events`,
//! `keytrail actors` and `keytrail record`.
//!
//! ```text
//! filter     all filters together       needles   the same from bytes alone, for most records
//! key        which key is meant         who       which caller, from where
//! target     which resource             term      what one field must say
//! around     what a report's finding or case is about
//! lineage    which credentials came out of which
//! texts      the strings of a record    row       what is shown of one
//! close      looks closely at a record  collect   keeps what may be asked for
//! from_facts the same of facts
//! timeline   what was asked for         actors    who did how much, and with what
//! blame      which findings are about which caller
//! join       the records of one call    serves    which KMS call serves which call
//! single     one record by its place
//! ```
//!
//! Every record is read once, by the reader of a scan. What must stay true: the same records
//! give the same rows, whatever the order of files and workers; memory is bounded; nothing that could
//! not be read passes without a problem.

mod actors;
mod around;
mod blame;
mod close;
mod collect;
mod filter;
mod from_facts;
mod join;
mod key;
mod lineage;
mod needles;
mod row;
mod serves;
mod single;
mod target;
mod term;
#[cfg(test)]
mod tests;
mod texts;
mod timeline;
mod who;

pub use actors::{Actors, actors};
pub use around::Around;
pub use collect::{Collected, collect};
pub use filter::Query;
pub use from_facts::{FIELDS as FIELDS_OF_FACTS, collect as collect_from_facts};
pub use key::AskedKey;
pub use single::{Single, single};
pub use target::AskedResource;
pub use term::Term;
pub use timeline::{Rows, Timeline};
pub use who::{AskedPrincipal, addresses};
