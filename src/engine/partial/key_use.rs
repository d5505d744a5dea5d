//! One use of a key: a row of fixed size, and the texts behind it.
//!
//! Every crypto operation, successful or refused, is a row: who, which key, on what, when, how, and
//! where it was read. Texts that come again and again are names in the dictionary; those that do
//! not (session, access key, the object itself) lie in the heap behind the row.
//!
//! What must stay true: rows of one key are neighbours, in them rows of one use, and in these copies
//! of one record. Nothing in a row depends on what else was read.

pub use super::entry::{Reader, Writer};
pub use super::purpose::Purpose;
use crate::engine::store::dictionary::{NONE, Sym};
use crate::engine::store::runs::Row;
use crate::engine::store::texts::{NOWHERE, TextAt};
use crate::model::level::Level;
use crate::model::principal::{Mfa, Principal};
use crate::record::kms::Actor;

/// A use of a key. Ordered by key, use, time and event id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyUse {
    /// The ARN of the key.
    pub key: Sym,
    /// Keyed hash of what makes uses the same: who uses which key how, on what, where.
    pub used: u64,
    /// `eventTime`, microseconds since 1970.
    pub time: i64,
    /// The event id if it is a UUID, else the record's identity.
    pub id: [u64; 2],
    /// Keyed hash of the record's text.
    pub content: u64,
    /// A [`Who`].
    pub who: Sym,
    /// A [`Call`].
    pub call: Sym,
    /// A [`Purpose`].
    pub purpose: Sym,
    /// A [`Client`].
    pub client: Sym,
    /// [`Matches`] that correlations look at, if there are any.
    pub matches: Sym,
    /// What the call was about, as precisely as the record says, by its hash; 0 if it names nothing.
    pub subject: u64,
    /// [`Behind`]
    pub text: TextAt,
    /// The blob's number.
    pub blob: u64,
    /// The record's number in the blob, and the [`flag`]s in the lowest two bytes.
    place: u64,
}

/// What a row says by one bit.
pub mod flag {
    /// The record lies in the range that is reported.
    pub const REPORTED: u64 = 1;
    /// It lay there in an earlier run.
    pub const RECALLED: u64 = 2;
    /// The event id is a UUID.
    pub const UUID: u64 = 4;
    /// There is no event id.
    pub const NO_ID: u64 = 8;
    /// The session is named as the resource is.
    pub const OWN_SESSION: u64 = 16;
    /// Secrets Manager only tries whether it may use the key.
    pub const PROBE: u64 = 32;
    /// It stands for several uses of earlier runs.
    pub const STANDS_FOR: u64 = 64;
    /// What it is for is told by the text of the record, which is kept.
    pub const SEVERAL_KEYS: u64 = 128;
    /// An earlier run left it for a window: another record stands for the use.
    pub const OF_WINDOW: u64 = 256;
    /// It is what a bucket has left that has decided over its uses: only whom the next flags name looks at it.
    pub const LEFT: u64 = 512;
    /// Rules over the uses of a key: the row stands for all uses of its kind.
    pub const OF_KIND: u64 = 1024;
    /// Whoever compares tags.
    pub const OF_PAIR: u64 = 2048;
    /// Histories that ask where each call came from.
    pub const OF_CALL: u64 = 4096;
    /// Correlations. Such a row is as it was read.
    pub const OF_MATCH: u64 = 8192;
    /// Of a kind: any of its uses lies in the range that is reported.
    pub const KIND_REPORTED: u64 = 1 << 14;
    /// Of a kind: the rules over all uses of the key have decided without it.
    pub const KEY_DONE: u64 = 1 << 15;
    /// What is the same in every run.
    pub const LASTING: u64 = UUID | NO_ID | OWN_SESSION | PROBE | SEVERAL_KEYS;
}

impl KeyUse {
    /// With its place and flags.
    #[must_use]
    pub fn at(mut self, blob: u64, record: u64, flags: u64) -> KeyUse {
        self.blob = blob;
        self.place = record << 16 | (flags & 0xffff);
        self
    }

    /// The same row, with its text and its blob under other numbers.
    #[must_use]
    pub fn renumbered(self, text: TextAt, blob: u64) -> KeyUse {
        KeyUse { text, blob, ..self }
    }

    /// The same row, read at another place.
    #[must_use]
    pub fn read_at(self, blob: u64, record: u64) -> KeyUse {
        self.at(blob, record, self.place)
    }

    /// As the next run gets it: what only this run knows is left out.
    #[must_use]
    pub fn handed_on(self, blob: u64, matches: Sym) -> KeyUse {
        let place = self.place & (flag::LASTING | !0xffff)
            | if self.is(flag::REPORTED | flag::RECALLED) { flag::RECALLED } else { 0 };
        KeyUse { matches, text: NOWHERE, blob, place, ..self }
    }

    /// As an earlier run has handed it on, with its place and matches in this run.
    #[must_use]
    pub fn taken_up(self, (blob, text): (u64, TextAt), matches: Sym, flags: u64) -> KeyUse {
        KeyUse { matches, text, blob, place: self.place | flags, ..self }
    }

