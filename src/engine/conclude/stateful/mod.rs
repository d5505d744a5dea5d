//! What rules over many records decide, once all is read.
//!
//! ```text
//! note         what one record or use means to one rule
//! presence     which parts can give anything at all
//! stages       which rules can decide before the uses are gone through, and which must wait
//! decide       notes in order, part by part, through their rule
//! passed_on    what a rule found, as notes for those that look at it
//! unit         one record, copies taken together
//! window       a window that slides: counts, values, steps in any order
//! ordered      steps one after the other
//! reads        many reads, judged day by day
//! correlation  what a correlation found, and the finding it becomes
//! history      a history decides over one part
//! distinct     the different values that a finding counts
//! named        those of them that it names
//! evidence     the records behind a finding
//! ```
//!
//! What must stay true: the verdict does not depend on the order of reading. Records of the same
//! second have no order among them. What does not fit is a problem.

mod correlation;
pub mod decide;
mod distinct;
pub mod evidence;
pub mod history;
mod named;
pub mod note;
mod ordered;
mod passed_on;
pub mod presence;
mod reads;
pub mod stages;
#[cfg(test)]
mod tests;
pub mod unit;
mod window;
