//! Text that is made of the command line, and goes to standard output as it is.

use crate::cli::deliver::Delivery;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// The name of the program.
pub const PROGRAM: &str = "keytrail";

/// Prints a text.
///
/// # Errors
/// An output that breaks.
pub fn print(text: &[u8]) -> Result<Exit, Vec<Failure>> {
    let delivered = Delivery::to_stdout()?.finish(Exit::Clean, |out| out.write_all(text))?;
    Ok(delivered.exit)
}
