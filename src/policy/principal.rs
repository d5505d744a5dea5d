//! The principals that a statement names, in a form that can be compared.
//!
//! An account is the same whether it is written as its root's ARN or as twelve digits. Source: IAM
//! user guide, "AWS JSON policy elements: Principal".

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use crate::model::actor_kind::is_service_linked;
use crate::model::arn::Arn;

/// One principal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// `*`
    Everyone,
    /// A whole account: its root's ARN, or its id.
    Account(String),
    /// A user, role, session or federated user, by ARN.
    Arn(String),
    /// The unique id that stays in a policy when a user, role or group is deleted.
    UniqueId(String),
    /// An AWS service.
    Service(String),
    /// An identity provider.
    Federated(String),
    /// An S3 canonical user.
    Canonical(String),
    /// Anything else, as it stands.
    Other(String),
}

/// Whom a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// `Principal`
    Named(BTreeSet<Principal>),
    /// `NotPrincipal`
    AllBut(BTreeSet<Principal>),
    /// Neither, as in IAM policies, which apply to the principal they are attached to.
    Holder,
}

impl Principal {
    /// Reads one member of `Principal`: `kind` is `AWS`, `Service`, …; of `"Principal": "*"`, `AWS`.
    pub fn read(kind: &str, text: &str) -> Principal {
        let owned = || text.to_owned();
        match kind.to_ascii_lowercase().as_str() {
            "service" => Principal::Service(text.to_ascii_lowercase()),
            "federated" => Principal::Federated(owned()),
            "canonicaluser" => Principal::Canonical(owned()),
            "aws" if text == "*" => Principal::Everyone,
            "aws" if is_account(text) => Principal::Account(owned()),
            "aws" if is_unique_id(text) => Principal::UniqueId(owned()),
            "aws" => match Arn::parse(text) {
                Some(arn) if arn.resource == "root" && is_account(arn.account) => {
                    Principal::Account(arn.account.to_owned())
                }
                Some(_) => Principal::Arn(owned()),
                None => Principal::Other(owned()),
            },
            _ => Principal::Other(owned()),
        }
    }

    /// The account it belongs to.
    pub fn account(&self) -> Option<&str> {
        match self {
            Principal::Account(id) => Some(id),
            Principal::Arn(text) | Principal::Federated(text) => {
                Arn::parse(text).map(|arn| arn.account).filter(|id| is_account(id))
            }
            _ => None,
        }
    }

    /// Whether it is all of this account.
    pub fn is_account(&self, account: &str) -> bool {
        matches!(self, Principal::Account(id) if id == account)
    }

    /// Whether it is an AWS service, or a role that only a service can assume.
    pub fn is_service(&self) -> bool {
        match self {
            Principal::Service(_) => true,
            Principal::Arn(text) => is_service_linked(text),
            _ => false,
        }
    }

    /// Whether a statement that names this applies to `other` in full: an account stands for its
    /// users and roles, `*` for all.
    pub fn covers(&self, other: &Principal) -> bool {
        match self {
            Principal::Everyone => true,
            Principal::Account(id) => other.account() == Some(id),
            _ => self == other,
        }
    }

    /// How a policy spells it: member of `Principal` and text.
    pub fn spelling(&self) -> (&'static str, &str) {
        match self {
            Principal::Everyone => ("AWS", "*"),
            Principal::Account(text)
            | Principal::Arn(text)
            | Principal::UniqueId(text)
            | Principal::Other(text) => ("AWS", text),
            Principal::Service(text) => ("Service", text),
            Principal::Federated(text) => ("Federated", text),
            Principal::Canonical(text) => ("CanonicalUser", text),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spelling().1)
    }
}

impl Who {
    /// Whether the statement applies to all that `principal` stands for.
    pub fn covers(&self, principal: &Principal) -> bool {
        match self {
            Who::Named(named) => any_covers(named, principal),
            Who::AllBut(spared) => {
                let inside = || spared.iter().any(|one| principal.covers(one));
                !any_covers(spared, principal) && !inside()
            }
            Who::Holder => true,
        }
    }

    /// The same for very many principals: what every answer needs is worked out once.
    pub fn reach(&self) -> Reach<'_> {
        let accounts = match self {
            Who::AllBut(spared) => spared.iter().filter_map(Principal::account).collect(),
            Who::Named(_) | Who::Holder => HashSet::new(),
        };
        Reach { who: self, accounts }
    }

    /// The principals it names as those it is about.
    pub fn named(&self) -> impl Iterator<Item = &Principal> {
        let named = match self {
            Who::Named(named) => Some(named),
            Who::AllBut(_) | Who::Holder => None,
        };
        named.into_iter().flatten()
    }
}

/// Whom a statement covers, for very many questions: see [`Who::reach`].
#[derive(Debug)]
pub struct Reach<'p> {
    who: &'p Who,
    /// The accounts of the principals it spares.
    accounts: HashSet<&'p str>,
}

impl Reach<'_> {
    /// As [`Who::covers`].
    pub fn covers(&self, principal: &Principal) -> bool {
        match (self.who, principal) {
            (Who::AllBut(spared), Principal::Everyone) => spared.is_empty(),
            (Who::AllBut(spared), Principal::Account(id)) => {
                !any_covers(spared, principal) && !self.accounts.contains(id.as_str())
            }
            // Other principals cover nothing but themselves.
            (Who::AllBut(spared), _) => !any_covers(spared, principal),
            (who, _) => who.covers(principal),
        }
    }
}

/// Whether any of `named` covers `principal`: by look-up, since a hostile policy names thousands.
fn any_covers(named: &BTreeSet<Principal>, principal: &Principal) -> bool {
    let account = || principal.account().map(|id| Principal::Account(id.to_owned()));
    named.contains(principal)
        || named.contains(&Principal::Everyone)
        || account().is_some_and(|account| named.contains(&account))
}

/// Twelve digits.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `AIDA…` (user), `AROA…` (role) or `AGPA…` (group).
///
/// Source: IAM user guide, "IAM identifiers", unique ID prefixes.
fn is_unique_id(text: &str) -> bool {
    text.len() >= 16
        && ["AIDA", "AROA", "AGPA"].iter().any(|prefix| text.starts_with(prefix))
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}
