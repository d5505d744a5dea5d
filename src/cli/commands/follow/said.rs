//! What is said on standard error and only once: what is to be known of records, and which suppressions
//! have expired.
//!
//! A follower concludes thousands of times, and each conclusion has the same to say. What must stay true: no
//! sentence comes with each of them, and a suppression that expires while the follower runs is told of.

use std::collections::BTreeSet;

use crate::cli::config::Placed;
use crate::cli::ui::Messages;
use crate::model::notes::RunNote;
use crate::model::time::Time;

/// Sentences that are remembered. Few exist, unless somebody makes them up.
const NOTES: usize = 1_000;

/// What is to be said, and what was.
#[derive(Debug)]
pub struct Said {
    messages: Messages,
    /// Whether only warnings are said.
    quiet: bool,
    notes: BTreeSet<String>,
    /// Suppressions that hold, as far as was said.
    holding: Vec<Placed>,
}

impl Said {
    /// Nothing was said of these suppressions yet. With `quiet` only warnings are said.
    pub fn new(messages: Messages, quiet: bool, suppressions: &[Placed]) -> Said {
        Said { messages, quiet, notes: BTreeSet::new(), holding: suppressions.to_vec() }
    }

    /// Says what of this was not said before. The number of records is that of the first time.
    pub fn notes(&mut self, notes: &[RunNote]) {
        for note in self.new_of(notes) {
            self.messages.note(note);
        }
    }

    fn new_of<'a>(&mut self, notes: &'a [RunNote]) -> Vec<&'a RunNote> {
        if self.quiet {
            return Vec::new();
        }
        if self.notes.len() >= NOTES {
            self.notes.clear();
        }
        notes.iter().filter(|note| self.notes.insert(note.message.clone())).collect()
    }

    /// Warns of suppressions that have expired since this was last asked.
    pub fn expired(&mut self, now: Time) {
        for Placed { suppression, place } in self.newly_expired(now) {
            let (rule, expires) = (suppression.rule, suppression.expires);
            self.messages.warning(format!(
                "{place}: the suppression of {rule} expired on {expires}; what it fits is told"
            ));
        }
    }

    fn newly_expired(&mut self, now: Time) -> Vec<Placed> {
        let is_over = |placed: &mut Placed| placed.suppression.expires.is_over(now);
        self.holding.extract_if(.., is_over).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ui::When;
    use crate::model::origin::Origin;
    use crate::model::suppression::{Day, Suppression};

    fn said(quiet: bool, expires: &[&str]) -> Said {
        let placed = |day: &&str| Placed {
            suppression: Suppression {
                rule: "root-user-kms".into(),
                principal: None,
                key: None,
                resource: None,
                trust_context: false,
                account: None,
                region: None,
                reason: "accepted".into(),
                owner: None,
                ticket: None,
                expires: Day::parse(day).unwrap(),
            },
            place: (*day).to_owned(),
        };
        let messages = Messages::new(When::Never);
        Said::new(messages, quiet, &expires.iter().map(placed).collect::<Vec<_>>())
    }

    #[test]
    fn a_suppression_is_told_of_once_when_its_last_day_is_over() {
        let mut said = said(true, &["2026-11-22", "2026-11-24", "2026-11-23"]);
        let mut at = |time: &str| -> Vec<String> {
            let expired = said.newly_expired(Time::parse(time).unwrap());
            expired.into_iter().map(|placed| placed.place).collect()
        };
        assert_eq!(at("2026-11-23T12:00:00Z"), ["2026-11-22"]);
        assert!(at("2026-11-23T23:59:59Z").is_empty());
        assert_eq!(at("2026-11-24T00:00:00Z"), ["2026-11-23"]);
        assert_eq!(at("2026-12-01T00:00:00Z"), ["2026-11-24"]);
        assert!(at("2026-12-02T00:00:00Z").is_empty());
    }

    #[test]
    fn a_sentence_is_said_once_whatever_its_number() {
        let note = |message: &str, records| RunNote {
            message: message.to_owned(),
            records,
            origin: Origin::blob("a"),
        };
        let mut loud = said(false, &[]);
        assert_eq!(loud.new_of(&[note("one", 1), note("two", 2)]).len(), 2);
        let again = [note("one", 7), note("three", 1)];
        assert_eq!(loud.new_of(&again), [&again[1]]);
        let many: Vec<RunNote> =
            (0..NOTES * 2).map(|number| note(&number.to_string(), 1)).collect();
        many.chunks(20).for_each(|some| drop(loud.new_of(some)));
        assert!(loud.notes.len() < NOTES + 20);
        assert!(said(true, &[]).new_of(&again).is_empty());
    }
}
