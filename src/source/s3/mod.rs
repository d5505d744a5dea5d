//! Objects in S3: found by their keys, and fetched ahead of the readers.
//!
//! ```text
//! address    s3://BUCKET/PREFIX
//! cloud      credentials, Regions, clients; the runtime on which all of this runs
//! explore    what is below a prefix: accounts, services, Regions, days
//! page       one page of a listing
//! fetch      bytes of objects, many at once, tried again where that helps
//! pick       objects that are named one by one
//! chosen     objects that a plan has chosen
//! object     an object on its way to a reader
//! store      one object read and written for itself: a state
//! files      whole files below a prefix, put there once and fetched
//! refused    what a refusal means, and which permission is missing
//! ```
//!
//! Listing and fetching run on a runtime of their own. Readers take finished objects from a queue.
//! The bytes in the queue and on their way are bounded, whatever the number of objects. What must
//! stay true: each listed object is given out once, or a problem names it.

mod address;
mod chosen;
mod cloud;
mod explore;
mod fetch;
mod files;
mod object;
mod page;
mod pick;
mod refused;
mod store;

pub use address::Address;
pub use chosen::Chosen;
pub use cloud::{Access, Cloud};
pub use explore::{Expected, Seen, Wanted};
pub use fetch::Objects;
pub use files::Files;
pub use object::{Given, Object};
pub use page::decoded;
pub use pick::Picks;
pub use refused::GONE;
pub(in crate::source) use refused::describe;
pub use store::{Kept, Store};
