//! The columns of a timeline: their names, how wide they are, and what stands in them.

use std::fmt;
use std::str::FromStr;

use crate::model::arn::Arn;
use crate::model::finding::{Key, Resource};
use crate::model::occurrence::{NamedKey, Occurrence};
use crate::report::table::grid::{Cell, Ink};
use crate::report::table::names;
use crate::report::table::packed::Wish;

/// What is shown of each event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// `eventTime` in full.
    Time,
    /// `eventName`
    Event,
    /// `eventSource`
    Source,
    /// The caller.
    Who,
    /// The access key that was used.
    Credential,
    /// `sourceIPAddress`
    From,
    /// `userAgent`
    Agent,
    /// Keys and resources.
    Target,
    /// Keys alone.
    Key,
    /// Resources alone.
    Resource,
    /// `errorCode`
    Error,
    /// `errorMessage`
    Message,
    /// Whether MFA was used.
    Mfa,
    /// `recipientAccountId`
    Account,
    /// `awsRegion`
    Region,
    /// `eventID`
    Id,
    /// The file and the number of the record.
    Origin,
}

impl Column {
    /// Every column, in the order in which CSV has them.
    pub const ALL: [Column; 17] = [
        Column::Time,
        Column::Event,
        Column::Who,
        Column::Credential,
        Column::From,
        Column::Target,
        Column::Error,
        Column::Source,
        Column::Agent,
        Column::Key,
        Column::Resource,
        Column::Message,
        Column::Mfa,
        Column::Account,
        Column::Region,
        Column::Id,
        Column::Origin,
    ];

    /// The columns of a table where nobody chose them.
    pub const SHOWN: [Column; 7] = [
        Column::Time,
        Column::Event,
        Column::Who,
        Column::Credential,
        Column::From,
        Column::Target,
        Column::Error,
    ];

    /// Its name, as typed and as its head.
    pub fn as_str(self) -> &'static str {
        match self {
            Column::Time => "time",
            Column::Event => "event",
            Column::Source => "source",
            Column::Who => "who",
            Column::Credential => "credential",
            Column::From => "from",
            Column::Agent => "agent",
            Column::Target => "target",
            Column::Key => "key",
            Column::Resource => "resource",
            Column::Error => "error",
            Column::Message => "message",
            Column::Mfa => "mfa",
            Column::Account => "account",
            Column::Region => "region",
            Column::Id => "id",
            Column::Origin => "origin",
        }
    }

    /// How wide it wants to be in a table.
    pub fn wish(self) -> Wish {
        let (width, more) = match self {
            Column::Time | Column::Credential => (20, false),
            Column::Event => (20, true),
            Column::Source => (21, true),
            Column::Who => (24, true),
            Column::From => (15, true),
            Column::Agent => (30, true),
            Column::Target | Column::Key | Column::Resource | Column::Message => (36, true),
            Column::Error => (13, true),
            Column::Mfa => (7, false),
            Column::Account => (12, false),
            Column::Region => (14, false),
            Column::Id => (36, false),
            Column::Origin => (40, true),
        };
        Wish { width, more }
    }

    /// Fills a cell of a table.
    pub fn fill(self, row: &Occurrence, cell: &mut Cell) {
        let home = row.account.as_deref();
        let mut add = |ink: Ink, text: &str, lines: usize| {
            if !text.is_empty() {
                cell.add(ink, text, lines);
            }
        };
        match self {
            Column::Event => add(Ink::Strong, &row.event, 2),
            Column::Error => add(Ink::Alarm, row.error.as_deref().unwrap_or_default(), 3),
            Column::Who => add(Ink::Plain, &names::principal(&row.principal, home), 3),
            Column::Target => {
                for (ink, text) in targets(row) {
                    add(ink, &text, 2);
                }
            }
            Column::Key => row.keys.iter().for_each(|key| add(Ink::Plain, &key_name(key, home), 1)),
            Column::Origin => add(Ink::Faint, &row.place.to_string(), 4),
            _ => add(Ink::Plain, &self.full(row), 3),
        }
    }

    /// What it says, in full.
    pub fn full(self, row: &Occurrence) -> String {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        match self {
            Column::Time => row.time.map(|time| time.to_string()).unwrap_or_default(),
            Column::Event => row.event.clone(),
            Column::Source => row.source.clone(),
            Column::Who => who(row),
            Column::Credential => text(&row.access_key),
            Column::From => text(&row.source_ip),
            Column::Agent => text(&row.user_agent),
            Column::Target => join(keys(row).chain(row.resources.iter().cloned())),
            Column::Key => join(keys(row)),
            Column::Resource => join(row.resources.iter().cloned()),
            Column::Error => text(&row.error),
            Column::Message => text(&row.message),
            Column::Mfa => row.principal.mfa.as_str().to_owned(),
            Column::Account => join(
                row.account.iter().chain(row.also.iter().flat_map(|also| &also.account)).cloned(),
            ),
            Column::Region => text(&row.region),
            Column::Id => text(&row.id),
            Column::Origin => row.place.to_string(),
        }
    }
}

