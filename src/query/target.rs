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
        all(view).iter().any(|text| self.fits(text)) || self.is_in_members(view)
    }

    /// Whether a request or an answer names it by its id or name alone.
    fn is_in_members(&self, view: &View<'_>) -> bool {
        let source = view.event().get("eventSource").and_then(Json::text).unwrap_or_default();
        let service = source.split('.').next().unwrap_or_default();
        let known: Vec<_> = MEMBERS.iter().filter(|(_, of, _)| *of == service).collect();
        if known.is_empty() {
            return false;
        }
        let mut found = false;
        for part in ["requestParameters", "responseElements"] {
            let Some(part) = view.event().get(part) else { continue };
            walk(part, DEPTH_MAX, &mut |name, text| {
                let mut kinds = known.iter().filter(|(member, _, _)| *member == name);
                found = found || kinds.any(|(_, of, kind)| self.is_named(view, (of, kind), text));
            });
        }
        found
    }

    /// Whether an id or a name of this kind, as a record of the service gives it, names it.
    fn is_named(&self, view: &View<'_>, (service, kind): (&str, &str), text: &str) -> bool {
        if Arn::parse(text).is_some() {
            return self.fits(text);
        }
        // Of a queue there is a URL, and names of parameters may begin with what ends the kind.
        let id = if service == "sqs" { text.rsplit('/').next().unwrap_or(text) } else { text };
        let whole = match id.starts_with('/') {
            true => format!("{}{id}", kind.trim_end_matches('/')),
            false => format!("{kind}{id}"),
        };
        let Some(wanted) = Arn::parse(&self.0).filter(|_| is_plain(&self.0)) else {
            let is_whole = self.is_above(&whole) || self.0 == format!("{service}:{whole}");
            let is_path = service == "ssm" && self.is_path_above(id);
            let arn = || view.completed(service, &whole).arn;
            return self.fits(id)
                || is_whole
                || is_path
                || (!is_plain(&self.0) && self.fits(&arn()));
        };
        let one_of = |wanted: &str, known: &[Option<String>]| {
            let mut known = known.iter().flatten().peekable();
            wanted.is_empty() || known.peek().is_none() || known.any(|known| known == wanted)
        };
        let is_same = is_below(&whole, wanted.resource) || without_suffix(&wanted) == Some(&*whole);
        // A record of IAM gives no path.
        let last = wanted.resource.rsplit('/').next();
        let by_path = service == "iam" && wanted.resource.starts_with(kind) && last == Some(id);
        wanted.service == service
            && (is_same || by_path)
            && one_of(wanted.region, &[view.region()])
            && one_of(wanted.account, &[view.account(), view.caller_account()])
    }

    fn fits(&self, text: &str) -> bool {
        let wanted = self.0.as_str();
        if !is_plain(wanted) {
            return wildcard(wanted, text);
        }
        let arn = Arn::parse(text);
        if let Some(secret) = arn.as_ref().and_then(without_suffix) {
            let head = text.len() - SUFFIX;
            let name = secret.strip_prefix("secret:");
            if text.get(..head) == Some(wanted)
                || self.is_above(secret)
                || name.is_some_and(|name| is_below(name, wanted))
            {
                return true;
            }
        }
        if is_below(text, wanted) {
            return true;
        }
        if Arn::parse(wanted).is_some() {
            return false;
        }
        // A name or an id stands behind the last separator, and a bucket before the first.
        let Some(arn) = arn else { return is_last(text, wanted) };
        let parameter = arn.resource.strip_prefix("parameter").filter(|_| arn.service == "ssm");
        (arn.service == "s3" && is_below(arn.resource, wanted))
            || parameter.is_some_and(|path| self.is_path_above(path))
            || self.is_above(arn.resource)
            || is_last(arn.resource, wanted)
    }

    /// Whether it is a kind and a name, and `resource` that or below it.
    fn is_above(&self, resource: &str) -> bool {
        self.0.contains(['/', ':']) && is_below(resource, &self.0)
    }

    /// Whether it is the name of a parameter, and `path` that or below it. The first slash is no part
    /// of an ARN's own.
    fn is_path_above(&self, path: &str) -> bool {
        is_below(path.trim_start_matches('/'), self.0.trim_start_matches('/'))
    }

    /// A text that stands in every record of a call about it, if there is one.
    pub fn literal(&self) -> Option<&str> {
        let wanted = self.0.as_str();
        let last = |text: &str| text.rsplit(['/', ':']).next().map(str::len);
        let len = match Arn::parse(wanted) {
            _ if !is_plain(wanted) => None,
            // The record may give a secret's name without what is random behind it.
            Some(arn) if arn.service == "secretsmanager" => None,
            Some(arn) if arn.service == "s3" => last(arn.resource),
            // The record may give no more than the id; the kind before it is made up.
            Some(arn) if arn.resource.split(['/', ':']).count() == 2 => last(arn.resource),
            Some(_) => None,
            None => last(wanted),
        };
        wanted.get(wanted.len() - len?..)
    }
}

/// Whether `text` is `outer`, or lies below it.
fn is_below(text: &str, outer: &str) -> bool {
    text.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':']))
}

/// Whether `name` is the last part of `text`, or its last parts.
fn is_last(text: &str, name: &str) -> bool {
    text.strip_suffix(name).is_some_and(|head| head.is_empty() || head.ends_with(['/', ':']))
}

