//! Paths into a record, and the resources that it names there.

use crate::model::arn::Arn;
use crate::record::json::Json;
use crate::record::kms::{View, taggable};
use crate::record::shape;

use super::table::{Form, Place};

/// Everything at `path`: see [`super::table`].
pub fn all<'a>(view: &View<'a>, path: &str) -> Vec<Json<'a>> {
    let (start, rest) = path.split_once('.').unwrap_or((path, ""));
    let start = match start {
        "request" => shape::request(view.event()),
        "response" => shape::response(view.event()),
        _ => None,
    };
    let mut found: Vec<Json<'a>> = start.into_iter().collect();
    for name in rest.split('.').filter(|name| !name.is_empty()) {
        let (name, each) = match name.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (name, false),
        };
        // The very name first: S3 has `tagging`, a flag, beside `Tagging`, the tags.
        let inner = found.into_iter().filter_map(|value| {
            value.get(name).filter(|v| !v.is_null()).or_else(|| shape::at(value, &[name]))
        });
        found = match each {
            true => inner.flat_map(shape::each).collect(),
            false => inner.collect(),
        };
    }
    found
}

/// The first thing at the first of `paths` that has any.
pub fn first<'a>(view: &View<'a>, paths: &[&str]) -> Option<Json<'a>> {
    paths.iter().find_map(|path| all(view, path).into_iter().next())
}

/// The resources that a record names, at the first place that names any.
pub fn resources(view: &View<'_>, places: &[Place]) -> Vec<String> {
    for Place(path, form) in places {
        if *form == Form::Key {
            return view.key().into_iter().map(|key| key.arn).collect();
        }
        let texts = all(view, path).into_iter().filter_map(Json::scalar);
        let found: Vec<String> = texts.filter_map(|text| resource(view, &text, *form)).collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// The ARN of the resource that a record calls `text`.
pub fn resource(view: &View<'_>, text: &str, form: Form) -> Option<String> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if let Some(resource) = taggable(text) {
        return Some(resource.arn);
    }
    // S3 Control has the ARN in the path of the request.
    if text.contains("%3A") || text.contains("%3a") {
        let plain = text.replace("%3A", ":").replace("%3a", ":");
        return Some(taggable(&plain.replace("%2F", "/").replace("%2f", "/"))?.arn);
    }
    let named = |service: &str, id: &str| {
        let arn = view.completed(service, id).arn;
        Arn::parse(&arn).is_some().then_some(arn)
    };
    match form {
        Form::Arn | Form::Key => None,
        // The name of a parameter may begin with the slash that its ARN has anyway.
        Form::Named(service, prefix) => named(
            service,
            &format!(
                "{prefix}{}",
                if prefix.ends_with('/') { text.trim_start_matches('/') } else { text }
            ),
        ),
        Form::Ec2 => named("ec2", &format!("{}/{text}", kind_of_id(text)?)),
        Form::Bucket => named("s3", text).map(|arn| {
            let partition = Arn::parse(&arn).map_or("aws", |arn| arn.partition);
            format!("arn:{partition}:s3:::{text}")
        }),
        Form::QueueUrl => queue(view, text),
    }
}

/// What an EC2 id names, as its ARN has it. Source: the service authorization reference, EC2.
fn kind_of_id(id: &str) -> Option<&'static str> {
    Some(match id.rsplit_once('-')?.0 {
        "vol" => "volume",
        "snap" => "snapshot",
        "i" => "instance",
        "ami" => "image",
        "vpc" => "vpc",
        "subnet" => "subnet",
        "sg" => "security-group",
        "eni" => "network-interface",
        "nat" => "natgateway",
        "rtb" => "route-table",
        "igw" => "internet-gateway",
        "lt" => "launch-template",
        "key" => "key-pair",
        "vpce" => "vpc-endpoint",
        "eipalloc" => "elastic-ip",
        "fleet" => "fleet",
        _ => return None,
    })
}

/// `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`.
fn queue(view: &View<'_>, url: &str) -> Option<String> {
    let (host, path) = url.split_once("://")?.1.split_once('/')?;
    let (account, name) = path.split_once('/')?;
    let region = match host.strip_prefix("sqs.") {
        Some(rest) => rest.split('.').next()?.to_owned(),
        None => view.region()?,
    };
    let own = view.completed("sqs", name).arn;
    let partition = Arn::parse(&own).map_or("aws", |arn| arn.partition);
    let fits = account.bytes().all(|b| b.is_ascii_digit()) && !name.contains('/');
    fits.then(|| format!("arn:{partition}:sqs:{region}:{account}:{name}"))
}

/// The ARN of an alias that lies beside a key.
pub fn alias_arn(key: &str, alias: &str) -> Option<String> {
    let (head, _) = key.split_once(":key/")?;
    Some(format!("{head}:{alias}"))
}
