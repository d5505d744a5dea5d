//! `keytrail rules list`: the rules that a scan with the same options would evaluate.

use super::args::ListArgs;
use super::{Done, form, in_memory};
use crate::cli::check::Verbosity;
use crate::cli::commands::scan::{load_rules, say_skipped};
use crate::cli::config::Config;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::ui::Messages;
use crate::cli::values::Form;
use crate::report::{Style, rules};

/// Runs the command.
pub fn run(args: &ListArgs, style: Style, messages: Messages) -> Done {
    let mut failures = Vec::new();
    if args.rules.no_builtin_rules && args.rules.paths.is_empty() {
        let hint = "give --rules with --no-builtin-rules";
        failures.push(Failure::Usage { message: "no rules to list".into(), hint });
    }
    let form = form(&args.format).map_err(|failure| failures.push(failure));
    let loaded = load_rules(&args.rules, &mut Config::default(), false)
        .map_err(|wrong| failures.extend(wrong));
    let (Ok(form), Ok(loaded), true) = (form, loaded, failures.is_empty()) else {
        return Err(failures);
    };
    say_skipped(&loaded.skipped, Verbosity::Normal, messages);
    loaded.replaced.iter().for_each(|rule| messages.note(format!("rule replaced: {rule}")));
    let sorted = rules::sorted(loaded.rules.reported());
    let output = in_memory(|out| match form {
        Form::Table => rules::write_table(&sorted, &style, out),
        Form::Json => rules::write_json(&sorted, out),
    })?;
    Ok((output, Exit::Clean))
}
