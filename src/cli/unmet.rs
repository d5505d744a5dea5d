//! What the configuration names and the log does not have: most likely it is misspelt, or gone.
//!
//! What must stay true: it is a note and no problem. A log need not have what an organisation has.

use super::config::Named;
use super::ui::Messages;
use crate::engine::ToMeet;
use crate::model::outcome::Outcome;
use crate::model::pattern::Patterns;

/// As many are named; the others are counted.
const NAMED_MAX: usize = 10;

/// What a setting names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Account,
    Caller,
    Key,
}

impl Of {
    fn setting(name: &str) -> Of {
        match name.split('.').next() {
            Some("accounts") => Of::Account,
            Some("tags") => Of::Key,
            _ => Of::Caller,
        }
    }
}

/// What a run should meet.
pub fn to_meet(named: &[Named]) -> ToMeet {
    let all = |of: Of| {
        let named = named.iter().filter(|named| Of::setting(&named.setting) == of);
        Patterns::new(named.map(|named| named.text.as_str()))
    };
    ToMeet { callers: all(Of::Caller), keys: all(Of::Key) }
}

/// Says what of it was not met. Of a log that was not read whole nobody knows.
pub fn say(named: &[Named], outcome: &Outcome, messages: Messages) {
    if outcome.interrupted || outcome.totals.blobs_failed > 0 || outcome.totals.records == 0 {
        return;
    }
    let unmet = named.iter().filter_map(|named| Some((named, missing(named, outcome)?)));
    let unmet: Vec<(&Named, &str)> = unmet.collect();
    for (Named { setting, text, place }, missing) in unmet.iter().take(NAMED_MAX) {
        messages.note(format!("{place}: {setting}: {text} {missing}"));
    }
    if unmet.len() > NAMED_MAX {
        let more = unmet.len() - NAMED_MAX;
        messages.note(format!("{more} more names of the configuration are in no record"));
    }
}

/// What is missing, if the log does not have what a setting names.
fn missing(named: &Named, outcome: &Outcome) -> Option<&'static str> {
    let (met, missing) = match Of::setting(&named.setting) {
        Of::Account => {
            (outcome.totals.accounts.contains(&named.text), "is the account of no record")
        }
        Of::Caller => (!outcome.unmet.contains(&named.text), "fits no caller that rules looked at"),
        Of::Key => (!outcome.unmet.contains(&named.text), "fits no key that rules looked at"),
    };
    (!met).then_some(missing)
}
