//! The request behind an event: who made it, with which credentials, from where, on what, and how it
//! ended.
//!
//! What must stay true: every member is the record's text. Whoever acts in the account chooses some of
//! them, so none reaches a terminal raw.

use super::principal::Principal;
use super::undo::Reversible;

/// Who made a request, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// `requestID`; not of what rules over many records tell of.
    pub id: Option<String>,
    /// `eventSource`
    pub service: String,
    /// Who made it.
    pub principal: Principal,
    /// `userIdentity.accessKeyId`
    pub access_key: Option<String>,
    /// `sourceIPAddress`
    pub source_ip: Option<String>,
    /// `userAgent`
    pub user_agent: Option<String>,
    /// `errorCode`, if it was refused or failed.
    pub error: Option<String>,
    /// The ARN of the key that it names first, else of the resource.
    pub target: Option<String>,
    /// What it did, if another call can undo it.
    pub reversible: Option<Reversible>,
}

impl Request {
    /// Of what no log says who requested it.
    pub fn of_nobody() -> Request {
        Request {
            id: None,
            service: String::new(),
            principal: Principal::nobody(),
            access_key: None,
            source_ip: None,
            user_agent: None,
            error: None,
            target: None,
            reversible: None,
        }
    }

    /// Bytes of its texts, about.
    pub fn weight(&self) -> usize {
        let Request { id, service, principal, access_key, source_ip, user_agent, error, .. } = self;
        let Principal { kind, arn, account, session, invoked_by, .. } = principal;
        let texts = [
            id,
            access_key,
            source_ip,
            user_agent,
            error,
            &self.target,
            kind,
            arn,
            account,
            session,
            invoked_by,
        ];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        let done = self.reversible.as_ref().map_or(0, |done| done.what.len());
        size_of::<Request>() + service.len() + texts + done
    }
}
