//! Objects in S3: found by their keys, fetched ahead of whoever reads them.
//!
//! ```text
//! address    s3://BUCKET/PREFIX
//! cloud      credentials, Regions, clients; the runtime on which all of this runs
//! explore    what is below a prefix: accounts, services, Regions, days
//! fetch      bytes of objects, many at once, tried again where that helps
//! store      one object read and written for itself: a state
//! refused    what a refusal means, and which permission is missing
//! ```
//!
//! Listing and fetching run on a runtime of their own; whoever reads takes finished objects from a
//! queue. What is in the queue or on its way is bounded in bytes, whatever the number of objects.
//! What must stay true: each listed object is given out once, or a problem that names it is.

mod address;
mod cloud;
mod explore;
mod fetch;
mod object;
mod refused;
mod store;

pub use address::Address;
pub use cloud::{Access, Cloud};
pub use explore::Wanted;
pub use fetch::Objects;
pub use object::{Given, Object};
pub use store::{Kept, Store};
