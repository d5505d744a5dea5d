//! The state of a key, call by call in the order of time.
//!
//! What must stay true: the state is the one that the latest record tells, and that record is named.
//! A call that failed tells a state only where KMS says so of this key. A use that succeeded tells
//! that the key was enabled, unless it comes so soon after a change that it may not have known of it.

use std::io;

use super::seen::Seen;
use super::texts::Texts;
use crate::engine::partial::touch::Touch;
use crate::model::date_text;
use crate::model::keys::facts::{KeyFacts, id_of};
use crate::model::keys::state::{KeyState, Made, Material, Rotation, StateNow};
use crate::model::time::Time;
use crate::record::json::Json;

/// How long a change takes until all of KMS knows of it, in microseconds. AWS says: mostly seconds,
/// at times some minutes.
const SPREADING: i64 = 300_000_000;

/// A day, in microseconds.
const DAY: i64 = 86_400_000_000;

/// How long deletion waits where nobody says, in days.
const WAITS: i64 = 30;

/// What is known of the state of a key so far.
#[derive(Debug, Default)]
pub struct Course {
    /// Whether a record shows that there is such a key, or was.
    pub exists: bool,
    state: KeyState,
    due: Option<Time>,
    proof: Option<Touch>,
    changed: Option<Touch>,
    made: Option<(Touch, Made1)>,
    origin: Option<String>,
    rotation: (Option<bool>, Option<u64>, Option<Touch>),
    rotations: (u64, Option<Time>),
    material: Option<(bool, Option<Time>, Touch)>,
}

/// How the key was made, without the record.
#[derive(Debug, Default)]
struct Made1 {
    spec: Option<String>,
    usage: Option<String>,
    multi_region: bool,
    manager: Option<String>,
}

impl Course {
    /// Takes in the next call; whether it changed the state of the key.
    pub fn take(&mut self, arn: &str, seen: &Seen) -> bool {
        self.exists |= seen.ok();
        let changed = match seen.ok() {
            true => self.change(arn, seen),
            false => {
                self.failed(arn, seen);
                false
            }
        };
        if changed {
            (self.proof, self.changed) = (Some(seen.touch), Some(seen.touch));
        }
        changed
    }

    /// A call that succeeded.
    fn change(&mut self, arn: &str, seen: &Seen) -> bool {
        match seen.name() {
            "CreateKey" => self.made(seen, "keyMetadata"),
            "ReplicateKey" if is_replica(arn, seen) => self.made(seen, "replicaKeyMetadata"),
            "EnableKey" => self.state = KeyState::Enabled,
            "DisableKey" | "CancelKeyDeletion" => {
                (self.state, self.due) = (KeyState::Disabled, None)
            }
            "ScheduleKeyDeletion" => self.scheduled(seen),
            "DeleteKey" => self.state = KeyState::Deleted,
            "ImportKeyMaterial" => self.imported(seen),
            "DeleteImportedKeyMaterial" | "DeleteExpiredKeyMaterial" => {
                self.state = KeyState::PendingImport;
                self.material = Some((false, None, seen.touch));
            }
            _ => {
                self.beside(seen);
                return false;
            }
        }
        true
    }

    /// What changes no state.
    fn beside(&mut self, seen: &Seen) {
        match seen.name() {
            "EnableKeyRotation" => {
                let days = seen.request(&["rotationPeriodInDays"]).and_then(Json::as_f64);
                let days = days.filter(|days| (1.0..1e5).contains(days)).map(|days| days as u64);
                self.rotation = (Some(true), days, Some(seen.touch));
            }
            "DisableKeyRotation" => self.rotation = (Some(false), None, Some(seen.touch)),
            "RotateKey" => {
                self.rotations = (self.rotations.0 + 1, Some(seen.time()));
                let origin = seen.more(&["keyOrigin"]).and_then(Json::text);
                self.origin = origin.map(Into::into).or(self.origin.take());
            }
            _ if seen.is_use() && !self.is_spreading(seen.time()) => {
                if self.state != KeyState::Enabled {
                    self.due = None;
                }
                (self.state, self.proof) = (KeyState::Enabled, Some(seen.touch));
            }
            _ => {}
        }
    }

    fn is_spreading(&self, time: Time) -> bool {
        self.changed.is_some_and(|changed| time.0 - changed.time < SPREADING)
    }

    fn made(&mut self, seen: &Seen, answer: &str) {
        let told = |name: &str| seen.answered(&[answer, name]).map(String::from);
        self.origin = told("origin").or_else(|| seen.asked("origin").map(Into::into));
        let import = self.origin.as_deref() == Some("EXTERNAL");
        let state = told("keyState").and_then(|state| KeyState::named(&state));
        let or = if import { KeyState::PendingImport } else { KeyState::Enabled };
        self.state = state.unwrap_or(or);
        let made = Made1 {
            spec: told("keySpec").or_else(|| told("customerMasterKeySpec")),
            usage: told("keyUsage"),
            multi_region: seen.response(&[answer, "multiRegion"]).and_then(Json::as_bool)
                == Some(true),
            manager: told("keyManager"),
        };
        self.made = Some((seen.touch, made));
    }

