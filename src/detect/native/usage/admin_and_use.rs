//! Finds principals that manage a key and also use it.
//!
//! It is code because management and use are different kinds of records, which share only key and
//! principal. What must stay true: a service that creates grants for its work does not manage the
//! key.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::detect::native::shared::timeline::of_kind;
use crate::detect::stateful::{Context, Decided, History, Mark, Noted, Scope, Use, Uses};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::{Actor, View, is_admin};

/// The principal managed the key. The value is the call.
const ADMIN: u32 = 0;
/// The principal used the key. The value is the call.
const USE: u32 = 1;

/// See `rules/use/admin-and-use.md`.
#[derive(Debug)]
pub struct AdminAndUse(pub Arc<Estate>);

/// What management and use of one key by one principal are decided over together.
fn part(used: &Use<'_>) -> Option<String> {
    Some(format!("{} {}", used.key?.arn, used.principal.identity()?))
}

impl History for AdminAndUse {
    fn note(&self, _event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        let by_hand = matches!(view.actor(), Actor::Direct | Actor::Via);
        let Some(name) = view.name().filter(|name| is_admin(name)) else { return };
        // Who makes a key has not come between it and others yet. Who retires a grant gives up a
        // right.
        if matches!(&*name, "CreateKey" | "RetireGrant") {
            return;
        }
        // EBS, RDS and other services create grants for the resources that they are asked to
        // create.
        let for_service =
            view.actor() == Actor::Via && matches!(&*name, "CreateGrant" | "RevokeGrant");
        if !view.is_kms() || view.attempt() || !by_hand || for_service {
            return;
        }
        if let (Some(key), Some(principal)) = (view.first_key(), view.identity()) {
            let part = format!("{} {principal}", key.arn);
            marks.push(Mark { part, kind: ADMIN, value: name.into_owned() });
        }
    }

    fn uses(&self) -> Uses<'_> {
        Uses::OfMarkedKeys
    }

    fn needs(&self) -> &[&[u32]] {
        &[&[ADMIN, USE]]
    }

    fn note_use(&self, used: &Use<'_>, marks: &mut Vec<Mark>) {
        let by_hand = used.actor == Actor::Direct.as_str() || used.actor == Actor::Via.as_str();
        if by_hand
            && !used.attempt
            && let Some(part) = part(used)
        {
            marks.push(Mark { part, kind: USE, value: used.name.to_owned() });
        }
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let (managed, used) = (of_kind(notes, ADMIN), of_kind(notes, USE));
        let (Some(first), false) = (managed.first(), used.is_empty()) else { return Vec::new() };
        let names = |of: &[usize]| {
            let names: BTreeSet<&str> = of.iter().map(|at| notes[*at].value.as_str()).collect();
            names.into_iter().collect::<Vec<_>>()
        };
        let principal = notes[*first].about.principal.arn.as_deref().unwrap_or_default();
        let (level, why) = if self.0.automation_roles.match_arn(principal) {
            (Level::Low, "an automation role manages the key and uses it as well")
        } else {
            (Level::Medium, "the principal manages the key and uses it as well")
        };
        let uses: u64 = used.iter().map(|at| notes[*at].count).sum();
        let found = Decided::new(managed.iter().chain(&used).copied(), level);
        let found = found.with("managed", names(&managed)).with("used", names(&used));
        vec![found.with("uses", uses).with("why", why).about(Scope::PrincipalAndKey)]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, OTHER, call, decide, refused};

    fn used(user: &str, name: &str, key: &str) -> Value {
        let mut record = call("2026-11-02T10:00:00Z", user, name, key, &json!({}));
        record["last"] = json!("2026-11-02T11:00:00Z");
        record
    }

    fn managed(user: &str, name: &str) -> Value {
        call("2026-11-01T10:00:00Z", user, name, KEY, &json!({}))
    }

    #[test]
    fn both_by_one_principal_on_one_key() {
        let rule = AdminAndUse(Arc::default());
        let found = |records: &[Value]| decide(&rule, records, "2026-12-01T00:00:00Z");
        let both = found(&[managed("alice", "PutKeyPolicy"), used("alice", "Decrypt", KEY)]);
        assert_eq!(both.len(), 1);
        assert_eq!(both[0].1.level, Level::Medium);
        assert_eq!(both[0].1.details["managed"], json!(["PutKeyPolicy"]));
        assert_eq!(both[0].1.details["used"], json!(["Decrypt"]));
        for quiet in [
            [managed("alice", "PutKeyPolicy"), used("bob", "Decrypt", KEY)],
            [managed("alice", "PutKeyPolicy"), used("alice", "Decrypt", OTHER)],
            [managed("alice", "DescribeKey"), used("alice", "Decrypt", KEY)],
            [refused(managed("alice", "PutKeyPolicy")), used("alice", "Decrypt", KEY)],
            [managed("alice", "PutKeyPolicy"), refused(used("alice", "Decrypt", KEY))],
        ] {
            assert_eq!(found(&quiet), [], "{quiet:?}");
        }
    }

    #[test]
    fn grants_that_a_service_makes_are_no_management_and_automation_is_low() {
        let mut grant = managed("alice", "CreateGrant");
        grant["userIdentity"]["invokedBy"] = json!("AWS Internal");
        let records = [grant, used("alice", "Decrypt", KEY)];
        let end = "2026-12-01T00:00:00Z";
        assert_eq!(decide(&AdminAndUse(Arc::default()), &records, end), []);
        let automation_roles = crate::model::pattern::Patterns::new(["*:user/alice"]);
        let rule = AdminAndUse(Arc::new(Estate { automation_roles, ..Estate::default() }));
        let records = [managed("alice", "TagResource"), used("alice", "Decrypt", KEY)];
        assert_eq!(decide(&rule, &records, end)[0].1.level, Level::Low);
    }
}
