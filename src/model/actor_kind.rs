//! What kind of actor a principal is: a person, a workload, automation or a service.
//!
//! What must stay true: a caller cannot make itself look more harmless. A session name, a user agent
//! and the name of a role are chosen by whoever holds the credentials or creates the role, so they
//! make a person of an actor at most. Automation is what the configuration names, or what a service
//! of AWS does on somebody's behalf.

use super::arn::Arn;
use super::estate::Estate;
use super::principal::{Principal, is_permission_set};

/// What kind of actor a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActorKind {
    /// Somebody: a permission set of IAM Identity Center, an IAM user, the root user, a federated
    /// user, or a session that is named like an e-mail address.
    Person,
    /// A role that a program has.
    Workload,
    /// A role that the configuration names as automation, or CloudFormation or Control Tower.
    Automation,
    /// A service of AWS, or its service-linked role.
    Service,
}

/// Services that change an account as templates say.
const TEMPLATES: [&str; 3] =
    ["cloudformation.amazonaws.com", "controltower.amazonaws.com", "servicecatalog.amazonaws.com"];

/// The path of service-linked roles. Only AWS can create roles in it.
const SERVICE_LINKED: &str = "role/aws-service-role/";

impl ActorKind {
    /// The kind of a principal.
    pub fn of(principal: &Principal, estate: &Estate) -> ActorKind {
        let arn = principal.arn.as_deref().unwrap_or_default();
        let kind = principal.kind.as_deref();
        if kind == Some("AWSService") || is_service_linked(arn) {
            return ActorKind::Service;
        }
        if estate.automation_roles.match_arn(arn)
            || principal.invoked_by.as_deref().is_some_and(|by| TEMPLATES.contains(&by))
        {
            return ActorKind::Automation;
        }
        let somebody = matches!(
            kind,
            Some("IAMUser" | "Root" | "FederatedUser" | "SAMLUser" | "IdentityCenterUser")
        );
        let named = |session: &str| session.contains('@');
        if somebody || is_permission_set(arn) || principal.session.as_deref().is_some_and(named) {
            return ActorKind::Person;
        }
        ActorKind::Workload
    }

    /// The name in findings.
    pub fn as_str(self) -> &'static str {
        match self {
            ActorKind::Person => "person",
            ActorKind::Workload => "workload",
            ActorKind::Automation => "automation",
            ActorKind::Service => "service",
        }
    }
}

/// Whether a role is linked to a service: its trust policy admits only that.
pub fn is_service_linked(arn: &str) -> bool {
    Arn::parse(arn)
        .is_some_and(|arn| arn.service == "iam" && arn.resource.starts_with(SERVICE_LINKED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::pattern::Patterns;

    fn of(kind: &str, role: &str, session: &str, invoked_by: Option<&str>) -> ActorKind {
        let estate =
            Estate { automation_roles: Patterns::new(["*:role/deploy"]), ..Estate::default() };
        let principal = Principal {
            kind: Some(kind.into()),
            arn: Some(format!("arn:aws:iam::111122223333:{role}")),
            session: Some(session.into()).filter(|session: &String| !session.is_empty()),
            invoked_by: invoked_by.map(str::to_owned),
            ..Principal::nobody()
        };
        ActorKind::of(&principal, &estate)
    }

    #[test]
    fn actors_are_told_apart() {
        let sso = "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef";
        let linked = "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS";
        for (kind, role, session, expected) in [
            ("AssumedRole", sso, "ana", ActorKind::Person),
            ("AssumedRole", "role/admin", "ana@example.com", ActorKind::Person),
            ("IAMUser", "user/ana", "", ActorKind::Person),
            ("AssumedRole", "role/app", "i-0abc", ActorKind::Workload),
            ("AssumedRole", "role/deploy", "run", ActorKind::Automation),
            ("AssumedRole", linked, "ecs", ActorKind::Service),
        ] {
            assert_eq!(of(kind, role, session, None), expected, "{role}");
        }
        let by = Some("cloudformation.amazonaws.com");
        assert_eq!(of("AssumedRole", "role/app", "x", by), ActorKind::Automation);
        let by = Some("s3.amazonaws.com");
        assert_eq!(of("AssumedRole", "role/app", "x", by), ActorKind::Workload);
    }

    #[test]
    fn names_that_anybody_may_choose_make_nobody_harmless() {
        for role in ["role/AWSServiceRoleForECS", "role/x/role/aws-service-role/y", "role/x/deploy"]
        {
            assert_eq!(of("AssumedRole", role, "Terraform", None), ActorKind::Workload, "{role}");
        }
    }
}
