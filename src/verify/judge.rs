//! The verdicts on every digest, log and chain of a range.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::chain::{Absent, chains};
use super::expected::{self, Expected};
use super::judged::{Judged, Named};
use super::place::{self, Place};
use super::range::Range;
use super::ruling::Ruling;
use super::seen::SeenLog;
use crate::model::time::Time;
use crate::model::verified::{About, DigestVerdict, Item, Kind, LogVerdict, Verdict, Verified};
use crate::source::hashed::Flaw;

const MINUTE: i64 = 60 * 1_000_000;

/// How long CloudTrail may take to write the digest of a log.
const DIGEST_DUE: i64 = 120 * MINUTE;

/// How long after the time in its name a log may be delivered. A digest need not name a log of the
/// last 15 minutes before its end, because the next digest does.
const DELIVERED: i64 = 15 * MINUTE;

/// How far clocks may be apart.
const CLOCKS: i64 = 60 * MINUTE;

/// Says all that is to be said of a range. `ended` tells whether every log was read; with `all`,
/// what is verified is listed too.
pub fn judge(judged: &Judged, range: &Range, ended: bool, all: bool) -> Verified {
    let others = judged.collected.others + judged.collected.unsigned;
    let verified = Verified { others, ..Verified::default() };
    let mut court = Court { judged, range, all, verified };
    court.digests();
    // An interrupted run has not read everything, so it cannot tell what is missing.
    if !judged.collected.interrupted {
        let (chains, absent) = chains(judged, range, newest(judged, range));
        absent.iter().for_each(|absent| court.absent(absent));
        expected::unread(judged, range).into_iter().for_each(|expected| court.unread(expected));
        court.verified.chains = chains;
    }
    court.logs();
    if ended && !judged.collected.interrupted {
        court.missing();
    }
    let mut verified = court.verified;
    verified.items.sort();
    verified.items.dedup();
    verified
}

/// The latest time in the name of a log or at the end of a digest; times in the future do not count.
fn newest(judged: &Judged, range: &Range) -> Option<Time> {
    let logs = judged.collected.logs.iter().filter_map(|log| log.time);
    let digests = judged.collected.digests.iter().filter_map(|digest| digest.content.as_ref().ok());
    let all = logs.chain(digests.filter_map(|(digest, _)| Some(digest.period()?.1)));
    all.filter(|time| *time <= range.now).max()
}

/// Collects the verdicts.
struct Court<'a> {
    judged: &'a Judged,
    range: &'a Range,
    all: bool,
    verified: Verified,
}

