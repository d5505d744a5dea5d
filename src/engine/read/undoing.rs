//! Which calls may have undone others.

use super::blob::BlobSink;
use crate::engine::evaluate::Basics;
use crate::engine::partial::key_use::Who;
use crate::engine::partial::undoing::Undoing;
use crate::record::event::Marked;
use crate::record::kms::View;
use crate::record::undo;

/// Notes a call of a name that may undo something.
pub fn note(sink: &mut BlobSink<'_, '_>, marked: Marked<'_>, basics: &Basics<'_>) {
    let (Some(event), Some(time)) = (marked.event(), basics.time) else { return };
    let view = View::new(&event);
    // What a VPC endpoint logs says nothing of how the call ended; and whoever writes a time that has not
    // come yet could undo what is done until then.
    let is_early = time > sink.context.plan.now;
    if view.attempt() || event.is_of_endpoint() || is_early {
        return;
    }
    let Some(undone) = undo::undone(&view) else { return };
    let words = &mut sink.partial.uses.words[0];
    let who = words.name(|bytes| Who::write(bytes, &view.who(), view.actor()));
    let what = sink.context.key.short(undone.what.as_bytes());
    match who {
        Ok(who) => {
            let row =
                Undoing { what, time: time.0, parts: undone.parts, cleared: undone.cleared, who };
            sink.partial.undoing.push(row);
        }
        Err(error) => sink.lose("what was undone is missing", &error),
    }
}
