//! Where facts are put away: rows of fixed size, texts, and the hashes by which they name each
//! other.
//!
//! ```text
//! hash         keyed hashes
//! runs         rows of fixed size, in shards, in memory or in a temporary file, read in order
//! dictionary   texts that come again and again, by their hash
//! texts        texts that do not, by their place
//! stacks       texts under keys, read back in the order of their keys
//! shelf        values under keys likewise, in memory while they fit
//! bytes        bytes that are added at the end, in memory and in a temporary file
//! names        names of blobs, by number
//! seen         whether a record was seen before
//! sorted       rows of one shard in order
//! spill        what happens when a temporary file cannot be written
//! ```
//!
//! Nothing here knows what a record or a key is. What must stay true: memory is bounded whatever is
//! put in, and what comes out does not depend on the order in which it went in.

pub mod bytes;
pub mod dictionary;
pub mod hash;
pub mod names;
pub mod runs;
pub mod seen;
pub mod shelf;
pub mod sorted;
pub mod spill;
pub mod stacks;
pub mod texts;
