//! What `decrypt-burst` counts: a principal decrypted something.
//!
//! Code, since it is asked of every Decrypt there is. What must stay true: log files of the trail
//! are told from everything else, so that a record is one or the other.

use std::sync::Arc;

use crate::detect::native::{Detector, Found};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::{Actor, View};

/// The member of an encryption context that names the trail whose file it is.
const TRAIL: &str = "aws:cloudtrail:arn";

/// See `rules/use/decrypt-burst.md`.
#[derive(Debug)]
pub struct DecryptBurstEvent {
    /// Whether it looks at log files of the trail, or at all else.
    logs: bool,
    /// Who is expected to read log files.
    estate: Arc<Estate>,
}

impl DecryptBurstEvent {
    /// Looks at everything but log files of the trail.
    pub fn of_data(estate: Arc<Estate>) -> DecryptBurstEvent {
        DecryptBurstEvent { logs: false, estate }
    }

    /// Looks at log files of the trail.
    pub fn of_logs(estate: Arc<Estate>) -> DecryptBurstEvent {
        DecryptBurstEvent { logs: true, estate }
    }
}

impl Detector for DecryptBurstEvent {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let context = event.path(&["requestParameters", "encryptionContext"])?;
        let log_file = context.get(TRAIL).is_some();
        if log_file != self.logs || !matches!(view.actor(), Actor::Via | Actor::Direct) {
            return None;
        }
        if self.logs && !self.estate.log_readers.is_empty() {
            let reader =
                view.principal_arn().is_some_and(|arn| self.estate.log_readers.matches(&arn));
            if reader {
                return None;
            }
        }
        (view.is_kms() && view.ok()).then(|| Found::at(Level::Informational))
    }
}
