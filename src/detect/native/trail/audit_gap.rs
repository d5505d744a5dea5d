//! Judges hours in which something is missing from the logs.
//!
//! It is code because only all hours of an account and Region tell which of them were quiet. What
//! must stay true: a finding says which hours, what is missing in them, and why that is no quiet
//! time.

use serde_json::{Value, json};

use crate::detect::whole_log::hours::{Because, Missing, What};
use crate::detect::whole_log::{Conclusion, LogView, LooksAt, Piece, WholeLog};

/// Gaps that a finding lists.
const LISTED: usize = 10;

/// See `rules/trail/audit-gap.md`.
#[derive(Debug)]
pub struct AuditGap;

impl WholeLog for AuditGap {
    fn looks_at(&self) -> LooksAt {
        LooksAt::Hours
    }

    fn judge(&self, view: &LogView<'_>) -> Option<Conclusion> {
        let Piece::Hours(missing) = view.piece else { return None };
        let longest = missing.iter().rev().max_by_key(|missing| missing.gap.hours())?;
        let kinds = [What::Events, What::Reads].into_iter();
        let kinds = kinds.filter(|what| missing.iter().any(|missing| missing.what == *what));
        let told = Conclusion::at(view.level)
            .with("why", in_words(longest))
            .with("gaps", missing.iter().take(LISTED).map(in_members).collect::<Vec<_>>())
            .with("missing", kinds.map(name).collect::<Vec<_>>())
            .with("gap_hours", view.estate.thresholds.gap_hours);
        Some(match missing.len().saturating_sub(LISTED) {
            0 => told,
            more => told.with("gaps_not_listed", more),
        })
    }
}

/// The name in reports.
fn name(what: What) -> &'static str {
    match what {
        What::Events => "events",
        What::Reads => "kms-reads",
    }
}

fn in_members(missing: &Missing) -> Value {
    let (from, to) = missing.gap.times();
    let mut value = json!({
        "from": from, "to": to, "hours": missing.gap.hours(), "missing": name(missing.what),
    });
    match missing.because {
        Because::Usual(with, hours) => value["before"] = json!({"hours": hours, "with": with}),
        Because::Writes(hours) => value["hours_with_kms_writes"] = json!(hours),
    }
    value
}

fn in_words(missing: &Missing) -> String {
    let (from, _) = missing.gap.times();
    let what = match missing.what {
        What::Events => "events",
        What::Reads => "KMS reads",
    };
    let hours = missing.gap.hours();
    match missing.because {
        Because::Usual(with, before) => format!(
            "no {what} for {hours} hours from {from}; before, {with} of {before} hours had some"
        ),
        Because::Writes(writes) => {
            format!("no {what} for {hours} hours from {from}, {writes} of which have KMS writes")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::coverage::Gap;
    use crate::model::estate::Estate;
    use crate::model::level::Level;

    fn missing(number: i64, hours: i64, what: What) -> Missing {
        let from = 473_352 + number * 100;
        Missing { gap: Gap { from, to: from + hours }, what, because: Because::Usual(9, 10) }
    }

    fn judged(all: &[Missing]) -> Option<Conclusion> {
        let view =
            LogView { estate: &Estate::default(), level: Level::Medium, piece: Piece::Hours(all) };
        AuditGap.judge(&view)
    }

    #[test]
    fn the_first_of_the_longest_gaps_is_the_reason() {
        let gap = |number, hours| missing(number, hours, What::Events);
        let told = judged(&[gap(0, 30), gap(1, 40), gap(2, 40)]).unwrap();
        let why =
            "no events for 40 hours from 2024-01-05T04:00:00Z; before, 9 of 10 hours had some";
        assert_eq!((told.level, &told.details["why"]), (Level::Medium, &json!(why)));
        assert_eq!(told.details["missing"], json!(["events"]));
        assert!(!told.details.contains_key("gaps_not_listed"));
        assert_eq!(judged(&[]), None);
    }

    #[test]
    fn a_few_gaps_are_listed_and_the_rest_counted() {
        let all: Vec<Missing> = (0..13).map(|number| missing(number, 30, What::Reads)).collect();
        let told = judged(&all).unwrap();
        assert_eq!(told.details["gaps"].as_array().unwrap().len(), LISTED);
        assert_eq!(told.details["gaps_not_listed"], 3);
        assert_eq!(told.details["missing"], json!(["kms-reads"]));
    }
}
