//! Sigma rules: read, compiled and asked, all of it behind this module.
//!
//! `rsigma-parser` reads the YAML and `rsigma-eval` decides; here is what lies around them: which
//! files and documents count, what is demanded of a record before the evaluator is asked at all,
//! and a record that answers the evaluator without being copied.

mod compile;
mod correlate;
pub mod demands;
pub mod event;
mod guard;
pub mod load;
mod route;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk_tests;

pub use compile::Compiled;
