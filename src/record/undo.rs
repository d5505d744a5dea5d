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
use crate::record::json::{Json, Kind};
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
const TRAIL: Of = Of::Named(&[
    &["requestParameters", "name"],
    &["responseElements", "trailARN"],
    &["responseElements", "name"],
]);
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
    let is_other = import_type.is_some_and(|of| of != "EXISTING_KEY_MATERIAL");
    if is_other || (matches!(pair.of, Of::Material) && asked(view).is_none()) {
        return None;
    }
    let whole = |parts: u64| (parts, !parts);
    let (parts, cleared) = match &*name {
        // A policy that cannot be read may say anything.
        "PutKeyPolicy" => others(view).map_or((u64::MAX, u64::MAX), whole),
        "UpdateTrail" => {
            settings(view, false).zip(settings(view, true)).unwrap_or((u64::MAX, u64::MAX))
        }
        "PutBucketVersioning" => versioning(view).map_or((u64::MAX, u64::MAX), whole),
        _ => whole(0),
    };
    Some(Undoes { what: what(pair, view)?, parts, cleared })
}

/// Whether an export does not tell if a call failed. One that did undoes nothing.
fn may_have_failed(view: &View<'_>) -> bool {
    Unknown::of(view.event().text()).is_some_and(|unknown| unknown.has("errorCode"))
}

/// What a call asked for; `None` if the record does not tell: CloudTrail leaves out what is too large, and
/// exports leave out what they like.
fn asked<'a>(view: &View<'a>) -> Option<Json<'a>> {
    let request = view.event().get("requestParameters")?;
    let is_there = request.kind() == Kind::Object && request.get("omitted").is_none();
    let unknown = Unknown::of(view.event().text());
    let is_cut =
        unknown.is_some_and(|it| it.names().any(|name| name.starts_with("requestParameters")));
    (is_there && !is_cut).then_some(request)
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
    let request = asked(view)?;
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
mod tests;
