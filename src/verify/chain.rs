//! The digests of one trail, account and Region in the order of time: where the chain begins, ends
//! and is broken.

use std::collections::{BTreeMap, HashMap};

use super::collect::SeenDigest;
use super::digest::Digest;
use super::judge::Range;
use super::place::{self, Series};
use crate::model::time::Time;
use crate::model::verified::{Chain, Gap, Head};

/// CloudTrail writes a digest an hour.
const HOUR: i64 = 3600;
/// How late the last digest may be, in seconds.
const LATE: i64 = 2 * HOUR;
const SECOND: i64 = 1_000_000;

/// A digest that a chain lacks.
pub(super) struct Absent {
    /// `s3://BUCKET/KEY`.
    pub origin: String,
    /// How many are missing where it is, itself included.
    pub count: u64,
    pub detail: String,
}

/// A digest that was read, and its period.
#[derive(Clone, Copy)]
struct Link<'a> {
    digest: &'a Digest,
    name: &'a str,
    start: Time,
    end: Time,
}

/// Everything that is said of a digest's place: the chains, and what they lack.
pub(super) fn chains(
    seen: &[SeenDigest],
    range: &Range,
    newest: Option<Time>,
) -> (Vec<Chain>, Vec<Absent>) {
    let mut by_series: BTreeMap<Series, Vec<Link<'_>>> = BTreeMap::new();
    let mut present: HashMap<&str, bool> = HashMap::new();
    for digest in seen {
        present.entry(place::stem(place::base(&digest.name))).or_default();
        let Ok((content, _)) = &digest.content else { continue };
        let (Some(series), Some((start, end))) = (content.series(), content.period()) else {
            continue;
        };
        present.insert(place::stem(place::base(&digest.name)), true);
        let link = Link { digest: content, name: &digest.name, start, end };
        by_series.entry(series).or_default().push(link);
    }
    let (mut chains, mut absent) = (Vec::new(), Vec::new());
    for (series, mut links) in by_series {
        if !range.has_place(&series.account, &series.region) {
            continue;
        }
        links.sort_by(|a, b| (a.start, a.end, a.name).cmp(&(b.start, b.end, b.name)));
        // Copies of one digest in several folders are one link.
        links.dedup_by(|a, b| place::base(a.name) == place::base(b.name));
        if range.until.is_some_and(|until| links.first().is_some_and(|link| link.start >= until)) {
            continue;
        }
        let walk = Walk { series: &series, present: &present, range };
        chains.extend(walk.chain(&links, newest, &mut absent));
    }
    (chains, absent)
}

/// One chain being walked.
struct Walk<'a> {
    series: &'a Series,
    /// Every digest there is by the stem of its name, and whether it could be read.
    present: &'a HashMap<&'a str, bool>,
    range: &'a Range,
}

impl Walk<'_> {
    fn chain(
        &self,
        links: &[Link<'_>],
        newest: Option<Time>,
        absent: &mut Vec<Absent>,
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
            Some(stem) if !self.present.contains_key(stem) => Head::Cut,
            _ => Head::Starting,
        };
        let cut = head == Head::Cut && self.range.since.is_none_or(|since| since < first.start);
        if cut {
            let detail = format!("{} names it; older ones cannot be told", first.name);
            absent.push(Absent { origin: origin(first.digest), count: 1, detail });
        }
        let end = self.range.until.map(|until| until.min(self.range.now)).or(newest);
        let tail = end.map_or(0, |end| ((end.0 - last.end.0) / SECOND).max(0));
        let backfill = self.series.backfill;
        let suffix = if backfill { " (backfill)" } else { "" };
        Some(Chain {
            account: self.series.account.clone(),
            region: self.series.region.clone(),
            trail: format!("{}{suffix}", self.series.trail),
            start: first.start,
            end: last.end,
            gaps,
            head,
            tail_age_secs: tail,
            // Files that come late get a chain of their own, which goes on only when there are more.
            short: cut || (tail > LATE && !backfill),
        })
    }

    /// The stem of the digest that one names as the one before it.
    fn named<'a>(&self, link: &Link<'a>) -> Option<&'a str> {
        link.digest.previous_object.as_deref().map(|object| place::stem(place::base(object)))
    }

    /// What lies between two digests, `reached` being the latest end so far. Notes those that are
    /// missing.
    fn gap(
        &self,
        a: &Link<'_>,
        reached: Time,
        b: &Link<'_>,
        absent: &mut Vec<Absent>,
    ) -> Option<Gap> {
        let named = self.named(b);
        let hole = (b.start.0 - reached.0) / SECOND;
        let is_in_range = self.range.overlaps(reached.min(b.start), b.start.max(reached));
        if !is_in_range {
            return None;
        }
        let gap = (hole > 0).then_some(Gap { from: reached, to: b.start });
        match named {
            // The one before, or a start over: time alone tells.
            None => gap.filter(|_| !self.series.backfill),
            Some(stem) if stem == place::stem(place::base(a.name)) => {
                gap.filter(|_| !self.series.backfill)
            }
            Some(stem) => {
                let is_there = self.present.get(stem).copied();
                let hours = (hole + HOUR / 2) / HOUR;
                let hours = if self.series.backfill { 1 } else { hours.max(1) };
                let missing = hours - i64::from(is_there.is_some());
                if missing > 0 {
                    let (from, to) = (reached, b.start);
                    let detail = match missing {
                        1 => format!("{} names it; nothing covers {from} to {to}", b.name),
                        _ => {
                            format!("with {} before it: nothing covers {from} to {to}", missing - 1)
                        }
                    };
                    let count = u64::try_from(missing).unwrap_or(1);
                    absent.push(Absent { origin: origin(b.digest), count, detail });
                }
                gap.or((is_there.is_none()).then_some(Gap { from: reached, to: b.start }))
            }
        }
    }
}

/// The digest that another names as the one before it.
fn origin(digest: &Digest) -> String {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    format!("s3://{}/{}", text(&digest.previous_bucket), text(&digest.previous_object))
}
