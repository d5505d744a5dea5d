//! Calls that undo other calls.
//!
//! A call that does something and the one that undoes it say the same text of it, so that a report can
//! tell what still holds. Source: API references of AWS KMS, CloudTrail, S3, EC2, Secrets Manager and
//! CloudWatch Logs.
//!
//! What must stay true: the texts name the thing in full, so that nothing is undone in another account,
//! Region, or on another key, and whatever cannot be read undoes nothing.

use serde_json::Value;

use crate::model::arn::Arn;
use crate::model::undo::Reversible;
use crate::record::json::Json;
use crate::record::kms::View;
use crate::record::unknown::Unknown;

/// A call, and those that undo it.
struct Pair {
    /// `eventSource`, up to the first dot.
    service: &'static str,
    does: &'static str,
    undone_by: &'static [&'static str],
    of: Of,
}

impl Pair {
    /// Whether the call is one of its service: other services have calls of the same names.
    fn is_of(&self, view: &View<'_>) -> bool {
        let source = view.event().text_at(&["eventSource"]);
        source.as_deref().and_then(|source| source.strip_suffix(".amazonaws.com"))
            == Some(self.service)
    }
}

/// What is the same in both calls.
enum Of {
    /// The key.
    Key,
    /// Account and Region.
    Region,
    /// The alias, and the key that it names.
    Alias,
    /// The key and its material.
    Material,
    /// The grant, and its key.
    Grant,
    /// The last part of the first name that one of these paths has.
    Named(&'static [&'static [&'static str]]),
}

const STORE: Of = Of::Named(&[&["requestParameters", "customKeyStoreId"]]);
const TRAIL: Of = Of::Named(&[&["requestParameters", "name"]]);
const EVENT_STORE: Of = Of::Named(&[&["requestParameters", "eventDataStore"]]);
const BUCKET: Of = Of::Named(&[&["requestParameters", "bucketName"]]);
/// What would give another thing in the place of the first is no undoing: a trail of the same name with
/// another bucket, an alias of another key.
const PAIRS: [Pair; 15] = [
    Pair { service: "kms", does: "DisableKey", undone_by: &["EnableKey"], of: Of::Key },
    Pair {
        service: "kms",
        does: "ScheduleKeyDeletion",
        undone_by: &["CancelKeyDeletion"],
        of: Of::Key,
    },
    Pair {
        service: "kms",
        does: "DisableKeyRotation",
        undone_by: &["EnableKeyRotation"],
        of: Of::Key,
    },
    Pair {
        service: "kms",
        does: "DeleteImportedKeyMaterial",
        undone_by: &["ImportKeyMaterial"],
        of: Of::Material,
    },
    Pair { service: "kms", does: "PutKeyPolicy", undone_by: &["PutKeyPolicy"], of: Of::Key },
    Pair {
        service: "kms",
        does: "CreateGrant",
        undone_by: &["RetireGrant", "RevokeGrant"],
        of: Of::Grant,
    },
    Pair { service: "kms", does: "DeleteAlias", undone_by: &["CreateAlias"], of: Of::Alias },
    Pair {
        service: "kms",
        does: "DisconnectCustomKeyStore",
        undone_by: &["ConnectCustomKeyStore"],
        of: STORE,
    },
    Pair { service: "cloudtrail", does: "StopLogging", undone_by: &["StartLogging"], of: TRAIL },
    Pair { service: "cloudtrail", does: "UpdateTrail", undone_by: &["UpdateTrail"], of: TRAIL },
    Pair {
        service: "cloudtrail",
        does: "StopEventDataStoreIngestion",
        undone_by: &["StartEventDataStoreIngestion"],
        of: EVENT_STORE,
    },
    Pair {
        service: "cloudtrail",
        does: "DeleteEventDataStore",
        undone_by: &["RestoreEventDataStore"],
        of: EVENT_STORE,
    },
    Pair {
        service: "s3",
        does: "PutBucketVersioning",
        undone_by: &["PutBucketVersioning"],
        of: BUCKET,
    },
    Pair {
        service: "ec2",
        does: "DisableEbsEncryptionByDefault",
        undone_by: &["EnableEbsEncryptionByDefault"],
        of: Of::Region,
    },
    Pair {
        service: "secretsmanager",
        does: "DeleteSecret",
        undone_by: &["RestoreSecret"],
        of: Of::Named(&[&["responseElements", "arn"], &["requestParameters", "secretId"]]),
    },
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
            | b"UpdateTrail"
            | b"StartEventDataStoreIngestion"
            | b"RestoreEventDataStore"
            | b"PutBucketVersioning"
            | b"EnableEbsEncryptionByDefault"
            | b"RestoreSecret"
    )
}

/// What a call may have undone, and what it leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undoes {
    /// As [`Reversible::what`].
    pub what: String,
    /// Parts that hold afterwards, as bits. A part that is neither here nor in `cleared` stays as it was; of
    /// one that is in both nobody knows.
    pub parts: u64,
    /// Parts that do not hold afterwards.
    pub cleared: u64,
}

