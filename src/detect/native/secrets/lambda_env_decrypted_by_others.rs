//! Finds principals other than the function itself that decrypt the environment of a Lambda
//! function.
//!
//! It is code because the function's role must be learned from the log. A caller who lists or reads
//! functions decrypts their environment through Lambda. When the function starts, its role decrypts
//! the environment directly, in a session named after the function. What must stay true: a function
//! whose role is unknown gives no finding.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::detect::native::shared::policy_document::list;
use crate::detect::native::shared::timeline::of_kind;
use crate::detect::stateful::{Context, Decided, History, Mark, Noted, Scope, Use, Uses};
use crate::model::actor_kind::ActorKind;
use crate::model::arn::Arn;
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// The function's role. The value is its ARN.
const ROLE: u32 = 0;
/// A principal decrypted through Lambda. The value is its ARN.
const DECRYPTED: u32 = 1;
/// The same on three days or more.
const ROUTINE: u32 = 2;

/// Part of the ARNs of service-linked roles, such as that of AWS Config.
const OF_SERVICE: &str = ":role/aws-service-role/";

/// See `rules/secrets/lambda-env-decrypted-by-others.md`.
#[derive(Debug)]
pub struct LambdaEnvDecryptedByOthers(pub Arc<Estate>);

/// The ARN of a function, without version or alias.
pub fn function(arn: &str) -> Option<String> {
    let parsed = Arn::parse(arn).filter(|arn| arn.service == "lambda")?;
    let name = parsed.resource.strip_prefix("function:")?.split(':').next()?;
    Some(format!("{}function:{name}", arn.strip_suffix(parsed.resource)?))
}

/// Whether a use is of a function's environment.
pub fn is_of_function(used: &Use<'_>) -> bool {
    used.resource.is_some_and(|resource| resource.arn.contains(":lambda:"))
}

impl History for LambdaEnvDecryptedByOthers {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        let is_lambda =
            event.text_at(&["eventSource"]).is_some_and(|s| s == "lambda.amazonaws.com");
        if !is_lambda || view.attempt() {
            return;
        }
        let answer = |name: &str| event.text_at(&["responseElements", name]);
        let role = answer("role").or_else(|| event.text_at(&["requestParameters", "role"]));
        let part = answer("functionArn").and_then(|arn| function(&arn));
        if let (Some(part), Some(role)) = (part, role) {
            marks.push(Mark { part, kind: ROLE, value: role.into_owned() });
        }
    }

    fn uses(&self) -> Uses<'_> {
        Uses::With(is_of_function)
    }

    fn needs(&self) -> &[&[u32]] {
        &[&[ROLE, DECRYPTED], &[ROLE, ROUTINE]]
    }

    fn note_use(&self, used: &Use<'_>, marks: &mut Vec<Mark>) {
        if used.name != "Decrypt" || used.attempt {
            return;
        }
        let part = used.resource.and_then(|resource| function(&resource.arn));
        let (Some(part), Some(principal)) = (part, used.principal.identity()) else { return };
        let kind = match used.actor {
            "direct" if used.own_session => ROLE,
            "via" if used.days.is_routine() => ROUTINE,
            "via" => DECRYPTED,
            _ => return,
        };
        marks.push(Mark { part, kind, value: principal.into_owned() });
    }

    fn conclude(&self, notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        let roles: BTreeSet<&str> =
            notes.iter().filter(|n| n.kind == ROLE).map(|n| n.value.as_str()).collect();
        if roles.is_empty() {
            return Vec::new();
        }
        let mut decrypted: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for at in of_kind(notes, DECRYPTED).into_iter().chain(of_kind(notes, ROUTINE)) {
            decrypted.entry(notes[at].value.as_str()).or_default().push(at);
        }
        let others = decrypted
            .into_iter()
            .filter(|(who, _)| !roles.contains(who) && !who.contains(OF_SERVICE));
        let mut others: Vec<Vec<usize>> = others.map(|(_, notes)| notes).collect();
        others.sort();
        let listed = list(roles.iter().map(|role| (*role).to_owned()));
        let mut found = Vec::new();
        for others in others {
            let (level, why) = self.level(others.iter().map(|at| &notes[*at]));
            let one = Decided::new(others, level).with("why", why);
            found.push(one.with("function_roles", listed.clone()).about(Scope::Event));
        }
        found
    }
}

impl LambdaEnvDecryptedByOthers {
    /// How serious it is that one principal decrypted.
    fn level<'n>(&self, mut notes: impl Iterator<Item = &'n Noted>) -> (Level, &'static str) {
        let Some(first) = notes.next() else { return (Level::Low, "") };
        let principal = &first.about.principal;
        let arn = principal.arn.as_deref().unwrap_or_default();
        if self.0.inventory_roles.match_arn(arn) {
            return (Level::Low, "an inventory role read the function");
        }
        if ActorKind::of(principal, &self.0) == ActorKind::Person {
            return (Level::Low, "a person read the function; its page in the console decrypts");
        }
        if first.kind == ROUTINE && notes.all(|noted| noted.kind == ROUTINE) {
            return (Level::Low, "the principal reads the function on three days or more");
        }
        let why = "the environment was decrypted for somebody else than the function's role";
        (Level::Medium, why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_lose_version_and_alias() {
        let arn = "arn:aws:lambda:eu-central-1:111122223333:function:orders";
        assert_eq!(function(arn).as_deref(), Some(arn));
        assert_eq!(function(&format!("{arn}:prod")).as_deref(), Some(arn));
        assert_eq!(function("arn:aws:lambda:eu-central-1:111122223333:layer:orders"), None);
        assert_eq!(function("arn:aws:s3:::orders"), None);
    }
}
