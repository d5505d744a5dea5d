//! `keytrail config`: a configuration to begin with, the settings that hold, and the schema.

mod init;
mod show;

use crate::cli::args::config::{ConfigCommand, ConfigCommandArgs};
use crate::cli::config::schema;
use crate::cli::deliver::Delivery;
use crate::cli::environment::Given;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::ui::Messages;
use crate::report::settings::write_schema;

/// Runs the command. `given` is where the values of its options come from.
///
/// # Errors
/// All the reasons why it was not performed.
pub fn run(
    args: &ConfigCommandArgs,
    given: &Given,
    messages: Messages,
) -> Result<Exit, Vec<Failure>> {
    match &args.command {
        ConfigCommand::Init(init) => init::run(init, messages),
        ConfigCommand::Show(show) => show::run(show, &args.color, given, messages),
        ConfigCommand::Schema => {
            let delivery = Delivery::to_stdout()?;
            let schema = schema::schema();
            Ok(delivery.finish(Exit::Clean, |out| write_schema(&schema, out))?.exit)
        }
    }
}
