//! Rules over many records: Sigma correlations, and histories, which are code.
//!
//! Neither sees records in any order. What a record means to such a rule is noted while reading,
//! and decided when all is read and every copy has fallen together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::usual::Reads;
use crate::model::days::Days;
use crate::model::delivery::Deliveries;
use crate::model::estate::Estate;
use crate::model::finding::{Key, Resource};
use crate::model::level::Level;
use crate::model::memory::Habit;
use crate::model::principal::Principal;
use crate::model::time::Time;
use crate::model::undo::Reversible;
use crate::record::event::Event;
use crate::record::kms::View;
use crate::record::undo;
use crate::tags::book::Book;

/// A Sigma correlation (Sigma specification, "Correlation rules").
#[derive(Debug, Clone)]
pub struct Correlation {
    /// What it asks.
    pub kind: Kind,
    /// The rules whose matches it looks at, by id or name. Each row is one step, which any of its
    /// rules makes.
    pub steps: Vec<Vec<String>>,
    /// What its matches have in common.
    pub by: Vec<By>,
    /// The length of the window, in microseconds.
    pub span: i64,
    /// Matches of a lower level than this do not count.
    pub from: Level,
    /// What becomes of it.
    pub verdict: Verdict,
    /// What its matches read, if they are judged against what is usual for the principal. It groups
    /// by the account and the principal then.
    pub usual: Option<Reads>,
}

/// What a correlation asks of the matches in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// How many there are.
    EventCount(Vec<Limit>),
    /// How many different values the fields have, together.
    ValueCount(Vec<Limit>, Vec<String>),
    /// How many of the steps were made.
    Temporal(Vec<Limit>),
    /// Whether every step was made, each at the time of the one before it or later.
    TemporalOrdered,
}

/// One comparison of a count with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How they compare.
    pub than: Compare,
    /// The number.
    pub number: u64,
}

/// How a count compares with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Compare {
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
    Equal,
    NotEqual,
}

impl Limit {
    /// Whether `count` satisfies it.
    pub fn holds(self, count: u64) -> bool {
        match self.than {
            Compare::Less => count < self.number,
            Compare::LessOrEqual => count <= self.number,
            Compare::More => count > self.number,
            Compare::MoreOrEqual => count >= self.number,
            Compare::Equal => count == self.number,
            Compare::NotEqual => count != self.number,
        }
    }
}

/// A field to group by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// Its name.
    pub name: String,
    /// What some of the rules call it, by the rule's id or name.
    pub of: BTreeMap<String, String>,
}

impl By {
    /// What the rule that `is` says is named calls the field.
    pub fn name_of(&self, is: impl Fn(&str) -> bool) -> &str {
        let of = self.of.iter().find(|(rule, _)| is(rule));
        of.map_or(self.name.as_str(), |(_, field)| field)
    }
}

/// The least count that satisfies some limits.
pub fn least(limits: &[Limit]) -> u64 {
    let least = limits.iter().map(|limit| match limit.than {
        Compare::More => limit.number.saturating_add(1),
        Compare::MoreOrEqual | Compare::Equal => limit.number,
        Compare::Less | Compare::LessOrEqual | Compare::NotEqual => 0,
    });
    least.max().unwrap_or_default()
}

/// What becomes of a correlation that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A finding of its own.
    Finding,
    /// A finding of the rule of this id.
    FindingOf(String),
    /// The findings of the rule of this id that the matches are get the level of the correlation.
    Raises(String),
}

/// How long most histories look back at records, in days: policies, aliases and the life of keys
/// change seldom.
pub const RECORD_DAYS: u16 = 400;

/// How long most look back at uses, in days. Whoever has not used a key for a quarter of a year uses
/// it anew.
pub const USE_DAYS: u16 = 90;

