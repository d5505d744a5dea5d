//! What a scan would read: for people, and as a document for programs.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::json;
use super::table::fit::{bytes, count, counted};
use crate::model::forecast::Forecast;
use crate::model::problem::Problem;
use crate::model::time::Time;

/// The name and version of the document.
pub const SCHEMA: &str = "keytrail.forecast/v1";

/// The document.
#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'a> {
    /// The name and version of this form.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// The sources as they were given.
    sources: &'a [String],
    /// `--since`, as a time.
    since: Option<Time>,
    /// `--until`, as a time.
    until: Option<Time>,
    /// How many files would be read.
    files: u64,
    /// How many objects of S3.
    objects: u64,
    /// How many streams, whose length nobody knows.
    streams: u64,
    /// How many bytes files and objects have, as they are stored.
    bytes: u64,
    /// Requests to S3.
    requests: Requests,
    /// What that costs in US dollars.
    cost_usd: Cost,
    /// Files and objects that earlier runs have read, and that are not read again.
    read_before: u64,
    /// Folders of a bucket that hold no trail logs, or those of other accounts.
    folders_left_alone: u64,
    /// What could not be listed.
    problems: &'a [Problem],
    /// `--account`. All files are read, and in them these are looked for; of a bucket no folders of
    /// other accounts are.
    accounts: &'a [String],
    /// `--region`. All files are read, and in them these are looked for.
    regions: &'a [String],
}

#[derive(Serialize, JsonSchema)]
struct Requests {
    /// Those that list objects; they are made for the forecast too.
    list: u64,
    /// Those that fetch objects.
    get: u64,
}

#[derive(Serialize, JsonSchema)]
struct Cost {
    /// The requests, by the prices of us-east-1.
    requests: f64,
    /// The calls to KMS, if all objects are encrypted under a key of KMS.
    kms_at_most: f64,
}

/// Writes the document.
///
/// # Errors
/// Those of `out`.
pub fn write_json(forecast: &Forecast, out: &mut dyn Write) -> io::Result<()> {
    let document = Document {
        schema: SCHEMA,
        sources: &forecast.sources,
        since: forecast.since,
        until: forecast.until,
        files: forecast.files.0,
        objects: forecast.objects.0,
        streams: forecast.streams,
        bytes: forecast.files.1 + forecast.objects.1,
        requests: Requests { list: forecast.lists, get: forecast.objects.0 },
        cost_usd: Cost { requests: forecast.requests_usd(), kms_at_most: forecast.kms_usd() },
        read_before: forecast.known,
        folders_left_alone: forecast.left_alone,
        problems: &forecast.problems,
        accounts: &forecast.accounts,
        regions: &forecast.regions,
    };
    json::write_document(&document, out)
}

/// Writes a line for each thing there is to say, none of them wider than 80 columns.
///
/// # Errors
/// Those of `out`.
pub fn write_table(forecast: &Forecast, out: &mut dyn Write) -> io::Result<()> {
    let (files, objects) = (forecast.files, forecast.objects);
    if objects.0 > 0 || files.0 == 0 {
        writeln!(out, "objects   {}, {} stored", count(objects.0), bytes(objects.1))?;
    }
    if files.0 > 0 {
        writeln!(out, "files     {}, {} stored", count(files.0), bytes(files.1))?;
    }
    if forecast.streams > 0 {
        writeln!(out, "streams   {}, of unknown length", count(forecast.streams))?;
    }
    if forecast.known > 0 {
        writeln!(out, "read      {} before, and not again", count(forecast.known))?;
    }
    if forecast.left_alone > 0 {
        let folders = counted(forecast.left_alone, "folder");
        writeln!(out, "left out  {folders} of other logs or accounts")?;
    }
    if forecast.lists + objects.0 > 0 {
        let (lists, gets) = (count(forecast.lists), count(objects.0));
        writeln!(out, "requests  {lists} to list, {gets} to get")?;
        let (requests, kms) = (dollars(forecast.requests_usd()), dollars(forecast.kms_usd()));
        writeln!(
            out,
            "cost      about {requests} for requests, up to {kms} for KMS if encrypted,"
        )?;
        writeln!(out, "          by the prices of us-east-1; transfer out of the Region is extra")?;
    }
    if forecast.is_filtered() {
        writeln!(
            out,
            "filters   --since, --until, --account and --region choose among the events of"
        )?;
        writeln!(out, "          these, which are all read; of a bucket also days and accounts")?;
    }
    for problem in &forecast.problems {
        writeln!(out, "problem   {}", super::escape::visible(&problem.to_string()))?;
    }
    Ok(())
}

/// Dollars and cents, and more places where there are no cents.
fn dollars(amount: f64) -> String {
    match amount {
        0.01.. => format!("${amount:.2}"),
        _ => format!("${amount:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_would_be_read_within_80_columns() {
        let forecast = Forecast {
            objects: (1_234_567, 9_876_543_210),
            files: (1, 1024),
            streams: 1,
            lists: 1_300,
            known: 7,
            left_alone: 1,
            regions: vec!["eu-west-1".to_owned()],
            ..Forecast::default()
        };
        let mut out = Vec::new();
        write_table(&forecast, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        for line in [
            "1,300 to list, 1,234,567 to get",
            "$0.50 for requests, up to $3.70 for KMS",
            "--region choose",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert_eq!(dollars(0.0), "$0.0000");
    }
}
