//! Tables: the members of a CloudTrail record, the virtual fields, and event names that never
//! occur.
//!
//! Sources: CloudTrail User Guide, "CloudTrail record contents" and "CloudTrail userIdentity
//! element"; Service Authorization Reference for S3, KMS and Lambda.

use std::collections::BTreeSet;

use super::flaw::{Flaw, Severity};
use super::tree::Node;
use crate::detect::field::{VIRTUAL, is_virtual};
use crate::detect::select::close;

/// Every path in a record, without [`VIRTUAL`] fields. `.*` means that the service decides what is
/// below.
const FIELDS: &[&str] = &[
    "additionalEventData.*",
    "addendum.originalEventID",
    "addendum.originalRequestID",
    "addendum.reason",
    "addendum.updatedFields",
    "apiVersion",
    "awsRegion",
    "edgeDeviceDetails.*",
    "errorCode",
    "errorMessage",
    "eventCategory",
    "eventContext.*",
    "eventID",
    "eventName",
    "eventSource",
    "eventTime",
    "eventType",
    "eventVersion",
    "insightContext.*",
    "insightDetails.*",
    "insightErrorCode",
    "insightEventName",
    "insightEventSource",
    "insightSource",
    "insightState",
    "insightType",
    "managementEvent",
    "readOnly",
    "recipientAccountId",
    "requestID",
    "requestParameters.*",
    "resources.ARN",
    "resources.ARNPrefix",
    "resources.accountId",
    "resources.arn",
    "resources.type",
    "responseElements.*",
    "serviceEventDetails.*",
    "sessionCredentialFromConsole",
    "sharedEventID",
    "sourceIPAddress",
    "tlsDetails.cipherSuite",
    "tlsDetails.clientProvidedHostHeader",
    "tlsDetails.keyExchange",
    "tlsDetails.tlsVersion",
    "userAgent",
    "userIdentity.accessKeyId",
    "userIdentity.accountId",
    "userIdentity.arn",
    "userIdentity.credentialId",
    "userIdentity.identityProvider",
    "userIdentity.inScopeOf.credentialsIssuedTo",
    "userIdentity.inScopeOf.issuerType",
    "userIdentity.inScopeOf.sourceAccount",
    "userIdentity.inScopeOf.sourceArn",
    "userIdentity.invokedBy",
    "userIdentity.onBehalfOf.identityStoreArn",
    "userIdentity.onBehalfOf.userId",
    "userIdentity.principalId",
    "userIdentity.sessionContext.assumedRoot",
    "userIdentity.sessionContext.attributes.creationDate",
    "userIdentity.sessionContext.attributes.mfaAuthenticated",
    "userIdentity.sessionContext.ec2RoleDelivery",
    "userIdentity.sessionContext.sessionIssuer.accountId",
    "userIdentity.sessionContext.sessionIssuer.arn",
    "userIdentity.sessionContext.sessionIssuer.principalId",
    "userIdentity.sessionContext.sessionIssuer.type",
    "userIdentity.sessionContext.sessionIssuer.userName",
    "userIdentity.sessionContext.sourceIdentity",
    "userIdentity.sessionContext.webIdFederationData.attributes.*",
    "userIdentity.sessionContext.webIdFederationData.federatedProvider",
    "userIdentity.type",
    "userIdentity.userName",
    "vpcEndpointAccountId",
    "vpcEndpointId",
];

/// The values of `keytrail.actor`.
pub const ACTORS: [&str; 4] = ["direct", "infrastructure", "service", "via"];

