//! The normalised view of a record: who acted, on which key, for which resource.
//!
//! Real records hide these in many places and shapes; here is the one reading that every rule and
//! every finding shares, so that no rule repeats the pitfalls.
//! Who acted, account, Region and the like work for records of any service.
//!
//! What must stay true: nothing is copied before it is asked for, and no shape of a member, however
//! odd, makes anything here fail: what does not read is absent.

mod names;
mod subject;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::event::Event;
use super::json::{Json, Kind};
use crate::model::arn::Arn;
use crate::model::finding::{Key, Resource};
use crate::model::principal::{Mfa, Principal};

pub use names::{ADMIN, CRITICAL, CRYPTO, SYM, is_admin, is_critical, is_crypto, is_sym};

/// The event source of KMS.
pub const SOURCE: &str = "kms.amazonaws.com";

/// In whose name, and by whose hand, a call was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A service for itself: trail delivery, scheduled rotation.
    Service,
    /// A service with a customer's credentials (forward access session).
    Via,
    /// A role session that AWS infrastructure holds, such as `aws:ec2-infrastructure`.
    Infrastructure,
    /// Neither: the principal itself.
    Direct,
}

impl Actor {
    /// The name in rules, as the field `keytrail.actor`.
    pub fn as_str(self) -> &'static str {
        match self {
            Actor::Service => "service",
            Actor::Via => "via",
            Actor::Infrastructure => "infrastructure",
            Actor::Direct => "direct",
        }
    }
}

/// A record read as a KMS call. Cheap to make; every method reads the record anew, but for
/// [`actor`](View::actor) and [`crosses_accounts`](View::crosses_accounts), which most rules ask
/// first.
#[derive(Debug, Clone)]
pub struct View<'a> {
    event: Event<'a>,
    caller: OnceCell<Caller>,
}

/// What most rules ask of `userIdentity`, read in one go.
#[derive(Debug, Clone, Copy)]
struct Caller {
    actor: Actor,
    /// Whether the caller's account is another than the one that received the record.
    crosses: Option<bool>,
}

impl<'a> View<'a> {
    /// The view of `event`.
    pub fn new(event: &Event<'a>) -> View<'a> {
        View { event: *event, caller: OnceCell::new() }
    }

    /// The record itself.
    pub fn event(&self) -> &Event<'a> {
        &self.event
    }

    /// Whether KMS wrote the record.
    pub fn is_kms(&self) -> bool {
        self.text(&["eventSource"]).is_some_and(|source| source.eq_ignore_ascii_case(SOURCE))
    }

