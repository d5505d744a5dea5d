//! A row a key as CSV.

use std::io::{self, Write};

use crate::model::keys::facts::KeyFacts;
use crate::model::keys::listed::{Listed, Used};
use crate::model::level::Level;
use crate::model::time::Time;
use crate::report::csv::Rows;

/// What each column holds. New ones go to the end.
const HEADER: [&str; 44] = [
    "arn",
    "account",
    "region",
    "aliases",
    "aws_managed",
    "state",
    "state_event",
    "state_time",
    "state_by",
    "state_origin",
    "due",
    "made",
    "made_by",
    "origin",
    "rotation",
    "last_rotation",
    "material",
    "material_expires",
    "other_regions",
    "tags",
    "administrators",
    "administrators_count",
    "users",
    "users_count",
    "services",
    "accounts",
    "regions",
    "addresses",
    "calls",
    "share_percent",
    "uses_ok",
    "uses_refused",
    "first_use",
    "last_use",
    "critical",
    "high",
    "medium",
    "low",
    "informational",
    "unused",
    "unused_why",
    "hours_covered",
    "hours_asked",
    "kms_last_use",
];

/// Writes all keys.
///
/// # Errors
/// Those of `out`.
pub fn write(keys: &[KeyFacts], out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Rows::new(out);
    rows.row(HEADER.map(String::from))?;
    keys.iter().try_for_each(|key| rows.row(cells(key)))?;
    rows.finish()
}

fn cells(key: &KeyFacts) -> Vec<String> {
    let mut cells = what_it_is(key);
    cells.extend(who_calls(key));
    let quiet = key.quiet.as_ref();
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let found = |level: Level| key.findings.get(&level).copied().unwrap_or_default();
    cells.extend(Level::ALL.iter().rev().map(|level| found(*level).to_string()));
    cells.extend([
        quiet.map(|quiet| quiet.verdict.words().to_owned()).unwrap_or_default(),
        quiet.and_then(|quiet| quiet.why).unwrap_or_default().to_owned(),
        number(quiet.map(|quiet| quiet.hours_covered)),
        number(quiet.map(|quiet| quiet.hours_asked)),
        at(key.kms_last_use.as_ref().and_then(|told| told.time)),
    ]);
    cells
}

fn what_it_is(key: &KeyFacts) -> Vec<String> {
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    let proof = key.state.proof.as_ref();
    let made = key.made.as_ref().map(|made| &made.proof);
    let aliases = key.aliases.first.iter().map(|alias| alias.name.as_str());
    let material = key.material.as_ref();
    let tags = key.tags.iter().map(|(name, value)| format!("{name}={value}"));
    vec![
        key.arn.clone(),
        key.account.clone(),
        key.region.clone(),
        aliases.collect::<Vec<_>>().join(" "),
        key.aws_managed.to_string(),
        key.state.state.words().to_owned(),
        text(proof.map(|proof| &proof.event)),
        at(proof.map(|proof| proof.time)),
        text(proof.and_then(|proof| proof.by.as_ref())),
        proof.map(|proof| proof.origin.to_string()).unwrap_or_default(),
        at(key.state.due),
        at(made.map(|made| made.time)),
        text(made.and_then(|made| made.by.as_ref())),
        key.origin.clone().unwrap_or_default(),
        key.rotation.on.map(|on| if on { "on" } else { "off" }).unwrap_or_default().to_owned(),
        at(key.rotation.last),
        material
            .map(|one| if one.there { "there" } else { "deleted" })
            .unwrap_or_default()
            .to_owned(),
        at(material.and_then(|material| material.expires)),
        key.other_regions.join(" "),
        tags.collect::<Vec<_>>().join(" "),
    ]
}

fn who_calls(key: &KeyFacts) -> Vec<String> {
    let names = |list: &Listed<Used>| {
        list.first.iter().map(|used| used.name.as_str()).collect::<Vec<_>>().join(" ")
    };
    let percent = format!("{}.{:04}", key.share_ppm / 10_000, key.share_ppm % 10_000);
    vec![
        names(&key.administrators),
        key.administrators.count.to_string(),
        names(&key.users),
        key.users.count.to_string(),
        names(&key.services),
        names(&key.accounts),
        names(&key.regions),
        names(&key.addresses),
        key.calls.to_string(),
        percent,
        key.uses.ok.to_string(),
        key.uses.refused.to_string(),
        at(key.uses.first),
        at(key.uses.last),
    ]
}

fn at(time: Option<Time>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_as_many_cells_as_there_are_columns() {
        assert_eq!(cells(&KeyFacts::of("arn:aws:kms:r:111122223333:key/1")).len(), HEADER.len());
    }
}
