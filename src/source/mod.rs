//! Where bytes come from: disk, standard input and S3, inflated.
//!
//! `listing` names blobs; `s3` finds and fetches those of a bucket, of which `layout` knows the
//! keys; `inflate` opens one and gives its text as a
//! [`Window`](crate::model::window::Window). The two are apart so that one thread lists while
//! workers read. `hashed` tells which text that is, and `gate` is who may keep it from being
//! evaluated. Nothing is left out without a word: what cannot be listed or opened is a
//! [`Problem`](crate::model::problem::Problem), what ends early is a
//! [`Cut`](crate::model::window::Cut) behind the last readable byte. No limit is on total bytes.

mod blob;
pub mod gate;
pub mod hashed;
pub mod inflate;
pub mod layout;
pub mod listing;
mod name;
pub mod s3;
mod stoppable;

pub use blob::{Blob, Body, Entry, Known};
pub use inflate::{Compression, Inflater, Limits, Text};
pub use listing::{Listing, Reach, SourceError};
