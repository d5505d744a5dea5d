//! Where something was read: a blob, and the record in it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// A blob (`PATH`, `-`, `s3://BUCKET/KEY`) and, where one is meant, the record in it.
///
/// Records are numbered from 0 in the order in which the blob holds them, as in `.Records[0]`.
/// Ordered by name, then by number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The blob's name as a person would type it.
    pub blob: Arc<str>,
    /// The record's 0-based number in the blob, `None` for the blob itself.
    pub record: Option<u64>,
}

impl Origin {
    /// The blob as a whole.
    pub fn blob(name: impl Into<Arc<str>>) -> Self {
        Origin { blob: name.into(), record: None }
    }

    /// Record number `record` (0-based) of a blob.
    pub fn record(name: impl Into<Arc<str>>, record: u64) -> Self {
        Origin { blob: name.into(), record: Some(record) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.blob)?;
        match self.record {
            Some(record) => write!(f, "#{record}"),
            None => Ok(()),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Origin {
    fn schema_name() -> Cow<'static, str> {
        "Origin".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}
