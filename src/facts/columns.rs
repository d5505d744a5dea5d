//! The columns of the table of uses of keys.
//!
//! What must stay true: names, types and meanings stay; new columns come at the end.

use crate::model::use_fact::UseFact;
use crate::tables::{Cell, Column, Kind};

/// A column, and its value of a use.
#[derive(Debug, Clone, Copy)]
pub(super) struct OfUse {
    pub column: Column,
    pub of: for<'u> fn(&'u UseFact<'u>) -> Cell<'u>,
}

const fn text(
    name: &'static str,
    means: &'static str,
    of: for<'u> fn(&'u UseFact<'u>) -> Cell<'u>,
) -> OfUse {
    OfUse { column: Column { name, kind: Kind::Text, may_be_null: true, means }, of }
}

const fn needed(
    (name, kind): (&'static str, Kind),
    means: &'static str,
    of: for<'u> fn(&'u UseFact<'u>) -> Cell<'u>,
) -> OfUse {
    OfUse { column: Column { name, kind, may_be_null: false, means }, of }
}

/// All columns, in their order.
pub fn all() -> impl Iterator<Item = Column> {
    COLUMNS.iter().map(|one| one.column)
}

pub(super) const COLUMNS: [OfUse; 27] = [
    needed(("time", Kind::Time), "`eventTime`", |u| Cell::Number(Some(u.time.0))),
    text("event_id", "`eventID`", |u| Cell::Text(u.event_id)),
    needed(("operation", Kind::Text), "`eventName`, such as `Decrypt`", |u| {
        Cell::Text(Some(u.operation))
    }),
    text("account", "`recipientAccountId`: whose log it is", |u| Cell::Text(u.account)),
    text("region", "`awsRegion`", |u| Cell::Text(u.region)),
    needed(("failed", Kind::Flag), "whether the call failed", |u| Cell::Flag(u.failed)),
    text("error", "`errorCode` of a call that failed", |u| Cell::Text(u.error)),
    text("key_arn", "the key, by its ARN", |u| Cell::Text(u.key.map(|key| key.arn.as_str()))),
    text("key_account", "the account that owns the key", |u| {
        Cell::Text(u.key.and_then(|key| key.account.as_deref()))
    }),
    text("key_alias", "the alias by which the caller named the key", |u| {
        Cell::Text(u.key.and_then(|key| key.alias.as_deref()))
    }),
    text("principal_arn", "the role of a session, else the user or the service that called", |u| {
        Cell::Text(u.principal.arn.as_deref())
    }),
    text("principal_type", "`userIdentity.type`", |u| Cell::Text(u.principal.kind.as_deref())),
    text("principal_account", "the account of the caller", |u| {
        Cell::Text(u.principal.account.as_deref())
    }),
    text("session", "the name of a role session", |u| Cell::Text(u.session)),
    text("access_key_id", "`userIdentity.accessKeyId`", |u| Cell::Text(u.access_key)),
    text("invoked_by", "the service that called for the principal, or for itself", |u| {
        Cell::Text(u.principal.invoked_by.as_deref())
    }),
    needed(
        ("actor", Kind::Text),
        "by whose hand: `direct`, `via`, `service`, `infrastructure`",
        |u| Cell::Text(Some(u.actor)),
    ),
    needed(("mfa", Kind::Text), "`yes`, `no`, `unknown` or `n/a`", |u| {
        Cell::Text(Some(u.principal.mfa.as_str()))
    }),
    text("source_ip", "`sourceIPAddress`", |u| Cell::Text(u.source_ip)),
    text("user_agent", "`userAgent`", |u| Cell::Text(u.user_agent)),
    text("resource_arn", "what the key was used on, by the encryption context", |u| {
        Cell::Text(u.resource.map(|resource| resource.arn.as_str()))
    }),
    text("resource_type", "its type, such as `s3-bucket`", |u| {
        Cell::Text(u.resource.and_then(|resource| resource.kind.as_deref()))
    }),
    text(
        "subject",
        "what it was about, as precisely as the record says: an object, a parameter",
        |u| Cell::Text(u.subject),
    ),
    needed(("has_context", Kind::Flag), "whether there was an encryption context", |u| {
        Cell::Flag(u.has_context)
    }),
    needed(("copies", Kind::Number), "how many copies of the record were read", |u| {
        Cell::count(u.copies)
    }),
    needed(("object", Kind::Text), "the file or object where it was read", |u| {
        Cell::Text(Some(&u.origin.blob))
    }),
    needed(
        ("record", Kind::Number),
        "its number there, from 0: `keytrail record 'OBJECT#RECORD'`",
        |u| Cell::count(u.origin.record.unwrap_or_default()),
    ),
];
