//! Exit codes, which scripts rely on.
//!
//! Codes not listed here are not used, but for 130: a second SIGINT or SIGTERM ends the process at
//! once, where no code can be earned any more.

use std::process::ExitCode;

use crate::model::level::Level;
use crate::model::outcome::Outcome;
use crate::report::{Ending, Reason};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Complete, nothing at or above `--fail-on`.
    Clean = 0,
    /// Complete, at least one finding at or above `--fail-on`.
    Findings = 1,
    /// Not performed: usage, configuration, a rule that does not load, an output that cannot be
    /// opened or written, no such source.
    NotPerformed = 2,
    /// Some input was not seen. Wins over [`Exit::Findings`]: who asks "is it clean?" must not read
    /// an answer that is based on part of the evidence.
    Incomplete = 3,
}

impl Exit {
    /// The code of a scan.
    ///
    /// `allow_incomplete` forgives problems, but not a signal: the caller who sent it knows that
    /// the scan did not end by itself, the next one in the script does not.
    pub fn of(outcome: &Outcome, fail_on: Option<Level>, allow_incomplete: bool) -> Exit {
        if outcome.interrupted || !(outcome.complete() || allow_incomplete) {
            return Exit::Incomplete;
        }
        match fail_on {
            Some(level) if outcome.summary.at_or_above(level) > 0 => Exit::Findings,
            _ => Exit::Clean,
        }
    }

    /// The same for a program that reads lines of NDJSON.
    pub fn ending(self, complete: bool, interrupted: bool) -> Ending {
        let reason = match self {
            Exit::Clean => Reason::Clean,
            Exit::Findings => Reason::Findings,
            Exit::NotPerformed | Exit::Incomplete if interrupted => Reason::Interrupted,
            Exit::NotPerformed | Exit::Incomplete => Reason::Incomplete,
        };
        Ending { complete, code: self as u8, reason }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::origin::Origin;
    use crate::model::problem::{Problem, Stage};

    fn outcome(levels: &[Level], problems: usize) -> Outcome {
        let mut outcome = Outcome::default();
        levels.iter().for_each(|&level| outcome.summary.add(level));
        let problem = Problem::new(Origin::blob("a"), Stage::Read, "gone");
        outcome.problems = vec![problem; problems];
        outcome
    }

    #[test]
    fn findings_count_from_the_level_up() {
        let found = outcome(&[Level::Medium], 0);
        assert_eq!(Exit::of(&found, None, false), Exit::Clean);
        assert_eq!(Exit::of(&found, Some(Level::High), false), Exit::Clean);
        assert_eq!(Exit::of(&found, Some(Level::Medium), false), Exit::Findings);
        assert_eq!(Exit::of(&found, Some(Level::Informational), false), Exit::Findings);
    }

    #[test]
    fn incomplete_wins_unless_allowed() {
        let found = outcome(&[Level::High], 1);
        assert_eq!(Exit::of(&found, Some(Level::High), false), Exit::Incomplete);
        assert_eq!(Exit::of(&found, Some(Level::High), true), Exit::Findings);
        assert_eq!(Exit::of(&outcome(&[], 1), None, true), Exit::Clean);
        let interrupted = Outcome { interrupted: true, ..outcome(&[Level::High], 0) };
        assert_eq!(Exit::of(&interrupted, Some(Level::High), true), Exit::Incomplete);
    }
}
