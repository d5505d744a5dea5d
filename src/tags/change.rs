//! One fact about the tags of one resource.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::model::origin::Origin;
use crate::model::time::Time;

/// Tags by key, with their values as far as the log shows them.
pub type Tags = BTreeMap<String, Value>;

/// The value of an existing tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Its text; of a boolean or a number, as it was written.
    Text(String),
    /// CloudTrail left it out.
    Hidden,
}

/// What happened to the tags of a resource, or was seen of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// These tags have these values now; others stay.
    Set(Tags),
    /// These tags are gone now; of those with a value, only if they had it.
    Remove(BTreeMap<String, Option<String>>),
    /// These are all tags now.
    Replace(Tags),
    /// The resource is new and these are all its tags.
    Create(Tags),
    /// A file says that these are all tags; nothing changed.
    Observed(Tags),
    /// CloudTrail says that these tags have these values; nothing changed, and of others nothing is said.
    Seen(Tags),
    /// Something changed, and the record does not tell what.
    Blur,
    /// The resource is gone; what bears its name later is another one.
    Gone,
    /// There were changes for which there is no room.
    Lost,
}

/// Who says so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Evidence {
    /// As of when: `eventTime`, or the date of the file.
    pub time: Time,
    /// The record or the file.
    pub source: Source,
}

/// What evidence is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A CloudTrail record.
    Record {
        /// `eventID`
        id: Option<String>,
        /// `eventName`
        name: String,
        /// Who made the call.
        principal: Option<String>,
        /// Where it was read.
        origin: Origin,
    },
    /// CloudTrail itself, beside a record of whatever call.
    Enriched {
        /// `eventID`
        id: Option<String>,
        /// `eventName`
        name: String,
        /// Where it was read.
        origin: Origin,
    },
    /// A file with tags.
    File(Arc<str>),
    /// The encryption context of the calls in question, which callers write.
    Context,
}

/// A change of one resource, or an observation.
///
/// Ordered by time first. Copies of one record differ by origin only, and say the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Who says so, and as of when.
    pub evidence: Arc<Evidence>,
    /// What; one call may say the same of a thousand resources.
    pub what: Arc<What>,
}

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;

impl Change {
    /// The second it happened in, which is the resolution of `eventTime`.
    pub fn second(&self) -> i64 {
        second(self.evidence.time)
    }
}

/// The second that an instant lies in, counted from 1970.
pub fn second(time: Time) -> i64 {
    time.0.div_euclid(SECOND)
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Record { name, principal, .. } => {
                write!(f, "{name}")?;
                match principal {
                    Some(principal) => write!(f, " by {principal}"),
                    None => Ok(()),
                }
            }
            Source::Enriched { name, .. } => write!(f, "{name}, as an enriched event"),
            Source::File(name) => f.write_str(name),
            Source::Context => f.write_str("the encryption context"),
        }
    }
}

impl Value {
    /// The text of a value that the log shows.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Hidden => None,
        }
    }
}
