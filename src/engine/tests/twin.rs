//! The plain, slow twin: records are JSON values, uses are lists of them, and every rule is a loop.
//!
//! It shares no code with the engine but the time format, and what judges a day of reads. What must stay true: it knows nothing of
//! rows, notes, files or threads.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::level::Level;
use crate::model::time::Time;

/// What a rule says of a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    pub rule: String,
    pub level: Level,
    pub attempt: bool,
    /// Account, Region, principal, key, resource.
    pub about: [Option<String>; 5],
    pub count: u64,
    pub times: (Option<Time>, Option<Time>),
    pub events: Vec<Option<String>>,
}

/// The order of records: time, and event id.
pub type Order = (Time, Option<String>);

/// A record, read.
#[derive(Debug, Clone)]
pub struct One<'v> {
    pub value: &'v Value,
    pub name: &'v str,
    pub time: Time,
    pub id: Option<String>,
    pub attempt: bool,
    pub reported: bool,
    pub actor: &'static str,
    pub account: Option<String>,
    pub region: Option<String>,
    pub principal: Option<String>,
    pub invoked_by: Option<String>,
    pub key: Option<String>,
    pub alias: Option<String>,
    pub context: Vec<(String, String)>,
    pub resource: Option<String>,
}

/// A text behind a path.
pub fn text(value: &Value, path: &str) -> Option<String> {
    value.pointer(path)?.as_str().map(str::to_owned)
}

impl<'v> One<'v> {
    pub fn read(value: &'v Value, since: Option<Time>) -> One<'v> {
        let is = |path: &str, wanted: &str| text(value, path).as_deref() == Some(wanted);
        let time = Time::parse(value["eventTime"].as_str().unwrap()).unwrap();
        let invoked_by = text(value, "/userIdentity/invokedBy");
        let arn = text(value, "/userIdentity/arn");
        let service = is("/userIdentity/type", "AWSService");
        let infrastructure = arn.as_deref().is_some_and(|arn| arn.contains(":assumed-role/aws:"));
        let actor = match (service, &invoked_by, infrastructure) {
            (true, ..) => "service",
            (_, Some(_), _) => "via",
            (.., true) => "infrastructure",
            _ => "direct",
        };
        let issuer = text(value, "/userIdentity/sessionContext/sessionIssuer/arn");
        let listed = text(value, "/resources/0/ARN");
        let named = ["keyId", "targetKeyId", "sourceKeyId", "destinationKeyId"].iter();
        let mut named = named.filter_map(|name| text(value, &format!("/requestParameters/{name}")));
        let key = listed.or_else(|| named.find(|name| name.starts_with("arn:")));
        let alias = ["keyId", "sourceKeyId", "targetKeyId", "aliasName"].iter();
        let alias = alias.filter_map(|name| text(value, &format!("/requestParameters/{name}")));
        let mut one = One {
            value,
            name: value["eventName"].as_str().unwrap(),
            time,
            id: text(value, "/eventID"),
            attempt: value.get("errorCode").is_some(),
            reported: since.is_none_or(|since| time >= since),
            actor,
            account: text(value, "/recipientAccountId"),
            region: text(value, "/awsRegion"),
            principal: issuer.or(arn).or_else(|| invoked_by.clone()),
            invoked_by,
            alias: alias
                .into_iter()
                .find(|name| name.starts_with("alias/"))
                .filter(|_| key.is_some()),
            key,
            context: context(value),
            resource: None,
        };
        one.resource = resource(&one);
        one
    }

    pub fn is_kms(&self) -> bool {
        self.value["eventSource"] == "kms.amazonaws.com"
    }

    pub fn order(&self) -> Order {
        (self.time, self.id.clone())
    }

    /// Whether CloudTrail called for itself.
    pub fn is_delivery(&self) -> bool {
        let by_trail = self.invoked_by.as_deref() == Some("cloudtrail.amazonaws.com");
        self.actor == "service" && by_trail
    }

    fn is_use(&self) -> bool {
        let names = ["Decrypt", "Encrypt", "ReEncrypt", "Sign", "GenerateMac"];
        let crypto = names.contains(&self.name) || self.name.starts_with("GenerateDataKey");
        self.is_kms() && crypto && !self.is_delivery()
    }

    /// What makes two records the same use.
    fn used(&self) -> String {
        let both = match self.name {
            "ReEncrypt" => (
                self.value.get("resources"),
                text(self.value, "/requestParameters/sourceKeyId"),
                &self.context[..],
            ),
            _ => (None, None, &[][..]),
        };
        let trail = self.named("aws:cloudtrail:arn").and_then(|_| self.named("aws:s3:arn"));
        let beside = trail.map(|object| bucket(&object));
        let call = (&self.key, &self.account, &self.region, self.name, self.attempt, &self.alias);
        let what = (&self.resource, beside, self.context.is_empty());
        format!("{:?}", (call, what, &self.principal, &self.invoked_by, self.actor, both))
    }

    /// What the context says under a name.
    fn named(&self, name: &str) -> Option<String> {
        self.context.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    /// What the call was about, as precisely as the record says.
    pub fn subject(&self) -> Option<String> {
        self.named("aws:s3:arn").or_else(|| self.resource.clone())
    }
}

/// All pairs of all contexts, each once.
fn context(value: &Value) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for name in ["encryptionContext", "sourceEncryptionContext", "destinationEncryptionContext"] {
        let pairs = value.pointer(&format!("/requestParameters/{name}"));
        for (name, value) in pairs.and_then(Value::as_object).into_iter().flatten() {
            let pair = (name.clone(), value.as_str().unwrap().to_owned());
            if !found.contains(&pair) {
                found.push(pair);
            }
        }
    }
    found
}

fn bucket(object: &str) -> String {
    object.split('/').next().unwrap_or_default().to_owned()
}

/// What carries tags: the bucket of an object, the trail of its log file.
fn resource(one: &One<'_>) -> Option<String> {
    let whole = ["aws:cloudtrail:arn", "SecretARN", "PARAMETER_ARN", "aws:lambda:FunctionArn"];
    let whole = whole.iter().find_map(|name| one.named(name));
    let object = || one.named("aws:s3:arn").map(|object| bucket(&object));
    let volume = || {
        let caller = text(one.value, "/userIdentity/accountId").or(one.account.clone());
        let place = format!("{}:{}", one.region.as_deref()?, caller?);
        Some(format!("arn:aws:ec2:{place}:volume/{}", one.named("aws:ebs:id")?))
    };
    whole.or_else(object).or_else(volume)
}

/// All records of one use, in order.
#[derive(Debug)]
pub struct Kind<'v>(pub Vec<One<'v>>);

