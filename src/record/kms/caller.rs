//! The caller of a record: `userIdentity`, read in one walk, since nearly every rule asks for it.

use std::borrow::Cow;

use super::Actor;
use crate::model::arn::Arn;
use crate::model::principal::Mfa;
use crate::record::event::Event;
use crate::record::json::Json;

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
    /// `principalId`
    principal_id: Option<Cow<'a, str>>,
    /// `sessionContext`
    session: Option<Json<'a>>,
    /// By whose hand the call was made.
    pub actor: Actor,
    /// Whether CloudTrail called for itself.
    pub delivery: bool,
    /// Whether the caller's account is another than the one that received the record.
    pub crosses: Option<bool>,
}

impl<'a> Caller<'a> {
    /// Reads the caller of a record.
    pub fn read(event: &Event<'a>) -> Caller<'a> {
        let (mut kind, mut invoked_by, mut arn, mut account) = (None, None, None, None);
        let (mut principal_id, mut session) = (None, None);
        for (name, value) in event.get("userIdentity").into_iter().flat_map(Json::members) {
            let slot = match () {
                () if name.is("type") => &mut kind,
                () if name.is("invokedBy") => &mut invoked_by,
                () if name.is("arn") => &mut arn,
                () if name.is("accountId") => &mut account,
                () if name.is("principalId") => &mut principal_id,
                () if name.is("sessionContext") => {
                    session = Some(value);
                    continue;
                }
                () => continue,
            };
            *slot = text(value);
        }
        let top = |name: &str| event.get(name).and_then(text);
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
        Caller { kind, invoked_by, arn, account, principal_id, session, actor, delivery, crosses }
    }

    /// The name of the session, if it is one of a role.
    pub fn session_name(&self) -> Option<&str> {
        self.arn.as_deref().filter(|_| self.is_role_session()).and_then(session_name)
    }

    fn is_role_session(&self) -> bool {
        self.kind.as_deref() == Some("AssumedRole")
    }

    /// What stays the same from call to call: the user's ARN, or the role's without its session.
    pub fn stable_arn(&self) -> Option<Cow<'a, str>> {
        let issuer = || self.session?.path(&["sessionIssuer", "arn"]).and_then(text);
        let stable = match self.is_role_session() {
            true => issuer().or_else(|| self.arn.clone().map(without_session)),
            false => self.arn.clone(),
        };
        let service = || self.invoked_by.clone().filter(|_| self.actor == Actor::Service);
        stable.or_else(|| self.principal_id.clone()).or_else(service)
    }

    /// Whether the record shows that the caller used MFA.
    pub fn mfa(&self) -> Mfa {
        // The session of a forwarded call is the service's own and says "false" whatever the
        // user did.
        if self.actor != Actor::Direct {
            return Mfa::NotApplicable;
        }
        // AWS knows the MFA of these two itself; of all others a provider may have asked for it.
        let own_sign_in = matches!(self.kind.as_deref(), Some("IAMUser" | "Root"));
        let Some(session) = self.session.filter(|value| !value.is_null()) else {
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
}

/// A text, unless it is empty.
fn text(value: Json<'_>) -> Option<Cow<'_, str>> {
    value.scalar().filter(|text| !text.is_empty())
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
