//! One use of a key, with all its names: a row of the table that `keytrail facts` writes.
//!
//! What must stay true: what a record does not tell is `None`, and nothing is looked up elsewhere.

use super::finding::{Key, Resource};
use super::origin::Origin;
use super::principal::Principal;
use super::time::Time;

/// A use of a key: a crypto operation that succeeded or was refused.
#[derive(Debug)]
pub struct UseFact<'a> {
    /// `eventTime`
    pub time: Time,
    /// `eventID`
    pub event_id: Option<&'a str>,
    /// `eventName`
    pub operation: &'a str,
    /// `recipientAccountId`
    pub account: Option<&'a str>,
    /// `awsRegion`
    pub region: Option<&'a str>,
    /// Whether it failed, and then `errorCode`.
    pub failed: bool,
    /// `errorCode` of a call that failed.
    pub error: Option<&'a str>,
    /// The key, as the record names it. Its tags are not known here.
    pub key: Option<&'a Key>,
    /// Who called. The session is in [`session`](UseFact::session).
    pub principal: &'a Principal,
    /// The session name of a role session.
    pub session: Option<&'a str>,
    /// By whose hand: `direct`, `via`, `service` or `infrastructure`.
    pub actor: &'static str,
    /// `userIdentity.accessKeyId`
    pub access_key: Option<&'a str>,
    /// `sourceIPAddress`
    pub source_ip: Option<&'a str>,
    /// `userAgent`
    pub user_agent: Option<&'a str>,
    /// What the key was used on, by the encryption context. Its tags are not known here.
    pub resource: Option<&'a Resource>,
    /// What the call was about, as precisely as the record says: an object, a parameter.
    pub subject: Option<&'a str>,
    /// Whether there was an encryption context.
    pub has_context: bool,
    /// Keyed hash of the record's text, by which copies are told from others of its id.
    pub content: u64,
    /// How many copies of the record were read: 1 if there was one.
    pub copies: u64,
    /// Where the record was read: of several copies the smallest place.
    pub origin: &'a Origin,
}
