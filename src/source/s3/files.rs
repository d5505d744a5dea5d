//! Whole files below a prefix: put there once, fetched, and named.
//!
//! Many machines put files under one prefix, so a file is put only if none of that name is there. A try
//! whose answer was lost may have put it all the same: each file carries a mark of its own, by which
//! whoever put it knows it again. What must stay true: memory is bounded by one part, whatever the size
//! of a file; no name leads to half a file.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, RequestPayer};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::address::Address;
use super::cloud::Cloud;
use super::fetch::goes_on;
use super::page::{Ask, Page};
use super::refused::{Refused, describe};

/// Files up to this size are put whole, larger ones in parts of at least this size (16 MiB).
const PART: u64 = 16 << 20;
/// A file has at most so many parts. Source: Amazon S3 user guide, "Multipart upload limits".
const PARTS_MAX: u64 = 10_000;
/// How often what may succeed later is tried again.
const TRIES: u32 = 5;
/// The pause before the first of these; it doubles.
const PAUSE: Duration = Duration::from_millis(100);
/// Names that are listed at most.
const NAMES_MAX: usize = 4 << 20;
/// Pages without any name that are followed in a row.
const EMPTY_PAGES: u32 = 100;
/// The metadata that tells who has put a file.
const MARK: &str = "keytrail-put";

/// Files below a prefix.
#[derive(Debug, Clone)]
pub struct Files {
    cloud: Arc<Cloud>,
    /// Its prefix is empty or ends with a slash.
    root: Address,
}

/// What is put: its key, its size, and its mark.
struct Parcel<'p> {
    key: &'p str,
    size: u64,
    mark: &'p str,
}

impl Files {
    /// Those below an address.
    pub fn new(cloud: Arc<Cloud>, mut root: Address) -> Files {
        if !root.prefix.is_empty() && !root.prefix.ends_with('/') {
            root.prefix.push('/');
        }
        Files { cloud, root }
    }

