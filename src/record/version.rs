//! `eventVersion`: which members a record may have.
//!
//! AWS raises the number behind the dot when it adds members, and the one before it when it changes
//! what is there. Records of every version are read alike, also those without one. What must stay true:
//! a version that is not known is said, and costs no record.

use std::borrow::Cow;

use super::event::Raw;

/// More digits than any version has.
const DIGITS: usize = 9;

/// A major number that is not known, or what stands in place of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown<'a>(Option<Cow<'a, str>>);

/// Whether the version is of a major number that is not known.
pub fn unknown(version: Option<Raw<'_>>) -> Option<Unknown<'_>> {
    let version = version.filter(|version| !version.is_null())?;
    if version.plain().is_some_and(|plain| plain.starts_with(b"1.")) {
        return None;
    }
    let Some(text) = version.text() else { return Some(Unknown(None)) };
    let major = text.split('.').next().unwrap_or_default();
    if major == "1" {
        return None;
    }
    let is_number =
        (1..=DIGITS).contains(&major.len()) && major.bytes().all(|b| b.is_ascii_digit());
    Some(Unknown(is_number.then(|| Cow::Owned(major.to_owned()))))
}

impl Unknown<'_> {
    /// The sentence about records of this version.
    pub fn message(&self) -> Cow<'static, str> {
        match &self.0 {
            Some(major) => format!(
                "eventVersion {major} is not known: its records are read as those of version 1."
            )
            .into(),
            None => {
                "eventVersion is no number: such records are read as those of version 1.".into()
            }
        }
    }
}
