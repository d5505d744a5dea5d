//! Fetches objects ahead, many at once, in bounded memory.
//!
//! An object reserves its memory before it is requested and releases it after it was read. Small
//! objects are fetched whole, so that they can be inflated whole. Large ones stream through a few
//! chunks. A transfer that breaks off is tried again. That of a large object goes on where it broke,
//! as long as the object is the same.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::types::RequestPayer;
use bytes::{Bytes, BytesMut};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::access::Access;
use super::address::Address;
use super::cloud::Cloud;
use super::explore::{Explorer, Listed, Sender};
use super::object::Object;
use super::refused::{Refused, describe, unreachable};
use super::wanted::{Expected, Seen, Wanted};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::model::token::Token;
use crate::source::blob::{Blob, Body, blob_id};
use crate::source::entry::Entry;

/// Names that are known and not yet asked for.
const AHEAD: usize = 4096;
/// The piece in which memory is counted, so that tiny objects are bounded in number.
const PIECE: u64 = 64 << 10;
/// What all objects may take that are on their way or wait to be read: 128 MiB.
const PIECES: usize = 2048;
/// Objects up to this size are fetched whole (16 MiB).
const WHOLE: u64 = 16 << 20;
/// Chunks of a stream that are held at once.
const CHUNKS: usize = 16;
/// How often a transfer that broke off is tried again.
const TRIES: u32 = 5;
/// The pause before the first of these; it doubles.
const PAUSE: Duration = Duration::from_millis(100);
/// How many objects in a row may meet silence before the others are not asked for any more.
const SILENT: u32 = 128;
/// How long a stop may go unseen.
const LOOK_UP: Duration = Duration::from_millis(50);

/// The objects below an address, as they come.
#[derive(Debug)]
pub struct Objects {
    entries: mpsc::Receiver<Entry>,
    seen: Arc<Seen>,
    /// Kept alive as long as objects come.
    _cloud: Arc<Cloud>,
}

impl Cloud {
    /// Whether there is a bucket and somebody who answers for it.
    ///
    /// # Errors
    /// As words.
    pub fn look(&self, address: &Address) -> Result<(), Refused> {
        self.wait(self.client(address)).map_or(Ok(()), |client| client.map(drop))
    }

    /// Begins to list and fetch what is wanted below an address.
    pub fn read(self: &Arc<Cloud>, address: Address, wanted: Wanted) -> Objects {
        let (entries, received) = mpsc::channel();
        let seen = Arc::new(Seen::default());
        let (cloud, told) = (Arc::clone(self), Arc::clone(&seen));
        self.start(async move {
            let access = cloud.access.clone();
            let client = cloud.client(&address).await;
            drop(cloud);
            let client = match client {
                Ok(client) => client,
                Err(refused) => return unreachable(&address, refused, &entries),
            };
            let found = fetch_all(&client, &address, &access, (wanted.names_only, &entries));
            let requester_pays = access.requester_pays;
            let problems = entries;
            let seen = told;
            let barren = AtomicU64::new(0);
            Explorer { client, address, wanted, requester_pays, found, problems, seen, barren }
                .run()
                .await;
        });
        Objects::new(received, seen, self)
    }
}

/// Starts those who fetch, as many as may be at once; what is sent to them is fetched.
pub(super) fn fetch_all(
    client: &Client,
    address: &Address,
    access: &Access,
    (names_only, entries): (bool, &Sender),
) -> tokio::sync::mpsc::Sender<Listed> {
    let (found, queue) = tokio::sync::mpsc::channel(AHEAD);
    let pays = access.requester_pays;
    let fetcher = Fetcher::new(client.clone(), address.clone(), pays, (room(), names_only));
    let (fetcher, queue) = (Arc::new(fetcher), Arc::new(Mutex::new(queue)));
    for _ in 0..access.concurrency.max(1) {
        tokio::spawn(Arc::clone(&fetcher).run(Arc::clone(&queue), entries.clone()));
    }
    found
}

impl Objects {
    /// What comes through a channel, as long as a cloud is there.
    pub(super) fn new(
        entries: mpsc::Receiver<Entry>,
        seen: Arc<Seen>,
        cloud: &Arc<Cloud>,
    ) -> Objects {
        Objects { entries, seen, _cloud: Arc::clone(cloud) }
    }

