//! `keytrail scan --dry-run`: what would be read, and what that would cost.

use std::fs;
use std::sync::atomic::AtomicBool;

use crate::cli::deliver::Delivery;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::settings::Settings;
use crate::model::forecast::Forecast;
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::report::{self, Format};
use crate::source::{Body, Entry, Listing, Source};

/// Lists everything and says what it is.
///
/// # Errors
/// An output that breaks; a format that says nothing of this.
pub fn run(
    settings: &Settings,
    listing: Listing,
    delivery: Delivery,
) -> Result<Exit, Vec<Failure>> {
    let forecast = forecast(settings, listing);
    let complete = forecast.problems.is_empty() || settings.run.allow_incomplete;
    let exit = if complete { Exit::Clean } else { Exit::Incomplete };
    let delivered = delivery.finish(exit, |out| match settings.written.format {
        Format::Json => report::forecast::write_json(&forecast, out),
        _ => report::forecast::write_table(&forecast, out),
    })?;
    Ok(delivered.exit)
}

fn forecast(settings: &Settings, mut listing: Listing) -> Forecast {
    let mut forecast = Forecast {
        sources: settings.sources.told(),
        since: settings.filter.since,
        until: settings.filter.until,
        accounts: settings.filter.accounts.clone(),
        regions: settings.filter.regions.clone(),
        ..Forecast::default()
    };
    // No signal is caught here: one ends the process.
    let never = AtomicBool::new(false);
    while let Some(entry) = listing.next(&never) {
        let blob = match entry {
            Entry::Problem(problem) => {
                forecast.problems.push(problem);
                continue;
            }
            Entry::Known(_) => continue,
            Entry::Blob(blob) => blob,
        };
        match &blob.body {
            Body::Listed { size, .. } => add(&mut forecast.objects, *size),
            Body::Object(object) => add(&mut forecast.objects, object.size),
            Body::Stdin => forecast.streams += 1,
            // A listing looks into no archive: it is one file.
            Body::Member => {}
            Body::File(path) => match fs::metadata(path) {
                Ok(meta) if meta.is_file() => add(&mut forecast.files, meta.len()),
                Ok(_) => forecast.streams += 1,
                Err(error) => {
                    let origin = Origin::blob(blob.name.clone());
                    let message = format!("cannot look at it: {error}; expected a readable file");
                    forecast.problems.push(Problem::new(origin, Stage::Read, message));
                }
            },
        }
    }
    let passed = listing.passed();
    (forecast.lists, forecast.known) = (passed.requests, passed.known);
    forecast.left_alone = passed.left_alone;
    forecast.problems.sort();
    let found = forecast.files.0 + forecast.objects.0 + forecast.streams + forecast.known;
    if found == 0 && forecast.problems.is_empty() {
        let none = |source: &String| {
            Problem::new(Origin::blob(source.as_str()), Stage::Read, "no trail files found")
        };
        forecast.problems = forecast.sources.iter().map(none).collect();
    }
    forecast
}

fn add((count, bytes): &mut (u64, u64), size: u64) {
    *count += 1;
    *bytes += size;
}
