//! The digests of one trail, account and Region in order of time: where the chain begins, where it
//! ends, and where it is broken.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::digest::Digest;
use super::judged::Judged;
use super::place::{self, Series};
use super::range::Range;
use crate::model::time::Time;
use crate::model::verified::{Chain, DigestVerdict, Gap, Head};

/// CloudTrail writes a digest an hour.
const HOUR: i64 = 3600;
/// How late the last digest may be, in seconds.
const LATE: i64 = 2 * HOUR;
const SECOND: i64 = 1_000_000;

/// A digest that a chain lacks.
pub(super) struct Absent<'a> {
    pub series: Series,
    /// The digest that names it.
    pub by: &'a Digest,
    /// How many digests are missing at this point, this one included.
    pub count: u64,
    /// The end of the time that no digest covers.
    pub time: Time,
    pub detail: String,
}

impl Absent<'_> {
    /// `s3://BUCKET/KEY`.
    pub fn origin(&self) -> String {
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        format!("s3://{}/{}", text(&self.by.previous_bucket), text(&self.by.previous_object))
    }
}

/// A digest that was read, and its period.
#[derive(Clone, Copy)]
struct Link<'a> {
    digest: &'a Digest,
    name: &'a str,
    verified: bool,
    start: Time,
    end: Time,
}

impl<'a> Link<'a> {
    fn stem(&self) -> &'a str {
        place::stem(place::base(self.name))
    }
}

/// Digests by the stems of their names.
struct Known<'a> {
    /// Digests that were read.
    present: HashSet<&'a str>,
    /// Digests that another digest names as its predecessor.
    named: HashSet<&'a str>,
}

