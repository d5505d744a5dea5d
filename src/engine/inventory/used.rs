//! What one principal called on one key, and what its calls had in common.
//!
//! What must stay true: a condition is in common only if every call that succeeded fulfils it, and if a
//! policy can say it without saying more.

use std::collections::{BTreeMap, BTreeSet};

use super::seen::Seen;
use super::texts::cut;
use crate::engine::partial::touch::flag;
use crate::model::arn::Arn;
use crate::model::time::Time;
use crate::policy::Actions;
use crate::policy::who_can::permissions;
use crate::record::hidden::is_hidden;
use crate::record::json::Json;

/// Services, and aliases, of one permission that are told apart.
const NAMES: usize = 20;

/// How a service calls that does not tell which it is.
const INTERNAL: &str = "AWS Internal";

/// Pairs of an encryption context that are compared.
const PAIRS: usize = 16;

/// Services whose name in `kms:ViaService` is the first part of the name by which they call. Source: KMS
/// developer guide, "kms:ViaService".
const VIA: [&str; 24] = [
    "athena",
    "backup",
    "dax",
    "dynamodb",
    "ec2",
    "ecr",
    "elasticfilesystem",
    "es",
    "events",
    "firehose",
    "fsx",
    "glue",
    "kafka",
    "kinesis",
    "lambda",
    "rds",
    "redshift",
    "s3",
    "sagemaker",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "workspaces",
];

/// The calls of one permission.
#[derive(Debug)]
pub struct OneUse {
    pub ok: u64,
    pub refused: u64,
    pub failed: u64,
    pub first: Time,
    pub last: Time,
    /// The last that succeeded.
    pub last_ok: Option<Time>,
    pub services: BTreeSet<String>,
    /// By which services all that succeeded came; none if one came otherwise.
    via: Option<BTreeSet<String>>,
    /// The context that all that succeeded had in common, once there is one.
    context: Option<BTreeMap<String, String>>,
    /// The aliases that it was about; none if there are too many.
    pub aliases: Option<BTreeSet<String>>,
}

/// What each call had in common: by condition key, the values.
pub type InCommon = BTreeMap<String, Vec<String>>;

impl OneUse {
    fn at(time: Time) -> OneUse {
        OneUse {
            ok: 0,
            refused: 0,
            failed: 0,
            first: time,
            last: time,
            last_ok: None,
            services: BTreeSet::new(),
            via: Some(BTreeSet::new()),
            context: None,
            aliases: Some(BTreeSet::new()),
        }
    }

    /// Both together, in either order.
    fn merged(mut self, other: OneUse) -> OneUse {
        self.services.extend(other.services);
        while self.services.len() > NAMES {
            self.services.pop_last();
        }
        let union = |(mut one, other): (BTreeSet<String>, BTreeSet<String>)| {
            one.extend(other);
            (one.len() <= NAMES).then_some(one)
        };
        OneUse {
            ok: self.ok + other.ok,
            refused: self.refused + other.refused,
            failed: self.failed + other.failed,
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            last_ok: self.last_ok.max(other.last_ok),
            services: self.services,
            via: self.via.zip(other.via).and_then(union),
            context: match (self.context, other.context) {
                (Some(one), Some(other)) => Some(
                    one.into_iter()
                        .filter(|(name, value)| other.get(name) == Some(value))
                        .collect(),
                ),
                (one, other) => one.or(other),
            },
            aliases: self.aliases.zip(other.aliases).and_then(union),
        }
    }

    /// What a policy may demand, since each call that succeeded fulfils it.
    pub fn in_common(&self) -> InCommon {
        let mut all = InCommon::new();
        if let Some(via) = self.via.as_ref().filter(|via| !via.is_empty()) {
            all.insert("kms:ViaService".to_owned(), via.iter().cloned().collect());
        }
        for (name, value) in self.context.iter().flatten() {
            all.insert(format!("kms:EncryptionContext:{name}"), vec![value.clone()]);
        }
        all
    }

