//! Who acted, reduced to what stays the same from call to call.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::arn::Arn;

/// Whether a call was made with multi-factor authentication, as far as its record can tell.
///
/// Source: CloudTrail user guide, "CloudTrail userIdentity element"; a provider's own MFA
/// (Identity Center, SAML, OIDC) is not in the record, hence [`Mfa::Unknown`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Mfa {
    /// The session says so.
    Yes,
    /// An IAM user's session without it, or a long-term access key.
    No,
    /// A role or federated session: its caller may have used MFA.
    Unknown,
    /// A service acted.
    #[serde(rename = "n/a")]
    NotApplicable,
}

impl Mfa {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Mfa::Yes => "yes",
            Mfa::No => "no",
            Mfa::Unknown => "unknown",
            Mfa::NotApplicable => "n/a",
        }
    }
}

/// The actor of a call. Every member is the record's text; nothing is looked up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Principal {
    /// `userIdentity.type`, or `AWSService` for KMS's own events, which have none.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The role of a role session, else `userIdentity.arn`, else the `principalId`, else the service.
    pub arn: Option<String>,
    /// The caller's account.
    pub account: Option<String>,
    /// The session name of a role session.
    pub session: Option<String>,
    /// The service that called on the caller's behalf, or for itself.
    pub invoked_by: Option<String>,
    /// Whether the session had MFA.
    pub mfa: Mfa,
}

impl Principal {
    /// Of what no one actor did, or of what no log says who did it.
    pub fn nobody() -> Principal {
        Principal {
            kind: None,
            arn: None,
            account: None,
            session: None,
            invoked_by: None,
            mfa: Mfa::NotApplicable,
        }
    }

    /// By what the principal is told apart from others; see [`identity`].
    pub fn identity(&self) -> Option<Cow<'_, str>> {
        identity(self.arn.as_deref()?.into(), self.session.as_deref()).into()
    }

    /// Whether the principal called by its own hand: no service called for it or for itself, and it
    /// is no session of AWS's own, such as `aws:ec2-infrastructure`.
    pub fn acts_itself(&self) -> bool {
        self.invoked_by.is_none()
            && self.kind.as_deref() != Some("AWSService")
            && !self.arn.as_deref().is_some_and(is_of_aws)
    }
}

/// By what a principal is told apart from others: by its ARN. The people who share a permission set of
/// IAM Identity Center share a role. They are told apart by the name of their session, which Identity
/// Center sets to the name of the user: `ROLE/SESSION`.
pub fn identity<'a>(arn: Cow<'a, str>, session: Option<&str>) -> Cow<'a, str> {
    match session {
        Some(session) if is_permission_set(&arn) => format!("{arn}/{session}").into(),
        _ => arn,
    }
}

/// The path of the roles that IAM Identity Center makes. Only AWS can create roles in it.
const PERMISSION_SETS: &str = "role/aws-reserved/sso.amazonaws.com/";

/// Whether a role belongs to a permission set of IAM Identity Center.
pub fn is_permission_set(arn: &str) -> bool {
    Arn::parse(arn).is_some_and(|arn| arn.resource.starts_with(PERMISSION_SETS))
}

/// Whether a role is one of AWS's own: no customer's role may have a colon in its name.
fn is_of_aws(arn: &str) -> bool {
    let resource = Arn::parse(arn).map(|arn| arn.resource);
    let name = resource
        .and_then(|text| text.strip_prefix("assumed-role/").or_else(|| text.strip_prefix("role/")));
    // A path may have one, so what follows has to be the name.
    name.is_some_and(|name| name.starts_with("aws:") && !name.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_who_share_a_permission_set_are_told_apart() {
        let path = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com";
        let shared = format!("{path}/eu-central-1/AWSReservedSSO_Admin_0123456789abcdef");
        let by = |arn: &str, session: &str| Principal {
            arn: Some(arn.into()),
            session: Some(session.into()),
            ..Principal::nobody()
        };
        let (ana, ben) = (by(&shared, "ana"), by(&shared, "ben"));
        assert_ne!(ana.identity(), ben.identity());
        assert_eq!(ana.identity().as_deref(), Some(&*format!("{shared}/ana")));
        // Whoever may choose the name of a role or a session must not look like several people.
        for role in
            ["AWSReservedSSO_Admin_0123456789abcdef", "x/role/aws-reserved/sso.amazonaws.com/y"]
        {
            let role = format!("arn:aws:iam::111122223333:role/{role}");
            assert_eq!(by(&role, "ana").identity().as_deref(), Some(&*role));
        }
        assert_eq!(Principal::nobody().identity(), None);
    }

    #[test]
    fn a_path_makes_no_role_of_awss_own() {
        let by = |arn: &str| Principal { arn: Some(arn.into()), ..Principal::nobody() };
        assert!(!by("arn:aws:sts::111122223333:assumed-role/aws:ec2-infrastructure").acts_itself());
        for arn in [
            "arn:aws:iam::111122223333:role/aws:ec2-infrastructure/x",
            "arn:aws:sts::111122223333:assumed-role/app",
            "arn:aws:iam::111122223333:user/aws:x",
        ] {
            assert!(by(arn).acts_itself(), "{arn}");
        }
        let via = Principal { invoked_by: Some("s3.amazonaws.com".into()), ..by("x") };
        assert!(!via.acts_itself());
    }
}
