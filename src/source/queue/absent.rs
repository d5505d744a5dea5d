//! What stands in for SQS in a build without the feature `s3`, in which there is no [`Cloud`].

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::url::QueueUrl;
use super::{Message, QueueTrouble};
use crate::source::s3::Cloud;

/// A queue, which is not there.
#[derive(Debug)]
pub struct Queue(Infallible);

impl Queue {
    /// Never called, as all below.
    pub fn new(cloud: &Arc<Cloud>, _: QueueUrl) -> Queue {
        cloud.never()
    }

    /// Takes messages.
    ///
    /// # Errors
    /// None.
    pub fn receive(
        &self,
        _: usize,
        _: Duration,
        _: Duration,
    ) -> Result<Vec<Message>, QueueTrouble> {
        match self.0 {}
    }

    /// Keeps messages from others.
    ///
    /// # Errors
    /// None.
    pub fn keep(&self, _: &[String], _: Duration) -> Result<(), QueueTrouble> {
        match self.0 {}
    }

    /// Deletes messages.
    ///
    /// # Errors
    /// None.
    pub fn delete(&self, _: &[String]) -> Result<(), QueueTrouble> {
        match self.0 {}
    }
}
