//! Policy documents: key policies, IAM policies, bucket policies. Parsed once, then asked.
//!
//! ```text
//! lenient      JSON as policies come: read as far as any reader might read it
//! parse        JSON, in any of the spellings AWS accepts, to the model
//! document     the model: a policy is statements
//! principal    who a statement names
//! action       which KMS calls a statement is about
//! condition    what one condition limits
//! narrow       whether a value of a condition leaves anybody out
//! dead         conditions that no call can fulfil
//! address      conditions on the network address of a caller
//! fence        which statements their conditions limit, and to whom
//! pattern      patterns of resources
//! access       who is allowed what, once the denials are taken away
//! mfa          whether MFA is demanded, and whether the demand can hold
//! denied       whom denials leave out, for certain or perhaps
//! who_can      who may make a call, by one document
//! of_one       what one document says of one principal
//! differs      how two documents differ
//! ```
//!
//! What must stay true: spelling (scalar or list, letter case, order) changes no answer; where a
//! document cannot tell, an Allow is taken to allow and a Deny not to deny; what of a document could
//! not be read is told; a document of any shape costs time in proportion to its length.
//! Source: IAM user guide, "IAM JSON policy elements reference" and "Grammar of the IAM JSON
//! policy language"; KMS developer guide, "Key policies in AWS KMS".

pub mod access;
pub mod action;
mod address;
pub mod condition;
mod dead;
pub mod denied;
pub mod differs;
pub mod document;
mod fence;
mod lenient;
pub mod mfa;
mod narrow;
pub mod of_one;
pub mod parse;
pub mod pattern;
pub mod principal;
#[cfg(test)]
mod tests;
pub mod who_can;

pub use access::{Denials, Place};
pub use action::Actions;
pub use condition::Condition;
pub use document::{Effect, Policy, Scope, Statement};
pub use fence::Open;
pub use of_one::{OfOne, OneReach};
pub use parse::PolicyError;
pub use principal::{Principal, Who};
