//! Findings by time, and what keys were used by.

use std::collections::BTreeMap;
use std::io;

use super::chart::{BARS, Chart};
use super::pen::{Pen, Span, plain, words};
use super::survey::Survey;
use crate::model::keys::facts::Inventory;
use crate::model::level::Level;
use crate::report::Report;
use crate::report::table::fit::counted;

/// So many services are shown.
const SERVICES: usize = 20;

pub fn write(report: &Report<'_>, survey: &Survey, pen: &mut dyn Pen) -> io::Result<()> {
    let (each, days) = survey.spans(BARS);
    if days.is_empty() {
        pen.say(&words("No findings with a time."))?;
    } else {
        let span = if each == 1 { "day".to_owned() } else { format!("{each} days") };
        let caption =
            format!("Listed findings by the {span} in which they were first seen, UTC, and level");
        pen.say(
            &Level::ALL
                .into_iter()
                .flat_map(|level| [Span::Level(level), plain(" ")])
                .collect::<Vec<_>>(),
        )?;
        pen.chart(&Chart::Days { caption, days })?;
    }
    if survey.timeless > 0 {
        pen.say(&words(format!("{} without a time.", counted(survey.timeless, "finding"))))?;
    }
    let services = report.keys.map(services).unwrap_or_default();
    if services.is_empty() {
        return pen.say(&words("No use of a key by a service is in the inventory."));
    }
    let caption =
        "Uses of keys by the service through which they came, refused ones included".to_owned();
    pen.chart(&Chart::Names { caption, of: "service", names: services })
}

/// Calls of each service over all keys that are listed, the most frequent first.
fn services(inventory: &Inventory) -> Vec<(String, u64)> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for key in &inventory.keys {
        for service in &key.services.first {
            *sums.entry(&service.name).or_default() += service.tally.calls();
        }
    }
    let mut sorted: Vec<(String, u64)> =
        sums.into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
    sorted.sort_by(|(a, n), (b, m)| m.cmp(n).then(a.cmp(b)));
    if let Some(others) = sorted.get(SERVICES..).filter(|others| !others.is_empty()) {
        let (number, sum) = (others.len(), others.iter().map(|(_, n)| n).sum());
        sorted.truncate(SERVICES);
        sorted.push((format!("{} more", counted(number as u64, "service")), sum));
    }
    sorted
}
