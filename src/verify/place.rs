//! What the name of a file says: a log, a digest, what lies beside one, or something else.
//!
//! `ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHMMZ_UNIQUE.json.gz` and
//! `ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOME_YYYYMMDDTHHMMSSZ[_backfill].json.gz` (AWS CloudTrail
//! user guide, "CloudTrail log file examples" and "CloudTrail digest file structure").

use crate::model::time::Time;

/// What a file is by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Log {
        account: String,
        region: String,
        time: Option<Time>,
    },
    Digest(Series),
    /// Insights, network activity, aggregated events: whether digests name these is not documented.
    Aside,
    /// The metadata of the object whose base name this is.
    Sidecar(String),
    Other,
}

/// Which chain a digest belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Series {
    pub account: String,
    pub region: String,
    /// The trail's name and home Region.
    pub trail: String,
    pub backfill: bool,
}

/// What an object's metadata is called beside a copy of it.
const SIDECAR: &str = ".metadata.json";

/// The last segment of a path or key.
pub(super) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The name that an object and its copies have in common, however they are compressed.
pub(super) fn stem(base: &str) -> &str {
    base.strip_suffix(".gz").or(base.strip_suffix(".zst")).unwrap_or(base)
}

/// What a file is, by its path.
pub(super) fn of(path: &str) -> Place {
    let base = base(path);
    if let Some(object) = base.strip_suffix(SIDECAR) {
        return Place::Sidecar(stem(object).to_owned());
    }
    let Some(name) = stem(base).strip_suffix(".json") else { return Place::Other };
    let mut words = name.split('_');
    match (words.next(), words.next(), words.next()) {
        (Some(account), Some("CloudTrail"), Some(region)) => {
            let time = words.next().and_then(time);
            Place::Log { account: account.to_owned(), region: region.to_owned(), time }
        }
        (Some(account), Some("CloudTrail-Digest"), Some(region)) => {
            digest(account, region, words.collect()).map_or(Place::Other, Place::Digest)
        }
        (Some(_), Some(kind), Some(_)) if kind.starts_with("CloudTrail-") => Place::Aside,
        _ => Place::Other,
    }
}

/// A trail's name may have underscores, so what follows it is taken from the end.
fn digest(account: &str, region: &str, mut words: Vec<&str>) -> Option<Series> {
    let backfill = words.last() == Some(&"backfill");
    if backfill {
        words.pop();
    }
    let (_time, home) = (words.pop()?, words.pop()?);
    let trail = format!("{} ({home})", words.join("_"));
    let (account, region) = (account.to_owned(), region.to_owned());
    Some(Series { account, region, trail, backfill })
}

/// `YYYYMMDDTHHMM[SS]Z`.
fn time(word: &str) -> Option<Time> {
    let part = |from: usize, to: usize| word.get(from..to);
    let seconds = if word.len() == 14 { "00" } else { part(13, 15)? };
    let (date, hour) = ((part(0, 4)?, part(4, 6)?, part(6, 8)?), part(9, 11)?);
    let text = format!("{}-{}-{}T{hour}:{}:{seconds}Z", date.0, date.1, date.2, part(11, 13)?);
    Time::parse_plain(text.as_bytes())
}

/// How many path segments, from the end, an object and a file have in common.
pub(super) fn shared(path: &str, key: &str) -> usize {
    path.rsplit('/').skip(1).zip(key.rsplit('/').skip(1)).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let log = "a/111122223333_CloudTrail_eu-west-1_20261102T1405Z_AbCdEfGhIjKlMnOp.json.gz";
        let Place::Log { account, region, time } = of(log) else { panic!("no log") };
        assert_eq!((account.as_str(), region.as_str()), ("111122223333", "eu-west-1"));
        assert_eq!(time, Time::parse("2026-11-02T14:05:00Z"));
        let digest = "111122223333_CloudTrail-Digest_eu-west-1_my_trail_us-east-1_20261102T150000Z";
        let series = |backfill| Series {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            trail: "my_trail (us-east-1)".into(),
            backfill,
        };
        assert_eq!(of(&format!("{digest}.json.gz")), Place::Digest(series(false)));
        assert_eq!(of(&format!("x/{digest}_backfill.json")), Place::Digest(series(true)));
        let sidecar = of(&format!("{digest}.json.gz.metadata.json"));
        assert_eq!(sidecar, Place::Sidecar(format!("{digest}.json")));
        for other in ["x.json", "1_Config_x_y.json.gz", "é_CloudTrail"] {
            assert_eq!(of(other), Place::Other, "{other}");
        }
        assert_eq!(of("111122223333_CloudTrail-Insight_x_y_z.json.gz"), Place::Aside);
        let odd = "1_CloudTrail_r_2026é102T1405Z_x.json";
        assert!(matches!(of(odd), Place::Log { time: None, .. }));
    }
}
