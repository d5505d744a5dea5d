//! A period out of the reports of its nights: what `keytrail report` tells.
//!
//! ```text
//! document  a report as `-f json` wrote it
//! states    which reports go on from each other
//! counts    what they count together
//! limits    what makes them say less than they seem to
//! cases     what belongs together in them
//! fold      many of them to one outcome, and what each night said
//! ```
//!
//! A finding of one night stays a finding of the period until a later report says that it was undone;
//! a suppression of the configuration takes it out at the end. What must stay true: the order in which
//! reports are given changes nothing, a report that is given twice counts once, and what several
//! reports tell of one finding is told as the latest does.

mod cases;
mod counts;
mod document;
mod fold;
mod limits;
mod states;
#[cfg(test)]
mod tests;

pub use cases::settle;
pub use counts::left_out;
pub use document::Document;
pub use fold::{Period, fold};
