//! One record, read in place: the lazy view that routing, rules and findings share.
//!
//! An [`Event`] borrows the record's bytes and the marks that the scan left; a field costs nothing
//! until somebody asks for it. Of duplicate members the last one counts.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::json::Json;
use super::members::{Known, Members};
use super::scan::Index;
use super::scan::tape::Tape;
use super::unknown::Witness;
use crate::model::time::Time;

/// A record: valid JSON text of one object.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    text: &'a str,
    index: &'a Index,
    members: Option<Members>,
    tape: Option<&'a Tape>,
    witness: Option<&'a Witness<'a>>,
}

/// The record before anybody cares for it: bytes and marks, not yet known to be UTF-8.
#[derive(Debug, Clone, Copy)]
pub struct Marked<'a> {
    bytes: &'a [u8],
    index: &'a Index,
}

/// A top-level value: the record's bytes from the value on.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a>(&'a [u8]);

/// The members that every record is asked for, found in one pass over its marks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Header<'a> {
    /// `eventSource`
    pub source: Option<Raw<'a>>,
    /// `eventName`
    pub name: Option<Raw<'a>>,
    /// `eventTime`
    pub time: Option<Raw<'a>>,
    /// `awsRegion`
    pub region: Option<Raw<'a>>,
    /// `recipientAccountId`
    pub account: Option<Raw<'a>>,
    /// `eventID`
    pub id: Option<Raw<'a>>,
    /// `userIdentity`
    pub identity: Option<Raw<'a>>,
    /// `errorCode`
    pub error: Option<Raw<'a>>,
    /// `errorMessage`
    pub message: Option<Raw<'a>>,
    /// `eventVersion`
    pub version: Option<Raw<'a>>,
    /// `eventContext`
    pub context: Option<Raw<'a>>,
}

impl<'a> Raw<'a> {
    /// The bytes of a string that is spelt without escapes.
    pub fn plain(self) -> Option<&'a [u8]> {
        let inner = self.0.strip_prefix(b"\"")?;
        let len = memchr::memchr2(b'"', b'\\', inner)?;
        (inner[len] == b'"').then(|| &inner[..len])
    }

    /// A string, number or boolean as text, however it is spelt; `None` for anything else.
    pub fn text(self) -> Option<Cow<'a, str>> {
        if let Some(Ok(plain)) = self.plain().map(std::str::from_utf8) {
            return Some(Cow::Borrowed(plain));
        }
        let lossy = String::from_utf8_lossy(self.0);
        Some(Cow::Owned(Json::new(&lossy).scalar()?.into_owned()))
    }

    /// The text behind `prefix`, up to the next quote, of a value that is `prefix`, a text without
    /// escapes, and `"}`.
    pub fn between(self, prefix: &[u8]) -> Option<&'a [u8]> {
        let rest = self.0.strip_prefix(prefix)?;
        let len = memchr::memchr2(b'"', b'\\', rest)?;
        rest[len..].starts_with(b"\"}").then(|| &rest[..len])
    }

    /// Whether the value is null.
    pub fn is_null(self) -> bool {
        self.0.starts_with(b"null")
    }

    /// The value read as an instant.
    pub fn time(self) -> Option<Time> {
        if let Some(time) = self.plain().and_then(Time::parse_plain) {
            return Some(time);
        }
        event_time(Json::new(&String::from_utf8_lossy(self.0)))
    }
}

impl<'a> Marked<'a> {
    /// A record that the scan has proven to be one JSON object and has marked.
    pub fn new(bytes: &'a [u8], index: &'a Index) -> Self {
        Marked { bytes, index }
    }

