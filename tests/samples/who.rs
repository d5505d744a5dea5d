//! Who calls: the shapes of `userIdentity` that trails hold, with the address and agent they show.

use serde_json::{Value, json};

use crate::ids::Ids;

/// A caller.
#[derive(Clone)]
pub struct Who {
    /// The account of the caller; of the trail for a service.
    pub account: &'static str,
    /// `userIdentity`.
    pub identity: Value,
    /// `sourceIPAddress`.
    pub ip: String,
    /// `userAgent`.
    pub agent: String,
    /// Whether the session came from the console.
    pub console: bool,
}

/// An identifier of IAM that belongs to a name: `AROA…`, `AIDA…`, `AKIA…`.
fn unique(prefix: &str, name: &str) -> String {
    format!("{prefix}{}EXAMPLE", Ids::of(&format!("{prefix}{name}")).capitals(9))
}

impl Who {
    fn new(account: &'static str, identity: Value) -> Who {
        let (ip, agent) = ("192.0.2.24".into(), "aws-cli/2.27.31 md/awscrt#0.26.1".into());
        Who { account, identity, ip, agent, console: false }
    }

    /// A session of a role, begun at `since`.
    pub fn role(account: &'static str, role: &str, session: &str, mfa: bool, since: &str) -> Who {
        let id = unique("AROA", role);
        let issuer = json!({
            "type": "Role", "principalId": id, "accountId": account, "userName": role,
            "arn": format!("arn:aws:iam::{account}:role/{role}"),
        });
        let attributes = json!({"creationDate": since, "mfaAuthenticated": mfa.to_string()});
        let identity = json!({
            "type": "AssumedRole", "principalId": format!("{id}:{session}"), "accountId": account,
            "arn": format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"),
            "accessKeyId": unique("ASIA", &format!("{session}{since}")),
            "sessionContext": {"sessionIssuer": issuer, "attributes": attributes},
        });
        Who::new(account, identity)
    }

    /// An IAM user with a long-term key: no session at all.
    pub fn user(account: &'static str, name: &str) -> Who {
        let identity = json!({
            "type": "IAMUser", "principalId": unique("AIDA", name), "accountId": account,
            "arn": format!("arn:aws:iam::{account}:user/{name}"), "userName": name,
            "accessKeyId": unique("AKIA", name),
        });
        Who::new(account, identity)
    }

    /// The root user in the console, with MFA.
    pub fn root(account: &'static str, since: &str) -> Who {
        let identity = json!({
            "type": "Root", "principalId": account, "accountId": account,
            "arn": format!("arn:aws:iam::{account}:root"), "accessKeyId": unique("ASIA", since),
            "sessionContext": {"attributes": {"creationDate": since, "mfaAuthenticated": "true"}},
        });
        Who::new(account, identity).in_console()
    }

    /// A service for itself: nothing but its name.
    pub fn service(account: &'static str, host: &str) -> Who {
        Who::new(account, json!({"type": "AWSService", "invokedBy": host})).from(host, host)
    }

    /// KMS in its own events: an account, and no type.
    pub fn kms_itself(account: &'static str) -> Who {
        let identity = json!({"accountId": account, "invokedBy": "AWS Internal"});
        Who::new(account, identity).from("AWS Internal", "AWS Internal")
    }

    /// The role with which EC2 attaches encrypted volumes: a service without `invokedBy`.
    pub fn ec2_infrastructure(account: &'static str, instance: &str, since: &str) -> Who {
        let mut who = Who::role(account, "aws:ec2-infrastructure", instance, false, since);
        who.identity["accessKeyId"] = json!("");
        who.from("AWS Internal", "AWS Internal")
    }

    /// The same caller from this address with this agent.
    pub fn from(mut self, ip: &str, agent: &str) -> Who {
        (self.ip, self.agent) = (ip.into(), agent.into());
        self
    }

    /// The same caller in the console.
    pub fn in_console(mut self) -> Who {
        self.console = true;
        self.from(
            "192.0.2.10",
            "Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0",
        )
    }

    /// A service that acts with this caller's rights, so that address and agent are its own.
    pub fn through(mut self, service: &str) -> Who {
        self.identity["invokedBy"] = json!(service);
        self.console = false;
        self.from(service, service)
    }

    /// Whether a client that speaks TLS made the call.
    pub fn is_client(&self) -> bool {
        self.identity.get("invokedBy").is_none()
            && self.ip.starts_with(|c: char| c.is_ascii_digit())
    }
}
