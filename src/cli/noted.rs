//! What is to be known of the records that were read, and is no problem, and what became of earlier
//! findings: on standard error, where the output has no place for it.

use super::check::Running;
use super::ui::{Messages, plural};
use crate::model::aftermath::Aftermath;
use crate::model::notes::RunNote;
use crate::model::undo::Fate;

/// Says each note.
pub fn say(notes: &[RunNote], run: &Running, messages: Messages) {
    if !run.is_quiet() {
        notes.iter().for_each(|note| messages.note(note));
    }
}

/// Says how many findings of earlier runs were undone, or hold again: no later run tells it.
pub fn say_aftermath(told: &[Aftermath], messages: Messages) {
    let ends =
        [(Fate::Reversed, "was undone", "were undone"), (Fate::Open, "holds again", "hold again")];
    for (fate, one, many) in ends {
        let number = told.iter().filter(|told| told.effect.fate == fate).count();
        let (of, end) = if number == 1 { ("an earlier run", one) } else { ("earlier runs", many) };
        if number > 0 {
            let findings = plural(number, "finding");
            messages.note(format!(
                "{findings} of {of} {end}: -f json, table, html and markdown tell which"
            ));
        }
    }
}
