//! Digests that must be there and of which none was read: whoever deletes the logs and the digests of
//! a whole Region leaves no chain that could have a gap.
//!
//! ```text
//! named      accounts and Regions that the command line names
//! seen       accounts and Regions of which an earlier run has read logs
//! home       the home Region of a trail of which two other Regions have digests: a trail for all
//!            Regions always writes there
//! ```
//!
//! What must stay true: nothing is expected if the input was read only in part.

use std::collections::{BTreeMap, BTreeSet};

use super::judged::Judged;
use super::range::Range;
use super::ruling::Ruling;
use super::seen::SeenDigest;

/// A trail counts as a trail for all Regions if it has digests of this many Regions beside its home.
/// One is not enough, since people copy the folder of a single Region.
const OTHERS: usize = 2;

/// Digests of which none was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Expected {
    /// `None` if a digest of any account is enough.
    pub account: Option<String>,
    /// `None` if a digest of any Region is enough.
    pub region: Option<String>,
    /// Why they are expected.
    pub why: String,
}

impl Expected {
    /// The folder where they would lie.
    pub fn origin(&self) -> String {
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "*".to_owned());
        format!("AWSLogs/{}/CloudTrail-Digest/{}/", part(&self.account), part(&self.region))
    }
}

/// The accounts and Regions of which digests are expected and none was read, each once.
pub(super) fn unread(judged: &Judged, range: &Range) -> Vec<Expected> {
    let there = There::of(judged, range);
    let is_missing = |one: &Expected| !there.has(one.account.as_deref(), one.region.as_deref());
    let wanted = named(range).into_iter().chain(earlier(range)).filter(is_missing);
    let mut missing = BTreeMap::new();
    for Expected { account, region, why } in wanted.chain(there.homes(range)) {
        missing.entry((account, region)).or_insert(why);
    }
    let expected = |((account, region), why)| Expected { account, region, why };
    missing.into_iter().map(expected).collect()
}

/// What the command line names.
fn named(range: &Range) -> Vec<Expected> {
    let words = |words: &[String]| -> Vec<Option<String>> {
        if words.is_empty() { vec![None] } else { words.iter().cloned().map(Some).collect() }
    };
    let why = match (range.accounts.is_empty(), range.regions.is_empty()) {
        (true, true) => return Vec::new(),
        (false, true) => "--account names it",
        (true, false) => "--region names it",
        (false, false) => "--account and --region name it",
    };
    let regions = words(&range.regions);
    let of = |account: Option<String>| {
        let expected = move |region: &Option<String>| Expected {
            account: account.clone(),
            region: region.clone(),
            why: why.to_owned(),
        };
        regions.iter().map(expected).collect::<Vec<_>>()
    };
    words(&range.accounts).into_iter().flat_map(of).collect()
}

/// What an earlier run has read.
fn earlier(range: &Range) -> impl Iterator<Item = Expected> {
    let is_in = |(account, region): &&(String, String)| range.has_place(account, region);
    range.seen.iter().filter(is_in).map(|(account, region)| Expected {
        account: Some(account.clone()),
        region: Some(region.clone()),
        why: "an earlier run has read logs of it in the last days".to_owned(),
    })
}

/// The accounts and Regions of which digests were read. A digest counts if it is verified, or lies in
/// the range, so that a verdict on it is told: anybody can write a file that is only named like one.
struct There<'a> {
    places: BTreeSet<(&'a str, &'a str)>,
    /// The Regions of each account's trail, by the trail's name with its home.
    trails: BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>,
}

