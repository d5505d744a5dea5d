//! What kind of actor a principal is: a person, a workload, automation or a service.
//!
//! All rules ask here. What must stay true: a caller cannot make itself look more harmless. A session
//! name, a user agent and the name of a role are chosen by whoever holds the credentials or creates the
//! role, so they make a person of an actor at most. Automation is what the configuration names, what a
//! service of AWS does on behalf of a role, or a role that was assumed with the token of a build
//! service, which AWS has checked and written into the record.

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
    /// A role that the configuration names as automation, that CloudFormation or Control Tower used, or
    /// that a build service assumed.
    Automation,
    /// A service of AWS, or its service-linked role.
    Service,
}

/// Services that change an account as templates say.
const TEMPLATES: [&str; 5] = [
    "cloudformation.amazonaws.com",
    "stacksets.cloudformation.amazonaws.com",
    "member.org.stacksets.cloudformation.amazonaws.com",
    "controltower.amazonaws.com",
    "servicecatalog.amazonaws.com",
];

/// Build services whose tokens roles are assumed with, by the host of their issuer.
const BUILDING: [&str; 10] = [
    "token.actions.githubusercontent.com",
    "gitlab.com",
    "vstoken.dev.azure.com",
    "api.bitbucket.org",
    "oidc.circleci.com",
    "agent.buildkite.com",
    "app.terraform.io",
    "api.pulumi.com",
    "oidc.codefresh.io",
    "app.harness.io",
];

/// The path of service-linked roles. Only AWS can create roles in it.
const SERVICE_LINKED: &str = "role/aws-service-role/";

impl ActorKind {
    /// The kind of a principal, by itself.
    pub fn of(principal: &Principal, estate: &Estate) -> ActorKind {
        ActorKind::of_call(principal, None, estate)
    }

    /// The kind of a principal that made a call with the credentials of a role; `provider` is whose
    /// token the role was assumed with, if any.
    pub fn of_call(principal: &Principal, provider: Option<&str>, estate: &Estate) -> ActorKind {
        let arn = principal.arn.as_deref().unwrap_or_default();
        if principal.kind.as_deref() == Some("AWSService") || is_service_linked(arn) {
            return ActorKind::Service;
        }
        if estate.automation_roles.match_arn(arn) || provider.is_some_and(is_building) {
            return ActorKind::Automation;
        }
        // What a person has CloudFormation do, the person does.
        if is_person(principal) {
            return ActorKind::Person;
        }
        match principal.invoked_by.as_deref() {
            Some(by) if TEMPLATES.contains(&by) => ActorKind::Automation,
            _ => ActorKind::Workload,
        }
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

/// Whether a person acted: an IAM user, the root user, a federated user, a user of IAM Identity Center,
/// or a session that is named after an e-mail address.
pub fn is_person(principal: &Principal) -> bool {
    let somebody = matches!(
        principal.kind.as_deref(),
        Some("IAMUser" | "Root" | "FederatedUser" | "SAMLUser" | "IdentityCenterUser")
    );
    let of_permission_set = || principal.arn.as_deref().is_some_and(is_permission_set);
    let by_mail = || principal.session.as_deref().is_some_and(|session| session.contains('@'));
    somebody || of_permission_set() || by_mail()
}

/// Whether an identity provider of an account is a build service.
fn is_building(provider: &str) -> bool {
    let issuer = Arn::parse(provider).and_then(|arn| arn.resource.strip_prefix("oidc-provider/"));
    issuer.is_some_and(|issuer| BUILDING.contains(&issuer.split('/').next().unwrap_or(issuer)))
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
    fn the_token_of_a_build_service_makes_automation() {
        let by = |session: &str, provider: &str| {
            let principal = Principal {
                kind: Some("AssumedRole".into()),
                arn: Some("arn:aws:iam::111122223333:role/shipit".into()),
                session: Some(session.into()),
                ..Principal::nobody()
            };
            let provider = format!("arn:aws:iam::111122223333:{provider}");
            ActorKind::of_call(&principal, Some(&provider), &Estate::default())
        };
        let github = "oidc-provider/token.actions.githubusercontent.com";
        assert_eq!(by("run", github), ActorKind::Automation);
        assert_eq!(by("run", "oidc-provider/gitlab.com/group"), ActorKind::Automation);
        assert_eq!(by("run", "oidc-provider/gitlab.com.example.org"), ActorKind::Workload);
        assert_eq!(by("run", "saml-provider/gitlab.com"), ActorKind::Workload);
        assert_eq!(
            by("run", "oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/1"),
            ActorKind::Workload
        );
        assert_eq!(by("a@example.com", github), ActorKind::Automation, "the token comes first");
    }

    #[test]
    fn a_person_stays_one_whatever_service_it_has_act() {
        let set = "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef";
        let by = Some("cloudformation.amazonaws.com");
        assert_eq!(of("AssumedRole", set, "ana", by), ActorKind::Person);
        let by = Some("member.org.stacksets.cloudformation.amazonaws.com");
        assert_eq!(of("AssumedRole", "role/app", "x", by), ActorKind::Automation);
        assert_eq!(of("FederatedUser", "federated-user/ana", "", None), ActorKind::Person);
    }

    #[test]
    fn names_that_anybody_may_choose_make_nobody_harmless() {
        for role in ["role/AWSServiceRoleForECS", "role/x/role/aws-service-role/y", "role/x/deploy"]
        {
            assert_eq!(of("AssumedRole", role, "Terraform", None), ActorKind::Workload, "{role}");
        }
    }
}
