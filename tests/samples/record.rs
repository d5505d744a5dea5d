//! One CloudTrail record under construction: members in the order in which trails write them.
//!
//! The text is written here and not by `serde_json` as a whole, whose order of members depends on
//! a feature that any other crate may turn on.

use serde_json::{Value, json};

use crate::ids::Ids;
use crate::who::Who;

/// A record.
#[derive(Clone)]
pub struct Record {
    members: Vec<(String, Value)>,
}

/// A KMS key.
#[derive(Clone, Copy)]
pub struct Key {
    /// Key id.
    pub id: &'static str,
    /// The account that owns it.
    pub account: &'static str,
    /// Its Region.
    pub region: &'static str,
}

impl Key {
    /// The key's ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:kms:{}:{}:key/{}", self.region, self.account, self.id)
    }

    /// The key as a member of `resources`.
    pub fn resource(&self) -> Value {
        json!({"accountId": self.account, "type": "AWS::KMS::Key", "ARN": self.arn()})
    }
}

/// Whether CloudTrail calls an operation a read; KMS counts the use of a key as one.
fn reads(name: &str) -> bool {
    ["Describe", "Get", "List", "Decrypt", "Encrypt", "GenerateDataKey", "Head"]
        .iter()
        .any(|start| name.starts_with(start))
}

impl Record {
    /// A successful management call without parameters.
    pub fn new(
        ids: &mut Ids,
        who: &Who,
        at: &str,
        region: &str,
        service: &str,
        name: &str,
    ) -> Self {
        let request = if service == "s3" { ids.capitals(16) } else { ids.uuid() };
        let host = format!("{service}.amazonaws.com");
        let mut record = Record { members: Vec::new() }
            .set("eventVersion", "1.11")
            .set("userIdentity", who.identity.clone())
            .set("eventTime", at)
            .set("eventSource", host)
            .set("eventName", name)
            .set("awsRegion", region)
            .set("sourceIPAddress", who.ip.as_str())
            .set("userAgent", who.agent.as_str())
            .set("requestParameters", Value::Null)
            .set("responseElements", Value::Null)
            .set("requestID", request)
            .set("eventID", ids.uuid())
            .set("readOnly", reads(name))
            .set("eventType", "AwsApiCall")
            .set("managementEvent", true)
            .set("recipientAccountId", who.account)
            .set("eventCategory", "Management");
        if who.is_client() {
            record = record.set(
                "tlsDetails",
                json!({"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256",
                    "clientProvidedHostHeader": format!("{service}.{region}.amazonaws.com")}),
            );
        }
        if who.console {
            record = record.set("sessionCredentialFromConsole", "true");
        }
        record
    }

    /// A KMS call on a key, with the key's ARN as its one parameter.
    pub fn kms(ids: &mut Ids, who: &Who, at: &str, name: &str, key: &Key) -> Record {
        Record::new(ids, who, at, key.region, "kms", name)
            .set("requestParameters", json!({"keyId": key.arn()}))
            .set("resources", json!([key.resource()]))
    }

    /// Replaces a member, or adds it.
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Record {
        let value = value.into();
        match self.members.iter_mut().find(|(n, _)| n == name) {
            Some(member) => member.1 = value,
            None => self.members.push((name.into(), value)),
        }
        self
    }

    /// Adds a request parameter.
    pub fn param(mut self, name: &str, value: impl Into<Value>) -> Record {
        let value = value.into();
        if let Some((_, params)) = self.members.iter_mut().find(|(n, _)| n == "requestParameters") {
            params[name] = value;
        }
        self
    }

    /// The call failed.
    pub fn failed(mut self, code: &str, message: &str) -> Record {
        // CloudTrail writes them behind the agent.
        let at = self.members.iter().position(|(n, _)| n == "requestParameters").unwrap();
        self.members.insert(at, ("errorCode".into(), code.into()));
        self.members.insert(at + 1, ("errorMessage".into(), message.into()));
        self.set("responseElements", Value::Null)
    }

    /// Takes a member away.
    pub fn without(mut self, name: &str) -> Record {
        self.members.retain(|(n, _)| n != name);
        self
    }

    /// A member as text; empty when it is none.
    pub fn text(&self, name: &str) -> &str {
        self.members.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.as_str()).unwrap_or("")
    }

    /// The record as a value.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.json()).expect("a sound record")
    }

    /// The record as compact JSON.
    pub fn json(&self) -> String {
        let members: Vec<String> =
            self.members.iter().map(|(n, v)| format!("{}:{}", json!(n), compact(v))).collect();
        format!("{{{}}}", members.join(","))
    }
}

/// JSON without blanks, the members of objects in alphabetical order.
pub fn compact(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members: Vec<String> =
                members.iter().map(|(n, v)| format!("{}:{}", json!(n), compact(v))).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(compact).collect();
            format!("[{}]", items.join(","))
        }
        plain => plain.to_string(),
    }
}

/// A trail file of these records.
pub fn envelope<T: AsRef<str>>(records: &[T]) -> String {
    let records: Vec<&str> = records.iter().map(AsRef::as_ref).collect();
    format!("{{\"Records\":[{}]}}", records.join(","))
}
