//! The normalised view of a record: who acted, on which key, for which resource.
//!
//! Real records hide these in many places and shapes; here is the one reading that every rule and
//! every finding shares, so that no rule repeats the pitfalls.
//! Who acted, account, Region and the like work for records of any service.
//!
//! What must stay true: nothing is copied before it is asked for, and no shape of a member, however
//! odd, makes anything here fail: what does not read is absent.

mod caller;
mod names;
mod places;
mod subject;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashSet};

use super::event::Event;
use super::hidden::is_hidden;
use super::json::{Json, Kind, Name};
use crate::model::arn::Arn;
use crate::model::finding::{Key, Resource};
use crate::model::principal::{Mfa, Principal, identity};

use caller::Caller;
pub use caller::Who;
pub use names::{ADMIN, CRITICAL, CRYPTO, READ, SYM, UNASKED};
pub use names::{is_admin, is_critical, is_crypto, is_read, is_sym, is_unasked};
pub use places::S3_KEY_HEADER;
use places::{BARE_PLACES, KEY_PLACES};
pub use subject::of_arn as taggable;

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

/// A record read as a KMS call. Cheap to make; what several rules ask for is read once.
#[derive(Debug, Clone)]
pub struct View<'a> {
    event: Event<'a>,
    kms: OnceCell<bool>,
    attempt: OnceCell<bool>,
    caller: OnceCell<Caller<'a>>,
    /// The members of `requestParameters`.
    request: OnceCell<Vec<(Name<'a>, Json<'a>)>>,
    /// The keys, and whether account and Region of the first are inferred.
    keys: OnceCell<(Vec<Key>, bool)>,
    context: OnceCell<Vec<Pair<'a>>>,
    resource: OnceCell<Option<Resource>>,
    home: OnceCell<Home>,
}

/// Where what a record names only by its id lies.
#[derive(Debug, Clone)]
struct Home {
    partition: String,
    region: Option<String>,
    /// The caller's account, else the record's.
    account: Option<String>,
}

/// The members of a request that hold an encryption context.
const CONTEXTS: [&str; 3] =
    ["encryptionContext", "sourceEncryptionContext", "destinationEncryptionContext"];

/// Name and value in an encryption context.
type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

impl<'a> View<'a> {
    /// The view of `event`.
    pub fn new(event: &Event<'a>) -> View<'a> {
        View {
            event: *event,
            kms: OnceCell::new(),
            attempt: OnceCell::new(),
            caller: OnceCell::new(),
            request: OnceCell::new(),
            keys: OnceCell::new(),
            context: OnceCell::new(),
            resource: OnceCell::new(),
            home: OnceCell::new(),
        }
    }

    /// The record itself.
    pub fn event(&self) -> &Event<'a> {
        &self.event
    }

    /// Whether KMS wrote the record.
    pub fn is_kms(&self) -> bool {
        *self.kms.get_or_init(|| {
            let source = self.event.get("eventSource").and_then(Json::text);
            source.is_some_and(|source| source.eq_ignore_ascii_case(SOURCE))
        })
    }

