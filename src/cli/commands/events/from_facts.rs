//! `--facts`: what may be asked of facts, and what they give.
//!
//! What must stay true: what facts cannot tell is refused by name before anything of them is read, since an
//! empty answer would pass for "there is none".

use std::io;
use std::sync::atomic::AtomicBool;

use super::super::scan::load_rules;
use super::asked::Shown;
use crate::cli::args::common::RangeArgs;
use crate::cli::args::events::{EventFactsArgs, EventsArgs};
use crate::cli::check::Check;
use crate::cli::config::Config;
use crate::cli::environment;
use crate::cli::facts_dir::{self, Facts};
use crate::engine::{Filter, Plan, Progress, records_of_facts};
use crate::model::outcome::Outcome;
use crate::model::time::Time;
use crate::query::{Collected, FIELDS_OF_FACTS, Query, collect_from_facts};
use crate::report::events::{Column, Form};

const LOGS: &str = "ask the logs: keytrail events SOURCE";

/// Refuses what facts cannot tell.
pub fn refuse(check: &mut Check, args: &EventsArgs, query: Option<&Query>) {
    if args.facts.facts.is_none() {
        let EventFactsArgs { facts: _, rules, no_builtin_rules, select, ignore } = &args.facts;
        // A variable is there for all runs, also for those in which it means nothing.
        let typed = if environment::value("rules").is_some() { 0 } else { rules.len() };
        if *no_builtin_rules || typed + select.len() + ignore.len() > 0 {
            let message = "--rules, --select, --ignore and --no-builtin-rules are for --facts";
            check.usage(message, "leave them out: events asks no rules");
        }
        return;
    }
    for term in query.iter().flat_map(|query| &query.terms) {
        let field = term.field();
        if !FIELDS_OF_FACTS.contains(&field) {
            let known = FIELDS_OF_FACTS.join(", ");
            let message =
                format!("--where: facts do not tell '{field}' of uses, only one of {known}");
            check.usage(&message, LOGS);
        }
    }
    for who in args.filters.principal.iter().filter(|who| is_id(who)) {
        let message = format!("--principal: facts do not tell ids of principals such as '{who}'");
        check.usage(&message, "name the user, the role or the session, or ask the logs");
    }
    let columns = args.shown.columns.as_deref().unwrap_or_default();
    if columns.split(',').any(|name| name.trim() == Column::Message.to_string()) {
        check.usage("--columns: facts do not tell the message of uses", LOGS);
    }
}

/// Leaves out of a spreadsheet what no row of facts tells, where nobody chose the columns.
pub fn show(shown: &mut Shown, args: &EventsArgs) {
    let asked = args.facts.facts.is_some();
    if asked && args.shown.columns.is_none() && shown.form == Form::Csv {
        shown.columns.retain(|column| *column != Column::Message);
    }
}

/// Whether a text is the id of a principal, with the name of a session behind it or not.
fn is_id(text: &str) -> bool {
    let id = text.split(':').next().unwrap_or_default();
    let made_of = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    id.len() >= 16 && id.starts_with('A') && id.bytes().all(made_of)
}

/// How facts are read, if they are; `None` if something is wrong with that.
pub fn plan(
    check: &mut Check,
    args: &EventsArgs,
    (facts, config): (Option<&Facts>, &mut Config),
    (threads, now): (Option<usize>, Time),
) -> Option<Option<Plan>> {
    if args.facts.facts.is_none() {
        return Some(None);
    }
    let rules = check.all(load_rules(&args.facts.rules(), config, false))?.rules;
    let facts = facts?;
    check.all(facts.check(&rules, config))?;
    let (filter, seed) = (facts.filter().unwrap_or_default(), facts.seed());
    let now = facts.now.unwrap_or(now);
    let plan = facts_dir::plan(rules, config, threads?);
    Some(Some(Plan { filter, seed, now, keys: None, ..plan }))
}

/// What is asked for of what facts were made of. Whatever lies outside of that is refused.
pub fn within(check: &mut Check, query: Query, facts: Option<&Facts>, typed: &RangeArgs) -> Query {
    let Some(made) = facts.and_then(Facts::filter) else { return query };
    let asked = query.range;
    let out = |asked: &[String], made: &[String]| {
        let lacks = |name: &&String| !made.is_empty() && !made.contains(name);
        asked.iter().find(lacks).cloned()
    };
    let mut refuse = |option: &str, what: String| {
        let message = format!("{option}: the facts are of events {what}");
        check.usage(&message, "ask the logs, or make facts of more");
    };
    if let Some(account) = out(&asked.accounts, &made.accounts) {
        refuse("--account", format!("of {} and not of {account}", made.accounts.join(", ")));
    }
    if let Some(region) = out(&asked.regions, &made.regions) {
        refuse("--region", format!("of {} and not of {region}", made.regions.join(", ")));
    }
    if let (Some(_), Some(asked), Some(made)) = (&typed.since, asked.since, made.since)
        && asked < made
    {
        refuse("--since", format!("at or after {made}"));
    }
    if let (Some(_), Some(asked), Some(made)) = (&typed.until, asked.until, made.until)
        && asked > made
    {
        refuse("--until", format!("before {made}"));
    }
    let one = |asked: Vec<String>, made: Vec<String>| if asked.is_empty() { made } else { asked };
    let range = Filter {
        since: asked.since.max(made.since),
        until: [asked.until, made.until].into_iter().flatten().min(),
        accounts: one(asked.accounts, made.accounts),
        regions: one(asked.regions, made.regions),
    };
    Query { range, ..query }
}

/// Takes what is asked for out of facts.
///
/// # Errors
/// When they cannot be read.
pub fn collect(
    facts: &Facts,
    (plan, query): (&Plan, &Query),
    progress: &Progress,
    stop: &AtomicBool,
) -> io::Result<(Collected, Outcome)> {
    let Facts { parts, head, problems, .. } = facts;
    let (mut outcome, records) = records_of_facts((parts, head, problems), plan, progress, stop)?;
    facts.complete(&mut outcome);
    Ok((collect_from_facts(&records, query)?, outcome))
}

#[cfg(test)]
mod tests {
    use super::is_id;

    #[test]
    fn ids_are_told_from_names() {
        for id in ["AIDACKCEVSQ6C2EXAMPLE", "AROADBQP57FF2AEXAMPLE:ann"] {
            assert!(is_id(id), "{id}");
        }
        for name in ["ann", "ADMIN", "role/deploy", "111122223333", "ADMINISTRATORS-OF-ALL:x"] {
            assert!(!is_id(name), "{name}");
        }
    }
}
