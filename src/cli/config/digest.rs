//! The effective configuration as lines, for the digest of a run.
//!
//! What must stay true: two configurations that mean the same have the same lines, whatever their
//! files look like, and no two others do. So texts are quoted as JSON, and every member is named
//! here: one that is added to [`Estate`] does not compile until it is.

use serde_json::{Value, json};

use super::Placed;
use crate::model::estate::{Estate, GovernedTag, SecretsBucket, SharedKey, Thresholds};
use crate::model::pattern::Patterns;
use crate::model::suppression::Suppression;

/// What rules ask about.
pub fn estate(estate: &Estate) -> Vec<String> {
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
    let mut lines = Vec::new();
    let mut add = |name: &str, value: Value| lines.push(format!("{name} {value}"));
    add("accounts.own", json!(own_accounts));
    add("accounts.trusted", json!(trusted_accounts));
    add("regions.allowed", json!(regions));
    add("regions.expected", json!(expected_regions));
    add("tags.governed", governed_tags.iter().map(tag).collect());
    add("tags.shared", shared_keys.iter().map(shared).collect());
    add("aliases.scheme", json!(alias_scheme.as_ref().map(|scheme| scheme.as_str())));
    add("roles.automation", patterns(automation_roles));
    add("roles.direct_use", patterns(direct_use_roles));
    add("roles.log_readers", patterns(log_readers));
    add("roles.inventory", patterns(inventory_roles));
    add("roles.encrypt_only", patterns(encrypt_only_roles));
    add("services.require_customer_keys", json!(require_customer_keys));
    let bucket = |(name, SecretsBucket { key, readers }): (&String, &SecretsBucket)| {
        json!([name, key, patterns(readers)])
    };
    add("secrets_buckets", secrets_buckets.iter().map(bucket).collect());
    add("enclaves.images", json!(enclave_images));
    add("monitors.names", patterns(monitors));
    add("mfa.max_age", json!(mfa_max_age));
    lines.extend(thresholds(limits));
    lines
}

fn tag(GovernedTag { name, synonyms, aliases, order, level }: &GovernedTag) -> Value {
    json!([name, synonyms, aliases, order, level])
}

fn shared(SharedKey { key, allow }: &SharedKey) -> Value {
    let allow: Vec<Value> = allow.iter().map(|(tag, of)| json!([tag, patterns(of)])).collect();
    json!([patterns(key), allow])
}

fn patterns(patterns: &Patterns) -> Value {
    patterns.iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

fn thresholds(thresholds: &Thresholds) -> Vec<String> {
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
    vec![
        format!("thresholds.short_deletion_days {short_deletion_days}"),
        format!("thresholds.rotation_days {rotation_days}"),
        format!("thresholds.expiry_days {expiry_days}"),
        format!("thresholds.blast_services {blast_services}"),
        format!("thresholds.blast_accounts {blast_accounts}"),
        format!("thresholds.blast_principals {blast_principals}"),
        format!("thresholds.trust_spread_keys {trust_spread_keys}"),
        format!("thresholds.encrypt_only_uses {encrypt_only_uses}"),
        format!("thresholds.gap_hours {gap_hours}"),
    ]
}

/// One suppression.
pub fn suppression(placed: &Placed) -> String {
    let Suppression {
        rule,
        principal,
        key,
        resource,
        trust_context,
        account,
        region,
        reason,
        expires,
    } = &placed.suppression;
    let text = expires.to_string();
    let all = json!([rule, principal, key, resource, account, region, reason, text]);
    let trust = if *trust_context { " trust_context" } else { "" };
    format!("suppress {all}{trust}")
}