    /// The name of a file for people: `s3://BUCKET/PREFIX/NAME`.
    pub fn full(&self, name: &str) -> String {
        self.root.of(&self.key(name))
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.root.prefix)
    }

    /// Puts a file there, if none of that name is; says whether it did.
    ///
    /// # Errors
    /// As words.
    pub fn put(&self, name: &str, file: &mut File) -> Result<bool, String> {
        let key = self.key(name);
        let size = file.metadata().map_err(|error| unreadable(&error).message)?.len();
        let mark = mark()?;
        let parcel = Parcel { key: &key, size, mark: &mark };
        let put = self.cloud.wait(async {
            let client = self.cloud.client(&self.root).await?;
            let mut pause = PAUSE;
            for left in (0..TRIES).rev() {
                file.rewind().map_err(|error| unreadable(&error))?;
                let put = match size <= PART {
                    true => self.put_whole(&client, &parcel, file).await,
                    false => self.put_parts(&client, &parcel, file).await,
                };
                match put {
                    Ok(()) => return Ok(true),
                    // Somebody else is about to put or delete one.
                    Err(refused) if refused.status == Some(409) && left > 0 => {}
                    Err(refused) if is_taken(&refused) => {
                        return Ok(self.is_marked(&client, &parcel).await);
                    }
                    Err(refused) => return Err(refused),
                }
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            Ok(false)
        });
        put.unwrap_or_else(|| Err(gone())).map_err(|refused| refused.message)
    }

    async fn put_whole(
        &self,
        client: &Client,
        parcel: &Parcel<'_>,
        file: &mut File,
    ) -> Result<(), Refused> {
        let bytes = piece(file, parcel.size)?;
        client
            .put_object()
            .bucket(&self.root.bucket)
            .key(parcel.key)
            .metadata(MARK, parcel.mark)
            .if_none_match("*")
            .set_request_payer(self.payer())
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map(drop)
            .map_err(|error| self.refused(&error, "s3:PutObject", parcel.key))
    }

    /// Puts a large file part by part. The condition is that of the last step, which shows the file.
    async fn put_parts(
        &self,
        client: &Client,
        parcel: &Parcel<'_>,
        file: &mut File,
    ) -> Result<(), Refused> {
        let upload = client
            .create_multipart_upload()
            .bucket(&self.root.bucket)
            .key(parcel.key)
            .metadata(MARK, parcel.mark)
            .set_request_payer(self.payer())
            .send()
            .await
            .map_err(|error| self.refused(&error, "s3:PutObject", parcel.key))?;
        let id = upload.upload_id.unwrap_or_default();
        let put = self.put_each_part(client, parcel, &id, file).await;
        if put.is_err() {
            // Parts that nobody wants cost as long as they lie there. It may be that nobody answers.
            let abort = client.abort_multipart_upload().bucket(&self.root.bucket);
            let _ = abort.key(parcel.key).upload_id(&id).send().await;
        }
        put
    }

    async fn put_each_part(
        &self,
        client: &Client,
        parcel: &Parcel<'_>,
        id: &str,
        file: &mut File,
    ) -> Result<(), Refused> {
        let size = PART.max(parcel.size.div_ceil(PARTS_MAX));
        let (mut left, mut parts) = (parcel.size, Vec::new());
        for number in 1.. {
            if left == 0 {
                break;
            }
            let bytes = piece(file, size.min(left))?;
            left -= size.min(left);
            let answer = client
                .upload_part()
                .bucket(&self.root.bucket)
                .key(parcel.key)
                .upload_id(id)
                .part_number(number)
                .set_request_payer(self.payer())
                .body(ByteStream::from(bytes))
                .send()
                .await
                .map_err(|error| self.refused(&error, "s3:PutObject", parcel.key))?;
            let part = CompletedPart::builder().part_number(number);
            let part = part
                .set_e_tag(answer.e_tag)
                .set_checksum_crc32(answer.checksum_crc32)
                .set_checksum_crc32_c(answer.checksum_crc32_c)
                .set_checksum_crc64_nvme(answer.checksum_crc64_nvme);
            parts.push(part.build());
        }
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        client
            .complete_multipart_upload()
            .bucket(&self.root.bucket)
            .key(parcel.key)
            .upload_id(id)
            .if_none_match("*")
            .multipart_upload(parts)
            .set_request_payer(self.payer())
            .send()
            .await
            .map(drop)
            .map_err(|error| self.refused(&error, "s3:PutObject", parcel.key))
    }

    /// Whether the file that is there is the one that was put by an earlier try. Where that may not be
    /// asked it is taken for another's.
    async fn is_marked(&self, client: &Client, parcel: &Parcel<'_>) -> bool {
        let head = client.head_object().bucket(&self.root.bucket).key(parcel.key);
        let answer = head.set_request_payer(self.payer()).send().await;
        answer.is_ok_and(|answer| {
            answer.metadata().and_then(|all| all.get(MARK)).is_some_and(|mark| mark == parcel.mark)
        })
    }

    /// Whether a file is there.
    ///
    /// # Errors
    /// As words.
    pub fn has(&self, name: &str) -> Result<bool, String> {
        let key = self.key(name);
        let has = self.cloud.wait(async {
            let client = self.cloud.client(&self.root).await?;
            let head = client.head_object().bucket(&self.root.bucket).key(&key);
            let answer = head.set_request_payer(self.payer()).send().await;
            answer.map(drop).map_err(|error| self.refused(&error, "s3:GetObject", &key))
        });
        Ok(there(has.unwrap_or_else(|| Err(gone())))?.is_some())
    }

    /// A file's bytes, in a temporary file; `None` if it is not there.
    ///
    /// # Errors
    /// As words.
    pub fn fetch(&self, name: &str) -> Result<Option<File>, String> {
        let key = self.key(name);
        let fetched = self.cloud.wait(async {
            let client = self.cloud.client(&self.root).await?;
            let answer = self.get(&client, &key, 0, None).await?;
            let mut file = tempfile::tempfile().map_err(|error| unwritable(&error))?;
            self.receive(&client, &key, answer, &mut file).await?;
            file.rewind().map_err(|error| unwritable(&error))?;
            Ok(file)
        });
        there(fetched.unwrap_or_else(|| Err(gone())))
    }

    /// Writes an answer to a file, and asks for the rest again where the transfer breaks off.
    async fn receive(
        &self,
        client: &Client,
        key: &str,
        mut answer: GetObjectOutput,
        file: &mut File,
    ) -> Result<(), Refused> {
        let version = answer.e_tag.clone();
        let size = answer.content_length.and_then(|size| u64::try_from(size).ok());
        let (mut received, mut left, mut pause) = (0, TRIES, PAUSE);
        loop {
            let fault = match answer.body.next().await {
                Some(Ok(chunk)) => {
                    file.write_all(&chunk).map_err(|error| unwritable(&error))?;
                    received += chunk.len() as u64;
                    (left, pause) = (TRIES, PAUSE);
                    continue;
                }
                None if size.is_none_or(|size| size == received) => return Ok(()),
                None => "it ended before the object did".to_owned(),
                Some(Err(error)) => describe(&error),
            };
            if left == 0 {
                return Err(broken(format!(
                    "the transfer broke off after {received} bytes: {fault}"
                )));
            }
            left -= 1;
            tokio::time::sleep(pause).await;
            pause *= 2;
            answer = self.get(client, key, received, version.as_deref()).await?;
            if !goes_on(&answer, received) {
                return Err(broken("the answer does not go on from where it broke off".into()));
            }
        }
    }

    async fn get(
        &self,
        client: &Client,
        key: &str,
        from: u64,
        version: Option<&str>,
    ) -> Result<GetObjectOutput, Refused> {
        client
            .get_object()
            .bucket(&self.root.bucket)
            .key(key)
            .set_range((from > 0).then(|| format!("bytes={from}-")))
            .set_if_match(version.map(str::to_owned))
            .set_request_payer(self.payer())
            .send()
            .await
            .map_err(|error| self.refused(&error, "s3:GetObject", key))
    }

    /// The names of all files whose names begin with `below`.
    ///
    /// # Errors
    /// As words; more than 4,194,304 names.
    pub fn names(&self, below: &str) -> Result<Vec<String>, String> {
        let prefix = self.key(below);
        let listed = self.cloud.wait(async {
            let client = self.cloud.client(&self.root).await?;
            self.list(&client, &prefix).await
        });
        listed.unwrap_or_else(|| Err(gone())).map_err(|refused| refused.message)
    }

    async fn list(&self, client: &Client, prefix: &str) -> Result<Vec<String>, Refused> {
        let (mut names, mut token, mut last, mut empty) = (Vec::new(), None, None, 0);
        loop {
            let ask = Ask {
                client,
                address: &self.root,
                prefix,
                by_folder: false,
                after: None,
                token,
                requester_pays: self.cloud.access.requester_pays,
            };
            let page = ask.page().await?;
            let newest = page.newest();
            let Page { objects, is_truncated, token: next, .. } = page;
            let keys = objects.into_iter().map(|object| object.key);
            names.extend(
                keys.filter_map(|key| key.strip_prefix(&self.root.prefix).map(str::to_owned)),
            );
            if !is_truncated {
                return Ok(names);
            }
            empty = if newest.is_none() { empty + 1 } else { 0 };
            let leads_nowhere = if empty > 0 { empty > EMPTY_PAGES } else { newest <= last };
            if next.is_none() || leads_nowhere || names.len() > NAMES_MAX {
                return Err(broken(match names.len() > NAMES_MAX {
                    true => format!("it holds more than {NAMES_MAX} files"),
                    false => "cannot be listed to its end: no page brings new names".into(),
                }));
            }
            (last, token) = (newest.or(last), next);
        }
    }

    fn payer(&self) -> Option<RequestPayer> {
        self.cloud.access.requester_pays.then_some(RequestPayer::Requester)
    }

    fn refused<E>(&self, error: &SdkError<E, HttpResponse>, action: &str, key: &str) -> Refused
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        Refused::of(error, action, &format!("arn:aws:s3:::{}/{key}", self.root.bucket))
    }
}