    /// `eventName`.
    pub fn name(&self) -> Option<Cow<'a, str>> {
        self.text(&["eventName"])
    }

    /// Whether the call failed or was refused.
    pub fn attempt(&self) -> bool {
        self.event.failed()
    }

    /// Whether the call succeeded.
    pub fn ok(&self) -> bool {
        !self.attempt()
    }

    /// `recipientAccountId`.
    pub fn account(&self) -> Option<String> {
        self.owned(&["recipientAccountId"])
    }

    /// `awsRegion`.
    pub fn region(&self) -> Option<String> {
        self.owned(&["awsRegion"])
    }

    /// `sourceIPAddress`: an address, or a service's name.
    pub fn source_ip(&self) -> Option<String> {
        self.owned(&["sourceIPAddress"])
    }

    /// `userAgent`.
    pub fn user_agent(&self) -> Option<String> {
        self.owned(&["userAgent"])
    }

    /// What the two records of one cross-account call have in common.
    pub fn shared_event_id(&self) -> Option<String> {
        self.owned(&["sharedEventID"])
    }

    /// By whose hand the call was made. Read once a view.
    pub fn actor(&self) -> Actor {
        self.caller().actor
    }

    /// Whether the caller is of another account than the one that received the record; `None` when
    /// either is not told, as of services. Read once a view.
    pub fn crosses_accounts(&self) -> Option<bool> {
        self.caller().crosses
    }

    fn caller(&self) -> Caller {
        *self.caller.get_or_init(|| self.read_caller())
    }

    fn read_caller(&self) -> Caller {
        let (mut kind, mut invoked_by, mut arn, mut account) = (None, None, None, None);
        // One walk, since the session behind these members is long.
        for (name, value) in self.event.get("userIdentity").into_iter().flat_map(Json::members) {
            let slot = match () {
                () if name.is("type") => &mut kind,
                () if name.is("invokedBy") => &mut invoked_by,
                () if name.is("arn") => &mut arn,
                () if name.is("accountId") => &mut account,
                () => continue,
            };
            *slot = value.scalar().filter(|text| !text.is_empty());
        }
        let service = match &kind {
            Some(kind) => kind == "AWSService",
            // KMS's own events have no type.
            None => invoked_by.is_some(),
        };
        let service_event =
            || self.text(&["eventType"]).is_some_and(|kind| kind == "AwsServiceEvent");
        let actor = if service || service_event() {
            Actor::Service
        } else if invoked_by.is_some() {
            Actor::Via
        } else if arn.is_some_and(|arn| is_infrastructure(&arn)) {
            Actor::Infrastructure
        } else {
            Actor::Direct
        };
        let crosses = |account| Some(self.text(&["recipientAccountId"])? != account);
        Caller { actor, crosses: account.and_then(crosses) }
    }

    /// The caller's account; `None` for services, so that no cross-account rule fires on them.
    pub fn caller_account(&self) -> Option<String> {
        self.owned(&["userIdentity", "accountId"])
    }

    /// Who acted, reduced to what stays the same from call to call. Never the `accessKeyId`.
    pub fn principal(&self) -> Principal {
        let identity = |name| self.text(&["userIdentity", name]);
        let actor = self.actor();
        let kind = identity("type");
        let invoked_by = identity("invokedBy");
        let role_session = kind.as_deref() == Some("AssumedRole");
        let arn = identity("arn");
        let session = arn.as_deref().filter(|_| role_session).and_then(session_name);
        let role = || self.text(&["userIdentity", "sessionContext", "sessionIssuer", "arn"]);
        let stable = match (role_session, &arn) {
            (true, _) if role().is_some() => role(),
            // Without the issuer, what comes before the session name is as stable as it gets.
            (true, Some(arn)) => Some(match session_name(arn) {
                Some(name) => Cow::Owned(arn[..arn.len() - name.len() - 1].to_owned()),
                None => arn.clone(),
            }),
            _ => arn.clone(),
        };
        let service = || match actor {
            Actor::Service => invoked_by.clone(),
            _ => None,
        };
        Principal {
            kind: kind
                .map(Cow::into_owned)
                .or_else(|| (actor == Actor::Service).then(|| "AWSService".to_owned())),
            arn: stable.or_else(|| identity("principalId")).or_else(service).map(Cow::into_owned),
            account: self.caller_account(),
            session: session.map(str::to_owned),
            invoked_by: invoked_by.clone().map(Cow::into_owned),
            mfa: self.mfa_of(actor),
        }
    }

    /// Whether the record shows that the caller used MFA.
    pub fn mfa(&self) -> Mfa {
        self.mfa_of(self.actor())
    }

    fn mfa_of(&self, actor: Actor) -> Mfa {
        // The session of a forwarded call is the service's own and says "false" whatever the
        // user did.
        if actor != Actor::Direct {
            return Mfa::NotApplicable;
        }
        let kind = self.text(&["userIdentity", "type"]);
        // AWS knows the MFA of these two itself; of all others a provider may have asked for it.
        let own_sign_in = matches!(kind.as_deref(), Some("IAMUser" | "Root"));
        let session = self.event.path(&["userIdentity", "sessionContext"]);
        let Some(session) = session.filter(|value| !value.is_null()) else {
            return if own_sign_in { Mfa::No } else { Mfa::Unknown };
        };
        // A root session for a member account is somebody else's, whose MFA is not shown.
        let assumed_root = session.get("assumedRoot").and_then(Json::as_bool) == Some(true);
        match session.path(&["attributes", "mfaAuthenticated"]).and_then(Json::as_bool) {
            Some(true) => Mfa::Yes,
            Some(false) if own_sign_in && !assumed_root => Mfa::No,
            _ => Mfa::Unknown,
        }
    }

    /// The keys that the record names, best first; of one place only, since the next best place
    /// names the same key less well.
    pub fn keys(&self) -> Vec<Key> {
        self.keys_and_inference().0
    }

    /// The key a finding is about: the first of [`keys`](View::keys).
    pub fn key(&self) -> Option<Key> {
        self.keys().into_iter().next()
    }

    /// Whether account and Region of the first key are inferred: the record gives a bare id only.
    pub fn key_is_inferred(&self) -> bool {
        self.keys_and_inference().1
    }

    /// The account that owns the first key.
    pub fn key_account(&self) -> Option<String> {
        self.key()?.account
    }

    fn keys_and_inference(&self) -> (Vec<Key>, bool) {
        let mut keys = self.keys_of_resources();
        for paths in KEY_PLACES {
            if keys.is_empty() {
                keys = paths.iter().filter_map(|path| self.key_at(path)).collect();
            }
        }
        let mut inferred = false;
        if keys.is_empty() && self.is_kms() {
            for paths in BARE_PLACES {
                if keys.is_empty() {
                    keys = paths.iter().filter_map(|path| self.bare_key_at(path)).collect();
                    inferred = !keys.is_empty();
                }
            }
        }
        let mut seen = Vec::new();
        keys.retain(|key| {
            !seen.contains(&key.arn) && {
                seen.push(key.arn.clone());
                true
            }
        });
        self.name_aliases(&mut keys);
        (keys, inferred)
    }

    fn keys_of_resources(&self) -> Vec<Key> {
        let key = |entry: Json<'a>| {
            let arn = entry.get_any_case("arn")?.as_str()?;
            let mut key = key_of(&arn)?;
            let account = || Some(entry.get("accountId")?.scalar()?.into_owned());
            key.account = key.account.or_else(account);
            Some(key)
        };
        let resources = self.event.get("resources");
        resources.into_iter().flat_map(Json::elements).filter_map(key).collect()
    }

    fn key_at(&self, path: &[&str]) -> Option<Key> {
        key_of(&self.text(path)?)
    }

    /// A bare key id, completed with the record's account and Region.
    fn bare_key_at(&self, path: &[&str]) -> Option<Key> {
        let id = self.text(path)?;
        if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return None;
        }
        let (account, region) = (self.account()?, self.region()?);
        // Through the parser, since account and Region are the record's and may be anything.
        key_of(&format!("arn:{}:kms:{region}:{account}:key/{id}", partition_of(&region)))
    }

    /// Writes down the alias by which the request named a key. ReEncrypt names two keys: the
    /// source first.
    fn name_aliases(&self, keys: &mut [Key]) {
        let alias = |name: &str| alias_of(&self.text(&["requestParameters", name])?);
        if let [_, second] = keys {
            second.alias = alias("destinationKeyId");
        }
        if let Some(first) = keys.first_mut() {
            first.alias =
                ["keyId", "sourceKeyId", "targetKeyId", "aliasName"].into_iter().find_map(alias);
        }
    }

    /// The encryption context: every pair of the request, once, in the record's order.
    ///
    /// It is the caller's text: whoever may encrypt may write any ARN here.
    pub fn context(&self) -> Vec<(String, String)> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for name in ["encryptionContext", "sourceEncryptionContext", "destinationEncryptionContext"]
        {
            let context = self.event.path(&["requestParameters", name]);
            for (name, value) in context.into_iter().flat_map(Json::members) {
                let Some(value) = value.scalar() else { continue };
                let pair = (name.text().into_owned(), value.into_owned());
                if !pairs.contains(&pair) {
                    pairs.push(pair);
                }
            }
        }
        pairs
    }

    /// The resource that the key protects in this call, as the encryption context tells.
    pub fn subject(&self) -> Option<Resource> {
        subject::of_context(self, &self.context())
    }

    /// The resource a finding is about: of a KMS call its subject, else what the record acts on.
    pub fn resource(&self) -> Option<Resource> {
        if self.is_kms() { self.subject() } else { subject::of_record(self) }
    }

    /// What the call was about, as precisely as the record says: the object and not its bucket, the
    /// version of a function. Several where the call names several.
    pub fn subjects(&self) -> Vec<String> {
        if self.is_kms() {
            subject::precise(self, &self.context()).into_iter().collect()
        } else {
            subject::all_of_record(self)
        }
    }

    /// The text behind a path, unless it is empty.
    fn text(&self, path: &[&str]) -> Option<Cow<'a, str>> {
        self.event.text_at(path).filter(|text| !text.is_empty())
    }

    fn owned(&self, path: &[&str]) -> Option<String> {
        self.text(path).map(Cow::into_owned)
    }

    /// The partition that ARNs of this record are in.
    fn partition(&self) -> String {
        let key = self.key().map(|key| key.arn);
        match key.as_deref().and_then(Arn::parse) {
            Some(arn) => arn.partition.to_owned(),
            None => partition_of(&self.region().unwrap_or_default()).to_owned(),
        }
    }
}

