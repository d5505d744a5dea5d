//! A bucket on loopback: the protocol of S3 over objects in memory, and everything that goes wrong
//! with it as tests ask for it.

mod listing;
mod meeting;
mod put;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use http::HeaderMap;
use md5::{Digest, Md5};
use s3s::auth::SimpleAuth;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag,
    ETagCondition, GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput,
    HeadObjectInput, HeadObjectOutput, ListObjectsV2Input, ListObjectsV2Output, PutObjectInput,
    PutObjectOutput, Range, StreamingBlob, UploadPartInput, UploadPartOutput,
};
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use crate::harness::{Keytrail, Sandbox};
use crate::loopback;
use meeting::Meeting;

pub const BUCKET: &str = "example-logs";
pub const REGION: &str = "eu-central-1";
const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "example-secret";

/// What happens to a request.
#[derive(Clone)]
pub enum Trouble {
    Nothing,
    /// An error of S3's with this code, status and message.
    Refused(&'static str, u16, &'static str),
    /// The body ends after so many bytes; of a listing, its last page comes again and again.
    Cut(usize),
    /// The object is another than the one that was listed.
    Replaced,
    /// Somebody else puts this object before the answer is given.
    Overtaken(&'static str, Vec<u8>),
    /// Nobody is answered before so many objects are asked for at once.
    Together(usize),
    /// Nobody answers.
    Silence,
}

/// Decides by key and by how often it was asked for before. The key of a listing is its prefix.
type Decide = Box<dyn Fn(&str, u32) -> Trouble + Send + Sync>;

/// What a bucket holds.
#[derive(Clone, Default)]
struct Held {
    bytes: hyper::body::Bytes,
    metadata: HashMap<String, String>,
    tag: String,
}

impl Held {
    fn new(bytes: impl Into<hyper::body::Bytes>, metadata: HashMap<String, String>) -> Held {
        let bytes = bytes.into();
        let tag = Md5::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Held { bytes, metadata, tag }
    }

    fn etag(&self) -> ETag {
        ETag::Strong(self.tag.clone())
    }
}

/// A bucket and what goes wrong with it.
#[derive(Default)]
struct Bucket {
    objects: Mutex<BTreeMap<String, Held>>,
    uploads: Mutex<HashMap<String, put::Upload>>,
    reading: Mutex<Option<Decide>>,
    writing: Mutex<Option<Decide>>,
    listing: Mutex<Option<Decide>>,
    asked: Mutex<HashMap<String, u32>>,
    /// A prefix below which every folder holds a hundred more.
    endless: Mutex<Option<String>>,
    /// Whether a page names the last key first.
    turned: AtomicBool,
    region: String,
    page: usize,
    lists: AtomicU64,
    gets: AtomicU64,
    most: AtomicU64,
    now: AtomicU64,
    lose: AtomicU64,
    meeting: Meeting,
}

/// A server that ends with the test.
pub struct Server {
    bucket: Arc<Bucket>,
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Server {
    /// An empty bucket, whose listings have so many keys a page.
    pub fn start(page: usize) -> Server {
        Server::start_in(page, REGION)
    }

    /// The same in another Region.
    pub fn start_in(page: usize, region: &str) -> Server {
        let bucket = Arc::new(Bucket { page, region: region.to_owned(), ..Bucket::default() });
        let mut service = S3ServiceBuilder::new(Handle(Arc::clone(&bucket)));
        service.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        let (address, runtime) = loopback::serve(service.build());
        Server { bucket, address, _runtime: runtime }
    }

    pub fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        let held = Held::new(bytes.into(), HashMap::new());
        lock(&self.bucket.objects).insert(key.to_owned(), held);
    }

    pub fn put_with(&self, key: &str, bytes: impl Into<Vec<u8>>, metadata: &[(&str, &str)]) {
        let metadata = metadata.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let held = Held::new(bytes.into(), metadata);
        lock(&self.bucket.objects).insert(key.to_owned(), held);
    }

    /// Takes the next object that is put, and loses the answer.
    pub fn lose_answer(&self) {
        self.bucket.lose.store(1, Ordering::Relaxed);
    }

    pub fn remove(&self, key: &str) {
        lock(&self.bucket.objects).remove(key);
    }

    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        lock(&self.bucket.objects).get(key).map(|held| held.bytes.to_vec())
    }