    /// The record's bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The record as an event; `None` when it is not UTF-8.
    pub fn event(&self) -> Option<Event<'a>> {
        let text = simdutf8::basic::from_utf8(self.bytes).ok()?;
        Some(Event::new(text, self.index))
    }

    /// What is wrong with a record that lacks what every record has. Insight and aggregated records
    /// have their own members instead.
    pub fn lack(&self, header: &Header<'_>, time: Option<Time>) -> Option<String> {
        let text =
            |value: Option<Raw<'_>>| value.and_then(Raw::text).is_some_and(|text| !text.is_empty());
        let there = [text(header.source), text(header.name), time.is_some()];
        if there == [true; 3] {
            return None;
        }
        let event = self.event()?;
        let is = |name, known: &[&str]| {
            event.text_at(&[name]).is_some_and(|text| known.contains(&&*text))
        };
        if is("eventCategory", &["Insight", "Aggregated"])
            || is("eventType", &["AwsCloudTrailInsight"])
        {
            return None;
        }
        let names = ["eventSource", "eventName", "eventTime"].into_iter().zip(there);
        let missing: Vec<&str> =
            names.filter_map(|(name, there)| (!there).then_some(name)).collect();
        Some(format!("no readable {}: expected in every record", missing.join(", ")))
    }

    /// Whether the record is UTF-8.
    pub fn is_utf8(&self) -> bool {
        self.is_ascii() || simdutf8::basic::from_utf8(self.bytes).is_ok()
    }

    /// Whether the record needs a look at its UTF-8 at all.
    pub fn is_ascii(&self) -> bool {
        !self.index.flags.high
    }

    /// The top-level members' values by name, found in one pass.
    ///
    /// No name that is asked for is shorter than seven bytes, so the eight bytes before a name's
    /// closing quote tell most members apart at once; those that look right are compared whole.
    pub fn header(&self) -> Header<'a> {
        let mut header = Header::default();
        if self.index.flags.escaped_keys {
            return self.header_plain();
        }
        for &colon in self.index.colons() {
            let colon = colon as usize;
            let before = &self.bytes[..colon];
            let Some((tail, b"\"")) = before.split_last_chunk::<1>() else {
                return self.header_plain();
            };
            // The rest of each name is compared by itself, so that no call is made for it. No
            // top-level string holds a backslash, so the quote found there opens the name.
            let slot = match tail.last_chunk::<8>() {
                Some(b"ntSource") if tail.ends_with(b"\"eventSource") => &mut header.source,
                Some(b"ventName") if tail.ends_with(b"\"eventName") => &mut header.name,
                Some(b"ventTime") if tail.ends_with(b"\"eventTime") => &mut header.time,
                Some(b"wsRegion") if tail.ends_with(b"\"awsRegion") => &mut header.region,
                Some(b"ccountId") if tail.ends_with(b"\"recipientAccountId") => &mut header.account,
                Some(b"\"eventID") => &mut header.id,
                Some(b"Identity") if tail.ends_with(b"\"userIdentity") => &mut header.identity,
                Some(b"rrorCode") if tail.ends_with(b"\"errorCode") => &mut header.error,
                Some(b"rMessage") if tail.ends_with(b"\"errorMessage") => &mut header.message,
                Some(b"tContext") if tail.ends_with(b"\"eventContext") => &mut header.context,
                Some(b"tVersion") if tail.ends_with(b"\"eventVersion") => &mut header.version,
                _ => continue,
            };
            *slot = Some(Raw(self.bytes[colon + 1..].trim_ascii_start()));
        }
        header
    }

    /// `readOnly`: a boolean in trail files, a string in other exports; `None` where it is neither.
    ///
    /// No part of the [`Header`], since it is asked of KMS records only.
    pub fn read_only(&self) -> Option<bool> {
        let spelt = |before: &[u8]| match before.last() {
            Some(b'"') if !self.index.flags.escaped_keys => before.ends_with(b"\"readOnly\""),
            _ => name_text(before) == "readOnly",
        };
        // The last one of that name counts.
        let colon = self.index.colons().iter().rev().map(|colon| *colon as usize);
        let colon = { colon }.find(|colon| spelt(&self.bytes[..*colon]))?;
        let value = self.bytes[colon + 1..].trim_ascii_start();
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        let says =
            |word: &[u8]| value.get(..word.len()).is_some_and(|v| v.eq_ignore_ascii_case(word));
        match (says(b"true"), says(b"false")) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }

    /// The header, member by member: for names that are spelt with escapes or set off by spaces.
    fn header_plain(&self) -> Header<'a> {
        let mut header = Header::default();
        for &colon in self.index.colons() {
            let colon = colon as usize;
            let value = self.bytes[colon + 1..].trim_ascii_start();
            header.set(name_text(&self.bytes[..colon]).as_bytes(), Raw(value));
        }
        header
    }
}

