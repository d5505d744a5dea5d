//! ASFF: `-f asff`, findings as AWS Security Hub imports them.
//!
//! ```text
//! finding      one finding, within the limits of its fields
//! place        the account, Region and partition that it is imported to
//! resources    the key, the resource and the principal
//! room         how much of it all there is room for
//! ```
//!
//! A line is a batch: an array as `aws securityhub batch-import-findings --findings` takes it. Security
//! Hub takes a finding only from its account and in its Region, so a batch is of one account and Region.
//! What must stay true: no finding is lost, no batch has more than 100 findings or 6 MB and no finding
//! more than 240 KB, and of batches that are not full at most 16 MiB wait in memory.
//!
//! Source: AWS Security Hub user guide, "AWS Security Finding Format (ASFF)", and its API reference,
//! `BatchImportFindings` and `AwsSecurityFinding`.

mod finding;
mod place;
mod resources;
mod room;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};

use super::Report;
use super::json::write_line;
use finding::security_finding;
use place::Place;
use room::ROOMS;

/// The most findings of a batch.
const FINDINGS_MAX: usize = 100;

/// The most bytes of a batch: 6 MB.
const BATCH_MAX: usize = 6_000_000;

/// The most bytes of a finding: 240 KB.
const FINDING_MAX: usize = 240_000;

/// The most bytes of batches that wait for more.
const WAITING_MAX: usize = 16 << 20;

/// Writes the findings in batches, one a line; nothing where there are none.
///
/// # Errors
/// Those of the output, and of the file that findings wait in.
pub fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut batches = Batches { open: BTreeMap::new(), waiting: 0, most: WAITING_MAX, out };
    for finding in report.outcome.findings.read()? {
        let finding = finding?;
        let place = Place::of(&finding);
        let mut text = Vec::new();
        for room in ROOMS {
            text.clear();
            write_line(&security_finding(report.run, &finding, &place, room), &mut text)?;
            if text.len() <= FINDING_MAX {
                break;
            }
        }
        batches.add(place, text.trim_ascii_end())?;
    }
    batches.finish()
}

/// Batches that are not full.
struct Batches<'a> {
    open: BTreeMap<Place, Batch>,
    /// Bytes of all of them.
    waiting: usize,
    /// The most of these.
    most: usize,
    out: &'a mut dyn Write,
}

/// Findings with commas between them.
#[derive(Default)]
struct Batch {
    text: Vec<u8>,
    count: usize,
}

impl Batches<'_> {
    fn add(&mut self, place: Place, finding: &[u8]) -> io::Result<()> {
        let batch = self.open.entry(place.clone()).or_default();
        // The comma, and the brackets of the whole.
        if batch.count == FINDINGS_MAX || batch.text.len() + finding.len() + 3 > BATCH_MAX {
            self.close(&place)?;
        }
        let batch = self.open.entry(place).or_default();
        let before = batch.text.len();
        if batch.count > 0 {
            batch.text.push(b',');
        }
        batch.text.extend_from_slice(finding);
        batch.count += 1;
        self.waiting += batch.text.len() - before;
        if self.waiting > self.most { self.make_room() } else { Ok(()) }
    }

    /// Writes the largest batches, until there is room for as much again. Whoever logs calls of a million
    /// accounts makes as many batches, so not all of them are looked at for each finding.
    fn make_room(&mut self) -> io::Result<()> {
        let sizes = self.open.iter().map(|(place, batch)| (Reverse(batch.text.len()), place));
        let mut sizes: Vec<(Reverse<usize>, Place)> =
            sizes.map(|(size, place)| (size, place.clone())).collect();
        sizes.sort();
        for (_, place) in sizes {
            if self.waiting <= self.most / 2 {
                break;
            }
            self.close(&place)?;
        }
        Ok(())
    }

    fn close(&mut self, place: &Place) -> io::Result<()> {
        let Some(batch) = self.open.remove(place) else { return Ok(()) };
        self.waiting -= batch.text.len();
        self.out.write_all(b"[")?;
        self.out.write_all(&batch.text)?;
        self.out.write_all(b"]\n")
    }

    fn finish(mut self) -> io::Result<()> {
        while let Some(place) = self.open.keys().next().cloned() {
            self.close(&place)?;
        }
        Ok(())
    }
}
