//! Support for the tests of native rules.
//!
//! `detector` runs a detector on one record, `recorded` runs a history on several. `waiting` tests
//! the rules that depend on a setting. This module is compiled for tests only.

pub mod detector;
pub mod recorded;
mod waiting;
