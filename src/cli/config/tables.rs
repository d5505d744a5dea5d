//! Each table of the file to its part of the [`Estate`], and what stands in for options.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use toml::de::{DeTable, DeValue};

use super::forms;
use super::keys;
use super::reader::{Fields, Notes, kind, quoted};
use super::suppress::{self, Suppress};
use super::tags;
use super::usual::Usual;
use crate::cli::values;
use crate::model::estate::{Estate, SecretsBucket, Thresholds};
use crate::model::pattern::Patterns;

/// Reads the file, and notes all that is wrong with it.
pub fn read(root: &DeTable<'_>, notes: &mut Notes<'_>) -> (Estate, Usual, Suppress) {
    let root = Fields::root(root);
    let mut estate = Estate::default();
    accounts(root.table("accounts", notes), &mut estate, notes);
    regions(root.table("regions", notes), &mut estate, notes);
    tags::read(root.table("tags", notes), &mut estate, notes);
    aliases(root.table("aliases", notes), &mut estate, notes);
    roles(root.table("roles", notes), &mut estate, notes);
    services(root.table("services", notes), &mut estate, notes);
    estate.secrets_buckets = secrets_buckets(&root.table("secrets_buckets", notes), notes);
    enclaves(root.table("enclaves", notes), &mut estate, notes);
    monitors(root.table("monitors", notes), &mut estate, notes);
    mfa(root.table("mfa", notes), &mut estate, notes);
    thresholds(root.table("thresholds", notes), &mut estate.thresholds, notes);
    let usual = scan(root.table("scan", notes), notes);
    let suppressions = suppress::read(root.take("suppress", notes), notes);
    root.end(notes);
    (estate, usual, suppressions)
}

fn accounts(table: Fields<'_, '_>, estate: &mut Estate, notes: &mut Notes<'_>) {
    estate.own_accounts = set(table.texts("own", notes));
    estate.trusted_accounts = set(table.texts("trusted", notes));
    table.end(notes);
}

fn regions(table: Fields<'_, '_>, estate: &mut Estate, notes: &mut Notes<'_>) {
    estate.regions = set(table.texts("allowed", notes));
    estate.expected_regions = set(table.texts("expected", notes));
    table.end(notes);
}

fn aliases(table: Fields<'_, '_>, estate: &mut Estate, notes: &mut Notes<'_>) {
    let scheme = table.text("scheme", notes);
    estate.alias_scheme = scheme.and_then(|scheme| Regex::new(&scheme).ok());
    table.end(notes);
}

fn roles(table: Fields<'_, '_>, estate: &mut Estate, notes: &mut Notes<'_>) {
    let mut arns = |key| patterns(table.texts(key, notes));
    estate.automation_roles = arns("automation");
    estate.direct_use_roles = arns("direct_use");
    estate.log_readers = arns("log_readers");
    estate.inventory_roles = arns("inventory");
    estate.encrypt_only_roles = arns("encrypt_only");
    table.end(notes);
}

fn services(table: Fields<'_, '_>, estate: &mut Estate, notes: &mut Notes<'_>) {
    estate.require_customer_keys = set(table.texts("require_customer_keys", notes));
    table.end(notes);
}

fn scan(table: Fields<'_, '_>, notes: &mut Notes<'_>) -> Usual {
    let paths = |list: Option<Vec<String>>| list.unwrap_or_default().into_iter().map(Into::into);
    let usual = Usual {
        min_level: table.text("min_level", notes),
        fail_on: table.text("fail_on", notes),
        rules: paths(table.texts("rules", notes)).collect(),
        tags: paths(table.texts("tags", notes)).collect(),
        public_keys: table.text("public_keys", notes).map(Into::into),
    };
    table.end(notes);
    usual
}

/// `[secrets_buckets.NAME]`, each with a key and readers.
fn secrets_buckets(
    table: &Fields<'_, '_>,
    notes: &mut Notes<'_>,
) -> BTreeMap<String, SecretsBucket> {
    let mut buckets = BTreeMap::new();
    for (name, span, value) in table.entries() {
        let path = table.path(name);
        if let Err(reason) = forms::bucket(name) {
            notes.add(&span, format!("{path}: {reason}"));
        }
        notes.saw(&path, &span);
        notes.named(&path, name, &span);
        let bucket = Fields::of(value, (&path, "secrets_buckets"), notes);
        let key = bucket.text("key", notes);
        let readers = patterns(bucket.texts("readers", notes));
        bucket.end(notes);
        buckets.insert(name.to_owned(), SecretsBucket { key, readers });
    }
    buckets
}

fn enclaves(table: Fields<'_, '_>, estate: &mut Estate, notes: &mut Notes<'_>) {
    estate.enclave_images = set(table.texts("images", notes));
    table.end(notes);
}

fn monitors(table: Fields<'_, '_>, estate: &mut Estate, notes: &mut Notes<'_>) {
    estate.monitors = patterns(table.texts("names", notes));
    table.end(notes);
}

/// `max_age` in seconds, or with a unit: `300`, `"300s"`, `"12h"`.
fn mfa(table: Fields<'_, '_>, estate: &mut Estate, notes: &mut Notes<'_>) {
    let name = table.path("max_age");
    if let Some(value) = table.take("max_age", notes) {
        let secs = match value.get_ref() {
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).ok()
            }
            DeValue::String(text) => values::age_secs(text).flatten(),
            _ => None,
        };
        match secs.filter(|secs| (1..=keys::AGE_MAX).contains(secs)) {
            Some(secs) => estate.mfa_max_age = secs,
            None => {
                let found = match value.get_ref() {
                    DeValue::String(text) => quoted(text),
                    DeValue::Integer(integer) => quoted(integer.as_str()),
                    other => kind(other).to_owned(),
                };
                let expected =
                    "expected an age such as \"300s\" or \"12h\", or a number of seconds";
                notes.add(&value.span(), format!("{name}: {expected}, found {found}"));
            }
        }
    }
    table.end(notes);
}

fn thresholds(table: Fields<'_, '_>, to: &mut Thresholds, notes: &mut Notes<'_>) {
    let mut number = |key, to: &mut i64| *to = table.number(key, notes).unwrap_or(*to);
    number("short_deletion_days", &mut to.short_deletion_days);
    number("rotation_days", &mut to.rotation_days);
    number("expiry_days", &mut to.expiry_days);
    number("gap_hours", &mut to.gap_hours);
    let mut how_many = |key, to: &mut usize| {
        let number = table.number(key, notes).and_then(|number| usize::try_from(number).ok());
        *to = number.unwrap_or(*to);
    };
    how_many("blast_services", &mut to.blast_services);
    how_many("blast_accounts", &mut to.blast_accounts);
    how_many("blast_principals", &mut to.blast_principals);
    how_many("trust_spread_keys", &mut to.trust_spread_keys);
    let uses = table.number("encrypt_only_uses", notes).and_then(|uses| u64::try_from(uses).ok());
    to.encrypt_only_uses = uses.unwrap_or(to.encrypt_only_uses);
    table.end(notes);
}

fn set(list: Option<Vec<String>>) -> BTreeSet<String> {
    list.unwrap_or_default().into_iter().collect()
}

fn patterns(list: Option<Vec<String>>) -> Patterns {
    Patterns::new(list.unwrap_or_default())
}
