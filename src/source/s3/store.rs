//! Reads one object, and writes it only if nobody else has written it since.

use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use super::address::Address;
use super::cloud::Cloud;
use super::refused::Refused;

/// No object is read beyond this size (1 GiB).
const MOST: usize = 1 << 30;

/// An object that runs leave to those after them.
#[derive(Debug, Clone)]
pub struct Store {
    cloud: Arc<Cloud>,
    address: Address,
}

/// What an object held, and which version of it that was; `None` if there was none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// S3's name for this version.
    pub version: String,
}

impl Store {
    /// The object at an address, whose prefix is its key.
    pub fn new(cloud: Arc<Cloud>, address: Address) -> Store {
        Store { cloud, address }
    }

    /// Reads it.
    ///
    /// # Errors
    /// As words, unless it is only not there.
    pub fn read(&self) -> Result<Option<Kept>, String> {
        let read = async {
            let client = self.cloud.client(&self.address).await?;
            let answer = client
                .get_object()
                .bucket(&self.address.bucket)
                .key(&self.address.prefix)
                .send()
                .await
                .map_err(|error| self.refused(&error, "s3:GetObject"))?;
            let version = answer.e_tag.clone().unwrap_or_default();
            let broken = |error: &dyn std::fmt::Display| Refused {
                code: "Broken".into(),
                message: format!("the transfer broke off: {error}"),
                status: None,
                region: None,
            };
            let mut body = answer.body;
            let mut bytes = Vec::new();
            while let Some(chunk) = body.next().await {
                bytes.extend_from_slice(&chunk.map_err(|error| broken(&error))?);
                if bytes.len() > MOST {
                    return Err(broken(&format!("it has more than {MOST} bytes")));
                }
            }
            Ok::<Kept, Refused>(Kept { bytes, version })
        };
        match self.cloud.wait(read) {
            Some(Ok(kept)) => Ok(Some(kept)),
            Some(Err(refused)) if refused.is_absence() && refused.code != "NoSuchBucket" => {
                Ok(None)
            }
            Some(Err(refused)) => Err(refused.message),
            None => Ok(None),
        }
    }

    /// Writes it, if it is still what was read, or still not there. What it is now.
    ///
    /// # Errors
    /// As words; when somebody else has written it, too.
    pub fn write(&self, bytes: Vec<u8>, instead: Option<&Kept>) -> Result<Kept, String> {
        let bytes = Bytes::from(bytes);
        let write = async {
            let client = self.cloud.client(&self.address).await?;
            client
                .put_object()
                .bucket(&self.address.bucket)
                .key(&self.address.prefix)
                .set_if_match(instead.map(|kept| kept.version.clone()))
                .set_if_none_match(instead.is_none().then(|| "*".to_owned()))
                .body(ByteStream::from(bytes.clone()))
                .send()
                .await
                .map_err(|error| self.refused(&error, "s3:PutObject"))
        };
        match self.cloud.wait(write) {
            Some(Err(refused)) if matches!(refused.status, Some(409 | 412)) => {
                // A try whose answer was lost may have written it, and this is the second.
                let there = self.read()?.filter(|kept| kept.bytes == bytes);
                there.ok_or_else(|| "another run has written it meanwhile".to_owned())
            }
            Some(Err(refused)) => Err(refused.message),
            Some(Ok(answer)) => {
                Ok(Kept { bytes: bytes.into(), version: answer.e_tag.unwrap_or_default() })
            }
            None => Err("requests are no longer sent".to_owned()),
        }
    }

    fn refused<E>(
        &self,
        error: &aws_sdk_s3::error::SdkError<
            E,
            aws_smithy_runtime_api::client::orchestrator::HttpResponse,
        >,
        action: &str,
    ) -> Refused
    where
        E: aws_sdk_s3::error::ProvideErrorMetadata + std::error::Error + 'static,
    {
        let resource = format!("arn:aws:s3:::{}/{}", self.address.bucket, self.address.prefix);
        Refused::of(error, action, &resource)
    }
}