impl<'a> There<'a> {
    fn of(judged: &'a Judged, range: &Range) -> There<'a> {
        let mut there = There { places: BTreeSet::new(), trails: BTreeMap::new() };
        let digests = judged.collected.digests.iter().zip(&judged.rulings);
        let counts = |(seen, ruling): &(&SeenDigest, &Ruling)| {
            ruling.is_verified() || seen.period().is_none_or(|(from, to)| range.overlaps(from, to))
        };
        for series in digests.filter(counts).filter_map(|(seen, _)| seen.series.as_ref()) {
            there.places.insert((&series.account, &series.region));
            let trail = (&*series.account, &*series.trail);
            there.trails.entry(trail).or_default().insert(&series.region);
        }
        there
    }

    fn has(&self, account: Option<&str>, region: Option<&str>) -> bool {
        self.places.iter().any(|(of, at)| {
            account.is_none_or(|account| account == *of)
                && region.is_none_or(|region| region == *at)
        })
    }

    /// The home Regions of trails for all Regions.
    fn homes(&self, range: &Range) -> Vec<Expected> {
        let home = |((account, trail), regions): (&(&str, &str), &BTreeSet<&str>)| {
            let home = trail.strip_suffix(')')?.rsplit('(').next()?;
            let others = regions.iter().filter(|region| **region != home).count();
            let is_missing = others >= OTHERS && others == regions.len();
            (is_missing && range.has_place(account, home)).then(|| Expected {
                account: Some((*account).to_owned()),
                region: Some(home.to_owned()),
                why: format!(
                    "it is the home of {trail}, of which {others} other Regions have some"
                ),
            })
        };
        self.trails.iter().filter_map(home).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::PublicKeys;
    use super::super::place::Series;
    use super::super::seen::Collected;
    use super::*;
    use crate::model::time::Time;

    const TIME: &str = "20261102T010000Z";
    const ONE: &str = "111122223333";
    const OTHER: &str = "444455556666";

    /// Digests of a trail, by account and Region; `TRAIL:REGION` is one of another trail.
    fn judged(places: &[(&str, &str)]) -> Judged {
        let digest = |(account, place): &(&str, &str)| {
            let (trail, region) = place.split_once(':').unwrap_or(("main", place));
            SeenDigest {
                name: format!("1_CloudTrail-Digest_r_t_r_{TIME}.json.gz").into(),
                series: Some(Series {
                    account: (*account).to_owned(),
                    region: (*region).to_owned(),
                    trail: format!("{trail} (us-east-1)"),
                    backfill: false,
                    organisation: None,
                }),
                content: Err("not read here".to_owned()),
            }
        };
        let digests = places.iter().map(digest).collect();
        let collected = Collected { digests, ..Collected::default() };
        Judged::new(collected, &PublicKeys::default(), 1).unwrap()
    }

    fn range(accounts: &[&str], regions: &[&str], seen: &[(&str, &str)]) -> Range {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let places = seen.iter().map(|(a, r)| ((*a).to_owned(), (*r).to_owned())).collect();
        Range {
            since: None,
            until: None,
            late: 0,
            accounts: words(accounts),
            regions: words(regions),
            seen: places,
            now: Time(0),
        }
    }

    fn origins(places: &[(&str, &str)], range: &Range) -> Vec<String> {
        unread(&judged(places), range).iter().map(Expected::origin).collect()
    }

    #[test]
    fn what_is_named_or_was_read_before_is_expected() {
        let there = [(ONE, "eu-west-1"), (OTHER, "eu-west-2")];
        let missing = |accounts: &[&str], regions: &[&str], seen: &[(&str, &str)]| {
            origins(&there, &range(accounts, regions, seen))
        };
        assert_eq!(missing(&[], &[], &[]), [""; 0]);
        // Who names Regions only does not say that every account has them.
        assert_eq!(missing(&[], &["eu-west-1", "eu-west-2"], &[]), [""; 0]);
        let gone = "AWSLogs/*/CloudTrail-Digest/us-east-1/";
        assert_eq!(missing(&[], &["eu-west-1", "us-east-1"], &[]), [gone]);
        assert_eq!(missing(&["9"], &[], &[]), ["AWSLogs/9/CloudTrail-Digest/*/"]);
        let gone = "AWSLogs/111122223333/CloudTrail-Digest/eu-west-2/";
        assert_eq!(missing(&[ONE, OTHER], &["eu-west-2"], &[]), [gone]);
        assert_eq!(missing(&[], &[], &[(ONE, "eu-west-1"), (ONE, "eu-west-2")]), [gone]);
        assert_eq!(missing(&[OTHER], &[], &[(ONE, "eu-west-2")]), [""; 0], "it is not looked at");
    }

    #[test]
    fn the_home_of_a_trail_for_all_regions_is_expected() {
        let missing = |regions: &[&str], more: &[&str]| {
            let there: Vec<_> = regions.iter().map(|region| (ONE, *region)).collect();
            origins(&there, &range(&[], more, &[]))
        };
        assert_eq!(missing(&["eu-west-1"], &[]), [""; 0]);
        assert_eq!(missing(&["eu-west-1", "us-east-1", "us-west-1"], &[]), [""; 0]);
        let gone = "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/";
        assert_eq!(missing(&["eu-west-1", "us-west-1"], &[]), [gone]);
        assert_eq!(missing(&["eu-west-1", "us-west-1", "other:us-east-1"], &[]), [gone]);
        assert_eq!(missing(&["eu-west-1", "us-west-1"], &["eu-west-1"]), [""; 0]);
    }

    /// A file that is named like a digest of another time is none, and nobody tells of it.
    #[test]
    fn a_name_is_no_digest() {
        let there = [(ONE, "eu-west-1")];
        let mut range = range(&[], &["eu-west-1"], &[]);
        assert_eq!(origins(&there, &range), [""; 0], "it is in range, so it is judged");
        range.since = Time::parse("2026-11-20T00:00:00Z");
        assert_eq!(origins(&there, &range), ["AWSLogs/*/CloudTrail-Digest/eu-west-1/"]);
    }
}
