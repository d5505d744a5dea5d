//! Says which rules were passed over.
//!
//! What must stay true: one line a rule, and few lines for a whole collection of rules for other logs.

use crate::cli::check::Verbosity;
use crate::cli::ui::{self, Messages};
use crate::detect::loaded::Loaded;

/// How many rules that were passed over are named. A whole collection has thousands for other logs.
const MOST_NAMED: usize = 20;

/// Says which rules were passed over, and which took the place of others.
pub fn say_of(loaded: &Loaded, verbosity: Verbosity, messages: Messages) {
    say(&loaded.skipped, verbosity, messages);
    loaded.replaced.iter().for_each(|rule| messages.note(format!("rule replaced: {rule}")));
}

/// Names the rules that were passed over: the first of them, with `-v` all; with `-q` counts them.
pub fn say(skipped: &[String], verbosity: Verbosity, messages: Messages) {
    let named = match verbosity {
        Verbosity::Quiet => 0,
        Verbosity::Verbose => skipped.len(),
        Verbosity::Normal => MOST_NAMED,
    };
    skipped.iter().take(named).for_each(|rule| messages.note(format!("rule skipped: {rule}")));
    match (skipped.len().saturating_sub(named), named) {
        (0, _) => {}
        (count, 0) => messages.note(ui::plural(count, "rule") + " skipped"),
        (count, _) => {
            let more = ui::plural(count, "more rule");
            messages.note(format!("{more} skipped: `keytrail scan -v` names them all"));
        }
    }
}
