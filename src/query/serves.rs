//! Which KMS calls serve which calls of a service.
//!
//! Source: each service's own guide, "encryption at rest", and the KMS developer guide, "Use of KMS by
//! AWS services". What must stay true: a pair that is not known from there is none.

use crate::model::occurrence::Occurrence;

/// A service, its calls, and the KMS calls that it makes for them. Lambda appends a date to its names.
const SERVES: &[(&str, &[&str], &[&str])] = &[
    ("s3", &["GetObject", "SelectObjectContent"], &["Decrypt"]),
    ("s3", &["PutObject", "CreateMultipartUpload"], &["GenerateDataKey"]),
    ("s3", &["CopyObject", "UploadPart", "UploadPartCopy"], &["Decrypt", "GenerateDataKey"]),
    ("s3", &["CompleteMultipartUpload"], &["Decrypt"]),
    ("secretsmanager", &["GetSecretValue", "BatchGetSecretValue"], &["Decrypt"]),
    (
        "secretsmanager",
        &["CreateSecret", "PutSecretValue", "UpdateSecret"],
        &["GenerateDataKey", "Decrypt"],
    ),
    ("ssm", &["GetParameter", "GetParameters", "GetParametersByPath"], &["Decrypt"]),
    ("ssm", &["GetParameterHistory"], &["Decrypt"]),
    ("ssm", &["PutParameter"], &["Encrypt", "GenerateDataKey"]),
    ("sqs", &["ReceiveMessage"], &["Decrypt"]),
    ("sqs", &["SendMessage", "SendMessageBatch"], &["GenerateDataKey", "Decrypt"]),
    ("ec2", &["CreateVolume"], &["GenerateDataKeyWithoutPlaintext", "CreateGrant"]),
    ("ec2", &["AttachVolume"], &["CreateGrant"]),
];

/// The KMS calls that a service may make for a call.
fn serving(call: &Occurrence) -> impl Iterator<Item = &'static str> {
    let service = call.source.split('.').next().unwrap_or_default();
    let of_call = move |(of, calls, _): &&(&str, &[&str], &[&str])| {
        of.eq_ignore_ascii_case(service) && calls.contains(&call.event.as_str())
    };
    SERVES.iter().filter(of_call).flat_map(|(_, _, kms)| kms.iter().copied())
}

/// Whether a service calls KMS for such a call.
pub fn may_be_served(call: &Occurrence) -> bool {
    call.principal.kind.as_deref() != Some("AWSService") && serving(call).next().is_some()
}

/// Whether a KMS call may have served a call: the operation needs it, and both ended alike.
pub fn fits(kms: &Occurrence, call: &Occurrence) -> bool {
    let alike = match (&kms.error, &call.error) {
        (None, None) => true,
        (Some(kms), Some(call)) => is_passed_on(kms, call),
        _ => false,
    };
    alike && serving(call).any(|name| name == kms.event)
}

/// Whether a service fails with `call` when KMS fails with `kms`: the same code, or one that names KMS.
fn is_passed_on(kms: &str, call: &str) -> bool {
    let bare =
        |code: &str| code.trim_start_matches("KMS.").trim_end_matches("Exception").to_owned();
    bare(kms) == bare(call) || call.to_ascii_lowercase().contains("kms")
}
