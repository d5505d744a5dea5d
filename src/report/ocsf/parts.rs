//! Actors, addresses, keys and resources as OCSF objects.
//!
//! What must stay true: each object has the members without which it is none, or is not there.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::version::OcsfVersion::{self, V1_4, V1_6};
use crate::model::arn::Arn;
use crate::model::finding::Finding;
use crate::model::principal::{Mfa, Principal};
use crate::model::time::Time;
use crate::report::fields::{self, TAGS, address, name_of, said};

/// The most characters of the uid of a resource before 1.4.
const UID: usize = 64;

/// Milliseconds since 1970.
pub fn millis(time: Time) -> i64 {
    time.0.div_euclid(1_000)
}

/// An account of AWS.
pub fn account(id: &str) -> Value {
    json!({"uid": id, "type_id": 10, "type": "AWS Account"})
}

/// The partition that the key, the resource or the principal is of.
pub fn partition(finding: &Finding) -> Option<&str> {
    let key = finding.key.as_ref().map(|key| key.arn.as_str());
    let resource = finding.resource.as_ref().map(|resource| resource.arn.as_str());
    let arns = [key, resource, finding.principal.arn.as_deref()].into_iter().flatten();
    arns.filter_map(Arn::parse).map(|arn| arn.partition).next()
}

/// Who acted, with which access key.
pub fn actor(principal: &Principal, access_key: Option<&str>) -> Value {
    json!({
        "user": user(principal, access_key),
        "session": session(principal),
        "invoked_by": said(principal.invoked_by.as_deref()),
    })
}

fn user(principal: &Principal, access_key: Option<&str>) -> Option<Value> {
    let arn = said(principal.arn.as_deref());
    let owner = said(principal.account.as_deref());
    if arn.is_none() && owner.is_none() {
        return None;
    }
    let type_id = match principal.kind.as_deref() {
        Some("Root") => 2,
        Some("AWSService") => 3,
        Some("IAMUser" | "IdentityCenterUser" | "FederatedUser" | "SAMLUser") => 1,
        Some(_) => 99,
        None => 0,
    };
    Some(json!({
        "uid": arn,
        "name": arn.map(name_of),
        "type_id": type_id,
        "type": principal.kind,
        "account": owner.map(account),
        "credential_uid": said(access_key),
    }))
}

/// The session of a role, and whether it had MFA.
fn session(principal: &Principal) -> Value {
    let name = said(principal.session.as_deref());
    let is_mfa = match principal.mfa {
        Mfa::Yes => Some(true),
        Mfa::No => Some(false),
        Mfa::Unknown | Mfa::NotApplicable => None,
    };
    json!({
        "uid": name,
        "issuer": name.and(said(principal.arn.as_deref())),
        "is_mfa": is_mfa,
    })
}

/// Where a call came from: an address, or the name of the service that made it.
pub fn endpoint(source: Option<&str>) -> Value {
    match (address(source), said(source)) {
        (Some(ip), _) => json!({"ip": ip}),
        (None, Some(name)) => json!({"svc_name": name}),
        (None, None) => Value::Null,
    }
}

/// The key and the resource.
pub fn resources(version: OcsfVersion, finding: &Finding) -> Value {
    let key = finding.key.as_ref().and_then(|key| {
        let name = said(key.alias.as_deref());
        let thing = Thing { arn: said(Some(&key.arn))?, kind: "AWS::KMS::Key", name };
        Some(thing.resource(version, key.account.as_deref(), &key.tags))
    });
    let resource = finding.resource.as_ref().and_then(|resource| {
        let kind = said(resource.kind.as_deref()).unwrap_or_default();
        let thing = Thing { arn: said(Some(&resource.arn))?, kind, name: None };
        Some(thing.resource(version, None, &resource.tags))
    });
    [key, resource].into_iter().flatten().collect()
}

struct Thing<'a> {
    arn: &'a str,
    kind: &'a str,
    name: Option<&'a str>,
}

impl Thing<'_> {
    fn resource(
        &self,
        version: OcsfVersion,
        owner: Option<&str>,
        tags: &BTreeMap<String, String>,
    ) -> Value {
        let arn = Arn::parse(self.arn);
        let of_arn = arn.map(|arn| arn.account).filter(|id| !id.is_empty());
        // Before 1.4 no ARN of a key fits into the uid.
        let fits = version >= V1_4 || self.arn.chars().count() <= UID;
        let name = if fits { self.name.unwrap_or(name_of(self.arn)) } else { self.arn };
        let labels = tags.iter().take(TAGS).map(|(name, value)| format!("{name}={value}"));
        json!({
            "uid": fits.then_some(self.arn),
            "name": name,
            "type": said(Some(self.kind)),
            "region": arn.map(|arn| arn.region).filter(|region| !region.is_empty()),
            "cloud_partition": arn.map(|arn| arn.partition),
            "owner": said(owner.or(of_arn)).map(|id| json!({"account": account(id)})),
            "labels": if version < V1_4 { Some(labels.collect::<Vec<_>>()) } else { None },
            "tags": version.since(V1_4, fields::tags(tags)),
            "role_id": version.since(V1_6, json!(3)),
            "role": version.since(V1_6, json!("Affected")),
        })
    }
}
