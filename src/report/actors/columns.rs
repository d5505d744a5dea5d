//! The columns of a list of callers.

use crate::model::conduct::{Conduct, Smallest, Who};
use crate::model::principal::{Mfa, Principal};
use crate::report::table::fit::{by_level, count};
use crate::report::table::grid::{Cell, Ink};
use crate::report::table::names;
use crate::report::table::packed::Wish;
use crate::report::table::worst;

/// What is shown of each caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Who,
    Credential,
    First,
    Last,
    Calls,
    Refused,
    Failed,
    Findings,
    Keys,
    Secrets,
    Objects,
    From,
    Agents,
    Events,
    Account,
    Session,
    Via,
}

/// Addresses and agents that a table names.
const NAMED: usize = 2;

impl Column {
    /// The columns of a table.
    pub const TABLE: [Column; 12] = [
        Column::Who,
        Column::Credential,
        Column::Findings,
        Column::Calls,
        Column::Refused,
        Column::First,
        Column::Last,
        Column::Keys,
        Column::Secrets,
        Column::Objects,
        Column::From,
        Column::Agents,
    ];

    /// The columns of CSV.
    pub const CSV: [Column; 17] = [
        Column::Who,
        Column::Session,
        Column::Account,
        Column::Credential,
        Column::Via,
        Column::First,
        Column::Last,
        Column::Calls,
        Column::Refused,
        Column::Failed,
        Column::Findings,
        Column::Keys,
        Column::Secrets,
        Column::Objects,
        Column::From,
        Column::Agents,
        Column::Events,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Column::Who => "who",
            Column::Credential => "credential",
            Column::First => "first",
            Column::Last => "last",
            Column::Calls => "calls",
            Column::Refused => "refused",
            Column::Failed => "failed",
            Column::Findings => "findings",
            Column::Keys => "keys",
            Column::Secrets => "secrets",
            Column::Objects => "objects",
            Column::From => "from",
            Column::Agents => "agents",
            Column::Events => "events",
            Column::Account => "account",
            Column::Session => "session",
            Column::Via => "via",
        }
    }

    /// How wide it wants to be.
    pub fn wish(self) -> Wish {
        let (width, more) = match self {
            Column::Who => (32, true),
            Column::Credential | Column::First | Column::Last => (20, false),
            Column::Calls | Column::Refused | Column::Secrets | Column::Objects => (7, false),
            Column::Keys => (6, false),
            Column::Findings => (11, true),
            Column::Agents => (20, true),
            _ => (15, true),
        };
        Wish { width, more }
    }

    /// Fills a cell of a table.
    pub fn fill(self, row: &Conduct, cell: &mut Cell) {
        let number = |of: &Smallest| match (of.names.len(), of.more) {
            (0, _) => String::new(),
            (some, true) => format!("{some}+"),
            (some, false) => some.to_string(),
        };
        let (ink, text) = match self {
            Column::Who => (Ink::Strong, names::principal(&principal(&row.who), None)),
            Column::Calls => (Ink::Plain, count(row.calls)),
            Column::Refused if row.refused == 0 => return,
            Column::Refused => (Ink::Alarm, count(row.refused)),
            Column::Keys => (Ink::Plain, number(&row.keys)),
            Column::Secrets => (Ink::Plain, number(&row.secrets)),
            Column::Objects => (Ink::Plain, number(&row.objects)),
            Column::Findings => return worst::add(&row.findings, cell),
            Column::From => return named(&row.addresses, cell),
            Column::Agents => return named(&row.agents, cell),
            _ => (Ink::Plain, self.full(row)),
        };
        if !text.is_empty() {
            cell.add(ink, &text, 3);
        }
    }

    /// What it says, in full.
    pub fn full(self, row: &Conduct) -> String {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let all = |of: &Smallest| {
            let more = if of.more { " …" } else { "" };
            let names: Vec<&str> = of.names.iter().map(String::as_str).collect();
            format!("{}{more}", names.join(" "))
        };
        let Who { arn, account, session, access_key, via, .. } = &row.who;
        match self {
            Column::Who => text(if arn.is_some() { arn } else { via }),
            Column::Credential => text(access_key),
            Column::First => row.times().map(|(first, _)| first.to_string()).unwrap_or_default(),
            Column::Last => row.times().map(|(_, last)| last.to_string()).unwrap_or_default(),
            Column::Calls => row.calls.to_string(),
            Column::Refused => row.refused.to_string(),
            Column::Failed => row.failed.to_string(),
            Column::Findings => {
                by_level(|level| row.findings.get(&level).copied().unwrap_or_default())
            }
            Column::Keys => all(&row.keys),
            Column::Secrets => all(&row.secrets),
            Column::Objects => all(&row.objects),
            Column::From => all(&row.addresses),
            Column::Agents => all(&row.agents),
            Column::Events => row.events.keys().cloned().collect::<Vec<_>>().join(" "),
            Column::Account => text(account),
            Column::Session => text(session),
            Column::Via => text(via),
        }
    }
}

/// The first of some names, a line each.
fn named(of: &Smallest, cell: &mut Cell) {
    of.names.iter().take(NAMED).for_each(|name| cell.add(Ink::Plain, name, 1));
    match (of.names.len().saturating_sub(NAMED), of.more) {
        (0, false) => {}
        (more, false) => cell.add(Ink::Faint, &format!("and {more} more"), 1),
        (more, true) => cell.add(Ink::Faint, &format!("and {more}+ more"), 1),
    }
}

fn principal(who: &Who) -> Principal {
    Principal {
        kind: who.kind.clone(),
        arn: who.arn.clone(),
        account: who.account.clone(),
        session: who.session.clone(),
        invoked_by: who.via.clone(),
        mfa: Mfa::Unknown,
    }
}
