//! Short names, times and counts.
//!
//! Nothing here is escaped; the caller escapes a text when it fits it into a cell.

use crate::model::arn::Arn;
use crate::model::keys::facts::KeyFacts;
use crate::model::keys::listed::{Listed, Tally, Used};
use crate::model::keys::state::{Proof, StateNow};
use crate::model::time::Time;
use crate::report::table::fit::{by_level, count};

/// A principal, without path and account where these say nothing: `role/app`, `root of 444455556666`.
pub fn who(name: &str, home: &str) -> String {
    let Some(arn) = Arn::parse(name).filter(|arn| matches!(arn.service, "iam" | "sts")) else {
        return name.to_owned();
    };
    let mut parts = arn.resource.rsplit('/');
    let last = parts.next().unwrap_or(arn.resource);
    let before = parts.next().unwrap_or_default();
    let short = match arn.resource.split_once('/') {
        // People who share a permission set: the name of the session is who it is.
        _ if before.starts_with("AWSReservedSSO_") => format!("{last} ({before})"),
        Some(("assumed-role", role)) => format!("role/{role}"),
        Some((kind, _)) => format!("{kind}/{last}"),
        None => arn.resource.to_owned(),
    };
    if arn.account == home || arn.account.is_empty() {
        short
    } else {
        format!("{short} of {}", arn.account)
    }
}

/// The first of a list, and how many more there are.
pub fn some(list: &Listed<Used>, most: usize, home: &str) -> String {
    let shown: Vec<String> = list
        .first
        .iter()
        .take(most)
        .map(|used| format!("{} {}", who(&used.name, home), count(used.tally.calls())))
        .collect();
    let others = list.count.saturating_sub(shown.len() as u64);
    let more = match (others, list.cut) {
        (0, _) => String::new(),
        (others, true) => format!(", {} more at least", count(others)),
        (others, false) => format!(", {} more", count(others)),
    };
    shown.join(", ") + &more
}

/// The names of a list, and how many more there are.
pub fn names(list: &Listed<Used>, most: usize) -> String {
    let shown: Vec<&str> = list.first.iter().take(most).map(|used| used.name.as_str()).collect();
    let others = list.count.saturating_sub(shown.len() as u64);
    let more = if others > 0 { format!(", {} more", count(others)) } else { String::new() };
    shown.join(", ") + &more
}

/// `2026-11-23 20:17`
pub fn minute(time: Time) -> String {
    let text = time.to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(minute)) => format!("{day} {minute}"),
        _ => text,
    }
}

/// `2026-11-23`
pub fn day(time: Time) -> String {
    let text = time.to_string();
    text.get(..10).map_or_else(|| text.clone(), str::to_owned)
}

/// A state, and when the key will be deleted.
pub fn state(now: &StateNow) -> String {
    let words = now.state.words();
    now.due.map_or_else(|| words.to_owned(), |due| format!("{words}, due {}", day(due)))
}

/// What the state leaves open: a key that should be gone, and whose end no record shows.
pub fn open(now: &StateNow) -> Option<&'static str> {
    now.past_due.then_some("the date has passed; no cancellation in the log")
}

/// The record behind a claim: `DisableKey 2026-11-23 20:17`.
pub fn by(proof: &Proof) -> String {
    let error = proof.error.as_deref().map(|error| format!(" ({error})")).unwrap_or_default();
    format!("{}{error} {}", proof.event, minute(proof.time))
}

/// `1,204, 13 refused`
pub fn tally(tally: &Tally) -> String {
    match tally.refused {
        0 => count(tally.ok),
        refused => format!("{}, {} refused", count(tally.ok), count(refused)),
    }
}

/// A part of a million as a percentage.
pub fn percent(ppm: u64) -> String {
    match ppm {
        0 => "0 %".to_owned(),
        1..1_000 => "under 0.1 %".to_owned(),
        _ => format!("{}.{} %", ppm / 10_000, ppm % 10_000 / 1_000),
    }
}

/// The findings of a key by level, the highest first.
pub fn findings(key: &KeyFacts) -> String {
    by_level(|level| key.findings.get(&level).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_short_and_keep_what_tells_them_apart() {
        let home = "111122223333";
        let set = "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef/ana";
        for (resource, short) in [
            ("role/path/app", "role/app"),
            ("user/ci", "user/ci"),
            ("root", "root"),
            (set, "ana (AWSReservedSSO_Admin_0123456789abcdef)"),
        ] {
            assert_eq!(who(&format!("arn:aws:iam::{home}:{resource}"), home), short);
        }
        assert_eq!(who("arn:aws:iam::444455556666:root", home), "root of 444455556666");
        assert_eq!(who("s3.amazonaws.com", home), "s3.amazonaws.com");
    }

    #[test]
    fn parts_are_percentages() {
        assert_eq!(
            [0, 1, 12_345, 1_000_000].map(percent),
            ["0 %", "under 0.1 %", "1.2 %", "100.0 %"]
        );
    }
}
