//! What is said of every digest and log, from what was read of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::chain::chains;
use super::collect::{Collected, Flaw, SeenDigest, SeenLog};
use super::digest::Digest;
use super::keys::{PublicKeys, hex, unhex};
use super::place::{self, Place};
use crate::model::time::Time;
use crate::model::verified::{DigestVerdict, Item, Kind, LogVerdict, Verdict, Verified};

/// What is to be verified.
#[derive(Debug, Clone)]
pub struct Range {
    /// Digests that end after, logs from then on.
    pub since: Option<Time>,
    /// Digests that start before, logs before.
    pub until: Option<Time>,
    /// These accounts, when there are any.
    pub accounts: Vec<String>,
    /// These Regions, when there are any.
    pub regions: Vec<String>,
    /// What time it is: a digest of the last two hours may not have been written yet.
    pub now: Time,
}

/// How long CloudTrail may take to write the digest of a log, in microseconds.
const DIGEST_DUE: i64 = 2 * 3600 * 1_000_000;

impl Range {
    pub(super) fn has_place(&self, account: &str, region: &str) -> bool {
        let one_of = |wanted: &[String], value: &str| {
            wanted.is_empty() || wanted.iter().any(|wanted| wanted == value)
        };
        one_of(&self.accounts, account) && one_of(&self.regions, region)
    }

    /// Whether a half-open period has something of the range; an empty one if its instant has.
    pub(super) fn overlaps(&self, from: Time, to: Time) -> bool {
        self.since.is_none_or(|since| to > since || (from == to && from >= since))
            && self.until.is_none_or(|until| from < until)
    }

    fn has_log(&self, of: Option<&(String, String)>, time: Option<Time>) -> bool {
        of.is_none_or(|(account, region)| self.has_place(account, region))
            && time.is_none_or(|time| self.overlaps(time, time))
    }
}

/// The judgement of everything that was read. With `all`, what is verified is listed too.
pub fn judge(collected: &Collected, keys: &PublicKeys, range: &Range, all: bool) -> Verified {
    let newest = collected.newest();
    let mut court =
        Court { collected, keys, range, verdicts: Vec::new(), verified: Verified::default() };
    court.verified.others = collected.others;
    court.digests();
    let (chains, absent) = chains(&collected.digests, range, newest);
    for missing in absent {
        let verdict = DigestVerdict::Missing;
        *court.verified.digests.entry(verdict.as_str()).or_default() += missing.count - 1;
        court.say_digest(missing.origin.into(), verdict, missing.detail);
    }
    court.verified.chains = chains;
    court.logs();
    let mut verified = court.verified;
    verified.items.retain(|item| all || item.bad || !item.detail.is_empty());
    verified.items.sort();
    verified.items.dedup();
    verified
}

impl Collected {
    /// The latest time in the name of a log or at the end of a digest.
    fn newest(&self) -> Option<Time> {
        let logs = self.logs.iter().filter_map(|log| log.time);
        let digests = self.digests.iter().filter_map(|digest| digest.content.as_ref().ok());
        logs.chain(digests.filter_map(|(digest, _)| Some(digest.period()?.1))).max()
    }
}

/// Judges.
struct Court<'a> {
    collected: &'a Collected,
    keys: &'a PublicKeys,
    range: &'a Range,
    /// That of each digest, in the order of `collected`.
    verdicts: Vec<DigestVerdict>,
    verified: Verified,
}

/// A log file as a digest names it: the digest's number and the log's in it.
type Entry = (usize, usize);

