//! What a bucket does with what is put into it: whole, or part by part.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use futures_util::StreamExt;
use s3s::dto::{
    AbortMultipartUploadInput, CompleteMultipartUploadInput, CreateMultipartUploadInput, ETag,
    ETagCondition, PutObjectInput, StreamingBlob, UploadPartInput,
};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::{Bucket, Held, lock};

/// An upload that is not complete.
#[derive(Default)]
pub(super) struct Upload {
    metadata: HashMap<String, String>,
    parts: HashMap<i32, Vec<u8>>,
}

fn failed() -> S3Error {
    S3Error::new(S3ErrorCode::PreconditionFailed)
}

async fn read(body: Option<StreamingBlob>) -> S3Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let Some(mut body) = body else { return Ok(bytes) };
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk.map_err(|_| failed())?);
    }
    Ok(bytes)
}

impl Bucket {
    pub(super) async fn put(&self, input: PutObjectInput) -> S3Result<ETag> {
        let bytes = read(input.body).await?;
        let held = Held::new(bytes, input.metadata.unwrap_or_default());
        self.keep(input.key, held, (input.if_match, input.if_none_match))
    }

    /// Keeps an object, under the conditions of who puts it.
    fn keep(
        &self,
        key: String,
        held: Held,
        conditions: (Option<ETagCondition>, Option<ETagCondition>),
    ) -> S3Result<ETag> {
        let mut objects = lock(&self.objects);
        let there = objects.get(&key).map(Held::etag);
        match conditions {
            (Some(ETagCondition::ETag(wanted)), _) if there.as_ref() != Some(&wanted) => {
                return Err(failed());
            }
            (_, Some(ETagCondition::Any)) if there.is_some() => return Err(failed()),
            _ => {}
        }
        let lost = self.lose.swap(0, Ordering::Relaxed) > 0;
        let tag = held.etag();
        objects.insert(key, held);
        match lost {
            true => Err(S3Error::new(S3ErrorCode::InternalError)),
            false => Ok(tag),
        }
    }

    pub(super) fn begin(&self, input: CreateMultipartUploadInput) -> String {
        let mut uploads = lock(&self.uploads);
        let id = format!("{}#{}", input.key, uploads.len());
        let metadata = input.metadata.unwrap_or_default();
        uploads.insert(id.clone(), Upload { metadata, ..Upload::default() });
        id
    }

    pub(super) async fn part(&self, input: UploadPartInput) -> S3Result<ETag> {
        let bytes = read(input.body).await?;
        let tag = Held::new(bytes.clone(), HashMap::new()).etag();
        let mut uploads = lock(&self.uploads);
        let upload = uploads.get_mut(&input.upload_id);
        let upload = upload.ok_or_else(|| S3Error::new(S3ErrorCode::NoSuchUpload))?;
        upload.parts.insert(input.part_number, bytes);
        Ok(tag)
    }

    pub(super) fn complete(&self, input: CompleteMultipartUploadInput) -> S3Result<ETag> {
        let mut uploads = lock(&self.uploads);
        let upload = uploads.get_mut(&input.upload_id);
        let upload = upload.ok_or_else(|| S3Error::new(S3ErrorCode::NoSuchUpload))?;
        let named = input.multipart_upload.and_then(|all| all.parts).unwrap_or_default();
        let part = |number: Option<i32>| upload.parts.get(&number?).cloned();
        let parts: Option<Vec<Vec<u8>>> = named.iter().map(|p| part(p.part_number)).collect();
        let parts = parts.ok_or_else(|| S3Error::new(S3ErrorCode::InvalidPart))?;
        let held = Held::new(parts.concat(), upload.metadata.clone());
        let kept = self.keep(input.key, held, (input.if_match, input.if_none_match));
        // One whose answer is lost is complete all the same.
        if !kept.as_ref().is_err_and(|error| *error.code() == S3ErrorCode::PreconditionFailed) {
            uploads.remove(&input.upload_id);
        }
        kept
    }

    pub(super) fn abort(&self, input: &AbortMultipartUploadInput) {
        lock(&self.uploads).remove(&input.upload_id);
    }
}
