//! What is to be known of the records that were read, and is no problem: on standard error, where the
//! output has no place for it.

use super::check::Running;
use super::ui::Messages;
use crate::model::notes::RunNote;

/// Says each note.
pub fn say(notes: &[RunNote], run: &Running, messages: Messages) {
    if !run.is_quiet() {
        notes.iter().for_each(|note| messages.note(note));
    }
}
