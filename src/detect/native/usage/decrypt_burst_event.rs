//! Selects the calls that `decrypt-burst` counts: a principal decrypted something.
//!
//! It is code for speed, because it sees every `Decrypt` record. What must stay true: a record is
//! about a log file of the trail or about other data, never both.

use std::sync::Arc;

use crate::detect::native::{Detector, Found};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::{Actor, View};

/// The member of an encryption context that names a trail, for the log files of that trail.
const TRAIL: &str = "aws:cloudtrail:arn";

/// The member of the context of a secret.
const SECRET: &str = "SecretARN";

/// See `rules/use/decrypt-burst.md`.
#[derive(Debug)]
pub struct DecryptBurstEvent {
    /// Whether it selects log files of the trail, or everything else.
    logs: bool,
    /// The settings, with the principals that are expected to read log files.
    estate: Arc<Estate>,
}

impl DecryptBurstEvent {
    /// Selects everything except log files of the trail.
    pub fn of_data(estate: Arc<Estate>) -> DecryptBurstEvent {
        DecryptBurstEvent { logs: false, estate }
    }

    /// Selects log files of the trail.
    pub fn of_logs(estate: Arc<Estate>) -> DecryptBurstEvent {
        DecryptBurstEvent { logs: true, estate }
    }
}

impl Detector for DecryptBurstEvent {
    fn check(&self, _event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        // Of a context that AWS hides, nobody knows whether it names a log file.
        view.request("encryptionContext").filter(|_| !view.hides_context())?;
        let names = |known: &str| view.context().iter().any(|(name, _)| name == known);
        let log_file = names(TRAIL);
        if log_file != self.logs || !matches!(view.actor(), Actor::Via | Actor::Direct) {
            return None;
        }
        // The call to Secrets Manager is in the log of the caller's account, and `secret-bulk-read`
        // counts it there. Systems Manager reads many parameters by one path, so these count here.
        let counted_elsewhere = || names(SECRET);
        let is_callers = view.crosses_accounts() == Some(false);
        if view.actor() == Actor::Via && is_callers && counted_elsewhere() {
            return None;
        }
        if self.logs && !self.estate.log_readers.is_empty() {
            let reader =
                view.principal_arn().is_some_and(|arn| self.estate.log_readers.match_arn(&arn));
            if reader {
                return None;
            }
        }
        (view.is_kms() && view.ok()).then(|| Found::at(Level::Informational))
    }
}