impl<'v> Kind<'v> {
    pub fn first(&self) -> &One<'v> {
        &self.0[0]
    }

    pub fn last(&self) -> Time {
        self.0[self.0.len() - 1].time
    }

    pub fn reported(&self) -> bool {
        self.0.iter().any(|one| one.reported)
    }
}

/// The uses, in the order of their first records.
pub fn kinds<'v>(all: &[One<'v>]) -> Vec<Kind<'v>> {
    let mut found: BTreeMap<String, Kind<'v>> = BTreeMap::new();
    for one in all.iter().filter(|one| one.is_use()) {
        found.entry(one.used()).or_insert(Kind(Vec::new())).0.push(one.clone());
    }
    let mut kinds: Vec<Kind<'v>> = found.into_values().collect();
    kinds.iter_mut().for_each(|kind| kind.0.sort_by_key(One::order));
    kinds.sort_by_key(|kind| kind.first().order());
    kinds
}

/// Findings, those of the same key taken together.
#[derive(Default)]
pub struct Found(BTreeMap<String, (Told, BTreeSet<Order>)>);

impl Found {
    /// Adds a finding, which rests on the events; `same` tells which others are the same finding.
    pub fn add(&mut self, same: String, told: Told, events: BTreeSet<Order>) {
        let same = format!("{} {} {same}", told.rule, told.attempt);
        let Some((known, shown)) = self.0.get_mut(&same) else {
            self.0.insert(same, (told, events));
            return;
        };
        if events.first() < shown.first() {
            known.about.clone_from(&told.about);
        }
        known.level = known.level.max(told.level);
        known.count += told.count;
        known.times.0 = known.times.0.min(told.times.0);
        known.times.1 = known.times.1.max(told.times.1);
        shown.extend(events);
    }

    /// All of them, with the ten smallest events of each.
    pub fn told(self) -> Vec<Told> {
        let told = self.0.into_values().map(|(mut told, events)| {
            told.events = events.into_iter().take(10).map(|(_, id)| id).collect();
            told
        });
        let mut told: Vec<Told> = told.collect();
        told.sort();
        told
    }
}
