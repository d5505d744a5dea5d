//! One finding as `AwsSecurityFinding`, within the limits of its fields.
//!
//! An incident that was undone is one all the same, so no finding is archived: what became of it is
//! in the description and in `ProductFields`. What must stay true: no text has a hidden character, none
//! is blank or longer than its field, and with the smallest [`Room`] no finding exceeds its limit.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::place::Place;
use super::resources::{kind, resources};
use super::room::Room;
use crate::model::finding::Finding;
use crate::model::level::Level;
use crate::model::time::Time;
use crate::report::Run;
use crate::report::fields::{self, address, page, said, shown, tidy};
use crate::report::sentence::{headline, sentences};

const TITLE: usize = 256;
const DESCRIPTION: usize = 1_024;
const ADVICE: usize = 512;
const GENERATOR: usize = 512;
const WORD: usize = 128;
const TYPES: usize = 50;
const FIELDS: usize = 50;
const FIELD_NAME: usize = 128;

/// So many details of a finding have a field of their own.
const DETAILS: usize = 20;

/// The finding.
pub fn security_finding(run: &Run, finding: &Finding, place: &Place, room: Room) -> Value {
    let rule = fields::rule(run, &finding.rule).map(|(_, rule)| rule);
    let started = stamp(Some(run.started));
    let first = stamp(finding.first_seen);
    let last = stamp(finding.last_seen);
    let severity = json!({"Label": label(finding.level), "Original": finding.level});
    let types = types(run, finding);
    let mut description = sentences(finding);
    if let Some(text) = rule.and_then(|rule| said(rule.description.as_deref())) {
        description = format!("{description} {text}");
    }
    let advice = said(finding.told.advice.as_deref()).map(|text| shown(text, ADVICE));
    let url = page(&finding.told.references);
    tidy(json!({
        "SchemaVersion": "2018-10-08",
        "Id": format!("{}/{}/keytrail/{}", place.region, place.account, finding.fingerprint),
        "ProductArn": place.product(),
        "ProductName": env!("CARGO_PKG_NAME"),
        "GeneratorId": shown(&format!("keytrail/{}", finding.rule), GENERATOR),
        "AwsAccountId": place.account,
        "Types": types,
        "FirstObservedAt": first,
        "LastObservedAt": last,
        "CreatedAt": first.as_ref().or(started.as_ref()),
        // An import with an earlier time than the last one is ignored.
        "UpdatedAt": started,
        "Severity": severity,
        "Title": shown(&headline(finding), TITLE),
        "Description": shown(&description, DESCRIPTION),
        "Remediation": {"Recommendation": {"Text": advice, "Url": url}},
        "ProductFields": product_fields(finding, room),
        "Resources": resources(finding, place, room),
        "Action": action(finding),
        "Network": network(finding),
        "FindingProviderFields": {"Severity": severity, "Types": types},
        "RecordState": "ACTIVE",
    }))
}

/// RFC 3339 of a year with four digits.
fn stamp(time: Option<Time>) -> Option<String> {
    let text = time?.to_string();
    text.starts_with(|c: char| c.is_ascii_digit()).then_some(text)
}

fn label(level: Level) -> &'static str {
    match level {
        Level::Informational => "INFORMATIONAL",
        Level::Low => "LOW",
        Level::Medium => "MEDIUM",
        Level::High => "HIGH",
        Level::Critical => "CRITICAL",
    }
}

/// Namespace, category and classifier: a tactic and the rule.
fn types(run: &Run, finding: &Finding) -> Vec<String> {
    let classifier = shown(&finding.rule.replace('/', "-"), WORD);
    let rule = fields::rule(run, &finding.rule).map(|(_, rule)| rule);
    let tactics = rule.into_iter().flat_map(|rule| rule.tactics());
    let types = tactics.map(|tactic| format!("TTPs/{}/{classifier}", tactic.name));
    let types: Vec<String> = types.take(TYPES).collect();
    let other = "Software and Configuration Checks/AWS Security Best Practices";
    if types.is_empty() { vec![format!("{other}/{classifier}")] } else { types }
}

