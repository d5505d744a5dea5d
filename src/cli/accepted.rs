//! What the user has accepted: the baseline as it is opened, and the suppressions as they are told
//! of on standard error.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::check::Verbosity;
use super::config::Placed;
use super::failure::Failure;
use super::ui::{Messages, plural};
use crate::model::suppression::{Applied, State};
use crate::triage::Baseline;

/// Reads the earlier report that `--baseline` names. `each` is whether this run reports events.
///
/// # Errors
/// Why it cannot be compared with.
pub fn baseline(path: Option<&Path>, each: bool) -> Result<Option<Baseline>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let failure = |reason: String| Failure::Baseline { path: path.into(), reason };
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "no such report".to_owned(),
        io::ErrorKind::PermissionDenied => "cannot be read: permission denied".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    if fs::metadata(path).map_err(unreadable).map_err(failure)?.is_dir() {
        return Err(failure("is a folder, expected a report".into()));
    }
    let file = File::open(path).map_err(unreadable).map_err(failure)?;
    let baseline = Baseline::read(file).map_err(failure)?;
    match (baseline.each, each) {
        (true, false) => {
            Err(failure("was written with --each and this run groups events: give --each".into()))
        }
        (false, true) => {
            Err(failure("groups events and this run does not: leave out --each".into()))
        }
        _ => Ok(Some(baseline)),
    }
}

/// Says which suppressions have expired, and which fit nothing. Of a rule that was not evaluated
/// (`evaluated` is false) it is no news that nothing was found.
pub fn say(
    placed: &[Placed],
    applied: &[Applied],
    evaluated: impl Fn(&str) -> bool,
    verbosity: Verbosity,
    messages: Messages,
) {
    let (mut expired, mut unmatched) = (0, 0);
    for (Placed { place, .. }, applied) in placed.iter().zip(applied) {
        let Applied { rule, expires, state, count, .. } = applied;
        let quiet = verbosity == Verbosity::Quiet;
        match state {
            State::Active => {}
            State::Unmatched if !evaluated(rule) => {}
            State::Expired => {
                expired += 1;
                if !quiet {
                    let findings = plural(*count, "finding");
                    messages.warning(format!(
                        "{place}: the suppression of {rule} expired on {expires}; it fits {findings}"
                    ));
                }
            }
            State::Unmatched => {
                unmatched += 1;
                if !quiet {
                    messages.note(format!("{place}: the suppression of {rule} fits no finding"));
                }
            }
        }
    }
    if verbosity == Verbosity::Quiet && expired > 0 {
        messages.warning(plural(expired, "suppression") + " expired");
    }
    if verbosity == Verbosity::Quiet && unmatched > 0 {
        messages.note(plural(unmatched, "suppression") + " without a finding");
    }
}