/// What a record did, if another can undo it.
pub fn done(view: &View<'_>) -> Option<Reversible> {
    let name = view.name()?;
    if is_trial(view) {
        return None;
    }
    let pair = PAIRS.iter().find(|pair| pair.does == name && pair.is_of(view))?;
    let request = |name: &str| view.event().path(&["requestParameters", name]);
    let for_good = request("forceDeleteWithoutRecovery").and_then(Json::as_bool) == Some(true);
    let mfa = ["requestParameters", "VersioningConfiguration", "MfaDelete"];
    if for_good || view.event().path(&mfa).is_some() {
        return None;
    }
    let parts = match &*name {
        "PutKeyPolicy" => others(view)?,
        // Whoever changed something else too may have changed it for good.
        "UpdateTrail" if changes_more(view) => return None,
        "UpdateTrail" => settings(view, false)?,
        "PutBucketVersioning" => versioning(view)?,
        _ => 0,
    };
    // Giving back what was not there is nothing to undo.
    let does = !matches!(&*name, "PutKeyPolicy" | "UpdateTrail" | "PutBucketVersioning");
    (does || parts != 0).then_some(())?;
    Some(Reversible { what: what(pair, view)?, parts })
}

/// What a record may have undone, and what of it still holds after it.
pub fn undone(view: &View<'_>) -> Option<Undoes> {
    let name = view.name()?;
    if is_trial(view) || may_have_failed(view) {
        return None;
    }
    let undoes = |pair: &&Pair| pair.undone_by.contains(&&*name) && pair.is_of(view);
    let pair = PAIRS.iter().find(undoes)?;
    // Other material than before restores nothing.
    let import_type = view.event().text_at(&["requestParameters", "importType"]);
    if import_type.is_some_and(|of| of != "EXISTING_KEY_MATERIAL") {
        return None;
    }
    let whole = |parts: u64| (parts, !parts);
    let (parts, cleared) = match &*name {
        // A policy that cannot be read may say anything.
        "PutKeyPolicy" => others(view).map_or((u64::MAX, u64::MAX), whole),
        "UpdateTrail" => (settings(view, false)?, settings(view, true)?),
        "PutBucketVersioning" => versioning(view).map_or((u64::MAX, u64::MAX), whole),
        _ => whole(0),
    };
    Some(Undoes { what: what(pair, view)?, parts, cleared })
}

/// Whether an export does not tell if a call failed. One that did undoes nothing.
fn may_have_failed(view: &View<'_>) -> bool {
    Unknown::of(view.event().text()).is_some_and(|unknown| unknown.has("errorCode"))
}

/// Whether a call only asks if it would succeed.
fn is_trial(view: &View<'_>) -> bool {
    let path = ["requestParameters", "dryRun"];
    view.event().path(&path).and_then(Json::as_bool) == Some(true)
}

/// What is done, and to what.
fn what(pair: &Pair, view: &View<'_>) -> Option<String> {
    let home = || Some(format!("{} {}", view.account()?, view.region()?));
    let key = || Some(view.first_key()?.arn.as_str());
    let text = |path: &[&str]| view.event().text_at(path);
    let of = match &pair.of {
        Of::Key => key()?.to_owned(),
        Of::Region => home()?,
        Of::Alias => {
            format!("{} {} {}", home()?, text(&["requestParameters", "aliasName"])?, key()?)
        }
        Of::Material => {
            let id = text(&["requestParameters", "keyMaterialId"])
                .or_else(|| text(&["responseElements", "keyMaterialId"]));
            format!("{} {}", key()?, id.unwrap_or_default())
        }
        Of::Grant => {
            let id = text(&["responseElements", "grantId"])
                .or_else(|| text(&["requestParameters", "grantId"]));
            format!("{} {}", key()?, id?)
        }
        Of::Named(places) => {
            let name = places.iter().find_map(|path| text(path))?;
            match Arn::parse(&name) {
                // An ARN may be of another Region than the call.
                Some(arn) if !arn.account.is_empty() => {
                    let of_trail = arn.resource.strip_prefix("trail/");
                    let of_store = || arn.resource.strip_prefix("eventdatastore/");
                    let name = of_trail.or_else(of_store).unwrap_or(arn.resource);
                    format!("{} {} {name}", arn.account, arn.region)
                }
                _ => format!("{} {name}", home()?),
            }
        }
    };
    Some(format!("{} {of}", pair.does))
}