    fn scheduled(&mut self, seen: &Seen) {
        let told = seen.answered(&["keyState"]).and_then(|state| KeyState::named(&state));
        self.state = told.unwrap_or(KeyState::PendingDeletion);
        let window = |value: Option<Json<'_>>| value.and_then(Json::as_f64);
        let days = window(seen.response(&["pendingWindowInDays"]))
            .or_else(|| window(seen.request(&["pendingWindowInDays"])));
        let days =
            days.filter(|days| (1.0..=365.0).contains(days)).map_or(WAITS, |days| days as i64);
        let date = seen.answered(&["deletionDate"]).and_then(|date| date_text::read(&date));
        let after = || Time(seen.touch.time.saturating_add(days * DAY));
        // A primary key waits for its replicas first; nobody knows for how long.
        let waits = self.state == KeyState::PendingReplicaDeletion;
        self.due = date.or_else(|| (!waits).then(after));
    }

    fn imported(&mut self, seen: &Seen) {
        if self.state != KeyState::Disabled {
            self.state = KeyState::Enabled;
        }
        let expires = seen.asked("validTo").and_then(|date| date_text::read(&date));
        let never = seen.asked("expirationModel");
        let never = never.is_some_and(|model| model == "KEY_MATERIAL_DOES_NOT_EXPIRE");
        self.material = Some((true, expires.filter(|_| !never), seen.touch));
        self.origin.get_or_insert_with(|| "EXTERNAL".to_owned());
    }

    /// A call that failed: KMS may say what state the key is in.
    fn failed(&mut self, arn: &str, seen: &Seen) {
        let (Some(error), Some(message)) = (seen.error(), seen.message()) else { return };
        let Some(state) = told_by(error, message, id_of(arn)) else { return };
        self.exists |= state != KeyState::NotFound;
        let gone = self.state == KeyState::Deleted && state == KeyState::NotFound;
        if gone || self.is_spreading(seen.time()) {
            return;
        }
        if state != self.state {
            self.due = None;
        }
        (self.state, self.proof) = (state, Some(seen.touch));
    }

    /// Writes down what is known.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn finish(self, facts: &mut KeyFacts, texts: &mut Texts<'_>) -> io::Result<()> {
        let mut proof = |touch: Option<Touch>| touch.map(|touch| texts.proof(&touch)).transpose();
        facts.state = StateNow {
            state: self.state,
            due: self.due,
            past_due: false,
            proof: proof(self.proof)?,
            changed: proof(self.changed)?,
        };
        let (on, period_days, by) = self.rotation;
        let (rotations, last) = self.rotations;
        facts.rotation = Rotation { on, period_days, proof: proof(by)?, rotations, last };
        if let Some((there, expires, by)) = self.material {
            facts.material = proof(Some(by))?.map(|proof| Material { there, expires, proof });
        }
        if let Some((by, made)) = self.made {
            let Made1 { spec, usage, multi_region, manager } = made;
            facts.made =
                proof(Some(by))?.map(|proof| Made { proof, spec, usage, multi_region, manager });
        }
        facts.origin = self.origin;
        Ok(())
    }
}

/// Whether a `ReplicateKey` made this key.
pub fn is_replica(arn: &str, seen: &Seen) -> bool {
    seen.answered(&["replicaKeyMetadata", "arn"]).is_some_and(|replica| replica == arn)
}

/// The state that KMS tells of the key of an id when a call fails. The message names the key, since
/// a call may be about two.
fn told_by(error: &str, message: &str, id: &str) -> Option<KeyState> {
    let message = message.trim_end().trim_end_matches('.');
    if !message.contains(id) {
        return None;
    }
    let says = |words: &str| message.contains(words);
    match error {
        "DisabledException" | "KMSInvalidStateException" => Some(match () {
            () if says("is not pending") => return None,
            () if says("is pending replica deletion") => KeyState::PendingReplicaDeletion,
            () if says("is pending deletion") => KeyState::PendingDeletion,
            () if says("is pending import") => KeyState::PendingImport,
            () if says("is disabled") => KeyState::Disabled,
            () if says("is unavailable") => KeyState::Unavailable,
            () if says("is creating") => KeyState::Creating,
            () => return None,
        }),
        "NotFoundException" => says("does not exist").then_some(KeyState::NotFound),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kms_tells_the_state_of_the_key_that_it_names() {
        let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd";
        for (error, says, state) in [
            ("DisabledException", "is disabled.", Some(KeyState::Disabled)),
            ("DisabledException", "is pending deletion.", Some(KeyState::PendingDeletion)),
            (
                "KMSInvalidStateException",
                "is pending deletion (or pending replica deletion).",
                Some(KeyState::PendingDeletion),
            ),
            ("KMSInvalidStateException", "is pending import.", Some(KeyState::PendingImport)),
            ("KMSInvalidStateException", "is not pending deletion.", None),
            ("AccessDenied", "is disabled.", None),
        ] {
            let message = format!("{arn} {says}");
            assert_eq!(told_by(error, &message, "1234abcd"), state, "{error} {says}");
            assert_eq!(told_by(error, &message, "other"), None);
        }
        let message = format!("Key '{arn}' does not exist");
        assert_eq!(told_by("NotFoundException", &message, "1234abcd"), Some(KeyState::NotFound));
    }
}
