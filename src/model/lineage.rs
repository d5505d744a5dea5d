//! Whose a request is, whatever credentials it was made with: what cases are gathered by.
//!
//! A person or a user is one actor for good. A role is shared, so only its sessions are told apart. A
//! session of automation has the same name at every run, so its access key tells the runs apart. What
//! must stay true: whoever names a session or a role cannot make the request somebody else's. So only
//! names that AWS vouches for stand for a person: those of permission sets.

use std::borrow::Cow;

use super::actor_kind::ActorKind;
use super::estate::Estate;
use super::principal::{Principal, is_permission_set};

/// What the requests of one actor have in common; `None` of a service, and where no record tells.
pub fn lineage<'p>(
    principal: &'p Principal,
    access_key: Option<&str>,
    estate: &Estate,
) -> Option<Cow<'p, str>> {
    let kind = ActorKind::of(principal, estate);
    let by_key = || access_key.map(|id| Cow::Owned(of_key(id)));
    if kind == ActorKind::Service {
        return None;
    }
    let Some(arn) = principal.arn.as_deref().filter(|arn| !is_account(arn)) else {
        return by_key();
    };
    match principal.session.as_deref() {
        None => Some(arn.into()),
        // Whoever has the same name in another organisation is somebody else.
        Some(session) if is_permission_set(arn) && is_own(principal, estate) => {
            Some(format!("person {}", session.to_lowercase()).into())
        }
        Some(_) if kind == ActorKind::Automation && access_key.is_some() => by_key(),
        Some(session) => Some(of_session(arn, session).into()),
    }
}

/// The lineage of a session of a role.
pub fn of_session(role: &str, session: &str) -> String {
    format!("{role}/{session}")
}

/// What stands for an access key by itself.
pub fn of_key(id: &str) -> String {
    format!("key {id}")
}

/// Whether the principal is of an account of one's own, as far as those are known.
fn is_own(principal: &Principal, estate: &Estate) -> bool {
    let own = &estate.own_accounts;
    own.is_empty() || principal.account.as_ref().is_none_or(|account| own.contains(account))
}

/// Whether a name is only that of an account: many act in it.
fn is_account(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::pattern::Patterns;

    fn of(kind: &str, arn: &str, session: Option<&str>, key: Option<&str>) -> Option<String> {
        let automation_roles = Patterns::new(["*:role/deploy"]);
        let estate = Estate { automation_roles, ..Estate::default() };
        let principal = Principal {
            kind: Some(kind.into()),
            arn: Some(arn.into()).filter(|arn: &String| !arn.is_empty()),
            session: session.map(str::to_owned),
            ..Principal::nobody()
        };
        lineage(&principal, key, &estate).map(Cow::into_owned)
    }

    #[test]
    fn users_are_one_actor_and_roles_one_for_each_session() {
        let user = "arn:aws:iam::111122223333:user/ana";
        assert_eq!(of("IAMUser", user, None, Some("AKIA1")), of("IAMUser", user, None, None));
        let role = "arn:aws:iam::111122223333:role/app";
        let [one, other] = ["i-0a", "i-0b"].map(|name| of("AssumedRole", role, Some(name), None));
        assert!(one.is_some() && one != other);
        assert_eq!(one, of("AssumedRole", role, Some("i-0a"), Some("ASIA1")));
    }

    #[test]
    fn a_person_is_one_over_permission_sets_and_not_by_the_name_of_a_session() {
        let set = |account: &str| {
            format!(
                "arn:aws:iam::{account}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef"
            )
        };
        let one = of("AssumedRole", &set("111122223333"), Some("ana@example.com"), None);
        let other = of("AssumedRole", &set("444455556666"), Some("Ana@example.com"), None);
        assert_eq!(one, other);
        let role = "arn:aws:iam::111122223333:role/app";
        assert_ne!(of("AssumedRole", role, Some("ana@example.com"), None), one);
    }

    #[test]
    fn runs_of_automation_are_told_apart_by_their_access_keys() {
        let role = "arn:aws:iam::111122223333:role/deploy";
        let run = |key| of("AssumedRole", role, Some("run"), key);
        assert_ne!(run(Some("ASIA1")), run(Some("ASIA2")));
        assert!(run(None).is_some());
    }

    #[test]
    fn services_and_whole_accounts_are_nobody() {
        assert_eq!(of("AWSService", "ec2.amazonaws.com", None, None), None);
        assert_eq!(of("AWSAccount", "777788889999", None, None), None);
        assert_eq!(of("AWSAccount", "", None, None), None);
        assert_eq!(of("AWSAccount", "777788889999", None, Some("ASIA1")), Some(of_key("ASIA1")));
    }
}
