//! What a timeline shows of a record.

use super::target::about;
use crate::model::arn::Arn;
use crate::model::finding::Key;
use crate::model::occurrence::{NamedKey, Occurrence, Place};
use crate::model::time::Time;
use crate::model::use_fact::UseFact;
use crate::record::json::Json;
use crate::record::kms::{SOURCE, View};

/// Names of one record that are kept; a policy or a batch may name thousands.
const NAMES_MAX: usize = 20;

/// What is shown of a record. `text` is all of it, where that was asked for.
pub fn of(view: &View<'_>, time: Option<Time>, place: Place, text: Option<String>) -> Occurrence {
    let event = view.event();
    let of = |name: &str| Some(event.get(name)?.text()?.into_owned());
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
        keys: view.keys().iter().take(NAMES_MAX).map(named).collect(),
        resources,
        error: of("errorCode").or_else(|| view.attempt().then(|| "failed".to_owned())),
        message: event.get("errorMessage").and_then(Json::text).map(Into::into),
        place,
        copies: 0,
        also: Vec::new(),
        served: Vec::new(),
        text,
        of_use: false,
    }
}

/// What is shown of a use of which facts have the row.
pub fn of_use(used: &UseFact<'_>, place: Place) -> Occurrence {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let mut principal = used.principal.clone();
    principal.session = owned(used.session);
    Occurrence {
        time: Some(used.time),
        event: used.operation.to_owned(),
        source: SOURCE.to_owned(),
        account: owned(used.account),
        region: owned(used.region),
        id: owned(used.event_id),
        shared: None,
        principal,
        principal_id: None,
        access_key: owned(used.access_key),
        source_ip: owned(used.source_ip),
        user_agent: owned(used.user_agent),
        keys: used.key.map(named).into_iter().collect(),
        resources: used
            .subject
            .filter(|text| !is_key(text))
            .map(str::to_owned)
            .into_iter()
            .collect(),
        error: owned(used.error).or_else(|| used.failed.then(|| "failed".to_owned())),
        message: None,
        place,
        copies: used.copies.saturating_sub(1),
        also: Vec::new(),
        served: Vec::new(),
        text: None,
        of_use: true,
    }
}

fn named(key: &Key) -> NamedKey {
    NamedKey { arn: key.arn.clone(), alias: key.alias.clone() }
}

/// A key is no resource beside itself.
fn is_key(text: &str) -> bool {
    Arn::parse(text).is_some_and(|arn| arn.service == "kms")
}
