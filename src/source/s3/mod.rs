//! Objects in S3: found by their keys, and fetched ahead of the readers.
//!
//! ```text
//! address    s3://BUCKET/PREFIX
//! access     how S3 is reached
//! wanted     what is asked for, and what was found
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
//! absent     what stands in for all of this where it was left out
//! ```
//!
//! Listing and fetching run on a runtime of their own. Readers take finished objects from a queue.
//! The bytes in the queue and on their way are bounded, whatever the number of objects. What must
//! stay true: each listed object is given out once, or a problem names it.
//!
//! More than a third of the crates come with the AWS SDK, so a build without the feature `s3` leaves it out:
//! `absent` then stands in for `cloud` and what is made with it. Beside the queue, nothing else of keytrail
//! knows about the feature.

mod access;
mod address;
mod object;
mod wanted;

#[cfg(feature = "s3")]
mod chosen;
#[cfg(feature = "s3")]
mod cloud;
#[cfg(feature = "s3")]
mod explore;
#[cfg(feature = "s3")]
mod fetch;
#[cfg(feature = "s3")]
mod files;
#[cfg(feature = "s3")]
mod page;
#[cfg(feature = "s3")]
mod pick;
#[cfg(feature = "s3")]
mod refused;
#[cfg(feature = "s3")]
mod store;

#[cfg(not(feature = "s3"))]
mod absent;

pub use access::Access;
pub use address::{Address, decoded};
pub use object::{GONE, Given, Object};
pub use wanted::{Chosen, Expected, Seen, Wanted};

#[cfg(feature = "s3")]
pub use self::{
    cloud::Cloud,
    fetch::Objects,
    files::Files,
    pick::Picks,
    store::{Kept, Store},
};
#[cfg(feature = "s3")]
pub(in crate::source) use refused::describe;

#[cfg(not(feature = "s3"))]
pub use absent::{Cloud, Files, Kept, Objects, Picks, Store};
