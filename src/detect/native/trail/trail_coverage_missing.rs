//! Judges accounts and Regions that the configuration expects and the log has nothing of.
//!
//! It is code because only the whole log tells what is not in it. What must stay true: a log without
//! a configuration expects nothing.

use crate::detect::whole_log::expected::Undelivered;
use crate::detect::whole_log::{Conclusion, LogView, LooksAt, Piece, WholeLog};
use crate::model::level::Level;

/// See `rules/trail/trail-coverage-missing.md`.
#[derive(Debug)]
pub struct TrailCoverageMissing;

impl WholeLog for TrailCoverageMissing {
    fn looks_at(&self) -> LooksAt {
        LooksAt::Expected
    }

    fn sets_levels(&self) -> bool {
        true
    }

    fn judge(&self, view: &LogView<'_>) -> Option<Conclusion> {
        let Piece::Undelivered(undelivered) = view.piece else { return None };
        let Undelivered { account, nothing, regions, log } = undelivered;
        let (from, to) = log.times();
        let (level, why) = match nothing {
            true => (
                view.level,
                format!("{account} is one of accounts.own, and the log has no record of it"),
            ),
            // A Region where nothing happens delivers nothing.
            false => (
                Level::Low,
                format!(
                    "regions.expected names {}, and the log has no record of it in {account}",
                    regions.join(", ")
                ),
            ),
        };
        let told = Conclusion::at(level)
            .with("why", format!("{why}, from {from} to {to}"))
            .with("missing", if *nothing { "account" } else { "regions" })
            .with("log_from", from.to_string())
            .with("log_to", to.to_string());
        Some(match regions.is_empty() {
            true => told,
            false => told.with("regions_missing", regions.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::coverage::Gap;
    use crate::model::estate::Estate;

    fn judged(nothing: bool, regions: &[&str]) -> Conclusion {
        let undelivered = Undelivered {
            account: "444455556666".into(),
            nothing,
            regions: regions.iter().copied().map(str::to_owned).collect(),
            log: Gap { from: 473_352, to: 473_400 },
        };
        let piece = Piece::Undelivered(&undelivered);
        let view = LogView { estate: &Estate::default(), level: Level::Medium, piece };
        TrailCoverageMissing.judge(&view).unwrap()
    }

    #[test]
    fn an_account_weighs_more_than_a_region() {
        let all = judged(true, &[]);
        let why = "444455556666 is one of accounts.own, and the log has no record of it, from \
                   2024-01-01T00:00:00Z to 2024-01-03T00:00:00Z";
        assert_eq!((all.level, all.why()), (Level::Medium, why));
        assert!(!all.details.contains_key("regions_missing"));
        let some = judged(false, &["eu-central-1", "eu-west-1"]);
        assert_eq!((some.level, &some.details["missing"]), (Level::Low, &json!("regions")));
        assert_eq!(some.details["regions_missing"], json!(["eu-central-1", "eu-west-1"]));
    }
}