/// Where else a record names its keys by ARN, best first; the places of one row count together.
const KEY_PLACES: &[&[&[&str]]] = &[
    &[
        &["responseElements", "keyId"],
        &["responseElements", "keyMetadata", "arn"],
        &["responseElements", "replicaKeyMetadata", "arn"],
    ],
    &[
        &["requestParameters", "keyId"],
        &["requestParameters", "targetKeyId"],
        &["requestParameters", "sourceKeyId"],
        &["requestParameters", "destinationKeyId"],
    ],
    &[&["serviceEventDetails", "keyId"]],
    // Other services' records, such as CloudTrail's UpdateTrail.
    &[&["responseElements", "kmsKeyId"], &["requestParameters", "kmsKeyId"]],
    // S3 data events: what S3 answered, and what the caller asked for.
    &[&["responseElements", S3_KEY_HEADER], &["requestParameters", S3_KEY_HEADER]],
    &[&["requestParameters", "ObjectEncryption", "SSE-KMS", "KMSKeyArn"]],
    &[&[
        "requestParameters",
        "ServerSideEncryptionConfiguration",
        "Rule",
        "ApplyServerSideEncryptionByDefault",
        "KMSMasterKeyID",
    ]],
    // EC2 wraps this one.
    &[
        &["responseElements", "ModifyEbsDefaultKmsKeyIdResponse", "kmsKeyId"],
        &["requestParameters", "ModifyEbsDefaultKmsKeyIdRequest", "KmsKeyId"],
    ],
];

