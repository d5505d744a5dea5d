//! `keytrail generate schema`: the JSON Schema of a format of ours, and the list of them.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::cli::args::generate::SchemaArgs;
use crate::cli::deliver::Delivery;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::detect::close;
use crate::report::schema::{self, FORMATS, JsonFormat};

/// Runs the command.
///
/// # Errors
/// A name that no format has; an output that breaks.
pub fn run(args: &SchemaArgs) -> Result<Exit, Vec<Failure>> {
    let delivery = Delivery::to_stdout()?;
    let Some(name) = args.name.as_deref() else {
        return Ok(delivery.finish(Exit::Clean, list)?.exit);
    };
    let Some(format) = JsonFormat::named(name) else { return Err(vec![unknown(name)]) };
    Ok(delivery.finish(Exit::Clean, |out| schema::write(format, out))?.exit)
}

/// A line for each format: its name, what it is, and what writes it.
fn list(out: &mut dyn Write) -> io::Result<()> {
    let width = FORMATS.iter().map(|format| format.name.len()).max().unwrap_or(0);
    FORMATS.iter().try_for_each(|JsonFormat { name, about, written_by, .. }| {
        writeln!(out, "{name:width$}  {about}\n{:width$}  {written_by}", "")
    })
}

fn unknown(name: &str) -> Failure {
    let names: BTreeSet<&str> = FORMATS.iter().map(|format| format.name).collect();
    let reason = match close(name, &names).first() {
        Some(nearest) => format!("no such format; did you mean {nearest}?"),
        None => format!("expected one of {}", Vec::from_iter(names).join(", ")),
    };
    Failure::Value { option: "NAME", value: name.into(), reason }
}
