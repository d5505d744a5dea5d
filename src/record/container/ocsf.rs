//! An event of OCSF, class API Activity (6003), as Security Lake and others make of CloudTrail
//! records: turned back into the text of a record.
//!
//! Versions 1.0 to 1.8 differ in where some fields are; all places are looked at. What must stay
//! true: what the event does not hold is unknown in the record, unless the event says that all of
//! the record is there, by `unmapped`.
//!
//! Sources: the OCSF schema, `api_activity`, versions 1.0.0-rc.2 to 1.8.0; Security Lake user guide,
//! "OCSF source identification for AWS CloudTrail".

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value};

use super::cells;
use crate::record::json::Json;
use crate::record::unknown;

/// Members that are unknown where neither a field of its own nor `unmapped` holds them.
const LEFT_TO_UNMAPPED: [&str; 9] = [
    "additionalEventData",
    "readOnly",
    "managementEvent",
    "sharedEventID",
    "serviceEventDetails",
    "sessionCredentialFromConsole",
    "tlsDetails",
    "recipientAccountId",
    "eventCategory",
];

/// The text of the record; `None` if the event names no operation.
pub fn record(event: Json<'_>) -> Option<String> {
    let mut record = Record { event, members: Map::new(), missing: Vec::new() };
    record.text("eventName", &[&["api", "operation"]]);
    record.text("eventSource", &[&["api", "service", "name"]]);
    if !record.has("eventName") {
        return None;
    }
    record.plain_members();
    record.time();
    record.identity();
    record.outcome();
    record.nested("requestParameters", &[&["api", "request", "data"]]);
    record.nested("responseElements", &[&["api", "response", "data"]]);
    record.resources();
    record.unmapped();
    Some(unknown::with(&record.missing, record.members))
}

/// A record in the making.
struct Record<'a> {
    event: Json<'a>,
    members: Map<String, Value>,
    /// What is unknown.
    missing: Vec<&'static str>,
}

