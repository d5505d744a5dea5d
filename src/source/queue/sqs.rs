//! Messages of Amazon SQS, by long polling.
//!
//! What must stay true: a request that fails tells whether asking again may help. Everything runs on the
//! runtime of [`Cloud`], with its credentials.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Region;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry,
    DeleteMessageBatchRequestEntry, MessageSystemAttributeName,
};

use super::url::QueueUrl;
use super::{Message, QueueTrouble};
use crate::source::s3::Cloud;

/// Messages in one request, at most: what SQS allows.
const AT_ONCE: usize = 10;

/// The longest wait for a message that SQS allows.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// Requests at once that keep or delete messages.
const REQUESTS: usize = 8;

/// How often messages are asked for again that the queue could not keep or delete by itself.
const AGAIN: usize = 2;

/// A queue.
#[derive(Debug)]
pub struct Queue {
    cloud: Arc<Cloud>,
    client: Client,
    address: QueueUrl,
}

impl Queue {
    /// The queue at an address. Nothing is asked yet.
    pub fn new(cloud: &Arc<Cloud>, address: QueueUrl) -> Queue {
        let mut config = aws_sdk_sqs::config::Builder::from(cloud.config())
            .endpoint_url(address.endpoint.clone());
        if let Some(region) = &address.region {
            config = config.region(Region::new(region.clone()));
        } else if cloud.config().region().is_none() {
            // Other servers do not ask which.
            config = config.region(Region::from_static("us-east-1"));
        }
        Queue { cloud: Arc::clone(cloud), client: Client::from_conf(config.build()), address }
    }

    /// Takes up to `most` messages, and waits up to `wait` for the first of them. Each is kept from others
    /// for `kept`.
    ///
    /// # Errors
    /// When the queue does not answer or refuses, and no message came before that.
    pub fn receive(
        &self,
        most: usize,
        wait: Duration,
        kept: Duration,
    ) -> Result<Vec<Message>, QueueTrouble> {
        let mut messages = self.ask(1, wait, kept)?;
        // One answer has few messages: where more wait, some requests at once bring them.
        while messages.len() < most && messages.len() % AT_ONCE == 0 && !messages.is_empty() {
            let requests = (most - messages.len()).div_ceil(AT_ONCE).min(REQUESTS);
            let Ok(more) = self.ask(requests, Duration::ZERO, kept) else { break };
            if more.is_empty() {
                break;
            }
            messages.extend(more);
        }
        Ok(messages)
    }

    /// Sends some requests at once; what came of those that were answered.
    fn ask(
        &self,
        requests: usize,
        wait: Duration,
        kept: Duration,
    ) -> Result<Vec<Message>, QueueTrouble> {
        let asked = async {
            let one = |_| {
                self.client
                    .receive_message()
                    .queue_url(&self.address.url)
                    .max_number_of_messages(10)
                    .wait_time_seconds(seconds(wait.min(WAIT_MAX)))
                    .visibility_timeout(seconds(kept))
                    .message_system_attribute_names(
                        MessageSystemAttributeName::ApproximateReceiveCount,
                    )
                    .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
                    .send()
            };
            futures_util::future::join_all((0..requests).map(one)).await
        };
        let answers = self.cloud.wait(asked).ok_or_else(closed)?;
        let (mut messages, mut refused) = (Vec::new(), None);
        for answer in answers {
            match answer {
                Ok(answer) => messages.extend(answer.messages.unwrap_or_default()),
                Err(error) => refused = Some(self.trouble(&error, "sqs:ReceiveMessage")),
            }
        }
        match refused {
            Some(trouble) if messages.is_empty() => Err(trouble),
            _ => Ok(messages.into_iter().filter_map(message).collect()),
        }
    }