impl Court<'_> {
    fn say(&mut self, item: Item) {
        let counts = match item.kind {
            Kind::Digest => &mut self.verified.digests,
            Kind::Log => &mut self.verified.logs,
        };
        *counts.entry(item.verdict).or_default() += item.count;
        if self.all || item.bad || !item.detail.is_empty() {
            self.verified.items.push(item);
        }
    }

    fn digests(&mut self) {
        let judged = self.judged;
        for (seen, ruling) in judged.collected.digests.iter().zip(&judged.rulings) {
            let period = seen.period();
            let in_range = period.is_none_or(|(from, to)| self.range.overlaps(from, to));
            let place = seen.series.as_ref();
            if !in_range || place.is_some_and(|s| !self.range.has_place(&s.account, &s.region)) {
                continue;
            }
            let content = seen.content.as_ref().ok().filter(|_| ruling.is_verified());
            let about = About {
                account: place.map(|series| series.account.clone()),
                region: place.map(|series| series.region.clone()),
                trail: place.map(|series| series.shown()),
                time: period.map(|(_, end)| end),
                object: content.map(|(d, _)| format!("s3://{}/{}", d.bucket, d.object)),
            };
            self.digest(Arc::clone(&seen.name), ruling.clone(), 1, about);
        }
    }

    fn digest(&mut self, origin: Arc<str>, ruling: Ruling, count: u64, about: About) {
        let (bad, verdict) = (!ruling.is_verified(), ruling.verdict.as_str());
        let detail = ruling.detail;
        self.say(Item { kind: Kind::Digest, origin, verdict, detail, bad, count, about });
    }

    fn absent(&mut self, absent: &Absent<'_>) {
        let origin: Arc<str> = absent.origin().into();
        let about = About {
            account: Some(absent.series.account.clone()),
            region: Some(absent.series.region.clone()),
            trail: Some(absent.series.shown()),
            time: Some(absent.time),
            object: Some(origin.to_string()),
        };
        let ruling = Ruling::new(DigestVerdict::Missing, absent.detail.as_str());
        self.digest(origin, ruling, absent.count, about);
    }

    /// Says that of an account and Region no digest was read.
    fn unread(&mut self, expected: Expected) {
        let origin: Arc<str> = expected.origin().into();
        let detail = format!("no digest of it was read, and {}", expected.why);
        let Expected { account, region, .. } = expected;
        let object = Some(origin.to_string());
        let about = About { account, region, object, ..About::default() };
        self.digest(origin, Ruling::new(DigestVerdict::Missing, detail), 1, about);
    }

    fn logs(&mut self) {
        let judged = self.judged;
        let spans = spans(judged);
        for log in &judged.collected.logs {
            let found = judged.log(log);
            if found.is_none() && log.aside {
                self.verified.others += 1;
                continue;
            }
            let of = log.of.as_ref().map(|(account, region)| (account.as_str(), region.as_str()));
            if !self.range.has_log(of, log.time, found.is_some()) {
                continue;
            }
            let waits = found.is_none() && self.waits(log, &spans);
            self.verified.pending += u64::from(waits);
            let unnamed = || (!judged.collected.interrupted).then(|| unnamed(log, &spans, waits));
            let Some((verdict, detail)) = found.or_else(unnamed) else { continue };
            let bad = verdict != LogVerdict::Verified && !waits;
            let mut about = About { time: log.time, ..About::default() };
            if let Some((account, region)) = of {
                (about.account, about.region) = (Some(account.into()), Some(region.into()));
            }
            if bad && let Some(named) = judged.entry(&log.name) {
                name(&mut about, named);
            }
            self.log(Arc::clone(&log.name), (verdict, detail), bad, about);
        }
    }

    fn log(
        &mut self,
        origin: Arc<str>,
        (verdict, detail): (LogVerdict, String),
        bad: bool,
        about: About,
    ) {
        let verdict = verdict.as_str();
        self.say(Item { kind: Kind::Log, origin, verdict, detail, bad, count: 1, about });
    }

    /// Whether the digest of a log need not be there yet.
    fn waits(&self, log: &SeenLog, spans: &Spans) -> bool {
        let (now, Some(time)) = (self.range.now.0, log.time) else { return false };
        let is_new = (now - DIGEST_DUE..=now + CLOCKS).contains(&time.0);
        is_new && span(log, spans).is_none_or(|(_, end)| time.0 > end.0 - DELIVERED)
    }

    /// Reports logs that digests name and that are missing.
    fn missing(&mut self) {
        let judged = self.judged;
        let seen = judged.collected.logs.iter().map(|log| place::stem(place::base(&log.name)));
        let there: BTreeSet<&str> =
            seen.chain(judged.collected.earlier.iter().map(String::as_str)).collect();
        let mut missing: BTreeMap<String, (String, About)> = BTreeMap::new();
        for (_, named) in judged.entries().filter(|(stem, _)| !there.contains(stem)) {
            for named in named {
                let mut about = About::default();
                if let Place::Log { account, region, time } = place::of(&named.log.object) {
                    if !self.range.has_log(Some((&account, &region)), time, true) {
                        continue;
                    }
                    (about.account, about.region) = (Some(account), Some(region));
                    about.time = time;
                }
                name(&mut about, named);
                let digest = &named.digest.object;
                let detail = match named.ruling.verdict {
                    DigestVerdict::Verified => format!("{digest} names it"),
                    other => format!("{digest} names it, which is {}", other.as_str()),
                };
                let origin = about.object.clone().unwrap_or_default();
                missing.insert(origin, (detail, about));
            }
        }
        for (origin, (detail, about)) in missing {
            self.log(origin.into(), (LogVerdict::Missing, detail), true, about);
        }
    }
}

/// What a digest says of a log's place.
fn name(about: &mut About, named: Named<'_>) {
    about.trail = named.digest.series().map(|series| series.shown());
    about.object = Some(format!("s3://{}/{}", named.log.bucket, named.log.object));
}

/// The first start and the last end of digests, by account and Region.
type Spans = BTreeMap<(String, String), (Time, Time)>;

