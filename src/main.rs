//! The binary: an allocator, and everything else is in the library.

use std::process::ExitCode;

/// Concluding makes and drops millions of small texts, which the allocators of most systems are
/// slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    keytrail::cli::main()
}
