//! `--resource`, and what a record says its call was about.
//!
//! What must stay true: a resource that was asked for is found in all that lies below it, the objects
//! of a bucket above all, and never in one whose name only begins likewise.

use std::borrow::Cow;

use crate::model::arn::Arn;
use crate::model::pattern::{is_plain, wildcard};
use crate::record::json::Json;
use crate::record::kms::View;

/// A resource as it was asked for: an ARN, the last part of one, or a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedResource(String);

impl AskedResource {
    /// Reads a resource.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn parse(text: &str) -> Result<AskedResource, String> {
        let text = text.trim_end_matches('/');
        match text.is_empty() {
            true => Err("expected an ARN, or the name of a resource".into()),
            false => Ok(AskedResource(text.to_owned())),
        }
    }

    /// Whether a call was about it, or about what lies below it.
    pub fn is_in(&self, view: &View<'_>) -> bool {
        all(view).iter().any(|text| self.fits(text))
    }

    fn fits(&self, text: &str) -> bool {
        let wanted = self.0.as_str();
        if !is_plain(wanted) {
            return wildcard(wanted, text);
        }
        if let Some(rest) = text.strip_prefix(wanted) {
            return rest.is_empty() || rest.starts_with(['/', ':']);
        }
        if Arn::parse(wanted).is_some() {
            return false;
        }
        // A name or an id stands behind the last separator, and a bucket before the first.
        let below = |rest: &str| rest.is_empty() || rest.starts_with(['/', ':']);
        let (name, first) = match Arn::parse(text) {
            Some(arn) => (arn.resource, arn.service == "s3"),
            None => (text, true),
        };
        (first && name.strip_prefix(wanted).is_some_and(below))
            || name.strip_suffix(wanted).is_some_and(|head| head.ends_with(['/', ':']))
    }

    /// A text that stands in every record of a call about it, if there is one.
    pub fn literal(&self) -> Option<&str> {
        let wanted = self.0.as_str();
        let last = |text: &str| text.rsplit(['/', ':']).next().map(str::len);
        let len = match Arn::parse(wanted) {
            _ if !is_plain(wanted) => None,
            Some(arn) if arn.service == "s3" => last(arn.resource),
            // The record may give no more than the id; the kind before it is made up.
            Some(arn) if arn.resource.split(['/', ':']).count() == 2 => last(arn.resource),
            Some(_) => None,
            None => last(wanted),
        };
        wanted.get(wanted.len() - len?..)
    }
}

/// Members of a request that name what a call of another service was about.
const NAMED: [&str; 12] = [
    "bucketName",
    "userName",
    "roleName",
    "groupName",
    "policyArn",
    "functionName",
    "tableName",
    "trailName",
    "instanceId",
    "volumeId",
    "snapshotId",
    "dBInstanceIdentifier",
];

/// What a call was about beside keys, as precisely as its record says.
pub fn about(view: &View<'_>) -> Vec<String> {
    let mut found = view.subjects();
    if found.is_empty()
        && let Some(request) = view.event().get("requestParameters")
    {
        let named = |name: &&str| Some(request.get(name)?.text()?.into_owned());
        found.extend(NAMED.iter().find_map(named));
    }
    found
}

/// Everything that a record names as a resource.
fn all(view: &View<'_>) -> Vec<String> {
    let mut found = about(view);
    found.extend(view.known_resource().map(|resource| resource.arn.clone()));
    for entry in view.event().get("resources").into_iter().flat_map(Json::elements) {
        let arn = entry.get_any_case("arn").or_else(|| entry.get_any_case("arnPrefix"));
        found.extend(arn.and_then(Json::text).map(Cow::into_owned));
    }
    found.extend(view.context().iter().map(|(_, value)| value.clone().into_owned()));
    if let Some(request) = view.event().get("requestParameters") {
        let bucket = request.get("bucketName").and_then(Json::text);
        let key = request.get("key").and_then(Json::text);
        if let Some(bucket) = bucket {
            let key = key.map(|key| format!("/{key}")).unwrap_or_default();
            found.push(format!("arn:aws:s3:::{bucket}{key}"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_is_below_and_not_beside() {
        let fits = |wanted: &str, text: &str| AskedResource::parse(wanted).unwrap().fits(text);
        for (wanted, text) in [
            ("arn:aws:s3:::b", "arn:aws:s3:::b"),
            ("arn:aws:s3:::b/", "arn:aws:s3:::b/k/x"),
            ("arn:aws:s3:::b/k", "arn:aws:s3:::b/k/x"),
            ("b", "arn:aws:s3:::b/k/x"),
            ("vol-1", "arn:aws:ec2:r:1:volume/vol-1"),
            ("f", "arn:aws:lambda:r:1:function:f"),
            ("arn:aws:lambda:r:1:function:f", "arn:aws:lambda:r:1:function:f:7"),
            ("arn:aws:s3:::b*", "arn:aws:s3:::bucket/k"),
            ("name", "name"),
        ] {
            assert!(fits(wanted, text), "{wanted} in {text}");
        }
        for (wanted, text) in [
            ("arn:aws:s3:::b", "arn:aws:s3:::bucket"),
            ("b", "arn:aws:s3:::bucket/k"),
            ("ol-1", "arn:aws:ec2:r:1:volume/vol-1"),
            ("arn:aws:s3:::b/k", "arn:aws:s3:::b"),
        ] {
            assert!(!fits(wanted, text), "{wanted} not in {text}");
        }
    }
}
