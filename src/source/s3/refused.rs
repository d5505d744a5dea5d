//! What a refusal of S3 means: its wording, and whether a retry could help.

use std::fmt::Write;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::address::Address;
use super::object::GONE;
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::source::entry::Entry;

/// Why a request did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// S3's word for it, or what kept the request from arriving.
    pub code: String,
    /// What happened, and what to do about it.
    pub message: String,
    /// The HTTP status of the answer, if there was one.
    pub status: Option<u16>,
    /// The Region in which S3 says the bucket is.
    pub region: Option<String>,
}

impl Refused {
    /// Makes sense of an error. `action` is the permission that the request takes.
    pub fn of<E>(error: &SdkError<E, HttpResponse>, action: &str, resource: &str) -> Refused
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let response = error.raw_response();
        let status = response.map(|response| response.status().as_u16());
        let header = |name: &str| {
            response.and_then(|response| response.headers().get(name)).map(str::to_owned)
        };
        let code = match (error.code(), error) {
            (Some(code), _) => code.to_owned(),
            (None, SdkError::TimeoutError(_)) => "Timeout".to_owned(),
            (None, SdkError::DispatchFailure(failure)) if failure.is_timeout() => {
                "Timeout".to_owned()
            }
            (None, SdkError::DispatchFailure(_)) => "Unreachable".to_owned(),
            (None, SdkError::ConstructionFailure(_)) => "Credentials".to_owned(),
            // An answer without a body, as to HEAD.
            (None, _) => match status {
                Some(403) => "AccessDenied".to_owned(),
                Some(404) => "NotFound".to_owned(),
                Some(301 | 307 | 400) if header(REGION).is_some() => "PermanentRedirect".to_owned(),
                Some(status) => format!("HTTP {status}"),
                None => "Unreachable".to_owned(),
            },
        };
        let said = error.message().unwrap_or_default().to_owned();
        let context = || describe(error);
        let message = meaning(&code, &said, action, resource, &context);
        Refused { code, message, status, region: header(REGION) }
    }

    /// Whether there was no answer at all; a retry would get none either.
    pub fn is_silence(&self) -> bool {
        matches!(self.code.as_str(), "Timeout" | "Unreachable" | "Credentials")
    }

    /// Whether it is not there.
    pub fn is_absence(&self) -> bool {
        matches!(self.code.as_str(), "NoSuchKey" | "NotFound" | "NoSuchBucket")
    }
}

/// Reports that nothing of an address can be read.
pub(super) fn unreachable(
    address: &Address,
    refused: Refused,
    entries: &std::sync::mpsc::Sender<Entry>,
) {
    let origin = Origin::blob(address.to_string());
    let problem = Problem::new(origin, Stage::S3, refused.message);
    // If the reader is gone, the problem has no place to go.
    let _ = entries.send(Entry::Problem(problem));
}

/// An error and what caused it.
pub fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// The header in which S3 names the bucket's Region, also when it refuses.
const REGION: &str = "x-amz-bucket-region";

fn meaning(
    code: &str,
    said: &str,
    action: &str,
    resource: &str,
    context: &dyn Fn() -> String,
) -> String {
    let mut text = match code {
        // S3 refuses so too what is encrypted under a key that the caller may not use.
        "AccessDenied" | "AllAccessDisabled" if said.contains("kms:") => {
            "access denied: the key under which the object is encrypted must allow kms:Decrypt, \
             and so must the caller's policies"
                .to_owned()
        }
        "AccessDenied" | "AllAccessDisabled" => match action {
            "s3:GetObject" | "s3:GetObjectVersion" => format!(
                "access denied: it takes {action} on {resource}, kms:Decrypt if the object is \
                 encrypted under a KMS key, and s3:ListBucket to tell a missing object"
            ),
            _ => format!("access denied: it takes {action} on {resource}"),
        },
        "NoSuchBucket" => "there is no such bucket".to_owned(),
        "NoSuchKey" | "NotFound" => GONE.to_owned(),
        "PreconditionFailed" => {
            "it was replaced since it was listed: expected an object that stays".to_owned()
        }
        "NoSuchVersion" => "this version of it is not there any more".to_owned(),
        "InvalidObjectState" => {
            "it is archived: expected a storage class that can be read, or a restored copy".into()
        }
        "KMS.DisabledException" | "KMS.KMSInvalidStateException" | "KMS.NotFoundException" => {
            format!("the KMS key under which it is encrypted cannot be used ({code})")
        }
        "SlowDown" | "ServiceUnavailable" | "Throttling" | "RequestLimitExceeded" => {
            format!("S3 asked to slow down ({code}) until all tries were used up")
        }
        "PermanentRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => {
            format!("the bucket is in another Region ({code}): expected its Region as --s3-region")
        }
        "ExpiredToken"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidToken"
        | "RequestTimeTooSkewed" => format!("the credentials are not accepted ({code})"),
        "Timeout" => "no answer within the time that --s3-timeout allows".to_owned(),
        "Unreachable" | "Credentials" => context(),
        code => format!("S3 answered {code}"),
    };
    if !said.is_empty() && !text.contains(said) {
        let _ = write!(text, ": {said}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_the_permission_that_is_missing() {
        let resource = "arn:aws:s3:::example-logs/a";
        let of = |code: &str, said: &str, action: &str| {
            meaning(code, said, action, resource, &|| "context".into())
        };
        let read = of("AccessDenied", "Access Denied", "s3:GetObject");
        assert!(read.contains("s3:GetObject on arn:aws:s3:::example-logs/a"), "{read}");
        assert!(read.contains("kms:Decrypt"), "{read}");
        let key = "User: x is not authorized to perform: kms:Decrypt on resource: y";
        let decrypt = of("AccessDenied", key, "s3:GetObject");
        assert!(decrypt.contains("must allow kms:Decrypt") && decrypt.contains(key), "{decrypt}");
        assert!(
            of("AccessDenied", "", "s3:ListBucket")
                .ends_with("s3:ListBucket on arn:aws:s3:::example-logs/a")
        );
        assert!(of("SlowDown", "Reduce", "s3:GetObject").contains("slow down"));
        assert!(of("InvalidObjectState", "", "s3:GetObject").contains("archived"));
        assert_eq!(of("Unreachable", "", "s3:GetObject"), "context");
        assert_eq!(of("Odd", "why", "s3:GetObject"), "S3 answered Odd: why");
    }
}