/// The chains, and the digests that they lack. A digest whose signature is wrong covers no time, but
/// it counts as present.
pub(super) fn chains<'a>(
    judged: &'a Judged,
    range: &Range,
    newest: Option<Time>,
) -> (Vec<Chain>, Vec<Absent<'a>>) {
    let mut by_series: BTreeMap<Series, Vec<Link<'_>>> = BTreeMap::new();
    let mut known = Known { present: HashSet::new(), named: HashSet::new() };
    for (seen, ruling) in judged.collected.digests.iter().zip(&judged.rulings) {
        known.present.insert(place::stem(place::base(&seen.name)));
        let Ok((digest, _)) = &seen.content else { continue };
        let (Some(series), Some((start, end))) = (digest.series(), digest.period()) else {
            continue;
        };
        if ruling.verdict == DigestVerdict::BadSignature {
            continue;
        }
        known.named.extend(digest.previous_object.iter().map(|o| place::stem(place::base(o))));
        let verified = ruling.is_verified();
        let link = Link { digest, name: &seen.name, verified, start, end };
        by_series.entry(series).or_default().push(link);
    }
    by_series.retain(|series, _| range.has_place(&series.account, &series.region));
    for links in by_series.values_mut() {
        links.sort_by(|a, b| {
            (a.start, a.end, a.stem(), !a.verified, a.name).cmp(&(
                b.start,
                b.end,
                b.stem(),
                !b.verified,
                b.name,
            ))
        });
        // Copies of one digest in several folders are one link.
        links.dedup_by(|a, b| a.stem() == b.stem());
    }
    let ended: HashMap<Series, Time> = by_series
        .iter()
        .filter_map(|(series, links)| Some((series.clone(), links.last()?.end)))
        .collect();
    let going_on = range.since.map(|since| going_on(&ended, since));
    let (mut chains, mut absent) = (Vec::new(), Vec::new());
    for (series, links) in by_series {
        let begins_after = |until| links.first().is_some_and(|link: &Link<'_>| link.start >= until);
        if range.until.is_some_and(begins_after) || is_over(&series, &ended, going_on.as_ref()) {
            continue;
        }
        let walk = Walk { series: &series, known: &known, range };
        chains.extend(walk.chain(&links, newest, &mut absent));
    }
    (chains, absent)
}

/// Whether a chain ended before the range while another chain of the same account and Region goes
/// on. A trail that was replaced says nothing about the time after it.
fn is_over(
    series: &Series,
    ended: &HashMap<Series, Time>,
    going_on: Option<&(Time, HashSet<(&str, &str)>)>,
) -> bool {
    let Some((since, going_on)) = going_on else { return false };
    ended.get(series).is_some_and(|end| is_before(*end, *since))
        && going_on.contains(&(series.account.as_str(), series.region.as_str()))
}

/// The accounts and Regions of which a chain reaches into what begins `since` then.
fn going_on(ended: &HashMap<Series, Time>, since: Time) -> (Time, HashSet<(&str, &str)>) {
    let goes_on = ended.iter().filter(|(series, end)| !series.backfill && !is_before(**end, since));
    let places = goes_on.map(|(series, _)| (series.account.as_str(), series.region.as_str()));
    (since, places.collect())
}

fn is_before(end: Time, since: Time) -> bool {
    end.0 + LATE * SECOND <= since.0
}

/// One chain being walked.
struct Walk<'s, 'a> {
    series: &'s Series,
    known: &'s Known<'a>,
    range: &'s Range,
}

impl<'a> Walk<'_, 'a> {
    fn chain(
        &self,
        links: &[Link<'a>],
        newest: Option<Time>,
        absent: &mut Vec<Absent<'a>>,
    ) -> Option<Chain> {
        let (first, last) = (links.first()?, links.last()?);
        let mut gaps = Vec::new();
        let mut reached = first.end;
        for pair in links.windows(2) {
            let [a, b] = pair else { continue };
            gaps.extend(self.gap(a, reached, b, absent));
            reached = reached.max(b.end);
        }
        let head = match self.named(first) {
            Some(stem) if !self.known.present.contains(stem) => Head::Cut,
            _ => Head::Starting,
        };
        let cut_short =
            head == Head::Cut && self.range.since.is_none_or(|since| since < first.start);
        if cut_short {
            let detail = format!("{} names it; older ones cannot be told", first.digest.object);
            absent.push(self.absent(first, 1, detail));
        }
        let end = self.range.until.map(|until| until.min(self.range.now)).or(newest);
        let tail = end.map_or(0, |end| ((end.0 - reached.0) / SECOND).max(0));
        // A chain may go on elsewhere, as when a trail becomes the organisation's. Files that come
        // late get a chain of their own, which goes on only when there are more.
        let goes_on = self.known.named.contains(last.stem()) || self.series.backfill;
        Some(Chain {
            account: self.series.account.clone(),
            region: self.series.region.clone(),
            trail: self.series.shown(),
            start: first.start,
            end: reached,
            gaps,
            head,
            tail_age_secs: tail,
            cut_short,
            ends_early: tail > LATE && !goes_on,
        })
    }

    fn absent(&self, by: &Link<'a>, count: u64, detail: String) -> Absent<'a> {
        Absent { series: self.series.clone(), by: by.digest, count, time: by.start, detail }
    }

    /// The stem of the name of the digest before `link`, as `link` says.
    fn named(&self, link: &Link<'a>) -> Option<&'a str> {
        link.digest.previous_object.as_deref().map(|object| place::stem(place::base(object)))
    }

    /// The gap between two digests, if there is one; `reached` is the latest end so far. Digests that
    /// are missing in between go to `absent`.
    fn gap(
        &self,
        a: &Link<'a>,
        reached: Time,
        b: &Link<'a>,
        absent: &mut Vec<Absent<'a>>,
    ) -> Option<Gap> {
        if !self.range.overlaps(reached.min(b.start), b.start.max(reached)) {
            return None;
        }
        let hole = (b.start.0 - reached.0) / SECOND;
        let gap = (hole > 0 && !self.series.backfill).then_some(Gap { from: reached, to: b.start });
        // If `b` names `a` or no digest at all, only the times tell whether there is a gap.
        let Some(stem) = self.named(b).filter(|stem| *stem != a.stem()) else { return gap };
        let is_there = self.known.present.contains(stem);
        let hours = if self.series.backfill { 1 } else { ((hole + HOUR / 2) / HOUR).max(1) };
        let missing = hours - i64::from(is_there);
        if missing > 0 {
            let (from, to) = (reached.min(b.start), b.start);
            let detail = match missing {
                1 => format!("{} names it; nothing covers {from} to {to}", b.digest.object),
                _ => format!("with {} before it: nothing covers {from} to {to}", missing - 1),
            };
            absent.push(self.absent(b, u64::try_from(missing).unwrap_or(1), detail));
        }
        gap
    }
}