    /// The blob's number, and the record's in it.
    pub fn place(&self) -> (u64, u64) {
        (self.blob, self.record())
    }

    /// A row of nothing, to be filled.
    pub fn empty() -> KeyUse {
        KeyUse::read(&[0; KeyUse::WORDS])
    }

    /// The record's number in the blob.
    pub fn record(&self) -> u64 {
        self.place >> 16
    }

    /// Whether a flag is set.
    pub fn is(&self, flag: u64) -> bool {
        self.place & flag != 0
    }

    /// Whether whom a flag names looks at it: at every row that was read, and at what is left for it.
    pub fn serves(&self, whom: u64) -> bool {
        !self.is(flag::LEFT) || self.is(whom)
    }

    /// The [`Matches`] for correlations.
    pub fn looked_at(&self) -> Sym {
        if self.serves(flag::OF_MATCH) { self.matches } else { NONE }
    }

    /// The same row as a bucket leaves it: for whom, how many uses it stands for, and when the last of these
    /// was, in microseconds since 1970.
    #[must_use]
    pub fn left_for(self, whom: u64, (count, last): (u64, i64)) -> KeyUse {
        let place = self.place | flag::LEFT | whom;
        KeyUse { matches: count, subject: last.cast_unsigned(), place, ..self }
    }

    /// The same for correlations, which need all of it.
    #[must_use]
    pub fn left_as_it_is(self) -> KeyUse {
        KeyUse { place: self.place | flag::LEFT | flag::OF_MATCH, ..self }
    }

    /// What [`left_for`](KeyUse::left_for) was told.
    pub fn stands_for(&self) -> (u64, i64) {
        (self.matches, self.subject.cast_signed())
    }

    /// Whether another row is of a copy of the record.
    pub fn is_copy_of(&self, other: &KeyUse) -> bool {
        (self.key, self.used, self.time, self.id, self.content)
            == (other.key, other.used, other.time, other.id, other.content)
    }

    /// Whether another row is of the same use.
    pub fn is_same_use(&self, other: &KeyUse) -> bool {
        (self.key, self.used) == (other.key, other.used)
    }
}

impl Row for KeyUse {
    const WORDS: usize = 15;

    fn write(&self, words: &mut [u64]) {
        words.copy_from_slice(&[
            self.key,
            self.used,
            self.time.cast_unsigned(),
            self.id[0],
            self.id[1],
            self.content,
            self.who,
            self.call,
            self.purpose,
            self.client,
            self.matches,
            self.subject,
            self.text.0,
            self.blob,
            self.place,
        ]);
    }

    fn read(words: &[u64]) -> KeyUse {
        KeyUse {
            key: words[0],
            used: words[1],
            time: words[2].cast_signed(),
            id: [words[3], words[4]],
            content: words[5],
            who: words[6],
            call: words[7],
            purpose: words[8],
            client: words[9],
            matches: words[10],
            subject: words[11],
            text: TextAt(words[12]),
            blob: words[13],
            place: words[14],
        }
    }

    fn shard(&self) -> u64 {
        self.key
    }
}

/// Who used the key, without the session unless it tells people apart who share a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The principal; the session of all others is in the heap.
    pub principal: Principal,
    /// By whose hand.
    pub actor: Actor,
}

const ACTORS: [Actor; 4] = [Actor::Service, Actor::Via, Actor::Infrastructure, Actor::Direct];
const MFA: [Mfa; 4] = [Mfa::Yes, Mfa::No, Mfa::Unknown, Mfa::NotApplicable];

/// The place of a value in a list of all; 0 of one that is in none.
pub fn number_of<T: PartialEq>(all: &[T], value: &T) -> u32 {
    let at = all.iter().position(|other| other == value).unwrap_or_default();
    u32::try_from(at).unwrap_or_default()
}

impl Who {
    /// Writes what [`read`](Who::read) reads.
    pub fn write(bytes: &mut Vec<u8>, who: &crate::record::kms::Who<'_>, actor: Actor) {
        let mut writer = Writer(bytes);
        writer.number(number_of(&ACTORS, &actor)).number(number_of(&MFA, &who.mfa));
        writer.text(who.kind).text(who.arn.as_deref()).text(who.account).text(who.invoked_by);
        writer.text(who.person());
    }

    /// Reads an entry.
    pub fn read(bytes: &[u8]) -> Who {
        let mut reader = Reader(bytes);
        let actor = ACTORS[reader.number() as usize % ACTORS.len()];
        let mfa = MFA[reader.number() as usize % MFA.len()];
        let (kind, arn) = (reader.owned(), reader.owned());
        let (account, invoked_by) = (reader.owned(), reader.owned());
        let session = reader.owned();
        Who { principal: Principal { kind, arn, account, session, invoked_by, mfa }, actor }
    }
}

