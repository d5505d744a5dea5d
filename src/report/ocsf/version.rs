//! The versions of OCSF that can be written.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::report::escape;

/// A version of the schema. Those that come later compare as greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OcsfVersion {
    /// 1.1.0, the first with Detection Finding.
    V1_1,
    /// 1.2.0
    V1_2,
    /// 1.3.0
    V1_3,
    /// 1.4.0
    V1_4,
    /// 1.5.0
    V1_5,
    /// 1.6.0
    V1_6,
    /// 1.7.0
    V1_7,
    /// 1.8.0. The default.
    #[default]
    V1_8,
}

impl OcsfVersion {
    /// All of them, the oldest first.
    pub const ALL: [OcsfVersion; 8] = [
        OcsfVersion::V1_1,
        OcsfVersion::V1_2,
        OcsfVersion::V1_3,
        OcsfVersion::V1_4,
        OcsfVersion::V1_5,
        OcsfVersion::V1_6,
        OcsfVersion::V1_7,
        OcsfVersion::V1_8,
    ];

    /// A member that versions before `first` do not have.
    pub fn since(self, first: OcsfVersion, value: impl Into<Value>) -> Value {
        if self >= first { value.into() } else { Value::Null }
    }

    /// As `metadata.version` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            OcsfVersion::V1_1 => "1.1.0",
            OcsfVersion::V1_2 => "1.2.0",
            OcsfVersion::V1_3 => "1.3.0",
            OcsfVersion::V1_4 => "1.4.0",
            OcsfVersion::V1_5 => "1.5.0",
            OcsfVersion::V1_6 => "1.6.0",
            OcsfVersion::V1_7 => "1.7.0",
            OcsfVersion::V1_8 => "1.8.0",
        }
    }
}

impl fmt::Display for OcsfVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for OcsfVersion {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        OcsfVersion::ALL.into_iter().find(|version| version.as_str() == s).ok_or_else(|| {
            let names = OcsfVersion::ALL.map(OcsfVersion::as_str);
            format!("unknown version '{}': use one of {}", escape::visible(s), names.join(", "))
        })
    }
}