/// What was called, by whom, from where.
fn action(finding: &Finding) -> Option<Value> {
    let event = finding.events.first()?;
    let api = said(Some(&event.name))?;
    let request = event.request.as_deref();
    let service = request.and_then(|request| said(Some(&request.service)));
    let source = said(finding.source_ip.as_deref());
    let caller = match (address(source), source) {
        (Some(IpAddr::V4(ip)), _) => Some(("remoteIp", Some(ip.to_string()), None)),
        (Some(IpAddr::V6(_)), _) => Some(("remoteIp", None, None)),
        (None, Some(name)) if name.contains('.') => Some(("domain", None, Some(shown(name, WORD)))),
        (None, _) => None,
    };
    let (caller, ip, domain) = caller.map_or((None, None, None), |(a, b, c)| (Some(a), b, c));
    let key = finding.key.as_ref().map(|key| ("AWS::KMS::Key".to_owned(), &key.arn));
    let resource = finding.resource.as_ref();
    let resource = resource.map(|resource| (kind(resource).to_owned(), &resource.arn));
    let affected = [resource, key].into_iter().flatten();
    let affected: BTreeMap<String, String> = affected
        .filter(|(_, arn)| said(Some(arn)).is_some())
        .map(|(kind, arn)| (shown(&kind, WORD), shown(arn, 512)))
        .collect();
    Some(json!({
        "ActionType": "AWS_API_CALL",
        "AwsApiCallAction": {
            "Api": shown(api, WORD),
            "ServiceName": service.map(|name| shown(name, WORD)),
            "CallerType": caller,
            "RemoteIpDetails": {"IpAddressV4": ip},
            "DomainDetails": {"Domain": domain},
            "AffectedResources": affected,
            "FirstSeen": stamp(finding.first_seen),
            "LastSeen": stamp(finding.last_seen),
        },
    }))
}

/// An address that the action has no field for.
fn network(finding: &Finding) -> Option<Value> {
    match address(finding.source_ip.as_deref())? {
        IpAddr::V6(ip) => Some(json!({"Direction": "IN", "SourceIpV6": ip.to_string()})),
        IpAddr::V4(_) => None,
    }
}

/// What ASFF has no field for, as names and texts.
fn product_fields(finding: &Finding, room: Room) -> BTreeMap<String, String> {
    let mut all = Fields { all: BTreeMap::new(), room };
    let principal = &finding.principal;
    all.add("fingerprint", Some(&finding.fingerprint));
    all.add("version", Some(env!("CARGO_PKG_VERSION")));
    all.add("status", Some(finding.status.as_str()));
    all.add("attempt", Some(if finding.attempt { "true" } else { "false" }));
    all.add("count", Some(&finding.count.to_string()));
    all.add("rank", finding.rank.map(|rank| rank.to_string()).as_deref());
    all.add("case", finding.case.as_deref());
    all.add("attack", Some(&finding.told.attack.join(" ")));
    all.add("references", Some(&finding.told.references.join(" ")));
    all.add("principal", principal.arn.as_deref());
    all.add("principal_type", principal.kind.as_deref());
    all.add("principal_account", principal.account.as_deref());
    all.add("session", principal.session.as_deref());
    all.add("invoked_by", principal.invoked_by.as_deref());
    all.add("mfa", Some(principal.mfa.as_str()));
    all.add("source_ip", finding.source_ip.as_deref());
    all.add("user_agent", finding.user_agent.as_deref());
    all.add("key_alias", finding.key.as_ref().and_then(|key| key.alias.as_deref()));
    if let Some(effect) = &finding.effect {
        let undone = effect.undone.as_ref();
        all.add("outcome", Some(effect.fate.as_str()));
        all.add("outcome_at", undone.map(|undone| undone.at.to_string()).as_deref());
        all.add("outcome_by", undone.and_then(|undone| undone.by.as_deref()));
        all.add("outcome_due", effect.due.map(|due| due.to_string()).as_deref());
    }
    let events = finding.events.iter();
    let ids: Vec<&str> = events.clone().filter_map(|event| event.id.as_deref()).collect();
    all.add("event_ids", Some(&ids.join(" ")));
    let requests = events.clone().filter_map(|event| event.request.as_ref()?.id.as_deref());
    all.add("request_ids", Some(&requests.collect::<Vec<_>>().join(" ")));
    let origins: Vec<String> = events.map(|event| event.origin.to_string()).collect();
    all.add("origins", Some(&origins.join(" ")));
    let listed = finding.events.len();
    all.add("events_listed", (listed > 0).then(|| listed.to_string()).as_deref());
    for (name, value) in finding.details.iter().take(DETAILS) {
        let text = match value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        all.add(&format!("details/{name}"), Some(&text));
    }
    let left_out = finding.details.len().saturating_sub(DETAILS);
    all.add("details_left_out", (left_out > 0).then(|| left_out.to_string()).as_deref());
    all.all
}

/// Fields that are not blank and not too long.
struct Fields {
    all: BTreeMap<String, String>,
    room: Room,
}

impl Fields {
    fn add(&mut self, name: &str, value: Option<&str>) {
        let Some(value) = said(value) else { return };
        let name = shown(&format!("keytrail/{name}"), FIELD_NAME.min(self.room.value));
        if self.all.len() < FIELDS {
            self.all.insert(name, shown(value, self.room.value));
        }
    }
}
