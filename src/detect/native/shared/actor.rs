//! Tells automation from others, as far as one record shows who acted: what is attested, as
//! `src/model/actor_kind.rs` says, and what names and user agents say beside it.
//!
//! The caller writes its user agent and, mostly, the name of its session. So neither proves
//! anything alone. What must stay true: nobody becomes automation by what the caller may write. A
//! setting says so, or AWS does (`invokedBy`), or the name of the role and the agent say the same.

use crate::detect::stateful::About;
use crate::model::actor_kind::ActorKind;
pub use crate::model::actor_kind::is_person;
use crate::model::arn::Arn;
use crate::model::estate::Estate;
use crate::model::principal::Principal;

/// Services that carry out the remediation of an AWS Config rule.
const REMEDIATING: &[&str] = &["config.amazonaws.com", "ssm.amazonaws.com"];

/// What the user agents of deployment tools contain, in lower case.
const TOOLS: &[&str] = &["terraform/", "opentofu/", "pulumi", "aws-cdk"];

/// Words in the names of roles that deploy.
const WORDS: &[&str] = &[
    "terraform",
    "opentofu",
    "tofu",
    "pulumi",
    "cdk",
    "cloudformation",
    "cfn",
    "stackset",
    "stacksets",
    "deploy",
    "deployer",
    "deployment",
    "deployments",
    "pipeline",
    "pipelines",
    "codepipeline",
    "codebuild",
    "ci",
    "cd",
    "cicd",
    "github",
    "gitlab",
    "bitbucket",
    "jenkins",
    "circleci",
    "atlantis",
    "spacelift",
    "provisioner",
    "provisioning",
    "iac",
    "release",
    "releases",
    "build",
    "builder",
    "runner",
    "runners",
    "actions",
    "infra",
    "infrastructure",
    "automation",
];

/// Whether automation acted: attested, or a deployment tool with a role that is named for deploying.
pub fn is_automation(estate: &Estate, about: &About) -> bool {
    let by_name = || is_tool(about.user_agent.as_deref()) && deploys(&about.principal);
    match kind(estate, about) {
        ActorKind::Automation => true,
        ActorKind::Workload => about.principal.invoked_by.is_none() && by_name(),
        ActorKind::Person | ActorKind::Service => false,
    }
}

/// Whether automation acted, as a setting or AWS says, and not the caller by names and user agent.
pub fn is_attested(estate: &Estate, about: &About) -> bool {
    kind(estate, about) == ActorKind::Automation
}

fn kind(estate: &Estate, about: &About) -> ActorKind {
    ActorKind::of_call(&about.principal, about.provider.as_deref(), estate)
}

/// Whether an AWS Config rule acted by its remediation, which runs in Systems Manager.
pub fn is_remediation(about: &About) -> bool {
    let service = about.principal.invoked_by.as_deref();
    service.is_some_and(|service| REMEDIATING.contains(&service)) && !is_person(&about.principal)
}

fn is_tool(agent: Option<&str>) -> bool {
    let agent = agent.unwrap_or_default().to_ascii_lowercase();
    TOOLS.iter().any(|tool| agent.contains(tool))
}

/// Whether the name of a role has a word for deploying.
fn deploys(principal: &Principal) -> bool {
    let Some(arn) = principal.arn.as_deref().and_then(Arn::parse) else { return false };
    let name = arn.resource.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let is_role = arn.resource.starts_with("role/") || arn.resource.starts_with("assumed-role/");
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    is_role && words.any(|word| WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::pattern::Patterns;

    fn about(arn: &str, session: &str, invoked_by: Option<&str>, agent: &str) -> About {
        let principal = Principal {
            kind: Some(if arn.contains(":user/") { "IAMUser" } else { "AssumedRole" }.into()),
            arn: Some(arn.into()),
            session: Some(session.into()),
            invoked_by: invoked_by.map(str::to_owned),
            ..Principal::nobody()
        };
        About {
            account: None,
            region: None,
            principal,
            source_ip: None,
            user_agent: Some(agent.into()),
            key: None,
            resource: None,
            provider: None,
            service: None,
            access_key: None,
            error: None,
            reversible: None,
        }
    }

    const TERRAFORM: &str = "APN/1.0 HashiCorp/1.0 Terraform/1.9.8 (+https://www.terraform.io)";

    #[test]
    fn neither_agent_nor_name_makes_automation_alone() {
        let is = |arn: &str, session: &str, by, agent: &str| {
            is_automation(&Estate::default(), &about(arn, session, by, agent))
        };
        let role = |name: &str| format!("arn:aws:iam::111122223333:role/{name}");
        assert!(is(&role("app-deploy"), "run-7", None, TERRAFORM));
        assert!(!is(&role("app-deploy"), "run-7", None, "aws-cli/2.15"));
        assert!(!is(&role("deployed-app"), "run-7", None, TERRAFORM));
        assert!(!is(&role("app-deploy"), "ana@example.com", None, TERRAFORM));
        assert!(!is("arn:aws:iam::111122223333:user/deploy", "", None, TERRAFORM));
        let formation = Some("cloudformation.amazonaws.com");
        assert!(is(&role("anything"), "AWSCloudFormation", formation, ""));
        assert!(!is(&role("app-deploy"), "x", Some("s3.amazonaws.com"), TERRAFORM));
        let set = role("aws-reserved/sso.amazonaws.com/AWSReservedSSO_deploy_0123456789abcdef");
        assert!(!is(&set, "ana", formation, TERRAFORM));
    }

    #[test]
    fn a_setting_makes_automation_whoever_it_is() {
        let estate =
            Estate { automation_roles: Patterns::new(["*:user/jenkins"]), ..Estate::default() };
        let user = about("arn:aws:iam::111122223333:user/jenkins", "", None, "");
        assert!(is_automation(&estate, &user) && is_person(&user.principal));
        assert!(!is_automation(&Estate::default(), &user));
    }

    #[test]
    fn remediation_runs_in_systems_manager() {
        let role = "arn:aws:iam::111122223333:role/remediation";
        assert!(is_remediation(&about(role, "Automation-1", Some("ssm.amazonaws.com"), "")));
        assert!(!is_remediation(&about(role, "Automation-1", None, "ssm.amazonaws.com")));
        assert!(!is_remediation(&about(role, "a@example.com", Some("ssm.amazonaws.com"), "")));
    }
}
