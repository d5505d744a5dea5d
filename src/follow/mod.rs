//! Judges objects as they arrive, without end.
//!
//! ```text
//! inbox      who says what has arrived
//! judge      who judges it
//! outbox     where it is told
//! watermark  until when all has been delivered, as far as can be known
//! in_hand    messages and objects that are not done yet
//! dead       what cannot be read, put aside
//! turn       one turn: receive, judge, tell, conclude
//! ```
//!
//! An object is judged twice. At once, by the rules over single records: a finding that no other record
//! can change is not kept waiting. And once it has *settled*, by all rules, together with what earlier runs
//! have left: by then what belongs before it has been delivered. What was told the first time is not told
//! again the second time, unless it is more serious by then.
//!
//! What must stay true: a message is deleted only after all findings of its objects were told and the
//! state that knows of them is safe. Whatever fails in between, the message is delivered again, and the
//! same findings come under the same fingerprints. Nothing here reads a clock or does any I/O but by the
//! traits, so that a test can let each step fail.

mod dead;
mod in_hand;
mod inbox;
mod judge;
mod outbox;
#[cfg(test)]
mod tests;
mod turn;
mod watermark;

pub use dead::{DeadLetter, DeadLetters};
pub use inbox::{Announced, Content, Delivery, Inbox, InboxTrouble};
pub use judge::{Judge, Judged, LookedAt, Settled};
pub use outbox::Outbox;
pub use turn::{Broken, Follow, Pace, Turn};
pub use watermark::Watermark;
