//! The name of a user or a role, as a person types it.
//!
//! It is a name, an ARN, a pattern, or what a report shows: `app`, `role/app`, `role/app (i-1)`. The ARN
//! of a session stands for its role. What must stay true: a name with an account is of that account only.

use super::arn::Arn;
use super::pattern::wildcard;

/// The name of a user or a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedIdentity {
    /// The account of the role of a session.
    account: Option<String>,
    name: String,
}

impl NamedIdentity {
    /// Reads a name.
    pub fn read(text: &str) -> NamedIdentity {
        let session = Arn::parse(text).filter(|arn| arn.service == "sts");
        let role = session.and_then(|arn| {
            let (role, _) = arn.resource.strip_prefix("assumed-role/")?.split_once('/')?;
            Some((arn.account.to_owned(), format!("role/{role}")))
        });
        if let Some((account, name)) = role {
            return NamedIdentity { account: Some(account), name };
        }
        let shown = text.strip_suffix(')').and_then(|text| text.split_once(" ("));
        NamedIdentity { account: None, name: shown.map_or(text, |(name, _)| name).to_owned() }
    }

    /// Whether it stands for the user or role of this ARN.
    pub fn is(&self, arn: &str) -> bool {
        let Some(parts) = identity(arn) else { return false };
        if self.account.as_deref().is_some_and(|account| account != parts.account) {
            return false;
        }
        let fits = |name: &str| wildcard(&self.name, name);
        let short = || {
            short_name(parts.resource)
                .is_some_and(|(kind, name)| fits(name) || fits(&format!("{kind}/{name}")))
        };
        let behind = parts.resource.split_once('/').map_or("", |(_, rest)| rest);
        self.name == parts.account || fits(arn) || fits(parts.resource) || fits(behind) || short()
    }

    /// The ARN of the user or role, if the name is one.
    pub fn arn(&self) -> Option<String> {
        let role = |account: &String| format!("arn:aws:iam::{account}:{}", self.name);
        let own = || Some(self.name.clone()).filter(|name| !name.contains(['*', '?']));
        self.account.as_ref().map(role).or_else(|| own().filter(|name| identity(name).is_some()))
    }
}

/// The parts of an ARN, if it is one of a user or a role.
pub fn identity(arn: &str) -> Option<Arn<'_>> {
    let parts = Arn::parse(arn).filter(|arn| arn.service == "iam")?;
    short_name(parts.resource).map(|_| parts)
}

/// Kind and name, without the path between them: `role`, `app`.
pub fn short_name(resource: &str) -> Option<(&str, &str)> {
    let (kind, rest) = resource.split_once('/')?;
    let name = rest.rsplit('/').next().filter(|name| !name.is_empty())?;
    matches!(kind, "user" | "role").then_some((kind, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "arn:aws:iam::111122223333:role/path/app";

    #[test]
    fn a_name_is_what_people_type() {
        let session = "arn:aws:sts::111122223333:assumed-role/app/i-1";
        for name in [
            "app",
            "role/app",
            "role/path/app",
            "path/app",
            "role/app (i-1)",
            APP,
            session,
            "a*p",
            "111122223333",
        ] {
            assert!(NamedIdentity::read(name).is(APP), "{name}");
        }
        let other = session.replace("111122223333", "444455556666");
        for name in ["ap", "user/app", "", &other, "role", "444455556666"] {
            assert!(!NamedIdentity::read(name).is(APP), "{name}");
        }
        for odd in
            ["arn:aws:iam::111122223333:root", "s3.amazonaws.com", "app", "arn:aws:iam::1:role/"]
        {
            assert!(!NamedIdentity::read("*").is(odd), "{odd}");
        }
    }

    #[test]
    fn an_arn_names_somebody_who_never_called() {
        assert_eq!(NamedIdentity::read(APP).arn().as_deref(), Some(APP));
        let session = NamedIdentity::read("arn:aws:sts::111122223333:assumed-role/app/i-1");
        assert_eq!(session.arn().as_deref(), Some("arn:aws:iam::111122223333:role/app"));
        for name in ["app", "111122223333", "arn:aws:iam::111122223333:role/*"] {
            assert_eq!(NamedIdentity::read(name).arn(), None, "{name}");
        }
    }
}