    /// Keeps messages from others for `kept` from now on; with zero they are delivered again at once.
    /// What is no longer ours is left alone.
    ///
    /// # Errors
    /// As [`receive`](Queue::receive).
    pub fn keep(&self, receipts: &[String], kept: Duration) -> Result<(), QueueTrouble> {
        let kept = seconds(kept);
        // A delivery that is no longer the latest one cannot be kept.
        self.each(receipts, ("sqs:ChangeMessageVisibility", false), async |some| {
            let entries = some.iter().enumerate().filter_map(|(number, receipt)| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(number.to_string())
                    .receipt_handle(receipt)
                    .visibility_timeout(kept)
                    .build()
                    .ok()
            });
            let asked = self.client.change_message_visibility_batch();
            let asked = asked.queue_url(&self.address.url).set_entries(Some(entries.collect()));
            asked.send().await.map(|answer| answer.failed)
        })
    }

    /// Deletes messages. One that cannot be deleted is delivered again.
    ///
    /// # Errors
    /// As [`receive`](Queue::receive).
    pub fn delete(&self, receipts: &[String]) -> Result<(), QueueTrouble> {
        self.each(receipts, ("sqs:DeleteMessage", true), async |some| {
            let entries = some.iter().enumerate().filter_map(|(number, receipt)| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(number.to_string())
                    .receipt_handle(receipt)
                    .build()
                    .ok()
            });
            let asked = self.client.delete_message_batch();
            let asked = asked.queue_url(&self.address.url).set_entries(Some(entries.collect()));
            asked.send().await.map(|answer| answer.failed)
        })
    }

    /// Asks for ten at a time, and for some tens at once. What the queue fails to do by itself is asked for
    /// again. What it refuses is told if it is `odd`.
    fn each<E: ProvideErrorMetadata + std::error::Error + 'static>(
        &self,
        receipts: &[String],
        (action, odd): (&str, bool),
        ask: impl AsyncFn(&[String]) -> Result<Vec<BatchResultErrorEntry>, SdkError<E>>,
    ) -> Result<(), QueueTrouble> {
        let (mut left, mut refused) = (receipts.to_vec(), None);
        for again in (0..=AGAIN).rev() {
            let mut failed = Vec::new();
            for some in left.chunks(AT_ONCE * REQUESTS) {
                let asked = async {
                    let all = some.chunks(AT_ONCE).map(async |ten| (ten, ask(ten).await));
                    futures_util::future::join_all(all).await
                };
                for (ten, answer) in self.cloud.wait(asked).ok_or_else(closed)? {
                    match answer {
                        Ok(entries) => failed.extend(entries.into_iter().filter_map(|entry| {
                            Some((ten.get(entry.id.parse::<usize>().ok()?)?.clone(), entry))
                        })),
                        Err(error) => refused = Some(self.trouble(&error, action)),
                    }
                }
            }
            let told = |entry: &BatchResultErrorEntry| {
                (odd && entry.sender_fault) || (again == 0 && !entry.sender_fault)
            };
            if let Some((_, entry)) = failed.iter().find(|(_, entry)| told(entry)) {
                let count = failed.iter().filter(|(_, entry)| told(entry)).count();
                refused = refused.or(Some(of_entries(action, entry, count)));
            }
            failed.retain(|(_, entry)| !entry.sender_fault);
            left = failed.into_iter().map(|(receipt, _)| receipt).collect();
            if left.is_empty() {
                break;
            }
        }
        refused.map_or(Ok(()), Err)
    }

    fn trouble<E: ProvideErrorMetadata + std::error::Error + 'static>(
        &self,
        error: &SdkError<E>,
        action: &str,
    ) -> QueueTrouble {
        let code = error.code().unwrap_or_default();
        let is_absent = code.contains("NonExistentQueue") || code.contains("QueueDoesNotExist");
        let is_denied = code.contains("AccessDenied") || code == "InvalidClientTokenId";
        let message = match (is_absent, is_denied) {
            (true, _) => "there is no such queue".to_owned(),
            (_, true) => {
                format!("access denied: it takes the permission {action} on this queue")
            }
            _ => format!("{action}: {}", crate::source::s3::describe(error)),
        };
        QueueTrouble { message, lasting: is_absent || is_denied }
    }
}

fn message(given: aws_sdk_sqs::types::Message) -> Option<Message> {
    let attribute = |name: MessageSystemAttributeName| {
        let value = given.attributes.as_ref()?.get(&name)?;
        value.parse::<u64>().ok()
    };
    let deliveries = attribute(MessageSystemAttributeName::ApproximateReceiveCount).unwrap_or(1);
    let receipt = given.receipt_handle?;
    Some(Message {
        // Without an id no two deliveries are of one message.
        id: given.message_id.unwrap_or_else(|| receipt.clone()),
        deliveries: u32::try_from(deliveries).unwrap_or(u32::MAX).max(1),
        sent: attribute(MessageSystemAttributeName::SentTimestamp),
        receipt,
        body: given.body.unwrap_or_default(),
    })
}

/// Messages of which the answer says that they failed.
fn of_entries(action: &str, entry: &BatchResultErrorEntry, count: usize) -> QueueTrouble {
    let (code, why) = (&entry.code, entry.message.as_deref().unwrap_or("the queue says no more"));
    let message = match count {
        1 => format!("{action}: a message failed: {code}: {why}"),
        _ => format!("{action}: {count} messages failed, one of them by {code}: {why}"),
    };
    QueueTrouble { message, lasting: false }
}

fn closed() -> QueueTrouble {
    QueueTrouble { message: "requests are no longer sent".to_owned(), lasting: true }
}

/// Whole seconds, rounded down, as SQS counts them.
fn seconds(time: Duration) -> i32 {
    i32::try_from(time.as_secs()).unwrap_or(i32::MAX)
}