    /// The next object or problem; `None` at the end, or when `stop` is set.
    pub fn next(&mut self, stop: &AtomicBool) -> Option<Entry> {
        loop {
            match self.entries.recv_timeout(LOOK_UP) {
                Ok(entry) => return Some(entry),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    if stop.load(Ordering::Relaxed) {
                        return None;
                    }
                }
            }
        }
    }

    /// What was asked and seen so far.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }
}

/// The room for all objects that are on their way or wait to be read.
pub(super) fn room() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(PIECES))
}

/// Fetches objects of one bucket.
pub(super) struct Fetcher {
    client: Client,
    address: Address,
    requester_pays: bool,
    room: Arc<Semaphore>,
    /// Consecutive objects without an answer.
    silent: AtomicU32,
    names_only: bool,
}

/// Why an object could not be had.
enum Fault {
    /// For good.
    Refused(Refused),
    /// The transfer broke off.
    Broken(String),
}

/// What became of an object that was asked for by its key.
pub(super) enum Picked {
    /// It, or why it cannot be had.
    Entry(Entry),
    /// An earlier run has read it.
    Known(Listed),
}

impl Fetcher {
    /// One for the bucket of `address`. Objects take their memory from `room`; with `names_only` none is
    /// fetched.
    pub fn new(
        client: Client,
        address: Address,
        requester_pays: bool,
        (room, names_only): (Arc<Semaphore>, bool),
    ) -> Fetcher {
        let silent = AtomicU32::new(0);
        Fetcher { client, address, requester_pays, room, silent, names_only }
    }

    /// Fetches what was listed.
    async fn run(
        self: Arc<Fetcher>,
        queue: Arc<Mutex<tokio::sync::mpsc::Receiver<Listed>>>,
        entries: Sender,
    ) {
        loop {
            let next = queue.lock().await.recv().await;
            let Some(listed) = next else { return };
            let entry = match self.names_only {
                true => Entry::Blob(self.blob(&listed, listed.unread())),
                false => self.fetch(listed).await,
            };
            if entries.send(entry).is_err() {
                return;
            }
        }
    }

    fn blob(&self, listed: &Listed, body: Body) -> Blob {
        let token = Some(Token::new(listed.id));
        Blob { name: self.address.of(&listed.key).into(), body, token }
    }

    async fn fetch(self: &Arc<Fetcher>, listed: Listed) -> Entry {
        let permit = self.reserve(&listed).await;
        match self.gives_up(&listed) {
            Some(problem) => problem,
            None => self.read(listed, permit, None).await,
        }
    }

    /// Fetches an object of which nobody knows more than the key, with one request. It is not known
    /// until S3 has answered how much room it takes, so that its bytes wait there until there is room.
    /// `absent` is said behind the problem of one that is not there.
    pub async fn pick(
        self: &Arc<Fetcher>,
        key: String,
        is_known: impl Fn(&Listed) -> bool,
        absent: &str,
    ) -> Picked {
        let (etag, expected) = (String::new(), Expected::Size);
        let mut listed = Listed { key, size: 0, etag, id: [0; 2], expected };
        if let Some(problem) = self.gives_up(&listed) {
            return Picked::Entry(problem);
        }
        let asked = match self.names_only {
            true => self.head(&listed).await.map(|(size, version)| (size, version, None)),
            false => self
                .get(&listed, 0, None)
                .await
                .map(|answer| (answer.content_length, answer.e_tag.clone(), Some(answer))),
        };
        let (size, version, answer) = match asked {
            Ok(asked) => asked,
            Err(refused) => {
                self.note_silence(&refused);
                let hint = if refused.is_absence() { absent } else { "" };
                let message = format!("cannot be read: {}{hint}", refused.message);
                return Picked::Entry(self.problem(&listed, &message));
            }
        };
        let Some(size) = size.and_then(|size| u64::try_from(size).ok()) else {
            let message = "cannot be read: S3 does not say how large it is";
            return Picked::Entry(self.problem(&listed, message));
        };
        listed.size = size;
        let name = self.address.of(&listed.key);
        listed.etag = version.unwrap_or_default();
        listed.id = blob_id(&name, size, &listed.etag);
        if is_known(&listed) {
            return Picked::Known(listed);
        }
        Picked::Entry(match answer {
            None => Entry::Blob(self.blob(&listed, listed.unread())),
            Some(answer) => {
                let permit = self.reserve(&listed).await;
                self.read(listed, permit, Some(answer)).await
            }
        })
    }

