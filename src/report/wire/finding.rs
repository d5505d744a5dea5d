//! The part of the JSON form that is about one finding.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::case::Outcome;
use crate::model::finding::{self, EventRef, Status};
use crate::model::level::Level;
use crate::model::origin::Origin;
use crate::model::principal::{self, Mfa};
use crate::model::request::Request;
use crate::model::time::Time;
use crate::report::ndjson::LineBody;

/// One finding: a member of `findings`, and a line of NDJSON.
#[derive(Serialize, JsonSchema)]
pub struct Finding<'a> {
    /// Names the finding in all reports, wherever its files lie.
    fingerprint: &'a str,
    /// The id of its rule.
    rule: &'a str,
    /// What was found, in a few words.
    title: &'a str,
    /// How much it matters: the highest level of its events.
    level: Level,
    /// Its place among all findings, from 1: what to look at first. Only where findings are ranked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    rank: Option<u64>,
    /// Whether what it tells of failed or was refused.
    attempt: bool,
    /// How many events it stands for.
    count: u64,
    /// The time of its first event.
    first_seen: Option<Time>,
    /// The time of its last event.
    last_seen: Option<Time>,
    /// Whether an earlier run has reported it.
    status: Status,
    /// The account whose trail has its events: `recipientAccountId`.
    account: Option<&'a str>,
    /// The Region of its events: `awsRegion`.
    region: Option<&'a str>,
    /// Who acted.
    principal: Principal<'a>,
    /// From where, in its first event: an address, or the name of a service.
    source_ip: Option<&'a str>,
    /// With which program, in its first event.
    user_agent: Option<&'a str>,
    /// The key that it is about.
    key: Option<Key<'a>>,
    /// The resource that it is about.
    resource: Option<Resource<'a>>,
    /// The first events, by time and id.
    events: Vec<Event<'a>>,
    /// What its rule saw; the members depend on the rule.
    details: &'a BTreeMap<String, Value>,
    /// The techniques of MITRE ATT&CK, such as T1485.
    attack: &'a [String],
    /// Links to more about it.
    references: &'a [String],
    /// What to do.
    advice: Option<&'a str>,
    /// The id of the case that it belongs to.
    case: Option<&'a str>,
    /// What became of what was done, if it can be undone.
    outcome: Option<Outcome<'a>>,
    /// The service that was called in its first event.
    event_source: Option<&'a str>,
    /// The access key of its first event.
    access_key_id: Option<&'a str>,
}

/// Who acted, in every document.
#[derive(Serialize, JsonSchema)]
pub struct Principal<'a> {
    /// `userIdentity.type`
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    /// The role of a role session, else the ARN of the caller, else what names it.
    arn: Option<&'a str>,
    /// The account of the caller.
    account: Option<&'a str>,
    /// The session name of a role session.
    session: Option<&'a str>,
    /// The service that called on behalf of the caller, or for itself.
    invoked_by: Option<&'a str>,
    /// Whether the session had MFA.
    mfa: Mfa,
}

/// The key that a finding is about.
#[derive(Serialize, JsonSchema)]
struct Key<'a> {
    /// Its ARN.
    arn: &'a str,
    /// The account that owns it.
    account: Option<&'a str>,
    /// The alias by which the call named it.
    alias: Option<&'a str>,
    /// Its tags as of the event; empty if none are known.
    tags: &'a BTreeMap<String, String>,
}

/// The resource that a finding is about.
#[derive(Serialize, JsonSchema)]
struct Resource<'a> {
    /// Its ARN, or its id as the record has it.
    arn: &'a str,
    /// Its type, such as `AWS::S3::Bucket`.
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    /// Its tags as of the event; empty if none are known.
    tags: &'a BTreeMap<String, String>,
}

