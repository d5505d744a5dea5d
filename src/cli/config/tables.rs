//! Each table of the file to its part of the [`Estate`].

use std::collections::{BTreeMap, BTreeSet};

use toml::de::{DeTable, DeValue};

use super::forms;
use super::reader::{Fields, Notes, kind, quoted};
use super::suppress::{self, Suppress};
use super::tags;
use crate::cli::values;
use crate::model::estate::{Estate, SecretsBucket, Thresholds};
use crate::model::pattern::Patterns;

/// A hundred years: longer is a typing error.
const DAYS_MAX: i64 = 36_500;

/// Reads the file, and notes all that is wrong with it.
pub fn read(root: &DeTable<'_>, notes: &mut Notes<'_>) -> (Estate, Suppress) {
    let mut root = Fields::root(root);
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
    let suppressions = suppress::read(root.take("suppress"), notes);
    root.end(notes);
    (estate, suppressions)
}

fn accounts(mut table: Fields<'_, '_>, estate: &mut Estate, notes: &mut Notes<'_>) {
    estate.own_accounts = set(table.texts("own", notes, values::account));
    estate.trusted_accounts = set(table.texts("trusted", notes, values::account));
    table.end(notes);
}

fn regions(mut table: Fields<'_, '_>, estate: &mut Estate, notes: &mut Notes<'_>) {
    estate.regions = set(table.texts("allowed", notes, values::region));
    estate.expected_regions = set(table.texts("expected", notes, values::region));
    table.end(notes);
}

fn aliases(mut table: Fields<'_, '_>, estate: &mut Estate, notes: &mut Notes<'_>) {
    estate.alias_scheme = table.text("scheme", notes, forms::regex);
    table.end(notes);
}

fn roles(mut table: Fields<'_, '_>, estate: &mut Estate, notes: &mut Notes<'_>) {
    let mut arns = |key| patterns(table.texts(key, notes, forms::arn_pattern));
    estate.automation_roles = arns("automation");
    estate.direct_use_roles = arns("direct_use");
    estate.log_readers = arns("log_readers");
    estate.inventory_roles = arns("inventory");
    estate.encrypt_only_roles = arns("encrypt_only");
    table.end(notes);
}

fn services(mut table: Fields<'_, '_>, estate: &mut Estate, notes: &mut Notes<'_>) {
    estate.require_customer_keys = set(table.texts("require_customer_keys", notes, forms::service));
    table.end(notes);
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
        let mut bucket = Fields::of(value, &path, notes);
        let key = bucket.text("key", notes, forms::key_arn);
        let readers = patterns(bucket.texts("readers", notes, forms::arn_pattern));
        bucket.end(notes);
        buckets.insert(name.to_owned(), SecretsBucket { key, readers });
    }
    buckets
}

fn enclaves(mut table: Fields<'_, '_>, estate: &mut Estate, notes: &mut Notes<'_>) {
    estate.enclave_images = set(table.texts("images", notes, forms::measurement));
    table.end(notes);
}

fn monitors(mut table: Fields<'_, '_>, estate: &mut Estate, notes: &mut Notes<'_>) {
    estate.monitors = patterns(table.texts("names", notes, forms::plain));
    table.end(notes);
}

/// `max_age` in seconds, or with a unit: `300`, `"300s"`, `"12h"`.
fn mfa(mut table: Fields<'_, '_>, estate: &mut Estate, notes: &mut Notes<'_>) {
    let name = table.path("max_age");
    if let Some(value) = table.take("max_age") {
        let secs = match value.get_ref() {
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).ok()
            }
            DeValue::String(text) => values::age_secs(text).flatten(),
            _ => None,
        };
        match secs.filter(|secs| (1..=DAYS_MAX * 86_400).contains(secs)) {
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

fn thresholds(mut table: Fields<'_, '_>, to: &mut Thresholds, notes: &mut Notes<'_>) {
    let mut number = |key, least, most, to: &mut i64| {
        if let Some(number) = table.number(key, notes, (least, most)) {
            *to = number;
        }
    };
    // AWS lets nobody wait for less than 7 days or more than 30.
    number("short_deletion_days", 0, 30, &mut to.short_deletion_days);
    number("rotation_days", 1, DAYS_MAX, &mut to.rotation_days);
    number("expiry_days", 0, DAYS_MAX, &mut to.expiry_days);
    number("gap_hours", 1, DAYS_MAX * 24, &mut to.gap_hours);
    let mut how_many = |key, to: &mut usize| {
        let found = table.number(key, notes, (1, 1_000_000_000));
        if let Some(number) = found.and_then(|number| usize::try_from(number).ok()) {
            *to = number;
        }
    };
    how_many("blast_services", &mut to.blast_services);
    how_many("blast_accounts", &mut to.blast_accounts);
    how_many("blast_principals", &mut to.blast_principals);
    how_many("trust_spread_keys", &mut to.trust_spread_keys);
    let uses = table.number("encrypt_only_uses", notes, (1, i64::MAX));
    if let Some(uses) = uses.and_then(|uses| u64::try_from(uses).ok()) {
        to.encrypt_only_uses = uses;
    }
    table.end(notes);
}

fn set(list: Option<Vec<String>>) -> BTreeSet<String> {
    list.unwrap_or_default().into_iter().collect()
}

fn patterns(list: Option<Vec<String>>) -> Patterns {
    Patterns::new(list.unwrap_or_default())
}