    /// The room that an object takes.
    async fn reserve(&self, listed: &Listed) -> Option<OwnedSemaphorePermit> {
        let pieces = (listed.size.min(WHOLE) / PIECE + 1).min(PIECES as u64);
        let pieces = u32::try_from(pieces).unwrap_or(1);
        Arc::clone(&self.room).acquire_many_owned(pieces).await.ok()
    }

    /// A problem instead of an object that is not asked for, since nobody answers.
    fn gives_up(&self, listed: &Listed) -> Option<Entry> {
        let message = "not asked for, since nobody answered for many objects before it";
        let silent = self.silent.load(Ordering::Relaxed) >= SILENT;
        silent.then(|| self.problem(listed, message))
    }

    /// Reads an object, by what was `answered` already if that is so.
    async fn read(
        self: &Arc<Fetcher>,
        listed: Listed,
        permit: Option<OwnedSemaphorePermit>,
        mut answered: Option<GetObjectOutput>,
    ) -> Entry {
        let mut pause = PAUSE;
        for left in (0..TRIES).rev() {
            let answer = match answered.take() {
                Some(answer) => Ok(answer),
                None => self.get(&listed, 0, None).await,
            };
            let fault = match answer {
                Ok(answer) if is_another(&answer, &listed) => Fault::Refused(changed()),
                Ok(answer) if listed.size > WHOLE => return self.stream(listed, answer, permit),
                Ok(answer) => match self.whole(&listed, answer).await {
                    Ok((bytes, signature)) => {
                        self.silent.store(0, Ordering::Relaxed);
                        let mut object = Object::whole(bytes, permit);
                        object.signature = signature;
                        return Entry::Blob(self.blob(&listed, Body::Object(object)));
                    }
                    Err(fault) => fault,
                },
                Err(refused) => Fault::Refused(refused),
            };
            match fault {
                Fault::Refused(refused) => {
                    self.note_silence(&refused);
                    return self.problem(&listed, &format!("cannot be read: {}", refused.message));
                }
                Fault::Broken(message) if left == 0 => {
                    let message = format!("the transfer broke off {TRIES} times: {message}");
                    return self.problem(&listed, &message);
                }
                Fault::Broken(_) => tokio::time::sleep(pause).await,
            }
            pause *= 2;
        }
        self.problem(&listed, "cannot be read")
    }

    fn note_silence(&self, refused: &Refused) {
        match refused.is_silence() {
            true => drop(self.silent.fetch_add(1, Ordering::Relaxed)),
            false => self.silent.store(0, Ordering::Relaxed),
        }
    }

    fn problem(&self, listed: &Listed, message: &str) -> Entry {
        let origin = Origin::blob(self.address.of(&listed.key));
        Entry::Problem(Problem::new(origin, Stage::S3, message))
    }

    /// Asks for an object from a byte on, as long as it is the one of that version.
    async fn get(
        &self,
        listed: &Listed,
        from: u64,
        version: Option<&str>,
    ) -> Result<GetObjectOutput, Refused> {
        let (tag, kept) = match &listed.expected {
            Expected::Size => (None, None),
            Expected::Tag(tag) => (Some(tag.as_str()), None),
            Expected::Version(version) => (None, Some(version.clone())),
        };
        let action = if kept.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
        self.client
            .get_object()
            .bucket(&self.address.bucket)
            .key(&listed.key)
            .set_version_id(kept)
            .set_range((from > 0).then(|| format!("bytes={from}-")))
            .set_if_match(version.or(tag).map(str::to_owned))
            .set_request_payer(self.requester_pays.then_some(RequestPayer::Requester))
            .send()
            .await
            .map_err(|error| {
                let resource = format!("arn:aws:s3:::{}/{}", self.address.bucket, listed.key);
                Refused::of(&error, action, &resource)
            })
    }