    /// Whether a service of `kms:ViaService` is taken from what the call was about.
    pub fn has_inferred_service(&self) -> bool {
        self.via.as_ref().is_some_and(|via| !via.is_empty()) && self.services.contains(INTERNAL)
    }

    /// Whether services called, and not all of them by a name that a condition knows.
    pub fn has_unnamed_service(&self) -> bool {
        self.ok > 0 && self.via.is_none() && !self.services.is_empty()
    }
}

/// What a principal called, by permission.
#[derive(Debug, Default)]
pub struct Uses(BTreeMap<&'static str, OneUse>);

impl Uses {
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &OneUse)> {
        self.0.iter().map(|(name, one)| (*name, one))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The permissions of calls that succeeded.
    pub fn ok(&self) -> Actions {
        let ok = self.0.iter().filter(|(_, one)| one.ok > 0);
        ok.fold(Actions::NONE, |all, (name, _)| all.with(permissions(name)))
    }

    /// How many calls succeeded, and how many did not.
    pub fn counts(&self) -> (u64, u64) {
        let add =
            |(ok, not): (u64, u64), one: &OneUse| (ok + one.ok, not + one.refused + one.failed);
        self.0.values().fold((0, 0), add)
    }

    /// Adds all of another's.
    pub fn merge(&mut self, other: Uses) {
        for (name, other) in other.0 {
            match self.0.remove(name) {
                Some(one) => self.0.insert(name, one.merged(other)),
                None => self.0.insert(name, other),
            };
        }
    }

    /// Takes out what is about no key, such as `CreateKey`, whose record names the new one.
    pub fn take_without_key(&mut self) -> Uses {
        let without = |name: &str| Actions::WITHOUT_KEY.meets(permissions(name));
        let names: Vec<&str> = self.0.keys().copied().filter(|name| without(name)).collect();
        Uses(names.iter().filter_map(|name| self.0.remove_entry(name)).collect())
    }

    /// Takes in a call of the principal on a key, or on none.
    pub fn take(&mut self, key: &str, seen: &Seen, (on, alias): (Option<&str>, Option<&str>)) {
        // Whoever only asks whether he may does not use anything.
        if seen.error() == Some("DryRunOperationException") {
            return;
        }
        for name in needed(key, seen, alias) {
            let one = self.0.entry(name).or_insert_with(|| OneUse::at(seen.time()));
            one.first = one.first.min(seen.time());
            one.last = one.last.max(seen.time());
            if let Some(service) = seen.caller.service.as_deref()
                && one.services.len() < NAMES
            {
                one.services.insert(service.to_owned());
            }
            match seen.ok() {
                true => one.succeeded(name, key, seen, (on, alias)),
                false if is_refused(seen) => one.refused += 1,
                false => one.failed += 1,
            }
        }
    }
}

impl OneUse {
    fn succeeded(
        &mut self,
        name: &str,
        key: &str,
        seen: &Seen,
        (on, alias): (Option<&str>, Option<&str>),
    ) {
        self.ok += 1;
        self.last_ok = self.last_ok.max(Some(seen.time()));
        let service = seen.caller.service.as_deref().and_then(|by| via(by, on, key));
        self.via = self.via.take().zip(service).and_then(|(mut all, service)| {
            all.insert(service);
            (all.len() <= NAMES).then_some(all)
        });
        let member = match name {
            "ReEncryptFrom" => "sourceEncryptionContext",
            "ReEncryptTo" => "destinationEncryptionContext",
            _ => "encryptionContext",
        };
        let pairs = pairs(seen.request(&[member]));
        self.context = Some(match self.context.take() {
            None => pairs,
            Some(mut common) => {
                common.retain(|name, value| pairs.get(name) == Some(value));
                common
            }
        });
        if let (Some(all), Some(alias)) = (&mut self.aliases, alias) {
            all.insert(alias.to_owned());
            if all.len() > NAMES {
                self.aliases = None;
            }
        }
    }
}

/// The permissions that a call needs on a key: `ReEncrypt` one on each of its two keys.
fn needed(key: &str, seen: &Seen, alias: Option<&str>) -> Vec<&'static str> {
    let calls = permissions(seen.name());
    if seen.name() != "ReEncrypt" || key.is_empty() {
        return calls.names();
    }
    let first = seen.touch.is(flag::FIRST);
    let is_this = |name: &str| {
        name == key
            || key.split_once(":key/").is_some_and(|(_, id)| id == name)
            || alias.is_some_and(|alias| name.ends_with(alias))
    };
    let to = !first || seen.asked("destinationKeyId").is_some_and(|name| is_this(&name));
    let names = [("ReEncryptFrom", first), ("ReEncryptTo", to)];
    let is_needed = |name: &str| names.iter().any(|(one, needed)| *one == name && *needed);
    calls.names().into_iter().filter(|name| is_needed(name)).collect()
}