/// A rule over many records that is code.
///
/// It is shown records one by one and uses of keys in groups, marks those that concern it, and
/// decides over all marks of one part together.
pub trait History: Send + Sync {
    /// What a record means to it: nothing, for most. It may be any record at all, not only one
    /// that the selection fits.
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>);

    /// Whether a mark says that nobody knows what the record did, so that nothing is compared across it.
    /// Such a mark counts although an export left out what the history asks for.
    fn is_gap(&self, _mark: &Mark) -> bool {
        false
    }

    /// Whether it wants to be shown records, and not only uses.
    fn wants_records(&self) -> bool {
        true
    }

    /// Which uses of keys it wants to be shown.
    fn uses(&self) -> Uses<'_> {
        Uses::None
    }

    /// Whether a mark of this kind is one for which it wants the uses of a marked key. A history that
    /// marks many keys and decides about few says so here.
    fn asks_for_uses(&self, _kind: u32) -> bool {
        true
    }

    /// Whether it asks of a use if the resource knows no other key, [`Use::only_key`].
    fn asks_for_other_keys(&self) -> bool {
        false
    }

    /// What a use of a key means to it.
    fn note_use(&self, _use: &Use<'_>, _marks: &mut Vec<Mark>) {}

    /// What one use of a key means to it, with where it was called from.
    fn note_call(&self, _call: &CallBy<'_>, _marks: &mut Vec<Mark>) {}

    /// Whether marks of one day become one that say the same of the same part. So a million records
    /// of one principal are a few notes; the note is of the first of them, and counts one. The next
    /// run gets to know the values of marks of kind 0 and their days.
    fn sums_days(&self) -> bool {
        false
    }

    /// For how many days after a record, or after the last of its uses, a later one may come that it
    /// is judged with. A run hands on to the next what is not older; what is ages out.
    fn days(&self) -> u16 {
        RECORD_DAYS
    }

    /// The same of the uses that it is shown.
    fn use_days(&self) -> u16 {
        USE_DAYS
    }

    /// The kinds of marks without which a part gives nothing: all kinds of any one row. A part that
    /// lacks them is never decided over, which saves reading what was noted.
    fn needs(&self) -> &[&[u32]] {
        &[&[]]
    }

    /// Decides over everything that was noted under one part, in the order of time.
    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided>;

    /// The rule that its findings are said to be of, if not its own.
    fn finding_of(&self) -> Option<&'static str> {
        None
    }

    /// The rule whose findings it raises and lowers, if it has none of its own.
    fn adjusts(&self) -> Option<&'static str> {
        None
    }
}

/// Which uses of keys a history wants to be shown. An organisation has millions, so each history
/// says as closely as it can which of them matter.
#[derive(Clone, Copy)]
pub enum Uses<'a> {
    /// None.
    None,
    /// Those of keys under which it marked a record too, the record naming the key.
    OfMarkedKeys,
    /// Those of keys of which any use passes the test, or under which it marked a record.
    OfKeysWith(fn(&Use<'_>) -> bool),
    /// Those that pass the test.
    With(fn(&Use<'_>) -> bool),
    /// All, one by one, with where they were called from.
    OneByOne,
    /// All, but it decides over the uses of one key at once and needs no marks.
    OverKeys(&'a dyn OverKeys),
}

/// A rule that decides over all uses of one key.
///
/// It sees nothing else, so that whoever has all uses of a key can decide. What must stay true: of accounts it asks
/// only whether those of principals are among them.
pub trait OverKeys: Send + Sync {
    /// Decides over the uses of one key, in the order of their first records; `accounts` is every account that
    /// receives records. Notes in what it decides are indexes of uses.
    fn decide(&self, uses: &[Use<'_>], accounts: &BTreeSet<String>) -> Vec<Decided>;
}

/// It is shown the uses of every key and no records, so it notes nothing.
impl<T: OverKeys> History for T {
    fn note(&self, _event: &Event<'_>, _view: &View<'_>, _marks: &mut Vec<Mark>) {}

    fn wants_records(&self) -> bool {
        false
    }

    fn uses(&self) -> Uses<'_> {
        Uses::OverKeys(self)
    }

    fn conclude(&self, _notes: &[Noted], _context: &Context<'_>) -> Vec<Decided> {
        Vec::new()
    }
}

/// What a record means to a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Marks with the same part are decided over together: a key, a principal, …
    pub part: String,
    /// The history's own.
    pub kind: u32,
    /// The history's own.
    pub value: String,
}

/// All uses of one key by one principal, with one operation, on one resource.
///
/// CloudTrail's own use of a trail's key is none.
#[derive(Debug, Clone, Copy)]
pub struct Use<'a> {
    /// The operation: `Decrypt`, …
    pub name: &'a str,
    /// By whose hand: `service`, `via`, `infrastructure` or `direct`.
    pub actor: &'a str,
    /// Whether it was refused or failed.
    pub attempt: bool,
    /// Who, without the session.
    pub principal: &'a Principal,
    /// Whether the first was made in a session that is named as the resource is, as the sessions of
    /// functions are.
    pub own_session: bool,
    /// Whether no other key was ever used on the resource, as far as the log shows. Only of marked
    /// keys, and only if a history asks for it; else `false`.
    pub only_key: bool,
    /// Which key.
    pub key: Option<&'a Key>,
    /// On what.
    pub resource: Option<&'a Resource>,
    /// The times of the first, and the last.
    pub times: (Time, Time),
    /// How many, copies not counted.
    pub count: u64,
    /// On which days; of those that earlier runs have left, the first and the last.
    pub days: Days,
}

/// One use of a key, and where it was called from.
#[derive(Debug, Clone, Copy)]
pub struct CallBy<'a> {
    /// `recipientAccountId`
    pub account: Option<&'a str>,
    /// The operation: `Decrypt`, …
    pub name: &'a str,
    /// Whether it was refused or failed.
    pub attempt: bool,
    /// Who, without the session.
    pub principal: &'a Principal,
    /// `sourceIPAddress`
    pub source_ip: Option<&'a str>,
    /// `userAgent`
    pub user_agent: Option<&'a str>,
}

/// What a history is told of a record that it marked.
#[derive(Debug, Clone)]
pub struct Noted {
    /// The record's time; of uses, that of the first.
    pub time: Time,
    /// Of uses, the time of the last.
    pub last: Time,
    /// Of uses, how many, copies not counted; else 1.
    pub count: u64,
    /// The mark's kind.
    pub kind: u32,
    /// The mark's value.
    pub value: String,
    /// Who, on what, where.
    pub about: About,
    /// Whether the record lies in the range that is reported.
    pub reported: bool,
    /// Whether a finding of the rule that the history adjusts rests on the record.
    pub found: bool,
}

/// Who acted on what, where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct About {
    /// `recipientAccountId`
    pub account: Option<String>,
    /// `awsRegion`
    pub region: Option<String>,
    /// Who acted.
    pub principal: Principal,
    /// `sourceIPAddress`
    pub source_ip: Option<String>,
    /// `userAgent`
    pub user_agent: Option<String>,
    /// The key concerned.
    pub key: Option<Key>,
    /// The resource concerned.
    pub resource: Option<Resource>,
    /// The identity provider with whose token the role was assumed, as AWS writes it; not of uses.
    pub provider: Option<String>,
    /// `eventSource`; not of uses, which are all of KMS.
    pub service: Option<String>,
    /// `userIdentity.accessKeyId`; not of uses.
    pub access_key: Option<String>,
    /// `errorCode`; not of uses.
    pub error: Option<String>,
    /// What it did, if another call can undo it.
    pub reversible: Option<Reversible>,
}

impl About {
    /// Who acted on what, where, as a record tells it.
    pub fn of(view: &View<'_>) -> About {
        About {
            account: view.account(),
            region: view.region(),
            principal: view.principal(),
            source_ip: view.source_ip(),
            user_agent: view.user_agent(),
            key: view.key(),
            resource: view.resource(),
            provider: provider(view.event()),
            service: view.event().text_at(&["eventSource"]).map(|text| text.into_owned()),
            access_key: view.access_key().map(str::to_owned),
            error: view.event().text_at(&["errorCode"]).map(|text| text.into_owned()),
            reversible: undo::done(view),
        }
    }
}

/// `sessionContext.webIdFederationData.federatedProvider`
fn provider(event: &Event<'_>) -> Option<String> {
    let path = ["userIdentity", "sessionContext", "webIdFederationData", "federatedProvider"];
    event.text_at(&path).map(|text| text.into_owned())
}

/// What is known when a history decides.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// What the organisation tells about itself.
    pub estate: &'a Estate,
    /// Every account that receives records.
    pub accounts: &'a BTreeSet<String>,
    /// The time of the first record of all, and of the last.
    pub range: (Time, Time),
    /// What earlier runs have noted under the part, if the history sums days: the values of marks.
    pub before: &'a [Habit],
    /// Where trails deliver their log files.
    pub deliveries: &'a Deliveries,
    /// What the log and files tell of tags.
    pub book: &'a Book,
}