impl Record<'_> {
    fn has(&self, member: &str) -> bool {
        self.members.contains_key(member)
    }

    /// The first text at one of some paths.
    fn find(&self, paths: &[&[&str]]) -> Option<String> {
        let text = |path: &&[&str]| self.event.path(path)?.scalar().map(Cow::into_owned);
        paths.iter().filter_map(text).find(|text| !text.is_empty())
    }

    fn text(&mut self, member: &str, paths: &[&[&str]]) {
        if let Some(text) = self.find(paths) {
            self.members.insert(member.to_owned(), Value::String(text));
        }
    }

    fn plain_members(&mut self) {
        self.text("eventVersion", &[&["metadata", "product", "version"]]);
        self.text("eventID", &[&["metadata", "uid"]]);
        self.text("eventType", &[&["metadata", "event_code"]]);
        self.text("eventCategory", &[&["metadata", "product", "feature", "name"]]);
        self.text("awsRegion", &[&["cloud", "region"], &["region"]]);
        self.text(
            "recipientAccountId",
            &[&["cloud", "account", "uid"], &["cloud", "account_uid"], &["accountid"]],
        );
        self.text("apiVersion", &[&["api", "version"]]);
        self.text("requestID", &[&["api", "request", "uid"]]);
        self.text("userAgent", &[&["http_request", "user_agent"]]);
        self.text(
            "sourceIPAddress",
            &[&["src_endpoint", "ip"], &["src_endpoint", "domain"], &["src_endpoint", "name"]],
        );
        let endpoint = self.find(&[&["src_endpoint", "uid"]]);
        if let Some(endpoint) = endpoint.filter(|uid| uid.starts_with("vpce-")) {
            self.members.insert("vpcEndpointId".into(), endpoint.into());
        }
        for member in ["sourceIPAddress", "userAgent", "requestID", "eventID"] {
            if !self.has(member) {
                self.missing.push(member);
            }
        }
    }

    /// `time_dt` is text, `time` milliseconds since 1970 or text.
    fn time(&mut self) {
        let time = self.find(&[&["time_dt"], &["time"]]);
        let time = time.map(|time| match time.parse::<i64>().ok() {
            Some(number) => DateTime::from_timestamp_millis(number)
                .map_or(time, |time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => time,
        });
        if let Some(time) = time {
            self.members.insert("eventTime".into(), time.into());
        }
    }

    fn identity(&mut self) {
        let mut identity = Map::new();
        let mut set = |name: &str, text: Option<String>| {
            if let Some(text) = text {
                identity.insert(name.to_owned(), Value::String(text));
            }
        };
        set("type", self.find(&[&["actor", "user", "type"]]));
        // Which of these holds the ARN has changed with the versions.
        let ids: Vec<String> = ["uid", "uid_alt", "uuid"]
            .iter()
            .filter_map(|name| self.find(&[&["actor", "user", name]]))
            .collect();
        set("arn", ids.iter().find(|id| id.starts_with("arn:")).cloned());
        set("principalId", ids.iter().find(|id| !id.starts_with("arn:")).cloned());
        let account = [&["actor", "user", "account", "uid"][..], &["actor", "user", "account_uid"]];
        set("accountId", self.find(&account));
        set("accessKeyId", self.find(&[&["actor", "user", "credential_uid"]]));
        set("userName", self.find(&[&["actor", "user", "name"]]));
        set("invokedBy", self.find(&[&["actor", "invoked_by"], &["actor", "app_name"]]));
        set("identityProvider", self.find(&[&["actor", "idp", "name"]]));
        match self.session() {
            Some(session) => {
                identity.insert("sessionContext".into(), session);
            }
            // Where the rest of the record is, a session that is not there was not in the record.
            None if self.is_whole() => {}
            None => self.missing.push("userIdentity.sessionContext"),
        }
        match identity.is_empty() {
            true => self.missing.push("userIdentity"),
            false => {
                self.members.insert("userIdentity".into(), Value::Object(identity));
            }
        }
    }

    /// Whether the event says that it holds all of the record, by what no field of OCSF has.
    fn is_whole(&self) -> bool {
        self.event.get("unmapped").is_some_and(|unmapped| !unmapped.is_null())
    }

    fn session(&self) -> Option<Value> {
        let (mut attributes, mut context) = (Map::new(), Map::new());
        let made = self.find(&[
            &["actor", "session", "created_time_dt"],
            &["actor", "session", "created_time"],
        ]);
        if let Some(made) = made {
            let made = made
                .parse()
                .ok()
                .and_then(DateTime::from_timestamp_millis)
                .map_or(made, |time| time.to_rfc3339_opts(SecondsFormat::Secs, true));
            attributes.insert("creationDate".into(), made.into());
        }
        let mfa = self.find(&[
            &["actor", "session", "is_mfa"],
            &["actor", "session", "mfa"],
            &["is_mfa"],
        ]);
        if let Some(mfa) = mfa {
            attributes.insert("mfaAuthenticated".into(), mfa.into());
        }
        if let Some(issuer) = self.find(&[&["actor", "session", "issuer"]]) {
            let mut of = Map::new();
            if issuer.contains(":role/") {
                of.insert("type".into(), "Role".into());
            }
            of.insert("arn".into(), issuer.into());
            context.insert("sessionIssuer".into(), Value::Object(of));
        }
        if !attributes.is_empty() {
            context.insert("attributes".into(), Value::Object(attributes));
        }
        (!context.is_empty()).then_some(Value::Object(context))
    }

    /// Whether the call failed, and why.
    fn outcome(&mut self) {
        self.text("errorCode", &[&["api", "response", "error"]]);
        self.text(
            "errorMessage",
            &[&["api", "response", "message"], &["api", "response", "error_message"]],
        );
        if self.has("errorCode") {
            return;
        }
        // `status_id`: 1 is success, 2 is failure.
        match self.find(&[&["status_id"], &["status"]]).as_deref() {
            Some("2" | "Failure") => {
                let code = self.find(&[&["status_code"], &["status_detail"]]);
                let code = code.unwrap_or_else(|| "Failure".to_owned());
                self.members.insert("errorCode".into(), code.into());
            }
            Some("1" | "Success") => {}
            _ if self.event.path(&["api", "response"]).is_some_and(|found| !found.is_null()) => {}
            _ => self.missing.extend(["errorCode", "errorMessage"]),
        }
    }

    /// An object, or the text of one.
    fn nested(&mut self, member: &'static str, paths: &[&[&str]]) {
        let found = paths.iter().filter_map(|path| self.event.path(path)).find(|v| !v.is_null());
        match found {
            None => self.missing.push(member),
            Some(value) => {
                let value = nested(value.to_value());
                if !value.is_null() {
                    self.members.insert(member.to_owned(), value);
                }
            }
        }
    }

    fn resources(&mut self) {
        let Some(resources) = self.event.get("resources").filter(|list| !list.is_null()) else {
            self.missing.push("resources");
            return;
        };
        let resource = |resource: Json<'_>| {
            let text = |paths: &[&[&str]]| {
                paths.iter().filter_map(|path| resource.path(path)?.scalar()).next()
            };
            let arn = text(&[&["uid"], &["ARN"], &["arn"]]);
            let account = text(&[&["owner", "account", "uid"], &["account_uid"], &["accountId"]]);
            let kind = text(&[&["type"]]);
            let members = [("ARN", arn), ("accountId", account), ("type", kind)];
            let members = members.into_iter().filter_map(|(name, text)| {
                Some((name.to_owned(), Value::String(text?.into_owned())))
            });
            Value::Object(members.collect())
        };
        let resources: Vec<Value> = resources.elements().map(resource).collect();
        self.members.insert("resources".into(), Value::Array(resources));
    }

    /// What no field of OCSF holds: by dotted names, as nested objects, or as a list of pairs.
    fn unmapped(&mut self) {
        let unmapped = self.event.get("unmapped").filter(|unmapped| !unmapped.is_null());
        let Some(unmapped) = unmapped.map(Json::to_value).map(nested) else {
            let missing = LEFT_TO_UNMAPPED.iter().filter(|name| !self.members.contains_key(**name));
            self.missing.extend(missing);
            return;
        };
        let pairs: Vec<(String, Value)> = match unmapped {
            Value::Object(members) => members.into_iter().collect(),
            Value::Array(pairs) => pairs.into_iter().filter_map(pair).collect(),
            _ => Vec::new(),
        };
        for (name, value) in pairs {
            let value = typed(&name, nested(value));
            if !value.is_null() {
                cells::put(&mut self.members, &name, value);
            }
        }
        let members = &self.members;
        self.missing.retain(|name| !members.contains_key(*name));
    }
}

