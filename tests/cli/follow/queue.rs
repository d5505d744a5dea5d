//! A queue on loopback: as much of SQS's protocol as a follower speaks, over messages in memory.
//!
//! Messages come in any order and some of them twice, as those of a standard queue do.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode};
use hyper::body::{Body, Bytes, Incoming};
use hyper::service::service_fn;
use md5::{Digest, Md5};
use serde_json::{Value, json};

use crate::loopback;

/// A message that is in the queue.
struct Waiting {
    body: String,
    deliveries: u32,
    visible: Instant,
    receipt: String,
}

#[derive(Default)]
struct Messages {
    waiting: BTreeMap<u64, Waiting>,
    sent: u64,
    receipts: u64,
    /// The longest time for which a message is kept from others.
    most: Option<Duration>,
    /// Requests that fail, of which one in so many does.
    fail: u64,
    asked: u64,
    /// Entries of deletions that fail from now on.
    failing: usize,
    /// Requests for deletions.
    deletions: usize,
}

/// A queue that ends with the test.
pub struct QueueServer {
    messages: Arc<Mutex<Messages>>,
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl QueueServer {
    /// An empty queue.
    pub fn start() -> QueueServer {
        let messages: Arc<Mutex<Messages>> = Arc::default();
        let shared = Arc::clone(&messages);
        let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
        let (address, runtime) = loopback::serve(service);
        QueueServer { messages, address, _runtime: runtime }
    }

    /// What `--queue` is given.
    pub fn url(&self) -> String {
        format!("http://{}/111122223333/keytrail", self.address)
    }

    /// Puts a message into the queue.
    pub fn send(&self, body: impl Into<String>) {
        let mut messages = self.messages.lock().unwrap();
        messages.sent += 1;
        let (id, body, visible) = (messages.sent, body.into(), Instant::now());
        let waiting = Waiting { body, deliveries: 0, visible, receipt: String::new() };
        messages.waiting.insert(id, waiting);
    }

    /// How many messages were not deleted.
    pub fn left(&self) -> usize {
        self.messages.lock().unwrap().waiting.len()
    }

    /// Delivers again what was not deleted after so long, whatever was asked for.
    pub fn forget_after(&self, most: Duration) {
        self.messages.lock().unwrap().most = Some(most);
    }

    /// Lets so many entries of deletions fail from now on.
    pub fn fail_entries(&self, count: usize) {
        self.messages.lock().unwrap().failing = count;
    }

    /// How often it was asked to delete messages.
    pub fn deletions(&self) -> usize {
        self.messages.lock().unwrap().deletions
    }

    /// Lets one in so many requests fail from now on.
    pub fn fail(&self, one_in: u64) {
        self.messages.lock().unwrap().fail = one_in;
    }
}

async fn answer(
    request: Request<Incoming>,
    messages: Arc<Mutex<Messages>>,
) -> Result<Response<String>, std::convert::Infallible> {
    let target = request.headers().get("x-amz-target").and_then(|it| it.to_str().ok());
    let action = target.and_then(|target| target.strip_prefix("AmazonSQS.")).unwrap_or_default();
    let action = action.to_owned();
    let asked: Value =
        serde_json::from_slice(&whole(request.into_body()).await).unwrap_or_default();
    let (status, body) = act(&action, &asked, &messages).await;
    let answer =
        Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    Ok(answer.body(body.to_string()).unwrap())
}

async fn whole(mut body: Incoming) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(frame) =
        std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)).await
    {
        let data: Option<Bytes> = frame.ok().and_then(|frame| frame.into_data().ok());
        all.extend(data.unwrap_or_default());
    }
    all
}