/// Whom a key policy lets in beside its own account, each other account as a bit. Two accounts may share
/// a bit: then one stands for the other, on the safe side. All bits if anybody may be meant: everybody,
/// a provider, an id that names no account. `None` if it cannot be read.
fn others(view: &View<'_>) -> Option<u64> {
    let policy = view.event().path(&["requestParameters", "policy"])?;
    let policy: Value = match policy.as_str() {
        // Of members of one name nobody knows which one counts.
        Some(text) if text.matches("\"Statement\"").count() > 1 => return None,
        Some(text) => serde_json::from_str(&text).ok()?,
        None => policy.to_value(),
    };
    let own = view.key_account().or_else(|| view.account())?;
    let statements = match policy.get("Statement")? {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    let allowing = statements.into_iter().filter(|one| one["Effect"] != "Deny");
    Some(allowing.fold(0, |bits, statement| bits | let_in(statement, &own)))
}

/// Whom a statement lets in.
fn let_in(statement: &Value, own: &str) -> u64 {
    let Some(principals) = statement.get("Principal").and_then(Value::as_object) else {
        return u64::MAX;
    };
    let of_kind = |(kind, value): (&String, &Value)| match kind.as_str() {
        "Service" => 0,
        "AWS" => match value {
            Value::Array(list) => list.iter().fold(0, |bits, one| bits | account(one, own)),
            one => account(one, own),
        },
        _ => u64::MAX,
    };
    principals.iter().map(of_kind).fold(0, |bits, more| bits | more)
}

/// The bit of the account of a principal; none of the key's own.
fn account(principal: &Value, own: &str) -> u64 {
    let text = principal.as_str().unwrap_or_default();
    let account = Arn::parse(text).map_or(text, |arn| arn.account);
    match account.parse::<u64>() {
        _ if account == own => 0,
        Ok(number) if account.len() == 12 => 1 << (number % 61),
        _ => u64::MAX,
    }
}

/// Settings of a trail that a call gives this value, or one that cannot be read, as bits.
fn settings(view: &View<'_>, of: bool) -> Option<u64> {
    let request = view.event().get("requestParameters")?;
    let read = |value: Json<'_>| match value.as_bool() {
        Some(value) => value == of,
        None => !value.is_null(),
    };
    let gives = |name: &str| request.get(name).is_some_and(read);
    let bits = SETTINGS.iter().enumerate().filter(|(_, name)| gives(name));
    Some(bits.fold(0, |bits, (at, _)| bits | 1 << at))
}