/// The header that names the key an object is encrypted under: the caller's wish, and S3's answer.
pub const S3_KEY_HEADER: &str = "x-amz-server-side-encryption-aws-kms-key-id";

/// Where a KMS record may give a bare key id, best first.
const BARE_PLACES: &[&[&[&str]]] = &[
    &[
        &["requestParameters", "keyId"],
        &["requestParameters", "targetKeyId"],
        &["requestParameters", "sourceKeyId"],
        &["requestParameters", "destinationKeyId"],
    ],
    &[&["responseElements", "keyId"]],
    &[&["serviceEventDetails", "keyId"]],
];

/// The key that `text` names, if it is the ARN of a key.
fn key_of(text: &str) -> Option<Key> {
    let arn = Arn::parse(text).filter(Arn::is_kms_key)?;
    let account = (!arn.account.is_empty()).then(|| arn.account.to_owned());
    Some(Key { arn: text.to_owned(), account, alias: None, tags: BTreeMap::new() })
}

/// `alias/NAME`, if `text` is an alias or the ARN of one.
fn alias_of(text: &str) -> Option<String> {
    let alias = match Arn::parse(text) {
        Some(arn) if arn.is_kms_alias() => arn.resource,
        Some(_) => return None,
        None => text,
    };
    alias.starts_with("alias/").then(|| alias.to_owned())
}

/// `arn:aws:sts::111122223333:assumed-role/aws:ec2-infrastructure/i-…` and its kind.
fn is_infrastructure(arn: &str) -> bool {
    Arn::parse(arn)
        .and_then(|arn| arn.resource.strip_prefix("assumed-role/aws:"))
        .is_some_and(|rest| rest.contains('/'))
}

/// The session name of `arn:aws:sts::111122223333:assumed-role/ROLE/SESSION`.
fn session_name(arn: &str) -> Option<&str> {
    let rest = Arn::parse(arn)?.resource.strip_prefix("assumed-role/")?;
    rest.split_once('/').map(|(_, session)| session).filter(|session| !session.is_empty())
}

/// The partition of a Region, where no ARN in the record tells it.
fn partition_of(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// Whether a value is there and is an object.
fn is_object(value: &Json<'_>) -> bool {
    value.kind() == Kind::Object
}
