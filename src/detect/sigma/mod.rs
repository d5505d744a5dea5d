//! Sigma rules: loads, compiles and evaluates them.
//!
//! The crate `rsigma-parser` reads the YAML, and `rsigma-eval` evaluates detections. This module
//! adds three things: it decides which files and documents are rules, it rejects most records by
//! cheap guards before the evaluator runs, and it gives the evaluator access to a record without
//! copying it.

mod compile;
mod correlate;
pub mod counts;
pub mod demands;
pub mod document;
pub mod event;
pub mod file;
pub mod folder;
mod forms;
mod guard;
pub mod load;
pub mod logs;
pub mod make;
pub mod name;
mod narrowing;
pub mod older;
pub mod own;
mod place;
mod route;
mod same;
mod search;
mod shapes;
pub mod stream;
#[cfg(test)]
mod tests;
mod text;
#[cfg(test)]
mod walk_tests;
pub mod words;

pub use compile::Compiled;
