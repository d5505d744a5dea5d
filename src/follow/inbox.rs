//! Who says what has arrived.

use std::sync::Arc;

use crate::model::time::Time;

/// An object that has arrived.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Announced {
    /// The name that reports have: `s3://BUCKET/KEY`, or a path.
    pub name: Arc<str>,
    /// What its content was called when it arrived, if anybody said.
    pub etag: Option<Arc<str>>,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// These objects have arrived.
    Objects(Vec<Announced>),
    /// Nothing has, and why it was sent.
    Nothing(String),
    /// It cannot be understood, and why.
    Odd(String),
}

/// A message, as it was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The same for every delivery of this message.
    pub id: String,
    /// Of this delivery alone: by what the inbox knows it.
    pub receipt: String,
    /// How often it was delivered, this time included.
    pub deliveries: u32,
    /// When it was sent, if anybody says.
    pub sent: Option<Time>,
    /// Its text, for people.
    pub body: String,
    /// What it says.
    pub content: Content,
}

/// Why an inbox gives nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxTrouble {
    /// In words.
    pub message: String,
    /// Whether asking again is of no use.
    pub lasting: bool,
}

/// Who says what has arrived. What it has delivered it delivers again after some time, unless it is told
/// that the message is kept or done.
pub trait Inbox {
    /// What has arrived since; waits for a while if nothing has. No more than about `most` messages.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn receive(&mut self, most: usize) -> Result<Vec<Delivery>, InboxTrouble>;

    /// Messages that are still being worked on.
    ///
    /// # Errors
    /// When it cannot be told: they may be delivered again.
    fn keep(&mut self, receipts: &[String]) -> Result<(), InboxTrouble>;

    /// Messages that are to be delivered again, after a while or at once.
    ///
    /// # Errors
    /// When it cannot be told: they are delivered again later.
    fn give_back(&mut self, receipts: &[String], at_once: bool) -> Result<(), InboxTrouble>;

    /// Messages that are done.
    ///
    /// # Errors
    /// When it cannot be told: they are delivered again.
    fn done(&mut self, receipts: &[String]) -> Result<(), InboxTrouble>;
}
