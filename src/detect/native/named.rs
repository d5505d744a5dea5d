//! What a record names that an organisation may have named in its configuration: services, buckets, and
//! what watches KMS.
//!
//! What must stay true: it is looked for where the rules look that ask for these settings, so that a
//! name that was met is one that a rule can meet.

use super::shared::request_fields::{bucket_of, s3_arn, service_label};
use super::trail::kms_monitor_removed_history::removed;
use crate::record::json::Json;
use crate::record::kms::View;

/// The prefix of the aliases of keys that AWS manages; the service follows.
const AWS_ALIAS: &str = "alias/aws/";

/// The services that a record is of: whose call it is, who made it, and whose key it names.
pub fn services(view: &View<'_>, mut each: impl FnMut(&str)) {
    let source = view.event().get("eventSource").and_then(Json::as_str);
    let hosts = [source.as_deref(), view.invoked_by()];
    hosts.into_iter().flatten().for_each(|host| each(service_label(host)));
    for alias in view.keys().iter().filter_map(|key| key.alias.as_deref()) {
        let name = alias.rsplit_once(AWS_ALIAS).map(|(_, name)| name);
        // The alias of this service does not have the name of the service.
        name.into_iter().for_each(|name| each(if name == "ebs" { "ec2" } else { name }));
    }
}

/// The buckets that a record names: in the encryption context, or in a request to S3.
pub fn buckets(view: &View<'_>, mut each: impl FnMut(&str)) {
    if let Some(object) = s3_arn(view.event()) {
        bucket_of(&object).into_iter().for_each(&mut each);
    }
    let name = view.event().text_at(&["requestParameters", "bucketName"]);
    name.iter().for_each(|name| each(name));
}

/// The names of alarms, event rules, metric filters and Config rules that a call removes or switches off.
pub fn monitors(view: &View<'_>, mut each: impl FnMut(&str)) {
    removed(view.event(), view).iter().for_each(|name| each(name));
}
