//! Finds a principal that decrypts and before only encrypted.
//!
//! It is code because it depends on calls that did not happen before. What must stay true:
//! encryptions count only if they certainly came before the decryption.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::detect::stateful::{Decided, OverKeys, Scope, Use};
use crate::model::estate::Estate;
use crate::model::level::Level;

/// The principal encrypted.
const ENCRYPTED: u32 = 0;
/// The principal decrypted.
const DECRYPTED: u32 = 1;
/// A call to decrypt was refused or failed.
const TRIED: u32 = 2;

/// See `rules/use/encrypt-only-role-decrypts.md`.
#[derive(Debug)]
pub struct EncryptOnlyRoleDecrypts(pub Arc<Estate>);

/// Whether a call encrypts or decrypts data, as the kind of its mark.
fn kind(used: &Use<'_>) -> Option<u32> {
    match used.name {
        "Decrypt" | "ReEncrypt" if used.attempt => Some(TRIED),
        "Decrypt" | "ReEncrypt" => Some(DECRYPTED),
        _ if used.attempt => None,
        "Encrypt" | "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" => Some(ENCRYPTED),
        _ => None,
    }
}

/// What one principal did with one key: the places of its uses, by kind.
#[derive(Default)]
struct Done([Vec<usize>; 3]);

impl OverKeys for EncryptOnlyRoleDecrypts {
    fn decide(&self, uses: &[Use<'_>], _: &BTreeSet<String>) -> Vec<Decided> {
        let mut all: BTreeMap<&str, Done> = BTreeMap::new();
        for (at, used) in uses.iter().enumerate() {
            if let (Some(kind), Some(arn)) = (kind(used), used.principal.arn.as_deref())
                && used.actor != "service"
            {
                all.entry(arn).or_default().0[kind as usize].push(at);
            }
        }
        all.into_iter().filter_map(|(principal, done)| self.judge(principal, uses, done)).collect()
    }
}

impl EncryptOnlyRoleDecrypts {
    fn judge(&self, principal: &str, uses: &[Use<'_>], done: Done) -> Option<Decided> {
        let Done([encrypted, decrypted, tried]) = done;
        let first = decrypted.first().into_iter().chain(tried.first()).min()?;
        let first = uses[*first].times.0;
        let before = |at: &&usize| uses[**at].times.1 < first;
        let before: u64 = encrypted.iter().filter(before).map(|at| uses[*at].count).sum();
        let why = if self.0.encrypt_only_roles.match_arn(principal) {
            "the principal is configured as one that only encrypts".to_owned()
        } else if before >= self.0.thresholds.encrypt_only_uses {
            format!("after {before} encryptions and no decryption, the principal decrypts")
        } else {
            return None;
        };
        let found = |notes: Vec<usize>, level| {
            let found = Decided::new(notes, level).with("why", why.as_str());
            found.with("encryptions_before", before).about(Scope::PrincipalAndKey)
        };
        Some(match decrypted.is_empty() {
            false => found(decrypted, Level::Medium),
            true => found(tried, Level::Low).with("refused", true),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::{KEY, call, decide, refused};
    use crate::model::estate::Thresholds;
    use crate::model::pattern::Patterns;

    fn used(time: &str, last: &str, name: &str) -> Value {
        let mut record = call(&format!("2026-11-02T{time}Z"), "alice", name, KEY, &json!({}));
        record["last"] = json!(format!("2026-11-02T{last}Z"));
        record
    }

    fn rule(uses: u64, roles: &[&str]) -> EncryptOnlyRoleDecrypts {
        let thresholds = Thresholds { encrypt_only_uses: uses, ..Thresholds::default() };
        let encrypt_only_roles = Patterns::new(roles.to_vec());
        let estate = Estate { thresholds, encrypt_only_roles, ..Estate::default() };
        EncryptOnlyRoleDecrypts(Arc::new(estate))
    }

    #[test]
    fn encryptions_count_if_all_of_them_came_before() {
        let end = "2026-12-01T00:00:00Z";
        let encrypted = used("08:00:00", "09:00:00", "GenerateDataKey");
        let decrypted = used("10:00:00", "10:00:00", "Decrypt");
        let records = [encrypted, decrypted.clone()];
        let found = decide(&rule(1, &[]), &records, end);
        assert_eq!(found[0].1.level, Level::Medium);
        assert_eq!(found[0].1.details["encryptions_before"], 1);
        assert_eq!(decide(&rule(2, &[]), &records, end), []);
        let overlapping = [used("08:00:00", "10:00:00", "Encrypt"), decrypted.clone()];
        assert_eq!(decide(&rule(1, &[]), &overlapping, end), []);
        let earlier = used("07:00:00", "07:00:00", "Decrypt");
        let decrypts = [records[0].clone(), decrypted, earlier];
        assert_eq!(decide(&rule(1, &[]), &decrypts, end), [], "it decrypted before");
    }

    #[test]
    fn configured_roles_need_no_past_and_refusals_are_low() {
        let end = "2026-12-01T00:00:00Z";
        let decrypted = used("10:00:00", "10:00:00", "Decrypt");
        let named = rule(100, &["*:user/alice"]);
        assert_eq!(decide(&named, std::slice::from_ref(&decrypted), end)[0].1.level, Level::Medium);
        assert_eq!(decide(&named, &[refused(decrypted.clone())], end)[0].1.level, Level::Low);
        assert_eq!(decide(&rule(100, &["*:user/bob"]), &[decrypted], end), []);
    }
}
