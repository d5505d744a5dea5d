//! What single uses mean to histories that ask where each came from.
//!
//! Rows that share their names mean the same, so that a history is asked once for each combination of
//! who, call and client. What must stay true: every use is asked about, whatever its key.

use std::io;
use std::rc::Rc;

use foldhash::{HashMap, HashMapExt};

use super::stateful::decide::{Bench, Desk};
use super::stateful::note::Note;
use super::sums::Sums;
use crate::detect::Over;
use crate::detect::stateful::{CallBy, Mark, Uses};
use crate::engine::context::Context;
use crate::engine::partial::key_use::KeyUse;
use crate::engine::store::dictionary::Sym;
use crate::engine::store::runs::RowAt;
use crate::model::time::Time;

/// How many combinations are kept at hand.
const AT_HAND: usize = 1 << 16;

/// The histories that are asked, and what they said.
pub struct Calls {
    /// By the number of their rules.
    histories: Vec<u32>,
    known: HashMap<[Sym; 3], Rc<Vec<(u32, Mark)>>>,
    sums: Sums,
}

impl Calls {
    /// The histories of a run that ask for single uses.
    pub fn new(context: &Context<'_>) -> Calls {
        Calls { histories: asking(context), known: HashMap::new(), sums: Sums::default() }
    }

    /// Takes in a use; `last` is the time of the last one that it stands for.
    ///
    /// # Errors
    /// When a temporary file cannot be used.
    pub fn take(
        &mut self,
        (row, at): (&KeyUse, RowAt),
        last: Time,
        desk: &mut Desk<'_>,
    ) -> io::Result<()> {
        if self.histories.is_empty() {
            return Ok(());
        }
        let names = [row.who, row.call, row.client];
        let marks = match self.known.get(&names) {
            Some(known) => Rc::clone(known),
            None => {
                let made = Rc::new(marks(&self.histories, row, desk)?);
                if self.known.len() >= AT_HAND {
                    self.known.clear();
                }
                self.known.insert(names, Rc::clone(&made));
                made
            }
        };
        let key = desk.bench.context.key;
        for (rule, mark) in marks.iter() {
            let part = key.long(&[mark.part.as_bytes()]);
            let note = Note { rule: *rule, part, kind: mark.kind, ..Note::of_row(row, at) };
            self.sums.add(key, note, &mark.value, last.0);
        }
        if self.sums.is_full() { self.leave(desk) } else { Ok(()) }
    }

    /// Makes notes of what was taken in.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub fn leave(&mut self, desk: &mut Desk<'_>) -> io::Result<()> {
        let stages = desk.bench.stages;
        self.sums.leave(&mut desk.left, |rule| stages.of(rule))
    }
}

/// The histories of a run that ask for single uses.
pub fn asking(context: &Context<'_>) -> Vec<u32> {
    let asks = |over: &Over<'_>| match over {
        Over::History(history) => matches!(history.uses(), Uses::OneByOne),
        Over::Correlation(_) => false,
    };
    let all = (0..).zip(&context.over).filter(|(_, rule)| asks(&rule.code));
    all.map(|(number, _)| number).collect()
}

/// What a use means to each history.
///
/// # Errors
/// When a temporary file cannot be read back.
pub fn marks(histories: &[u32], row: &KeyUse, desk: &mut Desk<'_>) -> io::Result<Vec<(u32, Mark)>> {
    let bench: &Bench<'_> = desk.bench;
    let (who, call) = (desk.lookup.who(row.who)?, desk.lookup.call(row.call)?);
    let client = desk.lookup.client(row.client)?;
    let told = CallBy {
        account: call.entry.account.as_deref(),
        name: &call.entry.name,
        attempt: call.entry.attempt,
        principal: &who.entry.principal,
        source_ip: client.source_ip.as_deref(),
        user_agent: client.user_agent.as_deref(),
    };
    let mut all = Vec::new();
    for number in histories {
        let Some(Over::History(history)) = bench.context.over(*number).map(|over| over.code) else {
            continue;
        };
        let mut marks = Vec::new();
        history.note_call(&told, &mut marks);
        all.extend(marks.into_iter().map(|mark| (*number, mark)));
    }
    Ok(all)
}
