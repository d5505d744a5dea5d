//! What stands in for S3 in a build without the feature `s3`.
//!
//! What must stay true: no [`Cloud`] can be made, so that nothing here can be called. `Cloud::connect` says
//! why, before anything is read.

use std::convert::Infallible;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::access::Access;
use super::address::Address;
use super::wanted::{Chosen, Seen, Wanted};
use crate::source::entry::Entry;

/// What is said of an address in S3 or SQS.
const ABSENT: &str = "this build of keytrail has no support for S3 and SQS: expected one with the feature \
                      s3, as cargo builds it by default";

/// S3, which is not there.
#[derive(Debug)]
pub struct Cloud(Infallible);

/// A refusal, which nobody says.
#[derive(Debug)]
pub struct Refused {
    /// What happened.
    pub message: String,
}

impl Refused {
    /// Whether it is not there.
    pub fn is_absence(&self) -> bool {
        false
    }
}

impl Cloud {
    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn connect(_: Access) -> Result<Arc<Cloud>, String> {
        Err(ABSENT.to_owned())
    }

    /// Never called, as all below.
    ///
    /// # Errors
    /// None.
    pub fn look(&self, _: &Address) -> Result<(), Refused> {
        match self.0 {}
    }

    /// The objects below an address.
    pub fn read(self: &Arc<Cloud>, _: Address, _: Wanted) -> Objects {
        match self.0 {}
    }

    /// Objects that a plan has chosen.
    pub fn read_chosen(self: &Arc<Cloud>, _: String, _: Vec<Chosen>) -> Objects {
        match self.0 {}
    }

    /// Objects as they are asked for.
    pub fn pick(self: &Arc<Cloud>, _: Wanted) -> Picks {
        match self.0 {}
    }

    /// A value of any type, of what is never there.
    pub(in crate::source) fn never(&self) -> ! {
        match self.0 {}
    }
}

/// Objects as they come.
#[derive(Debug)]
pub struct Objects(Infallible);

impl Objects {
    /// The next one.
    pub fn next(&mut self, _: &AtomicBool) -> Option<Entry> {
        match self.0 {}
    }

    /// What was asked and seen.
    pub fn seen(&self) -> &Seen {
        match self.0 {}
    }
}

/// Objects as they are asked for.
#[derive(Debug)]
pub struct Picks(Infallible);

impl Picks {
    /// Asks for one.
    pub fn ask(&mut self, _: Address) -> Option<Entry> {
        match self.0 {}
    }

    /// Whether one more can be asked for.
    pub fn has_room(&self) -> bool {
        match self.0 {}
    }

    /// Whether nothing is on its way.
    pub fn is_idle(&self) -> bool {
        match self.0 {}
    }

    /// An object that is there.
    pub fn ready(&mut self) -> Option<Entry> {
        match self.0 {}
    }

    /// Waits for one.
    pub fn wait(&mut self, _: Duration) -> Option<Entry> {
        match self.0 {}
    }

    /// What was asked and seen.
    pub fn seen(&self) -> &Seen {
        match self.0 {}
    }
}

/// Files below a prefix.
#[derive(Debug, Clone)]
pub struct Files(Infallible);

impl Files {
    /// Those below an address.
    pub fn new(cloud: Arc<Cloud>, _: Address) -> Files {
        cloud.never()
    }

    /// The name of a file for people.
    pub fn full(&self, _: &str) -> String {
        match self.0 {}
    }

    /// Puts one.
    ///
    /// # Errors
    /// None.
    pub fn put(&self, _: &str, _: &mut File) -> Result<bool, String> {
        match self.0 {}
    }

    /// Whether there is one.
    ///
    /// # Errors
    /// None.
    pub fn has(&self, _: &str) -> Result<bool, String> {
        match self.0 {}
    }

    /// Fetches one.
    ///
    /// # Errors
    /// None.
    pub fn fetch(&self, _: &str) -> Result<Option<File>, String> {
        match self.0 {}
    }

    /// The names of them.
    ///
    /// # Errors
    /// None.
    pub fn names(&self, _: &str) -> Result<Vec<String>, String> {
        match self.0 {}
    }
}

/// An object that runs leave to those after them.
#[derive(Debug, Clone)]
pub struct Store(Infallible);

/// What an object held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Store {
    /// The object at an address.
    pub fn new(cloud: Arc<Cloud>, _: Address) -> Store {
        cloud.never()
    }

    /// Reads it.
    ///
    /// # Errors
    /// None.
    pub fn read(&self) -> Result<Option<Kept>, String> {
        match self.0 {}
    }

    /// Writes it.
    ///
    /// # Errors
    /// None.
    pub fn write(&self, _: Vec<u8>, _: Option<&Kept>) -> Result<Kept, String> {
        match self.0 {}
    }
}