/// What was asked for, or `None` where it is only not there.
fn there<T>(answer: Result<T, Refused>) -> Result<Option<T>, String> {
    match answer {
        Ok(there) => Ok(Some(there)),
        Err(refused) if refused.is_absence() && refused.code != "NoSuchBucket" => Ok(None),
        Err(refused) => Err(refused.message),
    }
}

/// Whether a file of that name is there. An upload is not known any more once it is complete.
fn is_taken(refused: &Refused) -> bool {
    refused.status == Some(412) || refused.code == "NoSuchUpload"
}

/// The next bytes of a file.
fn piece(file: &mut File, size: u64) -> Result<Vec<u8>, Refused> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(size).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    match bytes.len() as u64 == size {
        true => Ok(bytes),
        false => Err(broken("the file became shorter while it was put".into())),
    }
}

fn mark() -> Result<String, String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| format!("there is no randomness: {error}"))?;
    Ok(hex::encode(bytes))
}

fn broken(message: String) -> Refused {
    Refused { code: "Broken".into(), message, status: None, region: None }
}

fn unreadable(error: &std::io::Error) -> Refused {
    broken(format!("what is to be put cannot be read: {error}"))
}

fn unwritable(error: &std::io::Error) -> Refused {
    broken(format!("a temporary file cannot be written: {error}"))
}

fn gone() -> Refused {
    broken("S3 cannot be reached any more".into())
}
