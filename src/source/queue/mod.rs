//! A queue that says which objects have arrived in S3.
//!
//! ```text
//! notice    what a message says
//! url       the address of a queue
//! sqs       messages of Amazon SQS
//! absent    what stands in for `sqs` in a build without the feature `s3`
//! ```
//!
//! What must stay true: a message is deleted only when whoever took it says that it is done. Until then the
//! queue delivers it again, to this process or to another one.

mod notice;
mod url;

#[cfg(not(feature = "s3"))]
mod absent;
#[cfg(feature = "s3")]
mod sqs;

#[cfg(not(feature = "s3"))]
pub use absent::Queue;
pub use notice::{Arrived, Notice, read};
#[cfg(feature = "s3")]
pub use sqs::Queue;
pub use url::QueueUrl;

/// A message, as the queue has delivered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The same for every delivery of it.
    pub id: String,
    /// By what it is kept, given back or deleted: of this delivery alone.
    pub receipt: String,
    /// How often it was delivered, this time included; 1 if the queue does not say.
    pub deliveries: u32,
    /// When it was sent to the queue; milliseconds since 1970, if the queue says.
    pub sent: Option<u64>,
    /// Its text.
    pub body: String,
}

/// Why a queue cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueueTrouble {
    /// In words, with the permission that is missing if one is.
    pub message: String,
    /// Whether asking again is of no use: there is no such queue, or it may not be read.
    pub lasting: bool,
}