/// The member name at the end of `before`, which goes up to the member's colon; escapes undone.
fn name_text(before: &[u8]) -> String {
    let before = before.trim_ascii_end();
    let before = before.strip_suffix(b"\"").unwrap_or(before);
    // The quote that opens the name is the last one that no odd run of backslashes escapes.
    let mut start = before.len();
    while let Some(quote) = memchr::memrchr(b'"', &before[..start]) {
        let slashes = before[..quote].iter().rev().take_while(|&&b| b == b'\\').count();
        if slashes % 2 == 0 {
            return super::json::unescape(&String::from_utf8_lossy(&before[quote + 1..]));
        }
        start = quote;
    }
    String::new()
}

impl<'a> Header<'a> {
    /// Whether the call failed or was refused, as [`Event::failed`] says.
    pub fn failed(&self) -> bool {
        [self.error, self.message].into_iter().flatten().any(|value| !value.is_null())
    }

    fn set(&mut self, name: &[u8], value: Raw<'a>) {
        let slot = match name {
            b"eventSource" => &mut self.source,
            b"eventName" => &mut self.name,
            b"eventTime" => &mut self.time,
            b"awsRegion" => &mut self.region,
            b"recipientAccountId" => &mut self.account,
            b"eventID" => &mut self.id,
            b"userIdentity" => &mut self.identity,
            b"errorCode" => &mut self.error,
            b"errorMessage" => &mut self.message,
            b"eventVersion" => &mut self.version,
            b"eventContext" => &mut self.context,
            _ => return,
        };
        *slot = Some(value);
    }
}

impl<'a> Event<'a> {
    /// A view of `text`, which the scan has proven to be one JSON object and has marked.
    pub fn new(text: &'a str, index: &'a Index) -> Self {
        let members = Members::new(text.as_bytes(), index);
        Event { text, index, members, tape: None, witness: None }
    }

    /// The same view, with a tape of the same text at hand: faster where much is asked.
    pub fn with_tape(self, tape: &'a Tape) -> Event<'a> {
        Event { tape: tape.is_complete().then_some(tape), ..self }
    }

    /// The same view. A witness notes whether it is asked for what is unknown.
    pub fn with_witness(self, witness: &'a Witness<'a>) -> Event<'a> {
        Event { witness: Some(witness), ..self }
    }

