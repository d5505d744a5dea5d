//! Short names of principals, keys and resources.
//!
//! A name has its account only if that differs from the account whose trail holds the record. Nothing
//! here is escaped; the caller escapes a text when it fits it into a cell.

use crate::model::arn::Arn;
use crate::model::finding::{Key, Resource};
use crate::model::principal::Principal;

/// `role/Name (session)`, `user/name`, `root`, a service, or the id as it is.
///
/// IAM paths are left out, since names are unique in an account without them.
pub fn principal(principal: &Principal, home: Option<&str>) -> String {
    let service = principal.invoked_by.as_deref();
    let whole = principal.arn.as_deref().or(service).or(principal.kind.as_deref());
    let Some(whole) = whole else {
        return "not named".to_owned();
    };
    let mut name = match Arn::parse(whole) {
        Some(arn) if arn.service == "sts" => assumed(arn.resource),
        Some(arn) if arn.service == "iam" => without_path(arn.resource),
        _ => whole.to_owned(),
    };
    if let Some(session) = &principal.session {
        name.push_str(&format!(" ({session})"));
    }
    if let Some(foreign) = foreign(principal.account.as_deref(), home) {
        name.push_str(&format!(" of {foreign}"));
    }
    if let Some(service) = service.filter(|&service| service != whole) {
        name.push_str(&format!(" via {service}"));
    }
    name
}

/// The alias, else the key's id; with its account when it is another's.
pub fn key(key: &Key, home: Option<&str>) -> String {
    let name = key.alias.as_deref().unwrap_or(&key.arn);
    let mut name = match Arn::parse(name) {
        Some(arn) if arn.is_kms_key() => arn.resource.trim_start_matches("key/").to_owned(),
        Some(arn) if arn.is_kms_alias() => arn.resource.to_owned(),
        _ => name.to_owned(),
    };
    if let Some(foreign) = foreign(key.account.as_deref(), home) {
        name.push_str(&format!(" of {foreign}"));
    }
    name
}

/// `s3:bucket`, `lambda:function:name`; with its account when it is another's.
pub fn resource(resource: &Resource, home: Option<&str>) -> String {
    let Some(arn) = Arn::parse(&resource.arn) else {
        return resource.arn.clone();
    };
    let name = format!("{}:{}", arn.service, arn.resource);
    match foreign((!arn.account.is_empty()).then_some(arn.account), home) {
        Some(foreign) => format!("{name} of {foreign}"),
        None => name,
    }
}

fn foreign<'a>(account: Option<&'a str>, home: Option<&str>) -> Option<&'a str> {
    account.filter(|account| Some(*account) != home)
}

/// `role/path/Name` as `role/Name`; `root` as it is.
fn without_path(resource: &str) -> String {
    match (resource.split_once('/'), resource.rsplit_once('/')) {
        (Some((kind, _)), Some((_, name))) => format!("{kind}/{name}"),
        _ => resource.to_owned(),
    }
}

/// `assumed-role/Name/session` as `role/Name (session)`; other sessions as they are.
fn assumed(resource: &str) -> String {
    match resource.strip_prefix("assumed-role/").and_then(|rest| rest.split_once('/')) {
        Some((role, session)) => format!("role/{role} ({session})"),
        None => resource.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::principal::Mfa;

    const HOME: Option<&str> = Some("111122223333");

    fn named(arn: &str, session: Option<&str>, invoked_by: Option<&str>) -> String {
        let who = Principal {
            kind: None,
            arn: (!arn.is_empty()).then(|| arn.to_owned()),
            account: Arn::parse(arn).map(|arn| arn.account.to_owned()),
            session: session.map(String::from),
            invoked_by: invoked_by.map(String::from),
            mfa: Mfa::Unknown,
        };
        principal(&who, HOME)
    }

    #[test]
    fn principals() {
        let kms = Some("kms.amazonaws.com");
        for (arn, session, by, short) in [
            ("arn:aws:iam::111122223333:role/team/Admin", Some("ann"), None, "role/Admin (ann)"),
            ("arn:aws:iam::111122223333:user/bob", None, kms, "user/bob via kms.amazonaws.com"),
            ("arn:aws:iam::777788889999:root", None, None, "root of 777788889999"),
            ("arn:aws:sts::111122223333:assumed-role/Ops/i-1", None, None, "role/Ops (i-1)"),
            ("arn:aws:sts::111122223333:federated-user/eve", None, None, "federated-user/eve"),
            ("kms.amazonaws.com", None, kms, "kms.amazonaws.com"),
            ("", None, kms, "kms.amazonaws.com"),
            ("AROAEXAMPLE:x", None, None, "AROAEXAMPLE:x"),
            ("", None, None, "not named"),
        ] {
            assert_eq!(named(arn, session, by), short);
        }
    }

    #[test]
    fn keys_and_resources() {
        let a_key = |account: &str, alias: Option<&str>| Key {
            arn: format!("arn:aws:kms:us-east-1:{account}:key/mrk-1"),
            account: Some(account.into()),
            alias: alias.map(String::from),
            tags: BTreeMap::new(),
        };
        assert_eq!(key(&a_key("111122223333", None), HOME), "mrk-1");
        assert_eq!(
            key(&a_key("444455556666", Some("alias/pay")), HOME),
            "alias/pay of 444455556666"
        );
        let a_resource =
            |arn: &str| Resource { arn: arn.into(), kind: None, tags: BTreeMap::new() };
        assert_eq!(resource(&a_resource("arn:aws:s3:::ledger"), HOME), "s3:ledger");
        assert_eq!(
            resource(&a_resource("arn:aws:lambda:us-east-1:444455556666:function:f"), HOME),
            "lambda:function:f of 444455556666"
        );
        assert_eq!(resource(&a_resource("ledger"), HOME), "ledger");
    }
}
