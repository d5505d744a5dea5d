//! The events behind a finding, and what in them can be looked for elsewhere.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::parts::{self, millis};
use super::version::OcsfVersion::{self, V1_2, V1_3, V1_4, V1_5};
use crate::model::finding::{EventRef, Finding};
use crate::report::fields::{address, name_of, said};

/// The most observables of a finding.
const OBSERVABLES: usize = 50;

/// Each event. A finding without events has its actor as evidence.
pub fn evidences(version: OcsfVersion, finding: &Finding) -> Value {
    if finding.events.is_empty() {
        let actor = parts::actor(&finding.principal, None);
        let from = parts::endpoint(finding.source_ip.as_deref());
        return json!([{"actor": actor, "src_endpoint": from}]);
    }
    finding.events.iter().map(|event| evidence(version, event)).collect()
}

fn evidence(version: OcsfVersion, event: &EventRef) -> Value {
    let request = event.request.as_deref();
    let access_key = request.and_then(|request| request.access_key.as_deref());
    let agent = request.and_then(|request| said(request.user_agent.as_deref()));
    let source = request.and_then(|request| request.source_ip.as_deref());
    let target = request.and_then(|request| said(request.target.as_deref()));
    let target = target.map(|arn| json!([{"uid": arn, "name": name_of(arn)}]));
    json!({
        "uid": version.since(V1_5, said(event.id.as_deref())),
        "name": version.since(V1_5, said(Some(&event.name))),
        "api": api(event),
        "actor": request.map(|request| parts::actor(&request.principal, access_key)),
        "src_endpoint": parts::endpoint(source),
        "resources": version.since(V1_5, target),
        "http_request": version.since(V1_4, json!({"user_agent": agent})),
        "data": {
            "event_id": event.id,
            "event_time": event.time,
            "origin": event.origin,
            "user_agent": agent,
            "undone": event.undone.as_ref().map(|undone| undone.at),
        },
    })
}

fn api(event: &EventRef) -> Option<Value> {
    let request = event.request.as_deref();
    let service = request.and_then(|request| said(Some(&request.service)));
    let id = request.and_then(|request| said(request.id.as_deref()));
    let error = request.and_then(|request| said(request.error.as_deref()));
    Some(json!({
        "operation": said(Some(&event.name))?,
        "service": service.map(|name| json!({"name": name})),
        "request": id.map(|id| json!({"uid": id})),
        "response": error.map(|error| json!({"error": error})),
    }))
}

/// Each event by its id.
pub fn related(version: OcsfVersion, finding: &Finding) -> Value {
    let one = |event: &EventRef| {
        let id = said(event.id.as_deref())?;
        Some(json!({
            "uid": id,
            "type": "AWS CloudTrail event",
            "title": version.since(V1_4, said(Some(&event.name))),
            "first_seen_time": version.since(V1_4, json!(event.time.map(millis))),
        }))
    };
    finding.events.iter().filter_map(one).collect()
}

/// What can be looked for elsewhere: addresses, credentials, names, each once.
pub fn observables(version: OcsfVersion, finding: &Finding) -> Value {
    let mut seen = BTreeSet::new();
    let mut found: Vec<Value> = Vec::new();
    let mut add = |name: &str, (id, kind): (u8, &str), value: Option<&str>| {
        let Some(value) = said(value) else { return };
        if found.len() < OBSERVABLES && seen.insert((id, value.to_owned())) {
            found.push(json!({"name": name, "type_id": id, "type": kind, "value": value}));
        }
    };
    let ip = |source: Option<&String>| {
        address(source.map(String::as_str)).map(|address| address.to_string())
    };
    let later = version >= V1_4;
    let (uid, resource_id) =
        (if later { "resources[].uid" } else { "resources[].name" }, (10, "Resource UID"));
    add(uid, resource_id, finding.key.as_ref().map(|key| &*key.arn));
    add(uid, resource_id, finding.resource.as_ref().map(|resource| &*resource.arn));
    let arn = finding.principal.arn.as_deref();
    match later {
        true => add("evidences[].actor.user.uid", (31, "User Object: uid"), arn),
        false => add("evidences[].actor.user.name", (4, "User Name"), arn.map(name_of)),
    }
    let from = ip(finding.source_ip.as_ref());
    add("evidences[].src_endpoint.ip", (2, "IP Address"), from.as_deref());
    for request in finding.events.iter().filter_map(|event| event.request.as_deref()) {
        let from = ip(request.source_ip.as_ref());
        add("evidences[].src_endpoint.ip", (2, "IP Address"), from.as_deref());
        if version >= V1_3 {
            let credential = (19, "User Credential ID");
            add("evidences[].actor.user.credential_uid", credential, request.access_key.as_deref());
        }
        if version >= V1_2 {
            let agent = (16, "HTTP User-Agent");
            let name = match later {
                true => "evidences[].http_request.user_agent",
                false => "evidences[].data.user_agent",
            };
            add(name, agent, request.user_agent.as_deref());
        }
    }
    found.into()
}
