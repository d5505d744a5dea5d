//! Judges files that do not verify: changed, gone, or never signed for.
//!
//! It is code because it judges files and not records. What must stay true: it says nothing that
//! depends on where a copy lies, but for the name of the file that was read.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::detect::whole_log::{Conclusion, LogView, LooksAt, Piece, WholeLog};
use crate::model::verified::{Fault, Unverified};

/// See `rules/trail/log-tampering.md`.
#[derive(Debug)]
pub struct LogTampering;

impl WholeLog for LogTampering {
    fn looks_at(&self) -> LooksAt {
        LooksAt::Files
    }

    fn judge(&self, view: &LogView<'_>) -> Option<Conclusion> {
        let Piece::Files(files) = view.piece else { return None };
        let Unverified { kind, verdict, faults, .. } = files;
        let trails: BTreeSet<&str> =
            faults.iter().filter_map(|fault| fault.trail.as_deref()).collect();
        let items: Vec<Value> = files.shown().iter().map(in_members).collect();
        let told = Conclusion::at(view.level)
            .with("kind", *kind)
            .with("verdict", *verdict)
            .with("why", in_words(files))
            .with("trails", trails.into_iter().collect::<Vec<_>>());
        Some(told.with("items_not_listed", faults.len() - items.len()).with("items", items))
    }
}

fn in_members(fault: &Fault) -> Value {
    let Fault { origin, object, detail, trail, count, .. } = fault;
    json!({"origin": origin, "object": object, "detail": detail, "trail": trail, "count": count})
}

fn in_words(files: &Unverified) -> String {
    let detail = files.faults.first().map(|fault| fault.detail.as_str()).unwrap_or_default();
    let more = match files.count() {
        0 | 1 => String::new(),
        more => format!(" ({more} of them)"),
    };
    let colon = if detail.is_empty() { "" } else { ": " };
    format!("{} {}{more}{colon}{detail}", files.kind, files.verdict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::estate::Estate;
    use crate::model::level::Level;

    fn fault(number: usize, detail: &str) -> Fault {
        Fault {
            time: None,
            name: format!("{number:05}"),
            origin: format!("a/{number:05}").into(),
            detail: detail.into(),
            count: 1,
            trail: Some("main".into()),
            object: None,
            resource: ("x".into(), "AWS::S3::Object"),
        }
    }

    fn judged(faults: Vec<Fault>) -> Conclusion {
        let files = Unverified {
            account: None,
            region: None,
            kind: "log",
            verdict: "missing",
            one: None,
            faults,
        };
        let (estate, piece) = (&Estate::default(), Piece::Files(&files));
        LogTampering.judge(&LogView { estate, level: Level::Critical, piece }).unwrap()
    }

    #[test]
    fn a_few_files_are_listed_and_the_rest_counted() {
        let told = judged((0..12).map(|number| fault(number, "gone")).collect());
        assert_eq!(told.level, Level::Critical);
        assert_eq!(told.details["why"], "log missing (12 of them): gone");
        assert_eq!(told.details["items"].as_array().unwrap().len(), 10);
        assert_eq!(told.details["items_not_listed"], 2);
        assert_eq!(told.details["trails"], json!(["main"]));
        let told = judged(vec![fault(0, "")]);
        assert_eq!(told.details["why"], "log missing");
        assert_eq!(told.details["items_not_listed"], 0);
    }
}
