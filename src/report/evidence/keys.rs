//! The inventory of keys: how each was made, whether it rotates, what it is now, who changed it.

use std::io;

use super::pen::{Line, Pen, Span, Verdict, code, plain, words};
use crate::model::arn::Arn;
use crate::model::keys::facts::KeyFacts;
use crate::model::keys::state::{KeyState, Proof, Rotation};
use crate::report::Report;
use crate::report::table::fit::{count, counted};

pub fn write(report: &Report<'_>, pen: &mut dyn Pen) -> io::Result<()> {
    let Some(inventory) = report.keys else {
        return pen.say(&words(match report.nights.is_empty() {
            true => "Not gathered for this report.",
            false => {
                "The reports that this was made of list no keys, so none are listed here. keytrail keys \
                 lists those of the logs."
            }
        }));
    };
    if inventory.keys.is_empty() {
        return pen.say(&words("No record names a key."));
    }
    let columns = ["Key", "Made, origin", "Rotation", "State", "Changes", "Uses", "Findings"];
    pen.columns(&columns)?;
    inventory.keys.iter().try_for_each(|key| pen.row(&row(key)))?;
    pen.end_table()?;
    if inventory.left_out > 0 {
        let more = counted(inventory.left_out, "key");
        pen.say(&words(format!("{more} more, which rank below these.")))?;
    }
    inventory.lost.iter().try_for_each(|lost| pen.say(&words(lost)))?;
    pen.say(&words(
        "All of this is what records say. A key that no record names is not here; what no record tells \
         is not known.",
    ))
}

fn row(key: &KeyFacts) -> [Line; 7] {
    let findings = key.findings.iter().rev().flat_map(|(level, number)| {
        [Span::Level(*level), plain(format!("\u{a0}{} ", count(*number)))]
    });
    [
        named(key),
        made(key),
        rotation(&key.rotation),
        state(key),
        changes(key),
        uses(key),
        findings.collect(),
    ]
}

fn named(key: &KeyFacts) -> Line {
    let mut line = Vec::new();
    if let Some(alias) = key.alias() {
        line.extend([code(alias), plain(" ")]);
    }
    line.extend([code(key.id()), plain(format!(" in {} of {}", key.region, key.account))]);
    line
}

fn made(key: &KeyFacts) -> Line {
    let made = key.made.as_ref();
    let mut line = made.map_or_else(|| words("before the log"), |made| proven(&made.proof, key));
    line.push(plain(format!(", origin {}", key.origin.as_deref().unwrap_or("not known"))));
    line
}

/// When something happened, and who did it.
fn proven(proof: &Proof, key: &KeyFacts) -> Line {
    let by = proof.by.as_ref().map(|by| plain(format!(" by {}", short(by, &key.account))));
    [Span::Time(proof.time)].into_iter().chain(by).collect()
}

/// A principal without its account, if that is the key's.
fn short(principal: &str, home: &str) -> String {
    match Arn::parse(principal) {
        Some(arn) if arn.account == home => arn.resource.to_owned(),
        Some(arn) => format!("{} of {}", arn.resource, arn.account),
        None => principal.to_owned(),
    }
}

/// The last change of the policy, and who changed anything.
fn changes(key: &KeyFacts) -> Line {
    let mut line = match &key.policy.last {
        None => words("policy: none in the log"),
        Some(last) => {
            let number = counted(key.policy.changes, "change");
            [plain(format!("policy: {number}, the last "))]
                .into_iter()
                .chain(proven(last, key))
                .collect()
        }
    };
    let changers = changers(key);
    line.extend((!changers.is_empty()).then(|| plain(format!("; changed by {changers}"))));
    line
}

fn uses(key: &KeyFacts) -> Line {
    let number = match key.uses.refused {
        0 => count(key.uses.ok),
        refused => format!("{}, {} refused", count(key.uses.ok), count(refused)),
    };
    match &key.last_use {
        None => words(number),
        Some(last) => vec![plain(format!("{number}, the last ")), Span::Time(last.time)],
    }
}

fn rotation(rotation: &Rotation) -> Line {
    let mut text = match rotation.on {
        Some(true) => "on".to_owned(),
        Some(false) => "off".to_owned(),
        None => "not known".to_owned(),
    };
    if let Some(days) = rotation.period_days {
        text.push_str(&format!(", every {days} days"));
    }
    if let Some(last) = rotation.last {
        let number = counted(rotation.rotations, "rotation");
        return vec![plain(format!("{text}, {number} in the log, the last ")), Span::Time(last)];
    }
    words(text)
}

fn state(key: &KeyFacts) -> Line {
    let now = &key.state;
    let verdict = match now.state {
        KeyState::Enabled => Verdict::Good,
        state if state.is_urgent() => Verdict::Bad,
        _ => Verdict::Open,
    };
    let mut line = vec![Span::Verdict(verdict, now.state.words().into())];
    line.extend(now.due.into_iter().flat_map(|due| [plain(" due "), Span::Time(due)]));
    if let Some(changed) = &now.changed {
        line.push(plain(format!(" {} ", changed.event)));
        line.extend(proven(changed, key));
    }
    line
}

fn changers(key: &KeyFacts) -> String {
    let all = &key.administrators;
    let first = all.first.iter().take(3).map(|used| short(&used.name, &key.account));
    let mut names: Vec<String> = first.collect();
    let more = all.count.saturating_sub(names.len() as u64);
    if more > 0 {
        names.push(format!("{} more", count(more)));
    }
    names.join(", ")
}