impl Court<'_> {
    fn say_digest(&mut self, origin: Arc<str>, verdict: DigestVerdict, detail: String) {
        *self.verified.digests.entry(verdict.as_str()).or_default() += 1;
        let bad = verdict != DigestVerdict::Verified;
        let verdict = verdict.as_str();
        self.verified.items.push(Item { kind: Kind::Digest, origin, verdict, detail, bad });
    }

    fn say_log(&mut self, origin: Arc<str>, (verdict, detail): (LogVerdict, String), bad: bool) {
        *self.verified.logs.entry(verdict.as_str()).or_default() += 1;
        let verdict = verdict.as_str();
        self.verified.items.push(Item { kind: Kind::Log, origin, verdict, detail, bad });
    }

    /// Judges every digest: first whether it is signed, then whether a signed one names it otherwise.
    fn digests(&mut self) {
        let seen = &self.collected.digests;
        let mut successors: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, digest) in seen.iter().enumerate() {
            let previous =
                digest.content.as_ref().ok().and_then(|(d, _)| d.previous_object.as_ref());
            if let Some(object) = previous {
                let stem = place::stem(place::base(object));
                successors.entry(stem).or_default().push(number);
            }
        }
        let after = |digest: &SeenDigest| {
            let stem = place::stem(place::base(&digest.name));
            let numbers = successors.get(stem).map(Vec::as_slice).unwrap_or_default();
            numbers.iter().filter_map(|&n| Some((n, &seen[n].content.as_ref().ok()?.0)))
        };
        let signed: Vec<_> = seen
            .iter()
            .map(|digest| {
                self.signature(digest, &after(digest).map(|(_, d)| d).collect::<Vec<_>>())
            })
            .collect();
        for (digest, (verdict, detail)) in seen.iter().zip(&signed) {
            let is_signed = |number: usize| signed[number].0 == DigestVerdict::Verified;
            let mut by = after(digest).filter(|(number, _)| is_signed(*number));
            let (mut verdict, mut detail) = (*verdict, detail.clone());
            if let Ok((_, hash)) = &digest.content
                && let Some((_, next)) =
                    by.find(|(_, next)| !is_hash(next.previous_hash.as_deref(), hash))
            {
                let named = next.previous_hash.as_deref().unwrap_or("none");
                let found = format!("its SHA-256 is {}, {} names {named}", hex(hash), next.object);
                let open = [DigestVerdict::Verified, DigestVerdict::SignatureUnavailable];
                if open.contains(&verdict) {
                    verdict = DigestVerdict::HashChainMismatch;
                }
                detail = if detail.is_empty() { found } else { format!("{detail}; {found}") };
            }
            self.verdicts.push(verdict);
            let in_range = digest.content.as_ref().ok().and_then(|(d, _)| d.period());
            let in_range = in_range.is_none_or(|(from, to)| self.range.overlaps(from, to));
            let place = digest.series.as_ref();
            if in_range && place.is_none_or(|s| self.range.has_place(&s.account, &s.region)) {
                self.say_digest(Arc::clone(&digest.name), verdict, detail);
            }
        }
    }

    /// Whether a digest is signed, `next` being those that name it as the one before.
    fn signature(&self, seen: &SeenDigest, next: &[&Digest]) -> (DigestVerdict, String) {
        let (digest, hash) = match &seen.content {
            Ok((digest, hash)) => (digest, hash),
            Err(reason) => return (DigestVerdict::BadFormat, reason.clone()),
        };
        let stem = place::stem(place::base(&seen.name));
        let beside = self.collected.signatures.get(stem).into_iter().flatten().map(String::as_str);
        let named = next.iter().filter_map(|next| next.previous_signature.as_deref());
        let candidates: BTreeSet<String> =
            beside.chain(named).map(|text| text.trim().to_ascii_lowercase()).collect();
        if candidates.is_empty() {
            let detail = "no signature beside it, and no digest after it that has one";
            return (DigestVerdict::SignatureUnavailable, detail.to_owned());
        }
        let text = digest.signed(&hex(hash));
        let is_good = |signature: &String| {
            let bytes = unhex(signature).unwrap_or_default();
            self.keys.verify(&digest.fingerprint, text.as_bytes(), &bytes)
        };
        let results: Vec<_> = candidates.iter().map(is_good).collect();
        if results.contains(&None) {
            let detail = format!("no public key has the fingerprint {}", digest.fingerprint);
            return (DigestVerdict::KeyUnknown, detail);
        }
        match (results.contains(&Some(true)), results.len()) {
            (false, _) => {
                let detail = "neither its text nor its place may be changed: no signature verifies";
                (DigestVerdict::BadSignature, detail.to_owned())
            }
            (true, 1) => (DigestVerdict::Verified, String::new()),
            (true, _) => {
                let detail =
                    "the signature beside it is not the one that the digest after it names";
                (DigestVerdict::Verified, detail.to_owned())
            }
        }
    }

    /// Judges every log, and says which are missing.
    fn logs(&mut self) {
        let collected = self.collected;
        let mut entries: HashMap<&str, Vec<Entry>> = HashMap::new();
        for (number, digest) in collected.digests.iter().enumerate() {
            let Ok((digest, _)) = &digest.content else { continue };
            for (log, named) in digest.logs.iter().enumerate() {
                let stem = place::stem(place::base(&named.object));
                entries.entry(stem).or_default().push((number, log));
            }
        }
        let spans = self.spans();
        for log in &collected.logs {
            let named = entries.get(place::stem(place::base(&log.name)));
            if named.is_none() && log.aside {
                self.verified.others += 1;
                continue;
            }
            if !self.range.has_log(log.of.as_ref(), log.time) {
                continue;
            }
            let found = match named {
                Some(named) => self.log(log, named),
                None => unnamed(log, &spans),
            };
            let is_due = |time: Time| self.range.now.0 - time.0 > DIGEST_DUE;
            let (verdict, after) = (found.0, spans_end(log, &spans));
            let waits = verdict == LogVerdict::OutsideDigestRange
                && log.time.is_some_and(|time| Some(time) > after && !is_due(time));
            if verdict == LogVerdict::Verified {
                self.verified.good.insert(Arc::clone(&log.name));
            }
            let bad = verdict != LogVerdict::Verified && !waits;
            self.say_log(Arc::clone(&log.name), found, bad);
        }
        self.missing(&entries);
    }

    /// The first start and the last end of all digests by account and Region.
    fn spans(&self) -> Spans {
        let mut spans = Spans::new();
        for (digest, _) in self.collected.digests.iter().filter_map(|d| d.content.as_ref().ok()) {
            if let (Some(series), Some((start, end))) = (digest.series(), digest.period())
                && !series.backfill
            {
                let span = spans.entry((series.account, series.region)).or_insert((start, end));
                *span = (span.0.min(start), span.1.max(end));
            }
        }
        spans
    }

    /// What is said of a log that digests name: those whose place is most like its own.
    fn log(&self, log: &SeenLog, named: &[Entry]) -> (LogVerdict, String) {
        let hash = match &log.hash {
            Ok(hash) => hash,
            Err(Flaw::Trailing(reason)) => return (LogVerdict::TrailingData, reason.clone()),
            Err(Flaw::Unreadable(reason)) => return (LogVerdict::Unreadable, reason.clone()),
            Err(Flaw::Altered(reason)) => return (LogVerdict::Modified, (*reason).to_owned()),
        };
        let entry = |&(digest, log): &Entry| {
            let (content, _) = self.collected.digests[digest].content.as_ref().ok()?;
            Some((digest, content, content.logs.get(log)?))
        };
        let all: Vec<_> = named.iter().filter_map(entry).collect();
        let like = |object: &str| place::shared(&log.name, object);
        let best = all.iter().map(|(_, _, named)| like(&named.object)).max();
        let best: Vec<_> =
            all.iter().filter(|(_, _, named)| Some(like(&named.object)) == best).collect();
        let is_signed = |digest: usize| self.verdicts[digest] == DigestVerdict::Verified;
        let mut equal = best.iter().filter(|(_, _, named)| is_hash(Some(&named.hash), hash));
        if equal.clone().any(|(digest, ..)| is_signed(*digest)) {
            return (LogVerdict::Verified, String::new());
        }
        if let Some((digest, content, _)) = equal.next() {
            let why = self.verdicts[*digest].as_str();
            let detail = format!("its hash agrees with {}, which is {why}", content.object);
            return (LogVerdict::Unreferenced, detail);
        }
        let expected = best.first().map_or("", |(_, _, named)| named.hash.as_str());
        (LogVerdict::Modified, format!("its SHA-256 is {}, signed is {expected}", hex(hash)))
    }

    /// Says which logs digests name and nobody has.
    fn missing(&mut self, entries: &HashMap<&str, Vec<Entry>>) {
        let there: BTreeSet<&str> =
            self.collected.logs.iter().map(|log| place::stem(place::base(&log.name))).collect();
        let mut missing: BTreeMap<String, String> = BTreeMap::new();
        for (_, named) in entries.iter().filter(|(stem, _)| !there.contains(*stem)) {
            for (digest, log) in named {
                let seen = &self.collected.digests[*digest];
                let Ok((content, _)) = &seen.content else { continue };
                let log = &content.logs[*log];
                let in_range = match place::of(&log.object) {
                    Place::Log { account, region, time } => {
                        self.range.has_log(Some(&(account, region)), time)
                    }
                    _ => true,
                };
                if in_range {
                    let detail = match self.verdicts[*digest] {
                        DigestVerdict::Verified => format!("{} names it", seen.name),
                        other => format!("{} names it, which is {}", seen.name, other.as_str()),
                    };
                    missing.insert(format!("s3://{}/{}", log.bucket, log.object), detail);
                }
            }
        }
        for (origin, detail) in missing {
            self.say_log(origin.into(), (LogVerdict::Missing, detail), true);
        }
    }
}

