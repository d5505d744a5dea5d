//! The effective settings as values, by the names of [`keys`](super::keys).
//!
//! They are what `config show` shows, and what enters the digest of a run. What must stay true: two
//! configurations that mean the same have the same values, whatever their files look like, and no two
//! others do. So every member is named here: one that is added to [`Estate`] does not compile until it
//! is. Tables that the user names or lists are lists of tables, in the order of the file where that
//! counts; those that have names have them under `name`.

use serde_json::{Value, json};

use crate::model::estate::{Estate, GovernedTag, SecretsBucket, SharedKey, Thresholds};
use crate::model::pattern::Patterns;
use crate::model::suppression::Suppression;

/// What rules ask about.
pub fn estate(estate: &Estate) -> Vec<(&'static str, Value)> {
    let Estate {
        own_accounts,
        trusted_accounts,
        regions,
        expected_regions,
        governed_tags,
        shared_keys,
        alias_scheme,
        automation_roles,
        direct_use_roles,
        log_readers,
        inventory_roles,
        encrypt_only_roles,
        require_customer_keys,
        secrets_buckets,
        enclave_images,
        monitors,
        mfa_max_age,
        thresholds: limits,
    } = estate;
    let bucket = |(name, SecretsBucket { key, readers }): (&String, &SecretsBucket)| json!({"name": name, "key": key, "readers": patterns(readers)});
    let mut values = vec![
        ("accounts.own", json!(own_accounts)),
        ("accounts.trusted", json!(trusted_accounts)),
        ("regions.allowed", json!(regions)),
        ("regions.expected", json!(expected_regions)),
        ("tags.governed", governed_tags.iter().map(tag).collect()),
        ("tags.shared", shared_keys.iter().map(shared).collect()),
        ("aliases.scheme", json!(alias_scheme.as_ref().map(|scheme| scheme.as_str()))),
        ("roles.automation", patterns(automation_roles)),
        ("roles.direct_use", patterns(direct_use_roles)),
        ("roles.log_readers", patterns(log_readers)),
        ("roles.inventory", patterns(inventory_roles)),
        ("roles.encrypt_only", patterns(encrypt_only_roles)),
        ("services.require_customer_keys", json!(require_customer_keys)),
        ("secrets_buckets", secrets_buckets.iter().map(bucket).collect()),
        ("enclaves.images", json!(enclave_images)),
        ("monitors.names", patterns(monitors)),
        ("mfa.max_age", json!(mfa_max_age)),
    ];
    values.extend(thresholds(limits));
    values
}

fn tag(GovernedTag { name, synonyms, aliases, order, level }: &GovernedTag) -> Value {
    json!({"name": name, "synonyms": synonyms, "values": aliases, "order": order, "level": level})
}

fn shared(SharedKey { key, allow }: &SharedKey) -> Value {
    let allow: serde_json::Map<String, Value> =
        allow.iter().map(|(tag, of)| (tag.clone(), patterns(of))).collect();
    json!({"key": key.iter().next(), "allow": allow})
}

fn patterns(patterns: &Patterns) -> Value {
    patterns.iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

fn thresholds(thresholds: &Thresholds) -> [(&'static str, Value); 9] {
    let Thresholds {
        short_deletion_days,
        rotation_days,
        expiry_days,
        blast_services,
        blast_accounts,
        blast_principals,
        trust_spread_keys,
        encrypt_only_uses,
        gap_hours,
    } = thresholds;
    [
        ("thresholds.short_deletion_days", json!(short_deletion_days)),
        ("thresholds.rotation_days", json!(rotation_days)),
        ("thresholds.expiry_days", json!(expiry_days)),
        ("thresholds.blast_services", json!(blast_services)),
        ("thresholds.blast_accounts", json!(blast_accounts)),
        ("thresholds.blast_principals", json!(blast_principals)),
        ("thresholds.trust_spread_keys", json!(trust_spread_keys)),
        ("thresholds.encrypt_only_uses", json!(encrypt_only_uses)),
        ("thresholds.gap_hours", json!(gap_hours)),
    ]
}

/// One suppression.
pub fn suppression(suppression: &Suppression) -> Value {
    let Suppression {
        rule,
        principal,
        key,
        resource,
        trust_context,
        account,
        region,
        reason,
        owner,
        ticket,
        expires,
    } = suppression;
    json!({
        "rule": rule, "principal": principal, "key": key, "resource": resource,
        "trust_context": trust_context, "account": account, "region": region,
        "reason": reason, "owner": owner, "ticket": ticket, "expires": expires,
    })
}