/// What Secrets Manager appends to the name of a secret: a hyphen and six characters.
const SUFFIX: usize = 7;

/// The resource of a secret's ARN without what is random in it.
pub(super) fn without_suffix<'a>(arn: &Arn<'a>) -> Option<&'a str> {
    let (head, suffix) = arn.resource.split_at_checked(arn.resource.len().checked_sub(SUFFIX)?)?;
    let random = suffix.strip_prefix('-')?.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (arn.service == "secretsmanager" && random).then_some(head)
}

/// Members of requests and answers are looked for this deep.
const DEPTH_MAX: usize = 4;

/// Members that hold the id or name of a resource: the service, and what stands before it in an ARN.
const MEMBERS: &[(&str, &str, &str)] = &[
    ("volumeId", "ec2", "volume/"),
    ("snapshotId", "ec2", "snapshot/"),
    ("sourceSnapshotId", "ec2", "snapshot/"),
    ("instanceId", "ec2", "instance/"),
    ("imageId", "ec2", "image/"),
    ("roleName", "iam", "role/"),
    ("userName", "iam", "user/"),
    ("groupName", "iam", "group/"),
    ("functionName", "lambda", "function:"),
    ("dBInstanceIdentifier", "rds", "db:"),
    ("dBClusterIdentifier", "rds", "cluster:"),
    ("dBSnapshotIdentifier", "rds", "snapshot:"),
    ("sourceDBSnapshotIdentifier", "rds", "snapshot:"),
    ("targetDBSnapshotIdentifier", "rds", "snapshot:"),
    ("sourceArn", "rds", "snapshot:"),
    ("dBClusterSnapshotIdentifier", "rds", "cluster-snapshot:"),
    ("name", "ssm", "parameter/"),
    ("names", "ssm", "parameter/"),
    ("path", "ssm", "parameter/"),
    ("queueUrl", "sqs", ""),
    ("queueName", "sqs", ""),
    ("secretId", "secretsmanager", "secret:"),
    ("secretIdList", "secretsmanager", "secret:"),
    ("name", "secretsmanager", "secret:"),
    ("tableName", "dynamodb", "table/"),
    ("tableArn", "dynamodb", "table/"),
];

/// Hands on every text in a value under the name of its member.
fn walk(value: Json<'_>, depth: usize, at: &mut dyn FnMut(&str, &str)) {
    if depth == 0 {
        return;
    }
    for (name, member) in value.members() {
        let name = name.text();
        if let Some(text) = member.text() {
            at(&name, &text);
        }
        for element in member.elements() {
            match element.text() {
                Some(text) => at(&name, &text),
                None => walk(element, depth - 1, at),
            }
        }
        walk(member, depth - 1, at);
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
        // Exports of tables and snapshots go to a bucket.
        for name in ["s3Bucket", "s3BucketName"] {
            let bucket = request.get(name).and_then(Json::text);
            found.extend(bucket.map(|bucket| format!("arn:aws:s3:::{bucket}")));
        }
        if let Some(from) = request.get("x-amz-copy-source").and_then(Json::text) {
            let from = from.split('?').next().unwrap_or_default().trim_start_matches('/');
            found.push(format!("arn:aws:s3:::{from}"));
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
            ("volume/vol-1", "arn:aws:ec2:r:1:volume/vol-1"),
            ("prod/db", "arn:aws:secretsmanager:r:1:secret:prod/db-AbCdEf"),
            ("prod", "arn:aws:secretsmanager:r:1:secret:prod/db-AbCdEf"),
            ("secret:prod/db", "arn:aws:secretsmanager:r:1:secret:prod/db-AbCdEf"),
            ("/app/db", "arn:aws:ssm:r:1:parameter/app/db"),
            ("app", "arn:aws:ssm:r:1:parameter/app/db"),
            ("parameter/app", "arn:aws:ssm:r:1:parameter/app/db"),
            ("arn:aws:ssm:r:1:parameter/app", "arn:aws:ssm:r:1:parameter/app/db"),
            (
                "arn:aws:secretsmanager:r:1:secret:prod/db",
                "arn:aws:secretsmanager:r:1:secret:prod/db-AbCdEf",
            ),
        ] {
            assert!(fits(wanted, text), "{wanted} in {text}");
            let asked = AskedResource::parse(wanted).unwrap();
            assert!(asked.literal().is_none_or(|needle| text.contains(needle)), "{wanted}");
        }
        for (wanted, text) in [
            ("arn:aws:s3:::b", "arn:aws:s3:::bucket"),
            ("b", "arn:aws:s3:::bucket/k"),
            ("ol-1", "arn:aws:ec2:r:1:volume/vol-1"),
            ("arn:aws:s3:::b/k", "arn:aws:s3:::b"),
            ("/ap", "arn:aws:ssm:r:1:parameter/app/db"),
            ("parameter/ap", "arn:aws:ssm:r:1:parameter/app/db"),
            ("secret:prod/d", "arn:aws:secretsmanager:r:1:secret:prod/db-AbCdEf"),
            ("volume", "arn:aws:ec2:r:1:volume/vol-1"),
        ] {
            assert!(!fits(wanted, text), "{wanted} not in {text}");
        }
    }
}