fn spans(judged: &Judged) -> Spans {
    let mut spans = Spans::new();
    for (seen, ruling) in judged.collected.digests.iter().zip(&judged.rulings) {
        let Ok((digest, _)) = &seen.content else { continue };
        if let (Some(series), Some((start, end))) = (digest.series(), digest.period())
            && !series.backfill
            && ruling.verdict != DigestVerdict::BadSignature
        {
            let span = spans.entry((series.account, series.region)).or_insert((start, end));
            *span = (span.0.min(start), span.1.max(end));
        }
    }
    spans
}

fn span(log: &SeenLog, spans: &Spans) -> Option<(Time, Time)> {
    spans.get(log.of.as_ref()?).copied()
}

/// What is said of a log that no digest names.
fn unnamed(log: &SeenLog, spans: &Spans, waits: bool) -> (LogVerdict, String) {
    let also = match &log.hash {
        Ok(_) | Err(Flaw::Altered(_)) => String::new(),
        Err(Flaw::Trailing(reason) | Flaw::Unreadable(reason)) => format!("; {reason}"),
    };
    let (verdict, detail) = match span(log, spans).zip(log.time) {
        None if waits => {
            (LogVerdict::OutsideDigestRange, "its digest is not due yet, and is the first".into())
        }
        None if log.of.is_none() => {
            (LogVerdict::Unreferenced, "its name is not that of a log, and no digest has it".into())
        }
        None => (LogVerdict::Unreferenced, "there are no digests of its account and Region".into()),
        Some(((_, end), _)) if waits => {
            let detail = format!("its digest is not due yet; the last one ends {end}");
            (LogVerdict::OutsideDigestRange, detail)
        }
        Some(((start, _), time)) if time < start => {
            let detail = format!("it is from before the first digest, which begins {start}");
            (LogVerdict::OutsideDigestRange, detail)
        }
        Some(((_, end), time)) if time > end => {
            let detail = format!("it is from after the last digest, which ends {end}");
            (LogVerdict::OutsideDigestRange, detail)
        }
        Some(_) => (LogVerdict::Unreferenced, "no digest names it".to_owned()),
    };
    (verdict, detail + &also)
}

#[cfg(test)]
mod tests {
    use super::super::digest::Digest;
    use super::super::keys::PublicKeys;
    use super::super::seen::{Collected, SeenDigest};
    use super::*;

    /// A digest that names a log which is not there, and a log that it does not name.
    fn collected(interrupted: bool) -> Collected {
        let name = "1_CloudTrail-Digest_r_t_r_20261102T010000Z.json.gz";
        let object = format!("AWSLogs/1/CloudTrail-Digest/r/2026/11/02/{name}");
        let log = "1_CloudTrail_r_20261102T0005Z_a.json.gz";
        let text = serde_json::json!({
            "awsAccountId": "1", "digestStartTime": "2026-11-02T00:00:00Z",
            "digestEndTime": "2026-11-02T01:00:00Z", "digestS3Bucket": "b",
            "digestS3Object": object, "digestPublicKeyFingerprint": "00",
            "logFiles": [{"s3Bucket": "b", "s3Object": log, "hashValue": "00"}],
        });
        let digest = Digest::parse(text.to_string().as_bytes()).unwrap();
        let mut collected = Collected { interrupted, ..Collected::default() };
        let series = digest.series();
        collected.digests.push(SeenDigest {
            name: name.into(),
            series,
            content: Ok((digest, [0; 32])),
        });
        let of = Some(("1".to_owned(), "r".to_owned()));
        let (name, time) = (log.replace("_a", "_b").into(), Time::parse("2026-11-02T00:05:00Z"));
        collected.logs.push(SeenLog { name, of, time, aside: false, hash: Ok([0; 32]) });
        collected
    }

    #[test]
    fn what_was_not_read_is_not_missing() {
        let range = Range {
            since: None,
            until: None,
            late: 0,
            accounts: vec![],
            regions: vec![],
            seen: vec![],
            now: Time::parse("2026-11-23T00:00:00Z").unwrap(),
        };
        let said = |interrupted, ended| {
            let keys = PublicKeys::default();
            let judged = Judged::new(collected(interrupted), &keys, 1).unwrap();
            let verified = judge(&judged, &range, ended, false);
            let logs: Vec<&str> = verified.logs.keys().copied().collect();
            (logs, verified.chains.len())
        };
        assert_eq!(said(false, true), (vec!["missing", "unreferenced"], 1));
        // A scan that was stopped knows its digests, a verification that was stopped does not.
        assert_eq!(said(false, false), (vec!["unreferenced"], 1));
        assert_eq!(said(true, false), (vec![], 0));
    }
}
