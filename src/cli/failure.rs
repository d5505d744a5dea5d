//! Why a run was not performed. Every failure ends with exit code 2.
//!
//! Failures are collected, not returned at the first: a user who has three options wrong learns of
//! three. Each names the thing, says what was expected, and may carry a hint. File names and rule
//! texts come from outside, so all of it is escaped for the terminal when it is shown.

use std::io;
use std::path::{Path, PathBuf};

use crate::detect::RuleError;
use crate::folder::FolderError;
use crate::shards::PlanError;
use crate::source::{NoThreads, SourceError};

/// One reason why nothing was (or could be) reported.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A value that is not of the form its option takes. The user's error.
    #[error("invalid value '{value}' for '{option}': {reason}")]
    Value {
        /// The option as typed, `--since`.
        option: &'static str,
        /// What was given.
        value: String,
        /// What is wrong with it, or what is expected.
        reason: String,
    },
    /// Options that make no sense together, or something missing. The user's error.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: &'static str,
    },
    /// A rule that does not load. The rule author's error.
    #[error("{message}")]
    Rule {
        /// File, line and reason.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A configuration that cannot be used: its place and what is wrong. The user's error.
    #[error("{0}")]
    Config(String),
    /// An earlier report that cannot be compared with. The user's error.
    #[error("{}: {reason}", path.display())]
    Baseline {
        /// As typed.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A report that is not there. The user's error.
    #[error("{}: {reason}", path.display())]
    Report {
        /// As typed.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A report that `--around` cannot be taken from. The user's error.
    #[error("{}: {reason}", path.display())]
    Around {
        /// As typed.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A place at which there is no record. The user's error.
    #[error("{place}: {reason}")]
    Place {
        /// As typed.
        place: String,
        /// Why not, and what there is.
        reason: String,
    },
    /// A file with tags that cannot be opened. The user's error.
    #[error("{}: cannot be read: {reason}", path.display())]
    Tags {
        /// As typed.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A file with public keys that cannot be used. The user's error.
    #[error("{}: {reason}", path.display())]
    PublicKeys {
        /// As typed.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A file with last uses that cannot be used. The user's error.
    #[error("{}: {reason}", path.display())]
    LastUsage {
        /// As typed.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A state that cannot be gone on from.
    #[error("{name}: {reason}")]
    State {
        /// As typed.
        name: String,
        /// Why not.
        reason: String,
        /// What to do.
        hint: Option<&'static str>,
    },
    /// A queue that cannot be followed.
    #[error("{name}: {reason}")]
    Queue {
        /// As typed.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A plan that cannot be made or used.
    #[error("{0}")]
    Plan(PlanError),
    /// S3 that cannot be asked at all. The user's error.
    #[error("{0}")]
    S3(String),
    /// `--select` or `--ignore` with a word that names no rule, or that leave none.
    #[error("{0}")]
    Selector(String),
    /// A source that cannot be read at all.
    #[error("{message}")]
    Source {
        /// Which, and why.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The output cannot be opened.
    #[error("{}: cannot be opened for writing: {reason}", path.display())]
    Output {
        /// As typed.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The output broke while it was written; no half file is left.
    #[error("{place}: cannot be written: {source}")]
    Write {
        /// The path, or `standard output`.
        place: String,
        /// Why not.
        source: io::Error,
    },
    /// One of these that is about the value of a variable, which nobody typed.
    #[error("{variable}: {failure}")]
    OfVariable {
        /// The variable.
        variable: &'static str,
        /// What is wrong.
        failure: Box<Failure>,
    },
    /// A bug in this program.
    #[error("internal error, no report was written")]
    Internal,
}

impl Failure {
    /// `source` came from writing to `path`, or to standard output when there is none.
    pub fn write(path: Option<&Path>, source: io::Error) -> Failure {
        let place = path.map_or("standard output".into(), |path| path.display().to_string());
        Failure::Write { place, source }
    }

    /// A run that cannot be begun, for want of threads.
    pub fn run(error: &io::Error) -> Failure {
        let hint = lacks_threads(error)
            .then(|| "give a smaller --threads, or allow more processes: see ulimit -u".into());
        Failure::Source { message: format!("the run cannot be begun: {error}"), hint }
    }

    /// An output that broke while a run went on, or a run that could not be begun.
    pub fn during(path: Option<&Path>, source: io::Error) -> Failure {
        match lacks_threads(&source) {
            true => Failure::run(&source),
            false => Failure::write(path, source),
        }
    }

    /// What the user can do about it, where there is more to say than the message does.
    pub fn hint(&self) -> Option<String> {
        match self {
            Failure::Usage { hint, .. } => Some((*hint).into()),
            Failure::Rule { hint, .. } | Failure::Source { hint, .. } => hint.clone(),
            Failure::Selector(_) => {
                Some("select by rule id, group, tag (attack.t1485) or level (high)".into())
            }
            Failure::OfVariable { failure, .. } => failure.hint(),
            Failure::Internal => Some("this is a bug in keytrail: please report it".into()),
            Failure::Baseline { .. } | Failure::Report { .. } => {
                Some("give a report that keytrail scan -f json -o PATH wrote".into())
            }
            Failure::Tags { .. } => {
                Some("give a file with tags: --tags FILE, or --tags FILE@TIME".into())
            }
            Failure::Around { .. } => {
                Some("give a report that keytrail scan -f json -o PATH wrote, and a name in it".into())
            }
            Failure::Place { .. } => {
                Some("give a place as reports have it: FILE#INDEX, with the index from 0".into())
            }
            Failure::PublicKeys { .. } => {
                Some("give what aws cloudtrail list-public-keys printed for each Region".into())
            }
            Failure::LastUsage { .. } => {
                Some("give what aws kms get-key-last-usage printed for each key".into())
            }
            Failure::State { hint, .. } => hint.map(Into::into),
            Failure::Queue { .. } => Some(
                "give the URL of the queue, and credentials that may receive and delete its messages"
                    .into(),
            ),
            Failure::Plan(error) => error.hint().map(Into::into),
            Failure::S3(_) => Some(
                "give credentials as for the AWS CLI: AWS_PROFILE or --profile, AWS_ACCESS_KEY_ID, a role"
                    .into(),
            ),
            Failure::Write { source, .. } if source.kind() == io::ErrorKind::FileTooLarge => {
                Some("the process may write no larger file: see ulimit -f".into())
            }
            Failure::Config(_)
            | Failure::Value { .. }
            | Failure::Output { .. }
            | Failure::Write { .. } => None,
        }
    }
}

fn lacks_threads(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<NoThreads>())
}

impl From<RuleError> for Failure {
    fn from(error: RuleError) -> Self {
        Failure::Rule { message: error.to_string(), hint: error.hint().map(String::from) }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Failure::Plan(error)
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        Failure::Plan(error.into())
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Failure::Source { message: error.to_string(), hint: Some(error.hint().into()) }
    }
}
