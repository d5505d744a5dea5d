//! Whom the denials of a document leave out: for certain, or perhaps.
//!
//! What must stay true: a denial is called certain only if it has no conditions, and names the caller,
//! the call and the key completely. Whatever else may apply is told as a denial that perhaps does. A
//! denial of a role denies its sessions; one that spares a role may still deny them.
//! Source: IAM user guide, "AWS JSON policy elements: NotPrincipal".

use std::collections::BTreeSet;

use super::access::Place;
use super::action::Actions;
use super::document::{Policy, Scope, Statement};
use super::principal::{Principal, Who};
use crate::model::arn::Arn;
use crate::model::pattern::wildcard;

/// Whether something applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Applies {
    /// It does not.
    No,
    /// The document does not tell.
    Perhaps,
    /// For certain.
    Yes,
}

/// A denial of calls on one key, for many questions.
#[derive(Debug)]
pub struct Denying<'p> {
    /// The statement.
    pub statement: &'p Statement,
    /// Whether it applies to the key, whoever calls.
    applies: Applies,
    /// Whom it names, as [`name`] has them.
    names: BTreeSet<String>,
}

impl Policy {
    /// The statements that deny any of `calls` on the key of `place`, or may.
    pub fn denying(&self, calls: Actions, place: Place<'_>) -> Vec<Denying<'_>> {
        let of = |statement| Denying::of(statement, place.key);
        let meets = self.denies().filter(|statement| statement.kms().meets(calls));
        meets.map(of).filter(|denying| denying.applies > Applies::No).collect()
    }

    /// The statements that allow any of `calls`, where only the call tells whether they are for the
    /// key: their resources have variables.
    pub fn varies(&self, calls: Actions, key: Option<&str>) -> impl Iterator<Item = &Statement> {
        let varies = move |one: &&Statement| resources(one, key) == Applies::Perhaps;
        self.allows().filter(move |one| one.kms().meets(calls)).filter(varies)
    }
}

impl<'p> Denying<'p> {
    fn of(statement: &'p Statement, key: Option<&str>) -> Denying<'p> {
        let free = statement.conditions.is_empty();
        let conditions = if free { Applies::Yes } else { Applies::Perhaps };
        let names = match &statement.who {
            Who::Named(all) | Who::AllBut(all) => all.iter().map(name).collect(),
            Who::Holder => BTreeSet::new(),
        };
        Denying { statement, applies: resources(statement, key).min(conditions), names }
    }

    /// Whether it applies to a principal.
    pub fn of_principal(&self, principal: &Principal) -> Applies {
        let who = match &self.statement.who {
            Who::Holder => Applies::Yes,
            Who::Named(_) => self.named(principal),
            Who::AllBut(_) => self.not_spared(principal),
        };
        who.min(self.applies)
    }

    /// Whether it applies to everybody of an account, or everywhere.
    pub fn of_all(&self, account: Option<&str>) -> Applies {
        let all = match &self.statement.who {
            Who::Holder => true,
            Who::Named(_) => self.has("*") || account.is_some_and(|account| self.has(account)),
            Who::AllBut(_) => false,
        };
        if all { self.applies } else { Applies::No }
    }

    /// Those whom it names, if it is about them.
    pub fn people(&self) -> impl Iterator<Item = &Principal> {
        self.statement.who.named()
    }

    /// Whether it is about all but some.
    pub fn spares(&self) -> bool {
        matches!(self.statement.who, Who::AllBut(_))
    }

    fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    fn named(&self, principal: &Principal) -> Applies {
        let by_account = principal.account().is_some_and(|account| self.has(account));
        let by_role = role_of(principal).is_some_and(|role| self.has(&role));
        match () {
            () if self.has("*") || by_account || by_role || self.has(&name(principal)) => {
                Applies::Yes
            }
            () if self.has_session(principal) => Applies::Perhaps,
            () => Applies::No,
        }
    }

    /// Of a statement that spares some: whoever is not named is not spared, though his account is. To
    /// spare a role, its sessions have to be named as well.
    fn not_spared(&self, principal: &Principal) -> Applies {
        let own = self.has(&name(principal));
        let role = role_of(principal).map(|role| self.has(&role));
        let account = principal.account().is_none_or(|account| self.has(account));
        let is_role = name(principal).contains(":role/");
        match principal {
            _ if self.has("*") => Applies::No,
            Principal::Everyone => Applies::Perhaps,
            Principal::Account(id) => {
                let of = format!("{id}:");
                let people = self.names.range(of.clone()..).next();
                let some = own || people.is_some_and(|one| one.starts_with(&of));
                if some { Applies::No } else { Applies::Yes }
            }
            _ if own && account && role != Some(false) && !is_role => Applies::No,
            _ if own || role == Some(true) || self.has_session(principal) => Applies::Perhaps,
            _ => Applies::Yes,
        }
    }

    /// Whether it names a session of this role.
    fn has_session(&self, principal: &Principal) -> bool {
        let sessions = name(principal).replace(":role/", ":session/") + "/";
        let first = self.names.range(sessions.clone()..).next();
        sessions.contains(":session/") && first.is_some_and(|first| first.starts_with(&sessions))
    }
}

/// Whether the resources of a statement are the key.
fn resources(statement: &Statement, key: Option<&str>) -> Applies {
    let (Some(key), false) = (key, matches!(statement.resources, Scope::Unsaid)) else {
        return if statement.applies_to(key) { Applies::Yes } else { Applies::No };
    };
    let patterns = statement.resources.patterns();
    let varies = |one: &String| one.contains("${") && wildcard(&open(one), key);
    let fits = match () {
        () if patterns.iter().any(|pattern| wildcard(pattern, key)) => Applies::Yes,
        () if patterns.iter().any(varies) => Applies::Perhaps,
        () => Applies::No,
    };
    match (&statement.resources, fits) {
        (Scope::AllBut(_), Applies::Yes) => Applies::No,
        (Scope::AllBut(_), Applies::No) => Applies::Yes,
        (_, fits) => fits,
    }
}

/// A pattern in which each variable stands for any text.
fn open(pattern: &str) -> String {
    let mut parts = pattern.split("${");
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        all.push('*');
        all.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
    }
    all
}

/// The name of a principal for comparisons: without path and partition, which not all documents and
/// records tell.
fn name(principal: &Principal) -> String {
    let text = principal.to_string();
    match principal {
        Principal::Account(id) => id.clone(),
        Principal::Arn(arn) => short(arn).unwrap_or(text),
        _ => text,
    }
}

fn short(arn: &str) -> Option<String> {
    let Arn { service, account, resource, .. } = Arn::parse(arn)?;
    let (kind, rest) = resource.split_once('/')?;
    match (service, kind) {
        ("iam", _) => Some(format!("{account}:{kind}/{}", rest.rsplit('/').next()?)),
        ("sts", "assumed-role") => Some(format!("{account}:session/{rest}")),
        _ => None,
    }
}

/// The role of a session, as [`name`] has it.
fn role_of(principal: &Principal) -> Option<String> {
    let session = name(principal);
    let (account, rest) = session.split_once(":session/")?;
    let (role, _) = rest.split_once('/')?;
    Some(format!("{account}:role/{role}"))
}

/// The user or role that holds the IAM documents of a principal: its ARN without a path.
pub fn holder_of(principal: &Principal) -> Option<String> {
    let holder = role_of(principal).or_else(|| Some(name(principal)))?;
    let (account, rest) = holder.split_once(':')?;
    let is_holder =
        rest.starts_with("role/") || rest.starts_with("user/") || rest.starts_with("group/");
    is_holder.then(|| format!("arn:aws:iam::{account}:{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::who_can::permissions;

    const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd";

    fn asked(who: &str, more: &str, principal: &str) -> Applies {
        let text = format!(r#"{{"Statement":{{"Effect":"Deny",{who},"Action":"kms:*"{more}}}}}"#);
        let policy = Policy::parse(&text).unwrap();
        let place = Place { key: Some(KEY), account: Some("111122223333"), time: None };
        let denying = policy.denying(permissions("Decrypt"), place);
        let of = |one: &Denying<'_>| one.of_principal(&Principal::read("aws", principal));
        denying.first().map_or(Applies::No, of)
    }

    #[test]
    fn a_denial_of_a_role_or_account_denies_its_sessions_whatever_the_path() {
        let role = r#""Principal":{"AWS":"arn:aws:iam::111122223333:role/p/app"}"#;
        let all = r#","Resource":"*""#;
        let session = "arn:aws:sts::111122223333:assumed-role/app/s";
        let app = "arn:aws:iam::111122223333:role/app";
        for one in [app, session, "arn:aws:iam::111122223333:role/q/app"] {
            assert_eq!(asked(role, all, one), Applies::Yes, "{one}");
            assert_eq!(asked(r#""Principal":{"AWS":"111122223333"}"#, all, one), Applies::Yes);
        }
        assert_eq!(asked(role, all, "arn:aws:iam::111122223333:user/app"), Applies::No);
        let one = format!(r#""Principal":{{"AWS":"{session}"}}"#);
        assert_eq!(asked(&one, all, app), Applies::Perhaps);
        let varies = r#","Resource":"arn:aws:kms:*:*:key/${aws:PrincipalTag/key}""#;
        assert_eq!(asked(role, varies, app), Applies::Perhaps);
        assert_eq!(asked(role, &varies.replace("key/", "alias/"), app), Applies::No);
        let holds = r#","Resource":"*","Condition":{"Bool":{"aws:x":"true"}}"#;
        assert_eq!(asked(role, holds, app), Applies::Perhaps);
    }

    #[test]
    fn whoever_is_not_named_is_not_spared_though_his_account_is() {
        let spared = r#""NotPrincipal":{"AWS":["arn:aws:iam::111122223333:role/ops",
            "arn:aws:iam::111122223333:user/ana","arn:aws:iam::111122223333:root"]}"#;
        let ask = |one: &str| asked(spared, r#","Resource":"*""#, &format!("arn:aws:iam::{one}"));
        assert_eq!(ask("111122223333:role/app"), Applies::Yes);
        assert_eq!(ask("111122223333:role/ops"), Applies::Perhaps);
        assert_eq!(ask("111122223333:user/ana"), Applies::No);
        assert_eq!(ask("111122223333:root"), Applies::No);
        assert_eq!(ask("444455556666:root"), Applies::Yes);
    }
}