    /// Asks how large an object is, and for its version.
    async fn head(&self, listed: &Listed) -> Result<(Option<i64>, Option<String>), Refused> {
        self.client
            .head_object()
            .bucket(&self.address.bucket)
            .key(&listed.key)
            .set_request_payer(self.requester_pays.then_some(RequestPayer::Requester))
            .send()
            .await
            .map(|answer| (answer.content_length, answer.e_tag))
            .map_err(|error| {
                let resource = format!("arn:aws:s3:::{}/{}", self.address.bucket, listed.key);
                Refused::of(&error, "s3:GetObject", &resource)
            })
    }

    /// All bytes of an object, and the signature in its metadata.
    async fn whole(
        &self,
        listed: &Listed,
        mut answer: GetObjectOutput,
    ) -> Result<(Bytes, Option<Arc<str>>), Fault> {
        let signature =
            answer.metadata().and_then(|all| all.get("signature")).map(|s| s.as_str().into());
        let size = usize::try_from(listed.size).unwrap_or_default();
        let mut chunks: Vec<Bytes> = Vec::new();
        let mut len = 0;
        while let Some(chunk) = answer.body.next().await {
            let chunk = chunk.map_err(|error| Fault::Broken(describe(&error)))?;
            len += chunk.len() as u64;
            if len > listed.size {
                return Err(Fault::Broken("more bytes than were announced".to_owned()));
            }
            chunks.push(chunk);
        }
        if len != listed.size {
            return Err(Fault::Broken(format!("{len} bytes came, expected {size}")));
        }
        let bytes = match <[Bytes; 1]>::try_from(chunks) {
            Ok([only]) => only,
            Err(chunks) => {
                let mut all = BytesMut::with_capacity(size);
                chunks.iter().for_each(|chunk| all.extend_from_slice(chunk));
                all.freeze()
            }
        };
        Ok((bytes, signature))
    }

    /// Begins to send an object in chunks, and gives it out.
    fn stream(
        self: &Arc<Fetcher>,
        listed: Listed,
        answer: GetObjectOutput,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Entry {
        let (chunks, received) = tokio::sync::mpsc::channel(CHUNKS);
        let object = Object::coming(received, listed.size, permit);
        let entry = Entry::Blob(self.blob(&listed, Body::Object(object)));
        tokio::spawn(Arc::clone(self).send(listed, answer, chunks));
        entry
    }

    async fn send(
        self: Arc<Fetcher>,
        listed: Listed,
        mut answer: GetObjectOutput,
        chunks: tokio::sync::mpsc::Sender<io::Result<Bytes>>,
    ) {
        let version = answer.e_tag.clone();
        let (mut sent, mut left, mut pause) = (0, TRIES, PAUSE);
        loop {
            let fault = loop {
                match answer.body.next().await {
                    None => return,
                    Some(Ok(chunk)) => {
                        (sent, left, pause) = (sent + chunk.len() as u64, TRIES, PAUSE);
                        if chunks.send(Ok(chunk)).await.is_err() {
                            return;
                        }
                    }
                    Some(Err(error)) => break describe(&error),
                }
            };
            left -= 1;
            tokio::time::sleep(pause).await;
            pause *= 2;
            let again = self.get(&listed, sent, version.as_deref()).await;
            let fault = match again {
                Ok(next) if left > 0 && !goes_on(&next, sent) => {
                    "the answer does not go on from there".to_owned()
                }
                Ok(next) if left > 0 => {
                    answer = next;
                    continue;
                }
                Ok(_) => fault,
                Err(refused) => refused.message,
            };
            let message = format!("the transfer broke off after {sent} bytes: {fault}");
            let _ = chunks.send(Err(io::Error::other(message))).await;
            return;
        }
    }
}

/// Whether an answer begins at the byte that was asked for.
pub(super) fn goes_on(answer: &GetObjectOutput, from: u64) -> bool {
    let range = answer.content_range.as_deref();
    from == 0 || range.is_some_and(|range| range.starts_with(&format!("bytes {from}-")))
}

/// Whether an answer is about another object than the one that was listed, for which room was made.
fn is_another(answer: &GetObjectOutput, listed: &Listed) -> bool {
    answer
        .content_length
        .and_then(|len| u64::try_from(len).ok())
        .is_some_and(|len| len != listed.size)
}

fn changed() -> Refused {
    let message =
        "it has another size than when it was listed: expected an object that stays".into();
    Refused { code: "Changed".to_owned(), message, status: None, region: None }
}
