//! The caller of a record: `userIdentity`, read in one walk, since nearly every rule asks for it.

use std::borrow::Cow;

use super::Actor;
use crate::model::arn::Arn;
use crate::model::principal::{Mfa, identity, is_permission_set};
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::unknown::Unknown;

/// `userIdentity`. Empty texts are absent.
#[derive(Debug, Clone)]
pub struct Caller<'a> {
    /// `type`
    pub kind: Option<Cow<'a, str>>,
    /// `invokedBy`
    pub invoked_by: Option<Cow<'a, str>>,
    /// `arn`
    pub arn: Option<Cow<'a, str>>,
    /// `accountId`
    pub account: Option<Cow<'a, str>>,
    /// `accessKeyId`
    pub access_key: Option<Cow<'a, str>>,
    /// What stays the same from call to call: the user's ARN, or the role's without its session.
    pub stable_arn: Option<Cow<'a, str>>,
    /// Whether the record shows that the caller used MFA.
    pub mfa: Mfa,
    /// By whose hand the call was made.
    pub actor: Actor,
    /// Whether CloudTrail called for itself.
    pub delivery: bool,
    /// Whether the caller's account is another than the one that received the record.
    pub crosses: Option<bool>,
}

/// Who acted: the members of [`Principal`], borrowed.
#[derive(Debug, Clone)]
pub struct Who<'a> {
    /// `userIdentity.type`, or `AWSService`.
    pub kind: Option<&'a str>,
    /// The user's ARN, or the role's without its session.
    pub arn: Option<Cow<'a, str>>,
    /// The caller's account.
    pub account: Option<&'a str>,
    /// The session name of a role session.
    pub session: Option<&'a str>,
    /// `userIdentity.invokedBy`
    pub invoked_by: Option<&'a str>,
    /// Whether the session had MFA.
    pub mfa: Mfa,
}

impl Who<'_> {
    /// By what the caller is told apart from others; see [`identity`].
    pub fn identity(&self) -> Option<Cow<'_, str>> {
        Some(identity(self.arn.as_deref()?.into(), self.session))
    }

    /// The name of the session, if it tells people apart who share a role.
    pub fn person(&self) -> Option<&str> {
        self.session.filter(|_| self.arn.as_deref().is_some_and(is_permission_set))
    }
}

/// What `sessionContext` says.
#[derive(Default)]
struct Session<'a> {
    /// `sessionIssuer.arn`
    issuer: Option<Cow<'a, str>>,
    /// `attributes.mfaAuthenticated`
    mfa: Option<bool>,
    /// `assumedRoot`
    assumed_root: bool,
}

impl<'a> Session<'a> {
    fn read(session: Json<'a>) -> Session<'a> {
        let mut found = Session::default();
        for (name, value) in session.members() {
            match &*name.text() {
                "sessionIssuer" => found.issuer = value.get("arn").and_then(Json::text),
                "attributes" => {
                    found.mfa = value.get("mfaAuthenticated").and_then(Json::as_bool);
                }
                "assumedRoot" => found.assumed_root = value.as_bool() == Some(true),
                _ => {}
            }
        }
        found
    }
}

impl<'a> Caller<'a> {
    /// Reads the caller of a record.
    pub fn read(event: &Event<'a>) -> Caller<'a> {
        let (mut kind, mut invoked_by, mut arn, mut account) = (None, None, None, None);
        let (mut principal_id, mut access_key, mut session) = (None, None, None);
        for (name, value) in event.get("userIdentity").into_iter().flat_map(Json::members) {
            let slot = match &*name.text() {
                "type" => &mut kind,
                "invokedBy" => &mut invoked_by,
                "arn" => &mut arn,
                "accountId" => &mut account,
                "accessKeyId" => &mut access_key,
                "principalId" => &mut principal_id,
                "sessionContext" => {
                    session = (!value.is_null()).then(|| Session::read(value));
                    continue;
                }
                _ => continue,
            };
            *slot = value.text();
        }
        let top = |name: &str| event.peek(name).and_then(Json::text);
        let service = match &kind {
            Some(kind) => kind == "AWSService",
            // KMS's own events have no type.
            None => invoked_by.is_some(),
        };
        let service_event = || top("eventType").is_some_and(|kind| kind == "AwsServiceEvent");
        let actor = if service || service_event() {
            Actor::Service
        } else if invoked_by.is_some() {
            Actor::Via
        } else if arn.as_deref().is_some_and(is_infrastructure) {
            Actor::Infrastructure
        } else {
            Actor::Direct
        };
        let delivery =
            actor == Actor::Service && invoked_by.as_deref() == Some("cloudtrail.amazonaws.com");
        let differs = |account: &str| Some(top("recipientAccountId")? != account);
        let crosses = account.as_deref().and_then(differs);
        let mfa = match Unknown::of(event.text()) {
            Some(unknown) if unknown.has(SESSION) && actor == Actor::Direct => Mfa::Unknown,
            _ => mfa(actor, kind.as_deref(), session.as_ref()),
        };
        let issuer = || session.as_ref()?.issuer.clone();
        let stable_arn = match kind.as_deref() {
            Some(ROLE_SESSION) => issuer().or_else(|| arn.clone().map(without_session)),
            _ => arn.clone(),
        };
        let by_service = || invoked_by.clone().filter(|_| actor == Actor::Service);
        let stable_arn = stable_arn.or(principal_id).or_else(by_service);
        Caller {
            kind,
            invoked_by,
            arn,
            account,
            access_key,
            stable_arn,
            mfa,
            actor,
            delivery,
            crosses,
        }
    }

    /// The name of the session, if it is one of a role.
    pub fn session_name(&self) -> Option<&str> {
        let is_role_session = self.kind.as_deref() == Some(ROLE_SESSION);
        self.arn.as_deref().filter(|_| is_role_session).and_then(session_name)
    }
}

/// What tells of MFA.
const SESSION: &str = "userIdentity.sessionContext";

/// The type of a role session.
const ROLE_SESSION: &str = "AssumedRole";

/// Whether a caller used MFA, as far as the record shows it.
fn mfa(actor: Actor, kind: Option<&str>, session: Option<&Session<'_>>) -> Mfa {
    // The session of a forwarded call is the service's own and says "false" whatever the user did.
    if actor != Actor::Direct {
        return Mfa::NotApplicable;
    }
    // AWS knows the MFA of these two itself; of all others a provider may have asked for it.
    let own_sign_in = matches!(kind, Some("IAMUser" | "Root"));
    let Some(session) = session else {
        return if own_sign_in { Mfa::No } else { Mfa::Unknown };
    };
    match session.mfa {
        Some(true) => Mfa::Yes,
        // A root session for a member account is somebody else's, whose MFA is not shown.
        Some(false) if own_sign_in && !session.assumed_root => Mfa::No,
        _ => Mfa::Unknown,
    }
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

/// An assumed role's ARN up to its session name: as stable as it gets where the issuer is not told.
fn without_session(arn: Cow<'_, str>) -> Cow<'_, str> {
    match session_name(&arn) {
        Some(name) => Cow::Owned(arn[..arn.len() - name.len() - 1].to_owned()),
        None => arn,
    }
}