async fn act(action: &str, asked: &Value, messages: &Mutex<Messages>) -> (StatusCode, Value) {
    {
        let mut messages = messages.lock().unwrap();
        messages.asked += 1;
        if messages.fail > 0 && messages.asked.is_multiple_of(messages.fail) {
            let refused = json!({"__type": "com.amazonaws.sqs#AccessThrottled"});
            return (StatusCode::SERVICE_UNAVAILABLE, refused);
        }
    }
    if asked["QueueUrl"].as_str().is_none_or(|url| !url.ends_with("/keytrail")) {
        let refused = json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "none"});
        return (StatusCode::BAD_REQUEST, refused);
    }
    match action {
        "ReceiveMessage" => {
            let wait = Duration::from_secs(asked["WaitTimeSeconds"].as_u64().unwrap_or_default());
            let begun = Instant::now();
            loop {
                let taken = take(asked, &mut messages.lock().unwrap());
                if !taken.is_empty() || begun.elapsed() >= wait {
                    return (StatusCode::OK, json!({"Messages": taken}));
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        "DeleteMessageBatch" => {
            let mut messages = messages.lock().unwrap();
            let mut receipts = receipts(asked);
            messages.deletions += 1;
            let fail = receipts.len().min(messages.failing);
            messages.failing -= fail;
            let failed = |id| json!({"Id": id, "SenderFault": false, "Code": "InternalError"});
            let failed: Vec<Value> = asked["Entries"].as_array().unwrap()[..fail]
                .iter()
                .map(|it| failed(it["Id"].clone()))
                .collect();
            receipts.drain(..fail);
            messages.waiting.retain(|_, waiting| !receipts.contains(&waiting.receipt.as_str()));
            (StatusCode::OK, json!({"Successful": [], "Failed": failed}))
        }
        "ChangeMessageVisibilityBatch" => {
            let mut messages = messages.lock().unwrap();
            let receipts = receipts(asked);
            let seconds = asked["Entries"][0]["VisibilityTimeout"].as_u64().unwrap_or_default();
            let visible = Instant::now() + bounded(Duration::from_secs(seconds), messages.most);
            let theirs = messages.waiting.values_mut();
            let theirs = theirs.filter(|waiting| receipts.contains(&waiting.receipt.as_str()));
            theirs.for_each(|waiting| waiting.visible = visible);
            (StatusCode::OK, json!({"Successful": [], "Failed": []}))
        }
        other => panic!("a follower asks for {other}"),
    }
}

fn bounded(time: Duration, most: Option<Duration>) -> Duration {
    most.map_or(time, |most| time.min(most))
}

fn receipts(asked: &Value) -> Vec<&str> {
    let entries = asked["Entries"].as_array().into_iter().flatten();
    entries.filter_map(|entry| entry["ReceiptHandle"].as_str()).collect()
}

fn take(asked: &Value, messages: &mut Messages) -> Vec<Value> {
    let now = Instant::now();
    let kept = Duration::from_secs(asked["VisibilityTimeout"].as_u64().unwrap_or_default());
    let kept = bounded(kept, messages.most);
    let most = usize::try_from(asked["MaxNumberOfMessages"].as_u64().unwrap_or(1)).unwrap();
    let mut ready: Vec<u64> =
        messages.waiting.iter().filter(|(_, it)| it.visible <= now).map(|(id, _)| *id).collect();
    // In an order that nobody can rely on.
    ready.sort_by_key(|id| id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut taken = Vec::new();
    for id in ready.into_iter().take(most) {
        messages.receipts += 1;
        let receipt = format!("receipt-{}", messages.receipts);
        let Some(waiting) = messages.waiting.get_mut(&id) else { continue };
        waiting.deliveries += 1;
        waiting.receipt.clone_from(&receipt);
        // One in eight is delivered a second time soon after.
        let is_twice = id % 8 == 0 && waiting.deliveries == 1;
        waiting.visible = if is_twice { now + Duration::from_millis(50) } else { now + kept };
        let sum: String =
            Md5::digest(&waiting.body).iter().map(|byte| format!("{byte:02x}")).collect();
        taken.push(json!({
            "MessageId": format!("message-{id}"),
            "ReceiptHandle": receipt,
            "MD5OfBody": sum,
            "Body": waiting.body,
            "Attributes": {"ApproximateReceiveCount": waiting.deliveries.to_string()},
        }));
    }
    taken
}
