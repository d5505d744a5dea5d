//! Who may make a call, by the allowances of one document, and whether conditions limit them.
//!
//! What must stay true: every allowance is told with all that must hold for it. Whom denials leave out
//! is for `denied` to tell.

use super::access::Place;
use super::action::Actions;
use super::condition::Condition;
use super::document::{Policy, Statement};
use super::principal::{Principal, Who};

/// What one statement says of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Says<'p> {
    /// The statement.
    pub statement: &'p Statement,
    /// The principal that it names; `None` where it names none: it is for all but some, or belongs
    /// to its principal.
    pub principal: Option<&'p Principal>,
    /// What must hold, one condition a text.
    pub conditions: Vec<String>,
}

impl Policy {
    /// What allows any of `calls` on the key of `place`. Denials are not looked at:
    /// [`Policy::denying`] tells them.
    pub fn allows_any(&self, calls: Actions, place: Place<'_>) -> Vec<Says<'_>> {
        let mut found = Vec::new();
        let applies = |statement: &&Statement| {
            statement.applies_to(place.key)
                && statement.kms().meets(calls)
                && !statement.is_dead(place.time)
        };
        for statement in self.allows().filter(applies) {
            let conditions = words(&statement.conditions);
            let says = |principal| Says { statement, principal, conditions: conditions.clone() };
            match &statement.who {
                Who::Named(named) => found.extend(named.iter().map(|one| says(Some(one)))),
                Who::AllBut(_) | Who::Holder => found.push(says(None)),
            }
        }
        found
    }
}

impl Statement {
    /// Whom it is about, for people.
    pub fn whom(&self) -> String {
        let names = |all: &std::collections::BTreeSet<Principal>| {
            let shown: Vec<String> = all.iter().take(NAMED).map(ToString::to_string).collect();
            let more = if all.len() > NAMED {
                format!(" and {} more", all.len() - NAMED)
            } else {
                String::new()
            };
            shown.join(", ") + &more
        };
        match &self.who {
            Who::Named(named) => names(named),
            Who::AllBut(spared) => format!("all but {}", names(spared)),
            Who::Holder => "whoever holds it".to_owned(),
        }
    }
}

/// Principals of one statement that are named.
const NAMED: usize = 5;

/// Values of one condition that are told.
const VALUES: usize = 5;

/// Conditions as texts: operator, key and values.
pub fn words(conditions: &[Condition]) -> Vec<String> {
    let one = |condition: &Condition| {
        let Condition { operator, key, values } = condition;
        if operator.is_empty() {
            return "a condition that cannot be read".to_owned();
        }
        let shown: Vec<&str> = values.iter().take(VALUES).map(String::as_str).collect();
        let more = if values.len() > VALUES { ", …" } else { "" };
        format!("{operator} {key}: {}{more}", shown.join(", "))
    };
    conditions.iter().map(one).collect()
}

/// The permissions of a call: of `ReEncrypt` two. Empty if KMS has none of that name.
pub fn permissions(call: &str) -> Actions {
    let pattern = if call.eq_ignore_ascii_case("ReEncrypt") { "kms:ReEncrypt*" } else { "" };
    let plain = format!("kms:{}", call.strip_prefix("kms:").unwrap_or(call));
    let is_pattern = plain.contains(['*', '?']);
    match (pattern, is_pattern) {
        (_, true) => Actions::NONE,
        ("", false) => Actions::matching(&plain),
        (pattern, false) => Actions::matching(pattern),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd";

    fn allowed(document: &str, call: &str) -> Vec<(String, usize)> {
        let policy = Policy::parse(document).unwrap();
        let place = Place { key: Some(KEY), account: Some("111122223333"), time: None };
        let says = policy.allows_any(permissions(call), place).into_iter();
        says.map(|says| {
            let who = says.principal.map_or("holder".to_owned(), ToString::to_string);
            (who, says.conditions.len())
        })
        .collect()
    }

    #[test]
    fn a_document_of_a_principal_allows_its_holder() {
        let all = r#"{"Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"},
            {"Effect":"Deny","Action":"kms:Sign","Resource":"*"}]}"#;
        assert_eq!(allowed(all, "Decrypt"), [("holder".to_owned(), 0)]);
        assert_eq!(allowed(&all.replace("\"*\"", "\"arn:aws:kms:*:*:key/other\""), "Decrypt"), []);
    }

    #[test]
    fn calls_have_permissions() {
        assert_eq!(permissions("ReEncrypt").names(), ["ReEncryptFrom", "ReEncryptTo"]);
        assert_eq!(permissions("generatedatakey").names(), ["GenerateDataKey"]);
        for none in ["", "*", "Nothing", "kms:*", "s3:GetObject"] {
            assert!(permissions(none).is_empty(), "{none}");
        }
    }
}
