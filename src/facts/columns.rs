//! The columns of the table of uses of keys.
//!
//! What must stay true: names, types and meanings stay; new columns come at the end.

use crate::model::use_fact::UseFact;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An instant, in microseconds, UTC.
    Time,
    /// Text in UTF-8.
    Text,
    /// A number of 64 bits.
    Number,
    /// True or false.
    Flag,
}

impl Kind {
    /// The name of the type in the manual, which is that of DuckDB.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Time => "TIMESTAMPTZ",
            Kind::Text => "VARCHAR",
            Kind::Number => "BIGINT",
            Kind::Flag => "BOOLEAN",
        }
    }
}

/// A value of a row; `None` becomes null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'u> {
    /// Of [`Kind::Text`].
    Text(Option<&'u str>),
    /// Of [`Kind::Number`], and of [`Kind::Time`] in microseconds since 1970.
    Number(i64),
    /// Of [`Kind::Flag`].
    Flag(bool),
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be null.
    pub may_be_null: bool,
    /// What it means, for the manual.
    pub means: &'static str,
    /// The value of a use.
    pub(super) of: for<'u> fn(&'u UseFact<'u>) -> Value<'u>,
}

const fn text(
    name: &'static str,
    means: &'static str,
    of: for<'u> fn(&'u UseFact<'u>) -> Value<'u>,
) -> Column {
    Column { name, kind: Kind::Text, may_be_null: true, means, of }
}

const fn needed(
    (name, kind): (&'static str, Kind),
    means: &'static str,
    of: for<'u> fn(&'u UseFact<'u>) -> Value<'u>,
) -> Column {
    Column { name, kind, may_be_null: false, means, of }
}

fn number(number: u64) -> Value<'static> {
    Value::Number(i64::try_from(number).unwrap_or(i64::MAX))
}

/// All columns, in their order.
pub fn all() -> &'static [Column] {
    &COLUMNS
}

const COLUMNS: [Column; 27] = [
    needed(("time", Kind::Time), "`eventTime`", |u| Value::Number(u.time.0)),
    text("event_id", "`eventID`", |u| Value::Text(u.event_id)),
    needed(("operation", Kind::Text), "`eventName`, such as `Decrypt`", |u| {
        Value::Text(Some(u.operation))
    }),
    text("account", "`recipientAccountId`: whose log it is", |u| Value::Text(u.account)),
    text("region", "`awsRegion`", |u| Value::Text(u.region)),
    needed(("failed", Kind::Flag), "whether the call failed", |u| Value::Flag(u.failed)),
    text("error", "`errorCode` of a call that failed", |u| Value::Text(u.error)),
    text("key_arn", "the key, by its ARN", |u| Value::Text(u.key.map(|key| key.arn.as_str()))),
    text("key_account", "the account that owns the key", |u| {
        Value::Text(u.key.and_then(|key| key.account.as_deref()))
    }),
    text("key_alias", "the alias by which the caller named the key", |u| {
        Value::Text(u.key.and_then(|key| key.alias.as_deref()))
    }),
    text("principal_arn", "the role of a session, else the user or the service that called", |u| {
        Value::Text(u.principal.arn.as_deref())
    }),
    text("principal_type", "`userIdentity.type`", |u| Value::Text(u.principal.kind.as_deref())),
    text("principal_account", "the account of the caller", |u| {
        Value::Text(u.principal.account.as_deref())
    }),
    text("session", "the name of a role session", |u| Value::Text(u.session)),
    text("access_key_id", "`userIdentity.accessKeyId`", |u| Value::Text(u.access_key)),
    text("invoked_by", "the service that called for the principal, or for itself", |u| {
        Value::Text(u.principal.invoked_by.as_deref())
    }),
    needed(
        ("actor", Kind::Text),
        "by whose hand: `direct`, `via`, `service`, `infrastructure`",
        |u| Value::Text(Some(u.actor)),
    ),
    needed(("mfa", Kind::Text), "`yes`, `no`, `unknown` or `n/a`", |u| {
        Value::Text(Some(u.principal.mfa.as_str()))
    }),
    text("source_ip", "`sourceIPAddress`", |u| Value::Text(u.source_ip)),
    text("user_agent", "`userAgent`", |u| Value::Text(u.user_agent)),
    text("resource_arn", "what the key was used on, by the encryption context", |u| {
        Value::Text(u.resource.map(|resource| resource.arn.as_str()))
    }),
    text("resource_type", "its type, such as `s3-bucket`", |u| {
        Value::Text(u.resource.and_then(|resource| resource.kind.as_deref()))
    }),
    text(
        "subject",
        "what it was about, as precisely as the record says: an object, a parameter",
        |u| Value::Text(u.subject),
    ),
    needed(("has_context", Kind::Flag), "whether there was an encryption context", |u| {
        Value::Flag(u.has_context)
    }),
    needed(("copies", Kind::Number), "how many copies of the record were read", |u| {
        number(u.copies)
    }),
    needed(("object", Kind::Text), "the file or object where it was read", |u| {
        Value::Text(Some(&u.origin.blob))
    }),
    needed(
        ("record", Kind::Number),
        "its number there, from 0: `keytrail record 'OBJECT#RECORD'`",
        |u| number(u.origin.record.unwrap_or_default()),
    ),
];