    /// What happens to requests for objects from now on.
    pub fn reading(&self, decide: impl Fn(&str, u32) -> Trouble + Send + Sync + 'static) {
        lock(&self.bucket.asked).clear();
        *lock(&self.bucket.reading) = Some(Box::new(decide));
    }

    /// What happens to what is put whole.
    pub fn writing(&self, decide: impl Fn(&str, u32) -> Trouble + Send + Sync + 'static) {
        *lock(&self.bucket.writing) = Some(Box::new(decide));
    }

    /// How many uploads are neither complete nor given up.
    pub fn uploads(&self) -> usize {
        lock(&self.bucket.uploads).len()
    }

    /// What happens to requests for listings.
    pub fn listing(&self, decide: impl Fn(&str, u32) -> Trouble + Send + Sync + 'static) {
        *lock(&self.bucket.listing) = Some(Box::new(decide));
    }

    /// Names a hundred folders in every folder below a prefix from now on.
    pub fn never_end(&self, prefix: &str) {
        *lock(&self.bucket.endless) = Some(prefix.to_owned());
    }

    /// Names the last key of a page first from now on.
    pub fn turn(&self) {
        self.bucket.turned.store(true, Ordering::Relaxed);
    }

    /// Requests so far: listings, objects; and the most objects that were asked for at once.
    pub fn counts(&self) -> (u64, u64, u64) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (of(&self.bucket.lists), of(&self.bucket.gets), of(&self.bucket.most))
    }

    /// How many objects were asked for at once where [`Trouble::Together`] waited for more.
    pub fn missed(&self) -> Option<String> {
        self.bucket.meeting.missed()
    }

    /// Variables under which a client reaches this server and nothing else.
    pub fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ACCESS_KEY_ID", KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_REGION", REGION.to_owned()),
        ]
    }

    /// `keytrail WORDS…` that reaches this server and nothing else.
    pub fn keytrail(&self, sandbox: &Sandbox, words: &[&str]) -> Keytrail {
        let endpoint = format!("http://{}", self.address);
        reaching(sandbox.keytrail(words), &endpoint).env("AWS_REGION", REGION)
    }
}

