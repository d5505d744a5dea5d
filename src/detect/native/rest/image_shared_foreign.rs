//! Finds machine images that are shared with other accounts or with everybody.
//!
//! It is code because the finding depends on who owns the accounts. What must stay true: taking a
//! permission away is not a finding.

use std::collections::BTreeSet;

use crate::detect::native::shared::accounts::{account_id, is_recipient};
use crate::detect::native::shared::policy_document::list;
use crate::detect::native::{Detector, Found};
use crate::model::arn::Arn;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::View;
use crate::record::shape::{at, each, is_call, request, text_at};

/// See `rules/rest/image-shared-foreign.md`.
#[derive(Debug)]
pub struct ImageSharedForeign;

/// With whom a call shares the image.
#[derive(Debug, Default)]
struct Shared {
    accounts: BTreeSet<String>,
    /// The management accounts of organisations.
    managers: BTreeSet<String>,
    everybody: bool,
}

impl Shared {
    fn of(request: Json<'_>) -> Shared {
        let mut shared = Shared::default();
        let added = at(request, &["launchPermission", "add"]);
        let items = added.map(|added| at(added, &["items"]).unwrap_or(added));
        for item in items.into_iter().flat_map(each) {
            shared.accounts.extend(at(item, &["userId"]).and_then(account_id));
            shared.managers.extend(manager_of(item));
            let group = text_at(item, &["group"]);
            shared.everybody |= group.is_some_and(|group| group.eq_ignore_ascii_case("all"));
        }
        shared
    }
}

/// The management account of the organisation that an item names, whole or in part.
fn manager_of(item: Json<'_>) -> Option<String> {
    let members = ["organizationArn", "organizationalUnitArn"];
    let text = members.iter().find_map(|name| text_at(item, &[name]))?;
    let arn = Arn::parse(&text).filter(|arn| arn.service == "organizations")?;
    let id = arn.account;
    (id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit())).then(|| id.to_owned())
}

impl Detector for ImageSharedForeign {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if !is_call(view, "ec2.amazonaws.com", &["ModifyImageAttribute"]) {
            return None;
        }
        let request = request(event)?;
        let mut shared = Shared::of(request);
        let image = text_at(request, &["imageId"]);
        let found = |level| match &image {
            Some(image) => Found::at(level).with("image", &**image),
            None => Found::at(level),
        };
        if shared.everybody {
            return Some(found(Level::High).with("why", "everybody can launch it"));
        }
        shared.accounts.retain(|account| !is_recipient(view, account));
        shared.managers.retain(|account| !is_recipient(view, account));
        let told = |level, accounts: BTreeSet<String>| {
            found(level).with("shared_with", list(accounts.clone())).if_foreign(accounts)
        };
        if !shared.accounts.is_empty() {
            return Some(told(Level::High, shared.accounts));
        }
        let why = "the organisation of this management account can launch it";
        (!shared.managers.is_empty()).then(|| told(Level::Medium, shared.managers).with("why", why))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::detector::found;

    fn share(permission: &Value) -> Option<(Level, Vec<String>)> {
        let record = json!({"eventSource": "ec2.amazonaws.com", "eventName": "ModifyImageAttribute",
            "recipientAccountId": "111122223333",
            "requestParameters": {"imageId": "ami-1", "launchPermission": permission}});
        let found = found(&ImageSharedForeign, &record)?;
        let accounts = found.foreign.map(|foreign| foreign.accounts).unwrap_or_default();
        Some((found.level, accounts.into_iter().collect()))
    }

    #[test]
    fn accounts_organisations_and_everybody() {
        let add = |items: Value| share(&json!({"add": {"items": items}}));
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let part = "arn:aws:organizations::777788889999:ou/o-a1b2c3d4e5/ou-ab12-11111111";
        let other = ids(&["444455556666"]);
        for (items, expected) in [
            (json!([{"userId": "444455556666"}]), Some((Level::High, other.clone()))),
            (json!({"userId": 444_455_556_666_u64}), Some((Level::High, other))),
            (json!([{"group": "ALL"}, {"userId": "x"}]), Some((Level::High, ids(&[])))),
            (
                json!([{"organizationalUnitArn": part}]),
                Some((Level::Medium, ids(&["777788889999"]))),
            ),
            (json!([{"organizationArn": "arn:aws:s3:::444455556666"}]), None),
            (json!([{"userId": "111122223333"}]), None),
            (json!([null, 7, [], {"group": 1}]), None),
        ] {
            assert_eq!(add(items.clone()), expected, "{items}");
        }
        assert_eq!(share(&json!({"remove": {"items": [{"group": "all"}]}})), None);
        assert_eq!(share(&json!("all")), None);
    }
}