/// A value as JSON, where it is the text of an object or a list.
fn nested(value: Value) -> Value {
    match &value {
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            serde_json::from_str(text).unwrap_or(value)
        }
        Value::String(text) if text == "null" => Value::Null,
        _ => value,
    }
}

/// An element of a list of pairs.
fn pair(pair: Value) -> Option<(String, Value)> {
    let name = pair.get("key").or_else(|| pair.get("name"))?.as_str()?.to_owned();
    Some((name, pair.get("value")?.clone()))
}

/// Flags that `unmapped` holds as text.
fn typed(name: &str, value: Value) -> Value {
    let is_flag = ["readOnly", "managementEvent"].contains(&name);
    match value.as_str() {
        Some("true") if is_flag => Value::Bool(true),
        Some("false") if is_flag => Value::Bool(false),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(event: &Value) -> Value {
        for name in event.as_object().unwrap().keys() {
            assert!(crate::model::columns::is_read(name), "{name}: a table would not have it");
        }
        serde_json::from_str(&record(Json::new(&event.to_string())).unwrap()).unwrap()
    }

    fn unknown_of(record: &Value) -> Vec<&str> {
        record[unknown::MEMBER].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    #[test]
    fn fields_go_back_to_where_they_were() {
        let event = json!({
            "class_uid":6003, "time":1772359200000_i64, "status_id":1,
            "metadata":{"uid":"id","event_code":"AwsApiCall","product":{"version":"1.11","feature":{"name":"Management"}}},
            "cloud":{"region":"eu-west-1","account":{"uid":"111122223333"}},
            "api":{"operation":"Decrypt","service":{"name":"kms.amazonaws.com"},"version":"2014","request":{"uid":"r","data":"{\"keyId\":\"k\"}"},"response":{"data":"null"}},
            "actor":{"invoked_by":"s3.amazonaws.com","user":{"type":"AssumedRole","uid":"arn:aws:sts::111122223333:assumed-role/r/s","uid_alt":"AROA:s","account":{"uid":"111122223333"},"credential_uid":"ASIA"},
                "session":{"is_mfa":true,"issuer":"arn:aws:iam::111122223333:role/r","created_time":1772359200000_i64}},
            "src_endpoint":{"ip":"198.51.100.7","uid":"vpce-1"}, "http_request":{"user_agent":"aws-cli/2"},
            "resources":[{"uid":"arn:aws:kms:eu-west-1:111122223333:key/k","type":"AWS::KMS::Key","owner":{"account":{"uid":"111122223333"}}}],
            "unmapped":{"readOnly":"true","tlsDetails.tlsVersion":"TLSv1.3","additionalEventData":"{\"a\":1}"}
        });
        let read = of(&event);
        assert_eq!(
            read,
            json!({
                "eventName":"Decrypt","eventSource":"kms.amazonaws.com","eventVersion":"1.11","eventID":"id",
                "eventType":"AwsApiCall","eventCategory":"Management","awsRegion":"eu-west-1",
                "recipientAccountId":"111122223333","apiVersion":"2014","requestID":"r",
                "userAgent":"aws-cli/2","sourceIPAddress":"198.51.100.7","vpcEndpointId":"vpce-1",
                "eventTime":"2026-03-01T10:00:00Z",
                "userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/r/s","principalId":"AROA:s","accountId":"111122223333","accessKeyId":"ASIA","invokedBy":"s3.amazonaws.com",
                    "sessionContext":{"attributes":{"creationDate":"2026-03-01T10:00:00Z","mfaAuthenticated":"true"},"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::111122223333:role/r"}}},
                "requestParameters":{"keyId":"k"},
                "resources":[{"ARN":"arn:aws:kms:eu-west-1:111122223333:key/k","accountId":"111122223333","type":"AWS::KMS::Key"}],
                "readOnly":true,"tlsDetails":{"tlsVersion":"TLSv1.3"},"additionalEventData":{"a":1}
            })
        );
        assert_eq!(unknown_of(&read), Vec::<&str>::new());
    }

    #[test]
    fn what_the_event_does_not_hold_is_unknown() {
        let read = of(
            &json!({"class_uid":6003,"api":{"operation":"Decrypt","service":{"name":"kms.amazonaws.com"}}}),
        );
        for name in ["requestParameters", "errorCode", "readOnly", "userIdentity", "resources"] {
            assert!(unknown_of(&read).contains(&name), "{name}");
        }
        assert_eq!(record(Json::new("{\"class_uid\":6003}")), None);
    }

    #[test]
    fn a_failure_is_one_whatever_names_it() {
        let of = |event: Value| of(&event)["errorCode"].clone();
        let api = json!({"operation":"x","response":{"error":"AccessDenied"}});
        assert_eq!(of(json!({"api":api})), "AccessDenied");
        assert_eq!(of(json!({"api":{"operation":"x"},"status_id":2})), "Failure");
        assert_eq!(of(json!({"api":{"operation":"x"},"status":"Success"})), Value::Null);
    }

    #[test]
    fn earlier_versions_are_read() {
        let read = of(&json!({
            "api":{"operation":"x"},"cloud":{"account_uid":"111122223333"},
            "actor":{"user":{"uuid":"arn:aws:iam::111122223333:user/a","uid":"AIDA","account_uid":"111122223333"},"session":{"mfa":false}},
            "unmapped":[{"key":"recipientAccountId","value":"444455556666"},{"name":"readOnly","value":"false"}]
        }));
        assert_eq!(read["userIdentity"]["arn"], "arn:aws:iam::111122223333:user/a");
        assert_eq!(read["userIdentity"]["principalId"], "AIDA");
        assert_eq!(
            (&read["recipientAccountId"], &read["readOnly"]),
            (&json!("111122223333"), &json!(false))
        );
    }
}