/// `(eventSource, wrong, right)`: an event name that never occurs, because it is an IAM permission
/// or a call without its version, and the name that records have instead.
pub const NEVER_LOGGED: &[(&str, &str, &str)] = &[
    ("kms.amazonaws.com", "ReEncryptFrom", "ReEncrypt"),
    ("kms.amazonaws.com", "ReEncryptTo", "ReEncrypt"),
    ("lambda.amazonaws.com", "AddPermission", "AddPermission20150331v2"),
    ("lambda.amazonaws.com", "CreateFunction", "CreateFunction20150331"),
    ("lambda.amazonaws.com", "DeleteFunction", "DeleteFunction20150331"),
    ("lambda.amazonaws.com", "InvokeFunction", "Invoke"),
    ("lambda.amazonaws.com", "RemovePermission", "RemovePermission20150331v2"),
    ("lambda.amazonaws.com", "UpdateFunctionCode", "UpdateFunctionCode20150331v2"),
    (
        "lambda.amazonaws.com",
        "UpdateFunctionConfiguration",
        "UpdateFunctionConfiguration20150331v2",
    ),
    ("s3.amazonaws.com", "DeleteObjectVersion", "DeleteObject"),
    ("s3.amazonaws.com", "GetAccelerateConfiguration", "GetBucketAccelerateConfiguration"),
    ("s3.amazonaws.com", "GetAnalyticsConfiguration", "GetBucketAnalyticsConfiguration"),
    ("s3.amazonaws.com", "GetEncryptionConfiguration", "GetBucketEncryption"),
    ("s3.amazonaws.com", "GetInventoryConfiguration", "GetBucketInventoryConfiguration"),
    ("s3.amazonaws.com", "GetLifecycleConfiguration", "GetBucketLifecycle"),
    ("s3.amazonaws.com", "GetMetricsConfiguration", "GetBucketMetricsConfiguration"),
    ("s3.amazonaws.com", "GetObjectVersion", "GetObject"),
    ("s3.amazonaws.com", "GetReplicationConfiguration", "GetBucketReplication"),
    ("s3.amazonaws.com", "ListAllMyBuckets", "ListBuckets"),
    ("s3.amazonaws.com", "ListBucket", "ListObjects"),
    ("s3.amazonaws.com", "ListBucketMultipartUploads", "ListMultipartUploads"),
    ("s3.amazonaws.com", "ListBucketVersions", "ListObjectVersions"),
    ("s3.amazonaws.com", "ListMultipartUploadParts", "ListParts"),
    ("s3.amazonaws.com", "PutAccelerateConfiguration", "PutBucketAccelerateConfiguration"),
    ("s3.amazonaws.com", "PutAnalyticsConfiguration", "PutBucketAnalyticsConfiguration"),
    ("s3.amazonaws.com", "PutEncryptionConfiguration", "PutBucketEncryption"),
    ("s3.amazonaws.com", "PutInventoryConfiguration", "PutBucketInventoryConfiguration"),
    ("s3.amazonaws.com", "PutLifecycleConfiguration", "PutBucketLifecycle"),
    ("s3.amazonaws.com", "PutMetricsConfiguration", "PutBucketMetricsConfiguration"),
    ("s3.amazonaws.com", "PutReplicationConfiguration", "PutBucketReplication"),
];

/// The flaw of a field that no record has.
pub fn field_flaw(field: &str, node: &Node) -> Option<Flaw> {
    // Indexes of arrays do not matter here.
    let mut path = String::new();
    for (index, part) in field.split('[').enumerate() {
        path += if index == 0 { part } else { part.split_once(']').map_or("", |(_, rest)| rest) };
    }
    if is_known(&path) {
        return None;
    }
    let message = format!("CloudTrail records have no member '{field}'");
    let flaw = Flaw::new(Severity::Warning, "unknown-field", node.place, message);
    Some(flaw.hint(suggestion(&path)))
}

/// The flaw of a path that says how to go through a list, in a way that no version of Sigma knows.
pub fn list_flaw(field: &str, node: &Node) -> Option<Flaw> {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_marked = ["{}", "[]", "[*]"].iter().any(|mark| field.contains(mark));
    if !is_marked && !field.split('.').skip(1).any(is_number) {
        return None;
    }
    let name = |part: &str| part.split(['[', '{']).next().unwrap_or_default().to_owned();
    let names = field.split('.').filter(|part| !is_number(part)).map(name);
    let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    let message = format!("no record has a member '{field}'");
    let flaw = Flaw::new(Severity::Warning, "list-path", node.place, message);
    Some(flaw.hint(format!("a path goes through lists by itself: write {}", names.join("."))))
}

fn is_known(path: &str) -> bool {
    if is_virtual(path) {
        return VIRTUAL.iter().any(|(known, _)| *known == path);
    }
    FIELDS.iter().any(|known| match known.strip_suffix(".*") {
        Some(open) => {
            path == open || path.strip_prefix(open).is_some_and(|rest| rest.starts_with('.'))
        }
        // The member itself, or an object that contains it.
        None => {
            known.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        }
    })
}

fn suggestion(path: &str) -> String {
    if is_virtual(path) || path == "keytrail" {
        let own: Vec<&str> = VIRTUAL.iter().map(|(known, _)| *known).collect();
        return format!("our own fields are {}", own.join(", "));
    }
    let known: BTreeSet<&str> = FIELDS.iter().map(|known| known.trim_end_matches(".*")).collect();
    if let Some(same) = known.iter().find(|known| known.eq_ignore_ascii_case(path)) {
        return format!("use {same}: names of members are case-sensitive");
    }
    match close(path, &known).as_slice() {
        [] => "what a call was given stands below requestParameters, what it answered below \
               responseElements"
            .to_owned(),
        close => format!("did you mean {}?", close.join(", ")),
    }
}