/// The first start and the last end of digests, by account and Region.
type Spans = BTreeMap<(String, String), (Time, Time)>;

fn spans_end(log: &SeenLog, spans: &Spans) -> Option<Time> {
    spans.get(log.of.as_ref()?).map(|span| span.1)
}

/// What is said of a log that no digest names.
fn unnamed(log: &SeenLog, spans: &Spans) -> (LogVerdict, String) {
    let flaw = match &log.hash {
        Ok(_) | Err(Flaw::Altered(_)) => "",
        Err(Flaw::Trailing(reason) | Flaw::Unreadable(reason)) => reason,
    };
    let also = if flaw.is_empty() { String::new() } else { format!("; {flaw}") };
    let Some((span, time)) = log.of.as_ref().and_then(|of| spans.get(of)).zip(log.time) else {
        let detail = "there are no digests of its account and Region";
        return (LogVerdict::Unreferenced, format!("{detail}{also}"));
    };
    if time < span.0 {
        let detail = format!("it is from before the first digest, which begins {}", span.0);
        (LogVerdict::OutsideDigestRange, format!("{detail}{also}"))
    } else if time > span.1 {
        let detail = format!("it is from after the last digest, which ends {}", span.1);
        (LogVerdict::OutsideDigestRange, format!("{detail}{also}"))
    } else {
        (LogVerdict::Unreferenced, format!("no digest names it{also}"))
    }
}

/// Whether a hash in hex is this one. One was seen without its leading zero.
fn is_hash(text: Option<&str>, hash: &[u8; 32]) -> bool {
    text.is_some_and(|text| format!("{:0>64}", text.trim().to_ascii_lowercase()) == hex(hash))
}
