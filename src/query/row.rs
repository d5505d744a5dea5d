//! What a timeline shows of a record.

use super::target::about;
use crate::model::arn::Arn;
use crate::model::occurrence::{NamedKey, Occurrence, Place};
use crate::model::time::Time;
use crate::record::json::Json;
use crate::record::kms::View;

/// Names of one record that are kept; a policy or a batch may name thousands.
const NAMES_MAX: usize = 20;

/// What is shown of a record. `text` is all of it, where that was asked for.
pub fn of(view: &View<'_>, time: Option<Time>, place: Place, text: Option<String>) -> Occurrence {
    let event = view.event();
    let of = |name: &str| Some(event.get(name)?.text()?.into_owned());
    let key = |key: &crate::model::finding::Key| NamedKey {
        arn: key.arn.clone(),
        alias: key.alias.clone(),
    };
    // A key is no resource beside itself.
    let is_key = |text: &String| Arn::parse(text).is_some_and(|arn| arn.service == "kms");
    let mut resources = about(view);
    resources.retain(|text| !is_key(text));
    resources.truncate(NAMES_MAX);
    Occurrence {
        time,
        event: of("eventName").unwrap_or_default(),
        source: of("eventSource").unwrap_or_default(),
        account: view.account(),
        region: view.region(),
        id: of("eventID"),
        shared: view.shared_event_id(),
        principal: view.principal(),
        principal_id: event.text_at(&["userIdentity", "principalId"]).map(Into::into),
        access_key: view.access_key().map(str::to_owned),
        source_ip: view.source_ip(),
        user_agent: view.user_agent(),
        keys: view.keys().iter().take(NAMES_MAX).map(key).collect(),
        resources,
        error: of("errorCode").or_else(|| view.attempt().then(|| "failed".to_owned())),
        message: event.get("errorMessage").and_then(Json::text).map(Into::into),
        place,
        copies: 0,
        also: Vec::new(),
        served: Vec::new(),
        text,
    }
}
