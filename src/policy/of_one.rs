//! What one document says of one principal.
//!
//! What must stay true: what a denial without conditions takes away is not told as allowed; one answer
//! costs time in proportion to the document.

use super::access::Place;
use super::action::Actions;
use super::denied::{Applies, Denying};
use super::document::{Policy, Statement};
use super::principal::{Principal, Who};
use crate::model::arn::Arn;
use crate::model::named::short_name;

/// A statement that allows a principal something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfOne<'p> {
    /// The statement.
    pub statement: &'p Statement,
    /// The calls, without those that are denied for certain.
    pub calls: Actions,
    /// How it reaches the principal.
    pub reach: OneReach<'p>,
}

/// How a statement reaches a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OneReach<'p> {
    /// By itself: it names the principal or everyone, or belongs to it.
    Itself,
    /// It names a session of the role, by this name.
    Session(&'p str),
    /// It names the account, whose IAM decides.
    Account,
}

/// What the denials of a document say of a principal.
#[derive(Debug, Default)]
pub struct DeniedOne<'p> {
    /// The calls that are denied for certain.
    pub certain: Actions,
    /// The statements that may deny more.
    pub perhaps: Vec<Denying<'p>>,
}

impl Policy {
    /// What allows one user or role anything on the key of `place`.
    pub fn allows_one(&self, one: &Principal, place: Place<'_>) -> Vec<OfOne<'_>> {
        let denied = self.denies_one(one, place).certain;
        let applies = |statement: &&Statement| {
            statement.applies_to(place.key) && !statement.is_dead(place.time)
        };
        let said = |statement: &'_ Statement| {
            let calls = statement.kms().without(denied);
            (!calls.is_empty()).then_some(calls)
        };
        let of_one = self.allows().filter(applies).filter_map(|statement| {
            let (calls, reach) = (said(statement)?, reach(&statement.who, one)?);
            Some(OfOne { statement, calls, reach })
        });
        of_one.collect()
    }

    /// What is denied to one user or role on the key of `place`: for certain, or perhaps.
    pub fn denies_one(&self, one: &Principal, place: Place<'_>) -> DeniedOne<'_> {
        let mut denied = DeniedOne::default();
        for denying in self.denying(Actions::ALL, place) {
            match denying.of_principal(one) {
                Applies::No => {}
                Applies::Perhaps => denied.perhaps.push(denying),
                Applies::Yes => denied.certain = denied.certain.with(denying.statement.kms()),
            }
        }
        denied
    }
}

/// How a statement reaches a principal, if it does.
fn reach<'p>(who: &'p Who, one: &Principal) -> Option<OneReach<'p>> {
    let Who::Named(named) = who else { return who.covers(one).then_some(OneReach::Itself) };
    if named.contains(one) || named.contains(&Principal::Everyone) {
        return Some(OneReach::Itself);
    }
    let account = one.account().map(|id| Principal::Account(id.to_owned()));
    if account.is_some_and(|account| named.contains(&account)) {
        return Some(OneReach::Account);
    }
    let Principal::Arn(role) = one else { return None };
    let session = |named: &'p Principal| match named {
        Principal::Arn(text) => session_of(text, role),
        _ => None,
    };
    named.iter().find_map(session).map(OneReach::Session)
}

/// The name of a session, if it is one of this role.
pub fn session_of<'t>(text: &'t str, role: &str) -> Option<&'t str> {
    let (session, role) = (Arn::parse(text)?, Arn::parse(role)?);
    let (kind, name) = short_name(role.resource)?;
    let rest = session.resource.strip_prefix("assumed-role/")?;
    let (of, session_name) = rest.split_once('/')?;
    let same = session.service == "sts" && session.account == role.account;
    (same && kind == "role" && of == name).then_some(session_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd";
    const APP: &str = "arn:aws:iam::111122223333:role/path/app";

    fn of_app(statements: &str) -> Vec<(usize, OneReach<'static>)> {
        let policy = Policy::parse(&format!("{{\"Statement\":[{statements}]}}")).unwrap();
        let policy = Box::leak(Box::new(policy));
        let place = Place { key: Some(KEY), account: Some("111122223333"), time: None };
        let all = policy.allows_one(&Principal::read("AWS", APP), place);
        all.iter().map(|one| (one.calls.names().len(), one.reach)).collect()
    }

    fn statement(effect: &str, principal: &str, action: &str) -> String {
        format!(
            r#"{{"Effect":"{effect}","Principal":{{"AWS":"{principal}"}},"Action":"{action}","Resource":"*"}}"#
        )
    }

    #[test]
    fn a_statement_reaches_by_name_by_account_or_by_session() {
        let allow = |principal: &str| statement("Allow", principal, "kms:ReEncrypt*");
        let session = "arn:aws:sts::111122223333:assumed-role/app/i-1";
        for (principal, expected) in [
            (APP, vec![(2, OneReach::Itself)]),
            ("*", vec![(2, OneReach::Itself)]),
            ("111122223333", vec![(2, OneReach::Account)]),
            (session, vec![(2, OneReach::Session("i-1"))]),
            ("444455556666", vec![]),
            ("arn:aws:iam::111122223333:role/other", vec![]),
            ("arn:aws:sts::444455556666:assumed-role/app/i-1", vec![]),
        ] {
            assert_eq!(of_app(&allow(principal)), expected, "{principal}");
        }
    }

    #[test]
    fn denials_take_away_whoever_they_name() {
        let allow = statement("Allow", APP, "kms:ReEncrypt*");
        let deny = |principal: &str| {
            let deny = statement("Deny", principal, "kms:ReEncryptTo");
            of_app(&format!("{allow},{deny}"))
        };
        for principal in [APP, "*", "111122223333"] {
            assert_eq!(deny(principal), [(1, OneReach::Itself)], "{principal}");
        }
        assert_eq!(deny("444455556666"), [(2, OneReach::Itself)]);
        let all = statement("Deny", APP, "kms:*");
        assert_eq!(of_app(&format!("{allow},{all}")), []);
    }
}