/// What was called, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `recipientAccountId`
    pub account: Option<String>,
    /// `awsRegion`
    pub region: Option<String>,
    /// `eventName`
    pub name: String,
    /// Whether it failed.
    pub attempt: bool,
}

impl Call {
    /// Writes what [`read`](Call::read) reads.
    pub fn write(bytes: &mut Vec<u8>, texts: [Option<&str>; 3], attempt: bool) {
        let mut writer = Writer(bytes);
        writer.number(u32::from(attempt));
        for text in texts.into_iter() {
            writer.text(text);
        }
    }

    /// Reads an entry.
    pub fn read(bytes: &[u8]) -> Call {
        let mut reader = Reader(bytes);
        let attempt = reader.number() != 0;
        let (account, region) = (reader.owned(), reader.owned());
        Call { account, region, name: reader.owned().unwrap_or_default(), attempt }
    }
}

/// Where a call came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// `sourceIPAddress`
    pub source_ip: Option<String>,
    /// `userAgent`
    pub user_agent: Option<String>,
}

impl Client {
    /// Writes what [`read`](Client::read) reads.
    pub fn write(bytes: &mut Vec<u8>, source_ip: Option<&str>, user_agent: Option<&str>) {
        Writer(bytes).text(source_ip).text(user_agent);
    }

    /// Reads an entry.
    pub fn read(bytes: &[u8]) -> Client {
        let mut reader = Reader(bytes);
        Client { source_ip: reader.owned(), user_agent: reader.owned() }
    }
}

/// A rule that matched a use, where a correlation looks at such matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// Index of the rule.
    pub rule: usize,
    /// At which level.
    pub level: Level,
    /// Counts only if any of these accounts is neither own nor trusted, if there are any.
    pub foreign: Vec<String>,
}

/// Writes what [`matches`] reads.
pub fn write_matches<'a>(
    bytes: &mut Vec<u8>,
    matches: impl IntoIterator<Item = (usize, Level, Vec<&'a str>)>,
) {
    let mut writer = Writer(bytes);
    for (rule, level, foreign) in matches {
        writer
            .number(u32::try_from(rule).unwrap_or(u32::MAX))
            .number(number_of(&Level::ALL, &level));
        writer.number(u32::try_from(foreign.len()).unwrap_or_default());
        for account in foreign.into_iter() {
            writer.text(Some(account));
        }
    }
}

/// Reads the matches of an entry.
pub fn matches(bytes: &[u8]) -> Vec<Matched> {
    let mut reader = Reader(bytes);
    let mut all = Vec::new();
    while !reader.0.is_empty() {
        let rule = reader.number() as usize;
        let level = Level::ALL[reader.number() as usize % Level::ALL.len()];
        let foreign = (0..reader.number()).filter_map(|_| reader.owned()).collect();
        all.push(Matched { rule, level, foreign });
    }
    all
}

/// What lies behind a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behind {
    /// The session name of a role session.
    pub session: Option<String>,
    /// The event id, if it is no UUID.
    pub id: Option<String>,
    /// `userIdentity.accessKeyId`
    pub access_key: Option<String>,
    /// What the call was about, as precisely as the record says.
    pub subject: Option<String>,
    /// `errorCode`
    pub error: Option<String>,
}

impl Behind {
    /// Writes what [`read`](Behind::read) reads: session, id, access key, subject, error.
    pub fn write(bytes: &mut Vec<u8>, texts: [Option<&str>; 5]) {
        let mut writer = Writer(bytes);
        for text in texts.into_iter() {
            writer.text(text);
        }
    }

    /// Reads an entry.
    pub fn read(bytes: &[u8]) -> Behind {
        let mut reader = Reader(bytes);
        Behind {
            session: reader.owned(),
            id: reader.owned(),
            access_key: reader.owned(),
            subject: reader.owned(),
            error: reader.owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_read_back_as_they_were_written() {
        let mut bytes = Vec::new();
        let accounts = vec!["1", "2"];
        write_matches(&mut bytes, [(3, Level::High, accounts), (4, Level::Low, vec![])]);
        let read = matches(&bytes);
        assert_eq!(read[0].foreign, ["1", "2"]);
        assert_eq!((read[1].rule, read[1].level), (4, Level::Low));
        let mut bytes = Vec::new();
        Behind::write(&mut bytes, [Some("s"), None, Some(""), None, Some("e")]);
        let behind = Behind::read(&bytes);
        assert_eq!(
            (behind.session.as_deref(), behind.access_key.as_deref()),
            (Some("s"), Some(""))
        );
        assert_eq!((behind.id, behind.error.as_deref()), (None, Some("e")));
    }

    #[test]
    fn rows_are_ordered_as_their_words_say() {
        let mut words = [7; KeyUse::WORDS];
        words[14] = 9 << 16 | flag::UUID;
        let row = KeyUse::read(&words);
        let mut again = [0; KeyUse::WORDS];
        row.write(&mut again);
        assert_eq!(again, words);
        assert_eq!((row.record(), row.is(flag::UUID), row.is(flag::PROBE)), (9, true, false));
    }
}
