//! Who judges what has arrived.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use super::inbox::Announced;
use crate::model::coverage::Place;
use crate::model::time::Time;

/// How an object was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedAt {
    /// Its name.
    pub name: Arc<str>,
    /// The latest event of each account and Region in it. None that lies in the future.
    pub latest: Vec<(Place, Time)>,
    /// Why not all of it could be read; `None` if it was.
    pub fault: Option<String>,
    /// Whether the fault may pass by itself, such as one of the network: the object is tried again, however
    /// often that was.
    pub passing: bool,
}

/// What single records say.
#[derive(Debug, Default)]
pub struct Judged {
    /// Lines for the outbox.
    pub lines: Vec<u8>,
    /// How each object was read. One that is missing was read and reported before.
    pub objects: Vec<LookedAt>,
}

/// What all records together say.
#[derive(Debug, Default)]
pub struct Settled {
    /// Lines for the outbox.
    pub lines: Vec<u8>,
    /// Those that could not be read whole this time.
    pub partly: BTreeSet<Announced>,
    /// Why nothing may be left to later: something that was read got lost, and has to be read again.
    pub lost: Option<String>,
}

/// Who judges objects.
pub trait Judge {
    /// Reads objects and judges their records one by one.
    ///
    /// # Errors
    /// When nothing can be read, whatever the objects are.
    fn look(&mut self, objects: &[Announced]) -> io::Result<Judged>;

    /// Judges by all rules what has settled, together with all that was committed.
    ///
    /// # Errors
    /// As [`look`](Judge::look).
    fn settle(&mut self, objects: &[Announced]) -> io::Result<Settled>;

    /// Makes the last [`settle`](Judge::settle) last: its objects are not judged again.
    ///
    /// # Errors
    /// When it cannot be made to last; it is as if it had not been.
    fn commit(&mut self) -> Result<(), String>;

    /// A line that tells of a problem with what is called `about`.
    fn problem(&mut self, about: &str, message: &str) -> Vec<u8>;

    /// Objects that are not to be kept at hand any more.
    fn forget(&mut self, objects: &[Announced]);
}
