//! Calls that undo other calls.
//!
//! A call that does something and the one that undoes it say the same text of it, so that a report can
//! tell what still holds. Source: API references of AWS KMS, CloudTrail, S3, EC2, Secrets Manager and
//! CloudWatch Logs.
//!
//! What must stay true: the texts name the thing in full, so that nothing is undone in another account,
//! Region, or on another key.

use std::borrow::Cow;

use crate::model::arn::Arn;
use crate::model::undo::Reversible;
use crate::record::json::Json;
use crate::record::kms::View;

/// A call, and those that undo it.
struct Pair {
    does: &'static str,
    undone_by: &'static [&'static str],
    of: Of,
}

/// What is the same in both calls.
enum Of {
    /// The key.
    Key,
    /// Account and Region.
    Region,
    /// The last part of the first name that one of these paths has.
    Named(&'static [&'static [&'static str]]),
}

const GRANT: Of = Of::Named(&[&["responseElements", "grantId"], &["requestParameters", "grantId"]]);
const STORE: Of = Of::Named(&[&["requestParameters", "customKeyStoreId"]]);
const TRAIL: Of = Of::Named(&[&["requestParameters", "name"]]);
const EVENT_STORE: Of = Of::Named(&[&["requestParameters", "eventDataStore"]]);
const BUCKET: Of = Of::Named(&[&["requestParameters", "bucketName"]]);
const LOG_GROUP: Of = Of::Named(&[
    &["requestParameters", "logGroupName"],
    &["requestParameters", "resourceIdentifier"],
]);

const PAIRS: [Pair; 18] = [
    Pair { does: "DisableKey", undone_by: &["EnableKey"], of: Of::Key },
    Pair { does: "ScheduleKeyDeletion", undone_by: &["CancelKeyDeletion"], of: Of::Key },
    Pair { does: "DisableKeyRotation", undone_by: &["EnableKeyRotation"], of: Of::Key },
    Pair { does: "DeleteImportedKeyMaterial", undone_by: &["ImportKeyMaterial"], of: Of::Key },
    Pair { does: "PutKeyPolicy", undone_by: &["PutKeyPolicy"], of: Of::Key },
    Pair { does: "CreateGrant", undone_by: &["RetireGrant", "RevokeGrant"], of: GRANT },
    Pair {
        does: "DeleteAlias",
        undone_by: &["CreateAlias"],
        of: Of::Named(&[&["requestParameters", "aliasName"]]),
    },
    Pair { does: "DisconnectCustomKeyStore", undone_by: &["ConnectCustomKeyStore"], of: STORE },
    Pair { does: "StopLogging", undone_by: &["StartLogging"], of: TRAIL },
    Pair { does: "DeleteTrail", undone_by: &["CreateTrail"], of: TRAIL },
    Pair { does: "UpdateTrail", undone_by: &["UpdateTrail"], of: TRAIL },
    Pair {
        does: "StopEventDataStoreIngestion",
        undone_by: &["StartEventDataStoreIngestion"],
        of: EVENT_STORE,
    },
    Pair { does: "DeleteEventDataStore", undone_by: &["RestoreEventDataStore"], of: EVENT_STORE },
    Pair { does: "DeleteBucketEncryption", undone_by: &["PutBucketEncryption"], of: BUCKET },
    Pair { does: "PutBucketVersioning", undone_by: &["PutBucketVersioning"], of: BUCKET },
    Pair {
        does: "DisableEbsEncryptionByDefault",
        undone_by: &["EnableEbsEncryptionByDefault"],
        of: Of::Region,
    },
    Pair {
        does: "DeleteSecret",
        undone_by: &["RestoreSecret"],
        of: Of::Named(&[&["responseElements", "arn"], &["requestParameters", "secretId"]]),
    },
    Pair { does: "DisassociateKmsKey", undone_by: &["AssociateKmsKey"], of: LOG_GROUP },
];

/// Settings of a trail that weaken it when they are off.
const SETTINGS: [&str; 3] =
    ["isMultiRegionTrail", "enableLogFileValidation", "includeGlobalServiceEvents"];

/// Whether a call of this name may undo another. It is asked of every record.
pub fn may_undo(name: &[u8]) -> bool {
    matches!(
        name,
        b"EnableKey"
            | b"CancelKeyDeletion"
            | b"EnableKeyRotation"
            | b"ImportKeyMaterial"
            | b"PutKeyPolicy"
            | b"RetireGrant"
            | b"RevokeGrant"
            | b"CreateAlias"
            | b"ConnectCustomKeyStore"
            | b"StartLogging"
            | b"CreateTrail"
            | b"UpdateTrail"
            | b"StartEventDataStoreIngestion"
            | b"RestoreEventDataStore"
            | b"PutBucketEncryption"
            | b"PutBucketVersioning"
            | b"EnableEbsEncryptionByDefault"
            | b"RestoreSecret"
            | b"AssociateKmsKey"
    )
}

/// What a record did, if another can undo it.
pub fn done(view: &View<'_>) -> Option<Reversible> {
    let name = view.name()?;
    let pair = PAIRS.iter().find(|pair| pair.does == name)?;
    let parts = match &*name {
        "PutKeyPolicy" => others(view)?,
        "UpdateTrail" => settings(view, Some(false))?,
        "PutBucketVersioning" => versioning(view)?,
        _ => 0,
    };
    // Giving back what was not there is nothing to undo.
    let does = !matches!(&*name, "PutKeyPolicy" | "UpdateTrail" | "PutBucketVersioning");
    (does || parts != 0).then_some(())?;
    Some(Reversible { what: what(pair, view)?, parts })
}

/// What a record may have undone, and what of it still holds after it.
pub fn undone(view: &View<'_>) -> Option<Reversible> {
    let name = view.name()?;
    let pair = PAIRS.iter().find(|pair| pair.undone_by.contains(&&*name))?;
    let parts = match &*name {
        // A policy that cannot be read may say anything.
        "PutKeyPolicy" => others(view).unwrap_or(u64::MAX),
        "UpdateTrail" => settings(view, None).unwrap_or(u64::MAX),
        "PutBucketVersioning" => versioning(view).unwrap_or(u64::MAX),
        _ => 0,
    };
    Some(Reversible { what: what(pair, view)?, parts })
}

/// What is done, and to what.
fn what(pair: &Pair, view: &View<'_>) -> Option<String> {
    let home = || Some(format!("{} {}", view.account()?, view.region()?));
    let of = match &pair.of {
        Of::Key => view.first_key()?.arn.clone(),
        Of::Region => home()?,
        Of::Named(places) => {
            let name = places.iter().find_map(|path| view.event().text_at(path))?;
            format!("{} {}", home()?, last_part(&name))
        }
    };
    Some(format!("{} {of}", pair.does))
}

/// What names a thing within its account and Region, of its name or its ARN.
fn last_part(name: &str) -> &str {
    match Arn::parse(name) {
        // A secret's ARN ends with its name and a suffix, a log group's may end with `:*`.
        Some(arn) if arn.service == "logs" => {
            arn.resource.trim_start_matches("log-group:").trim_end_matches(":*")
        }
        Some(arn) => arn.resource.rsplit('/').next().unwrap_or(arn.resource),
        None => name,
    }
}

/// The accounts that a key policy names beside the key's own, each as a bit; all bits if it names
/// everybody. Two accounts may share a bit: then one stands for the other, on the safe side.
fn others(view: &View<'_>) -> Option<u64> {
    let policy = view.event().path(&["requestParameters", "policy"])?;
    let text: Cow<'_, str> = match policy.as_str() {
        Some(text) => text,
        None => policy.raw().into(),
    };
    let own = view.key_account().or_else(|| view.account());
    let mut bits = 0;
    for digits in text.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() == 12) {
        if own.as_deref() != Some(digits) {
            bits |= 1 << (digits.parse::<u64>().ok()? % 61);
        }
    }
    let compact: String = text.chars().filter(|c| !c.is_whitespace() && *c != '\\').collect();
    let everybody = ["\"Principal\":\"*\"", "\"AWS\":\"*\"", "\"AWS\":[\"*\"", "NotPrincipal"];
    Some(if everybody.iter().any(|part| compact.contains(part)) { u64::MAX } else { bits })
}

