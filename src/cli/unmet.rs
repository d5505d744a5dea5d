//! What the configuration names and the log does not have: most likely it is misspelt, or gone.
//!
//! What must stay true: it is a note and no problem. A log need not have what an organisation has.

use super::config::Named;
use super::ui::Messages;
use crate::engine::ToMeet;
use crate::model::outcome::Outcome;
use crate::model::pattern::Patterns;

/// As many of a setting are named; the others are counted.
const NAMED_MAX: usize = 3;

/// What a setting names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Account,
    Region,
    Caller,
    Key,
    Service,
    Bucket,
    Monitor,
}

impl Of {
    fn setting(name: &str) -> Of {
        match name.split('.').next() {
            Some("accounts") => Of::Account,
            Some("regions") => Of::Region,
            Some("tags") => Of::Key,
            Some("services") => Of::Service,
            Some("monitors") => Of::Monitor,
            Some("secrets_buckets") if !name.ends_with(".readers") => Of::Bucket,
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
    ToMeet {
        callers: all(Of::Caller),
        keys: all(Of::Key),
        services: all(Of::Service),
        buckets: all(Of::Bucket),
        monitors: all(Of::Monitor),
    }
}

/// Says what of it was not met, in a line for each setting. Of a log that was not read whole nobody knows.
pub fn say(named: &[Named], outcome: &Outcome, messages: Messages) {
    if outcome.interrupted || outcome.totals.blobs_failed > 0 || outcome.totals.records == 0 {
        return;
    }
    let unmet: Vec<&Named> = named.iter().filter(|named| !is_met(named, outcome)).collect();
    for of_one in unmet.chunk_by(|one, next| group(one) == group(next)) {
        let Some(first) = of_one.first() else { continue };
        let names = of_one.iter().take(NAMED_MAX).map(|named| named.text.as_str());
        let mut names = names.collect::<Vec<_>>().join(", ");
        if of_one.len() > NAMED_MAX {
            names += &format!(" and {} more", of_one.len() - NAMED_MAX);
        }
        let missing = match Of::setting(&first.setting) {
            Of::Account | Of::Region => "in no record",
            Of::Service => "no call or key that rules looked at is of",
            Of::Bucket => "no record that rules looked at names",
            Of::Monitor => "nothing that was removed or switched off fits",
            Of::Caller => "no caller that rules looked at fits",
            Of::Key => "no key that rules looked at fits",
        };
        messages.note(format!("{}: {}: {missing}: {names}", first.place, table(&first.setting)));
    }
}

/// What is told in one line: `accounts.own`, `roles.automation`, and all of `tags.shared` and
/// `secrets_buckets`.
fn table(setting: &str) -> &str {
    match setting.split(['[', '.']).next() {
        Some("secrets_buckets") => "secrets_buckets",
        _ => setting.split('[').next().unwrap_or(setting),
    }
}

/// What is told together: of `secrets_buckets` the buckets, and their readers.
fn group(named: &Named) -> (&str, Of) {
    (table(&named.setting), Of::setting(&named.setting))
}

/// Whether the log has what a setting names.
fn is_met(named: &Named, outcome: &Outcome) -> bool {
    match Of::setting(&named.setting) {
        Of::Account => outcome.totals.accounts.contains(&named.text),
        Of::Region => outcome.totals.regions.contains(&named.text),
        Of::Caller | Of::Key | Of::Service | Of::Bucket | Of::Monitor => {
            !outcome.unmet.contains(&named.text)
        }
    }
}
