//! What cannot be read, put aside for people.

use std::io;

/// A message that is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id.
    pub message: String,
    /// Its text.
    pub body: String,
    /// How often it was delivered.
    pub deliveries: u32,
    /// What could not be read, and why: the name of an object, empty if the message itself is odd.
    pub problems: Vec<(String, String)>,
}

/// Where they go.
pub trait DeadLetters {
    /// Puts one aside, and returns when it is safe.
    ///
    /// # Errors
    /// When it could not be put there: the message is not done.
    fn put(&mut self, letter: &DeadLetter) -> io::Result<()>;
}
