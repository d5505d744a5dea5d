//! The credentials that a call gave out, as its record tells.
//!
//! CreateAccessKey gives out an access key; AssumeRole and its kin give out those of a session, which
//! the request names and the response tells with its ARN. What must stay true: a response that holds no
//! access key gave out none.

use std::borrow::Cow;

use super::event::Event;

/// Texts of which one stands in every record of a call that gave out credentials.
pub const LITERALS: [&str; 2] = ["credentials", "accessKey"];

/// The credentials that a call gave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// The id of the access key.
    pub access_key: Option<Cow<'a, str>>,
    /// The role and the session's name that the request asks for.
    pub asked: Option<(Cow<'a, str>, Cow<'a, str>)>,
    /// The ARN of the session.
    pub session: Option<Cow<'a, str>>,
}

impl<'a> Credentials<'a> {
    /// Reads them.
    pub fn of(event: &Event<'a>) -> Credentials<'a> {
        let text = |path: &[&str]| event.text_at(path).filter(|text| !text.is_empty());
        let role = text(&["requestParameters", "roleArn"]);
        Credentials {
            access_key: text(&["responseElements", "credentials", "accessKeyId"])
                .or_else(|| text(&["responseElements", "accessKey", "accessKeyId"])),
            asked: role.zip(text(&["requestParameters", "roleSessionName"])),
            session: text(&["responseElements", "assumedRoleUser", "arn"]),
        }
    }
}
