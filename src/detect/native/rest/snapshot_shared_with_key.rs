//! Finds snapshots that are shared with other accounts or with everybody.
//!
//! It is code because the finding depends on who owns the accounts. What must stay true: removing
//! an account from the list is not a finding.

use std::collections::BTreeSet;

use crate::detect::native::shared::accounts::{account_id, is_recipient};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::View;
use crate::record::shape::{at, each, is_call, request, text_at};

/// See `rules/rest/snapshot-shared-with-key.md`.
#[derive(Debug)]
pub struct SnapshotSharedWithKey;

/// With whom a call shares the snapshot.
#[derive(Debug, Default)]
struct Shared {
    accounts: BTreeSet<String>,
    everybody: bool,
}

impl Detector for SnapshotSharedWithKey {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let database = ["ModifyDBSnapshotAttribute", "ModifyDBClusterSnapshotAttribute"];
        let request = request(event)?;
        let shared = if is_call(view, "ec2.amazonaws.com", &["ModifySnapshotAttribute"]) {
            of_volume(request)
        } else if is_call(view, "rds.amazonaws.com", &database) {
            of_database(request)
        } else {
            return None;
        };
        let mut found = Found::at(Level::High);
        let ids = ["snapshotId", "dBSnapshotIdentifier", "dBClusterSnapshotIdentifier"];
        if let Some(id) = ids.iter().find_map(|name| text_at(request, &[name])) {
            found = found.with("snapshot", &*id);
        }
        if shared.everybody {
            return Some(found.with("why", "everybody can restore it: it was made public"));
        }
        let mut accounts = shared.accounts;
        accounts.retain(|account| !is_recipient(view, account));
        if accounts.is_empty() {
            return None;
        }
        let list: Vec<&str> = accounts.iter().map(String::as_str).collect();
        Some(found.with("shared_with", list).if_foreign(accounts))
    }
}

fn of_volume(request: Json<'_>) -> Shared {
    let mut shared = Shared::default();
    let added = at(request, &["createVolumePermission", "add"]);
    let items = added.map(|added| at(added, &["items"]).unwrap_or(added));
    for item in items.into_iter().flat_map(each) {
        shared.accounts.extend(at(item, &["userId"]).and_then(account_id));
        shared.everybody |= text_at(item, &["group"]).is_some_and(|group| is_all(&group));
    }
    shared
}

fn of_database(request: Json<'_>) -> Shared {
    let mut shared = Shared::default();
    for value in at(request, &["valuesToAdd"]).into_iter().flat_map(each) {
        shared.everybody |= value.scalar().is_some_and(|text| is_all(&text));
        shared.accounts.extend(account_id(value));
    }
    shared
}

fn is_all(text: &str) -> bool {
    text.eq_ignore_ascii_case("all")
}
