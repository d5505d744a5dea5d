//! Parses JSON into the model, in every spelling that AWS accepts. Anything else is an error.
//!
//! Documents come as text (KMS and IAM; percent-encoded in older IAM records) or as an object (S3). A
//! refused call logs its document too, so a document can have any shape.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Map, Value};
use thiserror::Error;

use super::condition::Condition;
use super::document::{Effect, Policy, Scope, Statement};
use super::principal::{Principal, Who};
use crate::record::json::{Json, Kind};

/// The longest document that is read, in bytes. KMS accepts 32 KB, S3 20 KB, IAM 10 KB.
pub const SIZE_MAX: usize = 64 * 1024;

/// Why something is no policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// Longer than [`SIZE_MAX`].
    #[error("longer than {SIZE_MAX} bytes")]
    TooLong,
    /// No JSON, or nested deeper than any policy.
    #[error("not JSON: {0}")]
    Json(String),
    /// JSON, but no document.
    #[error("expected an object with statements")]
    NoDocument,
    /// A member of a statement is not what it should be.
    #[error("statement {number}: {what}")]
    Statement {
        /// Which statement, from 1.
        number: usize,
        /// What was expected.
        what: &'static str,
    },
}

impl Policy {
    /// Reads the text of a document; percent-encoded text as well.
    ///
    /// # Errors
    /// What makes it no policy.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        if text.len() > SIZE_MAX {
            return Err(PolicyError::TooLong);
        }
        // No JSON starts with a percent sign.
        let encoded = text.trim_start().starts_with('%');
        let text = if encoded { Cow::Owned(percent_decoded(text)) } else { Cow::Borrowed(text) };
        let value: Value =
            serde_json::from_str(&text).map_err(|error| PolicyError::Json(error.to_string()))?;
        Policy::from_value(&value)
    }

    /// Reads a member of a record: text, or the document itself.
    ///
    /// # Errors
    /// What makes it no policy.
    pub fn read(value: Json<'_>) -> Result<Policy, PolicyError> {
        match value.kind() {
            Kind::String => Policy::parse(&value.as_str().unwrap_or_default()),
            Kind::Object => Policy::parse(value.raw()),
            _ => Err(PolicyError::NoDocument),
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// What makes it no policy.
    pub fn from_value(value: &Value) -> Result<Policy, PolicyError> {
        let document = value.as_object().ok_or(PolicyError::NoDocument)?;
        let version = member(document, "Version").and_then(scalar);
        let statements = match member(document, "Statement") {
            Some(Value::Array(statements)) => statements.iter().collect(),
            Some(one @ Value::Object(_)) => vec![one],
            _ => return Err(PolicyError::NoDocument),
        };
        let numbered = (1..).zip(statements);
        let read = |(number, value)| {
            statement(number, value).map_err(|what| PolicyError::Statement { number, what })
        };
        Ok(Policy { version, statements: numbered.map(read).collect::<Result<_, _>>()? })
    }
}

fn statement(number: usize, value: &Value) -> Result<Statement, &'static str> {
    let members = value.as_object().ok_or("expected an object")?;
    let effect = match member(members, "Effect").and_then(Value::as_str) {
        Some(text) if text.eq_ignore_ascii_case("Allow") => Effect::Allow,
        Some(text) if text.eq_ignore_ascii_case("Deny") => Effect::Deny,
        _ => return Err("Effect is neither Allow nor Deny"),
    };
    let who = match (member(members, "Principal"), member(members, "NotPrincipal")) {
        (Some(_), Some(_)) => return Err("both Principal and NotPrincipal"),
        (Some(named), None) => Who::Named(principals(named)?),
        (None, Some(spared)) => Who::AllBut(principals(spared)?),
        (None, None) => Who::Holder,
    };
    let actions = scope(members, "Action", "NotAction")?;
    let resources = scope(members, "Resource", "NotResource")?;
    let sid = member(members, "Sid").and_then(scalar).filter(|sid| !sid.trim().is_empty());
    let conditions = conditions(member(members, "Condition"))?;
    Ok(Statement::new((sid, number), effect, who, (actions, resources), conditions))
}

fn principals(value: &Value) -> Result<BTreeSet<Principal>, &'static str> {
    const EXPECTED: &str = "Principal is neither \"*\" nor lists of text by kind";
    match value {
        Value::String(text) => Ok([Principal::read("AWS", text)].into()),
        Value::Object(kinds) => {
            let mut found = BTreeSet::new();
            for (kind, texts) in kinds {
                let texts = list(texts).ok_or(EXPECTED)?;
                found.extend(texts.iter().map(|text| Principal::read(kind, text)));
            }
            Ok(found)
        }
        _ => Err(EXPECTED),
    }
}

fn scope(
    members: &Map<String, Value>,
    only: &'static str,
    all_but: &'static str,
) -> Result<Scope, &'static str> {
    let texts = |value| list(value).ok_or("actions and resources are text or lists of text");
    match (member(members, only), member(members, all_but)) {
        (Some(_), Some(_)) => Err("both a member and its opposite"),
        (Some(patterns), None) => texts(patterns).map(Scope::Only),
        (None, Some(patterns)) => texts(patterns).map(Scope::AllBut),
        (None, None) => Ok(Scope::Unsaid),
    }
}

/// The conditions, sorted, since their order means nothing.
fn conditions(value: Option<&Value>) -> Result<Vec<Condition>, &'static str> {
    const EXPECTED: &str = "Condition is not operators, keys and values";
    let operators = match value {
        None => return Ok(Vec::new()),
        Some(Value::Object(operators)) => operators,
        Some(_) => return Err(EXPECTED),
    };
    let mut found = Vec::new();
    for (operator, keys) in operators {
        for (key, values) in keys.as_object().ok_or(EXPECTED)? {
            let values = list(values).ok_or(EXPECTED)?;
            found.push(Condition { operator: operator.clone(), key: key.clone(), values });
        }
    }
    found.sort();
    Ok(found)
}

/// The member of this name, whatever its case; null counts as absent. `serde_json` has already kept
/// the last of several of the very same name.
fn member<'v>(members: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    let exact = members.get(name);
    let any = || members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    exact.or_else(|| any().map(|(_, value)| value)).filter(|value| !value.is_null())
}

/// One scalar or a list of them, as text.
fn list(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(values) => values.iter().map(scalar).collect(),
        one => Some(vec![scalar(one)?]),
    }
}

/// Text, a number or a boolean, as text: `true` and `"true"` mean the same to IAM.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Undoes percent-encoding (RFC 3986, section 2.1); `+` stays, as IAM writes `%20`.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