fn keys(row: &Occurrence) -> impl Iterator<Item = String> {
    row.keys.iter().map(|key| key.arn.clone())
}

fn join(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(" ")
}

/// The caller's ARN, with the name of its session.
fn who(row: &Occurrence) -> String {
    let principal = &row.principal;
    let name = principal.arn.as_ref().or(principal.invoked_by.as_ref());
    let name = name.or(principal.account.as_ref()).cloned().unwrap_or_default();
    match &principal.session {
        Some(session) => format!("{name}/{session}"),
        None => name,
    }
}

/// The lines that say what a call was about, and what belongs to it.
fn targets(row: &Occurrence) -> Vec<(Ink, String)> {
    const NAMED: usize = 3;
    let home = row.account.as_deref();
    let mut lines: Vec<(Ink, String)> = Vec::new();
    let keys = row.keys.iter().map(|key| key_name(key, home));
    let resources = row.resources.iter().map(|text| resource_name(text, home));
    let named: Vec<String> = keys.chain(resources).collect();
    lines.extend(named.iter().take(NAMED).map(|name| (Ink::Plain, name.clone())));
    if named.len() > NAMED {
        lines.push((Ink::Faint, format!("and {} more", named.len() - NAMED)));
    }
    for served in row.served.iter().take(NAMED) {
        let key = served.key.as_ref().map(|key| key_name(key, home));
        let error = served.error.as_ref().map(|error| format!(": {error}"));
        let text = format!(
            "{} with {}{}",
            served.event,
            key.as_deref().unwrap_or("a key"),
            error.unwrap_or_default()
        );
        lines.push((Ink::Faint, text));
    }
    if row.served.len() > NAMED {
        lines.push((Ink::Faint, format!("and {} more calls of KMS", row.served.len() - NAMED)));
    }
    for also in &row.also {
        let account = also.account.as_deref().unwrap_or("another account");
        lines.push((Ink::Faint, format!("recorded in {account} too")));
    }
    lines
}

fn key_name(key: &NamedKey, home: Option<&str>) -> String {
    let account = Arn::parse(&key.arn).map(|arn| arn.account.to_owned());
    let (arn, alias) = (key.arn.clone(), key.alias.clone());
    let whole = Key { arn, account, alias: None, tags: Default::default() };
    let name = names::key(&whole, home);
    match alias {
        Some(alias) => format!("{alias} = {name}"),
        None => name,
    }
}

fn resource_name(text: &str, home: Option<&str>) -> String {
    let resource = Resource { arn: text.to_owned(), kind: None, tags: Default::default() };
    names::resource(&resource, home)
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Column {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Column::ALL.into_iter().find(|column| column.as_str() == text).ok_or_else(|| {
            let names = Column::ALL.map(Column::as_str).join(", ");
            format!("there is no column '{text}': expected some of {names}")
        })
    }
}
