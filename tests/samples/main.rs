//! The samples in `samples/`: what makes them, and what the scanner must say about them.
//!
//! Every sample is invented and comes out of a generator here, so that a reader can see how a file
//! came to be and a test can say that it is still the file it claims to be:
//!
//! * `committed` compares the files in the tree with what the generators make
//!   (`UPDATE_SAMPLES=1 cargo test --test samples committed` writes them anew);
//! * `story` and `hostile` hold the expectations beside the bytes, `scanned` runs the binary on both;
//! * `large` makes what is too big to store: a bomb, a 50 MB record, 40 MB through a pipe.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests, not only the tests themselves, stop at the first surprise"
)]

mod committed;
mod hostile;
mod ids;
mod large;
mod pack;
mod record;
mod run;
mod scanned;
mod story;
mod who;
