//! Whether log files are what CloudTrail delivered: digests, signatures, the chain, hashes.
//!
//! `collect` reads every blob once, in parallel, and keeps a hash of each log and the content of
//! each digest; `judge` then says of every digest, log and chain what can be said, in memory. `keys`
//! is the anchor of all trust: a verdict is as good as the file of public keys it rests on.
//!
//! What must stay true: a log is `verified` only if its hash stands in a digest whose signature
//! verifies under one of these keys, and if its container holds nothing else. Where a file lies does
//! not count, since its original place is part of what is signed; its name does.
//!
//! Sources: AWS CloudTrail user guide, "CloudTrail digest file structure" and "Custom
//! implementations of CloudTrail log file integrity validation".

mod chain;
mod collect;
mod digest;
mod judge;
mod keys;
mod place;

pub use collect::{Collected, collect};
pub use judge::{Range, judge};
pub use keys::PublicKeys;