/// Whether a call gives a trail anything else beside.
fn changes_more(view: &View<'_>) -> bool {
    let others = |name: &str| name != "name" && !SETTINGS.contains(&name);
    let request = view.event().get("requestParameters");
    request.is_some_and(|request| request.members().any(|(name, _)| others(&name.text())))
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
        let is = |pair: &&Pair| pair.does == name || pair.undone_by.contains(&name);
        let service = PAIRS.iter().find(is).map_or("kms", |pair| pair.service);
        let record = json!({
            "eventName": name, "eventSource": format!("{service}.amazonaws.com"), "awsRegion": "eu-central-1",
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
    fn a_call_of_which_nobody_knows_whether_it_failed_undoes_nothing() {
        let undone_of = |unknown: &[&str]| {
            let members = json!({"eventName":"EnableKey","eventSource":"kms.amazonaws.com","resources":[{"ARN":KEY}]});
            let text = crate::record::unknown::with(unknown, members.as_object().unwrap().clone());
            let mut index = Index::default();
            plain::scan(text.as_bytes(), &mut index).unwrap();
            undone(&View::new(&Event::new(&text, &index))).is_some()
        };
        assert!(undone_of(&["userAgent"]) && !undone_of(&["errorCode"]));
    }

    /// What it would undo, if it left nothing of it.
    fn undo(view: &View<'_>) -> Option<Reversible> {
        let Undoes { what, parts, cleared } = undone(view)?;
        (cleared == !parts).then_some(Reversible { what, parts })
    }

    #[test]
    fn what_is_done_and_what_undoes_it_say_the_same() {
        let disabled = of("DisableKey", json!({"keyId": KEY}), done).unwrap();
        assert_eq!(of("EnableKey", json!({"keyId": KEY}), undo), Some(disabled));
        let trial = json!({"keyId": KEY, "dryRun": true});
        assert_eq!(of("EnableKey", trial.clone(), undo), None);
        assert_eq!(of("DisableKey", trial, done), None);
        let name = json!({"aliasName": "alias/a"});
        let deleted = of("DeleteAlias", name.clone(), done).unwrap();
        assert!(deleted.what.contains(KEY), "an alias of another key is another thing");
        assert_eq!(of("CreateAlias", name, undo), Some(deleted.clone()));
        let other = of("CreateAlias", json!({"aliasName": "alias/b"}), undo);
        assert_ne!(other, Some(deleted));
        let arn = |region: &str| format!("arn:aws:cloudtrail:{region}:111122223333:trail/main");
        let stopped = of("StopLogging", json!({"name": arn("eu-central-1")}), done);
        assert_eq!(of("StartLogging", json!({"name": "main"}), undo), stopped);
        assert_ne!(of("StartLogging", json!({"name": arn("eu-west-1")}), undo), stopped);
        let secret = |forced: bool| {
            let request = json!({"secretId": "a/b", "forceDeleteWithoutRecovery": forced});
            of("DeleteSecret", request, done)
        };
        assert_eq!(secret(true), None);
        assert_eq!(of("RestoreSecret", json!({"secretId": "a/b"}), undo), secret(false));
        assert_ne!(of("RestoreSecret", json!({"secretId": "c/b"}), undo), secret(false));
        let material = |id: &str| json!({"keyId": KEY, "keyMaterialId": id});
        let lost = of("DeleteImportedKeyMaterial", material("m1"), done);
        assert_ne!(of("ImportKeyMaterial", material("m2"), undo), lost);
        let import = |of_type: &str| {
            let request = json!({"keyId": KEY, "importType": of_type});
            of("ImportKeyMaterial", request, undo).is_some()
        };
        assert!(import("EXISTING_KEY_MATERIAL") && !import("NEW_KEY_MATERIAL"));
        assert_eq!(of("EnableKey", json!({"keyId": KEY}), done), None);
    }

    fn policy(principal: Value) -> Value {
        let allow =
            json!({"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"});
        let deny =
            json!({"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"});
        json!({"policy": json!({"Statement": [allow, deny]}).to_string()})
    }

    #[test]
    fn a_policy_is_undone_by_one_that_lets_in_none_of_its_strangers() {
        let arn = |account: &str| json!({"AWS": format!("arn:aws:iam::{account}:root")});
        let foreign = of("PutKeyPolicy", policy(arn("777788889999")), done).unwrap();
        let still =
            |request: Value| of("PutKeyPolicy", request, undone).unwrap().parts & foreign.parts;
        assert_eq!(still(policy(arn("111122223333"))), 0);
        assert_eq!(still(policy(json!({"Service": "ec2.amazonaws.com"}))), 0);
        for principal in [
            arn("777788889999"),
            json!({"AWS": "777788889999"}),
            json!({"AWS": ["arn:aws:iam::111122223333:root", "*"]}),
            json!({"AWS": "AROAEXAMPLEID"}),
            json!({"Federated": "example.com"}),
            json!("*"),
            Value::Null,
        ] {
            assert_ne!(still(policy(principal.clone())), 0, "{principal}");
        }
        for unread in [json!({}), json!({"policy": "{"}), json!({"policy": null})] {
            let unread = of("PutKeyPolicy", unread, undone).unwrap();
            assert_eq!((unread.parts, unread.cleared), (u64::MAX, u64::MAX));
        }
        assert_eq!(
            of("PutKeyPolicy", policy(arn("111122223333")), done),
            None,
            "gives nothing away"
        );
    }

    #[test]
    fn a_trail_is_restored_by_what_turns_on_all_that_was_turned_off() {
        let weak = json!({"name": "main", "isMultiRegionTrail": false});
        let weak = of("UpdateTrail", weak, done).unwrap();
        let left = |request| {
            let Undoes { parts, cleared, .. } = of("UpdateTrail", request, undone).unwrap();
            (parts & weak.parts != 0, cleared & weak.parts == weak.parts)
        };
        assert_eq!(left(json!({"name": "main", "isMultiRegionTrail": true})), (false, true));
        assert_eq!(left(json!({"name": "main", "isMultiRegionTrail": false})), (true, false));
        assert_eq!(left(json!({"name": "main", "isMultiRegionTrail": "maybe"})), (true, true));
        // What a call does not say stays as it was.
        assert_eq!(left(json!({"name": "main", "enableLogFileValidation": true})), (false, false));
        assert_eq!(of("UpdateTrail", json!({"name": "main"}), done), None);
        let moved = json!({"name": "main", "isMultiRegionTrail": false, "s3BucketName": "other"});
        assert_eq!(of("UpdateTrail", moved, done), None, "the bucket may stay another one");
    }
}
