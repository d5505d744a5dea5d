//! Whether log files are what CloudTrail delivered: digests, signatures, the chain, hashes.
//!
//! ```text
//! collect    every blob once, in parallel, into what was `seen`
//! ruling     each digest: signatures, and what the next one says of it
//! judged     each log: which text it must have
//! chain      what is missing between digests, before and behind them
//! expected   accounts and Regions of which no digest was read
//! judge      all of it, for a range
//! gate       lets only what is verified into a scan, and hands on the rest, as `faults` groups it
//! ```
//!
//! `keys` is the anchor of all trust: a verdict is as good as the file of public keys it rests on.
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
mod expected;
mod faults;
mod gate;
mod judge;
mod judged;
mod keys;
mod place;
mod range;
mod ruling;
mod seen;

pub use collect::collect;
pub use gate::VerifiedOnly;
pub use judge::judge;
pub use judged::Judged;
pub use keys::PublicKeys;
pub use range::Range;
pub use seen::Collected;
