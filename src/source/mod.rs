//! Where bytes come from: disk, standard input and S3, inflated.
//!
//! ```text
//! blob        a name, and where the bytes are
//! entry       what there is to read, one after another, and who gives it
//! sources     what a command was asked to read
//! list        a file that lists sources
//! listed      the sources of a list, one after another
//! met         what a list has led to
//! start       what a source leads to
//! listing     finds blobs on disk, and starts the listing of buckets
//! name        file names as text
//! s3          finds and fetches objects
//! queue       which objects have arrived in S3
//! layout      the keys of CloudTrail's objects
//! inflate     opens a blob and gives its text as a window
//! layers      what lies inside a text: archives, and what is packed again
//! budget      how much text may come out of one blob
//! visitor     who takes in what is read
//! reading     reads all that a source gives, in parallel
//! stoppable   a stream that can be given up while it is silent
//! hashed      the hash of a blob's text
//! spool       a text in pieces, kept
//! gate        who may keep a text from being evaluated
//! ```
//!
//! Listing and inflating are apart, so that one thread lists while workers read. What must stay true:
//! nothing is left out silently. Whatever cannot be listed or opened is a
//! [`Problem`](crate::model::problem::Problem); whatever ends early is a
//! [`Cut`](crate::model::window::Cut) after the last readable byte. There is no limit on total bytes.

mod blob;
mod budget;
mod entry;
pub mod gate;
pub mod hashed;
pub mod inflate;
mod layers;
pub mod layout;
mod list;
mod listed;
pub mod listing;
mod met;
mod name;
pub mod queue;
mod reading;
pub mod s3;
mod sources;
pub mod spool;
mod start;
mod stoppable;
mod visitor;

pub use blob::{Blob, Body, Known, blob_id};
pub use entry::{Entry, Source};
pub use inflate::{Compression, Inflater, Limits, Text};
pub use layers::{Table, Value};
pub use list::{Line, List};
pub use listing::Listing;
pub use met::Met;
pub use name::{archive_of, shown};
pub use reading::{AllRead, NoThreads, Workers, pool, read_all};
pub use sources::Sources;
pub use start::{Reach, SourceError};
pub use visitor::{At, Taken, Visitor};
