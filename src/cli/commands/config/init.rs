//! `keytrail config init`: a configuration to begin with.
//!
//! What must stay true: a file that somebody wrote is not replaced unless that was asked for.

use std::fs;

use crate::cli::args::config::InitArgs;
use crate::cli::config::template;
use crate::cli::deliver::Delivery;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::ui::Messages;

/// Runs the command.
pub fn run(args: &InitArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let path = args.path.as_path();
    let path = Some(path).filter(|path| path.as_os_str() != "-");
    // A link that leads nowhere is there too. What is no file, such as a pipe, replaces nothing.
    let there = path.and_then(|path| fs::symlink_metadata(path).ok());
    let replaced = there.is_some_and(|meta| meta.is_file() || meta.is_symlink());
    if let (Some(path), true, false) = (path, replaced, args.force) {
        return Err(vec![Failure::Usage {
            message: format!("{}: is there already", path.display()),
            hint: "give another PATH, - for standard output, or --force to replace it",
        }]);
    }
    let delivery = Delivery::open(path).map_err(|failure| vec![failure])?;
    let text = template::template();
    let delivered = delivery.finish(Exit::Clean, |out| out.write_all(text.as_bytes()))?;
    if let Some(path) = path {
        messages.note(format!("{} is written, and nothing in it is set", path.display()));
    }
    Ok(delivered.exit)
}
