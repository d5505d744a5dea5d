//! What the log tells of each key: the rows of the inventory.
//!
//! ```text
//! facts    a row of the inventory
//! listed   the first of several things, and how often they were
//! asked    what of keys is to be gathered
//! state    what a key is now, and the record that proves it
//! dossier  one key in depth: its life, its policies, its grants, its use day by day
//! access   who can do something with a key, as far as is known
//! granted  what one principal may do with keys, and what it did
//! reach    how far the log reaches, and what that says of keys without use
//! ```
//!
//! What must stay true: a list that was cut says how many there are in all, and nothing here claims
//! more than records show.

pub mod access;
pub mod asked;
pub mod dossier;
pub mod facts;
pub mod granted;
pub mod listed;
pub mod reach;
pub mod state;
