//! One record, and what the rules say of it.
//!
//! ```text
//! identity   what makes a record the same as its copies, and no other
//! ask        the rules that could match are asked
//! matched    what a match becomes: a group of one
//! ```
//!
//! A record that is read and one that was kept come by here alike. What must stay true: nothing here
//! depends on any other record.

pub mod ask;
pub mod identity;
pub mod matched;

use std::cell::OnceCell;

use crate::model::time::Time;
use crate::record::event::{Header, Marked, Raw};
use crate::record::kms::{View, is_crypto};
use crate::record::scan;

/// The source of KMS calls.
pub const KMS: &[u8] = b"kms.amazonaws.com";

/// What every record has, read once.
pub struct Basics<'a> {
    pub header: Header<'a>,
    pub time: Option<Time>,
    pub source: &'a [u8],
    pub name: &'a [u8],
}

impl<'a> Basics<'a> {
    pub fn of(record: &Marked<'a>) -> Basics<'a> {
        let header = record.header();
        Basics {
            time: header.time.and_then(Raw::time),
            source: header.source.and_then(Raw::plain).unwrap_or_default(),
            name: header.name.and_then(Raw::plain).unwrap_or_default(),
            header,
        }
    }

    /// Whether KMS wrote the record.
    pub fn is_kms(&self) -> bool {
        self.source == KMS
    }

    /// Whether a record of another service may say something of tags. One whose name is spelt with
    /// escapes may.
    pub fn concerns_tags(&self) -> bool {
        match self.name {
            [] => self.header.name.is_some(),
            name => crate::tags::extract::concerns(name),
        }
    }
}

/// Reads the texts of records that were kept.
pub struct Parser {
    scan: scan::Scan,
    index: scan::Index,
}

impl Default for Parser {
    fn default() -> Parser {
        Parser { scan: scan::fastest(), index: scan::Index::default() }
    }
}

impl Parser {
    /// Hands the record of a text to `take`; `None` if the text is no record, which no kept one is.
    pub fn read<T>(
        &mut self,
        number: u64,
        text: &[u8],
        take: impl FnOnce(&Record<'_>) -> T,
    ) -> Option<T> {
        let start = text.iter().position(|byte| *byte == b'{')?;
        let (len, _) = (self.scan)(&text[start..], &mut self.index)?;
        let marked = Marked::new(&text[start..start + len], &self.index);
        let event = marked.event()?;
        let record = Record::new(number, Basics::of(&marked), View::new(&event));
        Some(take(&record))
    }
}

/// A record that is looked at closely.
pub struct Record<'r> {
    /// Its number in the blob.
    pub number: u64,
    pub basics: Basics<'r>,
    pub view: View<'r>,
    of_endpoint: OnceCell<bool>,
    crypto: OnceCell<bool>,
}

impl<'r> Record<'r> {
    pub fn new(number: u64, basics: Basics<'r>, view: View<'r>) -> Record<'r> {
        Record { number, basics, view, of_endpoint: OnceCell::new(), crypto: OnceCell::new() }
    }

    /// Whether a VPC endpoint logged the call, which its service logs as well.
    pub fn is_of_endpoint(&self) -> bool {
        *self.of_endpoint.get_or_init(|| self.view.event().is_of_endpoint())
    }

    /// Whether it is a KMS call that encrypts, decrypts or the like.
    pub fn is_crypto(&self) -> bool {
        let is_crypto = || self.view.name().is_some_and(|name| is_crypto(&name));
        *self.crypto.get_or_init(|| self.basics.is_kms() && is_crypto())
    }
}
