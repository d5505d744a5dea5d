//! What several native rules use: parsed policies and grants, members of requests, time,
//! the words of findings about tags.
//!
//! Code belongs here when rules of more than one file need it. Nothing here may import a rule, and
//! nothing here may fail on a record of an unexpected shape: a member reads, or it is absent.

pub mod accounts;
pub mod actor;
pub mod client;
pub mod event_selectors;
pub mod foreign_principals;
pub mod grant;
pub mod key_life;
pub mod policy_change;
pub mod policy_document;
pub mod policy_gain;
pub mod request_fields;
pub mod selector_gaps;
pub mod sensitive_text;
pub mod tag_pairs;
pub mod timeline;