/// What a history decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// The records it rests on: indexes of notes. A finding is about the first of them; where the
    /// history adjusts another rule, the findings that rest on them are adjusted.
    pub notes: Vec<usize>,
    /// How serious it is.
    pub level: Level,
    /// What there is to say. `why`: what raised or lowered the level.
    pub details: BTreeMap<String, Value>,
    /// What the finding is about.
    pub scope: Scope,
}

/// What a finding of a rule over many records is about; it says nothing of the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything that the first record names.
    Event,
    /// The principal and the key.
    PrincipalAndKey,
    /// The principal.
    Principal,
    /// The key, whoever used it.
    Key,
    /// The account and Region.
    Region,
}

impl Scope {
    /// Whether principal, key and resource are told.
    pub fn shown(self) -> [bool; 3] {
        match self {
            Scope::Event => [true, true, true],
            Scope::PrincipalAndKey => [true, true, false],
            Scope::Principal => [true, false, false],
            Scope::Key => [false, true, false],
            Scope::Region => [false, false, false],
        }
    }
}

impl Decided {
    /// A decision that rests on some notes.
    pub fn new(notes: impl IntoIterator<Item = usize>, level: Level) -> Decided {
        let notes = notes.into_iter().collect();
        Decided { notes, level, details: BTreeMap::new(), scope: Scope::Event }
    }

    /// With another scope.
    #[must_use]
    pub fn about(self, scope: Scope) -> Decided {
        Decided { scope, ..self }
    }

    /// With one more detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Decided {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}