/// With the credentials that the server knows.
pub fn reaching(command: Keytrail, endpoint: &str) -> Keytrail {
    command
        .env("AWS_ACCESS_KEY_ID", KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ENDPOINT_URL", endpoint)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

struct Handle(Arc<Bucket>);

impl Handle {
    /// Waits, fails, or says after how many bytes to cut.
    async fn meet(
        &self,
        decide: &Mutex<Option<Decide>>,
        kind: &str,
        key: &str,
    ) -> S3Result<Option<usize>> {
        let before = {
            let mut asked = lock(&self.0.asked);
            let count = asked.entry(format!("{kind} {key}")).or_default();
            *count += 1;
            *count - 1
        };
        let trouble = lock(decide).as_ref().map_or(Trouble::Nothing, |decide| decide(key, before));
        match trouble {
            Trouble::Nothing => Ok(None),
            Trouble::Cut(at) => Ok(Some(at)),
            Trouble::Replaced => {
                let replaced = Held::new(vec![0; 99], HashMap::new());
                lock(&self.0.objects).insert(key.to_owned(), replaced);
                Ok(None)
            }
            Trouble::Refused(code, status, message) => {
                let mut error =
                    S3Error::with_message(code.parse::<S3ErrorCode>().unwrap(), message);
                error.set_status_code(http::StatusCode::from_u16(status).unwrap());
                Err(error)
            }
            Trouble::Overtaken(other, bytes) => {
                let held = Held::new(bytes, HashMap::new());
                lock(&self.0.objects).insert(other.to_owned(), held);
                Ok(None)
            }
            Trouble::Together(count) => {
                self.0.meeting.join(key, count).await;
                Ok(None)
            }
            Trouble::Silence => {
                tokio::time::sleep(Duration::from_secs(600)).await;
                Ok(None)
            }
        }
    }

    fn check_region<T>(&self, request: &S3Request<T>) -> S3Result<()> {
        let region = request.region.as_ref().map(|region| region.as_str().to_owned());
        if region.as_deref().is_none_or(|region| region == self.0.region) {
            return Ok(());
        }
        let mut error = S3Error::with_message(S3ErrorCode::PermanentRedirect, "elsewhere");
        error.set_status_code(http::StatusCode::MOVED_PERMANENTLY);
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-bucket-region", self.0.region.parse().unwrap());
        error.set_headers(headers);
        Err(error)
    }
}

#[async_trait::async_trait]
impl S3 for Handle {
    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        if request.input.bucket != BUCKET {
            return Err(S3Error::new(S3ErrorCode::NoSuchBucket));
        }
        self.check_region(&request)?;
        Ok(S3Response::new(HeadBucketOutput {
            bucket_region: Some(self.0.region.parse().unwrap()),
            ..HeadBucketOutput::default()
        }))
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        self.check_region(&request)?;
        let input = request.input;
        self.0.gets.fetch_add(1, Ordering::Relaxed);
        let now = self.0.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.most.fetch_max(now, Ordering::Relaxed);
        let met = self.meet(&self.0.reading, "GET", &input.key).await;
        self.0.now.fetch_sub(1, Ordering::Relaxed);
        let cut = met?;
        let held = lock(&self.0.objects).get(&input.key).cloned();
        let held = held.ok_or_else(|| S3Error::new(S3ErrorCode::NoSuchKey))?;
        if let Some(ETagCondition::ETag(wanted)) = &input.if_match
            && *wanted != held.etag()
        {
            return Err(S3Error::new(S3ErrorCode::PreconditionFailed));
        }
        let from = match input.range {
            Some(Range::Int { first, last: None }) => usize::try_from(first).unwrap(),
            None => 0,
            Some(other) => panic!("{other:?}"),
        };
        let wanted = held.bytes.slice(from..);
        let size = i64::try_from(wanted.len()).unwrap();
        let body = match cut.filter(|at| *at < wanted.len()) {
            None => StreamingBlob::from(s3s::Body::from(wanted)),
            Some(at) => {
                let broken = std::io::Error::other("cut");
                let first = stream::iter([Ok(wanted.slice(..at))]);
                // What was sent before is to arrive before: hyper writes it out when the body has
                // nothing more to give at the moment, and drops it when an error comes first.
                let last = stream::once(async move {
                    tokio::task::yield_now().await;
                    Err(broken)
                });
                StreamingBlob::wrap(first.chain(last))
            }
        };
        Ok(S3Response::new(GetObjectOutput {
            body: Some(body),
            content_length: Some(size),
            content_range: (from > 0)
                .then(|| format!("bytes {from}-{}/{}", held.bytes.len() - 1, held.bytes.len())),
            e_tag: Some(held.etag()),
            metadata: Some(held.metadata),
            ..GetObjectOutput::default()
        }))
    }

    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        self.meet(&self.0.writing, "PUT", &request.input.key).await?;
        let tag = self.0.put(request.input).await?;
        Ok(S3Response::new(PutObjectOutput { e_tag: Some(tag), ..PutObjectOutput::default() }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let held = lock(&self.0.objects).get(&request.input.key).cloned();
        let held = held.ok_or_else(|| S3Error::new(S3ErrorCode::NoSuchKey))?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(i64::try_from(held.bytes.len()).unwrap()),
            e_tag: Some(held.etag()),
            metadata: Some(held.metadata),
            ..HeadObjectOutput::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let upload_id = Some(self.0.begin(request.input));
        let output = CreateMultipartUploadOutput { upload_id, ..Default::default() };
        Ok(S3Response::new(output))
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let e_tag = Some(self.0.part(request.input).await?);
        Ok(S3Response::new(UploadPartOutput { e_tag, ..Default::default() }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let e_tag = Some(self.0.complete(request.input)?);
        Ok(S3Response::new(CompleteMultipartUploadOutput { e_tag, ..Default::default() }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.0.abort(&request.input);
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.check_region(&request)?;
        let input = request.input;
        self.0.lists.fetch_add(1, Ordering::Relaxed);
        let prefix = input.prefix.unwrap_or_default();
        let again = self.meet(&self.0.listing, "LIST", &prefix).await?;
        let after = input.continuation_token.or(input.start_after).unwrap_or_default();
        let mut page = self.0.page(&prefix, input.delimiter.as_deref(), &after);
        if self.0.turned.load(Ordering::Relaxed) {
            page.contents.iter_mut().for_each(|contents| contents.reverse());
        }
        if input.encoding_type.is_some_and(|kind| kind.as_str() == "url") {
            listing::encode(&mut page);
        }
        if again.is_some() && page.next_continuation_token.is_none() {
            page.is_truncated = Some(true);
            page.next_continuation_token = Some("again".to_owned());
        }
        Ok(S3Response::new(page))
    }
}
