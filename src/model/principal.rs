//! Who acted, reduced to what stays the same from call to call.

use serde::{Deserialize, Serialize};

/// Whether a call was made with multi-factor authentication, as far as its record can tell.
///
/// Source: CloudTrail user guide, "CloudTrail userIdentity element"; a provider's own MFA
/// (Identity Center, SAML, OIDC) is not in the record, hence [`Mfa::Unknown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
}