/// One event behind a finding.
#[derive(Serialize, JsonSchema)]
struct Event<'a> {
    /// `eventID`
    id: Option<&'a str>,
    /// `eventTime`
    time: Option<Time>,
    /// `eventName`
    name: &'a str,
    /// Where the record lies: FILE#INDEX, with the index from 0. `keytrail record` prints it.
    origin: &'a Origin,
    /// `requestID`, if the record by itself made the finding; `null` of what rules over many records tell of.
    request_id: Option<&'a str>,
    /// `eventSource`
    event_source: Option<&'a str>,
    /// The ARN of whoever called.
    principal: Option<&'a str>,
    /// The session name of a role session.
    session: Option<&'a str>,
    /// `userIdentity.accessKeyId`
    access_key_id: Option<&'a str>,
    /// `sourceIPAddress`: an address, or the name of a service.
    source_ip: Option<&'a str>,
    /// `userAgent`
    user_agent: Option<&'a str>,
    /// `errorCode`, if the call failed or was refused.
    error: Option<&'a str>,
    /// When a later call undid what it did.
    undone: Option<Time>,
}

impl LineBody for Finding<'_> {
    const SCHEMA: &'static str = "keytrail.finding/v1";
}

impl<'a> From<&'a finding::Finding> for Finding<'a> {
    fn from(finding: &'a finding::Finding) -> Self {
        let first = finding.events.first();
        Finding {
            fingerprint: &finding.fingerprint,
            rule: &finding.rule,
            title: &finding.told.title,
            level: finding.level,
            rank: finding.rank,
            attempt: finding.attempt,
            count: finding.count,
            first_seen: finding.first_seen,
            last_seen: finding.last_seen,
            status: finding.status,
            account: finding.account.as_deref(),
            region: finding.region.as_deref(),
            principal: Principal::from(&finding.principal),
            source_ip: finding.source_ip.as_deref(),
            user_agent: finding.user_agent.as_deref(),
            key: finding.key.as_ref().map(Key::from),
            resource: finding.resource.as_ref().map(Resource::from),
            events: finding.events.iter().map(Event::from).collect(),
            details: &finding.details,
            attack: &finding.told.attack,
            references: &finding.told.references,
            advice: finding.told.advice.as_deref(),
            case: finding.case.as_deref(),
            outcome: finding.effect.as_ref().map(Outcome::from),
            event_source: first.and_then(|event| asked(event, |request| Some(&request.service))),
            access_key_id: first
                .and_then(|event| asked(event, |request| request.access_key.as_ref())),
        }
    }
}

impl<'a> From<&'a principal::Principal> for Principal<'a> {
    fn from(principal: &'a principal::Principal) -> Self {
        Principal {
            kind: principal.kind.as_deref(),
            arn: principal.arn.as_deref(),
            account: principal.account.as_deref(),
            session: principal.session.as_deref(),
            invoked_by: principal.invoked_by.as_deref(),
            mfa: principal.mfa,
        }
    }
}

impl<'a> From<&'a finding::Key> for Key<'a> {
    fn from(key: &'a finding::Key) -> Self {
        Key {
            arn: &key.arn,
            account: key.account.as_deref(),
            alias: key.alias.as_deref(),
            tags: &key.tags,
        }
    }
}

impl<'a> From<&'a finding::Resource> for Resource<'a> {
    fn from(resource: &'a finding::Resource) -> Self {
        Resource { arn: &resource.arn, kind: resource.kind.as_deref(), tags: &resource.tags }
    }
}

impl<'a> From<&'a EventRef> for Event<'a> {
    fn from(event: &'a EventRef) -> Self {
        let by = |of| asked(event, of);
        Event {
            id: event.id.as_deref(),
            time: event.time,
            name: &event.name,
            origin: &event.origin,
            request_id: by(|request| request.id.as_ref()),
            event_source: by(|request| Some(&request.service)),
            principal: by(|request| request.principal.arn.as_ref()),
            session: by(|request| request.principal.session.as_ref()),
            access_key_id: by(|request| request.access_key.as_ref()),
            source_ip: by(|request| request.source_ip.as_ref()),
            user_agent: by(|request| request.user_agent.as_ref()),
            error: by(|request| request.error.as_ref()),
            undone: event.undone.as_ref().map(|undone| undone.at),
        }
    }
}

/// A text of the request behind an event, if there is one.
fn asked(event: &EventRef, of: fn(&Request) -> Option<&String>) -> Option<&str> {
    of(event.request.as_deref()?).map(String::as_str).filter(|text| !text.is_empty())
}
