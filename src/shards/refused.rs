//! Why there is no plan, or none that can be used.

use crate::folder::FolderError;

/// Why a plan cannot be made or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// One is there already.
    #[error("{0}: a plan is there already")]
    There(String),
    /// None is there.
    #[error("{0}: there is no such plan")]
    Missing(String),
    /// What is there is no plan that this version reads.
    #[error("{file}: {reason}")]
    Foreign {
        /// The file.
        file: String,
        /// Why not.
        reason: String,
    },
    /// It is not any more what was written.
    #[error("{file}: was changed since the plan was made: {reason}")]
    Changed {
        /// The file.
        file: String,
        /// What shows that.
        reason: String,
    },
    /// It has no such shard.
    #[error("there is no shard {shard}: the plan has {shards}, with numbers from 0 on")]
    Shard {
        /// The shard that was asked for.
        shard: u64,
        /// How many there are.
        shards: u64,
    },
    /// A file cannot be written or read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A temporary file cannot be written, or there is no randomness.
    #[error("the plan cannot be made: {0}")]
    Local(String),
}

impl PlanError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            PlanError::There(_) => Some("give another folder: a plan stays as it is"),
            PlanError::Missing(_) => Some("make one first: keytrail plan SOURCE -o OUT"),
            PlanError::Changed { .. } => {
                Some("make a new plan in another folder: facts of this one cannot be trusted")
            }
            PlanError::Foreign { .. }
            | PlanError::Shard { .. }
            | PlanError::Folder(_)
            | PlanError::Local(_) => None,
        }
    }

    pub(super) fn local(error: &std::io::Error) -> PlanError {
        PlanError::Local(error.to_string())
    }
}
