//! What is known of the tags of keys and resources, at any instant, and from where.
//!
//! ```text
//! change      one thing that was learnt: who says what of which ARN, as of when
//! extract     changes out of CloudTrail records: a table, and a generic reading
//! enriched    what CloudTrail itself tells of tags, beside any record
//! catalog     changes out of files: inventories, state, lists
//! book        all changes by ARN, and what goes by several names
//! shares      who may hold how much of the book, where not all of it fits
//! lost        of which ARNs changes had no room there, and when
//! timeline    what they add up to: known, known to be absent, or unknown, as of an instant
//! second      what the changes of one second do to a tag
//! index       the changes by the tags that they name, to ask for many tags and instants at once
//! course      the states of one tag over time
//! state       what is known of one tag at an instant
//! uses        which key a record uses, or sets up, for which resource
//! compare     whether a key's tags and a resource's put both into the same business category
//! ```
//!
//! What must stay true: unknown is not absent. A tag may have been set before the log begins, by a
//! call that does not show its tags, or by one that was never delivered; nothing here guesses.

pub mod book;
pub mod catalog;
pub mod change;
pub mod compare;
mod course;
pub mod enriched;
pub mod extract;
mod index;
pub mod lost;
mod second;
mod shares;
mod state;
pub mod timeline;
pub mod uses;