/// Whether a call was refused, and did not fail for another reason.
fn is_refused(seen: &Seen) -> bool {
    let code = seen.error().unwrap_or_default();
    ["AccessDenied", "Unauthorized", "NotAuthorized", "Forbidden"]
        .iter()
        .any(|word| code.contains(word))
}

/// A service as `kms:ViaService` names it. `AWS Internal` names none; what the call was about tells it.
fn via(by: &str, on: Option<&str>, key: &str) -> Option<String> {
    let key = Arn::parse(key).filter(|key| key.partition == "aws" && is_plain(key.region))?;
    let named = by.split_once(".amazonaws.com").and_then(|(name, _)| name.split('.').next());
    let name = match by {
        INTERNAL => Arn::parse(on?)?.service,
        _ => named?,
    };
    VIA.contains(&name).then(|| format!("{name}.{}.amazonaws.com", key.region))
}

/// The pairs of an encryption context that a policy can demand. IAM takes `${` in a value for the
/// beginning of a variable.
fn pairs(context: Option<Json<'_>>) -> BTreeMap<String, String> {
    let pairs = context.into_iter().flat_map(Json::members).take(PAIRS);
    let pairs = pairs.filter(|(_, value)| !is_hidden(*value));
    let pairs = pairs.filter_map(|(name, value)| Some((name.text(), value.text()?)));
    pairs
        .filter(|(name, value)| is_plain(name) && !value.contains("${") && value.len() <= 1_024)
        .map(|(name, value)| (cut(&name).to_owned(), value.into_owned()))
        .collect()
}

/// Whether a name has only characters that mean nothing else in a policy.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:/=+-@".contains(&byte);
    !name.is_empty() && name.len() <= 128 && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd";

    #[test]
    fn services_are_named_as_conditions_name_them() {
        let bucket = Some("arn:aws:s3:::ledger");
        for (by, on, expected) in [
            ("secretsmanager.amazonaws.com", None, Some("secretsmanager.eu-west-1.amazonaws.com")),
            ("s3.eu-west-1.amazonaws.com", None, Some("s3.eu-west-1.amazonaws.com")),
            ("AWS Internal", bucket, Some("s3.eu-west-1.amazonaws.com")),
            ("AWS Internal", None, None),
            ("cloudformation.amazonaws.com", None, None),
            ("somebody", bucket, None),
        ] {
            assert_eq!(via(by, on, KEY).as_deref(), expected, "{by}");
        }
        assert_eq!(via("s3.amazonaws.com", bucket, &KEY.replace("aws:kms", "aws-cn:kms")), None);
        assert_eq!(via("s3.amazonaws.com", bucket, &KEY.replace("eu-west-1", "*")), None);
    }

    #[test]
    fn pairs_that_a_policy_would_read_otherwise_are_left_out() {
        let context = r#"{"app":"ledger","b":"${aws:username}","*":"x","":"x","n":{"a":"b"},
            "h":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#;
        let pairs = pairs(Some(Json::new(context)));
        assert_eq!(pairs, BTreeMap::from([("app".to_owned(), "ledger".to_owned())]));
    }
}