    /// `eventName`.
    pub fn name(&self) -> Option<Cow<'a, str>> {
        self.event.get("eventName").and_then(Json::text)
    }

    /// Whether the call failed or was refused.
    pub fn attempt(&self) -> bool {
        *self.attempt.get_or_init(|| self.event.failed())
    }

    /// Whether the call succeeded.
    pub fn ok(&self) -> bool {
        !self.attempt()
    }

    /// `recipientAccountId`.
    pub fn account(&self) -> Option<String> {
        owned(self.event.get("recipientAccountId"))
    }

    /// `awsRegion`.
    pub fn region(&self) -> Option<String> {
        owned(self.event.get("awsRegion"))
    }

    /// `sourceIPAddress`: an address, or a service's name.
    pub fn source_ip(&self) -> Option<String> {
        owned(self.event.get("sourceIPAddress"))
    }

    /// `userAgent`.
    pub fn user_agent(&self) -> Option<String> {
        owned(self.event.get("userAgent"))
    }

    /// What the two records of one cross-account call have in common.
    pub fn shared_event_id(&self) -> Option<String> {
        owned(self.event.get("sharedEventID"))
    }

    /// By whose hand the call was made. Read once a view.
    pub fn actor(&self) -> Actor {
        self.caller().actor
    }

    /// Whether CloudTrail encrypts its own files: four of five KMS records, and nobody's use. Read
    /// once a view.
    pub fn is_trail_delivery(&self) -> bool {
        self.caller().delivery
    }

    /// Whether the caller is of another account than the one that received the record; `None` when
    /// either is not told, as of services. Read once a view.
    pub fn crosses_accounts(&self) -> Option<bool> {
        self.caller().crosses
    }

    fn caller(&self) -> &Caller<'a> {
        self.caller.get_or_init(|| Caller::read(&self.event))
    }

    /// `userIdentity.invokedBy`: the service by which the call was made.
    pub fn invoked_by(&self) -> Option<&str> {
        self.caller().invoked_by.as_deref()
    }

    /// The caller's account; `None` for services, so that no cross-account rule fires on them.
    pub fn caller_account(&self) -> Option<String> {
        self.caller().account.as_deref().map(str::to_owned)
    }

    /// Who acted, reduced to what stays the same from call to call. Never the `accessKeyId`.
    pub fn principal(&self) -> Principal {
        let caller = self.caller();
        let owned = |text: &Option<Cow<'a, str>>| text.as_deref().map(str::to_owned);
        let service = || (caller.actor == Actor::Service).then(|| "AWSService".to_owned());
        Principal {
            kind: owned(&caller.kind).or_else(service),
            arn: self.principal_arn().map(Cow::into_owned),
            account: owned(&caller.account),
            session: caller.session_name().map(str::to_owned),
            invoked_by: owned(&caller.invoked_by),
            mfa: self.mfa(),
        }
    }

    /// What [`principal`](View::principal) is made of, borrowed.
    pub fn who(&self) -> Who<'_> {
        let caller = self.caller();
        let service = || (caller.actor == Actor::Service).then_some("AWSService");
        Who {
            kind: caller.kind.as_deref().or_else(service),
            arn: self.principal_arn(),
            account: caller.account.as_deref(),
            session: caller.session_name(),
            invoked_by: caller.invoked_by.as_deref(),
            mfa: caller.mfa,
        }
    }

    /// `userIdentity.accessKeyId`
    pub fn access_key(&self) -> Option<&str> {
        self.caller().access_key.as_deref()
    }

    /// The `arn` of [`principal`](View::principal): the user's, or the role's without its session.
    pub fn principal_arn(&self) -> Option<Cow<'a, str>> {
        self.caller().stable_arn.clone()
    }

    /// By what the caller is told apart from others; see [`identity`](crate::model::principal::identity).
    pub fn identity(&self) -> Option<Cow<'a, str>> {
        Some(identity(self.principal_arn()?, self.caller().session_name()))
    }

    /// Whether the record shows that the caller used MFA.
    pub fn mfa(&self) -> Mfa {
        self.caller().mfa
    }

    /// The keys that the record names, best first; of one place only, since the next best place
    /// names the same key less well.
    pub fn keys(&self) -> &[Key] {
        &self.known_keys().0
    }

    /// The key a finding is about: the first of [`keys`](View::keys).
    pub fn key(&self) -> Option<Key> {
        self.first_key().cloned()
    }

    /// The same, borrowed.
    pub fn first_key(&self) -> Option<&Key> {
        self.known_keys().0.first()
    }

    /// Whether account and Region of the first key are inferred: the record gives a bare id only.
    pub fn key_is_inferred(&self) -> bool {
        self.known_keys().1
    }

    /// The account that owns the first key.
    pub fn key_account(&self) -> Option<String> {
        self.first_key()?.account.clone()
    }

    fn known_keys(&self) -> &(Vec<Key>, bool) {
        self.keys.get_or_init(|| self.keys_and_inference())
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
        if keys.len() > 1 {
            let mut seen = HashSet::new();
            keys.retain(|key| seen.insert(key.arn.clone()));
        }
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

    /// The replica that a `ReplicateKey` made. The record is about the primary, and the policy in it is the
    /// replica's.
    pub fn replica(&self) -> Option<Key> {
        let makes = self.is_kms() && self.name().is_some_and(|name| name == "ReplicateKey");
        makes.then(|| self.key_at(&["responseElements", "replicaKeyMetadata", "arn"]))?
    }

    fn key_at(&self, path: &[&str]) -> Option<Key> {
        key_of(&self.text(path)?)
    }

    /// A member of `requestParameters`; the last one of that name. They are found once a view.
    pub fn request(&self, name: &str) -> Option<Json<'a>> {
        let all = self.request.get_or_init(|| {
            self.event.get("requestParameters").into_iter().flat_map(Json::members).collect()
        });
        all.iter().rev().find(|(known, _)| known.is(name)).map(|(_, value)| *value)
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
        let alias = |name: &str| alias_of(&self.request(name)?.text()?);
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
    pub fn context(&self) -> &[Pair<'a>] {
        self.context.get_or_init(|| self.read_context())
    }

    /// Whether AWS hides an encryption context of the call, or a part of one: whatever is in it is not
    /// known then, and there is one.
    pub fn hides_context(&self) -> bool {
        let hides = |context: Json<'_>| {
            is_hidden(context) || context.members().any(|(_, value)| is_hidden(value))
        };
        CONTEXTS.into_iter().filter_map(|name| self.request(name)).any(hides)
    }

    fn read_context(&self) -> Vec<Pair<'a>> {
        let values = CONTEXTS.into_iter().filter_map(|name| self.request(name));
        let mut pairs: Vec<Pair<'a>> = values.flat_map(pairs_of).collect();
        if pairs.len() > 1 {
            let mut seen = HashSet::new();
            pairs.retain(|pair| seen.insert(pair.clone()));
        }
        pairs
    }

    /// The resource that the key protects in this call, as the encryption context tells.
    pub fn subject(&self) -> Option<Resource> {
        subject::of_context(self, self.context())
    }

    /// What the encryption context names beside the subject: of a trail's log file, the bucket that
    /// it lies in.
    pub fn beside_subject(&self) -> Option<Resource> {
        subject::beside(self.context())
    }

    /// What a context that stands elsewhere in the record names: in a grant's constraints, or of
    /// one side of a ReEncrypt.
    pub fn subjects_of(&self, context: Json<'a>) -> Vec<Resource> {
        let pairs: Vec<Pair<'a>> = pairs_of(context).collect();
        subject::of_context(self, &pairs).into_iter().chain(subject::beside(&pairs)).collect()
    }

    /// An id of a service completed to an ARN of the record's account and Region; the id alone when
    /// one of them is missing.
    pub fn completed(&self, service: &str, id: &str) -> Resource {
        subject::complete(self, service, id, None)
    }

    /// The resource a finding is about: of a KMS call its subject, else what the record acts on.
    pub fn resource(&self) -> Option<Resource> {
        self.known_resource().cloned()
    }

    /// The same, borrowed.
    pub fn known_resource(&self) -> Option<&Resource> {
        let read = || if self.is_kms() { self.subject() } else { subject::of_record(self) };
        self.resource.get_or_init(read).as_ref()
    }

    /// What the call was about, as precisely as the record says: the object and not its bucket, the
    /// version of a function. Several where the call names several.
    pub fn subjects(&self) -> Vec<String> {
        if self.is_kms() {
            self.precise_subject().map(Cow::into_owned).into_iter().collect()
        } else {
            subject::all_of_record(self)
        }
    }

    /// What a KMS call was about, as precisely as its context says.
    pub fn precise_subject(&self) -> Option<Cow<'_, str>> {
        subject::precise(self, self.context())
    }

    /// The text behind a path, unless it is empty.
    fn text(&self, path: &[&str]) -> Option<Cow<'a, str>> {
        match path {
            ["requestParameters", name] => self.request(name)?.text(),
            _ => self.event.path(path)?.text(),
        }
    }

    /// Where what it names only by its id lies. Read once a view: one call may name thousands.
    fn home(&self) -> &Home {
        self.home.get_or_init(|| {
            let region = self.region();
            let partition = match self.first_key().and_then(|key| Arn::parse(&key.arn)) {
                Some(arn) => arn.partition.to_owned(),
                None => partition_of(region.as_deref().unwrap_or_default()).to_owned(),
            };
            Home { partition, region, account: self.caller_account().or_else(|| self.account()) }
        })
    }
}

/// The pairs of an encryption context, but for those whose value AWS hides.
fn pairs_of<'a>(context: Json<'a>) -> impl Iterator<Item = Pair<'a>> {
    let pair = |(name, value): (Name<'a>, Json<'a>)| Some((name.text(), value.scalar()?));
    context.members().filter(|(_, value)| !is_hidden(*value)).filter_map(pair)
}

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

/// The partition of a Region, where no ARN in the record tells it.
fn partition_of(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// The text of a value, copied.
fn owned(value: Option<Json<'_>>) -> Option<String> {
    Some(value?.text()?.into_owned())
}

/// Whether a value is there and is an object.
fn is_object(value: &Json<'_>) -> bool {
    value.kind() == Kind::Object
}