    /// The same view, of which nobody notes what is asked.
    pub fn without_witness(self) -> Event<'a> {
        Event { witness: None, ..self }
    }

    /// Takes in that somebody asked for what the record does not have.
    pub fn miss(&self, path: &str) {
        if let Some(witness) = self.witness {
            witness.miss(path);
        }
    }

    /// Takes in that somebody looked at all of the record.
    pub fn miss_any(&self) {
        if let Some(witness) = self.witness {
            witness.miss_any();
        }
    }

    /// The value of a top-level member by its number.
    fn top(&self, member: usize) -> Option<Json<'a>> {
        let on_tape = |tape: &'a Tape| Json::on_tape(self.text, tape, tape.top(member)?);
        match self.tape.and_then(on_tape) {
            Some(value) => Some(value),
            None => {
                let colon = *self.index.colons().get(member)? as usize;
                self.text.get(colon + 1..).map(Json::new)
            }
        }
    }

    /// The value that begins at or behind an offset.
    pub fn value_at(&self, offset: usize) -> Option<Json<'a>> {
        let on_tape = |tape: &'a Tape| Json::on_tape(self.text, tape, tape.at_or_behind(offset)?);
        match self.tape.and_then(on_tape) {
            Some(value) => Some(value),
            None => self.text.get(offset..).map(Json::new),
        }
    }

    /// The record's own text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The record as a value.
    pub fn json(&self) -> Json<'a> {
        let on_tape = |tape| Json::on_tape(self.text, tape, 0);
        self.tape.and_then(on_tape).unwrap_or_else(|| Json::new(self.text))
    }

    /// A top-level member; the last one of that name. Always in line, so that a name that is known
    /// when this is compiled costs no comparison.
    #[inline(always)]
    pub fn get(&self, name: &str) -> Option<Json<'a>> {
        let value = self.peek(name);
        if value.is_none() && self.witness.is_some() {
            self.miss(name);
        }
        value
    }

    /// The same for a reader that goes on without the member, whether it is absent or unknown.
    #[inline(always)]
    pub fn peek(&self, name: &str) -> Option<Json<'a>> {
        match self.members.as_ref().map_or(Known::Other, |members| members.find(name)) {
            Known::At(member) => self.top(member),
            Known::Absent => None,
            Known::Other => self.search(name),
        }
    }

    /// [`get`](Event::get) for names that are known only when it is called.
    fn member(&self, name: &str) -> Option<Json<'a>> {
        self.get(name)
    }

    /// Whether some top-level member may be named like a path, with dots: rare, and worth not to be
    /// searched for.
    pub fn may_have_dots(&self) -> bool {
        self.members.as_ref().is_none_or(Members::may_have_dots)
    }

    /// Goes through the marks for a member.
    fn search(&self, name: &str) -> Option<Json<'a>> {
        if self.index.flags.escaped_keys || name.is_empty() {
            return self.json().get(name);
        }
        let bytes = self.text.as_bytes();
        let last = name.as_bytes().last();
        for &colon in self.index.colons().iter().rev() {
            let colon = colon as usize;
            let before = match bytes[..colon].split_last() {
                // One byte tells most names apart, without a call.
                Some((b'"', before)) if before.last() != last => continue,
                Some((b'"', before)) => before,
                _ => match bytes[..colon].trim_ascii_end().strip_suffix(b"\"") {
                    Some(before) => before,
                    None => continue,
                },
            };
            let Some(before) = before.strip_suffix(name.as_bytes()) else { continue };
            // No top-level string holds a backslash, so this quote opens the name.
            if before.last() == Some(&b'"') {
                return self.value_at(colon + 1);
            }
        }
        None
    }

    /// The value behind a path of member names, from the top.
    pub fn path(&self, path: &[&str]) -> Option<Json<'a>> {
        let (first, rest) = path.split_first()?;
        self.member(first)?.path(rest)
    }

    /// The string (or number, or boolean as text) behind a path.
    pub fn text_at(&self, path: &[&str]) -> Option<Cow<'a, str>> {
        self.path(path)?.scalar()
    }

    /// Whether a VPC endpoint logged the call, which its service logs as well. AWS's own pages spell
    /// the type in two ways.
    pub fn is_of_endpoint(&self) -> bool {
        let is = |name, known: &[&str]| {
            let text = self.get(name).and_then(Json::as_str);
            text.is_some_and(|text| known.contains(&&*text))
        };
        is("eventCategory", &["NetworkActivity"])
            || is("eventType", &["AwsVpceEvent", "AwsVpceEvents"])
    }

    /// Whether the call failed or was refused: `errorCode` or `errorMessage` is there and not null.
    ///
    /// Successful records have neither.
    pub fn failed(&self) -> bool {
        let set = |name| self.get(name).is_some_and(|value| !value.is_null());
        set("errorCode") || set("errorMessage")
    }
}

/// Reads an `eventTime`: text, or the epoch number that some exports write.
pub fn event_time(value: Json<'_>) -> Option<Time> {
    // 2001: whatever number is smaller counts something else.
    const EARLIEST: Time = Time(1_000_000_000_000_000);
    let time = match value.as_str() {
        Some(text) => Time::parse_exported(&text),
        None => Time::from_epoch(value.as_f64()?),
    };
    time.filter(|time| *time >= EARLIEST)
}
