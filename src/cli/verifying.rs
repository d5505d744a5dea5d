//! Verifying as part of a command: the public keys, and the gate that a scan is held to.
//!
//! What must stay true: digests are judged before the first log is read, by the judge of `verify`.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::failure::Failure;
use super::progress::{self, Watched};
use super::settings::Settings;
use super::ui::{Messages, plural};
use crate::engine::Progress;
use crate::model::coverage::Coverage;
use crate::model::problem::Problem;
use crate::model::time::Time;
use crate::model::verified::Verification;
use crate::source::s3::Wanted;
use crate::source::{Listing, Reach, SourceError, Sources};
use crate::verify::{Judged, PublicKeys, Range, VerifiedOnly, collect};

/// How much later than `--until` a log may be that holds earlier records, in microseconds: an hour.
const LATE: i64 = 3600 * 1_000_000;

/// The file that all trust rests on.
///
/// # Errors
/// All that is wrong with it.
pub fn read_keys(path: &Path) -> Result<PublicKeys, Vec<Failure>> {
    let wrong = |reason: String| Failure::PublicKeys { path: path.into(), reason };
    let text = fs::read(path).map_err(|error| vec![wrong(format!("cannot be read: {error}"))])?;
    PublicKeys::parse(&text).map_err(|reasons| reasons.into_iter().map(wrong).collect())
}

/// What a scan needs to verify what it reads.
#[derive(Debug)]
pub struct Verifying {
    keys: PublicKeys,
    /// The sources once more, without their logs.
    digests: Listing,
}

impl Verifying {
    /// Reads the keys and looks at the sources; `left_out` is what the run reads for something else.
    ///
    /// # Errors
    /// All that is wrong with the keys. That a source is not there is said where it is scanned.
    pub fn open(
        keys: &Path,
        sources: &Sources,
        left_out: &[&Path],
        reach: Reach,
    ) -> Result<Verifying, Vec<Failure>> {
        let wanted = Wanted { digests: true, no_logs: true, known: None, ..reach.wanted };
        let digests = Listing::of(sources, Reach { wanted, identify: false, ..reach });
        let keys = read_keys(keys)?;
        let mut digests = digests.unwrap_or_else(|_: Vec<SourceError>| Listing::empty());
        left_out.iter().for_each(|path| digests.leave_out(path));
        Ok(Verifying { keys, digests })
    }

    /// What the configuration's digest covers of it.
    pub fn line(&self) -> String {
        format!("public keys {}", self.keys.sha256)
    }

    /// Reads and judges the digests. Of what `earlier` runs have read in the last days some are
    /// expected.
    ///
    /// # Errors
    /// Threads that cannot be started.
    pub fn gate(
        mut self,
        settings: &Settings,
        earlier: &Coverage,
        now: Time,
        stop: &AtomicBool,
    ) -> io::Result<Gated> {
        let done = Progress::default();
        let threads = settings.run.threads;
        let watched = Watched { reading: "reading digests", ..Watched::alone(&done) };
        let read = |bytes| done.blob_read(bytes);
        let collected = progress::during(settings.run.show(false), watched, || {
            collect(&mut self.digests, threads, &read, stop)
        })?;
        let mut collected = collected.into_digests();
        let problems = std::mem::take(&mut collected.problems);
        let judged = Judged::new(collected, &self.keys, threads)?;
        let filter = settings.filter.clone();
        let range = Range {
            since: filter.since,
            until: filter.until,
            late: LATE,
            accounts: filter.accounts,
            regions: filter.regions,
            seen: earlier.read_since(Time(now.0.saturating_sub(EXPECTED))),
            now,
        };
        Ok(Gated { gate: Arc::new(VerifiedOnly::new(judged, range)), keys: self.keys, problems })
    }
}

/// For how long digests are expected of an account and Region of which logs were read: a week, in
/// microseconds. Who closes an account or a Region hears of it no longer.
const EXPECTED: i64 = 7 * 86_400_000_000;

/// A gate, and what was met while it was made.
#[derive(Debug)]
pub struct Gated {
    /// What the engine asks.
    pub gate: Arc<VerifiedOnly>,
    keys: PublicKeys,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

impl Gated {
    /// What came of it, once the scan is over.
    pub fn verification(&self) -> Verification {
        let (verified, left_out) = self.gate.said();
        Verification { anchor: self.keys.anchor(), verified, left_out }
    }
}

/// Says what a report without a closing summary does not say.
pub fn say(verification: &Verification, messages: Messages) {
    let pending = verification.verified.pending;
    if verification.left_out > 0 {
        let files = plural(verification.left_out, "log file");
        messages.note(format!("{files} not verified, so not evaluated"));
    }
    if pending > 0 {
        let files = plural(pending, "log file");
        messages.note(format!("{files} too new to be verified yet: no digest is due"));
    }
}