/// Settings of a trail as bits: those that are `of` this value; of none, those that are not said to be
/// on.
fn settings(view: &View<'_>, of: Option<bool>) -> Option<u64> {
    let request = view.event().get("requestParameters")?;
    let value = |name: &str| request.get(name).and_then(Json::as_bool);
    let is_set = |name: &str| match of {
        Some(of) => value(name) == Some(of),
        None => value(name) != Some(true),
    };
    let bits = SETTINGS.iter().enumerate().filter(|(_, name)| is_set(name));
    Some(bits.fold(0, |bits, (at, _)| bits | 1 << at))
}

/// Whether versioning is off afterwards, as a bit.
fn versioning(view: &View<'_>) -> Option<u64> {
    let path = ["requestParameters", "VersioningConfiguration", "Status"];
    let status = view.event().text_at(&path)?;
    Some(u64::from(status != "Enabled"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::record::event::Event;
    use crate::record::scan::{Index, plain};

    const KEY: &str =
        "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn of<T>(name: &str, request: Value, ask: impl FnOnce(&View<'_>) -> T) -> T {
        let record = json!({
            "eventName": name, "eventSource": "kms.amazonaws.com", "awsRegion": "eu-central-1",
            "recipientAccountId": "111122223333", "requestParameters": request,
            "resources": [{"ARN": KEY, "type": "AWS::KMS::Key"}],
        });
        let text = record.to_string();
        let mut index = Index::default();
        plain::scan(text.as_bytes(), &mut index).unwrap();
        let event = Event::new(&text, &index);
        ask(&View::new(&event))
    }

    #[test]
    fn every_call_that_undoes_something_is_asked_for() {
        for name in PAIRS.iter().flat_map(|pair| pair.undone_by) {
            assert!(may_undo(name.as_bytes()), "{name}");
        }
        assert!(!may_undo(b"DisableKey"));
    }

    #[test]
    fn what_is_done_and_what_undoes_it_say_the_same() {
        let disabled = of("DisableKey", json!({"keyId": KEY}), done).unwrap();
        assert_eq!(of("EnableKey", json!({"keyId": KEY}), undone), Some(disabled));
        let name = json!({"aliasName": "alias/a"});
        let deleted = of("DeleteAlias", name.clone(), done).unwrap();
        assert_eq!(of("CreateAlias", name, undone), Some(deleted.clone()));
        let other = of("CreateAlias", json!({"aliasName": "alias/b"}), undone);
        assert_ne!(other, Some(deleted));
        let arn = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/main";
        let stopped = of("StopLogging", json!({"name": arn}), done);
        assert_eq!(of("StartLogging", json!({"name": "main"}), undone), stopped);
        assert_eq!(of("EnableKey", json!({"keyId": KEY}), done), None);
    }

    #[test]
    fn a_policy_is_undone_by_one_that_names_none_of_its_strangers() {
        let policy = |account: &str| json!({"policy": format!("{{\"AWS\": \"arn:aws:iam::{account}:root\"}}")});
        let foreign = of("PutKeyPolicy", policy("777788889999"), done).unwrap();
        let parts = |account| of("PutKeyPolicy", policy(account), undone).unwrap().parts;
        assert_ne!(foreign.parts & parts("777788889999"), 0);
        assert_eq!(foreign.parts & parts("111122223333"), 0);
        assert_eq!(of("PutKeyPolicy", policy("111122223333"), done), None, "gives nothing away");
        let unread = of("PutKeyPolicy", json!({}), undone).unwrap();
        assert_ne!(foreign.parts & unread.parts, 0);
        let all = of("PutKeyPolicy", json!({"policy": "{\"Principal\" : \"*\"}"}), undone).unwrap();
        assert_ne!(foreign.parts & all.parts, 0);
    }

    #[test]
    fn a_trail_is_restored_by_what_turns_on_all_that_was_turned_off() {
        let weak = json!({"name": "main", "isMultiRegionTrail": false});
        let weak = of("UpdateTrail", weak, done).unwrap();
        let undo = |request| of("UpdateTrail", request, undone).unwrap().parts & weak.parts;
        assert_eq!(undo(json!({"name": "main", "isMultiRegionTrail": true})), 0);
        assert_ne!(undo(json!({"name": "main", "enableLogFileValidation": true})), 0);
        assert_eq!(of("UpdateTrail", json!({"name": "main"}), done), None);
    }
}
